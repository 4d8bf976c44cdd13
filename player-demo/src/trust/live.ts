/** A live stream: its prelude, and the signed records that follow one by one (spec sections 11 and 21). */

import { publicKey } from "./bundle";
import { CborError, decodeCanonical, equal, Fields, type Value } from "./cbor";
import { type Cid, cidIn } from "./cid";
import { type Opened, openSigned, RecordError } from "./record";
import { decodePicture, type Expected, INIT_LEN_MAX, RESERVED, type Track, TYPES } from "./track";

export const PRELUDE_LEN_MAX = 1_048_576;
const TRACKS_MAX = 32;
export const SEGMENTS_MAX = 20_000;
const SEGMENT_LEN_MAX = 2 ** 27;
const TARGET_S_MAX = 6;
const LONGEST_S_MAX = 12;
const U32_MAX = 0xffff_ffff;

/** A track before its segments are known. */
export type LiveTrack = Pick<
  Track,
  "id" | "kind" | "codecs" | "type" | "timescale" | "default" | "language" | "label" | "picture" | "channels"
> & { readonly init: Uint8Array };

export interface Prelude {
  readonly kind: "film" | "audio";
  readonly title: string;
  readonly creator: Uint8Array;
  /** Seconds since 1970. */
  readonly created: number;
  /** Seconds that a segment lasts, about and at most. */
  readonly target: number;
  readonly longest: number;
  readonly tracks: readonly LiveTrack[];
  readonly about: string | undefined;
  readonly by: string | undefined;
  readonly language: string | undefined;
  /** As in a bundle: the key of the ledger under whose agreements it is shown. */
  readonly ledger: Uint8Array | undefined;
}

/** What a segment must be, and how many units of the track's timescale it lasts. */
export interface LiveSegment extends Expected {
  readonly duration: number;
}

/** The prelude that `bytes` write; the caller has compared their hash with the id. */
export function decodePrelude(bytes: Uint8Array): Prelude {
  const required = ["created", "creator", "kind", "longest", "salt", "target", "title", "tracks", "v"];
  const value = decodeCanonical(bytes, PRELUDE_LEN_MAX);
  const fields = Fields.of(value, "prelude", required, ["about", "by", "language", "ledger"]);
  fields.integer("v", 1, 1);
  fields.bytes("salt", 16);
  const kind = fields.text("kind", 16);
  if (kind !== "film" && kind !== "audio") throw new CborError(`prelude.kind is ${JSON.stringify(kind)}`);
  const target = fields.integer("target", 1, TARGET_S_MAX);
  const prelude: Prelude = {
    kind,
    title: fields.text("title", 200),
    creator: publicKey(fields.bytes("creator", 32)),
    created: fields.u64("created"),
    target,
    longest: fields.integer("longest", target, LONGEST_S_MAX),
    tracks: fields.list("tracks", TRACKS_MAX).map((track, at) => decodeLiveTrack(track, `track ${at}`)),
    about: fields.optional("about", (key) => fields.text(key, 4000, true)),
    by: fields.optional("by", (key) => fields.text(key, 200)),
    language: fields.optional("language", (key) => fields.language(key)),
    ledger: fields.optional("ledger", (key) => publicKey(fields.bytes(key, 32), "ledger")),
  };
  const ids = prelude.tracks.map((track) => track.id);
  if (ids.length === 0) throw new CborError("there is nothing to play");
  if (new Set(ids).size !== ids.length) throw new CborError("two tracks have one id");
  return prelude;
}

function decodeLiveTrack(value: Value, where: string): LiveTrack {
  const required = ["codecs", "default", "id", "init", "kind", "timescale", "type"];
  const fields = Fields.of(value, where, required, ["channels", "label", "language", "picture"]);
  const kind = fields.text("kind", 16);
  if (kind !== "video" && kind !== "audio") throw new CborError(`${where}.kind is ${JSON.stringify(kind)}`);
  const track: LiveTrack = {
    id: trackId(fields, "id"),
    kind,
    codecs: fields.text("codecs", 64),
    type: fields.text("type", 127),
    timescale: fields.integer("timescale", 1, U32_MAX),
    init: fields.bytes("init"),
    default: fields.bool("default"),
    language: fields.optional("language", (key) => fields.language(key)),
    label: fields.optional("label", (key) => fields.text(key, 100)),
    picture: fields.optional("picture", (key) => decodePicture(fields.value(key), `${where}.picture`)),
    channels: fields.optional("channels", (key) => fields.integer(key, 1, 64)),
  };
  const belongs = (track.picture !== undefined) === (kind === "video") && (track.channels !== undefined) === (kind === "audio");
  if (!belongs || track.type !== TYPES[kind]) throw new CborError(`${where} has what does not belong to ${kind}`);
  if (!/^[A-Za-z0-9._-]+$/.test(track.codecs)) throw new CborError(`${where} has codecs that are none`);
  if (track.init.length < 1 || track.init.length > INIT_LEN_MAX) throw new CborError(`${where} has no init section`);
  return track;
}

function trackId(fields: Fields, key: string): string {
  const id = fields.text(key, 32);
  if (!/^[a-z0-9-]+$/.test(id) || RESERVED.includes(id)) throw new CborError(`${fields.where}.${key} is no id of a track`);
  return id;
}

/** Segment `n` of a track, once it is clear that the creator signed for it. */
export function verifySegment(bytes: Uint8Array, id: Cid, prelude: Prelude, track: LiveTrack, n: number): LiveSegment {
  const opened = openSigned(bytes, "live_segment");
  const required = ["duration", "hash", "key", "len", "live", "n", "object", "track"];
  const fields = Fields.of(opened.body, "record.body", required);
  fields.bytes("key", 32);
  cidIn(fields, "object");
  const number = fields.integer("n", 0, SEGMENTS_MAX - 1);
  const named = trackId(fields, "track");
  checkStream(opened, fields, id, prelude);
  if (named !== track.id || number !== n) {
    throw new RecordError(`the record is for segment ${number} of ${named}`);
  }
  const duration = fields.integer("duration", 1, U32_MAX);
  if (Math.round(duration / track.timescale) > prelude.longest) {
    throw new RecordError(`segment ${n} of ${named} is longer than ${prelude.longest} s`);
  }
  return { duration, hash: fields.bytes("hash", 32), len: fields.integer("len", 1, SEGMENT_LEN_MAX) };
}

/** How the creator ended the stream: the publication that it has become, if any. */
export function verifyEnd(bytes: Uint8Array, id: Cid, prelude: Prelude): { publication: Cid | undefined } {
  const opened = openSigned(bytes, "live_end");
  const fields = Fields.of(opened.body, "record.body", ["issued", "live"], ["publication"]);
  fields.u64("issued");
  const publication = fields.optional("publication", (key) => cidIn(fields, key));
  checkStream(opened, fields, id, prelude);
  return { publication };
}

function checkStream({ by }: Opened, fields: Fields, id: Cid, prelude: Prelude): void {
  if (cidIn(fields, "live").text !== id.text) throw new RecordError("the record is for another live stream");
  if (!equal(by, prelude.creator)) throw new RecordError("the record is signed by another key than the creator's");
}
