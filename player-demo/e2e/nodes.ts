/** Nodes are stopped with the page's own switches while the film plays. */

import { withPage } from "./browser";
import { countStalls, decodesCleanly, moves, play } from "./playing";
import { assert, type Check } from "./target";

export const nodesDown: Check = async (browser, { gateway, id, control }) => {
  if (!control) return "left out, since no control address is given";
  const fragment = new URLSearchParams({ control: control.url, token: control.token });
  return withPage(browser, `${gateway}/watch/${id}#${fragment}`, {}, async (page) => {
    await play(page);
    assert(!page.url().includes("token"), "the token stays in the address");
    await page.waitForSelector(".panel svg .cell");
    const words = (await page.textContent(".words")) ?? "";
    const parity = Number(/\d+\+(\d+)/.exec(words)?.[1] ?? 0);
    assert(parity > 0, "the panel does not tell the coding");
    const switches = await page.$$(".nodes button.dot");
    const stalls = await countStalls(page);
    // Nodes that have just sent cells: without those that only keep parity nothing would have to be rebuilt.
    const sending = [...words.matchAll(/\bn(\d+) \d+/g)].flatMap(([, number]) => switches[Number(number) - 1] ?? []);
    const stopped = sending.slice(0, parity);
    assert(stopped.length === parity, `the panel names too few nodes: ${words}`);
    for (const one of stopped) await one.click();
    await page.waitForFunction((parity) => document.querySelectorAll(".nodes .stopped").length === parity, parity);
    await page.waitForSelector(".cell.rebuilt, .cell.hedged", { state: "attached" });
    await moves(page, 8);
    await decodesCleanly(page);
    const stalled = await stalls();
    for (const one of stopped) await one.click();
    await page.waitForFunction(() => document.querySelectorAll(".nodes .stopped").length === 0);
    return `${parity} of ${switches.length} nodes stopped and started, ${stalled} stalls`;
  });
};
