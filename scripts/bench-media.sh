#!/usr/bin/env bash
# Measures publications on a devnet at 4+2 with optimised code: packaging beside ffmpeg; first frames, seeks and many viewers beside
# nginx with the same files. Prints a table and writes it to target/bench-media.json. Run it on a machine that does nothing else.
#   BENCH_FILM_S      length of the film, of 5 Mbit/s [600]
#   BENCH_LOADS       how often the page is opened in each state [20]
#   BENCH_VIEWERS     how many watch at the same time [100]
#   BENCH_VIEWERS_S   for how long [60]
#   PACKAGER_PROGRAM  the packager's example program, if it is built already
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/bench-stage.sh
if [[ -z ${PACKAGER_PROGRAM:-} ]]; then
    cargo build --quiet --release -p packager --example package
    PACKAGER_PROGRAM=$(cd "$target" && pwd)/release/examples/package
fi
scripts/build-page.sh
out=$target/bench-media.json
stage_begin

python3 scripts/bench_media.py --devnet "$dir/net" --headwater "$headwater" --packager "$PACKAGER_PROGRAM" \
    --page "$PWD/player-demo/dist" --coding 4+2 --scratch "$dir/scratch" \
    --nginx "$nginx_url" --nginx-root "$dir/www" --nginx-pids "$nginx_workers" \
    --film-seconds "${BENCH_FILM_S:-600}" --loads "${BENCH_LOADS:-20}" \
    --viewers "${BENCH_VIEWERS:-100}" --viewer-seconds "${BENCH_VIEWERS_S:-60}" --out "$out"
echo "written to $out"
