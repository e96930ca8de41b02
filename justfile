# Tasks: `just` lists them.

[private]
default:
    @just --list

# What must pass before anything lands
ci:
    bash .ci/run

# Run in full what `cargo test` does in small: all tasks of tests/full.sh, or those named
full *TASKS:
    bash tests/full.sh {{ TASKS }}

# Play captures against a real kubelet, API server and container runtime (root)
lab *ARGS:
    bash tests/lab/run.sh {{ ARGS }}

# Compare every report with go tool pprof on PROFILES (needs Go 1.27)
differential *PROFILES:
    python3 tests/differential/run.py {{ PROFILES }}

# Time kubeprof beside go tool pprof, or beside an older build: just compare --before OLD
compare *ARGS:
    python3 benches/compare.py {{ ARGS }}

# Time the README's two commands on a clean clone
setup *ARGS:
    python3 benches/setup.py {{ ARGS }}

# Make small wrong edits and see which ones no test notices
mutants *ARGS:
    python3 tests/mutants.py {{ ARGS }}

# Fuzz every target for SECONDS
fuzz SECONDS="1800":
    SECONDS_EACH={{ SECONDS }} bash tests/full.sh fuzz

# Check licenses, sources and bans of what is linked in
deny:
    cargo deny check

# Make the goldens of go tool pprof again (needs Go 1.27)
goldens:
    python3 fixtures/compat/make.py
