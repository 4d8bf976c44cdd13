/** Bytes that have been compared with the hash and the length that they must have. */

import { equal } from "./cbor";
import { blake3 } from "./hash";
import type { Answer, Question } from "./hash.worker";
import type { Expected } from "./track";

/** Hashes bytes; gives them back with their hash, since they may have been moved to a worker. */
export type Hash = (bytes: ArrayBuffer) => Promise<{ bytes: ArrayBuffer; hash: Uint8Array }>;

/** There is no way to have one of these but through `check`. */
export class Verified {
  private constructor(readonly bytes: ArrayBuffer) {}

  /** The bytes, when they are what they must be; otherwise undefined, and they are gone. */
  static async check(bytes: ArrayBuffer, expected: Expected, hash: Hash): Promise<Verified | undefined> {
    if (bytes.byteLength !== expected.len) return undefined;
    const hashed = await hash(bytes);
    return equal(hashed.hash, expected.hash) ? new Verified(hashed.bytes) : undefined;
  }
}

/** Hashes on the page itself. */
export const hashHere: Hash = async (bytes) => ({ bytes, hash: await blake3(new Uint8Array(bytes)) });

/** Hashes in a worker; on the page, once the worker has failed. */
export function hashInWorker(): Hash {
  const worker = new Worker(new URL("./hash.worker.ts", import.meta.url), { type: "module" });
  const waiting = new Map<number, { resolve: (answer: Answer) => void; reject: (error: Error) => void }>();
  worker.addEventListener("message", (event: MessageEvent<Answer>) => {
    waiting.get(event.data.id)?.resolve(event.data);
    waiting.delete(event.data.id);
  });
  let broken = false;
  worker.addEventListener("error", (event) => {
    broken = true;
    for (const { reject } of waiting.values()) reject(new Error(`the hashing worker failed: ${event.message}`));
    waiting.clear();
  });
  let next = 0;
  return (bytes) => {
    if (broken) return hashHere(bytes);
    return new Promise((resolve, reject) => {
      const question: Question = { id: next++, bytes };
      waiting.set(question.id, { resolve, reject });
      worker.postMessage(question, [bytes]);
    });
  };
}
