/** Ed25519, strictly (spec sections 1 and 10). */

import { ed25519 } from "@noble/curves/ed25519.js";
import { sha512 } from "@noble/hashes/sha2.js";

const Point = ed25519.Point;

/** Whether `bytes` are the canonical encoding of a point of the curve. */
export function isPublicKey(bytes: Uint8Array): boolean {
  try {
    Point.fromBytes(bytes, false);
    return true;
  } catch {
    return false;
  }
}

/**
 * Strict Ed25519: canonical S, no small-order key or R, the equation without the cofactor.
 *
 * WebCrypto is not used, since pages that come over plain HTTP from another machine have none, and what it
 * says about small-order keys depends on the browser.
 */
export function verifyStrictly(signature: Uint8Array, message: Uint8Array, key: Uint8Array): boolean {
  try {
    const a = Point.fromBytes(key, false);
    const r = Point.fromBytes(signature.subarray(0, 32), false);
    const s = littleEndian(signature.subarray(32));
    if (s >= Point.Fn.ORDER || a.isSmallOrder() || r.isSmallOrder()) return false;
    const k = Point.Fn.create(littleEndian(sha512(new Uint8Array([...signature.subarray(0, 32), ...key, ...message]))));
    return Point.BASE.multiplyUnsafe(s).equals(r.add(a.multiplyUnsafe(k)));
  } catch {
    return false; // the key or R is no point of the curve
  }
}

function littleEndian(bytes: Uint8Array): bigint {
  return bytes.reduceRight((number, byte) => (number << 8n) | BigInt(byte), 0n);
}
