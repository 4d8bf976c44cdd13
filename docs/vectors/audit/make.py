#!/usr/bin/env python3
"""Makes the golden vectors in this folder from docs/spec.md alone, with the packages of tests/python/requirements.txt.

`cargo test -p protocol` reads them.
"""

import hashlib
import pathlib
import sys

from blake3 import blake3

FOLDER = pathlib.Path(__file__).parent
sys.path.append(str(FOLDER.parent))

from records import NET, OTHER_NET, START, Key, Raw, b3, cbor, derive, record, signed_bytes, without_none, write


def u32(number):
    return number.to_bytes(4, "little")


def u64(number):
    return number.to_bytes(8, "little")


NODE, OTHER, AUDITOR = (Key(bytes([number] * 32)) for number in (3, 4, 5))
NOW = START


# --- The audited set -----------------------------------------------------------------------------


class Set:
    """Shards are (root, bytes or length), here kept in order by whoever makes the set."""

    def __init__(self, shards):
        self.shards = shards
        level = [(derive("headwater v1 audited shard", root + u64(len_)), len_) for root, len_ in shards]
        self.levels = [level]
        while len(level) > 1:
            level = [self.above(level[at : at + 2]) for at in range(0, len(level), 2)]
            self.levels.append(level)
        self.root, self.total = level[0]

    @staticmethod
    def above(nodes):
        if len(nodes) == 1:
            return nodes[0]
        (left, left_sum), (right, right_sum) = nodes
        pair = left + u64(left_sum) + right + u64(right_sum)
        return derive("headwater v1 audited pair", pair), left_sum + right_sum

    def path(self, at):
        path = b""
        for level in self.levels:
            if at ^ 1 < len(level):
                hash_, sum_ = level[at ^ 1]
                path += bytes([1 - at % 2]) + hash_ + u64(sum_)
            at //= 2
        return path

    def find(self, position):
        for at, (_, len_) in enumerate(self.shards):
            if position < len_:
                return at, position // 1024
            position -= len_
        raise ValueError(position)


def positions(seed, total, draws):
    stream = blake3(seed).digest(length=8 * draws)
    return [int.from_bytes(stream[8 * i : 8 * i + 8], "little") * total >> 64 for i in range(draws)]


def set_of(count, length):
    shards = [(b3(u32(number)), length(number)) for number in range(count)]
    return Set(sorted(shards))


def sets():
    for name, count, length in (
        ("one shard", 1, lambda n: 1),
        ("two shards", 2, lambda n: 2**28),
        ("three shards: the last one goes up as it is", 3, lambda n: 1024 * (n + 1)),
        ("one and twenty shards of all lengths", 21, lambda n: 1 + n * n * 5000),
    ):
        set_ = set_of(count, length)
        seed = b3(name.encode())
        selected = []
        for position in positions(seed, set_.total, 8):
            at, leaf = set_.find(position)
            root, len_ = set_.shards[at]
            selected.append({"position": position, "root": root.hex(), "len": len_, "leaf": leaf, "path": set_.path(at).hex()})
        shards = [[root.hex(), len_] for root, len_ in set_.shards]
        yield {"name": name, "shards": shards, "set": set_.root.hex(), "total": set_.total, "seed": seed.hex(), "selected": selected}
    set_ = set_of(4, lambda n: 1000 + n)
    (root, len_), path = set_.shards[1], set_.path(1)
    bad = {"set": set_.root.hex(), "total": set_.total, "root": root.hex(), "len": len_, "path": path.hex()}
    flipped = bytes([path[0] ^ 1]) + path[1:]
    yield bad | {"name": "another side", "error": "other_set", "path": flipped.hex()}
    yield bad | {"name": "another length", "error": "other_set", "len": len_ + 1}
    yield bad | {"name": "another shard", "error": "other_set", "root": set_.shards[0][0].hex()}
    yield bad | {"name": "another total", "error": "other_set", "total": set_.total + 1}
    yield bad | {"name": "a step missing", "error": "other_set", "path": path[:41].hex()}
    yield bad | {"name": "the steps in another order", "error": "other_set", "path": (path[41:] + path[:41]).hex()}
    most = bytes([0]) + bytes(32) + u64(2**64 - 1)
    yield bad | {"name": "sums above 2^64", "error": "overflow", "path": most.hex()}
    yield bad | {"name": "a step too many", "error": "other_set", "path": (path + bytes([0]) + bytes(32) + u64(1)).hex()}
    yield bad | {"name": "a byte missing", "error": "malformed", "path": path[:-1].hex()}
    yield bad | {"name": "a side that is neither left nor right", "error": "malformed", "path": (b"\2" + path[1:]).hex()}
    yield bad | {"name": "a sibling with nothing below it", "error": "malformed", "path": (path[:33] + u64(0) + path[41:]).hex()}
    yield bad | {"name": "25 steps", "error": "malformed", "path": (path[:41] * 25).hex()}


# --- Transcripts ---------------------------------------------------------------------------------


def shard_bytes(number):
    """Of at most one leaf: the slice of such a shard is the shard."""
    return b3(b"shard" + u32(number))[: 1 + number * 7 % 32]


SHARDS = {b3(shard_bytes(number)): shard_bytes(number) for number in range(40)}
SET = Set(sorted((root, len(data)) for root, data in SHARDS.items()))
SECRET = bytes([6] * 32)
ROUND = (NOW - 1_692_803_367) // 3 + 2
DRAND = bytes(range(48))
MISSING, CORRUPT = 6, 7


class Audit:
    """An audit in which everything can be made otherwise than it should be."""

    def __init__(self, drand=False, draws=6, **commitment):
        round_ = {"beacon": "drand", "round": ROUND} if drand else {"beacon": "auditor"}
        body = {"draws": draws, "issued": NOW, "node": NODE.public, "secret": derive("headwater v1 audit secret", SECRET)}
        body |= {"set": SET.root, "total": SET.total} | round_ | commitment
        self.draws, self.drand = draws, drand
        self.total = body["total"]
        self.commitment = record("audit_commitment", body, AUDITOR)
        self.acknowledge()

    def acknowledge(self, by=NODE, net=NET, **receipt):
        body = {"audit": b3(self.commitment), "nonce": bytes([9] * 16), "time": NOW} | receipt
        self.receipt = record("audit_receipt", body, by, network=net)
        beacon = hashlib.sha256(DRAND).digest() if self.drand else bytes(32)
        self.seed = derive("headwater v1 audit seed", beacon + SECRET + NODE.public + b3(self.receipt))
        self.drawn = sorted({SET.find(position)[0] for position in positions(self.seed, self.total, self.draws)})
        self.picks = [self.pick(at) for at in self.drawn]
        return self

    @staticmethod
    def pick(at):
        root, len_ = SET.shards[at]
        return {"len": len_, "path": SET.path(at), "root": root}

    @property
    def reveal(self):
        return {"secret": SECRET} | ({"signature": DRAND} if self.drand else {})

    def asked(self):
        picks = b"".join(pick["root"] + u64(pick["len"]) + u32(1) + u32(0) for pick in self.picks)
        return derive("headwater v1 audit picks", picks)

    def answered(self, codes=None, rotten=(), by=NODE, **answer):
        """`codes` says which picks the node does not have, `rotten` whose slice it sends wrongly."""
        codes, slices, picks = codes or {}, [], []
        for at, pick in enumerate(self.picks):
            if at in codes:
                outcome = {MISSING: {"outcome": "missing"}, CORRUPT: {"outcome": "corrupt"}}
                picks.append(pick | outcome.get(codes[at], {"outcome": "refused", "code": codes[at]}))
                continue
            data = SHARDS[pick["root"]]
            data = bytes([data[0] ^ 1]) + data[1:] if at in rotten else data
            slices.append(data)
            picks.append(pick | {"outcome": "corrupt" if at in rotten else "proved", "proof": b3(data)})
        body = {
            "asked": self.asked(),
            "audit": b3(self.commitment),
            "failed": [{"at": at, "code": code} for at, code in sorted(codes.items())],
            "slices": b3(b"".join(map(b3, slices))),
            "time": NOW + 1,
        } | answer
        body = self.body("answered", picks) | {"answer": record("audit_answer", body, by)}
        return {"body": body, "slices": b"".join(slices)}

    def body(self, ended, picks, **code):
        body = {"asked": NOW + 1, "commitment": self.commitment, "ended": ended, "picks": picks, "receipt": self.receipt}
        return body | {"reveal": self.reveal, "took": 20, "within": 4000} | code

    def unanswered(self, ended, **code):
        return {"body": self.body(ended, [pick | {"outcome": ended} | code for pick in self.picks], **code)}

    def unacknowledged(self, ended, **code):
        body = {"asked": NOW + 1, "commitment": self.commitment, "ended": ended, "picks": [], "took": 20, "within": 4000}
        return {"body": body | code}


def transcript(account, by=AUDITOR, kind="transcript", net=NET, **changes):
    whole = account | {"sig": by.sign(signed_bytes(kind, net, account["body"])), "v": 1} | changes
    return cbor(without_none(whole))


def changed(account, **changes):
    return account | {"body": without_none(account["body"] | changes)}


def with_pick(account, at, **changes):
    picks = list(account["body"]["picks"])
    picks[at] = without_none(picks[at] | changes)
    return changed(account, picks=picks)


def accepted(name, account, outcomes):
    bytes_ = transcript(account)
    alone = transcript({"body": account["body"]})
    ended = account["body"]["ended"]
    return {"name": name, "transcript": bytes_.hex(), "digest": b3(alone).hex(), "ended": ended, "outcomes": outcomes}


def rejected(name, error, account, **how):
    bytes_ = account if isinstance(account, bytes) else transcript(account, **how)
    return {"name": name, "transcript": bytes_.hex(), "error": error}


def accepted_transcripts():
    audit = Audit()
    count = len(audit.picks)
    assert count > 3
    good = audit.answered()
    yield accepted("all proved", good, ["proved"] * count)
    yield accepted("all proved, without slices", {"body": good["body"]}, ["proved"] * count)
    lost = audit.answered({0: MISSING, 1: CORRUPT, 2: 9}, [3])
    yield accepted("missing, corrupt twice, refused", lost, ["missing", "corrupt", "refused", "corrupt"] + ["proved"] * (count - 4))
    nothing = audit.answered(dict.fromkeys(range(count), MISSING))
    yield accepted("nothing there", nothing, ["missing"] * count)
    yield accepted("one draw", Audit(draws=1).answered(), ["proved"])
    many = Audit(draws=64)
    yield accepted("64 draws, some of one shard", many.answered(), ["proved"] * len(many.picks))
    drand = Audit(drand=True)
    yield accepted("drand", drand.answered(), ["proved"] * len(drand.picks))
    yield accepted("drand, a second before the round", drand.acknowledge(time=1_692_803_367 + 3 * (ROUND - 1) - 1).answered(), ["proved"] * len(drand.picks))
    for ended in ("late", "offline", "invalid"):
        yield accepted(ended, audit.unanswered(ended), [ended] * count)
        yield accepted(f"{ended} before the draw", audit.unacknowledged(ended), [])
    yield accepted("refused", audit.unanswered("refused", code=8), ["refused"] * count)
    yield accepted("refused before the draw", audit.unacknowledged("refused", code=11), [])
    yield accepted("answered in the last millisecond", changed(good, took=4000), ["proved"] * count)


def rejected_transcripts():
    audit = Audit()
    good, late = audit.answered(), audit.unanswered("late")
    lost = audit.answered({0: MISSING}, [1])
    picks = good["body"]["picks"]
    bytes_ = transcript(good)

    yield rejected("nothing", "malformed", b"")
    yield rejected("cut before the last byte", "malformed", bytes_[:-1])
    yield rejected("a byte follows", "malformed", bytes_ + b"\0")
    yield rejected("an unknown key", "malformed", good, extra=1)
    yield rejected("an unknown key in the body", "malformed", changed(good, extra=1))
    yield rejected("no body", "malformed", good, body=None)
    yield rejected("no signature", "malformed", good, sig=None)
    for key in ("asked", "commitment", "ended", "picks", "took", "within"):
        yield rejected(f"no {key}", "malformed", changed(good, **{key: None}))
    yield rejected("receipt missing", "contradiction", changed(good, receipt=None))
    yield rejected("secret missing", "contradiction", changed(good, reveal=None))
    yield rejected("secret and receipt missing", "contradiction", changed(good, receipt=None, reveal=None))
    yield rejected("version 2", "version", good, v=2)
    yield rejected("signature of 63 bytes", "malformed", good, sig=bytes(63))
    yield rejected("null where nothing should stand", "malformed", good, slices=Raw(b"\xf6"))
    yield rejected("65 picks", "malformed", changed(good, picks=(picks * 17)[:65]))
    yield rejected("took 2^32 ms", "malformed", changed(good, took=2**32))

    yield rejected("signed by the node", "signature", good, by=NODE)
    yield rejected("signed as a record", "signature", good, kind="audit_answer")
    yield rejected("signed for another network", "signature", good, net=OTHER_NET)
    yield rejected("time altered after signing", "signature", transcript(changed(good, asked=NOW), sig=AUDITOR.sign(signed_bytes("transcript", NET, good["body"]))))
    yield rejected("commitment of 65 draws", "record", Audit(draws=65).answered())
    yield rejected("commitment of no draws", "record", changed(good, commitment=record("audit_commitment", {}, AUDITOR)))
    flipped = bytearray(audit.commitment)
    flipped[-60] ^= 1
    yield rejected("commitment altered", "record", changed(good, commitment=bytes(flipped)))
    yield rejected("commitment with the receipt in its place", "record", changed(good, commitment=audit.receipt))

    yield rejected("receipt by another node", "receipt", Audit().acknowledge(by=OTHER).answered())
    yield rejected("receipt for another audit", "receipt", Audit().acknowledge(audit=b3(b"another")).answered())
    yield rejected("receipt of another network", "record", Audit().acknowledge(net=OTHER_NET).answered())
    yield rejected("receipt when the round was known", "receipt", Audit(drand=True).acknowledge(time=1_692_803_367 + 3 * (ROUND - 1)).answered())
    yield rejected("another secret", "reveal", changed(good, reveal={"secret": bytes(32)}))
    yield rejected("a signature of drand where none was committed to", "reveal", changed(good, reveal={"secret": SECRET, "signature": DRAND}))
    drand = Audit(drand=True)
    yield rejected("drand without its signature", "reveal", changed(drand.answered(), reveal={"secret": SECRET}))
    yield rejected("another signature of drand", "selection", changed(drand.answered(), reveal={"secret": SECRET, "signature": bytes(48)}))
    yield rejected("signature of drand of 47 bytes", "malformed", changed(drand.answered(), reveal={"secret": SECRET, "signature": DRAND[:47]}))

    yield rejected("a pick left out", "selection", changed(late, picks=late["body"]["picks"][1:]))
    yield rejected("no picks", "selection", changed(late, picks=[]))
    undrawn = next(at for at in range(40) if at not in audit.drawn)
    more = sorted([*late["body"]["picks"], Audit.pick(undrawn) | {"outcome": "late"}], key=lambda pick: pick["root"])
    yield rejected("a pick that was not drawn", "selection", changed(late, picks=more))
    yield rejected("a pick twice", "selection", changed(late, picks=[late["body"]["picks"][0], *late["body"]["picks"]]))
    yield rejected("picks in another order", "selection", changed(late, picks=late["body"]["picks"][::-1]))
    path = picks[0]["path"]
    yield rejected("path altered", "selection", with_pick(late, 0, path=path[:5] + bytes([path[5] ^ 1]) + path[6:]))
    yield rejected("path of another shard", "selection", with_pick(late, 0, path=picks[1]["path"]))
    yield rejected("path of half a step", "malformed", with_pick(late, 0, path=path[:20]))
    yield rejected("length altered", "selection", with_pick(late, 0, len=picks[0]["len"] + 1))
    yield rejected("set with another total", "selection", Audit(total=SET.total - 1).unanswered("late"))
    yield rejected("another set", "selection", Audit(set=bytes(32)).unanswered("late"))

    yield rejected("answer by another node", "answer", audit.answered(by=OTHER))
    yield rejected("answer to other picks", "answer", audit.answered(asked=bytes(32)))
    yield rejected("answer to another audit", "answer", audit.answered(audit=bytes(32)))
    yield rejected("answer over other slices", "answer", audit.answered(slices=bytes(32)))
    yield rejected("answer of a pick that there is not", "answer", audit.answered(failed=[{"at": len(picks), "code": 6}]))
    yield rejected("answer that names picks out of order", "record", audit.answered(failed=[{"at": 1, "code": 6}, {"at": 0, "code": 6}]))
    yield rejected("answer with a code that does not exist", "record", audit.answered(failed=[{"at": 0, "code": 999}]))
    yield rejected("a missing pick called proved", "answer", with_pick(lost, 0, outcome="proved"))
    yield rejected("a missing pick with a proof", "answer", with_pick(lost, 0, proof=bytes(32)))
    yield rejected("a rotten slice called proved", "contradiction", with_pick(lost, 1, outcome="proved"))
    yield rejected("a good slice called corrupt", "contradiction", with_pick(good, 0, outcome="corrupt"))
    yield rejected("a good slice called missing", "answer", with_pick(good, 0, outcome="missing", proof=None))
    yield rejected("a good slice called late", "answer", with_pick(good, 0, outcome="late"))
    yield rejected("hash of a slice altered", "answer", with_pick(good, 0, proof=bytes(32)))
    yield rejected("hash of a slice left out", "answer", with_pick(good, 0, proof=None))
    yield rejected("slices altered", "answer", good | {"slices": bytes([good["slices"][0] ^ 1]) + good["slices"][1:]})
    yield rejected("a byte of slices too many", "answer", good | {"slices": good["slices"] + b"\0"})
    yield rejected("a byte of slices missing", "answer", good | {"slices": good["slices"][:-1]})

    yield rejected("an outcome that does not exist", "outcome", with_pick(late, 0, outcome="lost"))
    yield rejected("an ending that does not exist", "outcome", changed(late, ended="proved"))
    yield rejected("refused without a code", "outcome", changed(late, ended="refused"))
    yield rejected("late with a code", "outcome", changed(late, code=8))
    yield rejected("a code that does not exist", "malformed", changed(late, ended="refused", code=0))
    yield rejected("a pick refused because it is missing", "answer", with_pick(lost, 0, outcome="refused", code=6))
    yield rejected("a pick that ended otherwise", "contradiction", with_pick(late, 0, outcome="offline"))
    yield rejected("a proof of a late pick", "contradiction", with_pick(late, 0, proof=bytes(32)))
    yield rejected("an answer that came too late", "contradiction", changed(good, took=4001))
    yield rejected("answered without an answer", "contradiction", {"body": without_none(good["body"] | {"answer": None})})
    yield rejected("late with an answer", "contradiction", changed(late, answer=good["body"]["answer"]))
    yield rejected("late with slices", "contradiction", late | {"slices": good["slices"]})
    yield rejected("answered without a receipt", "contradiction", audit.unacknowledged("answered"))
    early = audit.unacknowledged("late")
    yield rejected("picks without a receipt", "contradiction", changed(early, picks=late["body"]["picks"]))
    yield rejected("a secret without a receipt", "contradiction", changed(early, reveal={"secret": SECRET}))
    yield rejected("slices without a receipt", "contradiction", early | {"slices": b""})


write(
    FOLDER / "sets.json",
    "Spec section 23. With shards: what a set commits to, and what draws from seed select. With error: paths that lead elsewhere.",
    vectors=sets(),
)
write(
    FOLDER / "transcripts.json",
    "Spec section 23. A verifier accepts `transcript`, or rejects it for the reason in `error`. Signatures are good unless the name says otherwise.",
    vectors=[*accepted_transcripts(), *rejected_transcripts()],
)
