/** A ledger over HTTP. What it says is checked wherever that can be done; the rest is its word. */

import { fromHex, hex } from "../page/format";
import { home, originOf } from "../page/home";
import { isOwn, knownAs } from "../page/known";
import { encodeCanonical, equal, Fields, type Value } from "../trust/cbor";
import type { Cid } from "../trust/cid";
import { StatusError } from "../trust/problem";
import { signRecord } from "../trust/record";
import { base64 } from "../log/base64";
import { type Agreed, type Agreement, checkConsents, decodeAgreedBytes } from "./agreement";
import { amountOf } from "./amount";
import { atLedger, topUpId } from "./delivered";
import { bodyOf, depositBody, inquiryBody } from "./records";
import type { Signer } from "./signer";
import type { Works } from "./split";

const RECORD_TYPE = "application/vnd.headwater.record+cbor";
const TITLE_LEN = 300_000;
/** Works that one may be made from, all in all: more are not asked for. */
const WORKS_MAX = 64;

/** Where the gateway of the page says that its ledger is. */
export interface GatewayLedger {
  readonly url: string;
  readonly issuer: Uint8Array;
  /** The key that grants for this gateway must name. */
  readonly gateway: Uint8Array;
  /** The network of the gateway: nothing is signed for a ledger of another one. */
  readonly network: Uint8Array;
}

/** Who a ledger is, and where it stands. */
export interface Terms {
  readonly issuer: Uint8Array;
  /** The network that it is a ledger of. */
  readonly network: Uint8Array;
  /** For what everything is signed that it takes or says: the network at this ledger. */
  readonly signedFor: Uint8Array;
  readonly unit: string;
  /** The key of its log, as `name+id+key`. */
  readonly log: string;
  readonly epoch: bigint;
  /** Seconds since 1970. */
  readonly epochEnds: number;
}

/** What a key has. */
export interface Balance {
  readonly funds: bigint;
  readonly reserved: bigint;
  readonly earned: bigint;
  readonly unit: string;
}

/** The ledger of this gateway; undefined where it has none. */
export async function fetchGatewayLedger(gateway = home()): Promise<GatewayLedger | undefined> {
  const response = await fetch(`${gateway}/api/ledger`, { cache: "no-cache", credentials: "omit" });
  if (response.status === 404) return undefined;
  if (!response.ok) throw await StatusError.of(response);
  const { url, issuer, gateway: key, network } = Object(await response.json()) as Record<string, unknown>;
  const found = { url: String(url).replace(/\/$/, ""), issuer: key32(issuer), gateway: key32(key), network: key32(network) };
  checkKnown(gateway, found);
  return found;
}

/** A gateway that a link has named must be the one that the reader has let in, with the same ledger. */
function checkKnown(gateway: string, { url, issuer, gateway: key }: GatewayLedger): void {
  if (isOwn(gateway, new URL(location.href), localStorage)) return;
  const known = knownAs("gateway", gateway, localStorage);
  if (known?.key !== hex(key) || known.ledger !== `${originOf(url)} ${hex(issuer)}`)
    throw new Error(`the gateway ${gateway} has another key or ledger than when it was let in`);
}

export class LedgerClient {
  private constructor(
    readonly url: string,
    readonly terms: Terms,
  ) {}

  /** The ledger at `url`, which must be of this network, and that of `issuer`, where they are given. */
  static async open(url: string, network?: Uint8Array, issuer?: Uint8Array): Promise<LedgerClient> {
    const base = url.replace(/\/$/, "");
    const answer = Object(await (await ask(`${base}/v1/terms`)).json()) as Record<string, unknown>;
    const [itsIssuer, itsNetwork] = [key32(answer.issuer), key32(answer.network)];
    const terms: Terms = {
      issuer: itsIssuer,
      network: itsNetwork,
      signedFor: atLedger(itsNetwork, itsIssuer),
      unit: String(answer.unit),
      log: String(answer.log),
      epoch: BigInt(Number(answer.epoch)),
      epochEnds: Number(answer.epoch_ends),
    };
    if (issuer && !equal(issuer, terms.issuer)) throw new Error(`the ledger at ${base} is another one than it should be`);
    if (network && !equal(network, terms.network)) throw new Error(`the ledger at ${base} is one of another network`);
    return new LedgerClient(base, terms);
  }

  /** The agreement that holds for a title, and all works that it is made from; every hash and consent is checked. */
  async title(content: Cid, creator: Uint8Array): Promise<{ agreement: Agreement; works: Works }> {
    const answer = await ask(`${this.url}/v1/titles/${content.text}?creator=${hex(creator)}`);
    const { id } = Object(await answer.json()) as { id?: unknown };
    const works = new Map<string, Agreement>();
    const agreement = await this.agreement(String(id), works);
    if (agreement.content.text !== content.text || !equal(agreement.creator, creator))
      throw new Error("the agreement that the ledger names is about another title");
    return { agreement, works };
  }

  /** The agreement that holds for a title; undefined where there is none yet. */
  async holding(content: Cid, creator: Uint8Array): Promise<Agreement | undefined> {
    try {
      return (await this.title(content, creator)).agreement;
    } catch (error) {
      if (error instanceof StatusError && error.code === "no_agreement") return undefined;
      throw error;
    }
  }

  /** The agreement with this id, into `works` with all its ancestors. */
  private async agreement(id: string, works: Map<string, Agreement>): Promise<Agreement> {
    const known = works.get(id);
    if (known) return known;
    if (works.size >= WORKS_MAX) throw new Error(`a title is made from more than ${WORKS_MAX} works`);
    const agreed = await this.agreed(id);
    const { agreement } = agreed;
    const before = agreement.supersedes === undefined ? undefined : (await this.agreed(agreement.supersedes)).agreement;
    checkConsents(agreed, before);
    works.set(id, agreement);
    for (const parent of agreement.parents) await this.agreement(hex(parent.agreement), works);
    return agreement;
  }

  /** The agreement with this id and the consents to it, as they were registered. */
  async agreed(id: string): Promise<Agreed> {
    if (!/^[0-9a-f]{64}$/.test(id)) throw new Error("the ledger names no agreement");
    const answer = await ask(`${this.url}/v1/agreements/${id}`);
    const bytes = new Uint8Array(await answer.arrayBuffer());
    if (bytes.length > TITLE_LEN) throw new Error("the ledger's agreement is too long");
    const agreed = await decodeAgreedBytes(bytes);
    if (agreed.agreement.id !== id) throw new Error("the ledger gave another agreement than the one that was asked for");
    if (!agreed.network || !equal(agreed.network, this.terms.signedFor)) throw new Error("the agreement is for another ledger");
    return agreed;
  }

  /** Hands in what everybody has signed, `{ agreement, consents }`; resolves once the ledger has promised to count it. */
  async register(agreed: Uint8Array, id: string): Promise<void> {
    const answer = JSON.parse(new TextDecoder().decode(await this.post("/v1/agreements", agreed)));
    const promise = base64(String(Object(answer).promise)) ?? new Uint8Array();
    const body = Fields.of(bodyOf(promise, "promise", this.terms.issuer, this.terms.signedFor), "promise", ["name", "taken", "until"]);
    if (hex(body.bytes("name", 32)) !== id) throw new Error("the ledger promises to count something else");
  }

  /** The grant for a request, as a record. */
  async grant(request: Uint8Array): Promise<Uint8Array> {
    return this.post("/v1/grants", request);
  }

  async balance(signer: Signer): Promise<Balance> {
    const answer = Object(await this.inquire(signer, "balance")) as Record<string, unknown>;
    const amount = (key: string) => amountOf(answer[key]);
    return { funds: amount("funds"), reserved: amount("reserved"), earned: amount("earned"), unit: this.terms.unit };
  }

  /** What the ledger says about the signer, and to nobody else. */
  async inquire(signer: Signer, what: "balance" | "statement" | "sessions"): Promise<unknown> {
    const body = inquiryBody({ host: new URL(this.url).host, issued: now(), what });
    const record = await signRecord("inquiry", body, this.terms.signedFor, signer);
    return JSON.parse(new TextDecoder().decode(await this.post("/v1/inquiries", record)));
  }

  /** Redeems a code; resolves to what it was worth, once the ledger has promised to count it. */
  async topUp(signer: Signer, { bytes, amount }: TopUp): Promise<void> {
    const body = depositBody({ amount, id: topUpId(bytes), issued: now(), unit: this.terms.unit });
    const deposit = await signRecord("deposit", body, this.terms.signedFor, signer);
    const code: Value = new Map<string, Value>([["code", bytes], ["deposit", deposit]]);
    const promise = await this.post("/v1/top-ups", encodeCanonical(code));
    bodyOf(promise, "promise", this.terms.issuer, this.terms.signedFor);
  }

  private async post(path: string, body: Uint8Array): Promise<Uint8Array> {
    return new Uint8Array(await (await ask(this.url + path, body)).arrayBuffer());
  }
}

/** A code, and what it says that it is worth. */
export interface TopUp {
  readonly bytes: Uint8Array;
  readonly amount: bigint;
}

async function ask(url: string, body?: Uint8Array): Promise<Response> {
  const post = body && { method: "POST", body: body as Uint8Array<ArrayBuffer>, headers: { "Content-Type": RECORD_TYPE } };
  const response = await fetch(url, { cache: "no-cache", credentials: "omit", ...post });
  if (!response.ok) throw await StatusError.of(response);
  return response;
}

function key32(text: unknown): Uint8Array {
  if (typeof text !== "string" || !/^[0-9a-f]{64}$/.test(text)) throw new Error(`${String(text)} is no key`);
  return fromHex(text);
}

/** Seconds since 1970. */
export function now(): number {
  return Math.floor(Date.now() / 1000);
}
