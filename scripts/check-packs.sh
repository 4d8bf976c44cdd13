#!/usr/bin/env bash
# Folders of records: the official examples of FHIR R4 (some 5300 files of HL7, npm hl7.fhir.r4.examples, CC0) go in packed and come out bit
# for bit; one is read alone, by name and by a link that reads no other one; it is replaced, and removed so that no link reads it any more.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/devnet.sh
source scripts/refusals.sh
build

dir=$(mktemp -d "${TMPDIR:-/tmp}/headwater-packs.XXXXXX")
cleanup() { devnet_stop; rm -rf "$dir"; }
trap cleanup EXIT

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
fails 1 "there is no record /none.json" "$headwater" get "/study/fhir/none.json"
fails 2 "is no name" "$headwater" get "$link/../$patient"
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
jq -e '.records[0] | .packs == 2 and .ended > 0 and .later == null and all(.nodes[]; .said | startswith("ended "))' "$dir/rm.json" >/dev/null
fails 1 "there is no record /$patient" "$headwater" get "/study/fhir/$patient"
fails 1 "cannot read the record: no node has the manifest" "$headwater" get "@$dir/record.link"
fails 1 "cannot open the link: no node has the manifest" "$headwater" get "$link/$patient"
new_link=$(jq -r '.records[0].link' "$dir/rm.json")
fails 1 "there is no record /$patient" "$headwater" get "$new_link/$patient"
"$headwater" get "$new_link/Account-example.json" | cmp - "$fhir/Account-example.json"
hw get /study/fhir -o "$dir/out-left" >/dev/null
rm -r "$dir/out-left/new"
diff -r "$fhir" "$dir/out-left" >"$dir/difference" && { echo "nothing was removed" >&2; exit 1; }
[[ $(cat "$dir/difference") == "Only in $fhir: $patient" ]] || { cat "$dir/difference" >&2; exit 1; }
echo "a removed record is gone from every version of the folder, and no link reads it; all others are as they were"

# A node that has something of a pack loses all of it: an audit of the folder sees it, and a repair of the folder brings it back.
"$headwater" audit /study/fhir --json | jq -e '.whole and (.packs | length > 1)' >/dev/null
"$headwater" audit "$new_link" --json | jq -e '.whole and (.packs | length > 1)' >/dev/null
holder=$("$headwater" account --json | jq -r .payer)
count_of() { hw audit "$1" | jq '.packs | length + 1'; }
[[ $("$headwater" mandate /study/fhir --holder "$holder" | tee "$dir/care.mandates" | wc -l) == "$(count_of /study/fhir)" ]]
hw repair "$new_link" --mandate "$dir/care.mandates" | jq -e '.whole and (.packs | length > 1)' >/dev/null
hw steward add /study/fhir --dir "$dir/care" | jq -e --argjson all "$(count_of /study/fhir)" '.objects == $all' >/dev/null
hw steward remove /study/fhir --dir "$dir/care" | jq -e --argjson all "$(count_of /study/fhir)" '.objects == $all' >/dev/null
echo "whoever looks after a folder of records looks after all its packs"

# Two devices change the folder at the same moment, again and again: it has all that either has added, and nothing that either has removed.
mkdir "$dir/other-device"
cp "$HEADWATER_ACCOUNT" "$dir/other-device/account"
second() { HEADWATER_ACCOUNT=$dir/other-device/account "$headwater" "$@"; }
second ls /study >/dev/null
for round in 1 2 3; do
    mkdir -p "$dir/at-once/$round/first" "$dir/at-once/$round/second"
    for device in first second; do echo "{\"$device\":$round}" >"$dir/at-once/$round/$device/$device-$round.json"; done
    "$headwater" put --pack "$dir/at-once/$round/first" --append /study/fhir >/dev/null 2>>"$dir/at-once/said" &
    one=$!
    if ((round == 3)); then
        second rm /study/fhir/second-1.json >/dev/null 2>>"$dir/at-once/said" &
    else
        second put --pack "$dir/at-once/$round/second" --append /study/fhir >/dev/null 2>>"$dir/at-once/said" &
    fi
    wait "$one"
    wait $!
    # Each hears of what the other has made of it.
    for device in "$headwater" second "$headwater" second; do "$device" put "$dir/more/$patient" --name "at-once.json" --replace >/dev/null 2>&1; done
done
for device in "$headwater" second; do
    "$device" --json ls /study | jq -e '[.files[].name] == ["/study/fhir"]' >/dev/null
    for kept in first-1 first-2 first-3 second-2; do
        "$device" get "/study/fhir/$kept.json" | cmp - "$dir/at-once/${kept#*-}/${kept%-*}/$kept.json"
    done
    fails 1 "there is no record /second-1.json" "$device" get /study/fhir/second-1.json
    "$device" get "/study/fhir/Account-example.json" | cmp - "$fhir/Account-example.json"
done
echo "two devices that change a folder at the same moment lose nothing"

hw ls /study | jq -e '.files[0] | .records > 5000 and .size > 1000000' >/dev/null
# What looks like a folder of two devices and is none is left alone.
for name in 'apart' 'apart (2)' 'apart (old)'; do hw put --pack "$dir/at-once/1/first" --name "$name" >/dev/null; done
"$headwater" put "$dir/more/$patient" --name after-apart.json >/dev/null
hw ls | jq -e '[.files[].name | select(startswith("/apart"))] == ["/apart", "/apart (2)", "/apart (old)"]' >/dev/null
fails 1 "there is no record /none" "$headwater" get '/apart (2)/none'

# One device holds in the same moment in which the other one removes: the file is there, or the hold came too late.
for round in 1 2 3; do
    "$headwater" put "$dir/more/$patient" --name "held-$round.json" >/dev/null
    second ls >/dev/null
    held=0 removed=0
    second hold "/held-$round.json" --until 2099-01-01 >/dev/null 2>"$dir/hold.said" &
    one=$!
    "$headwater" rm "/held-$round.json" >/dev/null 2>"$dir/rm.said" || removed=$?
    wait "$one" || held=$?
    if [[ $removed == 0 ]]; then
        [[ $held != 0 ]]
        grep -qE "came too late|there is nothing called" "$dir/hold.said"
    else
        grep -qE "is held|nothing is taken away" "$dir/rm.said"
        "$headwater" get "/held-$round.json" | cmp - "$dir/more/$patient"
    fi
    # Whether it came too late or not, the hold is in the index.
    "$headwater" hold "/held-$round.json" --release >/dev/null 2>&1 || true
done
echo "of two devices of which one holds what the other one removes, one hears of it before anything is destroyed"

# What is held stays, whatever is asked for, and goes when its hold is released.
hw hold /study/fhir/Account-example.json --until 2099-01-01 --legal 'case 17' | jq -e '.holds[0] | .holds and .legal == "case 17"' >/dev/null
for what in /study/fhir /study/fhir/Account-example.json /study; do
    fails 1 "is held" "$headwater" rm --recursive "$what"
done
fails 1 "/study/fhir is held, as /study/fhir/Account-example.json is until 2099-01-01" "$headwater" mv /study/fhir /other
fails 2 "would end before" "$headwater" mandate /study/fhir --holder "$holder" --until 2098-12-31
"$headwater" mandate /study/fhir --holder "$holder" --json | jq -e '.expires > 4070908800' >/dev/null
"$headwater" rm /study/fhir/Basic-referral.json >/dev/null
# Others are added; none takes the place of the one that is held.
mkdir "$dir/beside"
echo '{}' >"$dir/beside/Added.json"
hw put --pack "$dir/beside" --append /study/fhir | jq -e '.records == 1' >/dev/null
"$headwater" get /study/fhir/Added.json | cmp - "$dir/beside/Added.json"
echo '{"other":true}' >"$dir/beside/Account-example.json"
fails 1 "/study/fhir/Account-example.json is held until" "$headwater" put --pack "$dir/beside" --append /study/fhir
"$headwater" get /study/fhir/Account-example.json | cmp - "$fhir/Account-example.json"
"$headwater" hold /study/fhir/Account-example.json --until 2099-01-01 2>"$dir/said" >/dev/null
grep -q "nodes keep what is held until" "$dir/said"
fails 1 "already: release that first" "$headwater" hold /study/fhir/Account-example.json --until 2098-12-31
"$headwater" hold /study/fhir/Account-example.json --release >/dev/null
"$headwater" audit-trail | grep "hold released" >/dev/null
echo "what is held is not removed, moved or left without care; its release is on record"

# Erased: the certificate verifies with nothing but the file, on a machine that knows neither network nor account.
head -c 200000 /dev/urandom >"$dir/scan.dcm"
"$headwater" put "$dir/scan.dcm" --name scan.dcm --erasable >"$dir/scan.link"
fails 2 "was not put with --erasable" "$headwater" rm --erase /study/fhir
hw rm --erase /scan.dcm --certificate "$dir/scan.erasure.txt" >"$dir/erased.json"
jq -e '.files[0] | .key == "destroyed" and .later == null and all(.nodes[]; .said | startswith("ended "))' "$dir/erased.json" >/dev/null
grep -q "destroyed on the machine" "$dir/scan.erasure.txt"
HEADWATER_NETWORK=/nowhere HEADWATER_ACCOUNT=$dir/nobody "$headwater" --json verify "$dir/scan.erasure.txt" >"$dir/verified.json"
jq -e '.type == "erasure" and .body.key == "destroyed" and (.body.objects[0] | .ended == .parts and .silent == [])' "$dir/verified.json" >/dev/null
sed 's/scan.dcm/other.dcm/' "$dir/scan.erasure.txt" >"$dir/forged.txt"
fails 1 "is not what it says" "$headwater" verify "$dir/forged.txt"
fails 1 "cannot open the link: no node has the manifest" "$headwater" get "@$dir/scan.link"
echo "what was erased has a certificate that anybody checks"

mkdir "$dir/hostile"
echo inside >"$dir/hostile/inside"
ln -s /etc/hostname "$dir/hostile/outside"
fails 1 "is a symbolic link; nothing was stored" "$headwater" put --pack "$dir/hostile"
rm "$dir/hostile/outside"
ln -s /etc "$dir/hostile/folder"
fails 1 "is a symbolic link; nothing was stored" "$headwater" put --pack "$dir/hostile"

# A folder and a file are granted to a ward: its members read them by the grant's link, and nobody else does.
other() { HEADWATER_ACCOUNT=$dir/$1 "$headwater" "${@:2}"; }
for who in anna bob carl; do other "$who" identity 2>/dev/null >"$dir/$who.id"; done
# Anna's is a hybrid one, which nothing but her identity has to know.
other anna identity --hybrid >"$dir/anna.id"
{ echo "# ward 3"; cat "$dir/anna.id" "$dir/bob.id"; } >"$dir/ward.txt"
"$headwater" put "$dir/more/$patient" --name changed.json >/dev/null
"$headwater" grant /study/fhir /changed.json --to "@$dir/ward.txt" --expires 30d --purpose "study 17" >"$dir/grant.link"
for who in anna bob; do
    other "$who" get "$(<"$dir/grant.link")/changed.json" 2>"$dir/said" | cmp - "$dir/more/$patient"
    grep -q "for study 17" "$dir/said"
    other "$who" get "$(<"$dir/grant.link")/fhir/Account-example.json" 2>/dev/null | cmp - "$fhir/Account-example.json"
done
fails 1 "it was granted to others" other carl get "$(<"$dir/grant.link")/changed.json"
hw grants | jq -e '.grants | length == 1 and .[0].recipients == 2 and .[0].purpose == "study 17"' >/dev/null
"$headwater" rm "$(hw grants | jq -r '.grants[0].name')" >/dev/null
fails 1 "its owner has revoked it" other anna get "$(<"$dir/grant.link")/changed.json"
echo "a grant reads for whom it was given, until it ends"

# What was granted is erased when that has ended, and the certificate says to whom the key was given, under whatever keys the file was since.
"$headwater" put "$dir/scan.dcm" --name given.dcm --erasable >/dev/null
"$headwater" grant /given.dcm --to "@$dir/ward.txt" --expires 30d >"$dir/given.link"
"$headwater" revoke "@$dir/given.link" --from "$(<"$dir/anna.id")" >/dev/null
other bob get "@$dir/given.link" 2>/dev/null | cmp - "$dir/scan.dcm"
fails 1 "others can open /given.dcm" "$headwater" rm --erase /given.dcm
other bob get "@$dir/given.link" 2>/dev/null | cmp - "$dir/scan.dcm"
hw rm --erase --revoke /given.dcm --certificate "$dir/given.txt" | jq -e '.files | length == 2 and all(.[]; .later == null and .ended > 0)' >/dev/null
"$headwater" --json verify "$dir/given.txt" | jq -e '.body | .key == "destroyed" and (.objects | length == 2) and (.given | length == 1 and .[0].by == "grant" and (.[0].to | length == 2))' >/dev/null
fails 1 "its owner has revoked it" other bob get "@$dir/given.link"
fails 1 "there is no file" "$headwater" rm --erase /given.dcm
echo "a certificate of erasure says who had the key"

# A file and a record go to somebody who has age (Debian's), and not this program.
age-keygen -o "$dir/age.key" 2>/dev/null
recipient=$(age-keygen -y "$dir/age.key")
head -c 67108864 /dev/urandom >"$dir/long.bin"
"$headwater" put "$dir/long.bin" --name long.bin >/dev/null
"$headwater" get /long.bin --age "$recipient" --age "$(other anna identity --age)" -o "$dir/long.bin.age"
age -d -i "$dir/age.key" "$dir/long.bin.age" | cmp - "$dir/long.bin"
other anna open "$dir/long.bin.age" -o - | cmp - "$dir/long.bin"
"$headwater" get /study/fhir/Account-example.json --age "$recipient" | age -d -i "$dir/age.key" | cmp - "$fhir/Account-example.json"
fails 1 "the file is encrypted to others" other bob open "$dir/long.bin.age" -o "$dir/nothing"
fails 2 "a recipient of age is age1" "$headwater" get /long.bin --age age1nobody
fails 2 "for one file or record" "$headwater" get /study/fhir --age "$recipient" -o "$dir/nothing"
echo "files of age go out, and open in age and here"
# A removal is killed at some moment: either the folder still has the record, or after the next command no link reads it.
mkdir "$dir/kill"
for wait in 0.2 0.4 0.6 0.8 1.2 stays; do echo "record $wait" >"$dir/kill/$wait"; done
"$headwater" put --pack "$dir/kill" --name kill --erasable >/dev/null
for wait in 0.2 0.4 0.6 0.8 1.2; do
    "$headwater" get "/kill/$wait" --link >"$dir/kill.link"
    "$headwater" rm "/kill/$wait" >/dev/null 2>&1 &
    killed=$!
    sleep "$wait"
    kill -KILL "$killed" 2>/dev/null || true
    wait "$killed" 2>/dev/null || true
    echo "next $wait" >"$dir/next"
    "$headwater" put "$dir/next" --name "next-$wait" >/dev/null
    if ! "$headwater" get "/kill/$wait" >/dev/null 2>&1; then
        fails 1 "cannot read the record: no node has the manifest" "$headwater" get "@$dir/kill.link"
    fi
done
"$headwater" get /kill/stays | cmp - "$dir/kill/stays"
# Of each catalogue that was replaced the key is gone: one is left. (What a kill leaves of a key that was being written has another name.)
[[ $(find "$dir/net/account.keys" -type f -regextype posix-extended -regex '.*/[0-9a-f]{64}' | wc -l) == 1 ]] || { echo "keys of old catalogues are left" >&2; exit 1; }
echo "a removal that is killed is finished by the next command, or has not begun"

fails 2 "is a folder of records; say --recursive" "$headwater" rm /study/fhir
hw rm --recursive /study/fhir | jq -e '.files[0] | .packs > 3 and .ended > 0 and .later == null' >/dev/null
fails 1 "cannot open the link: no node has the manifest" "$headwater" get "$new_link/Account-example.json"
echo "the folder is removed with all its packs"

# A device without our program: exactly the script in docs/packs.md, at a gateway of its own that loses its power again and again.
awk '/^```sh send-readings$/ { on = 1; next } /^```$/ { on = 0 } on' docs/packs.md >"$dir/send-readings"
[[ $(wc -l <"$dir/send-readings") -gt 20 ]]
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
gateway=http://127.0.0.1:$port
printf %s 0123456789abcdef0123456789abcdef >"$dir/upload-token"
gateway_pid=
gateway_start() {
    HEADWATER_ACCOUNT=$dir/gateway-account "$headwater" gateway --listen "127.0.0.1:$port" --public-url "$gateway" \
        --upload-token "@$dir/upload-token" --links "$dir/links.redb" >>"$dir/gateway.log" 2>&1 &
    gateway_pid=$!
    local waited=0
    until curl -fsS -o /dev/null "$gateway/health" 2>/dev/null; do
        ((waited++ < 300)) || { cat "$dir/gateway.log" >&2; return 1; }
        sleep 0.1
    done
}
gateway_kill() {
    kill -KILL "$gateway_pid"
    wait "$gateway_pid" 2>/dev/null || true
    gateway_pid=
}
cleanup() { [[ -z $gateway_pid ]] || gateway_kill; devnet_stop; rm -rf "$dir"; }
send() { sh "$dir/send-readings" "$dir/ward-3.device" "$dir/readings" "$dir/state"; }

gateway_start
fails 1 "status 401" "$headwater" stream create /sensors/ward-3 --gateway "$gateway" --upload-token fedcba9876543210
fails 2 "is no name" "$headwater" stream create /sensors/../ward-3 --gateway "$gateway" --upload-token "@$dir/upload-token"
"$headwater" stream create /sensors/ward-3 --gateway "$gateway" --upload-token "@$dir/upload-token" >"$dir/ward-3.device"
"$headwater" stream show /sensors/ward-3 | cmp - "$dir/ward-3.device"
fails 1 "has no stream /sensors/none" "$headwater" stream show /sensors/none
fails 1 "there is a stream /sensors/ward-3 already" "$headwater" stream create /sensors/ward-3 --gateway "$gateway" --upload-token "@$dir/upload-token"

# The script says that a batch was acknowledged by succeeding. What was acknowledged is written down, and looked for in the end.
mkdir "$dir/readings" "$dir/sent"
for round in {1..12}; do
    for n in 1 2 3; do
        head -c $((round * n * 1000)) /dev/urandom >"$dir/readings/$round-$n.json"
    done
    cp "$dir/readings"/* "$dir/sent/"
    if ((round % 3 == 0)); then
        (sleep "0.0$((round % 10))" && kill -KILL "$gateway_pid") &
        send 2>/dev/null || true
        wait $! "$gateway_pid" 2>/dev/null || true
        gateway_start
        send
    else
        send
    fi
    if ((round == 7)); then
        hw stream pull /sensors/ward-3 | jq -e '.batches == 7 and .records == 21 and .packs == 1 and .missing == [] and .unopened == [] and .pushed' >/dev/null
        # Whoever has the folder as a series reads what is fetched later.
        HEADWATER_ACCOUNT=$dir/reader "$headwater" identity 2>/dev/null >"$dir/reader.id"
        "$headwater" grant /sensors/ward-3 --to "@$dir/reader.id" --series >"$dir/series.link"
    fi
done
[[ -z $(ls "$dir/readings") && ! -e $dir/state/batch ]]

# Somebody with the token alone, and a device that sends what nobody can open.
. "$dir/ward-3.device"
append() { # NUMBER FILE KEY: the answer's status
    printf 'headwater/1 append\n%s\n%s\n%s\n' "$HEADWATER_STREAM" "$1" "$(sha256sum "$2" | cut -c -64)" >"$dir/signed"
    curl -sS -o "$dir/answer" -w '%{http_code}' -H "Authorization: Bearer $HEADWATER_TOKEN" -H "Headwater-Number: $1" \
        -H "Headwater-Signature: $(openssl pkeyutl -sign -rawin -keyform DER -inkey "$3" -in "$dir/signed" | openssl base64 -A)" \
        --data-binary "@$2" "$HEADWATER_APPEND"
}
openssl base64 -d -A <<<"$HEADWATER_KEY" >"$dir/device.key"
openssl genpkey -algorithm ed25519 -outform DER -out "$dir/other.key"
echo "no age" >"$dir/noise"
printf '4 ../../out\nevil' | age -r "$HEADWATER_RECIPIENT" -o "$dir/leads-out"
[[ $(append 13 "$dir/noise" "$dir/other.key") == 403 ]]
[[ $(append 13 "$dir/leads-out" "$dir/device.key") == 201 ]]
[[ $(append 13 "$dir/leads-out" "$dir/device.key") == 201 ]]
[[ $(append 13 "$dir/noise" "$dir/device.key") == 409 ]]
[[ $(append 16 "$dir/noise" "$dir/device.key") == 201 ]]
# Nobody takes the last of all numbers, and with it all that the device would have used.
[[ $(append 9007199254740991 "$dir/noise" "$dir/device.key") == 409 ]]
jq -e '.code == "number_ahead" and .next == 17' "$dir/answer" >/dev/null
head -c 1048577 /dev/zero >"$dir/long"
[[ $(append 17 "$dir/long" "$dir/device.key") == 413 ]]

# The rest is fetched by another machine of the account, which has nothing but its key.
mkdir "$dir/second"
cp "$HEADWATER_ACCOUNT" "$dir/second/account"
first=$HEADWATER_ACCOUNT
export HEADWATER_ACCOUNT=$dir/second/account
hw stream list 2>/dev/null | jq -e '.streams | length == 1 and .[0].pulled == 7 and .[0].ended == null' >/dev/null
"$headwater" --json stream pull /sensors/ward-3 >"$dir/pull.json" && { echo "what does not open is not told" >&2; exit 1; }
jq -e '.batches == 7 and .records == 17 and [.unopened[].number] == [13, 16] and .missing == [[14, 15]]' "$dir/pull.json" >/dev/null
export HEADWATER_ACCOUNT=$first
hw stream pull /sensors/ward-3 | jq -e '.batches == 0' >/dev/null
HEADWATER_ACCOUNT=$dir/reader "$headwater" get "$(<"$dir/series.link")/0000000000000016.age" 2>/dev/null | cmp - "$dir/noise"
hw get /sensors/ward-3 -o "$dir/received" >/dev/null
cmp "$dir/received/0000000000000013.age" "$dir/leads-out"
cmp "$dir/received/0000000000000016.age" "$dir/noise"
rm "$dir/received"/*.age
[[ $(ls "$dir/received" | wc -l) == 12 ]]
for batch in "$dir/received"/*/; do cp "$batch"* "$dir/received/"; rm -r "$batch"; done
diff -r "$dir/sent" "$dir/received"
hw stream list | jq -e '.streams | length == 1 and .[0].pulled == 16 and .[0].ended == null' >/dev/null
# An end that its gateway does not hear is sent again by later commands.
gateway_kill
ended=0
"$headwater" stream end /sensors/ward-3 >"$dir/out" || ended=$?
[[ $ended == 1 ]]
grep -q "has not confirmed that it ends" "$dir/out"
gateway_start
"$headwater" stream list >/dev/null
fails 1 "has no stream /sensors/none" "$headwater" stream end /sensors/none
"$headwater" --json stream pull /sensors/ward-3 >/dev/null
[[ $(append 18 "$dir/noise" "$dir/device.key") == 410 ]]
for secret in "$HEADWATER_TOKEN" "$HEADWATER_KEY" "$(head -c 40 "$dir/sent/1-1.json" | base64 -w0)"; do
    ! grep -qF -- "$secret" "$dir/gateway.log" || { echo "a secret is in the gateway's log" >&2; exit 1; }
done
hw audit-trail --offline | jq -e '[.entries[].what] | map(select(startswith("stream"))) == ["stream_made", "stream_ended"] and all(. != "link_made")' >/dev/null
"$headwater" audit-trail --offline --fhir - >"$dir/events.json"
jq -e '[.entry[].resource | select(.resourceType == "Consent")] | length > 0 and all(tostring | contains("/sensors") | not)' "$dir/events.json" >/dev/null
jq -e '[.entry[].resource | select(.resourceType == "AuditEvent") | tostring | select(contains("/sensors"))] | length == 2' "$dir/events.json" >/dev/null
gateway_kill
echo "a device with age, openssl and curl writes to a folder of records; a gateway that is killed loses nothing that it acknowledged"
