import { sha512 } from "@noble/hashes/sha2.js";
import { ed25519 } from "@noble/curves/ed25519.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { describe, expect, it } from "vitest";

import { hex } from "../page/format";
import { toBase64 } from "./base64";
import { checkpointText } from "./checkpoint";
import { ForkError, lookAt, policyOf } from "./look";
import { parsePolicy } from "./policy";
import type { Seen } from "./seen";
import { leafHash, rootOf } from "./tree";

const ORIGIN = "log.example/money";
const text = (value: string) => new TextEncoder().encode(value);
const secretOf = (seed: number) => sha512(new Uint8Array([seed])).slice(0, 32);

/** A key as a policy names it, and what signs with it. */
function keyOf(seed: number, name: string, kind: 1 | 4) {
  const [secret, key] = [secretOf(seed), ed25519.getPublicKey(secretOf(seed))];
  const id = sha256(new Uint8Array([...text(`${name}\n`), kind, ...key])).slice(0, 4);
  const line = (bytes: Uint8Array) => `— ${name} ${toBase64(new Uint8Array([...id, ...bytes]))}\n`;
  const sign = (message: string) => ed25519.sign(text(message), secret);
  return { vkey: `${name}+${hex(id)}+${toBase64(new Uint8Array([kind, ...key]))}`, line, sign };
}

const log = keyOf(1, ORIGIN, 1);
const witness = keyOf(2, "w.example", 4);
const policy = parsePolicy(`log ${log.vkey}\nwitness W ${witness.vkey}\nquorum W\n`);

/** A server of a small log with these entries. */
function serve(entries: readonly number[], isWitnessed: boolean): typeof fetch {
  const leaves = entries.map((entry) => leafHash(new Uint8Array([entry])));
  const checkpoint = checkpointText({ origin: ORIGIN, size: leaves.length, root: rootOf(leaves) });
  let note = `${checkpoint}\n${log.line(log.sign(checkpoint))}`;
  if (isWitnessed) {
    const signature = witness.sign(`cosignature/v1\ntime 5\n${checkpoint}`);
    note += witness.line(new Uint8Array([0, 0, 0, 0, 0, 0, 0, 5, ...signature]));
  }
  return async (input) => {
    if (String(input).endsWith("/checkpoint")) return new Response(note);
    const width = Number(/\.p\/(\d+)$/.exec(String(input))?.[1]);
    return new Response(new Uint8Array(leaves.slice(0, width).flatMap((leaf) => [...leaf])));
  };
}

const treeOf = (entries: readonly number[]) => ({ size: entries.length, root: rootOf(entries.map((entry) => leafHash(new Uint8Array([entry])))) });
const seenOf = (entries: readonly number[]): Seen => ({ key: log.vkey, tree: treeOf(entries), looks: [] });
const look = (entries: readonly number[], seen?: Seen, isWitnessed = true) => lookAt("http://log/", log.vkey, policy, seen, serve(entries, isWitnessed));

describe("a look at a log", () => {
  it("accepts the first sight, the same one again, and one that has grown", async () => {
    expect((await look([1, 2, 3])).accepted.witnesses).toEqual([{ name: "w.example", seen: 5 }]);
    expect((await look([1, 2, 3], seenOf([1, 2, 3]))).lacking).toBeUndefined();
    expect((await look([1, 2, 3, 4, 5], seenOf([1, 2, 3]))).before?.size).toBe(3);
  });

  it("says what is unwitnessed", async () => {
    const sight = await look([1, 2, 3], undefined, false);
    expect([sight.accepted.witnesses, sight.lacking]).toEqual([[], expect.stringContaining("no quorum")]);
    expect((await lookAt("http://log/", log.vkey, policyOf(log.vkey), undefined, serve([1], false))).accepted.witnesses).toEqual([]);
  });

  it.each([
    ["another history", [1, 9, 3, 4], [1, 2, 3]],
    ["another history of the same length", [1, 9, 3], [1, 2, 3]],
    ["less than before", [1, 2], [1, 2, 3]],
  ])("finds %s", async (_, shown, seen) => {
    await expect(look(shown, seenOf(seen))).rejects.toThrow(ForkError);
  });

  it("finds another key, and refuses what the log has not signed", async () => {
    await expect(look([1], { ...seenOf([1]), key: keyOf(3, ORIGIN, 1).vkey })).rejects.toThrow(ForkError);
    const other = keyOf(3, ORIGIN, 1).vkey;
    await expect(lookAt("http://log/", other, policyOf(other), undefined, serve([1], true))).rejects.toThrow("no log that is known");
  });
});
