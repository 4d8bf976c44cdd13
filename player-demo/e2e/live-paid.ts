/**
 * A stream that is sold while it is made: nothing comes without a session, the page tops up and pays as it plays, and
 * what the stream becomes plays on under the same grant.
 */

import { Signed } from "./market";
import { decodesCleanly, moves, play } from "./playing";
import { assert, type Check } from "./target";

const PATIENCE_MS = 30_000;
const ENDED_MS = 3 * 60_000;
const PLAYED_S = 4;

export const livePaid: Check = async (browser, { gateway, live, code }) => {
  if (!live || !code) return "left out, since no live stream and no code are given";
  const context = await browser.newContext({ reducedMotion: "reduce" });
  const page = await context.newPage();
  const signed = new Signed();
  const errors: string[] = [];
  signed.listen(page);
  page.on("pageerror", (error) => errors.push(error.message));
  try {
    await page.goto(`${gateway}/live/${live}`);
    await page.waitForSelector(".offer", { timeout: PATIENCE_MS });
    assert((await page.textContent(".offer"))?.includes("for an hour of it"), "the offer does not say for how long it is");
    assert(signed.came === 0, "segments came before anything was paid");
    await page.fill("#top-up", code);
    await page.keyboard.press("Enter");
    await page.click(".offer .button:not(.quiet):not([disabled])");
    await play(page);
    await moves(page, PLAYED_S);
    await page.waitForFunction(() => Number(/[\d.]+/.exec(document.querySelector(".so-far .sum")?.textContent ?? "")?.[0] ?? 0) > 0);
    const link = await page.waitForSelector(".live-end a", { timeout: ENDED_MS });
    await decodesCleanly(page);
    await acknowledged(signed);
    const [{ bytes }, grants] = [signed.usage, signed.grants];
    await link.click();
    // The grant holds for what the stream has become: nothing is offered again.
    await play(page);
    await moves(page, PLAYED_S);
    await decodesCleanly(page);
    assert((await page.locator(".offer").count()) === 0, "the publication is offered again");
    await acknowledged(signed);
    assert(signed.grants === grants, "the publication took another grant");
    assert(signed.refused.length === 0, `receipts were refused: ${signed.refused.join("; ")}`);
    assert(errors.length === 0, `exceptions on the page: ${errors.join("; ")}`);
    return `${bytes} bytes were paid while it ran, ${signed.usage.bytes - bytes} more of what it has become; ${signed.taken} receipts`;
  } finally {
    await context.close();
  }
};

/** Waits until the gateway has taken receipts for all segments that came. */
async function acknowledged(signed: Signed): Promise<void> {
  const end = Date.now() + PATIENCE_MS;
  while (signed.usage.segments < signed.came) {
    assert(Date.now() < end, `of ${signed.came} segments ${signed.usage.segments} are acknowledged`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
