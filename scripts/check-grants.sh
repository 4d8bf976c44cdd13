#!/usr/bin/env bash
# The life of grants on a small devnet: given to a group, opened, followed as a series, taken from one and from all. That nothing is left for
# whoever kept the old keys is seen by headwater_decode.py, which shares no code with ours, in the nodes' folders.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/devnet.sh
source scripts/refusals.sh
build
python=${CARGO_TARGET_DIR:-target}/venv/bin/python

dir=$(mktemp -d "${TMPDIR:-/tmp}/headwater-grants.XXXXXX")
cleanup() { devnet_stop; rm -rf "$dir"; }
trap cleanup EXIT

hw() { "$headwater" --json "$@"; }
other() { HEADWATER_ACCOUNT=$dir/$1 "$headwater" "${@:2}"; }

devnet_start "$dir/net" --nodes 6 --coding 3+2
mapfile -t stores < <(jq -r '.nodes[].dir' "$dir/net/devnet.json")
for who in anna bob carl; do other "$who" identity 2>/dev/null >"$dir/$who.id"; done
head -c 300001 /dev/urandom >"$dir/scan"
mkdir -p "$dir/folder/deep" "$dir/daily"
echo one >"$dir/folder/1.json"
echo two >"$dir/folder/deep/2.json"

# A group, which a second device of the same account knows too.
"$headwater" group add ward-3 "$(<"$dir/anna.id")" --label "Dr. Ng" >/dev/null
"$headwater" group add ward-3 "@$dir/bob.id" >/dev/null
mkdir "$dir/second"
cp "$HEADWATER_ACCOUNT" "$dir/second/account"
HEADWATER_ACCOUNT=$dir/second/account "$headwater" --json group list ward-3 >"$dir/group.json"
jq -e '.groups[0].members | length == 2 and any(.label == "Dr. Ng")' "$dir/group.json" >/dev/null

scan_link=$("$headwater" put "$dir/scan" --name /scans/knee)
hw put --pack "$dir/folder" --name /records >"$dir/records.json"
records_link=$(jq -r .link "$dir/records.json")
record_link=$("$headwater" get /records/1.json --link)
hw grant /scans/knee /records --to @ward-3 --purpose treatment >"$dir/grant.json"
jq -r .link "$dir/grant.json" >"$dir/grant.link"
jq -e '.recipients == 2 and .pushed and (.series | not)' "$dir/grant.json" >/dev/null
"$headwater" grant /scans/knee --to "$(<"$dir/carl.id")" >"$dir/carl.link"

other anna open "@$dir/grant.link" -o "$dir/for-anna" 2>"$dir/said" >/dev/null
grep -q "for treatment" "$dir/said"
cmp "$dir/scan" "$dir/for-anna/knee"
diff -r "$dir/folder" "$dir/for-anna/records"
other bob get "$(<"$dir/grant.link")/records/deep/2.json" 2>/dev/null | cmp - "$dir/folder/deep/2.json"
fails 1 "granted to others" other carl open "@$dir/grant.link" -o "$dir/for-carl"
"$python" tests/python/headwater_decode.py "$scan_link" "${stores[@]}" | cmp - "$dir/scan"
echo "a grant to a group opens for its members: by one link, files and folders of records"

# Anna leaves. Bob and Carl keep their links; what Anna kept opens nothing that any node still has.
hw revoke "@$dir/grant.link" --from "$(<"$dir/anna.id")" >"$dir/revoked.json"
jq -e '.taken_from == 1 and .left == 1 and (.files | length == 3) and all(.files[]; .failed == null and .unconfirmed == [])
    and ([.files[].ended] | add) > 10 and (.others | length == 1) and .failed == []' "$dir/revoked.json" >/dev/null
fails 1 "granted to others" other anna open "@$dir/grant.link" -o "$dir/again"
for link in "$scan_link" "$records_link/1.json" "$record_link"; do fails 1 "no node has the manifest" other anna get "$link" -o "$dir/kept"; done
if "$python" tests/python/headwater_decode.py "$scan_link" "${stores[@]}" >"$dir/decoded" 2>/dev/null; then
    echo "the old key opens what is left on the nodes" >&2
    exit 1
fi
other bob open "@$dir/grant.link" -o "$dir/for-bob" 2>/dev/null >/dev/null
cmp "$dir/scan" "$dir/for-bob/knee"
diff -r "$dir/folder" "$dir/for-bob/records"
other carl get "@$dir/carl.link" 2>/dev/null | cmp - "$dir/scan"
"$headwater" get /scans/knee | cmp - "$dir/scan"
echo "a grant that was taken from one opens for the others, and the old keys open nothing in the nodes' folders"

# A series: what the name stands for now. A version older than one that was opened is refused.
echo monday >"$dir/daily/report"
"$headwater" put "$dir/daily/report" --name /daily/report >/dev/null
"$headwater" grant /daily/report --to @ward-3 --series >"$dir/daily.link"
other bob get "@$dir/daily.link" 2>/dev/null | cmp - "$dir/daily/report"
echo tuesday >"$dir/daily/report"
"$headwater" put "$dir/daily/report" --name /daily/report --replace >/dev/null 2>"$dir/said"
grep -q "has a new version" "$dir/said"
other bob get "@$dir/daily.link" 2>/dev/null | cmp - "$dir/daily/report"
for seen in "$dir/bob.granted"/*; do echo 99 >"$seen"; done
fails 1 "withhold the newer one" other bob get "@$dir/daily.link"
for seen in "$dir/bob.granted"/*; do echo 0 >"$seen"; done
hw grants | jq -e '.grants | length == 3 and ([.[] | select(.series)] | length == 1 and .[0].version == 1)' >/dev/null
echo "a series opens its newest version under the same link, and no older one than was opened before"

# Bob leaves the ward: what he still has is named, and taken from him.
hw group remove ward-3 "$(<"$dir/bob.id")" >"$dir/left.json"
jq -e '.members == 1 and (.still_granted | length == 2) and .revoked == []' "$dir/left.json" >/dev/null
"$headwater" group add ward-3 "$(<"$dir/bob.id")" >/dev/null
# What is held stays as it is, and then he stays in the ward: all of it is done, or nothing.
"$headwater" hold /scans/knee --legal 'case 17' >/dev/null 2>&1
fails 1 "/scans/knee is held for a matter at law (case 17)" "$headwater" group remove ward-3 "$(<"$dir/bob.id")" --revoke
hw group list ward-3 | jq -e '.groups[0].members | length == 2' >/dev/null
other bob get "@$dir/daily.link" 2>/dev/null | cmp - "$dir/daily/report"
"$headwater" hold /scans/knee --release >/dev/null 2>&1
hw group remove ward-3 "$(<"$dir/bob.id")" --revoke >"$dir/left.json"
jq -e '(.revoked | length == 2) and all(.revoked[].files[]; .failed == null)' "$dir/left.json" >/dev/null
fails 1 "its owner has revoked it" other bob open "@$dir/grant.link" -o "$dir/again"
fails 1 "granted to others" other bob get "@$dir/daily.link"
other anna get "@$dir/daily.link" 2>/dev/null | cmp - "$dir/daily/report"
other carl get "@$dir/carl.link" 2>/dev/null | cmp - "$dir/scan"
echo "who leaves a group keeps nothing that is revoked, and the others keep what they have"

# In an emergency: sealed at the gateway, opened by who is on duty, on record before anything is given out, loud until it is reviewed.
"$headwater" put "$dir/scan" --name /charts/4711 >/dev/null
"$headwater" group add on-duty "$(<"$dir/carl.id")" >/dev/null
"$headwater" grant /charts/4711 --to @on-duty --emergency >"$dir/emergency.link"
fails 1 "granted to others" other anna break-glass "@$dir/emergency.link" --reason x -o "$dir/for-emergency"
fails 2 "say why" other carl break-glass "@$dir/emergency.link" --reason " " -o "$dir/for-emergency"
sealed=$(other carl get "@$dir/emergency.link" 2>/dev/null)
fails 1 "who you are" other carl open "$sealed" -o "$dir/for-emergency"
hw audit-trail | jq -e '.unreviewed == []' >/dev/null
other carl break-glass "@$dir/emergency.link" --as "Dr. Ng" --reason "no allergies known" -o "$dir/for-emergency" >/dev/null 2>"$dir/said"
cmp "$dir/scan" "$dir/for-emergency/4711"
hw audit-trail >"$dir/trail.json"
jq -e '.unreviewed | length == 1 and .[0].what == "break_glass" and .[0].who == "Dr. Ng: no allergies known"' "$dir/trail.json" >/dev/null
for list in grants shares; do
    "$headwater" "$list" 2>"$dir/said" >/dev/null
    grep -q "NOT REVIEWED: read in an emergency by .*Dr. Ng: no allergies known" "$dir/said"
done
entry=$(jq '.unreviewed[0].seq' "$dir/trail.json")
hw audit-trail --offline --review "$entry" | jq -e '.unreviewed == []' >/dev/null
fails 1 "none that waits" "$headwater" audit-trail --offline --review "$entry"
"$headwater" grants 2>"$dir/said" >/dev/null
[[ ! -s $dir/said ]]
echo "who breaks the glass reads at once, and stands above the owner's lists until that is reviewed"

# To the end of all of them, and what the trail says of it.
"$headwater" revoke "@$dir/carl.link" >/dev/null
fails 1 "its owner has revoked it" other carl get "@$dir/carl.link"
"$headwater" rm "$(hw grants | jq -r '.grants[] | select(.series).name')" >/dev/null
fails 1 "its owner has revoked it" other anna get "@$dir/daily.link"
hw rm /scans/knee >/dev/null
hw audit-trail --offline >"$dir/trail.json"
jq -e '[.entries[].what] | (map(select(. == "granted")) | length) == 4 and (map(select(. == "grant_ended")) | length) == 3
    and (map(select(. == "grant_changed")) | length) >= 4 and (map(select(. == "erased")) | length) == 2' "$dir/trail.json" >/dev/null
jq -e '.entries[0] | .what == "granted" and (.about | contains("for treatment"))' "$dir/trail.json" >/dev/null
"$headwater" audit-trail --offline --verify >/dev/null
echo "the audit trail has every grant, every end and every removal"
