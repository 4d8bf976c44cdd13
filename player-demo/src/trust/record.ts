/** Signed records: a creator's word for a bundle, and for what belongs to it (spec sections 10 and 11). */

import { decodeCanonical, encodeCanonical, equal, Fields, type Value } from "./cbor";
import { type Cid, cidIn } from "./cid";
import { verifyStrictly } from "./signature";

const RECORD_LEN_MAX = 4096;
const TYPE = "publication";

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
  const record = openRecord(bytes);
  if (record.bundle.text !== id.text) throw new RecordError("the record is for another publication");
  if (!equal(record.by, creator)) throw new RecordError("the record is signed by another key than the creator's");
  return record;
}

/** The record that `bytes` write, once it is clear that the key it names has signed it. */
export function openRecord(bytes: Uint8Array): PublicationRecord {
  const { body, by, network } = openSigned(bytes, TYPE);
  return decodeBody(body, by, network);
}

/** What a record says, who signed it, and for which network. */
export interface Opened {
  readonly body: Value;
  readonly by: Uint8Array;
  readonly network: Uint8Array;
}

/** The record of the type `wanted` that `bytes` write, once it is clear that the key it names has signed it. */
export function openSigned(bytes: Uint8Array, wanted: string): Opened {
  const fields = Fields.of(decodeCanonical(bytes, RECORD_LEN_MAX), "record", ["body", "by", "net", "sig", "type", "v"]);
  const [by, network, signature] = [fields.bytes("by", 32), fields.bytes("net", 32), fields.bytes("sig", 64)];
  const type = fields.text("type", 32);
  if (type !== wanted) throw new RecordError(`the record is of the type ${type}`);
  fields.integer("v", 1, 1);
  const body = fields.value("body");
  if (!verifyStrictly(signature, signedBytes(network, body, wanted), by)) {
    throw new RecordError("the signature does not verify");
  }
  return { body, by, network };
}

/** What the signature of a record covers. */
export function signedBytes(network: Uint8Array, body: Value, type = TYPE): Uint8Array {
  const text = (value: string) => [...new TextEncoder().encode(value)];
  return new Uint8Array([...text("headwater"), 0, type.length, ...text(type), 1, ...network, ...encodeCanonical(body)]);
}

/** What signs: a key, and what it makes of a message. */
export interface Signing {
  readonly key: Uint8Array;
  sign(message: Uint8Array): Promise<Uint8Array> | Uint8Array;
}

/** A signed record of this type with this body. */
export async function signRecord(type: string, body: Value, network: Uint8Array, signer: Signing): Promise<Uint8Array> {
  const sig = await signer.sign(signedBytes(network, body, type));
  const fields: [string, Value][] = [["body", body], ["by", signer.key], ["net", network], ["sig", sig], ["type", type], ["v", 1]];
  return encodeCanonical(new Map(fields));
}

function decodeBody(value: Value, by: Uint8Array, network: Uint8Array): PublicationRecord {
  const fields = Fields.of(value, "record.body", ["bundle", "issued", "key", "listed", "object"]);
  fields.bytes("key", 32);
  cidIn(fields, "object");
  const issued = fields.u64("issued");
  return { bundle: cidIn(fields, "bundle"), by, issued, listed: fields.bool("listed"), network };
}
