#!/usr/bin/env bash
# SMART Health Links and their audit trail, by programs that others wrote:
#   kill-the-clipboard   a client of health links: plain, with a passcode, a single file, changed, expired, revoked
#   jose                 opens our files
#   fhir.resources       reads every FHIR resource that we emit
# The gateway is killed between wrong passcodes: it goes on counting where it was.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/devnet.sh
source scripts/refusals.sh
build
python=${CARGO_TARGET_DIR:-target}/venv/bin/python

dir=$(mktemp -d "${TMPDIR:-/tmp}/headwater-health.XXXXXX")
gateway_pid=
# The first start takes any port, later ones the same again.
port=0
gateway_stop() {
    if [[ -n $gateway_pid ]]; then
        kill "-${1:-TERM}" "$gateway_pid" 2>/dev/null || true
        wait "$gateway_pid" 2>/dev/null || true
        gateway_pid=
    fi
}
cleanup() { gateway_stop; devnet_stop; rm -rf "$dir"; }
trap cleanup EXIT

gateway_start() {
    : >"$dir/ready"
    HEADWATER_LOG=debug,iroh=error,noq=error,noq_udp=error \
        "$headwater" --json gateway --listen "127.0.0.1:$port" --links "$dir/links.redb" --account "$dir/gateway" \
        --work-folder "$dir" --config /dev/null >"$dir/ready" 2>>"$dir/gateway.log" &
    gateway_pid=$!
    local waited=0
    until [[ -s $dir/ready ]]; do
        kill -0 "$gateway_pid" 2>/dev/null || { echo "the gateway did not start" >&2; cat "$dir/gateway.log" >&2; return 1; }
        ((waited++ < 600)) || { echo "the gateway was not ready in 60 s" >&2; return 1; }
        sleep 0.1
    done
    url=$(jq -r .ready.url "$dir/ready")
    port=${url##*:}
}

check() { node tests/node/check_health.mjs "$@"; }
# share NAME ARGUMENTS…: makes a link, and writes it into a file of this name.
share() {
    local name=$1
    shift
    "$headwater" share --health --gateway "$url" "$@" >"$dir/$name"
}

scripts/node-packages.sh
devnet_start "$dir/net" --nodes 4 --coding 2+2
gateway_start
"$python" tests/python/check_fhir.py examples "$dir"
labs=$dir/labs.json chart=$dir/chart.json

share plain "$labs" "$chart" --label "Labs" --patient 4711 --purpose TREAT --qr "$dir/code.svg"
check reads "$dir/plain" "$labs" "$chart"
check reads "$dir/plain" "$labs" "$chart" --embed 1
check manifest "$dir/plain" status finalized
check manifest "$dir/plain" files.1.location "^$url/shl/files/" --embed 1
check manifest "$dir/plain" files.1.embedded '^ey' --embed 1000000
check jose "$dir/plain" "$labs"
check jose "$dir/plain" "$labs" --embed 1
grep -q '<svg' "$dir/code.svg"
echo "a plain link resolves, its files embedded or at an address of their own; jose opens them"

share deflated "$chart" --deflate --expires 1h
check reads "$dir/deflated" "$chart"
check jose "$dir/deflated" "$chart"
share single "$labs" --single --long-term
check reads "$dir/single" "$labs"
check jose "$dir/single" "$labs"
echo "so do a deflated file, and a single one"

printf 'open sesame' >"$dir/passcode"
share locked "$labs" --passcode="@$dir/passcode" --attempts 6 --patient 4711
check refuses "$dir/locked" SHLInvalidPasscodeError
check refuses "$dir/locked" SHLInvalidPasscodeError --passcode wrong
gateway_stop KILL
gateway_start
check reads "$dir/locked" "$labs" --passcode "open sesame"
check guesses "$dir/locked" 20 5
check refuses "$dir/locked" SHLManifestNotFoundError --passcode "open sesame"
echo "of 6 wrong passcodes one was before the gateway was killed; of 20 at once 5 more were compared, and then it is closed"

share long "$labs" --long-term
check manifest "$dir/long" status can-change
"$headwater" share --health --update "@$dir/long" "$chart" | cmp - "$dir/long"
check reads "$dir/long" "$chart"
"$headwater" revoke "@$dir/long"
check refuses "$dir/long" SHLManifestNotFoundError
! "$headwater" share --health --update "@$dir/long" "$labs" 2>/dev/null || { echo "a revoked link was changed" >&2; exit 1; }
# Another device of the account: the same secret, and nothing else of this one.
mkdir "$dir/second"
cp "$HEADWATER_ACCOUNT" "$dir/second/account"
second() { HEADWATER_ACCOUNT=$dir/second/account "$headwater" --json "$@"; }
share wandering "$labs" --label Wandering
id=$(second shares | jq -er '.health[] | select(.label == "Wandering" and .elsewhere and .state == "open" and .flags == "") | .id')
fails 2 "upload-token" "$headwater" share --health "$labs" --no-end
[[ $(second audit-trail --offline | jq '.entries | length') == 0 ]]
second revoke "$id" >/dev/null
check refuses "$dir/wandering" SHLManifestNotFoundError
"$headwater" --json shares | jq -e '.health[] | select(.label == "Wandering" and .state == "revoked" and (.elsewhere | not))' >/dev/null
echo "another device knows a health link and ends it; the one that made it hears of that"
share brief "$labs" --expires 4s
sleep 5
check refuses "$dir/brief" SHLExpiredError
id=$(jq -rR 'ltrimstr("shlink:/") | @base64d | fromjson | .url' "$dir/brief")
[[ $(curl -s -o /dev/null -w '%{http_code}' -d '{"recipient":"late"}' "$id") == 404 ]]
echo "a long link shows what was put behind it last, and nothing once it is revoked or expired"

trail=$(find "$dir/net" -name trail -path '*index*')
cp "$trail" "$dir/early"
cp "$trail.head" "$dir/early.head"
"$headwater" --json audit-trail >"$dir/trail.json"
"$headwater" audit-trail --fhir "$dir/events.json" >/dev/null
"$headwater" audit-trail --patient 4711 --accounting >"$dir/disclosures.csv"
"$python" tests/python/check_fhir.py trail "$dir"
"$headwater" audit-trail --page "$dir/trail.html" --offline >/dev/null
"$headwater" --json audit-trail --offline >"$dir/page.json"
(cd player-demo && npm run --silent e2e:trail -- "$dir/trail.html" 4711 "$dir/page.json")
commitment=$("$headwater" audit-trail --commit --offline)
"$headwater" audit-trail --verify --against "$commitment"
cp "$trail" "$dir/kept"
cp "$trail.head" "$dir/kept.head"
printf 'x' | dd of="$trail" bs=1 seek=200 conv=notrunc status=none
! "$headwater" audit-trail --verify --offline 2>/dev/null || { echo "an entry was changed, and nobody noticed" >&2; exit 1; }
! "$headwater" share --health "$labs" --gateway "$url" 2>/dev/null || { echo "a link was made that the trail does not have" >&2; exit 1; }
cp "$dir/early" "$trail"
! "$headwater" audit-trail --verify --offline 2>/dev/null || { echo "the end of the trail is missing, and nobody noticed" >&2; exit 1; }
# An earlier state of the trail is a trail, too, with the end that it had; but it is not what was committed.
cp "$dir/early.head" "$trail.head"
"$headwater" audit-trail --verify --offline
! "$headwater" audit-trail --verify --offline --against "$commitment" 2>/dev/null || { echo "entries are missing, and nobody noticed" >&2; exit 1; }
cp "$dir/kept" "$trail"
cp "$dir/kept.head" "$trail.head"
echo "the audit trail is whole, and shows when it is not"

# Neither keys nor what is in the files is anywhere at the gateway.
gateway_stop
for secret in $(jq -rR 'ltrimstr("shlink:/") | @base64d | fromjson | .key' "$dir"/{plain,deflated,single,locked,long}) "open sesame" "A secret finding"; do
    ! grep -qFe "$secret" "$dir/gateway.log" "$dir/links.redb" || { echo "the gateway keeps what it must not know: $secret" >&2; exit 1; }
done
grep -q DEBUG "$dir/gateway.log" || { echo "the log is not what was asked for" >&2; exit 1; }
echo "neither keys, passcodes nor findings stand in the gateway's log or store"
