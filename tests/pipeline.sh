#!/usr/bin/env bash
# The pipelines of docs/ci.md on this machine, as a new user has them: rules of healthy material, then every job once on a
# healthy capture (green) and once on a kubelet whose runtime was frozen (red). Prints a transcript.
#
#   tests/pipeline.sh [KUBEPROF]      the binary, target/debug/kubeprof by default
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
kubeprof=$(realpath "${1:-$root/target/debug/kubeprof}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/bin"
ln -s "$kubeprof" "$work/bin/kubeprof"
export PATH="$work/bin:$PATH"

# The commands of the block below a heading: those of `run: |`, `script:` and `args:` included.
commands() {
    awk -v heading="$1" '
        /^## / { inside = ($0 == "## " heading); fence = 0 }
        inside && /^```/ { fence = !fence; next }
        inside && fence && (open || /^ *(- )?kubeprof /) {
            line = $0; sub(/^ *(- )?/, "", line); print line
            open = line ~ /\\$/
        }' "$root/docs/ci.md"
}

# A workspace as the page lays it out, with a capture as the one to be checked.
workspace() {
    mkdir -p "$1/kubelet"
    for healthy in baseline monday tuesday; do
        cp -r "$root/fixtures/captures/healthy-1.37.2" "$1/kubelet/$healthy"
    done
    cp -r "$root/fixtures/captures/$2" "$1/soak"
}

failed=0
for run in green:healthy-1.37.2:0 red:frozen-runtime:1; do
    IFS=: read -r colour capture wanted <<<"$run"
    echo "=== $colour: soak is $capture"
    cd "$work" && workspace "$work/$colour" "$capture" && cd "$work/$colour"
    export GITHUB_STEP_SUMMARY="$PWD/summary.md" ARTIFACTS="$PWD"
    echo "\$ kubeprof check --init kubelet/baseline --out rules.toml"
    kubeprof check --init kubelet/baseline --out rules.toml
    for job in "GitHub Actions" "GitLab" "Prow and Tekton"; do
        echo "--- $job"
        commands "$job" | sed 's/^/$ /'
        # One command after the other: each is a job or a step of its own.
        code=0
        while IFS= read -r -d '' command; do
            one=0
            bash -e -o pipefail -c "$command" || one=$?
            [ "$one" -le "$code" ] || code=$one
        done < <(commands "$job" | awk '{ printf "%s\n", $0 } !/\\$/ { printf "%c", 0 }')
        echo "--- $job: exit $code"
        [ "$code" = "$wanted" ] || { echo "$job: wanted $wanted" >&2; failed=1; }
    done
    for file in rules.toml summary.md check.sarif check.json check.xml quality.json junit_kubelet.xml check-tekton.json; do
        [ -s "$file" ] || { echo "$colour: no $file" >&2; failed=1; }
    done
    echo "job summary: $(head -1 summary.md)"
done
exit $failed
