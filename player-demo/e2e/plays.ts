/** The film begins, and plays to its end. */

import { withPage } from "./browser";
import { countStalls, decodesCleanly, play, verified } from "./playing";
import { assert, type Check } from "./target";

const TIMES = 5;
const END_MS = 10 * 60_000;
const RATE = 2;

/** From the address to the first picture, each time in a browser that has nothing cached. */
export const firstFrame: Check = async (browser, { gateway, id }) => {
  const times: number[] = [];
  for (let turn = 0; turn < TIMES; turn++) {
    await withPage(browser, `${gateway}/watch/${id}`, {}, async (page) => {
      await page.waitForSelector("video", { state: "attached" });
      const shown = () =>
        new Promise<number>((resolve) => {
          const video = document.querySelector("video") as HTMLVideoElement;
          video.muted = true;
          video.requestVideoFrameCallback((now) => resolve(now));
          void video.play();
        });
      times.push(await page.evaluate(shown));
    });
  }
  times.sort((a, b) => a - b);
  return `${times.map((time) => Math.round(time)).join(", ")} ms from the address to the first frame`;
};

export const toTheEnd: Check = (browser, { gateway, id }) =>
  withPage(browser, `${gateway}/watch/${id}`, {}, async (page) => {
    await play(page, RATE);
    const stalls = await countStalls(page);
    await page.waitForFunction(() => document.querySelector("video")?.ended, undefined, {
      timeout: END_MS,
      polling: 200,
    });
    await decodesCleanly(page);
    const frames = await page.evaluate(
      () => document.querySelector("video")?.getVideoPlaybackQuality().totalVideoFrames ?? 0,
    );
    const { duration, played } = await page.evaluate(() => {
      const { duration, played } = document.querySelector("video") as HTMLVideoElement;
      return { duration, played: Array.from({ length: played.length }, (_, at) => played.end(at) - played.start(at)).reduce((sum, one) => sum + one, 0) };
    });
    assert(duration > 0 && Math.abs(played - duration) < 1, `of ${duration} s ${played} s were played`);
    assert(frames > duration, `${frames} frames are no film of ${duration} s`);
    const segments = await page.evaluate(() => performance.getEntriesByType("resource").filter(({ name }) => /\/\d+\.m4s$/.test(name)).length);
    assert((await verified(page)) >= segments && segments > 0, `${await verified(page)} of ${segments} segments were verified`);
    return `ended after ${frames} frames, ${await verified(page)} segments verified, ${await stalls()} stalls`;
  });
