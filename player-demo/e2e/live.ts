/** A film plays while it is made, is still verified, and says at its end what has become of it. */

import { withPage } from "./browser";
import { decodesCleanly, moves, play, verified } from "./playing";
import { assert, type Check } from "./target";

const ENDED_MS = 3 * 60_000;

export const live: Check = async (browser, { gateway, live }) => {
  if (!live) return "left out, since no live stream is given";
  await withPage(browser, gateway, {}, async (page) => {
    await page.waitForSelector(`.live-now a[href="/live/${live}"]`);
  });
  return withPage(browser, `${gateway}/live/${live}`, {}, async (page) => {
    await play(page);
    const before = await verified(page);
    await moves(page, 4);
    assert((await verified(page)) > before, "no further segment was verified while it played");
    const behind = await page.evaluate(() => {
      const video = document.querySelector("video") as HTMLVideoElement;
      return video.seekable.end(video.seekable.length - 1) - video.currentTime;
    });
    await page.evaluate(() => {
      (document.querySelector("video") as HTMLVideoElement).currentTime = 0;
    });
    // As of a film, the panel tells where the segments came from.
    await page.waitForSelector(".panel svg .cell", { state: "attached" });
    assert((await page.locator(".segments tbody tr").count()) > 0, "the panel shows no segment");
    await page.waitForSelector('.live-edge:text("Jump to live")');
    await page.click(".live-edge");
    await page.waitForSelector('.live-edge:text-is("Live")');
    const link = await page.waitForSelector(".live-end a", { timeout: ENDED_MS });
    await decodesCleanly(page);
    const counted = await verified(page);
    await link.click();
    await play(page);
    await decodesCleanly(page);
    return `${behind.toFixed(1)} s behind the newest segment, ${counted} segments verified, then the publication plays`;
  });
};
