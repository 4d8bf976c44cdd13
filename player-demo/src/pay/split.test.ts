import { describe, expect, it } from "vitest";

import { fromHex } from "../page/format";
import { cidOfHash } from "../trust/cid";
import type { Agreement } from "./agreement";
import { ancestry, split } from "./split";

const idOf = (digit: number) => String(digit).repeat(64);
const [OWN, PARENT, GRANDPARENT] = [idOf(1), idOf(2), idOf(3)] as [string, string, string];

function work(id: string, parties: readonly number[], parents: readonly (readonly [string, number])[] = []): Agreement {
  return {
    id,
    content: cidOfHash(fromHex(id)),
    creator: fromHex(idOf(9)),
    fees: { gateway: 50_000, network: 20_000, node: 100_000 },
    parties: parties.map((ppm, at) => ({ party: fromHex(`${id.slice(0, 62)}0${at}`), ppm, role: "author" })),
    parents: parents.map(([parent, ppm]) => ({ agreement: fromHex(parent), ppm })),
    price: { micro: 1n, of: 1n, per: "view" },
    issued: 0,
    unit: "EUR",
    version: 1,
  };
}

const works = (...all: Agreement[]) => new Map(all.map((one) => [one.id, one]));

describe("a split", () => {
  it("takes fees, then ancestors, then parties, and loses nothing", () => {
    const all = works(work(OWN, [600_000, 400_000], [[PARENT, 200_000]]), work(PARENT, [1_000_000], [[GRANDPARENT, 100_000]]), work(GRANDPARENT, [1_000_000]));
    expect([...ancestry(OWN, all)].sort()).toEqual([[PARENT, 200_000], [GRANDPARENT, 100_000]]);
    const { gateway, network, node, parties } = split(1000n, OWN, all);
    expect([gateway, network, node]).toEqual([50n, 20n, 100n]);
    const of = (id: string) => parties.filter(({ work }) => work === id).map(({ amount }) => amount);
    // 581 are left for the work itself: 348.6 and 232.4.
    expect([of(GRANDPARENT), of(PARENT), of(OWN)]).toEqual([[83n], [166n], [349n, 232n]]);
    for (const paid of [0n, 1n, 7n, 999_983n]) {
      const parts = split(paid, OWN, all);
      const sum = parts.parties.reduce((sum, { amount }) => sum + amount, parts.gateway + parts.network + parts.node);
      expect(sum).toBe(paid);
    }
  });

  it("refuses works that are not there, and ancestors that have more than the whole", () => {
    expect(() => split(1n, OWN, works(work(OWN, [1_000_000], [[PARENT, 1]])))).toThrow("is not there");
    const greedy = works(work(OWN, [1_000_000], [[PARENT, 600_000]]), work(PARENT, [1_000_000], [[GRANDPARENT, 600_000]]), work(GRANDPARENT, [1_000_000]));
    expect(() => split(1n, OWN, greedy)).toThrow("more than the whole");
  });
});
