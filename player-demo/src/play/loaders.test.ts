import type { FragmentLoaderContext, Loader, LoaderCallbacks, LoaderConfiguration, LoaderContext } from "hls.js";
import { beforeEach, describe, expect, it, vi } from "vitest";

import { Asker, NobodyError } from "../trust/ask";
import { bundleOf, trackOf } from "../trust/fixture";
import { Gateways } from "../trust/gateways";
import { blake3 } from "../trust/hash";
import { hashHere } from "../trust/verified";
import { type Listener, loadersOf } from "./loaders";
import { Playlists } from "./playlists";

const BASE = "https://gateway.example/watch/bafy/";
const config = {} as LoaderConfiguration;
const bytes = new Uint8Array(1000).fill(7);

type Answer = () => Response;
let playlists: Playlists;

beforeEach(async () => {
  const track = trackOf("video", "v", {
    lens: Uint32Array.of(1000),
    durations: Uint32Array.of(4000),
    hashes: await blake3(bytes),
    parts: [1],
  });
  playlists = new Playlists(BASE, bundleOf([track]), () => true);
});

/** The loaders above one gateway that answers so, and what they tell. */
function loaders(answer: Answer) {
  const listener = { delivered: vi.fn(), failed: vi.fn() } satisfies Listener;
  const gateways = new Gateways(["https://gateway.example"]);
  const asker = new Asker(gateways, hashHere, async () => answer());
  return { listener, ...loadersOf(playlists, asker, listener) };
}

/** How a loader answers for `url`. */
async function load<C extends LoaderContext>(Kind: new (config: never) => unknown, url: string) {
  const loader = new Kind(config as never) as Loader<C>;
  const callbacks = { onSuccess: vi.fn(), onError: vi.fn(), onTimeout: vi.fn(), onProgress: vi.fn(), onAbort: vi.fn() };
  loader.load({ url, responseType: "arraybuffer" } as C, config, callbacks as LoaderCallbacks<C>);
  await vi.waitFor(() => expect(callbacks.onSuccess.mock.calls.length + callbacks.onError.mock.calls.length).toBe(1));
  return { loader, callbacks };
}

describe("the loader of segments", () => {
  it("gives hls.js what has been verified, all at once", async () => {
    const { fLoader, listener } = loaders(() => new Response(bytes.slice()));
    const { loader, callbacks } = await load<FragmentLoaderContext>(fLoader as never, `${BASE}v/0.m4s`);
    expect(new Uint8Array(callbacks.onSuccess.mock.calls[0]?.[0].data)).toEqual(bytes);
    expect(callbacks.onProgress).not.toHaveBeenCalled();
    expect(listener.delivered).toHaveBeenCalledOnce();
    expect(loader.stats).toMatchObject({ loaded: 1000, total: 1000, aborted: false });
    expect(loader.stats.loading.end).toBeGreaterThanOrEqual(loader.stats.loading.first);
  });

  it("still counts for the bandwidth after it was destroyed", async () => {
    const { fLoader } = loaders(() => new Response(bytes.slice()));
    const { loader } = await load<FragmentLoaderContext>(fLoader as never, `${BASE}v/0.m4s`);
    loader.destroy();
    expect(loader.stats.aborted).toBe(false);
  });

  it("gives nothing of what was altered", async () => {
    const { fLoader, listener } = loaders(() => new Response(bytes.map((byte, at) => (at === 0 ? 8 : byte))));
    const { callbacks } = await load<FragmentLoaderContext>(fLoader as never, `${BASE}v/0.m4s`);
    expect(callbacks.onError.mock.calls[0]?.[0].code).toBe(503);
    expect(callbacks.onProgress).not.toHaveBeenCalled();
    expect((listener.failed.mock.calls[0]?.[0] as NobodyError).hopeless).toBe(true);
    expect(listener.delivered).not.toHaveBeenCalled();
  });

  it.each([
    [429, 503],
    [500, 503],
    [451, 451],
    [404, 404],
  ])("turns %d of a gateway into %d", async (status, code) => {
    const { fLoader } = loaders(() => new Response("", { status }));
    const { callbacks } = await load<FragmentLoaderContext>(fLoader as never, `${BASE}v/0.m4s`);
    expect(callbacks.onError.mock.calls[0]?.[0].code).toBe(code);
  });

  it.each([`${BASE}v/1.m4s`, `${BASE}w/0.m4s`, "https://other.example/watch/bafy/v/0.m4s"])(
    "asks nobody for %s",
    async (url) => {
      const answer = vi.fn<Answer>();
      const { callbacks } = await load<FragmentLoaderContext>(loaders(answer).fLoader as never, url);
      expect(callbacks.onError.mock.calls[0]?.[0].code).toBe(404);
      expect(answer).not.toHaveBeenCalled();
    },
  );

  it("says nothing more after it was aborted", async () => {
    const { fLoader, listener } = loaders(() => new Response(bytes.slice()));
    const loader = new (fLoader as never as new (config: unknown) => Loader<FragmentLoaderContext>)(config);
    const callbacks = { onSuccess: vi.fn(), onError: vi.fn(), onTimeout: vi.fn() };
    loader.load({ url: `${BASE}v/0.m4s` } as FragmentLoaderContext, config, callbacks);
    loader.abort();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(loader.stats.aborted).toBe(true);
    expect([callbacks.onSuccess, callbacks.onError, listener.delivered].flatMap((mock) => mock.mock.calls)).toEqual([]);
  });
});

describe("the other loaders", () => {
  it("read playlists from the bundle alone", async () => {
    const answer = vi.fn<Answer>();
    const { callbacks } = await load(loaders(answer).pLoader as never, playlists.master());
    expect(callbacks.onSuccess.mock.calls[0]?.[0].data).toBe(playlists.text(playlists.master()));
    expect(answer).not.toHaveBeenCalled();
  });

  it("load nothing else at all, such as keys", async () => {
    const answer = vi.fn<Answer>();
    const { callbacks } = await load(loaders(answer).loader as never, `${BASE}v/0.m4s`);
    expect(callbacks.onError).toHaveBeenCalledOnce();
    expect(answer).not.toHaveBeenCalled();
  });
});
