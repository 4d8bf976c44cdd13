/** Money, shares and refusals in words. */

import { bytes as lengthOf, sentence } from "../page/format";
import { span } from "../network/words";
import { StatusError } from "../trust/problem";
import type { Usage } from "./price";

const PPM_PER_PERCENT = 10_000;

/** What a refusal means for somebody who wants to watch, and what to do about it. */
const REFUSALS: Record<string, string> = {
  payment_required: "This gateway shows the title only to who pays, and knows another ledger. Try it at another gateway.",
  receipts_wanted: "The gateway waits for your acknowledgement of what it has sent. Check your connection, and play on.",
  grant_used_up: "All that you allowed for this title is used up.",
  grant_expired: "What you allowed for this title has ended with its time.",
  no_session: "The gateway does not know this session any more. Load the page again.",
  insufficient_funds: "There is not enough on your account. Top it up with a voucher, and try again.",
  unknown_code: "This ledger has sold no such code. Look for a letter that was mistyped.",
  code_used: "This code has been redeemed before, by somebody else.",
  no_agreement: "Nobody has agreed yet what this title costs, and who has a share in it.",
  too_many_requests: "The ledger has been asked too often. Wait a moment, and try again.",
};

export function refusalInWords(error: Error): string {
  const known = error instanceof StatusError ? (REFUSALS[error.code] ?? error.reason) : "";
  return known || sentence(error.message);
}

/** `12.5 %` */
export function percent(ppm: number): string {
  return `${(ppm / PPM_PER_PERCENT).toLocaleString("en", { maximumFractionDigits: 4 })} %`;
}

export function usageInWords({ bytes, ms }: Usage): string {
  return `${span(Number(ms) / 1000)}, ${lengthOf(Number(bytes))}`;
}
