/** A log as mountains: each is a whole subtree, as wide as its entries and as high as its tree. What was seen before is shaded. */

import { svg } from "../page/element";
import { count } from "../page/format";
import { type Subtree, subtreesOf } from "./tree";

const WIDTH = 720;
const HEIGHT = 150;
const GROUND = 128;
/** Height of one level of a tree, where there is room. */
const LEVEL = 14;
/** Levels that are drawn inside of a mountain. */
const DRAWN_MAX = 6;
const LEFT = 4;

/** The picture of a tree of `size` entries, of which the first `before` have been seen before. */
export function drawMountains(size: number, before: number | undefined): SVGElement {
  const peaks = subtreesOf(0, size);
  const scale = (WIDTH - 2 * LEFT) / Math.max(size, 1);
  const highest = Math.max(1, ...peaks.map(({ level }) => level));
  const step = Math.min(LEVEL, (GROUND - 12) / (highest + 1));
  const x = (entry: number) => LEFT + entry * scale;
  const old = before === undefined ? 0 : Math.min(before, size);
  return svg(
    "svg",
    { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": inWords(size, before, peaks) },
    old > 0 && svg("rect", { class: "seen", x: LEFT, y: 0, width: x(old) - LEFT, height: GROUND }),
    ...peaks.map((peak) => mountain(peak, x, step)),
    svg("line", { class: "ground", x1: LEFT, x2: WIDTH - LEFT, y1: GROUND, y2: GROUND }),
    svg("text", { class: "mark", x: LEFT, y: HEIGHT - 5 }, "0"),
    svg("text", { class: "mark", x: WIDTH - LEFT, y: HEIGHT - 5, "text-anchor": "end" }, size.toLocaleString("en")),
    old > 0 && old < size && x(old) < WIDTH - 90 && x(old) > 40 && svg("text", { class: "mark", x: x(old), y: HEIGHT - 5, "text-anchor": "middle" }, old.toLocaleString("en")),
  );
}

/** The outline, and inside it its own subtrees, as far as they can be told apart. */
function mountain({ level, number }: Subtree, x: (entry: number) => number, step: number): SVGElement {
  const parts: SVGElement[] = [];
  for (let depth = 0; depth <= Math.min(level, DRAWN_MAX); depth++) {
    const width = 2 ** (level - depth);
    for (let at = 0; at < 2 ** depth; at++) {
      const start = number * 2 ** level + at * width;
      const top = GROUND - (level - depth + 1) * step;
      const points = [[start, GROUND], [start + width / 2, top], [start + width, GROUND]];
      parts.push(svg("polygon", { class: depth === 0 ? "peak" : "slope", points: points.map(([entry, y]) => `${x(entry as number)},${y}`).join(" ") }));
    }
  }
  return svg("g", {}, ...parts);
}

function inWords(size: number, before: number | undefined, peaks: readonly Subtree[]): string {
  const trees = `${count(size, "entry", "entries")} in ${count(peaks.length, "whole subtree")}`;
  if (before === undefined) return `${trees}; seen for the first time`;
  return before === size ? `${trees}, all of which were seen before` : `${trees}; the first ${before.toLocaleString("en")} were seen before`;
}
