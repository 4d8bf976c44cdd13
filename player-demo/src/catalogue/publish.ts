/** Drop a file on the page to publish it. */

import { home } from "../page/home";
import { h } from "../page/element";
import { keepUploadToken, type Session } from "../page/session";
import { type Progress, publish, type Stage, TokenError } from "./upload";

const STAGES: Record<Stage, string> = {
  receiving: "Uploading",
  packaging: "Cutting into segments",
  storing: "Storing on the nodes",
  done: "Published",
};

/** The drop zone, or undefined where the gateway takes no uploads. */
export async function buildPublish(session: Session, published: () => void): Promise<HTMLElement | undefined> {
  const answer = await fetch(`${home()}/api/publish`).catch(() => undefined);
  await answer?.body?.cancel(); // otherwise the connection stays in use
  return answer && answer.status !== 404 ? new Publish(session, published).element : undefined;
}

class Publish {
  readonly element: HTMLElement;
  private readonly file = h("input", { type: "file", accept: "video/*,audio/*", id: "publish-file", class: "unseen" });
  private readonly title = h("input", { type: "text", required: true, maxlength: 200, id: "publish-title" });
  private readonly token = h("input", { type: "password", required: true, autocomplete: "off", id: "publish-token" });
  private readonly form: HTMLFormElement;
  private readonly status = h("div", { role: "status", class: "publish-status" });
  private chosen: File | undefined;

  constructor(
    session: Session,
    private readonly published: () => void,
  ) {
    this.token.value = session.upload ?? "";
    this.form = this.buildForm(session.upload === undefined);
    const invite = h(
      "label",
      { for: "publish-file", class: "invite" },
      h("strong", {}, "Drop a film or a piece of music here to publish it"),
      " ",
      h("span", { class: "link" }, "or choose a file"),
    );
    this.element = h(
      "section",
      { class: "publish", "aria-label": "Publish" },
      this.file,
      invite,
      this.form,
      this.status,
    );
    this.file.addEventListener("change", () => this.choose(this.file.files?.[0]));
    this.takeDrops();
  }

  private buildForm(ask: boolean): HTMLFormElement {
    const token = h(
      "p",
      { hidden: !ask, class: "token" },
      h("label", { for: "publish-token" }, "Upload token"),
      this.token,
    );
    const buttons = h("p", {}, h("button", { class: "button" }, "Publish"));
    const form = h(
      "form",
      { hidden: true },
      h("p", {}, h("label", { for: "publish-title" }, "Title"), this.title),
      token,
      buttons,
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.run();
    });
    return form;
  }

  /** The whole page takes drops, so that nobody has to aim. */
  private takeDrops(): void {
    const over = (on: boolean) => document.body.classList.toggle("dropping", on);
    addEventListener("dragover", (event) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      over(true);
    });
    addEventListener("dragleave", (event) => event.relatedTarget === null && over(false));
    addEventListener("drop", (event) => {
      event.preventDefault();
      over(false);
      this.choose(event.dataTransfer?.files[0]);
    });
  }

  private choose(file: File | undefined): void {
    if (!file) return;
    this.chosen = file;
    this.title.value = file.name.replace(/\.[^.]+$/, "");
    this.form.hidden = false;
    this.status.replaceChildren(h("p", {}, file.name));
    this.title.focus();
    this.title.select();
  }

  private async run(): Promise<void> {
    if (!this.chosen) return;
    const controller = new AbortController();
    const bar = h("progress", { max: 1, value: 0, "aria-label": "Publishing" });
    const words = h("p", {});
    this.form.hidden = true;
    this.status.replaceChildren(
      words,
      bar,
      h("button", { type: "button", class: "button quiet", onclick: () => controller.abort() }, "Cancel"),
    );
    const tell = ({ stage, fraction }: Progress) => {
      words.textContent = `${STAGES[stage]}… ${Math.round(fraction * 100)} %`;
      bar.value = fraction;
    };
    try {
      const watch = await publish(this.chosen, this.title.value, this.token.value, tell, controller.signal);
      keepUploadToken(sessionStorage, this.token.value, home());
      this.status.replaceChildren(
        h(
          "p",
          {},
          `“${this.title.value}” is published. `,
          h("a", { href: new URL(watch, home()).pathname }, "Watch it"),
        ),
      );
      this.published();
    } catch (error) {
      this.fail(error as Error);
    }
  }

  private fail(error: Error): void {
    this.form.hidden = false;
    this.status.replaceChildren(h("p", { class: "failed" }, `Not published: ${error.message}.`));
    if (error instanceof TokenError) {
      const asked = this.form.querySelector<HTMLElement>(".token");
      if (asked) asked.hidden = false;
      this.token.focus();
    }
  }
}
