/** FHIR resources as a record that people read: definition lists, and tables where there are many of a kind. */

import { h } from "../../page/element";
import { count } from "../../page/format";
import { observations } from "./observations";
import { type Fields, type Json, label, line, text } from "./values";

/** How many resources of a bundle are set out; the rest is in the file. */
const SHOWN_MAX = 500;
/** How deep parts within parts are set out. */
const DEPTH_MAX = 6;
/** What says nothing to readers, or is said otherwise. */
const HIDDEN = ["resourceType", "id", "meta", "text", "contained", "extension", "modifierExtension", "implicitRules", "fullUrl"];

export type Resource = Fields & { readonly resourceType: string };

export function isResource(value: unknown): value is Resource {
  return typeof Object(value).resourceType === "string";
}

export function record(resource: Resource): HTMLElement {
  return h("div", { class: "record" }, resource.resourceType === "Bundle" ? bundle(resource) : single(resource, 2));
}

function bundle(resource: Resource): HTMLElement {
  const entries = Array.isArray(resource.entry) ? resource.entry : [];
  const resources = entries.map((entry) => Object(entry).resource as unknown).filter(isResource);
  const shown = resources.slice(0, SHOWN_MAX);
  const facts = [line(resource.type), line(resource.timestamp), count(resources.length, "entry", "entries")].filter(Boolean).join(" · ");
  const sections = [...groups(shown)].map(([type, list]) => section(type, list));
  const rest = resources.length > SHOWN_MAX && h("p", { class: "facts" }, `${resources.length - SHOWN_MAX} more are in the file.`);
  return h("section", {}, h("h2", {}, "Bundle"), h("p", { class: "facts" }, facts), ...sections, rest);
}

/** Resources by type; patients and documents come first. */
function groups(resources: Resource[]): Map<string, Resource[]> {
  const first = ["Composition", "Patient", "DocumentReference"];
  const place = ({ resourceType }: Resource) => (first.includes(resourceType) ? first.indexOf(resourceType) : first.length);
  const grouped = new Map<string, Resource[]>();
  for (const resource of [...resources].sort((a, b) => place(a) - place(b))) {
    grouped.set(resource.resourceType, [...(grouped.get(resource.resourceType) ?? []), resource]);
  }
  return grouped;
}

function section(type: string, list: Resource[]): HTMLElement {
  if (type === "Observation") return observations(list);
  if (list.length === 1) return single(list[0] as Resource, 3);
  return h("section", {}, h("h3", {}, `${label(type)} (${list.length})`), ...list.map((resource) => folded(resource)));
}

function folded(resource: Resource): HTMLElement {
  return h("details", {}, h("summary", {}, titleOf(resource)), fields(resource, 0));
}

function single(resource: Resource, level: 2 | 3): HTMLElement {
  return h("section", {}, h(`h${level}`, {}, titleOf(resource)), fields(resource, 0));
}

/** What the resource is about, in one line. */
function titleOf(resource: Resource): string {
  const about = ["name", "code", "type", "title", "vaccineCode", "medicationCodeableConcept", "description"].map((key) => line(resource[key])).find(Boolean);
  return [label(resource.resourceType), about ?? text(resource, "id")].filter(Boolean).join(": ");
}

function fields(value: Fields, depth: number): HTMLElement {
  const shown = Object.entries(value).filter(([key]) => !HIDDEN.includes(key) && !key.startsWith("_"));
  return h("dl", {}, ...shown.flatMap(([key, field]) => [h("dt", {}, label(key)), h("dd", {}, part(field, depth + 1))]));
}

function part(value: Json, depth: number): Node | string {
  const short = line(value);
  if (short !== undefined) return short;
  if (depth > DEPTH_MAX) return "(more in the file)";
  if (Array.isArray(value)) return h("ul", {}, ...value.map((entry) => h("li", {}, part(entry, depth + 1))));
  return isResource(value) ? single(value, 3) : fields(value as Fields, depth);
}
