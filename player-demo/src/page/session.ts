/**
 * What the URL's fragment hands to this tab: the devnet's control address and tokens.
 *
 * It is taken out of the address bar and kept in `sessionStorage`, so that a copied link does not carry it.
 * A token goes to the one address that it belongs to and nowhere else.
 */

const STORED = "headwater.session";
const LOOPBACK = /^http:\/\/(127\.0\.0\.1|localhost|\[::1\]):\d{1,5}$/;

export interface Session {
  /** The devnet's control address and its token. */
  readonly control: { readonly url: string; readonly token: string } | undefined;
  /** The token with which this gateway accepts uploads. */
  readonly upload: string | undefined;
  /** The token with which this gateway shows what operators see. */
  readonly operator: string | undefined;
}

/** What this tab has been handed, now or before, for the gateway with the origin `home`. */
export function openSession(location: Location, history: History, storage: Storage, home: string): Session {
  const handed = new URLSearchParams(location.hash.slice(1));
  const kept = new URLSearchParams(storage.getItem(STORED) ?? "");
  const ours = ["control", "token", "upload", "operator"].filter((key) => handed.has(key));
  if (ours.length > 0) {
    forgetOthers(kept, home);
    for (const key of ours) kept.set(key, handed.get(key) ?? "");
    storage.setItem(STORED, kept.toString());
    history.replaceState(null, "", location.pathname + location.search);
  }
  return readSession(kept, home);
}

/** Keeps an upload token that was typed in. */
export function keepUploadToken(storage: Storage, token: string, home: string): void {
  keep(storage, "upload", token, home);
}

/** Keeps an operators' token that was typed in. */
export function keepOperatorToken(storage: Storage, token: string, home: string): void {
  keep(storage, "operator", token, home);
}

function keep(storage: Storage, key: string, token: string, home: string): void {
  const kept = new URLSearchParams(storage.getItem(STORED) ?? "");
  forgetOthers(kept, home);
  kept.set(key, token);
  storage.setItem(STORED, kept.toString());
}

/** Tokens of another gateway are not kept beside those of this one. */
function forgetOthers(kept: URLSearchParams, home: string): void {
  if (kept.get("at") !== home) for (const key of ["upload", "operator"]) kept.delete(key);
  kept.set("at", home);
}

/** A control address anywhere but on this machine is ignored, and so are tokens of another gateway. */
export function readSession(kept: URLSearchParams, home: string): Session {
  const [url, token] = [kept.get("control"), kept.get("token")];
  const control = url && token && LOOPBACK.test(url) ? { url, token } : undefined;
  const tokens = kept.get("at") === home ? kept : new URLSearchParams();
  return { control, upload: tokens.get("upload") || undefined, operator: tokens.get("operator") || undefined };
}
