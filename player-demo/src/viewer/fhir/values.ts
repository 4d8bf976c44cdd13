/** The data types of FHIR R4, as a person writes them. They are known by what is in them, since JSON does not name them. */

export type Json = null | boolean | number | string | Json[] | { readonly [key: string]: Json };
export type Fields = { readonly [key: string]: Json };

/** The value as one line; undefined where it has parts that do not fit into one. */
export function line(value: Json | undefined): string | undefined {
  if (value === null || value === undefined) return undefined;
  if (typeof value === "string") return dated(value);
  if (typeof value !== "object") return String(value);
  if (Array.isArray(value)) return lines(value);
  for (const write of [coding, name, quantity, period, reference, telecom, identifier, address, range]) {
    const text = write(value);
    if (text) return text;
  }
  return undefined;
}

function lines(values: Json[]): string | undefined {
  const texts = values.map(line);
  return texts.every((text) => text !== undefined) ? texts.join("; ") : undefined;
}

/** A text of a field; undefined for anything else. */
export function text(fields: Fields, key: string): string | undefined {
  const value = fields[key];
  return typeof value === "string" || typeof value === "number" ? String(value) : undefined;
}

const joined = (parts: (string | undefined)[], between = " ") => parts.filter(Boolean).join(between) || undefined;
const list = (value: Json | undefined) => (Array.isArray(value) ? value : []);
const isFields = (value: Json | undefined): value is Fields => typeof value === "object" && value !== null && !Array.isArray(value);

/** An instant or date and time without its `T`; everything else stays as it is. */
function dated(value: string): string {
  return value.replace(/^(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(?::\d\d(?:\.\d+)?)?(Z|[+-]\d\d:\d\d)?$/, (_, day, time, zone) => joined([day, time, zone === "Z" ? "UTC" : zone]) ?? value);
}

/** Coding and CodeableConcept. */
function coding(value: Fields): string | undefined {
  if ("coding" in value) return text(value, "text") ?? joined(list(value.coding).map(line), ", ");
  if ("code" in value && !("value" in value)) return text(value, "display") ?? text(value, "code");
  const isConcept = "text" in value && Object.keys(value).length === 1;
  return isConcept ? text(value, "text") : undefined;
}

function name(value: Fields): string | undefined {
  if (!("family" in value || "given" in value)) return undefined;
  const parts = [...list(value.prefix), ...list(value.given), value.family ?? null, ...list(value.suffix)];
  return text(value, "text") ?? joined(parts.map((part) => (typeof part === "string" ? part : undefined)));
}

function quantity(value: Fields): string | undefined {
  if (typeof value.value !== "number") return undefined;
  return joined([text(value, "comparator"), String(value.value), text(value, "unit") ?? text(value, "code") ?? text(value, "currency")]);
}

function period(value: Fields): string | undefined {
  if (!("start" in value || "end" in value)) return undefined;
  return `${line(value.start) ?? "…"} – ${line(value.end) ?? "…"}`;
}

function range(value: Fields): string | undefined {
  if (!(isFields(value.low) || isFields(value.high))) return text(value, "text");
  return `${line(value.low) ?? "…"} – ${line(value.high) ?? "…"}`;
}

function reference(value: Fields): string | undefined {
  return "reference" in value || "display" in value ? (text(value, "display") ?? text(value, "reference")) : undefined;
}

function telecom(value: Fields): string | undefined {
  return "system" in value && ["phone", "email", "fax", "url", "sms", "pager", "other"].includes(String(value.system)) ? text(value, "value") : undefined;
}

function identifier(value: Fields): string | undefined {
  return "system" in value || "type" in value ? text(value, "value") : undefined;
}

function address(value: Fields): string | undefined {
  if (!("line" in value || "city" in value || "country" in value)) return undefined;
  const places = [joined([text(value, "postalCode"), text(value, "city")]), text(value, "state"), text(value, "country")];
  return text(value, "text") ?? joined([...list(value.line).map(line), ...places], ", ");
}

/** `birthDate` becomes `Birth date`, `valueQuantity` the same as `value`. */
export function label(key: string): string {
  const words = key.replace(/^(value|effective|onset|performed|occurrence|deceased)(?=[A-Z])[A-Za-z]+$/, "$1").replace(/([a-z])([A-Z])/g, "$1 $2").toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
}
