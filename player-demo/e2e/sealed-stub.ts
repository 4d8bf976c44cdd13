/** A gateway that keeps shares (spec section 27), made up so that it can lie, forget and be slow; its files come from `Encoded`. */

import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

import { blake3 } from "@noble/hashes/blake3.js";

import { fromBase64Url, toBase64Url } from "../src/sealed/base64url";
import { wrap } from "../src/sealed/contents";
import { type Encoded } from "../src/sealed/fixture";
import { type ShareKeys, shareKeys } from "../src/sealed/keys";
import { writeLink } from "../src/sealed/link";
import { stretch } from "../src/sealed/passcode";

const VIEWER = new URL("../dist/viewer.html", import.meta.url);
/** As the gateway's own: the page narrows it. */
const POLICY = "default-src 'none'; script-src 'unsafe-inline' 'wasm-unsafe-eval'; style-src 'unsafe-inline'; worker-src blob:; connect-src http: https:; img-src blob: data:; media-src blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

export interface StubShare {
  /** BLAKE3 of what readers show, in hexadecimal. */
  readonly knock: string;
  readonly access: string;
  readonly wrapped: Uint8Array;
  readonly files: readonly Encoded[];
  readonly hasPasscode: boolean;
  remaining: number;
  state: "open" | "share_revoked" | "share_expired";
  emergency?: boolean;
}

/** What a reader shows to open a share. */
interface Shown {
  readonly knock: string;
  readonly access: string;
}

/** Changes frames on their way. */
export type Lie = (frame: Uint8Array) => Uint8Array;

/** How uploads have to be. */
export const TERMS = { k: 4, m: 2, network: "4e".repeat(32), payer: "5866666666666666666666666666666666666666666666666666666666666666", expires_max: 1_900_000_000, len_max: 2 ** 34, token: true };

export class SealedStub {
  readonly shares = new Map<string, StubShare>();
  lie: Lie = (frame) => frame;
  /** What was asked for, with bodies, as a gateway's log would have it. */
  readonly seen: string[] = [];
  /** How many cells were asked for. */
  cells = 0;
  /** Answers what owners ask for; says whether it did. */
  uploads: ((path: string, body: Buffer, answer: ServerResponse) => Promise<boolean>) | undefined;
  private readonly handles = new Map<string, Encoded>();

  private constructor(private readonly server: Server) {}

  static async start(): Promise<SealedStub> {
    const server = createServer();
    const stub = new SealedStub(server);
    server.on("request", (request, answer) => void stub.serve(request, answer).catch(() => answer.destroy()));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return stub;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.server.closeAllConnections();
    this.server.close();
  }

  async share(files: readonly Encoded[], { passcode = "", label = undefined as string | undefined } = {}): Promise<StubShare & { readonly link: string }> {
    const [id, secret] = [0, 1].map(() => crypto.getRandomValues(new Uint8Array(32))) as [Uint8Array, Uint8Array];
    const hasPasscode = passcode !== "";
    const keys = shareKeys(id, secret, hasPasscode ? await stretch(passcode, id) : new Uint8Array());
    const wrapped = wrap({ files: files.map(({ file }) => file), issued: 1_790_000_000, label }, keys.wrap, id);
    const link = writeLink({ gateway: this.origin, id, secret, hasPasscode });
    const share: StubShare = { ...hashed(keys), wrapped, files, hasPasscode, remaining: 5, state: "open" };
    this.shares.set(toBase64Url(id), share);
    return Object.assign(share, { link });
  }

  private async serve(request: IncomingMessage, answer: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? "/", this.origin);
    const raw = await read(request);
    const body = raw.toString("latin1");
    this.seen.push(`${request.method} ${request.url} ${body}`);
    answer.setHeader("access-control-allow-origin", "*");
    answer.setHeader("access-control-allow-headers", "*");
    answer.setHeader("cache-control", "no-store");
    if (request.method === "OPTIONS") return void answer.writeHead(204).end();
    if (/^\/s\/|^\/(viewer\.html|share)$/.test(pathname)) return page(answer);
    if (request.method !== "GET" && this.uploads && (await this.uploads(pathname, raw, answer))) return;
    if (pathname === "/api/shares/terms" && this.uploads) return json(answer, 200, TERMS);
    const share = /^\/api\/shares\/([\w-]+)(\/open)?$/.exec(pathname);
    if (share) return this.answerShare(answer, share[1] as string, share[2] ? (JSON.parse(body) as Shown) : undefined);
    if (pathname === "/sealed") return this.giveHandle(answer, (JSON.parse(body) as { object: string }).object);
    const sealed = /^\/sealed\/([\w-]+)(\/manifest)?$/.exec(pathname);
    const encoded = sealed && this.handles.get(sealed[1] as string);
    if (!encoded) return refuse(answer, 404, "no_handle");
    if (sealed[2]) return void answer.writeHead(200, { "content-type": "application/cbor" }).end(encoded.manifest);
    const [from, to] = (searchParams.get("cells") ?? "").split("-").map(Number) as [number, number];
    this.cells += to - from;
    answer.writeHead(200, { "content-type": "application/vnd.headwater.sealed" });
    for (const frame of encoded.frames(from, to)) {
      if (!answer.write(this.lie(frame))) await new Promise((resolve) => answer.once("drain", resolve));
    }
    answer.end();
  }

  private answerShare(answer: ServerResponse, id: string, shown: Shown | undefined): void {
    const share = this.shares.get(id);
    if (!share) return refuse(answer, 404, "no_share");
    if (share.state !== "open") return refuse(answer, 410, share.state);
    if (share.remaining === 0) return refuse(answer, 410, "share_locked");
    if (!shown) return json(answer, 200, { passcode: share.hasPasscode, emergency: share.emergency ?? false, expires: null, issued: 1_790_000_000 });
    if (hashOf(shown.knock) !== share.knock) return refuse(answer, 403, "wrong_link");
    if (hashOf(shown.access) !== share.access) {
      share.remaining -= 1;
      return refuse(answer, 401, "wrong_passcode", { remaining: share.remaining });
    }
    json(answer, 200, { wrapped: toBase64Url(share.wrapped), session: toBase64Url(crypto.getRandomValues(new Uint8Array(32))), expires: 2_000_000_000 });
  }

  private giveHandle(answer: ServerResponse, object: string): void {
    const encoded = [...this.shares.values()].flatMap(({ files }) => files).find(({ file }) => file.object.text === object);
    if (!encoded) return refuse(answer, 404, "not_found");
    const handle = toBase64Url(crypto.getRandomValues(new Uint8Array(16)));
    this.handles.set(handle, encoded);
    json(answer, 200, { handle, expires: 2_000_000_000 });
  }
}


export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

function hashed({ knock, access }: ShareKeys): { knock: string; access: string } {
  return { knock: hex(blake3(knock)), access: hex(blake3(access)) };
}

function hashOf(text: string): string {
  return hex(blake3(fromBase64Url(text) ?? new Uint8Array()));
}

function page(answer: ServerResponse): void {
  answer.writeHead(200, { "content-type": "text/html; charset=utf-8", "content-security-policy": POLICY }).end(readFileSync(VIEWER));
}

export function json(answer: ServerResponse, status: number, value: object): void {
  answer.writeHead(status, { "content-type": status < 400 ? "application/json" : "application/problem+json" }).end(JSON.stringify(value));
}

export function refuse(answer: ServerResponse, status: number, code: string, more: object = {}): void {
  json(answer, status, { title: code, status, code, ...more });
}

async function read(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts);
}
