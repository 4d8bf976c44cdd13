import { defineConfig } from "vite";

import { blake3Kernel } from "./build/kernel";
import { singlePage } from "./build/single-page";

// `dist/viewer.html` is all of the viewer: it is served at `/s/{id}`, from anywhere else, or opened from disk.
export default defineConfig({
  base: "./",
  plugins: [blake3Kernel(), singlePage()],
  build: {
    target: "es2022",
    assetsInlineLimit: 2 ** 30,
    cssCodeSplit: false,
    emptyOutDir: false,
    license: { fileName: "viewer-licenses.md" },
    modulePreload: false,
    rollupOptions: { input: "viewer.html", output: { inlineDynamicImports: true } },
    chunkSizeWarningLimit: 4000,
  },
  // Classic, since pages from disk may not start workers of modules.
  worker: { format: "iife", plugins: () => [blake3Kernel()] },
});
