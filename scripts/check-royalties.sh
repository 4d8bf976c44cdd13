#!/usr/bin/env bash
# Royalties from end to end, with the programs that people run: a ledger with a witness, two gateways, a film with three payees,
# and two viewers who pay by the byte. The viewers, and who computes every share again, are Python that has read docs/spec.md alone
# (tests/python/royalties.py). What is settled must add up to the micro-unit, and whoever changes one byte of the log must be found out.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/devnet.sh
source scripts/paid-title.sh
build
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
    # So dear that one gateway pays its nodes more than their share of what viewers pay, out of its collateral.
    devnet_start "$dir/net" --nodes 4 --coding 2+1 --network-id "$paid_network" --node-price-read 120000007 --node-ledger "$HEADWATER_LEDGER"
    paid_start 2 2.5 --credit 256KiB
    paid_publish media/headwater.mp4 --title Headwater --attach LICENSE-MIT
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

settled() {
    # Gateways that end pay for what they read last.
    paid_end gateway1
    paid_end gateway2
    paid_nodes "$(jq -s 'map(.bytes) | add' "$dir/first.json" "$dir/second.json")"
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
    # Once more: nothing is handed in for an epoch that is settled, and the balance says what was earned.
    paid_nodes 0
    for party in "$paid_dir"/node-*.json; do
        jq -e '.vouchers == []' "$party" >/dev/null
        jq -r .earned "$party" >"$dir/$(basename "$party" .json).earned"
    done
    royalties shares "$HEADWATER_LEDGER" "$dir" "$dir/first.json" "$dir/second.json"
}

# A copy of the public log is good, and is not any more when one bit of it is another.
log_verified() {
    local seen=$dir/seen file
    "$headwater" --json ledger verify --policy "$paid_dir/witnesses.policy" --state "$seen" >"$dir/verified"
    jq -e '.witnesses == 1 and .epoch == 1' "$dir/verified" >/dev/null
    "$headwater" --json ledger verify --state "$seen" | jq -e '.before == .size' >/dev/null

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
    earned=$(paid_as anna balance | jq -r .earned)
    paid_as anna claim --in-all "$earned" --remark 'a bank' >/dev/null
    paid_as anna balance | jq -e --arg earned "$earned" '.paid == $earned and .earned == "0.000000"' >/dev/null
    refused "more than was earned" paid_as anna claim --in-all "${earned%.*}999.000000"
    refused "a bank beside a contract" paid_as carl claim --in-all 0.1
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

film_and_agreement
watched
settled
log_verified
paid_out
comes_back
