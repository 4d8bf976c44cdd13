import { expect, test } from "vitest";

import { type Json, label, line } from "./values";

test.each<[string, Json, string | undefined]>([
  ["a date and time", "2026-03-01T08:30:00Z", "2026-03-01 08:30 UTC"],
  ["a concept with a text", { coding: [{ code: "1" }], text: "Blood pressure" }, "Blood pressure"],
  ["a concept without", { coding: [{ code: "1", display: "One" }, { code: "2" }] }, "One, 2"],
  ["a name", { family: "Example", given: ["Ada", "B."], prefix: ["Dr"] }, "Dr Ada B. Example"],
  ["a quantity", { value: 7.5, unit: "mg", comparator: "<" }, "< 7.5 mg"],
  ["a period that goes on", { start: "2026-01-01" }, "2026-01-01 – …"],
  ["a range", { low: { value: 1, unit: "g" }, high: { value: 2, unit: "g" } }, "1 g – 2 g"],
  ["a reference", { reference: "Patient/1", display: "Ada" }, "Ada"],
  ["a telephone", { system: "phone", value: "123", use: "home" }, "123"],
  ["an identifier", { system: "urn:x", value: "A-1" }, "A-1"],
  ["an address", { line: ["1 Street"], city: "Town", postalCode: "9" }, "1 Street, 9 Town"],
  ["a list", ["a", true, 3], "a; true; 3"],
  ["a part with parts", { attachment: { title: "x" } }, undefined],
  ["nothing", null, undefined],
])("%s", (_, value, expected) => {
  expect(line(value)).toBe(expected);
});

test("fields are called as people call them", () => {
  expect(["birthDate", "valueQuantity", "effectiveDateTime", "status"].map(label)).toEqual(["Birth date", "Value", "Effective", "Status"]);
});
