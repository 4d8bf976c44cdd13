#!/usr/bin/env bash
# Sealed shares by programs that are not ours: a reader, a writer and a lying gateway in Python, written from the specification.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/devnet.sh
build
dir=$(mktemp -d "${TMPDIR:-/tmp}/headwater-shares.XXXXXX")
cleanup() {
    devnet_stop
    rm -rf "$dir"
}
trap cleanup EXIT
devnet_start "$dir/net" --nodes 6 --coding 3+2
mkdir "$dir/work"
"${CARGO_TARGET_DIR:-target}/venv/bin/python" tests/python/check_shares.py "$headwater" "$dir/work"
