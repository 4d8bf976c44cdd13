/** What an MP4 file says of its samples: where they are, when they are shown, and which of them stand alone. */

import { boxesIn, find, need, viewOf } from "./boxes";
import { codecOf } from "./codecs";

/** More samples than in a day of film are not believed. */
const SAMPLES_MAX = 5_000_000;

/** The samples of a track, in the order in which they are decoded; times are in units of its timescale. */
export interface Samples {
  readonly count: number;
  readonly offsets: Float64Array;
  readonly sizes: Uint32Array;
  readonly times: Float64Array;
  readonly durations: Uint32Array;
  /** By how much later each is shown. */
  readonly shifts: Int32Array;
  readonly alone: Uint8Array;
}

export interface FilmTrack {
  readonly id: number;
  readonly kind: "video" | "audio";
  /** The media type with the codec. */
  readonly type: string;
  readonly timescale: number;
  /** How much of the film has passed when its first sample is shown, in seconds; below 0 where its beginning is cut off. */
  readonly begins: number;
  readonly trak: Uint8Array;
  readonly samples: Samples;
}

export interface Movie {
  readonly mvhd: Uint8Array;
  /** Seconds. */
  readonly duration: number;
  readonly tracks: readonly FilmTrack[];
}

/** The first picture and the first sound in the content of a `moov`; fails where that cannot be played by parts. */
export function readMovie(moov: Uint8Array): Movie {
  if (find(moov, "mvex")) throw new RangeError("it is in fragments already");
  const mvhd = need(moov, "mvhd");
  const { timescale, duration } = durationOf(mvhd.content);
  const all = boxesIn(moov).filter(({ type }) => type === "trak").map(({ content, whole }) => readTrack(content, whole, timescale));
  const tracks = (["video", "audio"] as const).map((kind) => all.find((track) => track?.kind === kind)).filter((track) => track !== undefined);
  if (tracks.length === 0) throw new RangeError("there is nothing to play in it");
  return { mvhd: mvhd.whole, duration: duration / timescale, tracks };
}

function readTrack(trak: Uint8Array, whole: Uint8Array, movieScale: number): FilmTrack | undefined {
  const handler = String.fromCharCode(...need(trak, "mdia", "hdlr").content.subarray(8, 12));
  const kind = ({ vide: "video", soun: "audio" } as const)[handler];
  if (!kind) return undefined;
  const stbl = need(trak, "mdia", "minf", "stbl").content;
  const [entry, ...others] = boxesIn(need(stbl, "stsd").content.subarray(8));
  const codec = entry && codecOf(entry.type, entry.content);
  if (!codec || others.length > 0) throw new RangeError("its codec is not known here, or changes");
  const { timescale } = durationOf(need(trak, "mdia", "mdhd").content);
  const tkhd = viewOf(need(trak, "tkhd").content);
  const id = tkhd.getUint32(tkhd.getUint8(0) === 1 ? 20 : 12);
  return { id, kind, type: `${kind}/mp4; codecs="${codec}"`, timescale, begins: beginning(trak, timescale, movieScale), trak: whole, samples: readSamples(stbl) };
}

/** Timescale and duration, which both `mvhd` and `mdhd` have. */
function durationOf(content: Uint8Array): { timescale: number; duration: number } {
  const view = viewOf(content);
  const isLong = view.getUint8(0) === 1;
  const timescale = view.getUint32(isLong ? 20 : 12);
  if (timescale === 0) throw new RangeError("time has no scale");
  return { timescale, duration: isLong ? Number(view.getBigUint64(24)) : view.getUint32(16) };
}

/** From the edit list: an empty edit in front at most, and one edit. */
function beginning(trak: Uint8Array, timescale: number, movieScale: number): number {
  const elst = find(trak, "edts", "elst")?.content;
  if (!elst) return 0;
  const view = viewOf(elst);
  const [isLong, count] = [view.getUint8(0) === 1, view.getUint32(4)];
  const edit = (at: number) => {
    const entry = 8 + at * (isLong ? 20 : 12);
    return isLong ? { length: Number(view.getBigUint64(entry)), from: Number(view.getBigInt64(entry + 8)) } : { length: view.getUint32(entry), from: view.getInt32(entry + 4) };
  };
  const edits = Array.from({ length: Math.min(count, 3) }, (_, at) => edit(at));
  const empty = edits[0]?.from === -1 ? (edits.shift()?.length ?? 0) / movieScale : 0;
  if (edits.length > 1) throw new RangeError("it is cut in several places");
  return empty - (edits[0]?.from ?? 0) / timescale;
}

function readSamples(stbl: Uint8Array): Samples {
  const { sizes, count } = readSizes(need(stbl, "stsz").content);
  const { times, durations } = readTimes(need(stbl, "stts").content, count);
  return { count, sizes, times, durations, offsets: readOffsets(stbl, sizes), shifts: readShifts(find(stbl, "ctts")?.content, count), alone: readAlone(find(stbl, "stss")?.content, count) };
}

function readSizes(stsz: Uint8Array): { sizes: Uint32Array; count: number } {
  const view = viewOf(stsz);
  const [size, count] = [view.getUint32(4), view.getUint32(8)];
  if (count > SAMPLES_MAX) throw new RangeError(`${count} samples are not believed`);
  const sizes = new Uint32Array(count);
  for (let at = 0; at < count; at++) sizes[at] = size || view.getUint32(12 + 4 * at);
  return { sizes, count };
}

/** Calls `each` with every entry of a table of pairs, until all samples have one. */
function eachRun(table: Uint8Array, count: number, each: (at: number, value: DataView, entry: number) => void): void {
  const view = viewOf(table);
  let sample = 0;
  for (let run = 0; run < view.getUint32(4) && sample < count; run++) {
    const end = Math.min(count, sample + view.getUint32(8 + 8 * run));
    for (; sample < end; sample++) each(sample, view, 12 + 8 * run);
  }
  if (sample < count) throw new RangeError("a table ends before the samples do");
}

function readTimes(stts: Uint8Array, count: number): { times: Float64Array; durations: Uint32Array } {
  const [times, durations] = [new Float64Array(count), new Uint32Array(count)];
  let time = 0;
  eachRun(stts, count, (at, view, entry) => {
    times[at] = time;
    durations[at] = view.getUint32(entry);
    time += durations[at] as number;
  });
  return { times, durations };
}

function readShifts(ctts: Uint8Array | undefined, count: number): Int32Array {
  const shifts = new Int32Array(count);
  if (ctts) eachRun(ctts, count, (at, view, entry) => (shifts[at] = view.getInt32(entry)));
  return shifts;
}

/** Without a table every sample stands alone. */
function readAlone(stss: Uint8Array | undefined, count: number): Uint8Array {
  const alone = new Uint8Array(count).fill(stss ? 0 : 1);
  if (!stss) return alone;
  const view = viewOf(stss);
  for (let at = 0; at < view.getUint32(4); at++) alone[view.getUint32(8 + 4 * at) - 1] = 1;
  return alone;
}

/** Where each sample is: chunks have a place, and samples follow each other in them. */
function readOffsets(stbl: Uint8Array, sizes: Uint32Array): Float64Array {
  const long = find(stbl, "co64")?.content;
  const chunks = viewOf(long ?? need(stbl, "stco").content);
  const runs = viewOf(need(stbl, "stsc").content);
  const offsets = new Float64Array(sizes.length);
  const [chunkCount, runCount] = [chunks.getUint32(4), runs.getUint32(4)];
  let [sample, run] = [0, 0];
  for (let chunk = 0; chunk < chunkCount && sample < sizes.length; chunk++) {
    while (run + 1 < runCount && runs.getUint32(8 + 12 * (run + 1)) <= chunk + 1) run += 1;
    let at = long ? Number(chunks.getBigUint64(8 + 8 * chunk)) : chunks.getUint32(8 + 4 * chunk);
    const end = Math.min(sizes.length, sample + runs.getUint32(12 + 12 * run));
    for (; sample < end; sample++) {
      offsets[sample] = at;
      at += sizes[sample] as number;
    }
  }
  if (sample < sizes.length) throw new RangeError("the chunks end before the samples do");
  return offsets;
}
