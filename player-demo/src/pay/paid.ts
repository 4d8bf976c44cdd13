/** What is shown for money: a publication, or a stream while it is made. */

import { hex } from "../page/format";
import type { Cid } from "../trust/cid";
import type { LiveFeed, LiveRun } from "../trust/live-feed";
import type { Bundle } from "../trust/bundle";
import type { Publication } from "../trust/publication";
import { type Expected, segment } from "../trust/track";
import type { Usage } from "./price";
import type { Moment } from "./stream";

/** Grants may be for so much more than the whole title, in parts of ten. */
const ROOM = { of: 10n, parts: 15n };
const ROOM_MS = 60_000n;
const ROOM_BYTES = 32n << 20n;
const LIMIT_BYTES_MAX = 1n << 44n;
const LIMIT_MS_MAX = 1n << 32n;
/** Nobody knows how long a stream will be: a grant is for so much of it, in seconds. */
const LIVE_S = 3600;

export interface Paid {
  /** What agreements about it name: its id, or that of the stream that it was. */
  readonly content: Cid;
  /** For people: `film`. */
  readonly noun: string;
  readonly creator: Uint8Array;
  readonly by: string | undefined;
  /** The key of its ledger. */
  readonly issuer: Uint8Array;
  /** For people: what may be watched within the limit. */
  readonly within: string;
  /** The most that watching it can need: once, or of a stream for an hour. */
  limit(): Usage;
  /** When the segment with this hash is played. */
  moment(hash: Uint8Array): Moment | undefined;
}

/** A publication that is paid for; undefined where it is free. */
export function paidPublication({ id, bundle }: Publication): Paid | undefined {
  if (!bundle.ledger) return undefined;
  const moments = momentsOf(bundle);
  return {
    content: bundle.live ?? id,
    noun: bundle.kind === "audio" ? "recording" : "film",
    creator: bundle.creator,
    by: bundle.by,
    issuer: bundle.ledger,
    within: "it",
    limit: () => limitOf(bundle),
    moment: (hash) => moments.get(hex(hash)),
  };
}

/** A stream that is paid for; undefined where it is free. */
export function paidStream(feed: LiveFeed): Paid | undefined {
  const { by, creator, ledger, tracks } = feed.prelude;
  if (!ledger) return undefined;
  const runs = () => tracks.map(({ id }) => feed.run(id)).filter((run) => run !== undefined);
  return { content: feed.id, noun: "live stream", creator, by, issuer: ledger, within: "an hour of it", limit: () => limitOfStream(runs()), moment: (hash) => momentIn(runs(), hex(hash)) };
}

/** The most that watching a title once can need: its length, its largest tracks, and some room. */
export function limitOf({ duration, tracks }: Bundle): Usage {
  const length = (lens: Uint32Array) => lens.reduce((sum, len) => sum + len, 0);
  const largest = (["video", "audio", "subtitles"] as const).map((kind) =>
    Math.max(0, ...tracks.filter((track) => track.kind === kind).map((track) => length(track.lens))),
  );
  const more = (whole: number, room: bigint) => (BigInt(whole) * ROOM.parts) / ROOM.of + room;
  return bounded({ bytes: more(largest.reduce((sum, len) => sum + len, 0), ROOM_BYTES), ms: more(duration, ROOM_MS) });
}

/** What an hour of a stream needs, if it goes on as it has begun. */
export function limitOfStream(runs: readonly LiveRun[]): Usage {
  const rate = ({ segments, track }: LiveRun) => {
    const sum = (of: (segment: LiveRun["segments"][number]) => number) => segments.reduce((sum, one) => sum + of(one), 0);
    const units = sum(({ duration }) => duration);
    return units > 0 ? (sum(({ len }) => len) * track.timescale) / units : 0;
  };
  const largest = (["video", "audio"] as const).map((kind) => Math.max(0, ...runs.filter(({ track }) => track.kind === kind).map(rate)));
  const bytes = Math.ceil(largest.reduce((sum, rate) => sum + rate, 0) * LIVE_S);
  return bounded({ bytes: (BigInt(bytes) * ROOM.parts) / ROOM.of + ROOM_BYTES, ms: BigInt(LIVE_S) * 1000n });
}

function bounded({ bytes, ms }: Usage): Usage {
  return { bytes: bytes < LIMIT_BYTES_MAX ? bytes : LIMIT_BYTES_MAX, ms: ms < LIMIT_MS_MAX ? ms : LIMIT_MS_MAX };
}

/** When each segment is played, by its hash. */
function momentsOf({ tracks }: Bundle): Map<string, Moment> {
  const moments = new Map<string, Moment>();
  for (const track of tracks) {
    const { kind, timescale } = track;
    if (kind === "subtitles") continue;
    for (const [at, duration] of track.durations.entries()) {
      const { hash } = segment(track, at) as Expected;
      moments.set(hex(hash), { name: `${kind}/${at}`, kind, ms: (duration * 1000) / timescale });
    }
  }
  return moments;
}

/** The same in what has come of a stream: the newest is asked for most. */
function momentIn(runs: readonly LiveRun[], hash: string): Moment | undefined {
  for (const { first, segments, track } of runs) {
    let at = segments.length - 1;
    while (at >= 0 && hex((segments[at] as LiveRun["segments"][number]).hash) !== hash) at -= 1;
    const found = segments[at];
    const { kind, timescale } = track;
    if (found && kind !== "subtitles") return { name: `${kind}/${first + at}`, kind, ms: (found.duration * 1000) / timescale };
  }
  return undefined;
}
