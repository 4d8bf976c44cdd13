/** Names of languages. */

/** The name of a language in itself, where the browser knows it. */
export function languageName(tag: string | undefined): string | undefined {
  if (tag === undefined || tag === "und") return undefined;
  try {
    return new Intl.DisplayNames([tag], { type: "language" }).of(tag);
  } catch {
    return tag;
  }
}
