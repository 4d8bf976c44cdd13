import { expect, test } from "vitest";

import { toBase64Url } from "../sealed/base64url";
import { openJwe } from "./jwe";
import { healthLinkIn } from "./link";

const key = Uint8Array.from({ length: 32 }, (_, at) => at);
const text = (value: string) => new TextEncoder().encode(value);
const linkOf = (payload: object) => `shlink:/${toBase64Url(text(JSON.stringify(payload)))}`;
const whole = { url: "https://g.example/shl/abc", key: toBase64Url(key), flag: "LP", label: "A record", exp: 1_900_000_000 };

test("health links are found alone and behind the # of a page", () => {
  const parsed = { url: whole.url, key, expires: whole.exp, flags: "LP", label: "A record" };
  expect(healthLinkIn(linkOf(whole))).toEqual(parsed);
  expect(healthLinkIn(`file:///viewer.html#${linkOf({ ...whole, v: 1, unknown: true })}`)).toEqual(parsed);
  expect(healthLinkIn("https://g.example/s/abc#def")).toBeUndefined();
});

test.each([
  ["another version", { ...whole, v: 2 }],
  ["a short key", { ...whole, key: toBase64Url(key.subarray(1)) }],
  ["an address that is none", { ...whole, url: "javascript:alert(1)" }],
  ["a long address", { ...whole, url: `https://g.example/${"a".repeat(128)}` }],
])("a health link with %s is refused", (_, payload) => {
  expect(() => healthLinkIn(linkOf(payload))).toThrow();
});

async function seal(plain: Uint8Array, header: object): Promise<string> {
  const head = toBase64Url(text(JSON.stringify(header)));
  const iv = new Uint8Array(12).fill(7);
  const imported = await crypto.subtle.importKey("raw", key, "AES-GCM", false, ["encrypt"]);
  const sealed = new Uint8Array(await crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData: text(head) }, imported, plain as Uint8Array<ArrayBuffer>));
  return [head, "", toBase64Url(iv), toBase64Url(sealed.subarray(0, -16)), toBase64Url(sealed.subarray(-16))].join(".");
}

async function deflate(plain: Uint8Array): Promise<Uint8Array> {
  const stream = new Blob([plain as Uint8Array<ArrayBuffer>]).stream().pipeThrough(new CompressionStream("deflate-raw"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

const HEADER = { alg: "dir", enc: "A256GCM", cty: "application/fhir+json" };

test("files open plain and deflated, and not when anything is altered", async () => {
  const plain = text('{"resourceType":"Patient"}');
  const opened = { type: "application/fhir+json", text: '{"resourceType":"Patient"}' };
  const jwe = await seal(plain, HEADER);
  expect(await openJwe(jwe, key)).toEqual(opened);
  expect(await openJwe(await seal(await deflate(plain), { ...HEADER, zip: "DEF" }), key)).toEqual(opened);
  const [head, , ...rest] = jwe.split(".");
  await expect(openJwe([toBase64Url(text(JSON.stringify({ ...HEADER, cty: "text/html" }))), "", ...rest].join("."), key)).rejects.toThrow("does not open");
  await expect(openJwe(jwe, key.map((byte) => byte ^ 1))).rejects.toThrow("does not open");
  await expect(openJwe([head, "x", ...rest].join("."), key)).rejects.toThrow("five parts");
  await expect(openJwe(await seal(plain, { ...HEADER, enc: "A128GCM" }), key)).rejects.toThrow("A128GCM");
});

test("a file that inflates beyond all bounds is refused", async () => {
  const bomb = await seal(await deflate(new Uint8Array(17_000_000)), { ...HEADER, zip: "DEF" });
  await expect(openJwe(bomb, key)).rejects.toThrow("inflates to more");
});
