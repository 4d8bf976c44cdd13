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
    assert(frames > 0, "no frame was shown");
    assert((await verified(page)) > 0, "the badge counts nothing");
    return `ended after ${frames} frames, ${await verified(page)} segments verified, ${await stalls()} stalls`;
  });
