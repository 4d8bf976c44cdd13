/** What operators see: what waits to be repaired, and which objects are at risk. */

import { h } from "../page/element";
import { home } from "../page/home";
import { count, day, sentence } from "../page/format";
import { keepOperatorToken, type Session } from "../page/session";
import { StatusError } from "../trust/problem";
import { type Care, fetchCare, type Repair, type StoredObject } from "./api";
import { buildTable, pill } from "./table";
import { ago, short, span } from "./words";

const STATES: Record<string, { readonly name: string; readonly kind: "good" | "bad" | "warn" | "quiet" }> = {
  unreadable: { name: "unreadable", kind: "bad" },
  inconsistent: { name: "put wrongly", kind: "bad" },
  at_risk: { name: "at risk", kind: "bad" },
  weakened: { name: "weakened", kind: "warn" },
  unknown: { name: "not looked at yet", kind: "quiet" },
  whole: { name: "whole", kind: "good" },
};

/** Parts that are drawn one by one; of more only the numbers are told. */
const DRAWN_MAX = 24;
const DAY = 86_400;
/** The first warning. */
const SOON = 90 * DAY;

export class CareView {
  readonly element = h("section", { class: "care", "aria-labelledby": "care" });
  private readonly body = h("div", {});
  private token: string | undefined;
  private showsAll = false;

  constructor(
    session: Session,
    private readonly storage: Storage,
  ) {
    this.token = session.operator;
    this.element.append(h("h2", { id: "care" }, "What is looked after"), this.body);
    if (this.token === undefined) this.askForToken();
  }

  async refresh(): Promise<void> {
    if (this.token === undefined) return;
    try {
      this.show(await fetchCare(this.token));
    } catch (error) {
      this.fail(error as Error);
    }
  }

  private fail(error: Error): void {
    const status = error instanceof StatusError ? error.status : 0;
    if (status !== 401) return this.body.replaceChildren(h("p", { class: "fine" }, sentence(error.message)));
    this.token = undefined;
    this.askForToken("This is not the token of this gateway's operators.");
  }

  private askForToken(why = ""): void {
    const field = h("input", { type: "password", id: "operator-token", autocomplete: "off", required: true });
    const submit = (event: Event) => {
      event.preventDefault();
      this.token = field.value;
      keepOperatorToken(this.storage, this.token, home());
      void this.refresh();
    };
    const label = h("label", { for: "operator-token" }, "Token for operators");
    const button = h("button", { class: "button" }, "Show");
    this.body.replaceChildren(
      h("p", { class: "fine" }, "Objects, the risks they run and the queue of repairs are shown to operators alone."),
      h("form", { class: "token", onsubmit: submit }, label, field, button),
      h("p", { class: "failed", role: "status" }, why),
    );
  }

  private show(care: Care | undefined): void {
    if (!care) return this.body.replaceChildren(h("p", { class: "fine" }, "No steward runs in this gateway."));
    const states = [...care.states].filter(([, number]) => number > 0);
    const counts = states.map(([state, number]) => h("li", {}, `${number.toLocaleString("en")} `, statePill(state)));
    this.body.replaceChildren(
      h("ul", { class: "states", "aria-label": "Objects by state" }, ...counts),
      h("h3", {}, "Repair queue"),
      queue(care),
      h("h3", {}, "Objects at risk, or soon without protection"),
      ...this.objects(care),
    );
  }

  private objects(care: Care): HTMLElement[] {
    const concerning = care.objects.filter((object) => isConcerning(object, care.at));
    const shown = this.showsAll ? care.objects : concerning;
    const box = h("input", { type: "checkbox", id: "all-objects" });
    box.checked = this.showsAll;
    box.addEventListener("change", () => {
      this.showsAll = box.checked;
      this.show(care);
      document.getElementById("all-objects")?.focus();
    });
    const label = h("label", { class: "all fine", for: "all-objects" }, box, ` Show whole ones too, ${care.objects.length} of ${care.total}`);
    const nothing = h("p", { class: "fine" }, care.total === 0 ? "Nothing is looked after." : "None.");
    return [shown.length > 0 ? objectTable(shown, care.at) : nothing, label];
  }
}

function isConcerning({ state, protectedUntil }: StoredObject, at: number): boolean {
  return !["whole", "unknown"].includes(state) || protectedUntil - at < SOON;
}

function statePill(state: string): HTMLElement {
  const { name, kind } = STATES[state] ?? { name: state, kind: "quiet" as const };
  return pill(name, kind);
}

function queue({ repairs, queue, at }: Care): HTMLElement {
  if (repairs.length === 0) return h("p", { class: "fine" }, "Nothing waits to be repaired.");
  const table = buildTable<Repair>(
    "Repairs, the most endangered segment first",
    [
      { title: "Object", names: true, show: ({ cid }) => [h("code", { title: cid }, short(cid))] },
      { title: "Of it", show: ({ segment }) => [segment === undefined ? "its manifest" : `segment ${segment}`] },
      { title: "Repair", show: (repair) => repairState(repair, at) },
      { title: "Parts proved", show: ({ proved, needed, parts }) => partsOf(proved, needed, parts) },
      { title: "Lacking since", show: ({ since }) => [ago(since, at)] },
    ],
    repairs,
  );
  const waits = `${count(queue, "segment")} ${queue === 1 ? "waits for its" : "wait for their"} turn.`;
  return h("div", {}, table, queue > 0 && h("p", { class: "fine" }, waits));
}

function repairState({ state, failures, again }: Repair, at: number): HTMLElement[] {
  if (state === "running") return [pill("running", "good")];
  if (state !== "failed") return [pill("waiting", "quiet")];
  const when = again === undefined ? "" : `, again in ${span(again - at)}`;
  return [pill("failed", "bad"), h("span", { class: "fine" }, `${count(failures, "time")}${when}`)];
}

function objectTable(objects: readonly StoredObject[], at: number): HTMLElement {
  return buildTable<StoredObject>(
    "Objects, the most endangered first",
    [
      {
        title: "Object",
        names: true,
        show: ({ cid, tags }) => [h("code", { title: cid }, short(cid)), ...tags.map((tag) => h("span", { class: "tag" }, tag))],
      },
      { title: "State", show: ({ state, inconsistent }) => [statePill(state), inconsistent ?? ""] },
      { title: "Parts proved, or not silent for long", show: weakest },
      { title: "Paid until", show: ({ paidUntil }) => [paidUntil === undefined ? "not known yet" : day(paidUntil)] },
      { title: "Protected until", show: (object) => protection(object, at) },
    ],
    objects,
  );
}

function weakest({ healthy, needed, parts, threshold }: StoredObject): (HTMLElement | string)[] {
  if (healthy === undefined || needed === undefined || parts === undefined) return ["not known yet"];
  const words = threshold === undefined ? "" : `repaired at ${threshold}`;
  return [...partsOf(healthy, needed, parts), h("span", { class: "fine" }, words)];
}

/** `5 of 4+2`, and small squares: full where a part is there, dashed where it is gone, with a gap after the needed ones. */
function partsOf(there: number, needed: number, parts: number): HTMLElement[] {
  const words = h("span", {}, `${there} of ${needed}+${parts - needed}`);
  if (parts > DRAWN_MAX) return [words];
  const squares = Array.from({ length: parts }, (_, at) =>
    h("span", { class: `part ${at < there ? "there" : "gone"}${at === needed ? " spare" : ""}` }),
  );
  return [words, h("span", { class: there < needed ? "parts short" : "parts", "aria-hidden": "true" }, ...squares)];
}

function protection({ protectedUntil, warnedDays }: StoredObject, at: number): (HTMLElement | string)[] {
  const left = protectedUntil - at;
  if (left <= 0) return [day(protectedUntil), pill("ended", "bad")];
  if (left > SOON) return [day(protectedUntil)];
  const kind = left <= 7 * DAY ? "bad" : left <= 30 * DAY ? "warn" : "quiet";
  const warned = warnedDays === undefined ? "" : `warned: ${warnedDays} days`;
  return [day(protectedUntil), pill(`in ${span(left)}`, kind), h("span", { class: "fine" }, warned)];
}
