/** What a key has earned: by default this browser's own, or whatever statement is put in. */

import "../style/network.css";
import "../style/ledger.css";
import "../style/pay.css";
import "../style/statement.css";

import { h } from "../page/element";
import { count, day } from "../page/format";
import { buildHeader } from "../page/header";
import { short, span } from "../network/words";
import { buildTable } from "../network/table";
import { money } from "../pay/amount";
import { openLedger } from "../pay/open-ledger";
import { ownKey } from "../pay/own-key";
import { openPurse } from "../pay/purse";
import { refusalInWords } from "../pay/words";
import { chart, type Point } from "./chart";
import { besidePlays, byTitle, earnedIn, type EpochStatement, type Kind, readStatement, spentIn, type Statement, type StatementRow, sumOf, toCsv } from "./statement";

/** Whole units of money in a micro-unit. */
const MICRO = 1e6;

export async function openStatement(page: HTMLElement): Promise<void> {
  document.title = "Statement – Headwater";
  const view = new StatementPage();
  page.replaceChildren(buildHeader(), view.element);
  await view.own();
}

class StatementPage {
  readonly element: HTMLElement;
  private readonly told = h("p", { class: "failed", role: "status" });
  private readonly purse = h("div", {});
  private readonly body = h("div", { class: "waits" }, "Asking the ledger …");

  constructor() {
    const lead = "What was earned by a key, as a party to agreements, as a gateway, as a node, and what it has paid for watching. Every line has its place in the log, where anybody can check it.";
    this.element = h("main", { class: "network statement", id: "main" }, h("h1", {}, "Statement"), h("p", { class: "lead" }, lead), this.purse, this.told, this.body, this.other());
  }

  /** The statement of this browser's own key. */
  async own(): Promise<void> {
    try {
      const ledger = await openLedger();
      this.purse.replaceChildren((await openPurse(ledger)).element);
      this.show(readStatement(await ledger.inquire(await ownKey(), "statement")));
    } catch (error) {
      this.body.replaceChildren();
      this.told.textContent = refusalInWords(error as Error);
    }
  }

  private show(statement: Statement): void {
    this.told.textContent = "";
    this.body.className = "";
    const { party, unit, epochs } = statement;
    const head = h("p", { class: "whom" }, "Key ", h("code", {}, party));
    if (epochs.length === 0) {
      this.body.replaceChildren(head, h("p", { class: "fine" }, "No epoch in which it earned or paid anything has been settled yet."));
      return;
    }
    const all = sumOf(epochs.flatMap(({ lines }) => lines));
    const earned = epochs.reduce((sum, epoch) => sum + earnedIn(epoch), 0n);
    const save = h("a", { class: "button", download: `statement-${party.slice(0, 10)}.csv`, href: URL.createObjectURL(new Blob([toCsv(statement)], { type: "text/csv" })) }, "Download as CSV");
    this.body.replaceChildren(
      head,
      h("dl", { class: "tiles" }, tile("Earned", money(earned, unit)), tile("Paid", money(spentIn(statement), unit)), tile("Plays", all.plays.toLocaleString("en")), tile("Played", span(all.seconds)), tile("Epochs", String(epochs.length))),
      h("div", { class: "charts" }, ...charts(statement)),
      h("section", { "aria-labelledby": "titles" }, h("h2", { id: "titles" }, "By title"), titles(statement)),
      ...others(statement),
      h("section", { "aria-labelledby": "epochs" }, h("h2", { id: "epochs" }, "By epoch"), epochTable(statement)),
      h("p", { class: "save" }, save),
    );
  }

  /** A statement that somebody has brought along. */
  private other(): HTMLElement {
    const field = h("textarea", { id: "statement-json", rows: 5, spellcheck: "false" });
    const read = () => {
      try {
        this.purse.replaceChildren();
        this.show(readStatement(JSON.parse(field.value)));
      } catch (error) {
        const isOther = error instanceof SyntaxError;
        this.told.textContent = isOther ? "That is not what the program prints with --json. A key alone shows nothing: a ledger gives a statement to its owner only." : `That is no statement: ${(error as Error).message}.`;
      }
    };
    return h(
      "details",
      { class: "other" },
      h("summary", {}, "Show the statement of another key"),
      h("p", {}, h("label", { for: "statement-json" }, "What ", h("code", {}, "headwater ledger statement --json"), " has printed")),
      field,
      h("p", {}, h("button", { type: "button", class: "button quiet", onclick: read }, "Show it")),
    );
  }
}

function charts({ epochs, unit }: Statement): HTMLElement[] {
  const of = (point: (epoch: EpochStatement) => Omit<Point, "name">) => epochs.map((epoch) => ({ name: String(epoch.epoch), ...point(epoch) }));
  return [
    chart("Money by epoch", of((epoch) => ({ value: Number(earnedIn(epoch)) / MICRO, words: money(earnedIn(epoch), unit) }))),
    chart("Plays by epoch", of(({ lines }) => ({ value: sumOf(lines).plays, words: sumOf(lines).plays.toLocaleString("en") }))),
    chart("Time played by epoch", of(({ lines }) => ({ value: sumOf(lines).seconds, words: span(sumOf(lines).seconds) }))),
  ];
}

function titles(statement: Statement): HTMLElement {
  return buildTable(
    "Plays, time and money by title",
    [
      { title: "Title", names: true, show: ({ content }) => [h("a", { href: `/watch/${content}`, title: content }, h("code", {}, short(content)))] },
      { title: "Plays", show: ({ sum }) => [sum.plays.toLocaleString("en")] },
      { title: "Played", show: ({ sum }) => [span(sum.seconds)] },
      { title: "Earned", show: ({ sum }) => [money(sum.earned, statement.unit)] },
    ],
    byTitle(statement),
  );
}

/** What each kind of row beside plays is called. */
const WORDS: Record<Exclude<Kind, "plays">, string> = { licence: "A licence was sold", resale: "A licence was sold on", gateway: "Sent from a gateway", carrier: "Read from a node", keeper: "Kept by a node" };

function others(statement: Statement): HTMLElement[] {
  const rows = besidePlays(statement);
  if (rows.length === 0) return [];
  const { unit } = statement;
  const whom = ({ licence, node, gateway }: StatementRow) => licence || node || gateway;
  const table = buildTable(
    "Licences, and what was carried and kept",
    [
      { title: "What", names: true, show: ({ row: { kind } }) => [kind === "plays" ? "" : WORDS[kind]] },
      { title: "Epoch", show: ({ epoch }) => [String(epoch)] },
      { title: "In the log", show: ({ row }) => [`#${row.index}`] },
      { title: "Licence, node or gateway", show: ({ row }) => [h("code", { title: whom(row) }, short(whom(row)))] },
      { title: "Paid", show: ({ row }) => [money(row.paid, unit)] },
      { title: "Earned", show: ({ row }) => [money(row.earned, unit)] },
    ],
    rows,
  );
  return [h("section", { "aria-labelledby": "others" }, h("h2", { id: "others" }, "Beside plays"), table)];
}

function epochTable({ epochs, unit }: Statement): HTMLElement {
  const role = (title: string, of: (epoch: EpochStatement) => bigint) => ({ title, show: (epoch: EpochStatement) => [money(of(epoch), unit)] });
  const lines = ({ rows, more }: EpochStatement) => `${count(rows.length, "line")}${more ? ", and more in the log" : ""}`;
  return buildTable(
    "Plays, time and money by epoch",
    [
      { title: "Epoch", names: true, show: (epoch) => [`${epoch.epoch}`, h("span", { class: "fine" }, ` ${day(epoch.settled)}`)] },
      { title: "Plays", show: (epoch) => [sumOf(epoch.lines).plays.toLocaleString("en")] },
      { title: "Played", show: (epoch) => [span(sumOf(epoch.lines).seconds)] },
      role("As a party", ({ roles }) => roles.party),
      role("As a gateway", ({ roles }) => roles.gateway),
      role("As a node", ({ roles }) => roles.node),
      { title: "In the log", show: (epoch) => [h("a", { href: "/log" }, lines(epoch))] },
    ],
    [...epochs].reverse(),
  );
}

function tile(title: string, value: string): HTMLElement {
  return h("div", { class: "tile" }, h("dt", {}, title), h("dd", {}, h("strong", {}, value)));
}
