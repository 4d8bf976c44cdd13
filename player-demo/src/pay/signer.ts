/** Keys that sign: WebCrypto holds them, and not even this page can read them. */

export interface Signer {
  /** The public key, 32 bytes. */
  readonly key: Uint8Array;
  sign(message: Uint8Array): Promise<Uint8Array>;
}

const ALGORITHM = "Ed25519";

/** A new pair of keys of which only the public one can be read. */
export async function freshPair(): Promise<CryptoKeyPair> {
  if (!globalThis.crypto?.subtle) {
    throw new Error("the browser gives keys only to pages that come over HTTPS, or from this machine");
  }
  return (await crypto.subtle.generateKey(ALGORITHM, false, ["sign", "verify"])) as CryptoKeyPair;
}

/** What signs with this pair. */
export async function signerOf({ publicKey, privateKey }: CryptoKeyPair): Promise<Signer> {
  const key = new Uint8Array(await crypto.subtle.exportKey("raw", publicKey));
  const sign = async (message: Uint8Array) =>
    new Uint8Array(await crypto.subtle.sign(ALGORITHM, privateKey, message as Uint8Array<ArrayBuffer>));
  return { key, sign };
}
