/** Numbers for people. */

/** `1:02:03` or `2:03`. */
export function clock(ms: number): string {
  const all = Math.round(ms / 1000);
  const [hours, minutes, seconds] = [Math.floor(all / 3600), Math.floor(all / 60) % 60, all % 60];
  const two = (value: number) => String(value).padStart(2, "0");
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds)}` : `${minutes}:${two(seconds)}`;
}

/** `1.4 MB`. */
export function bytes(count: number): string {
  if (count < 1000) return `${count} B`;
  const units = ["kB", "MB", "GB", "TB"];
  const power = Math.min(units.length, Math.floor(Math.log10(count) / 3));
  const value = count / 1000 ** power;
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${units[power - 1]}`;
}

/** `12.3 Mbit/s`. */
export function rate(bitsPerSecond: number): string {
  const mega = bitsPerSecond / 1e6;
  return mega >= 1
    ? `${mega < 100 ? mega.toFixed(1) : Math.round(mega)} Mbit/s`
    : `${Math.round(bitsPerSecond / 1000)} kbit/s`;
}

/** `3 segments`, `1 segment`; `many` where an `s` is not enough. */
export function count(number: number, noun: string, many = `${noun}s`): string {
  return `${number.toLocaleString("en")} ${number === 1 ? noun : many}`;
}

/** A date in the viewer's own way; `seconds` since 1970. */
export function day(seconds: number): string {
  return new Date(seconds * 1000).toLocaleDateString(undefined, { year: "numeric", month: "short", day: "numeric" });
}

/** The bytes that a text of hex digits writes. */
export function fromHex(text: string): Uint8Array {
  return new Uint8Array((text.match(/../g) ?? []).map((digits) => Number.parseInt(digits, 16)));
}

/** A text as the beginning of a sentence. */
export function sentence(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}.`;
}

export function hex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
