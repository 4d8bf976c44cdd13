/** Publication ids and other CIDs in text: CIDv1, dag-cbor, BLAKE3, base32 lower case (spec section 8). */

import { decodeBase32, encodeBase32 } from "./base32";
import { CborError, type Fields } from "./cbor";

const PREFIX = [0x01, 0x71, 0x1e, 0x20] as const;
/** Bytes of a CID: the prefix and a BLAKE3 hash. */
export const CID_LEN = 36;
const TEXT_LEN = 59;

/** A CID whose form has been checked. */
export interface Cid {
  readonly text: string;
  /** Its 36 bytes. */
  readonly bytes: Uint8Array;
  /** BLAKE3 of what it names, 32 bytes. */
  readonly hash: Uint8Array;
}

export class CidError extends Error {}

/** The CID that `text` writes. Refuses every other spelling of it. */
export function parseCid(text: string): Cid {
  if (text.length !== TEXT_LEN) throw new CidError(`a CID has ${TEXT_LEN} characters, this has ${text.length}`);
  if (text[0] !== "b") throw new CidError("a CID begins with b, for base32 in lower case");
  const bytes = decodeBase32(text.slice(1));
  if (bytes === undefined) throw new CidError("a CID is written in base32, and its last bits are zero");
  return cidFromBytes(bytes);
}

/** The CID with these 36 bytes. */
export function cidFromBytes(bytes: Uint8Array): Cid {
  if (bytes.length !== CID_LEN) throw new CidError(`a CID has ${CID_LEN} bytes, this has ${bytes.length}`);
  if (PREFIX.some((byte, at) => bytes[at] !== byte)) throw new CidError("not CIDv1 of dag-cbor by BLAKE3");
  return { text: `b${encodeBase32(bytes)}`, bytes: bytes.slice(), hash: bytes.slice(PREFIX.length) };
}

/** The CID in a field. */
export function cidIn(fields: Fields, key: string): Cid {
  try {
    return cidFromBytes(fields.bytes(key, CID_LEN));
  } catch (error) {
    throw error instanceof CidError ? new CborError(`${fields.where}.${key}: ${error.message}`) : error;
  }
}

/** The CID of what hashes to `hash`. */
export function cidOfHash(hash: Uint8Array): Cid {
  return cidFromBytes(new Uint8Array([...PREFIX, ...hash]));
}
