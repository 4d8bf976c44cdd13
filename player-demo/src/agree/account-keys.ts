/** The keys of an account of the program, for as long as it takes to sign (spec section 7). */

import { blake3 } from "@noble/hashes/blake3.js";
import { ed25519 } from "@noble/curves/ed25519.js";

import { fromHex } from "../page/format";
import type { Signing } from "../trust/record";

const CONTEXTS = ["headwater v1 payment key", "headwater v1 creator key"];

/** The payment key and the creator key of the account whose file has this text; undefined where it is none. */
export function accountKeys(text: string): Signing[] | undefined {
  if (!/^[0-9a-fA-F]{64}$/.test(text.trim())) return undefined;
  const secret = fromHex(text.trim());
  return CONTEXTS.map((context) => {
    const seed = blake3(secret, { context: new TextEncoder().encode(context) });
    return { key: ed25519.getPublicKey(seed), sign: (message) => ed25519.sign(message, seed) };
  });
}
