/** The names that the industry gives to recordings, works, contents and people, with their check digits (spec section 25). */

import { decodeBase32 } from "../trust/base32";
import { CborError, type Fields } from "../trust/cbor";

const LEN_MAX = 128;

const RULES = { ipi: isIpi, iscc: isIscc, isrc: isIsrc, iswc: isIswc };

/** The identifier in the field of its name, where there is one. */
export function identifierIn(fields: Fields, key: keyof typeof RULES): string | undefined {
  const text = fields.optional(key, (key) => fields.text(key, LEN_MAX));
  if (text !== undefined && !RULES[key](text)) throw new CborError(`${fields.where}.${key} is ${JSON.stringify(text)}`);
  return text;
}

/** ISO 3901. */
function isIsrc(text: string): boolean {
  return /^[A-Z]{2}[A-Z0-9]{3}\d{7}$/.test(text);
}

/** ISO 15707. */
function isIswc(text: string): boolean {
  return /^T\d{10}$/.test(text) && (1 + weighted(text.slice(1), [1, 2, 3, 4, 5, 6, 7, 8, 9, 1])) % 10 === 0;
}

/** IPI name number. */
function isIpi(text: string): boolean {
  return /^\d{11}$/.test(text) && weighted(text, [10, 9, 8, 7, 6, 5, 4, 3, 2, 10, 1]) % 101 === 0;
}

/** ISO 24138: a whole code of version 0 with two units of 64 bits, and those that its header names. */
function isIscc(text: string): boolean {
  if (!/^ISCC:[A-Z2-7]+$/.test(text)) return false;
  const [types = 0, rest = 0, ...body] = decodeBase32(text.slice(5).toLowerCase()) ?? [];
  const units = rest & 15;
  const optional = [1, 2, 4].filter((bit) => units & bit).length;
  return types >> 4 === 5 && rest >> 4 === 0 && units < 8 && body.length === 8 * (2 + optional);
}

function weighted(digits: string, weights: readonly number[]): number {
  return weights.reduce((sum, weight, at) => sum + weight * Number(digits[at]), 0);
}
