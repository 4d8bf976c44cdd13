/** How the network is, as this gateway tells it. */

import { home } from "../page/home";
import { StatusError } from "../trust/problem";

/** What an audit of a node found, the best first. */
export const RESULTS = ["proved", "slow", "offline", "missing", "corrupt"] as const;
export type Result = (typeof RESULTS)[number];

export interface Node {
  readonly id: string;
  readonly isUp: boolean;
  /** Seconds since 1970, as all times here. */
  readonly seen: number | undefined;
  readonly answeredMs: number | undefined;
  readonly isSuspect: boolean;
  readonly leaving: boolean;
  readonly class: number;
  readonly domain: string | undefined;
  readonly tags: readonly string[];
  /** Micro-units for a GiB and a month. */
  readonly price: number;
  readonly version: string | undefined;
  readonly shards: number | undefined;
  readonly stored: number | undefined;
  readonly capacity: number | undefined;
  readonly care: NodeCare | undefined;
}

export interface NodeCare {
  readonly isAvoided: boolean;
  readonly parts: number;
  readonly offlineSince: number | undefined;
  readonly proved: number | undefined;
  /** Thousandths, by kind of fault. */
  readonly points: ReadonlyMap<string, number>;
}

export interface Steward {
  readonly at: number;
  /** Bytes per second. */
  readonly limit: number | undefined;
  readonly rate: number;
  readonly total: number;
}

export interface Network {
  readonly at: number;
  readonly known: number;
  readonly nodes: readonly Node[];
  readonly steward: Steward | undefined;
}

export interface Hour {
  /** Whole hours since 1970. */
  readonly hour: number;
  readonly result: Result;
  readonly audits: number;
  readonly failed: number;
  readonly asked: number;
  readonly proved: number;
  readonly tookMs: number;
  readonly reason: string | undefined;
}

export interface History {
  readonly hour: number;
  readonly hours: number;
  readonly audited: number;
  readonly nodes: readonly { readonly id: string; readonly hours: readonly Hour[] }[];
}

export interface Repair {
  readonly cid: string;
  /** None for the copies of the manifest. */
  readonly segment: number | undefined;
  readonly state: string;
  readonly spare: number;
  readonly proved: number;
  readonly needed: number;
  readonly parts: number;
  readonly since: number;
  readonly failures: number;
  readonly again: number | undefined;
}

export interface StoredObject {
  readonly cid: string;
  readonly state: string;
  readonly tags: readonly string[];
  readonly healthy: number | undefined;
  readonly needed: number | undefined;
  readonly parts: number | undefined;
  readonly threshold: number | undefined;
  readonly paidUntil: number | undefined;
  readonly careEnds: number;
  readonly protectedUntil: number;
  readonly warnedDays: number | undefined;
  readonly inconsistent: string | undefined;
}

export interface Care {
  readonly at: number;
  readonly total: number;
  readonly states: ReadonlyMap<string, number>;
  readonly queue: number;
  readonly repairs: readonly Repair[];
  readonly objects: readonly StoredObject[];
}

export async function fetchNetwork(): Promise<Network> {
  const answer = await ask("/api/nodes");
  return {
    at: answer.number("at") ?? 0,
    known: answer.number("known") ?? 0,
    nodes: answer.list("nodes").map(readNode),
    steward: answer.inner("steward", (steward) => ({
      at: steward.number("at") ?? 0,
      limit: steward.number("limit"),
      rate: steward.number("rate") ?? 0,
      total: steward.number("total") ?? 0,
    })),
  };
}

export async function fetchHistory(hours: number): Promise<History> {
  const answer = await ask(`/api/audits?hours=${hours}`);
  return {
    hour: answer.number("hour") ?? 0,
    hours: answer.number("hours") ?? hours,
    audited: answer.number("audited") ?? 0,
    nodes: answer.list("nodes").map((node) => ({
      id: node.text("id") ?? "",
      hours: node.list("hours").flatMap((hour) => readHour(hour) ?? []),
    })),
  };
}

/** What is looked after, for whoever has the operators' token; none where no steward runs. */
export async function fetchCare(token: string): Promise<Care | undefined> {
  const answer = await ask("/api/care", { Authorization: `Bearer ${token}` });
  return answer.inner("steward", (care) => ({
    at: care.number("at") ?? 0,
    total: care.number("objects_total") ?? 0,
    states: care.numbers("states"),
    queue: care.number("repair_queue") ?? 0,
    repairs: care.list("repairs").map(readRepair),
    objects: care.list("objects").map(readObject),
  }));
}

async function ask(path: string, headers: Record<string, string> = {}): Promise<Fields> {
  const response = await fetch(home() + path, { cache: "no-cache", credentials: "omit", headers });
  if (!response.ok) throw await StatusError.of(response);
  return new Fields(await response.json());
}

/** The fields of an answer; what has another type than it should is not there. */
class Fields {
  private readonly fields: Record<string, unknown>;

  constructor(value: unknown) {
    this.fields = Object(value) as Record<string, unknown>;
  }

  number(key: string): number | undefined {
    const value = this.fields[key];
    return typeof value === "number" && Number.isFinite(value) ? value : undefined;
  }

  text(key: string): string | undefined {
    const value = this.fields[key];
    return typeof value === "string" ? value : undefined;
  }

  is(key: string): boolean {
    return this.fields[key] === true;
  }

  texts(key: string): string[] {
    const value = this.fields[key];
    return Array.isArray(value) ? value.filter((one) => typeof one === "string") : [];
  }

  numbers(key: string): Map<string, number> {
    const entries = Object.entries(Object(this.fields[key]) as Record<string, unknown>);
    return new Map(entries.filter((entry): entry is [string, number] => typeof entry[1] === "number"));
  }

  list(key: string): Fields[] {
    const value = this.fields[key];
    return Array.isArray(value) ? value.map((one) => new Fields(one)) : [];
  }

  inner<T>(key: string, read: (fields: Fields) => T): T | undefined {
    const value = this.fields[key];
    return value === null || typeof value !== "object" ? undefined : read(new Fields(value));
  }
}

function readNode(node: Fields): Node {
  return {
    id: node.text("id") ?? "",
    isUp: node.is("is_up"),
    seen: node.number("seen"),
    answeredMs: node.number("answered_ms"),
    isSuspect: node.is("is_suspect"),
    leaving: node.is("leaving"),
    class: node.number("class") ?? 0,
    domain: node.text("domain"),
    tags: node.texts("tags"),
    price: node.number("price") ?? 0,
    version: node.text("version"),
    shards: node.number("shards"),
    stored: node.number("stored"),
    capacity: node.number("capacity"),
    care: node.inner("care", (care) => ({
      isAvoided: care.is("is_avoided"),
      parts: care.number("parts") ?? 0,
      offlineSince: care.number("offline_since"),
      proved: care.number("proved"),
      points: care.numbers("points_milli"),
    })),
  };
}

function readHour(hour: Fields): Hour | undefined {
  const result = RESULTS.find((result) => result === hour.text("result"));
  if (result === undefined) return undefined;
  return {
    hour: hour.number("hour") ?? 0,
    result,
    audits: hour.number("audits") ?? 0,
    failed: hour.number("failed") ?? 0,
    asked: hour.number("asked") ?? 0,
    proved: hour.number("proved") ?? 0,
    tookMs: hour.number("took_ms") ?? 0,
    reason: hour.text("reason"),
  };
}

function readRepair(repair: Fields): Repair {
  return {
    cid: repair.text("cid") ?? "",
    segment: repair.number("segment"),
    state: repair.text("state") ?? "",
    spare: repair.number("spare") ?? 0,
    proved: repair.number("proved") ?? 0,
    needed: repair.number("needed") ?? 0,
    parts: repair.number("parts") ?? 0,
    since: repair.number("since") ?? 0,
    failures: repair.number("failures") ?? 0,
    again: repair.number("again"),
  };
}

function readObject(object: Fields): StoredObject {
  return {
    cid: object.text("cid") ?? "",
    state: object.text("state") ?? "",
    tags: object.texts("tags"),
    healthy: object.number("healthy"),
    needed: object.number("needed"),
    parts: object.number("parts"),
    threshold: object.number("threshold"),
    paidUntil: object.number("paid_until"),
    careEnds: object.number("care_ends") ?? 0,
    protectedUntil: object.number("protected_until") ?? 0,
    warnedDays: object.number("warned_days"),
    inconsistent: object.text("inconsistent"),
  };
}
