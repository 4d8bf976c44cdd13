/** The page of the network's nodes, for whoever runs them or rests on them. */

import "../style/network.css";

import { h } from "../page/element";
import { bytes, sentence } from "../page/format";
import { buildHeader } from "../page/header";
import type { Session } from "../page/session";
import { fetchHistory, fetchNetwork, type Network } from "./api";
import { CareView } from "./care";
import { HeatMap } from "./heat-map";
import { buildNodeTable } from "./node-table";
import { ago } from "./words";

/** How often the page looks again while it is in sight. */
const LOOK_EVERY_MS = 10_000;
const SPANS = [24, 48, 168];
/** Nodes that are shown at first, those that need somebody among them. */
const FIRST = 20;
/** A steward that has said nothing for so long does not run, in seconds. */
const SILENT_AFTER_S = 180;

export async function openNodes(page: HTMLElement, session: Session): Promise<void> {
  document.title = "Nodes – Headwater";
  const view = new NodesPage(session);
  page.replaceChildren(buildHeader(), view.element);
  await view.look();
  setInterval(() => void (document.hidden || view.look()), LOOK_EVERY_MS);
}

class NodesPage {
  readonly element: HTMLElement;
  private readonly tiles = h("dl", { class: "tiles" });
  private readonly trouble = h("p", { role: "status", class: "failed" });
  private readonly nodes = h("div", { class: "waits" }, "Asking the nodes …");
  private readonly hours = h("select", { id: "hours" }, ...SPANS.map(option));
  private readonly audits = h("div", {});
  private readonly map = new HeatMap();
  private readonly care: CareView;
  private showsAll = false;

  constructor(session: Session) {
    this.care = new CareView(session, sessionStorage);
    this.hours.addEventListener("change", () => void this.look());
    const label = h("label", { for: "hours", class: "fine" }, "Time ", this.hours);
    this.element = h(
      "main",
      { class: "network", id: "main" },
      h("h1", {}, "The nodes of this network"),
      this.trouble,
      this.tiles,
      h("section", { "aria-labelledby": "nodes" }, h("h2", { id: "nodes" }, "Nodes"), this.nodes),
      h(
        "section",
        { "aria-labelledby": "audits" },
        h("div", { class: "heading" }, h("h2", { id: "audits" }, "Audits"), label),
        this.audits,
      ),
      this.care.element,
    );
  }

  async look(): Promise<void> {
    try {
      const history = fetchHistory(Number(this.hours.value));
      const [network, audited] = await Promise.all([fetchNetwork(), history, this.care.refresh()]);
      this.trouble.textContent = "";
      this.show(network);
      if (audited.nodes.length > 0) {
        if (!this.map.element.isConnected) this.audits.replaceChildren(this.map.element);
        this.map.show(audited);
      } else {
        this.audits.replaceChildren(h("p", { class: "fine" }, noAudits(network)));
      }
    } catch (error) {
      this.trouble.textContent = sentence((error as Error).message);
    }
  }

  private show(network: Network): void {
    this.tiles.replaceChildren(...summary(network));
    this.nodes.className = "";
    const most = this.showsAll ? network.nodes.length : FIRST;
    const hidden = network.nodes.length - most;
    this.nodes.replaceChildren(buildNodeTable(network, most));
    if (hidden <= 0) return;
    const all = () => {
      this.showsAll = true;
      this.show(network);
    };
    this.nodes.append(h("button", { type: "button", class: "button quiet", onclick: all }, `Show ${hidden} more`));
  }
}

function option(hours: number): HTMLElement {
  return h("option", { value: hours, selected: hours === SPANS[0] }, hours > 48 ? `${hours / 24} days` : `${hours} hours`);
}

function noAudits({ steward }: Network): string {
  return steward ? "No node was audited within this time." : "No steward runs in this gateway, so that nothing is known of audits.";
}

function summary({ nodes, known, steward, at }: Network): HTMLElement[] {
  const up = nodes.filter(({ isUp }) => isUp).length;
  const sum = (field: "stored" | "capacity") => nodes.reduce((sum, node) => sum + (node[field] ?? 0), 0);
  const [stored, capacity] = [sum("stored"), sum("capacity")];
  const listed = known > nodes.length ? `${nodes.length} of ${known} are listed` : "";
  return [
    tile("Nodes up", `${up} of ${nodes.length}`, listed, up < nodes.length),
    tile("Room used", `${bytes(stored)} of ${bytes(capacity)}`, `${bytes(Math.max(0, capacity - stored))} free on nodes that are up`),
    ...(steward ? [rate(steward), life(steward, at)] : []),
  ];
}

function rate({ rate, limit, total }: NonNullable<Network["steward"]>): HTMLElement {
  const most = limit === undefined ? "no limit is set" : `at most ${bytes(limit)}/s`;
  return tile("Audits and repairs", `${bytes(rate)}/s`, `${most}; ${bytes(total)} since the steward began`);
}

function life({ at }: NonNullable<Network["steward"]>, now: number): HTMLElement {
  const isSilent = now - at > SILENT_AFTER_S;
  return tile("Steward", isSilent ? "silent" : "at work", `said how things stand ${ago(at, now)}`, isSilent);
}

function tile(title: string, value: string, more: string, isBad = false): HTMLElement {
  return h(
    "div",
    { class: isBad ? "tile bad" : "tile" },
    h("dt", {}, title),
    h("dd", {}, h("strong", {}, value), h("span", { class: "fine" }, more)),
  );
}
