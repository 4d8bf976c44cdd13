/** hls.js by itself, as any page might use it: the gateway's own playlists, of either form, and nothing verified. */

import { createRequire } from "node:module";

import type { Page } from "playwright-core";

/** How media playlists name segments: each by a URL of its own, or as byte ranges of one file. */
export type Form = "segments" | "ranges";

/** Settings of the page's player. */
const SETTINGS = {
  startFragPrefetch: true,
  maxBufferLength: 30,
  maxMaxBufferLength: 30,
  enableWorker: false,
  abrEwmaDefaultEstimate: 3_000_000,
};

/** Opens a page with a video that plays the publication whose watch page is `url`. */
export async function openBare(page: Page, url: string, form: Form): Promise<void> {
  const bare = new URL("/bare.html", url).href;
  const html = `<!doctype html><title>${form}</title><video muted></video><script>(${play.toString()})(${JSON.stringify({
    master: `${url}/master.m3u8`,
    ending: form === "ranges" ? ".ranges.m3u8" : ".m3u8",
    settings: SETTINGS,
  })})</script>`;
  await page.route(bare, (route) => route.fulfill({ contentType: "text/html", body: html }));
  await page.addInitScript({ path: createRequire(import.meta.url).resolve("hls.js/dist/hls.min.js") });
  await page.goto(bare);
}

interface Orders {
  readonly master: string;
  readonly ending: string;
  readonly settings: object;
}

/** Runs on the page. The multivariant playlist names playlists of segments; those of ranges stand beside them. */
function play({ master, ending, settings }: Orders): void {
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  const { Hls } = window as any;
  class Loader extends Hls.DefaultConfig.loader {
    load(context: { type?: string }, config: object, callbacks: { onSuccess: (...given: unknown[]) => void }) {
      const { onSuccess } = callbacks;
      if (context.type === "manifest") {
        callbacks.onSuccess = (response, ...rest) => {
          const told = response as { data: string };
          told.data = told.data.replaceAll(".m3u8", ending);
          onSuccess(told, ...rest);
        };
      }
      super.load(context, config, callbacks);
    }
  }
  const hls = new Hls({ ...settings, pLoader: Loader });
  hls.loadSource(master);
  hls.attachMedia(document.querySelector("video"));
}
