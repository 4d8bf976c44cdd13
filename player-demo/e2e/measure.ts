/**
 * Measures the watch page in a real browser. Takes orders on standard input and answers on standard output, JSON in
 * lines:
 *
 *     { "url": URL of a watch page, "seeks": [seconds…], "form": "segments" | "ranges" | absent }
 *     { "firstFrame": ms from the address to the first picture, "seeks": [ms from each jump to its picture…] }
 *
 * With a form it is not the page that plays, which writes its playlists itself, but hls.js alone from the gateway's
 * playlists of that form. Every order has a context of its own, so that nothing is in the browser's cache.
 */

import { createInterface } from "node:readline";

import type { Browser, Page } from "playwright-core";

import { openBare, type Form } from "./bare";
import { launch } from "./browser";
import { assert } from "./target";

interface Order {
  readonly url: string;
  readonly seeks: readonly number[];
  readonly form?: Form;
}

const PATIENCE_MS = 60_000;
/** Between two jumps, so that the page has begun to read ahead, as it has for somebody who looks for a place. */
const REST_MS = 1000;

/** Runs before the page's own scripts: plays as soon as there is a video, and notes when it shows a picture. */
function watchForFirstFrame(): void {
  const noted = window as unknown as { firstFrame?: number };
  const observer = new MutationObserver(() => {
    const video = document.querySelector("video");
    if (!video) return;
    observer.disconnect();
    video.muted = true;
    video.requestVideoFrameCallback((now) => (noted.firstFrame = now));
    void video.play();
  });
  observer.observe(document, { childList: true, subtree: true });
}

/** Jumps to `to`; resolves to the milliseconds until a picture from there is shown. */
function jump(to: number): Promise<number> {
  const video = document.querySelector("video") as HTMLVideoElement;
  for (let range = 0; range < video.buffered.length; range++) {
    if (video.buffered.start(range) <= to && to < video.buffered.end(range)) throw new Error(`${to} s is buffered`);
  }
  return new Promise((resolve) => {
    const began = performance.now();
    const shown = (now: number, { mediaTime }: VideoFrameCallbackMetadata) => {
      if (Math.abs(mediaTime - to) < 1) resolve(now - began);
      else video.requestVideoFrameCallback(shown);
    };
    video.requestVideoFrameCallback(shown);
    video.currentTime = to;
  });
}

async function firstFrame(page: Page): Promise<number> {
  const noted = () => (window as unknown as { firstFrame?: number }).firstFrame ?? 0;
  const shown = await page.waitForFunction(noted, undefined, { timeout: PATIENCE_MS });
  return shown.jsonValue();
}

async function measure(browser: Browser, { url, seeks, form }: Order): Promise<object> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  try {
    const page = await context.newPage();
    await page.addInitScript(watchForFirstFrame);
    await (form === undefined ? page.goto(url) : openBare(page, url, form));
    const first = await firstFrame(page);
    const times: number[] = [];
    for (const to of seeks) {
      await page.waitForTimeout(REST_MS);
      times.push(await page.evaluate(jump, to));
    }
    const error = await page.evaluate(() => document.querySelector("video")?.error?.message);
    assert(error === undefined, `the decoder failed: ${error}`);
    return { firstFrame: first, seeks: times };
  } finally {
    await context.close();
  }
}

const browser = await launch();
for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await measure(browser, JSON.parse(line) as Order)));
}
await browser.close();
