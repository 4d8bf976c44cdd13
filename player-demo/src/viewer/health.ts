/** A health link is opened: who reads, the passcode, and the record. */

import { fetchHealthFiles, HealthRefusal } from "../health/fetch";
import type { HealthFile } from "../health/jwe";
import type { HealthLink } from "../health/link";
import { h } from "../page/element";
import { json } from "./show/json";
import { passcodeLeft } from "./words";

export function openHealthLink(main: HTMLElement, link: HealthLink): void {
  const title = link.label ?? "Health link";
  document.title = `${title} · Headwater`;
  const recipient = h("input", { id: "recipient", type: "text", required: true, maxlength: 200, autocomplete: "name" });
  const passcode = h("input", { id: "passcode", type: "password", required: true, autocomplete: "off" });
  const told = h("p", { class: "told", role: "alert" });
  const button = h("button", { class: "button" }, "Open");
  const submit = async (event: Event) => {
    event.preventDefault();
    button.disabled = true;
    told.textContent = "Fetching and opening…";
    try {
      show(main, title, await fetchHealthFiles(link, recipient.value, passcode.value));
    } catch (error) {
      told.textContent = wordsFor(error, new URL(link.url).origin);
      button.disabled = false;
    }
  };
  const secret = link.flags.includes("P") ? [h("label", { for: "passcode" }, "Passcode"), passcode] : [];
  const form = h("form", { class: "ask", onsubmit: submit as (event: Event) => void }, h("label", { for: "recipient" }, "Who are you? Whoever shared this will see it"), recipient, ...secret, button, told);
  const about = `A health record at ${new URL(link.url).origin}. It is decrypted on this device; the key does not leave this page.`;
  main.replaceChildren(h("section", { class: "card-like" }, h("h1", {}, title), h("p", { class: "hint" }, about), form));
  recipient.focus();
}

function show(main: HTMLElement, title: string, files: readonly HealthFile[]): void {
  const heading = h("h1", { tabindex: -1 }, title);
  const items = files.map(({ text, type }, at) => h("li", {}, h("p", { class: "facts" }, type ?? "type not stated"), h("div", { class: "shown" }, json(text, `File ${at + 1}`))));
  main.replaceChildren(h("section", { class: "share" }, heading, h("ul", { class: "files" }, ...items)));
  heading.focus();
}

function wordsFor(error: unknown, server: string): string {
  if (error instanceof TypeError) return `${server} cannot be reached.`;
  if (!(error instanceof HealthRefusal)) return `${(error as Error).message}. Nothing of it is shown.`;
  if (error.status === 401) return passcodeLeft(error.remaining ?? 0);
  if (error.status === 404) return "This link opens nothing: it has ended, its time is over, or it never was.";
  return error.status === 429 ? "It was asked for too often; wait a minute." : `${server} refuses: ${error.message}.`;
}
