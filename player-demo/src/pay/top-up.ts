/** Codes that are worth money (spec section 25). */

import { decodeBase32 } from "../trust/base32";
import type { TopUp } from "./ledger";

const CODE_LEN = 16;
const AMOUNT_START = 5;
const AMOUNT_END = 10;

/** The code that somebody has typed; undefined where it is none. Dashes, spaces and case make no difference. */
export function parseTopUp(text: string): TopUp | undefined {
  const bytes = decodeBase32(text.replace(/[\s-]/g, "").toLowerCase());
  if (bytes?.length !== CODE_LEN) return undefined;
  const amount = bytes.slice(AMOUNT_START, AMOUNT_END).reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
  return { bytes, amount };
}
