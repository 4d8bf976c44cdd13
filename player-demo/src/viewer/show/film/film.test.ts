import { describe, expect, it } from "vitest";

import { box, boxesIn, find, fullBox, joined, u32, viewOf } from "./boxes";
import { codecOf } from "./codecs";
import { fragmentOf, initOf } from "./fragments";
import { readMovie } from "./movie";
import { Position, rangesOf } from "./windows";

const zeros = (length: number) => new Uint8Array(length);
const text = (letters: string) => Uint8Array.from(letters, (letter) => letter.charCodeAt(0));
const avc = (...inside: Uint8Array[]) => box("avc1", zeros(78), ...inside);
const avcC = box("avcC", Uint8Array.of(1, 0x64, 0, 0x1f, 0xff));
const esds = fullBox("esds", 0, 0, Uint8Array.of(3, 0x80, 0x80, 25, 0, 2, 0, 4, 0x80, 17, 0x40, ...zeros(12), 5, 2, 0x12, 0x10));
const mp4a = box("mp4a", zeros(28), esds);

interface Tables {
  stts?: number[];
  ctts?: number[];
  stss?: number[];
  sizes: number[];
  stsc: number[];
  stco: number[];
  elst?: number[];
}

function trak(id: number, kind: string, entry: Uint8Array, timescale: number, { stts, ctts, stss, sizes, stsc, stco, elst }: Tables): Uint8Array {
  const table = (type: string, words: number, numbers: number[]) => fullBox(type, 0, 0, u32(numbers.length / words, ...numbers));
  const stbl = box(
    "stbl",
    fullBox("stsd", 0, 0, u32(1), entry),
    table("stts", 2, stts ?? [sizes.length, 1000]),
    ...(ctts ? [table("ctts", 2, ctts)] : []),
    ...(stss ? [table("stss", 1, stss)] : []),
    table("stsc", 3, stsc),
    fullBox("stsz", 0, 0, u32(0, sizes.length, ...sizes)),
    table("stco", 1, stco),
  );
  const mdia = box("mdia", fullBox("mdhd", 0, 0, u32(0, 0, timescale, 0)), fullBox("hdlr", 0, 0, u32(0), text(kind)), box("minf", box("vmhd"), box("dinf"), stbl));
  return box("trak", fullBox("tkhd", 0, 0, u32(0, 0, id)), ...(elst ? [box("edts", table("elst", 3, elst))] : []), mdia);
}

const moov = (...traks: Uint8Array[]) => joined(fullBox("mvhd", 0, 0, u32(0, 0, 1000, 12_000)), ...traks);
/** Twelve pictures of a second; the first, fifth and ninth stand alone, and are shown a second later than decoded. */
const pictures = trak(1, "vide", avc(avcC), 1000, { ctts: [12, 1000], stss: [1, 5, 9], sizes: Array(12).fill(100), stsc: [1, 4, 1, 3, 2, 1], stco: [1000, 5000, 9000, 9500], elst: [12_000, 1000, 0x10000] });
const sounds = trak(2, "soun", mp4a, 2000, { stts: [24, 1000], sizes: Array(24).fill(10), stsc: [1, 8, 1], stco: [1400, 5400, 9900] });

describe("films in MP4", () => {
  it("have samples in chunks, at their times", () => {
    const { duration, tracks } = readMovie(moov(sounds, pictures));
    expect([duration, tracks.map(({ kind, type, begins }) => [kind, type, begins])]).toEqual([12, [["video", 'video/mp4; codecs="avc1.64001f"', -1], ["audio", 'audio/mp4; codecs="mp4a.40.2"', 0]]]);
    const [{ samples }] = tracks as [(typeof tracks)[number]];
    expect([...samples.offsets]).toEqual([1000, 1100, 1200, 1300, 5000, 5100, 5200, 5300, 9000, 9100, 9500, 9600]);
    expect([...samples.alone]).toEqual([1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0]);
    expect([samples.times[3], samples.durations[3], samples.shifts[3]]).toEqual([3000, 1000, 1000]);
  });

  it("are fetched some seconds at a time, and from a picture that stands alone", () => {
    const movie = readMovie(moov(pictures, sounds));
    const position = new Position(movie);
    const taken = () => position.take().map(({ track, first, last }) => [track.kind, first, last]);
    expect(taken()).toEqual([["video", 0, 4], ["audio", 0, 6]]);
    expect(position.time()).toBe(3);
    // The fifth picture is decoded in time, but shown at 4.
    position.seek(3.5);
    expect(taken()[0]).toEqual(["video", 0, 4]);
    position.seek(8.2);
    expect(taken()).toEqual([["video", 8, 12], ["audio", 14, 22]]);
    expect(taken()).toEqual([["audio", 22, 24]]);
    expect([taken(), position.time()]).toEqual([[], Number.POSITIVE_INFINITY]);
  });

  it("are read in ranges that follow the file", () => {
    const movie = readMovie(moov(pictures, sounds));
    expect(rangesOf(new Position(movie).take())).toEqual([{ from: 1000, to: 1460 }]);
    const far = trak(2, "soun", mp4a, 2000, { stts: [24, 1000], sizes: Array(24).fill(10), stsc: [1, 24, 1], stco: [9_000_000] });
    expect(rangesOf(new Position(readMovie(moov(pictures, far))).take())).toEqual([{ from: 1000, to: 1400 }, { from: 9_000_000, to: 9_000_060 }]);
  });

  it("are written in fragments that say the same", () => {
    const movie = readMovie(moov(pictures, sounds));
    const [track] = movie.tracks as [(typeof movie.tracks)[number]];
    const init = initOf(movie, track);
    expect(boxesIn(init).map(({ type }) => type)).toEqual(["ftyp", "moov"]);
    expect(find(init, "moov", "trak", "edts")).toBeUndefined();
    expect(find(init, "moov", "trak", "mdia", "minf", "stbl", "stsd")?.content.length).toBeGreaterThan(78);
    const data = Uint8Array.from({ length: 200 }, (_, at) => at);
    const fragment = fragmentOf(track, 4, 6, 7, data);
    const [moof, mdat] = boxesIn(fragment);
    expect(mdat?.content).toEqual(data);
    const run = viewOf(find(moof?.content as Uint8Array, "traf", "trun")?.content as Uint8Array);
    const numbers = Array.from({ length: 10 }, (_, at) => run.getUint32(4 + 4 * at));
    expect(numbers).toEqual([2, (moof?.whole.length ?? 0) + 8, 1000, 100, 0x02_00_00_00, 1000, 1000, 100, 0x01_01_00_00, 1000]);
  });

  it.each([
    ["samples without end", trak(1, "vide", avc(avcC), 1000, { sizes: [1, 2], stsc: [1, 1, 1], stco: [0] })],
    ["times for fewer samples", trak(1, "vide", avc(avcC), 1000, { stts: [1, 5], sizes: [1, 2], stsc: [1, 2, 1], stco: [0] })],
    ["no scale", trak(1, "vide", avc(avcC), 0, { sizes: [1], stsc: [1, 1, 1], stco: [0] })],
    ["an unknown codec", trak(1, "vide", box("xvid", zeros(90)), 1000, { sizes: [1], stsc: [1, 1, 1], stco: [0] })],
    ["several cuts", trak(1, "vide", avc(avcC), 1000, { sizes: [1], stsc: [1, 1, 1], stco: [0], elst: [5, 0, 1, 5, 9, 1] })],
    ["a box that does not fit", joined(pictures.subarray(0, pictures.length - 1))],
    ["no track", zeros(0)],
  ])("are left alone with %s", (_, track) => expect(() => readMovie(moov(track))).toThrow(RangeError));

  it.each([
    ["hvc1.1.6.L93.B0", "hvc1", joined(zeros(78), box("hvcC", Uint8Array.of(1, 1, 0x60, 0, 0, 0, 0xb0, 0, 0, 0, 0, 0, 93)))],
    ["av01.0.04M.10", "av01", joined(zeros(78), box("av1C", Uint8Array.of(0x81, 4, 0x40, 0)))],
    ["vp09.00.10.08", "vp09", joined(zeros(78), box("vpcC", Uint8Array.of(1, 0, 0, 0, 0, 10, 0x82)))],
    ["opus", "Opus", zeros(28)],
    [undefined, "avc1", zeros(78)],
  ])("have codecs that browsers know as %s", (name, type, entry) => expect(codecOf(type, entry)).toBe(name));
});
