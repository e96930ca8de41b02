#!/usr/bin/env bash
# Long runs of what `cargo test` does in small. Each task is optional: tests/full.sh [TASK ...]; all but mutants and fuzz
# when none is named.
#
#   hostile    100,000 damaged profiles through the decoder, 100,000 through the reports
#   mutations  100,000 damaged binaries
#   proptest   100,000 cases of every property of texts, 20,000 of every law of reports; every verb on every fixture
#   splices    100,000 cuts, splices and mixtures of two goroutine dumps
#   kills      200 captures killed at random moments, answers cut at every byte
#   simulation 10,000 simulated series for every bar of the statistics of diagnose; prints the table
#   ward       every public incident in every form, severity and spelling; prints the table beside the rules of others
#   gate       false alarms and power of check --baseline, 1,000 runs; KUBEPROF_CAPTURES=DIR adds real captures
#   formats    JUnit, SARIF and rules against their schemas; KUBEPROF_SCHEMAS=DIR has junit-10.xsd (jenkinsci/xunit-plugin)
#              and sarif-schema-2.1.0.json (oasis-tcs/sarif-spec)
#   pipeline   the pipelines of docs/ci.md on this machine, a green and a red run
#   generate   src/pprof/proto.rs against proto/profile.proto, byte by byte
#   mutants    small wrong edits where a wrong answer hurts most (tests/mutants.py; hours)
#   fuzz       every target of fuzz/ for SECONDS_EACH (1800); crashes stay in fuzz/artifacts
set -euo pipefail
cd "$(dirname "$0")/.."

tasks=("$@")
[ ${#tasks[@]} -gt 0 ] || tasks=(hostile mutations proptest splices kills simulation ward generate)

for task in "${tasks[@]}"; do
    echo "== $task"
    case $task in
        hostile)
            KUBEPROF_HOSTILE_CASES=100000 KUBEPROF_HOSTILE_RUNS=100000 cargo test --locked --release --test hostile
            ;;
        mutations)
            KUBEPROF_MUTATIONS=100000 cargo test --locked --release --test integration symbolize::hostile
            ;;
        proptest)
            PROPTEST_CASES=100000 cargo test --locked --release --test integration pprof::text_formats
            PROPTEST_CASES=20000 cargo test --locked --release --test integration analysis::
            KUBEPROF_FIXTURES=all cargo test --locked --release --test integration input::library
            ;;
        splices)
            KUBEPROF_SPLICES=100000 cargo test --locked --release --test integration pprof::splices
            ;;
        kills)
            KUBEPROF_KILLS=200 cargo test --locked --release --test integration killed_at_random_moments
            KUBEPROF_CUTS=all cargo test --locked --release --test integration a_cut_at_every_byte
            ;;
        simulation)
            KUBEPROF_SIMULATION=10000 cargo test --locked --release --test integration simulation:: -- --nocapture
            ;;
        ward)
            KUBEPROF_WARD=full cargo test --locked --release --test integration ward:: -- --nocapture
            ;;
        gate)
            KUBEPROF_GATE=1000 cargo test --locked --release --test integration gate:: -- --nocapture
            ;;
        formats)
            cargo build --locked
            python3 -m venv target/formats
            target/formats/bin/pip install -q jsonschema xmlschema
            target/formats/bin/python tests/check_formats.py target/debug/kubeprof
            ;;
        pipeline)
            cargo build --locked
            tests/pipeline.sh
            ;;
        generate)
            cargo run --locked --manifest-path proto/generate/Cargo.toml -- --check
            ;;
        mutants)
            python3 tests/mutants.py
            ;;
        fuzz)
            python3 fuzz/seeds.py
            found=0
            for target in reports texts binaries archives; do
                TMPDIR=${TMPDIR:-/dev/shm} cargo +nightly fuzz run -s none -O "$target" -- \
                    -max_total_time="${SECONDS_EACH:-1800}" -rss_limit_mb=2048 -malloc_limit_mb=1024 -timeout=10 \
                    -max_len=24576 -print_final_stats=1 || found=1
            done
            [ $found = 0 ] || { echo "a target found something: fuzz/artifacts" >&2; exit 1; }
            ;;
        *)
            sed -n '2,19p' "$0" >&2
            exit 2
            ;;
    esac
done
