#!/usr/bin/env bash
# Builds the page that the gateway serves, into player-demo/dist; `--test` checks and tests it before. Beside it dist.sha256 says what
# every file of it hashes to, and the last line says what the page as a whole does: the SHA-256 of that list.
set -euo pipefail
cd "$(dirname "$0")/../player-demo"

# Installing takes longer than building; it is done again only when the lock file has changed.
stamp=node_modules/.installed-from
if ! cmp -s package-lock.json "$stamp"; then
    # Nothing here needs what packages would run when they are installed.
    npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2
    cp package-lock.json "$stamp"
fi
if [[ ${1:-} == --test ]]; then
    npm run --silent test >&2
fi
npm run --silent build -- --logLevel=warn >&2
if [[ ${1:-} == --test ]]; then
    # Whoever builds the viewer has the same one: its hash is what readers compare.
    again=$(mktemp -d)
    npx vite build --config vite.viewer.config.ts --outDir "$again" --logLevel=error >&2
    cmp dist/viewer.html "$again/viewer.html"
    rm -r "$again"
fi
(cd dist && find . -type f -printf '%P\0' | LC_ALL=C sort -z | xargs -0 sha256sum) >dist.sha256
echo "page: sha256 $(sha256sum <dist.sha256 | cut -d' ' -f1)" >&2
echo "viewer: sha256 $(sha256sum <dist/viewer.html | cut -d' ' -f1)" >&2
