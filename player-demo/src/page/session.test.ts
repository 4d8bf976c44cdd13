import { describe, expect, it } from "vitest";

import { openSession, readSession } from "./session";

const HOME = "https://page.example";

function tab(hash: string, kept = "", home = HOME) {
  const store = new Map([["headwater.session", kept]]);
  const storage = {
    getItem: (key: string) => store.get(key) ?? null,
    setItem: (key: string, value: string) => void store.set(key, value),
  };
  let address = "";
  const history = { replaceState: (_: unknown, __: string, url: string) => void (address = url) };
  const location = { hash, pathname: "/watch/b", search: "?embed=1" };
  const session = openSession(location as Location, history as History, storage as Storage, home);
  return { session, address, kept: store.get("headwater.session") };
}

describe("what the fragment hands over", () => {
  it("is kept in the tab and leaves the address", () => {
    const { session, address, kept } = tab("#control=http://127.0.0.1:7000&token=secret&upload=up&operator=op");
    expect(session).toEqual({ control: { url: "http://127.0.0.1:7000", token: "secret" }, upload: "up", operator: "op" });
    expect(address).toBe("/watch/b?embed=1");
    expect(tab("", kept).session).toEqual(session);
  });

  it("goes to no other gateway that the tab is shown later", () => {
    const { kept } = tab("#upload=up&operator=op");
    expect(tab("", kept, "https://evil.example").session).toMatchObject({ upload: undefined, operator: undefined });
    const later = tab("#upload=other", kept, "https://other.example").kept;
    expect(tab("", later, "https://other.example").session).toMatchObject({ upload: "other", operator: undefined });
    expect(tab("", later).session).toMatchObject({ upload: undefined, operator: undefined });
  });

  it("leaves another fragment alone", () => {
    expect(tab("#main")).toMatchObject({ address: "", session: { control: undefined, upload: undefined } });
  });

  it.each([
    "http://attacker.example:80",
    "https://127.0.0.1.attacker.example:1",
    "http://127.0.0.1:70@attacker.example",
    "http://127.0.0.1:7000/path",
    "javascript:0",
  ])("never takes the token to %s", (control) => {
    expect(readSession(new URLSearchParams({ control, token: "secret" }), HOME).control).toBeUndefined();
  });
});
