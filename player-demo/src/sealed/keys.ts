/** Keys of objects and of links (spec sections 7 and 27). */

import { hkdf } from "@noble/hashes/hkdf.js";
import { sha256 } from "@noble/hashes/sha2.js";

const text = (value: string) => new TextEncoder().encode(value);

/** What follows from an object's content key. */
export interface ObjectKeys {
  readonly cell: Uint8Array;
  readonly header: Uint8Array;
  readonly commitment: Uint8Array;
}

const SUITE = 1;

export function objectKeys(content: Uint8Array, salt: Uint8Array, cellLog: number): ObjectKeys {
  const okm = hkdf(sha256, content, salt, new Uint8Array([...text("headwater/1 object"), SUITE, cellLog]), 96);
  return { cell: okm.slice(0, 32), header: okm.slice(32, 64), commitment: okm.slice(64) };
}

/** What follows from a link's secret and passcode. */
export interface ShareKeys {
  /** Shows that one has the link. */
  readonly knock: Uint8Array;
  readonly wrap: Uint8Array;
  readonly access: Uint8Array;
}

/** `stretched` is the passcode after Argon2id; nothing without one. */
export function shareKeys(id: Uint8Array, secret: Uint8Array, stretched: Uint8Array): ShareKeys {
  const okm = hkdf(sha256, new Uint8Array([...secret, ...stretched]), id, text("headwater/1 share"), 64);
  const knock = hkdf(sha256, secret, id, text("headwater/1 share knock"), 32);
  return { knock, wrap: okm.slice(0, 32), access: okm.slice(32) };
}
