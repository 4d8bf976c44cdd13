/** Films are played by parts; what a page keeps on disk goes with it, and no other page's. */

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { BrowserContext, Page } from "playwright-core";

import { decodesCleanly, moves, play } from "./playing";
import { assert } from "./target";
import type { ViewerBench } from "./viewer-bench";

const WAIT = { timeout: 20_000 };
const FILM_S = 80;
/** Of so much of the film nobody needs more, who has seen its first seconds. */
const PART = 0.6;
const FOLDER = "headwater-saving";

/** A film plays and jumps without having come whole, in all that browsers play by parts; an altered cell stops it. */
export async function films(bench: ViewerBench): Promise<string> {
  const encoded = bench.encode("film.mp4", makeFilm(), "video/mp4");
  const share = await bench.gateway.share([encoded]);
  const all = encoded.geometry.coding.cells;
  const before = bench.gateway.cells;
  const asked = () => bench.gateway.cells - before;
  const first = await bench.visit(share.link, async (page) => {
    await play(page);
    await moves(page, 2);
    const first = asked();
    assert(first < PART * all, `${first} of ${all} cells came for the first seconds`);
    for (const at of [70.4, 3.3, 31.7, 55]) {
      await jump(page, at);
      await moves(page, 1);
    }
    assert(Math.abs((await page.evaluate(() => document.querySelector("video")?.duration ?? 0)) - FILM_S) < 0.5, "it has another length");
    await jump(page, FILM_S - 1.5);
    await page.waitForFunction(() => document.querySelector("video")?.ended, undefined, WAIT);
    await decodesCleanly(page);
    return first;
  });
  bench.gateway.lie = (frame) => frame.map((byte, at) => (at === frame.length - 9 ? byte ^ 1 : byte));
  const said = await bench.visit(share.link, async (page) => (await page.waitForSelector(".told.bad", WAIT)).innerText());
  bench.gateway.lie = (frame) => frame;
  assert(said.includes(bench.gateway.origin), `of an altered cell it says: ${said}`);
  return `${FILM_S} s and five jumps; ${first} of ${all} cells for its first seconds; an altered cell is not shown`;
}

/** Goes to a place, and waits until it is shown. */
async function jump(page: Page, seconds: number): Promise<void> {
  await page.evaluate((seconds) => {
    (document.querySelector("video") as HTMLVideoElement).currentTime = seconds;
  }, seconds);
  await page.waitForFunction((seconds) => {
    const video = document.querySelector("video") as HTMLVideoElement;
    return !video.seeking && video.readyState >= 3 && video.currentTime >= seconds;
  }, seconds, WAIT);
}

/** Pictures that need others in front and behind, and where the samples are at the end of the file. */
function makeFilm(): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), "headwater-film-"));
  const file = join(folder, "film.mp4");
  const inputs = ["-f", "lavfi", "-i", `testsrc2=size=320x180:rate=24:duration=${FILM_S},noise=alls=12:allf=t`, "-f", "lavfi", "-i", `sine=frequency=330:duration=${FILM_S}`];
  execFileSync("ffmpeg", ["-v", "error", "-nostdin", ...inputs, "-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-b:v", "700k", "-g", "72", "-pix_fmt", "yuv420p", "-c:a", "aac", "-y", file]);
  const bytes = new Uint8Array(readFileSync(file));
  rmSync(folder, { recursive: true });
  return bytes;
}

/** What is on its way to the reader lies in the page's own files, for no longer than the page; a second tab leaves it alone. */
export async function leaves(bench: ViewerBench): Promise<string> {
  const share = await bench.gateway.share([bench.encode("scan.bin", Uint8Array.from({ length: 3_000_000 }, (_, at) => at & 255))]);
  const context = await bench.browser.newContext();
  await context.addInitScript("delete window.showSaveFilePicker");
  try {
    const first = await saving(context, share.link);
    const second = await context.newPage();
    await second.goto(share.link);
    await second.waitForSelector("text=Save", WAIT);
    assert((await keptIn(second)) === 1, `beside a second tab ${await keptIn(second)} files are left`);
    await first.goto("about:blank");
    await gone(second, "after the page was left");
    // A tab that ends without being asked has its file taken away by the next visit.
    const killed = await saving(context, share.link);
    assert((await keptIn(second)) === 1, "the third tab keeps no file");
    await killed.close();
    await second.reload();
    await second.waitForSelector("text=Save", WAIT);
    await gone(second, "after the next visit");
    return "one file while its tab is there, with a second tab beside it; none after it was left or ended";
  } finally {
    await context.close();
  }
}

/** A tab that has just handed a file over. */
async function saving(context: BrowserContext, link: string): Promise<Page> {
  const page = await context.newPage();
  await page.goto(link);
  const [download] = await Promise.all([page.waitForEvent("download", WAIT), page.click("text=Save", WAIT)]);
  assert(readFileSync((await download.path()) as string).length === 3_000_000, "the file was not saved whole");
  return page;
}

async function gone(page: Page, when: string): Promise<void> {
  const end = Date.now() + WAIT.timeout;
  while ((await keptIn(page)) > 0) {
    assert(Date.now() < end, `${await keptIn(page)} files are left ${when}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function keptIn(page: Page): Promise<number> {
  return page.evaluate(async (name) => {
    const folder = (await (await navigator.storage.getDirectory()).getDirectoryHandle(name, { create: true })) as unknown as { keys(): AsyncIterable<string> };
    let count = 0;
    for await (const _ of folder.keys()) count += 1;
    return count;
  }, FOLDER);
}
