/** The names by which browsers know codecs (RFC 6381), from the entry of a sample description. */

import { boxesIn, viewOf } from "./boxes";

/** Bytes of an entry before its boxes. */
const VISUAL_LEN = 78;
const SOUND_LEN = 28;
const TAG_DECODER = 4;
const TAG_SPECIFIC = 5;
const MPEG4_AUDIO = 0x40;

/** The name of the codec; undefined where it is one that is not known here. */
export function codecOf(type: string, entry: Uint8Array): string | undefined {
  const inside = (length: number, wanted: string) => boxesIn(entry.subarray(length)).find((box) => box.type === wanted)?.content;
  switch (type) {
    case "avc1":
    case "avc3":
      return named(inside(VISUAL_LEN, "avcC"), (bytes) => `${type}.${hexOf(bytes.subarray(1, 4))}`);
    case "hvc1":
    case "hev1":
      return named(inside(VISUAL_LEN, "hvcC"), (bytes) => `${type}.${hevc(bytes)}`);
    case "av01":
      return named(inside(VISUAL_LEN, "av1C"), (bytes) => `av01.${av1(bytes)}`);
    case "vp09":
      return named(inside(VISUAL_LEN, "vpcC"), (bytes) => `vp09.${[bytes[4], bytes[5], (bytes[6] ?? 0) >> 4].map(two).join(".")}`);
    case "mp4a":
      return named(inside(SOUND_LEN, "esds"), mpeg4);
    case "Opus":
      return "opus";
    case "fLaC":
      return "flac";
    default:
      return undefined;
  }
}

function named(bytes: Uint8Array | undefined, name: (bytes: Uint8Array) => string | undefined): string | undefined {
  return bytes && name(bytes);
}

/** Profile, compatibility, tier with level, constraints (ISO/IEC 14496-15, annex E). */
function hevc(bytes: Uint8Array): string {
  const view = viewOf(bytes);
  const first = view.getUint8(1);
  const space = ["", "A", "B", "C"][first >> 6];
  let compatible = 0;
  for (let bit = 0; bit < 32; bit++) if (view.getUint32(2) & (1 << bit)) compatible += 2 ** (31 - bit);
  const constraints = [...bytes.subarray(6, 12)];
  while (constraints.length > 1 && constraints.at(-1) === 0) constraints.pop();
  const tier = first & 0x20 ? "H" : "L";
  return [`${space}${first & 0x1f}`, compatible.toString(16), `${tier}${view.getUint8(12)}`, ...constraints.map((byte) => byte.toString(16).toUpperCase())].join(".");
}

/** Profile, level with tier, bits of a sample. */
function av1(bytes: Uint8Array): string {
  const [profile, flags] = [viewOf(bytes).getUint8(1), viewOf(bytes).getUint8(2)];
  const depth = flags & 0x40 ? (flags & 0x20 ? 12 : 10) : 8;
  return `${profile >> 5}.${two(profile & 31)}${flags & 0x80 ? "H" : "M"}.${two(depth)}`;
}

/** The object type, and of MPEG-4 audio the kind of it: descriptors in each other (ISO/IEC 14496-1). */
function mpeg4(esds: Uint8Array): string | undefined {
  const view = viewOf(esds);
  // Version and flags, then the descriptor of the stream: its tag, its length, an id of two bytes, flags.
  const stream = contentAt(view, 4);
  const decoder = contentAt(view, stream + 3);
  if (view.getUint8(stream + 3) !== TAG_DECODER) return undefined;
  const object = view.getUint8(decoder);
  if (object !== MPEG4_AUDIO) return `mp4a.${object.toString(16).padStart(2, "0")}`;
  const specific = decoder + 13;
  if (view.getUint8(specific) !== TAG_SPECIFIC) return undefined;
  const kind = view.getUint16(contentAt(view, specific));
  return `mp4a.40.${kind >> 11 === 31 ? 32 + ((kind >> 5) & 63) : kind >> 11}`;
}

/** Where the content of a descriptor begins: its length has one to four bytes. */
function contentAt(view: DataView, descriptor: number): number {
  let at = descriptor + 1;
  while (view.getUint8(at) & 0x80) at += 1;
  return at + 1;
}

function hexOf(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function two(number: number | undefined): string {
  return String(number ?? 0).padStart(2, "0");
}
