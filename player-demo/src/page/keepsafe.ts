/**
 * What this browser keeps and nobody may read from its disk: sealed by AES-GCM under a key that WebCrypto holds and gives to nobody.
 * A script of this origin can have it opened; a copy of the database, without the browser's own key store, cannot.
 */

import { get, update } from "./store";

const NAME = "keepsafe";
const NONCE_LEN = 12;

/** A value as it is kept, under the id that it was sealed for. */
export interface Kept {
  readonly id: string;
  readonly nonce: Uint8Array<ArrayBuffer>;
  readonly sealed: Uint8Array<ArrayBuffer>;
}

/** A new key, which cannot be read out. */
export async function freshKeepsafe(): Promise<CryptoKey> {
  if (!globalThis.crypto?.subtle) throw new Error("the browser gives keys only to pages that come over HTTPS, or from this machine");
  return crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
}

/** Seals what JSON can write. */
export async function sealUnder(key: CryptoKey, id: string, value: unknown): Promise<Kept> {
  const nonce = crypto.getRandomValues(new Uint8Array(NONCE_LEN));
  const sealed = await crypto.subtle.encrypt(algorithm(id, nonce), key, new TextEncoder().encode(JSON.stringify(value)));
  return { id, nonce, sealed: new Uint8Array(sealed) };
}

/** What was sealed; fails where anything of it was changed, its id included. */
export async function openUnder(key: CryptoKey, { id, nonce, sealed }: Kept): Promise<unknown> {
  const opened = await crypto.subtle.decrypt(algorithm(id, nonce), key, sealed);
  return JSON.parse(new TextDecoder().decode(opened));
}

/** The key of this browser, made when it is first asked for. */
export async function ownKeepsafe(): Promise<CryptoKey> {
  const kept = await get<CryptoKey>("keys", NAME);
  if (kept) return kept;
  const fresh = await freshKeepsafe();
  // Another tab may have been faster.
  return (await update<CryptoKey>("keys", NAME, (kept) => kept ?? fresh)) as CryptoKey;
}

function algorithm(id: string, iv: Uint8Array<ArrayBuffer>): AesGcmParams {
  return { name: "AES-GCM", iv, additionalData: new TextEncoder().encode(id) };
}
