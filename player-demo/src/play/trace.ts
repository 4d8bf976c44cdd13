/** What has been delivered, segment by segment: the page's memory of its sources. */

import type { Gateway } from "../trust/gateways";
import { fetchSources, type Sources } from "../sources/sources";
import type { Given } from "../trust/ask";
import type { Piece } from "./playlists";
import type { Track } from "../trust/track";

/** Segments remembered; older ones are forgotten. */
const REMEMBERED_MAX = 60;
/** Questions about sources under way at one time; further ones are not asked. */
const ASKED_MAX = 6;

/** One verified segment. */
export interface Delivery {
  readonly track: Track;
  readonly n: number;
  readonly len: number;
  /** Milliseconds from question to last byte, hash included. */
  readonly elapsed: number;
  readonly gateway: Gateway;
  sources: Sources | undefined;
}

/** Tells of `delivery`, when a segment has come, and of `sources`, when its gateway was asked from where. */
export class Trace extends EventTarget {
  readonly deliveries: Delivery[] = [];
  /** Verified segments so far. */
  verified = 0;
  private asked = 0;

  constructor(private readonly id: string) {
    super();
  }

  delivered(piece: Piece, given: Given): void {
    if (piece.n !== undefined) {
      this.verified += 1;
      const { gateway, elapsed } = given;
      const delivery: Delivery = {
        track: piece.track,
        n: piece.n,
        len: piece.expected.len,
        elapsed,
        gateway,
        sources: undefined,
      };
      this.deliveries.push(delivery);
      if (this.deliveries.length > REMEMBERED_MAX) this.deliveries.shift();
      void this.learn(delivery);
    }
    this.dispatchEvent(new Event("delivery"));
  }

  private async learn(delivery: Delivery): Promise<void> {
    if (this.asked >= ASKED_MAX) return;
    this.asked += 1;
    delivery.sources = await fetchSources(delivery.gateway.origin, this.id, delivery.track.id, delivery.n);
    this.asked -= 1;
    this.dispatchEvent(new CustomEvent("sources", { detail: delivery }));
  }
}
