import { describe, expect, it } from "vitest";

import { gatewaysOf } from "./gateways";

const nothing = { getItem: () => null };

describe("the gateways of a page", () => {
  it("are those of the link, its own, and the stored ones, each once", () => {
    const page = new URL(
      "https://own.example/watch/b?gateways=https://one.example/path,http://127.0.0.1:8080,https://own.example",
    );
    const stored = { getItem: () => "https://kept.example,https://one.example" };
    expect(gatewaysOf(page, stored)).toEqual([
      "https://one.example",
      "http://127.0.0.1:8080",
      "https://own.example",
      "https://kept.example",
    ]);
  });

  it("leave out what is no web address", () => {
    const page = new URL("https://own.example/?gateways=javascript:alert(1),file:///etc,data:text/plain,,nonsense");
    expect(gatewaysOf(page, nothing)).toEqual(["https://own.example"]);
  });

  it("are few", () => {
    const many = Array.from({ length: 50 }, (_, at) => `https://g${at}.example`).join(",");
    expect(gatewaysOf(new URL(`https://own.example/?gateways=${many}`), nothing)).toHaveLength(8);
  });
});
