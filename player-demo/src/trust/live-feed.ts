/** What a live stream has brought so far: every record verified before it counts. */

import { NobodyError } from "./ask";
import { CborError, equal } from "./cbor";
import type { Cid } from "./cid";
import type { Gateways } from "./gateways";
import {
  decodePrelude,
  type LiveSegment,
  type LiveTrack,
  type Prelude,
  PRELUDE_LEN_MAX,
  SEGMENTS_MAX,
  verifyEnd,
  verifySegment,
} from "./live";
import { StatusError } from "./problem";
import { GoneError } from "./publication";
import { type Fetch, read } from "./read";
import { RecordError } from "./record";
import type { Hash } from "./verified";

const RECORD_LEN_MAX = 4096;
const SUMMARY_LEN_MAX = 1 << 20;
/** Segments of each track that a page which comes late begins with: half an hour of two seconds each. */
const WINDOW = 900;
/** Records asked for at a time. */
const BATCH = 8;
const NOT_FOUND = 404;
const GONE = [410, 451];

/** Segments of a track, the first of which has the number `first`. */
export interface LiveRun {
  readonly track: LiveTrack;
  readonly first: number;
  readonly segments: readonly LiveSegment[];
}

/** How a stream ended. */
export interface LiveEnd {
  /** By its creator's word; otherwise a gateway says that nothing more came. */
  readonly byCreator: boolean;
  readonly publication: Cid | undefined;
}

/** What a gateway says of a stream. None of it is believed but how much there is to ask for. */
interface Told {
  readonly ended: string | null;
  readonly counts: ReadonlyMap<string, number>;
}

/** The stream `id`: its prelude, from the first gateway whose answer is right. */
export async function openFeed(
  id: Cid,
  gateways: Gateways,
  hash: Hash,
  fetch: Fetch = (...call) => globalThis.fetch(...call),
): Promise<LiveFeed> {
  const prelude = await ask(gateways, "the live stream", async (origin) => {
    const answer = await read(`${origin}/live/${id.text}/prelude`, PRELUDE_LEN_MAX, { fetch });
    const { bytes, hash: hashed } = await hash(answer.bytes);
    if (!equal(hashed, id.hash)) throw new RecordError("it altered the beginning");
    return decodePrelude(new Uint8Array(bytes));
  });
  const feed = new LiveFeed(id, prelude, gateways, fetch);
  await feed.begin();
  return feed;
}

/** A stream as far as it is known here. Tells of `growth`, and of `end`. */
export class LiveFeed extends EventTarget {
  private readonly known = new Map<string, { track: LiveTrack; first: number; segments: LiveSegment[] }>();
  /** Tracks that are being caught up with. */
  private readonly busy = new Map<string, Promise<void>>();
  end: LiveEnd | undefined;

  constructor(
    readonly id: Cid,
    readonly prelude: Prelude,
    private readonly gateways: Gateways,
    private readonly fetch: Fetch,
  ) {
    super();
  }

  /** Finds out where to begin: at the beginning, or so long ago as a page that comes late goes back. */
  async begin(): Promise<void> {
    const { counts } = await this.told();
    for (const track of this.prelude.tracks) {
      const late = Math.max(0, (counts.get(track.id) ?? 0) - WINDOW);
      // Only what is signed moves the beginning.
      const first = late > 0 && (await this.segment(track, late)) ? late : 0;
      this.known.set(track.id, { track, first, segments: [] });
    }
  }

  run(id: string): LiveRun | undefined {
    return this.known.get(id);
  }

  /** Takes in what has come of a track since. */
  catchUp(id: string): Promise<void> {
    const busy = this.busy.get(id) ?? this.take(id).finally(() => this.busy.delete(id));
    this.busy.set(id, busy);
    return busy;
  }

  private async take(id: string): Promise<void> {
    const run = this.known.get(id);
    if (!run || this.end) return;
    const before = run.segments.length;
    // What has ended is complete, if the records are asked for after that was known.
    const told = await this.told();
    for (;;) {
      const next = run.first + run.segments.length;
      const wanted = Math.min(BATCH, (told.counts.get(id) ?? 0) - next);
      if (wanted <= 0) break;
      const batch = await Promise.all(Array.from({ length: wanted }, (_, at) => this.segment(run.track, next + at)));
      const there = batch.findIndex((segment) => segment === undefined);
      run.segments.push(...(batch.slice(0, there < 0 ? wanted : there) as LiveSegment[]));
      if (there >= 0) break;
    }
    if (run.segments.length > before) this.dispatchEvent(new Event("growth"));
    else if (told.ended !== null) await this.finish(told.ended);
  }

  private async finish(ended: string): Promise<void> {
    if (ended === "by_creator") {
      const url = `/live/${this.id.text}/end`;
      const end = await this.record("the end of the stream", url, (bytes) => verifyEnd(bytes, this.id, this.prelude));
      if (!end) return;
      this.end = { byCreator: true, publication: end.publication };
    } else {
      if (await this.goesOnElsewhere()) return;
      this.end = { byCreator: false, publication: undefined };
    }
    this.dispatchEvent(new Event("end"));
  }

  private segment(track: LiveTrack, n: number): Promise<LiveSegment | undefined> {
    return this.record(`the record of segment ${n} of ${track.id}`, `/live/${this.id.text}/${track.id}/${n}.record`, (bytes) =>
      verifySegment(bytes, this.id, this.prelude, track, n),
    );
  }

  /** A record, or undefined where no gateway has it. */
  private async record<T>(name: string, path: string, verify: (bytes: Uint8Array) => T): Promise<T | undefined> {
    try {
      return await ask(this.gateways, name, async (origin) => {
        const { bytes } = await read(origin + path, RECORD_LEN_MAX, { fetch: this.fetch });
        return verify(new Uint8Array(bytes));
      });
    } catch (error) {
      if (error instanceof NobodyError && error.status === NOT_FOUND) return undefined;
      throw error;
    }
  }

  /**
   * Whether a gateway has more to come. One alone, by its own word, does not end a stream: those that say so are asked
   * last from then on.
   */
  private async goesOnElsewhere(): Promise<boolean> {
    const asked = this.gateways.order(Date.now());
    const told = await Promise.all(asked.map(({ origin }) => this.toldBy(origin).catch(() => undefined)));
    if (!told.some((one) => one?.ended === null)) return false;
    for (const [at, gateway] of asked.entries()) {
      if (typeof told[at]?.ended === "string") this.gateways.silent(gateway, "nothing more comes from it", Date.now());
    }
    return true;
  }

  private told(): Promise<Told> {
    return ask(this.gateways, "what there is of the stream", (origin) => this.toldBy(origin));
  }

  private async toldBy(origin: string): Promise<Told> {
    const { bytes } = await read(`${origin}/api/live/${this.id.text}`, SUMMARY_LEN_MAX, { fetch: this.fetch });
    const said = Object(JSON.parse(new TextDecoder().decode(bytes))) as Record<string, unknown>;
    const tracks = Array.isArray(said.tracks) ? said.tracks.map((track) => Object(track) as Record<string, unknown>) : [];
    const counts = tracks.map(({ id, segments }) => [String(id), countOf(segments)] as const);
    return { ended: typeof said.ended === "string" ? said.ended : null, counts: new Map(counts) };
  }
}

/** A number of segments that a gateway may claim: whole, and not beyond what a stream can have. */
function countOf(segments: unknown): number {
  return Number.isSafeInteger(segments) ? Math.min(Math.max(segments as number, 0), SEGMENTS_MAX) : 0;
}

/** What `one` makes of the first gateway whose answer is right. */
async function ask<T>(gateways: Gateways, name: string, one: (origin: string) => Promise<T>): Promise<T> {
  const reasons: string[] = [];
  let refusal: StatusError | undefined;
  for (const gateway of gateways.order(Date.now())) {
    try {
      const answer = await one(gateway.origin);
      gateways.answered(gateway);
      return answer;
    } catch (error) {
      if (error instanceof StatusError) refusal = error;
      if (error instanceof RecordError || error instanceof CborError) gateways.lied(gateway, name);
      // That something is not there yet is an answer.
      else if (refusal?.status !== NOT_FOUND) gateways.silent(gateway, (error as Error).message, Date.now());
      reasons.push(`${gateway.origin}: ${(error as Error).message}`);
    }
  }
  if (refusal && GONE.includes(refusal.status)) throw new GoneError(refusal.status, refusal.reason);
  throw new NobodyError(name, reasons, gateways.order(0).length === 0, refusal?.status);
}
