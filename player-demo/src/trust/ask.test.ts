import { beforeAll, describe, expect, it, vi } from "vitest";

import { Asker, NobodyError, type Wanted } from "./ask";
import { Gateways } from "./gateways";
import { blake3 } from "./hash";
import { hashHere } from "./verified";

const film = Uint8Array.from({ length: 5000 }, (_, at) => at % 251);
let wanted: Wanted;

beforeAll(async () => {
  wanted = {
    path: "/watch/b/v/0.m4s",
    name: "segment 0 of v",
    expected: { len: film.length, hash: await blake3(film) },
  };
});

type Answer = () => Response | Promise<Response>;
const honest: Answer = () => new Response(film.slice());
const flipped: Answer = () => new Response(film.map((byte, at) => (at === 4000 ? byte ^ 1 : byte)));
const down: Answer = () => Promise.reject(new TypeError("connection refused"));

/** An asker of gateways that answer so, and the origins that were asked. */
function asker(answers: Record<string, Answer>) {
  const asked: string[] = [];
  const gateways = new Gateways(Object.keys(answers));
  const fetch = (async (url: string) => {
    const { origin } = new URL(url);
    asked.push(origin);
    return (answers[origin] as Answer)();
  }) as typeof globalThis.fetch;
  return { asked, gateways, asker: new Asker(gateways, hashHere, fetch) };
}

describe("asking gateways", () => {
  it("gives the right bytes of the first that has them", async () => {
    const { asked, asker: ask } = asker({ "http://a": honest, "http://b": honest });
    const given = await ask.ask(wanted);
    expect(new Uint8Array(given.verified.bytes)).toEqual(film);
    expect(given.gateway.origin).toBe("http://a");
    expect(asked).toEqual(["http://a"]);
  });

  const lies: [string, Answer][] = [
    ["a flipped bit", flipped],
    ["a byte too few", () => new Response(film.slice(0, -1))],
    ["a byte too many", () => new Response(new Uint8Array([...film, 0]))],
    ["nothing at all", () => new Response(new Uint8Array())],
    ["something endless", () => new Response(new ReadableStream({ pull: (to) => to.enqueue(new Uint8Array(1000)) }))],
  ];
  it.each(lies)("turns to the next gateway after %s, and never asks the first again", async (_, lie) => {
    const { asked, gateways, asker: ask } = asker({ "http://a": lie, "http://b": honest });
    expect((await ask.ask(wanted)).gateway.origin).toBe("http://b");
    expect(gateways.all[0]?.lies).toEqual(["segment 0 of v"]);
    await ask.ask(wanted);
    expect(asked).toEqual(["http://a", "http://b", "http://b"]);
  });

  it("gives nothing when all of them lie", async () => {
    const { asker: ask } = asker({ "http://a": flipped, "http://b": flipped });
    const error = await ask.ask(wanted).catch((error: unknown) => error);
    expect(error).toBeInstanceOf(NobodyError);
    expect((error as NobodyError).hopeless).toBe(true);
  });

  it("passes by a silent gateway for a while, but does not give it up", async () => {
    const { asked, gateways, asker: ask } = asker({ "http://a": down, "http://b": honest });
    await ask.ask(wanted);
    await ask.ask(wanted);
    expect(asked).toEqual(["http://a", "http://b", "http://b"]);
    expect(gateways.order(Date.now() + 60_000)[0]?.origin).toBe("http://a");
    gateways.lied(gateways.all[1] as never, "another segment");
    expect(gateways.order(Date.now())[0]?.origin).toBe("http://a");
  });

  it("is not hopeless while one of them is only silent, and hands on its status", async () => {
    const busy: Answer = () => new Response('{"title":"Busy","detail":"too many are asking"}', { status: 503 });
    const { asker: ask } = asker({ "http://a": flipped, "http://b": busy });
    const error = (await ask.ask(wanted).catch((error: unknown) => error)) as NobodyError;
    expect([error.hopeless, error.status]).toEqual([false, 503]);
    expect(error.message).toContain("the gateway answered 503: too many are asking");
  });

  it("tells how much has come, and nothing of what has", async () => {
    const { asker: ask } = asker({ "http://a": honest });
    const progress = vi.fn();
    await ask.ask(wanted, undefined, progress);
    expect(progress.mock.calls.flat().every((value) => typeof value === "number")).toBe(true);
    expect(progress).toHaveBeenLastCalledWith(film.length);
  });

  it("blames nobody when the caller aborts", async () => {
    const controller = new AbortController();
    const never: Answer = () =>
      new Promise((_, reject) => controller.signal.addEventListener("abort", () => reject(new Error("aborted"))));
    const { gateways, asker: ask } = asker({ "http://a": never, "http://b": honest });
    const asked = ask.ask(wanted, controller.signal);
    controller.abort();
    await expect(asked).rejects.toThrow("aborted");
    expect(gateways.all[0]).toMatchObject({ lies: [], silentUntil: 0 });
  });
});
