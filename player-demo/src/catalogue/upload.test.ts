import { expect, it } from "vitest";

import { ProgressReader } from "./upload";

it("reads progress as it grows, line by line", () => {
  const reader = new ProgressReader();
  const text =
    '{"stage":"packaging","fraction":0.25}\n{"stage":"storing","fraction":7}\n{"stage":"done","fraction":1,"watch":"/watch/b"}\n';
  expect(reader.take(text.slice(0, 20))).toEqual([]);
  expect(reader.take(text.slice(0, 50))).toMatchObject([{ stage: "packaging", fraction: 0.25 }]);
  expect(reader.take(text.slice(0, 50))).toEqual([]);
  expect(reader.take(text)).toMatchObject([
    { stage: "storing", fraction: 1 },
    { stage: "done", watch: "/watch/b" },
  ]);
});

it("takes a line that is no JSON for an error", () => {
  expect(new ProgressReader().take("<html>\n")[0]?.error).toContain("cannot be read");
});
