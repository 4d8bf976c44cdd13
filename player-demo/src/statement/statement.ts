/** Statements of a ledger: what a key has earned, epoch by epoch and title by title. */

import { amountOf } from "../pay/amount";

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

export interface EpochStatement {
  readonly epoch: number;
  /** Seconds since 1970. */
  readonly settled: number;
  readonly roles: { readonly party: bigint; readonly gateway: bigint; readonly node: bigint; readonly network: bigint };
  readonly lines: readonly StatementLine[];
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
  const { epoch, settled, roles, lines, more } = Object(value) as Record<string, unknown>;
  if (!Array.isArray(lines)) throw new Error("an epoch of the statement has no lines");
  const amounts = Object(roles) as Record<string, unknown>;
  const amount = (key: string) => amountOf(amounts[key]);
  return {
    epoch: number(epoch, "epoch"),
    settled: number(settled, "settled"),
    roles: { party: amount("party"), gateway: amount("gateway"), node: amount("node"), network: amount("network") },
    lines: lines.slice(0, LINES_MAX).map(readLine),
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

/** What the key itself has paid for what it watched. */
export function spentIn({ epochs }: Statement): bigint {
  return epochs.flatMap(({ lines }) => lines).reduce((sum, { own, paid }) => sum + (own ? paid : 0n), 0n);
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

const HEADS = ["epoch", "settled", "index", "content", "creator", "gateway", "attested", "plays", "bytes", "seconds", "paid_micro", "earned_micro"];

/** Every line as CSV (RFC 4180), amounts in micro-units. */
export function toCsv({ epochs }: Statement): string {
  const rows = epochs.flatMap(({ epoch, settled, lines }) =>
    lines.map((line) => [epoch, new Date(settled * 1000).toISOString(), line.index, line.content, line.creator, line.gateway, line.attested, line.plays, line.bytes, line.ms / 1000, line.paid, line.earned]),
  );
  return [HEADS, ...rows].map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n";
}

/** What a spreadsheet would take for a formula is kept a text. */
function cell(value: string | number | boolean | bigint): string {
  const text = typeof value === "string" && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
