import { describe, expect, it } from "vitest";

import { cidFromBytes, cidOfHash, parseCid } from "./cid";

const hash = Uint8Array.from({ length: 32 }, (_, at) => at * 7);
const { text } = cidOfHash(hash);

describe("CIDs", () => {
  it("are read back from their text", () => {
    expect(text).toMatch(/^bafyr4i[a-z2-7]{52}$/);
    expect([...parseCid(text).hash]).toEqual([...hash]);
    expect(parseCid(text).text).toBe(text);
  });

  const wrong: [string, string][] = [
    ["too short", text.slice(0, -1)],
    ["too long", `${text}a`],
    ["padding", `${text.slice(0, -1)}=`],
    ["upper case", text.toUpperCase()],
    ["another base", `z${text.slice(1)}`],
    ["a letter that base32 lacks", `${text.slice(0, 20)}1${text.slice(21)}`],
    ["white space", ` ${text.slice(1)}`],
    ["bits set after the end", `${text.slice(0, -1)}${String.fromCharCode(text.charCodeAt(58) + 1)}`],
    ["another codec", `bafkr4${text.slice(6)}`],
    ["nothing", ""],
  ];
  it.each(wrong)("are refused with %s", (_, text) => {
    expect(() => parseCid(text)).toThrow();
  });

  it("are refused as bytes of another hash or length", () => {
    expect(() => cidFromBytes(new Uint8Array([1, 0x71, 0x12, 0x20, ...hash]))).toThrow("BLAKE3");
    expect(() => cidFromBytes(new Uint8Array([1, 0x71, 0x1e, 0x20, ...hash, 0]))).toThrow("36 bytes");
  });
});
