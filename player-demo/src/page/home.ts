/** The gateway of this page: the one that served it, or the one that `?gateway=URL` names when it came from elsewhere. */

const STORED = "headwater.gateway";

/** The origin of the gateway; it is kept for the tab, so that links inside the page need not repeat it. */
export function homeOf(page: URL, storage: Pick<Storage, "getItem" | "setItem">): string {
  const named = originOf(page.searchParams.get("gateway"));
  if (named) storage.setItem(STORED, named);
  return named ?? originOf(storage.getItem(STORED)) ?? page.origin;
}

/** The same for the page that is open. */
export function home(): string {
  return homeOf(new URL(location.href), sessionStorage);
}

/** The origin of a URL, when it is one of HTTP. */
export function originOf(text: string | null | undefined): string | undefined {
  const url = text && URL.canParse(text) ? new URL(text) : undefined;
  return url && /^https?:$/.test(url.protocol) ? url.origin : undefined;
}
