/** PDF: every page a picture, drawn when it comes into sight, with its text for those who cannot see it. */

import { h } from "../../page/element";
import { count } from "../../page/format";
import type { PdfAnswer, PdfQuestion } from "./pdf.worker";
import PdfWorker from "./pdf.worker?worker&inline";

/** Pages that are set out. */
const PAGES_MAX = 500;
/** Pixels across, however wide the screen is. */
const WIDTH_MAX = 2000;

type Pages = Extract<PdfAnswer, { pages: number }>;
type Drawn = Extract<PdfAnswer, { text: string }>;

/** One file in a worker of its own. */
class Document {
  private readonly worker = new PdfWorker();
  private readonly waiting = new Map<number, { resolve: (answer: never) => void; reject: (error: Error) => void }>();
  private next = 0;

  constructor() {
    this.worker.addEventListener("message", ({ data }: MessageEvent<PdfAnswer>) => {
      const waiting = this.waiting.get(data.id);
      this.waiting.delete(data.id);
      if ("problem" in data) waiting?.reject(new Error(`This PDF cannot be shown (${data.problem}); it can be saved`));
      else waiting?.resolve(data as never);
    });
    this.worker.addEventListener("error", ({ message }) => {
      for (const { reject } of this.waiting.values()) reject(new Error(`This PDF cannot be shown (${message}); it can be saved`));
      this.waiting.clear();
    });
  }

  open(file: ArrayBuffer): Promise<Pages> {
    return this.ask((id) => ({ id, file }), [file]);
  }

  page(page: number, width: number): Promise<Drawn> {
    return this.ask((id) => ({ id, page, width }));
  }

  private ask<A>(question: (id: number) => PdfQuestion, transfer: Transferable[] = []): Promise<A> {
    const id = this.next++;
    return new Promise<A>((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.worker.postMessage(question(id), transfer);
    });
  }
}

export async function pdf(content: Uint8Array<ArrayBuffer>, name: string): Promise<HTMLElement> {
  const document = new Document();
  const { pages, ratio } = await document.open(content.buffer);
  const shown = Math.min(pages, PAGES_MAX);
  const list = h("ol", { class: "pages", "aria-label": name });
  const sight = new IntersectionObserver((entries) => entries.filter(({ isIntersecting }) => isIntersecting).forEach(({ target }) => {
    sight.unobserve(target);
    void draw(document, target as HTMLElement, list);
  }), { rootMargin: "600px" });
  for (let page = 1; page <= shown; page++) {
    const item = h("li", { "data-page": page }, h("canvas", { width: 1000, height: Math.round(1000 / ratio), role: "img", "aria-label": `Page ${page}` }));
    list.append(item);
    sight.observe(item);
  }
  const rest = pages > shown && h("p", { class: "facts" }, `The first ${count(shown, "page")} of ${pages}.`);
  return h("div", {}, list, rest);
}

async function draw(document: Document, item: HTMLElement, list: HTMLElement): Promise<void> {
  const width = Math.min(WIDTH_MAX, Math.max(300, list.clientWidth) * devicePixelRatio);
  const canvas = item.querySelector("canvas") as HTMLCanvasElement;
  try {
    const { picture, text } = await document.page(Number(item.dataset.page), width);
    [canvas.width, canvas.height] = [picture.width, picture.height];
    canvas.getContext("bitmaprenderer")?.transferFromImageBitmap(picture);
    item.append(h("p", { class: "unseen" }, text));
  } catch (error) {
    item.append(h("p", { class: "told bad" }, (error as Error).message));
  }
}
