/** One publication in the catalogue. */

import { home } from "../page/home";
import { h } from "../page/element";
import { clock } from "../page/format";
import { languageName } from "../play/languages";
import type { Summary } from "./api";

const KINDS: Record<string, string> = { film: "Film", audio: "Audio", collection: "Collection" };

/** A card; of a stream that is still being made with `live`. */
export function buildCard(summary: Summary, live = false): HTMLElement {
  const { kind, title, by, duration, language, poster, watch } = summary;
  const facts = [KINDS[kind] ?? kind, languageName(language ?? undefined)].filter((fact) => fact !== undefined);
  return h(
    "li",
    { class: `card kind-${kind}` },
    h(
      "a",
      { href: watch },
      h(
        "span",
        { class: "poster" },
        picture(poster, title),
        live && h("span", { class: "live-mark" }, "Live"),
        !live && duration > 0 && h("span", { class: "duration" }, clock(duration)),
      ),
      h("span", { class: "card-title" }, title),
      by !== null && h("span", { class: "card-by" }, by),
      h("span", { class: "card-facts" }, facts.join(" · ")),
    ),
  );
}

/** The poster, or where there is none, water in a colour that follows from the title. */
function picture(poster: string | undefined, title: string): HTMLElement {
  const hue = [...title].reduce((sum, letter) => (sum * 31 + (letter.codePointAt(0) ?? 0)) % 120, 7) + 160;
  const blank = h("span", { class: "blank", style: `--hue:${hue}`, "aria-hidden": "true" }, title.slice(0, 1));
  if (poster === undefined) return blank;
  const image = h("img", { src: home() + poster, alt: "", loading: "lazy" });
  image.addEventListener("error", () => image.replaceWith(blank));
  return image;
}
