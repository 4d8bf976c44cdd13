#!/usr/bin/env bash
# The viewer of sealed links in Chromium, against a gateway that is made up so that it can lie: read from the gateway, from disk and
# from another origin; passcodes, refusals, altered cells, hostile files, large files, axe-core.
set -euo pipefail
cd "$(dirname "$0")/../player-demo"
npm run --silent e2e:viewer
