/** Links: where a share is, and the secret that opens it (spec section 27). */

import { fromBase64Url, toBase64Url } from "./base64url";

const TEXT_LEN = 43;
const PASSCODE_MARK = ".p";
const NO_SECRET = "This link is not whole: the part from the # on is missing, and without it nothing opens. Some programs cut it off. Copy the whole link, and put it in here.";

export interface Link {
  /** The origin of the gateway. */
  readonly gateway: string;
  readonly id: Uint8Array;
  readonly secret: Uint8Array;
  readonly hasPasscode: boolean;
}

export class LinkError extends Error {}

/** What other links of ours begin with, and what opens them. */
const OTHERS: [string, string][] = [
  ["headwater-grant:", "This is the link of a grant. It opens for the accounts that it is granted to, with the program: headwater open @FILE, where FILE has the link."],
  ["headwater-id:", "This is an identity, and no link: with it somebody can be granted something."],
  ["headwater:", "This is the link of an object. The program reads it: headwater get @FILE, where FILE has the link."],
];

/** The link that `text` writes. */
export function parseLink(text: string): Link {
  const other = OTHERS.find(([start]) => text.startsWith(start));
  if (other) throw new LinkError(other[1]);
  if (/^https?:\/\/[^#]*\/s\/[^/?#]*#?$/i.test(text)) throw new LinkError(NO_SECRET);
  const parts = /^([^#]*)\/s\/([^/#]*)#(.*)$/s.exec(text);
  if (!parts) throw new LinkError("This is no sealed link: they read https://gateway/s/…#…, and health links shlink:/…");
  const [, gateway, id, rest] = parts as unknown as [string, string, string, string];
  // A host and perhaps a port, nothing else: not whom to be there as, no path.
  const isOrigin = /^https?:\/\/([^/?#@\\\s:]+|\[[0-9a-fA-F:.]+\])(:\d{1,5})?$/.test(gateway) && URL.canParse(gateway);
  if (!isOrigin) throw new LinkError(`A sealed link begins with the address of a gateway, and ${gateway || "nothing"} is none.`);
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
  if (hash === "" && /^https?:.*\/s\/[^/?#]+$/.test(page)) throw new LinkError(NO_SECRET);
  if (hash === "") return undefined;
  if (OTHERS.some(([start]) => hash.startsWith(start))) return parseLink(hash);
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
  if (bytes) return bytes;
  if (text.length !== TEXT_LEN) throw new LinkError(`This link is not whole: the part ${where} has ${text.length} characters, and should have ${TEXT_LEN}.`);
  throw new LinkError(`This link was changed on its way: no link has these characters ${where}. Copy it once more.`);
}
