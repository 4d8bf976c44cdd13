/**
 * Opens the page of an audit trail from the disk in a real browser: `npm run e2e:trail -- FILE PATIENT TRAIL.json`, where the last is what
 * `headwater --json audit-trail` says of the same trail. Every entry stands where and as it must, what was refused stands first, the
 * filter leaves what concerns the patient and nothing else, the plot counts what is shown, nothing is asked of anybody, and axe-core finds nothing.
 */

import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

import type { Page } from "playwright-core";

import { holds, SIZES } from "./accessible";
import { launch, withPage } from "./browser";
import { assert } from "./target";

/** An entry as the program tells it. */
interface Entry {
  readonly seq: number;
  readonly at: number;
  readonly what: string;
  readonly who?: string;
  readonly about?: string;
  readonly patient?: string;
  readonly purpose?: string;
  readonly known_as?: string;
  readonly reason?: string;
  readonly source?: string;
}

const READ = "read";
const URGENT: Record<string, string> = { refused: "refused", locked: "refused, and locked", not_told: "not told", break_glass: "read in an emergency" };

const [file = "", patient = "", trail = ""] = process.argv.slice(2).filter((argument) => argument !== "--");
const url = pathToFileURL(file).href;
const told = JSON.parse(readFileSync(trail, "utf8")) as { all: number; entries: Entry[] };
assert(told.entries.length === told.all, `of ${told.all} entries ${told.entries.length} are told`);
// As it happened, and not as it entered.
const entries = [...told.entries].sort((one, other) => other.at - one.at || other.seq - one.seq);
const browser = await launch();

/** The page as its own policy lets it be. */
async function works(page: Page): Promise<string> {
  const asked: string[] = [];
  const said: string[] = [];
  page.on("request", (request) => asked.push(request.url()));
  page.on("console", (message) => said.push(message.text()));
  await page.reload();
  const isFirst = await page.evaluate(() => document.querySelector("main > section")?.id === "attention");
  assert(isFirst, "what was refused does not stand first");
  const of = entries.filter((entry) => entry.patient === patient);
  const urgent = (shown: Entry[]) => shown.filter(({ what }) => what in URGENT);
  assert(urgent(of).length > 0 && of.length < entries.length && urgent(of).length < of.length, "the trail is too simple to judge the page by");
  await shows(page, "all", entries, urgent(entries));
  await page.getByLabel("Patient").selectOption(patient);
  await shows(page, `patient ${patient}`, of, urgent(of));
  await page.getByLabel("Patient").selectOption("");
  await shows(page, "all again", entries, urgent(entries));
  assert(asked.every((one) => one === url), `it asks ${asked.join(", ")}`);
  assert(said.length === 0, `the console says ${said.join("; ")}`);
  return `${of.length} of ${entries.length} entries are of the patient, ${urgent(entries).length} refusals stand first`;
}

/** Both tables have these entries and no others, in this order, and the plot counts them. */
async function shows(page: Page, name: string, all: Entry[], urgent: Entry[]): Promise<void> {
  const rows = (table: string) =>
    page.locator(`${table} tbody tr:visible`).evaluateAll((rows) => rows.map((row) => ({ at: Number((row as HTMLElement).dataset.at), kind: row.className, cells: [...row.children].map((cell) => cell.textContent ?? "") })));
  const [attention, main] = [await rows("#attention"), await rows("section:not(#attention)")];
  for (const [table, shown, wanted] of [["of what was refused", attention, urgent], ["of everything", main, all]] as const) {
    assert(shown.length === wanted.length, `${name}: the table ${table} has ${shown.length} rows instead of ${wanted.length}`);
    for (const [at, row] of shown.entries()) differ(`${name}, row ${at} ${table}`, row, wanted[at] as Entry);
  }
  const count = (isCounted: (what: string) => boolean) => all.filter(({ what }) => isCounted(what)).length;
  const [reads, bad] = [count((what) => what === "opened"), count((what) => what in URGENT)];
  const words = (await page.textContent("#said")) ?? "";
  assert(words.startsWith(`${reads} reads, ${bad} refusals and emergencies, from `), `${name}: of ${reads} reads and ${bad} refusals the page says “${words}”`);
  // The title of a bar says both numbers of its days, and each kind that occurs has a bar.
  const titles = [...new Set(await page.locator("#plot rect title").allTextContents())];
  const counted = titles.map((title) => (/: (\d+) reads, (\d+) refusals/.exec(title) ?? []).slice(1).map(Number));
  const sum = (at: number) => counted.reduce((sum, numbers) => sum + (numbers[at] ?? Number.NaN), 0);
  assert(sum(0) === reads && sum(1) === bad, `${name}: the plot counts ${sum(0)} and ${sum(1)}`);
  const heights = await page.locator("#plot rect").evaluateAll((bars) => bars.map((bar) => Number(bar.getAttribute("height"))));
  assert(heights.length > 0 && heights.every((height) => height > 0), `${name}: bars are ${heights.join(", ")} high`);
}

function differ(where: string, { at, kind, cells }: { at: number; kind: string; cells: string[] }, entry: Entry): void {
  const [when, what, ...rest] = cells;
  const joined = (texts: (string | undefined)[], between: string) => texts.filter((text) => text !== undefined).join(between);
  const [who, purpose] = [joined([entry.who, entry.known_as], ", known as "), joined([entry.purpose, entry.reason], ": ")];
  const wanted = [who, entry.about, entry.patient, purpose, entry.source].map((text) => text ?? "");
  assert(at === entry.at && when !== "", `${where} is of ${at} instead of ${entry.at}`);
  const words = entry.what === "opened" ? READ : URGENT[entry.what];
  assert(words === undefined ? what !== "" && kind === "" : what === words && kind !== "", `${where}: ${entry.what} is shown as “${what}” (${kind})`);
  assert(rest.join("|") === wanted.join("|"), `${where} says ${rest.join("|")} instead of ${wanted.join("|")}`);
}

try {
  const words = await withPage(browser, url, {}, works);
  let rules = 0;
  for (const [size, options] of Object.entries(SIZES)) {
    // The page's policy runs no script of others, that of axe neither.
    rules += await withPage(browser, url, { ...options, bypassCSP: true }, (page) => holds(page, `audit trail in ${size}`));
  }
  console.log(`the page of the audit trail in Chromium: ${words}, ${rules} rules of axe held`);
} finally {
  await browser.close();
}
