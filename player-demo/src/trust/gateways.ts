/** The gateways that the page may ask, and what it has seen of each. */

import { originOf } from "../page/home";

/** How long a gateway that did not answer is asked only when no other is left. */
const SILENT_MS = 15_000;
/** More gateways than this in a link are ignored. */
const GATEWAYS_MAX = 8;
const STORED = "headwater.gateways";

/** A gateway, by its origin. */
export interface Gateway {
  readonly origin: string;
  /** Answers that were what the bundle says. */
  verified: number;
  /** What it altered, in words; a gateway that has lied once is not asked again. */
  lies: string[];
  /** Until when it counts as silent (ms since 1970), and why. */
  silentUntil: number;
  silence: string | undefined;
}

export class Gateways extends EventTarget {
  readonly all: readonly Gateway[];

  constructor(origins: readonly string[]) {
    super();
    this.all = origins.map((origin) => ({ origin, verified: 0, lies: [], silentUntil: 0, silence: undefined }));
  }

  /** Whom to ask, one after the other: those that answered lately first, in the order of the list. */
  order(now: number): Gateway[] {
    const honest = this.all.filter((gateway) => gateway.lies.length === 0);
    const silent = (gateway: Gateway) => (gateway.silentUntil > now ? 1 : 0);
    return honest.sort((a, b) => silent(a) - silent(b));
  }

  answered(gateway: Gateway): void {
    gateway.verified += 1;
    gateway.silentUntil = 0;
    this.changed();
  }

  lied(gateway: Gateway, what: string): void {
    gateway.lies.push(what);
    this.changed();
  }

  silent(gateway: Gateway, reason: string, now: number): void {
    gateway.silentUntil = now + SILENT_MS;
    gateway.silence = reason;
    this.changed();
  }

  private changed(): void {
    this.dispatchEvent(new Event("change"));
  }
}

/**
 * The gateways of a page: those that its link names, in that order, then `own`, then the ones kept on this machine.
 *
 * Whoever makes the link chooses whom the page asks, and can do no more with it: the bytes are compared with the id.
 */
export function gatewaysOf(page: URL, storage: Pick<Storage, "getItem">, own = page.origin): string[] {
  const named = (page.searchParams.get("gateways") ?? "").split(",");
  const stored = (storage.getItem(STORED) ?? "").split(",");
  const origins = [...named, own, ...stored].map(originOf).filter((origin) => origin !== undefined);
  return [...new Set(origins)].slice(0, GATEWAYS_MAX);
}
