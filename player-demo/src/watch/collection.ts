/** A collection: a cover, a description, and its items in order. */

import { fetchWithdrawn } from "../catalogue/api";
import { h } from "../page/element";
import { count, day } from "../page/format";
import type { Asker } from "../trust/ask";
import type { Publication } from "../trust/publication";
import { buildAttachments } from "./details";

export function buildCollection(publication: Publication, asker: Asker): HTMLElement {
  const { bundle, id } = publication;
  const cover = h("img", { class: "cover", alt: "" });
  if (bundle.poster) void showCover(cover, id.text, bundle.poster, asker);
  const facts = [bundle.by, day(bundle.created), count(bundle.items.length, "item")].filter(
    (fact) => fact !== undefined,
  );
  const items = bundle.items.map((item, at) => {
    const poster = h("img", { src: `/watch/${item.id.text}/poster`, alt: "", loading: "lazy" });
    poster.addEventListener("error", () => poster.remove());
    return h(
      "li",
      {},
      h(
        "a",
        { href: `/watch/${item.id.text}${location.search}` },
        h("span", { class: "number" }, String(at + 1)),
        h("span", { class: "thumb" }, poster),
        h("span", {}, item.title),
      ),
    );
  });
  void markWithdrawn(items, id.text);
  return h(
    "div",
    { class: "collection" },
    h(
      "header",
      {},
      bundle.poster && cover,
      h(
        "div",
        {},
        h("h1", {}, bundle.title),
        h("p", { class: "signed" }, "Verified: signed by its creator"),
        h("p", { class: "facts" }, facts.join(" · ")),
        bundle.about !== undefined && h("p", { class: "about" }, bundle.about),
      ),
    ),
    h("ol", { class: "items" }, ...items),
    buildAttachments(publication, asker),
  );
}

/** Says so beside what no longer plays here. It is this gateway's word; without it nothing is marked. */
async function markWithdrawn(items: readonly HTMLElement[], id: string): Promise<void> {
  const gone = await fetchWithdrawn(id).catch(() => []);
  for (const at of gone) {
    items[at]?.classList.add("withdrawn");
    items[at]?.querySelector("a")?.append(h("span", { class: "fine" }, "withdrawn"));
  }
}

async function showCover(
  cover: HTMLImageElement,
  id: string,
  file: { len: number; hash: Uint8Array; type: string },
  asker: Asker,
): Promise<void> {
  try {
    const given = await asker.ask({ path: `/watch/${id}/poster`, name: "the cover", expected: file });
    cover.src = URL.createObjectURL(new Blob([given.verified.bytes], { type: file.type }));
  } catch {
    cover.remove();
  }
}
