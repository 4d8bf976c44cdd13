/** A publication that has been checked from its id on: bundle, creator's signature, and what follows from them. */

import { NobodyError } from "./ask";
import { type Bundle, decodeBundle } from "./bundle";
import { CborError, equal } from "./cbor";
import type { Cid } from "./cid";
import type { Gateways } from "./gateways";
import { StatusError } from "./problem";
import { type Fetch, read } from "./read";
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
export async function fetchPublication(
  id: Cid,
  gateways: Gateways,
  hash: Hash,
  fetch: Fetch = (...call) => globalThis.fetch(...call),
): Promise<Publication> {
  const reasons: string[] = [];
  let refusal: StatusError | undefined;
  for (const gateway of gateways.order(Date.now())) {
    try {
      const bundle = await fetchFrom(`${gateway.origin}/watch/${id.text}`, id, hash, fetch);
      gateways.answered(gateway);
      return { id, bundle };
    } catch (error) {
      // The bytes are those of the id: the fault is the creator's, and every gateway would give them.
      if (error instanceof CborError) throw error;
      if (error instanceof StatusError) refusal = error;
      if (error instanceof LieError) gateways.lied(gateway, error.what);
      else gateways.silent(gateway, (error as Error).message, Date.now());
      reasons.push(`${gateway.origin}: ${(error as Error).message}`);
    }
  }
  if (refusal?.status === WITHDRAWN || refusal?.status === DENIED) throw new GoneError(refusal.status, refusal.reason);
  throw new NobodyError("the publication", reasons, gateways.order(0).length === 0, refusal?.status);
}

/** Something was altered. */
class LieError extends Error {
  constructor(readonly what: string) {
    super(`it altered ${what}`);
  }
}

async function fetchFrom(base: string, id: Cid, hash: Hash, fetch: Fetch): Promise<Bundle> {
  const [answer, record] = await Promise.all([
    read(`${base}/bundle`, BUNDLE_LEN_MAX, { fetch }),
    read(`${base}/record`, RECORD_LEN_MAX, { fetch }),
  ]);
  const { bytes, hash: hashed } = await hash(answer.bytes);
  if (!equal(hashed, id.hash)) throw new LieError("the bundle");
  const bundle = decodeBundle(new Uint8Array(bytes));
  try {
    verifyRecord(new Uint8Array(record.bytes), id, bundle.creator);
  } catch {
    throw new LieError("the creator's record");
  }
  return bundle;
}
