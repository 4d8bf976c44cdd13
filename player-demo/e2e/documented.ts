/** The page of the OpenAPI document lists every route, asks nobody but this gateway, and complains of nothing. */

import { holds, SIZES } from "./accessible";
import { withPage } from "./browser";
import { assert, type Check } from "./target";

interface Document {
  readonly paths: Record<string, Record<string, unknown>>;
}

export const documented: Check = async (browser, { gateway, shots }) => {
  const { paths } = (await (await fetch(`${gateway}/api/openapi.json`)).json()) as Document;
  const routes = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method} ${path}`),
  );
  assert(routes.length > 0, "the document names no route");
  let rules = 0;
  for (const [size, options] of Object.entries(SIZES)) {
    const complaints: string[] = [];
    await withPage(browser, "about:blank", options, async (page) => {
      page.on("console", (message) => {
        if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
      });
      page.on("request", (request) => {
        const url = new URL(request.url());
        if (url.protocol !== "data:" && url.origin !== gateway) complaints.push(`it asks ${request.url()}`);
      });
      const answer = await page.goto(`${gateway}/api/`);
      const policy = answer?.headers()["content-security-policy"] ?? "";
      assert(policy.startsWith("default-src 'none'; script-src 'self';"), `the page's policy is ${policy}`);
      const shown = page.locator("rapi-doc [part='section-operation-webhook-method']");
      await shown.nth(routes.length - 1).waitFor({ timeout: 20_000 });
      const texts = (await shown.allInnerTexts()).map((text) => text.trim().replace(/\s+/g, " ").toLowerCase());
      const missing = routes.filter((route) => !texts.includes(route.toLowerCase()));
      assert(missing.length === 0, `${size} does not show ${missing.join(", ")}`);
      rules += await holds(page, `/api/ in ${size}`);
      if (shots) await page.screenshot({ path: `${shots}/api-${size}.png` });
    });
    assert(complaints.length === 0, `/api/ in ${size}: ${complaints.join("; ")}`);
  }
  return `${routes.length} routes, ${rules} rules held on ${Object.keys(SIZES).length} views`;
};
