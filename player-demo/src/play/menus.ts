/** Joins media-chrome's menus for quality and audio to hls.js, by the media element's track lists. */

import Hls from "hls.js";

import { languageName } from "./languages";
import type { Playlists } from "./playlists";

/** Fills the menus when the playlists are known, and follows what is chosen in them. */
export function connectMenus(hls: Hls, video: HTMLVideoElement, playlists: Playlists): void {
  const languages = playlists.languages();
  connectQuality(hls, video);
  if (languages.length > 1) connectLanguages(hls, video, playlists, languages);
  else connectAudio(hls, video);
}

/** The same for a live stream, whose sounds are those of one picture. */
export function connectLiveMenus(hls: Hls, video: HTMLVideoElement): void {
  connectQuality(hls, video);
  connectAudio(hls, video);
}

function connectQuality(hls: Hls, video: HTMLVideoElement): void {
  hls.once(Hls.Events.MANIFEST_PARSED, () => {
    if (hls.levels.length < 2) return;
    const track = video.addVideoTrack("main");
    track.selected = true;
    for (const [at, level] of hls.levels.entries()) {
      const rendition = track.addRendition(level.uri, level.width, level.height, level.videoCodec, level.bitrate);
      rendition.id = String(at);
    }
  });
  // Nothing selected is index -1, which is also what hls.js calls its own choice.
  video.videoRenditions.addEventListener("change", () => (hls.nextLevel = video.videoRenditions.selectedIndex));
}

function connectAudio(hls: Hls, video: HTMLVideoElement): void {
  hls.once(Hls.Events.AUDIO_TRACKS_UPDATED, () => {
    for (const { id, name, lang, default: main } of hls.audioTracks) {
      const track = video.addAudioTrack(main ? "main" : "alternative", name, lang ?? "");
      track.id = String(id);
      track.enabled = id === hls.audioTrack || (hls.audioTrack < 0 && main);
    }
  });
  video.audioTracks.addEventListener("change", () => {
    const chosen = [...video.audioTracks].find((track) => track.enabled);
    if (chosen && Number(chosen.id) !== hls.audioTrack) hls.audioTrack = Number(chosen.id);
  });
}

/** An audio publication is loaded anew for another language, from the same place. */
function connectLanguages(hls: Hls, video: HTMLVideoElement, playlists: Playlists, languages: string[]): void {
  const first = playlists.tracks.find((track) => track.kind === "audio" && track.default)?.language ?? languages[0];
  for (const language of languages) {
    const track = video.addAudioTrack(
      language === first ? "main" : "alternative",
      languageName(language) ?? language,
      language,
    );
    track.id = language;
    track.enabled = language === first;
  }
  let playing = first;
  video.audioTracks.addEventListener("change", () => {
    const chosen = [...video.audioTracks].find((track) => track.enabled)?.id;
    if (chosen === undefined || chosen === playing) return;
    playing = chosen;
    const { currentTime, paused } = video;
    hls.config.startPosition = currentTime;
    hls.loadSource(playlists.master(chosen));
    if (!paused) void video.play();
  });
}
