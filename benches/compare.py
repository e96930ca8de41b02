#!/usr/bin/env python3
"""Runs kubeprof and go tool pprof side by side on profiles made from a seed, and prints what each needed.

    python3 benches/compare.py                    ratios at 200,000 samples, and `top` on a real kubelet heap
    python3 benches/compare.py --samples 1000000  the same, larger (the reference takes minutes)
    python3 benches/compare.py --growth           kubeprof alone: 50,000, 200,000, 1,000,000 samples and odd shapes
    python3 benches/compare.py --before OLD       this build against an older one, in pairs: ratios of user CPU and memory

kubeprof is built with the profile `dist`, as it is shipped, unless --kubeprof names another binary.

User CPU and peak memory are those of the process, as the kernel counted them (wait4); wall time is only judged where the
bar is about wall time. Output goes to /dev/null. A bar is what kubeprof may use at most, as a share of the reference.
The figure printed is the least of --runs. Nothing is asserted: the table is the result.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REAL = ROOT / "fixtures/captures/healthy-1.37.2/s01-heap.pb.gz"

# Report, user CPU bar, memory bar.
CASES = [
    (["-top"], 1 / 50, 1 / 5),
    (["-peek=."], 1 / 20, 1 / 5),
    (["-tree"], 1 / 20, 1 / 5),
    (["-traces"], 1 / 20, 1 / 5),
    (["-raw"], 1 / 20, 1 / 5),
    (["-dot"], 1 / 20, 1 / 5),
    (["-proto"], 1 / 3, 1 / 5),
    # No bars of their own; they must not fall behind unnoticed.
    (["-top", "-lines"], 1 / 50, 1 / 5),
    (["-top", "-cum", "-focus=Method1000"], None, None),
    (["-top", "-tagfocus=pod-7"], None, None),
    (["-tags"], None, None),
]
# Of a command that writes its answer into memory first, at most this much is wanted (MiB), whatever the reference needs.
TRACES_LIMIT = 600


class Usage:
    """What a process took: user CPU and wall in seconds, peak memory in MiB."""

    def __init__(self, user, wall, memory, status, error):
        self.user, self.wall, self.memory, self.status, self.error = user, wall, memory, status, error


def measure(command):
    import time

    with tempfile.TemporaryFile() as err:
        start = time.perf_counter()
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=err)
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.perf_counter() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        err.seek(0)
        text = err.read().decode(errors="replace").strip()
    return Usage(usage.ru_utime, wall, usage.ru_maxrss / 1024, child.returncode, text)


def least(command, runs):
    """The least of each figure over some runs."""
    all_runs = [measure(command) for _ in range(runs)]
    bad = next((u for u in all_runs if u.status != 0), None)
    if bad:
        return bad
    return Usage(min(u.user for u in all_runs), min(u.wall for u in all_runs), min(u.memory for u in all_runs), 0, "")


def built(name, *options):
    """The executable of that name, built."""
    command = ["cargo", "build", "--locked", *options, "--message-format=json"]
    out = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout.decode()
    for line in out.splitlines():
        message = json.loads(line)
        if message.get("executable") and message.get("target", {}).get("name") == name:
            return message["executable"]
    sys.exit(f"cargo built no {name}")


def reference(given):
    if given:
        return given
    out = subprocess.run(["go", "tool", "-n", "pprof"], check=True, stdout=subprocess.PIPE).stdout.decode().strip()
    return out.splitlines()[-1]


def make(generate, folder, name, *options):
    path = Path(folder) / f"{name}.pb.gz"
    if not path.exists():
        subprocess.run([generate, "--out", str(path), *options], check=True)
    return str(path)


def verdict(ratio, bar):
    if bar is None:
        return f"1/{1 / ratio:.0f}" if ratio < 1 else f"{ratio:.1f}x"
    mark = "ok" if ratio <= bar else "MISSED"
    return f"1/{1 / ratio:.1f} (bar 1/{1 / bar:.0f}) {mark}"


def ratios(args, folder, generate):
    pprof = reference(args.pprof)
    version = subprocess.run(["go", "version"], stdout=subprocess.PIPE).stdout.decode().strip()
    print(f"kubeprof: {args.kubeprof}\nreference: {version}\n")
    shapes = [(kind, shape) for kind in args.kind for shape in args.shape]
    for kind, shape in shapes:
        name = f"{kind}-{shape}-{args.samples}"
        options = ["--samples", str(args.samples), "--kind", kind, "--shape", shape, "--seed", str(args.seed)]
        path = make(generate, folder, name, *options)
        print(f"{name}: {os.path.getsize(path) / 1e6:.1f} MB packed")
        print(f"  {'report':<34} {'user s':>15} {'MiB':>13} {'wall s':>13}   user, memory")
        for flags, cpu_bar, memory_bar in CASES:
            label = " ".join(flags)
            if args.only and flags[0].lstrip("-").split("=")[0] not in args.only:
                continue
            own_flags = list(flags)
            extra = ["-output", os.devnull] if flags == ["-proto"] else []
            own = least([args.kubeprof, "pprof", *own_flags, *extra, path], args.runs)
            if own.status != 0:
                print(f"  {label:<34} kubeprof failed: {own.error[-200:]}")
                continue
            ref = least([pprof, *flags, *extra, path], 1)
            if ref.status != 0:
                print(f"  {label:<34} the reference failed: {ref.error[-200:]}")
                continue
            user = max(own.user, 0.001) / max(ref.user, 0.001)
            memory = own.memory / ref.memory
            note = ""
            if flags == ["-traces"] and own.memory > TRACES_LIMIT:
                note = f" MISSED: more than {TRACES_LIMIT} MiB"
            print(
                f"  {label:<34} {own.user:6.2f} {ref.user:8.2f} {own.memory:6.0f} {ref.memory:6.0f}"
                f" {own.wall:6.2f} {ref.wall:6.2f}   {verdict(user, cpu_bar)}, {verdict(memory, memory_bar)}{note}",
                flush=True,
            )
        print()
    if not args.only or "real" in args.only:
        real(args, pprof)


def pairs(args, folder, generate):
    """Two builds of kubeprof, each run right after the other, so that a busy machine is busy for both: the median of the
    ratios of the pairs."""
    print(f"now:    {args.kubeprof}\nbefore: {args.before}\n")
    inputs = []
    for kind in args.kind:
        for shape in args.shape:
            options = ["--samples", str(args.samples), "--kind", kind, "--shape", shape, "--seed", str(args.seed)]
            inputs.append((f"{kind}-{shape}-{args.samples}", options))
    print(f"  {'report':<34} {'user s':>15} {'MiB':>13}   now : before, median of {args.runs} pairs")
    worst = 0.0
    for name, options in inputs:
        path = make(generate, folder, name, *options)
        for flags in [*(flags for flags, *_ in CASES), None]:
            label = f"{name} {' '.join(flags)}" if flags else "real heap -top"
            if args.only and (flags[0].lstrip("-").split("=")[0] if flags else "real") not in args.only:
                continue
            extra = ["-output", os.devnull] if flags == ["-proto"] else []
            rest = ["pprof", *flags, *extra, path] if flags else ["pprof", "-top", str(REAL)]
            now, before = [], []
            for n in range(args.runs):
                both = [(args.kubeprof, now), (args.before, before)]
                for binary, to in both if n % 2 else reversed(both):
                    to.append(measure([binary, *rest]))
            bad = next((u for u in now + before if u.status != 0), None)
            if bad:
                print(f"  {label:<34} failed: {bad.error[-200:]}")
                continue
            user = statistics.median(max(a.user, 0.001) / max(b.user, 0.001) for a, b in zip(now, before))
            memory = statistics.median(a.memory / b.memory for a, b in zip(now, before))
            worst = max(worst, user)
            middle = [statistics.median(getattr(u, of) for u in us) for of in ("user", "memory") for us in (now, before)]
            print(
                f"  {label:<34} {middle[0]:6.2f} {middle[1]:8.2f} {middle[2]:6.0f} {middle[3]:6.0f}   {user:.3f}, {memory:.3f}",
                flush=True,
            )
    print(f"\n  the largest ratio of user CPU: {worst:.3f}")


def real(args, pprof):
    """The whole process on a profile of everyday size, interleaved so that a busy machine is busy for both."""
    path = str(REAL)
    commands = {
        "kubeprof pprof -top": [args.kubeprof, "pprof", "-top", path],
        "kubeprof top": [args.kubeprof, "top", path],
        "go tool pprof -top": ["go", "tool", "pprof", "-top", path],
        "its binary alone": [pprof, "-top", path],
    }
    walls = {name: [] for name in commands}
    for _ in range(25):
        for name, command in commands.items():
            usage = measure(command)
            if usage.status != 0:
                print(f"real heap: {name} failed: {usage.error[-200:]}")
                return
            walls[name].append(usage.wall)
    print(f"real kubelet heap, {os.path.getsize(path) / 1e3:.0f} kB, wall of 25 processes each, as typed")
    own = walls["kubeprof pprof -top"]
    for name, times in walls.items():
        middle, least = statistics.median(times), min(times)
        bar = 1 / 8 if name == "go tool pprof -top" else None
        line = f"  {name:<22} median {middle * 1e3:6.1f} ms, least {least * 1e3:6.1f} ms"
        if times is not own:
            line += f"   kubeprof pprof: {verdict(statistics.median(own) / middle, bar)}"
        print(line)


def growth(args, folder, generate):
    """One line a size: what a sample costs must not depend on how many there are, nor a frame on where it stands."""
    sizes = [("50k", 50_000), ("200k", 200_000), ("1M", 1_000_000)]
    odd = [
        # The same eight million frames and the same number of labels, otherwise distributed.
        ("800 x 10,000 frames", ["--samples", "800", "--depth", "10000"], 8_000_000),
        ("1 M functions", ["--functions", "1000000", "--locations", "1000000"], 8_000_000),
        ("200 labels on 10,000", ["--samples", "10000", "--labels", "200", "--labelled", "100"], 400_000),
    ]
    reports = [["-top"], ["-peek=."], ["-tree"], ["-traces"], ["-raw"], ["-dot"], ["-proto"], ["-tags"]]
    if args.only:
        reports = [r for r in reports if r[0].lstrip("-").split("=")[0] in args.only]
    for kind in args.kind:
        for shape in args.shape:
            print(f"{kind}, {shape} stacks of 40; user s, peak MiB, microseconds a thousand frames")
            print(f"  {'report':<10}" + "".join(f"{name:>26}" for name, _ in sizes) + "   cost of a frame, 1M : 50k")
            for flags in reports:
                cells, costs = [], []
                for name, samples in sizes:
                    options = ["--samples", str(samples), "--kind", kind, "--shape", shape, "--seed", str(args.seed)]
                    path = make(generate, folder, f"{kind}-{shape}-{samples}", *options)
                    extra = ["-output", os.devnull] if flags == ["-proto"] else []
                    u = least([args.kubeprof, "pprof", *flags, *extra, path], args.runs)
                    if u.status != 0:
                        cells.append(f"{'failed':>26}")
                        continue
                    costs.append(u.user / (samples * 40))
                    cells.append(f"{u.user:10.3f} {u.memory:7.0f} {costs[-1] * 1e9:7.2f}")
                ratio = f"{costs[-1] / costs[0]:.2f}" if len(costs) == len(sizes) and costs[0] else "?"
                print(f"  {flags[0]:<10}{''.join(cells)}   {ratio}", flush=True)
            print()
    kind, shape = args.kind[0], args.shape[0]
    print(f"{kind}, {shape}: odd shapes; user s, peak MiB, microseconds a thousand frames")
    print(f"  {'report':<10}" + "".join(f"{name:>26}" for name, _, _ in odd))
    for flags in reports:
        cells = []
        for name, options, frames in odd:
            path = make(generate, folder, f"odd-{kind}-{shape}-{'-'.join(options)}", *options, "--kind", kind,
                        "--shape", shape, "--seed", str(args.seed))  # fmt: skip
            extra = ["-output", os.devnull] if flags == ["-proto"] else []
            u = least([args.kubeprof, "pprof", *flags, *extra, path], args.runs)
            if u.status != 0:
                cells.append(f"{'failed':>26}")
                continue
            cells.append(f"{u.user:10.3f} {u.memory:7.0f} {u.user / frames * 1e9:7.2f}")
        print(f"  {flags[0]:<10}{''.join(cells)}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kubeprof", help="the binary; default: cargo builds it with the profile dist")
    parser.add_argument("--before", help="an older binary to compare with, instead of the reference")
    parser.add_argument("--pprof", help="go tool pprof's binary; default: what `go tool -n pprof` names")
    parser.add_argument("--generate", help="the built benches/generate; default: cargo builds it")
    parser.add_argument("--samples", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--runs", type=int, default=3, help="of kubeprof; the reference runs once")
    parser.add_argument("--kind", action="append", choices=["cpu", "heap"], help="default: cpu")
    parser.add_argument("--shape", action="append", choices=["random", "tree"], help="default: random")
    parser.add_argument("--only", action="append", help="a report, or `real`; may be given several times")
    parser.add_argument("--growth", action="store_true")
    parser.add_argument("--folder", help="where to make the inputs and leave them; default: a temporary folder")
    args = parser.parse_args()
    args.kind = args.kind or ["cpu"]
    args.shape = args.shape or ["random"]
    args.kubeprof = args.kubeprof or built("kubeprof", "--profile", "dist", "--bin", "kubeprof")
    generate = args.generate or built("generate", "--profile", "fast", "--bench", "generate")
    what = growth if args.growth else pairs if args.before else ratios
    with tempfile.TemporaryDirectory() as temporary:
        what(args, args.folder or temporary, generate)


if __name__ == "__main__":
    main()
