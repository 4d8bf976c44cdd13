/** The loaders that hls.js is given: playlists from the bundle, segments through the verifier. Nothing else reaches it. */

import type {
  FragmentLoaderContext,
  HlsConfig,
  Loader,
  LoaderCallbacks,
  LoaderConfiguration,
  LoaderContext,
  LoaderStats,
  PlaylistLoaderContext,
} from "hls.js";

import { type Asker, type Given, NobodyError } from "../trust/ask";
import type { Piece } from "./playlists";

/** What the loaders tell the page. */
export interface Listener {
  /** A segment or an init section has been verified. */
  delivered(piece: Piece, given: Given): void;
  /** Nobody gave it, and with `hopeless` nobody ever will. */
  failed(error: NobodyError): void;
}

/** What there is to play: the page's own playlists, and what must stand behind their URLs. */
export interface Source {
  text(url: string): string | undefined | Promise<string | undefined>;
  piece(url: string): Piece | undefined;
}

type Loaders = Pick<HlsConfig, "loader" | "pLoader" | "fLoader">;

/** What hls.js is told when it should try again later, whatever the gateway said. */
const UNAVAILABLE = 503;
const NOT_FOUND = 404;
/** Not there, withdrawn, denied: asking again is of no use. */
const FINAL = [NOT_FOUND, 410, 451];

/** The three loaders of one publication. */
export function loadersOf(playlists: Source, asker: Asker, listener: Listener): Loaders {
  class PlaylistLoader extends MemoryLoader<PlaylistLoaderContext> {
    protected text(url: string): string | undefined | Promise<string | undefined> {
      return playlists.text(url);
    }
  }
  class SegmentLoader extends VerifyingLoader {
    protected readonly playlists = playlists;
    protected readonly asker = asker;
    protected readonly listener = listener;
  }
  class NoLoader extends MemoryLoader<LoaderContext> {
    protected text(): undefined {}
  }
  return { loader: NoLoader, pLoader: PlaylistLoader, fLoader: SegmentLoader } as unknown as Loaders;
}

function freshStats(): LoaderStats {
  return {
    aborted: false,
    loaded: 0,
    retry: 0,
    total: 0,
    chunkCount: 0,
    bwEstimate: 0,
    loading: { start: 0, first: 0, end: 0 },
    parsing: { start: 0, end: 0 },
    buffering: { start: 0, first: 0, end: 0 },
  };
}

/** Answers from memory. */
abstract class MemoryLoader<C extends LoaderContext> implements Loader<C> {
  context: C | null = null;
  stats = freshStats();

  protected abstract text(url: string): string | undefined | Promise<string | undefined>;

  load(context: C, _config: LoaderConfiguration, callbacks: LoaderCallbacks<C>): void {
    this.context = context;
    this.stats.loading.start = performance.now();
    void this.answer(context, callbacks);
  }

  private async answer(context: C, callbacks: LoaderCallbacks<C>): Promise<void> {
    const { stats } = this;
    const fail = (code: number, text: string) => {
      if (!stats.aborted) callbacks.onError({ code, text }, context, null, stats);
    };
    let data: string | undefined;
    try {
      data = await this.text(context.url);
    } catch (error) {
      fail(UNAVAILABLE, (error as Error).message);
      return;
    }
    stats.loading.first = stats.loading.end = performance.now();
    if (data === undefined) {
      fail(NOT_FOUND, "not part of this publication");
    } else if (!stats.aborted) {
      stats.loaded = stats.total = data.length;
      callbacks.onSuccess({ url: context.url, data, code: 200 }, stats, context, null);
    }
  }

  abort(): void {
    this.stats.aborted = true;
  }

  destroy(): void {
    this.abort();
  }
}

/** Gives out verified bytes only: `onProgress` is never called. */
abstract class VerifyingLoader implements Loader<FragmentLoaderContext> {
  context: FragmentLoaderContext | null = null;
  stats = freshStats();
  private readonly controller = new AbortController();
  private done = false;

  protected abstract readonly playlists: Source;
  protected abstract readonly asker: Asker;
  protected abstract readonly listener: Listener;

  load(
    context: FragmentLoaderContext,
    _config: LoaderConfiguration,
    callbacks: LoaderCallbacks<FragmentLoaderContext>,
  ): void {
    this.context = context;
    this.stats.loading.start = performance.now();
    const piece = this.playlists.piece(context.url);
    if (piece) {
      void this.ask(piece, context, callbacks);
    } else {
      callbacks.onError({ code: NOT_FOUND, text: "not part of this publication" }, context, null, this.stats);
    }
  }

  private async ask(
    piece: Piece,
    context: FragmentLoaderContext,
    callbacks: LoaderCallbacks<FragmentLoaderContext>,
  ): Promise<void> {
    const { stats } = this;
    stats.total = piece.expected.len;
    const wanted = { path: new URL(context.url).pathname, name: nameOf(piece), expected: piece.expected, isPaid: piece.n !== undefined };
    try {
      const given = await this.asker.ask(wanted, this.controller.signal, (loaded) => (stats.loaded = loaded));
      if (stats.aborted) return;
      stats.loading.end = performance.now();
      stats.loading.first = stats.loading.end - given.elapsed + given.firstByte;
      stats.loaded = stats.total;
      this.done = true;
      this.listener.delivered(piece, given);
      callbacks.onSuccess({ url: context.url, data: given.verified.bytes, code: 200 }, stats, context, null);
    } catch (error) {
      if (stats.aborted) return;
      if (!(error instanceof NobodyError)) throw error;
      this.done = true;
      this.listener.failed(error);
      callbacks.onError(
        { code: FINAL.find((code) => code === error.status) ?? UNAVAILABLE, text: error.message },
        context,
        null,
        stats,
      );
    }
  }

  abort(): void {
    if (this.done) return;
    this.stats.aborted = true;
    this.controller.abort();
  }

  /** hls.js destroys loaders that have done their work, too: what came then counts for its measure of the bandwidth. */
  destroy(): void {
    this.abort();
  }
}

/** For people. */
export function nameOf(piece: Piece): string {
  return piece.n === undefined ? `the init section of ${piece.track.id}` : `segment ${piece.n} of ${piece.track.id}`;
}
