#!/usr/bin/env bash
# Clients that others wrote, against `headwater s3` on a devnet:
#   rclone    copies a folder of 1000 files in and back while m nodes lose their power and the server is killed, and finds no difference
#   boto3     every operation that docs/s3.md says is served, its errors, and an upload that outlives the server
#   sockets   clients that fall silent, and requests to other names
# and what the server writes into its log meanwhile, which tells nothing of requests.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/devnet.sh
build
python=${CARGO_TARGET_DIR:-target}/venv/bin/python

dir=$(mktemp -d "${TMPDIR:-/tmp}/headwater-s3.XXXXXX")
s3_pid=
# The first start takes any port, later ones the same again.
port=0
s3_stop() {
    if [[ -n $s3_pid ]]; then
        kill "-${1:-TERM}" "$s3_pid" 2>/dev/null || true
        wait "$s3_pid" 2>/dev/null || true
        s3_pid=
    fi
}
cleanup() { s3_stop; devnet_stop; rm -rf "$dir"; }
trap cleanup EXIT

s3_start() {
    : >"$dir/ready"
    "$headwater" --json s3 --listen "127.0.0.1:$port" --spool "$dir/spool" >"$dir/ready" 2>>"$dir/s3.log" &
    s3_pid=$!
    local waited=0
    until [[ -s $dir/ready ]]; do
        kill -0 "$s3_pid" 2>/dev/null || { echo "headwater s3 did not start" >&2; cat "$dir/s3.log" >&2; return 1; }
        ((waited++ < 600)) || { echo "headwater s3 was not ready in 60 s" >&2; return 1; }
        sleep 0.1
    done
    endpoint=$(jq -r .ready.url "$dir/ready")
    port=${endpoint##*:}
    export RCLONE_CONFIG_HW_ENDPOINT=$endpoint
}

# shellcheck disable=SC2034 # read by rclone
credentials() {
    local keys
    keys=$("$headwater" --json s3 --credentials)
    AWS_ACCESS_KEY_ID=$(jq -r .access_key <<<"$keys")
    AWS_SECRET_ACCESS_KEY=$(jq -r .secret_key <<<"$keys")
    export AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
    # A bundle of certificates has no use here, and rclone stops at one.
    unset AWS_CA_BUNDLE
    export RCLONE_CONFIG=/dev/null RCLONE_CONFIG_HW_TYPE=s3 RCLONE_CONFIG_HW_PROVIDER=Other RCLONE_CONFIG_HW_ENV_AUTH=true
    export RCLONE_S3_UPLOAD_CUTOFF=8Mi RCLONE_S3_CHUNK_SIZE=5Mi RCLONE_TRANSFERS=32 RCLONE_CHECKERS=32 RCLONE_LOW_LEVEL_RETRIES=20
}

# rate NAME START: how fast 1000 files went.
rate() { awk -v name="$1" -v s="$((SECONDS - $2))" 'BEGIN { printf "%s 1000 files in %d s, %.0f files/s\n", name, s, 1000 / (s ? s : 1) }'; }

devnet_start "$dir/net" --nodes 8 --coding 4+2
credentials
s3_start

"$python" tests/python/check_s3.py folder "$dir/in"
began=$SECONDS
rclone copy "$dir/in" hw:check/album &
copying=$!
sleep 5
devnet_kill 6
sleep 3
devnet_kill 7
sleep 2
s3_stop KILL
s3_start
wait "$copying"
rate "rclone put" "$began"
# It waits for a minute, while others work.
"$python" tests/python/check_s3.py silent "$endpoint" &
silent=$!
rclone check "$dir/in" hw:check/album 2>"$dir/check.log" || { tail -5 "$dir/check.log" >&2; exit 1; }

began=$SECONDS
rclone copy hw:check/album "$dir/back"
rate "rclone got" "$began"
rclone check --download "$dir/in" hw:check/album 2>"$dir/check.log" || { tail -5 "$dir/check.log" >&2; exit 1; }
diff -r "$dir/in" "$dir/back"
diff <(cd "$dir/in" && find . -type f -printf '%p %Ts\n' | sort) <(cd "$dir/back" && find . -type f -printf '%p %Ts\n' | sort)
echo "rclone check finds no difference, nor does diff, in bytes and in times, with two of six shards' nodes gone"
"$headwater" --json ls /check/album --recursive | jq -e '.files | length == 1000' >/dev/null
echo "headwater ls lists what rclone put"

rclone copy -v --s3-copy-cutoff 5Mi --min-size 20Mi hw:check/album hw:check/second 2>"$dir/copy.log"
grep -q "server-side copy" "$dir/copy.log" || { tail -5 "$dir/copy.log" >&2; exit 1; }
rclone check --download --min-size 20Mi "$dir/in" hw:check/second 2>"$dir/check.log" || { tail -5 "$dir/check.log" >&2; exit 1; }
echo "rclone copies a long file on the server, in parts"

"$python" tests/python/check_s3.py operations "$endpoint" "$dir/s3.log"
"$python" tests/python/check_s3.py begin-upload "$endpoint" "$dir/upload.json"
wait "$silent"
s3_stop KILL
# What is written for whoever looks for a fault tells no secrets either.
export HEADWATER_LOG=debug,iroh=error,noq=error,noq_udp=error
s3_start
"$python" tests/python/check_s3.py end-upload "$endpoint" "$dir/upload.json"
s3_stop KILL
s3_start
"$python" tests/python/check_s3.py ended-upload "$endpoint" "$dir/upload.json"
began=$SECONDS
rclone purge hw:check
rate "rclone removed" "$began"
grep -q DEBUG "$dir/s3.log" || { echo "the log is not what was asked for" >&2; exit 1; }
for secret in "$AWS_SECRET_ACCESS_KEY" AWS4-HMAC X-Amz-Signature "Signature=" name-in-a-request-that-is-wrong; do
    ! grep -qFe "$secret" "$dir/s3.log" || { echo "the log tells $secret" >&2; exit 1; }
done
s3_stop
