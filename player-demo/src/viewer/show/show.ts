/** Shows one file. What is in it is never part of the page: it is text, a picture, or a frame in which nothing runs. */

import { h } from "../../page/element";
import { bytes } from "../../page/format";
import { type FileInShare, wholeOf } from "../files";
import { type Kind, mediaType } from "../kinds";
import { frame } from "./frame";
import { json } from "./json";
import { media } from "./media";
import { pdf } from "./pdf";

/** How much of a text is shown. */
const TEXT_LEN_MAX = 2 * 2 ** 20;
/** How large a picture or a page may be, to be shown. */
const WHOLE_LEN_MAX = 128 * 2 ** 20;

export async function show(file: FileInShare, kind: Kind): Promise<Node> {
  if (kind === "video" || kind === "audio") return media(file, kind);
  const limit = kind === "text" ? TEXT_LEN_MAX : WHOLE_LEN_MAX;
  if (kind !== "text" && file.facts.len > limit) throw new Error(`It has ${bytes(file.facts.len)}; up to ${bytes(limit)} are shown here. It can be saved`);
  const whole = wholeOf(file.facts);
  const { bytes: content, rebuilt } = await file.client.ask({ op: "read", part: { ...whole, to: Math.min(whole.to, whole.from + limit) } });
  const count = content.length;
  const shown = await view(kind, content, file);
  const notes = [file.facts.len > count && `The first ${bytes(count)} of it.`, rebuilt > 0 && `${rebuilt} cells were rebuilt by the gateway; each opened with the file's key.`];
  return h("div", {}, shown, ...notes.map((note) => note && h("p", { class: "facts" }, note)));
}

function view(kind: Exclude<Kind, "video" | "audio">, content: Uint8Array<ArrayBuffer>, { facts }: FileInShare): Node | Promise<Node> {
  switch (kind) {
    case "text":
      return text(decode(content), facts.name);
    case "json":
      return json(decode(content), facts.name);
    case "html":
      return frame(decode(content), facts.name);
    case "image":
      return picture(content, mediaType(facts.name, facts.type) as string, facts.name);
    case "pdf":
      return pdf(content, facts.name);
  }
}

export function text(content: string, name: string): Node {
  return h("pre", { tabindex: 0, role: "region", "aria-label": name }, content);
}

/** As a picture not even an SVG file runs scripts or fetches anything. */
function picture(content: Uint8Array<ArrayBuffer>, type: string, name: string): Node {
  const image = h("img", { src: URL.createObjectURL(new Blob([content], { type })), alt: name });
  image.addEventListener("error", () => image.replaceWith(h("p", { class: "told bad" }, "This is no picture that the browser can show.")));
  image.addEventListener("load", () => URL.revokeObjectURL(image.src));
  return image;
}

function decode(content: Uint8Array): string {
  return new TextDecoder().decode(content);
}
