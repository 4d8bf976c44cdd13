/** What a title costs, by how much of it was delivered (spec section 25). */

import { CborError, Fields, type Value } from "../trust/cbor";
import { amountIn, money } from "./amount";

const QUANTITY_MAX = 2 ** 32;
const MS_PER_S = 1000n;
const HOUR_S = 3600n;
const GIB = 1n << 30n;

export type Per = "byte" | "second" | "view";

/** `micro` for `of` bytes or seconds, or for one view of at least `of` seconds. */
export interface Price {
  readonly micro: bigint;
  readonly of: bigint;
  readonly per: Per;
}

/** What was delivered: bytes, and milliseconds played. */
export interface Usage {
  readonly bytes: bigint;
  readonly ms: bigint;
}

export function decodePrice(value: Value, where: string): Price {
  const fields = Fields.of(value, where, ["micro", "of", "per"]);
  const per = fields.text("per", 6);
  if (per !== "byte" && per !== "second" && per !== "view") throw new CborError(`${where}.per is ${per}`);
  return { micro: amountIn(fields, "micro"), of: BigInt(fields.integer("of", 1, QUANTITY_MAX)), per };
}

/** What this usage costs, rounded down, and at most `limit`. */
export function charge({ micro, of, per }: Price, usage: Usage, limit: bigint): bigint {
  const asked = {
    byte: () => (usage.bytes * micro) / of,
    second: () => (usage.ms * micro) / (MS_PER_S * of),
    view: () => (usage.ms >= MS_PER_S * of ? micro : 0n),
  }[per]();
  return asked < limit ? asked : limit;
}

/** The price in words, as `1.20 EUR per hour`. */
export function priceInWords({ micro, of, per }: Price, unit: string): string {
  if (micro === 0n) return "nothing";
  if (per === "second") return `${money((micro * HOUR_S) / of, unit)} per hour`;
  if (per === "byte") return `${money((micro * GIB) / of, unit)} per GiB`;
  return `${money(micro, unit)} once ${of} seconds have been played`;
}
