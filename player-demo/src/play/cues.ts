/** Cues for chapters and for the thumbnails of the seek bar, from the verified bundle. */

import type { Bundle, Strip } from "../trust/bundle";

/** A cue; times in seconds. */
export interface Cue {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** One cue for each chapter. */
export function chapterCues({ chapters, duration }: Pick<Bundle, "chapters" | "duration">): Cue[] {
  return chapters.map(({ at, title }, n) => cue(at, chapters[n + 1]?.at ?? duration, escape(title)));
}

/** One cue for each thumbnail of a strip whose picture is at `url`; `duration` in milliseconds. */
export function thumbnailCues(strip: Strip, url: string, duration: number): Cue[] {
  return Array.from({ length: strip.count }, (_, n) => {
    const [x, y] = [(n % strip.columns) * strip.width, Math.floor(n / strip.columns) * strip.height];
    const end = n + 1 === strip.count ? Math.max(duration, (n + 1) * strip.every) : (n + 1) * strip.every;
    return cue(n * strip.every, end, `${url}#xywh=${x},${y},${strip.width},${strip.height}`);
  });
}

function cue(from: number, to: number, text: string): Cue {
  return { start: from / 1000, end: to / 1000, text };
}

/** The controls read the texts of cues as HTML. */
function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
