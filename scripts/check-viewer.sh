#!/usr/bin/env bash
# The viewer of sealed links in Chromium, against a gateway that is made up so that it can lie: read from the gateway, from disk and
# from another origin; passcodes, refusals, altered cells, hostile files, axe-core. And once through a real gateway.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/devnet.sh
build
dir=$(mktemp -d "${TMPDIR:-/tmp}/headwater-viewer.XXXXXX")
cleanup() { devnet_stop; rm -rf "$dir"; }
trap cleanup EXIT

# The program writes the page as it was built, and says the hash that everybody has.
"$headwater" viewer | cmp - player-demo/dist/viewer.html
[[ $("$headwater" viewer --hash) == $(sha256sum <player-demo/dist/viewer.html | cut -d' ' -f1) ]]

devnet_start "$dir/net" --nodes 6 --coding 3+2 --page player-demo/dist
cd player-demo
npm run --silent e2e:viewer -- --gateway "$(devnet_gateway)" --token "$(<"$dir/net/token")"
