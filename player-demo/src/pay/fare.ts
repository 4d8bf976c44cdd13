/** Pays for one title: a grant of the ledger and a session for each gateway that is asked, as far as the viewer has allowed. */

import { fromHex, hex } from "../page/format";
import { update } from "../page/store";
import type { Fare } from "../trust/ask";
import { equal } from "../trust/cbor";
import type { StatusError } from "../trust/problem";
import type { Expected } from "../trust/track";
import { signRecord } from "../trust/record";
import type { Agreement } from "./agreement";
import { AMOUNT_MAX } from "./amount";
import { fetchGatewayLedger, type LedgerClient, now } from "./ledger";
import { least, sum, within } from "./budget";
import { KeptBudget } from "./kept-budget";
import { ownKey } from "./own-key";
import type { Paid } from "./paid";
import { charge, type Usage } from "./price";
import { decodeGrant, requestBody, type SessionGrant, STREAMS_MAX } from "./records";
import { Session } from "./session";
import { freshPair, signerOf } from "./signer";
import type { Works } from "./split";

/** A grant that ends so soon is not used any more, in seconds. */
const LEFT_MIN_S = 60;

/** A title under an agreement whose hash and consents have been checked. */
export interface PaidTitle extends Paid {
  readonly ledger: LedgerClient;
  readonly agreement: Agreement;
  readonly works: Works;
}

/** A grant as this browser keeps it, so that another tab, or this one after a reload, goes on with it. */
interface Kept {
  readonly record: Uint8Array;
  readonly pair: CryptoKeyPair;
  readonly expires: number;
  /** The stream that the next tab takes. */
  readonly next: number;
  /** What was delivered on each stream. */
  readonly usage: readonly Usage[];
}

/** A stream that is paid for at a gateway. */
interface Running {
  readonly session: Session;
  /** Its name in the budget. */
  readonly name: string;
  /** What its grant has left for it. */
  readonly granted: Usage;
  room: Usage;
  widening: Promise<void> | undefined;
}

/** A stream takes so much of the budget at a time, in parts of what the title needs: a tab that is closed may leave as much unused. */
const TAKEN_PART = 64n;
/** With less left, in parts of the whole, no grant is asked for before the viewer was. */
const LEFT_PART = 16n;

/** The most that a title can cost: what the viewer allows for it at once. */
export function mostOf(title: Pick<PaidTitle, "agreement" | "limit">): bigint {
  const { agreement } = title;
  const { bytes, ms } = title.limit();
  // A view counts however short the film is.
  const played = agreement.price.per === "view" && ms < 1000n * agreement.price.of ? 1000n * agreement.price.of : ms;
  return charge(agreement.price, { bytes, ms: played }, AMOUNT_MAX);
}

/** Tells of `change` when something was delivered or played, and of `stopped` with the reason when nothing more is paid. */
export class TitleFare extends EventTarget implements Fare {
  /** What is left of what the viewer has allowed, in micro-units, as far as it is known. */
  left: bigint | undefined;
  private readonly budget: KeptBudget;
  private readonly sessions = new Map<string, Promise<Running>>();
  private readonly open = new Set<Running>();
  /** What every stream has had, those of other tabs and earlier visits too; by grant and stream. */
  private readonly usages = new Map<string, Usage>();
  private readonly renewals = new Map<string, Promise<boolean>>();

  constructor(
    readonly title: PaidTitle,
    /** Asks the viewer whether once more as much may be spent. */
    private readonly askAgain: (reason: string) => Promise<boolean>,
  ) {
    super();
    this.budget = new KeptBudget(title.agreement);
    addEventListener("pagehide", () => this.leave());
  }

  /** All that was delivered and played, and what that costs. */
  total(): { usage: Usage; cost: bigint } {
    const usage = sumOf([...this.usages.values()]);
    return { usage, cost: charge(this.title.agreement.price, usage, AMOUNT_MAX) };
  }

  async address(gateway: string, url: string): Promise<string> {
    return (await this.session(gateway)).session.address(url);
  }

  async settle(gateway: string, refusal: StatusError): Promise<boolean> {
    if (refusal.code === "receipts_wanted") {
      const running = await this.session(gateway);
      await this.widen(running);
      if (this.isShort(running)) return this.renewOnce(gateway, "grant_used_up");
      await running.session.acknowledge();
      return true;
    }
    if (["no_session", "grant_expired", "grant_used_up"].includes(refusal.code)) return this.renewOnce(gateway, refusal.code);
    this.dispatchEvent(new CustomEvent("stopped", { detail: refusal }));
    return false;
  }

  delivered(gateway: string, expected: Expected): void {
    const moment = this.title.agreement.price.per === "byte" ? undefined : this.title.moment(expected.hash);
    void this.sessions.get(gateway)?.then(({ session }) => session.delivered(expected, moment)).catch(() => {});
  }

  /** So many milliseconds of the film were played; they count where the bytes come from now. */
  played(ms: number): void {
    [...this.open].at(-1)?.session.played(ms);
  }

  /** The viewer has paused or is at the end: what has come is acknowledged. */
  acknowledge(): void {
    for (const { session } of this.open) void session.acknowledge();
  }

  /** Opens the session with the first gateway, so that what is refused is said before the film begins. */
  async begin(gateway: string): Promise<void> {
    await this.session(gateway);
  }

  /** The viewer allows as much as the title can cost, from now on and wherever it comes from. */
  async allow(): Promise<void> {
    await this.budget.allow(mostOf(this.title));
    this.left = await this.budget.left();
  }

  private leave(): void {
    for (const { session } of this.open) session.leave();
  }


  /** Picture and sound are refused at the same time; the viewer is asked once. */
  private renewOnce(gateway: string, code: string): Promise<boolean> {
    const renewal = this.renewals.get(gateway) ?? this.renew(gateway, code).finally(() => this.renewals.delete(gateway));
    this.renewals.set(gateway, renewal);
    return renewal;
  }

  /** Another session in the place of one that has ended; where what was allowed is used up, only if the viewer allows more. */
  private async renew(gateway: string, code: string): Promise<boolean> {
    const running = await this.sessions.get(gateway)?.catch(() => undefined);
    if (running) {
      running.session.close();
      this.open.delete(running);
      await this.budget.giveBack(running.name, running.session.usage);
    }
    if (code !== "no_session") {
      if (!(await this.hasEnough(code))) return false;
      await update("sessions", await this.name(gateway), () => undefined);
    }
    this.sessions.delete(gateway);
    await this.session(gateway);
    return true;
  }

  /** Whether something is left of what the viewer has allowed, or they allow more. */
  private async hasEnough(reason: string): Promise<boolean> {
    const most = mostOf(this.title);
    this.left = await this.budget.left();
    if (this.left * LEFT_PART >= most) return true;
    if (!(await this.askAgain(reason))) return false;
    await this.allow();
    return true;
  }

  /** Takes more of the budget for a stream, so that it need not wait for that. */
  private async widen(running: Running): Promise<void> {
    running.widening ??= this.widenNow(running).finally(() => (running.widening = undefined));
    await running.widening;
  }

  private async widenNow(running: Running): Promise<void> {
    const wanted = least(sum(running.session.wanted, this.ahead()), running.granted);
    running.room = least(await this.budget.take(running.name, wanted), running.granted);
    running.session.widen(running.room);
    this.left = await this.budget.left();
    this.dispatchEvent(new Event("change"));
  }

  private ahead(): Usage {
    const { bytes, ms } = this.title.limit();
    return { bytes: bytes / TAKEN_PART, ms: ms / TAKEN_PART };
  }

  /** Whether more has come than receipts may be for. */
  private isShort({ room, session }: Running): boolean {
    const paid = this.title.agreement.price.per === "byte" ? "bytes" : "ms";
    return session.wanted[paid] > room[paid] || session.wanted.bytes > room.bytes;
  }

  /** Whether it soon will have, and its grant has room for more. */
  private isNarrow({ granted, room, session }: Running): boolean {
    const ahead = this.ahead();
    const isNear = (key: "bytes" | "ms") => room[key] < granted[key] && session.wanted[key] + ahead[key] / 2n > room[key];
    return isNear("bytes") || isNear("ms");
  }

  private session(gateway: string): Promise<Running> {
    const known = this.sessions.get(gateway);
    if (known) return known;
    const opened = this.openAt(gateway);
    this.sessions.set(gateway, opened);
    opened.catch((error: Error) => {
      this.sessions.delete(gateway);
      this.dispatchEvent(new CustomEvent("stopped", { detail: error }));
    });
    return opened;
  }

  private async openAt(origin: string): Promise<Running> {
    const { ledger, agreement } = this.title;
    const at = await fetchGatewayLedger(origin);
    if (!at || !equal(at.issuer, ledger.terms.issuer) || !equal(at.network, ledger.terms.network)) throw new Error(`the gateway ${origin} does not show titles of this ledger`);
    const name = nameOf(this.title, at.gateway);
    const kept = (await this.taken(name)) ?? (await this.granted(name, at.gateway, origin));
    const grant = this.grantOf(kept.record);
    if (hex(grant.agreement) !== agreement.id) throw new Error("the grant is for another agreement");
    const signer = await signerOf(kept.pair);
    const stream = kept.next - 1;
    const others = sumOf(kept.usage.filter((_, at) => at !== stream));
    const left = (all: bigint, used: bigint) => (all > used ? all - used : 0n);
    const granted = { bytes: left(grant.limit.bytes, others.bytes), ms: left(grant.limit.ms, others.ms) };
    const streamName = (at: number) => `${hex(grant.serial)}/${at}`;
    const room = least(await this.budget.take(streamName(stream), least(this.ahead(), granted)), granted);
    const session = await Session.open(origin, { grant, record: kept.record, signer, network: ledger.terms.signedFor, stream, room });
    const running: Running = { session, name: streamName(stream), granted, room, widening: undefined };
    for (const [at, usage] of kept.usage.entries()) this.usages.set(streamName(at), usage);
    this.open.add(running);
    this.left = await this.budget.left();
    session.addEventListener("change", () => {
      this.usages.set(streamName(stream), session.usage);
      this.dispatchEvent(new Event("change"));
      void this.note(name, stream, session.usage);
      if (this.isNarrow(running)) void this.widen(running).catch(() => {});
    });
    return running;
  }

  /** The kept grant with a stream of this tab's own, while there is one that still holds. */
  private taken(name: string): Promise<Kept | undefined> {
    const isGood = ({ expires, next }: Kept) => expires > now() + LEFT_MIN_S && next < STREAMS_MAX;
    return update<Kept>("sessions", name, (kept) => (kept && isGood(kept) ? { ...kept, next: kept.next + 1 } : undefined));
  }

  private async granted(name: string, gateway: Uint8Array, origin: string): Promise<Kept> {
    const { agreement, ledger } = this.title;
    if (!(await this.hasEnough("grant_used_up"))) throw new Error("what you allowed for this title is used up");
    const [viewer, pair, left] = [await ownKey(), await freshPair(), await this.budget.left()];
    const request = requestBody({
      agreement: fromHex(agreement.id),
      attested: origin === location.origin,
      charge: left,
      epoch: ledger.terms.epoch,
      gateway,
      issued: now(),
      limit: within(agreement.price, this.title.limit(), left),
      session: (await signerOf(pair)).key,
    });
    const record = await ledger.grant(await signRecord("session_request", request, ledger.terms.signedFor, viewer));
    const kept: Kept = { record, pair, expires: this.grantOf(record).expires, next: 1, usage: [] };
    await update<Kept>("sessions", name, () => kept);
    return kept;
  }

  private grantOf(record: Uint8Array): SessionGrant {
    return decodeGrant(record, this.title.ledger.terms.issuer, this.title.ledger.terms.signedFor);
  }

  private async note(name: string, stream: number, usage: Usage): Promise<void> {
    await update<Kept>("sessions", name, (kept) => {
      if (!kept) return kept;
      const all = Array.from({ length: Math.max(kept.usage.length, stream + 1) }, (_, at) => kept.usage[at] ?? { bytes: 0n, ms: 0n });
      all[stream] = usage;
      return { ...kept, usage: all };
    });
  }

  private async name(gateway: string): Promise<string> {
    const at = await fetchGatewayLedger(gateway);
    return at ? nameOf(this.title, at.gateway) : "";
  }
}

/** Whether a grant for this title is still good at the gateway, so that nothing needs to be asked. */
export async function holdsGrant(title: PaidTitle, gateway: Uint8Array): Promise<boolean> {
  const kept = await update<Kept>("sessions", nameOf(title, gateway), (kept) => kept);
  return kept !== undefined && kept.expires > now() + LEFT_MIN_S && kept.next < STREAMS_MAX;
}

/** Of another version of the agreement no grant is of use. */
function nameOf({ agreement, content }: PaidTitle, gateway: Uint8Array): string {
  return `${content.text}|${agreement.id}|${hex(gateway)}`;
}

function sumOf(usages: readonly Usage[]): Usage {
  return usages.reduce(sum, { bytes: 0n, ms: 0n });
}
