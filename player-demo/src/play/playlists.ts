/**
 * HLS playlists, written from the verified bundle.
 *
 * The page never asks a gateway for a playlist: one that lied could leave out segments or play them in
 * another order, each of them right by itself.
 */

import type { Bundle } from "../trust/bundle";
import { initSection, segment, type Expected, type Track } from "../trust/track";
import { languageName } from "./languages";

const AUDIO = "audio";
const SUBTITLES = "subtitles";

/** Whether the browser can decode a media type with codecs. */
export type Supports = (type: string) => boolean;

/** A segment or an init section, by its URL. */
export interface Piece {
  readonly track: Track;
  /** The segment's number; undefined for the init section. */
  readonly n: number | undefined;
  readonly expected: Expected;
}

export class Playlists {
  /** Tracks that this browser can play. */
  readonly tracks: readonly Track[];

  /** `base` ends in `/watch/{id}/`. */
  constructor(
    private readonly base: string,
    bundle: Pick<Bundle, "tracks">,
    supports: Supports,
  ) {
    const plays = (track: Track) => track.kind === "subtitles" || supports(`${track.type}; codecs="${track.codecs}"`);
    this.tracks = bundle.tracks.filter(plays);
  }

  /** Where the multivariant playlist is said to be; of an audio publication, that of one language. */
  master(language?: string): string {
    return `${this.base}master.m3u8${language === undefined ? "" : `?language=${encodeURIComponent(language)}`}`;
  }

  /** Languages of an audio publication, which is one language at a time; empty for films. */
  languages(): string[] {
    const audio = this.of("audio");
    return this.of("video").length > 0 ? [] : [...new Set(audio.map(language))];
  }

  /** The text of the playlist at `url`, or undefined where there is none. */
  text(url: string): string | undefined {
    const { pathname, searchParams } = new URL(url);
    const name = pathname.slice(new URL(this.base).pathname.length);
    if (name === "master.m3u8") return this.multivariant(searchParams.get("language") ?? undefined);
    const track = this.tracks.find((track) => name === `${track.id}.m3u8`);
    return track && media(track);
  }

  /** What the segment or init section at `url` must be, or undefined where there is none. */
  piece(url: string): Piece | undefined {
    const [, id, name, extension] =
      /^([a-z0-9-]+)\/(init|\d{1,5})\.(mp4|m4s|vtt)$/.exec(url.slice(this.base.length)) ?? [];
    const track = this.tracks.find((track) => track.id === id);
    if (!url.startsWith(this.base) || !track) return undefined;
    const n = name === "init" ? undefined : Number(name);
    if (extension !== (n === undefined ? "mp4" : extensionOf(track))) return undefined;
    const expected = n === undefined ? initSection(track) : segment(track, n);
    return expected && { track, n, expected };
  }

  private of(kind: Track["kind"]): Track[] {
    return this.tracks.filter((track) => track.kind === kind);
  }

  private multivariant(wanted: string | undefined): string {
    const [video, audio, subtitles] = [this.of("video"), this.of("audio"), this.of("subtitles")];
    const groups = [...(video.length > 0 ? group(audio, AUDIO) : []), ...group(subtitles, SUBTITLES)];
    const lines =
      video.length > 0
        ? video.flatMap((track) => variant(track, audio, subtitles))
        : audioVariants(audio, subtitles, wanted);
    return ["#EXTM3U", "#EXT-X-VERSION:7", "#EXT-X-INDEPENDENT-SEGMENTS", ...groups, ...lines, ""].join("\n");
  }
}

function audioVariants(audio: Track[], subtitles: Track[], wanted: string | undefined): string[] {
  const chosen = wanted ?? language(audio.find((track) => track.default) ?? audio[0]);
  return audio.filter((track) => language(track) === chosen).flatMap((track) => variant(track, [], subtitles));
}

function language(track: Track | undefined): string {
  return track?.language ?? "und";
}

/** One EXT-X-MEDIA line for each track of a group. */
function group(tracks: Track[], name: string): string[] {
  const lone = tracks.find((track) => track.default) ?? (name === AUDIO ? tracks[0] : undefined);
  return tracks.map((track) => {
    const attributes = [
      `TYPE=${name.toUpperCase()}`,
      `GROUP-ID="${name}"`,
      `NAME="${nameOf(track, tracks)}"`,
      `DEFAULT=${track === lone ? "YES" : "NO"}`,
      "AUTOSELECT=YES",
    ];
    if (track.language !== undefined) attributes.push(`LANGUAGE="${quotable(track.language)}"`);
    if (track.channels !== undefined) attributes.push(`CHANNELS="${track.channels}"`);
    return `#EXT-X-MEDIA:${attributes.join(",")},URI="${track.id}.m3u8"`;
  });
}

/** A name that no other track of the group has. */
function nameOf(track: Track, tracks: Track[]): string {
  const plain = (one: Track) => quotable(one.label ?? languageName(one.language) ?? one.id);
  const name = plain(track);
  return tracks.some((other) => other !== track && plain(other) === name) ? `${name} (${track.id})` : name;
}

function quotable(text: string): string {
  return text.replaceAll('"', "'").replaceAll(/[\r\n]/g, " ");
}

function variant(track: Track, audio: Track[], subtitles: Track[]): string[] {
  const most = (key: "average" | "peak") => Math.max(0, ...audio.map((one) => one[key]));
  const codecs = [...new Set([track.codecs, ...audio.map((one) => one.codecs)])];
  const attributes = [
    `BANDWIDTH=${track.peak + most("peak")}`,
    `AVERAGE-BANDWIDTH=${track.average + most("average")}`,
    `CODECS="${codecs.join(",")}"`,
  ];
  if (track.picture) {
    const { width, height, rate } = track.picture;
    attributes.push(`RESOLUTION=${width}x${height}`, `FRAME-RATE=${(rate / 1000).toFixed(3)}`);
  }
  if (audio.length > 0) attributes.push(`AUDIO="${AUDIO}"`);
  if (subtitles.length > 0) attributes.push(`SUBTITLES="${SUBTITLES}"`);
  return [`#EXT-X-STREAM-INF:${attributes.join(",")}`, `${track.id}.m3u8`];
}

function media(track: Track): string {
  const seconds = [...track.durations].map((units) => units / track.timescale);
  const lines = ["#EXTM3U", "#EXT-X-VERSION:7"];
  lines.push(`#EXT-X-TARGETDURATION:${Math.max(1, Math.round(Math.max(...seconds)))}`, "#EXT-X-PLAYLIST-TYPE:VOD");
  if (track.init > 0) lines.push(`#EXT-X-MAP:URI="${track.id}/init.mp4"`);
  seconds.forEach((length, n) => lines.push(`#EXTINF:${length.toFixed(6)},`, `${track.id}/${n}.${extensionOf(track)}`));
  return [...lines, "#EXT-X-ENDLIST", ""].join("\n");
}

function extensionOf(track: Track): string {
  return track.kind === "subtitles" ? "vtt" : "m4s";
}
