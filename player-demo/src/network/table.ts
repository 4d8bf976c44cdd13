/** Tables that are read as tables on a wide screen, and as one card for each row on a narrow one. */

import { h } from "../page/element";

export interface Column<T> {
  readonly title: string;
  readonly show: (row: T) => (Node | string)[];
  /** Stands in front of the row and names it. */
  readonly names?: boolean;
}

/** The roles are written out since a table that is shown as cards would lose them; a narrow one needs no cards. */
export function buildTable<T>(
  caption: string,
  columns: readonly Column<T>[],
  rows: readonly T[],
  form: "cards" | "narrow" = "cards",
): HTMLElement {
  const heads = columns.map(({ title }) => h("th", { scope: "col", role: "columnheader" }, title));
  const lines = rows.map((row) => h("tr", { role: "row" }, ...columns.map((column) => cell(column, row))));
  return h(
    "table",
    { class: form === "cards" ? "cards-when-narrow" : "narrow", role: "table" },
    h("caption", { class: "unseen" }, caption),
    h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, ...heads)),
    h("tbody", { role: "rowgroup" }, ...lines),
  );
}

function cell<T>({ title, show, names }: Column<T>, row: T): HTMLElement {
  const content = h("div", {}, ...show(row));
  if (names) return h("th", { scope: "row", role: "rowheader", "data-title": title }, content);
  return h("td", { role: "cell", "data-title": title }, content);
}

/** A word on coloured ground; `kind` is `good`, `bad`, `warn` or `quiet`. */
export function pill(word: string, kind: "good" | "bad" | "warn" | "quiet"): HTMLElement {
  return h("span", { class: `pill ${kind}` }, word);
}
