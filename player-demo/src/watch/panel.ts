/** Beside the film: where its bytes come from, live. */

import { h } from "../page/element";
import { bytes, count, rate } from "../page/format";
import type { Session } from "../page/session";
import type { Player } from "../play/player";
import type { Delivery, Trace } from "../play/trace";
import { NodeBook, nodeName } from "../sources/nodes";
import { Picture } from "../sources/picture";
import { type Sources, tally } from "../sources/sources";
import { buildNodeRow } from "./node-row";
import { SegmentList } from "./segment-list";

const GAUGES_EVERY_MS = 500;
/** Segments over which throughput is averaged. */
const RECENT = 5;

/** The panel; it follows the film until a segment is chosen, and again when that is undone. */
export function buildPanel(trace: Trace, player: Player, session: Session): HTMLElement {
  const book = new NodeBook();
  const picture = new Picture(book);
  const caption = h("p", { class: "caption" });
  const words = h("p", { class: "words" });
  const list = new SegmentList(trace, book, show);

  function show(delivery: Delivery): void {
    const { sources, track, n, len } = delivery;
    caption.replaceChildren(h("strong", {}, `Segment ${n}`), ` of ${track.id} · ${bytes(len)}`);
    words.textContent = sources ? inWords(sources, book) : "Its gateway does not tell where the bytes came from.";
    picture.element.hidden = sources === undefined;
    picture.show(sources);
  }

  trace.addEventListener("delivery", () => list.draw());
  trace.addEventListener("sources", (event) => {
    const delivery = (event as CustomEvent<Delivery>).detail;
    note(book, delivery.sources);
    list.draw();
    if (list.follows(delivery)) show(delivery);
  });
  return h(
    "section",
    { class: "panel", "aria-labelledby": "panel-title" },
    h("header", {}, h("h2", { id: "panel-title" }, "Where the bytes come from"), caption),
    h("div", { class: "flow" }, buildNodeRow(book, session), picture.element),
    legend(),
    words,
    gauges(trace, player),
    list.element,
  );
}

/** Counts what the nodes gave. */
function note(book: NodeBook, sources: Sources | undefined): void {
  if (!sources) return;
  for (const id of sources.nodes) book.node(id);
  for (const cell of sources.cells) if (cell.node !== undefined) book.node(cell.node).cells += 1;
  book.changed();
}

/** The picture for those who do not see it. */
function inWords(sources: Sources, book: NodeBook): string {
  const { direct, hedged, rebuilt, unknown } = tally(sources);
  const from = new Map<string, number>();
  for (const { node } of sources.cells) if (node !== undefined) from.set(node, (from.get(node) ?? 0) + 1);
  const shares = [...from].map(([id, cells]) => `${nodeName(book.node(id))} ${cells}`).join(", ");
  const parts = [
    `${count(sources.cells.length, "cell")} in ${sources.data} columns (${sources.data}+${sources.parity})`,
  ];
  if (direct > 0) parts.push(`${direct} straight from their nodes`);
  if (hedged > 0) parts.push(`${hedged} from a second node, as the first was late`);
  if (rebuilt > 0) parts.push(`${rebuilt} rebuilt from parity`);
  if (unknown > 0) parts.push(`${unknown} no longer remembered`);
  const gone = [...from.keys()].map((id) => book.node(id)).filter((node) => node.running === false);
  if (gone.length > 0)
    parts.push(`those of ${gone.map(nodeName).join(" and ")} were with the gateway before it was stopped`);
  return `${parts.join("; ")}.${shares && ` By node: ${shares}.`}`;
}

function legend(): HTMLElement {
  const entry = (how: string, text: string) =>
    h("li", {}, h("span", { class: `key ${how}`, "aria-hidden": "true" }), text);
  return h(
    "ul",
    { class: "legend", "aria-label": "Legend" },
    entry("direct", "from its node, in its colour"),
    entry("hedged", "hedged"),
    entry("rebuilt", "rebuilt from parity"),
    entry("unknown", "unknown"),
  );
}

function gauges(trace: Trace, { video }: Player): HTMLElement {
  const gauge = (name: string) => {
    const value = h("dd", {}, "–");
    return { value, element: h("div", {}, h("dt", {}, name), value) };
  };
  const [buffer, throughput, read] = [gauge("Buffer"), gauge("Throughput"), gauge("Verified")];
  setInterval(() => {
    buffer.value.textContent = `${ahead(video).toFixed(1)} s`;
    const recent = trace.deliveries.slice(-RECENT);
    const [length, time] = [sum(recent.map((one) => one.len)), sum(recent.map((one) => one.elapsed))];
    if (time > 0) throughput.value.textContent = rate((length * 8000) / time);
    read.value.textContent = String(trace.verified);
  }, GAUGES_EVERY_MS);
  return h("dl", { class: "gauges" }, buffer.element, throughput.element, read.element);
}

function ahead(video: HTMLVideoElement): number {
  for (let at = 0; at < video.buffered.length; at++) {
    const [start, end] = [video.buffered.start(at), video.buffered.end(at)];
    if (start <= video.currentTime + 0.1 && video.currentTime <= end) return end - video.currentTime;
  }
  return 0;
}

function sum(numbers: number[]): number {
  return numbers.reduce((all, number) => all + number, 0);
}
