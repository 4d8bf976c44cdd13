#!/usr/bin/env python3
"""Makes the golden vectors in this folder from docs/spec.md sections 28 and 29 alone, with the packages of tests/python/requirements.txt.

Everything comes from fixed seeds, so running it again gives the same files. `cargo test -p sharing` reads them.
"""

import base64
import json
import pathlib
import sys
import zlib

from blake3 import blake3
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

FOLDER = pathlib.Path(__file__).parent
sys.path.append(str(FOLDER.parent))

from records import NET, START, Key, Raw, b3, cbor, derive, record, without_none, write

ACCOUNT = b3(b"account secret")
ID = b3(b"health link id")
FILE_KEY = derive("headwater v1 health link key", ACCOUNT + ID)
LINK_KEY = Key(derive("headwater v1 share key", ACCOUNT + ID))
OTHER = Key(bytes([2] * 32))
PASSCODE = "open sesame"
VERIFIER = Argon2id(salt=ID[:16], length=32, iterations=3, lanes=1, memory_cost=65536).derive(PASSCODE.encode())
FHIR = "application/fhir+json"
PLAIN = json.dumps({"resourceType": "Observation", "status": "final"}).encode()


def b64(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def cid(data):
    return b"\x01\x71\x1e\x20" + b3(data)


# --- Links ---------------------------------------------------------------------------------------


def link(**changes):
    payload = {"url": f"https://gateway.example/shl/{b64(ID)}", "key": b64(FILE_KEY), "exp": START, "flag": "LP", "label": "Labs", "v": 1}
    return text_of(without_none(payload | changes))


def text_of(payload):
    return "shlink:/" + b64(json.dumps(payload, separators=(",", ":"), ensure_ascii=False).encode())


def link_vectors():
    plain = link()
    accepted = {
        "all members": plain,
        "only what must be": link(exp=None, flag=None, label=None, v=None),
        "after the address of a page": f"https://viewer.example/page#{plain}",
        "members and flags that nobody knows": link(flag="LXP", extension={"a": [1]}),
        "a label of 80 characters": link(label="é" * 80),
        "a url of 128 characters": link(url="https://" + "a" * 120),
    }
    rejected = {
        "another scheme": plain.replace("shlink:", "shlinks:"),
        "padding": plain + "=",
        "no JSON": "shlink:/" + b64(b"{"),
        "a list": "shlink:/" + b64(b"[]"),
        "no url": link(url=None),
        "no key": link(key=None),
        "a key of 42 characters": link(key=b64(FILE_KEY)[:42]),
        "a key with bits left over": link(key=b64(FILE_KEY)[:42] + "_"),
        "version 2": link(v=2),
        "a single file with a passcode": link(flag="PU"),
        "a label of 81 characters": link(label="e" * 81),
        "an empty label": link(label=""),
        "a label with a line feed": link(label="a\nb"),
        "a url of 129 characters": link(url="https://" + "a" * 121),
        "a url that is code": link(url="javascript:alert(1)"),
    }
    return both(accepted, rejected, "link")


# --- Files ---------------------------------------------------------------------------------------


def jwe(plain=PLAIN, *, key=FILE_KEY, iv=bytes([7] * 12), shown=None, **changes):
    header = without_none({"alg": "dir", "enc": "A256GCM", "cty": FHIR} | changes)
    head = b64(json.dumps(header, separators=(",", ":")).encode())
    body = zlib.compress(plain, wbits=-15) if header.get("zip") == "DEF" else plain
    sealed = AESGCM(key).encrypt(iv, body, head.encode())
    return ".".join([shown or head, "", b64(iv), b64(sealed[:-16]), b64(sealed[-16:])])


def file_vectors():
    parts = jwe().split(".")
    accepted = {
        "as it is": jwe(),
        "deflated": jwe(zip="DEF"),
        "empty": jwe(b""),
        "of another type": jwe(cty="application/smart-health-card"),
        "with a member that nobody knows": jwe(kid="1"),
    }
    rejected = {
        "under another key": jwe(key=b3(b"another key")),
        "another header than was sealed": jwe(shown=b64(json.dumps({"alg": "dir", "enc": "A256GCM", "cty": FHIR}).encode())),
        "another algorithm": jwe(alg="A256KW"),
        "another cipher": jwe(enc="A128GCM"),
        "without a type": jwe(cty=None),
        "of a type that is none": jwe(cty="text/html"),
        "compressed in another way": jwe(zip="GZIP"),
        "what has to be understood": jwe(crit=["exp"], exp=1),
        "an encrypted key": ".".join([parts[0], "AA", *parts[2:]]),
        "four parts": ".".join(parts[:4]),
        "six parts": ".".join([*parts, ""]),
        "a short tag": ".".join([*parts[:4], parts[4][:-2]]),
        "a short vector": ".".join([*parts[:2], parts[2][:-2], *parts[3:]]),
        "padding": jwe() + "=",
        "more than 16 MiB": jwe(bytes((16 << 20) + 1), zip="DEF"),
    }
    vectors = both(accepted, rejected, "jwe")
    plain = {"empty": b"", **{name: PLAIN for name in accepted if name != "empty"}}
    return [vector | ({"plain": plain[vector["name"]].hex()} if vector["accepted"] else {}) for vector in vectors]


# --- Records -------------------------------------------------------------------------------------


def file_of(name):
    return {"key": b3(f"key of {name}".encode()), "len": 1000, "object": cid(name.encode()), "type": FHIR}


def body(**changes):
    fields = {"attempts": 5, "expires": START + 100, "files": [file_of("labs"), file_of("chart")], "flags": "LP", "id": ID, "issued": START, "passcode": VERIFIER, "seq": 3}
    return without_none(fields | changes)


def record_vectors():
    made = lambda **changes: record("health_link", body(**changes), LINK_KEY)  # noqa: E731
    open_ = {"attempts": 0, "passcode": None}
    accepted = {
        "with a passcode": made(),
        "without one": made(flags="L", **open_),
        "without an end": made(expires=None),
        "a single file": made(flags="U", seq=0, files=[file_of("labs")], **open_),
        "16 files": made(files=[file_of(str(n)) for n in range(16)]),
    }
    rejected = {
        "no files": made(files=[]),
        "17 files": made(files=[file_of(str(n)) for n in range(17)]),
        "two files behind U": made(flags="U", seq=0, **open_),
        "flags out of order": made(flags="PL"),
        "U with P": made(flags="PU", seq=0, files=[file_of("labs")]),
        "P without a passcode": made(passcode=None),
        "P without attempts": made(attempts=0),
        "a passcode without P": made(flags="L"),
        "101 attempts": made(attempts=101),
        "an end at its beginning": made(expires=START),
        "a later record of what cannot change": made(flags="P"),
        "a type that is none": made(files=[file_of("labs") | {"type": "text/html"}]),
        "a field of another record": made(extra=1),
        "an id of 31 bytes": made(id=ID[:31]),
        "a length that is no integer": made(files=[file_of("labs") | {"len": Raw(b"\xfb\x3f\xf0\x00\x00\x00\x00\x00\x00")}]),
        "signed by another key than it names": record("health_link", body(), LINK_KEY, by=OTHER.public),
        "of another type": record("health_link_end", body(), LINK_KEY),
    }
    return both(accepted, rejected, "record", bytes.hex)


# --- Audit trail ---------------------------------------------------------------------------------

TRAIL_KEY = Key(derive("headwater v1 audit trail key", ACCOUNT))
COMMITMENT_KEY = derive("headwater v1 audit trail commitment", ACCOUNT)


def commitment(entries, last):
    return blake3(entries.to_bytes(8, "little") + last, key=COMMITMENT_KEY).hexdigest()


def entry(seq, prev, signer=TRAIL_KEY, **facts):
    facts = {"at": START + seq, "what": "opened"} | facts
    return record("trail_entry", {"facts": facts, "prev": prev, "seq": seq}, signer)


def trail_vectors():
    first = entry(0, bytes(32), what="link_made", about="Labs (Observation)", link=ID, patient="4711", purpose="TREAT", source="https://gateway.example")
    second = entry(1, b3(first), link=ID, number=1, who="Dr. Ng", patient="4711")
    third = entry(2, b3(second), by=OTHER.public, known_as="Dr. Ng (@ward-3)", reason="no papers", shown=b3(b"a share_reader record"), what="break_glass", who="Dr. Ng")
    kinds = ["granted", "delegated", "grant_ended", "stream_made", "stream_ended"]
    others = []
    for seq, what in enumerate(kinds):
        others.append(entry(seq, b3(others[-1]) if others else bytes(32), what=what))
    trails = {
        "empty": [],
        "three entries": [first, second, third],
        "of grants and streams": others,
    }
    broken = {
        "the first is missing": [second, third],
        "one is missing": [first, third],
        "swapped": [first, third, second],
        "twice": [first, first],
        "another beginning": [entry(0, b3(b""))],
        "by another key": [entry(0, bytes(32), OTHER)],
        "an unknown event": [entry(0, bytes(32), what="forgotten")],
        "by a reader whose key is none": [entry(0, bytes(32), by=b"\x02" + bytes(31))],
        "by a reader with half a key": [entry(0, bytes(32), by=bytes(16))],
        "by half a hash of what a reader showed": [entry(0, bytes(32), shown=bytes(16))],
        "a purpose in words": [entry(0, bytes(32), purpose="because")],
        "a name with a line feed": [entry(0, bytes(32), who="a\nb")],
        "a reason of no length": [entry(0, bytes(32), reason="")],
    }
    made = [
        {"name": name, "entries": [e.hex() for e in entries], "commitment": commitment(len(entries), b3(entries[-1]) if entries else bytes(32)), "accepted": True}
        for name, entries in trails.items()
    ]
    return made + [{"name": name, "entries": [e.hex() for e in entries], "accepted": False} for name, entries in broken.items()]


def both(accepted, rejected, key, form=str):
    return [{"name": name, key: form(value), "accepted": True} for name, value in accepted.items()] + [
        {"name": name, key: form(value), "accepted": False} for name, value in rejected.items()
    ]


write(FOLDER / "links.json", "Spec section 28. A reader accepts the link, or rejects it.", vectors=link_vectors())
write(
    FOLDER / "files.json",
    "Spec section 28. Under the file key of the account's link (all in hexadecimal) a reader opens jwe to plain, or rejects it.",
    keys=[{"account": ACCOUNT.hex(), "id": ID.hex(), "file_key": FILE_KEY.hex(), "link_key": LINK_KEY.public.hex(), "passcode": PASSCODE, "verifier": VERIFIER.hex()}],
    vectors=file_vectors(),
)
write(FOLDER / "records.json", "Spec sections 10 and 28. A decoder that expects a `health_link` of this network accepts `record`, or rejects it.", NET, vectors=record_vectors())
write(
    FOLDER / "trails.json",
    "Spec section 29. Entries of the trail of an account (in hexadecimal): a reader takes all of them, and the commitment is this one; or it refuses.",
    NET,
    keys=[{"account": ACCOUNT.hex(), "signer": TRAIL_KEY.public.hex()}],
    vectors=trail_vectors(),
)
