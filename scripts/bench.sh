#!/usr/bin/env bash
# Measures the gateway on a devnet at 4+2 with optimised code, beside nginx and a bare TCP stream.
# Prints a table and writes it to target/bench.json. Run it on a machine that does nothing else.
#   BENCH_MIB       size of the objects [256]
#   BENCH_REPEATS   how often everything is measured [3]
# Then the publications, which bench-media.sh measures and which have settings of their own.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/bench-stage.sh
out=$target/bench.json
stage_begin

python3 scripts/bench_http.py --devnet "$dir/net" --headwater "$headwater" --coding 4+2 \
    --scratch "$dir/scratch" --mib "${BENCH_MIB:-256}" --repeats "${BENCH_REPEATS:-3}" \
    --nginx "$nginx_url" --nginx-root "$dir/www" --nginx-pids "$nginx_workers" --out "$out"

# Publications are measured on a devnet of their own, since nodes of this one are dead now.
stage_end
HEADWATER_PROGRAM=$headwater scripts/bench-media.sh
both=$(jq --slurpfile media "$(dirname "$out")/bench-media.json" '. + {media: $media[0]}' "$out")
echo "$both" >"$out"
echo "written to $out, both tables"
