/** A health link: who reads is told, a wrong passcode is counted, the record is shown; a file that was altered is not. */

import { readFileSync } from "node:fs";

import { toBase64Url } from "../src/sealed/base64url";
import { json, refuse, SealedStub } from "./sealed-stub";
import { assert } from "./target";
import { type ViewerBench, VIEWER_FILE } from "./viewer-bench";

const WAIT = { timeout: 20_000 };

export async function health(bench: ViewerBench): Promise<string> {
  const gateway = await SealedStub.start();
  const key = crypto.getRandomValues(new Uint8Array(32));
  const jwe = await seal(readFileSync(new URL("patient.json", import.meta.url)), key);
  const altered = `${jwe.slice(0, -30)}${jwe.at(-30) === "A" ? "B" : "A"}${jwe.slice(-29)}`;
  let sent = altered;
  gateway.uploads = async (path, body, answer) => {
    if (path !== "/shl/abc") return false;
    const { passcode, recipient } = JSON.parse(body.toString()) as { passcode?: string; recipient?: string };
    if (passcode !== "1234" || !recipient) refuse(answer, 401, "wrong_passcode", { remainingAttempts: 3 });
    else json(answer, 200, { status: "finalized", files: [{ contentType: "application/fhir+json", embedded: sent }] });
    return true;
  };
  const payload = { url: `${gateway.origin}/shl/abc`, key: toBase64Url(key), flag: "P", label: "Discharge" };
  const link = `shlink:/${toBase64Url(new TextEncoder().encode(JSON.stringify(payload)))}`;
  await bench.visit(`${VIEWER_FILE}#${link}`, async (page) => {
    await page.fill("#recipient", "Dr Reader");
    await page.fill("#passcode", "0000");
    await page.click(".ask button");
    await page.getByText("3 attempts are left").waitFor(WAIT);
    await page.fill("#passcode", "1234");
    await page.click(".ask button");
    await page.getByText("it was altered").waitFor(WAIT);
    sent = jwe;
    await page.click(".ask button");
    const row = await page.textContent(".record tbody tr", WAIT);
    assert(row?.includes("Haemoglobin") && row.includes("13.2 g/dL"), `the first observation reads ${row}`);
  });
  const seen = gateway.seen.join("\n");
  gateway.stop();
  assert(seen.includes("Dr Reader") && !seen.includes(payload.key), "the reader is not named, or the key went to the gateway");
  return "a wrong passcode, an altered file, and the record";
}

async function seal(plain: Uint8Array, key: Uint8Array<ArrayBuffer>): Promise<string> {
  const header = toBase64Url(new TextEncoder().encode(JSON.stringify({ alg: "dir", enc: "A256GCM", cty: "application/fhir+json" })));
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const imported = await crypto.subtle.importKey("raw", key, "AES-GCM", false, ["encrypt"]);
  const options = { name: "AES-GCM", iv, additionalData: new TextEncoder().encode(header) };
  const sealed = new Uint8Array(await crypto.subtle.encrypt(options, imported, new Uint8Array(plain)));
  return [header, "", toBase64Url(iv), toBase64Url(sealed.subarray(0, -16)), toBase64Url(sealed.subarray(-16))].join(".");
}
