import { describe, expect, it } from "vitest";

import { homeOf } from "./home";

function tab() {
  const kept = new Map<string, string>();
  return { getItem: (key: string) => kept.get(key) ?? null, setItem: (key: string, value: string) => void kept.set(key, value) };
}

describe("the gateway of a page", () => {
  it("is the page's own origin, unless another is named; that one is kept for the tab", () => {
    const storage = tab();
    expect(homeOf(new URL("https://page.example/"), storage)).toBe("https://page.example");
    expect(homeOf(new URL("https://page.example/?gateway=http://127.0.0.1:8080/x"), storage)).toBe("http://127.0.0.1:8080");
    expect(homeOf(new URL("https://page.example/nodes"), storage)).toBe("http://127.0.0.1:8080");
  });

  it.each(["javascript:alert(1)", "ftp://a.example", "nonsense"])("is never %s", (bad) => {
    expect(homeOf(new URL(`https://page.example/?gateway=${bad}`), tab())).toBe("https://page.example");
  });
});
