/** What is tested. */

import type { Browser } from "playwright-core";

export interface Target {
  /** The gateway's URL without a slash at its end. */
  readonly gateway: string;
  /** The publication's id; a film with sound. */
  readonly id: string;
  /** A live stream that runs while it is looked at, and ends soon. */
  readonly live: string | undefined;
  readonly control: { readonly url: string; readonly token: string } | undefined;
  /** Where screenshots go. */
  readonly shots: string | undefined;
  /** The gateway's token for uploads, and a film to upload. */
  readonly upload: string | undefined;
  readonly film: string | undefined;
  /** The gateway's token for operators; two of its nodes are down and one is damaged. */
  readonly operator: string | undefined;
  /** A ledger of which the gateway is a part, a code that pays there, and a file for what was bought. */
  readonly ledger: string | undefined;
  readonly code: string | undefined;
  readonly out: string | undefined;
  /** The account file of a party that shares in the film, or of who has published it. */
  readonly account: string | undefined;
  /** The program `headwater`, which finds its ledger and network in its environment. */
  readonly program: string | undefined;
  readonly seed: number;
}

/** Resolves to a line about what was seen, and rejects when something does not hold. */
export type Check = (browser: Browser, target: Target) => Promise<string>;

export function assert(holds: unknown, message: string): asserts holds {
  if (!holds) throw new Error(message);
}
