/** What a page that shows something for money has besides: an offer before it begins, and a panel of whom it pays. */

import type { Asker } from "../trust/ask";
import type { LiveFeed } from "../trust/live-feed";
import type { Publication } from "../trust/publication";
import { admit, follow } from "./admission";
import { type Paid, paidPublication, paidStream } from "./paid";
import { buildSplitPanel } from "./split-panel";

export interface Till {
  readonly panel: HTMLElement;
  /** Counts what this element plays. */
  follow(video: HTMLVideoElement): void;
}

/** Resolves once the publication may begin; undefined where it is free. */
export async function payPublication(publication: Publication, stage: HTMLElement, asker: Asker): Promise<Till | undefined> {
  return pay(paidPublication(publication), stage, asker);
}

/** The same for a stream. What has come of it so far says what an hour of it will need. */
export async function payStream(feed: LiveFeed, stage: HTMLElement, asker: Asker): Promise<Till | undefined> {
  await Promise.all(feed.prelude.tracks.map(({ id }) => feed.catchUp(id)));
  return pay(paidStream(feed), stage, asker);
}

async function pay(paid: Paid | undefined, stage: HTMLElement, asker: Asker): Promise<Till | undefined> {
  if (!paid) return undefined;
  const fare = await admit(paid, stage, asker);
  return { panel: buildSplitPanel(fare), follow: (video) => follow(fare, video, stage) };
}
