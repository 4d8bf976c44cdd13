/** What `media-tracks/polyfill` adds to media elements; the package does not declare it where it can be found. */

import type { AudioTrack, AudioTrackList, VideoRenditionList, VideoTrack } from "media-tracks";

declare global {
  interface HTMLMediaElement {
    readonly audioTracks: AudioTrackList & Iterable<AudioTrack>;
    readonly videoRenditions: VideoRenditionList;
    addAudioTrack(kind: string, label?: string, language?: string): AudioTrack;
    addVideoTrack(kind: string, label?: string, language?: string): VideoTrack;
  }
}
