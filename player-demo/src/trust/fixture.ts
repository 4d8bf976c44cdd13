/** Bundles for tests, valid unless a test breaks them. */

import type { Bundle } from "./bundle";
import type { Track, TrackKind } from "./track";

const TYPES: Record<TrackKind, string> = { video: "video/mp4", audio: "audio/mp4", subtitles: "text/vtt" };
const CODECS: Record<TrackKind, string> = { video: "avc1.64001f", audio: "mp4a.40.2", subtitles: "wvtt" };

/** A track of three segments, or of one where it is subtitles. */
export function trackOf(kind: TrackKind, id: string, more: Partial<Track> = {}): Track {
  const segments = kind === "subtitles" ? 1 : 3;
  return {
    id,
    kind,
    codecs: CODECS[kind],
    type: TYPES[kind],
    timescale: 1000,
    parts: [segments],
    init: kind === "subtitles" ? 0 : 700,
    initHash: new Uint8Array(32),
    lens: Uint32Array.from({ length: segments }, (_, n) => 1000 + n),
    durations: Uint32Array.from({ length: segments }, (_, n) => (n === 2 ? 1500 : 4000)),
    hashes: new Uint8Array(32 * segments).map((_, at) => at),
    average: 2000,
    peak: 3000,
    default: false,
    language: undefined,
    label: undefined,
    picture: kind === "video" ? { width: 1280, height: 720, rate: 25_000 } : undefined,
    channels: kind === "audio" ? 2 : undefined,
    ...more,
  };
}

/** A film of these tracks. */
export function bundleOf(tracks: Track[], more: Partial<Bundle> = {}): Bundle {
  const nothing = { about: undefined, by: undefined, language: undefined, ledger: undefined, live: undefined, poster: undefined, strip: undefined };
  const lists = { chapters: [], attachments: [], items: [] };
  return {
    kind: "film",
    title: "Film",
    creator: new Uint8Array(32),
    created: 0,
    duration: 9500,
    tracks,
    ...lists,
    ...nothing,
    ...more,
  };
}
