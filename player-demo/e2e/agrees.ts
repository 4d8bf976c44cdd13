/**
 * Parties in two browsers, and the creator with the program, agree who shares in a title: written in one browser, handed on as a
 * link, continued by `headwater ledger agree`, handed in by a page. The version after it begins in the program and ends in the browsers.
 */

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { Browser, BrowserContext, Page } from "playwright-core";

import { holds, SIZES } from "./accessible";
import { assert, type Check } from "./target";

const PATIENCE_MS = 30_000;
const THIRDS = ["33.3334", "33.3333", "33.3333"];

/** What one agreement is, as the program shows it. */
interface Shown {
  readonly id: string;
  readonly says: string;
  readonly signed: string[];
  readonly missing: string[];
}

export const agrees: Check = async (browser, { gateway, id, account, program, shots }) => {
  if (!account || !program) return "left out, since neither an account nor the program is given";
  const folder = mkdtempSync(join(tmpdir(), "headwater-agrees-"));
  const parties = [await Party.open(browser, gateway), await Party.open(browser, gateway)] as const;
  const headwater = (...args: string[]) => JSON.parse(execFileSync(program, ["--json", "--account", account, "ledger", "agree", ...args], { encoding: "utf8" })) as Shown;
  try {
    const rules = await looksWell(browser, gateway, id, shots);
    const first = await byBrowsers(parties, id, headwater, folder);
    const second = await byProgram(parties, first, headwater, folder, account);
    for (const { errors } of parties) assert(errors.length === 0, `exceptions on the page: ${errors.join("; ")}`);
    return `version 1 (${first.slice(0, 8)}) begins in a browser, version 2 (${second.slice(0, 8)}) in the program; ${rules} rules held`;
  } finally {
    for (const party of parties) await party.context.close();
    rmSync(folder, { recursive: true });
  }
};

type Headwater = (...args: string[]) => Shown;

/** The first version, begun in a browser; its id. */
async function byBrowsers([anna, bob]: readonly [Party, Party], id: string, headwater: Headwater, folder: string): Promise<string> {
  await anna.writes(id, bob.key);
  const written = await anna.agreementId();
  await anna.signs();
  await bob.page.goto(anna.page.url());
  assert((await bob.agreementId()) === written, "the link carries another agreement");
  const words = await bob.page.textContent(".words");
  for (const said of ["0.01 EUR for 60 seconds of playing", "10 % to the gateway, 9 % to the nodes, 1 % to the network", "33.3334 %", "Nobody may".toLowerCase()])
    assert(words?.includes(said), `the page does not say “${said}”, but: ${words}`);
  await bob.signs();
  assert(await bob.page.isDisabled(".hand-in"), "an agreement that the creator has not signed can be handed in");

  const file = join(folder, "first.agreement");
  await bob.saves(file);
  const shown = headwater("show", file);
  assert(shown.id === written, `the program reads another agreement than the page: ${shown.id}`);
  assert(shown.signed.length === 2 && shown.missing.length === 1, `the program says: ${JSON.stringify(shown)}`);
  headwater("sign", file, "--id", written);
  // The other party puts the copies together, and hands them in.
  await anna.page.setInputFiles("#agreement-file", file);
  await anna.page.waitForSelector(".hand-in:not([disabled])");
  await anna.handsIn();
  assert(headwater("post", file).id === written, "the ledger knows another agreement");
  return written;
}

/** The version after `before`, begun by the program and signed with an account file in the page; its id. */
async function byProgram([anna, bob]: readonly [Party, Party], before: string, headwater: Headwater, folder: string, account: string): Promise<string> {
  const [split, file] = [join(folder, "split.toml"), join(folder, "second.agreement")];
  const [content, creator] = await anna.titleAndCreator();
  const party = (key: string, role: string, ppm: number) => `[[party]]\nkey = "${key}"\nrole = "${role}"\nppm = ${ppm}\n`;
  writeFileSync(
    split,
    `content = "${content}"\ncreator = "${creator}"\nunit = "EUR"\nprice = { amount = "0.5", of = 30, per = "view" }\nfees = { gateway = 50000, network = 1, node = 0 }\n` +
      `version = 2\nsupersedes = "${before}"\nsecondary = 250000\nisrc = "USRC17607839"\n${party(bob.key, "producer", 999_999)}${party(bob.key, "director", 1)}`,
  );
  const { id } = headwater("write", split, "--out", file);
  // Anna has no share any more, but had one: she is asked, too.
  for (const one of [anna, bob]) {
    await one.page.goto(`${new URL(one.page.url()).origin}/agree`);
    await one.page.click(".picker summary");
    await one.page.setInputFiles("#agreement-file", file);
    await one.page.waitForSelector(".agreement-id");
    assert((await one.agreementId()) === id, "the page reads another agreement than the program");
    await one.signs();
    await one.saves(file);
  }
  await bob.page.click("text=Sign with an account of the program");
  await bob.page.setInputFiles("#account-file", account);
  await bob.page.click(".confirm-sign");
  await bob.page.waitForSelector(".hand-in:not([disabled])");
  await bob.handsIn();
  await bob.page.reload();
  await bob.page.waitForSelector(".registered");
  return id;
}

/** Somebody with a browser profile of their own. */
class Party {
  key = "";
  readonly errors: string[] = [];

  private constructor(
    readonly context: BrowserContext,
    readonly page: Page,
  ) {
    page.setDefaultTimeout(PATIENCE_MS);
    page.on("pageerror", (error) => this.errors.push(error.message));
  }

  static async open(browser: Browser, gateway: string): Promise<Party> {
    const context = await browser.newContext({ reducedMotion: "reduce" });
    const party = new Party(context, await context.newPage());
    await party.page.goto(`${gateway}/agree`);
    party.key = (await party.page.textContent(".own-key")) ?? "";
    return party;
  }

  /** An agreement among this party twice, and another one once. */
  async writes(id: string, other: string): Promise<void> {
    await this.page.fill("#title", id);
    await this.page.click("text=Find it");
    await this.page.waitForSelector(".found strong");
    await this.page.click("text=Add a party");
    await this.page.fill("#party-1-key", other);
    await this.page.selectOption("#party-1-role", "composer");
    await this.page.click("text=Add a party");
    await this.page.click('[aria-label="Party 3"] >> text=This browser’s key');
    await this.page.selectOption("#party-2-role", "director");
    // A share is missing: nothing is shown, and the page says which.
    await this.page.click("text=Show it in words");
    await this.page.waitForSelector("#party-1-share[aria-invalid]");
    for (const [at, share] of THIRDS.entries()) await this.page.fill(`#party-${at}-share`, share);
    await this.page.click("text=Show it in words");
    await this.page.waitForSelector(".agreement-id");
  }

  async agreementId(): Promise<string> {
    await this.page.waitForSelector(".agreement-id");
    return (await this.page.textContent(".agreement-id")) ?? "";
  }

  async signs(): Promise<void> {
    const signed = await this.page.locator(".signatures .signed").count();
    const id = await this.agreementId();
    await this.page.click(".button.sign");
    // Nothing is signed before the reader has seen what, and said so.
    await this.page.click(".consenting >> text=Do not sign");
    await this.page.waitForSelector("text=Nothing was signed");
    assert((await this.page.locator(".signatures .signed").count()) === signed, "it was signed although the reader did not want it");
    await this.page.click(".button.sign");
    assert((await this.page.textContent(".consented-id")) === id, "the last step names another agreement");
    assert((await this.page.textContent(".consenting"))?.includes(this.key), "the last step does not name the key");
    await this.page.click(".confirm-sign");
    await this.page.waitForSelector(`.signatures .signed:nth-child(${signed + 1})`);
  }

  async saves(file: string): Promise<void> {
    const [download] = await Promise.all([this.page.waitForEvent("download"), this.page.click("text=Save as a file")]);
    writeFileSync(file, readFileSync((await download.path()) as string));
  }

  async handsIn(): Promise<void> {
    await this.page.click(".hand-in");
    await this.page.waitForSelector(".registered").catch(async () => {
      throw new Error(`it was not registered: ${await this.page.textContent(".told")}`);
    });
  }

  /** The id of the title, and its creator's key, as the page shows them. */
  async titleAndCreator(): Promise<[string, string]> {
    const codes = await this.page.locator(".words dd code").allTextContents();
    return [codes[0] ?? "", codes[1] ?? ""];
  }
}

/** The form and an agreement, in all sizes. */
async function looksWell(browser: Browser, gateway: string, id: string, shots: string | undefined): Promise<number> {
  let rules = 0;
  for (const [size, options] of Object.entries(SIZES)) {
    const context = await browser.newContext({ ...options, reducedMotion: "reduce" });
    const page = await context.newPage();
    const looked = async (name: string) => {
      rules += await holds(page, `${name} in ${size}`);
      if (shots) await page.screenshot({ path: `${shots}/${name}-${size}.png`, fullPage: true });
    };
    await page.goto(`${gateway}/agree?title=${id}`);
    await page.waitForSelector(".found strong");
    for (const summary of await page.locator("summary").all()) await summary.click();
    await page.fill("#party-0-share", "120");
    await page.click("text=Show it in words");
    await page.waitForSelector("[aria-invalid]");
    await looked("agreement-form");
    await page.fill("#party-0-share", "100");
    await page.click("text=Show it in words");
    await page.click(".button.sign");
    await page.waitForSelector(".consenting");
    await looked("agreement-last-step");
    await page.click(".confirm-sign");
    await page.waitForSelector(".signatures .signed");
    for (const summary of await page.locator("summary").all()) await summary.click();
    await looked("agreement");
    await context.close();
  }
  return rules;
}
