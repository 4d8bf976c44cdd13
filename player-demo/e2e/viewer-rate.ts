/** Runs in a page: what proving and opening cost on one core, without the network and the disk. */

import { Blake3 } from "../src/blake3/kernel";
import { Encoded, joined, MemoryStore, plainOf } from "../src/sealed/fixture";
import { SealedObject } from "../src/sealed/object";
import { ready } from "../src/sealed/sodium";

const LEN = 64e6;
const ROUNDS = 7;
/** As they come from a network. */
const PIECE_LEN = 65_536;

/** MB/s of the fastest round: others disturb, and nothing speeds it up. */
async function rate(): Promise<number> {
  await ready;
  const blake3 = await Blake3.load();
  const encoded = Encoded.make(blake3, plainOf("large.bin", new Uint8Array(LEN)), new MemoryStore());
  const answer = joined([...encoded.frames(0, encoded.geometry.coding.cells)]);
  const object = SealedObject.open(blake3, encoded.file, encoded.manifest);
  let best = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const began = performance.now();
    let read = 0;
    for await (const { bytes } of object.read(0, LEN, async () => pieces(answer))) read += bytes.length;
    best = Math.max(best, read / 1000 / (performance.now() - began));
  }
  return best;
}

function pieces(answer: Uint8Array): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= answer.length) return controller.close();
      controller.enqueue(answer.slice(at, at + PIECE_LEN));
      at += PIECE_LEN;
    },
  });
}

Object.assign(globalThis, { rate });
