import { expect, test } from "vitest";

import { linkOf, parseLink, writeLink } from "./link";

const id = "A".repeat(42) + "E";
const secret = "B".repeat(42) + "A";
const link = `https://g.example/s/${id}#${secret}`;

test("links are read as they are written, with and without a passcode", () => {
  for (const text of [link, `${link}.p`, `http://127.0.0.1:8080/s/${id}#${secret}`]) expect(writeLink(parseLink(text))).toBe(text);
  expect(parseLink(`${link}.p`).hasPasscode).toBe(true);
});

test("a link is found in the viewer's own address, or behind its #", () => {
  expect(linkOf(link)?.gateway).toBe("https://g.example");
  expect(linkOf(`file:///tmp/viewer.html#${link}.p`)?.hasPasscode).toBe(true);
  expect(linkOf(`https://other.example/viewer.html#${encodeURIComponent(link)}`)?.gateway).toBe("https://g.example");
  expect(linkOf("https://g.example/viewer.html")).toBeUndefined();
  expect(linkOf("file:///tmp/viewer.html#main")).toBeUndefined();
});

test.each([
  ["without its secret", `https://g.example/s/${id}`, "from the # on is missing"],
  ["cut short", link.slice(0, -3), "has 40 characters, and should have 43"],
  ["with another last letter", `${link.slice(0, -1)}B`, "was changed on its way"],
  ["of a grant", "headwater-grant:abc#def", "headwater open @FILE"],
  ["of an object", "headwater:bafyr4#abc", "headwater get @FILE"],
  ["to a page", "https://example.com/", "no sealed link"],
])("a link %s is said to be so", (_, text, words) => {
  expect(() => parseLink(text)).toThrow(words);
});

test("the viewer's own address is said to lack its secret, and behind its # to have a grant", () => {
  expect(() => linkOf(`https://g.example/s/${id}`)).toThrow("from the # on is missing");
  expect(() => linkOf(`https://g.example/s/${id}#headwater-grant:abc`)).toThrow("headwater open");
  for (const start of ["https://g.example/s/", "https://g.example/share"]) expect(linkOf(start)).toBeUndefined();
});

test.each([
  ["cut short", link.slice(0, -1)],
  ["bits set after the end", link.slice(0, -1) + "B"],
  ["padding", `${link}=`],
  ["no secret", `https://g.example/s/${id}`],
  ["another scheme", link.replace("https", "ftp")],
  ["another path", link.replace("/s/", "/t/")],
])("a link with %s is refused", (_, text) => {
  expect(() => parseLink(text)).toThrow();
});
