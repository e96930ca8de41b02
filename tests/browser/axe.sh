#!/usr/bin/env bash
# Accessibility of the pages by axe-core: no serious violation, contrast of AA in both schemes. Not part of `cargo test`,
# because it takes a package from npm. Usage: tests/browser/axe.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
for program in npm chromium chromedriver; do
    command -v "$program" >/dev/null || { echo "$program is missing: apt-get install npm chromium chromium-driver" >&2; exit 1; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
npm install --silent --prefix "$work" axe-core@4 >/dev/null
KUBEPROF_AXE="$work/node_modules/axe-core/axe.min.js" KUBEPROF_BROWSER=required \
    cargo test --locked --test browser -- axe --nocapture
