#!/usr/bin/env bash
# Storage that is paid in advance, with the programs that people run: nodes, a ledger, a payer, and a steward who audits and reports.
# Hours pass by libfaketime: everything ends, and goes on with a clock that is ahead. Python computes what each node has to have, by
# docs/spec.md alone; one node loses everything, and with it what was held back.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/devnet.sh
source scripts/paid-title.sh
build
target=$(cd "${CARGO_TARGET_DIR:-target}" && pwd)
python=$target/venv/bin/python

dir=$(mktemp -d "${TMPDIR:-/tmp}/headwater-storage-pay.XXXXXX")
cleanup() {
    paid_stop
    devnet_stop
    rm -rf "$dir"
}
trap cleanup EXIT

real=$headwater
faketime=$(dpkg -L libfaketime | grep '/libfaketimeMT\.so\.1$')

# Reports are of whole hours: the programs begin five minutes after one has struck, whatever the minute is here.
begin=$((65 - 10#$(date +%M)))

# later MINUTES: from now on the programs live so much later than where they begin.
later() {
    printf '#!/bin/sh\nexec env LD_PRELOAD=%s FAKETIME=+%sm FAKETIME_DONT_FAKE_MONOTONIC=1 %s "$@"\n' "$faketime" "$((begin + $1))" "$real" >"$dir/later"
    chmod +x "$dir/later"
    headwater=$dir/later
}

# Everything ends, and nothing is lost by it.
all_end() {
    paid_end steward
    paid_end ledger
    devnet_stop
    rm -f "$dir/net/devnet.json"
}

ledger_serves() {
    paid_serve ledger ledger serve --dir "$paid_dir/ledger" --policy "$paid_dir/witnesses.policy"
    HEADWATER_LEDGER=$(paid_url ledger)
}

nodes_serve() { devnet_start "$dir/net" --nodes 3 --coding 2+1 --network-id "$paid_network"; }

# steward_serves ARGS…: it audits every few seconds.
steward_serves() {
    local waited=0
    RUST_LOG=info "$headwater" --json steward --dir "$dir/steward" --audit-every 5s "$@" >"$paid_dir/steward.json" 2>"$paid_dir/steward.log" &
    paid_pids[steward]=$!
    until [[ -s $paid_dir/steward.json ]]; do
        kill -0 "${paid_pids[steward]}" 2>/dev/null || { cat "$paid_dir/steward.log" >&2; return 1; }
        ((waited++ < 300)) || { echo "the steward was not ready in 30 s" >&2; return 1; }
        sleep 0.1
    done
}

# eventually WHAT COMMAND…: until the command succeeds, for a minute.
eventually() {
    local what=$1 waited=0
    shift
    until "$@"; do
        ((waited++ < 120)) || { echo "not in 60 s: $what" >&2; tail -5 "$paid_dir/steward.log" >&2; return 1; }
        sleep 0.5
    done
}

# audits_passed N: since it was started, all three nodes were audited, and N of them passed.
audits_passed() { (($(jq -r 'select(.step == "node_audited" and .asked > 0 and .proved == .asked).node' "$paid_dir/steward.json" | sort -u | wc -l) >= $1)); }

# reports N: so many were taken since the steward was started.
reports() { (($(grep -c 'storage is reported' "$paid_dir/steward.log") >= $1)); }

keepers() { "$python" tests/python/royalties.py keepers "$HEADWATER_LEDGER" "$@"; }

later 0
paid_ledger "$dir/pay"
nodes_serve
head -c 3000000 /dev/urandom >"$dir/readings"
"$headwater" put "$dir/readings" >"$dir/link" 2>/dev/null
"$headwater" --json steward add "@$dir/link" --dir "$dir/steward" >/dev/null
# The payer names the auditor, and hands over the prepayment.
auditor=$("$headwater" --json account | jq -r .payer)
paid_key payer >/dev/null
paid_as payer top-up "$("$headwater" ledger voucher --dir "$paid_dir/ledger" --amount 20)" >/dev/null
paid_as payer prepay --amount 12 --price 1000000 --held-back 150001 --auditor "$auditor" --for 2d --out "$dir/prepayment" >"$dir/prepaid.json"
paid_as payer prepay --amount 12 --price 1000000 --held-back 150001 --auditor "$auditor" --for 2d --out "$dir/prepayment" | cmp - "$dir/prepaid.json"
paid_as payer balance | jq -e '.funds == "8.000000" and .reserved == "12.000000"' >/dev/null
steward_serves
eventually "the first audits" audits_passed 3
all_end

# An hour later all three nodes have kept everything.
later 65
ledger_serves
nodes_serve
steward_serves --ledger "$HEADWATER_LEDGER" --prepayment "$dir/prepayment"
eventually "a report on each node" reports 3
paid_settle >/dev/null
all_end

# Another hour later one of them has lost everything.
lost=$dir/net/nodes/01
find "$lost" \( -path '*/shards/*' -o -path '*/packs/*' \) -type f -delete
rm -f "$lost"/index.redb
later 130
ledger_serves
nodes_serve
steward_serves --ledger "$HEADWATER_LEDGER" --prepayment "$dir/prepayment"
eventually "a report on each node" reports 3
paid_settle >/dev/null
keepers "$dir/prepaid.json" "$("$headwater" --json node status --dir "$lost" 2>/dev/null | jq -r .id)"
for number in 01 02 03; do
    "$headwater" --json ledger balance --key "$dir/net/nodes/$number/node.key" >"$dir/$number.json"
done
jq -se 'map(.earned | tonumber) | .[0] > 0 and .[0] < .[1] and .[0] < .[2]' "$dir"/0?.json >/dev/null
jq -sr '"  three nodes have earned \(map(.earned) | join(", ")): the first has lost its shards, and what was held back"' "$dir"/0?.json
