/** An agreement that is read, signed, handed on and handed in. */

import { h } from "../page/element";
import { hex, sentence } from "../page/format";
import { short } from "../network/words";
import type { Agreed } from "../pay/agreement";
import { type LedgerClient, now } from "../pay/ledger";
import type { Signer } from "../pay/signer";
import { refusalInWords } from "../pay/words";
import { equal } from "../trust/cbor";
import type { Signing } from "../trust/record";
import { accountKeys } from "./account-keys";
import { fromText, hasSigned, merge, missing, sign, toBytes, toFragment, toText } from "./circular";
import { confirmed } from "./consenting";
import { fetchTitle, type Title } from "./title";
import { inWords, rolesOf, whose } from "./words";

export class Reading {
  readonly element = h("div", { class: "reading" });
  private readonly told = h("p", { class: "told", role: "status" });
  private title: Title | undefined;
  private before: Agreed | undefined;
  private isRegistered = false;

  private constructor(
    private agreed: Agreed,
    private readonly ledger: LedgerClient,
    private readonly own: Signer,
  ) {}

  /** Shows an agreement; fails where it is none of this ledger. */
  static async open(agreed: Agreed, ledger: LedgerClient, own: Signer): Promise<Reading> {
    const { signedFor, unit } = ledger.terms;
    if (agreed.network && !equal(agreed.network, signedFor)) throw new Error("its signatures are for another ledger");
    if (agreed.agreement.unit !== unit) throw new Error(`it is about ${agreed.agreement.unit}, and the ledger counts in ${unit}`);
    const reading = new Reading(agreed, ledger, own);
    const { content, supersedes } = agreed.agreement;
    if (supersedes !== undefined) reading.before = await ledger.agreed(supersedes);
    reading.title = await fetchTitle(content).catch(() => undefined);
    reading.isRegistered = (await ledger.holding(content, agreed.agreement.creator))?.id === agreed.agreement.id;
    reading.draw();
    return reading;
  }

  private draw(): void {
    history.replaceState(null, "", location.pathname + location.search + toFragment(this.agreed));
    const left = missing(this.agreed, this.before);
    this.element.replaceChildren(
      h("section", { "aria-labelledby": "says" }, h("h2", { id: "says" }, "What it says"), inWords(this.agreed.agreement, this.title, hex(this.own.key))),
      this.signatures(left),
      this.told,
      ...(this.isRegistered ? [this.holding()] : [this.signing(left), this.handingOn(left), this.handingIn(left)]),
    );
  }

  private signatures(left: readonly string[]): HTMLElement {
    const { agreement, consented } = this.agreed;
    const line = (key: string, isDone: boolean) =>
      h("li", { class: isDone ? "signed" : "unsigned" }, h("span", { class: "mark", "aria-hidden": "true" }, isDone ? "✓" : "○"), h("span", {}, isDone ? "Signed by " : "To be signed by ", h("code", { title: key }, short(key)), whose(key, hex(this.own.key), hex(agreement.creator)), h("span", { class: "fine" }, ` ${rolesOf(key, agreement)}`)));
    const lines = [...consented.map((key) => line(hex(key), true)), ...left.map((key) => line(key, false))];
    return h("section", { "aria-labelledby": "signatures" }, h("h2", { id: "signatures" }, "Who has signed"), h("ul", { class: "signatures" }, ...lines));
  }

  private signing(left: readonly string[]): HTMLElement {
    const own = hex(this.own.key);
    const button = h("button", { type: "button", class: "button sign" }, `Sign as ${short(own)} …`);
    button.addEventListener("click", () => void this.signWith([this.own]));
    const words = left.includes(own)
      ? "Your signature says that you agree to every word above. It counts once everybody has signed, and is never taken back: a later version takes the place of this one."
      : hasSigned(this.agreed, this.own.key)
        ? "You have signed, with this browser’s key."
        : "It asks for no signature of this browser’s key.";
    return h("section", { "aria-labelledby": "sign" }, h("h2", { id: "sign" }, "Sign"), h("p", {}, words), left.includes(own) && h("p", { class: "actions" }, button), left.length > 0 && this.withAccount());
  }

  /** Signing with the keys of an account of the program. */
  private withAccount(): HTMLElement {
    const file = h("input", { type: "file", id: "account-file" });
    file.addEventListener("change", async () => {
      const keys = accountKeys((await file.files?.[0]?.text()) ?? "");
      file.value = "";
      if (keys) await this.signWith(keys);
      else this.say("That is no account file: it has 64 digits and letters from a to f.");
    });
    return h(
      "details",
      { class: "more" },
      h("summary", {}, "Sign with an account of the program"),
      h("p", {}, h("label", { for: "account-file" }, "Account file")),
      file,
      h("p", { class: "fine" }, "Whoever has this file has the account. The page keeps nothing of it; but if the gateway is not your own, sign on your machine instead: save the agreement below, and run ", h("code", {}, "headwater ledger agree sign FILE"), "."),
    );
  }

  private async signWith(signers: readonly Signing[]): Promise<void> {
    const asked = signers.filter(({ key }) => missing(this.agreed, this.before).includes(hex(key)));
    if (asked.length === 0) {
      this.say("It asks for no signature of these keys, or has them already.");
      return;
    }
    const { issuer, signedFor } = this.ledger.terms;
    const issued = now();
    if (!(await confirmed(this.agreed.agreement, asked, { url: this.ledger.url, issuer }, issued))) {
      this.say("Nothing was signed.");
      return;
    }
    for (const signer of asked) this.agreed = await sign(this.agreed, signer, signedFor, issued);
    const left = missing(this.agreed, this.before);
    this.say(left.length > 0 ? "Signed. Hand it on to those who have yet to sign." : "Signed. Everybody has signed now: hand it in.");
    this.draw();
  }

  private handingOn(left: readonly string[]): HTMLElement {
    const link = location.origin + location.pathname + location.search + toFragment(this.agreed);
    const copy = h("button", { type: "button", class: "button quiet" }, "Copy the link");
    copy.addEventListener("click", async () => {
      const isDone = await navigator.clipboard.writeText(link).then(() => true, () => false);
      this.say(isDone ? "The link is copied. What it says stands behind #, which no server sees." : "The browser does not let this page copy: take the link from its address.");
    });
    const save = h("a", { class: "button quiet", download: `${short(this.agreed.agreement.id)}.agreement`, href: URL.createObjectURL(new Blob([`${toText(this.agreed)}\n`], { type: "text/plain" })) }, "Save as a file");
    const words = left.length > 0 ? "Send it to everybody who has yet to sign: one after the other, or to all at once, and put their copies together here." : "Keep a copy.";
    return h("section", { "aria-labelledby": "hand-on" }, h("h2", { id: "hand-on" }, "Hand it on"), h("p", {}, words), h("p", { class: "actions" }, copy, save), left.length > 0 && agreementPicker("Add signatures from another copy", (text) => this.add(text)));
  }

  private async add(text: string): Promise<void> {
    try {
      const before = this.agreed.consents.length;
      this.agreed = await merge(this.agreed, await fromText(text));
      const added = this.agreed.consents.length - before;
      this.say(added === 1 ? "One signature was added." : `${added} signatures were added.`);
      this.draw();
    } catch (error) {
      this.say(sentence((error as Error).message));
    }
  }

  private handingIn(left: readonly string[]): HTMLElement {
    const button = h("button", { type: "button", class: "button hand-in", disabled: left.length > 0 }, "Hand it in");
    button.addEventListener("click", async () => {
      button.disabled = true;
      this.say("Handing it in …");
      try {
        await this.ledger.register(toBytes(this.agreed), this.agreed.agreement.id);
        this.isRegistered = true;
        this.say("");
        this.draw();
      } catch (error) {
        this.say(refusalInWords(error as Error));
        button.disabled = false;
      }
    });
    const words = left.length > 0 ? "Once everybody has signed, anybody can hand it in." : `Everybody has signed. The ledger at ${this.ledger.url} registers it, and it holds from then on.`;
    return h("section", { "aria-labelledby": "hand-in" }, h("h2", { id: "hand-in" }, "Hand it in"), h("p", {}, words), h("p", { class: "actions" }, button));
  }

  private holding(): HTMLElement {
    const { content } = this.agreed.agreement;
    const watch = h("a", { href: this.title?.watch ?? `/watch/${content.text}` }, "Watch it");
    return h("section", { class: "ruling registered", role: "status" }, h("p", {}, h("strong", {}, "It holds."), " The ledger has registered it, and publishes it in its log. ", watch, " · ", h("a", { href: "/log" }, "The log")));
  }

  private say(words: string): void {
    this.told.textContent = words;
  }
}

/** Takes an agreement as a file or as text. */
export function agreementPicker(name: string, taken: (text: string) => Promise<void>): HTMLElement {
  const file = h("input", { type: "file", id: "agreement-file" });
  const text = h("textarea", { id: "agreement-text", rows: 3, spellcheck: "false" });
  file.addEventListener("change", async () => {
    const chosen = file.files?.[0];
    if (chosen) await taken(await chosen.text());
  });
  const take = h("button", { type: "button", class: "button quiet", onclick: () => void taken(text.value) }, "Take it");
  return h(
    "details",
    { class: "more picker" },
    h("summary", {}, name),
    h("p", {}, h("label", { for: "agreement-file" }, "An agreement that was saved, here or by ", h("code", {}, "headwater ledger agree"))),
    file,
    h("p", {}, h("label", { for: "agreement-text" }, "or what stands in it")),
    text,
    h("p", { class: "actions" }, take),
  );
}
