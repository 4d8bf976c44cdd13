/** Sealed objects and their frames for tests, as a gateway with honest nodes would send them. */

import { type Blake3, GROUP_LEN } from "../blake3/kernel";
import { TreeHasher } from "../blake3/tree";
import { encodeCanonical, type Value } from "../trust/cbor";
import { cidOfHash } from "../trust/cid";
import { sealCell } from "./cells";
import type { SharedFile } from "./contents";
import { BATCH_ROWS } from "./frames";
import { codingOf, Geometry, padme } from "./geometry";
import { objectKeys } from "./keys";
import { sealHeader } from "./manifest";

/** Where sealed cells are kept, in their order. */
export interface Store {
  write(at: number, bytes: Uint8Array): void;
  read(at: number, length: number): Uint8Array;
}

export class MemoryStore implements Store {
  private bytes = new Uint8Array();

  write(at: number, bytes: Uint8Array): void {
    if (at + bytes.length > this.bytes.length) {
      const grown = new Uint8Array(2 * (at + bytes.length));
      grown.set(this.bytes);
      this.bytes = grown;
    }
    this.bytes.set(bytes, at);
  }

  read(at: number, length: number): Uint8Array {
    return this.bytes.slice(at, at + length);
  }
}

export interface Plain {
  readonly name: string;
  readonly type?: string;
  readonly len: number;
  /** Bytes from `from` to `to`. */
  read(from: number, to: number): Uint8Array;
}

/** A file whose bytes are these. */
export function plainOf(name: string, bytes: Uint8Array, type?: string): Plain {
  return { name, len: bytes.length, read: (from, to) => bytes.subarray(from, to), ...(type && { type }) };
}

// The base point of the curve: a key that anybody may name.
const CONTROL = Uint8Array.from([0x58, ...Array.from({ length: 31 }, () => 0x66)]);

export class Encoded {
  private constructor(
    private readonly blake3: Blake3,
    readonly geometry: Geometry,
    private readonly store: Store,
    private readonly values: readonly Uint8Array[][],
    readonly manifest: Uint8Array,
    readonly file: SharedFile,
  ) {}

  static make(blake3: Blake3, plain: Plain, store: Store, { k = 4, m = 2 } = {}): Encoded {
    const geometry = new Geometry(codingOf(padme(plain.len), k, m));
    const { coding, plainLen, cellLen } = geometry;
    const [key, salt, seed] = [0, 1, 2].map(() => crypto.getRandomValues(new Uint8Array(32))) as [Uint8Array, Uint8Array, Uint8Array];
    const keys = objectKeys(key, salt, coding.cell);
    for (let cell = 0; cell < coding.cells; cell++) {
      const part = plain.read(cell * plainLen, Math.min(plain.len, (cell + 1) * plainLen));
      store.write(cell * cellLen, sealCell(keys.cell, geometry, cell, part));
    }
    const header = sealHeader({ len: plain.len, name: plain.name, type: plain.type }, keys);
    return Encoded.adopt(blake3, geometry, store, { salt, seed, control: CONTROL, commit: keys.commitment, header }, { key, len: plain.len, name: plain.name, type: plain.type });
  }

  /** An object of cells that were sealed elsewhere. */
  static adopt(blake3: Blake3, geometry: Geometry, store: Store, fields: Record<string, Uint8Array>, file: Omit<SharedFile, "object">): Encoded {
    const { coding, cellLen } = geometry;
    const values: Uint8Array[][] = Array.from({ length: geometry.shards }, () => []);
    const hashers = values.map(() => new TreeHasher(blake3));
    for (let cell = 0; cell < coding.cells; cell++) {
      const sealed = store.read(cell * cellLen, cellLen);
      const { segment, row } = geometry.stripeOf(cell);
      const shard = geometry.shardOf(segment, cell % coding.k);
      hashers[shard]?.push(sealed);
      values[shard]?.push(blake3.group(sealed, row, geometry.rowsOf(segment, cell % coding.k) === 1));
    }
    const roots = new Uint8Array(hashers.flatMap((hasher) => [...hasher.finish()]));
    const all: Record<string, Value> = { v: 1, suite: 1, ...coding, ...fields, roots };
    const manifest = encodeCanonical(new Map(Object.entries(all)));
    return new Encoded(blake3, geometry, store, values, manifest, { ...file, object: cidOfHash(hashOf(blake3, manifest)) });
  }

  /** The frames of cells `from` to `to`, batch by batch. */
  *frames(from: number, to: number): Generator<Uint8Array> {
    const { k } = this.geometry.coding;
    for (let at = from; at < to; ) {
      const { segment, row } = this.geometry.stripeOf(at);
      const rowsEnd = Math.min(this.geometry.rowsPerSegment, (Math.floor(row / BATCH_ROWS) + 1) * BATCH_ROWS);
      const end = Math.min(to, this.geometry.cellAt(segment, 0, rowsEnd));
      for (let column = 0; column < this.geometry.dataColumns(segment); column++) {
        const begin = this.geometry.cellAt(segment, column, 0);
        const [low, high] = [at, end].map((cell) => Math.max(0, Math.ceil((cell - begin) / k))) as [number, number];
        if (low < high) yield frame(0, column, segment, low, high - low, this.slice(segment, column, low, high));
      }
      at = end;
    }
  }

  /** The sealed cells of rows of a column. */
  sealed(segment: number, column: number, low: number, high: number): Uint8Array {
    const { cellLen } = this.geometry;
    const cells = Array.from({ length: high - low }, (_, at) => this.store.read(this.geometry.cellAt(segment, column, low + at) * cellLen, cellLen));
    return joined(cells);
  }

  private slice(segment: number, column: number, low: number, high: number): Uint8Array {
    const values = this.values[this.geometry.shardOf(segment, column)] as Uint8Array[];
    const parts: Uint8Array[] = [];
    const value = (from: number, to: number): Uint8Array => {
      if (to - from === 1) return values[from] as Uint8Array;
      const middle = middleOf(from, to);
      return this.blake3.parent(value(from, middle), value(middle, to), false);
    };
    const walk = (from: number, to: number): void => {
      if (to <= low || from >= high) return;
      if (to - from === 1) return void parts.push(this.sealed(segment, column, from, to));
      const middle = middleOf(from, to);
      parts.push(this.known(values, from, middle, value), this.known(values, middle, to, value));
      walk(from, middle);
      walk(middle, to);
    };
    walk(0, values.length);
    return joined(parts);
  }

  private readonly inner = new Map<Uint8Array[], Map<number, Uint8Array>>();

  /** The value of a node, computed once: films are asked for batch by batch. */
  private known(values: Uint8Array[], from: number, to: number, value: (from: number, to: number) => Uint8Array): Uint8Array {
    let nodes = this.inner.get(values);
    if (!nodes) this.inner.set(values, (nodes = new Map()));
    const name = from * 2 ** 20 + to;
    let known = nodes.get(name);
    if (!known) nodes.set(name, (known = value(from, to)));
    return known;
  }
}

/** One frame with its header. */
export function frame(kind: number, column: number, segment: number, row: number, rows: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(20 + payload.length);
  const view = new DataView(bytes.buffer);
  bytes.set([kind, column]);
  [segment, row, rows, payload.length].forEach((value, at) => view.setUint32(4 + 4 * at, value, true));
  bytes.set(payload, 20);
  return bytes;
}

export function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function middleOf(from: number, to: number): number {
  return from + 2 ** Math.floor(Math.log2(to - from - 1));
}

function hashOf(blake3: Blake3, bytes: Uint8Array): Uint8Array {
  const hasher = new TreeHasher(blake3);
  for (let at = 0; at === 0 || at < bytes.length; at += GROUP_LEN) hasher.push(bytes.subarray(at, at + GROUP_LEN));
  return hasher.finish();
}
