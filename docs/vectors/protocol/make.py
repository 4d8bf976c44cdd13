#!/usr/bin/env python3
"""Makes the golden vectors in this folder from docs/spec.md alone, with the packages of tests/python/requirements.txt.

`cargo test -p protocol` reads them.
"""

import base64
import pathlib
import sys

FOLDER = pathlib.Path(__file__).parent
sys.path.append(str(FOLDER.parent))

from records import NET, OTHER_NET, START, Key, Raw, b3, cbor, derive, map_of, readable, record, signed_bytes, without_none, write

# Of Ed25519 (RFC 8032): the field and the order of the group.
P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493

# --- Records -------------------------------------------------------------------------------------

OWNER, PAYER, NODE, CLIENT, AUDITOR, OTHER_NODE = (Key(bytes([number] * 32)) for number in range(1, 7))
ROOT = bytes([0xAB] * 32)
ID = bytes(range(16))
CID = bytes([0x01, 0x71, 0x1E, 0x20]) + ROOT
DAY = 86_400

BODIES = {
    "admission": (PAYER, {"endpoint": CLIENT.public, "expires": START}),
    "audit_answer": (
        NODE,
        {"asked": bytes([1] * 32), "audit": bytes([2] * 32), "failed": [], "slices": bytes([3] * 32), "time": START},
    ),
    "audit_commitment": (
        AUDITOR,
        {
            "beacon": "auditor",
            "draws": 16,
            "issued": START,
            "node": NODE.public,
            "secret": bytes([4] * 32),
            "set": bytes([5] * 32),
            "total": 10**12,
        },
    ),
    "audit_receipt": (NODE, {"audit": bytes([2] * 32), "nonce": ID, "time": START}),
    "audit_verdict": (
        AUDITOR,
        {
            "audit": bytes([2] * 32),
            "ended": "answered",
            "failed": 1,
            "faults": [{"leaf": 7, "outcome": "corrupt", "root": ROOT}],
            "issued": START,
            "node": NODE.public,
            "picks": 16,
            "transcript": bytes([6] * 32),
        },
    ),
    "lease": (
        NODE,
        {
            "control": OWNER.public,
            "expires": START + 30 * DAY,
            "id": ID,
            "len": 65_536,
            "payer": PAYER.public,
            "root": ROOT,
            "seq": 0,
            "start": START,
        },
    ),
    "lease_end": (NODE, {"at": START, "control": OWNER.public, "id": ID, "root": ROOT, "seq": 1}),
    "mandate": (OWNER, {"byte_hours": 10**12, "expires": START, "holder": PAYER.public}),
    "node": (NODE, {"addrs": ["203.0.113.7:4433"], "class": 10, "issued": START, "price": 0, "seq": 1, "version": "headwater 0.1.0"}),
    "pointer": (OWNER, {"expires": START, "seq": 7, "slot": 0, "value": b"hello"}),
    "release": (OWNER, {"id": ID, "node": NODE.public, "root": ROOT, "seq": 1}),
    "renewal": (
        OWNER,
        {
            "control": OWNER.public,
            "expires": START + 60 * DAY,
            "id": ID,
            "node": NODE.public,
            "root": ROOT,
            "seq": 1,
        },
    ),
    "successor": (OTHER_NODE, {"issued": START, "node": NODE.public}),
}


def body_with(kind, **changes):
    return without_none(BODIES[kind][1] | changes)


def accepted(name, kind, body, by=None):
    by = by or BODIES[kind][0]
    bytes_ = record(kind, body, by)
    return {"name": name, "type": kind, "record": bytes_.hex(), "by": by.public.hex(), "body": readable(body)}


def rejected(name, kind, bytes_, error):
    return {"name": name, "type": kind, "record": bytes_.hex(), "error": error}


def rejected_body(name, kind, error="malformed", **changes):
    return rejected(f"{kind}: {name}", kind, record(kind, body_with(kind, **changes), BODIES[kind][0]), error)


def full_node():
    successor = record("successor", BODIES["successor"][1], OTHER_NODE)
    return {
        "domain": "cellar",
        "formerly": [successor],
        "leaving": True,
        "operator": OWNER.public,
        "price": 1_500_000,
        "reading": {"ledger": PAYER.public, "micro": 250_000},
        "relay": "https://relay.example:8443/",
        "tags": ["class=hdd", "country=ch", "operator=somebody"],
    }


FULL_NODE = full_node()


def accepted_records():
    for kind, (_, body) in BODIES.items():
        yield accepted(f"{kind}: ordinary", kind, body)
    failed = [{"at": at, "code": 6 + at % 2} for at in range(64)]
    yield accepted("audit_answer: nothing of 64 picks", "audit_answer", body_with("audit_answer", failed=failed))
    drand = {"beacon": "drand", "round": 2**61}
    yield accepted("audit_commitment: one draw with drand", "audit_commitment", body_with("audit_commitment", draws=1, **drand))
    largest = body_with("audit_commitment", draws=64, total=2**52)
    yield accepted("audit_commitment: 64 draws from the largest set", "audit_commitment", largest)
    faults = [{"leaf": 2**18 - 1, "outcome": "refused", "code": 8, "root": ROOT}] * 16
    yield accepted("audit_verdict: 16 faults", "audit_verdict", body_with("audit_verdict", faults=faults, failed=64, picks=64))
    early = body_with("audit_verdict", ended="refused", code=8, faults=[], failed=0, picks=0)
    yield accepted("audit_verdict: refused before the draw", "audit_verdict", early)
    yield accepted("lease: longest shard for 400 days", "lease", body_with("lease", len=2**28, expires=START + 400 * DAY))
    yield accepted("lease: one byte for one second", "lease", body_with("lease", len=1, expires=START + 1))
    yield accepted("lease: greatest sequence", "lease", body_with("lease", seq=2**64 - 1))
    yield accepted("mandate: for one object", "mandate", body_with("mandate", object=CID))
    yield accepted("mandate: over everything for ever", "mandate", body_with("mandate", byte_hours=2**64 - 1, expires=2**64 - 1))
    yield accepted("node: with a domain of 64 bytes", "node", body_with("node", domain="d" * 64))
    yield accepted("node: class 24 with IPv6", "node", body_with("node", **{"class": 24}, addrs=["[2001:db8::1]:1", "127.0.0.1:65535"]))
    yield accepted("node: eight addresses", "node", body_with("node", addrs=[f"10.0.0.{n}:4433" for n in range(8)]))
    yield accepted("node: leaving, with everything else", "node", body_with("node", **FULL_NODE))
    yield accepted("node: sixteen tags", "node", body_with("node", tags=sorted(f"k={n}" for n in range(16))))
    yield accepted("node: the longest tag", "node", body_with("node", tags=["k" * 32 + "=" + "~" * 64]))
    yield accepted("node: a value with = and spaces, a key twice", "node", body_with("node", tags=["a=", "a==", "b= ~"][1:]))
    yield accepted("node: reading is free, by vouchers", "node", body_with("node", reading={"ledger": PAYER.public, "micro": 0}))
    yield accepted("node: the longest relay", "node", body_with("node", relay="https://" + "r" * 191 + "/"))
    yield accepted("node: four former identities, not looked into", "node", body_with("node", formerly=[b"x"] * 4))
    yield accepted("node: price of 2^64 - 1, no version", "node", body_with("node", price=2**64 - 1, version=""))
    yield accepted("pointer: empty value", "pointer", body_with("pointer", value=b""))
    yield accepted("pointer: longest value in the last slot", "pointer", body_with("pointer", value=bytes(1024), slot=65_535))
    yield accepted("renewal: by the holder of a mandate", "renewal", BODIES["renewal"][1], PAYER)


def rejected_envelopes():
    kind = "admission"
    by, body = BODIES[kind]
    good = record(kind, body, by)
    sig = by.sign(signed_bytes(kind, NET, body))
    s = int.from_bytes(sig[32:], "little")

    def bad(name, error, bytes_):
        return rejected(name, kind, bytes_, error)

    yield bad("nothing", "malformed", b"")
    yield bad("cut before the last byte", "malformed", good[:-1])
    yield bad("a byte follows", "malformed", good + b"\0")
    yield bad("a list", "malformed", cbor([1, 2, 3]))
    yield bad("deeply nested lists", "malformed", b"\x81" * 4096)
    yield bad("4097 bytes", "too_long", good + bytes(4097 - len(good)))
    yield bad("an unknown key", "malformed", record(kind, body, by, extra=1))
    for key in ("body", "by", "net", "sig", "type", "v"):
        yield bad(f"no {key}", "malformed", record(kind, body, by, **{key: None}))
    entries = [("v", 1), ("by", by.public), ("net", NET), ("sig", sig), ("body", body), ("type", kind)]
    assert bytes(map_of(*entries)) == good
    yield bad("keys in another order", "malformed", map_of(*entries[1:], entries[0]))
    yield bad("a key twice", "malformed", map_of(*entries[:1], *entries))
    yield bad("map of indefinite length", "malformed", b"\xbf" + good[1:] + b"\xff")
    yield bad("map length in two bytes", "malformed", b"\xb8\x06" + good[1:])
    yield bad("version in two bytes", "malformed", record(kind, body, by, v=Raw(b"\x18\x01")))
    yield bad("version as a text", "malformed", record(kind, body, by, v="1"))
    yield bad("version 0", "version", record(kind, body, by, v=0))
    yield bad("version 2", "version", record(kind, body, by, v=2))
    yield bad("version 2, signed as such", "version", record(kind, body, by, v=2, sig=by.sign(signed_bytes(kind, NET, body, 2))))
    yield bad("version 257", "version", record(kind, body, by, v=257))
    yield bad("an unknown type", "type", record("permission", body, by))
    yield bad("no type at all", "type", record("", body, by))
    release_by, release = BODIES["release"]
    yield bad("another type", "type", record("release", release, release_by))
    yield bad("another type, named as the one expected", "malformed", record("release", release, release_by, type=kind))
    yield bad("another network", "network", record(kind, body, by, network=OTHER_NET))
    yield bad("signed for another network", "signature", record(kind, body, by, sig=by.sign(signed_bytes(kind, OTHER_NET, body))))
    yield bad("signed as another type", "signature", record(kind, body, by, sig=by.sign(signed_bytes("mandate", NET, body))))
    yield bad("signed as another version", "signature", record(kind, body, by, sig=by.sign(signed_bytes(kind, NET, body, 2))))
    yield bad("signed without the prefix", "signature", record(kind, body, by, sig=by.sign(cbor(body))))
    yield bad("signed by another key", "signature", record(kind, body, by, sig=OWNER.sign(signed_bytes(kind, NET, body))))
    yield bad("named as signed by another key", "signature", record(kind, body, by, by=OWNER.public))
    yield bad("body changed after signing", "signature", record(kind, body | {"expires": START + 1}, by, sig=sig))
    for bit in (0, 255, 256, 500):
        flipped = bytearray(sig)
        flipped[bit // 8] ^= 1 << bit % 8
        yield bad(f"bit {bit} of the signature flipped", "signature", record(kind, body, by, sig=bytes(flipped)))
    yield bad("signature of zeros", "signature", record(kind, body, by, sig=bytes(64)))
    yield bad("signature with S above the group order", "signature", record(kind, body, by, sig=sig[:32] + (s + ORDER).to_bytes(32, "little")))
    yield bad("signature of 63 bytes", "malformed", record(kind, body, by, sig=sig[:63]))
    yield bad("signature of 65 bytes", "malformed", record(kind, body, by, sig=sig + b"\0"))
    yield bad("signature as a list of numbers", "malformed", record(kind, body, by, sig=list(sig)))
    yield bad("network of 31 bytes", "malformed", record(kind, body, by, net=NET[:31]))
    neutral = (1).to_bytes(32, "little")
    yield bad("signer of small order, for whom anything is signed", "signature", record(kind, body, by, by=neutral, sig=neutral + bytes(32)))
    yield bad("signer with a y above the field prime", "malformed", record(kind, body, by, by=(P + 3).to_bytes(32, "little")))
    yield bad("signer with the sign of x = 0", "malformed", record(kind, body, by, by=(1 | 1 << 255).to_bytes(32, "little")))
    yield bad("signer off the curve", "malformed", record(kind, body, by, by=(2).to_bytes(32, "little")))
    yield bad("signer of 31 bytes", "malformed", record(kind, body, by, by=by.public[:31]))


def rejected_encodings():
    """Bodies that say the right thing in another way; their signatures are over the bytes as they stand."""
    kind = "admission"
    by, body = BODIES[kind]
    expires, endpoint = ("expires", body["expires"]), ("endpoint", body["endpoint"])
    assert bytes(map_of(expires, endpoint)) == cbor(body)
    wrong = {
        "keys in another order": map_of(endpoint, expires),
        "a key twice": map_of(expires, expires, endpoint),
        "an unknown key": cbor(body | {"note": "x"}),
        "a key that is no text": map_of(expires, endpoint, (1, 1)),
        "a list instead of a map": cbor([body["expires"], body["endpoint"]]),
        "an integer in eight bytes": map_of(("expires", Raw(b"\x1b" + START.to_bytes(8, "big"))), endpoint),
        "a negative integer": map_of(("expires", -1), endpoint),
        "a bignum": map_of(("expires", Raw(b"\xc2\x49\x01" + bytes(8))), endpoint),
        "a float": map_of(("expires", Raw(b"\xfb\x41\xda\xd2\x74\x80\x00\x00\x00")), endpoint),
        "a tag": map_of(("expires", Raw(b"\xc1" + cbor(START))), endpoint),
        "null": map_of(("expires", Raw(b"\xf6")), endpoint),
        "undefined": map_of(("expires", Raw(b"\xf7")), endpoint),
        "a text instead of bytes": map_of(expires, ("endpoint", body["endpoint"].hex()[:32])),
        "bytes in two parts": map_of(expires, ("endpoint", Raw(b"\x5f" + cbor(CLIENT.public[:16]) + cbor(CLIENT.public[16:]) + b"\xff"))),
        "a map of indefinite length": Raw(b"\xbf" + cbor(body)[1:] + b"\xff"),
    }
    for name, bytes_ in wrong.items():
        yield rejected(f"body: {name}", kind, record(kind, Raw(bytes_), by), "malformed")


def rejected_bodies():
    for kind, (_, body) in BODIES.items():
        for key in body:
            yield rejected_body(f"no {key}", kind, **{key: None})
    for kind, key in (("admission", "endpoint"), ("lease", "control"), ("lease", "payer"), ("lease_end", "control"), ("mandate", "holder"), ("release", "node"), ("renewal", "node"), ("renewal", "control")):
        yield rejected_body(f"{key} off the curve", kind, **{key: (2).to_bytes(32, "little")})
        yield rejected_body(f"{key} with a y above the field prime", kind, **{key: (P + 3).to_bytes(32, "little")})
        yield rejected_body(f"{key} of 33 bytes", kind, **{key: NODE.public + b"\0"})
    for kind in ("lease", "lease_end", "release", "renewal"):
        yield rejected_body("id of 15 bytes", kind, id=ID[:15])
        yield rejected_body("id of 17 bytes", kind, id=ID + b"\0")
        yield rejected_body("root of 31 bytes", kind, root=ROOT[:31])
    yield rejected_body("length 0", "lease", len=0)
    yield rejected_body("length above 2^28", "lease", len=2**28 + 1)
    yield rejected_body("ends when it starts", "lease", expires=START)
    yield rejected_body("ends before it starts", "lease", expires=START - 1)
    yield rejected_body("a second longer than 400 days", "lease", expires=START + 400 * DAY + 1)
    yield rejected_body("object of 35 bytes", "mandate", object=CID[:35])
    yield rejected_body("object of another codec", "mandate", object=CID[:1] + b"\x55" + CID[2:])
    yield rejected_body("object of another hash", "mandate", object=CID[:2] + b"\x12" + CID[3:])
    yield rejected_body("object null", "mandate", object=Raw(b"\xf6"))
    yield rejected_body("no addresses", "node", addrs=[])
    yield rejected_body("nine addresses", "node", addrs=[f"10.0.0.{n}:4433" for n in range(9)])
    yield rejected_body("an address twice", "node", addrs=["10.0.0.1:1", "10.0.0.1:1"])
    for address in ("localhost:4433", "10.0.0.1", "10.0.0.1:0", "10.0.0.1:65536", "10.0.0.1:04433", " 10.0.0.1:1", "0.0.0.0:1", "255.255.255.255:1", "224.0.0.1:1", "[::]:1", "[ff02::1]:1", "[fe80::1%2]:1", "[2001:DB8::1]:1", "[2001:db8:0:0:0:0:0:1]:1", ""):
        yield rejected_body(f"address {address!r}", "node", addrs=[address])
    yield rejected_body("class 25", "node", **{"class": 25})
    yield rejected_body("class 256", "node", **{"class": 256})
    yield rejected_body("empty domain", "node", domain="")
    yield rejected_body("domain of 65 bytes", "node", domain="d" * 65)
    yield rejected_body("domain with a line break", "node", domain="a\nb")
    yield rejected_body("domain that is no UTF-8", "node", domain=Raw(b"\x62\xc3\x28"))
    yield rejected_body("domain null", "node", domain=Raw(b"\xf6"))
    yield rejected_body("leaving false", "node", leaving=False)
    yield rejected_body("leaving 1", "node", leaving=1)
    yield rejected_body("operator off the curve", "node", operator=(2).to_bytes(32, "little"))
    yield rejected_body("operator null", "node", operator=Raw(b"\xf6"))
    yield rejected_body("negative price", "node", price=-1)
    reading = FULL_NODE["reading"]
    for name, wrong in (("more than any amount", {"micro": 2**63}), ("off the curve", {"ledger": (2).to_bytes(32, "little")}), ("with a third key", {"unit": "EUR"})):
        yield rejected_body(f"reading {name}", "node", reading=reading | wrong)
    for key in reading:
        yield rejected_body(f"reading without {key}", "node", reading=without_none(reading | {key: None}))
    yield rejected_body("reading null", "node", reading=Raw(b"\xf6"))
    yield rejected_body("version of 65 bytes", "node", version="v" * 65)
    yield rejected_body("version with a line break", "node", version="a\nb")
    for relay in ("", "relay.example", "https://relay.example", "https://Relay.example/", "https:///", "ftp://relay.example/", "https://u@relay.example/", "https://relay.example/x/", "https://" + "r" * 192 + "/"):
        yield rejected_body(f"relay {relay[:40]!r}", "node", relay=relay)
    yield rejected_body("no tags in a list", "node", tags=[])
    yield rejected_body("seventeen tags", "node", tags=sorted(f"k={n:02}" for n in range(17)))
    yield rejected_body("tags out of order", "node", tags=["b=1", "a=1"])
    yield rejected_body("a tag twice", "node", tags=["a=1", "a=1"])
    for tag in ("", "a", "=1", "a=", "A=1", "a_b=1", "é=1", "a=é", "a=\n", "a=\x7f", "k" * 33 + "=1", "k=" + "v" * 65):
        yield rejected_body(f"tag {tag[:40]!r}", "node", tags=[tag])
    yield rejected_body("no former identities in a list", "node", formerly=[])
    yield rejected_body("five former identities", "node", formerly=[b"x"] * 5)
    yield rejected_body("a former identity as a map", "node", formerly=[{}])
    yield rejected_body("node off the curve", "successor", node=(2).to_bytes(32, "little"))
    yield rejected_body("node of 31 bytes", "successor", node=NODE.public[:31])
    yield rejected_body("an unknown key", "successor", seq=1)
    yield rejected_body("value of 1025 bytes", "pointer", value=bytes(1025))
    yield rejected_body("value as a text", "pointer", value="hello")
    for at, code, what in ((64, 6, "number 64"), (0, 0, "code 0"), (0, 20, "code 20")):
        yield rejected_body(f"failed pick with {what}", "audit_answer", failed=[{"at": at, "code": code}])
    twice = [{"at": 1, "code": 6}] * 2
    yield rejected_body("failed pick twice", "audit_answer", failed=twice)
    yield rejected_body("failed picks out of order", "audit_answer", failed=[{"at": 2, "code": 6}, {"at": 1, "code": 6}])
    yield rejected_body("hash of 31 bytes", "audit_answer", slices=bytes(31))
    for draws in (0, 65, 256):
        yield rejected_body(f"{draws} draws", "audit_commitment", draws=draws)
    yield rejected_body("set of no bytes", "audit_commitment", total=0)
    yield rejected_body("set larger than any", "audit_commitment", total=2**52 + 1)
    yield rejected_body("unknown beacon", "audit_commitment", beacon="dice")
    yield rejected_body("drand without a round", "audit_commitment", beacon="drand")
    yield rejected_body("drand in round 0", "audit_commitment", beacon="drand", round=0)
    yield rejected_body("drand in a round without a time", "audit_commitment", beacon="drand", round=2**62)
    yield rejected_body("a round without drand", "audit_commitment", round=1)
    yield rejected_body("node off the curve", "audit_commitment", node=(2).to_bytes(32, "little"))
    yield rejected_body("nonce of 15 bytes", "audit_receipt", nonce=bytes(15))
    yield rejected_body("audit missing", "audit_receipt", audit=None)
    fault = {"leaf": 7, "outcome": "corrupt", "root": ROOT}
    yield rejected_body("17 faults", "audit_verdict", faults=[fault] * 17)
    yield rejected_body("a fault that was proved", "audit_verdict", faults=[fault | {"outcome": "proved"}])
    yield rejected_body("a fault without a name", "audit_verdict", faults=[fault | {"outcome": ""}])
    yield rejected_body("refused without a code", "audit_verdict", ended="refused")
    yield rejected_body("late with a code", "audit_verdict", ended="late", code=8)
    yield rejected_body("ended as a pick does", "audit_verdict", ended="proved")
    yield rejected_body("slot 65536", "pointer", slot=65_536)


# --- Messages ------------------------------------------------------------------------------------


def varint(number):
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(out) + bytes([number])


def string(value):
    value = value.encode() if isinstance(value, str) else value
    return varint(len(value)) + value


def some(value):
    return b"\1" + value


NONE = b"\0"


def items(*values):
    return varint(len(values)) + b"".join(values)


def ranges(*pairs):
    return items(*(varint(start) + varint(end) for start, end in pairs))


def numbers(values):
    values = list(values)
    return items(*map(varint, values))


def framed(body):
    return len(body).to_bytes(4, "little") + body


REQUESTS = "hello put read fetch prove stat renew release set_pointer get_pointers status commit_audit audit verdict claim members announce pay".split()
RESPONSES = "refused welcome go leased slice whole proof held released pointer_kept pointers status audit_committed audited verdict_kept claimed members announced paid".split()


def header(name, number, *parts):
    return {"name": name, "number": number, "header": framed(varint(number) + b"".join(parts)).hex()}


def named(vectors, names):
    for vector in vectors:
        number = vector.pop("number", None)
        yield vector if number is None else vector | {"message": names[number]}


def no_header(name, bytes_, error):
    return {"name": name, "header": bytes_.hex(), "error": error}


def bad_header(name, number, *parts, error="malformed"):
    return no_header(name, framed(varint(number) + b"".join(parts)), error)


RECORDS = {kind: record(kind, body, by) for kind, (by, body) in BODIES.items()}
R = {kind: string(bytes_) for kind, bytes_ in RECORDS.items()}


COMMIT, AUDIT, VERDICT, CLAIM, PAY = (REQUESTS.index(name) for name in ("commit_audit", "audit", "verdict", "claim", "pay"))


PAID = RESPONSES.index("paid")


def payment():
    """Four records that fit together: the client of PAYER pays NODE, and AUDITOR is the ledger."""
    lane = {"epoch": 7, "lane": 0, "payee": NODE.public}
    allocation = {"amount": 1_000_000, "issued": START} | lane
    name = b3(cbor([PAYER.public, "allocation", allocation]))
    at_ledger = derive("headwater v1 network at a ledger", NET + AUDITOR.public)
    return (
        record("admission", BODIES["admission"][1], PAYER),
        record("allocation", allocation, PAYER, network=at_ledger),
        record("promise", {"name": name, "taken": START, "until": START + DAY}, AUDITOR, network=at_ledger),
        record("voucher", {"amount": 250_000, "bytes": 2**30} | lane, PAYER, network=at_ledger),
    )


def requests():
    root, net, key = string(ROOT), string(NET), string(OWNER.public)
    whole = varint(2**28)
    yield header("hello", 0, net, NONE)
    yield header("hello with an admission", 0, net, some(R["admission"]))
    yield header("put", 1, varint(2**28), varint(START), R["mandate"])
    yield header("read one leaf", 2, root, varint(1), ranges((0, 1)))
    yield header("read all of the longest shard", 2, root, whole, ranges((0, 2**18)))
    yield header("read 256 ranges", 2, root, whole, ranges(*((2 * n, 2 * n + 1) for n in range(256))))
    yield header("fetch", 3, root)
    yield header("prove one leaf", 4, root, varint(1025), numbers([1]))
    yield header("prove 64 leaves", 4, root, whole, numbers(range(64)))
    yield header("stat of nothing", 5, items(), key)
    yield header("stat of 256 roots", 5, items(*[root] * 256), key)
    yield header("renew", 6, R["renewal"], NONE)
    yield header("renew under a mandate", 6, R["renewal"], some(R["mandate"]))
    yield header("release", 7, R["release"])
    yield header("set pointer", 8, R["pointer"])
    yield header("get pointers", 9, key)
    yield header("status", 10)
    yield header("commit audit", COMMIT, R["audit_commitment"])
    secret, audit, one = string(bytes([6] * 32)), string(bytes([2] * 32)), root + varint(1025) + numbers([1])
    yield header("audit of one leaf", AUDIT, audit, secret, NONE, items(one))
    drand = some(string(bytes(48)))
    yield header("audit with drand of 64 leaves of one shard", AUDIT, audit, secret, drand, items(root + whole + numbers(range(64))))
    apart = items(*(string(bytes([n] * 32)) + whole + numbers([n]) for n in range(64)))
    yield header("audit of a leaf of 64 shards", AUDIT, audit, secret, NONE, apart)
    yield header("verdict", VERDICT, R["audit_verdict"])
    yield header("claim", CLAIM, root, varint(600), R["mandate"])
    yield header("claim given back", CLAIM, root, varint(0), R["mandate"])
    yield header("records are not looked into", 7, string(b"no record"))
    yield header("the first members", 15, NONE, varint(128))
    yield header("one member after another", 15, some(key), varint(1))
    yield header("announce", 16, R["node"])
    pay = payment()
    yield header("pay", PAY, *map(string, pay))
    yield header("pay with records that are none", PAY, *[string(b"")] * 4)
    longest = [string(bytes(4096))] * 4
    yield header("pay with the longest records", PAY, *longest)

    yield no_header("nothing", b"", "incomplete")
    yield no_header("half a length", b"\1\0", "incomplete")
    yield no_header("length alone", (65_536).to_bytes(4, "little"), "incomplete")
    yield no_header("a byte missing", framed(b"\x03" + root)[:-1], "incomplete")
    yield no_header("65537 bytes announced", (65_537).to_bytes(4, "little"), "too_long")
    yield no_header("2^32 - 1 bytes announced", bytes([255] * 4), "too_long")
    yield no_header("empty header", framed(b""), "malformed")
    yield bad_header("members after a key off the curve", 15, some(string((2).to_bytes(32, "little"))), varint(1))
    yield bad_header("no members", 15, NONE, varint(0))
    yield bad_header("129 members", 15, NONE, varint(129))
    yield bad_header("announcement of 4097 bytes", 16, string(bytes(4097)))
    yield bad_header("an unknown request", len(REQUESTS))
    yield bad_header("pay without a voucher", PAY, *map(string, pay[:3]))
    yield bad_header("pay with five records", PAY, *map(string, pay), string(pay[0]), error="trailing")
    for at, name in enumerate(("an admission", "an allocation", "a promise", "a voucher")):
        yield bad_header(f"pay with {name} of 4097 bytes", PAY, *longest[:at], string(bytes(4097)), *longest[at + 1 :])
    yield bad_header("pay with a record longer than the header", PAY, *longest[:3], varint(2**32 - 1), bytes(4096))
    yield bad_header("pay with the length of a record padded", PAY, b"\x80\0", *longest[1:], error="not_canonical")
    yield bad_header("claim for more seconds than fit", CLAIM, root, varint(65_536), R["mandate"])
    yield bad_header("claim without a mandate", CLAIM, root, varint(600))
    yield bad_header("a byte too many", 10, b"\0", error="trailing")
    yield bad_header("a field missing", 0, net)
    yield no_header("number of the request in two bytes", framed(b"\x8a\0"), "not_canonical")
    yield no_header("number of the request in six bytes", framed(b"\x8a\x80\x80\x80\x80\0"), "malformed")
    yield bad_header("length padded", 2, root, b"\x81\0", ranges((0, 1)), error="not_canonical")
    yield bad_header("length of the root padded", 3, b"\xa0\0" + ROOT, error="not_canonical")
    yield bad_header("root of 31 bytes", 3, string(ROOT[:31]))
    yield bad_header("root of 33 bytes", 3, string(ROOT + b"\0"))
    yield bad_header("root without its length", 3, ROOT)
    yield bad_header("network of 31 bytes", 0, string(NET[:31]), NONE)
    yield bad_header("option that is neither none nor some", 0, net, b"\2")
    yield bad_header("admission of 4097 bytes", 0, net, some(string(bytes(4097))))
    yield bad_header("string longer than the header", 3, varint(2**32 - 1), ROOT)
    yield bad_header("put of nothing", 1, varint(0), varint(START), R["mandate"])
    yield bad_header("put of more than 2^28 bytes", 1, varint(2**28 + 1), varint(START), R["mandate"])
    yield bad_header("time above 2^64", 1, varint(1), varint(2**64), R["mandate"])
    yield bad_header("read of nothing", 2, root, varint(1), ranges())
    yield bad_header("read of an empty range", 2, root, varint(4096), ranges((1, 1)))
    yield bad_header("read of a range that ends before it starts", 2, root, varint(4096), ranges((2, 1)))
    yield bad_header("read of ranges that touch", 2, root, varint(4096), ranges((0, 1), (1, 2)))
    yield bad_header("read of ranges that overlap", 2, root, varint(4096), ranges((0, 2), (1, 3)))
    yield bad_header("read of ranges out of order", 2, root, varint(4096), ranges((2, 3), (0, 1)))
    yield bad_header("read past the end", 2, root, varint(4096), ranges((0, 5)))
    yield bad_header("read of 257 ranges", 2, root, whole, ranges(*((2 * n, 2 * n + 1) for n in range(257))))
    yield bad_header("read of 2^32 - 1 announced ranges", 2, root, whole, varint(2**32 - 1))
    yield bad_header("read of a shard of no bytes", 2, root, varint(0), ranges((0, 1)))
    yield bad_header("read of a leaf above 2^32", 2, root, whole, ranges((0, 2**32)))
    yield bad_header("challenge of no leaves", 4, root, varint(4096), numbers([]))
    yield bad_header("challenge of 65 leaves", 4, root, whole, numbers(range(65)))
    yield bad_header("challenge of a leaf twice", 4, root, varint(4096), numbers([1, 1]))
    yield bad_header("challenge out of order", 4, root, varint(4096), numbers([2, 1]))
    yield bad_header("challenge past the end", 4, root, varint(4096), numbers([4]))
    yield bad_header("audit of nothing", AUDIT, audit, secret, NONE, items())
    yield bad_header("audit of a shard without leaves", AUDIT, audit, secret, NONE, items(root + whole + numbers([])))
    yield bad_header("audit past the end", AUDIT, audit, secret, NONE, items(root + varint(1024) + numbers([1])))
    yield bad_header("audit of a shard twice", AUDIT, audit, secret, NONE, items(one, one))
    low = string(bytes(32)) + varint(1) + numbers([0])
    yield bad_header("audit of shards out of order", AUDIT, audit, secret, NONE, items(one, low))
    many = items(low, root + whole + numbers(range(64)))
    yield bad_header("audit of 65 leaves in all", AUDIT, audit, secret, NONE, many)
    yield bad_header("audit of 65 leaves of one shard", AUDIT, audit, secret, NONE, items(root + whole + numbers(range(65))))
    yield bad_header("audit with a secret of 31 bytes", AUDIT, audit, string(bytes(31)), NONE, items(one))
    yield bad_header("audit with 47 bytes of drand", AUDIT, audit, secret, some(string(bytes(47))), items(one))
    yield bad_header("commitment of 4097 bytes", COMMIT, string(bytes(4097)))
    yield bad_header("stat of 257 roots", 5, items(*[root] * 257), key)
    yield bad_header("stat for a key off the curve", 5, items(root), string((2).to_bytes(32, "little")))
    yield bad_header("pointers of a key with a second spelling", 9, string((P + 3).to_bytes(32, "little")))


def responses():
    yield header("refused without detail", 0, varint(1), string(""))
    yield header("refused with the longest detail", 0, varint(16), string("é" * 128))
    for code in [*range(2, 16), 17, 18, 19]:
        yield header(f"refused with code {code}", 0, varint(code), string("why"))
    yield header("welcome", 1, R["node"])
    yield header("go", 2)
    yield header("leased", 3, R["lease"])
    yield header("slice", 4)
    yield header("whole, one byte", 5, varint(1))
    yield header("whole, 1 MiB", 5, varint(2**20))
    yield header("proof", 6)
    yield header("held: nothing asked", 7, items())
    held = some(varint(65_536) + varint(START) + string(ID) + varint(3))
    longest_held = some(varint(2**28) + varint(2**64 - 1) + string(ID) + varint(2**64 - 1))
    yield header("held: one and not the other", 7, items(held, NONE))
    yield header("held: 256 of the longest", 7, items(*[longest_held] * 256))
    yield header("released", 8, R["lease_end"])
    yield bad_header("released without a word for it", 8)
    yield bad_header("released with a word of 4097 bytes", 8, string(bytes(4097)))
    yield header("pointer kept", 9)
    yield header("no pointers", 10, items())
    longest = record("pointer", body_with("pointer", value=bytes(1024), slot=65_535, seq=2**64 - 1, expires=2**64 - 1), OWNER)
    yield header("32 of the longest pointers", 10, items(*[string(longest)] * 32))
    about = varint(3), varint(2**40), varint(2**50), string("headwater 0.1.0")
    yield header("status", 11, *about, items())
    yield header("status with 8 verdicts", 11, *about, items(*[R["audit_verdict"]] * 8))
    yield header("audit committed", RESPONSES.index("audit_committed"), R["audit_receipt"])
    yield header("audited", RESPONSES.index("audited"), R["audit_answer"])
    yield header("verdict kept", RESPONSES.index("verdict_kept"))
    yield header("claimed", RESPONSES.index("claimed"))

    yield header("no members", 16, items(), b"\0")
    yield header("128 members and more", 16, items(*[R["node"]] * 128), b"\1")
    yield header("announced: not news", 17, b"\0")
    yield header("announced: news", 17, b"\1")
    yield header("paid: nothing was read", PAID, varint(0), varint(0))
    yield header("paid: the most", PAID, varint(2**64 - 1), varint(2**63 - 1))

    yield bad_header("an unknown answer", len(RESPONSES))
    yield bad_header("paid: more than any amount", PAID, varint(0), varint(2**63))
    yield bad_header("paid: bytes above 2^64", PAID, varint(2**64), varint(0))
    yield bad_header("paid: no amount", PAID, varint(0))
    yield bad_header("paid: an amount padded", PAID, varint(0), b"\x81\0", error="not_canonical")
    yield bad_header("status with 9 verdicts", 11, *about, items(*[string(b"")] * 9))
    yield bad_header("129 members", 16, items(*[string(b"")] * 129), b"\0")
    yield bad_header("more is neither true nor false", 16, items(), b"\2")
    yield bad_header("news is neither true nor false", 17, b"\2")
    yield bad_header("code 0", 0, varint(0), string(""))
    yield bad_header("code 20", 0, varint(20), string(""))
    yield bad_header("code above 2^16", 0, varint(65_537), string(""))
    yield bad_header("detail of 257 bytes", 0, varint(1), string("x" * 257))
    yield bad_header("detail that is no UTF-8", 0, varint(1), string(b"\xc3\x28"))
    yield bad_header("whole of nothing", 5, varint(0))
    yield bad_header("whole of more than 1 MiB", 5, varint(2**20 + 1))
    yield bad_header("held: 257", 7, items(*[NONE] * 257))
    yield bad_header("held: a shard of no bytes", 7, items(some(varint(0) + varint(START) + string(ID) + varint(0))))
    yield bad_header("held: a lease with a name of 15 bytes", 7, items(some(varint(1) + varint(START) + string(ID[:15]) + varint(0))))
    yield bad_header("33 pointers", 10, items(*[string(b"")] * 33))
    yield bad_header("a pointer of 4097 bytes", 10, items(string(bytes(4097))))
    yield bad_header("version of 65 bytes", 11, varint(0), varint(0), varint(0), string("x" * 65), items())
    yield bad_header("version with a control character", 11, varint(0), varint(0), varint(0), string("\x1b[2J"), items())
    yield bad_header("a byte too many", 2, b"\0", error="trailing")
    yield no_header("number padded", framed(b"\x82\0"), "not_canonical")


# --- Tickets -------------------------------------------------------------------------------------

CONTACT = {"addrs": ["203.0.113.7:4433"], "id": NODE.public}
TICKET = {"net": NET, "nodes": [CONTACT], "v": 1}


def ticket_text(map_, prefix="headwater-net:"):
    return prefix + base64.urlsafe_b64encode(cbor(map_)).decode().rstrip("=")


def tickets():
    def good(name, map_):
        nodes = [node["id"].hex() for node in map_["nodes"]]
        return {"name": name, "ticket": ticket_text(map_), "nodes": nodes, "same_site": map_.get("same_site", False)}

    def bad(name, text):
        return {"name": name, "ticket": text, "error": True}

    def bad_map(name, **changes):
        return bad(name, ticket_text({key: value for key, value in (TICKET | changes).items() if value is not None}))

    def bad_node(name, **changes):
        return bad_map(name, nodes=[{key: value for key, value in (CONTACT | changes).items() if value is not None}])

    others = [{"addrs": [f"10.0.0.{n}:1", "[2001:db8::1]:2"], "id": Key(bytes([n] * 32)).public} for n in range(1, 10)]
    yield good("one node", TICKET)
    yield good("eight nodes at one site", TICKET | {"nodes": others[:8], "same_site": True})
    yield good("behind a relay", TICKET | {"nodes": [CONTACT | {"relay": "https://relay.example/"}]})
    text = ticket_text(TICKET)
    yield bad("nothing", "")
    yield bad("prefix alone", "headwater-net:")
    yield bad("a link's prefix", ticket_text(TICKET, "headwater:"))
    yield bad("no prefix", ticket_text(TICKET, ""))
    yield bad("prefix in upper case", ticket_text(TICKET, "HEADWATER-NET:"))
    yield bad("white space in front", " " + text)
    yield bad("a line break behind", text + "\n")
    yield bad("padded", text + "=")
    yield bad("the end missing", text[:-4])
    yield bad("another alphabet", text[:20] + "+" + text[21:])
    yield bad("too long", text + "A" * 8192)
    yield bad("a byte follows", "headwater-net:" + base64.urlsafe_b64encode(cbor(TICKET) + b"\0").decode().rstrip("="))
    yield bad_map("no network", net=None)
    yield bad_map("network of 31 bytes", net=NET[:31])
    yield bad_map("no version", v=None)
    yield bad_map("version 2", v=2)
    yield bad_map("an unknown key", note="x")
    yield bad_map("no nodes", nodes=[])
    yield bad_map("nine nodes", nodes=others)
    yield bad_map("a node twice", nodes=[CONTACT, CONTACT])
    yield bad_map("same_site false", same_site=False)
    yield bad_node("no addresses", addrs=[])
    yield bad_node("an address without port", addrs=["10.0.0.1"])
    yield bad_node("no id", id=None)
    yield bad_node("id off the curve", id=(2).to_bytes(32, "little"))
    yield bad_node("a relay without scheme", relay="relay.example")
    yield bad_node("an unknown key in a node", seq=1)


write(
    FOLDER / "records.json",
    "Spec sections 10 and 11. A decoder that expects `type` and `network` accepts `record`, or rejects it for the reason in `error`.",
    NET,
    vectors=[*accepted_records(), *rejected_envelopes(), *rejected_encodings(), *rejected_bodies()],
)
write(FOLDER / "requests.json", "Spec section 13. `header` with its length in front.", NET, vectors=named(requests(), REQUESTS))
write(FOLDER / "responses.json", "Spec section 13. `header` with its length in front.", NET, vectors=named(responses(), RESPONSES))
write(
    FOLDER / "tickets.json",
    "Spec section 22. A decoder accepts `ticket`, or rejects it where there is `error`.",
    NET,
    vectors=tickets(),
)
