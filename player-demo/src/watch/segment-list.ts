/** The last segments: verified, from which gateway, and from which nodes. */

import { h } from "../page/element";
import { bytes } from "../page/format";
import type { Delivery, Trace } from "../play/trace";
import type { NodeBook } from "../sources/nodes";
import { colourClass } from "../sources/picture";

const SHOWN = 8;

export class SegmentList {
  readonly element: HTMLElement;
  private readonly body = h("tbody");
  private chosen: Delivery | undefined;

  constructor(
    private readonly trace: Trace,
    private readonly book: NodeBook,
    private readonly show: (delivery: Delivery) => void,
  ) {
    const head = ["Segment", "Bytes", "Time", "Nodes", "Gateway"].map((text) => h("th", { scope: "col" }, text));
    const table = h(
      "table",
      {},
      h("caption", {}, "Last segments, all verified"),
      h("thead", {}, h("tr", {}, ...head)),
      this.body,
    );
    this.element = h("div", { class: "segments", tabindex: "0", role: "region", "aria-label": "Last segments" }, table);
  }

  /** Whether the picture should turn to this delivery: no other is held, and it is of the picture rather than of the sound. */
  follows(delivery: Delivery): boolean {
    if (this.chosen) return this.chosen === delivery;
    const video = this.trace.deliveries.some((one) => one.track.kind === "video");
    return delivery.track.kind === (video ? "video" : "audio");
  }

  draw(): void {
    this.body.replaceChildren(
      ...this.trace.deliveries
        .slice(-SHOWN)
        .reverse()
        .map((delivery) => this.row(delivery)),
    );
  }

  private row(delivery: Delivery): HTMLElement {
    const { track, n, len, elapsed, gateway } = delivery;
    const held = delivery === this.chosen;
    const button = h(
      "button",
      { type: "button", "aria-pressed": held, title: "Keep this segment in the picture" },
      `${track.id} ${n}`,
    );
    button.addEventListener("click", () => {
      this.chosen = held ? undefined : delivery;
      this.show(delivery);
      this.draw();
      this.body.querySelector<HTMLElement>("[aria-pressed=true]")?.focus();
    });
    const host = new URL(gateway.origin).host;
    return h(
      "tr",
      {},
      h("th", { scope: "row" }, button),
      h("td", {}, bytes(len)),
      h("td", {}, `${Math.round(elapsed)} ms`),
      h("td", {}, this.bar(delivery)),
      h("td", { class: "host", title: host }, host),
    );
  }

  /** Shares of the nodes as a small bar. */
  private bar({ sources }: Delivery): HTMLElement {
    if (!sources) return h("span", { class: "fine" }, "not told");
    const shares = new Map<string, number>();
    for (const cell of sources.cells) {
      const key = cell.node === undefined ? cell.how : colourClass(this.book.node(cell.node));
      shares.set(key, (shares.get(key) ?? 0) + 1);
    }
    const parts = [...shares].map(([key, cells]) => h("span", { class: `share ${key}`, style: `flex-grow:${cells}` }));
    const label = `${sources.cells.length} cells from ${new Set(sources.cells.map((cell) => cell.node)).size} nodes`;
    return h("span", { class: "bar", role: "img", "aria-label": label }, ...parts);
  }
}
