import { defineConfig } from "vitest/config";

// The gateway serves `dist/index.html` at `/` and `/watch/{id}`, and everything else below `/assets/`.
export default defineConfig({
  base: "/",
  build: {
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1000,
  },
  worker: { format: "es" },
  test: { include: ["src/**/*.test.ts"] },
});
