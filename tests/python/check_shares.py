#!/usr/bin/env python3
"""Sealed shares, attacked from outside: `check_shares.py PROGRAM FOLDER`, with HEADWATER_NETWORK and HEADWATER_ACCOUNT set.

It shares files with the program, reads them by docs/spec.md section 27 alone, and lets a gateway lie; guesses passcodes from many
connections; searches memory, disk, log and traffic of the gateway for what it must not know. What must be there is searched for
as well: a search that finds nothing at all proves nothing.
"""

import http.client
import json
import os
import pathlib
import re
import secrets
import struct
import subprocess
import sys
import threading
import time

import sealed_share
from lying_gateway import LyingGateway
from sealed_share import Gateway, Link, Refused, SharedObject, b64

PROGRAM, FOLDER = sys.argv[1], pathlib.Path(sys.argv[2])
NETWORK = bytes.fromhex(json.loads(pathlib.Path(os.environ["HEADWATER_NETWORK"]).read_text())["network"])
TOKEN = secrets.token_hex(16)
PASSCODE = "kräuter tee " + secrets.token_hex(8)
MARK = "patient " + secrets.token_hex(16)
BIG_LEN = 24_000_000


def now():
    return int(time.time())


def headwater(*arguments, fails=False, **environment):
    """The program's JSON answer; with `fails` what it says on standard error."""
    command = [PROGRAM, "--json", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, cwd=FOLDER, env=os.environ | environment)
    assert (done.returncode != 0) == fails, f"{arguments[0]}: {done.returncode} {done.stderr.decode()}"
    return done.stderr.decode() if fails else json.loads(done.stdout)


class RunningGateway:
    """A gateway of our own: its parent may read its memory."""

    def __init__(self):
        self.folder = FOLDER / "gateway"
        self.folder.mkdir(exist_ok=True)
        self.log = self.folder / "log"
        self.port = 0
        self.start()

    def start(self):
        command = [PROGRAM, "--json", "gateway", "--managed", "--listen", f"127.0.0.1:{self.port}"]
        command += ["--links", self.folder / "links.redb", "--account", self.folder / "account"]
        command += ["--upload-token", f"@{FOLDER / 'token'}", "--coding", "3+2", "--page", FOLDER / "page"]
        environment = os.environ | {"HEADWATER_LOG": "warn,gateway=debug,client=debug"}
        with open(self.log, "ab") as log:
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": log}
            self.process = subprocess.Popen(command, env=environment, **pipes)
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"the gateway did not start: {self.log.read_text()}")
        ready = json.loads(line)["ready"]
        self.url = ready["url"]
        self.port = int(self.url.rsplit(":", 1)[1])

    def stop(self):
        self.process.stdin.close()
        self.process.wait(30)

    def memory(self):
        """Everything that the process can read."""
        pid = self.process.pid
        with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb") as memory:
            for line in maps:
                begin, end, access = re.match("([0-9a-f]+)-([0-9a-f]+) (r?)", line).groups()
                if access and not line.rstrip().endswith(("[vvar]", "[vsyscall]", "[vvar_vclock]")):
                    try:
                        memory.seek(int(begin, 16))
                        yield memory.read(int(end, 16) - int(begin, 16))
                    except (OSError, ValueError, OverflowError):
                        pass  # what cannot be read by anybody

    def disk(self):
        for path in self.folder.rglob("*"):
            if path.is_file():
                yield path.read_bytes()


def forms(secret):
    """A secret as it may lie somewhere."""
    raw = secret if isinstance(secret, bytes) else secret.encode()
    return {raw, raw.hex().encode(), b64(raw).encode()}


def found(wanted, pieces):
    """Which of these names have a form that is in one of the pieces."""
    names = set()
    for piece in pieces:
        names |= {name for name, secret in wanted.items() if any(form in piece for form in forms(secret))}
    return names


def step(name):
    print(f"  {name}", flush=True)


# --- The files -----------------------------------------------------------------------------------

(FOLDER / "page").mkdir()
for page in ("index.html", "viewer.html"):
    (FOLDER / "page" / page).write_text("<!doctype html><title>viewer</title>")
(FOLDER / "token").write_text(TOKEN)
(FOLDER / "passcode").write_text(PASSCODE)
BIG = (MARK + " reads 120/80\n").encode() * (BIG_LEN // (len(MARK) + 15))
SMALL = (MARK + " is allergic to nuts\n").encode() * 1500
(FOLDER / "history.txt").write_bytes(BIG)
(FOLDER / "allergies.txt").write_bytes(SMALL)
(FOLDER / "chart/deep").mkdir(parents=True)
(FOLDER / "chart/deep/a.txt").write_bytes(SMALL)
(FOLDER / "chart/empty").write_bytes(b"")
gateway = RunningGateway()
ask = Gateway(gateway.url)


def share(*arguments):
    answer = headwater("share", *arguments, "--gateway", gateway.url)
    (FOLDER / "link").write_text(answer["link"])
    return answer


def opens(link, into, *arguments):
    """What `headwater open` makes of a link: the files, by name."""
    (FOLDER / "link").write_text(link)
    headwater("open", "@link", "-o", into, *arguments)
    folder = FOLDER / into
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


step("a share is read by the program and by the specification")
shared = share("history.txt", "allergies.txt", "--passcode=@passcode", "--label", "For " + MARK)
assert opens(shared["link"], "got", "--passcode=@passcode") == {"history.txt": BIG, "allergies.txt": SMALL}
link = Link(shared["link"], PASSCODE)
contents, session = link.open_at(ask)
assert contents["label"] == "For " + MARK and [file["name"] for file in contents["files"]] == ["history.txt", "allergies.txt"]
big, small = contents["files"]
reading = SharedObject(ask, session, small)
assert reading.read() == SMALL
plain = reading.manifest.geometry.plain
assert reading.read(1, 3) == SMALL[plain : 3 * plain]
kept = headwater("shares", "--links")["shares"][0]
assert (kept["link"], kept["state"]) == (shared["link"], "open")

step("a folder is shared as one object")
folder = share("chart")
assert opens(folder["link"], "folder") == {"chart/deep/a.txt": SMALL, "chart/empty": b""}

step("objects that are not in the share, and sessions of others, open nothing")
other = Link(folder["link"])
other_contents, other_session = other.open_at(ask)
for name, question in (
    ("not_shared", {"session": session, "object": sealed_share.decode.cid_text(other_contents["files"][0]["object"])}),
    ("no_share_session", {"session": "0" * 32, "object": sealed_share.decode.cid_text(small["object"])}),
):
    try:
        ask.json("POST", "/sealed", question)
        sys.exit(f"{name} was let through")
    except Refused as refused:
        assert (refused.status, refused.code) == (403, name), refused

step("the page has its policy, and no id is in it")
page = ask.ask("GET", f"/s/{link.id_text}")
policy = page.headers["Content-Security-Policy"]
assert page.status == 200 and "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
assert page.headers["Referrer-Policy"] == "no-referrer" and link.id_text.encode() not in page.read()

# --- A gateway that lies -------------------------------------------------------------------------

step("the reader is fooled by nothing that a gateway can send")
lying = LyingGateway(gateway.url)
free = share("allergies.txt")
honest = free["link"].replace(gateway.url, lying.url)
assert opens(honest, "through") == {"allergies.txt": SMALL}
older, _ = sealed_share.share(ask, NETWORK, [small], now())
older_manifest = SharedObject(ask, Link(older).open_at(ask)[1], small)
manifest_of_another = ask.answer("GET", f"/sealed/{older_manifest.handle}/manifest")
cells_of_another = ask.answer("GET", f"/sealed/{older_manifest.handle}")


def frames_of(answer):
    """The frames of an answer, each with its head."""
    at, frames = 0, []
    while at < len(answer):
        end = at + 20 + struct.unpack_from("<I", answer, at + 16)[0]
        frames.append(answer[at:end])
        at = end
    return frames


def on_cells(change):
    return lambda path, body: change(body) if re.fullmatch(r"/sealed/[0-9a-f]{32}\?cells=.*", path) else body


def swapped(answer):
    one, two, *rest = frames_of(answer)
    return b"".join([two, one, *rest])


def heads_kept(answer):
    """Two payloads change places, under the heads that are expected."""
    one, two, *rest = frames_of(answer)
    return b"".join([one[:20] + two[20:], two[:20] + one[20:], *rest])


def claimed(answer):
    """The first frame says that it was rebuilt: cells of zeros."""
    first, *rest = frames_of(answer)
    rows = struct.unpack_from("<I", first, 12)[0]
    size = reading.manifest.geometry.size
    return b"".join([b"\1" + first[1:16] + struct.pack("<I", rows * size) + bytes(rows * size), *rest])


LIES = {
    "a bit of a cell is turned": on_cells(lambda answer: answer[:3000] + bytes([answer[3000] ^ 1]) + answer[3001:]),
    "a bit of the last byte is turned": on_cells(lambda answer: answer[:-1] + bytes([answer[-1] ^ 128])),
    "two frames change places": on_cells(swapped),
    "two payloads change places": on_cells(heads_kept),
    "a frame is played again": on_cells(lambda answer: frames_of(answer)[0] + answer),
    "the last frame is missing": on_cells(lambda answer: b"".join(frames_of(answer)[:-1])),
    "the answer ends early": on_cells(lambda answer: answer[:-1]),
    "the answer is empty": on_cells(lambda answer: b""),
    "the answer goes on": on_cells(lambda answer: answer + b"\0"),
    "cells are said to be rebuilt": on_cells(claimed),
    "cells of the same text under another key": on_cells(lambda answer: cells_of_another),
    "another object": lambda path, body: manifest_of_another if path.endswith("/manifest") else body,
    "what is wrapped is changed": lambda path, body: body[:20] + (b"B" if body[20:21] == b"A" else b"A") + body[21:] if path.endswith("/open") else body,
}
(FOLDER / "link").write_text(honest)
for number, (name, rule) in enumerate(LIES.items()):
    lying.rule = rule
    headwater("open", "@link", "-o", f"lie-{number}", fails=True)
    left = [path for path in (FOLDER / f"lie-{number}").rglob("*")] if (FOLDER / f"lie-{number}").exists() else []
    assert not left, f"{name}: {left} was left behind"
lying.rule = None
assert opens(honest, "again") == {"allergies.txt": SMALL}, "the lies were what failed"

# --- Passcodes -----------------------------------------------------------------------------------

step("of many guesses at once, exactly five are compared")
guarded_link, _ = sealed_share.share(ask, NETWORK, [small], now(), passcode="right", attempts=5)
guarded = Link(guarded_link, "right")
try:
    ask.json("POST", f"/api/shares/{guarded.id_text}/open", {"knock": b64(os.urandom(32)), "access": b64(guarded.access)})
    sys.exit("a wrong knock was let in")
except Refused as refused:
    assert (refused.status, refused.code) == (403, "wrong_link"), refused
answers, gate = [], threading.Barrier(40)


def guess(access):
    gate.wait()
    try:
        ask.json("POST", f"/api/shares/{guarded.id_text}/open", guarded.question(access))
        answers.append(("right", None))
    except Refused as refused:
        answers.append((refused.code, refused.remaining))


threads = [threading.Thread(target=guess, args=(os.urandom(32),)) for _ in range(40)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
wrong = sorted(remaining for code, remaining in answers if code == "wrong_passcode")
assert wrong == [0, 1, 2, 3, 4], answers
assert sum(code == "share_locked" for code, _ in answers) == 35, answers
gateway.stop()
gateway.start()
for access in (guarded.access, os.urandom(32)):
    try:
        ask.json("POST", f"/api/shares/{guarded.id_text}/open", guarded.question(access))
        sys.exit("a locked share opens after a restart")
    except Refused as refused:
        assert (refused.status, refused.code) == (410, "share_locked"), refused
(FOLDER / "wrong").write_text("wrong")
(FOLDER / "link").write_text(shared["link"])
assert "4 attempts are left" in headwater("open", "@link", "--passcode=@wrong", "-o", "no", fails=True)
contents, session = link.open_at(ask)

step("a share that is over opens no more")
short, _ = sealed_share.share(ask, NETWORK, [small], now(), expires=2)
assert SharedObject(ask, Link(short).open_at(ask)[1], small).read(0, 1) == SMALL[:plain]

step("without the upload token no link is without an end, nor has one that is far off")
bearer = {"Authorization": f"Bearer {TOKEN}"}
for expires in (None, 32 * 86_400):
    try:
        sealed_share.share(ask, NETWORK, [small], now(), expires=expires)
        sys.exit(f"a stranger's link that ends after {expires} was kept")
    except Refused as refused:
        assert (refused.status, refused.code) == (403, "ends_too_late"), refused
    sealed_share.share(ask, NETWORK, [small], now(), expires=expires, headers=bearer)
assert "--upload-token" in headwater("share", "allergies.txt", "--expires", "60d", fails=True)

# --- What the gateway knows ----------------------------------------------------------------------

step("memory, disk, log and traffic of the gateway hold neither plaintext nor keys")
assert opens(shared["link"].replace(gateway.url, lying.url), "watched", "--passcode=@passcode", "--as", "Dr. Ng")["allergies.txt"] == SMALL
contents, session = link.open_at(ask)
reading = SharedObject(ask, session, small)
reading.read(0, 2)
secret = {
    "plaintext": MARK,
    "name": "allergies.txt",
    "content key": small["key"],
    "content key of the other": big["key"],
    "cell key": reading.keys.cell,
    "secret": link.secret,
    "passcode": PASSCODE,
    "stretched passcode": link.stretched,
    "wrap key": link.wrap_key,
}
memory = found(secret | {"id": link.id, "access token": link.access, "salt": reading.manifest.salt}, gateway.memory())
assert memory == {"id", "access token", "salt"}, f"in memory: {memory}"
disk = found(secret | {"id": link.id, "access token": link.access, "session": session}, gateway.disk())
assert disk == {"id"}, f"on disk: {disk}"
log = found(secret | {"id": link.id, "access token": link.access, "session": session, "route": "/api/shares/{id}/open"}, [gateway.log.read_bytes()])
assert log == {"route"}, f"in the log: {log}"
traffic = found(secret | {"address": sealed_share.decode.cid_text(small["object"]), "access token": link.access}, [bytes(lying.traffic)])
assert traffic == {"address", "access token"}, f"in the traffic: {traffic}"

step("no secret is an argument of a process")
(FOLDER / "link").write_text(shared["link"])
running = subprocess.Popen([PROGRAM, "open", "@link", "--passcode=@passcode", "-o", "listed"], cwd=FOLDER, stdout=subprocess.DEVNULL)
arguments = set()
while running.poll() is None:
    try:
        arguments.add(pathlib.Path(f"/proc/{running.pid}/cmdline").read_bytes() + pathlib.Path(f"/proc/{running.pid}/environ").read_bytes())
    except OSError:
        break
assert found(secret | {"program": "open"}, arguments) == {"program"} and running.wait() == 0

# --- Sealed elsewhere ----------------------------------------------------------------------------

step("cells that are sealed elsewhere are stored, and read by the program")
terms = ask.json("GET", "/api/shares/terms")
upload = sealed_share.Upload(SMALL + b"the end", "dropped.txt", terms)
stored = upload.check(ask.json("POST", "/sealed/uploads", upload.body(), bearer))
dropped, dropped_key = sealed_share.share(ask, NETWORK, [stored | {"name": "dropped.txt"}], now())
assert opens(dropped, "dropped") == {"dropped.txt": SMALL + b"the end"}
strange = sealed_share.Upload(b"x", "x", terms)
for name, body, headers in (
    ("bad_token", upload.body(), {}),
    ("bad_record", upload.body(mandate=strange.mandate), bearer),
    ("bad_request", upload.body(v=2), bearer),
    ("bad_request", upload.body(k=terms["k"] + 1), bearer),
    ("body_incomplete", upload.body()[:-1], bearer),
    ("body_incomplete", upload.body() + b"\0", bearer),
):
    try:
        ask.json("POST", "/sealed/uploads", body, headers)
        sys.exit(f"{name} was taken")
    except Refused as refused:
        assert refused.code == name, refused
sealed_share.end(ask, NETWORK, Link(dropped), dropped_key, now())

# --- The end -------------------------------------------------------------------------------------

step("a share that is revoked opens no more, and an answer under way ends")
reading = SharedObject(ask, session, big)
under_way = ask.ask("GET", f"/sealed/{reading.handle}")
under_way.read(100_000)
(FOLDER / "link").write_text(shared["link"])
# What the gateway may forget from here on is in the trail.
headwater("audit-trail")
revoked = headwater("revoke", "@link")
assert revoked["revoked"] and revoked["opened"] >= 4 and revoked["readers"] == ["Dr. Ng"], revoked
assert all(file["ended"] >= 5 and file["new"] and not file["unconfirmed"] for file in revoked["files"]), revoked
try:
    while under_way.read(1 << 20):
        pass
    sys.exit("the answer under way came whole")
except (ConnectionError, http.client.IncompleteRead):
    pass
for method, path, body in (
    ("GET", f"/api/shares/{link.id_text}", None),
    ("POST", f"/api/shares/{link.id_text}/open", link.question()),
    ("POST", "/sealed", {"session": session, "object": sealed_share.decode.cid_text(small["object"])}),
    ("GET", f"/sealed/{reading.handle}", None),
    ("GET", f"/sealed/{reading.handle}/manifest", None),
):
    try:
        ask.json(method, path, body)
        sys.exit(f"{path} still answers")
    except Refused as refused:
        assert (refused.status, refused.code) == (410, "share_revoked"), refused
assert "share_revoked" in headwater("open", "@link", "--passcode=@passcode", "-o", "no", fails=True)
states = {one["id"]: one["state"] for one in headwater("shares")["shares"]}
assert states == {shared["id"]: "revoked", folder["id"]: "open", free["id"]: "open"}, states
step("old keys open nothing that is left, new ones do")
old = f"headwater:{sealed_share.decode.cid_text(small['object'])}#{b64(small['key'])}"
(FOLDER / "old").write_text(old)
headwater("get", "@old", "-o", "old.txt", fails=True)
subprocess.run([PROGRAM, "get", "/shared/allergies.txt", "-o", "new.txt"], cwd=FOLDER, check=True)
assert (FOLDER / "new.txt").read_bytes() == SMALL
step("another machine with the account ends a share by its link")
named = share("allergies.txt", "--patient", "4711", "--purpose", "TREAT")
opens(named["link"], "named", "--as", "Dr. Ng")
headwater("open", "@link", "-o", "named", "--as", "Dr. Ng")
assert (FOLDER / "named" / "allergies (2).txt").read_bytes() == SMALL, "what counts as read is written"
(FOLDER / "elsewhere").write_bytes(pathlib.Path(os.environ["HEADWATER_ACCOUNT"]).read_bytes())
(FOLDER / "elsewhere").chmod(0o600)
revoked = headwater("revoke", "@link", HEADWATER_ACCOUNT=str(FOLDER / "elsewhere"))
assert revoked["revoked"] and revoked["opened"] is None and revoked["files"][0]["new"], revoked
assert "share_revoked" in headwater("open", "@link", "-o", "no", fails=True)
accounting = headwater("audit-trail", "--patient", "4711", "--accounting")
reads = [one["recipient"] for one in accounting["disclosures"]]
assert reads == ["Dr. Ng", "Dr. Ng", "its owner"] and accounting["unnamed"] > 4, accounting
assert [one["what"] for one in headwater("audit-trail", "--patient", "4711")["entries"]][-1] == "link_ended"
states = {one["id"]: one["state"] for one in headwater("shares")["shares"]}
assert states[named["id"]] == "revoked", states
step("a share whose gateway does not answer leaves nothing behind")
before = headwater("ls", "/shared")["files"]
assert "nothing was stored" in headwater("share", "allergies.txt", "--gateway", "http://127.0.0.1:9", fails=True)
assert headwater("ls", "/shared")["files"] == before

headwater("revoke", folder["id"], "--drop")
subprocess.run([PROGRAM, "get", "/shared/chart", "-o", "gone"], cwd=FOLDER, check=False, stderr=subprocess.DEVNULL)
assert not (FOLDER / "gone").exists()
try:
    Link(short).open_at(ask)
    sys.exit("a share that is over opens")
except Refused as refused:
    assert (refused.status, refused.code) == (410, "share_expired"), refused
gateway.stop()
print("sealed shares: read from outside, and nothing that a gateway must not know was found at it")
