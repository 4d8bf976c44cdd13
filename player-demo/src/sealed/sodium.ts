/** ChaCha20-Poly1305 (RFC 8439) by libsodium; `await ready` before anything else. */

import sodium from "libsodium-wrappers";

export const ready: Promise<void> = sodium.ready;

/** The plaintext, when the tag is right. */
export function open(key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array, associated?: Uint8Array): Uint8Array | undefined {
  try {
    return sodium.crypto_aead_chacha20poly1305_ietf_decrypt(null, sealed, associated ?? null, nonce, key);
  } catch {
    return undefined;
  }
}

export function seal(key: Uint8Array, nonce: Uint8Array, plain: Uint8Array, associated?: Uint8Array): Uint8Array {
  return sodium.crypto_aead_chacha20poly1305_ietf_encrypt(plain, associated ?? null, null, nonce, key);
}
