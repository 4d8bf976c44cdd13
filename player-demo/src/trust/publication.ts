/** A publication that has been checked from its id on: bundle, creator's signature, and what follows from them. */

import { NobodyError } from "./ask";
import { type Bundle, decodeBundle } from "./bundle";
import { CborError, equal } from "./cbor";
import type { Cid } from "./cid";
import type { Gateways } from "./gateways";
import { StatusError } from "./problem";
import { verifyRecord } from "./record";
import type { Hash } from "./verified";

const BUNDLE_LEN_MAX = 4_194_304;
const RECORD_LEN_MAX = 4096;
/** The status of a publication that its creator has withdrawn. */
export const WITHDRAWN = 410;
const DENIED = 451;

export interface Publication {
  readonly id: Cid;
  readonly bundle: Bundle;
}

/** The publication is withdrawn by its creator or denied by this gateway. */
export class GoneError extends Error {
  constructor(
    readonly status: number,
    reason: string,
  ) {
    super(reason);
  }
}

/** Fetches bundle and record of `id` from the first gateway whose answers are right. */
export async function fetchPublication(id: Cid, gateways: Gateways, hash: Hash): Promise<Publication> {
  const reasons: string[] = [];
  let status: number | undefined;
  for (const gateway of gateways.order(Date.now())) {
    const base = `${gateway.origin}/watch/${id.text}`;
    let what = "the bundle";
    try {
      const asked = [get(`${base}/bundle`, BUNDLE_LEN_MAX), get(`${base}/record`, RECORD_LEN_MAX)] as const;
      const [answer, record] = await Promise.all(asked);
      const { bytes, hash: hashed } = await hash(answer);
      if (!equal(hashed, id.hash)) throw new LieError();
      const bundle = decodeBundle(new Uint8Array(bytes));
      what = "the creator's signature";
      checkRecord(new Uint8Array(record), id, bundle);
      gateways.answered(gateway);
      return { id, bundle };
    } catch (error) {
      // The bytes are those of the id: the fault is the creator's, and every gateway would give them.
      if (error instanceof CborError) throw error;
      if (error instanceof LieError) {
        gateways.lied(gateway, what);
        reasons.push(`${gateway.origin} altered ${what}`);
      } else {
        if (error instanceof StatusError) status = error.status;
        gateways.silent(gateway, (error as Error).message, Date.now());
        reasons.push(`${gateway.origin}: ${(error as Error).message}`);
      }
    }
  }
  if (status === WITHDRAWN || status === DENIED) throw new GoneError(status, reasons.join("; "));
  throw new NobodyError("the publication", reasons, gateways.order(0).length === 0, status);
}

class LieError extends Error {}

function checkRecord(bytes: Uint8Array, id: Cid, bundle: Bundle): void {
  try {
    verifyRecord(bytes, id, bundle.creator);
  } catch {
    throw new LieError();
  }
}

async function get(url: string, limit: number): Promise<ArrayBuffer> {
  const response = await fetch(url, { credentials: "omit" });
  if (!response.ok || !response.body) throw await StatusError.of(response);
  const parts: Uint8Array[] = [];
  let length = 0;
  for (const reader = response.body.getReader(); ;) {
    const { done, value } = await reader.read();
    if (done) break;
    length += value.length;
    if (length > limit) throw new LieError();
    parts.push(value);
  }
  const bytes = new Uint8Array(length);
  parts.reduce((at, part) => (bytes.set(part, at), at + part.length), 0);
  return bytes.buffer;
}
