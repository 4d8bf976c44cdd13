/** What has been delivered on one stream of a session, and what is still to be acknowledged. */

import type { Expected } from "../trust/track";
import { andSegment, type Delivered, NOTHING } from "./delivered";
import { least } from "./budget";
import type { Usage } from "./price";
import type { DeliveryReceipt } from "./records";

/** Segments after which a receipt is sent. */
const SEGMENTS = 4;
/** The part of the gateway's credit after which it is sent. */
const CREDIT_PART = 4;
/** Where time is paid for, what has come is acknowledged as played but for so much: what is ahead of the film. A gateway gives 60 s. */
const AHEAD_MS = 45_000;

/** When a segment is played. */
export interface Moment {
  /** The same for all renditions of it. */
  readonly name: string;
  readonly kind: "video" | "audio";
  readonly ms: number;
}

export class Stream {
  private delivered: Delivered = NOTHING;
  private bytes = 0n;
  private ms = 0;
  private readonly moments = new Set<string>();
  private readonly come = { video: 0, audio: 0 };
  private seq = 0;
  private sent: { count: number; usage: Usage } = { count: 0, usage: { bytes: 0n, ms: 0n } };

  constructor(
    private readonly serial: Uint8Array,
    readonly number: number,
    /** Bytes that the gateway gives before they are acknowledged. */
    private readonly credit: number,
    /** What grant and viewer leave for this stream: no receipt is for more. */
    private room: Usage,
  ) {}

  /** What receipts are for. */
  get usage(): Usage {
    return least(this.wanted, this.room);
  }

  /** What they would be for, if there were room for all of it. */
  get wanted(): Usage {
    const ms = Math.max(this.ms, Math.max(this.come.video, this.come.audio) - AHEAD_MS);
    return { bytes: this.bytes, ms: BigInt(Math.floor(ms)) };
  }

  /** There is room for so much from now on. */
  widen(room: Usage): void {
    this.room = room;
  }

  /** A segment that is what it must be has come; of which moment, where time is paid for. */
  take({ len, hash }: Expected, moment?: Moment): void {
    this.delivered = andSegment(this.delivered, hash);
    this.bytes += BigInt(len);
    if (!moment || this.moments.has(moment.name)) return;
    this.moments.add(moment.name);
    this.come[moment.kind] += moment.ms;
  }

  /** So many milliseconds of it were played. */
  play(ms: number): void {
    this.ms += ms;
  }

  /** Whether so much has come that the gateway should hear of it. */
  isDue(): boolean {
    return this.delivered.count - this.sent.count >= SEGMENTS || Number(this.bytes - this.sent.usage.bytes) * CREDIT_PART >= this.credit;
  }

  /** Whether the gateway has heard of everything. */
  isSettled(): boolean {
    return this.usage.bytes === this.sent.usage.bytes && this.usage.ms === this.sent.usage.ms;
  }

  /** The next receipt: all in all, so that one which is lost makes no difference. */
  next(): DeliveryReceipt {
    const receipt = { delivered: this.delivered, seq: this.seq, serial: this.serial, stream: this.number, usage: this.usage };
    this.seq += 1;
    return receipt;
  }

  /** The gateway has this receipt. */
  acknowledged({ delivered, usage }: DeliveryReceipt): void {
    if (delivered.count >= this.sent.count) this.sent = { count: delivered.count, usage };
  }
}
