/** Plays one publication through hls.js. */

import Hls, { type ErrorData } from "hls.js";

import type { Asker } from "../trust/ask";
import type { Publication } from "../trust/publication";
import { buildControls } from "./controls";
import { chapterCues, type Cue, thumbnailCues } from "./cues";
import { type Listener, loadersOf } from "./loaders";
import { connectMenus } from "./menus";
import { Playlists } from "./playlists";
import { Resume } from "./resume";

/** How far the page reads ahead, and what it keeps of the past, in seconds. */
const AHEAD_S = 30;
const BEHIND_S = 60;
/** Bits per second that are hoped for before anything was measured. */
const FIRST_ESTIMATE = 3_000_000;

export interface Player {
  readonly root: HTMLElement;
  readonly video: HTMLVideoElement;
  readonly hls: Hls;
}

/** Why nothing plays, in words for the viewer. */
export type OnFatal = (reason: string) => void;

/**
 * The player of a publication. It begins to load at once, or with `lazy` when it is asked to play.
 *
 * Fails where the browser cannot play the publication at all.
 */
export function buildPlayer(
  publication: Publication,
  asker: Asker,
  listener: Listener,
  onFatal: OnFatal,
  lazy: boolean,
): Player {
  const { id, bundle } = publication;
  if (!Hls.isSupported())
    throw new Error("this browser has no Media Source Extensions, without which bytes cannot be verified");
  const supports = (type: string) => Hls.getMediaSource()?.isTypeSupported(type) ?? false;
  const playlists = new Playlists(`${location.origin}/watch/${id.text}/`, bundle, supports);
  if (!playlists.tracks.some((track) => track.kind !== "subtitles")) {
    throw new Error(
      `this browser cannot decode ${[...new Set(bundle.tracks.map((track) => track.codecs))].join(", ")}`,
    );
  }
  const { root, video } = buildControls(bundle.title, bundle.kind === "audio");
  const resume = new Resume(id.text, localStorage);
  const startPosition = resume.position() || -1;
  const hls = new Hls({
    ...loadersOf(playlists, asker, listener),
    autoStartLoad: !lazy,
    startFragPrefetch: true,
    startPosition,
    maxBufferLength: AHEAD_S,
    maxMaxBufferLength: AHEAD_S,
    backBufferLength: BEHIND_S,
    abrEwmaDefaultEstimate: FIRST_ESTIMATE,
    // The segments are already what the browser takes; a worker would only copy them.
    enableWorker: false,
    capLevelToPlayerSize: true,
  });
  connectMenus(hls, video, playlists);
  hls.on(Hls.Events.ERROR, (_, data) => recover(hls, data, onFatal));
  hls.loadSource(playlists.master());
  hls.attachMedia(video);
  if (lazy) video.addEventListener("play", () => hls.startLoad(startPosition), { once: true });
  remember(video, resume);
  void decorate(video, publication, asker);
  return { root, video, hls };
}

/** One attempt at a broken decoder; whatever else is fatal is said. */
export function recover(hls: Hls, data: ErrorData, onFatal: OnFatal): void {
  if (!data.fatal) return;
  if (
    data.type === Hls.ErrorTypes.MEDIA_ERROR &&
    data.details !== Hls.ErrorDetails.MANIFEST_INCOMPATIBLE_CODECS_ERROR
  ) {
    hls.recoverMediaError();
  } else {
    hls.destroy();
    onFatal(data.error.message);
  }
}

function remember(video: HTMLVideoElement, resume: Resume): void {
  video.addEventListener("timeupdate", () => resume.note(video.currentTime, video.duration));
  const last = () => resume.note(video.currentTime, video.duration, true);
  video.addEventListener("pause", last);
  addEventListener("pagehide", last);
}

/** Poster, chapters and thumbnails. The player does without those that no gateway gives. */
async function decorate(video: HTMLVideoElement, { id, bundle }: Publication, asker: Asker): Promise<void> {
  if (bundle.chapters.length > 0) addCues(video, "chapters", chapterCues(bundle));
  const picture = async (name: "poster" | "strip", expected: { len: number; hash: Uint8Array; type: string }) => {
    const given = await asker.ask({ path: `/watch/${id.text}/${name}`, name: `the ${name}`, expected });
    return URL.createObjectURL(new Blob([given.verified.bytes], { type: expected.type }));
  };
  const { poster, strip } = bundle;
  if (poster)
    await picture("poster", poster).then(
      (url) => (video.poster = url),
      () => {},
    );
  if (!strip) return;
  // Nobody looks for thumbnails before there is a picture, and that comes sooner without them.
  await new Promise((resolve) => video.addEventListener("loadeddata", resolve, { once: true }));
  await picture("strip", strip.file).then(
    (url) => addCues(video, "metadata", thumbnailCues(strip, url, bundle.duration)),
    () => {},
  );
}

/** Not by a `track` element that is the default, after which Chromium turns captions on as well. */
function addCues(video: HTMLVideoElement, kind: "chapters" | "metadata", cues: Cue[]): void {
  const track = video.addTextTrack(kind, kind === "metadata" ? "thumbnails" : "chapters");
  for (const { start, end, text } of cues) track.addCue(new VTTCue(start, end, text));
  track.mode = "hidden";
}
