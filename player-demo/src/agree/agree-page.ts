/** Where those who made a title agree who shares in it: written in a form, read in words, signed one after the other. */

import "../style/network.css";
import "../style/ledger.css";
import "../style/pay.css";
import "../style/agree.css";

import { h } from "../page/element";
import { hex } from "../page/format";
import { buildHeader } from "../page/header";
import type { Agreed } from "../pay/agreement";
import type { LedgerClient } from "../pay/ledger";
import { openLedger } from "../pay/open-ledger";
import { ownKey } from "../pay/own-key";
import type { Signer } from "../pay/signer";
import { refusalInWords } from "../pay/words";
import { fromText, textInFragment } from "./circular";
import { AgreementForm } from "./form";
import { agreementPicker, Reading } from "./reading";

export async function openAgree(page: HTMLElement): Promise<void> {
  document.title = "Agreement – Headwater";
  const view = new AgreePage();
  page.replaceChildren(buildHeader(), view.element);
  await view.open();
}

class AgreePage {
  readonly element: HTMLElement;
  private readonly told = h("p", { class: "failed", role: "alert" });
  private readonly body = h("div", { class: "waits" }, "Asking the ledger …");
  private readonly key = h("p", { class: "whom" });
  private ledger!: LedgerClient;
  private own!: Signer;

  constructor() {
    const lead = "Those who made a title write down what viewers pay for it and who shares in that. Everybody signs the same words; then they hold, and every payment is divided by them.";
    this.element = h("main", { class: "network agree", id: "main" }, h("h1", {}, "Agreement"), h("p", { class: "lead" }, lead), this.key, this.told, this.body);
  }

  async open(): Promise<void> {
    try {
      [this.ledger, this.own] = [await openLedger(), await ownKey()];
      this.key.replaceChildren("This browser’s key: ", h("code", { class: "own-key" }, hex(this.own.key)));
      addEventListener("hashchange", () => void this.show());
      await this.show();
    } catch (error) {
      this.fail(error as Error);
    }
  }

  /** What the address names: an agreement behind its #, or none yet. */
  private async show(): Promise<void> {
    const text = textInFragment(location.hash);
    if (text === undefined) await this.write();
    else await this.take(text);
  }

  private async write(): Promise<void> {
    const form = new AgreementForm(this.ledger, this.own.key, (agreed) => void this.read(agreed));
    const picker = agreementPicker("Go on with an agreement that somebody has written", (text) => this.take(text));
    this.fill(picker, form.element);
    const title = new URL(location.href).searchParams.get("title");
    if (title) await form.find(title);
  }

  private async take(text: string): Promise<void> {
    try {
      await this.read(await fromText(text));
    } catch (error) {
      this.fail(error as Error);
    }
  }

  private async read(agreed: Agreed): Promise<void> {
    try {
      const { element } = await Reading.open(agreed, this.ledger, this.own);
      this.fill(element);
      scrollTo(0, 0);
    } catch (error) {
      this.fail(error as Error);
    }
  }

  private fill(...content: HTMLElement[]): void {
    this.told.textContent = "";
    this.body.className = "";
    this.body.replaceChildren(...content);
  }

  private fail(error: Error): void {
    if (this.body.className === "waits") this.body.replaceChildren();
    this.told.textContent = refusalInWords(error);
  }
}
