/** An agreement on its way from one to the next: what it says, and who has signed it so far. */

import { fromHex, hex } from "../page/format";
import { type Agreed, decodeAgreedBytes, encodeAgreement, type AgreementParts, signatories } from "../pay/agreement";
import { fromBase64Url, toBase64Url } from "../sealed/base64url";
import { CborError, encodeCanonical, equal, mapOf } from "../trust/cbor";
import { signRecord, type Signing } from "../trust/record";

/** The name of the agreement in the fragment of a link, which no browser sends. */
const FRAGMENT = "agreement";

/** The agreement with these parts, which nobody has signed yet. Fails where they break a rule. */
export function begin(parts: AgreementParts): Promise<Agreed> {
  return decodeAgreedBytes(bytesOf(encodeAgreement(parts), []));
}

/** The same, signed by one more; whoever has signed already has nothing to add. */
export async function sign(agreed: Agreed, signer: Signing, network: Uint8Array, issued: number): Promise<Agreed> {
  if (hasSigned(agreed, signer.key)) return agreed;
  const body = mapOf({ agreement: fromHex(agreed.agreement.id), issued });
  const consent = await signRecord("consent", body, network, signer);
  return decodeAgreedBytes(bytesOf(agreed.bytes, [...agreed.consents, consent]));
}

/** Everybody's signatures from two copies of one agreement. */
export async function merge(one: Agreed, other: Agreed): Promise<Agreed> {
  if (one.agreement.id !== other.agreement.id) throw new CborError("that is another agreement: each word of it counts");
  const added = other.consents.filter((_, at) => !hasSigned(one, other.consented[at] as Uint8Array));
  return decodeAgreedBytes(bytesOf(one.bytes, [...one.consents, ...added]));
}

/** The keys that have yet to sign, in hexadecimal; `before` is the agreement that this one takes the place of. */
export function missing(agreed: Agreed, before: Agreed | undefined): string[] {
  const asked = new Set([...signatories(agreed.agreement), ...(before ? signatories(before.agreement) : [])]);
  for (const key of agreed.consented) asked.delete(hex(key));
  return [...asked];
}

export function hasSigned({ consented }: Agreed, key: Uint8Array): boolean {
  return consented.some((one) => equal(one, key));
}

/** As `headwater ledger agree` keeps it: text, which passes through mails. */
export function toText({ bytes, consents }: Agreed): string {
  return toBase64Url(bytesOf(bytes, consents));
}

/** What such a text writes. All signatures verify. */
export async function fromText(text: string): Promise<Agreed> {
  const bytes = fromBase64Url(text.trim());
  if (!bytes?.length) throw new CborError("the text is no agreement: it may have been cut off");
  return decodeAgreedBytes(bytes);
}

/** What a ledger takes. */
export function toBytes({ bytes, consents }: Agreed): Uint8Array {
  return bytesOf(bytes, consents);
}

/** The fragment of a link that carries it. */
export function toFragment(agreed: Agreed): string {
  return `#${FRAGMENT}=${toText(agreed)}`;
}

/** The text of the agreement that a fragment carries, where it carries one. */
export function textInFragment(fragment: string): string | undefined {
  return fragment.startsWith(`#${FRAGMENT}=`) ? fragment.slice(FRAGMENT.length + 2) : undefined;
}

function bytesOf(agreement: Uint8Array, consents: readonly Uint8Array[]): Uint8Array {
  return encodeCanonical(mapOf({ agreement, consents }));
}
