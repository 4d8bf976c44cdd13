/** The entries of the ledger's transparency log (spec section 25). */

import { type Agreed, decodeAgreed, keyIn, WHOLE_PPM } from "../pay/agreement";
import { amountIn } from "../pay/amount";
import type { Usage } from "../pay/price";
import { usageIn } from "../pay/records";
import { CborError, decodeCanonical, Fields, type Value } from "../trust/cbor";
import { openSigned } from "../trust/record";

const ENTRY_LEN_MAX = 65_535;
const RULE_LEN_MAX = 64;
const NAME_LEN_MAX = 200;

/** What a viewer, who is called so for this title and epoch alone, paid for a title at a gateway. */
export interface Line {
  readonly agreement: Uint8Array;
  readonly alias: Uint8Array;
  readonly attested: boolean;
  /** What has paid instead of the viewer; with a pool where it is for many of them. */
  readonly budget: LineBudget | undefined;
  readonly gateway: Uint8Array;
  readonly paid: bigint;
  readonly plays: bigint;
  readonly usage: Usage;
}

/** A budget as the log shows it; `whole` where all of it is shared, whatever was asked for. */
export interface LineBudget {
  readonly pool: { readonly amount: bigint; readonly each: bigint; readonly name: Uint8Array; readonly viewers: bigint } | undefined;
  readonly whole: boolean;
}

/** What a gateway has carried in an epoch. */
export interface GatewayTotal {
  readonly acknowledged: bigint;
  readonly claimed: bigint;
  readonly disputed: bigint;
  readonly gateway: Uint8Array;
  readonly kept: bigint;
  readonly pool: bigint;
}

/** What a node has carried for a gateway. */
export interface Carrier {
  readonly claimed: bigint;
  readonly counted: bigint;
  readonly gateway: Uint8Array;
  readonly node: Uint8Array;
  readonly owed: bigint;
  readonly promised: bigint;
  readonly shared: bigint;
}

/** What a node has kept under a prepayment. */
export interface Keeper {
  readonly byteHours: bigint;
  readonly ended: boolean;
  readonly forfeited: bigint;
  readonly held: bigint;
  readonly lost: bigint;
  readonly node: Uint8Array;
  readonly paid: bigint;
  readonly prepayment: Uint8Array;
  readonly price: bigint;
  /** In ppm. */
  readonly withheld: number;
}

/** What was paid for a licence; `resale` when somebody has sold it on. */
export interface Sale {
  readonly agreement: Uint8Array;
  readonly licence: Uint8Array;
  readonly paid: bigint;
  readonly resale?: { readonly by: Uint8Array; readonly share: number };
}

/** What a budget of one viewer has paid; `whole` where all of it is shared, whatever was asked for. */
export interface Subscription {
  readonly amount: bigint;
  readonly name: Uint8Array;
  readonly paid: bigint;
  readonly whole: boolean;
}

/** The page that is served from now on, by the SHA-256 of the list of its files. */
export interface PageRelease {
  readonly hash: Uint8Array;
  /** Seconds since 1970. */
  readonly issued: number;
  readonly name: string;
}

/** What contracts owe a party. */
export interface Payout {
  readonly address: Uint8Array;
  readonly cumulative: bigint;
  readonly party: Uint8Array;
}

/** A tree over items. */
export interface Items {
  readonly count: bigint;
  readonly root: Uint8Array;
}

const ROOTS = ["carriers", "disputes", "gateways", "keepers", "lines", "payouts", "receipts", "sales", "subscriptions"] as const;
const TOTALS = ["charged", "collateral", "gateways", "network", "nodes", "parties", "sold", "stored"] as const;

/** An epoch, once and for all. */
export interface Summary {
  readonly epoch: bigint;
  readonly rule: string;
  readonly items: Readonly<Record<(typeof ROOTS)[number], Items>>;
  readonly totals: Readonly<Record<(typeof TOTALS)[number], bigint>>;
}

/** Somebody had a document that is not shown. */
export interface Attestation {
  readonly by: Uint8Array;
  readonly network: Uint8Array;
  readonly commitment: Uint8Array;
  readonly what: (typeof ATTESTED)[number];
}

const ATTESTED = ["credential", "file", "trail"] as const;

/** Somebody disputes what a party has; the reason is not public. */
export interface Disputed {
  readonly amount: bigint;
  readonly by: Uint8Array;
  readonly name: Uint8Array;
  readonly party: Uint8Array;
}

/** The ledger holds something back for a dispute, as it has signed. */
export interface Hold {
  readonly by: Uint8Array;
  readonly network: Uint8Array;
  readonly amount: bigint;
  readonly dispute: Uint8Array;
}

/** A hold has ended, and a part of it was given to whoever has disputed, as the ledger has signed. */
export interface Resolution {
  readonly by: Uint8Array;
  readonly network: Uint8Array;
  readonly given: bigint;
  readonly hold: Uint8Array;
}

export type LogEntry =
  | { readonly kind: "agreement"; readonly agreed: Agreed }
  | { readonly kind: "attestation"; readonly attestation: Attestation }
  | { readonly kind: "dispute"; readonly disputed: Disputed }
  | { readonly kind: "hold"; readonly hold: Hold }
  | { readonly kind: "resolution"; readonly resolution: Resolution }
  | { readonly kind: "line"; readonly line: Line }
  | { readonly kind: "gateway"; readonly gateway: GatewayTotal }
  | { readonly kind: "carrier"; readonly carrier: Carrier }
  | { readonly kind: "keeper"; readonly keeper: Keeper }
  | { readonly kind: "sale"; readonly sale: Sale }
  | { readonly kind: "subscription"; readonly subscription: Subscription }
  | { readonly kind: "page"; readonly page: PageRelease }
  | { readonly kind: "payout"; readonly payout: Payout }
  | { readonly kind: "settlement"; readonly summary: Summary };

/** The entry that `bytes` write. */
export async function decodeEntry(bytes: Uint8Array): Promise<LogEntry> {
  const [kind, value] = onlyField(decodeCanonical(bytes, ENTRY_LEN_MAX));
  switch (kind) {
    case "agreement":
      return { kind, agreed: await decodeAgreed(value) };
    case "attestation":
      return { kind, attestation: decodeAttestation(value) };
    case "dispute":
      return { kind, disputed: decodeDisputed(value) };
    case "hold":
      return { kind, hold: decodeHold(value) };
    case "resolution":
      return { kind, resolution: decodeResolution(value) };
    case "line":
      return { kind, line: decodeLine(value) };
    case "gateway":
      return { kind, gateway: decodeGateway(value) };
    case "carrier":
      return { kind, carrier: decodeCarrier(value) };
    case "keeper":
      return { kind, keeper: decodeKeeper(value) };
    case "sale":
      return { kind, sale: decodeSale(value) };
    case "subscription":
      return { kind, subscription: decodeSubscription(value) };
    case "page":
      return { kind, page: decodePage(value) };
    case "payout":
      return { kind, payout: decodePayout(value) };
    case "settlement":
      return { kind, summary: decodeSummary(value) };
    default:
      throw new CborError(`an entry of the unknown kind ${kind}`);
  }
}

/** The name of the one field of an entry, and what is in it. */
export function onlyField(value: Value): [string, Value] {
  const [field, ...more] = value instanceof Map ? value : [];
  if (!field || more.length > 0) throw new CborError("an entry is a map with one key");
  return field;
}

function decodeAttestation(value: Value): Attestation {
  const { body, by, network } = recordIn(value, "attestation");
  const fields = Fields.of(body, "attestation", ["commitment", "issued", "kind"]);
  fields.u64("issued");
  const what = ATTESTED.find((kind) => kind === fields.value("kind"));
  if (!what) throw new CborError("an attestation to something unknown");
  return { by, network, commitment: fields.bytes("commitment", 32), what };
}

function recordIn(value: Value, type: string) {
  if (!(value instanceof Uint8Array)) throw new CborError(`the ${type} is not a byte string`);
  return openSigned(value, type);
}

function decodeDisputed(value: Value): Disputed {
  const fields = Fields.of(value, "dispute", ["amount", "by", "name", "party"]);
  return { amount: amountIn(fields, "amount"), by: keyIn(fields, "by"), name: fields.bytes("name", 32), party: keyIn(fields, "party") };
}

function decodeHold(value: Value): Hold {
  const { body, by, network } = recordIn(value, "hold");
  const fields = Fields.of(body, "hold", ["amount", "dispute", "issued"]);
  fields.u64("issued");
  return { by, network, amount: amountIn(fields, "amount"), dispute: fields.bytes("dispute", 32) };
}

function decodeResolution(value: Value): Resolution {
  const { body, by, network } = recordIn(value, "resolution");
  const fields = Fields.of(body, "resolution", ["given", "hold", "issued"]);
  fields.u64("issued");
  return { by, network, given: amountIn(fields, "given"), hold: fields.bytes("hold", 32) };
}

function decodePage(value: Value): PageRelease {
  const fields = Fields.of(value, "page", ["hash", "issued", "name"]);
  return { hash: fields.bytes("hash", 32), issued: fields.integer("issued", 0, Number.MAX_SAFE_INTEGER), name: fields.text("name", NAME_LEN_MAX) };
}

function decodeLine(value: Value): Line {
  const fields = Fields.of(value, "line", ["agreement", "alias", "attested", "gateway", "paid", "plays", "usage"], ["budget"]);
  return {
    agreement: fields.bytes("agreement", 32),
    alias: fields.bytes("alias", 32),
    attested: fields.bool("attested"),
    budget: fields.optional("budget", (key) => decodeBudget(fields.value(key))),
    gateway: keyIn(fields, "gateway"),
    paid: amountIn(fields, "paid"),
    plays: fields.exact("plays", 0n),
    usage: usageIn(fields, "usage"),
  };
}

function decodeBudget(value: Value): LineBudget {
  const fields = Fields.of(value, "line.budget", ["whole"], ["pool"]);
  return { pool: fields.optional("pool", (key) => decodePool(fields.value(key))), whole: fields.bool("whole") };
}

function decodePool(value: Value): LineBudget["pool"] {
  const fields = Fields.of(value, "line.budget.pool", ["amount", "each", "name", "viewers"]);
  return { amount: amountIn(fields, "amount"), each: amountIn(fields, "each"), name: fields.bytes("name", 32), viewers: fields.exact("viewers", 0n) };
}

function decodeGateway(value: Value): GatewayTotal {
  const fields = Fields.of(value, "gateway", ["acknowledged", "claimed", "disputed", "gateway", "kept", "pool"]);
  return {
    acknowledged: fields.exact("acknowledged", 0n),
    claimed: fields.exact("claimed", 0n),
    disputed: fields.exact("disputed", 0n),
    gateway: keyIn(fields, "gateway"),
    kept: amountIn(fields, "kept"),
    pool: amountIn(fields, "pool"),
  };
}

function decodeCarrier(value: Value): Carrier {
  const fields = Fields.of(value, "carrier", ["claimed", "counted", "gateway", "node", "owed", "promised", "shared"]);
  return {
    claimed: fields.exact("claimed", 0n),
    counted: fields.exact("counted", 0n),
    gateway: keyIn(fields, "gateway"),
    node: keyIn(fields, "node"),
    owed: amountIn(fields, "owed"),
    promised: amountIn(fields, "promised"),
    shared: amountIn(fields, "shared"),
  };
}

function decodeKeeper(value: Value): Keeper {
  const required = ["byte_hours", "ended", "forfeited", "held", "lost", "node", "paid", "prepayment", "price", "withheld"];
  const fields = Fields.of(value, "keeper", required);
  return {
    byteHours: fields.exact("byte_hours", 0n),
    ended: fields.bool("ended"),
    forfeited: amountIn(fields, "forfeited"),
    held: amountIn(fields, "held"),
    lost: fields.exact("lost", 0n),
    node: keyIn(fields, "node"),
    paid: amountIn(fields, "paid"),
    prepayment: fields.bytes("prepayment", 32),
    price: amountIn(fields, "price"),
    withheld: fields.integer("withheld", 0, WHOLE_PPM),
  };
}

function decodeSale(value: Value): Sale {
  const fields = Fields.of(value, "sale", ["agreement", "licence", "paid"], ["resale"]);
  const sale = { agreement: fields.bytes("agreement", 32), licence: fields.bytes("licence", 32), paid: amountIn(fields, "paid") };
  if (!fields.has("resale")) return sale;
  const resale = Fields.of(fields.value("resale"), "sale.resale", ["by", "share"]);
  return { ...sale, resale: { by: keyIn(resale, "by"), share: resale.integer("share", 0, WHOLE_PPM) } };
}

function decodeSubscription(value: Value): Subscription {
  const fields = Fields.of(value, "subscription", ["amount", "name", "paid", "whole"]);
  return { amount: amountIn(fields, "amount"), name: fields.bytes("name", 32), paid: amountIn(fields, "paid"), whole: fields.bool("whole") };
}

function decodePayout(value: Value): Payout {
  const fields = Fields.of(value, "payout", ["address", "cumulative", "party"]);
  return { address: fields.bytes("address", 20), cumulative: fields.exact("cumulative", 0n), party: keyIn(fields, "party") };
}

function decodeSummary(value: Value): Summary {
  const required = [...ROOTS, "epoch", "journal", "rule", "totals"];
  const fields = Fields.of(value, "settlement", required, ["posted", "previous"]);
  const totals = Fields.of(fields.value("totals"), "settlement.totals", TOTALS);
  const head = Fields.of(fields.value("journal"), "settlement.journal", ["count", "hash"]);
  head.exact("count", 0n);
  head.bytes("hash", 32);
  for (const key of ["posted", "previous"]) fields.optional(key, (key) => fields.bytes(key, 32));
  return {
    epoch: fields.exact("epoch", 0n),
    rule: fields.text("rule", RULE_LEN_MAX),
    items: record(ROOTS, (key) => itemsIn(fields, key)),
    totals: record(TOTALS, (key) => amountIn(totals, key)),
  };
}

function itemsIn(fields: Fields, key: string): Items {
  const items = Fields.of(fields.value(key), `settlement.${key}`, ["count", "root"]);
  return { count: items.exact("count", 0n), root: items.bytes("root", 32) };
}

function record<K extends string, T>(keys: readonly K[], of: (key: K) => T): Record<K, T> {
  return Object.fromEntries(keys.map((key) => [key, of(key)])) as Record<K, T>;
}
