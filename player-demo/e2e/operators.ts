/**
 * The page of the nodes: what is down shows, audits are read with the keyboard, by signs and as tables, operators see
 * what is at risk and nobody else does, and axe-core finds nothing, with few nodes and with very many.
 */

import type { Page } from "playwright-core";

import { holds, SIZES } from "./accessible";
import { withPage } from "./browser";
import { assert, type Check } from "./target";

const SHOWN_MS = 60_000;
/** A network that is much larger than the one under test. */
const MANY_NODES = 24;
const HOURS = 168;

export const operators: Check = async (browser, { gateway, operator, shots }) => {
  if (!operator) return "left out, since no operators' token is given";
  let rules = 0;
  const seen = await withPage(browser, `${gateway}/nodes`, {}, async (page) => {
    await page.waitForSelector("[role=grid] .cell-offline", { timeout: SHOWN_MS });
    const [up, all] = ((await page.textContent(".tile strong")) ?? "").split(" of ").map(Number);
    const down = await page.locator(".pill.bad", { hasText: "down" }).count();
    assert(down > 0 && (all ?? 0) - (up ?? 0) === down, `${up} of ${all} nodes are up and ${down} are shown as down`);
    await walks(page);
    await tells(page);
    await asksForToken(page, operator);
    return `${down} of ${all} nodes down`;
  });
  const many = await grown(gateway);
  for (const [size, options] of Object.entries(SIZES)) {
    const quiet = { ...options, reducedMotion: "reduce" as const };
    await withPage(browser, `${gateway}/nodes#operator=${operator}`, quiet, async (page) => {
      await page.waitForSelector("[role=grid] .cell-corrupt", { timeout: SHOWN_MS });
      await page.waitForSelector(".care table");
      assert(!page.url().includes(operator), "the token stays in the address");
      await page.click(".as-tables summary");
      rules += await holds(page, `/nodes in ${size}`);
      if (shots) await page.screenshot({ path: `${shots}/nodes-${size}.png`, fullPage: true });
    });
    await withPage(browser, "about:blank", quiet, async (page) => {
      await page.route("**/api/nodes", (route) => route.fulfill({ json: many }));
      await page.route("**/api/audits?*", (route) => route.fulfill({ json: history() }));
      await page.goto(`${gateway}/nodes`);
      await page.waitForSelector("[role=grid] .cell-corrupt");
      const end = await page.evaluate(() => {
        const scroll = document.querySelector(".heat-scroll") as HTMLElement;
        return scroll.scrollWidth - scroll.clientWidth - scroll.scrollLeft;
      });
      assert(end <= 1, `the newest hours are ${end} px out of sight in ${size}`);
      rules += await holds(page, `/nodes with ${MANY_NODES} nodes in ${size}`);
      if (shots) await page.screenshot({ path: `${shots}/many-nodes-${size}.png`, fullPage: size !== "phone" });
    });
  }
  return `${seen}, ${rules} rules held on ${2 * Object.keys(SIZES).length} views`;
};

/** One cell is reached with the tabulator; arrows go on from there, and each says node, time, verdict and reason. */
async function walks(page: Page): Promise<void> {
  assert((await page.locator("[role=gridcell][tabindex='0']").count()) === 1, "not one cell alone is in the tab order");
  await page.locator("[role=gridcell][tabindex='0']").focus();
  const here = () => page.evaluate(() => document.activeElement?.getAttribute("aria-label") ?? "");
  const first = await here();
  const form = /^Node [0-9a-f]{10}, .+\d\d:\d\d–\d\d:\d\d: (no audit|(proved|slow|offline|missing|corrupt), .+)$/;
  assert(form.test(first), `a cell is called ${first}`);
  await page.keyboard.press("ArrowDown");
  const below = await here();
  await page.keyboard.press("Home");
  const start = await here();
  assert(new Set([first, below, start]).size === 3 && form.test(start), `arrows go from ${first} to ${below} and ${start}`);
  assert((await page.textContent(".heat-said")) === start, "what a cell says is not shown beside the map");
}

/** What a colour says, a sign and the tables say as well. */
async function tells(page: Page): Promise<void> {
  const silent = page.locator("[role=grid] .cell-offline").first();
  assert((await silent.textContent()) === "○", "a silent node has no sign");
  const name = (await silent.getAttribute("aria-label")) ?? "";
  const reason = name.split(": offline, ")[1] ?? "?";
  await page.click(".as-tables summary");
  const told = page.locator(".as-tables table").last().locator("td", { hasText: reason.split(";")[0] as string });
  assert((await told.count()) > 0, `the tables do not say ${reason}`);
}

async function asksForToken(page: Page, operator: string): Promise<void> {
  assert((await page.locator(".care table").count()) === 0, "everybody sees what is looked after");
  await page.fill("#operator-token", "not-the-operators-token");
  await page.keyboard.press("Enter");
  await page.waitForSelector(".care .failed:not(:empty)");
  await page.fill("#operator-token", operator);
  await page.keyboard.press("Enter");
  await page.waitForSelector(".care table");
}

/** What the gateway answers, with many more nodes. */
async function grown(gateway: string): Promise<object> {
  const answer = (await (await fetch(`${gateway}/api/nodes`)).json()) as { nodes: { id: string }[] };
  const first = answer.nodes[0] as { id: string };
  while (answer.nodes.length < MANY_NODES) answer.nodes.push({ ...first, id: idOf(answer.nodes.length) });
  return { ...answer, known: 10 * MANY_NODES };
}

/** A week in which much went wrong. */
function history(): object {
  const now = Math.floor(Date.now() / 3_600_000);
  const results = ["slow", "offline", "missing", "corrupt"];
  const line = (node: number, hour: number) => {
    const dice = (node * 7919 + hour * 104_729) % 97;
    const result = dice < 4 ? results[dice] : "proved";
    const reason = result === "proved" ? null : "of 8 parts: 1 missing";
    return { hour, result, audits: 1, failed: reason ? 1 : 0, asked: 8, proved: reason ? 7 : 8, took_ms: 40, reason };
  };
  const nodes = Array.from({ length: MANY_NODES }, (_, node) => ({
    id: idOf(node),
    hours: Array.from({ length: HOURS - (node % 50) }, (_, at) => line(node, now - at)).reverse(),
  }));
  return { hour: now, hours: HOURS, audited: MANY_NODES, nodes };
}

function idOf(node: number): string {
  return (node * 2_654_435_761).toString(16).padStart(10, "0").slice(-10).padEnd(64, "0");
}
