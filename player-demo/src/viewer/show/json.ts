/** JSON: a health record is shown as one, anything else as text with its lines set out. */

import { h } from "../../page/element";
import { isResource, record } from "../fhir/record";
import { text } from "./show";

export function json(content: string, name: string): Node {
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch {
    return text(content, name);
  }
  const raw = text(JSON.stringify(value, null, 2), name);
  if (!isResource(value)) return raw;
  return h("div", {}, record(value), h("details", {}, h("summary", {}, "As it is in the file (JSON)"), raw));
}
