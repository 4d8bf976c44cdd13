/** What kind of thing a file is shown as, by its type and name. */

export type Kind = "text" | "json" | "image" | "html" | "pdf" | "video" | "audio";

const TYPES: [RegExp, Kind][] = [
  [/^application\/pdf$/, "pdf"],
  [/^(text\/html|application\/xhtml\+xml)$/, "html"],
  [/^application\/(json|[\w.-]+\+json)$|^text\/json$/, "json"],
  [/^image\/(png|jpeg|gif|webp|avif|bmp|svg\+xml)$/, "image"],
  [/^video\/(mp4|webm)$/, "video"],
  [/^audio\/(mpeg|mp4|ogg|wav|webm|flac|aac)$/, "audio"],
  [/^text\/|^application\/(xml|yaml|toml|[\w.-]+\+xml)$/, "text"],
];

const ENDINGS: Record<string, string> = {
  pdf: "application/pdf", html: "text/html", htm: "text/html", json: "application/json", png: "image/png", jpg: "image/jpeg", jpeg: "image/jpeg",
  gif: "image/gif", webp: "image/webp", avif: "image/avif", bmp: "image/bmp", svg: "image/svg+xml", mp4: "video/mp4", m4v: "video/mp4", webm: "video/webm",
  mp3: "audio/mpeg", m4a: "audio/mp4", ogg: "audio/ogg", wav: "audio/wav", flac: "audio/flac", txt: "text/plain", md: "text/plain", csv: "text/plain",
  log: "text/plain", xml: "text/xml", yaml: "text/plain", yml: "text/plain",
};

/** The media type without parameters; from the name, where none is stated. */
export function mediaType(name: string, stated: string | undefined): string | undefined {
  const essence = stated?.split(";")[0]?.trim().toLowerCase();
  const isSaying = essence && essence !== "application/octet-stream";
  return isSaying ? essence : ENDINGS[/\.([^.]+)$/.exec(name.toLowerCase())?.[1] ?? ""];
}

/** How a file is shown; undefined where it can only be saved. */
export function kindOf(name: string, stated: string | undefined): Kind | undefined {
  const type = mediaType(name, stated);
  return type === undefined ? undefined : TYPES.find(([pattern]) => pattern.test(type))?.[1];
}
