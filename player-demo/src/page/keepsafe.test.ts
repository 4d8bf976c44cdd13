import { describe, expect, it } from "vitest";

import { freshKeepsafe, openUnder, sealUnder } from "./keepsafe";

const VALUE = { link: "https://gateway.example/s/id#the-secret-of-the-link", shareSeed: "seed" };

describe("what is kept safe", () => {
  it("comes back, and cannot be read from what is kept", async () => {
    const key = await freshKeepsafe();
    const kept = await sealUnder(key, "id", VALUE);
    expect(await openUnder(key, kept)).toEqual(VALUE);
    expect(new TextDecoder("latin1").decode(kept.sealed)).not.toMatch(/secret|seed|gateway/);
    expect(Object.keys(kept)).toEqual(["id", "nonce", "sealed"]);
    expect((await sealUnder(key, "id", VALUE)).nonce).not.toEqual(kept.nonce);
  });

  it("is under a key that is given to nobody", async () => {
    const key = await freshKeepsafe();
    for (const form of ["raw", "jwk"] as const) await expect(crypto.subtle.exportKey(form, key)).rejects.toThrow();
  });

  it("is refused under another id, another key, and with one bit changed", async () => {
    const key = await freshKeepsafe();
    const kept = await sealUnder(key, "id", VALUE);
    const spoilt = kept.sealed.map((byte, at) => (at === 3 ? byte ^ 1 : byte));
    await expect(openUnder(key, { ...kept, id: "other" })).rejects.toThrow();
    await expect(openUnder(await freshKeepsafe(), kept)).rejects.toThrow();
    await expect(openUnder(key, { ...kept, sealed: spoilt })).rejects.toThrow();
  });
});
