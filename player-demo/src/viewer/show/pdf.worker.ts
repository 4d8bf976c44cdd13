/**
 * Draws pages of PDF files. All of pdf.js runs here, beside the page and without its document: what a file does to it, the page
 * does not feel; it gets pictures and text.
 */

// First, since pdf.js looks for a document when it is loaded.
import { FilterFactory, ownerDocument, PageCanvases } from "./pdf-surroundings";

import { getDocument, type PDFDocumentProxy } from "pdfjs-dist";
import * as pdfjsWorker from "pdfjs-dist/build/pdf.worker.mjs";

/** A file is handed over once; then its pages are asked for. */
export type PdfQuestion = { readonly id: number; readonly file: ArrayBuffer } | { readonly id: number; readonly page: number; readonly width: number };
export type PdfAnswer =
  | { readonly id: number; readonly pages: number; readonly ratio: number }
  | { readonly id: number; readonly picture: ImageBitmap; readonly text: string }
  | { readonly id: number; readonly problem: string };

// Its other half would be a worker of its own; it is in this one, where it looks for it.
Object.assign(globalThis, { pdfjsWorker });
let opened: Promise<PDFDocumentProxy> | undefined;

self.addEventListener("message", async ({ data }: MessageEvent<PdfQuestion>) => {
  try {
    if ("file" in data) await tellPages(data.id, data.file);
    else await draw(data.id, data.page, data.width);
  } catch (error) {
    tell({ id: data.id, problem: (error as Error).message });
  }
});

function tell(answer: PdfAnswer, transfer: Transferable[] = []): void {
  self.postMessage(answer, { transfer });
}

function open(file: ArrayBuffer): Promise<PDFDocumentProxy> {
  return getDocument({
    data: new Uint8Array(file),
    ownerDocument,
    CanvasFactory: PageCanvases,
    FilterFactory,
    isEvalSupported: false,
    enableXfa: false,
    useSystemFonts: true,
    useWasm: false,
    useWorkerFetch: false,
    verbosity: 0,
  } as unknown as Parameters<typeof getDocument>[0]).promise;
}

async function tellPages(id: number, file: ArrayBuffer): Promise<void> {
  opened = open(file);
  const document = await opened;
  const { width, height } = (await document.getPage(1)).getViewport({ scale: 1 });
  tell({ id, pages: document.numPages, ratio: width / height });
}

async function draw(id: number, number: number, width: number): Promise<void> {
  const page = await ((await opened) as PDFDocumentProxy).getPage(number);
  const viewport = page.getViewport({ scale: width / page.getViewport({ scale: 1 }).width });
  const canvas = new OffscreenCanvas(Math.ceil(viewport.width), Math.ceil(viewport.height));
  const canvasContext = canvas.getContext("2d") as unknown as CanvasRenderingContext2D;
  await page.render({ canvas: null, canvasContext, viewport }).promise;
  const { items } = await page.getTextContent();
  const text = items.map((item) => ("str" in item ? item.str + (item.hasEOL ? "\n" : "") : "")).join("");
  const picture = canvas.transferToImageBitmap();
  tell({ id, picture, text }, [picture]);
  page.cleanup();
}
