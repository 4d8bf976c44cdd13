/** Where a file waits on its way to the reader or to a gateway. */

import type { Target } from "./messages";
import { clearPrivate, createPrivate } from "./private-files";

/** How long the browser has to take a file of ours over once it was handed to it: so long, and so long for its length. */
const TAKEN_WITHIN_MS = 30_000;
const TAKEN_BYTES_PER_MS = 8000;

export interface Waystation {
  readonly target: Exclude<Target, { kind: "picked" }>;
  /** Nothing is wanted of it any more. */
  remove(): void;
}

/** A place on disk, or in the browser's memory where the page has none there. */
export async function openWaystation(): Promise<Waystation> {
  if (!(await clearPrivate())) return { target: "memory", remove: () => {} };
  const file = await createPrivate();
  return { target: { kind: "own", handle: file.handle }, remove: () => void file.remove() };
}

/** How long a file of this length may take to be saved. */
export function takenWithin(length: number): number {
  return TAKEN_WITHIN_MS + length / TAKEN_BYTES_PER_MS;
}
