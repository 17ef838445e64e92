#!/bin/sh
# Takes the pictures of the README: the usage page of the sample sessions in a headless Chromium.
set -eu

browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome) || {
    echo 'screenshots: install Chromium first (Debian: apt-get install chromium)' >&2
    exit 1
}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

"${BIN:-.venv/bin}/helicarrier" demo --data-dir "$scratch/data" >/dev/null 2>&1
"$browser" --headless --no-sandbox --disable-gpu --no-first-run --hide-scrollbars \
    --disable-background-networking --disable-component-update --disable-sync --disable-quic \
    --user-data-dir="$scratch/browser" --window-size=1200,720 --virtual-time-budget=5000 \
    --screenshot="$PWD/docs/images/usage.png" "file://$scratch/data/reports/usage.html" 2>/dev/null
echo 'wrote docs/images/usage.png'
