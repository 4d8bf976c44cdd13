/** A page from a file, in a frame without scripts, forms, windows or an origin; the page's own policy holds in it too. */

import { h } from "../../page/element";

export function frame(html: string, name: string): HTMLElement {
  // No token at all: nothing is allowed. Fetching is forbidden by the policy that the frame inherits.
  return h("iframe", { sandbox: "", srcdoc: html, title: name, referrerpolicy: "no-referrer" });
}
