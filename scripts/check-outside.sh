#!/usr/bin/env bash
# Checkers that share no code with ours, each run once on a small devnet:
#   b3sum                the root of every shard is the BLAKE3 hash of its bytes on the disk
#   headwater_decode.py  an object is decoded from the nodes' folders by the specification alone
#   http_conformance.py  the gateway keeps to RFC 9110
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/devnet.sh
build
python=${CARGO_TARGET_DIR:-target}/venv/bin/python

dir=$(mktemp -d "${TMPDIR:-/tmp}/headwater-check.XXXXXX")
cleanup() { devnet_stop; rm -rf "$dir"; }
trap cleanup EXIT
devnet_start "$dir/net" --nodes 6 --coding 4+2

# Shard files hold an entry's head (spec §16), the shard, its outboard and a trailer.
check_roots() {
    local files=0 file root length
    while read -r file; do
        root=$(basename "$file")
        length=$(od -An -tu8 -j 48 -N 8 "$file" | tr -d ' ')
        [[ $(tail -c +57 "$file" | head -c "$length" | b3sum --no-names) == "$root" ]] || {
            echo "b3sum disagrees with the root of $file" >&2
            return 1
        }
        files=$((files + 1))
    done < <(find "$dir"/net/nodes/*/shards -type f)
    ((files > 0)) || { echo "the devnet has no shard files to check" >&2; return 1; }
    echo "b3sum agrees with the roots of $files shards"
}

# The nodes' folders, without the first $1 of them.
node_folders() { jq -r ".nodes[$1:][].dir" "$dir/net/devnet.json"; }

"$python" tests/python/test_headwater_decode.py

# One object with shard files of its own and a padded last stripe, a tiny one, and an empty one.
head -c 3000001 /dev/urandom >"$dir/large"
printf 'a few bytes' >"$dir/small"
: >"$dir/empty"
for name in large small empty; do
    "$headwater" --json put "$dir/$name" --coding 4+2 >"$dir/$name.json"
    for lost in 0 2; do
        mapfile -t folders < <(node_folders $lost)
        "$python" tests/python/headwater_decode.py "$(jq -r .link "$dir/$name.json")" "${folders[@]}" >"$dir/decoded"
        cmp "$dir/$name" "$dir/decoded"
    done
    echo "headwater_decode.py reads the $name object from the nodes' folders, also without two of them"
    # Only the checks that fail and the score are worth a line.
    "$python" tests/python/http_conformance.py "$(jq -r .url "$dir/$name.json")" "$dir/$name" | grep -v '^ok '
done
check_roots
