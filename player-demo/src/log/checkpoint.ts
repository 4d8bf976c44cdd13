/** Checkpoints: the state of a log in three lines (C2SP tlog-checkpoint). */

import { base64, toBase64, whole } from "./base64";
import { isKeyName, NoteError } from "./note";

/** What a log says about itself: its name, how many entries it has, and the root over them. */
export interface Checkpoint {
  readonly origin: string;
  readonly size: number;
  readonly root: Uint8Array;
}

/** The checkpoint in the text of a note. Further lines are refused, since nobody could audit them. */
export function parseCheckpoint(text: string): Checkpoint {
  const lines = text.split("\n");
  const [origin = "", size = "", root = "", end] = lines;
  const checkpoint = { origin, size: whole(size), root: base64(root) };
  if (lines.length !== 4 || end !== "" || !isKeyName(origin) || checkpoint.size === undefined || checkpoint.root?.length !== 32)
    throw new NoteError("a checkpoint is three lines: origin, size and root");
  return checkpoint as Checkpoint;
}

/** Its text, as it is signed. */
export function checkpointText({ origin, size, root }: Checkpoint): string {
  return `${origin}\n${size}\n${toBase64(root)}\n`;
}
