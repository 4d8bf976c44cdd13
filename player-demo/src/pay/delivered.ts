/** What follows from what: serials, chains of segments, the ids of top-ups, the network at a ledger (spec sections 10 and 25). */

import { blake3 } from "@noble/hashes/blake3.js";

import { encodeCanonical, type Value } from "../trust/cbor";

const SERIAL_LEN = 16;

/** The segments that were delivered, as one hash: each is added to what came before. */
export interface Delivered {
  readonly count: number;
  readonly hash: Uint8Array;
}

export const NOTHING: Delivered = { count: 0, hash: new Uint8Array(32) };

/** And one more segment, with this BLAKE3 hash. */
export function andSegment({ count, hash }: Delivered, segment: Uint8Array): Delivered {
  return { count: count + 1, hash: derive("headwater v1 delivered", hash, segment) };
}

/** The name of the grant that this request of this viewer leads to. */
export function serialOf(viewer: Uint8Array, request: Value): Uint8Array {
  return derive("headwater v1 grant serial", viewer, encodeCanonical(request)).slice(0, SERIAL_LEN);
}

/** The id of the deposit that redeems the voucher with this code. */
export function topUpId(code: Uint8Array): Uint8Array {
  return derive("headwater v1 top-up", code).slice(0, SERIAL_LEN);
}

/** What stands in the place of the network where something is signed for one of its ledgers, given by its key. */
export function atLedger(network: Uint8Array, issuer: Uint8Array): Uint8Array {
  return derive("headwater v1 network at a ledger", network, issuer);
}

/** BLAKE3 as a key derivation. */
function derive(context: string, ...material: Uint8Array[]): Uint8Array {
  const hasher = blake3.create({ context: new TextEncoder().encode(context) });
  for (const bytes of material) hasher.update(bytes);
  return hasher.digest();
}
