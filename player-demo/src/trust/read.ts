/** Reads an answer of a gateway, with limits to its length and to its pauses. */

import { StatusError } from "./problem";

/** How long a gateway may take to begin an answer, and to go on with it. */
const IDLE_MS = 10_000;

export type Fetch = typeof globalThis.fetch;

/** Called with the number of bytes that have come so far. Nobody gets at the bytes themselves before they are verified. */
export type Progress = (loaded: number) => void;

interface Options {
  readonly fetch: Fetch;
  readonly signal?: AbortSignal | undefined;
  readonly progress?: Progress;
}

/**
 * The body at `url`, and when it began (`performance.now()`).
 *
 * Of one that is longer than `most`, `most + 1` bytes are read and no more.
 */
export async function read(
  url: string,
  most: number,
  { fetch, signal, progress = () => {} }: Options,
): Promise<{ bytes: ArrayBuffer; firstByte: number }> {
  const patience = new Patience(signal);
  try {
    const response = await fetch(url, { signal: patience.signal, credentials: "omit" });
    if (!response.ok || !response.body) throw await StatusError.of(response);
    const firstByte = performance.now();
    const bytes = await readAtMost(response.body, most, (loaded) => {
      patience.renew();
      progress(loaded);
    });
    return { bytes, firstByte };
  } finally {
    patience.end();
  }
}

async function readAtMost(body: ReadableStream<Uint8Array>, len: number, progress: Progress): Promise<ArrayBuffer> {
  const bytes = new Uint8Array(len + 1);
  const reader = body.getReader();
  let loaded = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return bytes.buffer.slice(0, loaded);
    const room = value.subarray(0, len + 1 - loaded);
    bytes.set(room, loaded);
    loaded += room.length;
    progress(loaded);
    if (loaded > len) {
      await reader.cancel();
      return bytes.buffer;
    }
  }
}

/** Aborts when nothing has come for a while, or when the caller does. */
class Patience {
  private readonly controller = new AbortController();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly follow = () => this.controller.abort(this.outer?.reason);

  constructor(private readonly outer: AbortSignal | undefined) {
    outer?.addEventListener("abort", this.follow);
    if (outer?.aborted) this.follow();
    this.renew();
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  renew(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.controller.abort(new Error(`nothing came for ${IDLE_MS / 1000} s`)), IDLE_MS);
  }

  end(): void {
    clearTimeout(this.timer);
    this.outer?.removeEventListener("abort", this.follow);
  }
}
