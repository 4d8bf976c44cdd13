/** Tiles: a log as files that never change (C2SP tlog-tiles). */

import { equal } from "../trust/cbor";
import { type Fetch, read } from "../trust/read";
import { besideLeaf, besideTree, leafHash, nodeHash, rootOf, type Subtree, subtreesOf, type Tree } from "./tree";

/** Hashes in a whole tile, and entries in a whole bundle. */
export const TILE_WIDTH = 256;
/** Levels of the tree in one level of tiles. */
const TILE_HEIGHT = 8;
const HASH_LEN = 32;
const ENTRY_LEN_MAX = 65_535;
/** Tiles that are remembered; they never change. */
const TILES_MAX = 64;

export class LogError extends Error {}

/** The files of one log, below an address that ends in a slash. */
export class Tiles {
  private readonly known = new Map<string, Promise<Uint8Array>>();

  constructor(
    private readonly base: string,
    private readonly fetch: Fetch = (...call) => globalThis.fetch(...call),
  ) {}

  /** The hashes from which it follows that entry `index` is in a tree of `size` entries. */
  inclusion(index: number, size: number): Promise<Uint8Array[]> {
    return Promise.all(besideLeaf(index, size).map((range) => this.hashOf(range, size)));
  }

  /** The hashes from which it follows that the tree of `old` entries is the beginning of the one of `size`. */
  consistency(old: number, size: number): Promise<Uint8Array[]> {
    return Promise.all(besideTree(old, size).map((range) => this.hashOf(range, size)));
  }

  /** The root of the tree of `size` entries, by what the tiles say. */
  root(size: number): Promise<Uint8Array> {
    return size === 0 ? Promise.resolve(rootOf([])) : this.hashOf([0, size], size);
  }

  /** The entries of bundle `number`; each is the leaf that the tile says. Whether that is in the tree is another question. */
  async entries(number: number, { size }: Tree): Promise<Uint8Array[]> {
    const width = Math.min(TILE_WIDTH, size - number * TILE_WIDTH);
    const bytes = await this.file(`tile/entries/${pathOf(number, width)}`, width * (ENTRY_LEN_MAX + 2));
    const entries = splitBundle(bytes);
    if (entries.length !== width) throw new LogError(`bundle ${number} has ${entries.length} entries instead of ${width}`);
    const hashes = hashesOf(await this.tile(0, number, width));
    for (const [at, entry] of entries.entries())
      if (!equal(leafHash(entry), hashes[at] as Uint8Array)) throw new LogError(`entry ${number * TILE_WIDTH + at} is not what the log has committed to`);
    return entries;
  }

  private async hashOf([start, end]: [number, number], size: number): Promise<Uint8Array> {
    const hashes = await Promise.all(subtreesOf(start, end).map((subtree) => this.subtree(subtree, size)));
    return hashes.reduceRight((right, left) => nodeHash(left, right));
  }

  private async subtree({ level, number }: Subtree, size: number): Promise<Uint8Array> {
    const [high, low] = [Math.floor(level / TILE_HEIGHT), level % TILE_HEIGHT];
    const first = number * 2 ** low;
    const tile = Math.floor(first / TILE_WIDTH);
    const width = Math.min(TILE_WIDTH, Math.floor(size / TILE_WIDTH ** high) - tile * TILE_WIDTH);
    const hashes = hashesOf(await this.tile(high, tile, width));
    return rootOf(hashes.slice(first - tile * TILE_WIDTH, first - tile * TILE_WIDTH + 2 ** low));
  }

  private async tile(level: number, number: number, width: number): Promise<Uint8Array> {
    const bytes = await this.file(`tile/${level}/${pathOf(number, width)}`, width * HASH_LEN);
    if (bytes.length !== width * HASH_LEN) throw new LogError(`tile ${number} of level ${level} has ${bytes.length} bytes`);
    return bytes;
  }

  private file(path: string, most: number): Promise<Uint8Array> {
    const known = this.known.get(path);
    if (known) return known;
    const file = read(this.base + path, most, { fetch: this.fetch }).then(({ bytes }) => new Uint8Array(bytes));
    file.catch(() => this.known.delete(path));
    if (this.known.size >= TILES_MAX) this.known.delete(this.known.keys().next().value as string);
    this.known.set(path, file);
    return file;
  }
}

/** `x001/x234/067`, and `.p/8` behind it where the tile is not whole. */
export function pathOf(number: number, width: number): string {
  const digits = String(number);
  const groups = digits.padStart(Math.ceil(digits.length / 3) * 3, "0").match(/.{3}/g) as string[];
  const path = groups.map((group, at) => (at < groups.length - 1 ? `x${group}` : group)).join("/");
  return width < TILE_WIDTH ? `${path}.p/${width}` : path;
}

/** Entries, each behind its length in two bytes. */
export function splitBundle(bytes: Uint8Array): Uint8Array[] {
  const entries: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const [high, low] = [bytes[at], bytes[at + 1]];
    if (high === undefined || low === undefined) throw new LogError("a bundle of entries is cut off");
    const end = at + 2 + high * 256 + low;
    if (end > bytes.length) throw new LogError("a bundle of entries is cut off");
    entries.push(bytes.slice(at + 2, end));
    at = end;
  }
  return entries;
}

function hashesOf(bytes: Uint8Array): Uint8Array[] {
  return Array.from({ length: bytes.length / HASH_LEN }, (_, at) => bytes.subarray(at * HASH_LEN, (at + 1) * HASH_LEN));
}
