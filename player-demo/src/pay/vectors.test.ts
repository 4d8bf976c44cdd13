/** The golden vectors about money, which code that shares nothing with this page has made. */

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

import { fromHex, hex } from "../page/format";
import { decodeCanonical, encodeCanonical, type Value } from "../trust/cbor";
import { openSigned, signRecord } from "../trust/record";
import { decodeAgreement, encodeAgreement } from "./agreement";
import { apportion, compareNumbers } from "./apportion";
import { andSegment, NOTHING, serialOf } from "./delivered";
import { decodeGrant, depositBody, receiptBody, requestBody } from "./records";

interface Vector {
  readonly name: string;
  readonly error?: string;
  readonly [field: string]: unknown;
}

/** Numbers that JSON would round are left as texts. */
function vectors(file: string): { network: string; vectors: Vector[] } {
  const text = readFileSync(new URL(`../../../docs/vectors/ledger/${file}`, import.meta.url), "utf8");
  return JSON.parse(text.replace(/(?<=[[ ])\d{16,}(?=[,\]}])/g, '"$&"')) as never;
}

const bytesOf = (vector: Vector, field: string) => fromHex(vector[field] as string);

describe("agreements", () => {
  const { vectors: all } = vectors("agreements.json");
  it.each(all.filter((vector) => vector.error === undefined))("accepts $name", async (vector) => {
    const agreement = await decodeAgreement(bytesOf(vector, "agreement"));
    expect(agreement.id).toBe(vector.id);
    const { id, ...parts } = agreement;
    expect(hex(encodeAgreement(parts))).toBe(vector.agreement);
  });
  it.each(all.filter((vector) => vector.error !== undefined))("refuses $name", async (vector) => {
    await expect(decodeAgreement(bytesOf(vector, "agreement"))).rejects.toThrow();
  });
});

describe("shares", () => {
  const { vectors: all } = vectors("shares.json") as unknown as { vectors: Record<string, (string | number)[]>[] };
  it.each(all)("are as large as they must be: $whole by $weights", ({ whole, keys, weights, parts }) => {
    const weighted = weights?.map((weight, at) => [keys?.[at] as number, BigInt(weight)] as const) ?? [];
    expect(apportion(BigInt(whole as unknown as string), weighted, compareNumbers)).toEqual(parts?.map(BigInt));
  });
});

describe("what follows from what", () => {
  const derived = new Map(vectors("derived.json").vectors.map((vector) => [vector.name, vector]));
  const named = (name: string) => derived.get(name) as Vector;

  it("a serial from a request", () => {
    const { body, by } = openSigned(bytesOf(named("serial"), "request"), "session_request");
    expect(hex(serialOf(by, body))).toBe(named("serial").serial);
  });

  it("a hash from the segments that were delivered", () => {
    const { segments, hash } = named("delivered") as unknown as { segments: string[]; hash: string };
    const delivered = segments.map(fromHex).reduce(andSegment, NOTHING);
    expect([delivered.count, hex(delivered.hash)]).toEqual([segments.length, hash]);
  });
});

describe("records", () => {
  const { network, vectors: all } = vectors("records.json");
  const of = (type: string) => all.filter((vector) => vector.name.startsWith(`${type}:`));

  /** The body of a vector, in the page's own words. */
  const bodies: Record<string, (body: never) => Value> = {
    session_request: (body: { limit: Record<string, string>; budget?: Record<string, string> } & Record<string, string>) =>
      requestBody({
        ...body,
        ...bytesIn(body, ["agreement", "gateway", "session"]),
        charge: BigInt(body.charge as string),
        epoch: BigInt(body.epoch as string),
        limit: { bytes: BigInt(body.limit.bytes as string), ms: BigInt(body.limit.ms as string) },
        ...(body.budget && { budget: bytesIn(body.budget, ["id", "payer"]) }),
      } as never),
    delivery_receipt: (body: { delivered: { count: number; hash: string }; usage: Record<string, string> } & Record<string, string>) =>
      receiptBody({
        ...body,
        ...bytesIn(body, ["serial"]),
        delivered: { ...body.delivered, hash: fromHex(body.delivered.hash) },
        usage: { bytes: BigInt(body.usage.bytes as string), ms: BigInt(body.usage.ms as string) },
      } as never),
    deposit: (body: Record<string, string>) =>
      depositBody({ ...body, ...bytesIn(body, ["id"]), amount: BigInt(body.amount as string) } as never),
  };

  const ours = Object.keys(bodies).flatMap((type) => of(type).filter((vector) => vector.error === undefined));
  it.each(ours)("writes $name", async (vector) => {
    const type = vector.type as string;
    const bytes = bytesOf(vector, "record");
    const record = decodeCanonical(bytes, 4096) as Map<string, Uint8Array>;
    const signer = { key: bytesOf(vector, "by"), sign: async () => record.get("sig") as Uint8Array };
    const body = bodies[type]?.(vector.body as never) as Value;
    expect(hex(await signRecord(type, body, fromHex(network), signer))).toBe(hex(bytes));
    // The signature in the vector is over just this body.
    expect(openSigned(bytes, type).body).toEqual(decodeCanonical(encodeCanonical(body), 4096));
  });

  const grants = of("session_grant");
  const issuer = (grants[0] as Vector).by as string;
  const read = (vector: Vector) => decodeGrant(bytesOf(vector, "record"), fromHex(issuer), fromHex(network));
  it.each(grants.filter((vector) => vector.error === undefined))("accepts $name", (vector) => {
    const grant = read(vector);
    const body = vector.body as Record<string, unknown>;
    expect([hex(grant.serial), hex(grant.gateway), grant.charge]).toEqual([body.serial, body.gateway, BigInt(body.charge as number)]);
  });
  it.each(grants.filter((vector) => vector.error !== undefined))("refuses $name", (vector) => {
    expect(() => read(vector)).toThrow();
  });
});

function bytesIn(body: Record<string, string>, keys: string[]): Record<string, Uint8Array> {
  return Object.fromEntries(keys.map((key) => [key, fromHex(body[key] as string)]));
}
