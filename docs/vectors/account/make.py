#!/usr/bin/env python3
"""Makes the golden vectors in this folder from docs/spec.md section 24 alone, with the packages of tests/python/requirements.txt.

Everything comes from fixed seeds, so running it again gives the same files. `cargo test -p sharing` reads them.
"""

import json
import pathlib
import sys

from blake3 import blake3
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

FOLDER = pathlib.Path(__file__).parent
sys.path.append(str(FOLDER.parent))

from records import Raw, b3, cbor, without_none

NULL, FLOAT = Raw(b"\xf6"), Raw(b"\xfb\x3f\xf0\x00\x00\x00\x00\x00\x00")


# --- Entries -------------------------------------------------------------------------------------


def derive(context, *material):
    return blake3(b"".join(material), derive_key_context=context).digest()


SECRET = b3(b"account secret")
OTHER_SECRET = b3(b"another account secret")
START = 1_800_000_000
ONE, TWO, THREE = bytes([1] * 8), bytes([2] * 8), bytes([3] * 8)


def cid(data):
    return b"\x01\x71\x1e\x20" + b3(data)


def file(name, **changes):
    own = {"created": START, "len": 1000, "modified": START - 5, "object": cid(name.encode()), "until": START + 86_400}
    return without_none(own | changes)


def publication(name, **changes):
    own = {"bundle": cid(name.encode()), "issued": START, "key": b3(b"key"), "listed": True, "object": cid(b"object")}
    return without_none(own | changes)


def entry(name, clock=1, device=ONE, **what):
    return without_none({"clock": clock, "device": device, "name": name} | what)


def file_entry(path, clock=1, device=ONE, **changes):
    return entry(f"files/{path}", clock, device, file=file(path, **changes))


def publication_entry(name, **changes):
    return entry(f"publications/{b3(name.encode()).hex()}", publication=publication(name, **changes))


PUBLISHING = {"hash": b3(b"index"), "object": cid(b"stored index"), "until": START}
FULL_FILE = file("film", type="video/mp4", erasable=b3(b"salt"))


def rejected(key, name, error, bytes_):
    return {"name": name, key: bytes_.hex(), "error": error}


def entries():
    def accepted(name, value):
        return {"name": name, "entry": cbor(value).hex()}

    good = file_entry("film.mp4")
    yield accepted("a file", good)
    yield accepted("a file with everything", entry("files/films/a.mp4", 7, TWO, file=FULL_FILE))
    yield accepted("a path of 1024 bytes", file_entry("/".join(["x" * 255] * 4) + "x" * 0))
    yield accepted("the last clock", file_entry("a", 2**53 - 1))
    yield accepted("a file with header fields", file_entry("a", headers={"etag": b3(b"film").hex()[:32], "x-amz-meta-mtime": "1800000000.5"}))
    yield accepted("header fields of 4096 bytes", file_entry("a", headers={"a": "x" * 4000, "b" * 64: "ü" * 15 + "y"}))
    yield accepted("64 header fields", file_entry("a", headers={f"x-{n}": "" for n in range(64)}))
    yield accepted("a folder", entry("folders/films/new", folder=START))
    yield accepted("a hold until a date", entry("holds/films", hold={"since": START, "until": START + 1}))
    yield accepted("a hold for a reason", entry("holds/films/a.mp4", hold={"legal": "case 17", "since": START}))
    yield accepted("a hold of both kinds", entry("holds/a", hold={"legal": "c" * 400, "since": START, "until": START + 1}))
    yield accepted("a publication", publication_entry("film"))
    yield accepted("a creator's index", entry("publishing/0102030405060708", publishing=PUBLISHING))
    for name in ("files/a", "folders/a", "holds/a", f"publications/{b3(b'film').hex()}", "publishing/0102030405060708"):
        yield accepted(f"gone: {name[:12]}", entry(name, gone=START))

    def bad(name, error, value):
        return rejected("entry", name, error, cbor(value))

    yield rejected("entry", "nothing", "malformed", b"")
    yield rejected("entry", "a byte follows", "malformed", cbor(good) + b"\0")
    yield rejected("entry", "longer than any entry", "malformed", bytes(6145))
    yield bad("an unknown key", "malformed", good | {"extra": 1})
    yield bad("an unknown key of a file", "malformed", entry("files/a", file=file("a", extra=1)))
    yield bad("no device", "malformed", entry("files/a", device=None, file=file("a")))
    yield bad("device of 7 bytes", "malformed", file_entry("a", device=bytes(7)))
    yield bad("clock 0", "malformed", file_entry("a", 0))
    yield bad("clock 2^53", "malformed", file_entry("a", 2**53))
    yield bad("clock that is a float", "malformed", file_entry("a", FLOAT))
    yield bad("stands for nothing", "kinds", entry("files/a"))
    yield bad("stands for two things", "kinds", entry("files/a", file=file("a"), gone=START))
    yield bad("file null", "malformed", entry("files/a", file=NULL))
    for key in ("created", "len", "modified", "object", "until"):
        yield bad(f"a file without {key}", "malformed", entry("files/a", file=file("a", **{key: None})))
    yield bad("a media type with a line feed", "malformed", entry("files/a", file=file("a", type="a\nb")))
    yield bad("a salt of 31 bytes", "malformed", entry("files/a", file=file("a", erasable=bytes(31))))
    yield bad("an object that is no CID", "malformed", entry("files/a", file=file("a", object=bytes(36))))
    for what, headers in {
        "none, in a map": {}, "4097 bytes": {"a": "x" * 4096}, "65 fields": {f"x-{n}": "" for n in range(65)}, "a name in upper case": {"X-a": "1"},
        "an empty name": {"": "1"}, "a name of 129 bytes": {"x" * 129: "1"}, "a name with a space": {"a b": "1"}, "a colon in a name": {"a:": "1"},
        "a line feed in a value": {"a": "1\nb: 2"}, "a space before a value": {"a": " 1"}, "a space after a value": {"a": "1 "}, "bytes for a value": {"a": b"1"},
    }.items():
        yield bad(f"header fields: {what}", "malformed", entry("files/a", file=file("a", headers=headers)))
    yield bad("a hold that says nothing", "malformed", entry("holds/a", hold={"since": START}))
    yield bad("a hold over before it begins", "malformed", entry("holds/a", hold={"since": START, "until": START}))
    yield bad("a hold without a beginning", "malformed", entry("holds/a", hold={"until": START}))
    yield bad("a hold with an empty reason", "malformed", entry("holds/a", hold={"legal": "", "since": START}))
    yield bad("a hold with a line feed in its reason", "malformed", entry("holds/a", hold={"legal": "a\nb", "since": START}))
    yield bad("a hold with a reason of 401 bytes", "malformed", entry("holds/a", hold={"legal": "c" * 401, "since": START}))
    yield bad("a hold with a key that nobody knows", "malformed", entry("holds/a", hold={"legal": "a", "since": START, "who": "me"}))
    yield bad("a hold named as a file", "name", entry("files/a", hold={"legal": "a", "since": START}))
    yield bad("a file named as a hold", "name", entry("holds/a", file=file("a")))
    yield bad("a hold on what leads out", "malformed", entry("holds/../a", hold={"legal": "a", "since": START}))
    yield bad("a folder that is a text", "malformed", entry("folders/a", folder="a"))
    yield bad("a folder named with a slash after it", "malformed", entry("folders/a/", folder=START))
    yield bad("a folder named as a file", "name", entry("files/a", folder=START))
    yield bad("a file named as a folder", "name", entry("folders/a", file=file("a")))
    for what, path in {
        "empty": "", "a slash before it": "/a", "a slash after it": "a/", "an empty part": "a//b", "a dot": "a/.",
        "two dots": "../a", "a control character": "a\x1f", "a delete character": "a\x7f", "a part of 256 bytes": "x" * 256,
        "1025 bytes": "/".join(["x" * 204] * 5) + "xx",
    }.items():
        yield bad(f"a path with {what}", "malformed", entry(f"files/{path}", file=file("a")))
    yield bad("a name of no kind", "malformed", entry("shares/a", gone=START))
    yield bad("a publication named in upper case", "malformed", entry(f"publications/{b3(b'film').hex().upper()}", gone=START))
    yield bad("a publication named by 31 bytes", "malformed", entry(f"publications/{b3(b'film').hex()[2:]}", gone=START))
    yield bad("a device named by 9 bytes", "malformed", entry("publishing/010203040506070809", gone=START))
    yield bad("a file named as a publication", "name", entry(f"publications/{b3(b'film').hex()}", file=file("a")))
    yield bad("a publication named as a file", "name", entry("files/a", publication=publication("a")))
    yield bad("a publication named as another one", "name", entry(f"publications/{b3(b'b').hex()}", publication=publication("a")))
    yield bad("a creator's index named as a file", "name", entry("files/a", publishing=PUBLISHING))


# --- Pages and roots -----------------------------------------------------------------------------

PAGE_ENTRIES_MAX, PAGE_LEN_MAX, BITS_MAX = 512, 262_144, 16


def place(name):
    return int.from_bytes(b3(name.encode())[:8], "big")


def page(entries_, **changes):
    return cbor(without_none({"entries": sorted(entries_, key=lambda e: e["name"].encode()), "v": 1} | changes))


def pages(entries_, bits=0, start=0):
    """The pages of entries, as (bits, bytes), in the order of their prefixes."""
    encoded = page(entries_)
    if len(entries_) <= PAGE_ENTRIES_MAX and len(encoded) <= PAGE_LEN_MAX:
        return [(bits, encoded)]
    middle = start + (1 << 63 - bits)
    low = [e for e in entries_ if place(e["name"]) < middle]
    high = [e for e in entries_ if place(e["name"]) >= middle]
    return pages(low, bits + 1, start) + pages(high, bits + 1, middle)


def prefixed(first_bit, count):
    """Names whose places begin with this bit."""
    found = (f"files/{n}" for n in range(1000))
    return [name for name in found if place(name) >> 63 == first_bit][:count]


def page_vectors():
    def accepted(name, entries_, bits=0, start=0):
        return {"name": name, "page": page(entries_).hex(), "bits": bits, "start": start, "entries": len(entries_)}

    zero = [entry(name, gone=START) for name in prefixed(0, 3)]
    one = [entry(name, gone=START) for name in prefixed(1, 3)]
    yield accepted("empty", [])
    yield accepted("everything", [*zero, *one, publication_entry("film"), file_entry("a")])
    yield accepted("names that begin with 0", zero, 1, 0)
    yield accepted("names that begin with 1", one, 1, 1)

    def bad(name, error, bytes_, bits=0, start=0):
        return rejected("page", name, error, bytes_) | {"bits": bits, "start": start}

    good = page(zero)
    yield bad("nothing", "malformed", b"")
    yield bad("a byte follows", "malformed", good + b"\0")
    yield bad("version 2", "version", page(zero, v=2))
    yield bad("without version", "malformed", page(zero, v=None))
    yield bad("an unknown key", "malformed", page(zero, extra=1))
    yield bad("out of order", "order", page([], entries=sorted(zero, key=lambda e: e["name"])[::-1]))
    yield bad("a name twice", "order", page([], entries=[zero[0], zero[0]]))
    yield bad("an entry that is none", "entry", page([entry("files/a")]))
    yield bad("an entry of another page", "place", page([*zero, one[0]]), 1, 0)
    yield bad("another page", "place", page(zero), 1, 1)
    yield bad("513 entries", "malformed", page([entry(f"files/{n:03}", gone=1) for n in range(513)]))
    yield bad("2^32 - 1 entries announced", "malformed", cbor({"entries": Raw(b"\x9a" + bytes([255] * 4)), "v": 1}))


def splits():
    """Entries that are gone since second 1: `files/0`, `files/1`, …, or longer paths."""
    for count, long in ((0, False), (512, False), (513, False), (3000, False), (300, True)):
        paths = ["/".join([f"{n:03}" + "x" * 240] * 4) if long else str(n) for n in range(count)]
        made = pages([entry(f"files/{path}", gone=1) for path in paths])
        name = f"{count} entries{' with long names' if long else ''}"
        yield {"name": name, "paths": paths[:1], "count": count, "long": long, "pages": [{"bits": b, "hash": b3(p).hex()} for b, p in made]}


def ref(bits, name="page", **changes):
    return without_none({"bits": bits, "hash": b3(name.encode()), "object": cid(name.encode()), "until": START} | changes)


def root(*bits, **changes):
    own = {"pages": [ref(b, f"page {n}") for n, b in enumerate(bits)], "v": 1}
    return cbor(without_none(own | changes))


def roots():
    for bits in ((0,), (1, 1), (1, 2, 2), (2, 2, 1), (1, 2, 3, 3), (16, 16, *range(15, 0, -1))):
        yield {"name": f"prefixes of {bits[:4]}… bits", "root": root(*bits).hex(), "bits": list(bits)}

    def bad(name, error, bytes_):
        return rejected("root", name, error, bytes_)

    yield bad("nothing", "malformed", b"")
    yield bad("a byte follows", "malformed", root(0) + b"\0")
    yield bad("version 2", "version", root(0, v=2))
    yield bad("an unknown key", "malformed", root(0, extra=1))
    yield bad("an unknown key of a page", "malformed", root(pages=[ref(0, extra=1)]))
    yield bad("a page without hash", "malformed", root(pages=[ref(0, hash=None)]))
    yield bad("a hash of 31 bytes", "malformed", root(pages=[ref(0, hash=bytes(31))]))
    yield bad("no page", "gap", root())
    yield bad("half of all places", "gap", root(1))
    yield bad("the last sixteenth is missing", "gap", root(1, 2, 3, 4))
    yield bad("a page after the last", "prefix", root(0, 0))
    yield bad("a long prefix after the last", "prefix", root(1, 1, 16))
    yield bad("a prefix that crosses another one", "prefix", root(2, 1, 2))
    yield bad("a prefix of 17 bits", "prefix", root(17))
    yield bad("a prefix of 255 bits", "prefix", root(255))
    yield bad("a prefix of 256 bits", "malformed", root(256))
    yield bad("a prefix of -1 bits", "malformed", root(-1))
    yield bad("2^32 - 1 pages announced", "malformed", cbor({"pages": Raw(b"\x9a" + bytes([255] * 4)), "v": 1}))


# --- Merging -------------------------------------------------------------------------------------


def merge(one, two):
    merged = {}
    for e in [*one, *two]:
        known = merged.get(e["name"])
        key = (e["clock"], e["device"], cbor(e))
        if known is None or key > (known["clock"], known["device"], cbor(known)):
            merged[e["name"]] = e
    return list(merged.values())


def merges():
    a, later, other = file_entry("a"), file_entry("a", 2), file_entry("a", device=TWO)
    gone = entry("files/a", 3, ONE, gone=START)
    cases = {
        "nothing": ([], []),
        "something and nothing": ([a], []),
        "two names": ([a], [file_entry("b")]),
        "the greater clock stays": ([a], [later]),
        "a greater clock beats a greater device": ([later], [other]),
        "of equal clocks the greater device stays": ([a], [other]),
        "of equal stamps the greater encoding stays": ([a], [file_entry("a", len=1001)]),
        "what is gone stays gone": ([gone], [later]),
        "what is put again is there": ([gone], [file_entry("a", 4)]),
    }
    for name, (one, two) in cases.items():
        yield {"name": name, "one": page(one).hex(), "two": page(two).hex(), "merged": page(merge(one, two)).hex()}


# --- Pointers and exports ------------------------------------------------------------------------

PLAIN_LEN = 976
SALT = b3(b"salt of a pointer")


def seen(*devices):
    return b"".join(device + clock.to_bytes(8, "big") for device, clock in devices)


SEEN = seen((ONE, 7), (TWO, 9))


def contents(**changes):
    own = {"device": ONE, "made": START, "root": cid(b"root"), "seen": SEEN, "v": 1}
    return cbor(without_none(own | changes))


def sealed(context, plain, aad, secret=SECRET, salt=SALT):
    key = derive(context, secret, salt)
    return salt + ChaCha20Poly1305(key).encrypt(bytes(12), plain, aad)


def value(cbor_, slot=1, seq=5, *, secret=SECRET, length=None, padding=None):
    length = len(cbor_) if length is None else length
    plain = length.to_bytes(2, "little") + cbor_
    plain += padding if padding is not None else bytes(PLAIN_LEN - len(plain))
    return sealed("headwater v1 pointer value", plain, slot.to_bytes(2, "little") + seq.to_bytes(8, "little"), secret)


def pointers():
    def accepted(name, cbor_, slot=1, seq=5):
        return {"name": name, "slot": slot, "seq": seq, "value": value(cbor_, slot, seq).hex(), "contents": cbor_.hex()}

    devices = [(bytes([n] * 8), 2**53 - 1) for n in range(33)]
    yield accepted("two devices", contents())
    yield accepted("nothing seen", contents(seen=b""))
    yield accepted("32 devices", contents(seen=seen(*devices[:32])))
    yield accepted("the last slot and version", contents(), 65_535, 2**64 - 1)

    def bad(name, error, value_, slot=1, seq=5):
        return rejected("value", name, error, value_) | {"slot": slot, "seq": seq}

    good = value(contents())
    yield bad("nothing", "length", b"")
    yield bad("a byte missing", "length", good[:-1])
    yield bad("a byte more", "length", good + b"\0")
    yield bad("another slot", "key", good, 2)
    yield bad("another version", "key", good, 1, 6)
    yield bad("another account", "key", value(contents(), secret=OTHER_SECRET))
    yield bad("a bit of the salt flipped", "key", bytes([good[0] ^ 1]) + good[1:])
    yield bad("a bit of the text flipped", "key", good[:40] + bytes([good[40] ^ 1]) + good[41:])
    yield bad("a bit of the tag flipped", "key", good[:-1] + bytes([good[-1] ^ 1]))
    yield bad("more contents than there is room", "claim", value(contents(), length=975))
    yield bad("padding that is not zero", "padding", value(contents(), padding=bytes(PLAIN_LEN - 3 - len(contents())) + b"\1"))
    yield bad("less contents than there are", "padding", value(contents(), length=20))
    yield bad("no contents", "malformed", value(b""))
    yield bad("version 2", "version", value(contents(v=2)))
    yield bad("an unknown key", "malformed", value(contents(extra=1)))
    yield bad("no device", "malformed", value(contents(device=None)))
    yield bad("devices out of order", "malformed", value(contents(seen=seen((TWO, 9), (ONE, 7)))))
    yield bad("a device twice", "malformed", value(contents(seen=seen((ONE, 7), (ONE, 7)))))
    yield bad("33 devices", "malformed", value(contents(seen=seen(*devices))))
    yield bad("clock 2^53", "malformed", value(contents(seen=seen((ONE, 2**53)))))
    yield bad("15 bytes of a device", "malformed", value(contents(seen=SEEN[:-1])))
    yield bad("a list of devices", "malformed", value(contents(seen=[])))
    yield bad("clock 0", "malformed", value(contents(seen=seen((ONE, 0)))))


def exports():
    entries_ = sorted([file_entry("a"), file_entry("b/c", 7), publication_entry("film")], key=lambda e: e["name"])

    def payload(**changes):
        return cbor(without_none({"entries": entries_, "seen": SEEN, "v": 1} | changes))

    def plain(payload_):
        return b"HWxi1\0" + payload_

    def secret(payload_, **changes):
        return b"HWxi1\1" + sealed("headwater v1 index export", payload_, b"", **changes)

    for name, bytes_, count in (
        ("plain", plain(payload()), 3), ("sealed", secret(payload()), 3), ("sealed and empty", secret(payload(entries=[], seen=b"")), 0),
    ):
        yield {"name": name, "export": bytes_.hex(), "entries": count}

    def bad(name, error, bytes_):
        return rejected("export", name, error, bytes_)

    good = secret(payload())
    yield bad("nothing", "magic", b"")
    yield bad("no kind", "magic", b"HWxi1")
    yield bad("another beginning", "magic", b"HWxi2" + good[5:])
    yield bad("kind 2", "kind", b"HWxi1\2" + payload())
    yield bad("of another account", "key", secret(payload(), secret=OTHER_SECRET))
    yield bad("a bit flipped", "key", good[:-1] + bytes([good[-1] ^ 1]))
    yield bad("cut off in the salt", "key", good[:20])
    yield bad("cut off in the tag", "key", good[:45])
    yield bad("plain, called sealed", "key", b"HWxi1\1" + payload())
    yield bad("a byte follows", "malformed", plain(payload() + b"\0"))
    yield bad("version 2", "version", plain(payload(v=2)))
    yield bad("an unknown key", "malformed", plain(payload(extra=1)))
    yield bad("without what was seen", "malformed", plain(payload(seen=None)))
    yield bad("out of order", "order", plain(payload(entries=entries_[::-1])))
    yield bad("an entry that is none", "entry", plain(payload(entries=[entry("files/a")])))


def write(name, about, **lists):
    parts = [f'"about": {json.dumps(about)}', f'"secret": "{SECRET.hex()}"']
    for key, vectors in lists.items():
        lines = ",\n    ".join(json.dumps(vector, ensure_ascii=False) for vector in vectors)
        parts.append(f'"{key}": [\n    {lines}\n  ]')
    (FOLDER / name).write_text("{\n  " + ",\n  ".join(parts) + "\n}\n")


write("entries.json", "Spec section 24. Entries that a decoder accepts, or rejects for the reason in `error`.", vectors=entries())
write("pages.json", "Spec section 24. Pages with a prefix of `bits` bits, `start` as a number; `splits` are the pages of names that are gone since second 1.", vectors=page_vectors(), splits=splits())
write("roots.json", "Spec section 24. Roots, and the lengths of their prefixes.", vectors=roots())
write("merges.json", "Spec section 24. What becomes of two sets of entries, each written as a page with an empty prefix.", merges=merges())
write("pointers.json", "Spec section 24. Values of pointers in a slot and version, and what they say.", vectors=pointers())
write("exports.json", "Spec section 24. Exported indices.", vectors=exports())
