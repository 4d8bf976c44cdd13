/** The owner's side of the gateway that is made up: uploads, shares that pages make, and their ends. What a page sends is checked by the letter. */

import type { ServerResponse } from "node:http";

import { toBase64Url } from "../src/sealed/base64url";
import { Encoded, MemoryStore } from "../src/sealed/fixture";
import { Geometry } from "../src/sealed/geometry";
import { fromHex } from "../src/page/format";
import { decodeCanonical, equal, Fields } from "../src/trust/cbor";
import { openSigned } from "../src/trust/record";
import { hex, json, refuse, type SealedStub, TERMS } from "./sealed-stub";
import { assert } from "./target";
import type { ViewerBench } from "./viewer-bench";

const MANIFEST_FIELDS = ["salt", "seed", "control", "commit", "header"] as const;

/** Lets pages share at this gateway; `spoil` changes cells on their way into it. */
export function takeUploads(stub: SealedStub, bench: ViewerBench, spoil: (cells: Uint8Array) => Uint8Array = (cells) => cells): void {
  const objects = new Map<string, Encoded>();
  const owners = new Map<string, Uint8Array>();
  stub.uploads = async (path, body, answer) => {
    if (path === "/sealed/uploads") store(bench, objects, spoil, body, answer);
    else if (path === "/api/shares") register(stub, objects, owners, body, answer);
    else if (path.endsWith("/end")) end(stub, owners, body, answer);
    else return false;
    return true;
  };
}

function store(bench: ViewerBench, objects: Map<string, Encoded>, spoil: (cells: Uint8Array) => Uint8Array, body: Buffer, answer: ServerResponse): void {
  const length = body.readUInt32LE(0);
  const head = Fields.of(decodeCanonical(new Uint8Array(body.subarray(4, 4 + length)), 8192), "upload", ["cell", "cells", "k", "m", "v", "mandate", ...MANIFEST_FIELDS]);
  const geometry = new Geometry({ k: head.integer("k", 4, 4), m: head.integer("m", 2, 2), cell: head.integer("cell", 10, 14), cells: head.integer("cells", 1, 2 ** 40) });
  const mandate = openSigned(head.bytes("mandate"), "mandate");
  assert(equal(mandate.by, head.bytes("control", 32)) && hex(mandate.network) === TERMS.network, "the mandate is signed by another key, or for another network");
  const said = Fields.of(mandate.body, "mandate", ["byte_hours", "expires", "holder"]);
  assert(hex(said.bytes("holder")) === TERMS.payer && said.integer("expires", 1, TERMS.expires_max) > 0, "the mandate names another holder");
  const cells = spoil(new Uint8Array(body.subarray(4 + length)));
  assert(cells.length === geometry.coding.cells * geometry.cellLen, `${cells.length} bytes of cells came`);
  const kept = new MemoryStore();
  kept.write(0, cells);
  const fields = Object.fromEntries(MANIFEST_FIELDS.map((key) => [key, head.bytes(key)]));
  const encoded = Encoded.adopt(bench.blake3, geometry, kept, fields, { key: new Uint8Array(32), len: 0, name: "?", type: undefined });
  objects.set(encoded.file.object.text, encoded);
  json(answer, 201, { object: encoded.file.object.text, manifest: toBase64Url(encoded.manifest), missing: 0 });
}

function register(stub: SealedStub, objects: Map<string, Encoded>, owners: Map<string, Uint8Array>, body: Buffer, answer: ServerResponse): void {
  const record = openSigned(new Uint8Array(body), "share");
  const share = Fields.of(record.body, "share", ["access", "attempts", "id", "issued", "knock", "tags", "wrapped"], ["expires"]);
  const [id, attempts] = [toBase64Url(share.bytes("id", 32)), share.integer("attempts", 0, 100)];
  assert(share.bytes("tags").length === 32 * objects.size, "the share has as many tags as objects");
  owners.set(id, record.by);
  stub.shares.set(id, { knock: hex(share.bytes("knock", 32)), access: hex(share.bytes("access", 32)), wrapped: share.bytes("wrapped", 3072), files: [...objects.values()], hasPasscode: attempts > 0, remaining: Math.max(1, attempts), state: "open" });
  objects.clear();
  json(answer, 201, { id, expires: null });
}

function end(stub: SealedStub, owners: Map<string, Uint8Array>, body: Buffer, answer: ServerResponse): void {
  const record = openSigned(new Uint8Array(body), "share_end");
  const id = toBase64Url(Fields.of(record.body, "share_end", ["id", "issued"]).bytes("id", 32));
  const [share, owner] = [stub.shares.get(id), owners.get(id)];
  if (!share || !owner || !equal(owner, record.by) || !equal(record.network, fromHex(TERMS.network))) return refuse(answer, 403, "forbidden");
  share.state = "share_revoked";
  answer.writeHead(204).end();
}
