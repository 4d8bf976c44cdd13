/** Sealing a file in the browser: cells in their order, and the roots of the data columns that they make. */

import { ed25519 } from "@noble/curves/ed25519.js";

import { type Blake3, GROUP_LEN } from "../blake3/kernel";
import { TreeHasher } from "../blake3/tree";
import { encodeCanonical, equal, type Value } from "../trust/cbor";
import { type Cid, cidOfHash } from "../trust/cid";
import { type Signing, signRecord } from "../trust/record";
import { sealCell } from "./cells";
import { codingOf, Geometry, padme } from "./geometry";
import { type ObjectKeys, objectKeys } from "./keys";
import { decodeManifest, rootOf, sealHeader } from "./manifest";

/** How many cells are read at a time. */
const READ_CELLS = 256;
/** What nodes may charge for is an estimate; this many times as much is allowed at any one of them. */
const BYTE_HOURS_MARGIN = 4;
/** What a small object is charged for beside its cells. */
const BESIDE_LEN = 2 * 2 ** 20;

/** What a gateway asks of uploads. */
export interface Terms {
  readonly k: number;
  readonly m: number;
  readonly network: Uint8Array;
  /** Whom the mandate names. */
  readonly payer: Uint8Array;
  /** Until when nodes keep it at most; seconds since 1970. */
  readonly expiresMax: number;
}

export const random = (length: number) => crypto.getRandomValues(new Uint8Array(length));

/** What signs with the key of this seed. */
export function signing(seed: Uint8Array): Signing {
  return { key: ed25519.getPublicKey(seed), sign: (message) => ed25519.sign(message, seed) };
}

/** A file on its way: its cells are sealed once, in order. */
export class Sealing {
  readonly key = random(32);
  readonly controlSeed = random(32);
  readonly geometry: Geometry;
  private readonly salt = random(32);
  private readonly seed = random(32);
  private readonly keys: ObjectKeys;
  private readonly hashers: (TreeHasher | undefined)[] = [];

  constructor(private readonly blake3: Blake3, private readonly file: File, private readonly terms: Terms) {
    this.geometry = new Geometry(codingOf(padme(file.size), terms.k, terms.m));
    this.keys = objectKeys(this.key, this.salt, this.geometry.coding.cell);
  }

  /** The sealed cells, some at a time. */
  async *cells(): AsyncGenerator<Uint8Array> {
    const { coding, plainLen, cellLen } = this.geometry;
    for (let first = 0; first < coding.cells; first += READ_CELLS) {
      const count = Math.min(READ_CELLS, coding.cells - first);
      const plain = new Uint8Array(await this.file.slice(first * plainLen, (first + count) * plainLen).arrayBuffer());
      const sealed = new Uint8Array(count * cellLen);
      for (let at = 0; at < count; at++) {
        const cell = sealCell(this.keys.cell, this.geometry, first + at, plain.subarray(at * plainLen, (at + 1) * plainLen));
        sealed.set(cell, at * cellLen);
        this.hash(first + at, cell);
      }
      yield sealed;
    }
  }

  private hash(cell: number, sealed: Uint8Array): void {
    const shard = this.geometry.shardOf(this.geometry.stripeOf(cell).segment, cell % this.geometry.coding.k);
    (this.hashers[shard] ??= new TreeHasher(this.blake3)).push(sealed);
  }

  /** What stands in front of the cells: the manifest without its roots, and leave to store it until `expires`. */
  async head(expires: number): Promise<Uint8Array> {
    const hours = Math.ceil((expires - Date.now() / 1000) / 3600) + 24;
    const byteHours = (this.geometry.coding.cells * this.geometry.cellLen + BESIDE_LEN) * hours * BYTE_HOURS_MARGIN;
    const mandate: [string, Value][] = [["byte_hours", byteHours], ["expires", expires], ["holder", this.terms.payer]];
    const record = await signRecord("mandate", new Map(mandate), this.terms.network, signing(this.controlSeed));
    const body = encodeCanonical(new Map<string, Value>([...this.fields(), ["mandate", record], ["v", 1]]));
    const head = new Uint8Array(4 + body.length);
    new DataView(head.buffer).setUint32(0, body.length, true);
    head.set(body, 4);
    return head;
  }

  private fields(): [string, Value][] {
    const { k, m, cell, cells } = this.geometry.coding;
    const header = sealHeader({ len: this.file.size, name: undefined, type: undefined }, this.keys);
    const control = signing(this.controlSeed).key;
    return [["cell", cell], ["cells", cells], ["commit", this.keys.commitment], ["control", control], ["header", header], ["k", k], ["m", m], ["salt", this.salt], ["seed", this.seed]];
  }

  /** The address of the object, when its manifest is of these cells and of nothing else. */
  check(bytes: Uint8Array): Cid {
    const manifest = decodeManifest(bytes);
    const own = new Map(this.fields());
    const { k, m, cell, cells } = manifest.geometry.coding;
    const named: [string, Value][] = [["cell", cell], ["cells", cells], ["k", k], ["m", m]];
    const isOwn = named.every(([key, value]) => own.get(key) === value);
    const same = (["commit", "control", "header", "salt", "seed"] as const).every((key) => equal(manifest[key], own.get(key) as Uint8Array));
    if (!isOwn || !same) throw new Error("the gateway made another manifest than was asked for");
    this.hashers.forEach((hasher, shard) => {
      if (!equal((hasher as TreeHasher).finish(), rootOf(manifest, shard))) throw new Error(`the gateway stored something else than was sealed, in shard ${shard}`);
    });
    const hasher = new TreeHasher(this.blake3);
    for (let at = 0; at < bytes.length; at += GROUP_LEN) hasher.push(bytes.subarray(at, at + GROUP_LEN));
    return cidOfHash(hasher.finish());
  }
}
