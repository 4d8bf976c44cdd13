/** A gateway that keeps shares, over HTTP (spec section 27). Nothing secret is in a URL. */

import { StatusError } from "../trust/problem";
import { fromBase64Url, toBase64Url } from "./base64url";
import { MANIFEST_LEN_MAX } from "./geometry";
import type { ShareKeys } from "./keys";
import type { Link } from "./link";

/** How long a gateway has to begin an answer, in milliseconds. */
const PATIENCE_MS = 30_000;

/** No answer, or one that was broken off. */
export class Unreachable extends Error {}

/** A refusal with the stable code of a problem document. */
export class Refused extends Error {
  constructor(readonly code: string, message: string, readonly remaining: number | undefined) {
    super(message);
  }
}

export interface ShareState {
  readonly passcode: boolean;
  /** Seconds since 1970. */
  readonly expires: number | null;
  readonly issued: number;
  /** Whether it is for emergencies alone. */
  readonly emergency?: boolean;
}

export interface OpenedShare {
  readonly wrapped: Uint8Array;
  readonly session: string;
}

export class ShareGateway {
  constructor(readonly origin: string) {}

  async state({ id }: Link): Promise<ShareState> {
    return (await this.ask(`/api/shares/${toBase64Url(id)}`)).json() as Promise<ShareState>;
  }

  /** The wrapped contents, for whoever shows that they have the link and the passcode. The owner learns `who` reads, by their own word. */
  async open({ id }: Link, { knock, access }: ShareKeys, who: string): Promise<OpenedShare> {
    const answer = await this.post(`/api/shares/${toBase64Url(id)}/open`, { knock: toBase64Url(knock), access: toBase64Url(access), ...(who && { who }) });
    const { wrapped, session } = Object(await answer.json()) as { wrapped?: unknown; session?: unknown };
    const bytes = typeof wrapped === "string" ? fromBase64Url(wrapped) : undefined;
    if (!bytes || typeof session !== "string") throw new Refused("bad_answer", "the gateway's answer is no share", undefined);
    return { wrapped: bytes, session };
  }

  /** A handle by which the cells of an object come. */
  async handle(session: string, object: string): Promise<string> {
    const { handle } = Object(await (await this.post("/sealed", { session, object })).json()) as { handle?: unknown };
    if (typeof handle !== "string" || !/^[\w-]{1,64}$/.test(handle)) throw new Refused("bad_answer", "the gateway's answer is no handle", undefined);
    return handle;
  }

  async manifest(handle: string): Promise<Uint8Array> {
    const answer = await this.ask(`/sealed/${handle}/manifest`);
    const bytes = new Uint8Array(await answer.arrayBuffer());
    if (bytes.length > MANIFEST_LEN_MAX) throw new Refused("bad_answer", `a manifest of ${bytes.length} bytes`, undefined);
    return bytes;
  }

  async cells(handle: string, from: number, to: number, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
    const { body } = await this.ask(`/sealed/${handle}?cells=${from}-${to}`, { signal });
    if (!body) throw new Unreachable("the gateway's answer has no body");
    return body;
  }

  post(path: string, body: object): Promise<Response> {
    return this.ask(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  }

  async ask(path: string, options: RequestInit = {}, patienceMs = PATIENCE_MS): Promise<Response> {
    const patience = new AbortController();
    const timer = Number.isFinite(patienceMs) ? setTimeout(() => patience.abort(), patienceMs) : undefined;
    const signal = options.signal ? AbortSignal.any([options.signal, patience.signal]) : patience.signal;
    let answer: Response;
    try {
      answer = await fetch(this.origin + path, { ...options, signal, cache: "no-store", credentials: "omit", referrerPolicy: "no-referrer" });
    } catch (error) {
      if (options.signal?.aborted) throw error;
      throw new Unreachable(`${this.origin} does not answer`);
    } finally {
      clearTimeout(timer);
    }
    if (!answer.ok) throw await refusal(answer);
    return answer;
  }
}

async function refusal(answer: Response): Promise<Refused> {
  const body = await answer.clone().json().catch(() => ({}));
  const { remaining } = Object(body) as { remaining?: unknown };
  const { code, message } = await StatusError.of(answer);
  return new Refused(code || String(answer.status), message, typeof remaining === "number" ? remaining : undefined);
}
