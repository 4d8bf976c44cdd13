/** The golden vectors of the formats, which code that shares nothing with this page has made. */

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

import { fromHex, hex } from "../page/format";
import { decodeBundle } from "./bundle";
import { cidOfHash, parseCid } from "./cid";
import { blake3 } from "./hash";
import { decodePrelude, verifyEnd, verifySegment } from "./live";
import { openRecord, openSigned, verifyRecord } from "./record";
import { place } from "./track";

interface Vector {
  readonly name: string;
  readonly error?: string;
  readonly [field: string]: unknown;
}

function vectors(file: string): { network: string; vectors: Vector[] } {
  return JSON.parse(readFileSync(new URL(`../../../docs/vectors/sharing/${file}`, import.meta.url), "utf8")) as never;
}

const bytesOf = (vector: Vector, field: string) => fromHex(vector[field] as string);

describe("bundles", () => {
  const { vectors: all } = vectors("bundles.json");
  it.each(all.filter((vector) => vector.error === undefined))("accepts $name", async (vector) => {
    const bytes = bytesOf(vector, "bundle");
    expect(cidOfHash(await blake3(bytes)).text).toBe(vector.id);
    const bundle = decodeBundle(bytes);
    expect(bundle.title).toBe(vector.title);
    for (const [id, { places }] of Object.entries(vector.tracks as Record<string, { places: number[][] }>)) {
      const track = bundle.tracks.find((track) => track.id === id);
      expect(track?.lens.length).toBe(places.length);
      for (const [n, expected] of places.entries()) {
        const at = track && place(track, n);
        expect([at?.part, at?.offset, at?.len]).toEqual(expected.slice(0, 3));
      }
    }
  });
  it.each(all.filter((vector) => vector.error !== undefined))("refuses $name", (vector) => {
    expect(() => decodeBundle(bytesOf(vector, "bundle"))).toThrow();
  });
});

describe("records", () => {
  const { network, vectors: all } = vectors("records.json");
  const ours = all.filter((vector) => vector.type === "publication");
  it.each(ours.filter((vector) => vector.error === undefined))("accepts $name", (vector) => {
    const record = openRecord(bytesOf(vector, "record"));
    const body = vector.body as { bundle: string; listed: boolean };
    expect(hex(record.by)).toBe(vector.by);
    expect(hex(record.bundle.hash)).toBe(body.bundle.slice(8));
    expect(record.listed).toBe(body.listed);
    expect(hex(record.network)).toBe(network);
  });
  // The page cannot know the network, and says which one the record is for.
  it.each(ours.filter((vector) => vector.error === "network"))("tells the network of $name", (vector) => {
    expect(hex(openRecord(bytesOf(vector, "record")).network)).not.toBe(network);
  });
  it.each(ours.filter((vector) => vector.error !== undefined && vector.error !== "network"))(
    "refuses $name",
    (vector) => {
      expect(() => openRecord(bytesOf(vector, "record"))).toThrow();
    },
  );
  it.each(all.filter((vector) => vector.type !== "publication" && vector.error === undefined))(
    "refuses $name, of another type",
    (vector) => {
      expect(() => openRecord(bytesOf(vector, "record"))).toThrow();
    },
  );
});

describe("a record and its bundle", () => {
  const check = async (vector: Vector) => {
    const bytes = bytesOf(vector, "bundle");
    const id = cidOfHash(await blake3(bytes));
    return verifyRecord(bytesOf(vector, "record"), id, decodeBundle(bytes).creator);
  };
  const { vectors: all } = vectors("published.json");
  it.each(all.filter((vector) => vector.error === undefined))("go together: $name", async (vector) => {
    expect((await check(vector)).bundle.text).toBe(parseCid((await check(vector)).bundle.text).text);
  });
  it.each(all.filter((vector) => vector.error !== undefined))("do not: $name", async (vector) => {
    await expect(check(vector)).rejects.toThrow();
  });
});

describe("preludes", () => {
  const { vectors: all } = vectors("preludes.json");
  it.each(all.filter((vector) => vector.error === undefined))("accepts $name", async (vector) => {
    const bytes = bytesOf(vector, "prelude");
    expect(cidOfHash(await blake3(bytes)).text).toBe(vector.id);
    const prelude = decodePrelude(bytes);
    expect([prelude.target, prelude.longest]).toEqual(vector.seconds);
    const inits = Object.fromEntries(prelude.tracks.map((track) => [track.id, hex(track.init)]));
    expect(inits).toEqual(vector.tracks);
  });
  it.each(all.filter((vector) => vector.error !== undefined))("refuses $name", (vector) => {
    expect(() => decodePrelude(bytesOf(vector, "prelude"))).toThrow();
  });
});

describe("records of live streams", () => {
  const { network, vectors: all } = vectors("records.json");
  const [first] = vectors("preludes.json").vectors;
  if (!first) throw new Error("the vectors have changed");
  const [id, prelude] = [parseCid(first.id as string), decodePrelude(bytesOf(first, "prelude"))];
  const [track] = prelude.tracks;
  if (!track) throw new Error("the vectors have changed");
  const segments = all.filter((vector) => vector.type === "live_segment");
  const ends = all.filter((vector) => vector.type === "live_end");
  const isOurs = (vector: Vector) => vector.by === hex(prelude.creator);

  it.each(segments.filter((vector) => vector.error === undefined && isOurs(vector)))("reads $name", (vector) => {
    const { n, len, duration, hash } = vector.body as { n: number; len: number; duration: number; hash: string };
    const read = () => verifySegment(bytesOf(vector, "record"), id, prelude, track, n);
    if (duration / track.timescale > 4.5) {
      expect(read).toThrow("longer than");
    } else {
      const segment = read();
      expect([segment.len, segment.duration, hex(segment.hash)]).toEqual([len, duration, hash]);
      expect(() => verifySegment(bytesOf(vector, "record"), id, prelude, track, n + 1)).toThrow("is for segment");
      expect(() => verifySegment(bytesOf(vector, "record"), parseCid(first.id as string), prelude, { ...track, id: "other" }, n)).toThrow();
    }
  });
  it.each(ends.filter((vector) => vector.error === undefined && isOurs(vector)))("reads $name", (vector) => {
    const { publication } = vector.body as { publication?: string };
    const end = verifyEnd(bytesOf(vector, "record"), id, prelude);
    expect(end.publication && hex(end.publication.hash)).toBe(publication?.slice(8));
  });
  it.each([...segments, ...ends].filter((vector) => vector.error === undefined && !isOurs(vector)))(
    "refuses $name",
    (vector) => {
      const bytes = bytesOf(vector, "record");
      expect(() => (vector.type === "live_end" ? verifyEnd(bytes, id, prelude) : verifySegment(bytes, id, prelude, track, 0))).toThrow();
    },
  );
  it.each([...segments, ...ends].filter((vector) => vector.error !== undefined && vector.error !== "network"))(
    "refuses $name",
    (vector) => {
      const bytes = bytesOf(vector, "record");
      expect(() => (vector.type === "live_end" ? verifyEnd(bytes, id, prelude) : verifySegment(bytes, id, prelude, track, 0))).toThrow();
    },
  );
  it.each([...segments, ...ends].filter((vector) => vector.error === "network"))("tells the network of $name", (vector) => {
    expect(hex(openSigned(bytesOf(vector, "record"), vector.type as string).network)).not.toBe(network);
  });
});
