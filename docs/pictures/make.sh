#!/usr/bin/env bash
# Makes the pictures of this folder again: reports of real captures, as Chromium (Debian's package) shows them.
# Usage: docs/pictures/make.sh [KUBEPROF]
set -euo pipefail
cd "$(dirname "$0")/../.."
command -v chromium >/dev/null || { echo "chromium is missing: apt-get install chromium" >&2; exit 1; }
[ $# -gt 0 ] || cargo build --locked
kubeprof=$(realpath "${1:-target/debug/kubeprof}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# PICTURE ADDRESS WIDTH,HEIGHT
shoot() {
    # A profile of its own, so that no setting of the user counts.
    chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --user-data-dir="$work/browser" --virtual-time-budget=5000 \
        --window-size="$3" --screenshot="$work/$1" "$2" >/dev/null 2>&1
    size=$(stat -c %s "$work/$1")
    [ "$size" -le 200000 ] || { echo "$1 has $size bytes, more than 200,000" >&2; exit 1; }
    mv "$work/$1" "docs/pictures/$1"
    echo "docs/pictures/$1 $size"
}

for capture in ctx-leak-1.36.1 frozen-runtime; do
    TZ=UTC "$kubeprof" report "fixtures/captures/$capture" --out "$work/$capture.html"
done
shoot report-ctx-leak.png "file://$work/ctx-leak-1.36.1.html" 1100,1000
shoot report-frozen-runtime.png "file://$work/frozen-runtime.html" 1100,1000
