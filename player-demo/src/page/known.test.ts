import { describe, expect, it } from "vitest";

import { isOwn, type Known, knownAs, letIn, strangersIn, withoutNames } from "./known";

const PAGE = "https://page.example/statement";
const EVIL: Known = { role: "ledger", origin: "https://evil.example", key: "ab".repeat(32), ledger: undefined };

function browser(kept: Record<string, string> = {}) {
  const store = new Map(Object.entries(kept));
  return { getItem: (key: string) => store.get(key) ?? null, setItem: (key: string, value: string) => void store.set(key, value) };
}

const strangers = (query: string, storage = browser()) => strangersIn(new URL(PAGE + query), storage).map(({ role, origin }) => `${role} ${origin}`);

describe("whom an address names", () => {
  it("is a stranger unless it is the page's own gateway or one of the settings", () => {
    const query = "?gateway=https://evil.example/x&gateways=https://page.example,https://kept.example,https://two.example&ledger=https://evil.example/";
    expect(strangers(query, browser({ "headwater.gateways": "https://kept.example" }))).toEqual(["gateway https://evil.example", "gateway https://two.example", "ledger https://evil.example"]);
    expect(strangers("?title=x")).toEqual([]);
    expect(strangers("?ledger=javascript:alert(1)&gateways=,")).toEqual([]);
  });

  it("is a stranger as a ledger even where the page came from it", () => {
    expect(strangers("?ledger=https://page.example")).toEqual(["ledger https://page.example"]);
  });

  it("is known once the reader has let it in, in that role alone", () => {
    const storage = browser();
    letIn([EVIL], storage);
    expect(strangers("?ledger=https://evil.example", storage)).toEqual([]);
    expect(strangers("?gateway=https://evil.example", storage)).toEqual(["gateway https://evil.example"]);
    expect(knownAs("ledger", EVIL.origin, storage)).toEqual(EVIL);
    letIn([{ ...EVIL, key: "cd".repeat(32) }], storage);
    expect(knownAs("ledger", EVIL.origin, storage)?.key).toBe("cd".repeat(32));
  });

  it("is left out of an address whole", () => {
    expect(withoutNames(new URL(`${PAGE}?gateway=a&gateways=b&ledger=c&title=d#e`)).href).toBe(`${PAGE}?title=d#e`);
  });

  it.each(["", "{", "[1,null]", '[{"role":"king","origin":"https://evil.example"}]'])("is no less strange when what is kept is %j", (kept) => {
    expect(strangers("?ledger=https://evil.example", browser({ "headwater.known": kept }))).toHaveLength(1);
  });
});

describe("a gateway", () => {
  it("is the page's own by its origin, or by this browser's settings", () => {
    const [page, storage] = [new URL(PAGE), browser({ "headwater.gateways": "nonsense,https://kept.example/" })];
    expect(["https://page.example", "https://kept.example", "https://page.example.evil.example", "http://page.example"].map((origin) => isOwn(origin, page, storage))).toEqual([true, true, false, false]);
  });
});
