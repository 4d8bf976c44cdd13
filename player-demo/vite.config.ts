import { readFileSync } from "node:fs";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

import { blake3Kernel } from "./build/kernel";

/** Puts `early-theme.js` into the head as a plain script, because modules run only after the first paint. */
function earlyTheme(): Plugin {
  const [name, source] = ["early-theme.js", new URL("src/page/early-theme.js", import.meta.url)];
  return {
    name: "early-theme",
    apply: "build",
    buildStart() {
      this.emitFile({ type: "asset", name, source: readFileSync(source) });
    },
    transformIndexHtml(_, { bundle }) {
      const file = Object.values(bundle ?? {}).find((file) => file.type === "asset" && file.names.includes(name));
      if (!file) throw new Error(`${name} is not among the built files`);
      return [{ tag: "script", attrs: { src: `/${file.fileName}` }, injectTo: "head-prepend" }];
    },
  };
}

// The gateway serves `dist/index.html` at `/` and `/watch/{id}`, `dist/api.html` at `/api/`, and everything else
// below `/assets/`, where every name holds the hash of what it names.
export default defineConfig({
  base: "/",
  plugins: [earlyTheme(), blake3Kernel()],
  build: {
    target: "es2022",
    assetsInlineLimit: 0,
    license: { fileName: "licenses.md" },
    modulePreload: { polyfill: false },
    rollupOptions: { input: ["index.html", "api.html"] },
    chunkSizeWarningLimit: 1000,
  },
  worker: { format: "es" },
  test: { include: ["src/**/*.test.ts"] },
});
