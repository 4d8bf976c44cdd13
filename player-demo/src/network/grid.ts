/** The history as rows of hours, and the words for each of its cells. */

import { count } from "../page/format";
import type { History, Hour, Result } from "./api";
import { hourName, short } from "./words";

export interface Row {
  readonly id: string;
  /** As many as the history has hours; none where there was no audit. */
  readonly cells: readonly (Hour | undefined)[];
}

/** A sign for each result, so that no colour has to be told from another one. */
export const SIGNS: Record<Result, string> = { proved: "", slow: "~", offline: "○", missing: "!", corrupt: "✕" };

export const MEANINGS: Record<Result, string> = {
  proved: "proved all that was asked",
  slow: "proved it, but took long",
  offline: "gave no proper answer in time",
  missing: "has not what it signed a lease for",
  corrupt: "has it, but damaged",
};

/** The hours of a history, the oldest first. */
export function hoursOf({ hour, hours }: History): number[] {
  return Array.from({ length: hours }, (_, at) => hour - hours + 1 + at);
}

export function rowsOf(history: History): Row[] {
  const hours = hoursOf(history);
  return history.nodes.map(({ id, hours: lines }) => {
    const known = new Map(lines.map((line) => [line.hour, line]));
    return { id, cells: hours.map((hour) => known.get(hour)) };
  });
}

/** Node, time, verdict and reason of a cell. */
export function cellName(id: string, hour: number, cell: Hour | undefined): string {
  return `Node ${short(id)}, ${hourName(hour)}: ${cell ? `${cell.result}, ${detail(cell)}` : "no audit"}`;
}

/** What was found, in words. */
export function detail(cell: Hour): string {
  const found = cell.reason ?? `${cell.proved} of ${count(cell.asked, "part")} proved in ${cell.tookMs} ms`;
  const others = cell.audits > 1 ? `; ${cell.failed} of ${count(cell.audits, "audit")} in this hour not passed` : "";
  return found + others;
}

/** How many hours of a row are of each kind. */
export function tally(row: Row): Map<Result, number> {
  const counts = new Map<Result, number>();
  for (const cell of row.cells) if (cell) counts.set(cell.result, (counts.get(cell.result) ?? 0) + 1);
  return counts;
}
