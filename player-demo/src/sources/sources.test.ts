import { describe, expect, it } from "vitest";

import { readSources, tally } from "./sources";

const good = {
  data: 2,
  parity: 1,
  nodes: ["aa", "bb", "cc"],
  cells: [
    [10, 0, 0, "direct"],
    [11, 1, null, "rebuilt"],
    [12, 0, 2, "hedged"],
    [13, 1, null, "unknown"],
  ],
};

describe("sources", () => {
  it("are read and counted", () => {
    const sources = readSources(good);
    expect(sources?.cells[0]).toEqual({ column: 0, node: "aa", how: "direct" });
    expect(sources?.cells[1]).toEqual({ column: 1, node: undefined, how: "rebuilt" });
    expect(sources && tally(sources)).toEqual({ direct: 1, hedged: 1, rebuilt: 1, unknown: 1 });
  });

  const wrong: [string, unknown][] = [
    ["nothing", undefined],
    ["a text", "sources"],
    ["no columns", { ...good, data: 0 }],
    ["too many columns", { ...good, data: 1e9 }],
    ["a cell in a column that is not there", { ...good, cells: [[10, 2, 0, "direct"]] }],
    ["a cell that came in no known way", { ...good, cells: [[10, 0, 0, "magic"]] }],
    ["a cell that is none", { ...good, cells: [7] }],
    ["nodes that are no texts", { ...good, nodes: [1] }],
    ["endless cells", { ...good, cells: Array.from({ length: 30_000 }, () => [1, 0, 0, "direct"]) }],
  ];
  it.each(wrong)("are refused: %s", (_, answer) => {
    expect(readSources(answer)).toBeUndefined();
  });
});
