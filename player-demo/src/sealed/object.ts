/** One object, read from a gateway that is not believed: every cell is proven, opened, and at its place. */

import { type Blake3, HASH_LEN } from "../blake3/kernel";
import { openSlice, SliceError } from "../blake3/slice";
import { TreeHasher } from "../blake3/tree";
import { CborError, equal } from "../trust/cbor";
import { openCell } from "./cells";
import type { SharedFile } from "./contents";
import { BATCH_ROWS, type Frame, FrameError, readFrames } from "./frames";
import type { Geometry } from "./geometry";
import { GeometryError } from "./geometry";
import { type ObjectKeys, objectKeys } from "./keys";
import { decodeManifest, type Header, type Manifest, openHeader, rootOf } from "./manifest";

/** The gateway sent something else than what was shared. */
export class NotBelieved extends Error {}

/** Fetches the frames of cells `from` to `to`. */
export type FetchCells = (from: number, to: number) => Promise<ReadableStream<Uint8Array>>;

/** Plaintext that follows what was given before; `rebuilt` of its cells the gateway had to rebuild. */
export interface Piece {
  readonly bytes: Uint8Array;
  readonly rebuilt: number;
}

export class SealedObject {
  private constructor(
    private readonly blake3: Blake3,
    private readonly manifest: Manifest,
    private readonly keys: ObjectKeys,
    readonly header: Header,
  ) {}

  /** The object behind `file`, when `manifest` is its manifest and made with its key. */
  static open(blake3: Blake3, file: SharedFile, manifest: Uint8Array): SealedObject {
    const hash = hashOf(blake3, manifest);
    if (!equal(hash, file.object.hash)) throw new NotBelieved("the manifest is another object's");
    try {
      const decoded = decodeManifest(manifest);
      const keys = objectKeys(file.key, decoded.salt, decoded.geometry.coding.cell);
      if (!equalInConstantTime(keys.commitment, decoded.commit)) throw new NotBelieved("the object was sealed with another key");
      const header = openHeader(decoded, keys);
      if (header.len !== file.len) throw new NotBelieved(`the object has ${header.len} bytes; ${file.len} were shared`);
      return new SealedObject(blake3, decoded, keys, header);
    } catch (error) {
      const isMalformed = error instanceof CborError || error instanceof GeometryError;
      throw isMalformed ? new NotBelieved(error.message) : error;
    }
  }

  /** Bytes `from` to `to`, in order; nothing else comes out, and all of it or an error. */
  async *read(from: number, to: number, fetchCells: FetchCells): AsyncGenerator<Piece> {
    const { plainLen, coding } = this.manifest.geometry;
    const isEmpty = this.header.len === 0;
    if (from >= to && !isEmpty) return;
    // The last cell is checked to its end, so what pads the object comes with it.
    const first = Math.floor(from / plainLen);
    const last = to >= this.header.len ? coding.cells : Math.ceil(to / plainLen);
    for await (const { cell, bytes, rebuilt } of this.cells(first, last, await fetchCells(first, last))) {
      const begin = cell * plainLen;
      this.checkPadding(begin, bytes);
      const cut = bytes.subarray(Math.max(0, from - begin), Math.max(0, Math.min(to, this.header.len) - begin));
      if (cut.length > 0 || rebuilt > 0) yield { bytes: cut, rebuilt };
    }
  }

  private checkPadding(begin: number, bytes: Uint8Array): void {
    const padding = bytes.subarray(Math.max(0, this.header.len - begin));
    if (padding.some((byte) => byte !== 0)) throw new NotBelieved("something other than zeros follows the object's end");
  }

  /** Batch by batch the plaintext of the cells from `first` to `last`. */
  private async *cells(first: number, last: number, body: ReadableStream<Uint8Array>): AsyncGenerator<{ cell: number; bytes: Uint8Array; rebuilt: number }> {
    const frames = readFrames(body);
    try {
      for (let at = first; at < last; ) {
        const batch = new Batch(this.manifest.geometry, at, last);
        for (const column of batch.columns()) {
          const { value: frame, done } = await frames.next();
          if (done) throw new NotBelieved(`the answer ends before cell ${at} of ${last}`);
          this.place(batch, column, frame);
        }
        yield { cell: at, bytes: batch.plain, rebuilt: batch.rebuilt };
        at = batch.end;
      }
      const isOver = await frames.next().then(({ done }) => done, () => false);
      if (!isOver) throw new NotBelieved("more came than was asked for");
    } catch (error) {
      throw error instanceof FrameError && !error.message.includes("cut off") ? new NotBelieved(error.message) : error;
    } finally {
      await frames.return(undefined);
    }
  }

  /** Proves and opens the cells of one column. */
  private place(batch: Batch, column: number, frame: Frame): void {
    const { geometry } = this.manifest;
    const { low, high } = batch.rowsOf(column);
    const isHere = frame.segment === batch.segment && frame.column === column;
    if (!isHere || frame.row !== low || frame.rows !== high - low) throw new NotBelieved(`rows ${low} to ${high} of column ${column} were to come, and others came`);
    const sealed = frame.kind === "slice" ? this.prove(frame) : frame.payload;
    if (sealed.length !== frame.rows * geometry.cellLen) throw new NotBelieved(`${frame.rows} cells came in ${sealed.length} bytes`);
    for (let row = low; row < high; row++) {
      const cell = geometry.cellAt(batch.segment, column, row);
      const at = (row - low) * geometry.cellLen;
      const plain = openCell(this.keys.cell, geometry, cell, sealed.subarray(at, at + geometry.cellLen));
      if (!plain) throw new NotBelieved(`cell ${cell} does not open`);
      batch.put(cell, plain, frame.kind === "rebuilt");
    }
  }

  private prove({ segment, column, row, rows, payload }: Frame): Uint8Array {
    const { geometry } = this.manifest;
    const len = geometry.rowsOf(segment, column) * geometry.cellLen;
    const root = rootOf(this.manifest, geometry.shardOf(segment, column));
    try {
      return openSlice(this.blake3, payload, { root, len, first: row, count: rows });
    } catch (error) {
      throw error instanceof SliceError ? new NotBelieved(`segment ${segment}, column ${column}: ${error.message}`) : error;
    }
  }
}

/** The stripes that come together: at most 32, and none of two aligned groups of 32. */
class Batch {
  readonly segment: number;
  /** The cell behind the last one. */
  readonly end: number;
  readonly plain: Uint8Array;
  rebuilt = 0;

  constructor(private readonly geometry: Geometry, private readonly first: number, last: number) {
    const { segment, row } = geometry.stripeOf(first);
    this.segment = segment;
    const rowsEnd = Math.min(geometry.rowsPerSegment, (Math.floor(row / BATCH_ROWS) + 1) * BATCH_ROWS);
    this.end = Math.min(last, geometry.cellAt(segment, 0, rowsEnd));
    this.plain = new Uint8Array((this.end - first) * geometry.plainLen);
  }

  /** The columns that have cells of it. */
  columns(): number[] {
    const all = Array.from({ length: this.geometry.dataColumns(this.segment) }, (_, column) => column);
    return all.filter((column) => this.rowsOf(column).low < this.rowsOf(column).high);
  }

  /** The rows of a column that it has. */
  rowsOf(column: number): { low: number; high: number } {
    const { k } = this.geometry.coding;
    const begin = this.geometry.cellAt(this.segment, column, 0);
    return { low: Math.max(0, Math.ceil((this.first - begin) / k)), high: Math.max(0, Math.ceil((this.end - begin) / k)) };
  }

  put(cell: number, plain: Uint8Array, isRebuilt: boolean): void {
    this.plain.set(plain, (cell - this.first) * this.geometry.plainLen);
    if (isRebuilt) this.rebuilt += 1;
  }
}

function hashOf(blake3: Blake3, bytes: Uint8Array): Uint8Array {
  const hasher = new TreeHasher(blake3);
  for (let at = 0; at === 0 || at < bytes.length; at += 16384) hasher.push(bytes.subarray(at, at + 16384));
  return hasher.finish();
}

function equalInConstantTime(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ HASH_LEN;
  for (let at = 0; at < HASH_LEN; at++) difference |= (a[at] as number) ^ (b[at] as number);
  return difference === 0;
}
