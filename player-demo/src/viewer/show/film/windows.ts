/** Which samples come next, and which bytes they are: some seconds of all tracks at a time. */

import type { FilmTrack, Movie } from "./movie";

/** How much of the film is fetched at a time, in seconds, and at most how many bytes. */
const WINDOW_S = 4;
const WINDOW_LEN_MAX = 24 * 2 ** 20;
/** Bytes between two samples that are fetched with them rather than asked for apart. */
const GAP_LEN_MAX = 128 * 2 ** 10;

/** The samples of one track that are next. */
export interface Run {
  readonly track: FilmTrack;
  readonly first: number;
  readonly last: number;
}

/** Bytes of the file. */
export interface Range {
  readonly from: number;
  to: number;
}

/** Where one is in each track of a film. */
export class Position {
  private readonly next: number[];

  constructor(private readonly movie: Movie) {
    this.next = movie.tracks.map(() => 0);
  }

  /** Goes to where `seconds` can be shown from: in pictures, back to one that stands alone. */
  seek(seconds: number): void {
    const leader = this.movie.tracks[0] as FilmTrack;
    const at = aloneBefore(leader, seconds);
    const from = startOf(leader, at);
    this.movie.tracks.forEach((track, index) => (this.next[index] = track === leader ? at : indexAt(track, from)));
  }

  /** When the samples that come next begin, in seconds; beyond all times at the end. */
  time(): number {
    return Math.min(...this.begins());
  }

  /** The samples that come next, of all tracks up to the same time; none at the end. */
  take(): Run[] {
    const until = this.time() + WINDOW_S;
    const runs = this.movie.tracks.map((track, at) => runOf(track, this.next[at] as number, until));
    runs.forEach(({ last }, at) => (this.next[at] = last));
    return runs.filter(({ first, last }) => first < last);
  }

  private begins(): number[] {
    const next = (at: number) => this.next[at] as number;
    return this.movie.tracks.map((track, at) => (next(at) < track.samples.count ? startOf(track, next(at)) : Number.POSITIVE_INFINITY));
  }
}

/** The bytes that these samples are, in the order of the file; what lies between two of them comes along where it is little. */
export function rangesOf(runs: readonly Run[]): Range[] {
  const places = runs.flatMap(({ track: { samples }, first, last }) =>
    Array.from({ length: last - first }, (_, at) => ({ from: samples.offsets[first + at] ?? 0, to: (samples.offsets[first + at] ?? 0) + (samples.sizes[first + at] ?? 0) })),
  );
  places.sort((one, other) => one.from - other.from);
  const ranges: Range[] = [];
  for (const { from, to } of places) {
    const before = ranges.at(-1);
    if (before && from <= before.to + GAP_LEN_MAX) before.to = Math.max(before.to, to);
    else ranges.push({ from, to });
  }
  return ranges;
}

/** When a sample is decoded, in seconds of the film. */
export function startOf({ begins, samples, timescale }: FilmTrack, at: number): number {
  return begins + (samples.times[at] ?? 0) / timescale;
}

/** The samples from `first` on that begin before `until`: one at least, and not more bytes than are fetched at a time. */
function runOf(track: FilmTrack, first: number, until: number): Run {
  let [last, len] = [first, 0];
  while (last < track.samples.count && startOf(track, last) < until) {
    len += track.samples.sizes[last] ?? 0;
    if (last > first && len > WINDOW_LEN_MAX) break;
    last += 1;
  }
  return { track, first, last };
}

/** The last sample that begins at or before this time; the first one where all come later. */
function indexAt(track: FilmTrack, seconds: number): number {
  let [low, high] = [0, track.samples.count];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (startOf(track, middle) <= seconds) low = middle + 1;
    else high = middle;
  }
  return Math.max(0, low - 1);
}

/** The last sample that stands alone and is shown at or before this time. */
function aloneBefore(track: FilmTrack, seconds: number): number {
  const { alone, shifts } = track.samples;
  const shown = (at: number) => startOf(track, at) + (shifts[at] ?? 0) / track.timescale;
  let at = indexAt(track, seconds);
  while (at > 0 && (!alone[at] || shown(at) > seconds)) at -= 1;
  return at;
}
