/** The bundle of a publication: what there is to see, and how to check it (spec section 17). */

import { CborError, decodeCanonical, Fields, type Value } from "./cbor";
import { type Cid, cidIn } from "./cid";
import { isPublicKey } from "./signature";
import { type Track, decodeTrack } from "./track";

const BUNDLE_LEN_MAX = 4_194_304;
const TRACKS_MAX = 32;
const CHAPTERS_MAX = 500;
const ATTACHMENTS_MAX = 100;
const ITEMS_MAX = 1000;
const PICTURES = ["image/jpeg", "image/png", "image/webp"];
const U16_MAX = 0xffff;
const U32_MAX = 0xffff_ffff;

export type Kind = "film" | "audio" | "collection";

/** A whole object: the BLAKE3 of its plaintext, its length in bytes and its media type. */
export interface File {
  readonly hash: Uint8Array;
  readonly len: number;
  readonly type: string;
}

/** Thumbnails of the seek bar in one picture; `every` in milliseconds, sizes in pixels. */
export interface Strip {
  readonly file: File;
  readonly columns: number;
  readonly rows: number;
  readonly count: number;
  readonly every: number;
  readonly width: number;
  readonly height: number;
}

export interface Bundle {
  readonly kind: Kind;
  readonly title: string;
  readonly creator: Uint8Array;
  /** Seconds since 1970. */
  readonly created: number;
  /** Milliseconds. */
  readonly duration: number;
  readonly tracks: readonly Track[];
  readonly chapters: readonly { readonly at: number; readonly title: string }[];
  readonly attachments: readonly { readonly name: string; readonly file: File; readonly hasCredentials: boolean }[];
  readonly items: readonly { readonly id: Cid; readonly title: string }[];
  readonly about: string | undefined;
  readonly by: string | undefined;
  readonly language: string | undefined;
  /** The key of the ledger under whose agreements it is shown; without one it is free. */
  readonly ledger: Uint8Array | undefined;
  /** The live stream that it was, where what was agreed about that holds for it. */
  readonly live: Cid | undefined;
  readonly poster: File | undefined;
  readonly strip: Strip | undefined;
}

/** The bundle that `bytes` write; the caller has compared their hash with the id. */
export function decodeBundle(bytes: Uint8Array): Bundle {
  const required = [
    "attachments",
    "chapters",
    "created",
    "creator",
    "duration",
    "items",
    "kind",
    "title",
    "tracks",
    "v",
  ];
  const optional = ["about", "by", "language", "ledger", "live", "poster", "strip"];
  const fields = Fields.of(decodeCanonical(bytes, BUNDLE_LEN_MAX), "bundle", required, optional);
  fields.integer("v", 1, 1);
  const bundle: Bundle = {
    kind: kindOf(fields.text("kind", 16)),
    title: fields.text("title", 200),
    creator: publicKey(fields.bytes("creator", 32)),
    created: fields.u64("created"),
    duration: fields.u64("duration"),
    tracks: fields.list("tracks", TRACKS_MAX).map((value, at) => decodeTrack(value, `track ${at}`)),
    chapters: fields.list("chapters", CHAPTERS_MAX).map(decodeChapter),
    attachments: fields.list("attachments", ATTACHMENTS_MAX).map(decodeAttachment),
    items: fields.list("items", ITEMS_MAX).map(decodeItem),
    about: fields.optional("about", (key) => fields.text(key, 4000, true)),
    by: fields.optional("by", (key) => fields.text(key, 200)),
    language: fields.optional("language", (key) => fields.language(key)),
    ledger: fields.optional("ledger", (key) => publicKey(fields.bytes(key, 32), "ledger")),
    live: fields.optional("live", (key) => cidIn(fields, key)),
    poster: fields.optional("poster", (key) => picture(fields.value(key), "poster")),
    strip: fields.optional("strip", (key) => decodeStrip(fields.value(key))),
  };
  checkWhole(bundle);
  return bundle;
}

/** What no single field says. */
function checkWhole(bundle: Bundle): void {
  const collection = bundle.kind === "collection";
  refuse(collection && bundle.tracks.length > 0, "a collection has tracks");
  refuse(collection !== (bundle.duration === 0), "the duration must be 0 for a collection, and only then");
  refuse(collection && bundle.ledger !== undefined, "a collection has a ledger");
  refuse(bundle.live !== undefined && bundle.ledger === undefined, "a stream is named, and no ledger");
  refuse(!collection && bundle.items.length > 0, "something other than a collection has items");
  refuse(!collection && !bundle.tracks.some((track) => track.kind !== "subtitles"), "there is nothing to play");
  refuse(repeats(bundle.tracks.map((track) => track.id)), "two tracks have one id");
  refuse(repeats(bundle.attachments.map((attachment) => attachment.name)), "two attachments have one name");
  let before = -1;
  for (const { at } of bundle.chapters) {
    refuse(at <= before || at >= bundle.duration, `the chapter at ${at} ms is out of order`);
    before = at;
  }
}

function decodeChapter(value: Value, at: number): { at: number; title: string } {
  const fields = Fields.of(value, `chapter ${at}`, ["at", "title"]);
  return { at: fields.u64("at"), title: fields.text("title", 200) };
}

function decodeAttachment(value: Value, at: number): { name: string; file: File; hasCredentials: boolean } {
  const fields = Fields.of(value, `attachment ${at}`, ["file", "name"], ["credentials"]);
  const name = fields.text("name", 255);
  refuse(name.includes("/") || name === "." || name === "..", `attachment ${at} has a path for a name`);
  const hasCredentials = fields.optional("credentials", (key) => fields.bool(key)) ?? false;
  refuse(fields.has("credentials") && !hasCredentials, `attachment ${at} says what goes without saying`);
  return { name, file: decodeFile(fields.value("file"), `attachment ${at}`), hasCredentials };
}

function decodeItem(value: Value, at: number): { id: Cid; title: string } {
  const fields = Fields.of(value, `item ${at}`, ["bundle", "title"]);
  return { id: cidIn(fields, "bundle"), title: fields.text("title", 200) };
}

function decodeStrip(value: Value): Strip {
  const keys = ["columns", "count", "every", "file", "height", "rows", "width"];
  const fields = Fields.of(value, "strip", keys);
  const number = (key: string, most: number) => fields.integer(key, 1, most);
  const strip = {
    file: picture(fields.value("file"), "strip"),
    columns: number("columns", U16_MAX),
    rows: number("rows", U16_MAX),
    count: number("count", U32_MAX),
    every: number("every", U32_MAX),
    width: number("width", U16_MAX),
    height: number("height", U16_MAX),
  };
  refuse(strip.count > strip.columns * strip.rows, "the strip has more thumbnails than places");
  return strip;
}

function picture(value: Value, where: string): File {
  const file = decodeFile(value, where);
  refuse(!PICTURES.includes(file.type), `${where} is of the type ${file.type}, which is no picture`);
  return file;
}

function decodeFile(value: Value, where: string): File {
  const fields = Fields.of(value, where, ["hash", "key", "len", "object", "type"]);
  fields.bytes("key", 32);
  cidIn(fields, "object");
  return { hash: fields.bytes("hash", 32), len: fields.u64("len"), type: fields.mediaType("type") };
}

export function publicKey(bytes: Uint8Array, key = "creator"): Uint8Array {
  refuse(!isPublicKey(bytes), `bundle.${key} is no public key`);
  return bytes;
}

function kindOf(text: string): Kind {
  if (text === "film" || text === "audio" || text === "collection") return text;
  throw new CborError(`bundle.kind is ${JSON.stringify(text)}`);
}

function refuse(wrong: boolean, reason: string): void {
  if (wrong) throw new CborError(reason);
}

function repeats(texts: readonly string[]): boolean {
  return new Set(texts).size !== texts.length;
}
