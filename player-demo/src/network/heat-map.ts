/** Audits of the last hours: nodes × hours, to be walked through with the arrow keys, and the same as a table. */

import { h } from "../page/element";
import { count } from "../page/format";
import { type History, type Hour, type Result, RESULTS } from "./api";
import { cellName, detail, hoursOf, MEANINGS, type Row, rowsOf, SIGNS, tally } from "./grid";
import { buildTable } from "./table";
import { clockOf, hourName, short } from "./words";

/** Every so many hours a column is named. */
const NAMED_EVERY = 6;
/** Lines of the table of audits that were not passed. */
const LINES_MAX = 200;

export class HeatMap {
  readonly element = h("div", { class: "heat" });
  private readonly said = h("p", { class: "heat-said fine" });
  private place = { id: "", hour: 0 };
  private drawn = "";
  private hours = 0;

  show(history: History): void {
    const now = JSON.stringify(history);
    if (now === this.drawn) return;
    this.drawn = now;
    const hadFocus = this.element.querySelector("[role=grid]")?.contains(document.activeElement);
    const rows = rowsOf(history);
    const left = history.hours === this.hours ? this.element.querySelector(".heat-scroll")?.scrollLeft : undefined;
    this.hours = history.hours;
    const isOpen = this.element.querySelector("details")?.open === true;
    this.said.textContent = "Point at an hour, or walk through them with the arrow keys, to read what was found.";
    this.element.replaceChildren(legend(), this.grid(rows, hoursOf(history)), this.said, asTables(rows, isOpen));
    const scroll = this.element.querySelector(".heat-scroll") as HTMLElement;
    // What is newest is seen first where not all fits.
    scroll.scrollLeft = left ?? scroll.scrollWidth;
    if (hadFocus) this.focus();
  }

  private grid(rows: readonly Row[], hours: readonly number[]): HTMLElement {
    const named = rows.some(({ id }) => id === this.place.id) && hours.includes(this.place.hour);
    if (!named) this.place = { id: rows[0]?.id ?? "", hour: hours.at(-1) ?? 0 };
    const heads = hours.map((hour) => {
      const at = new Date(hour * 3_600_000);
      const isNamed = at.getHours() % NAMED_EVERY === 0;
      const label = h("span", { class: isNamed ? "hour" : "unseen" }, clockOf(at));
      return h("th", { scope: "col", role: "columnheader" }, label);
    });
    const lines = rows.map(({ id, cells }) =>
      h(
        "tr",
        { role: "row" },
        h("th", { scope: "row", role: "rowheader" }, h("code", { title: id }, short(id))),
        ...cells.map((cell, at) => this.cell(id, hours[at] as number, cell)),
      ),
    );
    const grid = h(
      "table",
      { class: "heat-grid", role: "grid", "aria-label": "Audits by node and hour", "aria-readonly": "true" },
      h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, h("th", { role: "columnheader" }, "Node"), ...heads)),
      h("tbody", { role: "rowgroup" }, ...lines),
    );
    grid.addEventListener("keydown", (event) => this.walk(event, rows, hours));
    grid.addEventListener("focusin", (event) => this.say(event.target));
    grid.addEventListener("mouseover", (event) => this.say(event.target));
    return h("div", { class: "heat-scroll" }, grid);
  }

  private cell(id: string, hour: number, cell: Hour | undefined): HTMLElement {
    const isHere = id === this.place.id && hour === this.place.hour;
    const sign = h("span", { "aria-hidden": "true" }, cell ? SIGNS[cell.result] : "");
    const properties = {
      role: "gridcell",
      class: `cell-${cell?.result ?? "none"}`,
      tabindex: isHere ? 0 : -1,
      "aria-label": cellName(id, hour, cell),
      "data-id": id,
      "data-hour": hour,
    };
    return h("td", properties, sign);
  }

  private walk(event: KeyboardEvent, rows: readonly Row[], hours: readonly number[]): void {
    const row = rows.findIndex(({ id }) => id === this.place.id);
    const column = hours.indexOf(this.place.hour);
    const [down, right] = STEPS[event.key] ?? [0, 0];
    if (STEPS[event.key] === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    const id = rows[clamp(row + down, rows.length)]?.id ?? "";
    this.place = { id, hour: hours[clamp(column + right, hours.length)] as number };
    this.focus();
  }

  /** Moves the focus to where one is; only that cell is reached with the tabulator. */
  private focus(): void {
    for (const cell of this.element.querySelectorAll<HTMLElement>("[role=gridcell]")) {
      const isHere = cell.dataset.id === this.place.id && cell.dataset.hour === String(this.place.hour);
      cell.tabIndex = isHere ? 0 : -1;
      if (isHere) cell.focus();
    }
  }

  private say(target: EventTarget | null): void {
    const cell = target instanceof Element ? target.closest<HTMLElement>("[role=gridcell]") : null;
    if (cell) this.said.textContent = cell.getAttribute("aria-label");
  }
}

const STEPS: Record<string, readonly [number, number]> = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
  Home: [0, -Infinity],
  End: [0, Infinity],
  PageUp: [-Infinity, 0],
  PageDown: [Infinity, 0],
};

function clamp(at: number, length: number): number {
  return Math.min(Math.max(at, 0), length - 1);
}

function legend(): HTMLElement {
  const item = (result: Result) =>
    h("li", {}, h("span", { class: `swatch cell-${result}`, "aria-hidden": "true" }, SIGNS[result]), entry(result));
  const none = h("li", {}, h("span", { class: "swatch cell-none", "aria-hidden": "true" }), "no audit");
  return h("ul", { class: "legend", "aria-label": "What the signs mean" }, ...RESULTS.map(item), none);
}

function entry(result: Result): HTMLElement {
  return h("span", {}, h("b", {}, result), `: ${MEANINGS[result]}`);
}

/** The same without colours and places: how many hours of each kind, and all that were not passed. */
function asTables(rows: readonly Row[], open: boolean): HTMLElement {
  const counts = buildTable(
    "Hours of each kind by node",
    [
      { title: "Node", names: true, show: ({ id }: Row) => [h("code", { title: id }, short(id))] },
      ...RESULTS.map((result) => ({ title: result, show: (row: Row) => [String(tally(row).get(result) ?? 0)] })),
    ],
    rows,
    "narrow",
  );
  const failed = rows.flatMap(({ id, cells }) =>
    cells.flatMap((cell) => (cell && cell.result !== "proved" ? [{ id, cell }] : [])),
  );
  failed.sort((one, other) => other.cell.hour - one.cell.hour);
  const reasons = buildTable(
    "Audits that were not passed, or took long",
    [
      { title: "Time", names: true, show: ({ cell }) => [hourName(cell.hour)] },
      { title: "Node", show: ({ id }) => [h("code", { title: id }, short(id))] },
      { title: "Verdict", show: ({ cell }) => [cell.result] },
      { title: "Reason", show: ({ cell }) => [detail(cell)] },
    ],
    failed.slice(0, LINES_MAX),
  );
  const more = failed.length > LINES_MAX ? `, of which the newest ${LINES_MAX} are listed` : "";
  const summary = `${count(failed.length, "hour")} with an audit that was not passed or took long${more}.`;
  return h(
    "details",
    { class: "as-tables", open },
    h("summary", {}, "The same as tables"),
    counts,
    h("p", {}, summary),
    failed.length > 0 && reasons,
  );
}
