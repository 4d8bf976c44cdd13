/** The entries of a log, the newest first, each of them proved to be in the tree. */

import { h } from "../page/element";
import { count } from "../page/format";
import { pill } from "../network/table";
import type { Terms } from "../pay/ledger";
import { type Readable, readable } from "./readable";
import type { Sight } from "./look";
import { TILE_WIDTH } from "./tiles";
import { isIncluded, leafHash } from "./tree";

/** Entries that are shown at a time. */
const SHOWN = 40;

export class EntryList {
  readonly element = h("div", {});
  private readonly list = h("ol", { class: "entries" });
  private readonly more = h("button", { type: "button", class: "button quiet", onclick: () => void this.showOlder() }, "Older entries");
  private readonly trouble = h("p", { class: "failed", role: "status" });
  private readonly proved = h("p", { class: "fine", role: "status" });
  /** Entries from here on are shown. */
  private start: number;
  private shown = 0;

  constructor(
    private readonly sight: Sight,
    private readonly terms: Terms,
    private readonly base: string,
  ) {
    this.start = sight.accepted.checkpoint.size;
    this.element.append(this.proved, this.list, this.trouble, this.more);
  }

  showLast(): Promise<void> {
    return this.showOlder();
  }

  private async showOlder(): Promise<void> {
    const end = this.start;
    this.start = Math.max(0, end - SHOWN);
    this.more.hidden = this.start === 0;
    try {
      for (let index = end - 1; index >= this.start; index--) this.list.append(await this.item(index));
      this.proved.textContent = this.shown === 0 ? "There is none yet." : `${count(this.shown, "entry", "entries")}, each proved to be in the tree.`;
    } catch (error) {
      this.trouble.textContent = `Not verified: ${(error as Error).message}.`;
    }
  }

  private async item(index: number): Promise<HTMLElement> {
    const { accepted, tiles } = this.sight;
    const tree = accepted.checkpoint;
    const entries = await tiles.entries(Math.floor(index / TILE_WIDTH), tree);
    const entry = entries[index % TILE_WIDTH] as Uint8Array;
    const path = await tiles.inclusion(index, tree.size);
    if (!isIncluded(leafHash(entry), index, tree, path)) throw new Error(`entry ${index} is not in the tree that the log has signed`);
    this.shown += 1;
    return row(index, await readable(entry, this.terms), path.length, this.base);
  }
}

function row(index: number, { kind, words }: Readable, hashes: number, base: string): HTMLElement {
  const proof = h("a", { href: `${base}proof/${index}`, download: `entry-${index}.tlog-proof` }, "proof");
  return h(
    "li",
    { value: index },
    h("span", { class: "place" }, `${index}`),
    pill(kind, kind === "settlement" ? "good" : "quiet"),
    h("p", {}, ...words),
    h("span", { class: "fine" }, h("span", { class: "tick", "aria-hidden": "true" }, "✓ "), `in the tree, by ${count(hashes, "hash", "hashes")} · `, proof),
  );
}
