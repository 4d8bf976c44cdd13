/** A headless Chromium, and pages whose every error counts. */

import { chromium, type Browser, type BrowserContextOptions, type Page } from "playwright-core";

const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";

/** It asks nobody but the pages' own servers. */
export function launch(): Promise<Browser> {
  const quiet = [
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ];
  return chromium.launch({
    executablePath: CHROMIUM,
    args: ["--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required", ...quiet],
  });
}

/** Opens `url` in a context of its own, works with it, and closes it; an exception on the page fails the check. */
export async function withPage<T>(
  browser: Browser,
  url: string,
  options: BrowserContextOptions,
  work: (page: Page) => Promise<T>,
): Promise<T> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const errors: string[] = [];
  page.on("pageerror", (error) => errors.push(error.message));
  try {
    await page.goto(url);
    const result = await work(page);
    if (errors.length > 0) throw new Error(`exceptions on the page: ${errors.join("; ")}`);
    return result;
  } finally {
    await context.close();
  }
}
