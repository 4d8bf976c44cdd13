import { describe, expect, it } from "vitest";

import type { Hour } from "./api";
import { cellName, detail, hoursOf, rowsOf, tally } from "./grid";
import { ago, short, span } from "./words";

function hour(at: number, result: Hour["result"], more: Partial<Hour> = {}): Hour {
  return { hour: at, result, audits: 1, failed: 0, asked: 8, proved: 8, tookMs: 12, reason: undefined, ...more };
}

const node = "8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c";

describe("the history as a grid", () => {
  const history = {
    hour: 1000,
    hours: 4,
    audited: 1,
    nodes: [{ id: node, hours: [hour(996, "corrupt"), hour(997, "proved"), hour(1000, "offline")] }],
  };

  it("has a place for every hour, the current one last", () => {
    expect(hoursOf(history)).toEqual([997, 998, 999, 1000]);
    const [row] = rowsOf(history);
    expect(row?.cells.map((cell) => cell?.result)).toEqual(["proved", undefined, undefined, "offline"]);
    expect(row && [...tally(row)]).toEqual([
      ["proved", 1],
      ["offline", 1],
    ]);
  });

  it("says node, time, verdict and reason of a cell", () => {
    const late = hour(1000, "offline", { audits: 12, failed: 3, reason: "no whole answer within 4 s" });
    const name = cellName(node, 1000, late);
    expect(name).toMatch(/^Node 8a88e3dd74, .+\d\d:\d\d–\d\d:\d\d: offline, no whole answer within 4 s; 3 of 12 audits/);
    expect(detail(hour(1, "proved"))).toBe("8 of 8 parts proved in 12 ms");
    expect(cellName(node, 999, undefined)).toMatch(/: no audit$/);
  });
});

describe("times in few words", () => {
  it.each([
    [0, "0 seconds"],
    [1, "1 second"],
    [119, "119 seconds"],
    [120, "2 minutes"],
    [7199, "119 minutes"],
    [7200, "2 hours"],
    [200_000, "2 days"],
  ])("%i seconds are %s", (seconds, words) => expect(span(seconds)).toBe(words));

  it("tells what never was, and shortens ids", () => {
    expect(ago(undefined, 5)).toBe("never");
    expect(ago(5, 5)).toBe("just now");
    expect(ago(5, 65)).toBe("60 seconds ago");
    expect(short(node)).toBe("8a88e3dd74");
    expect(short("bafyr4ihr7nwzdnaq")).toBe("bafyr4ih…wzdnaq");
  });
});
