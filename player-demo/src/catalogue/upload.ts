/** Uploads a file to be published, and reads the gateway's progress. */

import { home } from "../page/home";
import { reason } from "../trust/problem";

const STAGES = ["receiving", "packaging", "storing", "done"] as const;
export type Stage = (typeof STAGES)[number];

export interface Progress {
  readonly stage: Stage;
  /** From 0 to 1, within the stage. */
  readonly fraction: number;
  /** The path of the watch page, when it is done. */
  readonly watch: string | undefined;
  readonly error: string | undefined;
}

/** Reads newline-delimited JSON as it grows; each call gives the events of the lines that are new and complete. */
export class ProgressReader {
  private read = 0;

  take(text: string): Progress[] {
    const end = text.lastIndexOf("\n");
    const lines = text.slice(this.read, Math.max(this.read, end)).split("\n");
    this.read = Math.max(this.read, end + 1);
    return lines.filter((line) => line.trim() !== "").map(readProgress);
  }
}

function readProgress(line: string): Progress {
  let fields: Record<string, unknown> = {};
  try {
    fields = Object(JSON.parse(line)) as Record<string, unknown>;
  } catch {
    return { stage: "receiving", fraction: 0, watch: undefined, error: "the gateway's progress cannot be read" };
  }
  const text = (key: string) => (typeof fields[key] === "string" ? (fields[key] as string) : undefined);
  const stage = STAGES.find((stage) => stage === fields.stage) ?? "receiving";
  const fraction = typeof fields.fraction === "number" ? Math.min(1, Math.max(0, fields.fraction)) : 0;
  return { stage, fraction, watch: text("watch"), error: text("error") };
}

/** An upload that was refused for want of the right token. */
export class TokenError extends Error {}

/** Publishes `file`; calls `tell` as it goes on and gives the path of the watch page. */
export function publish(
  file: File,
  title: string,
  token: string,
  tell: (progress: Progress) => void,
  signal: AbortSignal,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const reader = new ProgressReader();
    let last: Progress | undefined;
    const follow = () => {
      if (request.status !== 200) return;
      for (const progress of reader.take(request.responseText)) tell((last = progress));
    };
    request.upload.addEventListener("progress", ({ loaded, total }) => {
      if (!last)
        tell({ stage: "receiving", fraction: total > 0 ? loaded / total : 0, watch: undefined, error: undefined });
    });
    request.addEventListener("progress", follow);
    request.addEventListener("load", () => {
      follow();
      if (request.status === 401 || request.status === 403)
        reject(new TokenError("the gateway does not accept this token"));
      else if (request.status !== 200)
        reject(new Error(`the gateway answered ${request.status}: ${reason(request.responseText)}`));
      else if (last?.error !== undefined) reject(new Error(last.error));
      else if (last?.stage !== "done" || last.watch === undefined)
        reject(new Error("the gateway stopped before it was done"));
      else resolve(last.watch);
    });
    request.addEventListener("error", () => reject(new Error("the connection to the gateway broke")));
    request.addEventListener("abort", () => reject(new Error("cancelled")));
    signal.addEventListener("abort", () => request.abort());
    request.open("POST", `${home()}/api/publish?title=${encodeURIComponent(title)}`);
    request.setRequestHeader("Authorization", `Bearer ${token}`);
    request.setRequestHeader("Content-Type", file.type || "application/octet-stream");
    request.send(file);
  });
}
