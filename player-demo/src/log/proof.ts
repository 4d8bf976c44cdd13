/** Proofs that one can keep: an entry is in a log that witnesses have seen (C2SP tlog-proof). */

import { base64, whole } from "./base64";
import { NoteError, parseNote, type SignedNote } from "./note";
import { accept, type Accepted, type Policy } from "./policy";
import { isIncluded, leafHash } from "./tree";

const HEADING = "c2sp.org/tlog-proof@v1";
const PATH_LEN_MAX = 64;
const PROOF_LEN_MAX = 131_072;

/** What a `.tlog-proof` file says. Nothing of it is verified. */
export interface LogProof {
  readonly index: number;
  readonly path: readonly Uint8Array[];
  readonly checkpoint: SignedNote;
}

/** The proof in a file. Extra data is nothing that is trusted, and passed over. */
export function parseProof(file: string): LogProof {
  const split = file.indexOf("\n\n");
  const lines = file.slice(0, Math.max(split, 0)).split("\n");
  if (split < 0 || file.length > PROOF_LEN_MAX || lines.shift() !== HEADING) throw new NoteError("not a tlog-proof of version 1");
  if (lines[0]?.startsWith("extra ")) {
    if (!base64(lines.shift()?.slice(6) as string)) throw new NoteError("the extra data of the proof is not base64");
  }
  const index = /^index \S+$/.test(lines[0] ?? "") ? whole(lines.shift()?.slice(6) as string) : undefined;
  if (index === undefined) throw new NoteError("the proof has no index");
  const path = lines.map(base64).filter((hash) => hash?.length === 32) as Uint8Array[];
  if (path.length !== lines.length || path.length > PATH_LEN_MAX) throw new NoteError("the proof has lines that are no hashes, or too many");
  return { index, path, checkpoint: parseNote(file.slice(split + 2)) };
}

/** The checkpoint, when it counts and the entry is in the log. */
export function verifyProof({ index, path, checkpoint }: LogProof, entry: Uint8Array, policy: Policy): Accepted {
  const accepted = accept(policy, checkpoint);
  if (!isIncluded(leafHash(entry), index, accepted.checkpoint, path)) throw new NoteError(`the entry is not number ${index} of the log`);
  return accepted;
}
