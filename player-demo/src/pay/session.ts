/** One stream of a paid session at one gateway: what comes is acknowledged, again and again, until the page is left. */

import { encodeCanonical, type Value } from "../trust/cbor";
import { StatusError } from "../trust/problem";
import type { Expected } from "../trust/track";
import { signRecord } from "../trust/record";
import type { Usage } from "./price";
import { receiptBody, type SessionGrant } from "./records";
import type { Signer } from "./signer";
import { type Moment, Stream } from "./stream";

const RECORD_TYPE = "application/vnd.headwater.record+cbor";
/** How often what was played is acknowledged, though no segment has come. */
const ACKNOWLEDGE_EVERY_MS = 10_000;
/** How often the receipt is signed that is sent when the page is left: then there is no time to sign one. */
const SIGN_EVERY_MS = 1000;

/** A grant that this browser holds, and the key that acknowledges under it. */
export interface Held {
  readonly grant: SessionGrant;
  /** The grant as a record. */
  readonly record: Uint8Array;
  readonly signer: Signer;
  /** For what receipts are signed: the network at the ledger of the grant. */
  readonly network: Uint8Array;
  /** The stream that is this tab's, and what the others have left of the grant, and the viewer of the budget, for it. */
  readonly stream: number;
  readonly room: Usage;
}

/** Tells of `change` whenever something was delivered or played. */
export class Session extends EventTarget {
  private id = "";
  private latest: { readonly seq: number; readonly record: Uint8Array } | undefined;
  private posting: Promise<void> | undefined;
  private stream: Stream;
  private readonly timers: ReturnType<typeof setInterval>[];

  private constructor(
    readonly origin: string,
    readonly held: Held,
    credit: number,
  ) {
    super();
    this.stream = new Stream(held.grant.serial, held.stream, credit, held.room);
    this.timers = [
      setInterval(() => void (this.stream.isSettled() || this.acknowledge()), ACKNOWLEDGE_EVERY_MS),
      setInterval(() => void (this.stream.isSettled() || this.sign()), SIGN_EVERY_MS),
    ];
  }

  /** Opens the session at the gateway: a first receipt of nothing proves that the key is here. */
  static async open(origin: string, held: Held): Promise<Session> {
    const opened = await openAt(origin, held);
    const session = new Session(origin, held, opened.credit);
    session.id = opened.id;
    // The receipt of nothing was the first.
    session.stream.next();
    return session;
  }

  get usage(): Usage {
    return this.stream.usage;
  }

  /** What receipts would be for, if there were room for all of it. */
  get wanted(): Usage {
    return this.stream.wanted;
  }

  /** There is room for so much from now on. */
  widen(room: Usage): void {
    this.stream.widen(room);
  }

  /** The address of what is at `url` in this session: a query, so that a gateway elsewhere need not be asked twice. */
  address(url: string): string {
    return `${url}?session=${this.id}`;
  }

  /** A segment has come; of which moment, where time is paid for. */
  delivered(expected: Expected, moment?: Moment): void {
    this.stream.take(expected, moment);
    this.dispatchEvent(new Event("change"));
    if (this.stream.isDue()) void this.acknowledge();
    else void this.sign();
  }

  played(ms: number): void {
    this.stream.play(ms);
    this.dispatchEvent(new Event("change"));
  }

  /** Sends the newest receipt; resolves when the gateway has it, or has failed. */
  async acknowledge(): Promise<void> {
    // One at a time: whoever comes while one is on its way sends the next, which says it all.
    await this.posting;
    this.posting ??= this.post().finally(() => (this.posting = undefined));
    await this.posting;
  }

  /** Sends the last receipt that was signed; the browser sees to it after the page is gone. */
  leave(): void {
    if (this.latest && !this.stream.isSettled()) void send(this.receipts(), this.latest.record, true).catch(() => {});
  }

  close(): void {
    for (const timer of this.timers) clearInterval(timer);
    this.leave();
  }

  private async post(): Promise<void> {
    const receipt = this.stream.next();
    const record = await this.sign(receipt);
    try {
      const response = await send(this.receipts(), record);
      if (!response.ok) await this.reopen(await StatusError.of(response), record);
      this.stream.acknowledged(receipt);
    } catch {
      // The next receipt says the same and more.
    }
  }

  /** A gateway that was started again does not know the session any more, but knows the grant. */
  private async reopen(refusal: StatusError, record: Uint8Array): Promise<void> {
    if (refusal.code !== "no_session") throw refusal;
    this.id = (await openAt(this.origin, this.held)).id;
    const response = await send(this.receipts(), record);
    if (!response.ok) throw await StatusError.of(response);
  }

  private async sign(receipt = this.stream.next()): Promise<Uint8Array> {
    const record = await signRecord("delivery_receipt", receiptBody(receipt), this.held.network, this.held.signer);
    if (receipt.seq >= (this.latest?.seq ?? 0)) this.latest = { seq: receipt.seq, record };
    return record;
  }

  private receipts(): string {
    return `${this.origin}/api/sessions/${this.id}/receipts`;
  }
}

async function openAt(origin: string, held: Held): Promise<{ id: string; credit: number }> {
  const nothing = new Stream(held.grant.serial, held.stream, 0, held.room).next();
  const receipt = await signRecord("delivery_receipt", receiptBody(nothing), held.network, held.signer);
  const body: Value = new Map<string, Value>([["grant", held.record], ["receipt", receipt]]);
  const response = await send(`${origin}/api/sessions`, encodeCanonical(body));
  if (!response.ok) throw await StatusError.of(response);
  const { session, credit_bytes } = Object(await response.json()) as { session?: unknown; credit_bytes?: unknown };
  if (typeof session !== "string" || !/^[0-9a-f]{32}$/.test(session)) throw new Error("the gateway opened no session");
  return { id: session, credit: Number(credit_bytes) || 0 };
}

function send(url: string, body: Uint8Array, keepalive = false): Promise<Response> {
  const headers = { "Content-Type": RECORD_TYPE };
  return fetch(url, { method: "POST", body: body as Uint8Array<ArrayBuffer>, headers, credentials: "omit", keepalive });
}
