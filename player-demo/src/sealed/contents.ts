/** What a share wraps: the keys and addresses of its files (spec section 27). */

import { CborError, decodeCanonical, encodeCanonical, Fields, type Value } from "../trust/cbor";
import { type Cid, cidIn } from "../trust/cid";
import { fileName } from "./manifest";
import { open, seal } from "./sodium";

const PLAIN_LEN = 3056;
const FILES_MAX = 16;
/** Bytes of the label; 80 characters. */
const LABEL_LEN_MAX = 320;
const LABEL_CHARACTERS_MAX = 80;

export interface SharedFile {
  readonly key: Uint8Array;
  readonly len: number;
  readonly name: string;
  readonly object: Cid;
  readonly type: string | undefined;
}

export interface Contents {
  readonly files: readonly SharedFile[];
  /** Seconds since 1970. */
  readonly issued: number;
  readonly label: string | undefined;
}

/** What was wrapped; undefined under another key or for another share. */
export function unwrap(wrapped: Uint8Array, key: Uint8Array, id: Uint8Array): Contents | undefined {
  const plain = wrapped.length === PLAIN_LEN + 16 ? open(key, new Uint8Array(12), wrapped, id) : undefined;
  if (!plain) return undefined;
  const length = (plain[0] as number) + 256 * (plain[1] as number);
  if (length > PLAIN_LEN - 2 || plain.subarray(2 + length).some((byte) => byte !== 0)) throw new CborError("the share is not padded with zeros");
  const fields = Fields.of(decodeCanonical(plain.subarray(2, 2 + length), PLAIN_LEN), "share", ["files", "issued", "v"], ["label"]);
  fields.integer("v", 1, 1);
  const files = fields.list("files", FILES_MAX).map((file, at) => decodeFile(file, `share.files[${at}]`));
  if (files.length === 0) throw new CborError("the share has no files");
  if (new Set(files.map(({ object }) => object.text)).size < files.length) throw new CborError("the share lists an object twice");
  const label = fields.optional("label", (key) => fields.text(key, LABEL_LEN_MAX));
  if (label && [...label].length > LABEL_CHARACTERS_MAX) throw new CborError(`the label has more than ${LABEL_CHARACTERS_MAX} characters`);
  return { files, issued: fields.u64("issued"), label };
}

export function wrap({ files, issued, label }: Contents, key: Uint8Array, id: Uint8Array): Uint8Array {
  const body = new Map<string, Value>([["files", files.map(encodeFile)], ["issued", issued], ["v", 1]]);
  if (label) body.set("label", label);
  const bytes = encodeCanonical(body);
  if (bytes.length > PLAIN_LEN - 2) throw new CborError(`what is shared takes ${bytes.length} bytes; ${PLAIN_LEN - 2} are allowed`);
  const plain = new Uint8Array(PLAIN_LEN);
  plain.set([bytes.length & 255, bytes.length >> 8, ...bytes]);
  return seal(key, new Uint8Array(12), plain, id);
}

function decodeFile(value: Value, where: string): SharedFile {
  const fields = Fields.of(value, where, ["key", "len", "name", "object"], ["type"]);
  return {
    key: fields.bytes("key", 32),
    len: fields.integer("len", 0, Number.MAX_SAFE_INTEGER),
    name: fileName(fields, "name"),
    object: cidIn(fields, "object"),
    type: fields.optional("type", (key) => fields.mediaType(key)),
  };
}

function encodeFile({ key, len, name, object, type }: SharedFile): Value {
  const file = new Map<string, Value>([["key", key], ["len", len], ["name", name], ["object", object.bytes]]);
  if (type) file.set("type", type);
  return file;
}
