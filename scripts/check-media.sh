#!/usr/bin/env bash
# Films and sounds in the forms that creators have are published on a small devnet, and what its gateway plays is looked
# at by programs that are not ours:
#   ffmpeg     decodes the same frames from the gateway as from the source, in every form, also with m nodes killed, and live
#   c2pa-python  signs a film and pictures, and finds their content credentials in what the gateway serves
#   Chromium   plays to the end, seeks, goes on while nodes die, turns from a gateway that alters a byte, and plays live
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/devnet.sh
build
# Whoever has built the program has built the page, too.
[[ -n ${HEADWATER_PROGRAM:-} && -f player-demo/dist/index.html ]] || scripts/build-page.sh

dir=$(mktemp -d "${TMPDIR:-/tmp}/headwater-media.XXXXXX")
cleanup() { devnet_stop; rm -rf "$dir"; }
trap cleanup EXIT
devnet_start "$dir/net" --nodes 6 --coding 4+2 --page "$PWD/player-demo/dist"

python3 tests/python/check_media.py --devnet "$dir/net" --headwater "$headwater" --coding 4+2 --scratch "$dir/clips"

# make_film NAME SECONDS: a film for the page; its id in $id.
make_film() {
    ffmpeg -nostdin -v error -f lavfi -i testsrc2=size=640x360:rate=25 -f lavfi -i sine=frequency=440:sample_rate=48000 -t "$2" \
        -c:v libx264 -preset ultrafast -g 50 -c:a aac "$dir/$1.mp4"
    id=$("$headwater" --json publish "$dir/$1.mp4" --title "A film for the page: $1" --coding 4+2 --segment-seconds 2 2>/dev/null | jq -r .id)
}

# look CHECKS: lets Chromium look at the film $id.
look() {
    npm run --silent --prefix player-demo e2e -- --gateway "$(devnet_gateway)" --watch "$id" \
        ${live:+--live "$live"} --control "$(jq -r .control.url "$dir/net/devnet.json")" --token "$(<"$dir/net/token")" --only "$1"
}

# What carries content credentials keeps them.
id=$("${CARGO_TARGET_DIR:-target}/venv/bin/python" tests/python/check_credentials.py "$headwater" "$(devnet_gateway)" "$dir/credentials")
look credentials

# One that the gateway has not read, and longer than what the page buffers ahead: it has to be fetched while nodes are gone.
make_film losses 75
look nodesDown
make_film whole 20
look firstFrame,toTheEnd,seeks,caught,accessible,documented,ledger,pays,spends,framed

# A film that is looked at while it is made.
ffmpeg -nostdin -v error -re -f lavfi -i testsrc2=size=640x360:rate=25 -re -f lavfi -i sine=frequency=550:sample_rate=48000 -t 40 \
    -c:v libx264 -preset ultrafast -g 25 -pix_fmt yuv420p -c:a aac -movflags frag_keyframe+empty_moov+default_base_moof -frag_duration 500000 -f mp4 - |
    "$headwater" --json publish --live --title "A film that is being made" --coding 4+2 --segment-seconds 1 --longest-segment 2 >"$dir/live.json" 2>/dev/null &
publisher=$!
live=
until [[ -n $live ]]; do
    kill -0 "$publisher" 2>/dev/null || { echo "the live stream did not begin" >&2; exit 1; }
    sleep 0.2
    live=$(head -1 "$dir/live.json" | jq -r '.id // empty')
done
look live
wait "$publisher"
