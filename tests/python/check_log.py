#!/usr/bin/env python3
"""Checks the checkpoints and proofs of a log with metamorphic-log, a separate implementation: `check_log.py FOLDER`.

The folder is the one that ledger/examples/published.rs writes.
"""

import base64
import hashlib
import pathlib
import sys

import metamorphic_log as other


def hashes(text):
    return [base64.b64decode(line, validate=True) for line in text.split()]


def refused(check, *arguments):
    """Fails unless the check finds something wrong."""
    try:
        check(*arguments)
    except other.VerifyError:
        return
    sys.exit(f"{check.__name__} accepts what is wrong")


def proofs(folder):
    """Index, leaf and path of every proof in the folder."""
    for entry in sorted((folder / "proof").glob("*.entry")):
        head = entry.with_suffix(".tlog-proof").read_text().split("\n\n")[0]
        _, index, *path = head.split("\n")
        leaf = hashlib.sha256(b"\x00" + entry.read_bytes()).digest()
        yield int(index.removeprefix("index ")), leaf, hashes("\n".join(path))


def main():
    folder = pathlib.Path(sys.argv[1])
    note, before = [(folder / name).read_text() for name in ("checkpoint", "checkpoint.before")]
    keys = [(folder / "log.vkey").read_text()]
    head, old = other.checkpoint_verify(note, keys), other.checkpoint_verify(before, keys)
    assert head.size > old.size > 0, "the log has grown"
    refused(other.checkpoint_verify, note.replace(f"\n{head.size}\n", f"\n{head.size + 1}\n"), keys)

    growth = hashes((folder / "consistency").read_text())
    other.checkpoint_verify_consistency(before, note, keys, growth)
    refused(other.checkpoint_verify_consistency, before, note, keys, growth[:-1] + [bytes(32)])

    count = 0
    for index, leaf, path in proofs(folder):
        other.checkpoint_verify_inclusion(note, keys, index, leaf, path)
        refused(other.checkpoint_verify_inclusion, note, keys, index, bytes(32), path)
        count += 1
    assert count > 2, "there are proofs to check"
    print(f"metamorphic-log: two checkpoints, {count} proofs, growth from {old.size} to {head.size} entries")


main()
