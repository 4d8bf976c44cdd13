/** WebVTT for chapters and for the thumbnails of the seek bar, written from the verified bundle. */

import type { Bundle, Strip } from "../trust/bundle";

/** One cue for each chapter; `duration` and positions in milliseconds. */
export function chapterCues({ chapters, duration }: Pick<Bundle, "chapters" | "duration">): string {
  const cues = chapters.map(({ at, title }, n) => cue(at, chapters[n + 1]?.at ?? duration, escape(title)));
  return ["WEBVTT", ...cues, ""].join("\n\n");
}

/** One cue for each thumbnail of a strip whose picture is at `url`. */
export function thumbnailCues(strip: Strip, url: string, duration: number): string {
  const cues = Array.from({ length: strip.count }, (_, n) => {
    const [x, y] = [(n % strip.columns) * strip.width, Math.floor(n / strip.columns) * strip.height];
    const end = n + 1 === strip.count ? Math.max(duration, (n + 1) * strip.every) : (n + 1) * strip.every;
    return cue(n * strip.every, end, `${url}#xywh=${x},${y},${strip.width},${strip.height}`);
  });
  return ["WEBVTT", ...cues, ""].join("\n\n");
}

function cue(from: number, to: number, text: string): string {
  return `${time(from)} --> ${time(to)}\n${text}`;
}

function time(ms: number): string {
  const part = (value: number, digits: number) => String(Math.floor(value)).padStart(digits, "0");
  return `${part(ms / 3_600_000, 2)}:${part((ms / 60_000) % 60, 2)}:${part((ms / 1000) % 60, 2)}.${part(ms % 1000, 3)}`;
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
