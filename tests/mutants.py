#!/usr/bin/env python3
"""Runs `cargo mutants` over the files where a wrong answer hurts most, and prints how many edits the tests caught.

    python3 tests/mutants.py                    every file of the table below
    python3 tests/mutants.py units merge        those whose path has one of these words
    python3 tests/mutants.py --every 4          one edit of four, spread over each file
    python3 tests/mutants.py --table            the table of the last run, and every edit that was missed

Needs `cargo install cargo-mutants --locked`. A mutant costs a build and a test run, so both are kept small: each group
is copied with the rooms that it may use (tests/house/layers.rs holds the arrows) and its own tests, which need no command,
into target/mutants. That tests pass without an edit is tried first. `tests/mutants.md` has the last table, tests/mutants.txt what need not be noticed.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# Rooms, files to edit, tests that watch them (files below tests/).
GROUPS = {
    "model": (
        ["model"],
        ["src/model/units.rs", "src/model/merge.rs"],
        ["model/units", "model/merge"],
    ),
    "pprof": (
        ["model", "pprof"],
        ["src/pprof/decode.rs", "src/pprof/inflate.rs", "src/pprof/frames.rs"],
        ["pprof/decode", "pprof/inflate", "pprof/wire"],
    ),
    "goroutines": (
        ["model", "pprof"],
        ["src/pprof/goroutines/header.rs"],
        ["pprof/goroutines", "pprof/headers"],
    ),
    "analysis": (
        ["model", "kubelet", "pprof", "symbolize", "analysis"],
        ["src/analysis/view/sampling.rs", "src/analysis/report/diff.rs", "src/analysis/graph/trim.rs"],
        ["analysis/sampling", "analysis/diff", "analysis/trim", "analysis/laws", "cli/made_profile"],
    ),
    "attribution": (
        ["kubelet", "model", "pprof"],
        ["src/kubelet/attribution.rs"],
        ["kubelet/attribution"],
    ),
    "identity": (
        ["model", "symbolize"],
        ["src/symbolize/identity.rs", "src/symbolize/buildid.rs"],
        ["symbolize/identity", "symbolize/evidence"],
    ),
    "pclntab": (
        ["model", "symbolize"],
        [f"src/symbolize/pclntab/{f}.rs" for f in ("functions", "header", "inline", "mod", "moduledata", "values")],
        ["symbolize/made_go", "symbolize/pclntab"],
    ),
    "secrets": (["secrets"], ["src/secrets/mod.rs"], ["redaction/secrets"]),
    "redact": (
        ["model", "pprof", "secrets", "bundle"],
        [f"src/bundle/redact/{f}.rs" for f in ("artifacts", "documents", "dump", "format1", "journal", "key", "metrics")]
        + [f"src/bundle/redact/{f}.rs" for f in ("mod", "names", "prose", "settings", "vocabulary")],
        ["redaction/texts", "redaction/copies", "cli/made_profile"],
    ),
    "writer": (
        ["model", "pprof", "secrets", "bundle"],
        ["src/bundle/writer.rs"],
        ["bundle/writer"],
    ),
    "verify": (
        ["model", "pprof", "secrets", "bundle"],
        ["src/bundle/verify.rs", "src/bundle/verify/files.rs", "src/bundle/verify/series.rs"],
        ["bundle/verify", "cli/made_profile"],
    ),
}


def copy(group, place):
    """The rooms and tests of a group as a crate."""
    rooms, _, tests = GROUPS[group]
    for old in ("src", "tests"):
        shutil.rmtree(place / old, ignore_errors=True)
    place.mkdir(parents=True, exist_ok=True)
    for room in rooms:
        for name in (room, f"{room}.rs"):
            if (ROOT / "src" / name).is_dir():
                shutil.copytree(ROOT / "src" / name, place / "src" / name)
            elif (ROOT / "src" / name).exists():
                shutil.copy2(ROOT / "src" / name, place / "src" / name)
    for link in ("fixtures", "proto"):
        if not (place / link).exists():
            (place / link).symlink_to(ROOT / link)
    shutil.copy2(ROOT / "Cargo.lock", place)
    manifest = (ROOT / "Cargo.toml").read_text()
    # No binary, no other tests; the lints are the crate's own business.
    manifest = re.sub(r"(?ms)^\[(\[bin\]|\[test\]|\[bench\]|lints)[^\n]*\n.*?(?=^\[|^# |\Z)", "", manifest)
    manifest += '\n[profile.mutants]\ninherits = "dev"\ndebug = false\n'
    (place / "Cargo.toml").write_text(manifest)
    by_room = {}
    for test in tests:
        room, name = test.split("/")
        if (ROOT / f"tests/{test}.rs").exists():
            (place / "tests" / room).mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / f"tests/{test}.rs", place / f"tests/{room}/{name}.rs")
            by_room.setdefault(room, []).append(name)
    # The tests are a part of the crate here: one compilation and one link a mutant instead of two and two.
    lib = ["#![allow(dead_code, unused_imports, missing_docs)]", "extern crate self as kubeprof;"]
    lib += [f"pub mod {room};" for room in rooms]
    for room, names in by_room.items():
        mods = "".join(f'    #[path = "{place}/tests/{room}/{n}.rs"]\n    pub(crate) mod {n};\n' for n in names)
        inside = f"mod {room} {{\n{mods}}}\n"
        lib.append(f"#[cfg(test)]\n{inside}" if room not in rooms else f"#[cfg(test)]\nmod of_{room} {{\n{inside}}}")
    (place / "src/lib.rs").write_text("\n".join(lib) + "\n")


def results(folders):
    """What became of every edit that was tried: (file, line of source, column, edit) -> (name, outcome). The last run of an
    edit counts; one of a line that is not there any more does not."""
    found = {}
    runs = [run for f in folders for run in f.glob("*/out-*/mutants.out/outcomes.json")]
    for run in sorted(runs, key=lambda run: run.stat().st_mtime):
        for outcome in json.loads(run.read_text())["outcomes"]:
            if outcome["scenario"] == "Baseline":
                continue
            mutant = outcome["scenario"]["Mutant"]
            file, at, name = mutant["file"], mutant["span"]["start"], mutant["name"]
            source = run.parents[2] / file
            line = source.read_text().split("\n")[at["line"] - 1]
            if line in (ROOT / file).read_text().split("\n"):
                edit = name.split(": ", 1)[1]
                found[file, line, at["column"], edit] = (name, outcome["summary"])
    return {key: result for key, result in found.items() if result[1] != "Unviable"}


def is_caught(summary):
    return summary in ("CaughtMutant", "Timeout")


def listed():
    """(file, edit as cargo mutants names it, part of the line of source, why no test can or need notice it)."""
    lines = (ROOT / "tests/mutants.txt").read_text().splitlines()
    return [line.split(" ;; ") for line in lines if line and not line.startswith("#")]


def table(folders):
    """Caught, listed and viable edits of every file; then those that were not caught."""
    reasons = listed()
    rows = {}
    missed = {False: [], True: []}
    for (file, line, _, edit), (name, summary) in results(folders).items():
        row = rows.setdefault(file, [0, 0, 0])
        row[2] += 1
        if is_caught(summary):
            row[0] += 1
            continue
        fits = [r for f, e, part, r in reasons if f == file and e == edit and part in line]
        reason = next(iter(fits), None)
        row[1] += reason is not None
        missed[reason is not None].append(name if reason is None else f"{name} ({reason})")
    print(f"{'file':<40} caught  listed  viable   caught  caught or listed")
    rows["all"] = [sum(column) for column in zip(*rows.values())]
    for file, (caught, known, viable) in [*sorted(r for r in rows.items() if r[0] != "all"), ("all", rows["all"])]:
        if viable:
            shares = f"{caught / viable:7.1%} {(caught + known) / viable:7.1%}"
            print(f"{file:<40} {caught:6} {known:7} {viable:7} {shares}")
    for is_listed, word in [(True, "listed"), (False, "missed")]:
        for name in missed[is_listed]:
            print(f"{word}: {name}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*")
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--every", type=int, default=1, help="try one edit of this many")
    parser.add_argument("--folder", type=Path, default=ROOT / "target/mutants")
    parser.add_argument("--missed", action="store_true", help="try those again that were missed before")
    parser.add_argument("--also", type=Path, default=[], action="append", help="another folder with runs")
    parser.add_argument("--timeout", default="60", help="seconds for the tests of one mutant")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    every_file = [f for _, files, _ in GROUPS.values() for f in files]
    if gone := [f for f in every_file if not (ROOT / f).exists()]:
        raise SystemExit(f"not there any more: {', '.join(gone)}")
    before = results([args.folder, *args.also])
    for group, (_, files, _) in GROUPS.items():
        files = [f for f in files if not args.words or any(w in f for w in args.words)]
        if args.table or not files:
            continue
        place = args.folder / group
        for file in GROUPS[group][1]:
            # Runs over another text say nothing of this one.
            if (place / file).exists() and (place / file).read_text() != (ROOT / file).read_text():
                for run in place.glob(f"out-{re.sub(r'[^a-zA-Z0-9_]', '-', file)}*"):
                    shutil.rmtree(run)
        copy(group, place)
        for file in files:
            name = re.sub(r"\W", "-", file)
            out = place / f"out-{name}"
            again = [edit for (f, _, _, edit), (_, summary) in before.items() if f == file and not is_caught(summary)]
            if args.missed and not again:
                continue
            if args.missed:
                out = out.with_name(f"{out.name}-again-{int(time.time())}")
            else:
                shutil.rmtree(out, ignore_errors=True)
            command = ["cargo", "mutants", "-d", str(place), "-o", str(out), "-f", file, "--in-place"]
            command += ["--no-default-features", "--profile", "mutants", "--timeout", args.timeout]
            command += ["--minimum-test-timeout", "20", "--no-shuffle", "--colors", "never"]
            command += ["--cargo-arg=--lib"]
            command += ["--shard", f"0/{args.every}", "--sharding", "round-robin"] if args.every > 1 else []
            command += ["-F", "|".join(sorted({f": {re.escape(edit)}$" for edit in again}))] if args.missed else []
            environment = {**os.environ, "PROPTEST_CASES": "64", "CARGO_TARGET_DIR": str(args.folder / "build"),
                           "CARGO_TERM_COLOR": "never", "RUST_BACKTRACE": "0"}  # fmt: skip
            subprocess.run(command, env=environment, cwd=place)
    table([args.folder, *args.also])


if __name__ == "__main__":
    main()
