#!/usr/bin/env python3
"""A viewer that pays, and somebody who checks what became of the money, by docs/spec.md alone (sections 10, 17, 25 and 26).

    royalties.py watch LEDGER WATCH CODE [--other WATCH] [--bytes N]   watches for money; prints what was signed, as JSON
    royalties.py shares LEDGER FOLDER VIEWER.json…                     every share of the settled epoch, to the micro-unit; in FOLDER are
                                                                       statements, what nodes have handed in, and what they have earned
    royalties.py evidence FILE.zip                                     the proofs in it, with metamorphic-log
    royalties.py forge FILE.zip OTHER.zip                              the same, whole, with a statement that says a micro-unit more
    royalties.py payout PROOF.json                                     the path of a payout to its root
    royalties.py flip FILE                                             changes one bit in the middle
    royalties.py liar GATEWAY TRACK N                                  the gateway, with a bit of segment N and all later ones changed
    royalties.py miser LEDGER                                          the ledger, but for batches with receipts: it says that it took these
    royalties.py mute LEDGER                                           the ledger, but for what it is asked about grants
    royalties.py omission FILE LEDGER                                  that the proof in it convicts the ledger, and of what
    royalties.py keepers LEDGER PREPAID.json LOSER                     what every node has for what it has kept, and who has lost shards
    royalties.py viewers WATCHED.json WATCH FOLDER                     what `headwater watch` has signed, as `watch` prints it

It shares no code with the program. What is refused although it must not be, or not refused although it must, ends it.
"""

import argparse
import base64
import hashlib
import http.server
import json
import pathlib
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import zipfile
import zlib

import cbor2
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from headwater_decode import Invalid, cid_of, cid_text, derive_key, hash_of, is_curve_point, require

WAIT_S = 20
RECORD = "application/vnd.headwater.record+cbor"
ROLES = ["author", "composer", "director", "label", "lyricist", "other", "performer", "producer", "publisher"]
MICRO = 1_000_000


def canonical(value):
    return cbor2.dumps(value, canonical=True)


# --- 10 Signed records ----------------------------------------------------------------------------


def signed_bytes(kind, net, body):
    return b"headwater\0" + bytes([len(kind)]) + kind.encode() + b"\x01" + net + canonical(body)


class Key:
    """An Ed25519 key of somebody who signs records for one network, or at one ledger of it."""

    def __init__(self, net):
        self.net, self.secret = net, Ed25519PrivateKey.generate()
        self.public = self.secret.public_key().public_bytes_raw()

    def sign(self, kind, body):
        signature = self.secret.sign(signed_bytes(kind, self.net, body))
        return canonical({"body": body, "by": self.public, "net": self.net, "sig": signature, "type": kind, "v": 1})


def verified(data, kind, net):
    """The body of a record of this type and network, and who has signed it."""
    record = cbor2.loads(data)
    require(canonical(record) == data, f"a {kind} is not canonical")
    require(sorted(record) == ["body", "by", "net", "sig", "type", "v"], f"a {kind} has other keys")
    require((record["type"], record["net"], record["v"]) == (kind, net, 1), f"this is no {kind} of this network")
    require(is_curve_point(record["by"]), f"a {kind} is by no curve point")
    try:
        message = signed_bytes(kind, net, record["body"])
        Ed25519PublicKey.from_public_bytes(record["by"]).verify(record["sig"], message)
    except InvalidSignature:
        raise Invalid(f"the signature of a {kind} does not match") from None
    return record["body"], record["by"]


# --- HTTP -----------------------------------------------------------------------------------------


class Answer:
    def __init__(self, status, body):
        self.status, self.body = status, body

    def json(self):
        return json.loads(self.body)

    def code(self):
        """The status, and the code of the problem if it is one."""
        try:
            return self.status, self.json()["code"]
        except (ValueError, KeyError, TypeError):
            return self.status, None


def ask(url, body=None, method=None, **headers):
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    if body is not None:
        fields.setdefault("Content-Type", RECORD)
    request = urllib.request.Request(url, body, fields, method=method)
    try:
        with urllib.request.urlopen(request, timeout=WAIT_S) as answer:
            return Answer(answer.status, answer.read())
    except urllib.error.HTTPError as error:
        return Answer(error.code, error.read())


def get(url, body=None, **headers):
    """What is answered, which must be no refusal."""
    answer = ask(url, body, **headers)
    require(answer.status < 300, f"{url} answers {answer.status}: {answer.body[:300]!r}")
    return answer


def refused(expected, url, *arguments, **headers):
    answer = ask(url, *arguments, **headers)
    found = answer.code() if headers.get("method") != "HEAD" else (answer.status, expected[1])
    require(found == expected, f"{url} answers {found} instead of {expected}")


# --- 25 The ledger --------------------------------------------------------------------------------


class Ledger:
    def __init__(self, url):
        self.url = url.rstrip("/")
        self.terms = get(f"{self.url}/v1/terms").json()
        self.network, self.issuer = (bytes.fromhex(self.terms[key]) for key in ("network", "issuer"))
        self.net = derive_key("headwater v1 network at a ledger", self.network + self.issuer)

    def agreement(self, publication, creator):
        """The agreement about a title that holds, and its id."""
        answer = get(f"{self.url}/v1/titles/{publication}?creator={creator.hex()}").json()
        data = base64.b64decode(answer["cbor"])
        require(hash_of(data).hex() == answer["id"], "an agreement has another hash than its id")
        return cbor2.loads(data), hash_of(data)

    def top_up(self, viewer, code):
        """Redeems a code; the promise that comes back names the deposit."""
        letters = code.replace("-", "").replace(" ", "").upper()
        secret = base64.b32decode(letters + "=" * (-len(letters) % 8))
        amount = int.from_bytes(secret[5:10], "big")
        body = {
            "amount": amount,
            "id": derive_key("headwater v1 top-up", secret)[:16],
            "issued": int(time.time()),
            "unit": self.terms["unit"],
        }

        def redeem(key, code):
            return f"{self.url}/v1/top-ups", canonical({"code": code, "deposit": key.sign("deposit", body)})

        refused((403, "unknown_code"), *redeem(viewer, secret[:15] + bytes([secret[15] ^ 1])))
        promise, by = verified(get(*redeem(viewer, secret)).body, "promise", self.net)
        require(by == self.issuer, "somebody else promises")
        require(promise["name"] == hash_of(canonical([viewer.public, "deposit", body])), "another deposit is promised")
        refused((409, "code_used"), *redeem(Key(self.net), secret))
        return amount

    def grant(self, viewer, session, agreement, gateway, charge, limit):
        """A grant, compared with what was asked for; the record and its body."""
        request = {
            "agreement": agreement,
            "attested": False,
            "charge": charge,
            "epoch": self.terms["epoch"],
            "gateway": gateway,
            "issued": int(time.time()),
            "limit": limit,
            "session": session.public,
        }
        record = get(f"{self.url}/v1/grants", viewer.sign("session_request", request)).body
        again = get(f"{self.url}/v1/grants", viewer.sign("session_request", request)).body
        require(record == again, "the same request is granted in another way")
        grant, by = verified(record, "session_grant", self.net)
        require(by == self.issuer, "somebody else grants")
        same = ("agreement", "attested", "charge", "epoch", "gateway", "limit", "session")
        require(all(grant[key] == request[key] for key in same), "not what was asked for is granted")
        serial = derive_key("headwater v1 grant serial", viewer.public + canonical(request))[:16]
        require(grant["serial"] == serial, "the serial is another one")
        require(grant["starts"] <= time.time() + 60 < grant["expires"], "the grant does not hold now")
        dearer = dict(request, charge=charge + (1 << 40))
        refused((402, "insufficient_funds"), f"{self.url}/v1/grants", viewer.sign("session_request", dearer))
        return record, grant

    def inquire(self, key, what):
        host = urllib.parse.urlsplit(self.url).netloc
        inquiry = key.sign("inquiry", {"host": host, "issued": int(time.time()), "what": what})
        return get(f"{self.url}/v1/inquiries", inquiry).json()

    def log(self):
        """All entries of the log, decoded."""
        size = int(get(f"{self.url}/log/checkpoint").body.split(b"\n")[1])
        for first in range(0, size, 256):
            count = min(256, size - first)
            require(first < 256_000, "so long a log takes longer paths")
            path = f"tile/entries/{first // 256:03}" + (f".p/{count}" if count < 256 else "")
            data = get(f"{self.url}/log/{path}").body
            while data:
                length = int.from_bytes(data[:2], "big")
                yield cbor2.loads(data[2 : 2 + length])
                data = data[2 + length :]


def micro(text):
    """An amount as it is written over HTTP, in micro-units."""
    whole, _, decimals = text.partition(".")
    require(len(decimals) == 6, f"{text!r} has not six decimals")
    return int(whole) * MICRO + int(decimals)


def share(amount, weights):
    """The largest remainder: `weights` is a list of (key, weight)."""
    total = sum(weight for _, weight in weights)
    if total == 0:
        return {}
    parts = {key: amount * weight // total for key, weight in weights}
    left = amount - sum(parts.values())
    for key, _ in sorted(weights, key=lambda one: (-(amount * one[1] % total), one[0]))[:left]:
        parts[key] += 1
    return parts


def price_of(agreement, size):
    require(agreement["price"]["per"] == "byte", "the price is not per byte")
    return size * agreement["price"]["micro"] // agreement["price"]["of"]


# --- 17, 26 Watching ------------------------------------------------------------------------------


class Title:
    """A publication at one gateway, whose bundle is what its id says."""

    def __init__(self, ledger, watch):
        self.watch = watch.rstrip("/")
        self.gateway, self.id = self.watch.rsplit("/watch/", 1)
        data = get(f"{self.watch}/bundle").body
        require(cid_text(cid_of(data)) == self.id, "the bundle is another one")
        self.bundle = cbor2.loads(data)
        record, by = verified(get(f"{self.watch}/record").body, "publication", ledger.network)
        require(by == self.bundle["creator"] and cid_text(record["bundle"]) == self.id, "somebody else has published it")
        require(self.bundle.get("ledger") == ledger.issuer, "the title is not shown under this ledger")
        pay = get(f"{self.gateway}/api/ledger").json()
        require(pay["issuer"] == ledger.issuer.hex(), "the gateway takes part in another ledger")
        self.key, self.credit = bytes.fromhex(pay["gateway"]), pay["credit_bytes"]

    def segments(self):
        """Address, hash, length and duration in ms of every segment of every track; of those that play together one has the time."""
        for number, track in enumerate(self.bundle["tracks"]):
            for n in range(len(track["lens"]) // 4):
                duration = int.from_bytes(track["durations"][4 * n : 4 * n + 4], "little") * 1000 // track["timescale"]
                duration = 0 if number else duration
                suffix = "vtt" if track["kind"] == "subtitles" else "m4s"
                length = int.from_bytes(track["lens"][4 * n : 4 * n + 4], "little")
                yield f"{self.watch}/{track['id']}/{n}.{suffix}", track["hashes"][32 * n : 32 * n + 32], length, duration

    def size(self):
        lens = [track["lens"] for track in self.bundle["tracks"]]
        return sum(int.from_bytes(one[at : at + 4], "little") for one in lens for at in range(0, len(one), 4))

    def check_refusals(self):
        """Nothing that is sold comes without a session, by no route; what describes it does."""
        closed = [address for address, _, _, _ in self.segments()]
        closed += [f"{self.watch}/{track['id']}.mp4" for track in self.bundle["tracks"]]
        closed += [f"{self.watch}/attachments/{one['name']}" for one in self.bundle["attachments"]]
        for address in closed:
            refused((402, "payment_required"), address)
            refused((402, "payment_required"), address, method="HEAD")
            refused((402, "payment_required"), address, Range="bytes=0-9")
            refused((402, "no_session"), f"{address}?session={'0' * 32}")
        files = [part for track in self.bundle["tracks"] for part in track["parts"]]
        files += [one["file"] for one in self.bundle["attachments"]]
        for part in files:
            key = base64.urlsafe_b64encode(part["key"]).decode().rstrip("=")
            link = f"headwater:{cid_text(part['object'])}#{key}"
            refused((402, "payment_required"), f"{self.gateway}/open", link.encode())
        for track in self.bundle["tracks"]:
            get(f"{self.watch}/{track['id']}.m3u8")
            get(f"{self.watch}/{track['id']}/init.mp4")
        get(f"{self.watch}/master.m3u8")
        return len(closed) + len(files)


class Session:
    """A session under a grant: what came, and what was said about it."""

    def __init__(self, title, key, record, grant):
        self.title, self.key, self.grant = title, key, grant
        self.bytes = self.ms = self.count = self.seq = 0
        self.hash, self.stops = bytes(32), 0
        opening = canonical({"grant": record, "receipt": self.receipt()})
        opened = get(f"{title.gateway}/api/sessions", opening).json()
        require(opened["expires"] == grant["expires"], "the session ends at another time than the grant")
        self.token, self.opening = opened["session"], opening

    def receipt(self):
        body = {
            "delivered": {"count": self.count, "hash": self.hash},
            "seq": self.seq,
            "serial": self.grant["serial"],
            "stream": 0,
            "usage": {"bytes": self.bytes, "ms": self.ms},
        }
        return self.key.sign("delivery_receipt", body)

    def acknowledge(self):
        self.seq += 1
        get(f"{self.title.gateway}/api/sessions/{self.token}/receipts", self.receipt())

    def watch(self):
        """All segments, or as many as the grant is good for. Receipts are sent when the gateway asks for them, and at the end."""
        limit = self.grant["limit"]["bytes"]
        for address, expected, length, duration in self.title.segments():
            answer = ask(address, Headwater_Session=self.token)
            if answer.code() == (402, "receipts_wanted"):
                self.stops += 1
                self.acknowledge()
                answer = ask(address, Headwater_Session=self.token)
            if answer.code() == (402, "grant_used_up"):
                require(self.bytes + length > limit, f"the grant is not used up with {self.bytes} of {limit} bytes")
                break
            require(answer.status == 200, f"{address} answers {answer.code()}")
            require(hash_of(answer.body) == expected, f"{address} is another segment")
            self.bytes = min(limit, self.bytes + len(answer.body))
            self.ms += duration
            self.count += 1
            self.hash = derive_key("headwater v1 delivered", self.hash + expected)
        self.acknowledge()
        body = cbor2.loads(self.receipt())["body"]
        less = self.key.sign("delivery_receipt", dict(body, seq=self.seq + 1, usage={"bytes": 1, "ms": 0}))
        refused((409, "settled"), f"{self.title.gateway}/api/sessions/{self.token}/receipts", less)


def await_receipts(ledger, viewer, session, asks):
    """Waits until the ledger has what the session key has signed last."""
    until = time.time() + WAIT_S
    while True:
        found = {one["serial"]: one for one in ledger.inquire(viewer, "sessions")["sessions"]}
        one = found[session.grant["serial"].hex()]
        if (one["bytes"], one["ms"]) == (session.bytes, session.ms):
            require(micro(one["asks"]) == asks, f"the ledger asks {one['asks']} instead of {asks} micro-units")
            return
        require(time.time() < until, f"the ledger knows of {one['bytes']} bytes instead of {session.bytes}")
        time.sleep(0.2)


def watch(arguments):
    ledger = Ledger(arguments.ledger)
    title = Title(ledger, arguments.watch)
    viewer, key = Key(ledger.net), Key(ledger.net)
    closed = title.check_refusals()
    agreement, name = ledger.agreement(title.id, title.bundle["creator"])
    funds = ledger.top_up(viewer, arguments.code)
    size = arguments.bytes or title.size()
    charge = price_of(agreement, size)
    require(charge <= funds < 2 * charge, f"the code is worth {funds}, the film costs {charge}")
    record, grant = ledger.grant(viewer, key, name, title.key, charge, {"bytes": size, "ms": 1 << 31})
    # In another tab, the same money again.
    second = dict(cbor2.loads(record)["body"], session=Key(ledger.net).public, issued=int(time.time()))
    for field in ("alias", "expires", "serial", "starts"):
        del second[field]
    refused((402, "insufficient_funds"), f"{ledger.url}/v1/grants", viewer.sign("session_request", second))
    session = Session(title, key, record, grant)
    if arguments.other:
        other = arguments.other.rsplit("/watch/", 1)[0]
        refused((403, "bad_grant"), f"{other}/api/sessions", session.opening)
    session.watch()
    require(session.stops > 0, f"more than {title.credit} bytes came without a receipt")
    await_receipts(ledger, viewer, session, price_of(agreement, session.bytes))
    answer = {
        "viewer": viewer.public.hex(),
        "agreement": name.hex(),
        "gateway": title.key.hex(),
        "alias": grant["alias"].hex(),
        "bytes": session.bytes,
        "ms": session.ms,
        "segments": session.count,
        "stops": session.stops,
        "closed": closed,
        "paid": min(charge, price_of(agreement, session.bytes)),
        "title": title.id,
        "creator": title.bundle["creator"].hex(),
    }
    print(json.dumps(answer))


# --- 25 Settlement --------------------------------------------------------------------------------


def shares_of_line(agreement, paid):
    """What gateway, network and nodes have of a line, and each party (step 4)."""
    fees = agreement["fees"]
    rest = MICRO - fees["gateway"] - fees["network"] - fees["node"]
    first = share(paid, [(0, fees["gateway"]), (1, fees["network"]), (2, fees["node"]), (3, rest)])
    keys = [((party["party"], ROLES.index(party["role"])), party["ppm"]) for party in agreement["parties"]]
    return first[0], first[1], first[2], {key[0]: part for key, part in share(first[3], keys).items()}


def vouchers_of_nodes(folder):
    """By gateway and node, what the nodes' vouchers claim and promise; and what each node has earned."""
    vouchers, earned = {}, {}
    for path in folder.glob("node-*.json"):
        handed = json.loads(path.read_text())
        node = bytes.fromhex(handed["node"])
        require(not handed["refused"], f"vouchers of node {handed['node']} were refused: {handed['refused']}")
        earned[node] = micro(path.with_suffix(".earned").read_text().strip())
        for one in filter(lambda one: one["bytes"] or one["micro"], handed["vouchers"]):
            of_gateway = vouchers.setdefault(bytes.fromhex(one["payer"]), {})
            claimed, promised = of_gateway.get(node, (0, 0))
            of_gateway[node] = claimed + one["bytes"], promised + one["micro"]
    return vouchers, earned


def carrying(gateway, pool, acknowledged, vouchers):
    """What nodes have of a gateway's pool, what it keeps, and what it owes beside (step 5)."""
    claimed = sum(bytes_ for bytes_, _ in vouchers.values())
    counted = {node: bytes_ for node, (bytes_, _) in vouchers.items()}
    if claimed > acknowledged:
        counted = share(acknowledged, sorted(counted.items()))
    own = acknowledged - sum(counted.values())
    parts = share(pool, sorted([*counted.items(), (gateway, own)])) or {gateway: pool}
    carried = [
        {
            "claimed": bytes_,
            "counted": counted[node],
            "gateway": gateway,
            "node": node,
            "owed": max(0, promised - parts.get(node, 0)),
            "promised": promised,
            "shared": parts.get(node, 0),
        }
        for node, (bytes_, promised) in sorted(vouchers.items())
    ]
    total = {
        "acknowledged": acknowledged,
        "claimed": claimed,
        "disputed": max(0, claimed - acknowledged),
        "gateway": gateway,
        "kept": parts.get(gateway, 0),
        "pool": pool,
    }
    return total, carried


def shares(arguments):
    ledger = Ledger(arguments.ledger)
    viewers = [json.loads(pathlib.Path(path).read_text()) for path in arguments.viewers]
    agreement, name = ledger.agreement(viewers[0]["title"], bytes.fromhex(viewers[0]["creator"]))
    require(not agreement["parents"], "this checks works that are made from nothing else")
    entries = list(ledger.log())
    published = [entry["line"] for entry in entries if "line" in entry]
    signed = {(one["alias"], one["gateway"]): (one["paid"], one["bytes"], one["ms"]) for one in viewers}
    found = {
        (one["alias"].hex(), one["gateway"].hex()): (one["paid"], one["usage"]["bytes"], one["usage"]["ms"])
        for one in published
    }
    require(len(published) == len(found) and found == signed, f"the lines are {found}, signed was {signed}")

    for line in published:
        require("budget" not in line, "nobody has watched under a budget")
        require(1 <= line["plays"] <= sum(line["usage"].values()), f"a line counts {line['plays']} plays")
    plays = sum(line["plays"] for line in published)
    counted = sum(entry["settlement"]["receipts"]["count"] for entry in entries if "settlement" in entry)
    require(plays <= counted, f"the lines count {plays} plays of {counted} receipts")

    folder = pathlib.Path(arguments.folder)
    vouchers, earned = vouchers_of_nodes(folder)
    gateways, pools, network, parties = {}, {}, 0, {party["party"]: 0 for party in agreement["parties"]}
    for line in published:
        require(line["agreement"] == name, "a line is about another title")
        for_gateway, for_network, for_nodes, for_parties = shares_of_line(agreement, line["paid"])
        gateways[line["gateway"]] = gateways.get(line["gateway"], 0) + for_gateway
        pool, acknowledged = pools.get(line["gateway"], (0, 0))
        pools[line["gateway"]] = pool + for_nodes, acknowledged + line["usage"]["bytes"]
        network += for_network
        for party, part in for_parties.items():
            parties[party] += part
    carriers = []
    for gateway in sorted(set(pools) | set(vouchers)):
        total, carried = carrying(gateway, *pools.get(gateway, (0, 0)), vouchers.get(gateway, {}))
        require({"gateway": total} in entries, f"the log has no {total}")
        gateways[gateway] = gateways.get(gateway, 0) + total["kept"]
        carriers += carried
    logged = [entry["carrier"] for entry in entries if "carrier" in entry]
    require(logged == carriers, f"the carriers are {logged} instead of {carriers}")
    for node, amount in earned.items():
        due = sum(one["shared"] + one["owed"] for one in carriers if one["node"] == node)
        require(amount == due, f"node {node.hex()} has earned {amount} instead of {due}")
    nodes, owed = sum(one["shared"] for one in carriers), sum(one["owed"] for one in carriers)
    require(nodes > 0 and owed > 0, f"{nodes} are shared and {owed} are owed: this shows neither")
    summary = next(entry["settlement"] for entry in entries if "settlement" in entry)
    totals = summary["totals"]
    paid = sum(one["paid"] for one in viewers)
    expected = (paid, sum(gateways.values()), network, sum(parties.values()), nodes)
    stated = tuple(totals[key] for key in ("charged", "gateways", "network", "parties", "nodes"))
    require(stated == expected, f"the totals are {stated} instead of {expected}")
    require(totals["collateral"] == owed, f"{totals['collateral']} are owed out of collateral instead of {owed}")
    require(sum(expected[1:]) == paid, "what is shared is not what was paid")
    for path in folder.glob("*.statement.json"):
        statement = json.loads(path.read_text())
        party = bytes.fromhex(statement["party"])
        roles = [{role: micro(amount) for role, amount in epoch["roles"].items()} for epoch in statement["epochs"]]
        for epoch, said in zip(statement["epochs"], roles):
            rows = [row for kind in ("lines", "sales", "carried") for row in epoch[kind]]
            listed = sum(micro(row["earned"]) for row in rows)
            require(listed == sum(said.values()), f"the rows of {path.name} have earned {listed} instead of {said}")
            spent = sum(micro(row["paid"]) for row in rows if row.get("own", True))
            require(spent == micro(epoch["paid"]), f"the rows of {path.name} have paid {spent} instead of {epoch['paid']}")
        whole = {role: sum(one[role] for one in roles) for role in ("party", "gateway", "node", "network")}
        treasury = network if statement["party"] == ledger.terms["treasury"] else 0
        mine = {"party": parties.pop(party, 0), "gateway": 0, "node": 0, "network": treasury}
        require(whole == mine, f"{path.name} says {whole} instead of {mine}")
    require(not parties, f"{len(parties)} parties have shown no statement")
    to = f"{expected[3]} for the parties, {expected[1]} for {len(gateways)} gateways, {network} for the network"
    print(f"{paid} micro-units of {len(viewers)} viewers: {to}, {nodes} for {len(earned)} nodes, and {owed} out of collateral")


# --- What others are shown ------------------------------------------------------------------------


def evidence(arguments):
    """Every entry in the file is under the checkpoint in it, and what it says is what the statement says."""
    import metamorphic_log

    with zipfile.ZipFile(arguments.file) as file:
        require(file.testzip() is None, "a file in the zip is damaged")
        content = {name: file.read(name) for name in file.namelist()}
    log = content["policy"].decode().split("\n")[0].removeprefix("log ").strip()
    require(json.loads(content["terms.json"])["log"] == log, "policy and terms name two logs")
    checkpoint = content["checkpoint"].decode()
    proved = {}
    for name in content:
        if name.startswith("entries/"):
            index = int(name.removeprefix("entries/").removesuffix(".cbor"))
            head, note = content[f"proofs/{index}.tlog-proof"].decode().split("\n\n", 1)
            require(note == checkpoint, "a proof is under another checkpoint")
            _, number, *path = head.split("\n")
            require(number == f"index {index}", "a proof is of another entry")
            path = [base64.b64decode(line, validate=True) for line in path]
            leaf = hashlib.sha256(b"\0" + content[name]).digest()
            metamorphic_log.checkpoint_verify_inclusion(note, [log], index, leaf, path)
            try:
                metamorphic_log.checkpoint_verify_inclusion(note, [log], index, hashlib.sha256(leaf).digest(), path)
                raise Invalid("another entry is proved by the same path")
            except metamorphic_log.VerifyError:
                proved[index] = cbor2.loads(content[name])
    statement = json.loads(content["statement.json"])
    for epoch in statement["epochs"]:
        require("settlement" in proved[epoch["summary"]], "the summary of an epoch is not proved")
        for line in epoch["lines"]:
            require(proved[line["index"]]["line"]["paid"] == micro(line["paid"]), "the log says another amount")
    print(f"{len(proved)} entries are proved by {len(content)} files")


def forge(arguments):
    """Writes evidence whose statement has earned a micro-unit more in one line and in the sum, and that is a whole file."""
    with zipfile.ZipFile(arguments.file) as file:
        files = {name: file.read(name) for name in file.namelist()}
    statement = json.loads(files["statement.json"])
    epoch = statement["epochs"][0]
    for place, key in ((epoch["lines"][0], "earned"), (epoch["roles"], "party")):
        more = micro(place[key]) + 1
        place[key] = f"{more // MICRO}.{more % MICRO:06}"
    files["statement.json"] = json.dumps(statement).encode()
    content, directory = b"", b""
    for name, data in files.items():
        about = bytes([20, 0, 0, 8, 0, 0, 0, 0, 0x21, 0]) + zlib.crc32(data).to_bytes(4, "little") + 2 * len(data).to_bytes(4, "little")
        about += len(name).to_bytes(2, "little") + bytes(2)
        directory += b"PK\1\2" + bytes([20, 0]) + about + bytes(10) + len(content).to_bytes(4, "little") + name.encode()
        content += b"PK\3\4" + about + name.encode() + data
    count = len(files).to_bytes(2, "little")
    end = b"PK\5\6" + bytes(4) + 2 * count + len(directory).to_bytes(4, "little") + len(content).to_bytes(4, "little") + bytes(2)
    pathlib.Path(arguments.other).write_bytes(content + directory + end)


def keccak256(data):
    """Keccak with the padding of Ethereum, which differs from SHA-3's."""
    rate, mask = 136, (1 << 64) - 1
    data += b"\x01" + bytes(-(len(data) + 1) % rate)
    data = data[:-1] + bytes([data[-1] | 0x80])

    def rotate(word, by):
        return ((word << by) | (word >> (64 - by))) & mask

    state = [[0] * 5 for _ in range(5)]
    for start in range(0, len(data), rate):
        for n in range(rate // 8):
            state[n % 5][n // 5] ^= int.from_bytes(data[start + 8 * n : start + 8 * n + 8], "little")
        lfsr = 1
        for _ in range(24):
            columns = [state[x][0] ^ state[x][1] ^ state[x][2] ^ state[x][3] ^ state[x][4] for x in range(5)]
            for x in range(5):
                mixed = columns[x - 1] ^ rotate(columns[(x + 1) % 5], 1)
                state[x] = [word ^ mixed for word in state[x]]
            x, y, current = 1, 0, state[1][0]
            for step in range(24):
                x, y = y, (2 * x + 3 * y) % 5
                current, state[x][y] = state[x][y], rotate(current, (step + 1) * (step + 2) // 2 % 64)
            for y in range(5):
                row = [state[x][y] for x in range(5)]
                for x in range(5):
                    state[x][y] = row[x] ^ (~row[(x + 1) % 5] & mask & row[(x + 2) % 5])
            for bit in range(7):
                if lfsr & 1:
                    state[0][0] ^= 1 << ((1 << bit) - 1)
                lfsr = lfsr << 1 ^ (0x171 if lfsr & 0x80 else 0)
    return b"".join(state[n % 5][n // 5].to_bytes(8, "little") for n in range(4))


def payout(arguments):
    """The path leads from what one party is owed to the root, and from one micro-unit more it does not."""
    require(keccak256(b"").hex().startswith("c5d2460186f7233c"), "this is not Keccak")
    proof = json.loads(pathlib.Path(arguments.file).read_text())
    cumulative = int(proof["cumulative"])

    def root_for(amount):
        leaf = bytes.fromhex(proof["party"]) + bytes(12) + bytes.fromhex(proof["address"]) + amount.to_bytes(32, "big")
        node = keccak256(keccak256(leaf))
        for sibling in proof["proof"]:
            node = keccak256(b"".join(sorted([node, bytes.fromhex(sibling)])))
        return node

    require(root_for(cumulative) == bytes.fromhex(proof["root"]), "the proof does not lead to the root")
    require(root_for(cumulative + 1) != bytes.fromhex(proof["root"]), "it proves another amount, too")
    print(f"{cumulative} micro-units are proved by a path of {len(proof['proof'])}")


def liar(arguments):
    """Passes everything on to the gateway and back, but for the end of one track."""

    def answer(handler):
        passed = pass_on(arguments.gateway, handler)
        data = bytearray(passed.read())
        track, name = handler.path.split("/")[-2:]
        number = name.removesuffix(".m4s")
        if track == arguments.track and number.isdigit() and int(number) >= arguments.number and data:
            data[len(data) // 2] ^= 1
        answer_with(handler, passed.status, passed.headers.get("Content-Type", "application/octet-stream"), data)

    serve(answer)


def pass_on(url, handler):
    """What is asked of `url`, and the answer."""
    body = handler.rfile.read(int(handler.headers.get("Content-Length", 0))) or None
    kept = ("Content-Type", "Headwater-Session", "Range")
    fields = {name: handler.headers[name] for name in kept if name in handler.headers}
    request = urllib.request.Request(url + handler.path, body, fields, method=handler.command)
    try:
        return urllib.request.urlopen(request, timeout=WAIT_S)
    except urllib.error.HTTPError as error:
        return error


def answer_with(handler, status, media_type, data):
    handler.send_response(status)
    handler.send_header("Content-Type", media_type)
    handler.send_header("Content-Length", str(len(data)))
    handler.end_headers()
    handler.wfile.write(data)


def serve(answer):
    """Answers every request by this function; prints where."""

    class Server(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            answer(self)

        do_POST = do_GET

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


def miser(arguments):
    """A gateway whose ledger is here reports nothing of what viewers acknowledge."""

    def answer(handler):
        if handler.path == "/v1/batches":
            records = cbor2.loads(handler.rfile.read(int(handler.headers["Content-Length"])))
            taken = {"taken": len(records), "known": 0, "refused": []}
            answer_with(handler, 200, "application/json", json.dumps(taken).encode())
            return
        passed = pass_on(arguments.ledger, handler)
        answer_with(handler, passed.status, passed.headers.get("Content-Type", "application/octet-stream"), passed.read())

    serve(answer)


def mute(arguments):
    """A ledger that tells nobody what it has of their grants."""

    def answer(handler):
        if handler.path == "/v1/inquiries":
            # All of it is read, or the rest is taken for the next request.
            handler.rfile.read(int(handler.headers["Content-Length"]))
            problem = {"code": "busy", "detail": "not now"}
            answer_with(handler, 503, "application/problem+json", json.dumps(problem).encode())
            return
        passed = pass_on(arguments.ledger, handler)
        answer_with(handler, passed.status, passed.headers.get("Content-Type", "application/octet-stream"), passed.read())

    serve(answer)


def node_of(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


def root_of(leaves):
    """RFC 6962: the root over hashes of leaves."""
    if len(leaves) < 2:
        return leaves[0] if leaves else hashlib.sha256().digest()
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return node_of(root_of(leaves[:split]), root_of(leaves[split:]))


def receipts_of(ledger, summary):
    """The hashes of the list of receipts of this settlement, as the log has them."""
    leaves = []
    for entry in ledger.log():
        leaves += entry.get("receipts", [])
        if "settlement" in entry:
            if entry["settlement"] == summary:
                found = {"count": len(leaves), "root": root_of(leaves)}
                require(found == summary["receipts"], "the log has another list of receipts than its settlement")
                return leaves
            leaves = []
    raise Invalid("the log has another settlement")


def is_included(item, proof, listed):
    """RFC 6962: the item is at its place in the list."""

    found, at, last = hashlib.sha256(b"\0" + canonical(item)).digest(), proof["index"], listed["count"] - 1
    for beside in proof["path"]:
        if at & 1 or at == last:
            found = node_of(beside, found)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            found = node_of(found, beside)
        at, last = at >> 1, last >> 1
    return last == 0 and found == listed["root"]


def omission(arguments):
    """Grant, promise and receipt belong together, and the settlement of the log has something else where the receipt belongs."""
    ledger = Ledger(arguments.ledger)
    data = pathlib.Path(arguments.file).read_bytes()
    proof = cbor2.loads(data)
    require(canonical(proof) == data, "the proof is not canonical")
    grant, granted_by = verified(proof["grant"], "session_grant", ledger.net)
    promise, promised_by = verified(proof["promise"], "promise", ledger.net)
    receipt, session = verified(proof["receipt"], "delivery_receipt", ledger.net)
    require(granted_by == promised_by == ledger.issuer, "the ledger has not signed this")
    require(session == grant["session"] and receipt["serial"] == grant["serial"], "the receipt is of another session")
    require(promise["name"] == hash_of(canonical([session, "delivery_receipt", receipt])), "another record is promised")
    summary = proof["summary"]
    leaves = receipts_of(ledger, summary)
    own = {"receipt": hash_of(canonical(receipt))} | {key: receipt[key] for key in ("seq", "serial", "stream", "usage")}
    require(hashlib.sha256(b"\0" + canonical(own)).digest() not in leaves, "the log lists it")
    require(summary["epoch"] == grant["epoch"], "another epoch is settled")
    place = lambda one: (one["serial"], one["stream"])
    if "beside" not in proof:
        print(f"epoch {grant['epoch']} lists {len(leaves)} receipts, and not the one over {receipt['usage']['bytes']} bytes that the ledger has promised to count")
        return
    before, after = proof["beside"].get("before"), proof["beside"].get("after")
    for item, path in filter(None, (before, after)):
        require(is_included(item, path, summary["receipts"]), "what stands beside it is not in the list")
    if before and place(before[0]) == place(receipt):
        covers = before[0]["seq"] >= receipt["seq"] and all(before[0]["usage"][key] >= receipt["usage"][key] for key in ("bytes", "ms"))
        require(not covers, "it was counted")
    else:
        require(not before or place(before[0]) < place(receipt), "the one before stands behind it")
        require(not after or place(after[0]) > place(receipt), "the one after stands before it")
        first = before[1]["index"] + 1 if before else 0
        require((after[1]["index"] if after else summary["receipts"]["count"]) == first, "something stands between them")
    print(f"epoch {grant['epoch']} leaves out {receipt['usage']['bytes']} bytes that the ledger has promised to count")


def keepers(arguments):
    """Every settled charge for storage again, from byte-hours and price (step 6): paid, held back, or lost with the shards."""
    ledger = Ledger(arguments.ledger)
    name = json.loads(pathlib.Path(arguments.file).read_text())["prepayment"]
    held, losers, paid = {}, set(), 0
    for entry in ledger.log():
        one = entry.get("keeper")
        if one is None:
            continue
        require(one["prepayment"].hex() == name, "somebody else has paid for it")
        require(not one["ended"], "the prepayment has ended")
        charge = one["byte_hours"] * one["price"] // (720 << 30)
        parts = share(charge, [(0, one["withheld"]), (1, MICRO - one["withheld"])])
        before = held.get(one["node"], 0)
        if one["lost"]:
            expected = (parts[1], 0, parts[0] + before)
            losers.add(one["node"].hex())
        else:
            expected = (parts[1] + before, parts[0], 0)
        stated = (one["paid"], one["held"], one["forfeited"])
        require(stated == expected, f"a keeper is paid, held back and forfeited {stated} instead of {expected}")
        if one["lost"]:
            require(before > 0 and one["forfeited"] >= before, "nothing was held back that could be lost")
        held[one["node"]], paid = one["held"], paid + one["paid"]
    require(losers == {arguments.loser}, f"{losers} have lost shards")
    require(len(held) > 1 and paid > 0, "nobody is paid")
    print(f"{paid} micro-units are paid to {len(held)} nodes by the hour, {sum(held.values())} are held back")


def viewers(arguments):
    """One viewer of `shares` for each grant that a player has used, from the answer of `headwater watch`."""
    watched = json.loads(pathlib.Path(arguments.file).read_text().splitlines()[-1])["watched"]
    creator = creator_of(arguments.watch, watched["id"])
    for number, grant in enumerate(watched["grants"]):
        require(grant["acknowledged"], "nobody has heard of what came")
        one = {key: grant[key] for key in ("gateway", "agreement", "alias", "bytes", "ms", "segments", "paid")}
        path = pathlib.Path(arguments.folder) / f"player{number}.json"
        path.write_text(json.dumps(dict(one, title=watched["id"], creator=creator.hex())))


def creator_of(watch, publication):
    """Who has published it, from its bundle."""
    data = get(f"{watch}/bundle").body
    require(cid_text(cid_of(data)) == publication, "the bundle is another one")
    return cbor2.loads(data)["creator"]


def flip(arguments):
    path = pathlib.Path(arguments.file)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def parse():
    parser = argparse.ArgumentParser(description="Watch for money, and check what became of it, by the specification alone.")
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("watch")
    one.set_defaults(run=watch)
    one.add_argument("ledger")
    one.add_argument("watch", help="the address of a title for money at a gateway")
    one.add_argument("code", help="a top-up code that pays for it once")
    one.add_argument("--other", help="its address at a gateway that the grant is not for")
    one.add_argument("--bytes", type=int, help="how many bytes to have granted (all)")
    one = commands.add_parser("shares")
    one.set_defaults(run=shares)
    one.add_argument("ledger")
    one.add_argument("folder", help="with NAME.statement.json of all parties, node-N.json and node-N.earned of all nodes")
    one.add_argument("viewers", nargs="+")
    one = commands.add_parser("liar")
    one.set_defaults(run=liar)
    one.add_argument("gateway")
    one.add_argument("track")
    one.add_argument("number", type=int)
    one = commands.add_parser("miser")
    one.set_defaults(run=miser)
    one.add_argument("ledger")
    one = commands.add_parser("forge")
    one.set_defaults(run=forge)
    one.add_argument("file")
    one.add_argument("other")
    one = commands.add_parser("mute")
    one.set_defaults(run=mute)
    one.add_argument("ledger")
    one = commands.add_parser("keepers")
    one.set_defaults(run=keepers)
    one.add_argument("ledger")
    one.add_argument("file")
    one.add_argument("loser")
    one = commands.add_parser("omission")
    one.set_defaults(run=omission)
    one.add_argument("file")
    one.add_argument("ledger")
    one = commands.add_parser("viewers")
    one.set_defaults(run=viewers)
    one.add_argument("file")
    one.add_argument("watch")
    one.add_argument("folder")
    for name, run in (("evidence", evidence), ("payout", payout), ("flip", flip)):
        one = commands.add_parser(name)
        one.set_defaults(run=run)
        one.add_argument("file")
    return parser.parse_args()


def main():
    arguments = parse()
    try:
        arguments.run(arguments)
    except (Invalid, OSError, KeyError) as error:
        print(f"royalties: {error!r}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
