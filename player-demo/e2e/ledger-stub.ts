/** A ledger and a gateway that sells by it, made up inside of the browser's network: what they are told is checked as the real ones would. */

import { ed25519 } from "@noble/curves/ed25519.js";
import { sha256, sha512 } from "@noble/hashes/sha2.js";
import type { Page, Route } from "playwright-core";

import { toBase64 } from "../src/log/base64";
import { checkpointText } from "../src/log/checkpoint";
import { leafHash, rootOf } from "../src/log/tree";
import { hex } from "../src/page/format";

export const LEDGER = "http://ledger.test";
const ORIGIN = "ledger.test/log";
const TILE_WIDTH = 256;

const text = (value: string) => new TextEncoder().encode(value);

/** JSON, bytes, or nothing where there is none. */
export type Answer = object | Buffer | undefined;

/** A pair of keys that follows from a word. */
export function pairOf(word: string) {
  const secret = sha512(text(word)).slice(0, 32);
  const key = ed25519.getPublicKey(secret);
  return { key, sign: async (message: Uint8Array) => ed25519.sign(message, secret), signText: (message: string) => ed25519.sign(text(message), secret) };
}

export const NETWORK = new Uint8Array(32).fill(0x4e);
export const ISSUER = pairOf("issuer");

/** The log, as large and as witnessed as it is made. */
export class StubLog {
  entries: Uint8Array[] = [];
  isWitnessed = true;
  private readonly log = noteKey("log", ORIGIN, 1);
  private readonly witness = noteKey("witness", "witness.test/w", 4);

  get vkey(): string {
    return this.log.vkey;
  }

  /** Answers what is below `/log/`. */
  answer(path: string): string | Buffer {
    if (path === "checkpoint") return this.checkpoint();
    if (path === "policy") return `log ${this.log.vkey}\nwitness W ${this.witness.vkey}\nquorum W\n`;
    const [, kind = "", number = "", width] = /^tile\/(entries|\d)\/([x\d/]+)(?:\.p\/(\d+))?$/.exec(path) ?? [];
    const first = Number(number.replace(/[x/]/g, "")) * TILE_WIDTH;
    const own = this.entries.slice(first, first + Number(width ?? TILE_WIDTH));
    if (kind === "0") return Buffer.concat(own.map(leafHash));
    return Buffer.concat(own.flatMap((entry) => [new Uint8Array([entry.length >> 8, entry.length & 255]), entry]));
  }

  private checkpoint(): string {
    const checkpoint = checkpointText({ origin: ORIGIN, size: this.entries.length, root: rootOf(this.entries.map(leafHash)) });
    const signed = `${checkpoint}\n${this.log.line(this.log.signText(checkpoint))}`;
    if (!this.isWitnessed) return signed;
    const time = Math.floor(Date.now() / 1000);
    const head = Buffer.alloc(8);
    head.writeBigUInt64BE(BigInt(time));
    return signed + this.witness.line(new Uint8Array([...head, ...this.witness.signText(`cosignature/v1\ntime ${time}\n${checkpoint}`)]));
  }
}

function noteKey(word: string, name: string, kind: 1 | 4) {
  const pair = pairOf(word);
  const id = sha256(new Uint8Array([...text(`${name}\n`), kind, ...pair.key])).slice(0, 4);
  const line = (bytes: Uint8Array) => `— ${name} ${toBase64(new Uint8Array([...id, ...bytes]))}\n`;
  return { ...pair, line, vkey: `${name}+${hex(id)}+${toBase64(new Uint8Array([kind, ...pair.key]))}` };
}

export function terms(log: StubLog): object {
  const far = Math.floor(Date.now() / 1000) + 86_400;
  return { issuer: hex(ISSUER.key), network: hex(NETWORK), treasury: hex(pairOf("treasury").key), unit: "EUR", log: log.vkey, origin: ORIGIN, epoch: 7, epoch_ends: far, epoch_s: 86_400 };
}

/** Puts the ledger into the network of a page; `more` answers what this does not. */
export async function serveLedger(page: Page, log: StubLog, more: (path: string, body: Buffer | null) => Answer | Promise<Answer> = () => undefined): Promise<void> {
  await page.route("**/api/ledger", (route) => route.fulfill({ json: { url: LEDGER, issuer: hex(ISSUER.key), gateway: hex(pairOf("gateway").key), network: hex(NETWORK), credit_bytes: 1_000_000 } }));
  await page.route(`${LEDGER}/**`, (route) => answer(route, log, more));
}

async function answer(route: Route, log: StubLog, more: (path: string, body: Buffer | null) => Answer | Promise<Answer>): Promise<void> {
  const headers = { "access-control-allow-origin": "*", "access-control-allow-headers": "content-type" };
  const path = new URL(route.request().url()).pathname;
  if (route.request().method() === "OPTIONS") return route.fulfill({ status: 204, headers });
  if (path === "/v1/terms") return route.fulfill({ json: terms(log), headers });
  if (path.startsWith("/log/")) return route.fulfill({ body: log.answer(path.slice(5)), headers });
  const answered = await more(path, route.request().postDataBuffer());
  if (!answered) return route.fulfill({ status: 404, json: { code: "not_found" }, headers });
  return Buffer.isBuffer(answered) ? route.fulfill({ body: answered, headers }) : route.fulfill({ json: answered, headers });
}
