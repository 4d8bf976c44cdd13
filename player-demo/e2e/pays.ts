/**
 * A paid title: the offer says what it costs, a voucher is redeemed, it plays, receipts come and let the gateway go on, the
 * split ticks, a reload goes on in the same session. Ledger and gateway are made up, and check what is signed.
 */

import type { Page } from "playwright-core";

import { encodeBase32 } from "../src/trust/base32";
import { holds, SIZES } from "./accessible";
import { withPage } from "./browser";
import { Shop } from "./paid-stub";
import { moves, play } from "./playing";
import { assert, type Check } from "./target";

/** Worth 5 EUR. */
const CODE = encodeBase32(new Uint8Array([1, 2, 3, 4, 5, 0, 0, 0x4c, 0x4b, 0x40, 1, 2, 3, 4, 5, 6]));
const PATIENCE_MS = 30_000;

export const pays: Check = async (browser, { gateway, shots }) => {
  let said = "";
  let rules = 0;
  for (const [size, options] of Object.entries(SIZES)) {
    const shop = await Shop.open();
    await withPage(browser, "about:blank", { ...options, reducedMotion: "reduce" }, async (page) => {
      await shop.serve(page);
      await page.goto(`${gateway}/watch/${shop.id}`);
      await topsUp(page, shop);
      assert((await page.textContent(".offer h2")) === "This film costs 1.20 EUR per hour", "the offer names another price");
      rules += await holds(page, `the offer in ${size}`);
      if (shots) await page.screenshot({ path: `${shots}/offer-${size}.png`, fullPage: true });
      await page.click(".offer .button:not(.quiet)");
      await play(page);
      await moves(page, 4);
      await until(page, () => shop.acknowledged === shop.served && shop.served > 0, () => `of ${shop.served} bytes ${shop.acknowledged} were acknowledged`);
      const count = shop.segments.findIndex((_, at) => shop.segments.slice(0, at + 1).reduce((sum, { length }) => sum + length, 0) === shop.served) + 1;
      assert(shop.chain === (await shop.chainOf(count)), "the receipts are for other segments than those that were sent");
      await page.waitForFunction(() => /[1-9]/.test(document.querySelector(".so-far .sum")?.textContent ?? ""));
      rules += await holds(page, `the paid film in ${size}`);
      if (shots) await page.screenshot({ path: `${shots}/paid-${size}.png`, fullPage: true });
      await page.reload();
      await play(page);
      await until(page, () => shop.streams.has(1), () => "after the reload nothing is acknowledged on a stream of its own");
      assert(shop.grants === 1, `a reload asks for ${shop.grants} grants`);
    });
    said = `${shop.receipts} receipts for ${shop.served} bytes, wanted ${shop.wanted} times`;
  }
  return `${said}; ${rules} rules held`;
};

export async function topsUp(page: Page, shop: Shop): Promise<void> {
  await page.waitForSelector(".offer");
  const heading = await page.textContent(".offer h2");
  assert(heading?.startsWith("This film costs "), `the offer says ${heading}`);
  assert(await page.locator(".offer .button:not(.quiet)").isDisabled(), "without money it can be watched");
  await page.fill("#top-up", "nonsense");
  await page.keyboard.press("Enter");
  await page.waitForSelector("text=A code has 26 letters and digits");
  await page.fill("#top-up", CODE.toUpperCase().replace(/.{5}(?=.)/g, "$&-"));
  await page.keyboard.press("Enter");
  await page.waitForSelector("text=5.00 EUR were added");
  assert(shop.funds === 5_000_000n, `the deposit is of ${shop.funds}`);
}

export async function until(page: Page, holds: () => boolean, words: () => string): Promise<void> {
  const end = Date.now() + PATIENCE_MS;
  while (!holds()) {
    assert(Date.now() < end, words());
    await page.waitForTimeout(100);
  }
}
