/** Manifests and their sealed headers (spec section 8). */

import { CborError, decodeCanonical, encodeCanonical, Fields, type Value } from "../trust/cbor";
import { isPublicKey } from "../trust/signature";
import type { ObjectKeys } from "./keys";
import { CELL_LOG_MAX, CELL_LOG_MIN, CELLS_MAX, codingOf, Geometry, MANIFEST_LEN_MAX, padme } from "./geometry";
import { open, seal } from "./sodium";

const SEALED_HEADER_LEN = 512;
const HEADER_LEN = SEALED_HEADER_LEN - 16;
const ROOT_LEN = 32;
const FIELDS = ["v", "suite", "cell", "k", "m", "cells", "salt", "seed", "roots", "control", "commit", "header"];

export interface Manifest {
  readonly geometry: Geometry;
  readonly salt: Uint8Array;
  readonly seed: Uint8Array;
  readonly roots: Uint8Array;
  readonly control: Uint8Array;
  readonly commit: Uint8Array;
  readonly header: Uint8Array;
}

/** What only readers see of an object. */
export interface Header {
  readonly len: number;
  readonly name: string | undefined;
  readonly type: string | undefined;
}

export function decodeManifest(bytes: Uint8Array): Manifest {
  const fields = Fields.of(decodeCanonical(bytes, MANIFEST_LEN_MAX), "manifest", FIELDS, ["tags"]);
  fields.integer("v", 1, 1);
  fields.integer("suite", 1, 1);
  const geometry = new Geometry({
    k: fields.integer("k", 1, 254),
    m: fields.integer("m", 1, 254),
    cell: fields.integer("cell", CELL_LOG_MIN, CELL_LOG_MAX),
    cells: fields.integer("cells", 1, CELLS_MAX),
  });
  const control = fields.bytes("control", 32);
  if (!isPublicKey(control)) throw new CborError("manifest.control is no key");
  if (fields.has("tags")) checkTags(fields.list("tags", 8));
  return {
    geometry,
    control,
    salt: fields.bytes("salt", 32),
    seed: fields.bytes("seed", 32),
    roots: fields.bytes("roots", ROOT_LEN * geometry.shards),
    commit: fields.bytes("commit", 32),
    header: fields.bytes("header", SEALED_HEADER_LEN),
  };
}

/** The root of a shard. */
export function rootOf({ roots }: Manifest, shard: number): Uint8Array {
  return roots.subarray(shard * ROOT_LEN, (shard + 1) * ROOT_LEN);
}

function checkTags(tags: Value[]): void {
  const texts = tags.map((tag) => (typeof tag === "string" && /^[a-z0-9-]{1,32}=[\x20-\x7e]{1,64}$/.test(tag) ? tag : ""));
  const isAscending = texts.every((tag, at) => at === 0 || (texts[at - 1] as string) < tag);
  if (texts.length < 1 || texts.includes("") || !isAscending || texts.join("").length > 200) throw new CborError("manifest.tags are none");
}

/** What the sealed header says, once it agrees with the manifest. */
export function openHeader(manifest: Manifest, keys: ObjectKeys): Header {
  const plain = open(keys.header, new Uint8Array(12), manifest.header);
  const length = plain && (plain[0] as number) + 256 * (plain[1] as number);
  if (!plain || length === undefined || length > HEADER_LEN - 2) throw new CborError("the header does not open");
  if (plain.subarray(2 + length).some((byte) => byte !== 0)) throw new CborError("the header's padding is not zero");
  const fields = Fields.of(decodeCanonical(plain.subarray(2, 2 + length), HEADER_LEN), "header", ["len"], ["name", "type"]);
  const header = {
    len: fields.integer("len", 0, Number.MAX_SAFE_INTEGER),
    name: fields.optional("name", (key) => fileName(fields, key)),
    type: fields.optional("type", (key) => fields.mediaType(key)),
  };
  const { k, m, cell, cells } = manifest.geometry.coding;
  const fits = [header.len, padme(header.len)].some((length) => {
    const coding = codingOf(length, k, m);
    return coding.cell === cell && coding.cells === cells;
  });
  if (!fits) throw new CborError(`${header.len} bytes are not what ${cells} cells hold`);
  return header;
}

/** The sealed header of an object of its own. */
export function sealHeader({ len, name, type }: Header, keys: ObjectKeys): Uint8Array {
  const fields = new Map<string, Value>([["len", len]]);
  if (name !== undefined) fields.set("name", name);
  if (type !== undefined) fields.set("type", type);
  const body = encodeCanonical(fields);
  const plain = new Uint8Array(HEADER_LEN);
  plain.set([body.length & 255, body.length >> 8, ...body]);
  return seal(keys.header, new Uint8Array(12), plain);
}

/** A file's name: no path, no control characters. */
export function fileName(fields: Fields, key: string): string {
  const name = fields.text(key, 255);
  if (name.includes("/") || name === "." || name === "..") throw new CborError(`${fields.where}.${key} is no name of a file`);
  return name;
}
