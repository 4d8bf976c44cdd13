/** What pdf.js takes from a page's document, as far as drawing needs it, where there is none. */

interface Surface {
  canvas: OffscreenCanvas | null;
  context: OffscreenCanvasRenderingContext2D | null;
}

export class PageCanvases {
  create(width: number, height: number): Surface {
    const canvas = new OffscreenCanvas(width, height);
    return { canvas, context: canvas.getContext("2d", { willReadFrequently: true }) };
  }

  reset(surface: Surface, width: number, height: number): void {
    if (surface.canvas) Object.assign(surface.canvas, { width, height });
  }

  destroy(surface: Surface): void {
    Object.assign(surface, { canvas: null, context: null });
  }
}

/** Filters are elements of SVG in a document; without them some blends look plainer. */
export class FilterFactory {
  addFilter(): string {
    return "none";
  }

  addHCMFilter(): string {
    return "none";
  }

  addAlphaFilter(): string {
    return "none";
  }

  addLuminosityFilter(): string {
    return "none";
  }

  addHighlightHCMFilter(): string {
    return "none";
  }

  destroy(): void {}
}

const { fonts } = globalThis as unknown as { fonts: FontFaceSet };

/** Fonts of the worker, and canvases for elements. */
export const ownerDocument = { fonts, baseURI: "about:blank", createElement: () => new OffscreenCanvas(1, 1), documentElement: {}, addEventListener: () => undefined };
Object.assign(globalThis, { document: ownerDocument });
