#!/usr/bin/env python3
"""Names for 10,000 random addresses of a kubelet, and the proof that a binary is the one that ran: kubeprof beside
llvm-symbolizer and go tool addr2line, in one run.

    benches/symbolize.py KUBELET PROFILE [--dwarf KUBELET_WITH_DWARF] [--kubeprof target/release/kubeprof]

KUBELET is stripped (fixtures/kubelets/build.sh makes some), PROFILE a capture of it. llvm-symbolizer needs DWARF, so it
is asked about --dwarf; go tool addr2line reads the function table and is asked about KUBELET, where it has no inlined
calls. User CPU and peak memory are what the kernel counted (wait4), the least of --runs. Exit code 1 when a bar is missed.
"""

import argparse
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile
from pathlib import Path


def text_range(path):
    """Address and size of the section .text."""
    data = Path(path).open("rb").read(64)
    offset, = struct.unpack_from("<Q", data, 40)
    size, count, names = struct.unpack_from("<HHH", data, 58)
    with Path(path).open("rb") as file:
        file.seek(offset)
        table = file.read(size * count)
        rows = [struct.unpack_from("<IIQQQQ", table, n * size) for n in range(count)]
        file.seek(rows[names][4])
        strings = file.read(rows[names][5])
    for name, _, _, address, _, length in rows:
        if strings[name:].startswith(b".text\0"):
            return address, length
    sys.exit(f"{path}: no .text")


def measure(command, stdin, runs):
    best = None
    for _ in range(runs):
        with open(stdin, "rb") as given, tempfile.TemporaryFile() as out:
            child = subprocess.Popen(command, stdin=given, stdout=out, stderr=subprocess.DEVNULL)
            _, status, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
            out.seek(0)
            lines = out.read()
        took = (usage.ru_utime, usage.ru_stime, usage.ru_maxrss / 1024)
        best = (*min(best[:3] if best else took, took), child.returncode, lines)
    return best


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kubelet")
    parser.add_argument("profile")
    parser.add_argument("--dwarf")
    parser.add_argument("--kubeprof", default=Path(__file__).resolve().parent.parent / "target/release/kubeprof")
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=5)
    args = parser.parse_args()
    missed = 0

    def report(what, took, user_bar=None, memory_bar=None, note=""):
        nonlocal missed
        user, system, memory, status, _ = took
        late = user_bar is not None and user > user_bar
        big = memory_bar is not None and memory > memory_bar
        missed += late + big
        bar = f"  bar {user_bar * 1000:.0f} ms" if user_bar else ""
        bar += f", {memory_bar} MiB" if memory_bar else ""
        print(f"{what:<42} user {user * 1000:8.1f} ms  system {system * 1000:7.1f} ms  {memory:7.1f} MiB{bar}"
              f"{'  MISSED' if late or big else ''}{note}")

    start, length = text_range(args.kubelet)
    pick = random.Random(7)
    with tempfile.TemporaryDirectory() as folder:
        addresses = Path(folder) / "addresses"
        addresses.write_text("".join(f"{pick.randrange(start, start + length):#x}\n" for _ in range(args.count)))
        took = measure([args.kubeprof, "symbolize", "--binary", args.kubelet, "-o", "jsonl"], addresses, args.runs)
        lines = took[4].splitlines()
        assert len(lines) == args.count, f"{len(lines)} answers"
        named = sum(b'"frames"' in line for line in lines)
        inlined = sum(b'"inlined":true' in line for line in lines)
        note = f"  {named} named, {inlined} with inlined calls; the rest is filler between functions"
        report(f"kubeprof symbolize, {args.count} addresses", took, 0.050, 100, note)
        took = measure([args.kubeprof, "binary", "verify", args.profile, args.kubelet], os.devnull, args.runs)
        said = took[4].decode().split("\n", 1)[0]
        report("kubeprof binary verify", took, 0.030, None, f"  {said}")
        if shutil.which("go"):
            took = measure(["go", "tool", "addr2line", args.kubelet], addresses, 2)
            report("go tool addr2line, the same", took, note="  no inlined calls")
        if shutil.which("llvm-symbolizer") and args.dwarf:
            start, length = text_range(args.dwarf)
            addresses.write_text("".join(f"{pick.randrange(start, start + length):#x}\n" for _ in range(args.count)))
            took = measure(["llvm-symbolizer", f"--obj={args.dwarf}"], addresses, 1)
            report("llvm-symbolizer, as many, with DWARF", took)
            took = measure([args.kubeprof, "symbolize", "--binary", args.dwarf, "-o", "jsonl"], addresses, args.runs)
            report("kubeprof symbolize, the same", took)
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
