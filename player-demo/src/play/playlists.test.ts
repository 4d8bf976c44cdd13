import { describe, expect, it } from "vitest";

import { bundleOf, trackOf } from "../trust/fixture";
import { Playlists } from "./playlists";

const BASE = "https://gateway.example/watch/bafy/";
const everything = () => true;

const film = bundleOf([
  trackOf("video", "video-720"),
  trackOf("video", "video-h265", { codecs: "hvc1.1.6.L93" }),
  trackOf("audio", "audio-en", { language: "en", default: true }),
  trackOf("audio", "audio-en2", { language: "en" }),
  trackOf("subtitles", "subs", { label: 'He said "no"' }),
]);

describe("playlists", () => {
  const playlists = new Playlists(BASE, film, (type) => !type.includes("hvc1"));

  it("name the tracks that the browser can play", () => {
    const text = playlists.text(playlists.master()) ?? "";
    expect(text.match(/^#EXT-X-STREAM-INF/gm)).toHaveLength(1);
    expect(text).toContain(
      'BANDWIDTH=6000,AVERAGE-BANDWIDTH=4000,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=1280x720,FRAME-RATE=25.000',
    );
    expect(text).toContain('AUDIO="audio",SUBTITLES="subtitles"\nvideo-720.m3u8\n');
    expect(text).not.toContain("h265");
    expect(playlists.text(`${BASE}video-h265.m3u8`)).toBeUndefined();
  });

  it("give every track of a group a name of its own, and one default", () => {
    const lines = (playlists.text(playlists.master()) ?? "").split("\n").filter((line) => line.includes("TYPE=AUDIO"));
    expect(lines.map((line) => /NAME="([^"]*)"/.exec(line)?.[1])).toEqual([
      "English (audio-en)",
      "English (audio-en2)",
    ]);
    expect(lines.map((line) => line.includes("DEFAULT=YES"))).toEqual([true, false]);
  });

  it("keep texts from breaking out of their quotes", () => {
    expect(playlists.text(playlists.master())).toContain(`NAME="He said 'no'"`);
  });

  it("list the segments in order, with their durations", () => {
    expect(playlists.text(`${BASE}video-720.m3u8`)).toBe(
      `#EXTM3U
#EXT-X-VERSION:7
#EXT-X-TARGETDURATION:4
#EXT-X-PLAYLIST-TYPE:VOD
#EXT-X-MAP:URI="video-720/init.mp4"
#EXTINF:4.000000,
video-720/0.m4s
#EXTINF:4.000000,
video-720/1.m4s
#EXTINF:1.500000,
video-720/2.m4s
#EXT-X-ENDLIST
`,
    );
    expect(playlists.text(`${BASE}subs.m3u8`)).toContain("subs/0.vtt");
  });

  it("know what each of their URLs must give", () => {
    expect(playlists.piece(`${BASE}video-720/init.mp4`)?.expected.len).toBe(700);
    expect(playlists.piece(`${BASE}video-720/2.m4s`)).toMatchObject({ n: 2, expected: { len: 1002 } });
    expect([...(playlists.piece(`${BASE}video-720/1.m4s`)?.expected.hash ?? [])]).toEqual(
      Array.from({ length: 32 }, (_, at) => at + 32),
    );
    expect(playlists.piece(`${BASE}subs/0.vtt`)?.expected.len).toBe(1000);
  });

  const foreign = [
    "video-720/3.m4s",
    "video-720/0.vtt",
    "video-720/-1.m4s",
    "subs/init.mp4",
    "subs/0.m4s",
    "none/0.m4s",
    "../x/video-720/0.m4s",
    "video-720/0.m4s?a",
    "bundle",
  ];
  it.each(foreign)("know nothing of %s", (path) => {
    expect(playlists.piece(BASE + path)).toBeUndefined();
  });

  it("know nothing of other origins", () => {
    expect(playlists.piece("https://other.example/watch/bafy/video-720/0.m4s")).toBeUndefined();
  });

  it("play an audio publication in one language at a time", () => {
    const tracks = [
      trackOf("audio", "de", { language: "de" }),
      trackOf("audio", "en", { language: "en", default: true }),
      trackOf("audio", "en-low", { language: "en" }),
    ];
    const album = new Playlists(BASE, bundleOf(tracks, { kind: "audio" }), everything);
    expect(album.languages()).toEqual(["de", "en"]);
    expect(album.text(album.master())?.match(/^[a-z-]+\.m3u8$/gm)).toEqual(["en.m3u8", "en-low.m3u8"]);
    expect(album.text(album.master("de"))?.match(/^[a-z-]+\.m3u8$/gm)).toEqual(["de.m3u8"]);
    expect(playlists.languages()).toEqual([]);
  });
});
