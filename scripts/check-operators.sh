#!/usr/bin/env bash
# The page of the nodes, looked at by Chromium as anybody and as an operator: a small devnet, a gateway with a steward in it,
# objects of three codings of which one is soon without protection; then two nodes lose their power, and what a third one
# keeps is damaged. `check-operators.sh DIR` leaves pictures of the page in DIR.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/devnet.sh
build
# Whoever has built the program has built the page, too.
[[ -n ${HEADWATER_PROGRAM:-} && -f player-demo/dist/index.html ]] || scripts/build-page.sh

dir=$(mktemp -d "${TMPDIR:-/tmp}/headwater-operators.XXXXXX")
cleanup() {
    [[ -z ${gateway:-} ]] || kill "$gateway" 2>/dev/null || true
    devnet_stop
    rm -rf "$dir"
}
trap cleanup EXIT
devnet_start "$dir/net" --nodes 8 --coding 4+2

# look_after CODING UNTIL TAG: a file of 2 MB with a mandate in the steward's folder.
look_after() {
    head -c 2000000 /dev/urandom >"$dir/$3"
    "$headwater" put "$dir/$3" --coding "$1" >"$dir/$3.link" 2>/dev/null
    "$headwater" steward add "@$dir/$3.link" --dir "$dir/care" --until "$(date -u -d "$2" +%F)" --tag "$3" >/dev/null
}
look_after 4+2 "20 days" records
look_after 3+5 "2 years" films
look_after 5+3 "5 days" letters

printf 'audit-every = "2s"\nbandwidth = "4MB"\n' >"$dir/care.toml"
operator=$(head -c 16 /dev/urandom | od -An -tx1 | tr -d ' \n')
"$headwater" --json gateway --listen 127.0.0.1:0 --steward "$dir/care" --steward-config "$dir/care.toml" \
    --operator-token "$operator" --page player-demo/dist >"$dir/gateway.json" 2>"$dir/gateway.log" &
gateway=$!
until [[ -s $dir/gateway.json ]]; do
    kill -0 "$gateway" 2>/dev/null || { cat "$dir/gateway.log" >&2; exit 1; }
    sleep 0.1
done
url=$(jq -r .ready.url "$dir/gateway.json")

# until_so PATH FILTER: waits until jq's filter holds of what the gateway answers.
until_so() {
    for ((tries = 0; tries < 600; tries++)); do
        curl -fsS -H "Authorization: Bearer $operator" "$url$1" | jq -e "$2" >/dev/null && return
        sleep 0.2
    done
    echo "waited in vain until $2 holds of $1" >&2
    exit 1
}
until_so "/api/audits" '[.nodes[] | select(any(.hours[]; .result == "proved"))] | length == 8'
devnet_kill 0
devnet_kill 1
python3 - "$(devnet_node 2 dir)" <<'END'
import pathlib, sys
for path in pathlib.Path(sys.argv[1], "shards").rglob("*"):
    if path.is_file() and path.stat().st_size > 100_000:
        damaged = bytearray(path.read_bytes())
        damaged[4096::4096] = bytes(byte ^ 1 for byte in damaged[4096::4096])
        path.write_bytes(damaged)
END
until_so "/api/audits" 'any(.nodes[].hours[]; .result == "corrupt") and ([.nodes[] | select(any(.hours[]; .result == "offline"))] | length >= 2)'
until_so "/api/care" '.steward.repairs | length > 0'
npm run --silent --prefix player-demo e2e -- --gateway "$url" --watch none --operator "$operator" --only operators ${1:+--shots "$1"}
