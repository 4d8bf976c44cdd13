/** The list of publications, as this gateway tells it. What is in it is checked only when it is opened. */

import { home } from "../page/home";
import { StatusError } from "../trust/problem";

const PAGE = 60;

export interface Summary {
  readonly id: string;
  readonly kind: string;
  readonly title: string;
  readonly by: string | null;
  /** Milliseconds. */
  readonly duration: number;
  readonly language: string | null;
  /** Paths on this gateway. */
  readonly poster: string | undefined;
  readonly watch: string;
}

export interface Page {
  readonly publications: Summary[];
  readonly next: string | undefined;
}

/** One page of the list, newest first. */
export async function fetchPage(after: string | undefined): Promise<Page> {
  const query = new URLSearchParams({ limit: String(PAGE), ...(after === undefined ? {} : { after }) });
  // What has just been published is not in an answer that is a few seconds old.
  const response = await fetch(`${home()}/api/publications?${query}`, { cache: "no-cache" });
  if (!response.ok) throw await StatusError.of(response);
  const { publications, next } = Object(await response.json()) as { publications?: unknown; next?: unknown };
  if (!Array.isArray(publications)) throw new Error("the gateway's answer is not a list of publications");
  return { publications: publications.map(readSummary), next: typeof next === "string" ? next : undefined };
}

/** The streams that run at this gateway, newest first; none where it does not say. */
export async function fetchLive(): Promise<Summary[]> {
  const response = await fetch(`${home()}/api/live`, { cache: "no-cache" });
  if (!response.ok) return [];
  const { live } = Object(await response.json()) as { live?: unknown };
  return Array.isArray(live) ? live.map(readSummary) : [];
}

/** The places of a collection's items that are withdrawn at this gateway. */
export async function fetchWithdrawn(id: string): Promise<number[]> {
  const response = await fetch(`${home()}/api/publications/${id}`, { cache: "no-cache" });
  if (!response.ok) throw await StatusError.of(response);
  const { items } = Object(await response.json()) as { items?: unknown };
  const isWithdrawn = (item: unknown) => (Object(item) as { withdrawn?: unknown }).withdrawn === true;
  return Array.isArray(items) ? items.flatMap((item, at) => (isWithdrawn(item) ? [at] : [])) : [];
}

function readSummary(value: unknown): Summary {
  const fields = Object(value) as Record<string, unknown>;
  const text = (key: string) => (typeof fields[key] === "string" ? (fields[key] as string) : undefined);
  const id = text("id") ?? "";
  return {
    id,
    kind: text("kind") ?? "film",
    title: text("title") ?? "Untitled",
    by: text("by") ?? null,
    duration: typeof fields.duration_ms === "number" ? fields.duration_ms : 0,
    language: text("language") ?? null,
    poster: own(text("poster")),
    watch: own(text("watch")) ?? `/watch/${id}`,
  };
}

/** A path on this gateway; an address elsewhere is not followed. */
function own(path: string | undefined): string | undefined {
  if (path === undefined || !URL.canParse(path, home())) return undefined;
  const url = new URL(path, home());
  return url.origin === home() ? url.pathname : undefined;
}
