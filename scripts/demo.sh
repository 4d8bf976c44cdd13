#!/usr/bin/env bash
# The demonstration: a film is stored and published on eight nodes, three of them lose their power, and it still
# plays. Then it is shown for money, and what two viewers pay is shared. `demo.sh` stays up afterwards, `demo.sh --check` exits.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/install-tools.sh demo
source scripts/devnet.sh
source scripts/paid-title.sh

film=media/headwater.mp4
say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
[[ -t 1 ]] || say() { printf '\n%s\n' "$*"; }

say "Building headwater and its page (the first time takes a few minutes)"
build
# Whoever names a program has built the page, too.
[[ -n ${HEADWATER_PROGRAM:-} && -f player-demo/dist/index.html ]] || scripts/build-page.sh >/dev/null

dir=$(mktemp -d "${TMPDIR:-/tmp}/headwater-demo.XXXXXX")
cleanup() { paid_stop; devnet_stop; rm -rf "$dir"; }
trap cleanup EXIT

say "Starting a ledger with a witness, and a network of 8 storage nodes and a gateway, in $dir"
paid_ledger "$dir/pay"
paid_node_price_max=20000000
devnet_start "$dir/net" --nodes 8 --coding 5+3 --page player-demo/dist \
    --network-id "$paid_network" --node-price-read "$paid_node_price_max" --node-ledger "$HEADWATER_LEDGER"

say "Storing $film: encrypted, 5 data shards and 3 parity shards, one per node"
put=$("$headwater" --json put "$film" --coding 5+3 --type video/mp4)
link=$(jq -r .link <<<"$put")
url=$(jq -r .url <<<"$put")
jq -r '"  \(.size) bytes became \(.stored_bytes) on \(.shards) shards"' <<<"$put"

say "Publishing it: packaged for streaming, described and signed, offered to the gateway"
watch=$("$headwater" publish "$film" --title Headwater --by "The Headwater project" --language en)
echo "  $watch"

say "Publishing it for money, too: 0.07 EUR for 64 KiB, shared by three, at two gateways that pay the nodes"
paid_start 2 2 --credit 256KiB --page player-demo/dist
paid_publish "$film" --title "Headwater, for money" --by "The Headwater project" --language en
paid_agree 0.07 65536 100000 10000 90000 author:anna:500000 director:bob:300000 composer:carl:200000
paid_register
echo "  ${paid_watch[0]}"

say "Three of the eight nodes lose their power"
for node in 0 3 6; do
    devnet_kill "$node"
    echo "  killed node $((node + 1)), $(devnet_node "$node" id)"
done

say "Reading it back through the gateway"
curl -fsS -o "$dir/copy.mp4" "$url"
before=$(sha256sum <"$film")
after=$(sha256sum <"$dir/copy.mp4")
echo "  stored  ${before%% *}"
echo "  read    ${after%% *}"
if [[ $before != "$after" ]]; then
    echo "the film came back different" >&2
    exit 1
fi
echo "  the same, with three nodes gone"
frames() { ffmpeg -v error -i "$1" -map 0:v -f framemd5 - </dev/null | grep -v '^#' | awk '{ print $NF }'; }
if [[ $(frames "$film") != "$(frames "$watch/master.m3u8")" ]]; then
    echo "the published film shows other pictures" >&2
    exit 1
fi
echo "  and the published film shows the same $(frames "$film" | wc -l) pictures"

say "Two viewers pay for it, by the byte"
python=${CARGO_TARGET_DIR:-target}/venv/bin/python
[[ -x $python ]] || python=${CARGO_TARGET_DIR:-target}/venv-viewer/bin/python
# watches N AMOUNT ARGS…: a viewer, written from the specification alone, tops up and watches at the N-th gateway.
watches() {
    local gateway=$1 code
    code=$("$headwater" ledger voucher --dir "$paid_dir/ledger" --amount "$2")
    "$python" tests/python/royalties.py watch "$HEADWATER_LEDGER" "${paid_watch[gateway - 1]}" "$code" "${@:3}" |
        jq -r --arg n "$gateway" '"  viewer \($n)  \(.segments) segments, \(.bytes) bytes, paid \(.paid / 1000000) EUR; refused without a session"'
}
watches 1 2.5
watches 2 1.1 --bytes 1000000

say "The nodes hand in the vouchers that the gateways gave them for what they read"
paid_nodes 1000000
jq -r '"  node \(.node[:8])  \(.bytes) bytes, at least \(.promised) EUR"' "$paid_dir"/node-*.json

say "Settling, and what the author finds on the statement"
paid_settle | jq -r '"  \(.totals.charged) EUR paid: \(.totals.parties) to three parties, \(.totals.gateways) to two gateways, \(.totals.nodes) to the nodes, \(.totals.network) to the network"'
"$headwater" --account "$paid_dir/anna.account" ledger statement | sed 's/^/  /'
echo "  and the public log, computed again from nothing:"
"$headwater" ledger verify --policy "$paid_dir/witnesses.policy" | sed 's/^/  /'

say "Open in a browser:"
echo "  watch    $watch#control=$(jq -r .control.url "$dir/net/devnet.json")&token=$(<"$dir/net/token")&upload=$(<"$dir/net/token")"
echo "           (press a node to stop or start it while it plays)"
echo "  nodes    $(devnet_gateway)/nodes"
echo "  paid     ${paid_watch[0]}"
echo "           (a code to top up with: $("$headwater" ledger voucher --dir "$paid_dir/ledger" --amount 5))"
say "Or in a player:"
echo "  film     $url"
echo "  HLS      $watch/master.m3u8"
echo "  link     $link"
echo "  gateway  $(devnet_gateway)"
echo "  network  HEADWATER_NETWORK=$HEADWATER_NETWORK"

if [[ ${1:-} == --check ]]; then
    say "Demonstration passed"
    exit 0
fi
say "Running until Ctrl-C. The three nodes stay dead; the film goes on playing."
trap 'exit 0' INT TERM
wait "$devnet_pid"
