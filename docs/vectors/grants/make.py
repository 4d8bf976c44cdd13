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

    def wrap(self, key, info, aad, ephemeral):
        sealed = seal_base(self.kem, self.reads, info, aad, key, ephemeral)
        assert rust_openssl.hpke._decrypt_with_aad(OUTSIDE[self.kem], sealed, self.secret, info, aad) == key
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


def contents_of(files, key=GRANT_KEY, **changes):
    return ChaCha20Poly1305(key).encrypt(bytes(12), cbor(without_none({"files": files, "v": 1} | changes)), b"")


def wraps_for(identities_, contents, key=GRANT_KEY, info=b"headwater/1 grant"):
    wraps = [one.wrap(key, info, b3(contents), b3(b"ephemeral" + bytes([number]))) for number, one in enumerate(identities_)]
    return b"".join(sorted(wraps))


def grant(files=(FILE,), to=(OWNER, READER), contents=None, wraps=None, body=None, network=NET, by=OWNER, **changes):
    contents = contents_of(list(files)) if contents is None else contents
    wraps = wraps_for(to, contents) if wraps is None else wraps
    said = {"contents": b3(contents), "expires": START + 86_400, "issued": START, "purpose": "treatment", "wraps": b3(wraps)} | (body or {})
    signed = record("grant", without_none(said), by.signing, network=network)
    return cbor(without_none({"contents": contents, "record": signed, "v": 1, "wraps": wraps} | changes))


def grants():
    def vector(name, error, bytes_, count=None):
        return without_none({"name": name, "grant": bytes_.hex(), "error": error, "files": count})

    yield vector("one file for one reader", None, grant(), 1)
    yield vector("two files for two readers", None, grant([FILE, without_none(FILE | {"name": "b", "type": None})], (OWNER, OTHER, READER)), 2)
    yield vector("for a hybrid reader", None, grant(to=(OWNER, HYBRID_READER)), 1)
    yield vector("for readers of both kinds", None, grant(to=(OWNER, OTHER, HYBRID_READER, HYBRID_OTHER)), 1)
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
    yield vector("for others", "not_for_you", grant(to=(OWNER, OTHER)))
    yield vector("for other hybrid readers", "not_for_you", grant(to=(OWNER, HYBRID_OTHER)))
    mine = HYBRID_READER.wrap(GRANT_KEY, b"headwater/1 grant", b3(contents_of([FILE])), b3(b"ephemeral"))
    yield vector("another ciphertext of ML-KEM", "not_for_you", grant(wraps=mine[:2] + bytes([mine[2] ^ 1]) + mine[3:]))
    yield vector("another key of X25519 beside it", "not_for_you", grant(wraps=mine[:1090] + OTHER.reads + mine[1122:]))
    yield vector("wrapped beside other contents", "not_for_you", grant(wraps=wraps_for((OWNER, READER), b"other")))
    yield vector("wrapped for something else", "not_for_you", grant(wraps=wraps_for((OWNER, READER), contents_of([FILE]), info=b"headwater/1 other")))
    yield vector("no wraps", "wraps", grant(wraps=b""))
    yield vector("a hybrid wrap of 1169 bytes", "wraps", grant(wraps=mine[:-1]))
    yield vector("a hybrid wrap that says it is none", "wraps", grant(wraps=X25519 + mine[2:]))
    yield vector("a wrap of another kind", "wraps", grant(wraps=bytes([0x00, 0x10]) + wraps_for((READER,), contents_of([FILE]))[2:]))
    yield vector("a wrap without its kind", "wraps", grant(wraps=wraps_for((READER,), contents_of([FILE]))[2:]))
    yield vector("a wrap of 81 bytes", "wraps", grant(wraps=wraps_for((READER,), contents_of([FILE]))[:-1]))
    yield vector("contents under another key", "key", grant(contents=contents_of([FILE], b3(b"other key"))))
    yield vector("no files", "files", grant([]))
    yield vector("65 files", "malformed", grant([FILE] * 65))
    yield vector("contents of version 2", "version", grant(contents=contents_of([FILE], v=2)))
    yield vector("a name that leads out", "malformed", grant([FILE | {"name": "../a"}]))
    yield vector("a key of 31 bytes", "malformed", grant([FILE | {"key": bytes(31)}]))
    yield vector("an unknown key of a file", "malformed", grant([FILE | {"extra": 1}]))


def write(name, about, vectors, **more):
    lines = ",\n    ".join(json.dumps(vector, ensure_ascii=False) for vector in vectors)
    head = "".join(f'  "{key}": "{value}",\n' for key, value in more.items())
    (FOLDER / name).write_text(f'{{\n  "about": {json.dumps(about)},\n{head}  "vectors": [\n    {lines}\n  ]\n}}\n')


write("identities.json", "Spec section 31. Accounts and their identities, and texts that are none.", identities())
write(
    "grants.json", "Spec section 31. Grants that the account `reader` opens, or refuses for the reason in `error`.", grants(),
    network=NET.hex(), reader=READER.account.hex(), owner=OWNER.signing.public.hex(),
)
