#!/usr/bin/env python3
"""All checks by programs that are not ours, in three lanes: they spend much of their time waiting for networks of processes.

The program and its page are built already; HEADWATER_PROGRAM names the first.
"""

from pathlib import Path

from lanes import Job, run

# By the time that they take: what is longest goes on alone at the end of no lane.
LANES = [
    ["check-media.sh", "check-ledger.sh", "check-outside.sh", "check-grants.sh", "check-attest.sh"],
    ["check-s3.sh", "check-royalties.sh", "demo.sh --check"],
    ["check-operators.sh", "check-viewer.sh", "check-storage-pay.sh", "check-packs.sh", "check-health.sh", "check-shares.sh"],
]


def job(line: str) -> Job:
    """One script and its arguments."""
    script, *arguments = line.split()
    return Job(line, [f"scripts/{script}", *arguments], Path.cwd())


if __name__ == "__main__":
    run([[job(line) for line in lane] for lane in LANES])
