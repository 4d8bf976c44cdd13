"""Sealed shares by docs/spec.md section 27 alone: opens them, makes them, and seals objects as a page does.

It shares no code with the program: hash, AEAD, HKDF, Argon2, signatures and CBOR come from PyPI, the BLAKE3 tree is plain Python.
"""

import base64
import http.client
import json
import os
import pathlib
import struct
import sys
import urllib.parse

import cbor2
from blake3 import blake3
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

import headwater_decode as decode

sys.path.append(str(pathlib.Path(__file__).parents[2] / "docs/vectors/shares"))
import blake3_tree

BATCH_ROWS = 32
PLAIN_LEN = 3056


def b64(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def hash_of(data):
    return blake3(data).digest()


class Refused(Exception):
    """The gateway refuses: its stable code, and what is left of the attempts."""

    def __init__(self, status, document):
        super().__init__(f"{status} {document.get('code')}: {document.get('detail')}")
        self.status, self.code, self.remaining = status, document.get("code"), document.get("remaining")


class Gateway:
    """What is asked of a gateway."""

    def __init__(self, url):
        self.url = url
        self.address = urllib.parse.urlsplit(url)

    def ask(self, method, path, body=None, headers=()):
        connection = http.client.HTTPConnection(self.address.hostname, self.address.port, timeout=60)
        connection.request(method, path, body, dict(headers))
        return connection.getresponse()

    def answer(self, method, path, body=None, headers=()):
        response = self.ask(method, path, body, headers)
        data = response.read()
        if response.status >= 300:
            raise Refused(response.status, json.loads(data or b"{}"))
        return data

    def json(self, method, path, body=None, headers=()):
        data = self.answer(method, path, body if body is None or isinstance(body, bytes) else json.dumps(body), headers)
        return json.loads(data) if data else None


class Link:
    """A link, and what follows from it with a passcode."""

    def __init__(self, text, passcode=None):
        before, self.secret_text = text.split("#")
        self.origin, self.id_text = before.split("/s/")
        self.has_passcode = self.secret_text.endswith(".p")
        self.secret_text = self.secret_text.removesuffix(".p")
        self.id, self.secret = unb64(self.id_text), unb64(self.secret_text)
        self.derive(passcode)

    def derive(self, passcode):
        stretched = b""
        if passcode is not None:
            kdf = Argon2id(salt=self.id[:16], length=32, iterations=3, lanes=1, memory_cost=65_536)
            stretched = kdf.derive(passcode.encode())
        self.stretched = stretched
        self.knock = HKDF(SHA256(), 32, self.id, b"headwater/1 share knock").derive(self.secret)
        okm = HKDF(SHA256(), 64, self.id, b"headwater/1 share").derive(self.secret + stretched)
        self.wrap_key, self.access = okm[:32], okm[32:]

    def question(self, access=None):
        return {"knock": b64(self.knock), "access": b64(access or self.access)}

    def open_at(self, gateway):
        """The contents of the share, and a session."""
        opened = gateway.json("POST", f"/api/shares/{self.id_text}/open", self.question())
        plain = ChaCha20Poly1305(self.wrap_key).decrypt(bytes(12), unb64(opened["wrapped"]), self.id)
        (length,) = struct.unpack_from("<H", plain)
        assert len(plain) == PLAIN_LEN and not any(plain[2 + length :])
        return cbor2.loads(plain[2 : 2 + length]), opened["session"]


class SharedObject:
    """An object of a share at a gateway, checked against the share."""

    def __init__(self, gateway, session, file):
        question = {"session": session, "object": decode.cid_text(file["object"])}
        self.gateway, self.file = gateway, file
        self.handle = gateway.json("POST", "/sealed", question)["handle"]
        manifest = gateway.answer("GET", f"/sealed/{self.handle}/manifest")
        assert decode.cid_of(manifest) == file["object"], "the gateway sent another manifest"
        self.manifest = decode.Manifest(manifest)
        self.keys, self.header = self.manifest.unlock(file["key"])
        assert self.header["len"] == file["len"]

    def read(self, begin=0, end=None):
        """The plaintext of these cells, every slice verified."""
        geometry = self.manifest.geometry
        end = geometry.cells if end is None else end
        answer = self.gateway.answer("GET", f"/sealed/{self.handle}?cells={begin}-{end}")
        cells, at = {}, 0
        for segment, column, first, rows in frames(geometry, begin, end):
            kind, *fields = struct.unpack_from("<BBHIIII", answer, at)
            at += 20
            payload = answer[at : at + fields[-1]]
            at += fields[-1]
            assert fields[:-1] == [column, 0, segment, first, rows] and kind in (0, 1), "another frame has to come here"
            content = payload if kind else self.verified(segment, column, first, rows, payload)
            assert len(content) == rows * geometry.size
            for row in range(rows):
                number = segment * geometry.cells_per_segment + (first + row) * geometry.k + column
                cells[number] = content[row * geometry.size : (row + 1) * geometry.size]
        assert at == len(answer), "the answer goes on after its end"
        opened = (decode.open_cell(self.keys, geometry, n, self.header["len"], cells[n]) for n in range(begin, end))
        return b"".join(opened)

    def verified(self, segment, column, first, rows, payload):
        geometry = self.manifest.geometry
        place = [stored for stored, _ in geometry.stored(segment)].index(column)
        root = self.manifest.roots[segment * (geometry.k + geometry.m) + place]
        length, leaves = geometry.column_rows(segment, column) * geometry.size, geometry.size // 1024
        return blake3_tree.verify(root, length, (first * leaves, (first + rows) * leaves), payload)


def frames(geometry, begin, end):
    """(segment, column, first row, rows) of every frame of an answer."""
    for segment in range(geometry.segments):
        first_cell = segment * geometry.cells_per_segment
        count = geometry.cells_of(segment)
        for row in range(0, geometry.rows(segment), BATCH_ROWS):
            batch = range(row * geometry.k, min((row + BATCH_ROWS) * geometry.k, count))
            wanted = [cell for cell in batch if begin <= first_cell + cell < end]
            for column in range(geometry.k):
                rows = [cell // geometry.k for cell in wanted if cell % geometry.k == column]
                if rows:
                    yield segment, column, rows[0], len(rows)


# --- Making shares -------------------------------------------------------------------------------


def cbor(value):
    return cbor2.dumps(value, canonical=True)


def record(kind, body, key, network):
    """A signed record (section 10)."""
    name = kind.encode()
    message = b"headwater\0" + bytes([len(name)]) + name + b"\x01" + network + cbor(body)
    public = key.public_key().public_bytes_raw()
    return cbor({"body": body, "by": public, "net": network, "sig": key.sign(message), "type": kind, "v": 1})


def share(gateway, network, files, issued, expires=7 * 86_400, passcode=None, attempts=0, headers=()):
    """Registers a share of these files, which ends `expires` seconds after it is issued; its link, and the key that ends it."""
    link = Link(f"{gateway.url}/s/{b64(os.urandom(32))}#{b64(os.urandom(32))}{'.p' if passcode else ''}", passcode)
    contents = cbor({"files": files, "issued": issued, "v": 1})
    plain = (struct.pack("<H", len(contents)) + contents).ljust(PLAIN_LEN, b"\0")
    body = {
        "access": hash_of(link.access),
        "attempts": attempts,
        "id": link.id,
        "issued": issued,
        "knock": hash_of(link.knock),
        "tags": b"".join(hash_of(link.access + file["object"]) for file in files),
        "wrapped": ChaCha20Poly1305(link.wrap_key).encrypt(bytes(12), plain, link.id),
    }
    if expires is not None:
        body["expires"] = issued + expires
    key = Ed25519PrivateKey.generate()
    gateway.answer("POST", "/api/shares", record("share", body, key, network), headers)
    suffix = ".p" if passcode else ""
    return f"{gateway.url}/s/{link.id_text}#{link.secret_text}{suffix}", key


def end(gateway, network, link, key, issued):
    body = {"id": link.id, "issued": issued}
    gateway.answer("POST", f"/api/shares/{link.id_text}/end", record("share_end", body, key, network))


# --- Sealing as a page does ----------------------------------------------------------------------


class Upload:
    """An object that is sealed here and coded by the gateway."""

    def __init__(self, plaintext, name, terms):
        k, m = terms["k"], terms["m"]
        sealed_len = decode.padme(len(plaintext))
        log2, cells = decode.shape_of(k, sealed_len)
        self.geometry = decode.Geometry(k, m, log2, cells)
        self.key, salt = os.urandom(32), os.urandom(32)
        self.keys, plain = decode.Keys(self.key, salt, log2), (1 << log2) - 16
        cipher = ChaCha20Poly1305(self.keys.cell)
        padded = plaintext.ljust(cells * plain, b"\0")
        nonce = lambda n: n.to_bytes(11, "big") + bytes([n == cells - 1])
        self.cells = [cipher.encrypt(nonce(n), padded[n * plain : (n + 1) * plain], None) for n in range(cells)]
        header = cbor({"len": len(plaintext), "name": name})
        header = (struct.pack("<H", len(header)) + header).ljust(496, b"\0")
        self.control = Ed25519PrivateKey.generate()
        mandate = {"byte_hours": 2**64 - 1, "expires": terms["expires_max"] - 5, "holder": bytes.fromhex(terms["payer"])}
        self.fields = {
            "cell": log2,
            "cells": cells,
            "commit": self.keys.commitment,
            "control": self.control.public_key().public_bytes_raw(),
            "header": ChaCha20Poly1305(self.keys.header).encrypt(bytes(12), header, None),
            "k": k,
            "m": m,
            "salt": salt,
            "seed": os.urandom(32),
            "v": 1,
        }
        self.mandate = record("mandate", mandate, self.control, bytes.fromhex(terms["network"]))
        self.len = len(plaintext)

    def body(self, **changes):
        head = cbor(self.fields | {"mandate": self.mandate} | changes)
        return struct.pack("<I", len(head)) + head + b"".join(self.cells)

    def check(self, answer):
        """The file of a share, when the manifest is what was sealed here."""
        manifest = unb64(answer["manifest"])
        object_ = decode.cid_of(manifest)
        assert decode.cid_text(object_) == answer["object"]
        said = cbor2.loads(manifest)
        roots = said.pop("roots")
        assert said == self.fields | {"suite": 1}, "the gateway changed a field"
        assert self.geometry.segments == 1
        columns = [b"".join(self.cells[column :: self.geometry.k]) for column in range(self.geometry.k)]
        own = b"".join(hash_of(column) for column in columns if column)
        assert roots.startswith(own), "the gateway stores other cells"
        return {"key": self.key, "len": self.len, "object": object_}
