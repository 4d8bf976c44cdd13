/** Plays a live stream through hls.js. */

import Hls from "hls.js";

import type { Asker } from "../trust/ask";
import type { LiveFeed } from "../trust/live-feed";
import { buildControls } from "./controls";
import { LivePlaylists } from "./live-playlists";
import { type Listener, loadersOf } from "./loaders";
import { connectLiveMenus } from "./menus";
import { type OnFatal, type Player, recover } from "./player";

/** What the page keeps of the past, in seconds. */
const BEHIND_S = 60;
/** So many usual segments behind the newest one is where a viewer watches. */
const SEGMENTS_BEHIND = 3;

/** The player of a live stream, which begins near its end. Fails where the browser cannot play it at all. */
export async function buildLivePlayer(
  feed: LiveFeed,
  asker: Asker,
  listener: Listener,
  onFatal: OnFatal,
): Promise<Player> {
  const { prelude, id } = feed;
  if (!Hls.isSupported())
    throw new Error("this browser has no Media Source Extensions, without which bytes cannot be verified");
  const supports = (type: string) => Hls.getMediaSource()?.isTypeSupported(type) ?? false;
  const playlists = new LivePlaylists(`${location.origin}/live/${id.text}/`, feed, supports);
  if (playlists.tracks.length === 0) {
    throw new Error(`this browser cannot decode ${prelude.tracks.map((track) => track.codecs).join(", ")}`);
  }
  await playlists.prepare();
  const { root, video } = buildControls(prelude.title, prelude.kind === "audio");
  const hls = new Hls({
    ...loadersOf(playlists, asker, listener),
    liveSyncDuration: SEGMENTS_BEHIND * prelude.target,
    liveDurationInfinity: true,
    backBufferLength: BEHIND_S,
    // The segments are already what the browser takes; a worker would only copy them.
    enableWorker: false,
  });
  connectLiveMenus(hls, video);
  hls.on(Hls.Events.ERROR, (_, data) => recover(hls, data, onFatal));
  hls.loadSource(playlists.master());
  hls.attachMedia(video);
  return { root, video, hls };
}
