#!/usr/bin/env python3
"""Makes the golden vectors in this folder with the reference implementation of SLIP-0039, with the packages of tests/python/requirements.txt.

Everything comes from fixed seeds, so running it again gives the same files. `cargo test -p sharing` reads them: it has to make the same shares
from the same random bytes, and to bring the same secrets back.
"""

import hashlib
import itertools
import json
import pathlib

import shamir_mnemonic
from shamir_mnemonic import rs1024, shamir, wordlist
from shamir_mnemonic.share import Share

FOLDER = pathlib.Path(__file__).parent
SECRET = hashlib.sha256(b"account secret").digest()


class Random:
    """Random bytes of a name, and which of them were taken."""

    def __init__(self, name):
        self.stream, self.taken = hashlib.shake_256(name.encode()).digest(4096), b""

    def __call__(self, count):
        taken = self.stream[len(self.taken) :][:count]
        self.taken += taken
        return taken


def split(need, of, name, secret=SECRET, **options):
    shamir.RANDOM_BYTES = random = Random(name)
    (shares,) = shamir_mnemonic.generate_mnemonics(1, [(need, of)], secret, **options)
    return shares, random.taken


def splittings():
    for need, of in ((2, 2), (2, 3), (3, 5), (5, 9), (16, 16)):
        shares, random = split(need, of, f"{need} of {of}")
        assert shamir_mnemonic.combine_mnemonics(shares[of - need :]) == SECRET
        yield {"name": f"{need} of {of}", "need": need, "secret": SECRET.hex(), "random": random.hex(), "shares": shares}


def damaged(shares, *changes):
    """Shares whose values were changed, with checksums that match again."""
    shares = list(shares)
    for number, byte in changes:
        share = Share.from_mnemonic(shares[number])
        value = bytearray(share.value)
        value[byte] ^= 1
        fields = share.__dict__ | {"value": bytes(value)}
        shares[number] = Share(**fields).mnemonic()
    return shares


def joins():
    def vector(name, error, shares):
        return {"name": name, "shares": list(shares), "error": error} if error else {"name": name, "shares": list(shares), "secret": SECRET.hex()}

    five, _ = split(3, 5, "3 of 5")
    others, _ = split(3, 5, "3 of 5, again")
    for chosen in itertools.combinations(range(5), 3):
        yield vector(f"shares {chosen}", None, [five[at] for at in chosen])
    yield vector("in another order", None, [five[4], five[0], five[2]])
    yield vector("all of them", None, five)
    yield vector("of the form before extendable backups", None, split(2, 3, "old", extendable=False)[0][1:])
    yield vector("with less work", None, split(2, 2, "less", iteration_exponent=0)[0])
    yield vector("with more work", None, split(2, 2, "more", iteration_exponent=3)[0])
    yield vector("one of one", None, split(1, 1, "one")[0])
    yield vector("none", "none", [])
    yield vector("two of three", "too_few", five[:2])
    yield vector("one of three", "too_few", five[4:])
    yield vector("the same one twice", "twice", [five[0], five[1], five[0]])
    yield vector("one of another splitting", "mixed", [five[0], five[1], others[2]])
    yield vector("another number needed", "mixed", [five[0], split(2, 5, "3 of 5")[0][1], five[2]])
    yield vector("one changed, with its checksum", "digest", damaged(five[:3], (1, 7)))
    yield vector("one that is not needed changed", "digest", damaged(five[:4], (3, 31)))
    yield vector("two with the same number", "twice", [five[0], damaged(five, (0, 0))[0], five[2]])


def indices(share):
    return list(wordlist.mnemonic_to_indices(share))


def with_checksum(words, kind=b"shamir_extendable"):
    return " ".join(wordlist.words_from_indices(words + rs1024.create_checksum(words, kind)))


def texts():
    (share, *_), _ = split(3, 5, "3 of 5")
    words, body = share.split(), indices(share)[:-3]
    yield {"name": "as it is", "text": share, "number": 1, "need": 3}
    yield {"name": "on lines, in upper case, with remarks", "text": "# account 00\n" + "\n".join(map(str.upper, words)) + "\n  # end\n", "number": 1, "need": 3}
    other = split(2, 3, "2 of 3")[0][2]
    yield {"name": "the third of two of three", "text": other, "number": 3, "need": 2}
    for name, error, text in (
        ("nothing", "count", ""), ("remarks alone", "count", "# " + share), ("32 words", "count", " ".join(words[:-1])), ("34 words", "count", share + " academic"),
        ("a secret of 128 bits", "count", split(2, 2, "short", SECRET[:16])[0][0]), ("a word that is none", "word", share.replace(words[5], "headwater", 1)),
        ("a word cut off", "word", share.replace(words[5], words[5][:3], 1)), ("a word with a dot", "word", share + "."),
        ("another word", "checksum", " ".join(words[:9] + ["academic"] + words[10:])), ("two words swapped", "checksum", " ".join(words[:9] + [words[10], words[9]] + words[11:])),
        ("the words backwards", "checksum", " ".join(reversed(words))), ("the checksum of the other kind", "checksum", with_checksum(body, b"shamir")),
        ("of the second group", "groups", with_checksum(body[:2] + [body[2] | 1 << 6] + body[3:])), ("of two groups", "groups", with_checksum(body[:3] + [body[3] | 1 << 8] + body[4:])),
        ("of more groups than there are", "groups", with_checksum(body[:2] + [body[2] | 1 << 2] + body[3:])),
        ("2^15 times the work", "work", with_checksum(body[:1] + [body[1] | 15] + body[2:])), ("2^7 times the work", "work", with_checksum(body[:1] + [body[1] & ~15 | 7] + body[2:])),
        ("padding that is not zero", "padding", with_checksum(body[:4] + [body[4] | 1 << 9] + body[5:])), ("the last bit of the padding", "padding", with_checksum(body[:4] + [body[4] | 1 << 6] + body[5:])),
    ):
        yield {"name": name, "text": text, "error": error}


def write(name, about, vectors):
    lines = ",\n    ".join(json.dumps(vector) for vector in vectors)
    (FOLDER / name).write_text(f'{{\n  "about": {json.dumps(about)},\n  "vectors": [\n    {lines}\n  ]\n}}\n')


write("splittings.json", "Spec section 31. Secrets, random bytes in the order in which they are taken, and the shares that have to come of them.", splittings())
write("joins.json", "Spec section 31. Shares, and the secret that they bring back or the reason in `error` why they do not.", joins())
write("texts.json", "Spec section 31. Texts that are a share, or none for the reason in `error`.", texts())
