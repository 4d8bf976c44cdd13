/** Without a link: a field for one, and a place to make one. */

import { healthLinkIn } from "../health/link";
import { h } from "../page/element";
import { parseLink, writeLink } from "../sealed/link";
import { shareForm } from "./share-form";

export function openStart(main: HTMLElement, token: string | undefined, problem?: string): void {
  // At /share whoever comes wants to share; everywhere else most want to open.
  const isForSharing = location.pathname === "/share" && !problem;
  document.title = `${isForSharing ? "Share files" : "Open a sealed link"} · Headwater`;
  const field = h("input", { id: "link", name: "link", type: "text", required: true, autocomplete: "off", spellcheck: "false", placeholder: "https://…/s/…#…" });
  const told = h("p", { class: "told bad", role: "alert" }, problem ?? "");
  const form = h(
    "form",
    {
      class: "ask",
      onsubmit: (event: Event) => {
        event.preventDefault();
        try {
          const text = field.value.trim();
          location.hash = healthLinkIn(text) ? text : writeLink(parseLink(text));
        } catch (error) {
          told.textContent = (error as Error).message;
        }
      },
    },
    h("label", { for: "link" }, "Sealed link"),
    field,
    told,
    h("button", { class: "button" }, "Open"),
  );
  const about = "What it leads to is fetched from the gateway that it names, and opened here. The part behind the # never leaves this page.";
  const opening = h("section", { class: "card-like" }, h(isForSharing ? "h2" : "h1", {}, "Open a sealed link"), h("p", { class: "hint" }, about), form);
  const sharing = shareForm(token, isForSharing ? "h1" : "h2");
  main.replaceChildren(...(isForSharing ? [sharing, opening] : [opening, sharing]));
}
