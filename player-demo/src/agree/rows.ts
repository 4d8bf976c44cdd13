/** The rows of the form: one for each party, one for each work that the title is made from. */

import { h } from "../page/element";
import { ROLES, type Role, WHOLE_PPM } from "../pay/agreement";
import type { DraftParent, DraftParty } from "./draft";
import { missingShare } from "./draft";
import { choiceField, type Field, textField } from "./field";
import { equalShares, percentOf } from "./shares";

const PARTIES_MAX = 64;
const PARENTS_MAX = 16;
const ROLE_CHOICES = ROLES.map((role) => [role, role] as const);

type AnyField = Field<HTMLInputElement> | Field<HTMLSelectElement>;

/** Rows that can be added and taken away. Fields are numbered anew then, so that each has its name. */
abstract class Rows<R> {
  readonly element = h("div", { class: "rows" });
  readonly fields = new Map<string, AnyField>();
  protected abstract readonly most: number;
  protected abstract readonly noun: string;

  protected abstract build(row: R, at: number): HTMLElement;
  protected abstract read(at: number): R;
  protected abstract count(): number;

  /** What all rows say. */
  all(): R[] {
    return Array.from({ length: this.count() }, (_, at) => this.read(at));
  }

  draw(rows: readonly R[]): void {
    this.fields.clear();
    this.element.replaceChildren(...rows.slice(0, this.most).map((row, at) => this.row(row, at)));
  }

  add(row: R): void {
    this.draw([...this.all(), row]);
    const [last] = [...this.element.querySelectorAll<HTMLInputElement>(".row:last-child input")];
    last?.focus();
  }

  protected text(id: string, label: string, value: string, more: Record<string, string | boolean> = {}, ...after: HTMLElement[]): HTMLElement {
    return this.keep(textField(id, label, value, more, ...after));
  }

  protected keep(field: AnyField): HTMLElement {
    this.fields.set(field.input.id, field);
    return field.element;
  }

  protected value(id: string): string {
    return this.fields.get(id)?.value ?? "";
  }

  private row(row: R, at: number): HTMLElement {
    const remove = () => this.draw(this.all().filter((_, other) => other !== at));
    const button = h("button", { type: "button", class: "button quiet", onclick: remove }, "Remove");
    button.setAttribute("aria-label", `Remove ${this.noun} ${at + 1}`);
    return h("div", { class: "row", role: "group", "aria-label": `${this.noun} ${at + 1}` }, this.build(row, at), button);
  }
}

export class PartyRows extends Rows<DraftParty> {
  protected readonly most = PARTIES_MAX;
  protected readonly noun = "Party";
  /** Whether the shares are the whole. */
  readonly told = h("p", { class: "fine", role: "status", id: "shares-told" });

  constructor(private readonly own: string) {
    super();
    this.element.addEventListener("input", () => this.tell());
  }

  override draw(rows: readonly DraftParty[]): void {
    super.draw(rows);
    this.tell();
  }

  /** Gives everybody as much. */
  equal(): void {
    const rows = this.all();
    const shares = equalShares(rows.length, WHOLE_PPM);
    this.draw(rows.map((row, at) => ({ ...row, percent: percentOf(shares[at] ?? 0) })));
  }

  protected count(): number {
    return this.element.childElementCount;
  }

  protected build({ key, role, percent, ipi }: DraftParty, at: number): HTMLElement {
    const id = (part: string) => `party-${at}-${part}`;
    const roles = choiceField(id("role"), "Role", ROLE_CHOICES);
    roles.input.value = role;
    const own = h("button", { type: "button", class: "button quiet" }, "This browser’s key");
    own.addEventListener("click", () => {
      const field = this.fields.get(id("key"));
      if (field) field.input.value = this.own;
      field?.complain(undefined);
    });
    return h(
      "div",
      { class: "fields" },
      this.text(id("key"), "Key", key, { class: "key", maxlength: "64" }, own),
      this.keep(roles),
      this.text(id("share"), "Share in %", percent, { inputmode: "decimal", class: "percent" }),
      this.text(id("ipi"), "IPI name number (optional)", ipi, { inputmode: "numeric", maxlength: "11" }),
    );
  }

  protected read(at: number): DraftParty {
    const value = (part: string) => this.value(`party-${at}-${part}`);
    return { key: value("key"), role: value("role") as Role, percent: value("share"), ipi: value("ipi") };
  }

  private tell(): void {
    const missing = missingShare(this.all().map(({ percent }) => percent));
    this.told.textContent = missing === undefined ? "All 100 % are given." : `${missing}.`;
    this.told.classList.toggle("short", missing !== undefined);
  }
}

export class ParentRows extends Rows<DraftParent> {
  protected readonly most = PARENTS_MAX;
  protected readonly noun = "Work";

  protected count(): number {
    return this.element.childElementCount;
  }

  protected build({ agreement, percent }: DraftParent, at: number): HTMLElement {
    return h(
      "div",
      { class: "fields" },
      this.text(`parent-${at}-id`, "Id of its agreement", agreement, { class: "key", maxlength: "64" }),
      this.text(`parent-${at}-share`, "Its share in %", percent, { inputmode: "decimal", class: "percent" }),
    );
  }

  protected read(at: number): DraftParent {
    return { agreement: this.value(`parent-${at}-id`), percent: this.value(`parent-${at}-share`) };
  }
}
