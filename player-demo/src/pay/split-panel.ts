/** Beside the film: whom this play pays, ticking. */

import { h } from "../page/element";
import { money } from "./amount";
import type { TitleFare } from "./fare";
import { priceInWords } from "./price";
import { shares } from "./share-bars";
import { usageInWords } from "./words";

/** How often the amounts are drawn. */
const DRAWN_EVERY_MS = 500;

export function buildSplitPanel(fare: TitleFare): HTMLElement {
  const { agreement } = fare.title;
  const sum = h("strong", { class: "sum" });
  const used = h("span", {});
  const left = h("p", { class: "fine left" });
  const table = h("div", {});
  const draw = () => {
    const { cost, usage } = fare.total();
    sum.textContent = money(cost, agreement.unit);
    used.textContent = ` for ${usageInWords(usage)}`;
    left.textContent = fare.left === undefined || agreement.price.micro === 0n ? "" : `Of what you allowed, ${money(fare.left, agreement.unit)} are left for all tabs and gateways, beside what is ahead.`;
    table.replaceChildren(shares(fare.title, cost));
  };
  let isDue = false;
  fare.addEventListener("change", () => {
    if (isDue) return;
    isDue = true;
    setTimeout(() => {
      isDue = false;
      draw();
    }, DRAWN_EVERY_MS);
  });
  draw();
  return h(
    "section",
    { class: "panel split", "aria-labelledby": "split-title" },
    h("header", {}, h("h2", { id: "split-title" }, "Where the money goes"), h("p", { class: "caption" }, priceInWords(agreement.price, agreement.unit))),
    h("p", { class: "so-far" }, sum, used),
    left,
    table,
    h("p", { class: "fine" }, "Each share follows from the agreement, which this page has checked: its hash, and that all who share have signed it. ", h("a", { href: "/log" }, "The log")),
  );
}
