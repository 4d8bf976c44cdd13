/** Agreements: who has a share in a title, what it costs, and who said so (spec section 25). */

import { fromHex, hex } from "../page/format";
import { CborError, decodeCanonical, encodeCanonical, equal, Fields, mapOf, type Value } from "../trust/cbor";
import { type Cid, cidIn } from "../trust/cid";
import { blake3 } from "../trust/hash";
import { openSigned } from "../trust/record";
import { isPublicKey } from "../trust/signature";
import { compareBytes, compareNumbers } from "./apportion";
import { identifierIn } from "./identifiers";
import { decodePrice, type Price } from "./price";

const AGREEMENT_LEN_MAX = 16_384;
const AGREED_LEN_MAX = 131_072;
const PARTIES_MAX = 64;
const PARENTS_MAX = 16;
const CONSENTS_MAX = 130;
const VERSION_MAX = 2 ** 32 - 1;
export const WHOLE_PPM = 1_000_000;
/** In the order in which remainders are given out. */
export const ROLES = [
  "author",
  "composer",
  "director",
  "label",
  "lyricist",
  "other",
  "performer",
  "producer",
  "publisher",
] as const;
export type Role = (typeof ROLES)[number];

export interface Party {
  readonly ipi?: string | undefined;
  readonly party: Uint8Array;
  readonly ppm: number;
  readonly role: Role;
}

export interface Parent {
  readonly agreement: Uint8Array;
  readonly ppm: number;
}

/** What an agreement says. */
export interface AgreementParts {
  readonly content: Cid;
  readonly creator: Uint8Array;
  /** Parts of a million. */
  readonly fees: { readonly gateway: number; readonly network: number; readonly node: number };
  readonly iscc?: string | undefined;
  readonly isrc?: string | undefined;
  /** Seconds since 1970. */
  readonly issued: number;
  readonly iswc?: string | undefined;
  readonly parents: readonly Parent[];
  readonly parties: readonly Party[];
  readonly price: Price;
  /** The least share for which others may make works from this one. */
  readonly secondary?: number | undefined;
  /** The id of the version before. */
  readonly supersedes?: string | undefined;
  readonly unit: string;
  readonly version: number;
}

/** An agreement that keeps to all rules which concern nothing but itself. */
export interface Agreement extends AgreementParts {
  /** The BLAKE3 hash of its bytes, in hexadecimal. */
  readonly id: string;
}

/** An agreement, and who has consented to it; all signatures verify. */
export interface Agreed {
  readonly agreement: Agreement;
  /** The agreement as it was written. */
  readonly bytes: Uint8Array;
  /** The consents as records, in the order of `consented`. */
  readonly consents: readonly Uint8Array[];
  readonly consented: readonly Uint8Array[];
  /** The network that the consents are for. */
  readonly network: Uint8Array | undefined;
}

const REQUIRED = ["content", "creator", "fees", "issued", "parents", "parties", "price", "unit", "v", "version"];
const OPTIONAL = ["iscc", "isrc", "iswc", "secondary", "supersedes"];

/** The agreement that `bytes` write. */
export async function decodeAgreement(bytes: Uint8Array): Promise<Agreement> {
  const fields = Fields.of(decodeCanonical(bytes, AGREEMENT_LEN_MAX), "agreement", REQUIRED, OPTIONAL);
  fields.integer("v", 1, 1);
  const agreement: Agreement = {
    id: hex(await blake3(bytes)),
    content: cidIn(fields, "content"),
    creator: keyIn(fields, "creator"),
    fees: decodeFees(fields.value("fees")),
    iscc: identifierIn(fields, "iscc"),
    isrc: identifierIn(fields, "isrc"),
    issued: fields.u64("issued"),
    iswc: identifierIn(fields, "iswc"),
    parties: fields.list("parties", PARTIES_MAX).map(decodeParty),
    parents: fields.list("parents", PARENTS_MAX).map(decodeParent),
    price: decodePrice(fields.value("price"), "agreement.price"),
    secondary: fields.optional("secondary", (key) => fields.integer(key, 0, WHOLE_PPM)),
    unit: unitIn(fields, "unit"),
    version: fields.integer("version", 1, VERSION_MAX),
    supersedes: fields.optional("supersedes", (key) => hex(fields.bytes(key, 32))),
  };
  checkWhole(agreement);
  return agreement;
}

/** The bytes that write an agreement; whoever reads them finds what is wrong with it. */
export function encodeAgreement({ content, fees, parents, parties, price, supersedes, ...rest }: AgreementParts): Uint8Array {
  return encodeCanonical(
    mapOf({
      ...rest,
      content: content.bytes,
      fees: mapOf(fees),
      parents: parents.map(mapOf),
      parties: parties.map(mapOf),
      price: mapOf(price),
      supersedes: supersedes === undefined ? undefined : fromHex(supersedes),
      v: 1,
    }),
  );
}

/** The agreement and the consents of a map `{ agreement, consents }`, each a byte string. */
export async function decodeAgreed(value: Value): Promise<Agreed> {
  const fields = Fields.of(value, "agreed", ["agreement", "consents"]);
  const bytes = fields.bytes("agreement");
  const agreement = await decodeAgreement(bytes);
  const consents: Uint8Array[] = [];
  const consented: Uint8Array[] = [];
  let network: Uint8Array | undefined;
  for (const consent of fields.list("consents", CONSENTS_MAX)) {
    if (!(consent instanceof Uint8Array)) throw new CborError("a consent is not a byte string");
    const opened = openSigned(consent, "consent");
    const body = Fields.of(opened.body, "consent", ["agreement", "issued"]);
    body.u64("issued");
    if (hex(body.bytes("agreement", 32)) !== agreement.id) throw new CborError("a consent is to another agreement");
    if (network && !equal(network, opened.network)) throw new CborError("the consents are for several networks");
    network = opened.network;
    consented.push(opened.by);
    consents.push(consent);
  }
  return { agreement, bytes, consents, consented, network };
}

/** The same, from bytes. */
export function decodeAgreedBytes(bytes: Uint8Array): Promise<Agreed> {
  return decodeAgreed(decodeCanonical(bytes, AGREED_LEN_MAX));
}

/** Everybody who has to consent: the creator and all parties, each once, in hexadecimal. */
export function signatories({ creator, parties }: Agreement): Set<string> {
  return new Set([creator, ...parties.map(({ party }) => party)].map(hex));
}

/** What all consents together must be: of everybody who has a share now, or had one in the version before. */
export function checkConsents({ agreement, consented }: Agreed, before: Agreement | undefined): void {
  const asked = new Set([...signatories(agreement), ...(before ? signatories(before) : [])]);
  for (const key of consented.map(hex)) {
    if (!asked.delete(key)) throw new CborError(`${key} has consented, and was not asked`);
  }
  for (const key of asked) throw new CborError(`${key} has not consented`);
}

/** The public key in a field. */
export function keyIn(fields: Fields, key: string): Uint8Array {
  const bytes = fields.bytes(key, 32);
  if (!isPublicKey(bytes)) throw new CborError(`${fields.where}.${key} is no public key`);
  return bytes;
}

/** A unit of money: 1 to 12 of `A`–`Z`. */
export function unitIn(fields: Fields, key: string): string {
  const unit = fields.text(key, 12);
  if (!/^[A-Z]+$/.test(unit)) throw new CborError(`${fields.where}.${key} is ${JSON.stringify(unit)}`);
  return unit;
}

function decodeFees(value: Value): Agreement["fees"] {
  const fields = Fields.of(value, "agreement.fees", ["gateway", "network", "node"]);
  const ppm = (key: string) => fields.integer(key, 0, WHOLE_PPM);
  return { gateway: ppm("gateway"), network: ppm("network"), node: ppm("node") };
}

function decodeParty(value: Value, at: number): Party {
  const fields = Fields.of(value, `party ${at}`, ["party", "ppm", "role"], ["ipi"]);
  const ipi = identifierIn(fields, "ipi");
  const role = ROLES.find((role) => role === fields.value("role"));
  if (!role) throw new CborError(`party ${at} has an unknown role`);
  return { ipi, party: keyIn(fields, "party"), ppm: fields.integer("ppm", 1, WHOLE_PPM), role };
}

function decodeParent(value: Value, at: number): Parent {
  const fields = Fields.of(value, `parent ${at}`, ["agreement", "ppm"]);
  return { agreement: fields.bytes("agreement", 32), ppm: fields.integer("ppm", 1, WHOLE_PPM) };
}

/** What no single field says. */
function checkWhole({ fees, parties, parents, supersedes, version }: Agreement): void {
  const sum = (items: readonly { ppm: number }[]) => items.reduce((sum, { ppm }) => sum + ppm, 0);
  refuse((supersedes !== undefined) !== version > 1, `version ${version} supersedes nothing, or the first one something`);
  refuse(fees.gateway + fees.network + fees.node > WHOLE_PPM, "the fees are more than the whole");
  refuse(sum(parties) !== WHOLE_PPM, `the parties have ${sum(parties)} millionths together`);
  refuse(sum(parents) > WHOLE_PPM, "the parents have more than the whole");
  refuse(!ascending(parties, compareParties), "the parties are out of order");
  refuse(!ascending(parents, (one, other) => compareBytes(one.agreement, other.agreement)), "the parents are out of order");
}

/** By key, then by the place of the role. */
export function compareParties(one: Pick<Party, "party" | "role">, other: Pick<Party, "party" | "role">): number {
  return compareBytes(one.party, other.party) || compareNumbers(ROLES.indexOf(one.role), ROLES.indexOf(other.role));
}

function ascending<T>(items: readonly T[], compare: (one: T, other: T) => number): boolean {
  return items.every((item, at) => at === 0 || compare(items[at - 1] as T, item) < 0);
}

function refuse(wrong: boolean, reason: string): void {
  if (wrong) throw new CborError(reason);
}
