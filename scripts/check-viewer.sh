#!/usr/bin/env bash
# The viewer of sealed links in Chromium, against a gateway that is made up so that it can lie: read from the gateway, from disk and
# from another origin; passcodes, refusals, altered cells, hostile files, large files, axe-core.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/devnet.sh
build

# The program writes the page as it was built, and says the hash that everybody has.
"$headwater" viewer | cmp - player-demo/dist/viewer.html
[[ $("$headwater" viewer --hash) == $(sha256sum <player-demo/dist/viewer.html | cut -d' ' -f1) ]]

cd player-demo
npm run --silent e2e:viewer
