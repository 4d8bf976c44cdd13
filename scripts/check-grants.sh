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
# What is held keeps its keys and its leases, and his access to it ends nevertheless.
"$headwater" hold /scans/knee --legal 'case 17' >/dev/null 2>&1
hw group remove ward-3 "$(<"$dir/bob.id")" --revoke >"$dir/left.json"
jq -e '(.revoked | length == 2) and all(.revoked[].files[]; .failed == null) and ([.revoked[].files[] | select(.held)] | length == 1)' "$dir/left.json" >/dev/null
"$headwater" hold /scans/knee --release >/dev/null 2>&1
fails 1 "its owner has revoked it" other bob open "@$dir/grant.link" -o "$dir/again"
fails 1 "granted to others" other bob get "@$dir/daily.link"
other anna get "@$dir/daily.link" 2>/dev/null | cmp - "$dir/daily/report"
other carl get "@$dir/carl.link" 2>/dev/null | cmp - "$dir/scan"
echo "who leaves a group keeps nothing that is revoked, and the others keep what they have"

# In an emergency: sealed at the gateway, opened by who is on duty, on record before anything is given out, loud until it is reviewed.
"$headwater" put "$dir/scan" --name /charts/4711 >/dev/null
"$headwater" group add on-duty "$(<"$dir/carl.id")" >/dev/null
"$headwater" grant /charts/4711 --to @on-duty --emergency --expires 30d >"$dir/emergency.link"
fails 1 "granted to others" other anna break-glass "@$dir/emergency.link" --reason x -o "$dir/for-emergency"
fails 2 "say why" other carl break-glass "@$dir/emergency.link" --reason " " -o "$dir/for-emergency"
# An ordinary command says what the grant is for, and leaves no link behind.
fails 2 "break-glass" other carl open "@$dir/emergency.link" -o "$dir/for-emergency"
fails 2 "break-glass" other carl get "@$dir/emergency.link"
[[ ! -e $dir/for-emergency ]]
sealed=$(hw shares --links | jq -r '.shares[] | select(.label == "for emergencies").link')
fails 1 "who you are" other carl open "$sealed" -o "$dir/for-emergency"
fails 1 "to whom it was granted" other carl open "$sealed" --as "Dr. No: x" -o "$dir/for-emergency"
fails 1 "does not allow" other carl delegate "@$dir/emergency.link" --to "$(<"$dir/anna.id")"
hw audit-trail | jq -e '.unreviewed == []' >/dev/null
other carl break-glass "@$dir/emergency.link" --as "Dr. Ng" --reason "no allergies known" -o "$dir/for-emergency" >/dev/null 2>"$dir/said"
cmp "$dir/scan" "$dir/for-emergency/4711"
hw audit-trail >"$dir/trail.json"
jq -e '.unreviewed | length == 1 and .[0].what == "break_glass" and .[0].who == "Dr. Ng" and .[0].reason == "no allergies known"' "$dir/trail.json" >/dev/null
# The name is the reader's own word; to whom it was granted is not.
carl=$(HEADWATER_ACCOUNT=$dir/carl "$headwater" --json identity 2>/dev/null | jq -r .signs)
jq -e --arg carl "$(<"$dir/carl.id")" '.unreviewed[0] | (.identity as $begins | $carl | startswith($begins)) and (.known_as | endswith("@on-duty"))' "$dir/trail.json" >/dev/null
! grep -q "$carl" "$dir/net/gateway.log" 2>/dev/null || { echo "the gateway learns who has broken the glass" >&2; exit 1; }
for list in grants shares; do
    "$headwater" "$list" 2>"$dir/said" >/dev/null
    grep -q 'NOT REVIEWED: read in an emergency by "Dr. Ng", who is .*@on-duty.*, because "no allergies known"' "$dir/said"
done
entry=$(jq '.unreviewed[0].seq' "$dir/trail.json")
hw audit-trail --offline --review "$entry" | jq -e '.unreviewed == []' >/dev/null
fails 1 "none that waits" "$headwater" audit-trail --offline --review "$entry"
"$headwater" grants 2>"$dir/said" >/dev/null
[[ ! -s $dir/said ]]
# Folders of records, folders in them and single records, each as a copy; every access is reported.
"$headwater" grant /records /records/deep /records/1.json --to @on-duty --emergency --expires 30d >"$dir/folders.link"
other carl break-glass "@$dir/folders.link" --reason "no papers" -o "$dir/for-folders" 2>"$dir/said" >/dev/null
# What the gateway has on record is said, and it is no name.
grep -q 'has on record from now on: no name, because "no papers"' "$dir/said"
diff -r "$dir/folder" "$dir/for-folders/records"
diff "$dir/folder/deep/2.json" "$dir/for-folders/deep/deep/2.json"
cmp "$dir/folder/1.json" "$dir/for-folders/1.json"
hw audit-trail | jq -e '.unreviewed | length == 1 and .[0].reason == "no papers" and .[0].who == null and (.[0].identity | startswith("headwater-id:"))' >/dev/null
hw audit-trail --offline --review "$(hw audit-trail --offline | jq '.unreviewed[0].seq')" >/dev/null
fails 1 "no record .*none in it" "$headwater" grant /records/none --to @on-duty --emergency --expires 30d
# What is appended later is not in it, until it is sealed anew under the same link.
mkdir "$dir/more"
echo three >"$dir/more/3.json"
"$headwater" put --pack "$dir/more" --append /records >/dev/null 2>"$dir/said"
grep -q "was sealed before /records, /records/deep, /records/1.json changed" "$dir/said"
hw grants | jq -e '[.grants[] | select(.changed != [])] | length == 1 and .[0].emergency' >/dev/null
"$headwater" grants --update >/dev/null 2>&1
other carl break-glass "@$dir/folders.link" --as "Dr. Ng" --reason "again" -o "$dir/for-more" >/dev/null 2>&1
cmp "$dir/more/3.json" "$dir/for-more/records/3.json"
hw grants | jq -e 'all(.grants[]; .changed == [])' >/dev/null
for entry in $(hw audit-trail | jq '.unreviewed[].seq'); do hw audit-trail --offline --review "$entry" >/dev/null; done
# Another device of the account ends it, its gateway too, and puts under new keys what lay behind it.
HEADWATER_ACCOUNT=$dir/second/account "$headwater" --json revoke "@$dir/folders.link" >"$dir/revoked.json"
jq -e '.sealed.revoked and (.sealed.files | length == 3) and all(.sealed.files[]; .failed == null)' "$dir/revoked.json" >/dev/null
fails 1 "revoked" other carl break-glass "@$dir/folders.link" --reason x -o "$dir/for-nobody"
# So does rm, for those who have kept the link that was sealed.
"$headwater" grant /charts/4711 --to @on-duty --emergency --expires 30d >"$dir/removed.link"
removed=$(hw shares --links | jq -r '[.shares[] | select(.label == "for emergencies" and .state == "open").link][0]')
"$headwater" rm "$(hw grants --links | jq -r --arg link "$(<"$dir/removed.link")" '.grants[] | select(.link == $link).name')" >/dev/null
fails 1 "revoked" other carl open "$removed" --as "Dr. No: x" -o "$dir/for-nobody"
# Revoked, the link at the gateway ends with the grant: for who kept it, too.
hw revoke "@$dir/emergency.link" >"$dir/revoked.json"
jq -e '.sealed.revoked and .sealed.opened == 1 and (.sealed.files | length == 1) and .left == 0' "$dir/revoked.json" >/dev/null
hw shares | jq -e '[.shares[] | select(.label == "for emergencies").state] | unique | . == ["revoked"] or . == ["open", "revoked"]' >/dev/null
"$headwater" get /charts/4711 | cmp - "$dir/scan"
echo "who breaks the glass reads at once, and stands above the owner's lists until that is reviewed"

# A grant without --series stays behind when its file changes, which everybody is told; a hold keeps bytes, and no access.
"$headwater" put "$dir/folder/1.json" --name /plain/1 >/dev/null
"$headwater" grant /plain/1 --to @ward-3 --to "$(<"$dir/bob.id")" >"$dir/plain.link"
"$headwater" put "$dir/scan" --name /plain/1 --replace >/dev/null 2>"$dir/said"
grep -q "opens no more /plain/1" "$dir/said"
hw grants | jq -e '[.grants[] | select(.lost != [])] | length == 1 and .[0].lost == ["/plain/1"]' >/dev/null
"$headwater" grants 2>/dev/null | grep "OPENS NO MORE: /plain/1" >/dev/null
fails 1 "its owner has changed or removed it" other bob open "@$dir/plain.link" -o "$dir/for-plain"
"$headwater" revoke "@$dir/plain.link" >/dev/null
"$headwater" grant /plain/1 --to @ward-3 --to "$(<"$dir/bob.id")" >"$dir/plain.link"
"$headwater" hold /plain/1 --legal "case 7" >/dev/null
before=$(hw ls /plain | jq -r '.files[0].cid')
hw revoke "@$dir/plain.link" --from "$(<"$dir/bob.id")" >"$dir/revoked.json"
jq -e '.taken_from == 1 and .left == 1 and (.files[0].held | contains("case 7")) and .files[0].new == null' "$dir/revoked.json" >/dev/null
fails 1 "granted to others" other bob open "@$dir/plain.link" -o "$dir/for-plain"
other anna get "@$dir/plain.link" 2>/dev/null | cmp - "$dir/scan"
[[ $(hw ls /plain | jq -r '.files[0].cid') == "$before" ]]
"$headwater" hold /plain/1 --release >/dev/null
"$headwater" revoke "@$dir/plain.link" >/dev/null
echo "a grant that is left behind is marked and says so, and what is held can be taken from who leaves"

# Passed on by a recipient, no wider than it was given; seen by its owner; over when the grant is taken from who passed it on.
for who in dora emil; do other "$who" identity 2>/dev/null >"$dir/$who.id"; done
"$headwater" put "$dir/scan" --name /passing/scan >/dev/null
"$headwater" put "$dir/folder/1.json" --name /passing/report >/dev/null
"$headwater" grant /passing/scan /passing/report --to "$(<"$dir/anna.id")" --to "$(<"$dir/bob.id")" --may-delegate=2 --purpose treatment >"$dir/pass.link"
fails 1 "does not allow" other carl delegate "@$dir/carl.link" --to "$(<"$dir/dora.id")"
fails 1 "its purpose" other anna delegate "@$dir/pass.link" --to "$(<"$dir/dora.id")" --purpose research
fails 1 "its end" other anna delegate "@$dir/pass.link" --to "$(<"$dir/dora.id")" --expires 399d
fails 1 "none of the files" other anna delegate "@$dir/pass.link" --to "$(<"$dir/dora.id")" --only knee
other anna delegate "@$dir/pass.link" --to "$(<"$dir/dora.id")" --only scan --expires 7d --purpose "treatment: second opinion" --may-delegate 2>/dev/null >"$dir/dora.link"
other dora delegate "@$dir/dora.link" --to "$(<"$dir/emil.id")" 2>/dev/null >"$dir/emil.link"
fails 1 "does not allow" other emil delegate "@$dir/emil.link" --to "$(<"$dir/carl.id")"
other emil open "@$dir/emil.link" -o "$dir/for-emil" 2>"$dir/said" >/dev/null
cmp "$dir/scan" "$dir/for-emil/scan"
[[ ! -e $dir/for-emil/report ]] && grep -q "passed on by .*, passed on by .*, for treatment: second opinion" "$dir/said"
fails 1 "granted to others" other carl open "@$dir/emil.link" -o "$dir/for-carl"
hw grants >"$dir/list.json"
jq -e '[.grants[] | select(.may_delegate == 2)] | length == 1 and (.[0].passed_on | map([.level, .counts, (.to | length), .files[0]]) == [[1, true, 1, "scan"], [2, true, 1, "scan"]])' "$dir/list.json" >/dev/null
"$headwater" grants >/dev/null
hw audit-trail --offline | jq -e '[.entries[] | select(.what == "delegated")] | length == 2' >/dev/null
# Another recipient loses the grant: new keys, which nobody wraps for those below until they are passed on anew, under the same links.
"$headwater" revoke "@$dir/pass.link" --from "$(<"$dir/bob.id")" >/dev/null
fails 1 "has to do so again" other emil open "@$dir/emil.link" -o "$dir/again"
hw grants | jq -e '[.grants[] | select(.may_delegate == 2)][0].passed_on | length > 0 and all(.[] | select(.level == 1); .counts | not)' >/dev/null
other anna delegate "@$dir/pass.link" --update 2>/dev/null >/dev/null
fails 1 "has to do so again" other emil open "@$dir/emil.link" -o "$dir/again"
other dora delegate "@$dir/dora.link" --update 2>/dev/null >/dev/null
other emil get "@$dir/emil.link" 2>/dev/null | cmp - "$dir/scan"
other anna delegate "@$dir/pass.link" --end "@$dir/dora.link" 2>/dev/null >/dev/null
fails 1 "has revoked it" other dora open "@$dir/dora.link" -o "$dir/again"
fails 1 "it was revoked" other emil open "@$dir/emil.link" -o "$dir/again"
other anna delegate "@$dir/pass.link" --to "$(<"$dir/dora.id")" 2>/dev/null >"$dir/dora.link"
other dora get "$(<"$dir/dora.link")/report" 2>/dev/null | cmp - "$dir/folder/1.json"
"$headwater" revoke "@$dir/pass.link" >/dev/null
fails 1 "it was revoked" other dora open "@$dir/dora.link" -o "$dir/again"
echo "a grant is passed on no wider than it was given, its owner sees by whom to whom, and it ends with the grant"

# To the end of all of them, and what the trail says of it.
"$headwater" revoke "@$dir/carl.link" >/dev/null
fails 1 "its owner has revoked it" other carl get "@$dir/carl.link"
"$headwater" rm "$(hw grants | jq -r '.grants[] | select(.series).name')" >/dev/null
fails 1 "its owner has revoked it" other anna get "@$dir/daily.link"
hw rm /scans/knee >/dev/null
hw audit-trail --offline >"$dir/trail.json"
jq -e '[.entries[].what] | (map(select(. == "granted")) | length) == 9 and (map(select(. == "grant_ended")) | length) == 8
    and (map(select(. == "grant_changed")) | length) >= 4 and (map(select(. == "erased")) | length) == 3' "$dir/trail.json" >/dev/null
jq -e '.entries[0] | .what == "granted" and (.about | contains("for treatment")) and (.about | startswith("/grants/knee and 1 more "))
    and (.who | contains("Dr. Ng (headwater-id:") and contains("@ward-3"))' "$dir/trail.json" >/dev/null
"$headwater" audit-trail --offline | grep 'access granted to ".*Dr. Ng (headwater-id:' >/dev/null
"$headwater" audit-trail --offline --verify >/dev/null
echo "the audit trail has every grant, every end and every removal"
