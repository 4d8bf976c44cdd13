/** Makes one file of a page: its script and style inside, and a policy that lets these run and nothing else. */

import { createHash } from "node:crypto";

import type { Plugin, Rollup } from "vite";

import type { Licences } from "./licences";

export function singlePage(licences: Licences): Plugin {
  return {
    name: "single-page",
    apply: "build",
    enforce: "post",
    generateBundle(_, bundle) {
      const files = Object.values(bundle);
      const page = only(files, "asset", ".html");
      const script = only(files, "chunk", ".js");
      const style = only(files, "asset", ".css");
      page.source = inlined(String(page.source), inert(script.code), String(style.source), inert(licences.text()));
      delete bundle[script.fileName];
      delete bundle[style.fileName];
    },
  };
}

type Of<T> = Extract<Rollup.OutputAsset | Rollup.OutputChunk, { type: T }>;

function only<T extends "asset" | "chunk">(files: (Rollup.OutputAsset | Rollup.OutputChunk)[], type: T, ending: string): Of<T> {
  const found = files.filter((file): file is Of<T> => file.type === type && file.fileName.endsWith(ending));
  if (found.length !== 1) throw new Error(`a single page has one ${ending}, not ${found.length}`);
  return found[0] as Of<T>;
}

/** Nothing in the script ends its element, or opens a comment in it. */
function inert(script: string): string {
  return script.replace(/<(?=\/script|!--|script)/gi, "\\x3c");
}

function inlined(html: string, script: string, style: string, licences: string): string {
  const policy = [
    "default-src 'none'",
    `script-src '${hashOf(script)}' 'wasm-unsafe-eval'`,
    `style-src '${hashOf(style)}'`,
    "worker-src blob:",
    // Any gateway may be asked: what it sends is not believed.
    "connect-src http: https:",
    "img-src blob: data:",
    "media-src blob:",
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  const bare = html.replace(/\s*<script\b[^>]*><\/script>/g, "").replace(/\s*<link\b[^>]*rel="stylesheet"[^>]*>/g, "");
  // Functions, since `$` means something in a text that replaces.
  return bare
    .replace('<meta charset="utf-8" />', (meta) => `${meta}\n    <meta http-equiv="Content-Security-Policy" content="${policy}" />`)
    .replace("</head>", () => `  <style>${style}</style>\n  </head>`)
    .replace("</body>", () => `  <script type="text/plain" id="licences">${licences}</script>\n    <script type="module">${script}</script>\n  </body>`);
}

function hashOf(source: string): string {
  return `sha256-${createHash("sha256").update(source).digest("base64")}`;
}
