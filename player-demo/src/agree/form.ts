/** The form in which an agreement is written. Nothing of it is signed here. */

import { h } from "../page/element";
import { hex } from "../page/format";
import type { Agreed, Agreement, AgreementParts } from "../pay/agreement";
import { type LedgerClient, now } from "../pay/ledger";
import { type Per, priceInWords } from "../pay/price";
import { refusalInWords } from "../pay/words";
import { equal } from "../trust/cbor";
import { begin } from "./circular";
import { type Complaint, type Draft, readDraft } from "./draft";
import { choiceField, type Field, textField } from "./field";
import { ParentRows, PartyRows } from "./rows";
import { microOf } from "./shares";
import { fetchTitle, type Title } from "./title";

const UNITS_OF_USE = [["second", "seconds of playing"], ["byte", "bytes"], ["view", "view, if so many seconds are played"]] as const;
const FEES = { gateway: "Gateway that brings it, in %", node: "Nodes that keep it, in %", network: "Network, in %" };
const FEES_USUAL = { gateway: "10", node: "9", network: "1" };

/** The form; `written` is called with the agreement that it makes. */
export class AgreementForm {
  readonly element: HTMLFormElement;
  private readonly fields = new Map<string, Field<HTMLInputElement> | Field<HTMLSelectElement>>();
  private readonly parties: PartyRows;
  private readonly parents = new ParentRows();
  private readonly found = h("p", { class: "found", role: "status" });
  private readonly costs = h("p", { class: "fine", role: "status" });
  private readonly told = h("p", { class: "failed", role: "alert" });
  private title: Title | undefined;
  private before: Agreement | undefined;

  constructor(
    private readonly ledger: LedgerClient,
    own: Uint8Array,
    private readonly written: (agreed: Agreed) => void,
  ) {
    this.parties = new PartyRows(hex(own));
    this.parties.draw([{ key: hex(own), role: "author", percent: "100", ipi: "" }]);
    this.element = h("form", { class: "agreement-form", novalidate: true, onsubmit: (event) => void this.submit(event) }, ...this.sections());
    this.drawCosts();
  }

  /** Looks a title up, as if its id had been typed. */
  async find(id: string): Promise<void> {
    const field = this.field("title");
    field.input.value = id;
    this.title = this.before = undefined;
    this.found.textContent = "Looking for it …";
    try {
      this.title = await fetchTitle(id);
      this.before = await this.ledger.holding(this.title.id, this.title.creator);
      this.found.replaceChildren(...this.whatWasFound(this.title));
      field.complain(undefined);
    } catch (error) {
      this.found.textContent = `It was not found: ${refusalInWords(error as Error)}`;
    }
  }

  private whatWasFound({ by, creator, ledger, name }: Title): (Node | string)[] {
    const words: (Node | string)[] = [h("strong", {}, name), by ? ` by ${by}` : "", ", signed by its creator ", h("code", {}, hex(creator))];
    if (!ledger) words.push(". It was published without a ledger: whatever is agreed, it is free.");
    else if (!equal(ledger, this.ledger.terms.issuer)) words.push(". It was published for another ledger than this one.");
    if (this.before) words.push(`. Version ${this.before.version} of its agreement holds: what you write takes its place once everybody of both has signed.`);
    return words;
  }

  private sections(): HTMLElement[] {
    const look = h("button", { type: "button", class: "button quiet", onclick: () => void this.find(this.field("title").value) }, "Find it");
    const title = this.text("title", "Id of a publication or live stream, or the address where it is watched", "", { class: "key" }, look);
    title.addEventListener("change", () => void this.find(this.field("title").value));
    return [
      section("The title", title, this.found),
      section("What viewers pay", h("div", { class: "fields" }, this.text("price-amount", `Amount in ${this.ledger.terms.unit}`, "0.01", { inputmode: "decimal" }), this.text("price-of", "for", "60", { inputmode: "numeric" }), this.keep(choiceField("price-per", "of", UNITS_OF_USE))), this.costs),
      section("Taken first, from all that viewers pay", h("div", { class: "fields" }, ...Object.entries(FEES).map(([who, label]) => this.text(`fee-${who}`, label, FEES_USUAL[who as keyof typeof FEES], { inputmode: "decimal", class: "percent" })))),
      section("Who shares in the rest", this.parties.element, this.parties.told, h("p", { class: "actions" }, this.adder("Add a party", () => this.parties.add({ key: "", role: "author", percent: "", ipi: "" })), this.adder("Equal shares", () => this.parties.equal()))),
      h("details", { class: "more" }, h("summary", {}, "Works that it is made from"), this.parents.element, h("p", { class: "fine" }, "Each has its share before the parties, and passes on what it is made from itself. Its own agreement has to allow that."), h("p", { class: "actions" }, this.adder("Add a work", () => this.parents.add({ agreement: "", percent: "" })))),
      h("details", { class: "more" }, h("summary", {}, "What others may make from it, and its numbers"), this.text("secondary", "Least share for works made from it, in % (empty: nobody may)", "", { inputmode: "decimal", class: "percent" }), h("div", { class: "fields" }, this.text("isrc", "ISRC (optional)"), this.text("iswc", "ISWC (optional)"), this.text("iscc", "ISCC (optional)"))),
      this.told,
      h("p", { class: "actions" }, h("button", { type: "submit", class: "button" }, "Show it in words")),
    ];
  }

  private async submit(event: Event): Promise<void> {
    event.preventDefault();
    this.told.textContent = "";
    if (!this.title) await this.find(this.field("title").value);
    if (!this.title) {
      this.complain([{ field: "title", reason: "has to name a title that this gateway knows" }]);
      return;
    }
    const { id: content, creator } = this.title;
    const read = readDraft(this.draft(), { content, creator, issued: now(), unit: this.ledger.terms.unit, before: this.before });
    if (Array.isArray(read)) this.complain(read);
    else await this.begin(read);
  }

  private async begin(parts: AgreementParts): Promise<void> {
    try {
      this.written(await begin(parts));
    } catch (error) {
      this.told.textContent = `This is no agreement yet: ${(error as Error).message}.`;
    }
  }

  private complain(complaints: readonly Complaint[]): void {
    const known = new Map([...this.fields, ...this.parties.fields, ...this.parents.fields]);
    for (const { field, reason } of [...complaints].reverse()) known.get(field)?.complain(reason);
    const [first] = complaints;
    const field = first && known.get(first.field);
    this.told.textContent = `${complaints.length === 1 ? "One field is" : `${complaints.length} fields are`} not right yet: “${field?.label}” ${first?.reason}.`;
    field?.input.closest("details")?.setAttribute("open", "");
    field?.input.focus();
  }

  private draft(): Draft {
    const value = (id: string) => this.field(id).value;
    return {
      price: { amount: value("price-amount"), of: value("price-of"), per: value("price-per") as Per },
      fees: { gateway: value("fee-gateway"), network: value("fee-network"), node: value("fee-node") },
      parties: this.parties.all(),
      parents: this.parents.all(),
      secondary: value("secondary"),
      isrc: value("isrc"),
      iswc: value("iswc"),
      iscc: value("iscc"),
    };
  }

  /** What the price comes to, as people count. */
  private drawCosts(): void {
    const draw = () => {
      const { amount, of, per } = this.draft().price;
      const [micro, quantity] = [microOf(amount), /^[1-9]\d{0,9}$/.test(of) ? BigInt(of) : undefined];
      this.costs.textContent = micro === undefined || quantity === undefined ? "" : `That is ${priceInWords({ micro, of: quantity, per }, this.ledger.terms.unit)}.`;
    };
    for (const id of ["price-amount", "price-of", "price-per"]) this.field(id).input.addEventListener("input", draw);
    draw();
  }

  private text(...field: Parameters<typeof textField>): HTMLElement {
    return this.keep(textField(...field));
  }

  private keep(field: Field<HTMLInputElement> | Field<HTMLSelectElement>): HTMLElement {
    this.fields.set(field.input.id, field);
    return field.element;
  }

  private field(id: string): Field<HTMLInputElement> | Field<HTMLSelectElement> {
    return this.fields.get(id) as Field<HTMLInputElement>;
  }

  private adder(words: string, add: () => void): HTMLElement {
    return h("button", { type: "button", class: "button quiet", onclick: add }, words);
  }
}

function section(name: string, ...content: HTMLElement[]): HTMLElement {
  return h("fieldset", {}, h("legend", {}, name), ...content);
}
