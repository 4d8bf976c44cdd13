/** Looks at the page's video element. */

import type { Page } from "playwright-core";

import { assert } from "./target";

/** On a machine that does much else. */
const PATIENCE_MS = 60_000;
/** So much of what a page says instead is in the reason of a failure. */
const SHOWN_CHARS = 600;

/** Starts to play, and waits until the picture moves. */
export async function play(page: Page, rate = 1): Promise<void> {
  await page.waitForSelector("video", { state: "attached", timeout: PATIENCE_MS }).catch(async (error) => {
    throw new Error(`nothing plays, and the page says: ${(await page.innerText("body")).slice(0, SHOWN_CHARS)}`, { cause: error });
  });
  await page.evaluate((rate) => {
    const video = document.querySelector("video") as HTMLVideoElement;
    video.muted = true;
    video.playbackRate = rate;
    return video.play();
  }, rate);
  await moves(page);
}

/** Waits until the position has grown by `seconds`. */
export async function moves(page: Page, seconds = 0.3): Promise<void> {
  const from = await position(page);
  const moved = ([from, seconds]: [number, number]) => {
    const video = document.querySelector("video");
    return video !== null && (video.ended || video.currentTime >= from + seconds);
  };
  await page.waitForFunction(moved, [from, seconds] as [number, number], {
    timeout: PATIENCE_MS + seconds * 2000,
    polling: 50,
  });
}

export function position(page: Page): Promise<number> {
  return page.evaluate(() => document.querySelector("video")?.currentTime ?? 0);
}

/** Fails when the decoder met anything that it could not decode. */
export async function decodesCleanly(page: Page): Promise<void> {
  const { error, corrupted } = await page.evaluate(() => {
    const video = document.querySelector("video") as HTMLVideoElement;
    const quality = video.getVideoPlaybackQuality() as VideoPlaybackQuality & { corruptedVideoFrames?: number };
    return { error: video.error?.message, corrupted: quality.corruptedVideoFrames ?? 0 };
  });
  assert(error === undefined && corrupted === 0, `the decoder failed: ${error}, ${corrupted} corrupted frames`);
}

/** Counts how often playback waits for bytes from now on. */
export async function countStalls(page: Page): Promise<() => Promise<number>> {
  await page.evaluate(() => {
    const counted = window as unknown as { stalls: number };
    counted.stalls = 0;
    document.querySelector("video")?.addEventListener("waiting", () => (counted.stalls += 1));
  });
  return () => page.evaluate(() => (window as unknown as { stalls: number }).stalls);
}

/** The number on the badge. */
export async function verified(page: Page): Promise<number> {
  const text = await page.textContent(".badge-text");
  return Number(/\d[\d,]*/.exec(text ?? "")?.[0]?.replaceAll(",", "") ?? 0);
}
