"""What the makers of golden vectors share: canonical CBOR and signed records (docs/spec.md, sections 1 and 10).

Needs the packages of tests/python/requirements.txt. Everything comes from fixed seeds, so running a maker again gives the same files.
"""

import json

from blake3 import blake3
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

NET = bytes([0x4E] * 32)
OTHER_NET = bytes([0x4F] * 32)
START = 1_800_000_000

# --- Canonical CBOR ------------------------------------------------------------------------------


class Raw(bytes):
    """Bytes that stand for themselves: CBOR that is wrong on purpose."""


def head(major, number):
    if number < 24:
        return bytes([major << 5 | number])
    for extra, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if number < 1 << 8 * size:
            return bytes([major << 5 | extra]) + number.to_bytes(size, "big")
    raise ValueError(number)


def cbor(value):
    if isinstance(value, Raw):
        return bytes(value)
    if value is True or value is False:
        return b"\xf5" if value else b"\xf4"
    if isinstance(value, int):
        return head(0, value) if value >= 0 else head(1, -1 - value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        return head(3, len(value.encode())) + value.encode()
    if isinstance(value, list):
        return head(4, len(value)) + b"".join(map(cbor, value))
    entries = sorted((cbor(key), cbor(item)) for key, item in value.items())
    return head(5, len(entries)) + b"".join(key + item for key, item in entries)


def map_of(*entries):
    """A map whose entries keep the order in which they are given."""
    return Raw(head(5, len(entries)) + b"".join(cbor(key) + cbor(value) for key, value in entries))


def without_none(value):
    return {key: item for key, item in value.items() if item is not None}


# --- Hashes, keys and records --------------------------------------------------------------------


def b3(data):
    return blake3(data).digest()


def derive(context, material):
    return blake3(material, derive_key_context=context).digest()


class Key:
    """An Ed25519 key."""

    def __init__(self, seed):
        self.secret = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = self.secret.public_key().public_bytes_raw()

    def sign(self, message):
        return self.secret.sign(message)


def signed_bytes(kind, net, body, version=1):
    name = kind.encode()
    return b"headwater\0" + bytes([len(name)]) + name + bytes([version]) + net + cbor(body)


def record(kind, body, by, /, *, network=NET, **changes):
    """A record with a true signature over the body as it stands, then changed; `None` leaves a key out."""
    sig = changes["sig"] if "sig" in changes else by.sign(signed_bytes(kind, network, body))
    entries = {"body": body, "by": by.public, "net": network, "sig": sig, "type": kind, "v": 1}
    return cbor(without_none(entries | changes))


# --- Files of vectors ----------------------------------------------------------------------------


def readable(value):
    """A body as JSON shows it: bytes in hexadecimal."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {key: readable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [readable(item) for item in value]
    return value


def write(path, about, network=None, **lists):
    """One vector a line, so that a change shows which."""
    parts = [f'"about": {json.dumps(about)}']
    if network is not None:
        parts.append(f'"network": "{network.hex()}"')
    for key, vectors in lists.items():
        lines = ",\n    ".join(json.dumps(vector, ensure_ascii=False) for vector in vectors)
        parts.append(f'"{key}": [\n    {lines}\n  ]')
    path.write_text("{\n  " + ",\n  ".join(parts) + "\n}\n")
