/** SMART Health Links (HL7, SMART Health Cards and Links STU 1; spec section 28). */

import { fromBase64Url } from "../sealed/base64url";

const PREFIX = "shlink:/";
const URL_CHARS_MAX = 128;
const LABEL_CHARS_MAX = 80;

export interface HealthLink {
  readonly url: string;
  readonly key: Uint8Array;
  /** Seconds since 1970; a hint. */
  readonly expires: number | undefined;
  readonly flags: string;
  readonly label: string | undefined;
}

export class HealthLinkError extends Error {}

/** The health link in an address: the text itself, or behind the `#` of a page. */
export function healthLinkIn(address: string): HealthLink | undefined {
  const at = address.indexOf(PREFIX);
  const isOne = at === 0 || (at > 0 && address[at - 1] === "#");
  return isOne ? parseHealthLink(address.slice(at + PREFIX.length)) : undefined;
}

function parseHealthLink(payload: string): HealthLink {
  const bytes = fromBase64Url(payload);
  let value: Record<string, unknown>;
  try {
    value = Object(JSON.parse(new TextDecoder().decode(bytes ?? new Uint8Array())));
  } catch {
    throw new HealthLinkError("This health link is not whole");
  }
  const { url, key, exp, flag = "", label, v = 1 } = value;
  if (v !== 1) throw new HealthLinkError(`This health link is of the version ${String(v)}, which this page does not know`);
  const keyBytes = typeof key === "string" ? fromBase64Url(key, 32) : undefined;
  const isUrl = typeof url === "string" && url.length <= URL_CHARS_MAX && /^https?:\/\//.test(url) && URL.canParse(url);
  if (!keyBytes || !isUrl || typeof flag !== "string") throw new HealthLinkError("This health link lacks its key or its address");
  const expires = typeof exp === "number" ? exp : undefined;
  return { url, key: keyBytes, expires, flags: flag, label: typeof label === "string" ? label.slice(0, LABEL_CHARS_MAX) : undefined };
}
