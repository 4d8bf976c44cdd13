import { describe, expect, it } from "vitest";

import { besidePlays, byTitle, earnedIn, readStatement, spentIn, sumOf, toCsv } from "./statement";

const line = (content: string, more: object = {}) => ({ index: 7, content, creator: "c0", gateway: "60", attested: true, plays: 2, bytes: 500, ms: 61_500, paid: "1.000000", earned: "0.830001", ...more });
const roles = { party: "1.660002", gateway: "0.000000", node: "0.100000", network: "0.000000" };
const given = {
  party: "ab",
  unit: "EUR",
  epochs: [
    { epoch: 3, settled: 1_800_000_000, roles, lines: [line("one"), line("two", { earned: "9007199254740.000001" })], more: false },
    { epoch: 4, settled: 1_800_086_400, roles, lines: [line("one", { plays: 1 })] },
  ],
};

describe("a statement", () => {
  it("is read to the last micro-unit, and added up", () => {
    const statement = readStatement(given);
    expect(statement.epochs.map(earnedIn)).toEqual([1_760_002n, 1_760_002n]);
    expect(spentIn(statement)).toBe(0n);
    const own = readStatement({ party: "ab", unit: "EUR", epochs: [{ epoch: 3, settled: 1, roles, lines: [line("one", { own: true, paid: "2.500000" }), line("two"), line("three", { own: "yes" })], more: false }] });
    expect(spentIn(own)).toBe(2_500_000n);
    expect(sumOf(statement.epochs[0]?.lines ?? [])).toEqual({ plays: 4, seconds: 123, earned: 9_007_199_254_740_830_002n });
  });

  it("is grouped by title, the one that earned most first", () => {
    const titles = byTitle(readStatement(given));
    expect(titles.map(({ content, sum }) => [content, sum.plays])).toEqual([["two", 2], ["one", 3]]);
  });

  it("becomes CSV that is no formula", () => {
    const statement = readStatement({ ...given, epochs: [{ ...given.epochs[0], lines: [line('=1+"1"')] }] });
    const [head, row, end] = toCsv(statement).split("\r\n");
    expect(head).toBe("epoch,settled,index,kind,agreement,content,licence,gateway,node,attested,plays,bytes,ms,unit,charged,paid,earned");
    expect(row).toBe(`3,2027-01-15T08:00:00Z,7,plays,,"'=1+""1""",,60,,true,2,500,61500,EUR,1.000000,0.000000,0.830001`);
    expect(end).toBe("");
  });

  it("has a row for all that was paid or earned beside plays", () => {
    const sales = [{ index: 8, agreement: "a0", licence: "11", resale: true, paid: "3.000000", earned: "0.000000", own: true }];
    const carried = [{ index: 9, kind: "carrier", gateway: "60", node: "20", bytes: 9, charged: "0.500000", paid: "0.100000", earned: "0.000000" }];
    const statement = readStatement({ ...given, epochs: [{ ...given.epochs[0], lines: [], sales, carried }] });
    expect(spentIn(statement)).toBe(3_100_000n);
    expect(besidePlays(statement).map(({ epoch, row }) => [epoch, row.kind, row.index])).toEqual([[3, "resale", 8], [3, "carrier", 9]]);
    expect(toCsv(statement).split("\r\n").slice(1, 3)).toEqual([
      "3,2027-01-15T08:00:00Z,8,resale,a0,,11,,,,,,,EUR,3.000000,3.000000,0.000000",
      "3,2027-01-15T08:00:00Z,9,carrier,,,,60,20,,,9,,EUR,0.500000,0.100000,0.000000",
    ]);
    expect(() => readStatement({ ...given, epochs: [{ ...given.epochs[0], carried: [{ ...carried[0], kind: "x" }] }] })).toThrow();
  });

  it.each([{}, { ...given, epochs: 1 }, { ...given, epochs: [{}] }, { ...given, epochs: [{ ...given.epochs[0], lines: [line("a", { paid: "1" })] }] }])(
    "refuses what is none: %j",
    (bad) => expect(() => readStatement(bad)).toThrow(),
  );
});
