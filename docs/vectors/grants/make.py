#!/usr/bin/env python3
"""Makes the golden vectors in this folder from docs/spec.md section 31, RFC 9180 and the drafts of X-Wing alone, with the packages of
tests/python/requirements.txt. What is wrapped is opened again by the HPKE of another library, so that nobody checks only themselves.

Everything comes from fixed seeds, so running it again gives the same files. `cargo test -p sharing` reads them.
"""

import base64
import hashlib
import hmac
import json
import pathlib
import sys

from cryptography.hazmat.bindings._rust import openssl as rust_openssl
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from kyber_py.ml_kem import ML_KEM_768

FOLDER = pathlib.Path(__file__).parent
sys.path.append(str(FOLDER.parent))

from records import NET, OTHER_NET, START, Key, b3, cbor, derive, record, without_none

# --- HPKE: HKDF-SHA256, ChaCha20-Poly1305, base mode, over DHKEM(X25519, HKDF-SHA256) or X-Wing --

X25519, XWING = bytes([0x00, 0x20]), bytes([0x64, 0x7A])
KEM_SUITE = b"KEM" + X25519
XWING_LABEL = b"\\.//^\\"
OUTSIDE = {
    X25519: hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.CHACHA20_POLY1305),
    XWING: hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.CHACHA20_POLY1305),
}


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


def encapsulate_x25519(to, ephemeral):
    secret, enc = key_pair(ephemeral)
    dh = secret.exchange(X25519PublicKey.from_public_bytes(to))
    return expand(KEM_SUITE, extract(KEM_SUITE, b"", b"eae_prk", dh), b"shared_secret", enc + to, 32), enc


def xwing_secrets(seed):
    """The two secrets of a decapsulation key: the seed of ML-KEM-768 and the X25519 key."""
    expanded = hashlib.shake_256(seed).digest(96)
    return expanded[:64], X25519PrivateKey.from_private_bytes(expanded[64:])


def xwing_public(seed):
    mlkem, x25519 = xwing_secrets(seed)
    public, _ = ML_KEM_768._keygen_internal(mlkem[:32], mlkem[32:])
    assert public == MLKEM768PrivateKey.from_seed_bytes(mlkem).public_key().public_bytes_raw()
    return public + x25519.public_key().public_bytes_raw()


def encapsulate_xwing(to, ephemeral):
    random = hashlib.shake_256(ephemeral).digest(64)
    secret, ciphertext = ML_KEM_768._encaps_internal(to[:1184], random[:32])
    own = X25519PrivateKey.from_private_bytes(random[32:])
    enc, dh = own.public_key().public_bytes_raw(), own.exchange(X25519PublicKey.from_public_bytes(to[1184:]))
    return hashlib.sha3_256(secret + dh + enc + to[1184:] + XWING_LABEL).digest(), ciphertext + enc


def seal_base(kem, to, info, aad, plain, ephemeral):
    suite = b"HPKE" + kem + bytes([0x00, 0x01, 0x00, 0x03])
    shared, enc = (encapsulate_x25519 if kem == X25519 else encapsulate_xwing)(to, ephemeral)
    context = b"\0" + extract(suite, b"", b"psk_id_hash", b"") + extract(suite, b"", b"info_hash", info)
    prk = extract(suite, shared, b"secret", b"")
    key, nonce = expand(suite, prk, b"key", context, 32), expand(suite, prk, b"base_nonce", context, 12)
    return enc + ChaCha20Poly1305(key).encrypt(nonce, plain, aad)


# --- Identities ----------------------------------------------------------------------------------


class Identity:
    def __init__(self, name):
        self.account = b3(name)
        self.signing = Key(derive("headwater v1 identity key", self.account))
        self.kem = X25519
        self.secret, self.reads = key_pair(derive("headwater v1 reading key", self.account))

    def text(self):
        return text(self.signing.public + self.reads)

    def wrap(self, keys, info, aad, ephemeral):
        sealed = seal_base(self.kem, self.reads, info, aad, keys, ephemeral)
        assert rust_openssl.hpke._decrypt_with_aad(OUTSIDE[self.kem], sealed, self.secret, info, aad) == keys
        return self.kem + sealed


class Hybrid(Identity):
    def __init__(self, name):
        super().__init__(name)
        seed = derive("headwater v1 hybrid reading key", self.account)
        mlkem, x25519 = xwing_secrets(seed)
        self.kem, self.reads = XWING, xwing_public(seed)
        self.secret = hpke.MLKEM768X25519PrivateKey(MLKEM768PrivateKey.from_seed_bytes(mlkem), x25519)


def text(keys):
    return "headwater-id:" + base64.urlsafe_b64encode(keys).decode().rstrip("=")


OWNER, READER, OTHER = Hybrid(b"owner"), Identity(b"reader"), Identity(b"other")
HYBRID_READER, HYBRID_OTHER = Hybrid(b"reader"), Hybrid(b"other")


def identities():
    for name, one in {"reader": READER, "other": OTHER, "hybrid reader": HYBRID_READER, "hybrid owner": OWNER}.items():
        yield {"name": name, "account": one.account.hex(), "identity": one.text()}
    good, hybrid = READER.text(), HYBRID_READER.text()
    no_point = b"\x02" + bytes(31)
    not_reduced = READER.signing.public + b"\xff" * 1184 + HYBRID_READER.reads[1184:]
    for name, error, written in (
        ("nothing", "scheme", ""), ("another scheme", "scheme", "age1" + good[13:]), ("white space", "scheme", " " + good), ("cut off", "length", good[:-1]),
        ("one key", "length", good[:56]), ("padded", "length", good + "=="), ("trailing bits", "length", good[:-1] + ("B" if good[-1] != "B" else "C")), ("no point", "key", text(no_point + READER.reads)), ("no point, hybrid", "key", text(no_point + HYBRID_READER.reads)),
        ("hybrid, cut off", "length", hybrid[:-4]), ("hybrid and more", "length", hybrid + "AAAA"), ("hybrid without X25519", "length", text(READER.signing.public + HYBRID_READER.reads[:1184])),
        ("both keys", "length", text(READER.signing.public + READER.reads + HYBRID_READER.reads)), ("coefficients above q", "hybrid_key", text(not_reduced)),
    ):
        yield {"name": name, "identity": written, "error": error}


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


def terms_of(body, network=NET, by=OWNER):
    return b3(by.signing.public + network + cbor(without_none(body | {"wraps": bytes(32)})))


ROOT = derive("headwater v1 grant holder root", OWNER.account + ID)


def holder_of(giver, slot, who):
    return derive("headwater v1 grant holder", giver + slot.to_bytes(2, "little") + who.signing.public)


def holder_key(holder):
    return Key(derive("headwater v1 grant holder key", holder))


def wraps_for(identities_, terms, key=GRANT_KEY, info=b"headwater/1 grant", giver=ROOT, slot=1):
    """The first of them is who gives."""
    holders = [giver if number == 0 else holder_of(giver, slot, one) for number, one in enumerate(identities_)]
    wraps = [one.wrap(key + holder, info, terms, b3(b"ephemeral" + bytes([number]))) for number, (one, holder) in enumerate(zip(identities_, holders))]
    return b"".join(sorted(wraps))


def tag_of(file):
    return derive("headwater v1 granted file", cbor(file))


def recipient_tag(holder, who):
    return derive("headwater v1 granted recipient", holder_key(holder).public + who.signing.public)


def passing_of(depth, to, of, **changes):
    """`to`: the secret of each recipient, and who they are."""
    recipients, files = sorted(recipient_tag(*one) for one in to), sorted(map(tag_of, of))
    return cbor(without_none({"depth": depth, "files": b"".join(files), "recipients": b"".join(recipients)} | changes))


def grant(
    files=(FILE,), to=(OWNER, READER), contents=None, wraps=None, note=None, body=None, network=NET, by=OWNER, signed_as=None, passing=None, **changes
):
    """`wraps` gives the wraps for the terms; `signed_as` is what is changed in the body after that."""
    contents = contents_of(list(files)) if contents is None else contents
    note = note_of(contents) if note is None else note
    said = {
        "contents": b3(contents), "expires": START + 86_400, "issued": START, "note": b3(note), "passing": passing and b3(passing), "purpose": "treatment", "seq": 3,
        "series": SERIES.public,
    } | (body or {})
    terms = terms_of(said, network, by)
    wraps = wraps_for(to, terms) if wraps is None else wraps(terms)
    said = {"wraps": b3(wraps)} | said | (signed_as or {})
    signed = record("grant", without_none(said), by.signing, network=network)
    return cbor(without_none({"contents": contents, "note": note, "passing": passing, "record": signed, "v": 1, "wraps": wraps} | changes))


def grants():
    # The terms of the same grant by its true owner, whose wraps somebody else has taken.
    contents = contents_of([FILE])
    body = {"contents": b3(contents), "expires": START + 86_400, "issued": START, "note": b3(note_of(contents)), "purpose": "treatment", "seq": 3, "series": SERIES.public}

    def as_owner(_):
        return terms_of(body)

    def vector(name, error, bytes_, count=None):
        return without_none({"name": name, "grant": bytes_.hex(), "error": error, "files": count})

    yield vector("one file for one reader", None, grant(), 1)
    yield vector("two files for two readers", None, grant([FILE, without_none(FILE | {"name": "b", "type": None})], (OWNER, OTHER, READER)), 2)
    yield vector("for a hybrid reader", None, grant(to=(OWNER, HYBRID_READER)), 1)
    yield vector("for readers of both kinds", None, grant(to=(OWNER, OTHER, HYBRID_READER, HYBRID_OTHER)), 1)
    yield vector("without an end and a purpose", None, grant(body={"expires": None, "purpose": None}), 1)
    may_pass = passing_of(1, [(holder_of(ROOT, 1, READER), READER)], [FILE])
    yield vector("that may be passed on", None, grant(passing=may_pass), 1)
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
    yield vector("a wrap that was added later", "hash", grant(to=(OWNER, OTHER, READER), body={"wraps": b3(b"those for the owner and another")}))
    yield vector("a note of another grant", "hash", grant(body={"note": b3(b"other")}))
    yield vector("that may be passed on, unsigned", "hash", grant(passing=may_pass, body={"passing": None}))
    yield vector("by whom it may be passed on is missing", "hash", grant(body={"passing": b3(may_pass)}))
    yield vector("by others than was signed", "hash", grant(passing=passing_of(1, [(holder_of(ROOT, 1, OTHER), OTHER)], [FILE]), body={"passing": b3(may_pass)}))
    yield vector("signed anew so that it may be passed on", "not_for_you", grant(passing=may_pass, wraps=lambda _: wraps_for((OWNER, READER), as_owner(_))))
    yield vector("without a hash of the note", "record", grant(body={"note": None}))
    yield vector("without a version", "record", grant(body={"seq": None}))
    yield vector("of no series", "record", grant(body={"series": b"\x02" + bytes(31)}))
    yield vector("for others", "not_for_you", grant(to=(OWNER, OTHER)))
    yield vector("for other hybrid readers", "not_for_you", grant(to=(OWNER, HYBRID_OTHER)))
    mine = lambda terms: HYBRID_READER.wrap(GRANT_KEY + bytes(32), b"headwater/1 grant", terms, b3(b"ephemeral"))
    yield vector("another ciphertext of ML-KEM", "not_for_you", grant(wraps=lambda terms: (wrap := mine(terms))[:2] + bytes([wrap[2] ^ 1]) + wrap[3:]))
    yield vector("another key of X25519 beside it", "not_for_you", grant(wraps=lambda terms: (wrap := mine(terms))[:1090] + OTHER.reads + wrap[1122:]))
    yield vector("wrapped beside other terms", "not_for_you", grant(wraps=lambda _: wraps_for((OWNER, READER), b3(b"other"))))
    yield vector("signed anew without its end", "not_for_you", grant(signed_as={"expires": None}))
    yield vector("signed anew for another purpose", "not_for_you", grant(signed_as={"purpose": "research"}))
    yield vector("signed anew as another version", "not_for_you", grant(signed_as={"seq": 4}))
    yield vector("signed anew by somebody else", "not_for_you", grant(wraps=lambda terms: wraps_for((OWNER, READER), as_owner(terms)), by=OTHER))
    yield vector("wrapped for something else", "not_for_you", grant(wraps=lambda terms: wraps_for((OWNER, READER), terms, info=b"headwater/1 other")))
    yield vector("no wraps", "wraps", grant(wraps=lambda _: b""))
    yield vector("a hybrid wrap of 1201 bytes", "wraps", grant(wraps=lambda terms: mine(terms)[:-1]))
    yield vector("a hybrid wrap that says it is none", "wraps", grant(wraps=lambda terms: X25519 + mine(terms)[2:]))
    yield vector("a wrap of another kind", "wraps", grant(wraps=lambda terms: bytes([0x00, 0x10]) + wraps_for((READER,), terms)[2:]))
    yield vector("a wrap without its kind", "wraps", grant(wraps=lambda terms: wraps_for((READER,), terms)[2:]))
    yield vector("a wrap of 113 bytes", "wraps", grant(wraps=lambda terms: wraps_for((READER,), terms)[:-1]))
    yield vector("contents under another key", "key", grant(contents=contents_of([FILE], b3(b"other key"))))
    yield vector("no files", "files", grant([]))
    yield vector("65 files", "malformed", grant([FILE] * 65))
    yield vector("contents of version 2", "version", grant(contents=contents_of([FILE], v=2)))
    yield vector("a name that leads out", "malformed", grant([FILE | {"name": "../a"}]))
    yield vector("a key of 31 bytes", "malformed", grant([FILE | {"key": bytes(31)}]))
    yield vector("an unknown key of a file", "malformed", grant([FILE | {"extra": 1}]))


# --- Grants that are passed on -------------------------------------------------------------------

# The owner has granted two files to `other`, who passes the first one on to `reader`.
SECOND = without_none(FILE | {"name": "b", "object": b"\x01\x71\x1e\x20" + b3(b"another scan"), "type": None})
SLOT = 2
OTHERS, READERS = holder_of(ROOT, 1, OTHER), holder_of(holder_of(ROOT, 1, OTHER), SLOT, READER)


def may(files=(FILE, SECOND), depth=2, recipients=((OTHERS, OTHER),), passing=None, body=None, by=OWNER, network=NET):
    """The level of the owner's grant."""
    passing = passing_of(depth, recipients, files) if passing is None else passing
    said = {
        "contents": b3(b"contents"), "expires": START + 86_400, "issued": START, "note": b3(b"note"), "passing": b3(passing), "purpose": "treatment", "seq": 3,
        "series": SERIES.public, "wraps": b3(b"wraps"),
    } | (body or {})
    return {"passing": passing, "record": record("grant", without_none(said), by.signing, network=network)}


def passed(above=None, files=(FILE,), to=(OTHER, READER), by=OTHER, holder=OTHERS, slot=SLOT, said=None, depth=0, passing=None, signed_as=None, note=None, note_key=None, **changes):
    above = [may()] if above is None else above
    contents = contents_of(list(files))
    names = {"names": [file["name"] for file in files], "to": [one.text() for one in to[1:]], "v": 1}
    key = note_key or derive("headwater v1 delegation note", holder + b3(contents))
    note = ChaCha20Poly1305(key).encrypt(bytes(12), cbor(names if note is None else note), b"")
    listed = [(holder_of(holder, slot, one), one) for one in to[1:]]
    passing = passing_of(depth, listed, files) if passing is None else passing
    body = {
        "contents": b3(contents), "expires": START + 3600, "issued": START + 60, "note": b3(note), "parent": b3(above[-1]["record"]) if above else bytes(32),
        "passing": b3(passing), "purpose": "treatment: second opinion", "seq": 1, "series": holder_key(holder).public, "slot": slot,
    } | (said or {})
    terms = b3(by.signing.public + NET + cbor(without_none(body | {"wraps": bytes(32)})))
    wraps = wraps_for(to, terms, giver=holder, slot=slot)
    body = without_none({"wraps": b3(wraps)} | body | (signed_as or {}))
    own = {"passing": passing, "record": record("delegation", body, by.signing)}
    return {"above": above, "contents": contents, "note": note, "own": own, "v": 1, "wraps": wraps} | changes


def below(by, to, holder, above, depth=0, slot=SLOT, files=(FILE,), **more):
    """One more level, and the secret of the one to whom it is passed on."""
    return passed(above, files, (by, to), by, holder, slot, depth=depth, **more), holder_of(holder, slot, to)


def delegations():
    def vector(name, error, made, through=None):
        bytes_ = made if isinstance(made, bytes) else cbor(without_none(made))
        return without_none({"name": name, "delegation": bytes_.hex(), "error": error, "through": through})

    others = [OTHER.signing.public.hex()]
    yield vector("a file of two", None, passed(), others)
    yield vector("both files, with the same end and purpose", None, passed(files=(FILE, SECOND), said={"expires": START + 86_400, "purpose": "treatment"}), others)
    yield vector("of a grant without an end and a purpose", None, passed([may(body={"expires": None, "purpose": None})], said={"expires": None, "purpose": "anything"}), others)
    yield vector("that may be passed on", None, passed(depth=1), others)
    carl = Identity(b"carl")
    first, carls = below(OTHER, carl, OTHERS, [may()], depth=1)
    second, _ = below(carl, READER, carls, [may(), first["own"]])
    yield vector("passed on twice", None, second, others + [carl.signing.public.hex()])

    yield vector("nothing", "malformed", b"")
    yield vector("a byte follows", "malformed", cbor(passed()) + b"\0")
    yield vector("an unknown key", "malformed", passed(extra=1))
    yield vector("version 2", "version", passed(v=2))
    yield vector("of nothing", "levels", passed([]))
    yield vector("with a record missing", "record", second | {"above": [first["own"]]})
    yield vector("five above", "malformed", passed([may()] * 5))
    yield vector("of another network", "record", passed([may(network=OTHER_NET)]))
    yield vector("a grant that may not be passed on", "not_allowed", passed([{"record": may(body={"passing": None})["record"]}]))
    yield vector("of a delegation that may not be", "not_allowed", below(carl, READER, holder_of(OTHERS, SLOT, carl), [may(), below(OTHER, carl, OTHERS, [may()])[0]["own"]])[0])
    by_other, by_both = [(OTHERS, OTHER)], [(OTHERS, OTHER), (READERS, READER)]
    yield vector("a grant that may be passed on 0 times", "not_allowed", passed([may(depth=0)]))
    yield vector("by whom it may be passed on was changed", "passing", passed([may() | {"passing": passing_of(2, by_both, [FILE])}]))
    own = passed()["own"]
    yield vector("to whom it is passed on was changed", "passing", passed(own=own | {"passing": passing_of(0, by_both, [FILE])}))
    yield vector("to whom it is passed on is missing", "passing", passed(own={"record": own["record"]}))
    for name, passing in (
        ("depth 5", passing_of(5, by_other, [FILE])), ("nobody", passing_of(2, [], [FILE])), ("no files", passing_of(2, by_other, [])),
        ("half a tag", passing_of(2, by_other, [FILE], recipients=bytes(31))), ("one twice", passing_of(2, by_other * 2, [FILE])), ("an unknown key", passing_of(2, by_other, [FILE], extra=1)),
        ("recipients out of order", passing_of(2, by_other, [FILE], recipients=b"\x02" * 32 + b"\x01" * 32)), ("65 files", passing_of(2, by_other, [FILE], files=b"".join(bytes([n]) * 32 for n in range(65)))),
    ):
        yield vector(f"may be passed on: {name}", "passing", passed([may(passing=passing)]))
    # Whoever signs has to be whom the one above lists, and the pointers those of the holder key that follows from it: else its owner does not find it.
    yield vector("by pointers of a key of its giver's own", "holder", passed(said={"series": Key(b3(b"hidden")).public}))
    yield vector("by pointers of their identity", "holder", passed(said={"series": OTHER.signing.public}))
    yield vector("by somebody else in their name", "holder", passed(by=READER))
    yield vector("by who has no key of a recipient", "holder", passed(by=carl, holder=READERS))
    yield vector("by pointers of another recipient", "holder", passed([may(recipients=by_both)], holder=READERS))
    yield vector("by who was granted it no more", "holder", passed([may(recipients=[(READERS, READER)])]))
    yield vector("the owner's grant with a holder", "malformed", passed([may() | {"holder": b""}]))
    yield vector("of another version", "parent", passed(said={"parent": b3(may(body={"seq": 2})["record"])}))
    yield vector("a later end", "wider", passed(said={"expires": START + 86_401}))
    yield vector("no end", "wider", passed(said={"expires": None}))
    yield vector("another purpose", "wider", passed(said={"purpose": "research"}))
    yield vector("a longer word", "wider", passed(said={"purpose": "treatments"}))
    yield vector("no purpose", "wider", passed(said={"purpose": None}))
    yield vector("by a pointer of the owner", "wider", passed(slot=1))
    yield vector("by a pointer that is none", "wider", passed(slot=18))
    yield vector("as often as the grant itself", "wider", passed(depth=2))
    yield vector("more files", "wider", passed([may(files=(FILE,))], files=(FILE, SECOND)))
    third, thirds = below(carl, OWNER, carls, [may(depth=3), below(OTHER, carl, OTHERS, [may(depth=3)], depth=2)[0]["own"]], depth=2)
    yield vector("a level above that is wider", "wider", below(OWNER, READER, thirds, third["above"] + [third["own"]])[0])
    listed = passing_of(0, [(READERS, READER)], [FILE])
    yield vector("a file that is not listed", "file", passed(files=(FILE, SECOND), passing=listed))
    for name, other in (("name", {"name": "knee2.dcm"}), ("key", {"key": b3(b"other")})):
        yield vector(f"a file under another {name}", "file", passed(files=(FILE | other,), passing=listed))
        yield vector(f"a file under another {name}, listed", "wider", passed(files=(FILE | other,)))
    yield vector("to a reader whom it does not list", "unlisted", passed(passing=passing_of(0, [(holder_of(OTHERS, SLOT, carl), carl)], [FILE])))
    yield vector("to a reader under the name of another", "unlisted", passed(passing=passing_of(0, [(READERS, carl)], [FILE])))
    yield vector("to a reader with another secret than is listed", "unlisted", passed(passing=passing_of(0, [(carls, READER)], [FILE])))
    yield vector("contents of another", "hash", passed(contents=contents_of([SECOND])))
    yield vector("a note of another", "hash", passed(said={"note": b3(b"other")}))
    yield vector("wraps of another", "hash", passed(wraps=b""))
    yield vector("to others", "not_for_you", passed(to=(OTHER, carl)))
    yield vector("signed anew with another end", "not_for_you", passed(signed_as={"expires": START + 7200}))
    yield vector("no files", "files", passed(files=(), passing=listed))


def delegation_notes():
    """What its giver notes is their own word, so that a delegation counts without it; for whom it is nevertheless, the owner sees."""

    def vector(name, error, named=1, unnamed=0, note_error=None, **more):
        seen = {"named": named, "unnamed": unnamed, "note_error": note_error} if error is None else {"error": error}
        return without_none({"name": name, "delegation": cbor(passed(**more)).hex()} | seen)

    good = {"names": ["knee.dcm"], "to": [READER.text()], "v": 1}
    yield vector("a note", None)
    yield vector("for one whom it does not name", None, 1, 1, to=(OTHER, READER, HYBRID_OTHER), note=good)
    yield vector("that names one for whom it is not", None, note=good | {"to": sorted([READER.text(), OTHER.text()])})
    yield vector("that names others alone", None, 0, 1, note=good | {"to": [OTHER.text()]})
    hidden = passing_of(0, [(b3(b"a secret of its giver's own"), READER)], [FILE])
    yield vector("for a holder key that follows from nothing", None, 0, 1, passing=hidden)
    for name, error, note in (
        ("version 2", "version", good | {"v": 2}), ("no names", "names", good | {"names": []}), ("a name that leads out", "malformed", good | {"names": ["../a"]}),
        ("no recipients", "recipients", good | {"to": []}), ("a recipient twice", "recipients", good | {"to": [READER.text()] * 2}),
        ("a recipient of 4097 bytes", "recipients", good | {"to": ["x" * 4097]}), ("an unknown key", "malformed", good | {"extra": 1}),
    ):
        yield vector(name, None, 0, 1, error, note=note)
    yield vector("under another key", None, 0, 1, "not_yours", note_key=b3(b"other"))
    yield vector("of another recipient", "series", holder=READERS, by=READER, above=[may(recipients=[(READERS, READER)])])
    yield vector("by pointers of a key of its giver's own", "holder", said={"series": Key(b3(b"hidden")).public})


# --- Links, pointers and notes -------------------------------------------------------------------


def link_text(series=SERIES.public, secret=SECRET, slot=b""):
    return "headwater-grant:" + base64.urlsafe_b64encode(series + secret + slot).decode().rstrip("=")


def links():
    yield {"name": "a grant", "account": OWNER.account.hex(), "id": ID.hex(), "link": link_text()}
    secret = derive("headwater v1 delegation link", OTHERS + SLOT.to_bytes(2, "little"))
    passed_on = link_text(holder_key(OTHERS).public, secret, bytes([SLOT]))
    yield {"name": "passed on", "account": OWNER.account.hex(), "id": ID.hex(), "to": OTHER.text(), "slot": SLOT, "link": passed_on}
    for name, slot in (("0", b"\0"), ("of the owner", b"\1"), ("18", b"\x12")):
        yield {"name": f"a pointer {name}", "link": link_text(slot=slot), "error": "slot"}
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
    sealed = {"from": FILE["object"], "name": "records/study", "object": b"\x01\x71\x1e\x20" + b3(b"copy")}
    yield vector("of what is sealed for emergencies", None, NOTE | {"sealed": [sealed]})
    yield vector("nothing sealed", "sealed", NOTE | {"sealed": []})
    yield vector("65 things sealed", "malformed", NOTE | {"sealed": [sealed] * 65})
    yield vector("sealed without what it is of", "malformed", NOTE | {"sealed": [{"name": sealed["name"], "object": sealed["object"]}]})
    yield vector("an unknown key of what is sealed", "malformed", NOTE | {"sealed": [sealed | {"extra": 1}]})
    yield vector("sealed under a name that leads out", "name", NOTE | {"sealed": [sealed | {"name": "../a"}]})


def write(name, about, vectors, **more):
    lines = ",\n    ".join(json.dumps(vector, ensure_ascii=False) for vector in vectors)
    head = "".join(f'  "{key}": "{value}",\n' for key, value in more.items())
    (FOLDER / name).write_text(f'{{\n  "about": {json.dumps(about)},\n{head}  "vectors": [\n    {lines}\n  ]\n}}\n')


write("identities.json", "Spec section 31. Accounts and their identities, and texts that are none.", identities())
write(
    "grants.json", "Spec section 31. Grants that the account `reader` opens, or refuses for the reason in `error`.", grants(),
    network=NET.hex(), reader=READER.account.hex(), owner=OWNER.signing.public.hex(),
)
write(
    "delegations.json", "Spec section 31. What was passed on to the account `reader`, which opens it, or refuses it for the reason in `error`.", delegations(),
    network=NET.hex(), reader=READER.account.hex(), owner=OWNER.signing.public.hex(),
)
write(
    "delegation_notes.json", "Spec section 31. What `to` has passed on of the grant `id` of `account`, as that account sees it: for how many it is whom the note names, and whom it does not, and why the note says nothing; or the reason in `error`.", delegation_notes(),
    network=NET.hex(), account=OWNER.account.hex(), id=ID.hex(), to=OTHER.text(),
)
write("links.json", "Spec section 31. Links of grants and the accounts and ids from which they follow, and texts that are none.", links())
write("pointers.json", "Spec section 31. Values of the pointer of the grant behind `link`, or the reason in `error`.", pointers(), link=link_text())
write(
    "notes.json", "Spec section 31. Grants with the owner's note, which `account` reads, or refuses for the reason in `error`; `reader` opens all of them.", notes(),
    network=NET.hex(), reader=READER.account.hex(), account=OWNER.account.hex(),
)
