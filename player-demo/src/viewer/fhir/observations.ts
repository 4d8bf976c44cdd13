/** Observations as a table: when, what, how much, and what is usual. */

import { h } from "../../page/element";
import { type Fields, type Json, line } from "./values";

export function observations(list: readonly Fields[]): HTMLElement {
  const head = ["When", "What", "Value", "Usual", "Status"].map((title) => h("th", { scope: "col" }, title));
  const table = h("table", {}, h("thead", {}, h("tr", {}, ...head)), h("tbody", {}, ...list.map(row)));
  return h("section", {}, h("h3", {}, `Observations (${list.length})`), h("div", { class: "wide", tabindex: 0, role: "region", "aria-label": "Observations" }, table));
}

function row(observation: Fields): HTMLElement {
  const usual = entries(observation.referenceRange).map(line).filter(Boolean).join("; ");
  const cells = [line(chosen(observation, "effective")), line(observation.code), valueOf(observation), usual, line(observation.status)];
  return h("tr", {}, ...cells.map((cell) => h("td", {}, cell ?? "")));
}

/** The value itself, or those of the components. */
function valueOf(observation: Fields): string | undefined {
  const own = line(chosen(observation, "value"));
  const parts = entries(observation.component).map((part) => `${line(part.code) ?? ""} ${line(chosen(part, "value")) ?? ""}`.trim());
  return [own, ...parts].filter(Boolean).join("; ") || line(observation.dataAbsentReason);
}

/** The field of which only the beginning is fixed: `valueQuantity`, `valueString`… */
function chosen(fields: Fields, stem: string): Json | undefined {
  const key = Object.keys(fields).find((key) => key.startsWith(stem) && /^[A-Z]/.test(key.slice(stem.length)));
  return key === undefined ? undefined : fields[key];
}

function entries(value: Json | undefined): Fields[] {
  return Array.isArray(value) ? value.filter((entry): entry is Fields => typeof entry === "object" && entry !== null && !Array.isArray(entry)) : [];
}
