/** BLAKE3 with its chaining values: what a whole-file hasher does not give away, and slices need (spec section 5). */

import source from "virtual:blake3-kernel";

export const CHUNK_LEN = 1024;
/** Bytes of a chunk group: the leaves of the trees of shards. */
export const GROUP_LEN = 16 * CHUNK_LEN;
/** Bytes of a hash or a chaining value. */
export const HASH_LEN = 32;

const BLOCK_LEN = 64;
const [CHUNK_START, CHUNK_END, PARENT, ROOT] = [1, 2, 4, 8] as const;
const IV = new Uint8Array(new Uint32Array([0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19]).buffer);

// In the one page of memory: a group, then the chaining values of its chunks.
const INPUT = 0;
const VALUES = GROUP_LEN;

interface Exports {
  readonly memory: WebAssembly.Memory;
  four(at: number, stride: number, blocks: number, counter: number, step: number, flags: number, start: number, end: number, out: number): void;
  one(cv: number, at: number, counter: number, len: number, flags: number): void;
}

/** One instance; calls do not overlap, since none of them waits. */
export class Blake3 {
  private readonly memory: Uint8Array;

  private constructor(private readonly wasm: Exports) {
    this.memory = new Uint8Array(wasm.memory.buffer);
  }

  static async load(): Promise<Blake3> {
    const code = Uint8Array.from(atob(source), (character) => character.charCodeAt(0));
    const { instance } = await WebAssembly.instantiate(code);
    return new Blake3(instance.exports as unknown as Exports);
  }

  /** The chaining value of at most 16 chunks that stand at `group` in their tree; the hash, when they are all of it. */
  group(bytes: Uint8Array, group: number, isRoot: boolean): Uint8Array {
    this.memory.set(bytes, INPUT);
    const chunks = Math.max(1, Math.ceil(bytes.length / CHUNK_LEN));
    const first = 16 * group;
    // The last chunk of a tree of one has the root's flag, and one that is not full has another length: both go one by one.
    const whole = chunks === 1 ? 0 : Math.floor(bytes.length / CHUNK_LEN);
    let done = 0;
    for (; done + 4 <= whole; done += 4) {
      this.wasm.four(INPUT + done * CHUNK_LEN, CHUNK_LEN, CHUNK_LEN / BLOCK_LEN, first + done, 1, 0, CHUNK_START, CHUNK_END, VALUES + done * HASH_LEN);
    }
    for (; done < chunks; done++) {
      const len = Math.min(CHUNK_LEN, bytes.length - done * CHUNK_LEN);
      this.chunk(INPUT + done * CHUNK_LEN, len, first + done, VALUES + done * HASH_LEN, isRoot && chunks === 1);
    }
    return this.merge(chunks, isRoot);
  }

  /** The chaining value of the node over `left` and `right`; the hash, when it is the top. */
  parent(left: Uint8Array, right: Uint8Array, isRoot: boolean): Uint8Array {
    this.memory.set(left, VALUES);
    this.memory.set(right, VALUES + HASH_LEN);
    this.pair(VALUES, VALUES, isRoot);
    return this.memory.slice(VALUES, VALUES + HASH_LEN);
  }

  private chunk(at: number, len: number, counter: number, out: number, isRoot: boolean): void {
    this.memory.set(IV, out);
    const blocks = Math.max(1, Math.ceil(len / BLOCK_LEN));
    for (let block = 0; block < blocks; block++) {
      const from = at + block * BLOCK_LEN;
      const used = Math.min(BLOCK_LEN, len - block * BLOCK_LEN);
      this.memory.fill(0, from + used, from + BLOCK_LEN);
      const isLast = block === blocks - 1;
      const flags = (block === 0 ? CHUNK_START : 0) | (isLast ? CHUNK_END : 0) | (isLast && isRoot ? ROOT : 0);
      this.wasm.one(out, from, counter, used, flags);
    }
  }

  /** Joins neighbours level by level; one that is left over goes up as it is. */
  private merge(count: number, isRoot: boolean): Uint8Array {
    let left = count;
    while (left > 1) {
      const pairs = left >> 1;
      let done = 0;
      for (; done + 4 <= pairs; done += 4) {
        this.wasm.four(VALUES + done * BLOCK_LEN, BLOCK_LEN, 1, 0, 0, PARENT, 0, 0, VALUES + done * HASH_LEN);
      }
      for (; done < pairs; done++) this.pair(VALUES + done * BLOCK_LEN, VALUES + done * HASH_LEN, isRoot && left === 2);
      if (left % 2 === 1) {
        const last = VALUES + (left - 1) * HASH_LEN;
        this.memory.copyWithin(VALUES + pairs * HASH_LEN, last, last + HASH_LEN);
      }
      left = pairs + (left % 2);
    }
    return this.memory.slice(VALUES, VALUES + HASH_LEN);
  }

  private pair(at: number, out: number, isRoot: boolean): void {
    const block = this.memory.slice(at, at + BLOCK_LEN);
    this.memory.set(block, INPUT);
    this.memory.set(IV, out);
    this.wasm.one(out, INPUT, 0, BLOCK_LEN, PARENT | (isRoot ? ROOT : 0));
  }
}
