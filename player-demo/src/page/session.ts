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

/** What this tab has been handed, now or before. */
export function openSession(location: Location, history: History, storage: Storage): Session {
  const handed = new URLSearchParams(location.hash.slice(1));
  const kept = new URLSearchParams(storage.getItem(STORED) ?? "");
  const ours = ["control", "token", "upload", "operator"].filter((key) => handed.has(key));
  if (ours.length > 0) {
    for (const key of ours) kept.set(key, handed.get(key) ?? "");
    storage.setItem(STORED, kept.toString());
    history.replaceState(null, "", location.pathname + location.search);
  }
  return readSession(kept);
}

/** Keeps an upload token that was typed in. */
export function keepUploadToken(storage: Storage, token: string): void {
  keep(storage, "upload", token);
}

/** Keeps an operators' token that was typed in. */
export function keepOperatorToken(storage: Storage, token: string): void {
  keep(storage, "operator", token);
}

function keep(storage: Storage, key: string, token: string): void {
  const kept = new URLSearchParams(storage.getItem(STORED) ?? "");
  kept.set(key, token);
  storage.setItem(STORED, kept.toString());
}

/** A control address anywhere but on this machine is ignored. */
export function readSession(kept: URLSearchParams): Session {
  const [url, token] = [kept.get("control"), kept.get("token")];
  const control = url && token && LOOPBACK.test(url) ? { url, token } : undefined;
  return { control, upload: kept.get("upload") || undefined, operator: kept.get("operator") || undefined };
}
