/** What the checks of the viewer share: a browser, a gateway that is made up, and files to share. */

import type { Browser, BrowserContextOptions, Page } from "playwright-core";

import { Blake3 } from "../src/blake3/kernel";
import { Encoded, MemoryStore, plainOf } from "../src/sealed/fixture";
import { ready } from "../src/sealed/sodium";
import { withPage } from "./browser";
import { SealedStub } from "./sealed-stub";

export const VIEWER_FILE = new URL("../dist/viewer.html", import.meta.url).href;

export class ViewerBench {
  private constructor(
    readonly browser: Browser,
    readonly blake3: Blake3,
    readonly gateway: SealedStub,
    /** Where screenshots go. */
    readonly shots: string | undefined,
  ) {}

  static async open(browser: Browser, shots: string | undefined): Promise<ViewerBench> {
    await ready;
    return new ViewerBench(browser, await Blake3.load(), await SealedStub.start(), shots);
  }

  encode(name: string, content: string | Uint8Array, type?: string): Encoded {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    return Encoded.make(this.blake3, plainOf(name, bytes, type), new MemoryStore());
  }

  /** Opens an address in a fresh profile; nothing may be thrown, and the policy of the page broken by nothing of its own. */
  visit<T>(url: string, work: (page: Page) => Promise<T>, options: BrowserContextOptions = {}): Promise<T> {
    return withPage(this.browser, "about:blank", { reducedMotion: "reduce", ...options }, async (page) => {
      // What the system's own picker would do cannot be tested; the ways without it can.
      await page.addInitScript("delete window.showSaveFilePicker");
      await page.goto(url);
      return work(page);
    });
  }

  async close(): Promise<void> {
    this.gateway.stop();
    await this.browser.close();
  }
}
