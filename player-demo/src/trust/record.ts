/** The signed `publication` record: the creator's word for a bundle (spec sections 10 and 11). */

import { ed25519 } from "@noble/curves/ed25519.js";
import { sha512 } from "@noble/hashes/sha2.js";

import { cid } from "./bundle";
import { decodeCanonical, encodeCanonical, equal, Fields, type Value } from "./cbor";
import type { Cid } from "./cid";

const RECORD_LEN_MAX = 4096;
const TYPE = "publication";
const Point = ed25519.Point;

export class RecordError extends Error {}

/** What a creator says about a bundle. */
export interface PublicationRecord {
  readonly bundle: Cid;
  readonly by: Uint8Array;
  /** Seconds since 1970. */
  readonly issued: number;
  readonly listed: boolean;
  /** The network that it was signed for. The page has no other word for it than the record's own. */
  readonly network: Uint8Array;
}

/** The record that `bytes` write, once it is clear that `creator` signed it and that it names `id`. */
export function verifyRecord(bytes: Uint8Array, id: Cid, creator: Uint8Array): PublicationRecord {
  const fields = Fields.of(decodeCanonical(bytes, RECORD_LEN_MAX), "record", ["body", "by", "net", "sig", "type", "v"]);
  const [by, network, signature] = [fields.bytes("by", 32), fields.bytes("net", 32), fields.bytes("sig", 64)];
  const type = fields.text("type", 32);
  if (type !== TYPE) throw new RecordError(`the record is of the type ${type}`);
  fields.integer("v", 1, 1);
  const record = decodeBody(fields.value("body"), by, network);
  if (record.bundle.text !== id.text) throw new RecordError("the record is for another publication");
  if (!equal(by, creator)) throw new RecordError("the record is signed by another key than the creator's");
  if (!verifyStrictly(signature, signedBytes(network, fields.value("body")), by)) {
    throw new RecordError("the creator's signature does not verify");
  }
  return record;
}

/** What the signature of a `publication` record covers. */
export function signedBytes(network: Uint8Array, body: Value): Uint8Array {
  const text = (value: string) => [...new TextEncoder().encode(value)];
  return new Uint8Array([...text("headwater"), 0, TYPE.length, ...text(TYPE), 1, ...network, ...encodeCanonical(body)]);
}

function decodeBody(value: Value, by: Uint8Array, network: Uint8Array): PublicationRecord {
  const fields = Fields.of(value, "record.body", ["bundle", "issued", "key", "listed", "object"]);
  fields.bytes("key", 32);
  cid(fields, "object");
  const issued = fields.integer("issued", 0, Number.MAX_SAFE_INTEGER);
  return { bundle: cid(fields, "bundle"), by, issued, listed: fields.bool("listed"), network };
}

/**
 * Strict Ed25519: canonical S, no small-order key or R, the equation without the cofactor.
 *
 * WebCrypto is not used, since pages that come over plain HTTP from another machine have none, and what it
 * says about small-order keys depends on the browser.
 */
function verifyStrictly(signature: Uint8Array, message: Uint8Array, key: Uint8Array): boolean {
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
