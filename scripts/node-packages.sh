#!/usr/bin/env bash
# Installs what the outside checks take from npm, into tests/node, when that has changed. Several checks may ask at once.
set -euo pipefail
cd "$(dirname "$0")/../tests/node"
exec {lock}<package-lock.json
flock "$lock"
stamp=node_modules/.installed-from
if ! cmp -s package-lock.json "$stamp"; then
    npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2
    cp package-lock.json "$stamp"
fi
