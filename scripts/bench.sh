#!/usr/bin/env bash
# Measures the gateway on a devnet at 4+2 with optimised code, beside nginx and a bare TCP stream.
# Prints a table and writes it to target/bench.json. Run it on a machine that does nothing else.
#   BENCH_MIB       size of the objects [256]
#   BENCH_REPEATS   how often everything is measured [3]
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/install-tools.sh bench
source scripts/devnet.sh
build --release
out=${CARGO_TARGET_DIR:-target}/bench.json

dir=$(mktemp -d "${TMPDIR:-/tmp}/headwater-bench.XXXXXX")
nginx_pid=
cleanup() {
    [[ -z $nginx_pid ]] || kill "$nginx_pid" 2>/dev/null || true
    devnet_stop
    rm -rf "$dir"
}
trap cleanup EXIT

# A port that is free now, for a server that cannot choose one itself.
free_port() {
    python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

mkdir -p "$dir/www" "$dir/scratch"
port=$(free_port)
cat >"$dir/nginx.conf" <<CONF
daemon off;
pid $dir/nginx.pid;
error_log $dir/nginx.log;
worker_processes 1;
events {}
http {
    access_log off;
    sendfile on;
    client_body_temp_path $dir/scratch;
    server { listen 127.0.0.1:$port; root $dir/www; }
}
CONF
PATH="$PATH:/usr/sbin" nginx -e "$dir/nginx.log" -c "$dir/nginx.conf" &
nginx_pid=$!
chmod 755 "$dir" "$dir/www"

devnet_start "$dir/net" --nodes 6 --coding 4+2
until curl -s -o /dev/null "http://127.0.0.1:$port/"; do sleep 0.1; done
workers=$(pgrep -d, -P "$nginx_pid")

python3 scripts/bench_http.py --devnet "$dir/net" --headwater "$headwater" --coding 4+2 \
    --scratch "$dir/scratch" --mib "${BENCH_MIB:-256}" --repeats "${BENCH_REPEATS:-3}" \
    --nginx "http://127.0.0.1:$port" --nginx-root "$dir/www" --nginx-pids "$workers" --out "$out"
echo "written to $out"
