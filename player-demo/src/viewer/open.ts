/** A link is opened: its state, its passcode, its files. */

import { h } from "../page/element";
import { day } from "../page/format";
import { ShareGateway, type ShareState } from "../sealed/gateway";
import { type Link, writeLink } from "../sealed/link";
import { Client, Failed } from "./client";
import { fileList } from "./files";
import type { ShareFacts } from "./messages";
import { type Words, wordsFor, wrongPasscode } from "./words";

const EMERGENCY: Words = {
  title: "This link is for emergencies",
  text: "It opens for those to whom it was granted, who say why they read it and sign for that. The program does so, with the grant and not with this link: headwater break-glass @GRANT --reason 'why'.",
};

export async function openShare(main: HTMLElement, link: Link): Promise<void> {
  document.title = "Sealed link · Headwater";
  main.replaceChildren(h("p", { class: "loading", role: "status" }, "Opening…"));
  const client = new Client();
  try {
    const state = await stateOf(link);
    if (state.emergency) return problem(main, EMERGENCY);
    if (state.passcode !== link.hasPasscode) link = { ...link, hasPasscode: state.passcode };
    if (link.hasPasscode) askPasscode(main, client, link, state);
    else await opened(main, client, link, state, "", "");
  } catch (error) {
    problem(main, wordsFor(error, link.gateway));
  }
}

/** The worker's words are used for the page's own question too. */
async function stateOf(link: Link): Promise<ShareState> {
  try {
    return await new ShareGateway(link.gateway).state(link);
  } catch (error) {
    const { code, remaining, message } = Object(error) as { code?: string; remaining?: number; message: string };
    throw new Failed({ reason: code ? "refused" : "unreachable", code: code ?? "", message, remaining });
  }
}

async function opened(main: HTMLElement, client: Client, link: Link, state: ShareState, passcode: string, who: string): Promise<void> {
  const facts = await client.ask({ op: "open", link: writeLink(link), passcode, who });
  document.title = `${facts.label ?? facts.files[0]?.name ?? "Sealed link"} · Headwater`;
  const title = facts.label ?? (facts.files.length === 1 ? (facts.files[0]?.name as string) : `${facts.files.length} files`);
  const heading = h("h1", { tabindex: -1 }, title);
  main.replaceChildren(h("section", { class: "share" }, heading, dates(facts, state), fileList(client, link, facts), link.hasPasscode ? "" : sayWho(client, link), whoSees(link)));
  heading.focus();
}

function dates(facts: ShareFacts, { expires }: ShareState): HTMLElement {
  const until = expires === null ? "until it is revoked" : `until ${day(expires)}`;
  return h("p", { class: "facts" }, `Shared on ${day(facts.issued)}, ${until}.`);
}

/** A link without a passcode opens at once. Whoever wants its owner to know who reads says so afterwards: it is opened once more, under a name. */
function sayWho(client: Client, link: Link): HTMLElement {
  const field = nameField();
  const told = h("p", { class: "told", role: "status" });
  const button = h("button", { class: "button" }, "Tell them");
  const submit = async (event: Event) => {
    event.preventDefault();
    if (!field.value.trim()) return;
    button.disabled = true;
    try {
      await client.ask({ op: "open", link: writeLink(link), passcode: "", who: field.value });
      told.textContent = "Whoever shared this learns it from the gateway.";
    } catch (error) {
      told.textContent = wordsFor(error, link.gateway).title;
      button.disabled = false;
    }
  };
  const form = h("form", { class: "ask", onsubmit: submit as (event: Event) => void }, h("label", { for: "who" }, "Your name"), field, button, told);
  return h("details", { class: "who" }, h("summary", {}, "Say who you are to whoever shared this"), form);
}

/** As much of a name as a gateway keeps. */
function nameField(): HTMLInputElement {
  return h("input", { id: "who", type: "text", maxlength: 200, autocomplete: "name" });
}

function askPasscode(main: HTMLElement, client: Client, link: Link, state: ShareState): void {
  const field = h("input", { id: "passcode", type: "password", required: true, autocomplete: "off" });
  const name = nameField();
  const told = h("p", { class: "told", role: "alert" });
  const button = h("button", { class: "button" }, "Open");
  const submit = async (event: Event) => {
    event.preventDefault();
    button.disabled = true;
    told.textContent = "Checking…";
    try {
      await opened(main, client, link, state, field.value, name.value);
    } catch (error) {
      const wrong = error instanceof Failed ? wrongPasscode(error.failure) : undefined;
      const isOver = !wrong || (error instanceof Failed && error.failure.remaining === 0);
      if (isOver && error instanceof Failed && error.failure.remaining === 0) error = new Failed({ ...error.failure, code: "share_locked" });
      if (isOver) return problem(main, wordsFor(error, link.gateway));
      told.textContent = wrong;
      button.disabled = false;
      field.select();
    }
  };
  const form = h("form", { class: "ask", onsubmit: submit as (event: Event) => void }, h("label", { for: "passcode" }, "Passcode"), field, h("label", { for: "who" }, "Your name, if whoever shared this shall know who reads"), name, button, told);
  const about = "Whoever shared this has told you a passcode by another way. It is checked on this device and never sent.";
  main.replaceChildren(h("section", { class: "card-like" }, h("h1", {}, "This link has a passcode"), h("p", { class: "hint" }, about), form));
  field.focus();
}

/** Says who sees what; it is the gateway that a reader has to be wary of. */
function whoSees(link: Link): HTMLElement {
  const isFromGateway = location.origin === link.gateway;
  const origin = isFromGateway
    ? `This page came from the same gateway. If you do not want to rely on it, save the viewer once ("headwater viewer") and open the link in it.`
    : `This page came from ${location.protocol === "file:" ? "your disk" : location.origin}, not from the gateway.`;
  return h(
    "details",
    { class: "who" },
    h("summary", {}, "Who can see what"),
    h("ul", {},
      h("li", {}, "You, and everyone who has the whole link", link.hasPasscode ? " and its passcode" : "", ": the files."),
      h("li", {}, `${link.gateway}: that the link was opened, when, from which address, and how many bytes were fetched. Not the names, not the contents, not the keys.`),
      h("li", {}, "Whoever stores the pieces: sealed pieces alone."),
      h("li", {}, origin)),
  );
}

function problem(main: HTMLElement, { title, text }: Words): void {
  document.title = `${title} · Headwater`;
  main.replaceChildren(h("section", { class: "problem-page", role: "alert" }, h("h1", {}, title), h("p", {}, text)));
}
