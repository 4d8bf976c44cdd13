// What clients that others wrote make of a health link: `check.mjs WHAT LINK …`, the link in a file, as the program printed it.
//
//   reads LINK FILE… [--passcode P] [--embed N]   kill-the-clipboard resolves it to the resources in these files
//   refuses LINK ERROR [--passcode P]             it throws this error of its own
//   manifest LINK FIELD VALUE [--passcode P]      the manifest says so; `files.0.location` is a path into it
//   jose LINK FILE                                jose opens the file that is embedded in the manifest, or fetched
//   guesses LINK N EXPECTED                       N wrong passcodes at the same time: so many are 401, the others 404

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";

import { base64url, compactDecrypt, decodeProtectedHeader } from "jose";
import { SHL, SHLViewer } from "kill-the-clipboard";

const RECIPIENT = "Outside checker, ward 4";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { passcode: { type: "string" }, embed: { type: "string" } },
});
const [what, file, ...rest] = positionals;
const link = readFileSync(file, "utf8").trim();
const shl = SHL.parse(link);
const json = (path) => JSON.parse(readFileSync(path, "utf8"));

function resolve() {
  return new SHLViewer({ shlinkURI: link }).resolveSHL({
    recipient: RECIPIENT,
    ...(values.passcode !== undefined && { passcode: values.passcode }),
    ...(values.embed !== undefined && { embeddedLengthMax: Number(values.embed) }),
  });
}

function ask(passcode = values.passcode) {
  const body = JSON.stringify({ recipient: RECIPIENT, passcode, embeddedLengthMax: Number(values.embed ?? 1 << 20) });
  return fetch(shl.url, { method: "POST", headers: { "Content-Type": "application/json", Origin: "https://viewer.example" }, body });
}

/** The first file of the link as JWE. */
async function jwe() {
  if (shl.isDirectFile) {
    const answer = await fetch(`${shl.url}?recipient=${encodeURIComponent(RECIPIENT)}`);
    assert.equal(answer.headers.get("content-type"), "application/jose");
    return answer.text();
  }
  const { files } = await (await ask()).json();
  if (files[0].embedded) return files[0].embedded;
  const answer = await fetch(files[0].location);
  assert.equal(answer.headers.get("content-type"), "application/jose");
  assert.equal(answer.headers.get("access-control-allow-origin"), "*");
  return answer.text();
}

const checks = {
  async reads() {
    const { fhirResources } = await resolve();
    assert.deepEqual(fhirResources, rest.map(json));
  },
  async refuses() {
    const [error] = rest;
    await assert.rejects(resolve(), { name: error });
  },
  async manifest() {
    const [path, expected] = rest;
    const answer = await ask();
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get("access-control-allow-origin"), "*");
    assert.equal(answer.headers.get("cache-control"), "no-store");
    const found = path.split(".").reduce((value, key) => value?.[key], await answer.json());
    assert.match(String(found), new RegExp(expected));
  },
  async jose() {
    const text = await jwe();
    const key = base64url.decode(shl.key);
    const header = decodeProtectedHeader(text);
    assert.deepEqual([header.alg, header.enc, header.cty], ["dir", "A256GCM", "application/fhir+json"]);
    const { plaintext: plain } = await compactDecrypt(text, key);
    assert.deepEqual(JSON.parse(new TextDecoder().decode(plain)), json(rest[0]));
  },
  async guesses() {
    const [count, expected] = rest.map(Number);
    const answers = await Promise.all(Array.from({ length: count }, (_, n) => ask(`wrong ${n}`)));
    const statuses = answers.map((answer) => answer.status);
    const left = await Promise.all(answers.filter((answer) => answer.status === 401).map(async (answer) => (await answer.json()).remainingAttempts));
    assert.deepEqual(left.sort((a, b) => a - b), Array.from({ length: expected }, (_, n) => n));
    assert.equal(statuses.filter((status) => status === 404).length, count - expected);
  },
};

await checks[what]();
