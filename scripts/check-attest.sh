#!/usr/bin/env bash
# What is attested to in a ledger's log, by programs that others wrote:
#   openbadgeslib      issues the badges, with a proof in the document and as a JWT, and verifies them after us
#   metamorphic-log    checks the checkpoint and the place in the log of each proof
# And the audit trail that is committed to the same log, cut off at its end.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/devnet.sh
build
python=${CARGO_TARGET_DIR:-target}/venv/bin/python

dir=$(mktemp -d "${TMPDIR:-/tmp}/headwater-attest.XXXXXX")
trap 'rm -rf "$dir"' EXIT
"$python" tests/python/check_attest.py "$headwater" "$dir"
