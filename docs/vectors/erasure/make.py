#!/usr/bin/env python3
"""Makes the golden vectors in this folder from docs/spec.md section 33 alone, with the packages of tests/python/requirements.txt.

Everything comes from fixed seeds, so running it again gives the same files. `cargo test -p sharing` reads them.
"""

import pathlib
import sys

FOLDER = pathlib.Path(__file__).parent
sys.path.append(str(FOLDER.parent))

from records import NET, OTHER_NET, START, Key, b3, cbor, map_of, record, without_none, write

OWNER, CONTROL, OTHER = (Key(b3(name)) for name in (b"owner", b"control", b"other"))
NODES = sorted((Key(bytes([n] * 32)) for n in (1, 2, 3)), key=lambda node: node.public)
ROOTS = sorted(b3(b"shard %d" % n) for n in range(3))


def manifest(name=b"object", **changes):
    fields = {
        "v": 1, "suite": 1, "cell": 10, "k": 2, "m": 1, "cells": 2, "salt": b3(name), "seed": b3(b"seed"), "roots": b"".join(ROOTS),
        "control": CONTROL.public, "commit": b3(b"commitment"), "header": bytes(512),
    }
    return cbor(fields | changes)


def end(node=NODES[0], root=ROOTS[0], net=NET, by=None, **changes):
    body = {"at": START, "control": CONTROL.public, "id": bytes([7] * 16), "root": root, "seq": 1}
    return record("lease_end", without_none(body | changes), by or node, network=net)


def object_(*ends, silent=(), **changes):
    return without_none({"ends": list(ends), "manifest": manifest(), "silent": list(silent)} | changes)


def given(*to, by="grant", grant=b"one", **changes):
    return without_none({"at": START, "by": by, "grant": b3(grant), "to": sorted(to)} | changes)


def evidence(objects, given=()):
    return b3(cbor({"given": list(given), "objects": objects}))


def statement(objects, given=(), net=NET, kind="erasure", by=OWNER, **changes):
    body = {"at": START, "evidence": evidence(objects, given), "key": "destroyed", "name": "/scan.dcm"}
    return record(kind, without_none(body | changes), by, network=net)


def certificate(*objects, word=None, given=(), **changes):
    objects, given = list(objects), list(given)
    word = statement(objects, given) if word is None else word
    return cbor(without_none({"given": given, "objects": objects, "statement": word, "v": 1} | changes))


def vectors():
    whole = [end(node, root) for node, root in zip(NODES, ROOTS)]
    copy = b3(manifest())
    pack = object_(end(root=ROOTS[1]), manifest=manifest(b"pack"))
    anna, bob = OTHER.public, CONTROL.public
    ways = sorted(
        [given(anna, bob), given(bob, grant=b"two"), given(anna, by="emergency"), given(anna, by="delegation")],
        key=lambda way: (way["by"], way["grant"]),
    )
    accepted = {
        "every part": certificate(object_(*whole)),
        "nothing of any node": certificate(object_()),
        "a node that did not confirm": certificate(object_(*whole[:2], silent=[NODES[2].public])),
        "a copy of the manifest": certificate(object_(end(root=copy))),
        "two leases over one part": certificate(object_(end(), end(id=bytes([8] * 16)))),
        "a catalogue and a pack": certificate(object_(*whole), pack),
        "a key that was given to others, and what had it for them": certificate(object_(*whole), object_(manifest=manifest(b"grant")), given=ways),
        "a key that was elsewhere": certificate(object_(), word=statement([object_()], key="not_here")),
    }
    two = [object_(*whole[:2])]
    rejected = {
        "other words of nodes than were signed over": certificate(object_(*whole), word=statement(two)),
        "the owner's word of another type": certificate(*two, word=statement(two, kind="lease_end")),
        "the owner's word by another key than it names": certificate(*two, word=record("erasure", {"at": START, "evidence": evidence(two), "key": "destroyed", "name": "a"}, OWNER, by=OTHER.public)),
        "the owner's word without a name": certificate(*two, word=statement(two, name=None)),
        "a name with a line feed": certificate(*two, word=statement(two, name="a\nb")),
        "another fate of the key": certificate(*two, word=statement(two, key="kept")),
        "others that were given the key than were signed over": certificate(*two, given=ways[:1], word=statement(two)),
        "none of those who were given the key": certificate(*two, word=statement(two, ways)),
        "without a list of those who were given the key": cbor({"objects": two, "statement": statement(two), "v": 1}),
        "ways out of order": certificate(*two, given=ways[::-1]),
        "a way twice": certificate(*two, given=[ways[0], ways[0]]),
        "a key given to nobody": certificate(*two, given=[given()]),
        "a recipient twice": certificate(*two, given=[given(anna, anna)]),
        "recipients out of order": certificate(*two, given=[given(anna, bob) | {"to": sorted([anna, bob], reverse=True)}]),
        "a recipient without a key": certificate(*two, given=[given(bytes([255] * 32))]),
        "a way that nobody knows": certificate(*two, given=[given(anna, by="hand")]),
        "a way without a grant": certificate(*two, given=[given(anna) | {"grant": b""}]),
        "1025 ways": certificate(*two, given=sorted((given(anna, grant=b"%d" % n) for n in range(1025)), key=lambda way: way["grant"])),
        "no object": certificate(),
        "an object twice": certificate(object_(), object_(*whole)),
        "no manifest": certificate(object_(manifest=b"none")),
        "a manifest with too few roots": certificate(object_(manifest=manifest(roots=ROOTS[0]))),
        "a node's word for another network": certificate(object_(end(net=OTHER_NET))),
        "a node's word that it did not sign": certificate(object_(record("lease_end", {"at": START, "control": CONTROL.public, "id": bytes(16), "root": ROOTS[0], "seq": 1}, NODES[0], by=NODES[1].public))),
        "a lease of another owner": certificate(object_(end(control=OTHER.public))),
        "a lease over something else": certificate(object_(end(root=b3(b"else")))),
        "a lease over a copy of another manifest": certificate(object_(end(root=b3(manifest(b"pack"))))),
        "a node's word twice": certificate(object_(end(), end())),
        "nodes out of order": certificate(object_(*reversed(whole))),
        "a lease in place of its end": certificate(object_(record("release", {"id": bytes(16), "node": NODES[0].public, "root": ROOTS[0], "seq": 1}, CONTROL))),
        "silent nodes out of order": certificate(object_(silent=[NODES[1].public, NODES[0].public])),
        "a silent node twice": certificate(object_(silent=[NODES[0].public] * 2)),
        "a silent node without a key": certificate(object_(silent=[bytes([255] * 32)])),
        "version 2": certificate(*two, v=2),
        "without a version": certificate(*two, v=None),
        "with a key that nobody knows": certificate(*two, more=1),
        "keys out of order": bytes(map_of(("statement", statement(two)), ("objects", two), ("given", []), ("v", 1))),
        "a byte after the end": certificate(*two) + b"\0",
        "cut off": certificate(*two)[:-1],
        "nothing": b"",
    }
    for name, bytes_ in accepted.items():
        yield {"name": name, "certificate": bytes_.hex(), "accepted": True}
    for name, bytes_ in rejected.items():
        yield {"name": name, "certificate": bytes_.hex(), "accepted": False}


write(FOLDER / "certificates.json", "Spec section 33. A verifier accepts the CBOR of a certificate (in hexadecimal), or rejects it.", vectors=list(vectors()))
