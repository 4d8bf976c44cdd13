#!/usr/bin/env bash
# What a ledger publishes, judged by programs that share no code with ours:
#   Go's sumdb                  every tile, entry and proof of the log, and that it has only grown
#   metamorphic-log             the checkpoints and proofs, once more
#   hledger                     every posting and balance
#   @openzeppelin/merkle-tree   the payout trees
#   @ethereumjs/vm              the contract in ledger/contracts, compiled by solc
# Each of them must also find what is wrong.
set -euo pipefail
cd "$(dirname "$0")/.."
# The tests have built the examples; HEADWATER_PROGRAM says that they did.
[[ -n ${HEADWATER_PROGRAM:-} ]] || cargo build --quiet --workspace --locked --examples
target=$(cd "${CARGO_TARGET_DIR:-target}" && pwd)
python=$target/venv/bin/python

dir=$(mktemp -d "${TMPDIR:-/tmp}/headwater-ledger.XXXXXX")
trap 'rm -rf "$dir"' EXIT
"$target/debug/examples/published" "$dir/out"

# refused WHAT COMMAND…: the command must fail.
refused() {
    local what=$1
    shift
    if "$@" >/dev/null 2>&1; then
        echo "$what is not noticed by $1" >&2
        return 1
    fi
}

# flip FILE: changes one bit in the middle of it.
flip() {
    "$python" - "$1" <<'PYTHON'
import pathlib, sys
path = pathlib.Path(sys.argv[1])
data = bytearray(path.read_bytes())
data[len(data) // 2] ^= 1
path.write_bytes(data)
PYTHON
}

# The packages of Go's checksum database come with Go itself; no module is fetched.
build_go_checker() {
    local go module=$target/go-check root
    go=$target/venv/bin/go
    export GOFLAGS=-mod=mod GOPROXY=off GOTOOLCHAIN=local GOCACHE=$target/go-cache GOPATH=$target/go-path CGO_ENABLED=0
    root=$("$go" env GOROOT)/src/cmd/vendor/golang.org/x/mod/sumdb
    rm -rf "$module"
    mkdir -p "$module/sum/sumdb"
    cp -r "$root/note" "$root/tlog" "$module/sum/sumdb/"
    printf 'module golang.org/x/mod\n\ngo 1.25\n' >"$module/sum/go.mod"
    cp tests/go/check_log.go "$module/"
    cat >"$module/go.mod" <<'GOMOD'
module check_log

go 1.25

require golang.org/x/mod v0.0.0

replace golang.org/x/mod => ./sum
GOMOD
    (cd "$module" && "$go" build -o check_log .)
    check_log=$module/check_log
}

check_log_with_go() {
    "$check_log" "$dir/out"
    local file
    for file in checkpoint checkpoint.before consistency proof/0.tlog-proof proof/0.entry tile/0/003 tile/entries/003 \
        "$(cd "$dir/out" && echo tile/1/*.p/*)" "$(cd "$dir/out" && echo tile/entries/*.p/*)"; do
        rm -rf "$dir/bad"
        cp -r "$dir/out" "$dir/bad"
        flip "$dir/bad/$file"
        refused "a changed $file" "$check_log" "$dir/bad"
    done
}

check_journal() {
    hledger --file "$dir/out/journal.hledger" check
    local count amount
    count=$(grep -c '^[0-9]' "$dir/out/journal.hledger")
    # One micro-unit more on the last posting that ends in 1.
    amount=$(grep -n '[0-9]1 EUR = ' "$dir/out/journal.hledger" | tail -1 | cut -d: -f1)
    sed "${amount}s/1 EUR = /2 EUR = /" "$dir/out/journal.hledger" >"$dir/bad.hledger"
    refused "a changed micro-unit" hledger --file "$dir/bad.hledger" check
    echo "hledger: $count transactions"
}

check_payouts() {
    (
        cd ledger/contracts
        local stamp=node_modules/.installed-from
        if ! cmp -s package-lock.json "$stamp"; then
            npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2
            cp package-lock.json "$stamp"
        fi
        node test/check.js "$dir/out/payouts.json"
    )
}

build_go_checker
check_log_with_go
"$python" tests/python/check_log.py "$dir/out"
check_journal
check_payouts
