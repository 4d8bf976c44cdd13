#!/usr/bin/env bash
# Nodes behind a relay of one's own: installs iroh-relay in the version that we are built with, and runs the tests that
# need it. Building it takes minutes, so it belongs to the long tier.
set -euo pipefail
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-target}
mkdir -p "$target"
target=$(cd "$target" && pwd)
version=$(awk '/^name = "iroh-relay"$/ { getline; gsub(/"/, "", $3); print $3 }' Cargo.lock)
if [[ $("$target/relay/bin/iroh-relay" --version 2>/dev/null) != "iroh-relay $version" ]]; then
    cargo install iroh-relay --version "$version" --locked --features server --root "$target/relay" \
        --target-dir "$target/relay/build" --quiet
fi
IROH_RELAY=$target/relay/bin/iroh-relay cargo test --workspace --locked --test e2e relay -- --ignored
