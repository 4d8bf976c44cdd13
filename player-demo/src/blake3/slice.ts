/** Slices: whole groups of a shard with the way from its root down to them (spec section 5). */

import { equal } from "../trust/cbor";
import { type Blake3, GROUP_LEN, HASH_LEN } from "./kernel";

export class SliceError extends Error {}

/** Groups `first` to `first + count` of a shard of `len` bytes. */
export interface Asked {
  readonly root: Uint8Array;
  readonly len: number;
  readonly first: number;
  readonly count: number;
}

/** The bytes of the groups that were asked for, once every one of them is proven; of anything else nothing. */
export function openSlice(blake3: Blake3, slice: Uint8Array, asked: Asked): Uint8Array {
  const groups = Math.ceil(asked.len / GROUP_LEN);
  const end = asked.first + asked.count;
  if (asked.count < 1 || end > groups) throw new SliceError(`groups ${asked.first} to ${end} of ${groups} were asked for`);
  const from = asked.first * GROUP_LEN;
  const out = new Uint8Array(Math.min(asked.len, end * GROUP_LEN) - from);
  let at = 0;
  const take = (length: number) => {
    if (at + length > slice.length) throw new SliceError(`the slice ends after ${slice.length} bytes`);
    at += length;
    return slice.subarray(at - length, at);
  };
  const walk = (low: number, high: number, expected: Uint8Array, isRoot: boolean): void => {
    if (high <= asked.first || low >= end) return;
    if (high - low === 1) {
      const bytes = take(Math.min(GROUP_LEN, asked.len - low * GROUP_LEN));
      if (!equal(blake3.group(bytes, low, isRoot), expected)) throw new SliceError(`group ${low} is not what the root says`);
      out.set(bytes, low * GROUP_LEN - from);
      return;
    }
    const pair = take(2 * HASH_LEN);
    const [left, right] = [pair.subarray(0, HASH_LEN), pair.subarray(HASH_LEN)];
    if (!equal(blake3.parent(left, right, isRoot), expected)) throw new SliceError(`the node over groups ${low} to ${high} is not what the root says`);
    const middle = low + 2 ** Math.floor(Math.log2(high - low - 1));
    walk(low, middle, left, false);
    walk(middle, high, right, false);
  };
  walk(0, groups, asked.root, true);
  if (at !== slice.length) throw new SliceError(`${slice.length - at} bytes follow the slice`);
  return out;
}
