/** Where the cells of an object lie (spec sections 2 and 3). */

export const TAG_LEN = 16;
/** log2 of the largest cell, the one that objects of more than one stripe have. */
export const CELL_LOG_MAX = 14;
export const CELL_LOG_MIN = 10;
const SEGMENT_LEN_MAX = 2 ** 28;
const SHARDS_MAX = 32_736;
export const CELLS_MAX = 2 ** 40;
export const MANIFEST_LEN_MAX = 2 ** 20;

/** The numbers that fix the geometry of an object. */
export interface Coding {
  readonly k: number;
  readonly m: number;
  /** log2 of the bytes of a sealed cell. */
  readonly cell: number;
  readonly cells: number;
}

export class GeometryError extends Error {}

/** Where cells, columns and shards of one object are. */
export class Geometry {
  /** Bytes of a sealed cell, and of what is in it. */
  readonly cellLen: number;
  readonly plainLen: number;
  readonly rowsPerSegment: number;
  readonly segments: number;
  readonly shards: number;

  constructor(readonly coding: Coding) {
    const { k, m, cell, cells } = coding;
    if (k < 1 || m < 1 || k + m > 255) throw new GeometryError(`${k} + ${m} columns`);
    if (cell < CELL_LOG_MIN || cell > CELL_LOG_MAX) throw new GeometryError(`cells of 2^${cell} bytes`);
    if (cells < 1 || cells > CELLS_MAX) throw new GeometryError(`${cells} cells`);
    if (cell < CELL_LOG_MAX && cells > k) throw new GeometryError(`${cells} small cells are more than one stripe`);
    this.cellLen = 2 ** cell;
    this.plainLen = this.cellLen - TAG_LEN;
    this.rowsPerSegment = Math.floor(SEGMENT_LEN_MAX / (k * this.cellLen));
    this.segments = Math.ceil(cells / (k * this.rowsPerSegment));
    const last = this.segments - 1;
    this.shards = last * (k + m) + this.dataColumns(last) + m;
    if (this.shards > SHARDS_MAX) throw new GeometryError(`${this.shards} shards`);
  }

  cellsOf(segment: number): number {
    const { k, cells } = this.coding;
    return Math.min(k * this.rowsPerSegment, cells - segment * k * this.rowsPerSegment);
  }

  /** Columns of a segment that have sealed cells. */
  dataColumns(segment: number): number {
    return Math.min(this.coding.k, this.cellsOf(segment));
  }

  /** Cells of a data column. */
  rowsOf(segment: number, column: number): number {
    return Math.ceil((this.cellsOf(segment) - column) / this.coding.k);
  }

  /** The number of the shard that has a data column. */
  shardOf(segment: number, column: number): number {
    return segment * (this.coding.k + this.coding.m) + column;
  }

  /** The number of the cell at a place. */
  cellAt(segment: number, column: number, row: number): number {
    return (segment * this.rowsPerSegment + row) * this.coding.k + column;
  }

  /** Segment and row of a cell. */
  stripeOf(cell: number): { segment: number; row: number } {
    const stripe = Math.floor(cell / this.coding.k);
    return { segment: Math.floor(stripe / this.rowsPerSegment), row: stripe % this.rowsPerSegment };
  }
}

/** The length that an object is padded to. */
export function padme(length: number): number {
  if (length < 2) return length;
  const exponent = Math.floor(Math.log2(length));
  const step = 2 ** (exponent - (Math.floor(Math.log2(exponent)) + 1));
  return step > 1 ? Math.ceil(length / step) * step : length;
}

/** The coding of an object with this sealed length. */
export function codingOf(sealedLen: number, k: number, m: number): Coding {
  let cell = CELL_LOG_MIN;
  while (cell < CELL_LOG_MAX && sealedLen > k * (2 ** cell - TAG_LEN)) cell += 1;
  return { k, m, cell, cells: Math.max(1, Math.ceil(sealedLen / (2 ** cell - TAG_LEN))) };
}
