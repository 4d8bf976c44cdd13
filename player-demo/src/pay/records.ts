/** The records that a viewer signs, and those that the ledger answers with (spec sections 10, 11 and 25). */

import { CborError, equal, Fields, mapOf, type Value } from "../trust/cbor";
import { openSigned } from "../trust/record";
import { keyIn } from "./agreement";
import { amountIn } from "./amount";
import type { Delivered } from "./delivered";
import type { Usage } from "./price";

/** Streams of one session; each tab or connection takes one. */
export const STREAMS_MAX = 16;

/** What a viewer asks the ledger for. */
export interface SessionRequest {
  readonly agreement: Uint8Array;
  /** Whether the page came from this very gateway. */
  readonly attested: boolean;
  readonly charge: bigint;
  readonly epoch: bigint;
  readonly gateway: Uint8Array;
  /** Seconds since 1970. */
  readonly issued: number;
  readonly limit: Usage;
  readonly session: Uint8Array;
  /** Whose money it is, where it is not the viewer's own. */
  readonly budget?: { readonly id: Uint8Array; readonly payer: Uint8Array };
}

/** What the ledger answers: up to so much may be delivered and will be paid. */
export interface SessionGrant {
  readonly agreement: Uint8Array;
  readonly charge: bigint;
  readonly expires: number;
  readonly gateway: Uint8Array;
  readonly limit: Usage;
  readonly serial: Uint8Array;
  readonly session: Uint8Array;
  readonly starts: number;
}

/** What the session key says has been delivered on one stream, all in all. */
export interface DeliveryReceipt {
  readonly delivered: Delivered;
  readonly seq: number;
  readonly serial: Uint8Array;
  readonly stream: number;
  readonly usage: Usage;
}

export function requestBody({ limit, budget, ...request }: SessionRequest): Value {
  return mapOf({ ...request, limit: mapOf({ ...limit }), ...(budget && { budget: mapOf({ ...budget }) }) });
}

export function receiptBody({ delivered, usage, ...receipt }: DeliveryReceipt): Value {
  if (receipt.stream < 0 || receipt.stream >= STREAMS_MAX) throw new Error(`there is no stream ${receipt.stream}`);
  return mapOf({ ...receipt, delivered: mapOf({ ...delivered }), usage: mapOf({ ...usage }) });
}

/** A deposit of the signer; `id` is its own among theirs. */
export function depositBody(deposit: { amount: bigint; id: Uint8Array; issued: number; unit: string; remark?: string }): Value {
  return mapOf(deposit);
}

/** A question about the signer's own accounts, to the ledger at this host (with its port, where that is not the scheme's): no other one answers it. */
export function inquiryBody(inquiry: { host: string; issued: number; what: string; epoch?: bigint }): Value {
  return mapOf(inquiry);
}

/** The grant that `bytes` write, signed by this ledger for this network. */
export function decodeGrant(bytes: Uint8Array, issuer: Uint8Array, network: Uint8Array): SessionGrant {
  const keys = ["agreement", "alias", "attested", "charge", "epoch", "expires", "gateway", "limit", "serial", "session", "starts"];
  const fields = Fields.of(bodyOf(bytes, "session_grant", issuer, network), "session_grant", keys);
  fields.bytes("alias", 32);
  fields.bool("attested");
  fields.u64("epoch");
  return {
    agreement: fields.bytes("agreement", 32),
    charge: amountIn(fields, "charge"),
    expires: fields.u64("expires"),
    gateway: keyIn(fields, "gateway"),
    limit: usageIn(fields, "limit"),
    serial: fields.bytes("serial", 16),
    session: keyIn(fields, "session"),
    starts: fields.u64("starts"),
  };
}

/** The body of a record of this type that `signer` has signed for this network. */
export function bodyOf(bytes: Uint8Array, type: string, signer: Uint8Array, network: Uint8Array): Value {
  const opened = openSigned(bytes, type);
  if (!equal(opened.network, network)) throw new CborError(`the ${type} is for another network`);
  if (!equal(opened.by, signer)) throw new CborError(`the ${type} is signed by another key than it should be`);
  return opened.body;
}

export function usageIn(fields: Fields, key: string): Usage {
  const usage = Fields.of(fields.value(key), `${fields.where}.${key}`, ["bytes", "ms"]);
  return { bytes: usage.exact("bytes", 0n), ms: usage.exact("ms", 0n) };
}
