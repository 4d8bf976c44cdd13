#!/usr/bin/env bash
# A folder of a million records of 1 KiB on six nodes at 4+2, as bench.sh measures other things: how fast it is put, what it takes beyond its
# bytes, and how long one record takes to read. `bench-packs.sh [COUNT [--debug]]`.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/devnet.sh
profile=(--release)
[[ ${2:-} == --debug ]] && profile=()
build "${profile[@]}"
cargo build --quiet --workspace --bin records "${profile[@]}"
dir=$(mktemp -d "${TMPDIR:-/tmp}/headwater-bench.XXXXXX")
cleanup() { devnet_stop; rm -rf "$dir"; }
trap cleanup EXIT
devnet_start "$dir/net" --nodes 6 --coding 4+2
count=${1:-1000000}
"$(dirname "$headwater")/records" "$dir/net/network.json" "$count" 1024 2000 4+2
used=$(du -sb --apparent-size "$dir"/net/nodes | cut -f1)
awk -v used="$used" -v plain=$((count * 1024)) 'BEGIN { printf "on the disks of the nodes: %.4f of their bytes\n", used / plain }'
