/** Making shares, and ending them (spec section 27). */

import { blake3 } from "@noble/hashes/blake3.js";

import { fromHex } from "../page/format";
import { type Value } from "../trust/cbor";
import { signRecord } from "../trust/record";
import { fromBase64Url, toBase64Url } from "./base64url";
import { type SharedFile, wrap } from "./contents";
import { Refused, type ShareGateway } from "./gateway";
import { shareKeys } from "./keys";
import { writeLink } from "./link";
import { stretch } from "./passcode";
import { random, signing, type Terms } from "./sealing";

const RECORD = { "content-type": "application/vnd.headwater.record+cbor" };
const ATTEMPTS = 5;

/** What the owner of a share keeps: the link itself, and the keys that end it and release its objects. */
export interface OwnShare {
  readonly link: string;
  readonly id: string;
  readonly gateway: string;
  readonly label: string;
  readonly issued: number;
  readonly expires: number | undefined;
  readonly network: string;
  readonly shareSeed: string;
  readonly objects: readonly { readonly name: string; readonly object: string; readonly key: string; readonly controlSeed: string }[];
}

export interface Wishes {
  readonly label: string;
  readonly passcode: string;
  /** Seconds since 1970. */
  readonly expires: number | undefined;
}

/** A file that the gateway has, with its control key. */
export interface Stored {
  readonly file: SharedFile;
  readonly controlSeed: Uint8Array;
}

export async function fetchTerms(gateway: ShareGateway): Promise<Terms & { lenMax: number; needsToken: boolean }> {
  const { k, m, network, payer, expires_max, len_max, token } = Object(await (await gateway.ask("/api/shares/terms")).json()) as Record<string, unknown>;
  const numbers = [k, m, expires_max, len_max];
  const areKeys = [network, payer].every((key) => typeof key === "string" && /^[0-9a-f]{64}$/.test(key));
  if (!numbers.every(Number.isSafeInteger) || !areKeys) throw new Refused("bad_answer", "the gateway's terms are none", undefined);
  return { k: k as number, m: m as number, expiresMax: expires_max as number, lenMax: len_max as number, network: fromHex(network as string), payer: fromHex(payer as string), needsToken: token === true };
}

/** Hands sealed cells over; the manifest that the gateway made of them. */
export async function upload(gateway: ShareGateway, body: Blob, token: string): Promise<Uint8Array> {
  const headers = { "content-type": "application/octet-stream", ...shown(token) };
  const answer = await gateway.ask("/sealed/uploads", { method: "POST", headers, body }, Number.POSITIVE_INFINITY);
  const { manifest } = Object(await answer.json()) as { manifest?: unknown };
  const bytes = typeof manifest === "string" ? fromBase64Url(manifest) : undefined;
  if (!bytes) throw new Refused("bad_answer", "the gateway's answer is no manifest", undefined);
  return bytes;
}

/** In which network a share is registered, and the gateway's upload token, which keeps it for longer. */
export interface Registrant {
  readonly network: Uint8Array;
  readonly token: string;
}

function shown(token: string): Record<string, string> {
  return token ? { authorization: `Bearer ${token}` } : {};
}

/** Registers a share of what is stored. */
export async function register(gateway: ShareGateway, stored: readonly Stored[], { network, token }: Registrant, { label, passcode, expires }: Wishes): Promise<OwnShare> {
  const [id, secret, shareSeed] = [random(32), random(32), random(32)] as [Uint8Array, Uint8Array, Uint8Array];
  const hasPasscode = passcode !== "";
  const keys = shareKeys(id, secret, hasPasscode ? await stretch(passcode, id) : new Uint8Array());
  const issued = Math.floor(Date.now() / 1000);
  const files = stored.map(({ file }) => file);
  const tags = new Uint8Array(files.flatMap(({ object }) => [...blake3(new Uint8Array([...keys.access, ...object.bytes]))]));
  const wrapped = wrap({ files, issued, label: label || undefined }, keys.wrap, id);
  const body: [string, Value][] = [["access", blake3(keys.access)], ["attempts", hasPasscode ? ATTEMPTS : 0], ["id", id], ["issued", issued], ["knock", blake3(keys.knock)], ["tags", tags], ["wrapped", wrapped]];
  if (expires !== undefined) body.push(["expires", expires]);
  const record = await signRecord("share", new Map(body), network, signing(shareSeed));
  await gateway.ask("/api/shares", { method: "POST", headers: { ...RECORD, ...shown(token) }, body: record as Uint8Array<ArrayBuffer> });
  return {
    link: writeLink({ gateway: gateway.origin, id, secret, hasPasscode }),
    id: toBase64Url(id),
    gateway: gateway.origin,
    label: label || files.map(({ name }) => name).join(", "),
    issued,
    expires,
    network: toBase64Url(network),
    shareSeed: toBase64Url(shareSeed),
    objects: stored.map(({ file, controlSeed }) => ({ name: file.name, object: file.object.text, key: toBase64Url(file.key), controlSeed: toBase64Url(controlSeed) })),
  };
}

/** Ends a share for good. */
export async function end(gateway: ShareGateway, { id, network, shareSeed }: OwnShare): Promise<void> {
  const [idBytes, networkBytes, seed] = [id, network, shareSeed].map((text) => fromBase64Url(text, 32)) as [Uint8Array, Uint8Array, Uint8Array];
  const body: [string, Value][] = [["id", idBytes], ["issued", Math.floor(Date.now() / 1000)]];
  const record = await signRecord("share_end", new Map(body), networkBytes, signing(seed));
  await gateway.ask(`/api/shares/${id}/end`, { method: "POST", headers: RECORD, body: record as Uint8Array<ArrayBuffer> });
}
