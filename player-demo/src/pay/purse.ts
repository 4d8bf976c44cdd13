/** What is on the viewer's account: balance, top-up by a code, the viewer's id. */

import { h } from "../page/element";
import { hex } from "../page/format";
import { short } from "../network/words";
import { StatusError } from "../trust/problem";
import { money } from "./amount";
import type { Balance, LedgerClient } from "./ledger";
import { forgetOwnKey, ownKey } from "./own-key";
import type { Signer } from "./signer";
import { parseTopUp } from "./top-up";
import { refusalInWords } from "./words";

/** Tells of `change` when the balance is known. */
export class Purse extends EventTarget {
  readonly element: HTMLElement;
  balance: Balance | undefined;
  private readonly said = h("p", { class: "balance", role: "status" }, "Asking for your balance …");
  private readonly code = h("input", { id: "top-up", autocomplete: "off", spellcheck: "false", placeholder: "XXXXX-XXXXX-…" });
  private readonly told = h("p", { class: "fine", role: "status" });

  constructor(
    private readonly ledger: LedgerClient,
    private readonly viewer: Signer,
  ) {
    super();
    const form = h(
      "form",
      { class: "top-up", onsubmit: (event) => void this.topUp(event) },
      h("label", { for: "top-up" }, "Voucher code"),
      this.code,
      h("button", { type: "submit", class: "button quiet" }, "Top up"),
    );
    this.element = h("div", { class: "purse" }, this.said, form, this.whose(), this.told, this.identity());
  }

  async refresh(): Promise<void> {
    try {
      this.balance = await this.ledger.balance(this.viewer);
      const { funds, reserved, unit } = this.balance;
      const held = reserved > 0n ? `, and ${money(reserved, unit)} set aside until this epoch is settled` : "";
      this.said.replaceChildren("You have ", h("strong", {}, money(funds, unit)), `${held}.`);
    } catch (error) {
      this.said.textContent = refusalInWords(error as Error);
    }
    this.dispatchEvent(new Event("change"));
  }

  private async topUp(event: Event): Promise<void> {
    event.preventDefault();
    const code = parseTopUp(this.code.value);
    if (!code) {
      this.told.textContent = "A code has 26 letters and digits. Look for one that is missing.";
      return;
    }
    this.told.textContent = "Redeeming …";
    try {
      await this.ledger.topUp(this.viewer, code);
      this.code.value = "";
      this.told.textContent = `${money(code.amount, this.ledger.terms.unit)} were added.`;
      await this.refresh();
    } catch (error) {
      const isKnown = error instanceof StatusError && error.code === "conflict";
      this.told.textContent = isKnown ? "You have redeemed this code already." : refusalInWords(error as Error);
    }
  }

  /** Who has the code once it is typed. */
  private whose(): HTMLElement {
    const { terms, url } = this.ledger;
    const issuer = hex(terms.issuer);
    return h("p", { class: "fine at-ledger" }, "It is redeemed by the ledger at ", h("strong", {}, new URL(url).host), ", whose key is ", h("code", { title: issuer }, short(issuer)), ".");
  }

  private identity(): HTMLElement {
    const forget = async () => {
      const isEmpty = this.balance?.funds === 0n && this.balance.earned === 0n;
      if (!isEmpty && !confirm("What is on this account is lost with its key, since nobody else has it. Forget the key?")) return;
      await forgetOwnKey();
      location.reload();
    };
    return h(
      "details",
      { class: "identity" },
      h("summary", {}, "Your id"),
      h("p", {}, h("code", {}, hex(this.viewer.key))),
      h("p", { class: "fine" }, "The key behind it was made in this browser and cannot be read out of it. The ledger publishes what you pay under another name for each title and epoch."),
      h("button", { type: "button", class: "button quiet", onclick: () => void forget() }, "Forget this key"),
    );
  }
}

/** The purse of this viewer at a ledger. */
export async function openPurse(ledger: LedgerClient): Promise<Purse> {
  const purse = new Purse(ledger, await ownKey());
  await purse.refresh();
  return purse;
}
