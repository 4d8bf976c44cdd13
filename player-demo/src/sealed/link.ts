/** Links: where a share is, and the secret that opens it (spec section 27). */

import { fromBase64Url, toBase64Url } from "./base64url";

const TEXT_LEN = 43;
const PASSCODE_MARK = ".p";

export interface Link {
  /** The origin of the gateway. */
  readonly gateway: string;
  readonly id: Uint8Array;
  readonly secret: Uint8Array;
  readonly hasPasscode: boolean;
}

export class LinkError extends Error {}

/** The link that `text` writes. */
export function parseLink(text: string): Link {
  const parts = /^([^#]*)\/s\/([^/#]*)#(.*)$/s.exec(text);
  if (!parts) throw new LinkError("a link reads https://gateway/s/…#…");
  const [, gateway, id, rest] = parts as unknown as [string, string, string, string];
  // A host and perhaps a port, nothing else: not whom to be there as, no path.
  const isOrigin = /^https?:\/\/([^/?#@\\\s:]+|\[[0-9a-fA-F:.]+\])(:\d{1,5})?$/.test(gateway) && URL.canParse(gateway);
  if (!isOrigin) throw new LinkError(`${gateway || "nothing"} is no address of a gateway`);
  const hasPasscode = rest.endsWith(PASSCODE_MARK);
  const secret = hasPasscode ? rest.slice(0, -PASSCODE_MARK.length) : rest;
  return { gateway, id: part(id, "before the #"), secret: part(secret, "behind the #"), hasPasscode };
}

export function writeLink({ gateway, id, secret, hasPasscode }: Link): string {
  return `${gateway}/s/${toBase64Url(id)}#${toBase64Url(secret)}${hasPasscode ? PASSCODE_MARK : ""}`;
}

/** The link in the address of the viewer: its own, or a whole one behind the `#`. */
export function linkOf(address: string): Link | undefined {
  const [page, hash] = split(address);
  if (hash === "") return undefined;
  if (/^https?:/i.test(hash)) return parseLink(hash);
  if (/^https?%3a/i.test(hash)) return parseLink(decodeURIComponent(hash));
  return /^https?:.*\/s\/[^/?#]*$/.test(page) ? parseLink(address) : undefined;
}

function split(address: string): [string, string] {
  const at = address.indexOf("#");
  return at < 0 ? [address, ""] : [address.slice(0, at), address.slice(at + 1)];
}

function part(text: string, where: string): Uint8Array {
  const bytes = fromBase64Url(text, 32);
  if (!bytes) throw new LinkError(`the part ${where} has ${TEXT_LEN} characters of base64url when the link is whole; this has ${text.length}`);
  return bytes;
}
