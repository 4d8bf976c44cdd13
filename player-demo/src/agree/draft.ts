/** An agreement as it is written in a form: texts, and what is wrong with them. */

import { fromHex } from "../page/format";
import { type AgreementParts, compareParties, type Role, WHOLE_PPM } from "../pay/agreement";
import { compareBytes } from "../pay/apportion";
import type { Per } from "../pay/price";
import type { Cid } from "../trust/cid";
import { isPublicKey } from "../trust/signature";
import { microOf, percentOf, ppmOf } from "./shares";

const QUANTITY_MAX = 2 ** 32;

export interface DraftParty {
  readonly key: string;
  readonly role: Role;
  readonly percent: string;
  readonly ipi: string;
}

export interface DraftParent {
  readonly agreement: string;
  readonly percent: string;
}

/** All texts of the form. */
export interface Draft {
  readonly price: { readonly amount: string; readonly of: string; readonly per: Per };
  readonly fees: { readonly gateway: string; readonly network: string; readonly node: string };
  readonly parties: readonly DraftParty[];
  readonly parents: readonly DraftParent[];
  readonly secondary: string;
  readonly isrc: string;
  readonly iswc: string;
  readonly iscc: string;
}

/** What does not come from the form. */
export interface Given {
  readonly content: Cid;
  readonly creator: Uint8Array;
  /** Seconds since 1970. */
  readonly issued: number;
  readonly unit: string;
  /** The agreement that holds for the title until now. */
  readonly before: { readonly id: string; readonly version: number } | undefined;
}

/** What is wrong with the field of this name, in words that follow the name of the field. */
export interface Complaint {
  readonly field: string;
  readonly reason: string;
}

/** What the draft says, or else what is wrong with it. */
export function readDraft(draft: Draft, given: Given): AgreementParts | Complaint[] {
  const reader = new Reader();
  const parts: AgreementParts = {
    content: given.content,
    creator: given.creator,
    fees: {
      gateway: reader.share("fee-gateway", draft.fees.gateway),
      network: reader.share("fee-network", draft.fees.network),
      node: reader.share("fee-node", draft.fees.node),
    },
    iscc: optional(draft.iscc),
    isrc: optional(draft.isrc),
    issued: given.issued,
    iswc: optional(draft.iswc),
    parents: draft.parents.map((parent, at) => reader.parent(parent, at)).sort((one, other) => compareBytes(one.agreement, other.agreement)),
    parties: draft.parties.map((party, at) => reader.party(party, at)).sort(compareParties),
    price: reader.price(draft.price),
    secondary: draft.secondary.trim() === "" ? undefined : reader.share("secondary", draft.secondary),
    supersedes: given.before?.id,
    unit: given.unit,
    version: (given.before?.version ?? 0) + 1,
  };
  reader.together(parts);
  return reader.complaints.length > 0 ? reader.complaints : parts;
}

/** By how much the parties' shares differ from the whole, in words; undefined where they do not. */
export function missingShare(percents: readonly string[]): string | undefined {
  const sum = percents.reduce((sum, text) => sum + (ppmOf(text) ?? 0), 0);
  if (sum === WHOLE_PPM) return undefined;
  const difference = percentOf(Math.abs(WHOLE_PPM - sum));
  return sum < WHOLE_PPM ? `${difference} % are not given to anybody yet` : `${difference} % are given away twice`;
}

class Reader {
  readonly complaints: Complaint[] = [];

  party({ key, role, percent, ipi }: DraftParty, at: number) {
    return { ipi: optional(ipi), party: this.key(`party-${at}-key`, key), ppm: this.share(`party-${at}-share`, percent, 1), role };
  }

  parent({ agreement, percent }: DraftParent, at: number) {
    const id = agreement.trim().toLowerCase();
    if (!/^[0-9a-f]{64}$/.test(id)) this.complain(`parent-${at}-id`, "has 64 digits and letters from a to f");
    return { agreement: fromHex(id), ppm: this.share(`parent-${at}-share`, percent, 1) };
  }

  price({ amount, of, per }: Draft["price"]) {
    const micro = microOf(amount);
    if (micro === undefined) this.complain("price-amount", "is a number with at most six decimals");
    const quantity = /^\d{1,10}$/.test(of.trim()) ? Number(of) : 0;
    if (quantity < 1 || quantity > QUANTITY_MAX) this.complain("price-of", `is a whole number from 1 to ${QUANTITY_MAX}`);
    return { micro: micro ?? 0n, of: BigInt(quantity), per };
  }

  /** At least `least` millionths. */
  share(field: string, text: string, least = 0): number {
    const ppm = ppmOf(text);
    if (ppm === undefined || ppm < least) this.complain(field, `is a percentage above ${least > 0 ? "" : "or equal to "}0, with at most four decimals`);
    return ppm ?? 0;
  }

  /** What no field says alone. */
  together({ fees, parties, parents }: AgreementParts): void {
    if (fees.gateway + fees.network + fees.node > WHOLE_PPM) this.complain("fee-gateway", "and the other fees are more than all there is");
    const sum = (items: readonly { ppm: number }[]) => items.reduce((sum, { ppm }) => sum + ppm, 0);
    if (sum(parties) !== WHOLE_PPM) this.complain("party-0-share", `and the other shares are ${percentOf(sum(parties))} % together instead of 100 %`);
    if (sum(parents) > WHOLE_PPM) this.complain("parent-0-share", "and the other works' shares are more than all there is");
    const isTwice = parties.some((party, at) => at > 0 && compareParties(parties[at - 1] as typeof party, party) === 0);
    if (isTwice) this.complain("party-0-key", "or another key stands there twice in the same role");
  }

  private key(field: string, text: string): Uint8Array {
    const digits = text.trim().toLowerCase();
    const key = /^[0-9a-f]{64}$/.test(digits) ? fromHex(digits) : new Uint8Array();
    if (!isPublicKey(key)) this.complain(field, "is a public key: 64 digits and letters from a to f");
    return key;
  }

  private complain(field: string, reason: string): void {
    this.complaints.push({ field, reason });
  }
}

function optional(text: string): string | undefined {
  return text.trim() === "" ? undefined : text.trim();
}
