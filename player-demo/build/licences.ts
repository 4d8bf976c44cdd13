/** The licences of the packages in a page, workers included: a single file carries them along. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import type { Plugin } from "vite";

const PACKAGE = /^.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//;

export class Licences {
  private readonly folders = new Map<string, string>();

  /** A plugin that notes the packages of what is built; one for each bundle. */
  collector(): Plugin {
    return {
      name: "licences",
      generateBundle: (_, bundle) => {
        for (const file of Object.values(bundle)) {
          if (file.type === "chunk") Object.keys(file.modules).forEach((id) => this.note(id));
        }
      },
    };
  }

  private note(id: string): void {
    const [folder, name] = PACKAGE.exec(id.replace(/^\0/, "")) ?? [];
    if (folder && name) this.folders.set(name, folder);
  }

  /** Every package with the text of its licence, by name. */
  text(): string {
    return [...this.folders].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, folder]) => licenceOf(name, folder)).join("\n\n");
  }
}

function licenceOf(name: string, folder: string): string {
  const { version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as { version: string; license?: string };
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  return `${name} ${version} (${license ?? "see below"})\n\n${file ? readFileSync(join(folder, file), "utf8").trim() : ""}`;
}
