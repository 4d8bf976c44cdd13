import { expect, it } from "vitest";

import { reason } from "./problem";

it.each([
  ['{"title":"Gone","detail":"its creator withdrew it"}', "its creator withdrew it"],
  ['{"title":"Gone","detail":""}', "Gone"],
  ['{"detail":7}', ""],
  ["null", ""],
  ["<html>nginx</html>", ""],
  ["", ""],
  [`{"detail":"${"x".repeat(5000)}"}`, "x".repeat(300)],
])("reads %.60s", (body, words) => {
  expect(reason(body)).toBe(words);
});
