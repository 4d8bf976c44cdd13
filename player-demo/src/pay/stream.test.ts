import { describe, expect, it } from "vitest";

import { hex } from "../page/format";
import { andSegment, NOTHING } from "./delivered";
import { Stream } from "./stream";

const segment = (at: number, len = 1000) => ({ len, hash: new Uint8Array(32).fill(at) });

const ROOM = { bytes: 1_000_000n, ms: 5000n };

describe("a stream", () => {
  it("begins with an empty receipt, and then says everything each time", () => {
    const stream = new Stream(new Uint8Array(16), 3, 1_000_000, ROOM);
    expect(stream.next()).toMatchObject({ seq: 0, stream: 3, usage: { bytes: 0n, ms: 0n }, delivered: { count: 0 } });
    stream.take(segment(1));
    stream.next();
    stream.take(segment(2));
    stream.play(1500.7);
    const { delivered, seq, usage } = stream.next();
    expect([seq, usage, delivered.count]).toEqual([2, { bytes: 2000n, ms: 1500n }, 2]);
    expect(hex(delivered.hash)).toBe(hex(andSegment(andSegment(NOTHING, segment(1).hash), segment(2).hash).hash));
  });

  it("is due after some segments, or when a good part of the credit is used", () => {
    const stream = new Stream(new Uint8Array(16), 0, 1_000_000, ROOM);
    for (let at = 0; at < 3; at++) stream.take(segment(at));
    expect(stream.isDue()).toBe(false);
    stream.take(segment(4));
    expect(stream.isDue()).toBe(true);
    stream.acknowledged(stream.next());
    expect([stream.isDue(), stream.isSettled()]).toEqual([false, true]);
    stream.take(segment(5, 250_000));
    expect(stream.isDue()).toBe(true);
  });

  it("is not settled by an older receipt than what has come since", () => {
    const stream = new Stream(new Uint8Array(16), 0, 1_000_000, ROOM);
    stream.take(segment(0));
    const old = stream.next();
    stream.take(segment(1));
    const newer = stream.next();
    stream.acknowledged(newer);
    stream.acknowledged(old);
    expect(stream.isSettled()).toBe(true);
    stream.play(20);
    expect(stream.isSettled()).toBe(false);
    stream.play(10_000);
    stream.acknowledged(stream.next());
    stream.play(10_000);
    // No receipt says more than the grant allows, or it would be refused.
    expect([stream.usage.ms, stream.isSettled()]).toEqual([5000n, true]);
  });

  it("acknowledges what has come and is not played, but for what lies ahead, where time is paid for", () => {
    const stream = new Stream(new Uint8Array(16), 0, 1_000_000, { bytes: 1_000_000n, ms: 1_000_000n });
    const moment = (kind: "video" | "audio", at: number) => ({ name: `${kind}/${at}`, kind, ms: 4000 });
    for (let at = 0; at < 10; at++) stream.take(segment(at), moment("video", at));
    expect(stream.usage.ms).toBe(0n);
    for (let at = 0; at < 20; at++) stream.take(segment(at), moment("audio", at));
    // Sound and picture of one moment, or another rendition of it, are played at once.
    for (let at = 0; at < 20; at++) stream.take(segment(at), moment("audio", at));
    expect(stream.usage.ms).toBe(35_000n);
    stream.play(36_000);
    expect(stream.usage.ms).toBe(36_000n);
  });
});
