import { beforeAll, describe, expect, test } from "vitest";

import { Blake3 } from "../blake3/kernel";
import { Encoded, frame, joined, MemoryStore, plainOf } from "./fixture";
import { NotBelieved, SealedObject } from "./object";
import { ready } from "./sodium";

let blake3: Blake3;
beforeAll(async () => {
  blake3 = await Blake3.load();
  await ready;
});

/** `length` bytes that differ from place to place. */
const bytesOf = (length: number) => Uint8Array.from({ length }, (_, at) => (at * 31 + (at >> 8) * 7) & 255);
const encode = (length: number, k = 4) => Encoded.make(blake3, plainOf("a.bin", bytesOf(length)), new MemoryStore(), { k, m: 2 });

/** Compares fast; the framework looks at every byte as at an object. */
const same = (a: Uint8Array, b: Uint8Array) => Buffer.compare(a, b) === 0;

function stream(frames: Iterable<Uint8Array>, piece = 100_000): ReadableStream<Uint8Array> {
  const whole = joined([...frames]);
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= whole.length) return controller.close();
      controller.enqueue(whole.slice(at, at + piece));
      at += piece;
    },
  });
}

type Alter = (frames: Uint8Array[], from: number, to: number) => Iterable<Uint8Array>;
const asItIs: Alter = (frames) => frames;

async function read(encoded: Encoded, from: number, to: number, alter = asItIs, manifest = encoded.manifest): Promise<Uint8Array> {
  const object = SealedObject.open(blake3, encoded.file, manifest);
  const pieces: Uint8Array[] = [];
  for await (const { bytes } of object.read(from, to, async (first, last) => stream(alter([...encoded.frames(first, last)], first, last)))) pieces.push(bytes);
  return joined(pieces);
}

test("whole objects at the edges of cells, stripes and batches come out as they went in", async () => {
  const cell = 2 ** 14 - 16;
  const lengths = [0, 1, 1008, 1009, 4 * 1008, 4 * 1008 + 1, 4 * cell, 4 * cell + 1, 9 * cell - 5, 4 * 32 * cell + 5 * cell];
  for (const length of lengths) {
    const encoded = encode(length);
    expect(same(await read(encoded, 0, length), bytesOf(length)), `${length} bytes`).toBe(true);
  }
});

test("30 random ranges of an object of three batches are what they should be", async () => {
  const length = 1_600_000;
  const [encoded, bytes] = [encode(length, 1), bytesOf(length)];
  for (let round = 0; round < 30; round++) {
    const [a, b] = [Math.random(), Math.random()].map((part) => Math.floor(part * length)).sort((a, b) => a - b) as [number, number];
    expect(same(await read(encoded, a, b), bytes.subarray(a, b)), `${a} to ${b}`).toBe(true);
  }
});

describe("a gateway that lies is not believed:", () => {
  const flip = (bytes: Uint8Array, at: number) => bytes.map((byte, place) => (place === at ? byte ^ 1 : byte));
  const lies: [string, Alter][] = [
    ["a byte changed", (frames) => frames.map((frame, at) => (at === 1 ? flip(frame, frame.length - 9) : frame))],
    ["two columns swapped", ([a, b, ...rest]) => [b, a, ...rest] as Uint8Array[]],
    ["the payloads of two columns swapped", ([a, b, ...rest]) => [joined([(a as Uint8Array).subarray(0, 20), (b as Uint8Array).subarray(20)]), joined([(b as Uint8Array).subarray(0, 20), (a as Uint8Array).subarray(20)]), ...rest]],
    ["the last batch left out", (frames) => frames.slice(0, -1)],
    ["the first batch again", (frames) => [...frames.slice(0, 4), ...frames]],
    ["the first batch instead of the second", (frames) => [...frames.slice(0, 2), ...frames.slice(0, 2), ...frames.slice(4)]],
    ["something after the end", (frames) => [...frames, new Uint8Array(20)]],
    ["an unknown kind", (frames) => frames.map((frame) => joined([new Uint8Array([7]), frame.subarray(1)]))],
    ["zeros as rebuilt cells", (frames) => frames.map((bytes) => frame(1, bytes[1] as number, 0, 0, 32, new Uint8Array(32 * 16384)))],
    ["nothing", () => []],
  ];
  const length = 2 * 32 * 16368 * 2 + 99;
  let encoded: Encoded;
  beforeAll(() => {
    encoded = encode(length, 2);
  });
  test.each(lies)("%s", async (_, lie) => {
    await expect(read(encoded, 0, length, lie)).rejects.toThrow(NotBelieved);
  });

  test("the manifest of another object, of an older version, or changed", async () => {
    const [one, other] = [encode(5000), encode(5000)];
    await expect(read(one, 0, 5000, asItIs, other.manifest)).rejects.toThrow("another object's");
    await expect(read(one, 0, 5000, asItIs, flip(one.manifest, 77))).rejects.toThrow("another object's");
  });

  test("an answer that is cut off is no lie", async () => {
    const cut: Alter = (frames) => [joined(frames).subarray(0, 500_000)];
    await expect(read(encode(1_000_000), 0, 1_000_000, cut)).rejects.toThrow("cut off");
  });
});

test("another key, or another length, than was shared is seen before any cell", () => {
  const { file, manifest } = encode(100_000);
  expect(() => SealedObject.open(blake3, { ...file, key: new Uint8Array(32) }, manifest)).toThrow("another key");
  expect(() => SealedObject.open(blake3, { ...file, len: 99_999 }, manifest)).toThrow("were shared");
});

test("cells that the gateway has rebuilt are opened and counted", async () => {
  const encoded = encode(300_000);
  const object = SealedObject.open(blake3, encoded.file, encoded.manifest);
  const rebuild = (frames: Uint8Array[]) => frames.map((bytes) => {
    if (bytes[1] !== 2) return bytes;
    const rows = encoded.geometry.rowsOf(0, 2);
    return frame(1, 2, 0, 0, rows, encoded.sealed(0, 2, 0, rows));
  });
  const pieces: Uint8Array[] = [];
  let rebuilt = 0;
  for await (const piece of object.read(0, 300_000, async (first, last) => stream(rebuild([...encoded.frames(first, last)])))) {
    pieces.push(piece.bytes);
    rebuilt += piece.rebuilt;
  }
  expect(same(joined(pieces), bytesOf(300_000))).toBe(true);
  expect(rebuilt).toBe(encoded.geometry.rowsOf(0, 2));
});
