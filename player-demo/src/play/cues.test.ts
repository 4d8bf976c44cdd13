import { expect, it } from "vitest";

import { chapterCues, thumbnailCues } from "./cues";

it("makes a cue of each chapter, up to the next one", () => {
  const chapters = [
    { at: 0, title: "Spring" },
    { at: 20_000, title: "Brook <b> & more" },
  ];
  expect(chapterCues({ chapters, duration: 45_500 })).toEqual([
    { start: 0, end: 20, text: "Spring" },
    { start: 20, end: 45.5, text: "Brook &lt;b&gt; &amp; more" },
  ]);
});

it("finds each thumbnail in the strip, row by row, and shows the last one to the end", () => {
  const file = { hash: new Uint8Array(32), len: 1, type: "image/jpeg" };
  const strip = { file, columns: 2, rows: 2, count: 3, every: 4000, width: 160, height: 90 };
  expect(thumbnailCues(strip, "blob:x", 13_000)).toEqual([
    { start: 0, end: 4, text: "blob:x#xywh=0,0,160,90" },
    { start: 4, end: 8, text: "blob:x#xywh=160,0,160,90" },
    { start: 8, end: 13, text: "blob:x#xywh=0,90,160,90" },
  ]);
});
