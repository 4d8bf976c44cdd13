/** Whoever comes back goes on where they left off. */

import { withPage } from "./browser";
import { moves, play, position } from "./playing";
import { assert, type Check } from "./target";

export const resumes: Check = (browser, { gateway, id }) =>
  withPage(browser, `${gateway}/watch/${id}`, {}, async (page) => {
    await play(page);
    const duration = await page.evaluate(() => document.querySelector("video")?.duration ?? 0);
    const to = duration / 2;
    if (to < 11) return `left out, since the film has only ${duration.toFixed(0)} s`;
    await page.evaluate((to) => {
      const video = document.querySelector("video") as HTMLVideoElement;
      video.currentTime = to;
    }, to);
    await moves(page);
    await page.reload();
    await play(page);
    const resumed = await position(page);
    assert(resumed >= to - 1 && resumed < to + 10, `it went on at ${resumed} s instead of ${to} s`);
    return `went on at ${resumed.toFixed(1)} s`;
  });
