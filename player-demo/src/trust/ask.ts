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
  /** Whether a gateway gives it only to who pays, where a title is paid for. */
  readonly isPaid?: boolean;
}

/** Pays the gateways for what is asked of them. */
export interface Fare {
  /** The address at which this gateway gives what is at `url` to who pays. */
  address(gateway: string, url: string): Promise<string>;
  /** Whether something was done about a refusal, so that asking again is of use. */
  settle(gateway: string, refusal: StatusError): Promise<boolean>;
  /** Bytes that are right have come from this gateway. */
  delivered(gateway: string, expected: Expected): void;
}

/** The status of an answer that wants to be paid for. */
const PAYMENT_REQUIRED = 402;

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
  /** Pays, where a title is paid for. */
  fare: Fare | undefined;

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
        const answer = await this.read(gateway, wanted, signal, progress);
        const verified = await Verified.check(answer.bytes, wanted.expected, this.hash);
        if (verified) {
          this.gateways.answered(gateway);
          if (wanted.isPaid) this.fare?.delivered(gateway.origin, wanted.expected);
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

  /** One gateway's answer; what it refuses until it is paid for is asked for again once. */
  private async read({ origin }: Gateway, wanted: Wanted, signal: AbortSignal | undefined, progress: Progress) {
    const fare = wanted.isPaid ? this.fare : undefined;
    const url = origin + wanted.path;
    const ask = async () =>
      read(fare ? await fare.address(origin, url) : url, wanted.expected.len, { fetch: this.fetch, signal, progress });
    try {
      return await ask();
    } catch (error) {
      const isRefusal = error instanceof StatusError && error.status === PAYMENT_REQUIRED;
      if (!fare || !isRefusal || !(await fare.settle(origin, error))) throw error;
      return ask();
    }
  }
}
