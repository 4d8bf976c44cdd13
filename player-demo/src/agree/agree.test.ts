import { describe, expect, it } from "vitest";

import { fromHex, hex } from "../page/format";
import { freshPair, signerOf } from "../pay/signer";
import { cidOfHash } from "../trust/cid";
import { begin, fromText, merge, missing, sign, textInFragment, toFragment, toText } from "./circular";
import { type Draft, type Given, missingShare, readDraft } from "./draft";
import { equalShares, microOf, percentOf, ppmOf } from "./shares";

const NETWORK = new Uint8Array(32).fill(7);
const KEYS = ["ea4a6c63e29c520abef5507b132ec5f9954776aebebe7b92421eea691446d22c", "8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c"];
const given: Given = { content: cidOfHash(new Uint8Array(32)), creator: fromHex(KEYS[0] as string), issued: 1_800_000_000, unit: "EUR", before: undefined };
const party = (at: number, percent: string) => ({ key: KEYS[at] as string, role: "author" as const, percent, ipi: "" });
const draft: Draft = {
  price: { amount: "0.01", of: "60", per: "second" },
  fees: { gateway: "10", network: "1", node: "9" },
  parties: [party(0, "66.6667"), party(1, "33.3333")],
  parents: [],
  secondary: "",
  isrc: "",
  iswc: "",
  iscc: "",
};

describe("shares that people write", () => {
  it.each([["33.3334", 333_334], ["0,0001", 1], ["100", 1_000_000], ["5 %", 50_000]])("%s are %d millionths", (text, ppm) => {
    expect(ppmOf(text)).toBe(ppm);
    expect(ppmOf(percentOf(ppm))).toBe(ppm);
  });
  it.each(["", "33.33333", "100.0001", "-1", "1e1", "1.", "a"])("%j are none", (text) => expect(ppmOf(text)).toBeUndefined());
  it("are equal to the millionth", () => expect(equalShares(3, 1_000_000)).toEqual([333_334, 333_333, 333_333]));
  it.each([["0.01", 10_000n], ["1,5", 1_500_000n], ["0.0000001", undefined], ["-1", undefined]])("%s is an amount of %s", (text, micro) => {
    expect(microOf(text)).toBe(micro);
  });
  it("that are missing, or given away twice, are named", () => {
    expect([["50", "49.9999"], ["50", "50"], ["80", "30"]].map(missingShare)).toEqual(["0.0001 % are not given to anybody yet", undefined, "10 % are given away twice"]);
  });
});

describe("a draft", () => {
  it("becomes the agreement that it says, in the order that counts", () => {
    const parts = readDraft({ ...draft, parties: [...draft.parties].reverse() }, given);
    expect(parts).toEqual(readDraft(draft, given));
    expect(parts).toMatchObject({ version: 1, price: { micro: 10_000n, of: 60n, per: "second" }, fees: { gateway: 100_000, network: 10_000, node: 90_000 } });
    expect(readDraft(draft, { ...given, before: { id: "ab".repeat(32), version: 3 } })).toMatchObject({ version: 4, supersedes: "ab".repeat(32) });
  });

  it.each<[Partial<Draft>, string[]]>([
    [{ parties: [party(0, "99.9999")] }, ["party-0-share"]],
    [{ parties: [party(0, "100"), { ...party(1, "x"), key: "ff".repeat(32) }] }, ["party-1-key", "party-1-share"]],
    [{ parties: [party(0, "50"), party(0, "50")] }, ["party-0-key"]],
    [{ price: { amount: "free", of: "0", per: "view" } }, ["price-amount", "price-of"]],
    [{ fees: { gateway: "60", network: "1", node: "40" } }, ["fee-gateway"]],
    [{ parents: [{ agreement: "zz", percent: "0" }] }, ["parent-0-id", "parent-0-share"]],
    [{ secondary: "101" }, ["secondary"]],
  ])("that says %j is complained of", (wrong, fields) => {
    const complaints = readDraft({ ...draft, ...wrong }, given);
    expect(Array.isArray(complaints) && complaints.map(({ field }) => field)).toEqual(fields);
  });
});

describe("an agreement on its way", () => {
  const started = async () => {
    const [one, other] = [await signerOf(await freshPair()), await signerOf(await freshPair())];
    const parties = [one, other].map(({ key }) => ({ ...party(0, "50"), key: hex(key) }));
    const parts = readDraft({ ...draft, parties }, { ...given, creator: one.key });
    if (Array.isArray(parts)) throw new Error(JSON.stringify(parts));
    return { agreed: await begin(parts), one, other };
  };

  it("is signed by copies, which are put together in any order", async () => {
    const { agreed, one, other } = await started();
    expect(missing(agreed, undefined)).toHaveLength(2);
    const [first, second] = [await sign(agreed, one, NETWORK, 1), await sign(agreed, other, NETWORK, 2)];
    expect(missing(first, undefined)).toEqual([hex(other.key)]);
    const both = await merge(first, second);
    expect(missing(both, undefined)).toEqual([]);
    expect((await merge(both, second)).consents).toHaveLength(2);
    expect((await sign(both, one, NETWORK, 3)).consents).toHaveLength(2);
    expect(toText(await fromText(toText(both)))).toBe(toText(both));
    expect(await fromText(`${textInFragment(toFragment(both))}\n`)).toEqual(both);
  });

  it("is not mixed with another one, nor read when it was cut off or changed", async () => {
    const [{ agreed, one }, { agreed: other }] = [await started(), await started()];
    await expect(merge(agreed, other)).rejects.toThrow("another agreement");
    const text = toText(await sign(agreed, one, NETWORK, 1));
    await expect(fromText(text.slice(0, -4))).rejects.toThrow();
    const changed = `${text.slice(0, -8)}${text.at(-8) === "A" ? "B" : "A"}${text.slice(-7)}`;
    await expect(fromText(changed)).rejects.toThrow();
    await expect(fromText("")).rejects.toThrow("cut off");
  });

  it("asks those of the version before, too", async () => {
    const { agreed, one, other } = await started();
    const { agreed: before } = await started();
    const signed = await sign(await sign(agreed, one, NETWORK, 1), other, NETWORK, 1);
    expect(missing(signed, before)).toHaveLength(2);
  });
});
