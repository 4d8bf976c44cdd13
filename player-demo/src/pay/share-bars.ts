/** Who has how much of a charge, as bars and amounts. */

import { h } from "../page/element";
import { hex } from "../page/format";
import { short } from "../network/words";
import { money } from "./amount";
import type { PaidTitle } from "./fare";
import { split } from "./split";
import { percent } from "./words";

const PPM = 1_000_000n;

/** A row: who, as what, and how much. */
interface Row {
  readonly name: string;
  /** The whole key, where the name is a part of it. */
  readonly key: string | undefined;
  readonly role: string;
  readonly amount: bigint;
}

/** The shares of `paid` in a title, as a table with bars. */
export function shares(title: PaidTitle, paid: bigint): HTMLElement {
  const { unit } = title.agreement;
  const rows = rowsOf(title, paid);
  // What the parts of nothing would be: bars keep their lengths from the beginning.
  const whole = rowsOf(title, PPM).map(({ amount }) => Number(amount));
  const largest = Math.max(1, ...whole);
  const lines = rows.map(({ name, key, role, amount }, at) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, h("span", { class: "who", title: key }, name), " ", h("span", { class: "fine" }, role)),
      h("td", { class: "share-bar" }, h("span", { class: `fill node-${at % 12}`, style: `width:${(100 * (whole[at] ?? 0)) / largest}%` })),
      h("td", { class: "number" }, percent(whole[at] ?? 0)),
      h("td", { class: "number" }, money(amount, unit)),
    ),
  );
  const heads = ["Who", "", "Share", "Amount"].map((head) => (head ? h("th", { scope: "col" }, head) : h("td", {})));
  return h("table", { class: "shares" }, h("caption", { class: "unseen" }, "Shares in what is paid"), h("thead", {}, h("tr", {}, ...heads)), h("tbody", {}, ...lines));
}

function rowsOf({ agreement, by, creator: creatorKey, works }: PaidTitle, paid: bigint): Row[] {
  const { gateway, network, node, parties } = split(paid, agreement.id, works);
  const creator = hex(creatorKey);
  const own = parties.map(({ party, role, amount, work }): Row => {
    const key = hex(party);
    const name = key === creator ? (by ?? "the creator") : short(key);
    return { name, key, role: work === agreement.id ? role : `${role}, of a work in this one`, amount };
  });
  const fee = (name: string, role: string, amount: bigint): Row => ({ name, key: undefined, role, amount });
  const fees = [fee("Nodes", "that keep it", node), fee("Gateway", "that brings it", gateway), fee("Network", "", network)];
  return [...own, ...fees].filter((row, at) => at < own.length || row.amount > 0n || paid === 0n);
}
