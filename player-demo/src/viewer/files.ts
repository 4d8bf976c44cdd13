/** The files of a share, each to be looked at or saved. */

import { h } from "../page/element";
import { bytes } from "../page/format";
import type { Link } from "../sealed/link";
import type { Client } from "./client";
import { kindOf } from "./kinds";
import type { FileFacts, Part, ShareFacts } from "./messages";
import { save } from "./save";
import { show } from "./show/show";
import { wordsFor } from "./words";

/** What a row needs to know of its file. */
export interface FileInShare {
  readonly client: Client;
  readonly gateway: string;
  readonly facts: FileFacts;
}

/** The whole of a file. */
export function wholeOf({ object, from, len }: FileFacts): Part {
  return { object, from, to: from + len };
}

export function fileList(client: Client, link: Link, { files }: ShareFacts): HTMLElement {
  const rows = files.map((facts) => row({ client, gateway: link.gateway, facts }));
  const list = h("ul", { class: "files" }, ...rows.map(({ item }) => item));
  // Whoever was sent a single file wants to see it.
  if (rows.length === 1) rows[0]?.look?.();
  return list;
}

function row(file: FileInShare): { item: HTMLElement; look: (() => void) | undefined } {
  const { name, len, type } = file.facts;
  const kind = kindOf(name, type);
  const told = h("p", { class: "told", role: "status" });
  const shown = h("div", { class: "shown" });
  const look = kind && (() => void attempt(shown, told, file, () => show(file, kind)));
  const lookButton = look && h("button", { type: "button", class: "button", onclick: look }, "Show");
  const saveButton = h("button", { type: "button", class: "button quiet", onclick: () => void save(file, told) }, "Save");
  const facts = h("p", { class: "facts" }, `${bytes(len)} · ${type ?? "type not stated"}`);
  const item = h("li", {}, h("div", { class: "file" }, h("div", {}, h("h2", {}, name), facts), h("div", { class: "buttons" }, lookButton, saveButton)), told, shown);
  return { item, look };
}

/** Shows what `work` gives; whatever goes wrong, nothing of it is left. */
async function attempt(shown: HTMLElement, told: HTMLElement, file: FileInShare, work: () => Promise<Node>): Promise<void> {
  told.classList.remove("bad");
  told.textContent = "Fetching and checking…";
  try {
    shown.replaceChildren(await work());
    told.textContent = "";
  } catch (error) {
    const { title, text } = wordsFor(error, file.gateway);
    shown.replaceChildren();
    told.classList.add("bad");
    told.textContent = `${title}. ${text}`;
  }
}
