/** Ten jumps to random places, each of which must play on. */

import { withPage } from "./browser";
import { decodesCleanly, moves, play } from "./playing";
import { assert, type Check } from "./target";

const JUMPS = 10;
/** A jump may lead so far beside where it was meant to, in seconds: to a picture that can be shown by itself. */
const NEAR_S = 0.5;

export const seeks: Check = (browser, { gateway, id, seed }) =>
  withPage(browser, `${gateway}/watch/${id}`, {}, async (page) => {
    await play(page);
    const random = mulberry(seed);
    const duration = await page.evaluate(() => document.querySelector("video")?.duration ?? 0);
    const times: number[] = [];
    for (let jump = 0; jump < JUMPS; jump++) {
      const to = random() * Math.max(0, duration - 1.5);
      const began = performance.now();
      const there = await page.evaluate((to) => {
        const video = document.querySelector("video") as HTMLVideoElement;
        video.currentTime = to;
        return new Promise<number>((resolve) => video.addEventListener("seeked", () => resolve(video.currentTime), { once: true }));
      }, to);
      assert(Math.abs(there - to) < NEAR_S, `a jump to ${to} s leads to ${there} s`);
      times.push(performance.now() - began);
      await moves(page);
    }
    await decodesCleanly(page);
    times.sort((a, b) => a - b);
    return `${JUMPS} jumps, ${times.map((time) => Math.round(time)).join(", ")} ms until shown`;
  });

/** A small seeded generator, so that a failing run can be had again. */
function mulberry(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
