/** The formats of section 27 against docs/vectors/shares. */

import { readFileSync } from "node:fs";
import { blake3 as reference } from "@noble/hashes/blake3.js";
import { beforeAll, describe, expect, test } from "vitest";

import { Blake3 } from "../blake3/kernel";
import { fromHex } from "../page/format";
import { cidOfHash } from "../trust/cid";
import { fromBase64Url } from "./base64url";
import { unwrap } from "./contents";
import { decodeFolder } from "./folder";
import { joined } from "./fixture";
import { objectKeys, shareKeys } from "./keys";
import { LinkError, parseLink, writeLink } from "./link";
import { decodeManifest, openHeader } from "./manifest";
import { NotBelieved, SealedObject } from "./object";
import { isPasscode, stretch } from "./passcode";
import { ready } from "./sodium";

function load<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../../../docs/vectors/shares/${name}.json`, import.meta.url), "utf8")) as T;
}

const bytes = (text: string) => fromBase64Url(text) as Uint8Array;
const padded = (text: string) => new Uint8Array(Buffer.from(text, "base64"));
const none = new Uint8Array();
let blake3: Blake3;
beforeAll(async () => {
  await ready;
  blake3 = await Blake3.load();
});

describe("links", () => {
  interface Vector { name: string; link: string; origin?: string; id?: string; secret?: string; passcode?: boolean; error: string | null }
  const { vectors } = load<{ vectors: Vector[] }>("links");
  test.each(vectors.map((vector) => [vector.name, vector] as const))("%s", (_, { link, origin, id, secret, passcode, error }) => {
    if (error) return void expect(() => parseLink(link)).toThrow(LinkError);
    const parsed = parseLink(link);
    expect(writeLink(parsed)).toBe(link);
    expect(parsed).toEqual({ gateway: origin, id: fromHex(id ?? ""), secret: fromHex(secret ?? ""), hasPasscode: passcode });
  });
});

describe("keys", () => {
  interface Keys { name: string; id: string; secret: string; passcode: string | null; stretched: string; knock?: string; wrap_key?: string; access: string }
  const { keys, passcodes } = load<{ keys: Keys[]; passcodes: { passcode: string; good: boolean }[] }>("keys");
  test.each(keys.map((vector) => [vector.name, vector] as const))("%s", async (_, { id, secret, passcode, stretched, knock, wrap_key, access }) => {
    const made = passcode === null ? none : await stretch(passcode, bytes(id));
    expect(made).toEqual(fromHex(stretched));
    const keys = shareKeys(bytes(id), bytes(secret), made);
    expect(keys.access).toEqual(fromHex(access));
    if (knock && wrap_key) expect(keys).toEqual({ knock: fromHex(knock), wrap: fromHex(wrap_key), access: fromHex(access) });
  });
  test("passcodes that may be", () => {
    for (const { passcode, good } of passcodes) expect(isPasscode(passcode), JSON.stringify(passcode)).toBe(good);
  });
});

describe("what is wrapped", () => {
  interface Vector { name: string; id: string; secret: string; passcode: string | null; wrapped: string; error: string | null }
  const { vectors } = load<{ vectors: Vector[] }>("wrapped");
  test.each(vectors.map((vector) => [vector.name, vector] as const))("%s", async (_, { id, secret, passcode, wrapped, error }) => {
    const keys = shareKeys(bytes(id), bytes(secret), passcode === null ? none : await stretch(passcode, bytes(id)));
    const open = () => unwrap(bytes(wrapped), keys.wrap, bytes(id));
    if (error === null) expect(open()?.files.length).toBeGreaterThan(0);
    else if (error === "tag" || error === "size") expect(open()).toBeUndefined();
    else expect(open).toThrow();
  });
});

describe("folders", () => {
  interface Vector { name: string; list: string; object_len: number; error: string | null }
  const { vectors } = load<{ vectors: Vector[] }>("folders");
  test.each(vectors.map((vector) => [vector.name, vector] as const))("%s", (_, { list, object_len, error }) => {
    const decode = () => decodeFolder(fromHex(list), object_len);
    if (error === null) expect(decode().length).toBeGreaterThan(0);
    else expect(decode).toThrow();
  });
});

describe("answers", () => {
  interface Vector { name: string; object: string; cells: [number, number]; answer: string; plaintext_hash?: string | null; error: string | null }
  const { vectors, objects } = load<{ vectors: Vector[]; objects: { name: string; key: string; manifest: string }[] }>("answers");
  test.each(vectors.map((vector) => [vector.name, vector] as const))("%s", async (_, { object: name, cells: [from, to], answer, plaintext_hash, error }) => {
    const { key, manifest } = objects.find((object) => object.name === name) as (typeof objects)[0];
    const decoded = decodeManifest(padded(manifest));
    const content = fromHex(key);
    const header = openHeader(decoded, objectKeys(content, decoded.salt, decoded.geometry.coding.cell));
    const file = { key: content, len: header.len, name: "a", type: undefined, object: cidOfHash(reference(padded(manifest))) };
    const object = SealedObject.open(blake3, file, padded(manifest));
    const { plainLen, coding } = decoded.geometry;
    const pieces: Uint8Array[] = [];
    const end = to === coding.cells ? header.len : to * plainLen;
    const reading = (async () => {
      for await (const piece of object.read(from * plainLen, end, async () => new Response(padded(answer)).body as ReadableStream<Uint8Array>)) pieces.push(piece.bytes);
    })();
    if (error === "truncated") return expect(reading).rejects.toThrow(/cut off|ends before/);
    if (error !== null) return expect(reading).rejects.toThrow(NotBelieved);
    await reading;
    expect(reference(joined(pieces))).toEqual(fromHex(plaintext_hash ?? ""));
  });
});
