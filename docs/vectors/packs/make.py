#!/usr/bin/env python3
"""Makes the golden vectors in this folder from docs/spec.md section 30 alone, with the packages of tests/python/requirements.txt.

Everything comes from fixed seeds, so running it again gives the same files. `cargo test -p sharing` reads them.
"""

import base64
import json
import pathlib
import sys

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

FOLDER = pathlib.Path(__file__).parent
sys.path.append(str(FOLDER.parent))

from records import START, Raw, b3, cbor, derive, without_none

KEY, OTHER_KEY = b3(b"pack key"), b3(b"another pack key")
BLOCK_LEN_MAX, TOP_LEN_MAX, RECORDS_LEN_MAX = 16_384, 2_097_152, 67_108_864


def cid(data):
    return b"\x01\x71\x1e\x20" + b3(data)


def le(number, size):
    return number.to_bytes(size, "little")


def seal(key, number, flag, text):
    return ChaCha20Poly1305(key).encrypt(bytes(3) + number.to_bytes(8, "big") + bytes([flag]), text, b"")


def content_key(key=KEY):
    return derive("headwater v1 pack content key", key)


def index_key(key=KEY):
    return derive("headwater v1 pack index key", key)


def record_key(at, key=KEY):
    return derive("headwater v1 pack record key", key + le(at, 8))


def seal_block(number, entries, key=KEY):
    return seal(index_key(key), number, 0, cbor(entries))


def seal_top(value, key=KEY):
    return seal(index_key(key), 0, 1, cbor(value))


def blocks_of(entries):
    """Entries in blocks, each as long as it may be."""
    blocks, block, length = [], [], 0
    for entry in entries:
        size = len(cbor(entry))
        if block and length + size + 3 + 16 > BLOCK_LEN_MAX:
            blocks.append(block)
            block, length = [], 0
        block.append(entry)
        length += size
    return [*blocks, block]


def pack(records, key=KEY):
    """The bytes of a pack of (name, bytes), and what the catalogue says of it."""
    sealed, places = b"", []
    for name, data in records:
        places.append([name, len(sealed), len(data)])
        sealed += seal(record_key(len(sealed), key), 0, 0, data)
    places.sort(key=lambda place: place[0].encode())
    blocks = [(block[0][0], seal_block(number, block, key)) for number, block in enumerate(blocks_of(places))]
    top = seal_top({"blocks": [[first, len(block)] for first, block in blocks], "records": len(sealed)}, key)
    whole = sealed + b"".join(block for _, block in blocks) + top
    return whole, {
        "bytes": sum(len(data) for _, data in records), "count": len(records), "first": places[0][0], "key": key,
        "last": places[-1][0], "len": len(whole), "object": cid(b"pack"), "top": len(top), "until": START,
    }


def catalogue(packs, **changes):
    return cbor(without_none({"packs": packs, "v": 1} | changes))


SMALL = [("patient/2.json", b'{"id":2}'), ("patient/1.json", b'{"id":1}'), ("a", b""), ("\u00e4", b"\xff" * 40)]
MANY = [(f"reading {number:04}", le(number, 4)) for number in range(900)]


def packs():
    for name, records in {"four records out of order": SMALL, "900 records in three blocks": MANY, "one": [("one", b"1")]}.items():
        whole, said = pack(records)
        yield {"name": name, "records": [[key, data.hex()] for key, data in records], "catalogue": catalogue([said]).hex(), "pack": whole.hex()}


# --- Parts of packs ------------------------------------------------------------------------------


def tops():
    """A pack of two blocks with names from a to z: 60 bytes of records, blocks of 100 and 200 bytes."""
    good = {"blocks": [["a", 100], ["m", 200]], "records": 60}

    def vector(name, error, sealed, length=None):
        said = {"bytes": 28, "count": 2, "first": "a", "key": KEY, "last": "z", "len": length or 360 + len(sealed), "object": cid(b"pack"), "top": len(sealed), "until": START}
        return without_none({"name": name, "catalogue": catalogue([said]).hex(), "top": sealed.hex(), "error": error})

    def bad(name, error, changes, length=None):
        return vector(name, error, seal_top(without_none(good | changes)), length)

    yield vector("two blocks", None, seal_top(good))
    yield vector("of another key", "key", seal_top(good, OTHER_KEY))
    yield vector("sealed as a block", "key", seal_block(0, good))
    yield vector("a bit flipped", "key", seal_top(good)[:-1] + bytes([seal_top(good)[-1] ^ 1]))
    yield vector("not sealed", "key", cbor(good))
    yield vector("a byte follows", "malformed", seal(index_key(), 0, 1, cbor(good) + b"\0"))
    yield bad("without blocks", "empty", {"blocks": []}, 60 + len(seal_top(good | {"blocks": []})))
    yield bad("without a length of records", "malformed", {"records": None})
    yield bad("an unknown key", "malformed", {"extra": 1})
    yield bad("names out of order", "order", {"blocks": [["m", 100], ["a", 200]]})
    yield bad("a name twice", "order", {"blocks": [["a", 100], ["a", 200]]})
    yield bad("a name that leads out", "name", {"blocks": [["a", 100], ["m/../../x", 200]]})
    yield bad("a name that begins with a slash", "name", {"blocks": [["/a", 100], ["m", 200]]})
    yield bad("another first name", "first", {"blocks": [["b", 100], ["m", 200]]})
    yield bad("a block of 15 bytes", "block", {"blocks": [["a", 15], ["m", 285]]})
    yield bad("a block of 16 385 bytes", "block", {"blocks": [["a", 16_385], ["m", 200]]})
    yield bad("blocks that end before the top", "extent", {"blocks": [["a", 100], ["m", 199]]})
    yield bad("blocks that end in the top", "extent", {"records": 61})
    yield bad("more records than any pack has", "extent", {"records": RECORDS_LEN_MAX + 1})


def blocks():
    """The first of two blocks: names from a, and before m; or the second one, from m to z. 60 bytes of records."""
    ends = {0: [["a", 0, 12], ["b", 28, 16]], 1: [["m", 0, 12], ["z", 28, 16]]}

    def vector(name, error, number, sealed, raw=False):
        lens = [len(seal_block(one, ends[one])) for one in (0, 1)]
        lens[number] = max(16, len(sealed))
        top = seal_top({"blocks": [["a", lens[0]], ["m", lens[1]]], "records": 60})
        said = {"bytes": 28, "count": 2, "first": "a", "key": KEY, "last": "z", "len": 60 + sum(lens) + len(top), "object": cid(b"pack"), "top": len(top), "until": START}
        return without_none({"name": name, "catalogue": catalogue([said]).hex(), "top": top.hex(), "number": number, "block": sealed.hex(), "error": error})

    def bad(name, error, number, entries):
        return vector(name, error, number, seal_block(number, entries))

    yield vector("the first", None, 0, seal_block(0, ends[0]))
    yield vector("the last", None, 1, seal_block(1, ends[1]))
    yield vector("one entry", None, 0, seal_block(0, ends[0][:1]))
    yield vector("of another key", "key", 0, seal_block(0, ends[0], OTHER_KEY))
    yield vector("the second one as the first", "key", 0, seal_block(1, ends[1]))
    yield vector("the top as a block", "key", 0, seal_top(ends[0]))
    yield vector("a bit flipped", "key", 1, seal_block(1, ends[1])[:-1] + b"\0")
    yield vector("shorter than a tag", "length", 0, bytes(15))
    yield bad("no entries", "empty", 0, [])
    yield bad("a map", "malformed", 0, {"a": 1})
    yield bad("an entry without a length", "malformed", 0, [["a", 0]])
    yield bad("an entry with more", "malformed", 0, [["a", 0, 12, 1]])
    yield bad("a negative place", "malformed", 0, [["a", -1, 12]])
    yield bad("a length that is too long for a number", "malformed", 0, [["a", 0, 2**32]])
    yield bad("a place in a longer form", "malformed", 0, [["a", Raw(b"\x18\x00"), 12]])
    yield bad("names out of order", "order", 0, [["a", 0, 12], ["c", 28, 4], ["b", 28, 4]])
    yield bad("a name twice", "order", 0, [["a", 0, 12], ["a", 28, 16]])
    for what, name in {"two dots": "b/../../etc/passwd", "a dot": "b/.", "a slash before it": "b//c", "a line feed": "b\n", "1025 bytes": "/".join(["b" * 204] * 5) + "xx"}.items():
        yield bad(f"a name with {what}", "name", 0, [["a", 0, 12], [name, 28, 16]])
    yield bad("another first name", "first", 0, [["aa", 0, 12]])
    yield bad("a name of the next block", "last", 0, [["a", 0, 12], ["m", 28, 16]])
    yield bad("ends with another last name", "last", 1, [["m", 0, 12], ["y", 28, 16]])
    yield bad("a record that ends behind all records", "place", 0, [["a", 0, 12], ["b", 28, 17]])
    yield bad("a record that begins behind all numbers", "place", 0, [["a", 2**64 - 1, 0]])


def catalogues():
    _, said = pack(SMALL)

    def vector(name, error, bytes_, count=None):
        return without_none({"name": name, "bytes": bytes_.hex(), "error": error, "packs": count})

    def bad(name, error, **changes):
        return vector(name, error, catalogue([without_none(said | changes)]))

    yield vector("no packs", None, catalogue([]), 0)
    yield vector("one pack", None, catalogue([said]), 1)
    yield vector("the same pack twice", None, catalogue([said, said]), 2)
    old, older = cid(b"old pack"), cid(b"older pack")
    gone = [{"object": older}, {"by": said["object"], "object": old}]
    yield vector("one pack, and two that are gone", None, catalogue([said], gone=gone), 1)
    yield vector("one that is gone, by one that is gone", None, catalogue([], gone=[{"by": older, "object": old}]), 0)
    yield vector("what went before is forgotten", None, catalogue([said], forgotten=b3(b"gone"), gone=gone), 1)
    yield vector("all that went is forgotten", None, catalogue([said], forgotten=b3(b"gone")), 1)
    yield vector("a hash of 31 bytes of what is forgotten", "malformed", catalogue([said], forgotten=bytes(31)))
    yield vector("a text in place of the hash", "malformed", catalogue([said], forgotten="none"))
    yield vector("an empty list of packs that are gone", "gone", catalogue([said], gone=[]))
    yield vector("a pack that is gone twice", "gone", catalogue([said], gone=[*gone, {"object": old}]))
    yield vector("a pack that is gone and there", "gone", catalogue([said], gone=[{"object": said["object"]}]))
    yield vector("1025 packs that are gone", "malformed", catalogue([], gone=[{"object": cid(b"%d" % n)} for n in range(1025)]))
    yield vector("an unknown key of what is gone", "malformed", catalogue([], gone=[{"object": old, "since": START}]))
    yield vector("something gone without an object", "malformed", catalogue([], gone=[{"by": old}]))
    yield vector("nothing", "malformed", b"")
    yield vector("a byte follows", "malformed", catalogue([]) + b"\0")
    yield vector("version 2", "version", catalogue([], v=2))
    yield vector("no version", "malformed", catalogue([], v=None))
    yield vector("an unknown key", "malformed", catalogue([], extra=1))
    for key in said:
        yield bad(f"a pack without {key}", "malformed", **{key: None})
    yield bad("an unknown key of a pack", "malformed", extra=1)
    yield bad("a key of 31 bytes", "malformed", key=bytes(31))
    yield bad("an object that is no CID", "malformed", object=bytes(36))
    yield bad("a first name that leads out", "name", first="../a")
    yield bad("an empty last name", "name", last="")
    yield bad("the first name behind the last", "order", first="\u00e5")
    yield bad("no records", "bounds", count=0)
    yield bad("131 073 records", "bounds", count=131_073)
    yield bad("more bytes than any pack has", "bounds", bytes=RECORDS_LEN_MAX + 1)
    yield bad("a top of 15 bytes", "bounds", top=15)
    yield bad("a top that is too long", "bounds", top=TOP_LEN_MAX + 1, len=TOP_LEN_MAX + 100)
    yield bad("nothing but a top", "bounds", top=said["len"])
    yield bad("longer than any pack", "bounds", len=100_663_297)


def links():
    place = (28, 8)
    secret = content_key() + record_key(place[0]) + le(place[0], 8) + le(place[1], 4)
    address = "b" + base64.b32encode(cid(b"pack")).decode().lower().rstrip("=")

    def text(data):
        return base64.urlsafe_b64encode(data).decode().rstrip("=")

    good = f"headwater-record:{address}#{text(secret)}"
    whole, _ = pack([("a", b"twelve bytes"), ("b", b'{"id":1}')])
    yield {"name": "the second record", "link": good, "sealed": whole[28:52].hex(), "record": b'{"id":1}'.hex()}
    for name, error, link in (
        ("an object's link", "scheme", f"headwater:{address}#{text(content_key())}"), ("white space", "scheme", " " + good), ("no key", "no_key", good.split("#")[0]),
        ("another address", "cid", good.replace(address, address[:-1])), ("cut off", "key", good[:-1]), ("one more", "key", good + "A"), ("padded", "key", good + "=="),
        ("trailing bits", "key", good[:-1] + ("B" if good[-1] != "B" else "C")), ("an object's key alone", "key", f"headwater-record:{address}#{text(content_key())}"),
        ("a record behind any pack", "place", f"headwater-record:{address}#{text(secret[:64] + le(RECORDS_LEN_MAX - 8, 8) + le(0, 4))}"),
        ("a place behind all numbers", "place", f"headwater-record:{address}#{text(secret[:64] + le(2**64 - 1, 8) + le(2**32 - 1, 4))}"),
    ):
        yield {"name": name, "link": link, "error": error}


def write(name, about, vectors):
    lines = ",\n    ".join(json.dumps(vector, ensure_ascii=False) for vector in vectors)
    (FOLDER / name).write_text(f'{{\n  "about": {json.dumps(about)},\n  "vectors": [\n    {lines}\n  ]\n}}\n')


write("packs.json", "Spec section 30. Records as [name, bytes] in the order in which they come, the pack that they make, and its catalogue.", packs())
write("tops.json", "Spec section 30. Tops that a reader of the one pack in `catalogue` accepts, or rejects for the reason in `error`.", tops())
write("blocks.json", "Spec section 30. Index blocks of the one pack in `catalogue`, whose top is `top`.", blocks())
write("catalogues.json", "Spec section 30. Catalogues.", catalogues())
write("links.json", "Spec section 30. Record links, and what they open.", links())
