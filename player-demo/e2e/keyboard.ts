/** Everything that a mouse does, keys do. */

import type { Page } from "playwright-core";

import { withPage } from "./browser";
import { play, position } from "./playing";
import { assert, type Check } from "./target";

const STEPS = 60;

export const keyboard: Check = async (browser, { gateway, id }) => {
  await withPage(browser, `${gateway}/`, {}, async (page) => {
    await page.waitForSelector(".card a");
    const reached = await tabTo(page, ".card a");
    assert(reached, "no film of the catalogue is reached with the tabulator");
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/watch\//);
  });
  return withPage(browser, `${gateway}/watch/${id}`, {}, async (page) => {
    await play(page);
    const paused = () => page.evaluate(() => document.querySelector("video")?.paused);
    await page.keyboard.press("k");
    await page.waitForFunction(() => document.querySelector("video")?.paused);
    const before = await position(page);
    await page.keyboard.press("ArrowRight");
    assert((await position(page)) > before + 4, "the right arrow does not go forward");
    await page.keyboard.press(" ");
    await page.waitForFunction(() => document.querySelector("video")?.paused === false);
    assert((await paused()) === false, "the space bar does not play");
    for (const what of [".badge summary", ".embed summary", "media-settings-menu-button", "media-time-range"]) {
      assert(await tabTo(page, what), `${what} is not reached with the tabulator`);
    }
    return "catalogue, player, badge and menus";
  });
};

/** Whether an element that `selector` matches gets the focus, going on from where it is. */
async function tabTo(page: Page, selector: string): Promise<boolean> {
  for (let step = 0; step < STEPS; step++) {
    await page.keyboard.press("Tab");
    if (await page.evaluate((selector) => document.activeElement?.matches(selector), selector)) return true;
  }
  return false;
}
