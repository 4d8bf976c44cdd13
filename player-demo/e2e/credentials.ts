/** The watch page says of which files content credentials are there, no more, and saves them bit for bit. */

import { readFileSync } from "node:fs";

import { withPage } from "./browser";
import { assert, type Check } from "./target";

export const credentials: Check = async (browser, { gateway, id }) =>
  withPage(browser, `${gateway}/watch/${id}`, { acceptDownloads: true }, async (page) => {
    const said = page.locator(".attachments li:has(.credentials)");
    await said.first().waitFor();
    const count = await said.count();
    const words = await said.first().textContent();
    assert(words?.includes("carries content credentials") && words.includes("not checked here"), `it says ${words}`);
    const link = said.first().locator("a");
    const name = (await link.textContent()) ?? "";
    const [download] = await Promise.all([page.waitForEvent("download"), link.click()]);
    const saved = readFileSync(await download.path());
    const served = await fetch(`${gateway}/watch/${id}/attachments/${encodeURIComponent(name)}`);
    assert(saved.equals(Buffer.from(await served.arrayBuffer())), `${name} is saved with other bytes`);
    return `${count} files carry them; ${name} is saved as it was published`;
  });
