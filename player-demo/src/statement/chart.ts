/** Values over time as bars, and the same as a table behind them. */

import { h, svg } from "../page/element";

const WIDTH = 360;
const HEIGHT = 130;
const GROUND = 108;
const TOP = 18;
/** The widest bar. */
const BAR_MAX = 44;
/** Room between two bars, as a part of one. */
const GAP = 0.25;
/** Bars under which a name has room. */
const NAMED_MAX = 12;

export interface Point {
  readonly name: string;
  readonly value: number;
  /** As people read it. */
  readonly words: string;
}

/** A plot; the greatest value is written above its bar. */
export function chart(title: string, points: readonly Point[]): HTMLElement {
  const most = Math.max(...points.map(({ value }) => value), 0);
  const step = Math.min(BAR_MAX / (1 - GAP), WIDTH / Math.max(points.length, 1));
  const highest = points.findIndex(({ value }) => value === most);
  const every = Math.ceil(points.length / NAMED_MAX);
  const bars = points.flatMap(({ name, value, words }, at) => {
    const height = most > 0 ? (value / most) * (GROUND - TOP) : 0;
    const [x, y] = [at * step, GROUND - height];
    const middle = x + (step * (1 - GAP)) / 2;
    const anchor = middle < 40 ? "start" : middle > WIDTH - 40 ? "end" : "middle";
    const edge = anchor === "start" ? x : anchor === "end" ? x + step * (1 - GAP) : middle;
    return [
      svg("rect", { class: "column", x, y, width: step * (1 - GAP), height }, svg("title", {}, `${name}: ${words}`)),
      at === highest && most > 0 && svg("text", { class: "mark strong", x: edge, y: y - 5, "text-anchor": anchor }, words),
      at % every === 0 && svg("text", { class: "mark", x: edge, y: HEIGHT - 6, "text-anchor": anchor }, name),
    ];
  });
  const said = points.map(({ name, words }) => `${name}: ${words}`).join("; ");
  return h(
    "figure",
    { class: "chart" },
    h("figcaption", {}, title),
    svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `${title}. ${points.length > 12 ? "All values stand in the table below" : said}` }, ...bars, svg("line", { class: "ground", x1: 0, x2: WIDTH, y1: GROUND, y2: GROUND })),
  );
}
