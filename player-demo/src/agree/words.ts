/** What an agreement says, in words: nobody signs what they have not seen. */

import { h } from "../page/element";
import { day, hex } from "../page/format";
import { short } from "../network/words";
import type { Agreement, Party } from "../pay/agreement";
import { money } from "../pay/amount";
import { type Price, priceInWords } from "../pay/price";
import { percent } from "../pay/words";
import type { Title } from "./title";

/** The parts of the page that say it all; `own` is the reader's key, and `title` what the agreement is about, where it was found. */
export function inWords(agreement: Agreement, title: Title | undefined, own: string | undefined): HTMLElement {
  return h("div", { class: "words" }, h("dl", {}, ...facts(agreement, title)), h("h3", {}, "The parties"), parties(agreement, own));
}

function facts(agreement: Agreement, title: Title | undefined): HTMLElement[] {
  const { content, creator, fees, parents, price, unit } = agreement;
  const about = title ? [h("a", { href: title.watch }, title.name), title.by ? ` by ${title.by}` : "", h("br"), h("code", {}, content.text)] : [h("code", {}, content.text)];
  const first = `${percent(fees.gateway)} to the gateway, ${percent(fees.node)} to the nodes, ${percent(fees.network)} to the network`;
  return [
    ...fact("About", ...about),
    ...fact("Its creator", h("code", {}, hex(creator)), title && hex(title.creator) !== hex(creator) ? " – which is not whose title this is" : ""),
    ...fact("Viewers pay", exactly(price, unit), h("span", { class: "fine" }, ` (${priceInWords(price, unit)})`)),
    ...fact("Taken first", first),
    ...parents.flatMap(({ agreement: work, ppm }) => fact("A work it is made from", `${percent(ppm)} of what is left, to `, h("code", {}, hex(work)), " and those it is made from")),
    ...fact("Works made from it", rights(agreement)),
    ...names(agreement),
    ...fact("Version", ...version(agreement)),
    ...fact("Id", h("code", { class: "agreement-id" }, agreement.id)),
  ];
}

function fact(name: string, ...says: (Node | string)[]): HTMLElement[] {
  return [h("dt", {}, name), h("dd", {}, ...says)];
}

/** The price as it is written in the agreement, to the micro-unit. */
function exactly({ micro, of, per }: Price, unit: string): string {
  const amount = money(micro, unit);
  const quantity = of.toLocaleString("en");
  return { byte: `${amount} for ${quantity} bytes`, second: `${amount} for ${quantity} seconds of playing`, view: `${amount} once, when at least ${quantity} seconds were played` }[per];
}

function rights({ secondary }: Agreement): string {
  return secondary === undefined ? "nobody may make works from it" : `others may, for ${percent(secondary)} or more of theirs`;
}

function names({ isrc, iswc, iscc }: Agreement): HTMLElement[] {
  return Object.entries({ ISRC: isrc, ISWC: iswc, ISCC: iscc }).flatMap(([name, code]) => (code === undefined ? [] : fact(name, code)));
}

function version({ issued, supersedes, version }: Agreement): (Node | string)[] {
  const first = `${version}, written ${day(issued)}`;
  return supersedes === undefined ? [first] : [`${first}, in place of `, h("code", {}, supersedes)];
}

function parties({ creator, parties }: Agreement, own: string | undefined): HTMLElement {
  const largest = Math.max(...parties.map(({ ppm }) => ppm));
  const lines = parties.map(({ ipi, party, ppm, role }, at) => {
    const key = hex(party);
    return h(
      "tr",
      {},
      h("th", { scope: "row" }, h("code", { class: "who", title: key }, short(key)), whose(key, own, hex(creator)), h("span", { class: "fine" }, ` ${role}${ipi ? `, IPI ${ipi}` : ""}`)),
      h("td", { class: "share-bar" }, h("span", { class: `fill node-${at % 12}`, style: `width:${(100 * ppm) / largest}%` })),
      h("td", { class: "number" }, percent(ppm)),
    );
  });
  const heads = ["Who", "", "Share of the rest"].map((head) => (head ? h("th", { scope: "col" }, head) : h("td", {})));
  return h("table", { class: "shares" }, h("caption", { class: "unseen" }, "Who shares in the rest"), h("thead", {}, h("tr", {}, ...heads)), h("tbody", {}, ...lines));
}

/** ` (you)` and the like, behind a key. */
export function whose(key: string, own: string | undefined, creator: string): string {
  if (key === own) return " (this browser)";
  return key === creator ? " (the creator)" : "";
}

/** As what a key stands in an agreement. */
export function rolesOf(key: string, { creator, parties }: Agreement): string {
  const roles = parties.filter(({ party }: Party) => hex(party) === key).map(({ role }) => role as string);
  return [...(hex(creator) === key ? ["creator of the title"] : []), ...roles].join(", ") || "party to the version before";
}
