/** The title that an agreement is about, a publication or a live stream: found by its id, and checked from there. */

import { home } from "../page/home";
import { type Cid, parseCid } from "../trust/cid";
import { Gateways, gatewaysOf } from "../trust/gateways";
import { NobodyError } from "../trust/ask";
import { openFeed } from "../trust/live-feed";
import { fetchPublication } from "../trust/publication";
import { hashInWorker } from "../trust/verified";

export interface Title {
  readonly id: Cid;
  readonly name: string;
  readonly by: string | undefined;
  readonly creator: Uint8Array;
  /** The ledger that it is shown under; undefined where it is free. */
  readonly ledger: Uint8Array | undefined;
  /** Where it is watched. */
  readonly watch: string;
}

const NOT_FOUND = 404;

/** The id in what somebody has typed or pasted: an id, or the address of a page that plays it. */
export function idIn(text: string): string {
  return /\/(?:watch|live)\/([a-z2-7]+)/.exec(text)?.[1] ?? text.trim();
}

/** The title with this id, from the gateways that the page knows. */
export async function fetchTitle(id: Cid | string): Promise<Title> {
  const cid = typeof id === "string" ? parseCid(idIn(id)) : id;
  const asked = () => new Gateways(gatewaysOf(new URL(location.href), localStorage, home()));
  try {
    const { bundle } = await fetchPublication(cid, asked(), hashInWorker());
    // What was agreed about a stream holds for what it has become.
    return { id: bundle.live ?? cid, name: bundle.title, by: bundle.by, creator: bundle.creator, ledger: bundle.ledger, watch: `/watch/${cid.text}` };
  } catch (error) {
    if (!(error instanceof NobodyError) || error.status !== NOT_FOUND) throw error;
    const { by, creator, ledger, title } = (await openFeed(cid, asked(), hashInWorker())).prelude;
    return { id: cid, name: title, by, creator, ledger, watch: `/live/${cid.text}` };
  }
}
