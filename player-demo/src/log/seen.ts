/** What this browser has seen of a log. */

import { get, update } from "../page/store";
import type { Tree } from "./tree";

/** Looks that are remembered. */
const LOOKS_MAX = 500;

/** A look at a log: milliseconds since 1970, and how large it was. */
export interface Look {
  readonly at: number;
  readonly size: number;
}

/** The largest tree of a log that has been verified, under the key that signed it. */
export interface Seen {
  /** The log's key, as `name+id+key`. */
  readonly key: string;
  readonly tree: Tree;
  readonly looks: readonly Look[];
}

/** What is remembered of the log at `url`. */
export function recall(url: string): Promise<Seen | undefined> {
  return get<Seen>("logs", url);
}

/** Remembers a tree that was verified against what is remembered; another look may have come before, and a larger tree stays. */
export async function remember(url: string, key: string, tree: Tree): Promise<void> {
  await update<Seen>("logs", url, (seen) => {
    const looks = [...(seen?.looks ?? []), { at: Date.now(), size: tree.size }].slice(-LOOKS_MAX);
    return { key, tree: seen && seen.tree.size > tree.size ? seen.tree : tree, looks };
  });
}

/** Forgets the log, as somebody does who has been told that it begins anew. */
export async function forget(url: string): Promise<void> {
  await update<Seen>("logs", url, () => undefined);
}
