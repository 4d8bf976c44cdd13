/**
 * HLS playlists of a live stream, written from its verified records: they grow as the records come.
 *
 * As with publications, the page never asks a gateway for a playlist.
 */

import type { LiveFeed, LiveRun } from "../trust/live-feed";
import { blake3 } from "../trust/hash";
import type { LiveSegment, LiveTrack } from "../trust/live";
import type { Track } from "../trust/track";
import { type Piece, Playlists, type Supports } from "./playlists";

export class LivePlaylists {
  /** Tracks that this browser can play. */
  readonly tracks: readonly LiveTrack[];
  private readonly inits = new Map<string, Uint8Array>();

  /** `base` ends in `/live/{id}/`. */
  constructor(
    private readonly base: string,
    private readonly feed: LiveFeed,
    supports: Supports,
  ) {
    this.tracks = feed.prelude.tracks.filter((track) => supports(`${track.type}; codecs="${track.codecs}"`));
  }

  /** To be awaited before anything is asked for. */
  async prepare(): Promise<void> {
    for (const track of this.tracks) this.inits.set(track.id, await blake3(track.init));
  }

  master(): string {
    return `${this.base}master.m3u8`;
  }

  /** The text of the playlist at `url` with what has come by now, or undefined where there is none. */
  async text(url: string): Promise<string | undefined> {
    const name = new URL(url).pathname.slice(new URL(this.base).pathname.length);
    if (name === "master.m3u8") return this.multivariant();
    const track = this.tracks.find((track) => name === `${track.id}.m3u8`);
    if (!track) return undefined;
    await this.feed.catchUp(track.id);
    return media(this.run(track), this.feed.prelude.longest, this.feed.end !== undefined);
  }

  /** What the segment or init section at `url` must be, or undefined where there is none. */
  piece(url: string): Piece | undefined {
    const [, id, name, extension] = /^([a-z0-9-]+)\/(init|\d{1,5})\.(mp4|m4s)$/.exec(url.slice(this.base.length)) ?? [];
    const track = this.tracks.find((track) => track.id === id);
    if (!url.startsWith(this.base) || !track || (extension === "mp4") !== (name === "init")) return undefined;
    const run = this.run(track);
    if (name === "init") {
      const hash = this.inits.get(track.id);
      return hash && { track: snapshot(run, hash), n: undefined, expected: { len: track.init.length, hash } };
    }
    const n = Number(name);
    const expected = run.segments[n - run.first];
    return expected && { track: snapshot(run, expected.hash), n, expected };
  }

  private run(track: LiveTrack): LiveRun {
    return this.feed.run(track.id) ?? { track, first: 0, segments: [] };
  }

  private async multivariant(): Promise<string | undefined> {
    await Promise.all(this.tracks.map((track) => this.feed.catchUp(track.id)));
    const tracks = this.tracks.map((track) => snapshot(this.run(track), track.init));
    return new Playlists(this.base, { tracks }, () => true).text(this.master());
  }
}

/** The track as one of a publication that has as many segments as have come. */
function snapshot({ track, segments }: LiveRun, initHash: Uint8Array): Track {
  const rate = ({ len, duration }: LiveSegment) => (8 * len * track.timescale) / duration;
  const sum = (numbers: number[]) => numbers.reduce((one, other) => one + other, 0);
  const units = sum(segments.map(({ duration }) => duration));
  const average = units > 0 ? (8 * sum(segments.map(({ len }) => len)) * track.timescale) / units : 1;
  return {
    ...track,
    parts: segments.map(() => 1),
    init: track.init.length,
    initHash,
    lens: Uint32Array.from(segments, ({ len }) => len),
    durations: Uint32Array.from(segments, ({ duration }) => duration),
    hashes: new Uint8Array(),
    average: Math.ceil(average),
    peak: Math.ceil(segments.reduce((most, segment) => Math.max(most, rate(segment)), 1)),
  };
}

/** A window that keeps its beginning; of one that begins with the first segment, players know that nothing is taken away. */
function media({ track, first, segments }: LiveRun, longest: number, hasEnded: boolean): string {
  const lines = ["#EXTM3U", "#EXT-X-VERSION:7", `#EXT-X-TARGETDURATION:${longest}`, `#EXT-X-MEDIA-SEQUENCE:${first}`];
  if (first === 0) lines.push("#EXT-X-PLAYLIST-TYPE:EVENT");
  lines.push(`#EXT-X-MAP:URI="${track.id}/init.mp4"`);
  for (const [at, { duration }] of segments.entries()) {
    lines.push(`#EXTINF:${(duration / track.timescale).toFixed(6)},`, `${track.id}/${first + at}.m4s`);
  }
  if (hasEnded) lines.push("#EXT-X-ENDLIST");
  return [...lines, ""].join("\n");
}
