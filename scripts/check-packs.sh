#!/usr/bin/env bash
# Folders of records: the official examples of FHIR R4 (some 5300 files of HL7, npm hl7.fhir.r4.examples, CC0) go in packed and come out bit
# for bit; one is read alone, by name and by a link that reads no other one; it is replaced, and removed so that no link reads it any more.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/devnet.sh
build

dir=$(mktemp -d "${TMPDIR:-/tmp}/headwater-packs.XXXXXX")
cleanup() { devnet_stop; rm -rf "$dir"; }
trap cleanup EXIT

# fails WHAT COMMAND…: the command must fail, and say so.
fails() {
    local what=$1
    shift
    if "$@" >"$dir/out" 2>"$dir/refused"; then
        echo "$what is not refused" >&2
        return 1
    fi
    [[ -s $dir/refused ]]
}

hw() { "$headwater" --json "$@"; }

scripts/node-packages.sh
fhir=tests/node/node_modules/hl7.fhir.r4.examples
devnet_start "$dir/net" --nodes 6 --coding 4+2

count=$(find "$fhir" -type f | wc -l)
began=$SECONDS
hw put --pack "$fhir" --name study/fhir >"$dir/put.json"
jq -e --argjson count "$count" '.records == $count and .name == "/study/fhir" and .pushed and .missing == []' "$dir/put.json" >/dev/null
jq -e '.stored_bytes / .bytes < 1.5 * 1.01' "$dir/put.json" >/dev/null
link=$(jq -r .link "$dir/put.json")
jq -r '"\(.records) records of \(.bytes) bytes in \(.packs) packs, stored as \(.stored_bytes) bytes"' "$dir/put.json"
hw get "$link" -o "$dir/out-all" >/dev/null
diff -r "$fhir" "$dir/out-all"
echo "in and out again in $((SECONDS - began)) s, and diff finds no difference"

patient=Patient-example.json
"$headwater" get "$link/$patient" | cmp - "$fhir/$patient"
"$headwater" get "/study/fhir/$patient" | cmp - "$fhir/$patient"
"$headwater" get "/study/fhir/$patient" --link >"$dir/record.link"
"$headwater" get "@$dir/record.link" | cmp - "$fhir/$patient"
hw ls /study/fhir | jq -e --argjson count "$count" '.records | length == $count' >/dev/null
hw ls "/study/fhir/$patient" | jq -e '.records | length == 1' >/dev/null
fails "a record that is not there" "$headwater" get "/study/fhir/none.json"
fails "a name that leads out" "$headwater" get "$link/../$patient"
echo "one record is read alone: by name, by the folder's link, and by a link of its own"

# A new version, and a record in a folder below.
mkdir -p "$dir/more/new"
echo '{"resourceType":"Patient","id":"changed"}' >"$dir/more/$patient"
echo '{"resourceType":"Patient","id":"new"}' >"$dir/more/new/1.json"
hw put --pack "$dir/more" --append /study/fhir | jq -e '.records == 2 and .packs == 1' >/dev/null
"$headwater" get "/study/fhir/$patient" | cmp - "$dir/more/$patient"
"$headwater" get /study/fhir/new/1.json | cmp - "$dir/more/new/1.json"
"$headwater" get "/study/fhir/Account-example.json" | cmp - "$fhir/Account-example.json"

hw rm "/study/fhir/$patient" >"$dir/rm.json"
jq -e '.records[0] | .packs == 2 and .ended > 0 and .later == null and all(.nodes[]; .said == "ended its leases")' "$dir/rm.json" >/dev/null
fails "a record that was removed" "$headwater" get "/study/fhir/$patient"
fails "its own link" "$headwater" get "@$dir/record.link"
fails "the folder's link from before" "$headwater" get "$link/$patient"
new_link=$(jq -r '.records[0].link' "$dir/rm.json")
fails "the new folder's link" "$headwater" get "$new_link/$patient"
"$headwater" get "$new_link/Account-example.json" | cmp - "$fhir/Account-example.json"
hw get /study/fhir -o "$dir/out-left" >/dev/null
rm -r "$dir/out-left/new"
diff -r "$fhir" "$dir/out-left" >"$dir/difference" && { echo "nothing was removed" >&2; exit 1; }
[[ $(cat "$dir/difference") == "Only in $fhir: $patient" ]] || { cat "$dir/difference" >&2; exit 1; }
echo "a removed record is gone from every version of the folder, and no link reads it; all others are as they were"

mkdir "$dir/hostile"
echo inside >"$dir/hostile/inside"
ln -s /etc/hostname "$dir/hostile/outside"
fails "a symbolic link" "$headwater" put --pack "$dir/hostile"
grep -q "symbolic link" "$dir/refused"
rm "$dir/hostile/outside"
ln -s /etc "$dir/hostile/folder"
fails "a symbolic link to a folder" "$headwater" put --pack "$dir/hostile"

# A folder and a file are granted to a ward: its members read them by the grant's link, and nobody else does.
other() { HEADWATER_ACCOUNT=$dir/$1 "$headwater" "${@:2}"; }
for who in anna bob carl; do other "$who" identity 2>/dev/null >"$dir/$who.id"; done
{ echo "# ward 3"; cat "$dir/anna.id" "$dir/bob.id"; } >"$dir/ward.txt"
"$headwater" put "$dir/more/$patient" --name changed.json >/dev/null
"$headwater" grant /study/fhir /changed.json --to "@$dir/ward.txt" --expires 30d --purpose "study 17" >"$dir/grant.link"
for who in anna bob; do
    other "$who" get "$(<"$dir/grant.link")/changed.json" 2>"$dir/said" | cmp - "$dir/more/$patient"
    grep -q "for study 17" "$dir/said"
    other "$who" get "$(<"$dir/grant.link")/fhir/Account-example.json" 2>/dev/null | cmp - "$fhir/Account-example.json"
done
fails "somebody else's grant" other carl get "$(<"$dir/grant.link")/changed.json"
hw grants | jq -e '.grants | length == 1 and .[0].recipients == 2 and .[0].purpose == "study 17"' >/dev/null
"$headwater" rm "$(hw grants | jq -r '.grants[0].name')" >/dev/null
fails "a grant that has ended" other anna get "$(<"$dir/grant.link")/changed.json"
echo "a grant reads for whom it was given, until it ends"

hw rm /study/fhir | jq -e '.files[0] | .packs > 3 and .ended > 0 and .later == null' >/dev/null
fails "a folder that was removed" "$headwater" get "$new_link/Account-example.json"
echo "the folder is removed with all its packs"
