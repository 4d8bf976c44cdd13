import { describe, expect, it } from "vitest";

import { cidOfHash } from "../trust/cid";
import type { LiveFeed, LiveRun } from "../trust/live-feed";
import { limitOfStream, paidStream } from "./paid";

const hashOf = (byte: number) => new Uint8Array(32).fill(byte);
const run = (kind: "video" | "audio", len: number, first = 0): LiveRun => ({
  track: { id: kind, kind, timescale: 1000 } as LiveRun["track"],
  first,
  segments: [1, 2, 3].map((n) => ({ len, duration: 2000, hash: hashOf((n + len) % 251) })),
});

describe("a stream that is paid for", () => {
  const runs = new Map([["video", run("video", 100_000)], ["audio", run("audio", 10, 7)]]);
  const prelude = { ledger: hashOf(1), creator: hashOf(2), by: undefined, tracks: [{ id: "video" }, { id: "audio" }, { id: "late" }] };
  const feed = { id: cidOfHash(hashOf(3)), prelude, run: (id: string) => runs.get(id) } as unknown as LiveFeed;

  it("needs for an hour what it has needed so far, and some room", () => {
    const bytes = ((100_000 + 10) / 2) * 3600 * 1.5 + 32 * 2 ** 20;
    expect(limitOfStream([...runs.values(), run("video", 99)])).toEqual({ bytes: BigInt(bytes), ms: 3_600_000n });
    expect(limitOfStream([{ ...run("audio", 5), segments: [] }]).bytes).toBe(32n << 20n);
  });

  it("knows when its segments are played, those too that came since", () => {
    const paid = paidStream(feed);
    expect(paid?.moment(hashOf(12))).toEqual({ name: "audio/8", kind: "audio", ms: 2000 });
    expect(paid?.moment(hashOf(99))).toBeUndefined();
    runs.set("late", { ...run("video", 50), segments: [{ len: 1, duration: 500, hash: hashOf(99) }] });
    expect(paid?.moment(hashOf(99))).toEqual({ name: "video/0", kind: "video", ms: 500 });
  });

  it("is none without a ledger", () => {
    expect(paidStream({ ...feed, prelude: { ...prelude, ledger: undefined } } as unknown as LiveFeed)).toBeUndefined();
  });
});
