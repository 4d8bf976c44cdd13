/** A paid film, and the ledger and gateway that sell it, made up in the browser's network. What the page signs is checked by the letter. */

import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { Page, Route } from "playwright-core";

import { andSegment, atLedger, NOTHING, serialOf } from "../src/pay/delivered";
import { signRecord } from "../src/trust/record";
import { hex } from "../src/page/format";
import { decodeCanonical, encodeCanonical, type Value } from "../src/trust/cbor";
import { cidOfHash } from "../src/trust/cid";
import { blake3 } from "../src/trust/hash";
import { openSigned } from "../src/trust/record";
import { type Answer, ISSUER, LEDGER, NETWORK, pairOf, serveLedger, StubLog } from "./ledger-stub";
import { assert } from "./target";

const SECONDS = 40;
const SEGMENT_S = 2;
/** So little that receipts are wanted often. */
const CREDIT = 150_000;
const CREATOR = pairOf("creator");
const SINGER = pairOf("singer");
const GATEWAYS = [pairOf("gateway"), pairOf("second gateway")].map(({ key }) => hex(key));
/** Another gateway that shows the same. */
export const SECOND = "http://second.test";
const PER_SECOND = { micro: 1_200_000, of: 3600, per: "second" };
const HEADERS = { "access-control-allow-origin": "*", "access-control-allow-headers": "content-type" };
const SESSION = "5e".repeat(16);
/** For what is signed that concerns money. */
const AT_LEDGER = atLedger(NETWORK, ISSUER.key);

const map = (fields: Record<string, unknown>) => new Map(Object.entries(fields)) as Value;
const fieldsOf = (value: Value) => value as unknown as Map<string, never>;

/** What the gateway and the ledger have been told. */
export class Shop {
  funds = 0n;
  grants = 0;
  served = 0;
  acknowledged = 0;
  played = 0;
  receipts = 0;
  wanted = 0;
  streams = new Set<number>();
  chain = "";
  /** Once it is true the page's own gateway shows nothing more. */
  isGone = false;
  /** What the grants may cost, in their order, and the most bytes that were acknowledged of each. */
  readonly charges: bigint[] = [];
  readonly bytes = new Map<string, number>();
  private session: Uint8Array = new Uint8Array();
  private readonly grantRecords = new Map<string, Uint8Array>();

  private constructor(
    readonly id: string,
    private readonly bundle: Uint8Array,
    private readonly record: Uint8Array,
    private readonly agreed: Uint8Array,
    private readonly agreementId: string,
    private readonly init: Buffer,
    readonly segments: readonly Buffer[],
  ) {}

  static async open(price = PER_SECOND): Promise<Shop> {
    const { init, segments } = film();
    const object = cidOfHash(await blake3(text("object")));
    const hashes = await Promise.all(segments.map((bytes) => blake3(bytes)));
    const rate = (len: number) => Math.ceil((8 * len) / SEGMENT_S);
    const lens = segments.map(({ length }) => length);
    const track = map({
      id: "video", kind: "video", codecs: codecOf(init), type: "video/mp4", timescale: 1000,
      parts: [map({ key: new Uint8Array(32), object: bytesOf(object), segments: segments.length })],
      init: init.length, init_hash: await blake3(init), lens: words(lens), durations: words(lens.map(() => SEGMENT_S * 1000)), hashes: Buffer.concat(hashes),
      average: Math.ceil((8 * lens.reduce((sum, len) => sum + len, 0)) / (SEGMENT_S * lens.length)), peak: rate(Math.max(...lens)),
      default: true, picture: map({ height: 180, rate: 25_000, width: 320 }),
    });
    const now = Math.floor(Date.now() / 1000);
    const bundle = encodeCanonical(map({ v: 1, kind: "film", title: "A paid film", creator: CREATOR.key, created: now, duration: SECONDS * 1000, tracks: [track], chapters: [], attachments: [], items: [], by: "Mara Fjord", ledger: ISSUER.key }));
    const id = cidOfHash(await blake3(bundle));
    const record = await signRecord("publication", map({ bundle: bytesOf(id), issued: now, key: new Uint8Array(32), listed: true, object: bytesOf(object) }), NETWORK, CREATOR);
    const party = (key: Uint8Array, ppm: number, role: string) => map({ party: key, ppm, role });
    const parties = [party(CREATOR.key, 600_000, "director"), party(CREATOR.key, 100_000, "producer"), party(SINGER.key, 300_000, "performer")];
    const ordered = hex(CREATOR.key) < hex(SINGER.key) ? parties : [parties[2], parties[0], parties[1]];
    const agreement = encodeCanonical(map({ content: bytesOf(id), creator: CREATOR.key, fees: map({ gateway: 50_000, network: 20_000, node: 100_000 }), issued: now, parents: [], parties: ordered, price: map(price), unit: "EUR", v: 1, version: 1 }));
    const agreementId = await blake3(agreement);
    const consents = await Promise.all([CREATOR, SINGER].map((pair) => signRecord("consent", map({ agreement: agreementId, issued: now }), AT_LEDGER, pair)));
    return new Shop(id.text, bundle, record, encodeCanonical(map({ agreement, consents })), hex(agreementId), init, segments);
  }

  async serve(page: Page): Promise<void> {
    await serveLedger(page, new StubLog(), (path, body) => this.ledger(path, body));
    await page.route(`${SECOND}/api/ledger`, (route) => route.fulfill({ json: { url: LEDGER, issuer: hex(ISSUER.key), gateway: GATEWAYS[1], network: hex(NETWORK), credit_bytes: CREDIT }, headers: HEADERS }));
    await page.route(`${"**"}/watch/${this.id}/**`, (route) => this.watch(route));
    await page.route("**/api/sessions**", (route) => this.sessions(route));
    await page.route("**/api/sessions/**", (route) => this.sessions(route));
    await page.route("**/api/sources/**", (route) => route.fulfill({ status: 404, json: {} }));
  }

  private async ledger(path: string, body: Buffer | null): Promise<Answer> {
    if (path === `/v1/titles/${this.id}`) return { id: this.agreementId };
    if (path === `/v1/agreements/${this.agreementId}`) return Buffer.from(this.agreed);
    if (!body) return undefined;
    const money = (micro: bigint) => `${micro / 1_000_000n}.${String(micro % 1_000_000n).padStart(6, "0")}`;
    if (path === "/v1/inquiries") {
      const { body: inquiry, network } = openSigned(body, "inquiry");
      assert(hex(network) === hex(AT_LEDGER) && fieldsOf(inquiry).get("host") === new URL(LEDGER).host, "the inquiry is for another ledger");
      return { funds: money(this.funds), reserved: "0.000000", earned: "0.000000", paid: "0.000000" };
    }
    if (path === "/v1/top-ups") {
      const deposit = openSigned(fieldsOf(decodeCanonical(body, 8192)).get("deposit") as never, "deposit");
      this.funds += BigInt(fieldsOf(deposit.body).get("amount") as never);
      return Buffer.from(await signRecord("promise", map({ name: new Uint8Array(32), taken: 1, until: 2 }), AT_LEDGER, ISSUER));
    }
    return path === "/v1/grants" ? this.grant(body) : undefined;
  }

  private async grant(request: Buffer): Promise<Buffer> {
    const { body, by, network } = openSigned(request, "session_request");
    assert(hex(network) === hex(AT_LEDGER), "the request is for another ledger");
    const asked = fieldsOf(body);
    const serial = serialOf(by, body);
    const now = Math.floor(Date.now() / 1000);
    assert(GATEWAYS.includes(hex(asked.get("gateway") as never)), "the request is for another gateway");
    const kept = Object.fromEntries(["agreement", "attested", "charge", "epoch", "gateway", "limit", "session"].map((key) => [key, asked.get(key)]));
    const grant = await signRecord("session_grant", map({ ...kept, alias: new Uint8Array(32), expires: now + 3600, serial, starts: now }), AT_LEDGER, ISSUER);
    if (!this.grantRecords.has(hex(serial))) {
      this.grants += 1;
      this.charges.push(BigInt(asked.get("charge") as never));
    }
    this.grantRecords.set(hex(serial), grant);
    this.session = asked.get("session") as never;
    return Buffer.from(grant);
  }

  private watch(route: Route): Promise<void> {
    const url = new URL(route.request().url());
    const name = url.pathname.split(`${this.id}/`)[1] ?? "";
    if (this.isGone && url.origin !== SECOND) return route.abort();
    const headers = HEADERS;
    if (name === "bundle") return route.fulfill({ body: Buffer.from(this.bundle), headers });
    if (name === "record") return route.fulfill({ body: Buffer.from(this.record), headers });
    if (name === "video/init.mp4") return route.fulfill({ body: this.init, headers });
    const segment = this.segments[Number(/^video\/(\d+)\.m4s$/.exec(name)?.[1])];
    if (!segment) return route.fulfill({ status: 404, json: {}, headers });
    if (url.searchParams.get("session") !== SESSION) return route.fulfill({ status: 402, json: { code: "payment_required", detail: "it is paid for" }, headers });
    if (this.served - this.acknowledged > CREDIT) {
      this.wanted += 1;
      return route.fulfill({ status: 402, json: { code: "receipts_wanted", detail: "acknowledge first" }, headers });
    }
    this.served += segment.length;
    return route.fulfill({ body: segment, headers });
  }

  private async sessions(route: Route): Promise<void> {
    if (route.request().method() === "OPTIONS") return route.fulfill({ status: 204, headers: HEADERS });
    const body = route.request().postDataBuffer() as Buffer;
    if (route.request().url().endsWith("/api/sessions")) {
      const { receipt } = Object.fromEntries(fieldsOf(decodeCanonical(body, 8192))) as Record<string, Uint8Array>;
      const opened = openSigned(receipt as Uint8Array, "delivery_receipt");
      assert(hex(opened.by) === hex(this.session), "the first receipt is signed by another key than the grant's");
      assert(fieldsOf(opened.body).get("seq") === 0, "the first receipt has a number");
      return route.fulfill({ status: 201, json: { session: SESSION, credit_bytes: CREDIT, expires: 0 }, headers: HEADERS });
    }
    const { body: value, by } = openSigned(body, "delivery_receipt");
    const receipt = fieldsOf(value);
    const [usage, delivered] = [fieldsOf(receipt.get("usage") as never), fieldsOf(receipt.get("delivered") as never)];
    assert(hex(by) === hex(this.session), "a receipt is signed by another key than the grant's");
    this.receipts += 1;
    this.streams.add(receipt.get("stream") as never);
    const stream = `${hex(receipt.get("serial") as never)}/${String(receipt.get("stream"))}`;
    this.bytes.set(stream, Math.max(this.bytes.get(stream) ?? 0, usage.get("bytes") as never));
    this.acknowledged = Math.max(this.acknowledged, usage.get("bytes") as never);
    this.played = Math.max(this.played, usage.get("ms") as never);
    this.chain = hex(delivered.get("hash") as never);
    return route.fulfill({ status: 204, headers: HEADERS });
  }

  /** The chain over the first `count` segments. */
  async chainOf(count: number): Promise<string> {
    let delivered = NOTHING;
    for (const segment of this.segments.slice(0, count)) delivered = andSegment(delivered, await blake3(segment));
    return hex(delivered.hash);
  }
}

function film(): { init: Buffer; segments: Buffer[] } {
  const folder = mkdtempSync(join(tmpdir(), "headwater-paid-"));
  const source = `testsrc=size=320x180:rate=25:duration=${SECONDS},noise=alls=20:allf=t`;
  execFileSync("ffmpeg", ["-v", "error", "-f", "lavfi", "-i", source, "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-b:v", "300k", "-g", String(25 * SEGMENT_S), "-keyint_min", String(25 * SEGMENT_S), "-sc_threshold", "0", "-f", "hls", "-hls_time", String(SEGMENT_S), "-hls_playlist_type", "vod", "-hls_segment_type", "fmp4", "-hls_fmp4_init_filename", "init.mp4", "-hls_segment_filename", "%d.m4s", "all.m3u8"], { cwd: folder });
  const count = readdirSync(folder).filter((name) => name.endsWith(".m4s")).length;
  const read = (name: string) => readFileSync(join(folder, name));
  const made = { init: read("init.mp4"), segments: Array.from({ length: count }, (_, at) => read(`${at}.m4s`)) };
  rmSync(folder, { recursive: true });
  return made;
}

/** The codec that the init section names. */
function codecOf(init: Buffer): string {
  const at = init.indexOf("avcC");
  return `avc1.${init.subarray(at + 5, at + 8).toString("hex")}`;
}

function words(numbers: readonly number[]): Uint8Array {
  return new Uint8Array(new Uint32Array(numbers).buffer);
}

function bytesOf({ hash }: { hash: Uint8Array }): Uint8Array {
  return new Uint8Array([0x01, 0x71, 0x1e, 0x20, ...hash]);
}

function text(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}
