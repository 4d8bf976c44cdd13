#!/usr/bin/env python3
"""Open Badges that somebody attests to in a ledger's log, and the audit trail that is committed there: `check_attest.py PROGRAM FOLDER`.

The badges come from openbadgeslib; proofs are checked by metamorphic-log and by what docs/spec.md says (section 25).
"""

import base64
import hashlib
import json
import os
import pathlib
import re
import secrets
import subprocess
import sys
import urllib.request

import cbor2
import metamorphic_log as other
from blake3 import blake3
from openbadgeslib.keys import KeyEd25519
from openbadgeslib.ob3.credential import Achievement, Issuer, OpenBadgeCredential
from openbadgeslib.ob3.did import did_key_from_pem
from openbadgeslib.ob3.ldp import OB3LdpSigner, OB3LdpVerifier
from openbadgeslib.ob3.signer import OB3Signer
from openbadgeslib.ob3.verifier import OB3Verifier

PROGRAM, FOLDER = sys.argv[1], pathlib.Path(sys.argv[2])
NETWORK = secrets.token_hex(32)
RUNNING = []


def headwater(*arguments, code=0, **more):
    """What the program prints, which ends with this code."""
    done = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, cwd=FOLDER, **more)
    assert done.returncode == code, f"{arguments}: {done.returncode}, {done.stdout.decode()} {done.stderr.decode()}"
    return done.stdout.decode() + done.stderr.decode()


def asked(*arguments, **more):
    return json.loads(headwater("--json", *arguments, **more).split("\n")[0])


def serve(*arguments):
    """Starts a role; what it says when it serves."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen([PROGRAM, "--json", *map(str, arguments), "--managed"], cwd=FOLDER, **pipes)
    RUNNING.append(process)
    return json.loads(process.stdout.readline())["ready"]


def stop():
    while RUNNING:
        process = RUNNING.pop()
        process.stdin.close()
        process.wait(30)


def step(name):
    print(f"  {name}", flush=True)


# --- A ledger with a witness -----------------------------------------------------------------------

(FOLDER / "network.json").write_text(json.dumps({"network": NETWORK, "nodes": []}))
os.environ |= {"HEADWATER_NETWORK": str(FOLDER / "network.json"), "HEADWATER_ACCOUNT": str(FOLDER / "account")}
for name in ("HEADWATER_LEDGER", "HEADWATER_LOG_POLICY"):
    os.environ.pop(name, None)
os.environ["XDG_DATA_HOME"] = os.environ["XDG_CONFIG_HOME"] = str(FOLDER / "home")

begun = asked("ledger", "init", "--dir", "ledger", "--unit", "EUR", "--origin", "ledger.example/attest")
log = begun["log"]
witness = serve("witness", "--dir", "witness", "--name", "witness.example", "--log", log, "--listen", "127.0.0.1:0")
known = f"log {log}\nwitness W1 {witness['key']} {witness['url']}\nquorum W1\n"
(FOLDER / "policy").write_text(known)
ledger = serve("ledger", "serve", "--dir", "ledger", "--policy", "policy", "--listen", "127.0.0.1:0")["url"]


# --- Badges ----------------------------------------------------------------------------------------


def badge(did):
    achievement = Achievement(id="https://school.example/badges/swim", name="Swims 50 m", description="In the river", criteria_narrative="Swim.")
    return OpenBadgeCredential(issuer=Issuer(id=did, name="School of the River"), recipient_id="mailto:ada@example.org", achievement=achievement)


private, public = KeyEd25519().generate_keypair()
did = did_key_from_pem(public)
embedded = OB3LdpSigner(private).sign_to_json(badge(did))
token = OB3Signer(private, algorithm="EdDSA").sign(badge(did))
FILES = {"badge.json": embedded, "badge.jwt": token, "any.bin": secrets.token_hex(100_000)}
for name, text in FILES.items():
    (FOLDER / name).write_text(text)


def verify(name, proof=None, code=0, trusted=("--policy", "policy")):
    return headwater("verify", name, proof or f"{name}.proof", *trusted, code=code)


def look(name):
    """The proof by the letter of the specification, and by metamorphic-log."""
    head, note = (FOLDER / f"{name}.proof").read_text().split("\n\n", 1)
    heading, extra, index, *path = head.split("\n")
    assert heading == "c2sp.org/tlog-proof@v1"
    opened = cbor2.loads(base64.b64decode(extra.removeprefix("extra "), validate=True))
    record = cbor2.loads(opened["record"])
    document = (FOLDER / name).read_bytes()
    assert record["type"] == "attestation" and record["net"] == signed_for
    assert record["body"]["commitment"] == blake3(document, key=opened["nonce"]).digest()
    leaf = hashlib.sha256(b"\0" + cbor2.dumps({"attestation": opened["record"]}, canonical=True)).digest()
    place, hashes = int(index.removeprefix("index ")), [base64.b64decode(line, validate=True) for line in path]
    other.checkpoint_verify(note, [log])
    other.checkpoint_verify_inclusion(note, [log], place, leaf, hashes)
    try:
        other.checkpoint_verify_inclusion(note, [log], place, bytes(32), hashes)
    except other.VerifyError:
        return opened
    raise AssertionError("another leaf is accepted")


# What concerns a ledger is signed for the network at this ledger alone (section 10).
issuer = json.load(urllib.request.urlopen(f"{ledger}/v1/terms"))["issuer"]
signed_for = blake3(bytes.fromhex(NETWORK + issuer), derive_key_context="headwater v1 network at a ledger").digest()
for name in FILES:
    kind = "file" if name == "any.bin" else "credential"
    promised = asked("attest", name, "--kind", kind, "--ledger", ledger)
    assert (FOLDER / promised["pending"]).exists() and not (FOLDER / f"{name}.proof").exists()
    said = headwater("attest", name, "--kind", kind, "--ledger", ledger, "--wait", "--policy", "policy")
    assert ("Swims 50 m to mailto:ada@example.org by School of the River" in said) == (kind == "credential"), said
    assert not (FOLDER / promised["pending"]).exists()
    headwater("attest", name, "--ledger", ledger, code=2)
    look(name)
said = verify("badge.json")
assert "witnesses   1" in said and "DataIntegrityProof (eddsa-rdfc-2022), is not checked here" in said, said
assert "a JWT signed with EdDSA, is not checked here" in verify("badge.jwt")
assert "UNWITNESSED" in verify("badge.json", trusted=("--log", log))
headwater("verify", "badge.json", "badge.json.proof", code=2)
OB3LdpVerifier(pubkey_pem=public).verify((FOLDER / "badge.json").read_text())
OB3Verifier(pubkey_pem=public).verify((FOLDER / "badge.jwt").read_text())
step("badges of both kinds are attested to, told in words, and verify here and elsewhere")

# The ledger need not be there any more for whoever checks, and nobody is asked.
changes = 0
for name in ("badge.json", "badge.json.proof"):
    whole = (FOLDER / name).read_bytes()
    (FOLDER / "changed").write_bytes(whole)
    for at in sorted({0, len(whole) - 1, *range(7, len(whole), len(whole) // 20)}):
        (FOLDER / "changed").write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        if name.endswith(".proof"):
            verify("badge.json", "changed", code=1)
        else:
            verify("changed", "badge.json.proof", code=1)
        changes += 1
opened = look("badge.json")
lines = (FOLDER / "badge.json.proof").read_text().split("\n")
opened["nonce"] = bytes([opened["nonce"][0] ^ 1]) + opened["nonce"][1:]
lines[1] = "extra " + base64.b64encode(cbor2.dumps(opened, canonical=True)).decode()
(FOLDER / "changed").write_text("\n".join(lines))
assert "not the file that was attested to" in verify("badge.json", "changed", code=1)
verify("badge.json", "badge.jwt.proof", code=1)
stranger = log.replace(log[-4:], "AAA=")
headwater("verify", "badge.json", "badge.json.proof", "--log", stranger, code=2)
step(f"{changes} changed bytes, another nonce, another proof and another log are refused")

# What is in the log tells nothing of the files.
public_files = b"".join(path.read_bytes() for path in (FOLDER / "ledger" / "log").rglob("*") if path.is_file())
for text in FILES.values():
    for digest in (hashlib.sha256, blake3, hashlib.sha512):
        assert digest(text.encode()).digest() not in public_files
assert b"mailto:ada" not in public_files and b"Swims" not in public_files
assert opened["record"] in public_files, "the search finds what is there"
step("no plain hash of a file stands in the log")


# --- The audit trail -------------------------------------------------------------------------------


def trail(*arguments, code=0):
    return headwater("audit-trail", "--ledger", ledger, *arguments, code=code)


headwater("audit-trail", "--commit")
[path] = [path for path in FOLDER.rglob("trail") if path.is_file()]
trail("--commit")
# An owner who puts an older copy back puts its end back with it: then only the log knows better.
files = [path, path.with_name("trail.head")]
early = [file.read_bytes() for file in files]
trail("--commit", code=1)
headwater("audit-trail", "--commit")
trail()
for _ in range(200):
    said = headwater("audit-trail", "--verify", "--ledger", ledger, "--policy", "policy")
    if "2 commitments" in said:
        break
assert "2 commitments" in said and "witnesses   1" in said, said
kept = [file.read_bytes() for file in files]
path.write_bytes(early[0])
assert "some are missing at its end" in headwater("audit-trail", "--verify", code=1)
files[1].write_bytes(early[1])
headwater("audit-trail", "--verify")
assert "entries are missing at its end" in trail("--verify", code=1)
for file, whole in zip(files, kept):
    file.write_bytes(whole)
trail("--verify")
page = FOLDER / "trail.html"
headwater("audit-trail", "--page", page)
assert page.stat().st_mode & 0o77 == 0 and re.search("trail committed", page.read_text())
step("an audit trail that lost its end is found out by the log")


# --- The viewer --------------------------------------------------------------------------------------

(FOLDER / "page").mkdir()
(FOLDER / "page" / "viewer.html").write_text("<!doctype html><title>viewer</title>")
digest = hashlib.sha256((FOLDER / "page" / "viewer.html").read_bytes()).hexdigest()
(FOLDER / "page.sha256").write_text(f"{digest}  viewer.html\n")
viewer = ("viewer", "--page", "page", "--hash", "--ledger", ledger)
assert "does NOT have this viewer" in headwater(*viewer, code=1)
released = asked("ledger", "page", "page.sha256", "--name", "one", "--dir", "ledger", "--ledger", ledger)
assert released["viewer"] == digest and digest in headwater("viewer", "--page", "page", "--hash")
size = 0
while size < len(FILES) + 4:
    size = asked("ledger", "verify", "--ledger", ledger)["size"]
said = headwater(*viewer, "--policy", "policy")
assert "has this viewer" in said and "viewer.html of one" in said, said
(FOLDER / "page" / "viewer.html").write_text("<!doctype html><title>Viewer</title>")
assert "does NOT have this viewer" in headwater(*viewer, code=1)
step("the viewer's own hash stands in the log, and another viewer's does not")
stop()
print("openbadgeslib, metamorphic-log: what is attested to is what they see")
