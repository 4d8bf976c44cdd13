#!/usr/bin/env python3
"""Content credentials through a publication: `check_credentials.py PROGRAM GATEWAY FOLDER`, with HEADWATER_NETWORK set.

c2pa-python signs a film and a picture, and reads back what the gateway serves. The last line is the id of the film.
"""

import datetime
import io
import json
import pathlib
import subprocess
import sys
import urllib.request

import c2pa
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PROGRAM, GATEWAY, FOLDER = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
MADE_UP = "http://cv.iptc.org/newscodes/digitalsourcetype/algorithmicMedia"


def certificate(name, key, issuer, issuer_key, is_ca):
    """A certificate as C2PA wants it of those who sign."""
    called = lambda cn: x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "River Films"), x509.NameAttribute(NameOID.COMMON_NAME, cn)])
    now, days = datetime.datetime.now(datetime.timezone.utc), datetime.timedelta(days=1)
    usage = x509.KeyUsage(not is_ca, False, False, False, False, is_ca, is_ca, False, False)
    known_as = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    signed_by = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
    draft = x509.CertificateBuilder(called(issuer), called(name), key.public_key(), x509.random_serial_number(), now - days, now + 30 * days)
    draft = draft.add_extension(x509.BasicConstraints(is_ca, None), True).add_extension(usage, True)
    draft = draft.add_extension(known_as, False).add_extension(signed_by, False)
    if not is_ca:
        draft = draft.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), True)
    return draft.sign(issuer_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def signer():
    ca, own = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    chain = certificate("River Films", own, "River CA", ca, False) + certificate("River CA", ca, "River CA", ca, True)
    key = own.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return c2pa.Signer.from_info(c2pa.C2paSignerInfo(alg=b"es256", sign_cert=chain, private_key=key, ta_url=None))


def sign(by, name, media_type):
    action = {"action": "c2pa.created", "digitalSourceType": MADE_UP}
    claim = {"title": name, "assertions": [{"label": "c2pa.actions", "data": {"actions": [action]}}]}
    signed = io.BytesIO()
    with open(FOLDER / f"plain-{name}", "rb") as plain:
        c2pa.Builder(json.dumps(claim)).sign(by, media_type, plain, signed)
    (FOLDER / name).write_bytes(signed.getvalue())
    return signed.getvalue()


def state(data, media_type):
    """What c2pa-python says of the manifest in these bytes."""
    try:
        return json.loads(c2pa.Reader(media_type, io.BytesIO(data)).json())["validation_state"]
    except c2pa.C2paError.ManifestNotFound:
        return "none"


def publish(*arguments):
    done = subprocess.run([PROGRAM, "--json", "publish", *map(str, arguments), "--coding", "4+2", "--title", "With credentials"], capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout), done.stderr.decode()


def read(watch):
    """Files of a publication as the program gets them, by name."""
    into = FOLDER / f"got-{watch.rsplit('/', 1)[1]}"
    done = subprocess.run([PROGRAM, "get", watch, "-o", into], capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    return {path.name: path.read_bytes() for path in into.rglob("*") if path.is_file()} if into.is_dir() else {into.name: into.read_bytes()}


FOLDER.mkdir()
source = ["ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25"]
subprocess.run([*source, "-t", "6", "-c:v", "libx264", "-preset", "ultrafast", "-g", "25", "-pix_fmt", "yuv420p", FOLDER / "plain-film.mp4"], check=True)
for name in ("still.jpg", "still.png", "still.webp"):
    subprocess.run([*source, "-frames:v", "1", FOLDER / f"plain-{name}"], check=True)

by = signer()
TYPES = {"film.mp4": "video/mp4", "still.jpg": "image/jpeg", "still.png": "image/png", "still.webp": "image/webp"}
signed = {name: sign(by, name, media_type) for name, media_type in TYPES.items()}
stills = [part for name in TYPES if name.startswith("still") for part in ("--attach", FOLDER / name)]
published, said = publish(FOLDER / "film.mp4", *stills)
assert "carries content credentials" in said, said
got = read(published["watch"][0])
for name, data in signed.items():
    with urllib.request.urlopen(f"{GATEWAY}/watch/{published['id']}/attachments/{name}") as answer:
        served = answer.read()
    assert served == data == got[name], f"{name} is not what was published"
    assert state(served, TYPES[name]) == "Valid", name
    assert state(served[:-40] + bytes([served[-40] ^ 1]) + served[-39:], TYPES[name]) != "Valid", f"a changed {name} is taken for whole"
played = [data for name, data in got.items() if name not in signed]
assert played and all(state(data, "video/mp4") == "none" for data in played), "what plays is packaged anew"

bare, said = publish(FOLDER / "film.mp4", "--no-original", "--unlisted")
assert "content credentials are lost" in said and not set(read(bare["watch"][0])) & set(TYPES), said
plain, said = publish(FOLDER / "plain-film.mp4", "--unlisted")
assert "credentials" not in said and "plain-film.mp4" not in read(plain["watch"][0]), said
print("c2pa-python: a film and three pictures are served bit for bit, and their content credentials are valid", file=sys.stderr)
print(published["id"])
