/** Asks the reader about those whom a link names and nobody here knows: shown by host and key, let in or left out. */

import "../style/meeting.css";

import { h } from "./element";
import { isFramed } from "./frame";
import { buildHeader } from "./header";
import { originOf } from "./home";
import { type Known, letIn, type Named, strangersIn, withoutNames } from "./known";

/** How long a stranger has to say who it is, in milliseconds. */
const ANSWER_MS = 10_000;

/** Resolves when the page may go on with its address; the reader is asked only where it names strangers. */
export async function meet(page: HTMLElement): Promise<void> {
  const strangers = strangersIn(new URL(location.href), localStorage);
  if (strangers.length === 0) return;
  // In a frame of somebody else nobody knows what the reader is made to press.
  if (isFramed()) return leaveOut();
  document.title = "Strangers – Headwater";
  page.replaceChildren(buildHeader(), h("main", { class: "meeting", id: "main" }, h("p", { class: "waits", role: "status" }, "Asking whom this link names …")));
  const all = await Promise.all(strangers.map(introduce));
  await new Promise<void>((resolve) => page.replaceChildren(buildHeader(), question(all, resolve)));
}

function question(all: readonly Known[], goOn: () => void): HTMLElement {
  const cannot = all.filter(({ role, key }) => role === "ledger" && key === undefined);
  const without = h("button", { type: "button", class: "button", onclick: () => void leaveOut() }, all.length === 1 ? "Go on without it" : "Go on without them");
  const let_ = h("button", { type: "button", class: "button quiet let-in", disabled: cannot.length > 0 }, all.length === 1 ? "Let it in" : "Let them in");
  let_.addEventListener("click", () => {
    letIn(all, localStorage);
    goOn();
  });
  return h(
    "main",
    { class: "meeting", id: "main" },
    h("h1", {}, "This link names somebody you do not know"),
    h("p", { class: "lead" }, "Whoever wrote it has chosen them; this page’s own gateway has not. Let in only those whom you know, and whose key they have told you themselves: anybody can use a name that looks like another."),
    h("ul", {}, ...all.map(stranger)),
    h("p", { class: "actions" }, without, let_),
  );
}

function stranger({ role, origin, key, ledger }: Known): HTMLElement {
  const { host, protocol } = new URL(origin);
  const [ledgerOrigin = "", issuer = ""] = ledger?.split(" ") ?? [];
  return h(
    "li",
    {},
    h("h2", {}, role === "gateway" ? "A gateway at " : "A ledger at ", h("strong", {}, host), protocol === "http:" ? ", without encryption" : ""),
    key === undefined ? h("p", {}, role === "ledger" ? "It does not say who it is, and cannot be let in." : "It shows no key, so nothing can be paid there.") : h("p", {}, "Its key is ", h("code", {}, key), "."),
    ledger !== undefined && h("p", {}, "It is paid through the ledger at ", h("strong", {}, new URL(ledgerOrigin).host), ", whose key is ", h("code", {}, issuer), "."),
    h("p", { class: "fine" }, role === "gateway" ? "It would learn what you watch. What it sends is checked; what it lists and says is its word." : CONSEQUENCES),
    ledger !== undefined && h("p", { class: "fine" }, CONSEQUENCES),
  );
}

const CONSEQUENCES = "The ledger would be told your id and what you pay for, and has every voucher code that you type for it.";

/** Who it says that it is. Nothing is signed for that, and nothing told. */
async function introduce({ role, origin }: Named): Promise<Known> {
  const said = Object(await answer(role === "gateway" ? `${origin}/api/ledger` : `${origin}/v1/terms`)) as Record<string, unknown>;
  if (role === "ledger") return { role, origin, key: keyOf(said.issuer), ledger: undefined };
  const [key, issuer, ledger] = [keyOf(said.gateway), keyOf(said.issuer), originOf(String(said.url))];
  const sells = key !== undefined && issuer !== undefined && ledger !== undefined;
  return { role, origin, key: sells ? key : undefined, ledger: sells ? `${ledger} ${issuer}` : undefined };
}

async function answer(url: string): Promise<unknown> {
  const response = await fetch(url, { cache: "no-cache", credentials: "omit", referrerPolicy: "no-referrer", signal: AbortSignal.timeout(ANSWER_MS) }).catch(() => undefined);
  return response?.ok ? response.json().catch(() => undefined) : undefined;
}

function keyOf(text: unknown): string | undefined {
  return typeof text === "string" && /^[0-9a-f]{64}$/.test(text) ? text : undefined;
}

/** The same page without those whom its address names. */
function leaveOut(): Promise<never> {
  location.replace(withoutNames(new URL(location.href)));
  return new Promise(() => {});
}
