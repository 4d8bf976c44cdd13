/** Times and ids in few words. */

import { count } from "../page/format";

const STEPS: readonly (readonly [number, string])[] = [
  [86_400, "day"],
  [3600, "hour"],
  [60, "minute"],
  [1, "second"],
];

/** `3 hours`: the largest unit that fits at least twice, or once where nothing smaller does. */
export function span(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [size, name] = STEPS.find(([size]) => whole >= 2 * size) ?? [1, "second"];
  return count(Math.floor(whole / size), name);
}

/** `3 hours ago`; `now` and `then` in seconds since 1970. */
export function ago(then: number | undefined, now: number): string {
  if (then === undefined) return "never";
  return now - then < 2 ? "just now" : `${span(now - then)} ago`;
}

/** Enough of a node's id, or of an address, to tell it from others. */
export function short(id: string): string {
  return id.startsWith("bafy") ? `${id.slice(0, 8)}…${id.slice(-6)}` : id.slice(0, 10);
}

/** `Thu 14:00–15:00`, in the viewer's own time. */
export function hourName(hour: number): string {
  const at = (hour: number) => new Date(hour * 3_600_000);
  const day = at(hour).toLocaleDateString(undefined, { weekday: "short", day: "numeric", month: "short" });
  return `${day}, ${clockOf(at(hour))}–${clockOf(at(hour + 1))}`;
}

export function clockOf(at: Date): string {
  return at.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
}
