/**
 * Opens the page of an audit trail from the disk in a real browser: `npm run e2e:trail -- FILE PATIENT`. What was refused stands first,
 * the filter leaves what concerns the patient, nothing is asked of anybody, and axe-core finds nothing.
 */

import { pathToFileURL } from "node:url";

import type { Page } from "playwright-core";

import { holds, SIZES } from "./accessible";
import { launch, withPage } from "./browser";
import { assert } from "./target";

const [file = "", patient = ""] = process.argv.slice(2).filter((argument) => argument !== "--");
const url = pathToFileURL(file).href;
const browser = await launch();

/** The page as its own policy lets it be. */
async function works(page: Page): Promise<string> {
  const asked: string[] = [];
  const said: string[] = [];
  page.on("request", (request) => asked.push(request.url()));
  page.on("console", (message) => said.push(message.text()));
  await page.reload();
  const refused = await page.locator("#attention tr.refused").count();
  assert(refused > 0, "no refusal stands at the top");
  const all = await page.locator("tbody tr:visible").count();
  const plotted = await page.locator("#plot rect").count();
  assert(plotted > 0, "nothing is plotted");
  const before = await page.locator("#said").textContent();
  await page.getByLabel("Patient").selectOption(patient);
  const rows = page.locator("tbody tr:visible");
  const some = await rows.count();
  const others = await page.locator(`tbody tr:visible:not([data-patient="${patient}"])`).count();
  assert(some > 0 && some < all && others === 0, `${some} of ${all} entries are of the patient, ${others} of others`);
  assert((await page.locator("#said").textContent()) !== before, "the plot is the same for one patient");
  assert(asked.every((one) => one === url), `it asks ${asked.join(", ")}`);
  assert(said.length === 0, `the console says ${said.join("; ")}`);
  return `${some} of ${all} entries are of the patient, ${refused} refusals stand first`;
}

try {
  const words = await withPage(browser, url, {}, works);
  let rules = 0;
  for (const [size, options] of Object.entries(SIZES)) {
    // The page's policy runs no script of others, that of axe neither.
    rules += await withPage(browser, url, { ...options, bypassCSP: true }, (page) => holds(page, `audit trail in ${size}`));
  }
  console.log(`the page of the audit trail in Chromium: ${words}, ${rules} rules of axe held`);
} finally {
  await browser.close();
}
