/** A track as browsers take it by parts: a beginning without samples, then fragments (ISO/IEC 14496-12, section 8.8). */

import { box, boxesIn, fullBox, joined, need, u32 } from "./boxes";
import type { FilmTrack, Movie } from "./movie";

const BASE_IS_MOOF = 0x02_00_00;
/** What a run says of each sample: duration, size, flags and shift; and where its bytes begin. */
const RUN_SAYS = 0x0f_01;
const STANDS_ALONE = 0x02_00_00_00;
const NEEDS_OTHERS = 0x01_01_00_00;
/** Numbers in an entry of a run. */
const ENTRY_WORDS = 4;
/** What tells readers that boxes are to come which the standard has: `iso6`. */
const BRANDS = Uint8Array.from("iso6\0\0\0\0iso6mp41", (letter) => letter.charCodeAt(0));

/** What comes before the fragments of a track: its own boxes, with tables that are empty. */
export function initOf({ mvhd }: Movie, { id, trak }: FilmTrack): Uint8Array {
  const inTrak = boxesIn(trak.subarray(8));
  const mdia = need(trak.subarray(8), "mdia").content;
  const minf = need(mdia, "minf").content;
  const stbl = need(minf, "stbl").content;
  const empty = ["stts", "stsc", "stco"].map((type) => fullBox(type, 0, 0, u32(0)));
  const tables = box("stbl", need(stbl, "stsd").whole, ...empty, fullBox("stsz", 0, 0, u32(0, 0)));
  const media = boxesIn(mdia).map(({ type, whole }) => (type === "minf" ? box("minf", ...boxesIn(minf).map((inside) => (inside.type === "stbl" ? tables : inside.whole))) : whole));
  const kept = inTrak.flatMap(({ type, whole }) => (type === "tkhd" ? [whole] : type === "mdia" ? [box("mdia", ...media)] : []));
  const fragmented = box("mvex", fullBox("trex", 0, 0, u32(id, 1, 0, 0, 0)));
  return joined(box("ftyp", BRANDS), box("moov", mvhd, box("trak", ...kept), fragmented));
}

/** The samples from `first` to before `last` as a fragment; `data` are their bytes, one behind the other. */
export function fragmentOf({ id, samples }: FilmTrack, first: number, last: number, sequence: number, data: Uint8Array): Uint8Array {
  const time = samples.times[first] ?? 0;
  const entries: number[] = [];
  for (let at = first; at < last; at++) {
    entries.push(samples.durations[at] ?? 0, samples.sizes[at] ?? 0, samples.alone[at] ? STANDS_ALONE : NEEDS_OTHERS, samples.shifts[at] ?? 0);
  }
  const build = (offset: number) => {
    const run = fullBox("trun", 1, RUN_SAYS, u32(entries.length / ENTRY_WORDS, offset, ...entries));
    const traf = box("traf", fullBox("tfhd", 0, BASE_IS_MOOF, u32(id)), fullBox("tfdt", 1, 0, u32(Math.floor(time / 2 ** 32), time % 2 ** 32)), run);
    return box("moof", fullBox("mfhd", 0, 0, u32(sequence)), traf);
  };
  // Its own length says where the bytes begin: behind it, and the header of the box with them.
  return joined(build(build(0).length + 8), box("mdat", data));
}
