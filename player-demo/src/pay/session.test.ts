import { afterEach, describe, expect, it, vi } from "vitest";

import { type Held, Session } from "./session";
import { freshPair, signerOf } from "./signer";

const ROOM = { bytes: 1_000_000n, ms: 1_000_000n };
const [FIRST, SECOND] = ["1".repeat(32), "2".repeat(32)];

async function held(): Promise<Held> {
  const signer = await signerOf(await freshPair());
  const grant = { serial: new Uint8Array(16) } as Held["grant"];
  return { grant, record: new Uint8Array(1), signer, network: new Uint8Array(32), stream: 0, room: ROOM };
}

const problem = (status: number, code: string) => Response.json({ code, detail: "" }, { status });

afterEach(() => vi.unstubAllGlobals());

describe("a session", () => {
  it("is opened again for its receipts where the gateway does not know it any more", async () => {
    const asked: string[] = [];
    const opened = [FIRST, SECOND];
    vi.stubGlobal("fetch", async (url: string) => {
      const path = new URL(url).pathname;
      asked.push(path);
      if (path === "/api/sessions") return Response.json({ session: opened.shift(), credit_bytes: 1000 }, { status: 201 });
      return path.includes(FIRST) ? problem(402, "no_session") : new Response(null, { status: 204 });
    });
    const session = await Session.open("http://gateway.test", await held());
    session.delivered({ len: 10, hash: new Uint8Array(32) });
    await session.acknowledge();
    session.close();
    const receipts = (id: string | undefined) => `/api/sessions/${id}/receipts`;
    expect(asked).toEqual(["/api/sessions", receipts(FIRST), "/api/sessions", receipts(SECOND)]);
    expect(session.address("http://gateway.test/x")).toContain(SECOND);
  });
});
