/** Money in whole micro-units (spec section 25). */

import { CborError, type Fields } from "../trust/cbor";

/** The largest amount. */
export const AMOUNT_MAX = 2n ** 63n - 1n;
const MICRO = 1_000_000n;
const DIGITS = 6;
/** Fewest decimals that are written. */
const DECIMALS_MIN = 2;

/** The amount in a field. */
export function amountIn(fields: Fields, key: string): bigint {
  const amount = fields.exact(key, 0n);
  if (amount > AMOUNT_MAX) throw new CborError(`${fields.where}.${key} is above the largest amount`);
  return amount;
}

/** The amount that a ledger writes in JSON: whole units with six decimals. */
export function amountOf(text: unknown): bigint {
  if (typeof text !== "string" || !/^(0|[1-9]\d*)\.\d{6}$/.test(text)) throw new Error(`${String(text)} is no amount`);
  const amount = BigInt(text.replace(".", ""));
  if (amount > AMOUNT_MAX) throw new Error(`${text} is above the largest amount`);
  return amount;
}

/** The same the other way: `1.250000`, for programs. */
export function decimals(micro: bigint): string {
  return `${micro / MICRO}.${(micro % MICRO).toString().padStart(DIGITS, "0")}`;
}

/** `1.25 EUR`: exact, with two to six decimals. */
export function money(micro: bigint, unit: string): string {
  const part = (micro % MICRO).toString().padStart(DIGITS, "0").replace(/0+$/, "").padEnd(DECIMALS_MIN, "0");
  return `${(micro / MICRO).toLocaleString("en")}.${part} ${unit}`;
}
