/** Boxes of ISO media files (ISO/IEC 14496-12), read and written. */

export interface Box {
  readonly type: string;
  /** Its content, without the header. */
  readonly content: Uint8Array;
  /** All of it. */
  readonly whole: Uint8Array;
}

/** The header of a box: its type, and how long header and box are; undefined where `bytes` are too few or no header. */
export function headerIn(bytes: Uint8Array): { type: string; header: number; len: number } | undefined {
  if (bytes.length < 8) return undefined;
  const view = viewOf(bytes);
  const type = String.fromCharCode(...bytes.subarray(4, 8));
  const short = view.getUint32(0);
  if (short !== 1) return { type, header: 8, len: short };
  return bytes.length < 16 ? undefined : { type, header: 16, len: Number(view.getBigUint64(8)) };
}

/** The boxes that follow one another in `bytes`. */
export function boxesIn(bytes: Uint8Array): Box[] {
  const boxes: Box[] = [];
  for (let at = 0; at < bytes.length; ) {
    const found = headerIn(bytes.subarray(at));
    if (!found || found.len < found.header || at + found.len > bytes.length) throw new RangeError("a box does not fit");
    const whole = bytes.subarray(at, at + found.len);
    boxes.push({ type: found.type, content: whole.subarray(found.header), whole });
    at += found.len;
  }
  return boxes;
}

/** The first box that is reached by these types, one inside the other. */
export function find(bytes: Uint8Array, ...path: string[]): Box | undefined {
  const [type, ...rest] = path;
  const found = boxesIn(bytes).find((box) => box.type === type);
  return found && rest.length > 0 ? find(found.content, ...rest) : found;
}

/** The same where the file is useless without it. */
export function need(bytes: Uint8Array, ...path: string[]): Box {
  const found = find(bytes, ...path);
  if (!found) throw new RangeError(`there is no ${path.join("/")}`);
  return found;
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** A box of these parts. */
export function box(type: string, ...parts: Uint8Array[]): Uint8Array {
  return joined(u32(8 + parts.reduce((sum, { length }) => sum + length, 0)), Uint8Array.from(type, (letter) => letter.charCodeAt(0)), ...parts);
}

/** One with version and flags in front. */
export function fullBox(type: string, version: number, flags: number, ...parts: Uint8Array[]): Uint8Array {
  return box(type, u32(version * 2 ** 24 + flags), ...parts);
}

/** Whole numbers of 32 bits, one behind the other; negative ones as two's complement. */
export function u32(...numbers: number[]): Uint8Array {
  const bytes = new Uint8Array(4 * numbers.length);
  const view = viewOf(bytes);
  numbers.forEach((number, at) => view.setUint32(4 * at, number >>> 0));
  return bytes;
}

export function joined(...parts: Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
