import { afterEach, describe, expect, it, vi } from "vitest";

import { hex } from "../page/format";
import { LedgerClient } from "./ledger";

const [ISSUER, NETWORK, OTHER] = [1, 2, 3].map((byte) => new Uint8Array(32).fill(byte)) as [Uint8Array, Uint8Array, Uint8Array];

afterEach(() => vi.unstubAllGlobals());

describe("a ledger", () => {
  it("is refused where it is one of another network, or another one than it should be", async () => {
    const terms = { issuer: hex(ISSUER), network: hex(NETWORK), unit: "EUR", log: "log", epoch: 1, epoch_ends: 2 };
    vi.stubGlobal("fetch", async () => Response.json(terms));
    const open = (network: Uint8Array, issuer: Uint8Array) => LedgerClient.open("http://ledger.test", network, issuer);
    await expect(open(NETWORK, ISSUER)).resolves.toBeInstanceOf(LedgerClient);
    await expect(open(OTHER, ISSUER)).rejects.toThrow("another network");
    await expect(open(NETWORK, OTHER)).rejects.toThrow("another one");
  });
});
