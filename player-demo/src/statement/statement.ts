/** Statements of a ledger: what a key has earned, epoch by epoch and title by title. */

import { amountOf, decimals } from "../pay/amount";

/** Epochs and lines of one statement that are read; a ledger sends fewer. */
const EPOCHS_MAX = 10_000;
const LINES_MAX = 200_000;

/** What somebody watched, and what this key has of what was paid for it. */
export interface StatementLine {
  /** The place in the log. */
  readonly index: number;
  /** The publication's id, and its creator's key. */
  readonly content: string;
  readonly creator: string;
  readonly gateway: string;
  readonly attested: boolean;
  readonly plays: number;
  readonly bytes: number;
  readonly ms: number;
  readonly paid: bigint;
  readonly earned: bigint;
  /** Whether whose statement it is has watched it, and paid. */
  readonly own: boolean;
}

/** What a row of the log is about. */
export type Kind = "plays" | "licence" | "resale" | "gateway" | "carrier" | "keeper";

/** Any entry of the log that this key has a part in; what its kind does not have is empty. */
export interface StatementRow {
  readonly index: number;
  readonly kind: Kind;
  readonly agreement: string;
  readonly content: string;
  readonly licence: string;
  readonly gateway: string;
  readonly node: string;
  readonly attested: boolean | "";
  readonly plays: number | "";
  readonly bytes: number | "";
  readonly ms: number | "";
  /** What all have paid there. */
  readonly charged: bigint;
  /** What this key has paid of it, or beside it. */
  readonly paid: bigint;
  readonly earned: bigint;
}

export interface EpochStatement {
  readonly epoch: number;
  /** Seconds since 1970. */
  readonly settled: number;
  readonly roles: { readonly party: bigint; readonly gateway: bigint; readonly node: bigint; readonly network: bigint };
  readonly lines: readonly StatementLine[];
  /** Lines, sales of licences, and what was carried and kept: together they have earned what the roles say. */
  readonly rows: readonly StatementRow[];
  /** Whether the ledger has left lines out. */
  readonly more: boolean;
}

export interface Statement {
  readonly party: string;
  readonly unit: string;
  readonly epochs: readonly EpochStatement[];
}

/** Plays, seconds and money, added up. */
export interface Sum {
  readonly plays: number;
  readonly seconds: number;
  readonly earned: bigint;
}

/** The statement in the JSON of a ledger. */
export function readStatement(value: unknown): Statement {
  const { party, unit, epochs } = Object(value) as Record<string, unknown>;
  if (typeof party !== "string" || typeof unit !== "string" || !Array.isArray(epochs)) throw new Error("this is no statement of a ledger");
  return { party, unit, epochs: epochs.slice(0, EPOCHS_MAX).map(readEpoch) };
}

function readEpoch(value: unknown): EpochStatement {
  const { epoch, settled, roles, lines, sales, carried, more } = Object(value) as Record<string, unknown>;
  if (!Array.isArray(lines)) throw new Error("an epoch of the statement has no lines");
  const rows = [...lines.slice(0, LINES_MAX).map(playsRow), ...listOf(sales).map(saleRow), ...listOf(carried).map(carriedRow)];
  const amounts = Object(roles) as Record<string, unknown>;
  const amount = (key: string) => amountOf(amounts[key]);
  return {
    epoch: number(epoch, "epoch"),
    settled: number(settled, "settled"),
    roles: { party: amount("party"), gateway: amount("gateway"), node: amount("node"), network: amount("network") },
    lines: lines.slice(0, LINES_MAX).map(readLine),
    rows,
    more: more === true || lines.length > LINES_MAX,
  };
}

function readLine(value: unknown): StatementLine {
  const line = Object(value) as Record<string, unknown>;
  const text = (key: string) => String(line[key] ?? "");
  return {
    index: number(line.index, "index"),
    content: text("content"),
    creator: text("creator"),
    gateway: text("gateway"),
    attested: line.attested === true,
    plays: number(line.plays, "plays"),
    bytes: number(line.bytes, "bytes"),
    ms: number(line.ms, "ms"),
    paid: amountOf(line.paid),
    earned: amountOf(line.earned),
    own: line.own === true,
  };
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value.slice(0, LINES_MAX) : [];
}

const EMPTY = { agreement: "", content: "", licence: "", gateway: "", node: "", attested: "", plays: "", bytes: "", ms: "" } as const;

function playsRow(value: unknown): StatementRow {
  const { index, content, gateway, attested, plays, bytes, ms, paid, earned, own } = readLine(value);
  const { agreement } = Object(value) as Record<string, unknown>;
  return { ...EMPTY, index, kind: "plays", agreement: String(agreement ?? ""), content, gateway, attested, plays, bytes, ms, charged: paid, paid: own ? paid : 0n, earned };
}

function saleRow(value: unknown): StatementRow {
  const { index, agreement, licence, resale, paid, earned, own } = Object(value) as Record<string, unknown>;
  const charged = amountOf(paid);
  const kind = resale === true ? "resale" : "licence";
  return { ...EMPTY, index: number(index, "index"), kind, agreement: String(agreement ?? ""), licence: String(licence ?? ""), charged, paid: own === true ? charged : 0n, earned: amountOf(earned) };
}

function carriedRow(value: unknown): StatementRow {
  const { index, kind, gateway, node, bytes, charged, paid, earned } = Object(value) as Record<string, unknown>;
  if (kind !== "gateway" && kind !== "carrier" && kind !== "keeper") throw new Error(`${String(kind)} is no kind of row`);
  return { ...EMPTY, index: number(index, "index"), kind, gateway: String(gateway ?? ""), node: String(node ?? ""), bytes: number(bytes, "bytes"), charged: amountOf(charged), paid: amountOf(paid), earned: amountOf(earned) };
}

function number(value: unknown, key: string): number {
  if (typeof value !== "number" || !Number.isFinite(value) || value < 0) throw new Error(`${key} of the statement is no number`);
  return value;
}

/** What was earned in an epoch, as whatever. */
export function earnedIn({ roles }: EpochStatement): bigint {
  return roles.party + roles.gateway + roles.node + roles.network;
}

export function sumOf(lines: readonly StatementLine[]): Sum {
  return {
    plays: lines.reduce((sum, { plays }) => sum + plays, 0),
    seconds: lines.reduce((sum, { ms }) => sum + ms, 0) / 1000,
    earned: lines.reduce((sum, { earned }) => sum + earned, 0n),
  };
}

/** What the key itself has paid, for what it watched and bought, and to nodes. */
export function spentIn({ epochs }: Statement): bigint {
  return epochs.flatMap(({ rows }) => rows).reduce((sum, { paid }) => sum + paid, 0n);
}

/** Everything beside plays: licences, and what was carried and kept. */
export function besidePlays({ epochs }: Statement): { epoch: number; row: StatementRow }[] {
  return epochs.flatMap(({ epoch, rows }) => rows.filter(({ kind }) => kind !== "plays").map((row) => ({ epoch, row })));
}

/** Lines of one title each, the one that earned most first. */
export function byTitle({ epochs }: Statement): { content: string; sum: Sum }[] {
  const titles = new Map<string, StatementLine[]>();
  for (const line of epochs.flatMap(({ lines }) => lines)) {
    const same = titles.get(line.content);
    if (same) same.push(line);
    else titles.set(line.content, [line]);
  }
  const sums = [...titles].map(([content, lines]) => ({ content, sum: sumOf(lines) }));
  return sums.sort((one, other) => (one.sum.earned < other.sum.earned ? 1 : one.sum.earned > other.sum.earned ? -1 : other.sum.plays - one.sum.plays));
}

const HEADS = ["epoch", "settled", "index", "kind", "agreement", "content", "licence", "gateway", "node", "attested", "plays", "bytes", "ms", "unit", "charged", "paid", "earned"];

/** Every row as CSV (RFC 4180), with the same columns and units as `headwater ledger statement --csv`. */
export function toCsv({ epochs, unit }: Statement): string {
  const rows = epochs.flatMap(({ epoch, settled, rows }) =>
    rows.map((row) => [
      epoch, new Date(settled * 1000).toISOString().replace(".000Z", "Z"), row.index, row.kind, row.agreement, row.content, row.licence, row.gateway, row.node, row.attested, row.plays,
      row.bytes, row.ms, unit, decimals(row.charged), decimals(row.paid), decimals(row.earned),
    ]),
  );
  return [HEADS, ...rows].map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n";
}

/** What a spreadsheet would take for a formula is kept a text. */
function cell(value: string | number | boolean | bigint): string {
  const text = typeof value === "string" && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
