/**
 * The pages of the ledger: a log that grows is verified, one that is unwitnessed or forked is red, a statement is added up;
 * axe-core finds nothing. The ledger is made up, so that it can lie.
 */

import { readFileSync } from "node:fs";

import type { Page } from "playwright-core";

import { fromHex, hex } from "../src/page/format";
import { openSigned } from "../src/trust/record";
import { holds, SIZES } from "./accessible";
import { withPage } from "./browser";
import { ISSUER, serveLedger, StubLog, terms } from "./ledger-stub";
import { assert, type Check } from "./target";

export const ledger: Check = async (browser, { gateway, shots }) => {
  let rules = 0;
  for (const [size, options] of Object.entries(SIZES)) {
    const quiet = { ...options, reducedMotion: "reduce" as const };
    const looked = async (page: Page, name: string) => {
      rules += await holds(page, `${name} in ${size}`);
      if (shots) await page.screenshot({ path: `${shots}/${name}-${size}.png`, fullPage: true });
    };
    await withPage(browser, "about:blank", quiet, (page) => seesLog(page, gateway, looked));
    await withPage(browser, "about:blank", quiet, (page) => seesStatement(page, gateway, looked));
    await withPage(browser, "about:blank", quiet, (page) => meetsStranger(page, gateway, looked));
  }
  return `a log that grew, one without witnesses, a forked one; a statement; ${rules} rules held`;
};

async function seesLog(page: Page, gateway: string, looked: (page: Page, name: string) => Promise<void>): Promise<void> {
  const log = new StubLog();
  const all = entries();
  log.entries = all.slice(0, 21);
  await serveLedger(page, log);
  await page.goto(`${gateway}/log`);
  await page.waitForSelector(".entries li:nth-child(21)");
  const verdict = () => page.textContent(".verdict");
  assert((await verdict())?.includes("seen for the first time"), `the first look says ${await verdict()}`);
  log.entries = all.slice(0, 37);
  await page.reload();
  await page.waitForSelector(".entries li:nth-child(37)");
  assert((await verdict())?.includes("and 16 were added"), `the second look says ${await verdict()}`);
  assert((await verdict())?.includes("Seen by 1 of 1 witnesses"), `of witnesses is said: ${await verdict()}`);
  await looked(page, "log");
  log.isWitnessed = false;
  await page.reload();
  await page.waitForSelector("#unwitnessed.bad");
  log.isWitnessed = true;
  log.entries = [...all.slice(0, 3), all[9] as Uint8Array, ...all.slice(4, 40)];
  await page.reload();
  await page.waitForSelector(".ruling.bad[role=alert]");
  assert((await verdict())?.startsWith("Forked."), `a forked log is called ${await verdict()}`);
  assert((await page.locator(".entries li").count()) === 0, "entries of a forked log are shown");
  await looked(page, "forked");
  // It is as red again when it is looked at once more: what was seen before is not given up.
  await page.reload();
  await page.waitForSelector(".ruling.bad[role=alert]");
}

async function seesStatement(page: Page, gateway: string, looked: (page: Page, name: string) => Promise<void>): Promise<void> {
  await serveLedger(page, new StubLog(), (path, body) => (path === "/v1/inquiries" ? answerTo(body) : undefined));
  await page.goto(`${gateway}/statement`);
  await page.waitForSelector(".charts svg");
  const earned = await page.textContent(".tile strong");
  assert(earned === "21.000003 EUR", `three epochs of 7.000001 are ${earned}`);
  const [download] = await Promise.all([page.waitForEvent("download"), page.click(".save a")]);
  const csv = readFileSync((await download.path()) as string, "utf8");
  assert(csv.split("\r\n").length === 3 * 2 + 2 && csv.includes(",7.000001"), "the CSV is not what the page shows");
  await looked(page, "statement");
}

/** A link names a ledger that says to be this one: nothing that is signed reaches it before it is let in, and then nothing that the real one would answer. */
async function meetsStranger(page: Page, gateway: string, looked: (page: Page, name: string) => Promise<void>): Promise<void> {
  const [asked, evil] = [[] as string[], "http://evil.test"];
  let host: unknown;
  await serveLedger(page, new StubLog(), (path, body) => (path === "/v1/inquiries" ? answerTo(body) : undefined));
  await page.route(`${evil}/**`, (route) => {
    const [request, headers] = [route.request(), { "access-control-allow-origin": "*", "access-control-allow-headers": "content-type" }];
    const body = request.postDataBuffer();
    asked.push(`${request.method()} ${new URL(request.url()).pathname}`);
    if (request.url().endsWith("/v1/terms")) return route.fulfill({ json: terms(new StubLog()), headers });
    if (request.method() === "POST" && body) host = (openSigned(body, "inquiry").body as unknown as Map<string, unknown>).get("host");
    return request.method() === "OPTIONS" ? route.fulfill({ status: 204, headers }) : route.fulfill({ json: answerTo(body), headers });
  });
  const open = () => page.goto(`${gateway}/statement?ledger=${evil}`);
  await open();
  await page.waitForSelector(".meeting .let-in");
  const words = (await page.textContent(".meeting")) ?? "";
  assert(words.includes("evil.test") && words.includes(hex(ISSUER.key)), `the stranger is shown as ${words}`);
  await looked(page, "stranger");
  await page.click("text=Go on without it");
  await page.waitForSelector(".charts svg");
  assert(!page.url().includes("ledger="), "the address still names the stranger");
  assert((await page.textContent(".at-ledger"))?.includes("ledger.test"), "the code would go elsewhere");
  assert(asked.every((one) => one === "GET /v1/terms"), `a stranger was asked ${asked.join(", ")}`);
  await open();
  await page.click(".let-in");
  await page.waitForSelector(".charts svg");
  assert((await page.textContent(".at-ledger"))?.includes("evil.test"), "nobody sees where the code goes");
  assert(host === "evil.test", `what is signed for evil.test names ${String(host)}`);
  // It is known now, and asked no more.
  await page.reload();
  await page.waitForSelector(".charts svg");
}

/** Whatever is asked, of a balance or a statement. */
function answerTo(body: Buffer | null): object {
  const isBalance = body?.includes("balance");
  return isBalance ? { funds: "12.500000", reserved: "0.450000", earned: "3.210000", paid: "0.000000" } : statementOf("ab".repeat(32));
}

/** What the vectors have, again and again. */
function entries(): Uint8Array[] {
  const file = new URL("../../docs/vectors/ledger/log_entries.json", import.meta.url);
  const { vectors } = JSON.parse(readFileSync(file, "utf8")) as { vectors: { entry: string; error?: string }[] };
  const good = vectors.filter(({ error }) => error === undefined).map(({ entry }) => fromHex(entry));
  return Array.from({ length: 40 }, (_, at) => good[at % good.length] as Uint8Array);
}

function statementOf(party: string): object {
  const title = (at: number) => `bafyr4i${"abcdefghijklmnopqrstuvwxyz234567".slice(at, at + 8).repeat(7).slice(0, 52)}`;
  const line = (at: number, earned: string) => ({ index: at, agreement: "00".repeat(32), content: title(at % 2), creator: party, gateway: "cd".repeat(32), attested: true, plays: 3 + at, bytes: 5_000_000, ms: 600_000 * (at + 1), paid: earned, earned });
  const roles = { party: "7.000001", gateway: "0.000000", node: "0.000000", network: "0.000000" };
  const epochs = [0, 1, 2].map((at) => ({ epoch: at + 1, settled: 1_800_000_000 + at * 86_400, roles, lines: [line(2 * at, "7.000001"), line(2 * at + 1, "0.000000")], more: false }));
  return { party, unit: "EUR", epochs, payouts: [] };
}
