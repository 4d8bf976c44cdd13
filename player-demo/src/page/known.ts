/**
 * Whom the page speaks to: the gateway that served it, those of this browser's settings, and whom the reader has let in.
 * Anybody can write a link that names others; those are asked nothing that needs a signature before the reader has said so.
 */

import { originOf } from "./home";

const STORED = "headwater.known";
const SETTINGS = "headwater.gateways";
/** More are not kept; the oldest is forgotten. */
const KNOWN_MAX = 64;

export type Role = "gateway" | "ledger";

/** Somebody whom the reader has let in, as they were shown. */
export interface Known {
  readonly role: Role;
  readonly origin: string;
  /** The public key in hexadecimal; undefined of a gateway that sells nothing. */
  readonly key: string | undefined;
  /** Of a gateway that sells: the ledger that it names, `ORIGIN KEY`. */
  readonly ledger: string | undefined;
}

/** What the query of a page's address names: by role and origin, each once. */
export interface Named {
  readonly role: Role;
  readonly origin: string;
}

type Kept = Pick<Storage, "getItem" | "setItem">;

/** Whom this address names although nobody here knows them. */
export function strangersIn(page: URL, storage: Kept): Named[] {
  const own = new Set([page.origin, ...(storage.getItem(SETTINGS) ?? "").split(",").map(originOf)]);
  const known = readKnown(storage);
  const isKnown = ({ role, origin }: Named) => (role === "gateway" && own.has(origin)) || known.some((one) => one.role === role && one.origin === origin);
  return namedIn(page).filter((named) => !isKnown(named));
}

function namedIn({ searchParams }: URL): Named[] {
  const gateways = [searchParams.get("gateway"), ...(searchParams.get("gateways") ?? "").split(",")];
  const origins = (texts: (string | null)[]) => [...new Set(texts.map(originOf))].filter((origin) => origin !== undefined);
  return [
    ...origins(gateways).map((origin) => ({ role: "gateway" as const, origin })),
    ...origins([searchParams.get("ledger")]).map((origin) => ({ role: "ledger" as const, origin })),
  ];
}

/** The address without anybody whom its query names. */
export function withoutNames(page: URL): URL {
  const url = new URL(page);
  for (const name of ["gateway", "gateways", "ledger"]) url.searchParams.delete(name);
  return url;
}

/** As whom the reader has let somebody in; undefined where nobody was asked. */
export function knownAs(role: Role, origin: string, storage: Kept): Known | undefined {
  return readKnown(storage).find((one) => one.role === role && one.origin === origin);
}

/** Lets these in; who comes again under another key takes the place of the one before. */
export function letIn(all: readonly Known[], storage: Kept): void {
  const isNew = (one: Known) => !all.some(({ role, origin }) => role === one.role && origin === one.origin);
  storage.setItem(STORED, JSON.stringify([...readKnown(storage).filter(isNew), ...all].slice(-KNOWN_MAX)));
}

/** Whether a gateway is the page's own, or one of this browser's settings: nobody else has named it. */
export function isOwn(origin: string, page: URL, storage: Pick<Storage, "getItem">): boolean {
  return origin === page.origin || (storage.getItem(SETTINGS) ?? "").split(",").map(originOf).includes(origin);
}

function readKnown(storage: Pick<Storage, "getItem">): Known[] {
  try {
    const kept: unknown = JSON.parse(storage.getItem(STORED) ?? "[]");
    return Array.isArray(kept) ? kept.map(Object).filter(({ role, origin }) => (role === "gateway" || role === "ledger") && typeof origin === "string") : [];
  } catch {
    return [];
  }
}
