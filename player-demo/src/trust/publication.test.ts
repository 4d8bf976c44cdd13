import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";

import { fromHex } from "../page/format";
import { NobodyError } from "./ask";
import { type Cid, cidOfHash } from "./cid";
import { Gateways } from "./gateways";
import { blake3 } from "./hash";
import { fetchPublication, GoneError } from "./publication";
import { hashHere } from "./verified";

const file = new URL("../../../docs/vectors/sharing/published.json", import.meta.url);
const { vectors } = JSON.parse(readFileSync(file, "utf8")) as {
  vectors: { name: string; bundle: string; record: string }[];
};
const [one, , other] = vectors.map(({ bundle, record }) => ({ bundle: fromHex(bundle), record: fromHex(record) }));
if (!one || !other) throw new Error("the vectors have changed");
let id: Cid;

beforeAll(async () => {
  id = cidOfHash(await blake3(one.bundle));
});

type Part = "bundle" | "record";
type Answers = (part: Part) => Response;
const honest: Answers = (part) => new Response(one[part].slice());
const flipped =
  (wrong: Part): Answers =>
  (part) =>
    new Response(one[part].map((byte, at) => (part === wrong && at === one[part].length - 1 ? byte ^ 1 : byte)));
const swapped =
  (wrong: Part): Answers =>
  (part) =>
    new Response((part === wrong ? other : one)[part].slice());
const status =
  (code: number): Answers =>
  () =>
    new Response('{"detail":"its creator has withdrawn it"}', { status: code });

function ask(...answers: Answers[]) {
  const gateways = new Gateways(answers.map((_, at) => `http://g${at}`));
  const fetch = (async (url: string) => {
    const { hostname, pathname } = new URL(url);
    return answers[Number(hostname.slice(1))]?.(pathname.split("/").pop() as Part);
  }) as typeof globalThis.fetch;
  return { gateways, publication: fetchPublication(id, gateways, hashHere, fetch) };
}

describe("fetching a publication", () => {
  it("believes the bundle of the id that its creator has signed", async () => {
    const { publication, gateways } = ask(honest);
    expect((await publication).id).toBe(id);
    expect(gateways.all[0]?.verified).toBe(1);
  });

  const lies: [string, Answers, string][] = [
    ["a flipped bit of the bundle", flipped("bundle"), "the bundle"],
    ["another bundle", swapped("bundle"), "the bundle"],
    ["a flipped bit of the record", flipped("record"), "the creator's record"],
    ["another record", swapped("record"), "the creator's record"],
    ["an endless record", (part) => new Response(new Uint8Array(part === "record" ? 9999 : 0)), "the bundle"],
  ];
  it.each(lies)("finds %s, and turns to the next gateway", async (_, lie, what) => {
    const { publication, gateways } = ask(lie, honest);
    expect((await publication).bundle.creator).toHaveLength(32);
    expect(gateways.all[0]?.lies).toEqual([what]);
    expect(gateways.all[1]?.verified).toBe(1);
  });

  it("has nothing to show when all gateways lie", async () => {
    const error = await ask(flipped("bundle"), swapped("record")).publication.catch((error: unknown) => error);
    expect(error).toBeInstanceOf(NobodyError);
    expect((error as NobodyError).hopeless).toBe(true);
  });

  it.each([410, 451])("says why it is gone after %d", async (code) => {
    const error = await ask(status(code)).publication.catch((error: unknown) => error);
    expect(error).toBeInstanceOf(GoneError);
    expect((error as GoneError).message).toBe("its creator has withdrawn it");
  });

  it("asks the next gateway where the first does not know it, or denies it", async () => {
    for (const code of [404, 451, 503]) expect((await ask(status(code), honest).publication).id).toBe(id);
  });
});
