/** A film is given to the catalogue, and plays a little later. */

import { withPage } from "./browser";
import { decodesCleanly, play, verified } from "./playing";
import { assert, type Check } from "./target";

const PUBLISHED_MS = 5 * 60_000;

export const publishes: Check = (browser, { gateway, upload, film }) => {
  if (!upload || !film) return Promise.resolve("left out, since no upload token and film are given");
  return withPage(browser, `${gateway}/#upload=${encodeURIComponent(upload)}`, {}, async (page) => {
    await page.setInputFiles("#publish-file", film);
    const title = `Dropped ${Date.now()}`;
    await page.fill("#publish-title", title);
    await page.keyboard.press("Enter");
    const link = await page.waitForSelector(".publish-status a, .failed", { timeout: PUBLISHED_MS });
    assert((await link.getAttribute("href")) !== null, (await link.textContent()) ?? "no link");
    await page.waitForSelector(`.card-title:text("${title}")`);
    await link.click();
    await play(page);
    await decodesCleanly(page);
    return `${title} plays, ${await verified(page)} segments verified`;
  });
};
