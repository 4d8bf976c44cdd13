/**
 * Measures the viewer: a large file is saved through the page, from a gateway that is made up and runs in this process.
 *
 *     npm run measure:viewer -- [--mib 1024]
 *
 * `opening_mb_per_s` is what proving and opening cells makes on one core; the rest is a whole file through the page: its own processes'
 * time, and the most memory that they had for themselves.
 */

import { createHash } from "node:crypto";
import { closeSync, createReadStream, mkdtempSync, openSync, readFileSync, readSync, rmSync, statSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import type { Browser, Page } from "playwright-core";

import { build, type Rollup } from "vite";

import { blake3Kernel } from "../build/kernel";
import { Blake3 } from "../src/blake3/kernel";
import { Encoded, type Plain, type Store } from "../src/sealed/fixture";
import { ready } from "../src/sealed/sodium";
import { launch } from "./browser";
import { SealedStub } from "./sealed-stub";
import { assert } from "./target";

const { values } = parseArgs({ args: process.argv.slice(2).filter((argument) => argument !== "--"), options: { mib: { type: "string", default: "1024" } } });
const length = Number(values.mib) * 2 ** 20;
const folder = mkdtempSync(join(tmpdir(), "headwater-viewer-"));

/** Sealed cells in a file, so that this process stays small too. */
class FileStore implements Store {
  private readonly file = openSync(join(folder, "sealed"), "w+");

  write(at: number, bytes: Uint8Array): void {
    writeSync(this.file, bytes, 0, bytes.length, at);
  }

  read(at: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    readSync(this.file, bytes, 0, length, at);
    return bytes;
  }

  close(): void {
    closeSync(this.file);
  }
}

/** Bytes that differ from place to place, and cost nothing to make. */
function plain(len: number): Plain {
  const pattern = Uint8Array.from({ length: 2 ** 20 + 16368 }, (_, at) => (at * 31 + (at >> 8)) & 255);
  return { name: "large.bin", len, read: (from, to) => pattern.subarray(from % 2 ** 20, (from % 2 ** 20) + to - from) };
}

await ready;
const blake3 = await Blake3.load();
const store = new FileStore();
const source = plain(length);
const encoded = Encoded.make(blake3, source, store);
const gateway = await SealedStub.start();
const share = await gateway.share([encoded]);
const browser = await launch();
try {
  console.log(JSON.stringify({ mib: Number(values.mib), ...(await measure(browser)) }));
} finally {
  await browser.close();
  gateway.stop();
  store.close();
  rmSync(folder, { recursive: true });
}

async function measure(browser: Browser): Promise<object> {
  const context = await browser.newContext({ acceptDownloads: true });
  const page = await context.newPage();
  await page.addInitScript("delete window.showSaveFilePicker");
  const cdp = await browser.newBrowserCDPSession();
  await page.goto(share.link);
  await page.waitForSelector("text=Save");
  const before = await processes(cdp);
  let most = 0;
  const watching = setInterval(async () => (most = Math.max(most, memoryOf(await processes(cdp)))), 250);
  const began = performance.now();
  const [download] = await Promise.all([page.waitForEvent("download", { timeout: 600_000 }), page.click("text=Save")]);
  const seconds = (performance.now() - began) / 1000;
  clearInterval(watching);
  const path = await download.path();
  assert(statSync(path).size === length, `${statSync(path).size} bytes were saved`);
  assert((await sha256(path)) === expected(), "other bytes were saved");
  const renderer = cpuOf(await processes(cdp)) - cpuOf(before);
  return { seconds: round(seconds), mb_per_s: round(length / 1e6 / seconds), page_cpu_s: round(renderer), mb_per_cpu_s: round(length / 1e6 / renderer), page_memory_mib: Math.round(most), opening_mb_per_s: Math.round(await openingRate(page)) };
}

interface Process {
  readonly type: string;
  readonly id: number;
  readonly cpuTime: number;
}

async function processes(cdp: Awaited<ReturnType<Browser["newBrowserCDPSession"]>>): Promise<Process[]> {
  const { processInfo } = (await cdp.send("SystemInfo.getProcessInfo")) as { processInfo: Process[] };
  return processInfo.filter(({ type }) => type === "renderer");
}

/** MiB that belong to the processes alone. */
function memoryOf(all: Process[]): number {
  return all.reduce((sum, { id }) => sum + residentOf(id), 0);
}

function residentOf(id: number): number {
  try {
    const rollup = readFileSync(`/proc/${id}/smaps_rollup`, "utf8");
    const lines = [...rollup.matchAll(/^Private_(?:Clean|Dirty): +(\d+) kB$/gm)];
    return lines.reduce((sum, [, kib]) => sum + Number(kib), 0) / 1024;
  } catch {
    return 0; // it has ended
  }
}

function cpuOf(all: Process[]): number {
  return all.reduce((sum, { cpuTime }) => sum + cpuTime, 0);
}

async function openingRate(page: Page): Promise<number> {
  const entry = fileURLToPath(new URL("viewer-rate.ts", import.meta.url));
  const library = { entry, formats: ["iife" as const], name: "measured" };
  const built = await build({ configFile: false, logLevel: "error", plugins: [blake3Kernel()], build: { write: false, lib: library, target: "es2022" } });
  const [{ output }] = built as Rollup.RollupOutput[] as [Rollup.RollupOutput];
  // An address of the gateway without a page, and so without a policy.
  await page.goto(`${gateway.origin}/none`);
  await page.addScriptTag({ content: output[0].code });
  return page.evaluate("rate()");
}

function expected(): string {
  const hash = createHash("sha256");
  for (let at = 0; at < length; at += 16368) hash.update(source.read(at, Math.min(length, at + 16368)));
  return hash.digest("hex");
}

async function sha256(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const part of createReadStream(path)) hash.update(part as Buffer);
  return hash.digest("hex");
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
