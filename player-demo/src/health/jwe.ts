/** Opens the files of health links: compact JWE, `dir` with A256GCM (RFC 7516, RFC 7518). */

import { fromBase64Url } from "../sealed/base64url";

/** What a file may inflate to. */
const FILE_LEN_MAX = 16_777_216;

export class JweError extends Error {}

export interface HealthFile {
  readonly type: string | undefined;
  readonly text: string;
}

export async function openJwe(jwe: string, key: Uint8Array): Promise<HealthFile> {
  const [header, wrapped, iv, ciphertext, tag, ...rest] = jwe.trim().split(".");
  const parts = [iv, ciphertext, tag].map((part) => fromBase64Url(part ?? "-."));
  if (!header || wrapped !== "" || rest.length > 0 || parts.some((part) => !part)) throw new JweError("a file is no JWE in five parts");
  const { alg, enc, cty, zip } = decodeHeader(header);
  if (alg !== "dir" || enc !== "A256GCM") throw new JweError(`a file is encrypted by ${alg} and ${enc}, not by dir and A256GCM`);
  if (zip !== undefined && zip !== "DEF") throw new JweError(`a file is compressed by ${zip}, not by DEF`);
  const plain = await decrypt(key, parts as [Uint8Array, Uint8Array, Uint8Array], header);
  const bytes = zip === "DEF" ? await inflate(plain) : plain;
  return { type: cty, text: new TextDecoder().decode(bytes) };
}

function decodeHeader(header: string): Record<string, string | undefined> {
  try {
    return Object(JSON.parse(new TextDecoder().decode(fromBase64Url(header) ?? new Uint8Array()))) as Record<string, string | undefined>;
  } catch {
    throw new JweError("a file has no header that can be read");
  }
}

async function decrypt(key: Uint8Array, [iv, ciphertext, tag]: [Uint8Array, Uint8Array, Uint8Array], header: string): Promise<Uint8Array<ArrayBuffer>> {
  if (!crypto.subtle) throw new JweError("the browser decrypts only on pages that come over HTTPS, from this machine, or from disk");
  if (iv.length !== 12 || tag.length !== 16) throw new JweError("a file has an iv or a tag of another length");
  const imported = await crypto.subtle.importKey("raw", key as Uint8Array<ArrayBuffer>, "AES-GCM", false, ["decrypt"]);
  const sealed = new Uint8Array([...ciphertext, ...tag]);
  const options = { name: "AES-GCM", iv: iv as Uint8Array<ArrayBuffer>, additionalData: new TextEncoder().encode(header), tagLength: 128 };
  return crypto.subtle.decrypt(options, imported, sealed).then(
    (plain) => new Uint8Array(plain),
    () => Promise.reject(new JweError("a file does not open with the key of the link: it was altered, or is another's")),
  );
}

async function inflate(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const reader = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw")).getReader();
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  for (let step = await reader.read(); !step.done; step = await reader.read()) {
    length += step.value.length;
    if (length > FILE_LEN_MAX) throw new JweError(`a file inflates to more than ${FILE_LEN_MAX} bytes`);
    parts.push(step.value as Uint8Array<ArrayBuffer>);
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}
