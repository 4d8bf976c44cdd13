/** One track of a bundle, and the place of each of its segments (spec section 17). */

import { CborError, equal, Fields, type Value } from "./cbor";
import { cidIn } from "./cid";
import { fromHex } from "../page/format";

const PARTS_MAX = 20_000;
const SEGMENTS_MAX = 20_000;
const SEGMENT_LEN_MAX = 2 ** 27;
export const INIT_LEN_MAX = 1_048_576;
const HASH_LEN = 32;
const U16_MAX = 0xffff;
const U32_MAX = 0xffff_ffff;

/** Names that stand beside the tracks in URLs. */
export const RESERVED = ["attachments", "master"];
const HASH_OF_NOTHING = fromHex("af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262");

export type TrackKind = "video" | "audio" | "subtitles";
export const TYPES: Record<TrackKind, string> = { video: "video/mp4", audio: "audio/mp4", subtitles: "text/vtt" };

export interface Track {
  readonly id: string;
  readonly kind: TrackKind;
  readonly codecs: string;
  readonly type: string;
  /** Units per second of `durations`. */
  readonly timescale: number;
  /** The number of segments in each part. */
  readonly parts: readonly number[];
  /** Length of the init section in bytes; 0 when there is none. */
  readonly init: number;
  readonly initHash: Uint8Array;
  readonly lens: Uint32Array;
  readonly durations: Uint32Array;
  /** 32 bytes for each segment. */
  readonly hashes: Uint8Array;
  /** Bits per second. */
  readonly average: number;
  readonly peak: number;
  readonly default: boolean;
  readonly language: string | undefined;
  readonly label: string | undefined;
  /** Pixels as shown, and frames per 1000 s. */
  readonly picture: { readonly width: number; readonly height: number; readonly rate: number } | undefined;
  readonly channels: number | undefined;
}

/** What a segment or an init section must be. */
export interface Expected {
  readonly len: number;
  readonly hash: Uint8Array;
}

/** Where a segment lies: in which part, from which byte on. */
export interface Place {
  readonly part: number;
  readonly offset: number;
  readonly len: number;
}

export function decodeTrack(value: Value, where: string): Track {
  const required = ["average", "codecs", "default", "durations", "hashes", "id", "init", "init_hash"];
  required.push("kind", "lens", "parts", "peak", "timescale", "type");
  const fields = Fields.of(value, where, required, ["channels", "label", "language", "picture"]);
  const kind = kindOf(fields.text("kind", 16), where);
  const track: Track = {
    id: fields.text("id", 32),
    kind,
    codecs: fields.text("codecs", 64),
    type: fields.text("type", 127),
    timescale: fields.integer("timescale", 1, U32_MAX),
    parts: fields.list("parts", PARTS_MAX).map((part, at) => decodePart(part, `${where}, part ${at}`)),
    init: fields.integer("init", 0, INIT_LEN_MAX),
    initHash: fields.bytes("init_hash", HASH_LEN),
    lens: numbers(fields, "lens", SEGMENT_LEN_MAX),
    durations: numbers(fields, "durations", U32_MAX),
    hashes: fields.bytes("hashes"),
    average: fields.u64("average", 1),
    peak: fields.u64("peak", 1),
    default: fields.bool("default"),
    language: fields.optional("language", (key) => fields.language(key)),
    label: fields.optional("label", (key) => fields.text(key, 100)),
    picture: fields.optional("picture", (key) => decodePicture(fields.value(key), `${where}.picture`)),
    channels: fields.optional("channels", (key) => fields.integer(key, 1, 64)),
  };
  checkTrack(track, where);
  checkRates(track, fields);
  return track;
}

/** What segment `n` must be, or undefined when there is none. */
export function segment(track: Track, n: number): Expected | undefined {
  const len = track.lens[n];
  if (len === undefined) return undefined;
  return { len, hash: track.hashes.subarray(n * HASH_LEN, (n + 1) * HASH_LEN) };
}

/** What the init section must be, or undefined when there is none. */
export function initSection(track: Track): Expected | undefined {
  return track.init === 0 ? undefined : { len: track.init, hash: track.initHash };
}

/** Where segment `n` lies, or undefined when there is none. */
export function place(track: Track, n: number): Place | undefined {
  let first = 0;
  for (const [part, segments] of track.parts.entries()) {
    if (n >= first && n < first + segments) {
      const before = track.lens.subarray(first, n).reduce((sum, len) => sum + len, 0);
      return { part, offset: before + (part === 0 ? track.init : 0), len: track.lens[n] as number };
    }
    first += segments;
  }
  return undefined;
}

function checkTrack(track: Track, where: string): void {
  const refuse = (wrong: boolean, reason: string) => {
    if (wrong) throw new CborError(`${where} ${reason}`);
  };
  const segments = track.lens.length;
  refuse(!/^[a-z0-9-]+$/.test(track.id), "has an id of other characters than a-z, 0-9 and -");
  refuse(RESERVED.includes(track.id), "has an id that stands for something else in URLs");
  refuse(!/^[A-Za-z0-9._-]+$/.test(track.codecs), "has codecs that are none");
  refuse(track.kind === "subtitles" && track.codecs !== "wvtt", "is subtitles, but not WebVTT");
  refuse(track.type !== TYPES[track.kind], `is ${track.kind} of the type ${track.type}`);
  refuse(segments < 1 || segments > SEGMENTS_MAX, `has ${segments} segments`);
  refuse(track.durations.length !== segments, "has other numbers of durations and lengths");
  refuse(track.hashes.length !== segments * HASH_LEN, "has other numbers of hashes and lengths");
  refuse(track.parts.length === 0, "has no parts");
  refuse(track.parts.reduce((sum, part) => sum + part, 0) !== segments, "has parts that do not add up");
  refuse(
    (track.picture !== undefined) !== (track.kind === "video"),
    "must have a picture when it is video, and only then",
  );
  refuse(
    (track.channels !== undefined) !== (track.kind === "audio"),
    "must have channels when it is audio, and only then",
  );
  refuse(
    (track.init === 0) !== (track.kind === "subtitles"),
    `is ${track.kind} with an init section of ${track.init} bytes`,
  );
  refuse(
    track.init === 0 && !equal(track.initHash, HASH_OF_NOTHING),
    "has a hash of no init section that is not the hash of nothing",
  );
  refuse(track.kind === "subtitles" && segments !== 1, "is subtitles in more than one segment");
}

/** The bit rates must be those of the segments, so that whoever only chooses a rendition cannot be misled. */
function checkRates(track: Track, fields: Fields): void {
  const scale = 8n * BigInt(track.timescale);
  const rates = [...track.lens].map((len, n) => divideUp(BigInt(len) * scale, BigInt(track.durations[n] as number)));
  const total = (numbers: Uint32Array) => numbers.reduce((sum, number) => sum + BigInt(number), 0n);
  const average = divideUp(total(track.lens) * scale, total(track.durations));
  const peak = rates.reduce((most, rate) => (rate > most ? rate : most), 0n);
  if (fields.exact("average", 1n) !== average) throw new CborError(`${fields.where}.average is not ${average}`);
  if (fields.exact("peak", 1n) !== peak) throw new CborError(`${fields.where}.peak is not ${peak}`);
}

function divideUp(dividend: bigint, divisor: bigint): bigint {
  return (dividend + divisor - 1n) / divisor;
}

function decodePart(value: Value, where: string): number {
  const fields = Fields.of(value, where, ["key", "object", "segments"]);
  fields.bytes("key", 32);
  cidIn(fields, "object");
  return fields.integer("segments", 1, SEGMENTS_MAX);
}

export function decodePicture(value: Value, where: string): { width: number; height: number; rate: number } {
  const fields = Fields.of(value, where, ["height", "rate", "width"]);
  const pixels = (key: string) => fields.integer(key, 1, U16_MAX);
  return { width: pixels("width"), height: pixels("height"), rate: fields.integer("rate", 1, U32_MAX) };
}

/** Concatenated u32le, each from 1 to `most`. */
function numbers(fields: Fields, key: string, most: number): Uint32Array {
  const bytes = fields.bytes(key);
  if (bytes.length % 4 !== 0) throw new CborError(`${fields.where}.${key} is not a run of 32-bit numbers`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const values = new Uint32Array(bytes.length / 4);
  for (let at = 0; at < values.length; at++) {
    const value = view.getUint32(at * 4, true);
    if (value < 1 || value > most) throw new CborError(`${fields.where}.${key} has ${value} at ${at}`);
    values[at] = value;
  }
  return values;
}

function kindOf(text: string, where: string): TrackKind {
  if (text === "video" || text === "audio" || text === "subtitles") return text;
  throw new CborError(`${where}.kind is ${JSON.stringify(text)}`);
}
