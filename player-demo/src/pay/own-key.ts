/** The viewer's own key. It never leaves this browser, which is all that knows it. */

import { get, update } from "../page/store";
import { freshPair, type Signer, signerOf } from "./signer";

const NAME = "viewer";

/** The key of this viewer, made when it is first asked for. */
export async function ownKey(): Promise<Signer> {
  const kept = await get<CryptoKeyPair>("keys", NAME);
  if (kept) return signerOf(kept);
  const fresh = await freshPair();
  // Another tab may have been faster.
  return signerOf((await update<CryptoKeyPair>("keys", NAME, (kept) => kept ?? fresh)) as CryptoKeyPair);
}

/** Forgets the key, and with it all that is on its account. */
export async function forgetOwnKey(): Promise<void> {
  await update<CryptoKeyPair>("keys", NAME, () => undefined);
}
