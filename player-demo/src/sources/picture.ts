/** The picture of one segment: streams run down from the nodes into its columns, and fill them with cells from the ground up. */

import { h, svg } from "../page/element";
import { COLOURS, type Node, type NodeBook } from "./nodes";
import type { Cell, How, Sources } from "./sources";

const STREAMS_HEIGHT = 84;
const TANK_HEIGHT = 128;
const GAP = 6;
const CELL_MAX = 22;
/** Cells drawn in one column; above it, several share one square. */
const DRAWN_MAX = 400;

/** One square: what it stands for, the most telling of its cells first. */
interface Square {
  readonly node: string | undefined;
  readonly how: How;
}

export class Picture {
  readonly element: HTMLElement;
  private width = 360;
  private shown: Sources | undefined;
  /** Where the nodes stand and which of them run, when it was drawn. */
  private nodes = "";

  constructor(private readonly book: NodeBook) {
    this.element = h("div", { class: "picture", "aria-hidden": "true" });
    new ResizeObserver(([entry]) => {
      const width = Math.round(entry?.contentRect.width ?? 0);
      if (width === 0 || width === this.width) return;
      this.width = width;
      this.draw(false);
    }).observe(this.element);
    book.addEventListener("change", () => {
      if (this.nodes !== standing(book)) this.draw(false);
    });
  }

  show(sources: Sources | undefined): void {
    this.shown = sources;
    this.draw(true);
  }

  private draw(fresh: boolean): void {
    const sources = this.shown;
    this.nodes = standing(this.book);
    const height = STREAMS_HEIGHT + TANK_HEIGHT;
    const frame = svg("svg", { viewBox: `0 0 ${this.width} ${height}`, class: fresh ? "fresh" : "" }, hatching());
    if (sources) {
      const columns = Array.from({ length: sources.data }, (_, at) =>
        sources.cells.filter((cell) => cell.column === at),
      );
      const tankWidth = this.width / sources.data;
      columns.forEach((cells, at) => {
        const middle = (at + 0.5) * tankWidth;
        frame.append(...this.streams(cells, middle, sources), tank(this.book, cells, at * tankWidth, tankWidth));
      });
    }
    this.element.replaceChildren(frame);
  }

  /** From every node that gave something for this column. */
  private streams(cells: Cell[], to: number, sources: Sources): SVGElement[] {
    const given = new Map<string, { count: number; how: How }>();
    for (const cell of cells) {
      if (cell.node === undefined) continue;
      const before = given.get(cell.node)?.count ?? 0;
      given.set(cell.node, { count: before + 1, how: cell.how });
    }
    const direct = [...given].map(([id, { count, how }]) => this.stream(id, to, how, count / cells.length));
    if (!cells.some((cell) => cell.how === "rebuilt")) return direct;
    const helpers = sources.nodes.filter((id) => !given.has(id));
    return [...helpers.map((id) => this.stream(id, to, "rebuilt", 0)), ...direct];
  }

  private stream(id: string, to: number, how: How, share: number): SVGElement {
    const node = this.book.node(id);
    const from = ((node.index + 0.5) * this.width) / this.book.all().length;
    const [bottom, bend] = [STREAMS_HEIGHT - 4, STREAMS_HEIGHT * 0.55];
    return svg("path", {
      d: `M${from} 0C${from} ${bend} ${to} ${bottom - bend} ${to} ${bottom}`,
      class: `stream ${how} ${colourClass(node)} ${node.running === false ? "past" : ""}`,
      "stroke-width": how === "rebuilt" ? 1.2 : (1.5 + 4.5 * Math.sqrt(share)).toFixed(1),
    });
  }
}

function standing(book: NodeBook): string {
  return book
    .all()
    .map((node) => String(node.running))
    .join();
}

/** The class that gives a node its colour. */
export function colourClass(node: Node): string {
  return `node-${node.index % COLOURS}`;
}

function tank(book: NodeBook, cells: Cell[], left: number, width: number): SVGElement {
  const squares = merge(cells);
  const inner = width - GAP;
  const across = acrossFor(squares.length, inner);
  const size = Math.min(CELL_MAX, inner / across);
  const margin = left + (width - across * size) / 2;
  const bottom = STREAMS_HEIGHT + TANK_HEIGHT - 5;
  const group = svg("g", { class: "tank" });
  group.append(
    svg("rect", { x: left + GAP / 2, y: STREAMS_HEIGHT - 3, width: inner, height: TANK_HEIGHT, rx: 5, class: "basin" }),
  );
  squares.forEach((square, at) => {
    const [x, y] = [margin + (at % across) * size, bottom - (Math.floor(at / across) + 1) * size];
    const colour = square.node === undefined ? "" : colourClass(book.node(square.node));
    const edge = Math.max(0.5, size * 0.08);
    const place = { x: x + edge, y: y + edge, width: size - 2 * edge, height: size - 2 * edge, rx: size * 0.18 };
    group.append(
      svg("rect", { ...place, class: `cell ${square.how} ${colour}`, style: `--at:${at / squares.length}` }),
    );
  });
  return group;
}

/** How many squares stand side by side, so that all of them fit. */
function acrossFor(squares: number, width: number): number {
  let across = Math.max(1, Math.floor(width / CELL_MAX));
  while (Math.ceil(squares / across) * (width / across) > TANK_HEIGHT - 6) across += 1;
  return across;
}

const TELLING: readonly How[] = ["rebuilt", "hedged", "unknown", "direct"];

function merge(cells: Cell[]): Square[] {
  const each = Math.ceil(cells.length / DRAWN_MAX) || 1;
  const squares: Square[] = [];
  for (let at = 0; at < cells.length; at += each) {
    const together = cells.slice(at, at + each);
    const how = TELLING.find((how) => together.some((cell) => cell.how === how)) ?? "unknown";
    squares.push({ how, node: together.find((cell) => cell.how === how)?.node });
  }
  return squares;
}

/** The pattern of rebuilt cells; without colours of its own, those are the stylesheet's. */
function hatching(): SVGElement {
  const pattern = svg("pattern", {
    id: "hatching",
    width: 5,
    height: 5,
    patternUnits: "userSpaceOnUse",
    patternTransform: "rotate(45)",
  });
  pattern.append(
    svg("rect", { width: 5, height: 5, class: "hatch-ground" }),
    svg("rect", { width: 2, height: 5, class: "hatch-line" }),
  );
  return svg("defs", {}, pattern);
}
