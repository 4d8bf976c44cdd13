import { readFileSync } from "node:fs";
import { blake3 as reference } from "@noble/hashes/blake3.js";
import { beforeAll, describe, expect, test } from "vitest";

import { fromHex } from "../page/format";
import { Blake3, CHUNK_LEN, GROUP_LEN } from "./kernel";
import { openSlice, SliceError } from "./slice";
import { TreeHasher } from "./tree";

let blake3: Blake3;
beforeAll(async () => {
  blake3 = await Blake3.load();
});

const pattern = (length: number) => Uint8Array.from({ length }, (_, at) => at % 251);

function hash(bytes: Uint8Array): Uint8Array {
  const hasher = new TreeHasher(blake3);
  for (let at = 0; at === 0 || at < bytes.length; at += GROUP_LEN) hasher.push(bytes.subarray(at, at + GROUP_LEN));
  return hasher.finish();
}

test("hashes of all lengths at the edges are the reference's", () => {
  const edges = [0, 64, CHUNK_LEN, 4 * CHUNK_LEN, 5 * CHUNK_LEN, GROUP_LEN, 2 * GROUP_LEN, 3 * GROUP_LEN, 5 * GROUP_LEN, 8 * GROUP_LEN];
  for (const edge of edges) {
    for (const length of [edge - 1, edge, edge + 1].filter((length) => length >= 0)) {
      const bytes = pattern(length);
      expect(hash(bytes), `${length} bytes`).toEqual(reference(bytes));
    }
  }
});

test("hashes of 60 random lengths are the reference's", () => {
  for (let round = 0; round < 60; round++) {
    const bytes = crypto.getRandomValues(new Uint8Array(Math.floor(60_000 * Math.random())));
    expect(hash(bytes), `${bytes.length} bytes`).toEqual(reference(bytes));
  }
});

describe("the slices of the vectors", () => {
  interface Vector {
    name: string;
    len: number;
    root: string;
    ranges: [number, number][];
    slice: string;
    data_hash?: string;
    error?: string;
  }
  const file = new URL("../../../docs/vectors/proofs/slice.json", import.meta.url);
  const { vectors } = JSON.parse(readFileSync(file, "utf8")) as { vectors: Vector[] };
  // The viewer asks for whole groups only.
  const ofGroups = vectors.filter(({ ranges, len }) => {
    const [low, high] = ranges[0] ?? [1, 0];
    return ranges.length === 1 && low % 16 === 0 && (high % 16 === 0 || high === Math.ceil(len / CHUNK_LEN));
  });
  const whole = ofGroups.filter(({ error }) => error === undefined);
  const askedOf = ({ root, len, ranges }: Vector) => {
    const [low, high] = ranges[0] as [number, number];
    return { root: fromHex(root), len, first: low / 16, count: Math.ceil(high / 16) - low / 16 };
  };

  test("open", () => {
    expect(whole.length).toBeGreaterThan(2);
    for (const vector of whole) {
      const opened = openSlice(blake3, fromHex(vector.slice), askedOf(vector));
      expect(reference(opened), vector.name).toEqual(fromHex(vector.data_hash ?? ""));
    }
  });

  test("that are wrong do not open", () => {
    const wrong = ofGroups.filter(({ error }) => error !== undefined);
    expect(wrong.length).toBeGreaterThan(1);
    for (const vector of wrong) {
      expect(() => openSlice(blake3, fromHex(vector.slice), askedOf(vector)), vector.name).toThrow(SliceError);
    }
  });

  test("do not open with any byte changed, lost or added", () => {
    for (const vector of whole) {
      const slice = fromHex(vector.slice);
      for (let round = 0; round < 40; round++) {
        const changed = slice.slice();
        const at = Math.floor(Math.random() * changed.length);
        changed[at] = (changed[at] as number) ^ 1;
        expect(() => openSlice(blake3, changed, askedOf(vector)), `${vector.name}, byte ${at}`).toThrow(SliceError);
      }
      expect(() => openSlice(blake3, slice.subarray(1), askedOf(vector))).toThrow(SliceError);
      expect(() => openSlice(blake3, slice.subarray(0, -1), askedOf(vector))).toThrow(SliceError);
      expect(() => openSlice(blake3, new Uint8Array([...slice, 0]), askedOf(vector))).toThrow(SliceError);
    }
  });
});
