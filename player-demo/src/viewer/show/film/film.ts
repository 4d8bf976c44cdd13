/** Plays a film by parts: what is watched is fetched and checked, and what is not, is not. */

import { h } from "../../../page/element";
import type { FileInShare } from "../../files";
import { wordsFor } from "../../words";
import { headerIn, joined } from "./boxes";
import { fragmentOf, initOf } from "./fragments";
import { type FilmTrack, type Movie, readMovie } from "./movie";
import { Position, type Range, rangesOf, type Run } from "./windows";

/** Boxes that may stand before the one which says where the samples are, and how long that one may be. */
const BOXES_MAX = 32;
const MOOV_LEN_MAX = 64 * 2 ** 20;
/** How much is there before it is needed, and how much of the past is kept, in seconds. */
const AHEAD_S = 20;
const BEHIND_S = 30;
/** How often is looked whether more is needed. */
const LOOK_EVERY_MS = 250;
/** Times are rounded by browsers: nothing of the beginning may come to lie before it. */
const ROUNDING_S = 0.001;
/** A gap in front of the first picture that is skipped. */
const GAP_MAX_S = 1;
/** Two places of the film that are so near are the same. */
const NEAR_S = 1;

/** A player for an MP4 file that the browser can play by parts; undefined where it cannot. */
export async function film(file: FileInShare, kind: "video" | "audio"): Promise<HTMLElement | undefined> {
  const movie = await movieIn(file);
  if (!movie?.tracks.every(({ type }) => globalThis.MediaSource?.isTypeSupported(type))) return undefined;
  const element = h(kind, { controls: true, "aria-label": file.facts.name });
  const told = h("p", { class: "told", role: "status" });
  const feed = new Feed(file, movie, element, (error) => {
    const { title, text } = wordsFor(error, file.gateway);
    told.classList.add("bad");
    told.textContent = `It stops here. ${title}. ${text}`;
  });
  await feed.open();
  return h("div", { class: "film" }, element, told);
}

/** What the file says of its samples; undefined where it is not an MP4 file of the usual form. */
async function movieIn(file: FileInShare): Promise<Movie | undefined> {
  const signal = new AbortController().signal;
  const read = (from: number, to: number) => bytesOf(file, { from, to: Math.min(to, file.facts.len) }, signal);
  for (let [at, box] = [0, 0]; at + 8 <= file.facts.len && box < BOXES_MAX; box++) {
    const header = headerIn(await read(at, at + 16));
    const isPlain = header && header.len >= header.header && at + header.len <= file.facts.len;
    if (!isPlain || (box === 0 && header.type !== "ftyp")) return undefined;
    if (header.type === "moov") {
      if (header.len > MOOV_LEN_MAX) return undefined;
      const moov = await read(at + header.header, at + header.len);
      try {
        return readMovie(moov);
      } catch (error) {
        if (error instanceof RangeError) return undefined;
        throw error;
      }
    }
    at += header.len;
  }
  return undefined;
}

async function bytesOf({ client, facts }: FileInShare, { from, to }: Range, signal: AbortSignal): Promise<Uint8Array> {
  const part = { object: facts.object, from: facts.from + from, to: facts.from + Math.min(to, facts.len) };
  return (await client.ask({ op: "read", part }, { signal })).bytes;
}

/** Feeds the element with what it is about to play. */
class Feed {
  private readonly source = new MediaSource();
  private readonly buffers = new Map<FilmTrack, SourceBuffer>();
  private readonly position: Position;
  private fetching = new AbortController();
  private sequence = 0;
  private isBusy = false;
  private isAtEnd = false;

  constructor(
    private readonly file: FileInShare,
    private readonly movie: Movie,
    private readonly element: HTMLMediaElement,
    private readonly failed: (error: Error) => void,
  ) {
    this.position = new Position(movie);
  }

  async open(): Promise<void> {
    this.element.src = URL.createObjectURL(this.source);
    await new Promise((resolve) => this.source.addEventListener("sourceopen", resolve, { once: true }));
    URL.revokeObjectURL(this.element.src);
    this.source.duration = this.movie.duration;
    for (const track of this.movie.tracks) {
      const buffer = this.source.addSourceBuffer(track.type);
      buffer.timestampOffset = track.begins + ROUNDING_S;
      this.buffers.set(track, buffer);
      await append(buffer, initOf(this.movie, track));
    }
    this.element.addEventListener("seeking", () => this.seek());
    const looking = setInterval(() => {
      if (this.source.readyState === "closed") clearInterval(looking);
      else void this.feed();
    }, LOOK_EVERY_MS);
    void this.feed();
  }

  /** Another place is to be played: what is on its way to the one before is not waited for. */
  private seek(): void {
    // What is there already is played, and what follows that comes next.
    const from = this.endOfWhatIsAt(this.element.currentTime) ?? this.element.currentTime;
    if (Math.abs(this.position.time() - from) < NEAR_S) return;
    this.fetching.abort();
    this.fetching = new AbortController();
    this.isAtEnd = false;
    this.position.seek(from);
    void this.feed();
  }

  private async feed(): Promise<void> {
    if (this.isBusy) return;
    this.isBusy = true;
    try {
      while (!this.isAtEnd && this.source.readyState !== "closed" && this.isWanting()) await this.step();
    } catch (error) {
      this.isAtEnd = true;
      if (this.source.readyState === "open") this.source.endOfStream("network");
      this.failed(error as Error);
    } finally {
      this.isBusy = false;
    }
  }

  /** Whether more is needed; at the end that is said once. */
  private isWanting(): boolean {
    const next = this.position.time();
    return next === Number.POSITIVE_INFINITY || next - this.element.currentTime < AHEAD_S;
  }

  /** Fetches what comes next, and hands it to the element. */
  private async step(): Promise<void> {
    const { signal } = this.fetching;
    const runs = this.position.take();
    if (runs.length === 0) {
      this.isAtEnd = true;
      if (this.source.readyState === "open") this.source.endOfStream();
      return;
    }
    try {
      const parts = await this.fetch(runs, signal);
      for (const [at, { track, first, last }] of runs.entries()) {
        // The element may be elsewhere by now.
        if (signal.aborted) return;
        await this.put(track, fragmentOf(track, first, last, ++this.sequence, parts[at] as Uint8Array));
      }
      this.skipGap();
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  /** The bytes of each run. */
  private async fetch(runs: readonly Run[], signal: AbortSignal): Promise<Uint8Array[]> {
    const ranges = rangesOf(runs);
    const read = await Promise.all(ranges.map((range) => bytesOf(this.file, range, signal)));
    const sample = (offset: number, size: number) => {
      const at = ranges.findIndex(({ from, to }) => from <= offset && offset + size <= to);
      const [range, bytes] = [ranges[at], read[at]];
      if (!range || !bytes || offset + size - range.from > bytes.length) throw new Error("the file ends before its samples do");
      return bytes.subarray(offset - range.from, offset - range.from + size);
    };
    return runs.map(({ track: { samples }, first, last }) =>
      joined(...Array.from({ length: last - first }, (_, at) => sample(samples.offsets[first + at] ?? 0, samples.sizes[first + at] ?? 0))),
    );
  }

  private async put(track: FilmTrack, fragment: Uint8Array): Promise<void> {
    const buffer = this.buffers.get(track) as SourceBuffer;
    try {
      await append(buffer, fragment);
    } catch (error) {
      if ((error as Error).name !== "QuotaExceededError") throw error;
      await this.makeRoom();
      await append(buffer, fragment);
    }
  }

  /** Gives up what lies behind, and what lies far ahead. */
  private async makeRoom(): Promise<void> {
    const now = this.element.currentTime;
    for (const buffer of this.buffers.values()) {
      if (now > BEHIND_S) await remove(buffer, 0, now - BEHIND_S);
      await remove(buffer, now + 2 * AHEAD_S, Number.POSITIVE_INFINITY);
    }
  }

  /** Where a film begins a little later than it says, it is played from there. */
  private skipGap(): void {
    const { buffered, currentTime } = this.element;
    const first = buffered.length > 0 ? buffered.start(0) : 0;
    if (currentTime < first && first < GAP_MAX_S) this.element.currentTime = first;
  }

  /** Until when can be played from there on; undefined where nothing is there. */
  private endOfWhatIsAt(seconds: number): number | undefined {
    const { buffered } = this.element;
    for (let at = 0; at < buffered.length; at++) {
      if (buffered.start(at) <= seconds && seconds < buffered.end(at)) return buffered.end(at);
    }
    return undefined;
  }
}

function append(buffer: SourceBuffer, bytes: Uint8Array): Promise<void> {
  return updated(buffer, () => buffer.appendBuffer(bytes as Uint8Array<ArrayBuffer>));
}

function remove(buffer: SourceBuffer, from: number, to: number): Promise<void> {
  return updated(buffer, () => buffer.remove(from, to));
}

/** Does one thing with a buffer, and waits until it is done. */
function updated(buffer: SourceBuffer, work: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (settle: () => void) => () => {
      buffer.removeEventListener("updateend", done);
      buffer.removeEventListener("error", broken);
      settle();
    };
    const done = end(resolve);
    const broken = end(() => reject(new Error("the browser cannot decode it")));
    buffer.addEventListener("updateend", done);
    buffer.addEventListener("error", broken);
    try {
      work();
    } catch (error) {
      end(() => reject(error))();
    }
  });
}
