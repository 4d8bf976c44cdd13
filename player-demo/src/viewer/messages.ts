/** What the page and its worker say to each other. */

import type { OwnShare, Wishes } from "../sealed/sharing";

/** A question of the page; the worker answers with its number. */
export type Question =
  | { readonly op: "open"; readonly link: string; readonly passcode: string; readonly who: string }
  | { readonly op: "read"; readonly part: Part }
  | { readonly op: "save"; readonly part: Part; readonly target: Target }
  | { readonly op: "share"; readonly gateway: string; readonly token: string; readonly files: readonly File[]; readonly wishes: Wishes; readonly place: Exclude<Target, { kind: "picked" }> }
  | { readonly op: "end"; readonly share: OwnShare };

/** Bytes of one of the share's objects: a file, or a part of it. */
export interface Part {
  readonly object: number;
  readonly from: number;
  readonly to: number;
}

/** Where a file goes: one that the reader has picked, one of the page's own on disk, or parts that the browser keeps itself. */
export type Target = { readonly kind: "picked"; readonly handle: FileSystemFileHandle } | { readonly kind: "own"; readonly handle: FileSystemFileHandle } | "memory";

export interface FileFacts {
  readonly name: string;
  readonly type: string | undefined;
  readonly len: number;
  /** Where it is; of a folder many files are in one object. */
  readonly object: number;
  readonly from: number;
}

export interface ShareFacts {
  readonly files: readonly FileFacts[];
  readonly label: string | undefined;
  /** Seconds since 1970. */
  readonly issued: number;
}

export interface Saved {
  /** What is to be handed to the reader; undefined where it is in their file already. */
  readonly blob: Blob | undefined;
  readonly rebuilt: number;
}

/** What the worker answers to each question. */
export interface Answers {
  open: ShareFacts;
  read: { readonly bytes: Uint8Array<ArrayBuffer>; readonly rebuilt: number };
  save: Saved;
  share: OwnShare;
  end: undefined;
}

export type Reason = "not_believed" | "unreachable" | "refused" | "cancelled" | "failed";

/** Why something did not come, as it travels from the worker to the page. */
export interface Failure {
  readonly reason: Reason;
  readonly code: string;
  readonly message: string;
  readonly remaining: number | undefined;
}

export type ToWorker = { readonly id: number; readonly question: Question } | { readonly cancel: number };

export type FromWorker =
  | { readonly id: number; readonly done: unknown }
  | { readonly id: number; readonly progress: number }
  | { readonly id: number; readonly failure: Failure };
