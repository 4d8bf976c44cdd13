/** BLAKE3, in WebAssembly. */

import { createBLAKE3, type IHasher } from "hash-wasm";

let hasher: Promise<IHasher> | undefined;

/** The BLAKE3 hash of `bytes`. */
export async function blake3(bytes: Uint8Array): Promise<Uint8Array> {
  hasher ??= createBLAKE3();
  // One hasher for all: between `init` and `digest` nothing else runs.
  return (await hasher).init().update(bytes).digest("binary");
}
