/** The Merkle tree of RFC 6962: hashes, and proofs that an entry is in a tree and that a tree is the beginning of another one. */

import { sha256 } from "@noble/hashes/sha2.js";

import { equal } from "../trust/cbor";

/** A whole subtree: the leaves from `number · 2^level` on, `2^level` of them. Logs keep their hashes. */
export interface Subtree {
  readonly level: number;
  readonly number: number;
}

/** A tree by its size and root. */
export interface Tree {
  readonly size: number;
  readonly root: Uint8Array;
}

export function leafHash(entry: Uint8Array): Uint8Array {
  return sha256(new Uint8Array([0, ...entry]));
}

export function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(65);
  bytes[0] = 1;
  bytes.set(left, 1);
  bytes.set(right, 33);
  return sha256(bytes);
}

/** The root over these hashes of leaves, or of subtrees of one height of which only the last may be smaller. */
export function rootOf(hashes: readonly Uint8Array[]): Uint8Array {
  if (hashes.length === 0) return sha256(new Uint8Array());
  let level = [...hashes];
  while (level.length > 1) {
    const above: Uint8Array[] = [];
    for (let at = 0; at < level.length; at += 2) {
      const [left, right] = [level[at] as Uint8Array, level[at + 1]];
      above.push(right ? nodeHash(left, right) : left);
    }
    level = above;
  }
  return level[0] as Uint8Array;
}

/** Whole subtrees that make up the leaves from `start` to `end`, from the left; `start` is a multiple of the largest. */
export function subtreesOf(start: number, end: number): Subtree[] {
  const subtrees: Subtree[] = [];
  for (let at = start; at < end; ) {
    let level = 0;
    while (at % 2 ** (level + 1) === 0 && at + 2 ** (level + 1) <= end) level += 1;
    subtrees.push({ level, number: at / 2 ** level });
    at += 2 ** level;
  }
  return subtrees;
}

/** The ranges of leaves beside the path from a leaf to the root of a tree of `size` leaves, the lowest first. */
export function besideLeaf(index: number, size: number): [number, number][] {
  if (index >= size) throw new Error(`leaf ${index} of a tree of ${size}`);
  return beside(size, (start, end) => end - start > 1, (middle) => index < middle);
}

/** The ranges from which the roots of the trees of `old` and of `size` leaves follow. */
export function besideTree(old: number, size: number): [number, number][] {
  if (old > size) throw new Error(`a tree of ${old} leaves does not grow to ${size}`);
  if (old === 0 || old === size) return [];
  let path: [number, number] = [0, size];
  const ranges = beside(size, (start, end) => ((path = [start, end]), end !== old), (middle) => old <= middle);
  return path[0] > 0 ? [path, ...ranges] : ranges;
}

function beside(size: number, goesOn: (start: number, end: number) => boolean, isLeft: (middle: number) => boolean): [number, number][] {
  let [start, end] = [0, size];
  const ranges: [number, number][] = [];
  while (goesOn(start, end)) {
    const middle = start + leftOf(end - start);
    ranges.unshift(isLeft(middle) ? [middle, end] : [start, middle]);
    if (isLeft(middle)) end = middle;
    else start = middle;
  }
  return ranges;
}

/** The largest power of two below `size`. */
function leftOf(size: number): number {
  return 2 ** Math.ceil(Math.log2(size) - 1);
}

/** Whether the leaf is at this place of the tree. */
export function isIncluded(leaf: Uint8Array, index: number, tree: Tree, proof: readonly Uint8Array[]): boolean {
  if (index >= tree.size) return false;
  let place = { index, last: tree.size - 1 };
  let hash = leaf;
  for (const other of proof) {
    if (place.last === 0) return false;
    hash = isRight(place) ? nodeHash(other, hash) : nodeHash(hash, other);
    place = above(place);
  }
  return place.last === 0 && equal(hash, tree.root);
}

/** Whether `old` is the beginning of `tree`. */
export function isConsistent(old: Tree, tree: Tree, proof: readonly Uint8Array[]): boolean {
  if (old.size === 0 || old.size >= tree.size) {
    const isSame = old.size === tree.size && equal(old.root, tree.root);
    return proof.length === 0 && (isSame || (old.size === 0 && tree.size > 0 && equal(old.root, rootOf([]))));
  }
  let place = { index: old.size - 1, last: tree.size - 1 };
  while (place.index % 2 === 1) place = halved(place);
  const isWhole = Number.isInteger(Math.log2(old.size));
  // A whole subtree is its own beginning; its root need not be sent.
  const [first, ...rest] = isWhole ? [old.root, ...proof] : proof;
  if (!first) return false;
  let [oldHash, hash] = [first, first];
  for (const other of rest) {
    if (place.last === 0) return false;
    if (isRight(place)) [oldHash, hash] = [nodeHash(other, oldHash), nodeHash(other, hash)];
    else hash = nodeHash(hash, other);
    place = above(place);
  }
  return place.last === 0 && equal(oldHash, old.root) && equal(hash, tree.root);
}

/** Where on a level of a tree one is, and where the level ends. */
interface Place {
  readonly index: number;
  readonly last: number;
}

/** Whether something stands to the left of it and belongs to the same node. */
function isRight({ index, last }: Place): boolean {
  return index % 2 === 1 || index === last;
}

/** The place on the level of the next node. What ends a level may be alone on it, and is itself on the next ones until it is not. */
function above(place: Place): Place {
  let next = place;
  if (isRight(place)) while (next.index % 2 === 0 && next.index !== 0) next = halved(next);
  return halved(next);
}

function halved({ index, last }: Place): Place {
  return { index: Math.floor(index / 2), last: Math.floor(last / 2) };
}
