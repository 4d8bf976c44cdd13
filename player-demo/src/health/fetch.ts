/** Asks for the files of a health link. */

import { type HealthFile, openJwe } from "./jwe";
import type { HealthLink } from "./link";

const EMBEDDED_LEN_MAX = 1_048_576;
/** A JWE of the largest file, in base64. */
const ANSWER_LEN_MAX = 32 * 2 ** 20;
const FILES_MAX = 16;

export class HealthRefusal extends Error {
  constructor(readonly status: number, readonly remaining: number | undefined) {
    super(`the server answered ${status}`);
  }
}

/** The files, opened; `recipient` is who reads, as the one who shared it will see it. */
export async function fetchHealthFiles(link: HealthLink, recipient: string, passcode: string): Promise<HealthFile[]> {
  if (link.flags.includes("U")) return [await openJwe(await textOf(`${link.url}?recipient=${encodeURIComponent(recipient)}`), link.key)];
  const question = { recipient, embeddedLengthMax: EMBEDDED_LEN_MAX, ...(passcode && { passcode }) };
  const body = await textOf(link.url, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(question) });
  const { files } = Object(JSON.parse(body)) as { files?: unknown };
  if (!Array.isArray(files) || files.length > FILES_MAX) throw new Error("the server's answer lists no files");
  return Promise.all(files.map(async (file) => openJwe(await contentOf(Object(file)), link.key)));
}

async function contentOf({ embedded, location }: { embedded?: unknown; location?: unknown }): Promise<string> {
  if (typeof embedded === "string") return embedded;
  if (typeof location !== "string" || !/^https?:\/\//.test(location)) throw new Error("a file is neither in the answer nor at an address");
  return textOf(location);
}

async function textOf(url: string, options: RequestInit = {}): Promise<string> {
  const answer = await fetch(url, { ...options, cache: "no-store", credentials: "omit", referrerPolicy: "no-referrer" });
  if (!answer.ok) {
    const { remainingAttempts } = Object(await answer.json().catch(() => ({}))) as { remainingAttempts?: unknown };
    throw new HealthRefusal(answer.status, typeof remainingAttempts === "number" ? remainingAttempts : undefined);
  }
  const text = await answer.text();
  if (text.length > ANSWER_LEN_MAX) throw new Error(`the server's answer has ${text.length} bytes`);
  return text;
}
