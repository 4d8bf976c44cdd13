import { defineConfig } from "vite";

import { blake3Kernel } from "./build/kernel";
import { Licences } from "./build/licences";
import { singlePage } from "./build/single-page";

const licences = new Licences();

// `dist/viewer.html` is all of the viewer: it is served at `/s/{id}`, from anywhere else, or opened from disk.
export default defineConfig({
  base: "./",
  plugins: [blake3Kernel(), licences.collector(), singlePage(licences)],
  build: {
    target: "es2022",
    assetsInlineLimit: 2 ** 30,
    cssCodeSplit: false,
    emptyOutDir: false,
    modulePreload: false,
    rollupOptions: { input: "viewer.html", output: { inlineDynamicImports: true } },
    chunkSizeWarningLimit: 4000,
  },
  // Classic, since pages from disk may not start workers of modules.
  worker: { format: "iife", plugins: () => [blake3Kernel(), licences.collector()] },
});
