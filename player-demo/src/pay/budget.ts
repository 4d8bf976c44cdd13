/** What a viewer has allowed for one title: one sum for all gateways, grants and tabs, and what receipts may have taken of it. */

import { AMOUNT_MAX } from "./amount";
import { charge, type Price, type Usage } from "./price";

export interface Budget {
  /** All that was ever allowed, in micro-units. */
  readonly allowed: bigint;
  /** The most that the receipts of a stream may say, by its name: `GRANT/NUMBER`. */
  readonly taken: Readonly<Record<string, Usage>>;
}

export const NOTHING_ALLOWED: Budget = { allowed: 0n, taken: {} };
/** Streams that are remembered; what older ones have taken is taken off what was allowed. */
const STREAMS_MAX = 128;
const NO_USAGE: Usage = { bytes: 0n, ms: 0n };

/** The most that all receipts together may cost. Each grant is charged on its own. */
export function takenOf({ taken }: Budget, price: Price): bigint {
  const grants = new Map<string, Usage>();
  for (const [name, usage] of Object.entries(taken)) {
    const grant = name.split("/")[0] as string;
    grants.set(grant, sum(grants.get(grant) ?? NO_USAGE, usage));
  }
  return [...grants.values()].reduce((all, usage) => all + charge(price, usage, AMOUNT_MAX), 0n);
}

/** What is left of what was allowed. */
export function leftOf(budget: Budget, price: Price): bigint {
  const left = budget.allowed - takenOf(budget, price);
  return left > 0n ? left : 0n;
}

/** Allows so much from now on, whatever was left before. */
export function allow(budget: Budget, price: Price, micro: bigint): Budget {
  const kept = Object.fromEntries(Object.entries(budget.taken).slice(-STREAMS_MAX));
  const slim = { ...budget, taken: kept };
  return { ...slim, allowed: takenOf(slim, price) + micro };
}

/** Lets a stream sign for `wanted`, or for as much of it as is left; for no less than before. */
export function take(budget: Budget, price: Price, stream: string, wanted: Usage): Budget {
  const before = budget.taken[stream] ?? NO_USAGE;
  const withUsage = (usage: Usage): Budget => ({ ...budget, taken: { ...budget.taken, [stream]: usage } });
  const fits = (usage: Usage) => takenOf(withUsage(usage), price) <= budget.allowed;
  return withUsage(mostThat(fits, price, before, greatest(before, wanted)));
}

/** A stream has ended with this usage: it needs no more of what it has taken. */
export function giveBack(budget: Budget, stream: string, usage: Usage): Budget {
  const before = budget.taken[stream];
  return before ? { ...budget, taken: { ...budget.taken, [stream]: least(before, usage) } } : budget;
}

/** As much of `limit` as `micro` pays for. */
export function within(price: Price, limit: Usage, micro: bigint): Usage {
  return mostThat((usage) => charge(price, usage, AMOUNT_MAX) <= micro, price, NO_USAGE, limit);
}

/** The most between `from` and `to` that fits; only what is paid for is made less. */
function mostThat(fits: (usage: Usage) => boolean, { per }: Price, from: Usage, to: Usage): Usage {
  if (fits(to)) return to;
  const paid = per === "byte" ? "bytes" : "ms";
  let [low, high] = [from[paid], to[paid]];
  while (low + 1n < high) {
    const middle = (low + high) / 2n;
    if (fits({ ...to, [paid]: middle })) low = middle;
    else high = middle;
  }
  return { ...to, [paid]: low };
}

export function sum(one: Usage, other: Usage): Usage {
  return { bytes: one.bytes + other.bytes, ms: one.ms + other.ms };
}

export function least(one: Usage, other: Usage): Usage {
  return { bytes: one.bytes < other.bytes ? one.bytes : other.bytes, ms: one.ms < other.ms ? one.ms : other.ms };
}

function greatest(one: Usage, other: Usage): Usage {
  return { bytes: one.bytes > other.bytes ? one.bytes : other.bytes, ms: one.ms > other.ms ? one.ms : other.ms };
}
