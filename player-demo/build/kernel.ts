/** Gives pages the BLAKE3 kernel as `virtual:blake3-kernel`: WebAssembly in base64, so that it needs no file of its own. */

import type { Plugin } from "vite";
import wabt from "wabt";

import { blake3Wat } from "./blake3-wat";

const NAME = "virtual:blake3-kernel";
const RESOLVED = `\0${NAME}`;

export function blake3Kernel(): Plugin {
  return {
    name: "blake3-kernel",
    resolveId: (id) => (id === NAME ? RESOLVED : undefined),
    load: async (id) => (id === RESOLVED ? `export default ${JSON.stringify(await assemble())};` : undefined),
  };
}

async function assemble(): Promise<string> {
  const module = (await wabt()).parseWat("blake3.wat", blake3Wat(), { simd: true });
  try {
    return Buffer.from(module.toBinary({}).buffer).toString("base64");
  } finally {
    module.destroy();
  }
}
