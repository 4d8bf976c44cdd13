/** axe-core finds nothing, in light and dark, wide and narrow. */

import axe, { type AxeResults } from "axe-core";
import type { BrowserContextOptions, Page } from "playwright-core";

import { withPage } from "./browser";
import { play } from "./playing";
import { assert, type Check } from "./target";

export const SIZES: Record<string, BrowserContextOptions> = {
  light: { colorScheme: "light", viewport: { width: 1280, height: 900 } },
  dark: { colorScheme: "dark", viewport: { width: 1280, height: 900 } },
  phone: {
    colorScheme: "dark",
    viewport: { width: 390, height: 844 },
    hasTouch: true,
    isMobile: true,
    deviceScaleFactor: 2,
  },
};

export const accessible: Check = async (browser, { gateway, id }) => {
  let rules = 0;
  for (const [size, options] of Object.entries(SIZES)) {
    for (const path of ["/", `/watch/${id}`, `/watch/${id}?embed=1`]) {
      await withPage(browser, gateway + path, { ...options, reducedMotion: "reduce" }, async (page) => {
        if (path === "/") await page.waitForSelector(".card a, .empty");
        else await play(page);
        await page.waitForTimeout(1000);
        rules += await holds(page, `${path} in ${size}`);
      });
    }
  }
  return `${rules} rules held on 9 views`;
};

/** How many rules hold for a page; none may be broken, and nothing may be wider than the screen. */
export async function holds(page: Page, what: string): Promise<number> {
  await page.evaluate(axe.source);
  const results = (await page.evaluate("axe.run()")) as AxeResults;
  const found = results.violations.map(
    ({ id, nodes }) => `${id} (${nodes.map(({ target }) => target.flat().join(" ")).join(", ")})`,
  );
  assert(found.length === 0, `${what}: ${found.join("; ")}`);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert(wide <= 0, `${what} is ${wide} px too wide`);
  return results.passes.length;
}
