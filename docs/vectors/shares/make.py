#!/usr/bin/env python3
"""Makes the golden vectors in this folder from docs/spec.md section 27 alone, with the packages of tests/python/requirements.txt.

Everything comes from fixed seeds, so running it again gives the same files. `cargo test -p sharing` reads them, and the page's tests.
"""

import base64
import pathlib
import struct
import sys

from blake3 import blake3
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

FOLDER = pathlib.Path(__file__).parent
sys.path += [str(FOLDER), str(FOLDER.parent)]

import blake3_tree
from records import NET, OTHER_NET, START, Key, Raw, b3, cbor, derive, map_of, readable, record, signed_bytes, without_none, write

FLOAT = Raw(b"\xfb\x3f\xf0\x00\x00\x00\x00\x00\x00")
PLAIN_LEN = 3056

ACCOUNT = b3(b"account secret")
ID = b3(b"share id")
SECRET = b3(b"share secret")


def b64(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def cid(data):
    return b"\x01\x71\x1e\x20" + b3(data)


def cid_text(cid_):
    return "b" + base64.b32encode(cid_).decode().lower().rstrip("=")


# --- Keys ----------------------------------------------------------------------------------------


def stretched(passcode, id_):
    if passcode is None:
        return b""
    return Argon2id(salt=id_[:16], length=32, iterations=3, lanes=1, memory_cost=65_536).derive(passcode.encode())


def hkdf(ikm, id_, info, length):
    return HKDF(SHA256(), length, id_, info).derive(ikm)


class Keys:
    def __init__(self, id_, secret, passcode=None):
        self.id, self.secret, self.passcode = id_, secret, passcode
        self.stretched = stretched(passcode, id_)
        self.knock = hkdf(secret, id_, b"headwater/1 share knock", 32)
        okm = hkdf(secret + self.stretched, id_, b"headwater/1 share", 64)
        self.wrap, self.access = okm[:32], okm[32:]

    def seal(self, plain):
        return ChaCha20Poly1305(self.wrap).encrypt(bytes(12), plain, self.id)

    def tag(self, object_):
        return b3(self.access + object_)


PLAIN = Keys(ID, SECRET)
GUARDED = Keys(ID, SECRET, "kräuter tee 7")
OTHER = Keys(b3(b"another id"), b3(b"another secret"))


def key_vectors():
    for name, keys in (
        ("without a passcode", PLAIN),
        ("with a passcode", GUARDED),
        ("another share", OTHER),
        ("a passcode with spaces at its ends", Keys(ID, SECRET, " 12345 ")),
    ):
        yield {
            "name": name,
            "id": b64(keys.id),
            "secret": b64(keys.secret),
            "passcode": keys.passcode,
            "stretched": keys.stretched.hex(),
            "knock": keys.knock.hex(),
            "wrap_key": keys.wrap.hex(),
            "access": keys.access.hex(),
            "object": cid_text(cid(b"one")),
            "tag": keys.tag(cid(b"one")).hex(),
        }
    # The same letters in another form of Unicode are the same passcode.
    decomposed = "kra\u0308uter tee 7"
    yield {"name": "a passcode in form D", "id": b64(ID), "secret": b64(SECRET), "passcode": decomposed, "stretched": GUARDED.stretched.hex(), "access": GUARDED.access.hex()}


def passcode_vectors():
    for good in ("1", "kräuter tee 7", " ", "x" * 256, "é" * 128, "密码", "e\u0301" * 128):
        yield {"passcode": good, "good": True}
    for bad in ("", "x" * 257, "é" * 129, "a\nb", "\0", "a\u007f", "\u0085"):
        yield {"passcode": bad, "good": False}


def account_vectors():
    for id_ in (ID, bytes(32), bytes([255] * 32)):
        yield {
            "account": ACCOUNT.hex(),
            "id": b64(id_),
            "secret": derive("headwater v1 share secret", ACCOUNT + id_).hex(),
            "share_key_seed": derive("headwater v1 share key", ACCOUNT + id_).hex(),
        }


# --- Links ---------------------------------------------------------------------------------------


def link_vectors():
    id_, secret = b64(ID), b64(SECRET)
    good = [
        ("https", f"https://gateway.example/s/{id_}#{secret}", "https://gateway.example", False),
        ("http with a port", f"http://127.0.0.1:8080/s/{id_}#{secret}", "http://127.0.0.1:8080", False),
        ("with a passcode", f"https://gateway.example:8443/s/{id_}#{secret}.p", "https://gateway.example:8443", True),
        ("IPv6", f"http://[::1]:80/s/{id_}#{secret}", "http://[::1]:80", False),
    ]
    for name, link, origin, passcode in good:
        yield {"name": name, "link": link, "origin": origin, "id": ID.hex(), "secret": SECRET.hex(), "passcode": passcode, "error": None}
    base = "https://gateway.example"
    bad = [
        ("nothing", "", "form"),
        ("no origin", f"/s/{id_}#{secret}", "origin"),
        ("another scheme", f"ftp://gateway.example/s/{id_}#{secret}", "origin"),
        ("javascript", f"javascript:alert(1)/s/{id_}#{secret}", "origin"),
        ("no host", f"https:///s/{id_}#{secret}", "origin"),
        ("a folder before it", f"{base}/x/s/{id_}#{secret}", "origin"),
        ("a user", f"https://user@gateway.example/s/{id_}#{secret}", "origin"),
        ("a user with a password", f"https://a:b@gateway.example/s/{id_}#{secret}", "origin"),
        ("a space in front", f" {base}/s/{id_}#{secret}", "origin"),
        ("a space in the host", f"https://gate way.example/s/{id_}#{secret}", "origin"),
        ("a backslash in the host", f"https://gateway.example\\@evil.example/s/{id_}#{secret}", "origin"),
        ("a query in the origin", f"https://gateway.example?/s/{id_}#{secret}", "origin"),
        ("a port that is none", f"https://gateway.example:65536/s/{id_}#{secret}", "origin"),
        ("an empty port", f"https://gateway.example:/s/{id_}#{secret}", "origin"),
        ("no secret", f"{base}/s/{id_}", "form"),
        ("an empty secret", f"{base}/s/{id_}#", "secret"),
        ("a short secret", f"{base}/s/{id_}#{secret[:-1]}", "secret"),
        ("a long secret", f"{base}/s/{id_}#{secret}A", "secret"),
        ("padding", f"{base}/s/{id_}#{secret}=", "secret"),
        ("trailing bits in the secret", f"{base}/s/{id_}#{secret[:-1]}{'B' if secret[-1] != 'B' else 'C'}", "secret"),
        ("base64 of the other alphabet", f"{base}/s/{id_}#{'+' * 42}A", "secret"),
        ("a dot alone", f"{base}/s/{id_}#{secret}.", "secret"),
        ("another ending", f"{base}/s/{id_}#{secret}.q", "secret"),
        ("a passcode twice", f"{base}/s/{id_}#{secret}.p.p", "secret"),
        ("a line feed at the end", f"{base}/s/{id_}#{secret}\n", "secret"),
        ("two fragments", f"{base}/s/{id_}#{secret}#{secret}", "secret"),
        ("a short id", f"{base}/s/{id_[:-1]}#{secret}", "id"),
        ("a long id", f"{base}/s/{id_}A#{secret}", "id"),
        ("trailing bits in the id", f"{base}/s/{id_[:-1]}{'B' if id_[-1] != 'B' else 'C'}#{secret}", "id"),
        ("a slash after the id", f"{base}/s/{id_}/#{secret}", "id"),
        ("a query after the id", f"{base}/s/{id_}?x=1#{secret}", "id"),
        ("a link of an object", f"headwater:{cid_text(cid(b'one'))}#{secret}", "form"),
    ]
    for name, link, error in bad:
        yield {"name": name, "link": link, "error": error}


# --- What is wrapped -----------------------------------------------------------------------------


def file(name, **changes):
    own = {"key": b3(f"key of {name}".encode()), "len": 1000, "name": name, "object": cid(f"manifest of {name}".encode())}
    return without_none(own | changes)


def contents(files=None, **changes):
    return without_none({"files": [file("report.pdf", type="application/pdf")] if files is None else files, "issued": START, "v": 1} | changes)


def padded(encoded, claimed=None, zeros=None):
    body = struct.pack("<H", len(encoded) if claimed is None else claimed) + encoded
    return body + (bytes(PLAIN_LEN - len(body)) if zeros is None else zeros)


MANY = [file(f"scan {n:02}.dcm") for n in range(16)]


def wrapped_vectors():
    yield "one file", PLAIN, padded(cbor(contents())), None
    yield "with a passcode", GUARDED, padded(cbor(contents())), None
    yield "with a label", PLAIN, padded(cbor(contents(label="For Dr. Müller"))), None
    yield "16 files", PLAIN, padded(cbor(contents(MANY))), None
    yield "a label of 80 characters", PLAIN, padded(cbor(contents(label="é" * 80))), None
    yield "a folder", PLAIN, padded(cbor(contents([file("chart", type="application/vnd.headwater.folder")]))), None
    yield "one name twice", PLAIN, padded(cbor(contents([file("a"), file("a", object=cid(b"other"))]))), None
    yield "no bytes", PLAIN, padded(cbor(contents([file("empty", len=0)]))), None
    names = [f"{n:0>229}" for n in range(9)]
    filler = 3054 - len(cbor(contents([file(name) for name in names])))
    # A type takes its key and a head of two bytes besides itself.
    full = cbor(contents([file(names[0], type="t" * (filler - 7))] + [file(name) for name in names[1:]]))
    assert len(full) == 3054, len(full)
    yield "as full as it gets", PLAIN, padded(full), None

    bad = lambda name, **changes: (name, PLAIN, padded(cbor(contents(**changes))), "malformed")
    yield bad("no files", files=[])
    yield "17 files", PLAIN, padded(cbor(contents([file(f"{n}") for n in range(17)]))), "malformed"
    yield bad("another version", v=2)
    yield bad("no version", v=None)
    yield bad("an unknown key", extra=1)
    yield bad("no issued", issued=None)
    yield bad("an empty label", label="")
    yield bad("a label of 81 characters", label="e" * 81)
    yield bad("a label with a line feed", label="a\nb")
    yield bad("a float", issued=FLOAT)
    yield bad("a name with a slash", files=[file("a/b")])
    yield bad("a name that is ..", files=[file("..")])
    yield bad("an empty name", files=[file("")])
    yield bad("a name with a control character", files=[file("a\u202eb\u0007")])
    yield bad("a type that is no text of a header", files=[file("a", type="text/html\n")])
    yield bad("a key of 31 bytes", files=[file("a", key=bytes(31))])
    yield bad("a CID of another codec", files=[file("a", object=b"\x01\x55\x1e\x20" + bytes(32))])
    yield bad("a file without a key", files=[file("a", key=None)])
    yield bad("a file with an unknown key", files=[file("a", extra=True)])
    yield bad("one object twice", files=[file("a"), file("b", object=cid(b"manifest of a"))])
    ordered = ("v", 1), ("files", [file("a")]), ("issued", START)
    assert map_of(*ordered) == cbor(contents([file("a")]))
    yield "keys out of order", PLAIN, padded(map_of(("files", [file("a")]), ("v", 1), ("issued", START))), "malformed"
    yield "bytes after the map", PLAIN, padded(cbor(contents()) + b"\0"), "malformed"
    yield "less than the map", PLAIN, padded(cbor(contents()), claimed=len(cbor(contents())) - 1), "malformed"
    yield "nothing", PLAIN, padded(b""), "malformed"
    yield "more than there is room", PLAIN, padded(cbor(contents()), claimed=3055), "length"
    yield "the last length", PLAIN, padded(cbor(contents()), claimed=0xFFFF), "length"
    whole = padded(cbor(contents()))
    yield "padding that is not zero", PLAIN, whole[:-1] + b"\1", "padding"
    yield "a shorter plaintext", PLAIN, whole[:-1], "size"
    yield "a longer plaintext", PLAIN, whole + b"\0", "size"


def sealed_vectors():
    for name, keys, plain, error in wrapped_vectors():
        yield {"name": name, "id": b64(keys.id), "secret": b64(keys.secret), "passcode": keys.passcode, "wrapped": b64(keys.seal(plain)), "error": error}
    wrapped = PLAIN.seal(padded(cbor(contents())))
    flipped = bytearray(wrapped)
    flipped[100] ^= 1
    for name, keys, changed in (
        ("the passcode is left out", PLAIN, GUARDED.seal(padded(cbor(contents())))),
        ("a passcode where there is none", GUARDED, wrapped),
        ("of another share", OTHER, wrapped),
        ("one bit is turned", PLAIN, bytes(flipped)),
        ("without its aad", PLAIN, ChaCha20Poly1305(PLAIN.wrap).encrypt(bytes(12), padded(cbor(contents())), None)),
    ):
        yield {"name": name, "id": b64(keys.id), "secret": b64(keys.secret), "passcode": keys.passcode, "wrapped": b64(changed), "error": "tag"}


# --- Records -------------------------------------------------------------------------------------

SHARE_KEY = Key(derive("headwater v1 share key", ACCOUNT + ID))


def share(**changes):
    own = {
        "access": b3(GUARDED.access),
        "attempts": 5,
        "expires": START + 7 * 86_400,
        "id": ID,
        "issued": START,
        "knock": b3(GUARDED.knock),
        "tags": GUARDED.tag(cid(b"manifest of report.pdf")),
        "wrapped": GUARDED.seal(padded(cbor(contents()))),
    }
    return without_none(own | changes)


END = {"id": ID, "issued": START + 60}
READER = {"id": ID, "issued": START + 60, "who": "Dr. Ng: no allergies known"}


def record_vectors():
    def vector(name, kind, encoded, body=None, error=None, by=SHARE_KEY):
        own = {"name": f"{kind}: {name}", "type": kind, "record": encoded.hex()}
        return own | ({"error": error} if error else {"by": by.public.hex(), "body": readable(body)})

    def good(name, kind, body):
        encoded = record(kind, body, SHARE_KEY)
        assert len(encoded) <= 4096, (name, len(encoded))
        return vector(name, kind, encoded, body)

    def bad(name, kind, body, error="malformed", **changes):
        return vector(name, kind, record(kind, body, SHARE_KEY, **changes), error=error)

    yield good("ordinary", "share", share())
    yield good("no passcode, no end", "share", share(attempts=0, expires=None))
    yield good("16 files, 100 attempts", "share", share(attempts=100, tags=bytes(range(256)) * 2, issued=2**63, expires=2**63 + 1))
    yield good("for emergencies", "share", share(attempts=0, emergency=True))
    yield bad("for no emergencies", "share", share(emergency=False))
    yield bad("a minus where a number belongs", "share", share(attempts=-1))
    yield bad("101 attempts", "share", share(attempts=101))
    yield bad("no tags", "share", share(tags=b""))
    yield bad("17 tags", "share", share(tags=bytes(17 * 32)))
    yield bad("half a tag", "share", share(tags=bytes(48)))
    yield bad("ends as it begins", "share", share(expires=START))
    yield bad("ends before it begins", "share", share(expires=START - 1))
    yield bad("a short wrapped part", "share", share(wrapped=bytes(3071)))
    yield bad("a long wrapped part", "share", share(wrapped=bytes(3073)))
    yield bad("an id of 31 bytes", "share", share(id=bytes(31)))
    yield bad("no knock", "share", share(knock=None))
    yield bad("an access of 33 bytes", "share", share(access=bytes(33)))
    yield bad("an unknown key", "share", share(extra=1))
    yield bad("a float", "share", share(issued=FLOAT))
    yield bad("for another network", "share", share(), "network", network=OTHER_NET)
    yield bad("a signature of another body", "share", share(), "signature", sig=SHARE_KEY.sign(signed_bytes("share", NET, share(attempts=6))))
    yield bad("signed as something else", "share", share(), "signature", sig=SHARE_KEY.sign(signed_bytes("share_end", NET, share())))
    yield good("ordinary", "share_end", END)
    yield bad("without an id", "share_end", {"issued": START})
    yield bad("an unknown key", "share_end", END | {"reason": "x"})
    yield bad("an id of 36 bytes", "share_end", END | {"id": cid(b"x")})
    yield bad("the type of the other", "share_end", END, "type", type="share")
    yield good("ordinary", "share_reader", READER)
    yield bad("by nobody", "share_reader", without_none(READER | {"who": None}))
    yield bad("by nothing but spaces", "share_reader", READER | {"who": "  "})
    yield bad("without a time", "share_reader", without_none(READER | {"issued": None}))
    yield bad("an id of 31 bytes", "share_reader", READER | {"id": bytes(31)})
    yield bad("an unknown key", "share_reader", READER | {"reason": "x"})
    yield bad("for another network", "share_reader", READER, "network", network=OTHER_NET)
    yield bad("with another name than was signed", "share_reader", READER, "signature", sig=SHARE_KEY.sign(signed_bytes("share_reader", NET, READER | {"who": "Dr. No: x"})))
    yield bad("the type of the other", "share_reader", READER, "type", type="share_end")


# --- Folders -------------------------------------------------------------------------------------


def listed(name, length=10, **changes):
    return without_none({"len": length, "name": name} | changes)


def folder(*files, **changes):
    return without_none({"files": list(files), "v": 1} | changes)


def folder_vectors():
    def vector(name, encoded, total=None, error=None, contents=0):
        total = 4 + len(encoded) + contents if total is None else total
        return {"name": name, "list": encoded.hex(), "object_len": total, "error": error}

    two = cbor(folder(listed("a/b.txt", 5, type="text/plain"), listed("c", 7)))
    yield vector("two files", two, contents=12)
    yield vector("one empty file", cbor(folder(listed("a", 0))))
    yield vector("names that begin alike", cbor(folder(listed("a"), listed("a.b"), listed("a0"))), contents=30)
    yield vector("one byte too many", two, 4 + len(two) + 13, "object_len")
    yield vector("one byte too few", two, 4 + len(two) + 11, "object_len")
    yield vector("lengths that pass 2^64", cbor(folder(listed("a", 2**64 - 1), listed("b", 2**64 - 1))), error="object_len")
    bad = lambda name, *files, error="malformed", **changes: vector(name, cbor(folder(*files, **changes)), error=error, contents=10 * len(files))
    yield bad("no files")
    yield bad("another version", listed("a"), v=2)
    yield bad("an unknown key", listed("a"), extra=1)
    yield bad("an unknown key of a file", listed("a", extra=1))
    yield bad("a name that goes up", listed("../a"))
    yield bad("a name that goes up in the middle", listed("a/../b"))
    yield bad("a name from the root", listed("/a"))
    yield bad("a name that is a folder", listed("a/"))
    yield bad("an empty name", listed(""))
    yield bad("a dot", listed("a/./b"))
    yield bad("a zero byte", listed("a\0b"))
    yield bad("a long name", listed("x" * 256))
    yield bad("a long path", listed("/".join(["x" * 200] * 6)))
    yield bad("a type that is none", listed("a", type=""))
    yield bad("out of order", listed("b"), listed("a"), error="order")
    yield bad("one name twice", listed("a"), listed("a"), error="order")
    yield bad("a file that is a folder too", listed("a"), listed("a/b"), error="order")
    yield bad("a file that is a folder too, with a name between", listed("a"), listed("a.b"), listed("a/b"), error="order")
    yield vector("bytes after it", two + b"\0", 4 + len(two) + 13, "malformed")


# --- Sealed answers ------------------------------------------------------------------------------


class Sealed:
    """An object of one segment; the roots of its parity are made up, since no reader looks at them."""

    def __init__(self, name, plaintext, k, m, log2):
        self.k, self.m, self.size, self.key = k, m, 1 << log2, b3(f"key of {name}".encode())
        salt, plain = b3(f"salt of {name}".encode()), (1 << log2) - 16
        okm = HKDF(SHA256(), 96, salt, b"headwater/1 object" + bytes([1, log2])).derive(self.key)
        cells = [plaintext[i : i + plain] for i in range(0, max(1, len(plaintext)), plain)]
        self.cells, cipher = [], ChaCha20Poly1305(okm[:32])
        for number, cell in enumerate(cells):
            nonce = number.to_bytes(11, "big") + bytes([number == len(cells) - 1])
            self.cells.append(cipher.encrypt(nonce, cell.ljust(plain, b"\0"), None))
        self.columns = [b"".join(self.cells[column::k]) for column in range(min(k, len(cells)))]
        header = cbor({"len": len(plaintext), "name": name})
        header = ChaCha20Poly1305(okm[32:64]).encrypt(bytes(12), (struct.pack("<H", len(header)) + header).ljust(496, b"\0"), None)
        roots = [blake3(column).digest() for column in self.columns] + [b3(f"parity {i}".encode()) for i in range(m)]
        self.manifest = cbor(
            {
                "v": 1,
                "suite": 1,
                "cell": log2,
                "k": k,
                "m": m,
                "cells": len(cells),
                "salt": salt,
                "seed": b3(b"seed"),
                "roots": b"".join(roots),
                "control": Key(b3(b"control")).public,
                "commit": okm[64:],
                "header": header,
            }
        )

    def frames(self, begin, end):
        """(column, first row, rows) of every frame of an answer."""
        rows_of = lambda row: range(row * 32 * self.k, min((row + 1) * 32 * self.k, len(self.cells)))
        for batch in range(-(-len(self.cells) // (32 * self.k))):
            wanted = [cell for cell in rows_of(batch) if begin <= cell < end]
            for column in range(self.k):
                rows = [cell // self.k for cell in wanted if cell % self.k == column]
                if rows:
                    yield column, rows[0], len(rows)

    def slice(self, column, first, rows):
        leaves = self.size // 1024
        return blake3_tree.slice_of(self.columns[column], (first * leaves, (first + rows) * leaves))

    def run(self, column, first, rows):
        return self.columns[column][first * self.size : (first + rows) * self.size]

    def frame(self, at, kind=0, payload=None, **changes):
        column, first, rows = at
        if payload is None:
            payload = self.run(column, first, rows) if kind else self.slice(column, first, rows)
        fields = {"kind": kind, "column": column, "zero": 0, "segment": 0, "first": first, "rows": rows, "length": len(payload)} | changes
        return struct.pack("<BBHIIII", *fields.values()) + payload

    def answer(self, begin, end, rebuilt=()):
        return b"".join(self.frame(frame, int(frame[0] in rebuilt)) for frame in self.frames(begin, end))


def flipped(data, at, bit=1):
    return data[:at] + bytes([data[at] ^ bit]) + data[at + 1 :]


PLAINTEXT = bytes(i * i % 251 for i in range(3000))
SMALL = Sealed("small", PLAINTEXT, 5, 2, 10)  # three cells of 1 KiB in one row
DEEP_TEXT = bytes(i * i % 251 for i in range(5 * 16_368 + 7))
DEEP = Sealed("deep", DEEP_TEXT, 1, 1, 14)  # six cells of 16 KiB in one column


def answer_vectors():
    def vector(name, sealed, cells, answer, text=None, error=None):
        own = {"name": name, "object": "small" if sealed is SMALL else "deep", "cells": list(cells), "answer": base64.b64encode(answer).decode()}
        return own | ({"error": error} if error else {"plaintext_hash": b3(text).hex(), "error": None})

    part = lambda begin, end: PLAINTEXT[begin * 1008 : end * 1008]
    yield vector("a whole small object", SMALL, (0, 3), SMALL.answer(0, 3), PLAINTEXT)
    yield vector("one cell", SMALL, (1, 2), SMALL.answer(1, 2), part(1, 2))
    yield vector("the last cells", SMALL, (1, 3), SMALL.answer(1, 3), part(1, 3))
    yield vector("one column is rebuilt", SMALL, (0, 3), SMALL.answer(0, 3, {1}), PLAINTEXT)
    yield vector("all are rebuilt", SMALL, (0, 3), SMALL.answer(0, 3, {0, 1, 2}), PLAINTEXT)
    yield vector("two rows of six, with pairs", DEEP, (2, 4), DEEP.answer(2, 4), DEEP_TEXT[2 * 16_368 : 4 * 16_368])
    yield vector("the end of it", DEEP, (5, 6), DEEP.answer(5, 6), DEEP_TEXT[5 * 16_368 :])

    three = SMALL.answer(0, 3)
    frame_len = 20 + 1024
    bad = lambda name, answer, error, cells=(0, 3): vector(name, SMALL, cells, answer, error=error)
    yield bad("nothing", b"", "truncated")
    yield bad("half a header", three[:10], "truncated")
    yield bad("a header alone", three[:20], "truncated")
    yield bad("one byte less", three[:-1], "truncated")
    yield bad("a frame less", three[: 2 * frame_len], "truncated")
    yield bad("one byte more", three + b"\0", "excess")
    yield bad("a frame more", three + three[:frame_len], "excess")
    yield bad("another range", SMALL.answer(0, 2), "frame", (1, 3))
    yield bad("more than was asked for", three, "excess", (0, 2))
    yield bad("two frames change places", three[frame_len : 2 * frame_len] + three[:frame_len] + three[2 * frame_len :], "frame")
    yield bad("a frame is played again", three[:frame_len] * 2 + three[2 * frame_len :], "frame")
    yield bad("a bit of a cell is turned", flipped(three, 100), "slice")
    yield bad("a bit of the last tag is turned", flipped(three, len(three) - 1, 128), "slice")
    swapped = SMALL.frame((0, 0, 1), payload=SMALL.slice(1, 0, 1)) + SMALL.frame((1, 0, 1), payload=SMALL.slice(0, 0, 1)) + SMALL.frame((2, 0, 1))
    yield bad("two slices change places", swapped, "slice")
    swapped = SMALL.frame((0, 0, 1), 1, SMALL.run(1, 0, 1)) + SMALL.frame((1, 0, 1), 1, SMALL.run(0, 0, 1)) + SMALL.frame((2, 0, 1))
    yield bad("two rebuilt cells change places", swapped, "cell")
    yield bad("a bit of a rebuilt cell is turned", flipped(SMALL.answer(0, 3, {0}), 500), "cell")
    zeros = SMALL.frame((0, 0, 1), 1, bytes(1024)) + SMALL.answer(1, 3)
    yield bad("a rebuilt cell of zeros", zeros, "cell")
    other = Sealed("small", PLAINTEXT[::-1], 5, 2, 10)
    yield bad("cells of an older version under the same key", other.answer(0, 3), "slice")
    foreign = Sealed("another", PLAINTEXT, 5, 2, 10)
    yield bad("rebuilt cells of another object", foreign.answer(0, 3, {0, 1, 2}), "cell")
    for name, changes, error in (
        ("an unknown kind", {"kind": 2}, "frame"),
        ("another column", {"column": 1}, "frame"),
        ("a parity column", {"column": 5}, "frame"),
        ("something where zeros belong", {"zero": 1}, "frame"),
        ("another segment", {"segment": 1}, "frame"),
        ("another row", {"first": 1}, "frame"),
        ("no rows", {"rows": 0}, "frame"),
        ("more rows", {"rows": 2}, "frame"),
        ("rows beyond all bounds", {"rows": 0xFFFFFFFF}, "frame"),
        ("a length that is too small", {"length": 1023}, "frame"),
        ("a length that is too great", {"length": 1025}, "frame"),
        ("a length beyond all bounds", {"length": 0xFFFFFFFF}, "frame"),
    ):
        yield bad(name, SMALL.frame((0, 0, 1), **changes) + SMALL.answer(1, 3), error)
    deep = DEEP.answer(2, 4)
    bad = lambda name, answer, error, cells=(2, 4): vector(name, DEEP, cells, answer, error=error)
    yield bad("a bit of a pair is turned", flipped(deep, 25), "slice")
    yield bad("a bit of the lowest pair is turned", flipped(deep, 20 + 2 * 64 + 3), "slice")
    yield bad("the rows before them", DEEP.frame((0, 2, 2), payload=DEEP.slice(0, 0, 2)), "slice")


# --- What stands in front of the cells of an upload ----------------------------------------------


def upload_vectors():
    control = Key(b3(b"control"))
    mandate = record("mandate", {"byte_hours": 10**12, "expires": START, "holder": Key(b3(b"payer")).public}, control)
    fields = {
        "cell": 14, "cells": 1000, "commit": b3(b"commitment"), "control": control.public, "header": bytes(range(256)) * 2, "k": 5, "m": 2,
        "mandate": mandate, "salt": b3(b"salt"), "seed": b3(b"seed"), "v": 1,
    }
    head = lambda **changes: cbor(without_none(fields | changes))  # noqa: E731

    def vector(name, bytes_, error=None):
        return {"name": name, "head": bytes_.hex(), "error": error}

    yield vector("as it is", head())
    yield vector("one small cell", head(cell=10, cells=1))
    yield vector("cells of 1 KiB, as many as there are columns", head(cell=10, cells=5))
    yield vector("another coding", head(k=20, m=10))
    yield vector("a mandate that is none, which its verification tells", head(mandate=b"none"))
    for name in fields:
        yield vector(f"without {name}", head(**{name: None}), "malformed")
    yield vector("a key that nobody knows", head(name="x"), "malformed")
    yield vector("roots, which are not known yet", head(roots=bytes(32)), "malformed")
    yield vector("tags, which an upload does not have", head(tags=["a=b"]), "malformed")
    yield vector("a number that is a float", head(cells=FLOAT), "malformed")
    yield vector("a number longer than it need be", head(k=Raw(b"\x18\x05")), "malformed")
    yield vector("keys out of order", bytes(map_of(*reversed(fields.items()))), "malformed")
    yield vector("a byte after the end", head() + b"\0", "malformed")
    yield vector("cut off", head()[:-1], "malformed")
    yield vector("nothing", b"", "malformed")
    yield vector("more than 8192 bytes", head(mandate=bytes(8192)), "malformed")
    yield vector("version 2", head(v=2), "version")
    yield vector("cells of 512 bytes", head(cell=9), "cell")
    yield vector("cells of 32 KiB", head(cell=15), "cell")
    yield vector("no data columns", head(k=0), "coding")
    yield vector("more columns than there may be", head(k=255, m=255), "coding")
    yield vector("no cells", head(cells=0), "geometry")
    yield vector("more cells than there may be", head(cells=2**40 + 1), "geometry")
    yield vector("a cell size that its number of cells does not have", head(cell=10), "geometry")
    yield vector("a control key that is no point", head(control=bytes([255] * 32)), "control")
    yield vector("a control key of 31 bytes", head(control=control.public[:31]), "malformed")
    yield vector("a salt of 33 bytes", head(salt=bytes(33)), "malformed")
    yield vector("a header of 511 bytes", head(header=bytes(511)), "malformed")
    yield vector("a mandate longer than a record", head(mandate=bytes(4097)), "mandate")


def layout_vectors():
    """Which frames an answer has, where no answer needs to be written out: [segment, column, first row, rows]."""
    for k, m, cells, begin, end in ((1, 1, 1, 0, 1), (5, 3, 1000, 0, 1000), (5, 3, 1000, 159, 162), (4, 2, 129, 127, 129), (2, 1, 16_386, 16_380, 16_386), (7, 3, 500, 3, 4), (3, 2, 97, 95, 97)):
        rows = 2**28 // (k * 16_384)
        frames = []
        segment = begin // (k * rows)
        while segment * k * rows < end:
            first_cell = segment * k * rows
            count = min(k * rows, cells - first_cell)
            for batch in range(0, -(-count // k), 32):
                wanted = [c for c in range(batch * k, min((batch + 32) * k, count)) if begin <= first_cell + c < end]
                for column in range(k):
                    own = [c // k for c in wanted if c % k == column]
                    if own:
                        frames.append([segment, column, own[0], len(own)])
            segment += 1
        yield {"k": k, "m": m, "cells": cells, "range": [begin, end], "frames": frames}


# --- Files ---------------------------------------------------------------------------------------

write(
    FOLDER / "keys.json",
    "Spec section 27, what follows from id, secret and passcode, and from the account secret. id and secret as in links; the rest in hexadecimal.",
    keys=key_vectors(),
    passcodes=passcode_vectors(),
    account=account_vectors(),
)
write(FOLDER / "links.json", "Spec section 27. A reader accepts the link, or rejects it for the reason in error.", vectors=link_vectors())
write(
    FOLDER / "wrapped.json",
    "Spec section 27. A reader with id, secret and passcode opens wrapped (base64url), or rejects it for the reason in error: tag, size, length, padding, malformed.",
    vectors=sealed_vectors(),
)
write(
    FOLDER / "records.json",
    "Spec sections 10 and 27. A decoder that expects `type` and `network` accepts `record`, or rejects it for the reason in `error`.",
    NET,
    vectors=record_vectors(),
)
write(
    FOLDER / "uploads.json",
    "Spec section 27. head is the CBOR (in hexadecimal) in front of the cells of an upload; a gateway accepts it, or rejects it for the reason in error: malformed, version, cell, coding, geometry, control, mandate.",
    vectors=list(upload_vectors()),
)
write(
    FOLDER / "folders.json",
    "Spec section 27. list is the CBOR of the list of a folder whose object has object_len bytes.",
    vectors=folder_vectors(),
)
write(
    FOLDER / "answers.json",
    "Spec section 27. Answers of GET /sealed/{handle}?cells=A-B (base64) for the objects named; the reader gets the plaintext with this hash, or stops for the reason in error: truncated, excess, frame, slice, cell.",
    objects=[{"name": name, "key": sealed.key.hex(), "manifest": base64.b64encode(sealed.manifest).decode()} for name, sealed in (("small", SMALL), ("deep", DEEP))],
    vectors=answer_vectors(),
    layouts=layout_vectors(),
)
