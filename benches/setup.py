#!/usr/bin/env python3
"""Measures what a newcomer waits for: README's first command and `cargo test` in a clean clone, with only the crates
registry cached.

    python3 benches/setup.py             a clone of HEAD
    python3 benches/setup.py --times 3   three clones, one after the other

Wall time is of the machine as it is (the load is printed); user CPU is of every compiler, linker and test that ran, as
the kernel counted it. Each is split into dependencies (build scripts and macros included), our own crate, linking, the
test binaries and the tests. Nothing is asserted: the table is the result.
"""

import argparse
import json
import os
import re
import resource
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# Stands between cargo and rustc, and between rustc and the linker; writes what each took.
WRAPPER = """#!/usr/bin/python3 -SE
import os, sys, time
kind, args = os.path.basename(sys.argv[0]), sys.argv[1:]
command = args if kind == "rustc" else ["cc", *args]
def after(flag):
    return args[args.index(flag) + 1] if flag in args else ""
name = after("--crate-name")
if kind == "rustc":
    os.environ["SETUP_UNIT"] = name + "\\t" + ("test" if "--test" in args else after("--crate-type"))
start = time.time()
child = os.spawnvp(os.P_NOWAIT, command[0], command)
_, status, used = os.wait4(child, 0)
if kind == "rustc" and not name:
    sys.exit(os.waitstatus_to_exitcode(status))
line = [kind, os.environ.get("SETUP_UNIT", "doctest\\ttest"), used.ru_utime, time.time() - start]
with open(os.environ["SETUP_LOG"], "a") as log:
    log.write("\\t".join(str(part) for part in line) + "\\n")
sys.exit(os.waitstatus_to_exitcode(status))
"""
OURS = {"kubeprof", "integration", "hostile", "lab", "generate"}


def readme_command():
    text = (ROOT / "README.md").read_text()
    return re.search(r"^cargo run .*$", text, re.MULTILINE).group(0)


def run(command, clone, environment, log):
    """Wall, user CPU by part, and what was printed."""
    log.write_text("")
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.time()
    done = subprocess.run(command, shell=True, cwd=clone, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    wall = time.time() - start
    user = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before.ru_utime
    output = done.stdout.decode(errors="replace")
    # 1 is an answer: the README's capture is of a sick kubelet.
    if done.returncode not in (0, 1) or "error: could not compile" in output:
        print(f"{command} ends with {done.returncode}:\n{output[-2000:]}")
    parts = {"dependencies": 0.0, "our crate": 0.0, "test binaries": 0.0, "link": 0.0}
    for line in log.read_text().splitlines():
        kind, name, crate_type, seconds, _ = line.split("\t")
        part = "dependencies" if name not in OURS else "test binaries" if crate_type == "test" else "our crate"
        # A linker is a child of the compiler that waits for it.
        sign = -1 if kind == "linker" else 1
        parts[part] += sign * float(seconds)
        if kind == "linker":
            parts["link"] += float(seconds)
    parts["tests and the rest"] = max(0.0, user - sum(parts.values()))
    return wall, user, parts, output


def one(number, args):
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        folder = Path(folder)
        clone, log = folder / "clone", folder / "log"
        subprocess.run(["git", "clone", "-q", "--local", str(ROOT), str(clone)], check=True)
        for name in ("rustc", "linker"):
            (folder / name).write_text(WRAPPER)
            (folder / name).chmod(0o755)
        environment = {
            **{k: v for k, v in os.environ.items() if k != "CARGO_TARGET_DIR"},
            "RUSTC_WRAPPER": str(folder / "rustc"),
            "CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER": str(folder / "linker"),
            "SETUP_LOG": str(log),
            "CARGO_TERM_COLOR": "never",
            "CARGO_NET_OFFLINE": "true",
        }
        for step, command in (("run", readme_command()), ("test", "cargo test")):
            load = os.getloadavg()[0]
            wall, user, parts, output = run(command, clone, environment, log)
            split = ", ".join(f"{name} {seconds:.0f}" for name, seconds in parts.items())
            print(f"{number}. {command[:28]:<28} wall {wall:6.1f} s, user {user:6.1f} s ({split}); load {load:.1f}")
            if args.units:
                (args.units / f"{number}-{step}.tsv").write_text(log.read_text())
            for line in re.findall(r"^test result: .*$", output, re.MULTILINE):
                print(f"   {line}")
        size = sum(f.stat().st_size for f in (clone / "target").rglob("*") if f.is_file())
        print(f"   target: {size / 2**20:.0f} MiB", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--folder", default=tempfile.gettempdir(), help="where clones are made and removed")
    parser.add_argument("--units", type=Path, help="a folder for what each compiler and linker took")
    args = parser.parse_args()
    subprocess.run(["cargo", "fetch", "--locked", "-q"], cwd=ROOT, check=True)
    for number in range(1, args.times + 1):
        one(number, args)


if __name__ == "__main__":
    main()
