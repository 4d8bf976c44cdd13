/** A look at a log: is what it shows signed, witnessed, and what this browser has seen before with something added? */

import { equal } from "../trust/cbor";
import type { Fetch } from "../trust/read";
import { read } from "../trust/read";
import { parseNote } from "./note";
import { accept, type Accepted, parsePolicy, type Policy } from "./policy";
import type { Seen } from "./seen";
import { type LogError, Tiles } from "./tiles";
import { isConsistent, type Tree } from "./tree";

const CHECKPOINT_LEN_MAX = 65_536;

/** What was seen. */
export interface Sight {
  readonly accepted: Accepted;
  readonly tiles: Tiles;
  /** What was seen before; undefined at the first look. */
  readonly before: Tree | undefined;
  /** Why the quorum of the policy is not met; undefined where it is. */
  readonly lacking: string | undefined;
}

/** The log has shown this browser another history than before: it lies to somebody. */
export class ForkError extends Error {
  constructor(
    readonly before: Tree,
    readonly shown: Tree | undefined,
    reason: string,
  ) {
    super(reason);
  }
}

/** Looks at the log below `base`, which ends in a slash, and whose key is `key`. */
export async function lookAt(base: string, key: string, policy: Policy, seen: Seen | undefined, fetch?: Fetch): Promise<Sight> {
  if (seen && seen.key !== key) throw new ForkError(seen.tree, undefined, `the log has another key than before: ${key} instead of ${seen.key}`);
  const options = { fetch: fetch ?? ((...call) => globalThis.fetch(...call)) };
  const { bytes } = await read(`${base}checkpoint`, CHECKPOINT_LEN_MAX, options as { fetch: Fetch });
  const note = parseNote(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  // Whether the log has signed it comes first: without enough witnesses it is shown, and called what it is.
  const signed = accept({ ...policy, quorum: () => true }, note);
  const lacking = reasonOf(() => accept(policy, note));
  const tiles = new Tiles(base, fetch);
  const tree = signed.checkpoint;
  if (seen) await compare(seen.tree, tree, tiles);
  if (!equal(await tiles.root(tree.size), tree.root)) throw new Error("the files of the log are not what its checkpoint says");
  return { accepted: signed, tiles, before: seen?.tree, lacking };
}

/** The policy that names this log and nobody besides. */
export function policyOf(key: string): Policy {
  return parsePolicy(`log ${key}\nquorum none\n`);
}

async function compare(before: Tree, tree: Tree, tiles: Tiles): Promise<void> {
  if (tree.size < before.size)
    throw new ForkError(before, tree, `the log had ${before.size} entries when it was last looked at, and shows ${tree.size}`);
  const proof = await tiles.consistency(before.size, tree.size);
  if (!isConsistent(before, tree, proof))
    throw new ForkError(before, tree, `the ${before.size} entries that were seen before are not the beginning of the ${tree.size} that are shown`);
}

function reasonOf(work: () => unknown): string | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    return (error as LogError).message;
  }
}
