/** Pages in which a key signs are shown in a window of their own: in a frame of somebody else nobody knows what they press. */

import { h } from "./element";

/** Whether another page has put this one into a frame. */
export function isFramed(): boolean {
  return window.top !== window;
}

/** The same address in a window of its own, as what can be pressed here. */
export function elsewhere(words: string): HTMLElement {
  const url = new URL(location.href);
  url.searchParams.delete("embed");
  return h("div", { class: "problem-page elsewhere" }, h("p", {}, words), h("a", { class: "button", href: url.href, target: "_blank", rel: "noopener" }, "Open it in a window of its own"));
}
