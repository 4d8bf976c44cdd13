/** The largest remainder: whole micro-units are shared out without losing one (spec section 25). */

/** Which of two keys is the lesser, as for `sort`. */
export type Compare<K> = (one: K, other: K) => number;

/**
 * `whole` in parts that are in proportion to the weights, in their order, and add up to it exactly.
 *
 * Keys are different from each other. Where all weights are 0 nobody has a share.
 */
export function apportion<K>(
  whole: bigint,
  weights: readonly (readonly [K, bigint])[],
  compare: Compare<K>,
): bigint[] | undefined {
  const sum = weights.reduce((sum, [, weight]) => sum + weight, 0n);
  if (sum === 0n) return undefined;
  const parts = weights.map(([, weight]) => (whole * weight) / sum);
  const leftOver = whole - parts.reduce((sum, part) => sum + part, 0n);
  const order = weights.map(([key, weight], at) => ({ at, key, remainder: (whole * weight) % sum }));
  order.sort((one, other) => compareNumbers(other.remainder, one.remainder) || compare(one.key, other.key));
  for (const { at } of order.slice(0, Number(leftOver))) parts[at] = (parts[at] as bigint) + 1n;
  return parts;
}

export function compareNumbers(one: bigint | number, other: bigint | number): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

/** Byte by byte. */
export function compareBytes(one: Uint8Array, other: Uint8Array): number {
  const at = one.findIndex((byte, at) => byte !== other[at]);
  return at < 0 ? one.length - other.length : compareNumbers(one[at] as number, other[at] ?? -1);
}
