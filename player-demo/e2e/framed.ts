/** In the page of somebody else only the embedded player is shown: no page in which a key signs, and no stranger is asked about. */

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import { withPage } from "./browser";
import { assert, type Check } from "./target";

const EVIL = "http://stranger.test";

export const framed: Check = async (browser, { gateway, id }) => {
  const other = new OtherPage();
  return withPage(browser, "about:blank", {}, async (page) => {
    const paths = ["/", "/agree", "/statement", "/log", "/nodes", `/watch/${id}`, `/live/${id}?embed=1`, `/agree?embed=1`];
    const player = `/watch/${id}?embed=1&gateways=${EVIL}`;
    const frames = [...paths, player].map((path) => `<iframe width="600" height="400" src="${gateway}${path}"></iframe>`).join("");
    let asked = 0;
    await page.route(`${EVIL}/**`, (route) => {
      asked += 1;
      return route.abort();
    });
    await page.goto(await other.serve(frames));
    await page.frameLocator("iframe").last().locator("video").waitFor({ state: "attached" });
    for (const [at, path] of paths.entries()) {
      const frame = await (await page.locator("iframe").nth(at).elementHandle())?.contentFrame();
      await frame?.waitForFunction(() => document.readyState === "complete");
      // What the gateway's policy stops is a page of the browser's own.
      const isStopped = !frame || !frame.url().startsWith(gateway);
      if (!isStopped) await frame.waitForSelector(".elsewhere");
      assert(isStopped || (await frame.locator("main").count()) === 0, `${path} is shown in a frame`);
    }
    assert(asked === 0, "a stranger is asked from inside of a frame");
    return `${paths.length} pages are not shown in a frame, the embedded player is`;
  }).finally(() => other.close());
};

/** A page of another origin, from this machine as well. */
class OtherPage {
  private readonly server = createServer((_, answer) => void answer.setHeader("content-type", "text/html").end(this.body));
  private body = "";

  async serve(body: string): Promise<string> {
    this.body = body;
    await new Promise<void>((resolve) => this.server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.server.closeAllConnections();
    this.server.close();
  }
}
