#!/usr/bin/env bash
# All tests: `test.sh` is the tier that CI runs on every change, `test.sh --all` the long one.
#
# The long parts take their size from the environment, so that one test serves both tiers:
#   SIM_SEEDS       how many seeds the simulator plays
#   KILLS           how often a process is killed in the middle of its work
#   FUZZ_SECONDS    how long each fuzz target runs
#   CHAOS_SECONDS   how long nodes that are read are killed, wiped and spoilt
#   THESEUS_ROUNDS  how often every node of a network is replaced
set -euo pipefail
cd "$(dirname "$0")/.."
if [[ ${1:-} == --all ]]; then
    export SIM_SEEDS=${SIM_SEEDS:-20000}
    export KILLS=${KILLS:-300}
    export FUZZ_SECONDS=${FUZZ_SECONDS:-300}
    export CHAOS_SECONDS=${CHAOS_SECONDS:-1200}
    export THESEUS_ROUNDS=${THESEUS_ROUNDS:-10}
else
    export SIM_SEEDS=${SIM_SEEDS:-300}
    export KILLS=${KILLS:-20}
    export FUZZ_SECONDS=${FUZZ_SECONDS:-3}
    export CHAOS_SECONDS=${CHAOS_SECONDS:-120}
    export THESEUS_ROUNDS=${THESEUS_ROUNDS:-1}
fi

target=${CARGO_TARGET_DIR:-target}
mkdir -p "$target"
log=$target/test.log
began=$SECONDS

# step NAME COMMAND…: runs the command, and says how long it took.
step() {
    local name=$1 start=$SECONDS
    shift
    printf '\n== %s\n' "$name"
    "$@"
    printf -- '-- %s: %d s\n' "$name" $((SECONDS - start))
}

# All Rust tests, with their numbers kept for the end.
rust_tests() { scripts/rust_tests.py 2>&1 | tee "$log"; }

step "tools" scripts/install-tools.sh test
# The architecture test asks offline about all packages, those of other systems included.
step "dependencies" cargo fetch --locked --quiet
step "format" cargo fmt --all --check
step "lints" cargo clippy --workspace --all-targets --locked --quiet -- -D warnings
step "documentation" env RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked --quiet
step "tests" rust_tests
if [[ ${1:-} == --all ]]; then
    step "relay" scripts/check-relay.sh
fi
step "page" scripts/build-page.sh --test
# The tests have built the program; building it alone would build its dependencies once more, with other features.
HEADWATER_PROGRAM=$(cd "$target" && pwd)/debug/headwater
export HEADWATER_PROGRAM
step "outside checkers" scripts/checks.py

awk -v seconds=$((SECONDS - began)) '
    /^test result:/ { passed += $4; failed += $6; ignored += $8 }
    END { printf "\n%d tests passed, %d failed, %d ignored; all checks passed in %d s\n", passed, failed, ignored, seconds }
' "$log"
