/** Asks gateways for bytes until one of them gives the right ones. */

import type { Gateway, Gateways } from "./gateways";
import { StatusError } from "./problem";
import type { Expected } from "./track";
import { type Hash, Verified } from "./verified";

/** How long a gateway may take to begin an answer, and to go on with it. */
const IDLE_MS = 10_000;

/** What to ask for. */
export interface Wanted {
  readonly path: string;
  /** For people: what it is. */
  readonly name: string;
  readonly expected: Expected;
}

/** Verified bytes, who gave them, and how long it took in milliseconds. */
export interface Given {
  readonly verified: Verified;
  readonly gateway: Gateway;
  readonly firstByte: number;
  readonly elapsed: number;
}

/** No gateway gave what was asked for. */
export class NobodyError extends Error {
  constructor(
    readonly wanted: string,
    readonly reasons: readonly string[],
    /** Whether every gateway has lied, so that asking again is of no use. */
    readonly hopeless: boolean,
    /** The HTTP status of the last answer, if there was one. */
    readonly status: number | undefined,
  ) {
    super(`no gateway gave ${wanted}: ${reasons.join("; ") || "all of them have altered bytes before"}`);
  }
}

/** Called with the number of bytes that have come so far. Nobody gets at the bytes themselves before they are verified. */
export type Progress = (loaded: number) => void;

export class Asker {
  constructor(
    readonly gateways: Gateways,
    private readonly hash: Hash,
    private readonly fetch: typeof globalThis.fetch = (...call) => globalThis.fetch(...call),
  ) {}

  /** The verified bytes from the first gateway that has them. */
  async ask(wanted: Wanted, signal?: AbortSignal, progress: Progress = () => {}): Promise<Given> {
    const reasons: string[] = [];
    let status: number | undefined;
    for (const gateway of this.gateways.order(Date.now())) {
      const began = performance.now();
      try {
        const answer = await this.read(gateway, wanted, signal, progress);
        const verified = await Verified.check(answer.bytes, wanted.expected, this.hash);
        if (verified) {
          this.gateways.answered(gateway);
          return { verified, gateway, firstByte: answer.firstByte - began, elapsed: performance.now() - began };
        }
        this.gateways.lied(gateway, wanted.name);
        reasons.push(`${gateway.origin} altered it`);
      } catch (error) {
        if (signal?.aborted) throw error;
        if (error instanceof StatusError) status = error.status;
        this.gateways.silent(gateway, (error as Error).message, Date.now());
        reasons.push(`${gateway.origin}: ${(error as Error).message}`);
      }
    }
    const hopeless = this.gateways.all.every((gateway) => gateway.lies.length > 0);
    throw new NobodyError(wanted.name, reasons, hopeless, status);
  }

  /** Reads an answer, but never more of it than it should have. */
  private async read(gateway: Gateway, wanted: Wanted, signal: AbortSignal | undefined, progress: Progress) {
    const patience = new Patience(signal);
    try {
      const response = await this.fetch(gateway.origin + wanted.path, { signal: patience.signal, credentials: "omit" });
      if (!response.ok || !response.body) throw await StatusError.of(response);
      const firstByte = performance.now();
      const bytes = await readAtMost(response.body, wanted.expected.len, (loaded) => {
        patience.renew();
        progress(loaded);
      });
      return { bytes, firstByte };
    } finally {
      patience.end();
    }
  }
}

/** The body, which may be shorter than `len`; of one that is longer, `len + 1` bytes. */
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
