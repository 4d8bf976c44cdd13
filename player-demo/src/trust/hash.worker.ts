/** Hashes beside the page, so that a large segment does not hold up the picture. */

import { blake3 } from "./hash";

export interface Question {
  readonly id: number;
  readonly bytes: ArrayBuffer;
}

export interface Answer {
  readonly id: number;
  readonly bytes: ArrayBuffer;
  readonly hash: Uint8Array;
}

self.addEventListener("message", async (event: MessageEvent<Question>) => {
  const { id, bytes } = event.data;
  const answer: Answer = { id, bytes, hash: await blake3(new Uint8Array(bytes)) };
  self.postMessage(answer, { transfer: [bytes] });
});
