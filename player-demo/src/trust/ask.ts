/** Asks gateways for bytes until one of them gives the right ones. */

import type { Gateway, Gateways } from "./gateways";
import { StatusError } from "./problem";
import { type Fetch, type Progress, read } from "./read";
import type { Expected } from "./track";
import { type Hash, Verified } from "./verified";

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

export class Asker {
  constructor(
    readonly gateways: Gateways,
    private readonly hash: Hash,
    private readonly fetch: Fetch = (...call) => globalThis.fetch(...call),
  ) {}

  /** The verified bytes from the first gateway that has them. */
  async ask(wanted: Wanted, signal?: AbortSignal, progress: Progress = () => {}): Promise<Given> {
    const reasons: string[] = [];
    let status: number | undefined;
    for (const gateway of this.gateways.order(Date.now())) {
      const began = performance.now();
      try {
        const answer = await read(gateway.origin + wanted.path, wanted.expected.len, {
          fetch: this.fetch,
          signal,
          progress,
        });
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
}
