/** The hash of a shard whose groups come one after another. */

import type { Blake3 } from "./kernel";

export class TreeHasher {
  private readonly open: Uint8Array[] = [];
  private groups = 0;
  private last: Uint8Array | undefined;

  constructor(private readonly blake3: Blake3) {}

  /** Takes the next group; all but the last have 16 chunks. */
  push(group: Uint8Array): void {
    if (this.last) this.settle(this.blake3.group(this.last, this.groups - 1, false));
    this.last = group;
    this.groups += 1;
  }

  /** The hash of all that came. */
  finish(): Uint8Array {
    let value = this.blake3.group(this.last ?? new Uint8Array(), Math.max(0, this.groups - 1), this.open.length === 0);
    for (let left = this.open.pop(); left; left = this.open.pop()) value = this.blake3.parent(left, value, this.open.length === 0);
    return value;
  }

  /** Joins complete subtrees; more of the shard follows, so none of them is the root. */
  private settle(value: Uint8Array): void {
    let joined = value;
    for (let complete = this.groups; complete % 2 === 0; complete /= 2) {
      joined = this.blake3.parent(this.open.pop() as Uint8Array, joined, false);
    }
    this.open.push(joined);
  }
}
