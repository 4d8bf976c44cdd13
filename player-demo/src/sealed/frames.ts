/** What comes over `GET /sealed/{handle}`: frames of cells (spec section 27). */

import { CELL_LOG_MAX } from "./geometry";

export const BATCH_ROWS = 32;
const HEADER_LEN = 20;
/** A slice of a batch: its cells, and the pairs above them. */
const PAYLOAD_LEN_MAX = BATCH_ROWS * 2 ** CELL_LOG_MAX + 64 * 2 * BATCH_ROWS;
const KINDS = ["slice", "rebuilt"] as const;

export interface Frame {
  /** `slice` is proven against a root; what the gateway has rebuilt only opens or does not. */
  readonly kind: (typeof KINDS)[number];
  readonly column: number;
  readonly segment: number;
  readonly row: number;
  readonly rows: number;
  readonly payload: Uint8Array;
}

export class FrameError extends Error {}

/** The frames of a body, one at a time. */
export async function* readFrames(body: ReadableStream<Uint8Array>): AsyncGenerator<Frame> {
  const bytes = new Reader(body);
  try {
    for (let header = await bytes.take(HEADER_LEN, true); header; header = await bytes.take(HEADER_LEN, true)) {
      const { length, ...frame } = decodeHeader(header);
      yield { ...frame, payload: (await bytes.take(length)) as Uint8Array };
    }
  } finally {
    await bytes.cancel();
  }
}

function decodeHeader(header: Uint8Array): Omit<Frame, "payload"> & { length: number } {
  const view = new DataView(header.buffer, header.byteOffset, HEADER_LEN);
  const kind = KINDS[view.getUint8(0)];
  const [segment, row, rows, length] = [4, 8, 12, 16].map((at) => view.getUint32(at, true)) as [number, number, number, number];
  if (!kind || view.getUint16(2, true) !== 0) throw new FrameError(`a frame of the unknown kind ${view.getUint8(0)}`);
  if (rows < 1 || rows > BATCH_ROWS) throw new FrameError(`a frame of ${rows} rows`);
  if (length > PAYLOAD_LEN_MAX) throw new FrameError(`a frame of ${length} bytes`);
  return { kind, column: view.getUint8(1), segment, row, rows, length };
}

/** Gives the bytes of a stream in pieces of the lengths that are asked for. */
class Reader {
  private readonly source: ReadableStreamDefaultReader<Uint8Array>;
  private rest: Uint8Array = new Uint8Array();

  constructor(body: ReadableStream<Uint8Array>) {
    this.source = body.getReader();
  }

  /** The next `length` bytes; undefined at the end, where `mayEnd`. */
  async take(length: number, mayEnd = false): Promise<Uint8Array | undefined> {
    if (this.rest.length >= length) return this.cut(length);
    const piece = new Uint8Array(length);
    let filled = 0;
    while (filled < length) {
      if (this.rest.length === 0) {
        const { value, done } = await this.source.read();
        if (done && filled === 0 && mayEnd) return undefined;
        if (done) throw new FrameError("the answer was cut off");
        this.rest = value;
      }
      const part = this.cut(Math.min(this.rest.length, length - filled));
      piece.set(part, filled);
      filled += part.length;
    }
    return piece;
  }

  private cut(length: number): Uint8Array {
    const part = this.rest.subarray(0, length);
    this.rest = this.rest.subarray(length);
    return part;
  }

  cancel(): Promise<void> {
    return this.source.cancel().catch(() => undefined);
  }
}
