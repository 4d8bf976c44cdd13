/** Pictures of the page, to be looked at. */

import { mkdirSync } from "node:fs";

import { SIZES } from "./accessible";
import { withPage } from "./browser";
import { moves, play } from "./playing";
import type { Check } from "./target";

export const shots: Check = async (browser, { gateway, id, shots: folder }) => {
  if (!folder) return "left out, since no folder is given";
  mkdirSync(folder, { recursive: true });
  for (const [size, options] of Object.entries(SIZES)) {
    await withPage(browser, `${gateway}/`, options, async (page) => {
      await page.waitForSelector(".card a, .empty");
      // The page asks for news as long as it is open, so that the network is never idle.
      await page.waitForFunction(() => [...document.images].every((image) => image.complete || image.getBoundingClientRect().top > innerHeight));
      await page.screenshot({ path: `${folder}/catalogue-${size}.png` });
    });
    await withPage(browser, `${gateway}/watch/${id}`, options, async (page) => {
      await play(page);
      await moves(page, 3);
      await page.mouse.move(200, 200);
      await page.screenshot({ path: `${folder}/watch-${size}.png`, fullPage: size === "phone" });
    });
  }
  return folder;
};
