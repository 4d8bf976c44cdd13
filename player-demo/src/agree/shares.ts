/** Shares as people write them: percentages of which four decimals are a millionth. */

const PPM_PER_PERCENT = 10_000;
const MICRO = 1_000_000n;

/** The millionths that a percentage writes; undefined where it writes none. Nothing is rounded. */
export function ppmOf(text: string): number | undefined {
  const [, whole, part = ""] = /^(\d{1,3})(?:[.,](\d{1,4}))?$/.exec(text.trim().replace(/\s*%$/, "")) ?? [];
  if (whole === undefined) return undefined;
  const ppm = Number(whole) * PPM_PER_PERCENT + Number(part.padEnd(4, "0"));
  return ppm <= 100 * PPM_PER_PERCENT ? ppm : undefined;
}

/** `33.3334`: the percentage, to be written into a field. */
export function percentOf(ppm: number): string {
  const part = String(ppm % PPM_PER_PERCENT).padStart(4, "0").replace(/0+$/, "");
  return `${Math.floor(ppm / PPM_PER_PERCENT)}${part && `.${part}`}`;
}

/** The micro-units that an amount of whole units writes; undefined where it writes none. */
export function microOf(text: string): bigint | undefined {
  const [, whole, part = ""] = /^(\d{1,12})(?:[.,](\d{1,6}))?$/.exec(text.trim()) ?? [];
  return whole === undefined ? undefined : BigInt(whole) * MICRO + BigInt(part.padEnd(6, "0"));
}

/** So many shares that are as equal as they can be; what is left over goes to the first ones. */
export function equalShares(count: number, whole: number): number[] {
  const each = Math.floor(whole / count);
  return Array.from({ length: count }, (_, at) => each + (at < whole - each * count ? 1 : 0));
}
