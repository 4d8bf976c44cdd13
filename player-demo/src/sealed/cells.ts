/** Cells: sealing and opening (spec section 2). */

import type { Geometry } from "./geometry";
import { open, seal } from "./sodium";

export function openCell(key: Uint8Array, { coding }: Geometry, cell: number, sealed: Uint8Array): Uint8Array | undefined {
  return open(key, nonceOf(cell, coding.cells), sealed);
}

/** `plain` may be shorter than a cell; zeros fill it. */
export function sealCell(key: Uint8Array, { coding, plainLen }: Geometry, cell: number, plain: Uint8Array): Uint8Array {
  let whole = plain;
  if (plain.length < plainLen) (whole = new Uint8Array(plainLen)).set(plain);
  return seal(key, nonceOf(cell, coding.cells), whole);
}

/** The number of the cell in 11 bytes, and whether it is the last. */
function nonceOf(cell: number, cells: number): Uint8Array {
  const nonce = new Uint8Array(12);
  const view = new DataView(nonce.buffer);
  view.setUint32(3, Math.floor(cell / 2 ** 32));
  view.setUint32(7, cell % 2 ** 32);
  nonce[11] = cell === cells - 1 ? 1 : 0;
  return nonce;
}
