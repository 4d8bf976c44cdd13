/** The last step before a consent: what is signed, to whom and with which key, and nothing is signed before it is pressed. */

import { h } from "../page/element";
import { day, hex } from "../page/format";
import { short } from "../network/words";
import type { Agreement } from "../pay/agreement";
import { priceInWords } from "../pay/price";
import { percent } from "../pay/words";
import type { Signing } from "../trust/record";

/** What is pressed so soon after the step is shown was meant for what stood there before, in milliseconds. */
const TOO_SOON_MS = 600;

/** Where a consent counts. */
export interface Place {
  readonly url: string;
  readonly issuer: Uint8Array;
}

/** Resolves to whether the reader signs; `issued` is the second that will stand in the record. */
export function confirmed(agreement: Agreement, signers: readonly Signing[], at: Place, issued: number): Promise<boolean> {
  return new Promise((resolve) => {
    const yes = h("button", { type: "button", class: "button confirm-sign", disabled: true }, "Sign this");
    const no = h("button", { type: "button", class: "button quiet", autofocus: true }, "Do not sign");
    const dialog = h(
      "dialog",
      { class: "consenting", "aria-labelledby": "consenting" },
      h("h2", { id: "consenting" }, "What will be signed"),
      h("dl", {}, ...facts(agreement, signers, at, issued)),
      h("p", { class: "fine" }, "It is never taken back. A later version that everybody signs takes its place."),
      h("p", { class: "actions" }, yes, no),
    );
    const end = (isSigned: boolean) => () => {
      dialog.close();
      dialog.remove();
      resolve(isSigned);
    };
    yes.addEventListener("click", end(true));
    no.addEventListener("click", end(false));
    dialog.addEventListener("cancel", end(false));
    document.body.append(dialog);
    dialog.showModal();
    setTimeout(() => (yes.disabled = false), TOO_SOON_MS);
  });
}

function facts(agreement: Agreement, signers: readonly Signing[], { url, issuer }: Place, issued: number): HTMLElement[] {
  const { content, id, price, unit, version } = agreement;
  return [
    ...fact("Record", `a consent, dated ${day(issued)}`),
    ...fact("To", `version ${version} of the agreement about`, h("br"), h("code", {}, content.text)),
    ...fact("Its hash", h("code", { class: "consented-id" }, id)),
    ...fact("Viewers pay", priceInWords(price, unit)),
    ...signers.flatMap(({ key }) => fact("With the key", h("code", {}, hex(key)), h("br"), shareOf(agreement, key))),
    ...fact("At the ledger", new URL(url).host, h("br"), h("code", { title: hex(issuer) }, short(hex(issuer))), " and at no other one"),
  ];
}

/** What this key has of what is left after fees and parents, in words. */
function shareOf({ creator, parties }: Agreement, key: Uint8Array): string {
  const own = parties.filter(({ party }) => hex(party) === hex(key));
  const roles = own.map(({ role, ppm }) => `${percent(ppm)} as ${role}`);
  const isCreator = hex(creator) === hex(key);
  if (roles.length === 0) return isCreator ? "the creator’s, who has no share" : "which has no share in this version";
  return `which has ${roles.join(" and ")} of the rest${isCreator ? ", and is the creator’s" : ""}`;
}

function fact(name: string, ...says: (Node | string)[]): HTMLElement[] {
  return [h("dt", {}, name), h("dd", {}, ...says)];
}
