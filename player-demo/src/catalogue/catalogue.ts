/** The catalogue: what is published at this gateway. */

import { home } from "../page/home";
import { h } from "../page/element";
import { sentence } from "../page/format";
import { buildHeader } from "../page/header";
import type { Session } from "../page/session";
import { fetchLive, fetchPage, type Summary } from "./api";
import { buildCard } from "./card";
import { buildPublish } from "./publish";

/** How often the page looks for live streams. */
const LOOK_EVERY_MS = 10_000;

export async function openCatalogue(page: HTMLElement, session: Session): Promise<void> {
  const list = new List();
  const main = h("main", { class: "catalogue", id: "main" }, h("h1", { class: "unseen" }, "Catalogue"), list.element, privately());
  const foot = h(
    "footer",
    { class: "foot" },
    h("a", { href: "/share" }, "Open or share a sealed link"),
    h("a", { href: "/nodes" }, "The nodes of this network"),
    h("a", { href: "/log" }, "The ledger’s log"),
    h("a", { href: "/statement" }, "Your account and earnings"),
    h("a", { href: "/agree" }, "Agree who shares in a title"),
    h("a", { href: `${home()}/api/` }, "What this gateway answers, for programs"),
  );
  page.replaceChildren(buildHeader(list.search), main, foot);
  void buildPublish(session, () => void list.restart()).then((drop) => drop && main.prepend(drop));
  void showLive(list.element);
  await list.restart();
}

/** Not everything is for everybody. */
function privately(): HTMLElement {
  return h("p", { class: "privately" }, "For certain people alone? ", h("a", { href: "/share" }, "Share files by a sealed link"), ", which this gateway cannot read.");
}

/** What is being made right now, in front of the list, and looked for again while the page is in sight. */
async function showLive(list: HTMLElement): Promise<void> {
  const cards = h("ul", { class: "cards" });
  const section = h("section", { class: "live-now", hidden: true }, h("h2", {}, "Live now"), cards);
  list.before(section);
  const look = async () => {
    if (document.hidden) return;
    const running = await fetchLive().catch(() => []);
    section.hidden = running.length === 0;
    cards.replaceChildren(...running.map((summary) => buildCard(summary, true)));
  };
  setInterval(() => void look(), LOOK_EVERY_MS);
  await look();
}

class List {
  readonly search: HTMLElement;
  readonly element: HTMLElement;
  private readonly field = h("input", { type: "search", placeholder: "Search", "aria-label": "Search by title" });
  private readonly cards = h("ul", { class: "cards" });
  private readonly status = h("div", { role: "status", class: "status" });
  private readonly more = h("button", { type: "button", class: "button more", hidden: true }, "Show more");
  private summaries: Summary[] = [];
  private next: string | undefined;

  constructor() {
    this.search = h("form", { role: "search", onsubmit: (event) => event.preventDefault() }, this.field);
    this.element = h("div", {}, this.cards, this.status, this.more);
    this.field.addEventListener("input", () => void this.find());
    this.more.addEventListener("click", () => void this.load());
  }

  async restart(): Promise<void> {
    this.summaries = [];
    this.next = undefined;
    this.cards.replaceChildren(
      ...Array.from({ length: 6 }, () =>
        h("li", { class: "card waiting", "aria-hidden": "true" }, h("span", { class: "poster" })),
      ),
    );
    await this.load();
  }

  private async load(): Promise<void> {
    try {
      const { publications, next } = await fetchPage(this.next);
      this.summaries.push(...publications);
      this.next = next;
      this.draw();
    } catch (error) {
      this.cards.replaceChildren();
      this.status.replaceChildren(problem(error as Error, () => void this.restart()));
    }
  }

  /** Searching needs the whole list. */
  private async find(): Promise<void> {
    while (this.next !== undefined && this.field.value !== "") await this.load();
    this.draw();
  }

  private draw(): void {
    const wanted = this.field.value.trim().toLocaleLowerCase();
    const found = this.summaries.filter(({ title, by }) => `${title} ${by ?? ""}`.toLocaleLowerCase().includes(wanted));
    this.cards.replaceChildren(...found.map((summary) => buildCard(summary)));
    this.more.hidden = this.next === undefined;
    if (this.summaries.length === 0) this.status.replaceChildren(empty());
    else this.status.textContent = found.length === 0 ? `Nothing here is called “${this.field.value}”.` : "";
  }
}

function empty(): HTMLElement {
  const command = 'headwater publish FILM.mp4 --title "My film"';
  return h(
    "div",
    { class: "empty" },
    h("h2", {}, "Nothing is published here yet"),
    h("p", {}, "Publish a film or a piece of music from your own machine:"),
    h("pre", {}, h("code", {}, command)),
    h("p", {}, "It is encrypted, spread over the storage nodes, signed with your key, and appears here."),
  );
}

function problem(error: Error, again: () => void): HTMLElement {
  return h(
    "div",
    { class: "empty" },
    h("h2", {}, "The catalogue did not load"),
    h("p", {}, sentence(error.message)),
    h("button", { type: "button", class: "button", onclick: again }, "Try again"),
  );
}
