#!/usr/bin/env bash
# Royalties from end to end, with the programs that people run: a ledger with a witness, two gateways, a film with three payees,
# and four viewers who pay by the byte: two are Python that has read docs/spec.md alone (tests/python/royalties.py), one watches with
# ffmpeg through `headwater watch`, one in Chromium. The same Python computes every share again. What is settled must add up to the micro-unit, and whoever changes one byte of the log must be found out.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/devnet.sh
source scripts/paid-title.sh
build
# Whoever has built the program has built the page, too.
[[ -n ${HEADWATER_PROGRAM:-} && -f player-demo/dist/index.html ]] || scripts/build-page.sh
target=$(cd "${CARGO_TARGET_DIR:-target}" && pwd)
python=$target/venv/bin/python
royalties() { "$python" tests/python/royalties.py "$@"; }

dir=$(mktemp -d "${TMPDIR:-/tmp}/headwater-royalties.XXXXXX")
cleanup() {
    paid_stop
    devnet_stop
    rm -rf "$dir"
}
trap cleanup EXIT

# refused WHAT COMMAND…: the command must fail, and say why.
refused() {
    local what=$1
    shift
    if "$@" >"$dir/refused" 2>&1; then
        echo "$what is not refused by $*" >&2
        return 1
    fi
    [[ -s $dir/refused ]]
}

# Whatever is left over is shared by the largest remainder: no share of this agreement is a round number.
film_and_agreement() {
    paid_ledger "$dir/pay"
    paid_node_price_max=120000007
    # So dear that one gateway pays its nodes more than their share of what viewers pay, out of its collateral.
    devnet_start "$dir/net" --nodes 4 --coding 2+1 --network-id "$paid_network" --node-price-read "$paid_node_price_max" --node-ledger "$HEADWATER_LEDGER"
    paid_start 2 2.5 --credit 256KiB --page "$PWD/player-demo/dist"
    paid_publish media/headwater.mp4 --title Headwater --attach LICENSE-MIT
    # For gateways that come later.
    curl -fsS -o "$dir/film.record" "${paid_watch[0]}/record"
    paid_agree 0.07 65537 100003 10007 90001 author:anna:333334 director:bob:333333 composer:carl:333333
    refused "an agreement that its creator has not signed" "$headwater" ledger agree post "$paid_dir/film.agreement"
    paid_register
}

# The first viewer sees all of it at the first gateway, the second one as much as was granted at the second.
watched() {
    local first second
    first=$("$headwater" ledger voucher --dir "$paid_dir/ledger" --amount 2.5)
    second=$("$headwater" ledger voucher --dir "$paid_dir/ledger" --amount 1.1)
    royalties watch "$HEADWATER_LEDGER" "${paid_watch[0]}" "$first" --other "${paid_watch[1]}" >"$dir/first.json"
    royalties watch "$HEADWATER_LEDGER" "${paid_watch[1]}" "$second" --other "${paid_watch[0]}" --bytes 1000001 >"$dir/second.json"
    jq -r '"  \(.closed) addresses refused without a session; \(.bytes) bytes in \(.segments) segments, stopped \(.stops) times until receipts came; paid \(.paid) micro-units"' \
        "$dir/first.json" "$dir/second.json"
}

# player NAME ARGS…: `headwater watch` with the account of this name; its address is in $player.
player() {
    local name=$1 waited=0
    shift
    rm -f "$dir/$name.watch"
    "$headwater" --json --account "$paid_dir/$name.account" watch "$@" >"$dir/$name.watch" 2>"$dir/$name.log" &
    paid_pids[$name]=$!
    until [[ -s $dir/$name.watch ]]; do
        kill -0 "${paid_pids[$name]}" 2>/dev/null || { cat "$dir/$name.log" >&2; return 1; }
        ((waited++ < 300)) || { echo "the player was not ready in 30 s" >&2; return 1; }
        sleep 0.1
    done
    player=$(jq -r .ready.url "$dir/$name.watch")
}

# player_ends NAME: as with Ctrl-C; its last line is what it has seen and paid.
player_ends() {
    kill -INT "${paid_pids[$1]}"
    wait "${paid_pids[$1]}" || { cat "$dir/$1.log" >&2; return 1; }
    unset "paid_pids[$1]"
}

# liar TRACK N: a gateway that alters every segment of a track from N on stands before the first gateway, at $liar.
liar() {
    rm -f "$dir/liar"
    "$python" -u tests/python/royalties.py liar "${paid_gateways[0]}" "$1" "$2" >"$dir/liar" &
    paid_pids[liar]=$!
    until [[ -s $dir/liar ]]; do sleep 0.05; done
    liar=$(<"$dir/liar")
}

# What ffmpeg reads at an address: the bytes of all pictures and all sounds.
packets() { ffmpeg -v error -nostdin -i "$1" -map 0:v:0 -map 0:a:0 -c copy -f streamhash -hash md5 -; }

# A third viewer has a player read through `headwater watch`, from two gateways of which one begins to lie.
played() {
    local id=${paid_watch[0]##*/} other=${paid_gateways[1]} track before
    "$headwater" --json --account "$paid_dir/dora.account" account 2>/dev/null >/dev/null
    paid_as dora top-up "$("$headwater" ledger voucher --dir "$paid_dir/ledger" --amount 6)" >/dev/null
    track=$(curl -fsS "${paid_gateways[0]}/api/publications/$id" | jq -r '.tracks[] | select(.kind == "video").id' | head -1)
    liar "$track" 3
    refused "a title that nobody agreed to pay for" "$headwater" --account "$paid_dir/dora.account" watch "$liar/watch/$id" </dev/null

    # It is killed while it plays. What came is acknowledged under the same grant when it plays on.
    player dora "$liar/watch/$id" --gateway "$other" --yes --limit 2.5
    [[ $(curl -s -o /dev/null -w '%{http_code}' "${player%/*/*}/$(printf '0%.0s' {1..32})/master.m3u8") == 404 ]]
    before=0
    for n in 0 1 1; do
        curl -fsS -o "$dir/segment$n" "${player%/*}/$track/$n.m4s"
    done
    before=$(($(stat -c %s "$dir/segment0") + $(stat -c %s "$dir/segment1")))
    kill -KILL "${paid_pids[dora]}"
    wait "${paid_pids[dora]}" 2>/dev/null || true

    player dora "$liar/watch/$id" --gateway "$other" --yes --limit 2.5
    [[ $(packets "$player") == $(packets media/headwater.mp4) ]]
    player_ends dora
    grep -q "segment 3 of $track: it sent bytes with the BLAKE3 hash" "$dir/dora.log"
    tail -1 "$dir/dora.watch" >"$dir/dora.json"
    jq -e --argjson before "$before" '.watched | (.grants | length) == 2 and ([.grants[].bytes] | add) == .bytes + $before
        and ([.grants[].paid] | add) <= 2500000' "$dir/dora.json" >/dev/null
    [[ $(find "$paid_dir/dora.account.watching" -name '*.grant' | wc -l) == 2 ]]
    royalties viewers "$dir/dora.json" "${paid_watch[0]}" "$dir"

    # Nothing is paid above the limit, though the grants are good for more.
    player dora "$other/watch/$id" --yes --limit 0.01
    [[ $(curl -s -o "$dir/refusal" -w '%{http_code}' "${player%/*}/$track/0.m4s") == 402 ]]
    grep -q 'the limit of 0.010000 EUR' "$dir/refusal"
    player_ends dora
    jq -r '"  a player read \(.watched.bytes) bytes through `headwater watch`, and paid \([.watched.grants[].paid] | add) micro-units to two gateways, one of which lied"' "$dir/dora.json"
}

# The same without money: a free title from the same two gateways.
played_for_nothing() {
    local url id
    ffmpeg -v error -nostdin -f lavfi -i testsrc2=size=320x180:rate=25:duration=8 -f lavfi -i sine=duration=8 \
        -c:v libx264 -preset ultrafast -g 50 -c:a aac -y "$dir/free.mp4"
    "$headwater" --json publish "$dir/free.mp4" --title Free --segment-seconds 2 \
        --gateway "${paid_gateways[0]}" --gateway "${paid_gateways[1]}" >"$dir/free.json" 2>"$dir/free.log"
    url=$(jq -r '.watch[0]' "$dir/free.json")
    id=${url##*/}
    kill "${paid_pids[liar]}"
    liar "$(curl -fsS "${url%/watch/*}/api/publications/$id" | jq -r '.tracks[] | select(.kind == "video").id')" 2
    player dora "$liar/watch/$id" --gateway "${paid_gateways[1]}"
    [[ $(packets "$player") == $(packets "$dir/free.mp4") ]]
    [[ $(ffprobe -v error -show_entries stream=codec_type -of csv=p=0 "$player" | grep . | sort -u | tr '\n' ' ') == 'audio video ' ]]
    player_ends dora
    grep -q 'it sent bytes with the BLAKE3 hash' "$dir/dora.log"
    jq -e 'select(.watched).watched | .grants == [] and .unit == null and .segments > 4' "$dir/dora.watch" >/dev/null
    kill "${paid_pids[liar]}"
    unset "paid_pids[liar]"
}

# chromium CHECK ARGS…: a browser at the page that the first gateway serves.
chromium() {
    local check=$1
    shift
    npm run --silent --prefix player-demo e2e -- --gateway "${paid_gateways[0]}" --watch "${paid_watch[0]##*/}" --ledger "$HEADWATER_LEDGER" \
        --out "$dir/player9.json" --only "$check" "$@"
}

# A fourth viewer tops up in the page, and watches in two tabs at once.
bought() { chromium buys --code "$("$headwater" ledger voucher --dir "$paid_dir/ledger" --amount 45)"; }

# Who shares in another title is agreed on in two browsers and with the program; the ledger has what all of them have signed.
agreed() {
    local id
    ffmpeg -v error -nostdin -f lavfi -i sine=duration=4 -c:a aac -y "$dir/song.m4a"
    "$headwater" --json publish "$dir/song.m4a" --title Song --ledger "$HEADWATER_LEDGER" --gateway "${paid_gateways[0]}" >"$dir/song.json" 2>"$dir/song.log"
    id=$(jq -r .id "$dir/song.json")
    npm run --silent --prefix player-demo e2e -- --gateway "${paid_gateways[0]}" --watch "$id" --only agrees --account "$HEADWATER_ACCOUNT" --program "$headwater"
    curl -fsS "$HEADWATER_LEDGER/v1/titles/$id?creator=$(jq -r .creator "$dir/song.json")" |
        jq -e '.agreement | .version == 2 and .secondary_ppm == 250000 and .isrc == "USRC17607839" and ([.parties[].ppm] | sort) == [1, 999999]' >/dev/null
}

# A stream is sold while it is made: its creator says what it costs as soon as it has an id, and what it becomes is paid in the same way.
streamed() {
    local live='' publisher creator=$dir/live.agreement
    ffmpeg -nostdin -v error -re -f lavfi -i testsrc2=size=320x180:rate=25 -re -f lavfi -i sine=frequency=550:sample_rate=48000 -t 30 \
        -c:v libx264 -preset ultrafast -g 25 -pix_fmt yuv420p -c:a aac -movflags frag_keyframe+empty_moov+default_base_moof -frag_duration 500000 -f mp4 - |
        "$headwater" --json publish --live --title "Live, for money" --segment-seconds 1 --longest-segment 2 --ledger "$HEADWATER_LEDGER" \
            --gateway "${paid_gateways[0]}" >"$dir/live.json" 2>"$dir/live.log" &
    publisher=$!
    until [[ -n $live ]]; do
        kill -0 "$publisher" 2>/dev/null || { cat "$dir/live.log" >&2; return 1; }
        sleep 0.2
        live=$(head -1 "$dir/live.json" | jq -r '.id // empty')
    done
    [[ $(curl -s -o /dev/null -w '%{http_code}' "${paid_gateways[0]}/live/$live/prelude") == 200 ]]
    {
        curl -fsS "${paid_gateways[0]}/api/live/$live" | jq -r '"content = \"\(.id)\"\ncreator = \"\(.creator)\""'
        printf 'unit = "EUR"\nprice = { amount = "0.9", of = 3600, per = "second" }\n[[party]]\nkey = "%s"\nrole = "performer"\nppm = 1000000\n' "$(paid_key anna)"
    } >"$dir/live.toml"
    "$headwater" ledger agree write "$dir/live.toml" --out "$creator" >/dev/null
    paid_as anna agree sign "$creator" --id "$(paid_agreement "$creator")" >/dev/null
    "$headwater" ledger agree sign "$creator" --id "$(paid_agreement "$creator")" >/dev/null
    "$headwater" ledger agree post "$creator" >/dev/null
    # Somebody has a player read it from its beginning, through `headwater watch`, until it ends.
    paid_key lena >/dev/null
    paid_as lena top-up "$("$headwater" ledger voucher --dir "$paid_dir/ledger" --amount 5)" >/dev/null
    refused "a live stream without a limit" "$headwater" --account "$paid_dir/lena.account" watch "${paid_gateways[0]}/live/$live" --yes
    player lena "${paid_gateways[0]}/live/$live" --yes --limit 2
    ffmpeg -v error -nostdin -live_start_index 0 -i "$player" -map 0:v:0 -map 0:a:0 -c copy -f streamhash -hash md5 - >"$dir/live.seen" &
    local seen=$!
    chromium livePaid --live "$live" --code "$("$headwater" ledger voucher --dir "$paid_dir/ledger" --amount 5)"
    wait "$publisher"
    wait "$seen"
    player_ends lena
    jq -e 'select(.watched).watched | .segments >= 50 and (.grants | length) == 1 and .grants[0].paid > 0 and .grants[0].acknowledged' "$dir/lena.watch" >/dev/null
    # What it becomes is the same to the byte.
    player lena "$(tail -1 "$dir/live.json" | jq -r ".watch[0]")" --yes --limit 2
    [[ $(packets "$player") == "$(<"$dir/live.seen")" ]]
    player_ends lena
}

# Gateways hand in what they are given every few seconds.
handed_in() {
    local gateway
    for gateway in "${paid_gateways[@]}"; do
        until curl -fsS "$gateway/metrics" | grep '^headwater_gateway_receipts_waiting 0' >/dev/null; do sleep 0.2; done
    done
}

settled() {
    handed_in
    # Which page the browser was served stands in the log.
    "$headwater" ledger page player-demo/dist.sha256 --name 'the page' --dir "$paid_dir/ledger" >/dev/null
    # Gateways that end pay for what they read last.
    paid_end gateway1
    paid_end gateway2
    paid_nodes "$(jq -s 'map(.bytes) | add' "$dir/first.json" "$dir/second.json")"
    # The page is looked at once more afterwards.
    paid_serve gateway1 gateway --any-creator --ledger "$HEADWATER_LEDGER" --pay-folder "$paid_dir/gateway1" --page "$PWD/player-demo/dist"
    paid_gateways[0]=$(paid_url gateway1)
    # Contracts pay two of the three, so that their payouts stand in the tree of the settlement.
    paid_as bob claim --address 0x52908400098527886e0f7030069857d2e4169ee7 >/dev/null
    paid_as carl claim --address 0xde709f2102306220921060314715629080e2fb77 >/dev/null
    paid_settle >"$dir/settled"
    "$headwater" --json ledger settle --dir "$paid_dir/ledger" --epoch 1 >"$dir/again"
    cmp "$dir/settled" "$dir/again"
    local party
    for party in anna bob carl network; do
        paid_as "$party" statement >"$dir/$party.statement.json"
    done
    cp "$paid_dir"/node-*.json "$dir"
    read_was_paid
    # Once more: nothing is handed in for an epoch that is settled, and the balance says what was earned.
    paid_nodes 0
    for party in "$paid_dir"/node-*.json; do
        jq -e '.vouchers == []' "$party" >/dev/null
        jq -r .earned "$party" >"$dir/$(basename "$party" .json).earned"
    done
    royalties shares "$HEADWATER_LEDGER" "$dir" "$dir/first.json" "$dir/second.json" "$dir"/player?.json
}

# A copy of the public log is good, and is not any more when one bit of it is another.
log_verified() {
    local seen=$dir/seen file
    "$headwater" --json ledger verify --policy "$paid_dir/witnesses.policy" --state "$seen" >"$dir/verified"
    jq -e '.witnesses == 1 and .epoch == 1' "$dir/verified" >/dev/null
    "$headwater" --json ledger verify --state "$seen" | jq -e '.before == .size' >/dev/null
    jq -e --arg hash "$(sha256sum <player-demo/dist.sha256 | cut -d' ' -f1)" --arg viewer "$(sha256sum <player-demo/dist/viewer.html | cut -d' ' -f1)" '.pages | length == 2 and .[0].hash == $hash and .[0].name == "the page" and .[1].hash == $viewer' "$dir/verified" >/dev/null

    local copy=$dir/copy
    mkdir -p "$copy/v1"
    cp -r "$paid_dir/ledger/log/public" "$copy/log"
    curl -fsS -o "$copy/v1/terms" "$HEADWATER_LEDGER/v1/terms"
    curl -fsS -o "$copy/log/policy" "$HEADWATER_LEDGER/log/policy"
    "$python" -u -m http.server --bind 127.0.0.1 --directory "$copy" 0 >"$dir/http.log" 2>/dev/null &
    paid_pids[copy]=$!
    until grep -q 'http://' "$dir/http.log"; do sleep 0.05; done
    local url
    url=$(grep -o 'http://[0-9.:]*' "$dir/http.log" | head -1)
    "$headwater" ledger verify --ledger "$url" >/dev/null
    local size
    size=$(sed -n 2p "$copy/log/checkpoint")
    for file in checkpoint "tile/entries/000.p/$size"; do
        cp "$copy/log/$file" "$dir/whole"
        royalties flip "$copy/log/$file"
        refused "a changed $file" "$headwater" ledger verify --ledger "$url"
        cp "$dir/whole" "$copy/log/$file"
    done
    "$headwater" ledger verify --ledger "$url" >/dev/null
    echo "  $size entries of the log, witnessed; a changed bit is found"
}

paid_out() {
    local earned
    paid_as anna evidence --out "$dir/evidence.zip" >/dev/null
    royalties evidence "$dir/evidence.zip"
    evidence() { "$headwater" --json verify "$1" --policy "$paid_dir/witnesses.policy"; }
    evidence "$dir/evidence.zip" >"$dir/evidence.json"
    jq -e --arg earned "$(jq -r '.epochs[0].roles.party' "$dir/anna.statement.json")" '.type == "evidence" and .witnesses == 1 and .epochs[0].roles.party == $earned' "$dir/evidence.json" >/dev/null
    royalties forge "$dir/evidence.zip" "$dir/forged.zip"
    refused "evidence of more than was earned" evidence "$dir/forged.zip"
    cp "$dir/evidence.zip" "$dir/flipped.zip"
    royalties flip "$dir/flipped.zip"
    refused "evidence with another bit" evidence "$dir/flipped.zip"
    refused "evidence without a log that is trusted" "$headwater" verify "$dir/evidence.zip"
    earned=$(paid_as anna balance | jq -r .earned)
    paid_as anna claim --in-all "$earned" --remark 'a bank' >/dev/null
    paid_as anna balance | jq -e --arg earned "$earned" '.paid == $earned and .earned == "0.000000"' >/dev/null
    refused "more than was earned" paid_as anna claim --in-all "${earned%.*}999.000000"
    refused "a bank beside a contract" paid_as carl claim --in-all 0.1
    # Whom the operator has to pay, until it has said so; nobody whom contracts pay.
    local claim
    to_pay() { "$headwater" --json ledger claims --dir "$paid_dir/ledger" "$@"; }
    claim=$(to_pay | jq -e --arg earned "$earned" '.claims | select(length == 1)[0] | select(.amount == $earned and .remark == "a bank").number')
    [[ $("$headwater" ledger claims --dir "$paid_dir/ledger" --csv | wc -l) == 2 ]]
    to_pay --paid "$claim" | jq -e '.claims == []' >/dev/null
    to_pay | jq -e '.claims == []' >/dev/null
    refused "a claim that nobody made" to_pay --paid 99
    local party
    for party in bob carl; do
        paid_as "$party" claim --proof >"$dir/proof.json"
        royalties payout "$dir/proof.json"
    done
    curl -fsS -H "Authorization: Bearer $(<"$paid_dir/ledger/operator.token")" -o "$dir/journal.hledger" "$HEADWATER_LEDGER/v1/journal.hledger"
    if command -v hledger >/dev/null; then
        hledger --file "$dir/journal.hledger" check
        hledger --file "$dir/journal.hledger" balance external --output-format csv | tail -1
    fi
}

# The ledger loses its power and its log: what it writes again is what was verified before, and no claim is forgotten.
comes_back() {
    local before
    before=$(paid_as anna balance)
    paid_kill ledger
    rm -r "$paid_dir/ledger/log"
    paid_serve ledger ledger serve --dir "$paid_dir/ledger" --policy "$paid_dir/witnesses.policy"
    HEADWATER_LEDGER=$(paid_url ledger)
    "$headwater" --json ledger verify --policy "$paid_dir/witnesses.policy" --state "$dir/seen" | jq -e '.before == .size and .epoch == 1' >/dev/null
    [[ $(paid_as anna balance) == "$before" ]]
    echo "  the log that was lost is written again, the same"
}

# ends CODE COMMAND…: the command must end with this exit code; its answer is in $dir/ended.
ends() {
    local expected=$1 found=0
    shift
    "$@" >"$dir/ended" 2>"$dir/ended.log" || found=$?
    [[ $found == "$expected" ]] || { echo "exit code $found instead of $expected: $*" >&2; cat "$dir/ended" "$dir/ended.log" >&2; return 1; }
}

# canary NAME VIEWER GATEWAY: watches a little of the film there, with money of its own.
canary() {
    local id=${paid_watch[0]##*/}
    paid_key "$2" >/dev/null
    paid_as "$2" top-up "$("$headwater" ledger voucher --dir "$paid_dir/ledger" --amount 2)" >/dev/null
    ends 0 paid_as "$2" canary run "$3/watch/$id" --keep "$dir/canary-$1" --segments 2 --limit 1 --yes
    jq -e '.watched.grants | length == 1 and .[0].acknowledged and .[0].paid > 0' "$dir/ended" >/dev/null
}

# checked CODE NAME VIEWER JQ: what the canary finds out ends with this exit code and is this. Gateways had $within to hand in.
checked() {
    ends "$1" paid_as "$3" canary check --keep "$dir/canary-$2" --within "$within"
    jq -e ".checked | length == 1 and (.[0] | $4)" "$dir/ended" >/dev/null || { cat "$dir/ended" >&2; return 1; }
}

# The ledger loses its power, and goes on with what is in the folder then.
ledger_again() {
    paid_serve ledger ledger serve --dir "$paid_dir/ledger" --policy "$paid_dir/witnesses.policy"
    HEADWATER_LEDGER=$(paid_url ledger)
}

# A second epoch, in which canaries watch: at a gateway that hands in what it takes, at one that keeps it to itself, and by way of
# a ledger that is set back to a copy after it has made a promise.
controlled() {
    local n ledger miser lost
    "$python" -u tests/python/royalties.py miser "$HEADWATER_LEDGER" >"$dir/miser" &
    paid_pids[miser]=$!
    until [[ -s $dir/miser ]]; do sleep 0.05; done
    miser=$(<"$dir/miser")
    for n in 3 4; do
        ledger=$HEADWATER_LEDGER
        ((n == 4)) && ledger=$miser
        paid_serve "gateway$n" gateway --any-creator --ledger "$ledger" --pay-folder "$paid_dir/gateway$n" --collateral 2 \
            --node-price-max "$paid_node_price_max"
        "$headwater" ledger top-up --key "$paid_dir/gateway$n/gateway.key" "$("$headwater" ledger voucher --dir "$paid_dir/ledger" --amount 2)" >/dev/null
        curl -fsS -o /dev/null --data-binary "@$dir/film.record" "$(paid_url "gateway$n")/api/publications"
    done
    canary honest eve "$(paid_url gateway3)"
    canary kept eve "$(paid_url gateway4)"
    canary silent finn "$(paid_url gateway4)"
    canary forgotten gwen "$(paid_url gateway4)"
    within=1h checked 1 kept eve '.finding == "open" and (.promised | not)'
    within=1h checked 1 forgotten gwen '.finding == "open"'
    until curl -fsS "$(paid_url gateway3)/metrics" | grep '^headwater_gateway_receipts_waiting 0' >/dev/null; do sleep 0.2; done
    sleep 3
    local within=2s
    # Its gateway has handed in everything, and the ledger promises to count it.
    checked 1 honest eve '.finding == "open" and .promised and .known == null'
    checked 3 kept eve '.finding == "under_reported" and .promised and .known.bytes == 0'
    paid_end gateway3
    paid_end gateway4
    kill "${paid_pids[miser]}"
    unset "paid_pids[miser]"

    paid_kill ledger
    cp -r "$paid_dir/ledger" "$paid_dir/ledger.copy"
    ledger_again
    checked 3 forgotten gwen '.promised'
    paid_kill ledger
    rm -r "$paid_dir/ledger"
    mv "$paid_dir/ledger.copy" "$paid_dir/ledger"
    ledger_again
    paid_settle >/dev/null
    # A ledger that answers nobody about their grants has its log still, which says what it counts.
    "$python" -u tests/python/royalties.py mute "$HEADWATER_LEDGER" >"$dir/mute" &
    paid_pids[mute]=$!
    until [[ -s $dir/mute ]]; do sleep 0.05; done
    HEADWATER_LEDGER=$(<"$dir/mute") HEADWATER_LOG_POLICY=$paid_dir/witnesses.policy checked 0 honest eve '.finding == "honest"'
    jq -e '.witnesses == 1 and (.unwitnessed | not)' "$dir/ended" >/dev/null
    HEADWATER_LEDGER=$(<"$dir/mute") checked 4 forgotten gwen '.finding == "withheld" and (.why | contains("busy"))'
    jq -e .unwitnessed "$dir/ended" >/dev/null
    royalties omission "$dir"/canary-forgotten/*.withheld "$HEADWATER_LEDGER"
    kill "${paid_pids[mute]}"
    unset "paid_pids[mute]"
    # Every log has to follow from the one before.
    cp "$dir/canary-honest/checkpoint" "$dir/seen-checkpoint"
    sed -i '3{s/^A/B/;t;s/^./A/}' "$dir/canary-honest/checkpoint"
    checked 4 honest eve '.finding == "forked"'
    cp "$dir/seen-checkpoint" "$dir/canary-honest/checkpoint"
    checked 0 honest eve '.finding == "honest"'
    checked 3 kept eve '.finding == "under_reported"'
    checked 3 silent finn '.finding == "under_reported" and (.promised | not)'
    checked 4 forgotten gwen '.finding == "omitted"'
    royalties omission "$dir"/canary-forgotten/*.omission "$HEADWATER_LEDGER"
    # What nobody has handed in is nobody's: the gateway has lost its own share with the creator's, and the viewer has the money again.
    for lost in finn gwen; do
        paid_as "$lost" balance | jq -e '.funds == "2.000000" and .reserved == "0.000000"' >/dev/null
    done
    "$headwater" --json ledger statement --key "$paid_dir/gateway4/gateway.key" --epoch 2 >"$dir/gateway4.json"
    jq -e '.epochs[0].lines | length == 1 and .[0].paid != "0.000000"' "$dir/gateway4.json" >/dev/null
    jq -r '"  a gateway kept what three viewers signed to itself: of two it has lost its share, for one \(.epochs[0].lines[0].paid) was paid once a canary spoke up"' "$dir/gateway4.json"
}

# Nodes that sell are paid by whoever reads for themselves, out of collateral of their own.
read_directly() {
    local pay=$dir/own
    head -c 9000000 /dev/urandom >"$dir/own.bin"
    "$headwater" put "$dir/own.bin" >"$dir/own.link" 2>/dev/null
    reading() { "$headwater" get "@$dir/own.link" -o "$dir/own.copy" --ledger "$HEADWATER_LEDGER" --collateral 3 --node-price-max "$paid_node_price_max" --pay-folder "$pay" 2>"$dir/own.log"; }
    # The first time makes the key that pays.
    reading
    "$headwater" ledger top-up --key "$pay/gateway.key" "$("$headwater" ledger voucher --dir "$paid_dir/ledger" --amount 3)" >/dev/null
    rm "$dir/own.copy"
    reading
    cmp "$dir/own.bin" "$dir/own.copy"
    payer=$("$headwater" --json ledger balance --key "$pay/gateway.key" | jq -r 'select(.reserved != "0.000000").party')
    [[ -n $payer ]]
}

# What the nodes have of it: vouchers of the key for what was read.
read_was_paid() {
    jq -se --arg payer "$payer" '[.[].vouchers[] | select(.payer == $payer).bytes] | add >= 9000000' "$paid_dir"/node-*.json >/dev/null
    "$headwater" --json node status --dir "$(devnet_node 0 dir)" >"$dir/status.json"
    jq -e '.sold | .promised_micro > 0 and .allowance_micro >= 0 and .redeemed.bytes > 0' "$dir/status.json" >/dev/null
}

# A data set over the whole way: paid for, sealed to its buyer, and opened with what was sealed, from the nodes.
data_sold() {
    local offer paid=3.000001 shop party
    head -c 700000 /dev/urandom >"$dir/readings"
    "$headwater" put "$dir/readings" 2>/dev/null >"$dir/readings.link"
    printf 'For research alone.\n' >"$dir/licence.txt"
    offer=$("$headwater" --json ledger offer --agreement "$(paid_agreement "$paid_dir/film.agreement")" --licence "$dir/licence.txt" \
        --price "$paid" --sold "$dir/readings.link" --dir "$dir/shop" | jq -r .name)
    paid_serve shop sell serve --dir "$dir/shop"
    paid_key hanna >/dev/null
    buying() { paid_as hanna buy --from "$(paid_url shop)" --offer "$offer" --price "$paid" --keep "$dir/readings.purchase"; }
    refused "a purchase without money" buying
    paid_as hanna top-up "$("$headwater" ledger voucher --dir "$paid_dir/ledger" --amount 4)" >/dev/null
    buying >"$dir/bought.json"
    [[ $(jq -r .sold "$dir/bought.json") == "$(<"$dir/readings.link")" ]]
    jq -r .sold "$dir/bought.json" | "$headwater" --account "$paid_dir/hanna.account" get - -o "$dir/opened" 2>/dev/null
    cmp "$dir/readings" "$dir/opened"
    # Whoever asks again has the same, and pays nothing more: also of a service that has lost its power.
    paid_kill shop
    paid_serve shop sell serve --dir "$dir/shop"
    buying | cmp - "$dir/bought.json"
    paid_as hanna balance | jq -e '.funds == "0.999999"' >/dev/null
    paid_settle | jq -e --arg paid "$paid" '.sales == 1 and .totals.sold == $paid' >/dev/null
    for party in anna bob carl network; do
        paid_as "$party" statement --epoch 3 | jq -r '.epochs[0].sales[0].earned'
    done >"$dir/sold"
    # Its buyer has a line of it, and may not pass it on; its seller sees what can be bought.
    paid_as hanna statement --epoch 3 | jq -e --arg paid "$paid" '.epochs[0] | .paid == $paid and .sales[0].own' >/dev/null
    party=$(paid_as hanna balance | jq -r '.licences[0].name')
    refused "a licence that may not be passed on" paid_as hanna transfer write --licence "$party" --to "$(paid_key bob)" --price 1 --out "$dir/licence.transfer"
    "$headwater" --json sell list --dir "$dir/shop" | jq -e --arg offer "$offer" '.offers | length == 1 and .[0].name == $offer and .[0].state == "on sale"' >/dev/null
    jq -se --arg paid "$paid" 'map(. * 1000000 | round) | add == ($paid | tonumber * 1000000 | round)' "$dir/sold" >/dev/null
    echo "  a data set was sold for $paid, opened from the nodes, and its price shared to the micro-unit"
}

# A new version needs whoever had a share in the version before as well.
superseded() {
    local new=$dir/second.agreement name
    {
        sed "s/^unit = /version = 2\nsupersedes = \"$(paid_agreement "$paid_dir/film.agreement")\"\nunit = /" "$paid_dir/split.toml" |
            sed '/^\[\[party/,$d'
        for name in anna bob; do
            printf '[[party]]\nkey = "%s"\nrole = "author"\nppm = 500000\n' "$(paid_key "$name")"
        done
    } >"$dir/second.toml"
    "$headwater" ledger agree write "$dir/second.toml" --out "$new" >/dev/null
    for name in anna bob; do
        paid_as "$name" agree sign "$new" --id "$(paid_agreement "$new")" >/dev/null
    done
    "$headwater" ledger agree sign "$new" --id "$(paid_agreement "$new")" >/dev/null
    refused "a version without the one who had a share before" "$headwater" ledger agree post "$new"
    [[ $("$headwater" --json ledger agree show "$new" | jq -r '.missing[]') == "$(paid_key carl)" ]]
    paid_as carl agree sign "$new" --id "$(paid_agreement "$new")" | jq -e '.missing == []' >/dev/null
    "$headwater" ledger agree post "$new" >/dev/null
}

film_and_agreement
watched
read_directly
played
played_for_nothing
agreed
bought
settled
chromium settled --account "$paid_dir/anna.account"
streamed
log_verified
paid_out
comes_back
controlled
data_sold
superseded
