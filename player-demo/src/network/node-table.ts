/** The nodes: whether they answer, what they have room for, and what the steward thinks of them. */

import { h } from "../page/element";
import { bytes } from "../page/format";
import type { Network, Node } from "./api";
import { buildTable, type Column, pill } from "./table";
import { ago, short, span } from "./words";

/** The first nodes, those that need somebody to look at them before the others. */
export function buildNodeTable({ nodes, at, steward }: Network, most: number): HTMLElement {
  const columns: Column<Node>[] = [
    { title: "Node", names: true, show: ({ id }) => [h("code", { title: id }, short(id))] },
    { title: "State", show: state },
    { title: "Room", show: room },
    { title: "Last seen", show: (node) => [lastSeen(node, at)] },
    ...(steward ? [{ title: "Audits", show: (node: Node) => audits(node, at) }] : []),
    { title: "Place", show: place },
    { title: "Price", show: ({ price }) => [price === 0 ? "free" : `${price.toLocaleString("en")} µ / GiB month`] },
    { title: "Version", show: ({ version }) => [version?.replace(/^headwater[/ ]/, "") ?? "?"] },
  ];
  return buildTable("Nodes", columns, [...nodes].sort(byNeed).slice(0, most));
}

/** Whoever needs somebody to look at it comes first. */
function byNeed(one: Node, other: Node): number {
  const need = (node: Node) => (node.isUp ? 0 : 2) + (node.care?.isAvoided ? 1 : 0);
  return need(other) - need(one) || (one.id < other.id ? -1 : 1);
}

function state(node: Node): HTMLElement[] {
  const pills = [node.isUp ? pill("● up", "good") : pill("○ down", "bad")];
  if (node.leaving) pills.push(pill("leaving", "quiet"));
  if (node.care?.isAvoided) pills.push(pill("avoided", "warn"));
  else if (node.isUp && node.isSuspect) pills.push(pill("suspect", "quiet"));
  return pills;
}

function room({ stored, capacity, shards }: Node): (HTMLElement | string)[] {
  if (stored === undefined || capacity === undefined) return ["not known while it is down"];
  const share = capacity > 0 ? Math.min(1, stored / capacity) : 1;
  const kind = share >= 0.95 ? "full" : share >= 0.85 ? "nearly" : "";
  const fill = h("span", { class: `fill ${kind}`, style: `inline-size: ${(100 * share).toFixed(1)}%` });
  const free = bytes(Math.max(0, capacity - stored));
  const words = h("span", { class: "fine" }, `${bytes(stored)} of ${bytes(capacity)}, ${free} free`);
  words.title = `${(shards ?? 0).toLocaleString("en")} shards`;
  return [h("span", { class: "bar", "aria-hidden": "true" }, fill), words];
}

function lastSeen({ isUp, seen, answeredMs }: Node, at: number): string {
  return isUp && answeredMs !== undefined ? `now, in ${answeredMs} ms` : ago(seen, at);
}

function audits({ care }: Node, at: number): (HTMLElement | string)[] {
  if (!care) return ["none yet"];
  const points = [...care.points].filter(([, milli]) => milli > 0).map(([kind, milli]) => `${kind} ${tenths(milli)}`);
  const told = care.offlineSince === undefined ? `proved ${ago(care.proved, at)}` : `silent for ${span(at - care.offlineSince)}`;
  const lines = [h("span", {}, told), h("span", { class: "fine" }, `${care.parts} parts`)];
  if (points.length > 0) lines.push(h("span", { class: "fine points" }, `points: ${points.join(", ")}`));
  return lines;
}

function tenths(milli: number): string {
  return (Math.ceil(milli / 100) / 10).toLocaleString("en");
}

function place(node: Node): (HTMLElement | string)[] {
  const said = [`class ${node.class}`, ...(node.domain === undefined ? [] : [`domain ${node.domain}`])];
  return [said.join(", "), ...node.tags.map((tag) => h("span", { class: "tag" }, tag))];
}
