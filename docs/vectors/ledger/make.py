#!/usr/bin/env python3
"""Makes the golden vectors in this folder from docs/spec.md section 25 alone, with the packages of tests/python/requirements.txt.

Everything comes from fixed seeds, so running it again gives the same files. `cargo test -p ledger` reads them.
"""

import base64
import hashlib
import pathlib
import sys

from blake3 import blake3
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

FOLDER = pathlib.Path(__file__).parent
sys.path.append(str(FOLDER.parent))

import records as signed_records
from records import NET as NETWORK, OTHER_NET, START, Key, Raw, b3, cbor, derive, readable, signed_bytes, without_none, write

NULL, FLOAT = Raw(b"\xf6"), Raw(b"\xfb\x3f\xf0\x00\x00\x00\x00\x00\x00")
KEYS = {name: Key(bytes([seed] * 32)) for seed, name in enumerate(("viewer", "session", "gateway", "node", "issuer", "treasury", "one", "two", "three"), 1)}
PUBLIC = {name: key.public for name, key in KEYS.items()}
AMOUNT_MAX = 2**63 - 1
# Everything here is signed for one ledger of the network (section 10).
NET = derive("headwater v1 network at a ledger", NETWORK + PUBLIC["issuer"])


def record(kind, body, by, /, *, network=NET, **changes):
    return signed_records.record(kind, body, by, network=network, **changes)


def keyed(key, data):
    return blake3(data, key=key).digest()


def u64le(number):
    return number.to_bytes(8, "little")


def cid(data):
    return b"\x01\x71\x1e\x20" + b3(data)


# --- Agreements ----------------------------------------------------------------------------------


def party(name, ppm, role="author", **changes):
    return without_none({"party": PUBLIC[name], "ppm": ppm, "role": role} | changes)


def in_order(parties):
    return sorted(parties, key=lambda p: (p["party"], p["role"]))


PARENTS = sorted(b3(name) for name in (b"parent", b"other parent"))
PLAIN = {
    "content": cid(b"bundle"),
    "creator": PUBLIC["one"],
    "fees": {"gateway": 50_000, "network": 20_000, "node": 100_000},
    "issued": START,
    "parents": [],
    "parties": [party("one", 1_000_000)],
    "price": {"micro": 100, "of": 60, "per": "second"},
    "unit": "EUR",
    "v": 1,
    "version": 1,
}
SHARED = in_order([party("one", 400_000), party("one", 100_000, "composer", ipi="00334284961"), party("two", 300_000, "performer"), party("three", 200_000, "label")])
FULL = PLAIN | {
    "iscc": "ISCC:KACYPXW445FTYNJ3CYSXHAFJMA2HUWULUNRFE3BLHRSCXYH2M5AEGQY",
    "isrc": "USRC17607839",
    "iswc": "T0345246801",
    "parents": [{"agreement": id_, "ppm": 150_000} for id_ in PARENTS],
    "parties": SHARED,
    "secondary": 100_000,
    "supersedes": b3(b"before"),
    "version": 2,
}


def agreements():
    def good(name, base=PLAIN, **changes):
        bytes_ = cbor(without_none(base | changes))
        return {"name": name, "agreement": bytes_.hex(), "id": b3(bytes_).hex()}

    def bad(name, error, base=PLAIN, **changes):
        return {"name": name, "agreement": cbor(without_none(base | changes)).hex(), "error": error}

    price = PLAIN["price"]
    yield good("plain")
    yield good("with everything", FULL)
    yield good("free", price=price | {"micro": 0})
    yield good("the highest price for the most bytes", price={"micro": AMOUNT_MAX, "of": 2**32, "per": "byte"})
    yield good("all for the gateway", fees={"gateway": 1_000_000, "network": 0, "node": 0})
    yield good("all for a parent", parents=[{"agreement": PARENTS[0], "ppm": 1_000_000}])
    yield good("licensed for nothing", secondary=0)
    many = in_order([{"party": Key(bytes([seed] * 32)).public, "ppm": 15_625, "role": "other"} for seed in range(64)])
    yield good("64 parties", parties=many)

    yield {"name": "nothing", "agreement": "", "error": "malformed"}
    yield {"name": "a byte follows", "agreement": (cbor(PLAIN) + b"\0").hex(), "error": "malformed"}
    yield {"name": "longer than any", "agreement": bytes(16_385).hex(), "error": "malformed"}
    for key in PLAIN:
        yield bad(f"no {key}", "malformed", **{key: None})
    yield bad("an unknown key", "malformed", note=1)
    yield bad("format 2", "format", v=2)
    yield bad("version 0", "version", version=0)
    yield bad("version 2 of nothing", "version", version=2)
    yield bad("version 1 of something", "version", supersedes=b3(b"before"))
    yield bad("supersedes null", "malformed", supersedes=NULL)
    yield bad("a price that is a float", "malformed", price=price | {"micro": FLOAT})
    yield bad("a negative price", "malformed", price=price | {"micro": -1})
    yield bad("a price above the largest amount", "malformed", price=price | {"micro": 2**63})
    yield bad("a price for nothing", "malformed", price=price | {"of": 0})
    yield bad("a price for too much", "malformed", price=price | {"of": 2**32 + 1})
    yield bad("a price per day", "malformed", price=price | {"per": "day"})
    yield bad("a price without a unit of use", "malformed", price={"micro": 1, "of": 1})
    for unit in ("", "eur", "EURO1", "A" * 13):
        yield bad(f"unit {unit!r}", "malformed", unit=unit)
    yield bad("no parties", "party_sum", parties=[])
    yield bad("a millionth too few", "party_sum", parties=[party("one", 999_999)])
    yield bad("a millionth too many", "party_sum", parties=in_order([party("one", 999_999), party("two", 2)]))
    yield bad("a share above the whole", "malformed", parties=[party("one", 1_000_001)])
    yield bad("shares that wrap around", "party_sum", parties=many[:2] + [p | {"ppm": 1_000_000} for p in many[2:]])
    yield bad("a party without a share", "no_share", parties=in_order([party("one", 1_000_000), party("two", 0)]))
    yield bad("parties out of order", "party_order", parties=in_order(SHARED)[::-1])
    yield bad("a party twice in one role", "party_order", parties=[party("one", 500_000)] * 2)
    yield bad("an unknown role", "malformed", parties=[party("one", 1_000_000, "hero")])
    yield bad("65 parties", "malformed", parties=in_order(many + [party("three", 1, "label")]))
    yield bad("a key off the curve", "malformed", creator=(2).to_bytes(32, "little"))
    yield bad("a key with a second spelling", "malformed", creator=bytes([0xEE] + [0xFF] * 30 + [0x7F]))
    for ipi in ("00334284962", "0033428496", "I00000022.9"):
        yield bad(f"IPI {ipi}", "malformed", parties=[party("one", 1_000_000, ipi=ipi)])
    for iswc in ("T0345246802", "T-034.524.680-1", "0345246801"):
        yield bad(f"ISWC {iswc}", "malformed", iswc=iswc)
    for isrc in ("US-RC1-76-07839", "usrc17607839", "USRC1760783"):
        yield bad(f"ISRC {isrc}", "malformed", isrc=isrc)
    for iscc in ("KACYPXW445FTYNJ3CYSXHAFJMA2HUWULUNRFE3BLHRSCXYH2M5AEGQY", "ISCC:KACYPXW445FTYNJ3", FULL["iscc"][:-1] + "Z"):
        yield bad(f"ISCC {iscc}", "malformed", iscc=iscc)
    parent = {"agreement": PARENTS[0], "ppm": 1}
    other = {"agreement": PARENTS[1], "ppm": 1}
    yield bad("a parent without a share", "no_parent_share", parents=[parent | {"ppm": 0}])
    yield bad("parents out of order", "parent_order", parents=[other, parent])
    yield bad("a parent twice", "parent_order", parents=[parent, parent])
    yield bad("parents with more than the whole", "parent_sum", parents=[parent | {"ppm": 1_000_000}, other])
    yield bad("17 parents", "malformed", parents=[{"agreement": bytes([n]) * 32, "ppm": 1} for n in range(17)])
    yield bad("a parent of 31 bytes", "malformed", parents=[parent | {"agreement": bytes(31)}])
    yield bad("fees above the whole", "fee_sum", fees={"gateway": 500_000, "network": 1, "node": 500_000})
    yield bad("a fee missing", "malformed", fees={"gateway": 0, "network": 0})


# --- Records -------------------------------------------------------------------------------------

USAGE = {"bytes": 5_000_000, "ms": 61_000}
BODIES = {
    "acceptance": {"issued": START, "name": b3(b"record")},
    "allocation": {"amount": 5000, "epoch": 1, "issued": START, "lane": 3, "payee": PUBLIC["node"]},
    "attestation": {"commitment": keyed(bytes([7] * 32), b"credential"), "issued": START, "kind": "credential"},
    "budget": {"amount": 9_000_000, "content": cid(b"bundle"), "each": 1_000_000, "epoch": 1, "id": bytes([1] * 16), "issued": START, "viewers": sorted([PUBLIC["viewer"], PUBLIC["two"]]), "whole": True},
    "consent": {"agreement": b3(b"agreement"), "issued": START},
    "delivery_receipt": {"delivered": {"count": 12, "hash": b3(b"segments")}, "seq": 4, "serial": bytes([2] * 16), "stream": 15, "usage": USAGE},
    "deposit": {"amount": AMOUNT_MAX, "id": bytes([3] * 16), "issued": START, "remark": "by bank", "unit": "EUR"},
    "dispute": {"amount": 12, "issued": START, "party": PUBLIC["one"], "reason": "never watched", "subject": b3(b"line")},
    "hold": {"amount": 12, "dispute": b3(b"dispute"), "issued": START},
    "inquiry": {"epoch": 3, "host": "ledger.example:8700", "issued": START, "what": "statement"},
    "key_delivery": {"issued": START, "purchase": b3(b"purchase"), "sealed": b3(b"sealed key")},
    "licence_transfer": {"issued": START, "licence": b3(b"purchase"), "number": 0, "price": 900, "to": PUBLIC["three"]},
    "offer": {"agreement": b3(b"agreement"), "issued": START, "licence": b3(b"licence"), "price": 1000, "resale": 100_000, "sample": cid(b"sample"), "term": 86_400, "until": START + 86_400},
    "page_release": {"hash": b3(b"page"), "issued": START, "name": "page 1"},
    "payee": {"address": bytes([4] * 20), "issued": START, "seq": 0},
    "payout_claim": {"cumulative": 12, "issued": START, "rail": "bank", "remark": "DE00"},
    "promise": {"name": b3(b"record"), "taken": START, "until": START + 86_400},
    "prepayment": {"amount": 9000, "auditor": PUBLIC["two"], "id": bytes([5] * 16), "issued": START, "price": 250, "until": START + 86_400, "withheld": 100_000},
    "purchase": {"id": bytes([6] * 16), "issued": START, "offer": b3(b"offer")},
    "resolution": {"given": 5, "hold": b3(b"hold"), "issued": START},
    "reversal": {"entry": b3(b"entry"), "issued": START, "reason": "bounced"},
    "session_grant": {"agreement": b3(b"agreement"), "alias": b3(b"alias"), "attested": False, "charge": 500, "epoch": 1, "expires": START + 3600, "gateway": PUBLIC["gateway"], "limit": USAGE, "serial": bytes([2] * 16), "session": PUBLIC["session"], "starts": START},
    "session_request": {"agreement": b3(b"agreement"), "attested": True, "budget": {"id": bytes([1] * 16), "payer": PUBLIC["three"]}, "charge": 500, "epoch": 1, "gateway": PUBLIC["gateway"], "issued": START, "limit": USAGE, "session": PUBLIC["session"]},
    "storage_report": {"bytes": 2**40, "from": 500_000, "issued": START, "lost": 1, "node": PUBLIC["node"], "prepayment": {"id": bytes([5] * 16), "payer": PUBLIC["viewer"]}, "to": 500_001, "transcript": b3(b"transcript")},
    "voucher": {"amount": 77, "bytes": 2**64 - 1, "epoch": 1, "lane": 2**32 - 1, "payee": PUBLIC["node"]},
}
OPTIONAL = {("budget", "content"), ("deposit", "remark"), ("inquiry", "epoch"), ("offer", "resale"), ("offer", "sample"), ("payout_claim", "remark"), ("session_request", "budget")}
SIGNERS = {"acceptance": "issuer", "allocation": "gateway", "attestation": "one", "budget": "three", "consent": "one", "delivery_receipt": "session", "deposit": "viewer", "dispute": "two", "hold": "issuer", "inquiry": "viewer", "key_delivery": "one", "licence_transfer": "viewer", "offer": "one", "page_release": "issuer", "payee": "one", "payout_claim": "one", "prepayment": "viewer", "promise": "issuer", "purchase": "viewer", "resolution": "issuer", "reversal": "issuer", "session_grant": "issuer", "session_request": "viewer", "storage_report": "two", "voucher": "gateway"}


def records():
    def good(name, kind, /, **changes):
        body, by = without_none(BODIES[kind] | changes), KEYS[SIGNERS[kind]]
        return {"name": f"{kind}: {name}", "record": record(kind, body, by).hex(), "type": kind, "by": by.public.hex(), "body": readable(body)}

    def bad(name, kind, error, bytes_):
        return {"name": f"{kind}: {name}", "record": bytes_.hex(), "type": kind, "error": error}

    def bad_body(name, kind, /, **changes):
        return bad(name, kind, "malformed", record(kind, without_none(BODIES[kind] | changes), KEYS[SIGNERS[kind]]))

    for kind in BODIES:
        yield good("ordinary", kind)
    for kind, key in sorted(OPTIONAL):
        yield good(f"no {key}", kind, **{key: None})
    for kind, body in BODIES.items():
        by = KEYS[SIGNERS[kind]]
        for key in body:
            if (kind, key) not in OPTIONAL:
                yield bad_body(f"no {key}", kind, **{key: None})
        yield bad_body("an unknown key", kind, note=1)
        whole = record(kind, body, by)
        yield bad("cut before the last byte", kind, "malformed", whole[:-1])
        yield bad("a byte follows", kind, "malformed", whole + b"\0")
        yield bad("another network", kind, "network", record(kind, body, by, network=OTHER_NET))
        yield bad("for the network, and no ledger of it", kind, "network", record(kind, body, by, network=NETWORK))
        yield bad("signed for another network", kind, "signature", record(kind, body, by, sig=by.sign(signed_bytes(kind, OTHER_NET, body))))
        yield bad("named as signed by another key", kind, "signature", record(kind, body, by, by=PUBLIC["treasury"]))
        yield bad("signed as another type", kind, "signature", record(kind, body, by, sig=by.sign(signed_bytes("lease", NET, body))))
    for kind, key in (("allocation", "amount"), ("budget", "each"), ("deposit", "amount"), ("dispute", "amount"), ("licence_transfer", "price"), ("hold", "amount"), ("resolution", "given"), ("offer", "price"), ("payout_claim", "cumulative"), ("prepayment", "price"), ("session_grant", "charge"), ("session_request", "charge"), ("voucher", "amount")):
        yield bad_body(f"{key} above the largest", kind, **{key: 2**63})
        yield bad_body(f"{key} below zero", kind, **{key: -1})
        yield bad_body(f"{key} as a text", kind, **{key: "1"})
        yield bad_body(f"{key} as a float", kind, **{key: FLOAT})
    for kind, key, len_ in (("budget", "id", 16), ("deposit", "id", 16), ("delivery_receipt", "serial", 16), ("session_grant", "serial", 16), ("session_grant", "alias", 32), ("payee", "address", 20), ("attestation", "commitment", 32), ("consent", "agreement", 32), ("acceptance", "name", 32), ("key_delivery", "sealed", 32), ("licence_transfer", "licence", 32), ("offer", "licence", 32), ("prepayment", "id", 16), ("purchase", "offer", 32), ("storage_report", "transcript", 32), ("hold", "dispute", 32), ("resolution", "hold", 32), ("dispute", "subject", 32), ("page_release", "hash", 32), ("promise", "name", 32), ("reversal", "entry", 32)):
        yield bad_body(f"{key} a byte short", kind, **{key: bytes(len_ - 1)})
        yield bad_body(f"{key} a byte long", kind, **{key: bytes(len_ + 1)})
    for kind, key in (("dispute", "reason"), ("page_release", "name"), ("reversal", "reason"), ("deposit", "remark"), ("payout_claim", "remark")):
        for what, text in (("nothing", ""), ("201 bytes", "r" * 201), ("a line feed", "a\nb")):
            yield bad_body(f"{key} of {what}", kind, **{key: text})
    yield good("to an audit trail", "attestation", kind="trail")
    yield good("to a file", "attestation", kind="file")
    yield bad_body("of a miracle", "attestation", kind="miracle")
    yield bad_body("with its nonce", "attestation", nonce=bytes([7] * 32))
    yield bad_body("withheld above the whole", "prepayment", withheld=1_000_001)
    yield bad_body("resale above the whole", "offer", resale=1_000_001)
    yield bad_body("a term of 2^32", "offer", term=2**32)
    yield bad_body("number 2^32", "licence_transfer", number=2**32)
    yield bad_body("a prepayment without a payer", "storage_report", prepayment={"id": bytes(16)})
    yield bad_body("stream 16", "delivery_receipt", stream=16)
    yield bad_body("usage without ms", "delivery_receipt", usage={"bytes": 1})
    yield bad_body("delivered as a hash", "delivery_receipt", delivered=b3(b"segments"))
    yield bad_body("lane 2^32", "allocation", lane=2**32)
    yield bad_body("rail of gold", "payout_claim", rail="gold")
    yield bad_body("whole as a number", "budget", whole=1)
    many = sorted(Key(bytes([seed] * 32)).public for seed in range(65))
    yield good("of one viewer", "budget", viewers=[PUBLIC["viewer"]])
    yield good("of 64 viewers", "budget", viewers=many[:64])
    yield bad_body("of 65 viewers", "budget", viewers=many)
    yield bad_body("of no viewer", "budget", viewers=[])
    yield bad_body("viewers out of order", "budget", viewers=many[:2][::-1])
    yield bad_body("a viewer twice", "budget", viewers=many[:1] * 2)
    yield bad_body("a viewer off the curve", "budget", viewers=[(2).to_bytes(32, "little")])
    yield bad_body("one viewer, who is no list", "budget", viewers=PUBLIC["viewer"])
    yield bad_body("attested as a number", "session_grant", attested=0)
    yield bad_body("attested as a number", "session_request", attested=1)
    yield bad_body("of everything", "inquiry", what="everything")
    yield good("at an address", "inquiry", host="[2001:db8::1]")
    yield good("at the longest name", "inquiry", host="l" * 255)
    for what, host in (("nowhere", ""), ("a name of 256 bytes", "l" * 256), ("upper case", "Ledger.example"), ("an address with a scheme", "https://ledger.example"), ("a path", "ledger.example/v1"), ("bytes", b"ledger.example")):
        yield bad_body(f"at {what}", "inquiry", host=host)
    yield bad_body("budget without a payer", "session_request", budget={"id": bytes(16)})
    yield bad_body("budget null", "session_request", budget=NULL)
    yield bad_body("lower case unit", "deposit", unit="eur")


def derived():
    """Serials, aliases, chains over segments, and heads of journals."""
    body = BODIES["session_request"]
    serial = derive("headwater v1 grant serial", PUBLIC["viewer"] + cbor(body))[:16]
    blind = b3(b"blind")
    alias = derive("headwater v1 viewer alias", blind + PUBLIC["viewer"] + body["agreement"] + u64le(body["epoch"]))
    yield {"name": "serial", "request": record("session_request", body, KEYS["viewer"]).hex(), "serial": serial.hex()}
    yield {"name": "alias", "blind": blind.hex(), "viewer": PUBLIC["viewer"].hex(), "agreement": body["agreement"].hex(), "epoch": 1, "alias": alias.hex()}
    yield {"name": "at_ledger", "network": NETWORK.hex(), "issuer": PUBLIC["issuer"].hex(), "at_ledger": NET.hex()}
    chain = bytes(32)
    for n in range(3):
        chain = derive("headwater v1 delivered", chain + b3(bytes([n])))
    yield {"name": "delivered", "segments": [b3(bytes([n])).hex() for n in range(3)], "hash": chain.hex()}
    code = bytes(range(16))
    yield {"name": "top_up", "code": base64.b32encode(code).decode().rstrip("="), "id": derive("headwater v1 top-up", code)[:16].hex()}
    terms = {"issuer": PUBLIC["issuer"], "network": NETWORK, "treasury": PUBLIC["treasury"], "unit": "EUR"}
    head = derive("headwater v1 journal", bytes(32) + cbor(terms))
    deposit = record("deposit", BODIES["deposit"], KEYS["viewer"])
    acceptance = record("acceptance", BODIES["acceptance"], KEYS["issuer"])
    entry = cbor({"at": START, "what": {"deposit": {"acceptance": acceptance, "deposit": deposit}}})
    after = derive("headwater v1 journal", head + entry)
    name = b3(cbor([PUBLIC["viewer"], "deposit", BODIES["deposit"]]))
    yield from sealed_keys()
    yield {"name": "journal", "terms": readable(terms), "head": head.hex(), "entry": entry.hex(), "after": after.hex(), "record_name": name.hex()}


def sealed_keys():
    """What was sold, sealed to the X25519 form of the key that bought it, and the same with a point that leads everybody to one key."""
    seller, buyer, purchase, text = bytes([21] * 32), bytes([22] * 32), b3(b"purchase"), b"headwater:cid#key"
    ephemeral = X25519PrivateKey.from_private_bytes(derive("headwater v1 sealing", seller + purchase + text))
    own = X25519PrivateKey.from_private_bytes(hashlib.sha512(buyer).digest()[:32])
    point, known = ephemeral.public_key().public_bytes_raw(), own.public_key().public_bytes_raw()

    def sealed(point, shared):
        key = HKDF(hashes.SHA256(), 32, salt=point + known, info=b"headwater v1 sealed key" + purchase).derive(shared)
        return (point + ChaCha20Poly1305(key).encrypt(bytes(12), text, None)).hex()

    about = {"name": "sealed_key", "seller_secret": seller.hex(), "buyer_secret": buyer.hex(), "purchase": purchase.hex()}
    yield about | {"text": text.hex(), "sealed": sealed(point, ephemeral.exchange(own.public_key()))}
    yield about | {"text": None, "sealed": sealed(bytes(32), bytes(32))}


# --- Entries -------------------------------------------------------------------------------------


NO_ITEMS = {"count": 0, "root": hashlib.sha256(b"").digest()}
SUMMARY = {name: NO_ITEMS for name in ("carriers", "disputes", "gateways", "keepers", "lines", "receipts", "sales", "subscriptions")} | {
    "epoch": 1,
    "journal": {"count": 3, "hash": b3(b"head")},
    "payouts": {"count": 0, "root": bytes(32)},
    "posted": b3(b"posted"),
    "previous": b3(b"previous"),
    "rule": "largest-remainder-1",
    "totals": {name: 0 for name in ("charged", "collateral", "gateways", "network", "nodes", "parties", "sold", "stored")},
}


def entries():
    def signed(kind):
        return record(kind, BODIES[kind], KEYS[SIGNERS[kind]])

    def what(kind, key=None):
        return {key or kind: signed(kind)}

    def deposit(record_=signed("deposit"), acceptance=signed("acceptance")):
        return {"deposit": without_none({"acceptance": acceptance, "deposit": record_})}

    def entry(what_, **changes):
        return cbor(without_none({"at": START, "what": what_} | changes))

    def good(name, what_):
        return {"name": name, "entry": entry(what_).hex()}

    def bad(name, error, bytes_):
        return {"name": name, "entry": bytes_.hex(), "error": error}

    agreement = cbor(PLAIN)
    consent = record("consent", {"agreement": b3(agreement), "issued": START}, KEYS["one"])
    grant = {"blind": b3(b"blind"), "grant": what("session_grant")["session_grant"], "request": what("session_request")["session_request"]}
    simple = [("allocation", None), ("attestation", None), ("budget", None), ("payout_claim", "claim"), ("key_delivery", "delivery"), ("dispute", None), ("hold", None), ("offer", None), ("page_release", "page"), ("payee", None), ("prepayment", None), ("purchase", None), ("storage_report", "report"), ("delivery_receipt", "receipt"), ("resolution", None), ("reversal", None), ("voucher", None)]
    for kind, key in simple:
        yield good(key or kind, what(kind, key))
    yield good("deposit", deposit())
    transfer = {"acceptance": signed("acceptance"), "transfer": signed("licence_transfer")}
    yield good("transfer", {"transfer": transfer})
    yield bad("a transfer that nobody accepts", "malformed", entry({"transfer": {"transfer": transfer["transfer"]}}))
    yield bad("a transfer that is an offer", "record", entry({"transfer": transfer | {"transfer": signed("offer")}}))
    yield good("grant", {"grant": grant})
    yield good("agreement", {"agreement": {"agreement": agreement, "consents": [consent]}})
    yield good("agreement that nobody has signed", {"agreement": {"agreement": agreement, "consents": []}})
    root, summary = NO_ITEMS, SUMMARY
    yield good("settlement", {"settlement": summary})
    yield good("the first settlement, in which nothing moves", {"settlement": without_none(summary | {"posted": None, "previous": None})})

    yield bad("nothing", "malformed", b"")
    yield bad("no time", "malformed", entry(what("voucher"), at=None))
    yield bad("an unknown key", "malformed", entry(what("voucher"), note=1))
    yield bad("of no kind", "malformed", entry({}))
    yield bad("of two kinds", "malformed", entry(what("payee") | what("voucher")))
    yield bad("of an unknown kind", "malformed", entry({"gift": signed("deposit")}))
    yield bad("a record that is not in bytes", "malformed", entry({"voucher": BODIES["voucher"]}))
    yield bad("a record of 4097 bytes", "malformed", entry({"voucher": bytes(4097)}))
    yield bad("a voucher called a deposit", "record", entry(deposit(signed("voucher"))))
    other = record("deposit", BODIES["deposit"], KEYS["viewer"], network=OTHER_NET)
    yield bad("for another network", "record", entry(deposit(other)))
    forged = record("deposit", BODIES["deposit"] | {"amount": 1}, KEYS["viewer"], sig=bytes(64))
    yield bad("a deposit that nobody signed", "record", entry(deposit(forged)))
    yield bad("a deposit that nobody accepts", "malformed", entry(deposit(acceptance=None)))
    yield bad("a deposit that stands alone", "malformed", entry(what("deposit")))
    yield bad("a deposit that is accepted by a deposit", "record", entry(deposit(acceptance=signed("deposit"))))
    yield bad("a grant without a request", "malformed", entry({"grant": without_none(grant | {"request": None})}))
    yield bad("a grant whose request is a grant", "record", entry({"grant": grant | {"request": grant["grant"]}}))
    yield bad("a blind of 31 bytes", "malformed", entry({"grant": grant | {"blind": bytes(31)}}))
    yield bad("an agreement that is none", "agreement", entry({"agreement": {"agreement": cbor(PLAIN | {"version": 0}), "consents": [consent]}}))
    yield bad("an agreement that is not in bytes", "malformed", entry({"agreement": {"agreement": PLAIN, "consents": [consent]}}))
    yield bad("131 consents", "malformed", entry({"agreement": {"agreement": agreement, "consents": [consent] * 131}}))
    yield bad("rounded in another way", "malformed", entry({"settlement": summary | {"rule": "half-even"}}))
    yield bad("a settlement without totals", "malformed", entry({"settlement": without_none(summary | {"totals": None})}))
    yield bad("a root of 31 bytes", "malformed", entry({"settlement": summary | {"lines": root | {"root": bytes(31)}}}))


# --- Shares and payout trees ---------------------------------------------------------------------


def shared(whole, weights):
    total = sum(weight for _, weight in weights)
    parts = [whole * weight // total for _, weight in weights]
    order = sorted(range(len(weights)), key=lambda n: (-(whole * weights[n][1] % total), weights[n][0]))
    for n in order[: whole - sum(parts)]:
        parts[n] += 1
    return parts


def shares():
    cases = [(100, [1, 1, 1]), (1, [1, 999_999]), (0, [3, 4]), (7, [0, 5, 0]), (AMOUNT_MAX, [333_333, 333_333, 333_334]), (AMOUNT_MAX, [2**64 - 1] * 5), (10, [1] * 16), (999_999, [7, 11, 13, 17, 19])]
    for whole, weights in cases:
        for keys in (range(len(weights)), range(len(weights))[::-1]):
            keyed = list(zip(keys, weights))
            yield {"whole": whole, "keys": list(keys), "weights": weights, "parts": shared(whole, keyed)}


def rotate(value, by):
    return (value << by | value >> 64 - by) & 2**64 - 1 if by else value


def keccak(data):
    """Keccak-256 with the padding of 2011, as Ethereum has it."""
    state = [[0] * 5 for _ in range(5)]
    padded = bytearray(data + b"\1" + bytes(-(len(data) + 1) % 136))
    padded[-1] |= 0x80
    for block in range(0, len(padded), 136):
        for lane in range(17):
            state[lane % 5][lane // 5] ^= int.from_bytes(padded[block + 8 * lane : block + 8 * lane + 8], "little")
        register = 1
        for _ in range(24):
            parity = [state[x][0] ^ state[x][1] ^ state[x][2] ^ state[x][3] ^ state[x][4] for x in range(5)]
            change = [parity[x - 1] ^ rotate(parity[(x + 1) % 5], 1) for x in range(5)]
            state = [[lane ^ change[x] for lane in state[x]] for x in range(5)]
            x, y, moved = 1, 0, state[1][0]
            for step in range(24):
                x, y = y, (2 * x + 3 * y) % 5
                moved, state[x][y] = state[x][y], rotate(moved, (step + 1) * (step + 2) // 2 % 64)
            for y in range(5):
                row = [state[x][y] for x in range(5)]
                for x in range(5):
                    state[x][y] = row[x] ^ (~row[(x + 1) % 5] & row[(x + 2) % 5] & 2**64 - 1)
            for bit in range(7):
                register = (register << 1) ^ (register >> 7) * 0x171
                if register & 2:
                    state[0][0] ^= 1 << (1 << bit) - 1
    return b"".join(state[lane % 5][lane // 5].to_bytes(8, "little") for lane in range(4))


assert keccak(b"").hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"


def payouts():
    for count in (0, 1, 2, 3, 5, 8):
        rows = [(Key(bytes([n + 1] * 32)).public, bytes([n + 1] * 20), 10**n) for n in range(count)]
        rows = rows[:-1] + [(rows[-1][0], rows[-1][1], AMOUNT_MAX)] if rows else []
        leaves = [keccak(keccak(party_ + bytes(12) + address + cumulative.to_bytes(32, "big"))) for party_, address, cumulative in rows]
        tree = [bytes(32)] * (count - 1) + sorted(leaves)[::-1]
        for n in reversed(range(count - 1)):
            tree[n] = keccak(b"".join(sorted(tree[2 * n + 1 : 2 * n + 3])))
        proofs = []
        for leaf in leaves:
            at, proof = tree.index(leaf, max(count - 1, 0)), []
            while at:
                proof.append(tree[at + 1 if at % 2 else at - 1].hex())
                at = (at - 1) // 2
            proofs.append(proof)
        yield {"payouts": [[party_.hex(), address.hex(), cumulative] for party_, address, cumulative in rows], "root": (tree[0] if tree else bytes(32)).hex(), "proofs": proofs}


write(FOLDER / "agreements.json", "Spec section 25. Agreements that a decoder accepts, or rejects for the reason in `error`.", network=NET, vectors=agreements())
write(FOLDER / "records.json", "Spec sections 11 and 25. Signed records about money that a decoder accepts, or rejects for the reason in `error`.", network=NET, vectors=records())
write(FOLDER / "derived.json", "Spec section 25. What follows from what.", network=NET, vectors=derived())
write(FOLDER / "entries.json", "Spec section 25. Entries of a journal that a decoder accepts, or rejects for the reason in `error`.", network=NET, vectors=entries())
write(FOLDER / "shares.json", "Spec section 25. The largest remainder.", vectors=shares())
write(FOLDER / "payouts.json", "Spec section 25. Payout trees: party, address and cumulative amount of every leaf, and its proof.", vectors=payouts())


# --- The log -------------------------------------------------------------------------------------


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def leaf_of(entry):
    return sha256(b"\0", entry)


def tree_root(leaves):
    """MTH of RFC 6962 over hashes of leaves, as it is written there."""
    if len(leaves) < 2:
        return leaves[0] if leaves else sha256()
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return sha256(b"\1", tree_root(leaves[:split]), tree_root(leaves[split:]))


def inclusion(index, leaves):
    if len(leaves) == 1:
        return []
    split = 1 << (len(leaves) - 1).bit_length() - 1
    if index < split:
        return inclusion(index, leaves[:split]) + [tree_root(leaves[split:])]
    return inclusion(index - split, leaves[split:]) + [tree_root(leaves[:split])]


def consistency(old, leaves, is_known=True):
    if old == len(leaves):
        return [] if is_known else [tree_root(leaves)]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    if old <= split:
        return consistency(old, leaves[:split], is_known) + [tree_root(leaves[split:])]
    return consistency(old - split, leaves[split:], False) + [tree_root(leaves[:split])]


def trees():
    leaves = [leaf_of(bytes([n])) for n in range(40)]
    for size in (1, 2, 3, 7, 8, 13, 32, 40):
        whole = leaves[:size]
        yield {
            "size": size,
            "root": tree_root(whole).hex(),
            "inclusion": {str(index): [hash_.hex() for hash_ in inclusion(index, whole)] for index in sorted({0, size // 3, size - 1})},
            "consistency": {str(old): [hash_.hex() for hash_ in consistency(old, whole)] for old in sorted({1, (size + 1) // 2, size})},
        }


def b64(data):
    return base64.b64encode(data).decode()


def key_id(name, kind, key):
    return sha256(name.encode(), b"\n", bytes([kind]), key.public)[:4]


def vkey(name, kind, key):
    return f"{name}+{key_id(name, kind, key).hex()}+{b64(bytes([kind]) + key.public)}"


def signature_line(name, key, text):
    return f"— {name} {b64(key_id(name, 1, key) + key.sign(text.encode()))}\n"


def cosignature_line(name, key, text, time):
    signed = f"cosignature/v1\ntime {time}\n{text}".encode()
    return f"— {name} {b64(key_id(name, 4, key) + time.to_bytes(8, 'big') + key.sign(signed))}\n"


LOG, WITNESSES = KEYS["issuer"], [KEYS[name] for name in ("one", "two", "three")]
NAMES = [f"w{n}.example/w" for n in (1, 2, 3)]
POLICY = f"log {vkey('log.example/royalties', 1, LOG)} https://log.example/\n" + "".join(f"witness W{n + 1} {vkey(NAMES[n], 4, WITNESSES[n])}\n" for n in range(3)) + "group two-of-three 2 W1 W2 W3\nquorum two-of-three\n"


def checkpoint(size, root, origin="log.example/royalties"):
    return f"{origin}\n{size}\n{b64(root)}\n"


def note(text, *lines):
    return text + "\n" + "".join(lines)


def proofs():
    entries_ = [bytes([n]) for n in range(7)]
    leaves = [leaf_of(entry) for entry in entries_]
    text = checkpoint(7, tree_root(leaves))
    log = signature_line("log.example/royalties", LOG, text)
    seen = [cosignature_line(NAMES[n], WITNESSES[n], text, START + n) for n in range(3)]
    path = inclusion(4, leaves)

    def proof(index=4, path_=path, note_=note(text, log, *seen[:2]), heading="c2sp.org/tlog-proof@v1"):
        return f"{heading}\nindex {index}\n" + "".join(b64(hash_) + "\n" for hash_ in path_) + "\n" + note_

    def vector(name, text_, witnesses=None, error=None, entry=entries_[4]):
        return without_none({"name": name, "entry": entry.hex(), "proof": text_, "witnesses": witnesses, "error": error})

    yield vector("seen by two", proof(), 2)
    yield vector("seen by all", proof(note_=note(text, log, *seen)), 3)
    yield vector("with a signature of somebody else", proof(note_=note(text, log, cosignature_line("w9.example", KEYS["node"], text, START), *seen[1:])), 2)
    yield vector("with extra data", proof().replace("\nindex", "\nextra AAAA\nindex"), 2)
    yield vector("of another entry", proof(), error="not_there", entry=b"\5")
    yield vector("at another place", proof(index=3), error="not_there")
    yield vector("beyond the end", proof(index=7), error="not_there")
    yield vector("a hash too few", proof(path_=path[:-1]), error="not_there")
    yield vector("a hash too many", proof(path_=path + path[:1]), error="not_there")
    yield vector("hashes out of order", proof(path_=path[::-1]), error="not_there")
    yield vector("seen by one", proof(note_=note(text, log, seen[0])), error="not_accepted")
    yield vector("seen by one, twice", proof(note_=note(text, log, seen[0], cosignature_line(NAMES[0], WITNESSES[0], text, START + 9))), error="not_accepted")
    yield vector("not signed by the log", proof(note_=note(text, *seen)), error="not_accepted")
    other = checkpoint(7, tree_root(leaves), "log.example/other")
    yield vector("of another log", proof(note_=note(other, signature_line("log.example/other", LOG, other))), error="not_accepted")
    bigger = checkpoint(8, tree_root(leaves))
    yield vector("signed when it was smaller", proof(note_=note(bigger, log, *seen)), error="not_accepted")
    forged = cosignature_line(NAMES[2], KEYS["node"], text, START)
    forged = f"— {NAMES[2]} " + b64(key_id(NAMES[2], 4, WITNESSES[2]) + base64.b64decode(forged.split(" ")[2])[4:]) + "\n"
    yield vector("seen by two, and one forged", proof(note_=note(text, log, *seen[:2], forged)), error="not_accepted")
    extended = text + "more\n"
    yield vector("with an extension line", proof(note_=note(extended, signature_line("log.example/royalties", LOG, extended), *(cosignature_line(NAMES[n], WITNESSES[n], extended, START) for n in range(3)))), error="not_accepted")
    yield vector("of another version", proof(heading="c2sp.org/tlog-proof@v2"), error="malformed")
    yield vector("with a leading zero", proof(index="04"), error="malformed")
    yield vector("without an index", proof().replace("index 4\n", ""), error="malformed")
    yield vector("extra data that is not base64", proof().replace("\nindex", "\nextra ?\nindex"), error="malformed")
    yield vector("a hash of 31 bytes", proof(path_=[bytes(31)]), error="malformed")
    yield vector("a hash in two pieces", proof().replace(b64(path[0]), b64(path[0][:1]) + b64(path[0][1:])), error="malformed")
    yield vector("65 hashes", proof(path_=path[:1] * 65), error="malformed")
    yield vector("without signatures", proof(note_=note(text)), error="malformed")
    yield vector("with a carriage return", proof(note_=note(text.replace("\n", "\r\n"), log)), error="malformed")
    yield vector("with a plus in a name", proof(note_=note(text, log.replace("log.", "l+g."))), error="malformed")
    yield vector("cut off", proof()[:-1], error="malformed")


def witness():
    """Requests to a witness that has cosigned a log of 3 entries last: the size that it knows afterwards, or the status of its answer."""
    leaves = [leaf_of(bytes([n])) for n in range(9)]
    name = "log.example/royalties"

    def signed(size, root, key=LOG, origin=name):
        text = checkpoint(size, root, origin)
        return note(text, signature_line(origin, key, text))

    grown = signed(9, tree_root(leaves))
    path = consistency(3, leaves)

    def request(old=3, path_=path, note_=grown):
        return f"old {old}\n" + "".join(b64(hash_) + "\n" for hash_ in path_) + "\n" + note_

    def vector(what, body, **result):
        return {"name": what, "request": body} | result

    yield vector("it has grown", request(), size=9)
    yield vector("it is the same", request(path_=[], note_=signed(3, tree_root(leaves[:3]))), size=3)
    text = checkpoint(9, tree_root(leaves))
    others = note(text, signature_line("w9.example", KEYS["node"], text), signature_line(name, LOG, text))
    yield vector("somebody else has signed, too", request(note_=others), size=9)
    yield vector("of another log", request(note_=signed(9, tree_root(leaves), origin="log.example/other")), status=404)
    yield vector("signed by nobody", request(note_=note(text)), status=400)
    yield vector("signed by somebody else", request(note_=note(text, signature_line("w9.example", KEYS["node"], text))), status=403)
    yield vector("signed by another key of this name", request(note_=signed(9, tree_root(leaves), KEYS["node"])), status=403)
    yield vector("signed when it was smaller", request(note_=grown.replace("\n9\n", "\n10\n")), status=403)
    yield vector("it shrinks", request(old=10), status=400)
    yield vector("from another size", request(old=4, path_=consistency(4, leaves)), status=409)
    yield vector("from the beginning", request(old=0, path_=[]), status=409)
    yield vector("of the same size with another root", request(path_=[], note_=signed(3, tree_root(leaves[1:4]))), status=409)
    yield vector("another log behind the first entries", request(note_=signed(9, tree_root(leaves[::-1]))), status=422)
    yield vector("a hash too few", request(path_=path[:-1]), status=422)
    yield vector("a hash too many", request(path_=path + path[:1]), status=422)
    yield vector("without a proof", request(path_=[]), status=422)
    yield vector("64 hashes", request(path_=path[:1] * 64), status=400)
    yield vector("a hash of 31 bytes", request(path_=[bytes(31)]), status=400)
    yield vector("with a leading zero", request(old="03"), status=400)
    yield vector("without an old size", request()[len("old 3\n") :], status=400)
    yield vector("without an empty line", request().replace("\n\n", "\n", 1), status=400)
    extended = text + "more\n"
    yield vector("with an extension line", request(note_=note(extended, signature_line(name, LOG, extended))), status=400)
    yield vector("nothing", "", status=400)


def log_entries():
    line = {"agreement": b3(b"agreement"), "alias": b3(b"alias"), "attested": True, "gateway": PUBLIC["gateway"], "paid": 500, "plays": 2, "usage": USAGE}
    yield {"name": "line", "entry": cbor({"line": line}).hex()}
    pool = {"amount": 9000, "each": 600, "name": b3(b"budget"), "viewers": 15}
    yield {"name": "line", "entry": cbor({"line": line | {"budget": {"whole": True}}}).hex()}
    line |= {"budget": {"pool": pool, "whole": False}}
    total = {"acknowledged": 10, "claimed": 12, "disputed": 2, "gateway": PUBLIC["gateway"], "kept": 0, "pool": 50}
    carrier = {"claimed": 12, "counted": 10, "gateway": PUBLIC["gateway"], "node": PUBLIC["node"], "owed": 10, "promised": 60, "shared": 50}
    keeper = {"byte_hours": 720 << 30, "ended": False, "forfeited": 0, "held": 25, "lost": 0, "node": PUBLIC["node"], "paid": 225, "prepayment": b3(b"prepayment"), "price": 250, "withheld": 100_000}
    sale = {"agreement": b3(b"agreement"), "licence": b3(b"purchase"), "paid": 900, "resale": {"by": PUBLIC["viewer"], "share": 100_000}}
    yield {"name": "sale", "entry": cbor({"sale": without_none(sale | {"resale": None})}).hex()}
    subscription = {"amount": 777, "name": b3(b"subscription"), "paid": 700, "whole": False}
    payout = {"address": bytes([4] * 20), "cumulative": 2**64 - 2, "party": PUBLIC["one"]}

    def bad(name, error, value):
        return {"name": name, "entry": cbor(value).hex(), "error": error}

    disputed = {"amount": 12, "by": PUBLIC["two"], "name": b3(b"dispute"), "party": PUBLIC["one"]}
    for kind, value in (("line", line), ("gateway", total), ("carrier", carrier), ("dispute", disputed), ("keeper", keeper), ("page", BODIES["page_release"]), ("payout", payout), ("sale", sale), ("subscription", subscription)):
        yield {"name": kind, "entry": cbor({kind: value}).hex()}
        for key in value:
            if key in ("resale", "budget"):
                continue
            yield bad(f"{kind} without {key}", "malformed", {kind: without_none(value | {key: None})})
        yield bad(f"{kind} with an unknown key", "malformed", {kind: value | {"note": 1}})
    consent = {"agreement": b3(cbor(FULL)), "issued": START}
    signed = [record("consent", consent, KEYS[name]) for name in ("one", "two", "three")]
    yield {"name": "agreement", "entry": cbor({"agreement": {"agreement": cbor(FULL), "consents": signed}}).hex()}
    yield bad("an agreement that is none", "agreement", {"agreement": {"agreement": cbor(PLAIN | {"v": 2}), "consents": signed}})
    forged = record("consent", consent, KEYS["one"], by=PUBLIC["two"])
    yield bad("a consent that was not given", "record", {"agreement": {"agreement": cbor(FULL), "consents": [forged]}})
    other = record("consent", consent, KEYS["one"], network=OTHER_NET)
    yield bad("a consent for another network", "record", {"agreement": {"agreement": cbor(FULL), "consents": [other]}})
    yield bad("an agreement without a list of consents", "malformed", {"agreement": cbor(FULL)})
    attestation = record("attestation", BODIES["attestation"], KEYS["one"])
    yield {"name": "attestation", "entry": cbor({"attestation": attestation}).hex()}
    yield bad("an attestation that is no record", "malformed", {"attestation": BODIES["attestation"]})
    yield bad("an attestation that was not signed", "record", {"attestation": record("attestation", BODIES["attestation"], KEYS["two"], by=PUBLIC["one"])})
    yield bad("an attestation for another network", "record", {"attestation": record("attestation", BODIES["attestation"], KEYS["one"], network=OTHER_NET)})
    yield bad("an attestation that is a consent", "record", {"attestation": signed[0]})
    for kind in ("hold", "resolution"):
        body = BODIES[kind]
        yield {"name": kind, "entry": cbor({kind: record(kind, body, KEYS["issuer"])}).hex()}
        yield bad(f"a {kind} that is no record", "malformed", {kind: body})
        yield bad(f"a {kind} that was not signed", "record", {kind: record(kind, body, KEYS["two"], by=PUBLIC["issuer"])})
        yield bad(f"a {kind} for another network", "record", {kind: record(kind, body, KEYS["issuer"], network=OTHER_NET)})
        yield bad(f"a {kind} that is an attestation", "record", {kind: attestation})
    yield bad("a dispute of more than the largest amount", "malformed", {"dispute": disputed | {"amount": 2**63}})
    yield bad("a dispute against a key off the curve", "malformed", {"dispute": disputed | {"party": (2).to_bytes(32, "little")}})
    yield bad("a deposit", "malformed", {"deposit": record("deposit", BODIES["deposit"], KEYS["viewer"])})
    yield bad("two at once", "malformed", {"line": line, "payout": payout})
    yield bad("nothing", "malformed", {})
    yield bad("paid above the largest amount", "malformed", {"line": line | {"paid": 2**63}})
    for name, budget in (("null", NULL), ("of nothing", {}), ("whole as a number", {"whole": 1}), ("a pool null", {"pool": NULL, "whole": True}), ("an unknown key", {"note": 1, "whole": True})):
        yield bad(f"a budget {name}", "malformed", {"line": line | {"budget": budget}})
    for key in pool:
        yield bad(f"a pool without {key}", "malformed", {"line": line | {"budget": {"pool": without_none(pool | {key: None}), "whole": True}}})
    yield bad("a pool above the largest amount", "malformed", {"line": line | {"budget": {"pool": pool | {"amount": 2**63}, "whole": True}}})
    yield bad("an address of 32 bytes", "malformed", {"payout": payout | {"address": bytes(32)}})


def omissions():
    """A receipt of stream 15 that the ledger has promised to count: what its settlement says of it."""
    body = BODIES["delivery_receipt"]
    name = b3(cbor([PUBLIC["session"], "delivery_receipt", body]))
    grant = record("session_grant", BODIES["session_grant"], KEYS["issuer"])
    promise = record("promise", BODIES["promise"] | {"name": name}, KEYS["issuer"])
    receipt = record("delivery_receipt", body, KEYS["session"])

    def item(serial, stream, seq=1, **usage):
        return {"receipt": b3(bytes([stream])), "seq": seq, "serial": bytes([serial] * 16), "stream": stream, "usage": USAGE | usage}

    def proof(items, before=None, after=None, **changes):
        leaves = [leaf_of(cbor(item_)) for item_ in items]
        proved = {"before": before, "after": after}
        beside = {key: [items[at], {"index": at, "path": inclusion(at, leaves)}] for key, at in proved.items() if at is not None}
        summary = SUMMARY | {"receipts": {"count": len(items), "root": tree_root(leaves)}}
        return {"beside": beside, "grant": grant, "promise": promise, "receipt": receipt, "summary": summary} | changes

    def vector(name_, value, error=None):
        bytes_ = value if isinstance(value, bytes) else cbor(value)
        return without_none({"name": name_, "omission": bytes_.hex(), "ledger": PUBLIC["issuer"].hex(), "error": error})

    older, newer = [item(1, 0), item(2, 15, 3), item(3, 0)], [item(1, 0), item(2, 15, 4), item(3, 0)]
    without = [item(1, 0), item(2, 14), item(3, 0)]
    yield vector("an older one is counted", proof(older, 1, 2))
    yield vector("a later one is listed with a byte less", proof([item(1, 0), item(2, 15, 2**63, bytes=USAGE["bytes"] - 1)], 1))
    yield vector("a later one is listed with a millisecond less", proof([item(2, 15, 5, ms=USAGE["ms"] - 1)], 0))
    yield vector("an older one is listed with as much", proof([item(2, 15, 3)], 0))
    yield vector("a later one is listed with more", proof([item(2, 15, 5, ms=2**40)], 0), "not_missing")
    yield vector("its neighbours stand beside each other", proof(without, 1, 2))
    yield vector("it belongs before all others", proof(without[2:], None, 0))
    yield vector("it belongs behind all others", proof(without[:2], 1))
    yield vector("nothing is counted", proof([]))
    yield vector("it is counted", proof(newer, 1, 2), "not_missing")
    yield vector("it stands between the neighbours", proof(newer, 0, 2), "not_missing")
    yield vector("nothing is said of what is before", proof(without, None, 2), "not_missing")
    yield vector("nothing is said of what is behind", proof(without, 1), "not_missing")
    yield vector("nothing is said", proof(without), "not_missing")
    yield vector("the neighbours are behind it", proof([item(3, 0), item(3, 1)], 0, 1), "not_missing")
    other = proof(older, 1, 2)["beside"]
    yield vector("what stands in another list", proof(newer, beside=other), "not_missing")
    good = proof(without, 1, 2)
    unrelated = BODIES["promise"] | {"name": b3(b"another")}
    yield vector("another one was promised", good | {"promise": record("promise", unrelated, KEYS["issuer"])}, "unrelated")
    yield vector("somebody else has promised", good | {"promise": record("promise", BODIES["promise"] | {"name": name}, KEYS["gateway"])}, "unrelated")
    yield vector("another session's", good | {"receipt": record("delivery_receipt", body, KEYS["viewer"])}, "unrelated")
    yield vector("another epoch's", good | {"summary": good["summary"] | {"epoch": 2}}, "unrelated")
    forged = record("promise", BODIES["promise"] | {"name": name}, KEYS["gateway"], by=PUBLIC["issuer"])
    yield vector("a promise that was not given", good | {"promise": forged}, "record")
    yield vector("for another network", good | {"grant": record("session_grant", BODIES["session_grant"], KEYS["issuer"], network=OTHER_NET)}, "record")
    yield vector("a byte follows", cbor(good) + b"\0", "malformed")
    yield vector("an unknown key", good | {"note": 1}, "malformed")
    for key in good:
        yield vector(f"no {key}", without_none(good | {key: None}), "malformed")
    yield vector("a proof without a place", good | {"beside": {"before": [without[1], {"path": []}]}}, "malformed")


def shortfalls():
    """What the lines of a settlement have counted of what its list of receipts has under two grants of one viewer."""
    usage = USAGE | {"ms": 50_000}
    body = BODIES["session_grant"] | {"limit": {"bytes": 2 * USAGE["bytes"], "ms": 60_000}}

    def granted(serial, by="issuer", **changes):
        return record("session_grant", body | {"serial": bytes([serial] * 16)} | changes, KEYS[by])

    def item(serial, stream):
        return {"receipt": b3(bytes([stream])), "seq": 1, "serial": bytes([serial] * 16), "stream": stream, "usage": usage}

    def line(agreement=body["agreement"], bytes_=3 * USAGE["bytes"], ms=110_000):
        own = {name: body[name] for name in ("alias", "attested", "gateway")}
        return own | {"agreement": agreement, "paid": 5, "plays": 2, "usage": {"bytes": bytes_, "ms": ms}}

    items = [item(1, 0), item(2, 0), item(2, 3), item(4, 0), item(9, 0)]
    leaves = [leaf_of(cbor(one)) for one in items]
    receipts = {"count": len(items), "root": tree_root(leaves)}
    before, after = line(bytes(32)), line(bytes([255] * 32))

    def shown(*places):
        return [[items[at], {"index": at, "path": inclusion(at, leaves)}] for at in places]

    def proof(lines, places, grants=None, **changes):
        tree = [leaf_of(cbor(one)) for one in lines]
        listed = [[lines[at], {"index": at, "path": inclusion(at, tree)}] for at in places]
        summary = SUMMARY | {"lines": {"count": len(lines), "root": tree_root(tree)}, "receipts": receipts}
        grants = grants or [{"grant": granted(2), "receipts": shown(1, 2)}, {"grant": granted(4), "receipts": shown(3)}]
        return {"grants": grants, "lines": listed, "summary": summary} | changes

    def vector(name_, value, error=None):
        bytes_ = value if isinstance(value, bytes) else cbor(value)
        return without_none({"name": name_, "shortfall": bytes_.hex(), "ledger": PUBLIC["issuer"].hex(), "error": error})

    whole, less = [before, line(), after], [before, line(bytes_=3 * USAGE["bytes"] - 1), after]
    yield vector("a byte less", proof(less, (0, 1, 2)))
    yield vector("a millisecond less, up to the limit of each grant", proof([line(ms=109_999)], (0,)))
    yield vector("no line", proof([before, after], (0, 1)))
    yield vector("no line, behind all others", proof([before], (0,)))
    yield vector("no lines at all", proof([], ()))
    yield vector("all of it", proof(whole, (0, 1, 2)), "not_short")
    yield vector("more than that", proof([line(ms=2**50)], (0,)), "not_short")
    yield vector("in two lines", proof([line(bytes_=2 * USAGE["bytes"]), line(ms=0) | {"budget": {"whole": True}}], (0, 1)), "not_short")
    yield vector("of two lines one is shown", proof([line(ms=1), line() | {"budget": {"whole": True}}], (0,)), "other_lines")
    yield vector("a line is left out at the end", proof(less, (0, 1)[:1]), "other_lines")
    yield vector("a line is left out at the beginning", proof(less, (2,)), "other_lines")
    yield vector("a line is left out in the middle", proof(less, (0, 2)), "other_lines")
    yield vector("a line of another list", proof(less, (0, 1, 2), summary=proof(whole, ())["summary"]), "other_lines")
    good = proof(less, (0, 1, 2))
    other = good["grants"]
    yield vector("a grant twice", good | {"grants": [other[1], other[1]]}, "unrelated")
    yield vector("grants out of order", good | {"grants": other[::-1]}, "unrelated")
    yield vector("no grant", good | {"grants": []}, "unrelated")
    yield vector("a stream twice", good | {"grants": [{"grant": granted(2), "receipts": shown(1, 1)}]}, "unrelated")
    yield vector("an item of another grant", good | {"grants": [{"grant": granted(2), "receipts": shown(1, 3)}]}, "unrelated")
    moved = [[items[1], {"index": 0, "path": inclusion(0, leaves)}]]
    yield vector("an item that is not listed there", good | {"grants": [{"grant": granted(2), "receipts": moved}]}, "unrelated")
    yield vector("of another viewer", good | {"grants": [other[0], {"grant": granted(4, alias=b3(b"another")), "receipts": shown(3)}]}, "unrelated")
    yield vector("of another epoch", good | {"grants": [{"grant": granted(2, epoch=2), "receipts": shown(1, 2)}]}, "unrelated")
    yield vector("granted by somebody else", good | {"grants": [{"grant": granted(2, "gateway"), "receipts": shown(1, 2)}]}, "unrelated")
    foreign = record("session_grant", body, KEYS["issuer"], network=OTHER_NET)
    yield vector("for another network", good | {"grants": [{"grant": foreign, "receipts": shown(1, 2)}]}, "record")
    yield vector("65 grants", good | {"grants": [{"grant": granted(n), "receipts": []} for n in range(65)]}, "malformed")
    yield vector("a byte follows", cbor(good) + b"\0", "malformed")
    yield vector("an unknown key", good | {"note": 1}, "malformed")
    for key in good:
        yield vector(f"no {key}", without_none(good | {key: None}), "malformed")


def attested():
    """A credential that was attested to, with its proof under policy.txt."""
    document, nonce, body = b"credential", bytes([7] * 32), BODIES["attestation"]
    signed = record("attestation", body, KEYS["one"])
    name = "log.example/royalties"

    def file(nonce_=nonce, signed_=signed, logged=None, witnesses=2, extra=None, **more):
        entries_ = [b"\0", b"\1", b"\2", cbor({"attestation": logged or signed_}), b"\4"]
        leaves = [leaf_of(entry) for entry in entries_]
        text = checkpoint(5, tree_root(leaves))
        seen = [cosignature_line(NAMES[n], WITNESSES[n], text, START + n) for n in range(witnesses)]
        extra = extra if extra is not None else cbor({"nonce": nonce_, "record": signed_} | more)
        hashes_ = "".join(b64(hash_) + "\n" for hash_ in inclusion(3, leaves))
        return f"c2sp.org/tlog-proof@v1\nextra {b64(extra)}\nindex 3\n{hashes_}\n" + note(text, signature_line(name, LOG, text), *seen)

    def vector(what, file_=None, document_=document, **result):
        return {"name": what, "document": document_.hex(), "proof": file_ or file()} | result

    yield vector("a credential", witnesses=2)
    yield vector("seen by all", file(witnesses=3), witnesses=3)
    foreign = record("attestation", body, KEYS["one"], network=OTHER_NET)
    yield vector("for another network, which it names", file(signed_=foreign), witnesses=2)
    yield vector("another file", document_=b"credentia1", error="other_document")
    yield vector("nothing", document_=b"", error="other_document")
    yield vector("another nonce", file(nonce_=bytes([7] * 31 + [8])), error="other_document")
    plain = record("attestation", body | {"commitment": b3(document)}, KEYS["one"])
    yield vector("a plain hash", file(signed_=plain), error="other_document")
    yield vector("signed by another key than the log's entry", file(logged=record("attestation", body, KEYS["two"])), error="not_proved")
    yield vector("logged for another network", file(logged=foreign), error="not_proved")
    yield vector("dated back", file(signed_=record("attestation", body | {"issued": START - 1}, KEYS["one"]), logged=signed), error="not_proved")
    yield vector("seen by one", file(witnesses=1), error="not_proved")
    yield vector("signed by nobody", file(signed_=record("attestation", body, KEYS["two"], by=PUBLIC["one"])), error="record")
    yield vector("a consent", file(signed_=record("consent", BODIES["consent"], KEYS["one"])), error="record")
    yield vector("without a nonce", file(extra=cbor({"record": signed})), error="malformed")
    yield vector("without a record", file(extra=cbor({"nonce": nonce})), error="malformed")
    yield vector("a nonce of 31 bytes", file(nonce_=bytes(31)), error="malformed")
    yield vector("an unknown key", file(note=1), error="malformed")
    yield vector("a byte follows", file(extra=cbor({"nonce": nonce, "record": signed}) + b"\0"), error="malformed")
    yield vector("extra data of nothing", file(extra=b""), error="malformed")
    lines = file().split("\n")
    yield vector("without extra data", "\n".join(lines[:1] + lines[2:]), error="malformed")
    yield vector("without a checkpoint", file().split("\n\n")[0] + "\n\n", error="malformed")


(FOLDER / "policy.txt").write_text(POLICY)
write(FOLDER / "trees.json", "RFC 6962. Trees over the entries 0x00, 0x01 and so on: roots, inclusion proofs by place, consistency proofs by old size.", vectors=trees())
write(FOLDER / "proofs.json", "Spec section 25, C2SP. Proofs of an entry under policy.txt: how many witnesses have seen it, or why it is not accepted.", vectors=proofs())
write(FOLDER / "witness.json", "Spec section 25, C2SP. Requests to a witness that has cosigned the first 3 entries of a log (0x00, 0x01, 0x02): how many it has cosigned then, or the status of the answer.", vectors=witness())
write(FOLDER / "omissions.json", "Spec section 25. Proofs that a ledger has left out a receipt, or why they show nothing.", network=NET, vectors=omissions())
write(FOLDER / "shortfalls.json", "Spec section 25. Proofs that a settlement has counted less than it lists, or why they show nothing.", network=NET, vectors=shortfalls())
write(FOLDER / "attested.json", "Spec section 25. Documents and the proofs that somebody attested to them, under policy.txt: how many witnesses have seen it, or why it does not count.", network=NET, vectors=attested())
write(FOLDER / "log_entries.json", "Spec section 25. Entries of the transparency log.", network=NET, vectors=log_entries())
