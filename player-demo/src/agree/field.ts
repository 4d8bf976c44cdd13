/** A labelled field that says what is wrong with it. */

import { h } from "../page/element";

export class Field<E extends HTMLInputElement | HTMLSelectElement> {
  readonly element: HTMLElement;
  private readonly wrong: HTMLElement;

  constructor(
    readonly label: string,
    readonly input: E,
    ...after: HTMLElement[]
  ) {
    this.wrong = h("span", { class: "wrong", id: `${input.id}-wrong` });
    this.element = h("p", { class: "field" }, h("label", { for: input.id }, label), input, ...after, this.wrong);
    input.addEventListener("input", () => this.complain(undefined));
  }

  get value(): string {
    return this.input.value;
  }

  /** Says what is wrong; undefined takes it back. */
  complain(reason: string | undefined): void {
    this.wrong.textContent = reason === undefined ? "" : `This ${reason}.`;
    if (reason === undefined) {
      this.input.removeAttribute("aria-invalid");
      this.input.removeAttribute("aria-describedby");
    } else {
      this.input.setAttribute("aria-invalid", "true");
      this.input.setAttribute("aria-describedby", this.wrong.id);
    }
  }
}

/** A field of text. */
export function textField(id: string, label: string, value = "", more: Record<string, string | boolean> = {}, ...after: HTMLElement[]): Field<HTMLInputElement> {
  return new Field(label, h("input", { id, value, autocomplete: "off", spellcheck: "false", ...more }), ...after);
}

/** A field of which one choice is taken; the choices are values and their names. */
export function choiceField(id: string, label: string, choices: readonly (readonly [string, string])[]): Field<HTMLSelectElement> {
  return new Field(label, h("select", { id }, ...choices.map(([value, name]) => h("option", { value }, name))));
}
