/** The golden vectors of the transparency log, which code that shares nothing with this page has made. */

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

import { fromHex, hex } from "../page/format";
import { decodeEntry } from "./entry";
import { parsePolicy } from "./policy";
import { parseProof, verifyProof } from "./proof";
import { pathOf, Tiles, TILE_WIDTH } from "./tiles";
import { isConsistent, isIncluded, leafHash, rootOf } from "./tree";

const text = (file: string) => readFileSync(new URL(`../../../docs/vectors/ledger/${file}`, import.meta.url), "utf8");
const vectors = <V>(file: string) => (JSON.parse(text(file)) as { network: string; vectors: V[] }).vectors;

describe("trees", () => {
  interface Vector {
    size: number;
    root: string;
    inclusion: Record<string, string[]>;
    consistency: Record<string, string[]>;
  }
  const leaves = (size: number) => Array.from({ length: size }, (_, at) => leafHash(new Uint8Array([at])));

  it.each(vectors<Vector>("trees.json"))("of $size leaves", async ({ size, root, inclusion, consistency }) => {
    const tree = { size, root: fromHex(root) };
    expect(hex(rootOf(leaves(size)))).toBe(root);
    const tiles = new Tiles("http://log/", logOf(leaves(size)));
    expect(hex(await tiles.root(size))).toBe(root);
    for (const [index, proof] of Object.entries(inclusion)) {
      expect((await tiles.inclusion(Number(index), size)).map(hex)).toEqual(proof);
      const leaf = leaves(size)[Number(index)] as Uint8Array;
      expect(isIncluded(leaf, Number(index), tree, proof.map(fromHex))).toBe(true);
      expect(isIncluded(leafHash(new Uint8Array()), Number(index), tree, proof.map(fromHex))).toBe(false);
      expect(isIncluded(leaf, Number(index), tree, [...proof.map(fromHex), leaf])).toBe(false);
      if (proof.length > 0) expect(isIncluded(leaf, Number(index), tree, proof.slice(1).map(fromHex))).toBe(false);
    }
    for (const [old, proof] of Object.entries(consistency)) {
      const before = { size: Number(old), root: rootOf(leaves(Number(old))) };
      expect((await tiles.consistency(Number(old), size)).map(hex)).toEqual(proof);
      expect(isConsistent(before, tree, proof.map(fromHex))).toBe(true);
      expect(isConsistent({ ...before, root: leafHash(new Uint8Array()) }, tree, proof.map(fromHex))).toBe(false);
    }
  });
});

describe("tiles", () => {
  it("have the paths of the specification", () => {
    expect([pathOf(1_234_067, TILE_WIDTH), pathOf(0, 8), pathOf(1000, 1)]).toEqual(["x001/x234/067", "000.p/8", "x001/000.p/1"]);
  });

  it("give the roots of trees of several tiles", async () => {
    const leaves = Array.from({ length: 65_537 }, (_, at) => new Uint8Array(32).fill(at % 251));
    for (const size of [256, 511, 65_537]) {
      const tree = { size, root: rootOf(leaves.slice(0, size)) };
      const tiles = new Tiles("http://log/", logOf(leaves.slice(0, size)));
      expect(hex(await tiles.root(size))).toBe(hex(tree.root));
      for (const index of [0, 255, size - 1])
        expect(isIncluded(leaves[index] as Uint8Array, index, tree, await tiles.inclusion(index, size))).toBe(true);
      for (const old of [256, size - 1]) {
        const before = { size: old, root: rootOf(leaves.slice(0, old)) };
        expect(isConsistent(before, tree, await tiles.consistency(old, size))).toBe(true);
      }
    }
  });
});

describe("proofs", () => {
  interface Vector {
    name: string;
    entry: string;
    proof: string;
    witnesses?: number;
    error?: string;
  }
  const policy = parsePolicy(text("policy.txt"));
  const verify = ({ proof, entry }: Vector) => verifyProof(parseProof(proof), fromHex(entry), policy);
  const all = vectors<Vector>("proofs.json");

  it.each(all.filter(({ error }) => error === undefined))("$name: accepted", (vector) => {
    expect(verify(vector).witnesses.length).toBe(vector.witnesses);
  });
  it.each(all.filter(({ error }) => error !== undefined))("$name: refused", (vector) => {
    expect(() => verify(vector)).toThrow();
    if (vector.error === "malformed") expect(() => parseProof(vector.proof)).toThrow();
  });
});

describe("policies", () => {
  const [log, w1, w2, w3] = text("policy.txt").split("\n") as [string, string, string, string];
  it.each([
    "",
    "quorum W1",
    "quorum none\nquorum none",
    `${log}\n${log}\nquorum none`,
    `${w1}\n${w1}\nquorum W1`,
    `${w1}\ngroup none any W1\nquorum none`,
    `${w1}\ngroup G 2 W1\nquorum G`,
    `${w1}\ngroup G 0 W1\nquorum G`,
    `${w1}\ngroup G any\nquorum G`,
    `${w1}\n${w2}\ngroup G any W1\ngroup H all W1 W2\nquorum H`,
    log.replace("log ", "witness W9 "),
    `${w3} a b\nquorum W3`,
  ])("refuses %j", (bad) => {
    expect(() => parsePolicy(bad)).toThrow();
  });
});

describe("entries", () => {
  interface Vector {
    name: string;
    entry: string;
    error?: string;
  }
  const all = vectors<Vector>("log_entries.json");
  // The page knows the network only from the ledger, and compares the consents with that.
  const isForeign = ({ name }: Vector) => name.endsWith("for another network");

  it.each(all.filter(({ error }) => error === undefined))("accepts $name", async ({ name, entry }) => {
    expect((await decodeEntry(fromHex(entry))).kind).toBe(name);
  });
  it.each(all.filter((vector) => vector.error !== undefined && !isForeign(vector)))("refuses $name", async ({ entry }) => {
    await expect(decodeEntry(fromHex(entry))).rejects.toThrow();
  });
  it.each(all.filter(isForeign))("tells the network of $name", async ({ entry }) => {
    const decoded = await decodeEntry(fromHex(entry));
    const network = (JSON.parse(text("log_entries.json")) as { network: string }).network;
    const told = {
      agreement: () => decoded.kind === "agreement" && decoded.agreed.network,
      attestation: () => decoded.kind === "attestation" && decoded.attestation.network,
      hold: () => decoded.kind === "hold" && decoded.hold.network,
      resolution: () => decoded.kind === "resolution" && decoded.resolution.network,
    };
    const of = told[decoded.kind as keyof typeof told]();
    expect(hex(of as Uint8Array)).not.toBe(network);
  });
});

/** A server of the tiles of a tree, cut by the letter of the specification. */
function logOf(leaves: readonly Uint8Array[]): typeof fetch {
  const known = new Map<string, Uint8Array>();
  const hashAt = (level: number, number: number): Uint8Array => {
    if (level === 0) {
      const leaf = leaves[number];
      if (!leaf) throw new Error(`leaf ${number} is not there`);
      return leaf;
    }
    const name = `${level}/${number}`;
    const below = () => Array.from({ length: TILE_WIDTH }, (_, at) => hashAt(level - 1, number * TILE_WIDTH + at));
    const hash = known.get(name) ?? rootOf(below());
    known.set(name, hash);
    return hash;
  };
  return async (input) => {
    const [, level = "", path = "", width] = /\/tile\/(\d)\/([x\d/]+)(?:\.p\/(\d+))?$/.exec(String(input)) ?? [];
    const first = Number(path.replace(/[x/]/g, "")) * TILE_WIDTH;
    const hashes = Array.from({ length: Number(width ?? TILE_WIDTH) }, (_, at) => hashAt(Number(level), first + at));
    return new Response(new Uint8Array(hashes.flatMap((hash) => [...hash])));
  };
}
