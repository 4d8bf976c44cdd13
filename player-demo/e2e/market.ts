/**
 * A title that is really sold: a ledger, a gateway and a film that `headwater` serves. `buys` tops up by a code, watches in two tabs
 * at once, and writes down what the page has signed; `settled` looks, once the ledger has settled that, at the statement of
 * a party and at the log.
 */

import { readFileSync, writeFileSync } from "node:fs";

import { blake3 } from "@noble/hashes/blake3.js";
import type { Browser, Page, Request } from "playwright-core";

import { fromHex, hex } from "../src/page/format";
import { decodeCanonical } from "../src/trust/cbor";
import { openSigned } from "../src/trust/record";
import { withPage } from "./browser";
import { moves, play } from "./playing";
import { assert, type Check, type Target } from "./target";

const PATIENCE_MS = 30_000;
/** How far both tabs play, in seconds. */
const PLAYED_S = 6;
const SEGMENT = /\/\d+\.m4s$/;
/** The beginning of an Ed25519 key in PKCS #8 (RFC 8410), before its 32 bytes. */
const PKCS8 = fromHex("302e020100300506032b657004220420");

type Fields = Map<string, never>;
interface Usage {
  readonly bytes: number;
  readonly ms: number;
}

/** What `buys` leaves for `settled`, and for whoever computes the shares. */
interface Bought {
  readonly viewer: string;
  readonly agreement: string;
  readonly gateway: string;
  readonly alias: string;
  readonly attested: boolean;
  readonly bytes: number;
  readonly ms: number;
  readonly segments: number;
  readonly paid: number;
  readonly title: string;
  readonly creator: string;
}

/** What the page has signed, as it goes over the wire, and how it was answered. */
export class Signed {
  readonly newest = new Map<number, { seq: number; count: number; usage: Usage }>();
  /** Segments that came to their end, receipts that were sent, and those that were taken. */
  came = 0;
  sent = 0;
  taken = 0;
  refused: string[] = [];
  grants = 0;
  grant: Fields | undefined;
  viewer = "";

  listen(page: Page): void {
    page.on("request", (request) => this.sees(request));
    // A player that gives a segment up half-way, as on a slow machine, has it not.
    page.on("requestfinished", async (request) => {
      if (SEGMENT.test(new URL(request.url()).pathname) && (await request.response())?.ok()) this.came += 1;
    });
    page.on("response", async (response) => {
      if (response.request().method() !== "POST") return;
      const { pathname } = new URL(response.url());
      if (pathname.endsWith("/receipts")) {
        if (response.status() === 204) this.taken += 1;
        else this.refused.push(`${response.status()} ${await response.text().catch(() => "")}`);
      }
      if (pathname === "/v1/grants" && response.ok()) {
        this.grants += 1;
        this.grant = openSigned(await response.body(), "session_grant").body as unknown as Fields;
      }
    });
  }

  /** All streams together. */
  get usage(): Usage & { readonly segments: number } {
    const all = [...this.newest.values()];
    const sum = (of: (one: (typeof all)[number]) => number) => all.reduce((total, one) => total + of(one), 0);
    return { bytes: sum(({ usage }) => usage.bytes), ms: sum(({ usage }) => usage.ms), segments: sum(({ count }) => count) };
  }

  private sees(request: Request): void {
    const body = request.postDataBuffer();
    if (!body || request.method() !== "POST") return;
    const { pathname } = new URL(request.url());
    if (pathname === "/v1/grants") this.viewer = hex(openSigned(body, "session_request").by);
    if (!pathname.endsWith("/receipts")) return;
    this.sent += 1;
    const fields = openSigned(body, "delivery_receipt").body as unknown as Fields;
    const [stream, seq] = [fields.get("stream") as never as number, fields.get("seq") as never as number];
    if (seq <= (this.newest.get(stream)?.seq ?? -1)) return;
    const [usage, delivered] = [fields.get("usage") as unknown as Fields, fields.get("delivered") as unknown as Fields];
    this.newest.set(stream, { seq, count: Number(delivered.get("count")), usage: { bytes: Number(usage.get("bytes")), ms: Number(usage.get("ms")) } });
  }
}

export const buys: Check = async (browser, target) => {
  const { gateway, id, code, out } = target;
  if (!code || !out || !target.ledger) return "left out, since no ledger and no code are given";
  const context = await browser.newContext({ reducedMotion: "reduce" });
  const signed = new Signed();
  try {
    const [first, second] = [await context.newPage(), await context.newPage()];
    const errors: string[] = [];
    for (const page of [first, second]) {
      signed.listen(page);
      page.on("pageerror", (error) => errors.push(error.message));
    }
    await first.addInitScript(watchSum);
    await first.goto(`${gateway}/watch/${id}`);
    await first.waitForSelector(".offer");
    await first.fill("#top-up", code);
    await first.keyboard.press("Enter");
    await first.waitForFunction(() => /were added|\.$/.test(document.querySelector(".purse .fine")?.textContent?.replace("Redeeming …", "") ?? ""));
    const told = await first.textContent(".purse .fine");
    assert(told?.includes("were added"), `of the code the page says: ${told}`);
    await first.click(".offer .button:not(.quiet)");
    await play(first);
    await second.goto(`${gateway}/watch/${id}`);
    await play(second);
    await Promise.all([first, second].map((page) => moves(page, PLAYED_S)));
    for (const page of [first, second]) assert((await sumOf(page)) > 0, "the split panel shows nothing");
    assert((await first.evaluate(() => (window as unknown as Ticking).sums.size)) > 1, "the split panel does not tick");
    for (const page of [first, second]) await pauses(page);
    const isSettled = () => signed.usage.segments === signed.came && signed.taken === signed.sent;
    await until(isSettled, () => `of ${signed.came} segments ${signed.usage.segments} are acknowledged, ${signed.taken} of ${signed.sent} receipts taken`);
    assert(errors.length === 0, `exceptions on the page: ${errors.join("; ")}`);
  } finally {
    await context.close();
  }
  assert(signed.refused.length === 0, `receipts were refused: ${signed.refused.join("; ")}`);
  assert(signed.grants === 1, `two tabs ask for ${signed.grants} grants`);
  assert([...signed.newest.keys()].sort().join() === "0,1", `receipts are for the streams ${[...signed.newest.keys()].join()}`);
  const bought = await boughtOf(signed, target);
  writeFileSync(out, JSON.stringify(bought));
  return `two tabs watched at once: ${bought.bytes} bytes in ${bought.segments} segments, ${signed.taken} receipts, ${bought.paid} micro-units`;
};

async function boughtOf(signed: Signed, { gateway, id, ledger }: Target): Promise<Bought> {
  const grant = signed.grant as Fields;
  const text = (key: string) => hex(grant.get(key) as never);
  const answer = await (await fetch(`${gateway}/api/publications/${id}`)).json();
  const { creator } = Object(answer) as { creator: string };
  const agreed = new Uint8Array(await (await fetch(`${ledger}/v1/agreements/${text("agreement")}`)).arrayBuffer());
  const agreement = decodeCanonical((decodeCanonical(agreed, 300_000) as unknown as Fields).get("agreement") as never, 16_384) as unknown as Fields;
  const price = agreement.get("price") as unknown as Fields;
  const { bytes, ms, segments } = signed.usage;
  const paid = Math.floor((bytes * Number(price.get("micro"))) / Number(price.get("of")));
  return { viewer: signed.viewer, agreement: text("agreement"), gateway: text("gateway"), alias: text("alias"), attested: grant.get("attested") as never, bytes, ms, segments, paid, title: id, creator };
}

/** Pauses, after which all that was played is acknowledged: also what the last report of the position adds. */
async function pauses(page: Page): Promise<void> {
  await page.evaluate(async () => {
    const video = document.querySelector("video") as HTMLVideoElement;
    video.pause();
    await new Promise((resolve) => setTimeout(resolve, 500));
    video.dispatchEvent(new Event("pause"));
    await new Promise((resolve) => setTimeout(resolve, 500));
  });
}

interface Ticking {
  sums: Set<string>;
}

/** Notes everything that the split panel says: a short film comes all at once, and then it ticks no more. */
function watchSum(): void {
  const sums = new Set<string>();
  (window as unknown as Ticking).sums = sums;
  setInterval(() => {
    const text = document.querySelector(".so-far .sum")?.textContent;
    if (text) sums.add(text);
  }, 50);
}

/** What the split panel says that this play has cost, in whole units. */
async function sumOf(page: Page): Promise<number> {
  const text = await page.textContent(".so-far .sum");
  return Number(/[\d.]+/.exec(text ?? "")?.[0] ?? 0);
}

export const settled: Check = async (browser, target) => {
  const { gateway, ledger, account, out } = target;
  if (!account || !out || !ledger) return "left out, since no ledger and no account are given";
  const bought = JSON.parse(readFileSync(out, "utf8")) as Bought;
  assert(bought.attested, "the page came from the gateway, and its grant does not say so");
  const line = await seesStatement(browser, target, bought);
  const entries = await seesLog(browser, gateway, ledger);
  return `a party sees ${line}; the log of ${entries} entries is verified and witnessed`;
};

/** A party looks at its statement, with the key of its account in the browser. */
function seesStatement(browser: Browser, { gateway, account }: Target, bought: Bought): Promise<string> {
  return withPage(browser, `${gateway}/statement`, { reducedMotion: "reduce" }, async (page) => {
    await page.waitForSelector("h1");
    const secret = fromHex(readFileSync(account as string, "utf8").trim());
    const key = [...PKCS8, ...blake3.create({ context: new TextEncoder().encode("headwater v1 payment key") }).update(secret).digest()];
    await page.evaluate(bringKey, key);
    await page.reload();
    await page.waitForSelector(".charts svg", { timeout: PATIENCE_MS });
    const [download] = await Promise.all([page.waitForEvent("download"), page.click(".save a")]);
    const [head, ...rows] = readFileSync((await download.path()) as string, "utf8").trim().split("\r\n").map((row) => row.split(","));
    const at = (name: string) => (head as string[]).indexOf(name);
    const micro = (row: string[], name: string) => Math.round(Number(row[at(name)]) * 1e6);
    const mine = rows.filter((row) => row[at("kind")] === "plays" && row[at("gateway")] === bought.gateway && Number(row[at("bytes")]) === bought.bytes);
    assert(mine.length === 1, `${mine.length} lines of the statement are for the ${bought.bytes} bytes of the browser`);
    const [row] = mine as [string[]];
    const found = micro(row, "charged");
    assert(found === bought.paid, `the statement says that ${found} were paid instead of ${bought.paid}`);
    const earned = rows.reduce((sum, one) => sum + micro(one, "earned"), 0);
    const tile = await page.textContent(".tile strong");
    assert(Math.abs(Number(/[\d.]+/.exec(tile ?? "")?.[0]) * 1e6 - earned) < 1, `the page says ${tile}, its lines ${earned} micro-units`);
    return `${rows.length} lines and ${tile}`;
  });
}

/** Keeps a key as the page keeps its own. */
async function bringKey(pkcs8: number[]): Promise<void> {
  const readable = await crypto.subtle.importKey("pkcs8", new Uint8Array(pkcs8), "Ed25519", true, ["sign"]);
  const { x } = await crypto.subtle.exportKey("jwk", readable);
  const publicKey = await crypto.subtle.importKey("jwk", { kty: "OKP", crv: "Ed25519", x: x as string }, "Ed25519", true, ["verify"]);
  const privateKey = await crypto.subtle.importKey("pkcs8", new Uint8Array(pkcs8), "Ed25519", false, ["sign"]);
  await new Promise<void>((resolve, reject) => {
    const opening = indexedDB.open("headwater");
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      const transaction = opening.result.transaction("keys", "readwrite");
      transaction.objectStore("keys").put({ publicKey, privateKey }, "viewer");
      transaction.oncomplete = () => resolve();
      transaction.onerror = () => reject(transaction.error);
    };
  });
}

/** The log is verified in the browser, and all of it is there. */
async function seesLog(browser: Browser, gateway: string, ledger: string): Promise<number> {
  const checkpoint = await (await fetch(`${ledger}/log/checkpoint`)).text();
  const size = Number(checkpoint.split("\n")[1]);
  return withPage(browser, `${gateway}/log`, { reducedMotion: "reduce" }, async (page) => {
    await page.waitForSelector(".entries li", { timeout: PATIENCE_MS });
    const verdict = (await page.textContent(".verdict")) ?? "";
    assert(verdict.includes(`Verified, ${size} entries`), `of ${size} entries the page says: ${verdict}`);
    assert(verdict.includes("Seen by 1 of 1 witnesses"), `of witnesses it says: ${verdict}`);
    const shown = await page.locator(".entries li").allTextContents();
    assert(shown.some((words) => words.includes("a page that this gateway itself had served")), "no line is the browser's");
    assert(shown.some((words) => words.includes("The page is the page")), "the page is not in the log");
    assert(!shown.some((words) => words.includes("not read by this page")), "an entry is not read");
    return size;
  });
}

async function until(holds: () => boolean, words: () => string): Promise<void> {
  const end = Date.now() + PATIENCE_MS;
  while (!holds()) {
    assert(Date.now() < end, words());
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
