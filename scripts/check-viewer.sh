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
npm run --silent --prefix player-demo e2e:viewer -- --gateway "$(devnet_gateway)" --token "$(<"$dir/net/token")" --owner "$dir/owner.json"
# The program takes the owner's file that the page has saved, and ends the leases, too; the second time there are none.
"$headwater" --json revoke "@$dir/owner.json" >"$dir/revoked"
jq -e '.revoked and (.files | length == 2 and all(.ended > 0 and .unconfirmed == [] and .failed == null))' "$dir/revoked" >/dev/null
"$headwater" --json revoke "@$dir/owner.json" | jq -e '.revoked and (.files | all(.ended == 0))' >/dev/null
jq -r '"  by the owner\u0027s file the link and \([.files[].ended] | add) leases end"' "$dir/revoked"
