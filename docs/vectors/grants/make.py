#!/usr/bin/env python3
"""Makes the golden vectors in this folder from docs/spec.md section 31 and RFC 9180 alone, with the packages of tests/python/requirements.txt.

Everything comes from fixed seeds, so running it again gives the same files. `cargo test -p sharing` reads them.
"""

import base64
import hashlib
import hmac
import json
import pathlib
import sys

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

FOLDER = pathlib.Path(__file__).parent
sys.path.append(str(FOLDER.parent))

from records import NET, OTHER_NET, START, Key, b3, cbor, derive, record, without_none

# --- HPKE: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305, base mode -----------------

KEM_SUITE = b"KEM" + bytes([0x00, 0x20])
SUITE = b"HPKE" + bytes([0x00, 0x20, 0x00, 0x01, 0x00, 0x03])


def extract(suite, salt, label, ikm):
    return hmac.new(salt or bytes(32), b"HPKE-v1" + suite + label + ikm, hashlib.sha256).digest()


def expand(suite, prk, label, info, length):
    message, out, block = length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info, b"", b""
    for counter in range(1, 1 + -(-length // 32)):
        block = hmac.new(prk, block + message + bytes([counter]), hashlib.sha256).digest()
        out += block
    return out[:length]


def key_pair(ikm):
    secret = X25519PrivateKey.from_private_bytes(expand(KEM_SUITE, extract(KEM_SUITE, b"", b"dkp_prk", ikm), b"sk", b"", 32))
    return secret, secret.public_key().public_bytes_raw()


def seal_base(to, info, aad, plain, ephemeral):
    secret, enc = key_pair(ephemeral)
    dh = secret.exchange(X25519PublicKey.from_public_bytes(to))
    shared = expand(KEM_SUITE, extract(KEM_SUITE, b"", b"eae_prk", dh), b"shared_secret", enc + to, 32)
    context = b"\0" + extract(SUITE, b"", b"psk_id_hash", b"") + extract(SUITE, b"", b"info_hash", info)
    prk = extract(SUITE, shared, b"secret", b"")
    key, nonce = expand(SUITE, prk, b"key", context, 32), expand(SUITE, prk, b"base_nonce", context, 12)
    return enc + ChaCha20Poly1305(key).encrypt(nonce, plain, aad)


# --- Identities ----------------------------------------------------------------------------------


class Identity:
    def __init__(self, name):
        self.account = b3(name)
        self.signing = Key(derive("headwater v1 identity key", self.account))
        self.reads = key_pair(derive("headwater v1 reading key", self.account))[1]

    def text(self):
        return "headwater-id:" + base64.urlsafe_b64encode(self.signing.public + self.reads).decode().rstrip("=")


OWNER, READER, OTHER = Identity(b"owner"), Identity(b"reader"), Identity(b"other")


def identities():
    for name, one in {"owner": OWNER, "reader": READER}.items():
        yield {"name": name, "account": one.account.hex(), "identity": one.text()}
    good = OWNER.text()
    no_point = "headwater-id:" + base64.urlsafe_b64encode(b"\x02" + bytes(31) + OWNER.reads).decode().rstrip("=")
    for name, error, text in (
        ("nothing", "scheme", ""), ("another scheme", "scheme", "age1" + good[13:]), ("white space", "scheme", " " + good), ("cut off", "length", good[:-1]),
        ("one key", "length", good[:56]), ("padded", "length", good + "=="), ("trailing bits", "length", good[:-1] + ("B" if good[-1] != "B" else "C")), ("no point", "key", no_point),
    ):
        yield {"name": name, "identity": text, "error": error}


# --- Grants --------------------------------------------------------------------------------------

GRANT_KEY = b3(b"grant key")
FILE = {"key": b3(b"content key"), "len": 1000, "name": "knee.dcm", "object": b"\x01\x71\x1e\x20" + b3(b"scan"), "type": "application/dicom"}


ID = b3(b"grant id")
SERIES = Key(derive("headwater v1 grant pointer key", OWNER.account + ID))
SECRET = derive("headwater v1 grant link", OWNER.account + ID)
NOTE = {"follows": False, "id": ID, "names": ["scans/knee.dcm"], "to": [READER.text()], "v": 1}


def note_of(contents, note=NOTE, account=OWNER.account):
    return ChaCha20Poly1305(derive("headwater v1 grant note", account + b3(contents))).encrypt(bytes(12), cbor(note), b"")


def contents_of(files, key=GRANT_KEY, **changes):
    return ChaCha20Poly1305(key).encrypt(bytes(12), cbor(without_none({"files": files, "v": 1} | changes)), b"")


def wraps_for(identities_, contents, key=GRANT_KEY, info=b"headwater/1 grant"):
    wraps = [seal_base(one.reads, info, b3(contents), key, b3(b"ephemeral" + bytes([number]))) for number, one in enumerate(identities_)]
    return b"".join(sorted(wraps))


def grant(files=(FILE,), to=(OWNER, READER), contents=None, wraps=None, note=None, body=None, network=NET, by=OWNER, **changes):
    contents = contents_of(list(files)) if contents is None else contents
    wraps = wraps_for(to, contents) if wraps is None else wraps
    note = note_of(contents) if note is None else note
    said = {
        "contents": b3(contents), "expires": START + 86_400, "issued": START, "note": b3(note), "purpose": "treatment", "seq": 3, "series": SERIES.public,
        "wraps": b3(wraps),
    } | (body or {})
    signed = record("grant", without_none(said), by.signing, network=network)
    return cbor(without_none({"contents": contents, "note": note, "record": signed, "v": 1, "wraps": wraps} | changes))


def grants():
    def vector(name, error, bytes_, count=None):
        return without_none({"name": name, "grant": bytes_.hex(), "error": error, "files": count})

    yield vector("one file for one reader", None, grant(), 1)
    yield vector("two files for two readers", None, grant([FILE, without_none(FILE | {"name": "b", "type": None})], (OWNER, OTHER, READER)), 2)
    yield vector("without an end and a purpose", None, grant(body={"expires": None, "purpose": None}), 1)
    yield vector("64 files", None, grant([FILE] * 64), 64)
    yield vector("nothing", "malformed", b"")
    yield vector("a byte follows", "malformed", grant() + b"\0")
    yield vector("an unknown key", "malformed", grant(extra=1))
    yield vector("without a record", "malformed", grant(record=None))
    yield vector("version 2", "version", grant(v=2))
    yield vector("of another network", "record", grant(network=OTHER_NET))
    yield vector("another record", "record", grant(record=record("denial", {"issued": START, "reason": "x", "target": FILE["object"]}, OWNER.signing)))
    signed = grant()
    at = signed.index(b"treatment")
    yield vector("another purpose than was signed", "record", signed[:at] + b"Treatment" + signed[at + 9 :])
    yield vector("an unknown key of the record", "record", grant(body={"extra": 1}))
    yield vector("a purpose of 201 bytes", "record", grant(body={"purpose": "x" * 201}))
    yield vector("contents of another grant", "hash", grant(body={"contents": b3(b"other")}))
    yield vector("wraps of another grant", "hash", grant(body={"wraps": b3(b"other")}))
    yield vector("a wrap that was added later", "hash", grant(wraps=wraps_for((OWNER, OTHER, READER), contents_of([FILE])), body={"wraps": b3(wraps_for((OWNER, OTHER), contents_of([FILE])))}))
    yield vector("a note of another grant", "hash", grant(body={"note": b3(b"other")}))
    yield vector("without a note", "malformed", grant(body={"note": None}))
    yield vector("without a version", "malformed", grant(body={"seq": None}))
    yield vector("of no series", "malformed", grant(body={"series": b"\x02" + bytes(31)}))
    yield vector("for others", "not_for_you", grant(to=(OWNER, OTHER)))
    yield vector("wrapped beside other contents", "not_for_you", grant(wraps=wraps_for((OWNER, READER), b"other")))
    yield vector("wrapped for something else", "not_for_you", grant(wraps=wraps_for((OWNER, READER), contents_of([FILE]), info=b"headwater/1 other")))
    yield vector("no wraps", "wraps", grant(wraps=b""))
    yield vector("a wrap of 79 bytes", "wraps", grant(wraps=wraps_for((READER,), contents_of([FILE]))[:-1]))
    yield vector("contents under another key", "key", grant(contents=contents_of([FILE], b3(b"other key"))))
    yield vector("no files", "files", grant([]))
    yield vector("65 files", "malformed", grant([FILE] * 65))
    yield vector("contents of version 2", "version", grant(contents=contents_of([FILE], v=2)))
    yield vector("a name that leads out", "malformed", grant([FILE | {"name": "../a"}]))
    yield vector("a key of 31 bytes", "malformed", grant([FILE | {"key": bytes(31)}]))
    yield vector("an unknown key of a file", "malformed", grant([FILE | {"extra": 1}]))


# --- Links, pointers and notes -------------------------------------------------------------------


def link_text(series=SERIES.public, secret=SECRET):
    return "headwater-grant:" + base64.urlsafe_b64encode(series + secret).decode().rstrip("=")


def links():
    yield {"name": "a grant", "account": OWNER.account.hex(), "id": ID.hex(), "link": link_text()}
    good = link_text()
    for name, error, text in (
        ("nothing", "scheme", ""), ("an identity", "scheme", OWNER.text()), ("upper case", "scheme", good.upper()), ("cut off", "length", good[:-1]), ("padded", "length", good + "=="),
        ("a path follows", "length", good + "/a"), ("trailing bits", "length", good[:-1] + ("B" if good[-1] != "B" else "C")), ("no point", "key", link_text(b"\x02" + bytes(31))),
    ):
        yield {"name": name, "link": text, "error": error}


def pointer_value(seq, fields=None, secret=SECRET, salt=b3(b"salt"), tail=b""):
    plain = cbor({"key": b3(b"content key of the grant"), "object": b"\x01\x71\x1e\x20" + b3(b"grant object"), "v": 1} if fields is None else fields) + tail
    return salt + ChaCha20Poly1305(derive("headwater v1 grant pointer value", secret + salt)).encrypt(bytes(12), plain, seq.to_bytes(8, "little"))


def pointers():
    def vector(name, error, value, seq=7):
        return without_none({"name": name, "seq": seq, "value": value.hex(), "error": error})

    good = {"key": b3(b"content key of the grant"), "object": b"\x01\x71\x1e\x20" + b3(b"grant object"), "v": 1}
    yield vector("a version", None, pointer_value(7))
    yield vector("the first version", None, pointer_value(0), 0)
    yield vector("an end", None, b"")
    yield vector("a salt alone", "key", b3(b"salt"))
    yield vector("31 bytes", "key", bytes(31))
    yield vector("of an older version", "key", pointer_value(6))
    yield vector("of another grant", "key", pointer_value(7, secret=b3(b"other")))
    yield vector("under another salt", "key", b3(b"other salt") + pointer_value(7)[32:])
    yield vector("cut off", "key", pointer_value(7)[:-1])
    yield vector("format 2", "format", pointer_value(7, good | {"v": 2}))
    yield vector("without a key", "malformed", pointer_value(7, {"object": good["object"], "v": 1}))
    yield vector("a key of 31 bytes", "malformed", pointer_value(7, good | {"key": bytes(31)}))
    yield vector("an address of 35 bytes", "malformed", pointer_value(7, good | {"object": good["object"][:-1]}))
    yield vector("a byte follows", "malformed", pointer_value(7, tail=b"\0"))


def notes():
    def vector(name, error, note, **more):
        return without_none({"name": name, "grant": grant(note=note_of(contents_of([FILE]), note, **more)).hex(), "error": error})

    two = sorted([READER.text(), OTHER.text()])
    yield vector("a note", None, NOTE)
    yield vector("of a series for two", None, NOTE | {"follows": True, "to": two})
    yield vector("of another account", "not_yours", NOTE, account=OTHER.account)
    yield vector("version 2", "version", NOTE | {"v": 2})
    yield vector("an id of 31 bytes", "malformed", NOTE | {"id": bytes(31)})
    yield vector("a name that leads out", "name", NOTE | {"names": ["../a"]})
    yield vector("no names", "names", NOTE | {"names": []})
    yield vector("65 names", "malformed", NOTE | {"names": ["a"] * 65})
    yield vector("no recipients", "recipients", NOTE | {"to": []})
    yield vector("a recipient twice", "recipients", NOTE | {"to": [READER.text()] * 2})
    yield vector("recipients out of order", "recipients", NOTE | {"to": two[::-1]})
    yield vector("a recipient of 4097 bytes", "recipients", NOTE | {"to": ["x" * 4097]})


def write(name, about, vectors, **more):
    lines = ",\n    ".join(json.dumps(vector, ensure_ascii=False) for vector in vectors)
    head = "".join(f'  "{key}": "{value}",\n' for key, value in more.items())
    (FOLDER / name).write_text(f'{{\n  "about": {json.dumps(about)},\n{head}  "vectors": [\n    {lines}\n  ]\n}}\n')


write("identities.json", "Spec section 31. Accounts and their identities, and texts that are none.", identities())
write(
    "grants.json", "Spec section 31. Grants that the account `reader` opens, or refuses for the reason in `error`.", grants(),
    network=NET.hex(), reader=READER.account.hex(), owner=OWNER.signing.public.hex(),
)
write("links.json", "Spec section 31. Links of grants and the accounts and ids from which they follow, and texts that are none.", links())
write("pointers.json", "Spec section 31. Values of the pointer of the grant behind `link`, or the reason in `error`.", pointers(), link=link_text())
write(
    "notes.json", "Spec section 31. Grants with the owner's note, which `account` reads, or refuses for the reason in `error`; `reader` opens all of them.", notes(),
    network=NET.hex(), reader=READER.account.hex(), account=OWNER.account.hex(),
)
