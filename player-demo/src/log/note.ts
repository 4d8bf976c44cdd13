/** Signed notes and the keys that verify them (C2SP signed-note, tlog-cosignature). */

import { sha256 } from "@noble/hashes/sha2.js";

import { hex } from "../page/format";
import { equal } from "../trust/cbor";
import { isPublicKey, verifyStrictly } from "../trust/signature";
import { base64 } from "./base64";

const NOTE_LEN_MAX = 65_536;
const SIGNATURES_MAX = 64;
const NAME_LEN_MAX = 255;
const ID_LEN = 4;
const TIME_LEN = 8;

export class NoteError extends Error {}

/** Ed25519 over the text, or over a time and the text of a checkpoint. */
export type KeyKind = "plain" | "cosignature";
const KINDS: Record<number, KeyKind> = { 1: "plain", 4: "cosignature" };

/** A key that verifies notes, under a name. */
export interface VerifierKey {
  readonly name: string;
  readonly kind: KeyKind;
  readonly key: Uint8Array;
  readonly id: Uint8Array;
  /** As it is written. */
  readonly text: string;
}

interface NoteSignature {
  readonly name: string;
  readonly id: Uint8Array;
  readonly bytes: Uint8Array;
}

/** A text with signatures, of which nothing is verified but the form. */
export interface SignedNote {
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

/** The note that `whole` writes. */
export function parseNote(whole: string): SignedNote {
  const split = whole.lastIndexOf("\n\n");
  if (new TextEncoder().encode(whole).length > NOTE_LEN_MAX) throw new NoteError(`a note has at most ${NOTE_LEN_MAX} bytes`);
  if (split < 0 || !whole.endsWith("\n")) throw new NoteError("a note is a text, an empty line and signatures");
  const text = whole.slice(0, split + 1);
  if (/[\u0000-\u0009\u000b-\u001f]/.test(text)) throw new NoteError("a note has no control characters but line feeds");
  const lines = whole.slice(split + 2, -1).split("\n");
  if (lines.length > SIGNATURES_MAX) throw new NoteError(`a note has at most ${SIGNATURES_MAX} signatures`);
  return { text, signatures: lines.map(parseSignature) };
}

function parseSignature(line: string): NoteSignature {
  const [, name = "", rest = ""] = /^— ([^ ]+) ([^ ]+)$/.exec(line) ?? [];
  const bytes = base64(rest);
  if (!isKeyName(name) || !bytes || bytes.length <= ID_LEN) throw new NoteError("a signature is no line of a note");
  return { name, id: bytes.slice(0, ID_LEN), bytes: bytes.slice(ID_LEN) };
}

/** Not empty, without spaces, plus signs and control characters. */
export function isKeyName(name: string): boolean {
  return name !== "" && new TextEncoder().encode(name).length <= NAME_LEN_MAX && !/[\s\u0000-\u001f\u007f-\u009f\u0085+]/u.test(name);
}

/** The key that is written as `name+id+key`; undefined where it is none. */
export function parseKey(text: string): VerifierKey | undefined {
  const [, name = "", id, rest = ""] = /^([^+]*)\+([0-9a-f]{8})\+(.*)$/.exec(text) ?? [];
  const [number = 0, ...key] = base64(rest) ?? [];
  const kind = KINDS[number];
  const bytes = new Uint8Array(key);
  if (!isKeyName(name) || !kind || !isPublicKey(bytes)) return undefined;
  const found = keyId(name, number, bytes);
  return hex(found) === id ? { name, kind, key: bytes, id: found, text } : undefined;
}

function keyId(name: string, number: number, key: Uint8Array): Uint8Array {
  return sha256(new Uint8Array([...new TextEncoder().encode(`${name}\n`), number, ...key])).slice(0, ID_LEN);
}

/**
 * Whether the key has signed: seconds since 1970 as a cosigner says, 0 for a plain signature, undefined when it has not.
 *
 * A signature that names the key and does not verify is an error.
 */
export function signedBy(note: SignedNote, key: VerifierKey): number | undefined {
  let signed: number | undefined;
  for (const { name, id, bytes } of note.signatures) {
    if (name !== key.name || !equal(id, key.id)) continue;
    signed = timeOf(note.text, key, bytes);
    if (signed === undefined) throw new NoteError(`a signature by ${name} does not verify`);
  }
  return signed;
}

function timeOf(text: string, { kind, key }: VerifierKey, bytes: Uint8Array): number | undefined {
  const head = kind === "plain" ? 0 : TIME_LEN;
  if (bytes.length !== head + 64) return undefined;
  const time = kind === "plain" ? 0n : new DataView(bytes.buffer, bytes.byteOffset, TIME_LEN).getBigUint64(0);
  const message = kind === "plain" ? text : `cosignature/v1\ntime ${time}\n${text}`;
  return verifyStrictly(bytes.subarray(head), new TextEncoder().encode(message), key) ? Number(time) : undefined;
}
