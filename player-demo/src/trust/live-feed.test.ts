import { ed25519 } from "@noble/curves/ed25519.js";
import { describe, expect, it } from "vitest";

import { encodeCanonical, type Value } from "./cbor";
import { cidOfHash } from "./cid";
import { Gateways } from "./gateways";
import { blake3 } from "./hash";
import { LivePlaylists } from "../play/live-playlists";
import { openFeed } from "./live-feed";
import { signedBytes } from "./record";
import { hashHere } from "./verified";

const NETWORK = new Uint8Array(32).fill(0x4e);
const secret = new Uint8Array(32).fill(1);
const stranger = new Uint8Array(32).fill(2);

const map = (entries: Record<string, Value>) => new Map(Object.entries(entries));
const some = (byte: number) => new Uint8Array(32).fill(byte);

function signed(type: string, body: Map<string, Value>, by = secret): Uint8Array {
  const sig = ed25519.sign(signedBytes(NETWORK, body, type), by);
  return encodeCanonical(map({ body, by: ed25519.getPublicKey(by), net: NETWORK, sig, type, v: 1 }));
}

async function stream() {
  const track = map({
    id: "audio", kind: "audio", codecs: "mp4a.40.2", type: "audio/mp4", timescale: 1000, default: true, channels: 2,
    init: new TextEncoder().encode("init"),
  });
  const prelude = encodeCanonical(
    map({
      v: 1, kind: "audio", title: "Now", creator: ed25519.getPublicKey(secret), created: 1, salt: new Uint8Array(16),
      target: 2, longest: 4, tracks: [track],
    }),
  );
  const id = cidOfHash(await blake3(prelude));
  const cid = (byte: number) => new Uint8Array([1, 0x71, 0x1e, 0x20, ...some(byte)]);
  const live = new Uint8Array([1, 0x71, 0x1e, 0x20, ...id.hash]);
  const record = (n: number, by = secret, hash = some(n)) =>
    signed("live_segment", map({ duration: 2000, hash, key: some(9), len: 100 + n, live, n, object: cid(8), track: "audio" }), by);
  const end = signed("live_end", map({ issued: 5, live, publication: cid(7) }));
  return { prelude, id, record, end };
}

/** A gateway that has `have.segments` segments, and gives `answers` instead of what it should. */
function gateway(live: Awaited<ReturnType<typeof stream>>, have: { segments: number; ended: string | null }, answers: Record<string, Uint8Array> = {}) {
  return (path: string): Response => {
    const part = path.split(`/live/${live.id.text}`)[1] ?? "";
    const altered = answers[part];
    if (altered) return new Response(altered.slice());
    if (path.startsWith("/api/live/")) {
      return Response.json({ ended: have.ended, tracks: [{ id: "audio", segments: have.segments }] });
    }
    if (part === "/prelude") return new Response(live.prelude.slice());
    if (part === "/end" && have.ended !== null) return new Response(live.end.slice());
    const n = Number(/^\/audio\/(\d+)\.record$/.exec(part)?.[1] ?? Number.NaN);
    return n < have.segments ? new Response(live.record(n).slice()) : new Response("{}", { status: 404 });
  };
}

function asked(...answers: ((path: string) => Response)[]) {
  const gateways = new Gateways(answers.map((_, at) => `http://g${at}`));
  const fetch = (async (url: string) => {
    const { hostname, pathname } = new URL(url);
    return answers[Number(hostname.slice(1))]?.(pathname);
  }) as typeof globalThis.fetch;
  return { gateways, fetch };
}

describe("a live stream", () => {
  it("grows by what its creator has signed, and ends", async () => {
    const live = await stream();
    const have = { segments: 2, ended: null as string | null };
    const { gateways, fetch } = asked(gateway(live, have));
    const feed = await openFeed(live.id, gateways, hashHere, fetch);
    const playlists = new LivePlaylists(`http://g0/live/${live.id.text}/`, feed, () => true);
    await playlists.prepare();
    expect(await playlists.text(playlists.master())).toContain('CODECS="mp4a.40.2"');
    const url = `http://g0/live/${live.id.text}/audio.m3u8`;
    const early = (await playlists.text(url)) as string;
    expect(early).toContain("#EXT-X-PLAYLIST-TYPE:EVENT");
    expect(early.match(/#EXTINF:2\.000000/g)).toHaveLength(2);
    have.segments = 12;
    const late = (await playlists.text(url)) as string;
    expect(late.startsWith(early)).toBe(true);
    expect(late.match(/#EXTINF/g)).toHaveLength(12);
    expect(playlists.piece(`http://g0/live/${live.id.text}/audio/11.m4s`)?.expected).toMatchObject({ len: 111, hash: some(11) });
    expect(playlists.piece(`http://g0/live/${live.id.text}/audio/12.m4s`)).toBeUndefined();
    expect(playlists.piece(`http://g0/live/${live.id.text}/audio/init.mp4`)?.expected.len).toBe(4);
    have.ended = "by_creator";
    expect(await playlists.text(url)).toBe(`${late}#EXT-X-ENDLIST\n`);
    expect(feed.end).toMatchObject({ byCreator: true });
    expect(feed.end?.publication?.hash).toEqual(some(7));
  });

  it("goes back no further than its window", async () => {
    const live = await stream();
    const { gateways, fetch } = asked(gateway(live, { segments: 1000, ended: null }));
    const feed = await openFeed(live.id, gateways, hashHere, fetch);
    expect(feed.run("audio")?.first).toBe(100);
  });

  const lies: [string, Record<string, Uint8Array> | ((live: Awaited<ReturnType<typeof stream>>) => Record<string, Uint8Array>)][] = [
    ["a segment that a stranger signed", (live) => ({ "/audio/1.record": live.record(1, stranger) })],
    ["another segment in its place", (live) => ({ "/audio/1.record": live.record(0) })],
    ["a record with a flipped bit", (live) => ({ "/audio/1.record": live.record(1).map((byte, at) => (at === 60 ? byte ^ 1 : byte)) })],
    ["another prelude", { "/prelude": new Uint8Array([1, 2, 3]) }],
  ];
  it.each(lies)("turns to another gateway on %s", async (_, lie) => {
    const live = await stream();
    const altered = typeof lie === "function" ? lie(live) : lie;
    const have = { segments: 3, ended: null };
    const { gateways, fetch } = asked(gateway(live, have, altered), gateway(live, have));
    const feed = await openFeed(live.id, gateways, hashHere, fetch);
    await feed.catchUp("audio");
    expect(feed.run("audio")?.segments.map(({ len }) => len)).toEqual([100, 101, 102]);
    expect(gateways.all[0]?.lies).toHaveLength(1);
  });

  it("does not believe an end that its creator has not signed", async () => {
    const live = await stream();
    const { gateways, fetch } = asked(gateway(live, { segments: 0, ended: "by_creator" }, { "/end": live.record(0) }));
    const feed = await openFeed(live.id, gateways, hashHere, fetch);
    await expect(feed.catchUp("audio")).rejects.toThrow("no gateway gave the end");
    expect(feed.end).toBeUndefined();
  });

  it("goes on with another gateway when one says that nothing more comes", async () => {
    const live = await stream();
    const silent = { segments: 2, ended: "silent" as string | null };
    const running = { segments: 2, ended: null as string | null };
    const { gateways, fetch } = asked(gateway(live, silent), gateway(live, running));
    const feed = await openFeed(live.id, gateways, hashHere, fetch);
    await feed.catchUp("audio");
    await feed.catchUp("audio");
    expect(feed.end).toBeUndefined();
    running.segments = 4;
    await feed.catchUp("audio");
    expect(feed.run("audio")?.segments).toHaveLength(4);
    running.ended = "silent";
    await feed.catchUp("audio");
    expect(feed.end).toEqual({ byCreator: false, publication: undefined });
  });
});
