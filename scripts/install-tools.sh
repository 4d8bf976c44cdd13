#!/usr/bin/env bash
# Sees to it that the tools of a task are there: `install-tools.sh demo|test|bench`.
#
# As root on a system with apt-get it installs what is missing; anywhere else it says what is missing
# and how to get it. PyPI packages go into a virtual environment under target/, never into the system.
set -euo pipefail
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-target}

# command:package pairs; the package is Debian's name.
need=(cc:gcc make:make curl:curl jq:jq)
case ${1:-} in
    demo) need+=(python3:python3 ffmpeg:ffmpeg) ;;
    test) need+=(python3:python3 b3sum:b3sum rclone:rclone ffmpeg:ffmpeg chromium:chromium hledger:hledger pg_ctlcluster:postgresql openssl:openssl) ;;
    bench) need+=(python3:python3 nginx:nginx-light pgrep:procps ffmpeg:ffmpeg chromium:chromium) ;;
    *) echo "usage: $0 demo|test|bench" >&2; exit 2 ;;
esac

missing=()
for pair in "${need[@]}"; do
    # nginx lies in /usr/sbin, which is not in everybody's PATH.
    PATH="$PATH:/usr/sbin" command -v "${pair%%:*}" >/dev/null || missing+=("${pair##*:}")
done
if [[ $1 != bench ]] && command -v python3 >/dev/null && ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
    missing+=(python3-venv)
elif [[ " ${missing[*]-} " == *" python3 "* ]]; then
    missing+=(python3-venv)
fi

if ((${#missing[@]})); then
    if [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null; then
        echo "installing ${missing[*]} with apt-get" >&2
        export DEBIAN_FRONTEND=noninteractive
        apt-get update -qq >&2
        apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2 </dev/null
    else
        echo "missing: ${missing[*]} (names of Debian packages); install them and run this again" >&2
        exit 1
    fi
fi

if ! command -v cargo >/dev/null; then
    echo "missing: Rust (cargo); see https://rustup.rs" >&2
    exit 1
fi

# The page is built with Node.js. Distributions have older ones than it needs, so it is not installed here.
node_is_new_enough() {
    node -e 'const [major, minor] = process.versions.node.split("."); process.exit(major * 100 + +minor < 2019 ? 1 : 0)' 2>/dev/null
}
if ! node_is_new_enough || ! command -v npm >/dev/null; then
    echo "missing: Node.js 20.19 or later, with npm; see https://nodejs.org (found: $(node --version 2>/dev/null || echo none))" >&2
    exit 1
fi

# python_in VENV REQUIREMENTS: a virtual environment with these packages, made anew when they have changed.
python_in() {
    local venv=$target/$1 wanted
    wanted=$(cat tests/python/requirements*.txt)
    if [[ ! -f $venv/installed.txt || $(<"$venv/installed.txt") != "$wanted" ]]; then
        python3 -m venv --clear "$venv"
        "$venv/bin/pip" install --quiet --disable-pip-version-check -r "tests/python/$2" >&2
        printf '%s\n' "$wanted" >"$venv/installed.txt"
    fi
}

# The outside checkers are written in Python from docs/spec.md and use PyPI's CBOR, BLAKE3 and AEAD, or in Go. The viewers of the
# demonstration are among them, and need less.
case $1 in
    test) python_in venv requirements.txt ;;
    demo) [[ -f $target/venv/installed.txt ]] || python_in venv-viewer requirements-viewer.txt ;;
esac
