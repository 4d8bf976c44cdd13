#!/usr/bin/env python3
"""Makes the golden vectors in this folder from docs/spec.md section 32 alone, with the packages of tests/python/requirements.txt.

Everything comes from fixed seeds, so running it again gives the same files. `cargo test -p sharing` reads them.
"""

import base64
import hashlib
import pathlib
import sys

FOLDER = pathlib.Path(__file__).parent
sys.path.append(str(FOLDER.parent))

from records import NET, OTHER_NET, START, Key, Raw, b3, cbor, derive, map_of, record, without_none, write

ACCOUNT = b3(b"account secret")
ID = b3(b"stream id")
STREAM_KEY = Key(derive("headwater v1 share key", ACCOUNT + ID))
DEVICE = Key(derive("headwater v1 stream device key", ACCOUNT + ID))
TOKEN = derive("headwater v1 stream token", ACCOUNT + ID)
READING = derive("headwater v1 stream reading key", ACCOUNT + ID)
OTHER = Key(bytes([2] * 32))
BATCH = b"age-encryption.org/v1\n" + bytes(range(200))
MOST = 2**53 - 1


def b64url(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def both(accepted, rejected, form):
    vectors = [(name, value, True) for name, value in accepted.items()] + [(name, value, False) for name, value in rejected.items()]
    return [{"name": name, **form(value), "accepted": is_accepted} for name, value, is_accepted in vectors]


# --- Records -------------------------------------------------------------------------------------


def stream(**changes):
    return without_none({"device": DEVICE.public, "id": ID, "issued": START, "token": b3(TOKEN)} | changes)


def inquiry(**changes):
    return without_none({"after": 7, "id": ID, "issued": START, "kept": 5} | changes)


def record_vectors():
    of = lambda kind, body, **changes: record(kind, body, STREAM_KEY, **changes)  # noqa: E731
    end = {"id": ID, "issued": START}
    accepted = {
        "a stream": of("stream", stream()),
        "its end": of("stream_end", end),
        "an inquiry": of("stream_inquiry", inquiry()),
        "an inquiry for everything": of("stream_inquiry", inquiry(after=0, kept=0)),
        "an inquiry at the last number": of("stream_inquiry", inquiry(after=MOST, kept=MOST)),
    }
    rejected = {
        "a stream of another network": of("stream", stream(), network=OTHER_NET),
        "a stream signed by another key": of("stream", stream(), by=OTHER.public),
        "a stream without a device": of("stream", stream(device=None)),
        "a stream whose device is no key": of("stream", stream(device=bytes([255] * 32))),
        "a stream with a short id": of("stream", stream(id=ID[:31])),
        "a stream with a short hash": of("stream", stream(token=b3(TOKEN)[:31])),
        "a stream with a key that nobody knows": of("stream", stream(name="x")),
        "an end without a time": of("stream_end", {"id": ID}),
        "an end with the body of a stream": of("stream_end", stream()),
        "an inquiry above the last number": of("stream_inquiry", inquiry(after=MOST + 1)),
        "an inquiry that keeps above the last number": of("stream_inquiry", inquiry(kept=MOST + 1)),
        "an inquiry below zero": of("stream_inquiry", inquiry(after=-1)),
        "an inquiry without what is kept": of("stream_inquiry", inquiry(kept=None)),
        "a record of another type": of("share_end", end),
    }
    return both(accepted, rejected, lambda value: {"record": value.hex()})


# --- Signatures ----------------------------------------------------------------------------------


def signed(number=7, batch=BATCH, id_=ID):
    return f"headwater/1 append\n{b64url(id_)}\n{number}\n{hashlib.sha256(batch).hexdigest()}\n".encode()


def shown(number="7", signature=None, key=DEVICE, text=None, batch=BATCH):
    made = base64.b64encode(key.sign(signed() if text is None else text)).decode()
    return {"number": number, "signature": made if signature is None else signature, "batch": batch.hex()}


def signature_vectors():
    right = shown()["signature"]
    raw = base64.b64decode(right)
    order = 2**252 + 27742317777372353535851937790883648493
    larger = base64.b64encode(raw[:32] + (int.from_bytes(raw[32:], "little") + order).to_bytes(32, "little")).decode()
    accepted = {
        "as it is": shown(),
        "the last number": shown(str(MOST), text=signed(MOST)),
        "an empty batch": shown(batch=b"", text=signed(batch=b"")),
    }
    rejected = {
        "under another number": shown("8"),
        "of another stream": shown(text=signed(id_=b3(b"another"))),
        "of another batch": shown(batch=BATCH + b"\0"),
        "by another key": shown(key=OTHER),
        "without the last line feed": shown(text=signed()[:-1]),
        "over the batch itself": shown(text=BATCH),
        "a number with a zero before it": shown("07"),
        "a number with a sign": shown("+7"),
        "a number with a space": shown(" 7"),
        "number zero": shown("0", text=signed(0)),
        "a number above the last one": shown(str(MOST + 1), text=signed(MOST + 1)),
        "no number": shown(""),
        "a number in other digits": shown("\u0667"),
        "without padding": shown(signature=right.rstrip("=")),
        "in base64url": shown(signature=base64.urlsafe_b64encode(bytes([255] * 64)).decode()),
        "one byte short": shown(signature=base64.b64encode(raw[:-1]).decode()),
        "with a line feed": shown(signature=right + "\n"),
        "with a number of its own curve added": shown(signature=larger),
    }
    return both(accepted, rejected, lambda value: value)


# --- What is in a batch --------------------------------------------------------------------------


def one(name="temperature.json", data=b"21.5", length=None):
    return f"{len(data) if length is None else length} ".encode() + (name.encode() if isinstance(name, str) else name) + b"\n" + data


def reading_vectors():
    accepted = {
        "a record": one(),
        "two records": one() + one("ward-3/humidity.json", b"40\n"),
        "an empty record": one(data=b""),
        "a record that looks like another one": one(data=one("x")),
        "a name with spaces": one("a b  c"),
        "a name of 1000 bytes": one("/".join(["a" * 249] * 3 + ["a" * 250])),
        "a record of 70 000 bytes": one(data=bytes(70_000)),
    }
    rejected = {
        "nothing": b"",
        "no line": b"4 a",
        "no name": b"4\n21.5",
        "an empty name": one(""),
        "no length": one(length=""),
        "a length with a zero before it": one(length="04"),
        "a length with a sign": one(length="+4"),
        "a length below zero": one(length="-4"),
        "a length in hexadecimal": one(length="0x4"),
        "a length in other digits": one(length="\u0664"),
        "a length beyond the end": one(length=5),
        "a length short of the end": one(length=3),
        "a length of eight digits": one(length=10_000_000),
        "a length beyond 64 bits": one(length=2**64 + 4),
        "the same name twice": one() + one(),
        "bytes after the last record": one() + b"\n",
        "a name that leads out": one("../passwd"),
        "a name that leads out from within": one("a/../../passwd"),
        "a name that leads nowhere": one("a/./b"),
        "a name from the root": one("/etc/passwd"),
        "a name that ends with a slash": one("a/"),
        "a name with an empty part": one("a//b"),
        "a name with a tab": one("a\tb"),
        "a name with a carriage return": one("a\r"),
        "a name with a zero": one("a\0b"),
        "a name that is no UTF-8": one(b"\xff"),
        "a name of 1001 bytes": one("/".join(["a" * 249] * 3 + ["a" * 251])),
        "a part of 256 bytes": one("a" * 256),
    }
    return both(accepted, rejected, lambda value: {"plain": value.hex()})


# --- What waits ----------------------------------------------------------------------------------


def kept(number=1, batch=BATCH, **changes):
    return without_none({"batch": batch, "number": number, "signature": DEVICE.sign(signed(number, batch))} | changes)


def answer(*batches, **changes):
    return cbor(without_none({"batches": list(batches), "v": 1} | changes))


def answer_vectors():
    accepted = {
        "nothing": answer(),
        "a batch": answer(kept()),
        "two batches, and one missing": answer(kept(1), kept(3)),
        "a signature that is none": answer(kept(signature=bytes(64))),
        "1024 batches": answer(*(kept(n, b"x", signature=bytes(64)) for n in range(1, 1025))),
    }
    rejected = {
        "version 2": answer(v=2),
        "without a version": answer(v=None),
        "with a key that nobody knows": answer(more=True),
        "not in order": answer(kept(2), kept(1)),
        "a number twice": answer(kept(1), kept(1)),
        "number zero": answer(kept(0)),
        "a number above the last one": answer(kept(MOST + 1)),
        "an empty batch": answer(kept(batch=b"")),
        "a short signature": answer(kept(signature=bytes(63))),
        "a batch without a signature": answer(kept(signature=None)),
        "a batch that is a text": answer(kept(batch=Raw(cbor("x")))),
        "1025 batches": answer(*(kept(n, b"x", signature=bytes(64)) for n in range(1, 1026))),
        "keys out of order": bytes(map_of(("batches", []), ("v", 1))),
        "a byte after the end": answer() + b"\0",
        "cut off": answer(kept())[:-1],
        "nothing at all": b"",
    }
    return both(accepted, rejected, lambda value: {"answer": value.hex()})


write(
    FOLDER / "records.json", "Spec sections 10 and 32. A decoder of records of streams of this network accepts `record`, or rejects it.", NET, vectors=record_vectors()
)
write(
    FOLDER / "signatures.json",
    "Spec section 32. The keys follow from account and id (all in hexadecimal). A gateway that has `device` takes number, signature (as they stand in the request) and batch, or refuses.",
    keys=[{"account": ACCOUNT.hex(), "id": ID.hex(), "stream": STREAM_KEY.public.hex(), "device": DEVICE.public.hex(), "token": b64url(TOKEN), "reading": READING.hex()}],
    vectors=signature_vectors(),
)
write(FOLDER / "readings.json", "Spec section 32. A reader of the plaintext of a batch accepts `plain` (in hexadecimal), or rejects it.", vectors=reading_vectors())
write(FOLDER / "answers.json", "Spec section 32. An owner accepts `answer` (in hexadecimal) as a list of batches, or rejects it.", vectors=answer_vectors())
