#!/usr/bin/env python3
"""Compares `kubeprof pprof` with `go tool pprof`: the same command lines, the same bytes on stdout, the same exit codes.

    python3 tests/differential/run.py --kubeprof target/release/kubeprof [--pprof CMD] PROFILE_OR_DIR...

Needs Python 3 and a Go toolchain (whose version decides what the reference is; kubeprof follows that of Go 1.27), or any
command that takes pprof's flags in --pprof. For every profile it makes a list of command lines from the function names, files,
labels and sample types that occur in it; the choice depends on --seed and the profile only. Profiles with the same sample
types serve as bases and second sources of each other.

pprof is not deterministic: maps decide the order of equal rows in -files and in call trees, and of equal edges. Where its
output differs from kubeprof's, it is run again; only when it differs from itself is the case called random, and then the
lines are compared as a multiset. Such cases are listed. `-proto` and `-topproto` are compared by what `-raw` of both
tools says about them.

With --sessions the same is done for the interactive mode instead: scripts of its statements go to standard input, and what
comes out and which files are written is compared.

The last line is `N same, N order-only (reference is random), N different`; the exit code is 1 when anything is different.
"""

import argparse
import collections
import concurrent.futures
import difflib
import gzip
import os
import random
import re
import shlex
import subprocess
import sys
import tempfile

GRANULARITIES = ["functions", "filefunctions", "files", "lines", "addresses"]
# Commands that write a profile.
PROFILES = ("-proto", "-topproto")
ZONES = ["UTC", "America/St_Johns", "Asia/Kolkata", "Europe/Berlin"]
# How often the reference is run again to find its variants; more often until it varies at all.
RERUNS, MORE_RERUNS = 8, 40


class Facts:
    """What occurs in a profile, as the reference's -raw tells it."""

    def __init__(self, path, raw):
        self.path = path
        self.types, self.units = [], []
        self.functions, self.files = collections.Counter(), collections.Counter()
        self.texts, self.numbers = collections.defaultdict(set), collections.defaultdict(set)
        self.mapping = ""
        section, wants_types = "", False
        for line in raw.split("\n"):
            if wants_types:
                wants_types = False
                for word in line.split():
                    kind, _, unit = word.replace("[dflt]", "").partition("/")
                    self.types.append(kind)
                    self.units.append(unit)
            elif line in ("Samples:", "Locations", "Mappings"):
                section, wants_types = line, line == "Samples:"
            elif section == "Samples:" and line.startswith("                "):
                for key, values in re.findall(r"(\S+?):\[([^\]]*)\]", line):
                    if re.fullmatch(r"[-\d]+( \S+)?( [-\d]+( \S+)?)*", values):
                        self.numbers[key].add(values.split(" ")[0])
                    else:
                        self.texts[key].add(values)
            elif section == "Locations":
                at = re.match(r"\s*(?:\d+: 0x[0-9a-f]+ (?:M=\d+ )?(?:\[F\] )?)?(.*) (\S*):-?\d+:-?\d+ s=-?\d+", line)
                if at:
                    self.functions[at.group(1).strip()] += 1
                    self.files[at.group(2)] += 1
            elif section == "Mappings":
                words = line.split()
                if len(words) > 2 and not self.mapping and "/" in words[2]:
                    self.mapping = words[2]

    def signature(self):
        return (tuple(self.types), tuple(self.units))


class Names:
    """Regular expressions made of what occurs in a profile."""

    def __init__(self, facts, rng):
        self.rng = rng
        self.functions = sorted(f for f in facts.functions if f) or ["main"]
        self.common = [f for f, _ in facts.functions.most_common(12) if f] or ["main"]
        self.files = sorted(f for f in facts.files if f) or ["main.go"]

    def function(self):
        pool = self.common if self.rng.random() < 0.6 else self.functions
        return self.rng.choice(pool)

    def exact(self):
        return "^" + re.escape(self.function()).replace("\\/", "/").replace("\\-", "-") + "$"

    def package(self):
        name = self.function()
        slash = name.rfind("/") + 1
        return re.escape(name[: slash + (name[slash:] + ".").index(".")]) + r"\."

    def word(self):
        words = re.findall(r"[A-Za-z]{4,}", self.function())
        return self.rng.choice(words) if words else "main"

    def file(self):
        return re.escape(os.path.basename(self.rng.choice(self.files)) or "go")

    def any(self):
        make = self.rng.choice([self.exact, self.package, self.word, self.word, self.file])
        return make()

    def several(self):
        return "|".join(self.any() for _ in range(self.rng.randint(2, 4)))


def command_lines(facts, partners, rng):
    """The command lines for a profile: lists of arguments, the sources included, and an environment for each."""
    names, own = Names(facts, rng), [facts.path]
    sets = []

    def add(*flags, sources=None, **env):
        sets.append((list(flags) + (sources or own), env))

    def report():
        return rng.choice(["-top", "-top", "-tree", "-dot", "-traces", "-peek=" + names.word(), "-tags", "-raw"])

    def grain():
        return "-" + rng.choice(GRANULARITIES)

    for g in GRANULARITIES:
        add("-top", "-" + g)
        add("-top", "-" + g, "-cum", "-nodecount=15")
        add("-tree", "-" + g, rng.choice(["-cum", "-flat"]))
        add("-dot", "-" + g, rng.choice(["-cum", "-flat"]))
        add("-traces", "-" + g)
        add("-peek=" + names.any(), "-" + g)
        add("-topproto", "-" + g, rng.choice(["-cum", "-flat"]))
    for zone in ZONES:
        add("-top", TZ=zone)
    add("-raw", TZ=ZONES[1])
    add("-dot", TZ=ZONES[2])
    for plain in ["-raw", "-proto", "-comments", "-tags", "-callgrind", "-text", "-topproto"]:
        add(plain)
    add("-comments", "-add_comment=a comment")
    add("-top", "-add_comment=#hidden")
    add("-callgrind", "-noinlines")
    add("-callgrind", "-call_tree")
    add("-dot", "-call_tree")
    add("-dot", "-call_tree", "-trim=false")
    add("-dot", "-trim=false")
    add("-tree", "-trim=false", grain())
    add("-top", "-trim=false", "-cum", grain())
    add("-top", "-call_tree")
    for n in (1, 3, 10, 40):
        add(rng.choice(["-top", "-tree", "-dot"]), f"-nodecount={n}", grain())
    add("-top", "-nodefraction=0.05")
    add("-dot", "-nodefraction=0.02", "-edgefraction=0.05")
    add("-tree", "-edgefraction=0.2", "-nodefraction=0")

    for option in ["focus", "ignore", "hide", "show", "show_from", "prune_from"]:
        for command in ["-top", "-tree", "-dot", report(), "-proto"]:
            add(command, f"-{option}={names.any()}", grain())
        add(report(), f"-{option}={names.several()}", rng.choice(["-cum", "-flat"]))
    for _ in range(6):
        two = rng.sample(["focus", "ignore", "hide", "show", "show_from", "prune_from"], 2)
        add(report(), *[f"-{option}={names.any()}" for option in two], grain())
    add("-top", "-focus=" + names.any(), "-relative_percentages")
    add("-tree", "-ignore=" + names.any(), "-relative_percentages", "-cum")
    add("-tags", "-focus=" + names.any(), "-relative_percentages")
    add("-callgrind", "-focus=" + names.any())
    add("-top", "-focus=thereisnosuchname")
    add("-top", "-focus=(")
    add("-top", "-focus=" + "x" * 100 + "|" + names.word())

    for unit in ["auto", "ms", "s", "kB", "MB", "B", "count", "bogus", "us", "hrs"]:
        add(rng.choice(["-top", "-tree", "-dot", "-traces", "-tags", "-list=" + names.word()]), "-unit=" + unit)
    for i, kind in enumerate(facts.types):
        add("-top", "-sample_index=" + kind)
        add("-dot", f"-sample_index={i}")
        add("-top", f"-sample_index={i}", "-mean")
        add(rng.choice(["-tree", "-dot", "-traces", "-callgrind"]), f"-sample_index={i}", "-mean", grain())
        if kind in ("inuse_space", "inuse_objects", "alloc_space", "alloc_objects", "contentions"):
            add("-top", "-" + kind)
        if kind == "delay":
            add("-top", "-total_delay")
            add("-tree", "-mean_delay")
    add("-top", "-sample_index=nonsense")
    add("-top", "-sample_index=99")
    for by in ["2", "0.5", "3.7", "1e6"]:
        add(rng.choice(["-top", "-tree", "-dot", "-traces", "-tags", "-proto"]), "-divide_by=" + by)
    add("-top", "-divide_by=0")
    for command in ["-top", "-tree", "-dot", "-traces", "-tags"]:
        add(command, "-compact_labels")
        add(command, "-noinlines", grain())
    add("-top", "-lines", "-showcolumns")

    for pattern in [names.exact(), names.package(), names.word(), "."]:
        add("-list=" + pattern)
    add("-list=" + names.word(), "-noinlines", "-mean")
    add("-list=thereisnosuchname")
    add("-peek=thereisnosuchname")
    add("-peek=.", "-cum")
    add("-list=" + names.any(), "-source_path=/usr/src:/usr/local/go/src", "-trim_path=/go/pkg/mod:/build")
    folder = os.path.dirname(rng.choice(names.files))
    add("-top", "-lines", "-trim_path=" + folder)
    add("-tree", "-filefunctions", "-source_path=/x/" + os.path.basename(folder or "src"))

    add("-tags", "-tagfocus=.")
    add("-top", "-tagfocus=1kb:64kb")
    add("-dot", "-tagignore=:100")
    for key in sorted(facts.texts)[:3]:
        value = rng.choice(sorted(facts.texts[key]))
        pattern = re.escape(value.split(" ")[0]) or "x"
        add("-top", f"-tagfocus={key}={pattern}")
        add("-tags", "-tagignore=" + pattern)
        add("-top", f"-tagfocus={pattern},{key}")
        add("-top", "-tagroot=" + key)
        add("-tree", "-tagleaf=" + key, grain())
        add("-dot", "-tagroot=" + key, "-focus=" + pattern)
        add("-traces", "-taghide=" + key)
        add("-dot", "-tagshow=" + key)
        add("-top", f"-tagfocus={key}=0")
    for key in sorted(facts.numbers)[:3]:
        value = rng.choice(sorted(facts.numbers[key]))
        for tag in [value, f"{value}:", f":{value}", f"1:{value}", f"{key}={value}b:"]:
            add(rng.choice(["-top", "-tags", "-dot"]), "-tagfocus=" + tag)
        add("-top", "-tagroot=" + key)
        add("-tree", "-tagleaf=" + key, "-unit=kB")
        add("-tags", "-unit=bytes")
        add("-tags", "-tagshow=" + key)
        add("-traces", "-taghide=" + key)
        add("-dot", "-tagleaf=" + key, "-noinlines")
    add("-top", "-tagroot=nosuchkey")
    add("-dot", "-lines", "-trim=false", "-tagleaf=" + ",".join(sorted(list(facts.texts) + list(facts.numbers))[:2] or ["k"]))

    for mode in ["none", "local", "fastlocal", "force", "demangle=none", "demangle=full", "demangle=templates", "remote", "no:force"]:
        add(rng.choice(["-top", "-tree"]), "-symbolize=" + mode)
    add("-top", "-all_frames")
    add("-top", "-buildid=abcdef0123")
    add("-top", "-drop_negative")
    add("-top", "-output=/dev/stdout")
    add("-top", "-tree")
    add("-top", "-nosuchflag")
    add("-top", "-cum", "-flat")
    add("-top", "-normalize")
    add("-top", sources=[facts.path, "/nonexistent/profile"])
    add("-top", sources=["/nonexistent/profile"])

    add("-top", "-base=" + facts.path)
    add("-top", "-diff_base=" + facts.path)
    add("-tree", "-diff_base=" + facts.path, "-lines")
    add("-raw", sources=own + own)
    add("-top", sources=own + own)
    if partners:
        other = rng.choice(partners)
        for command in ["-top", "-tree", "-dot", "-traces", "-tags", "-raw", "-proto", "-callgrind", "-list=" + names.word()]:
            add(command, "-diff_base=" + other, grain())
            add(command, "-base=" + other)
        for flags in [["-drop_negative"], ["-normalize"], ["-normalize", "-mean"], ["-focus=" + names.any()], ["-unit=auto"], ["-cum"]]:
            add("-top", "-diff_base=" + other, *flags)
            add(rng.choice(["-dot", "-tree"]), "-base=" + other, *flags)
        for n in (2, 5, 20):
            add(rng.choice(["-top", "-tree", "-dot"]), "-diff_base=" + other, "-drop_negative", f"-nodecount={n}", rng.choice(["-cum", "-flat"]))
            add(rng.choice(["-top", "-tree", "-dot"]), "-base=" + other, "-drop_negative", "-nodefraction=0.02", f"-nodecount={n}", grain())
        add("-dot", "-call_tree", "-diff_base=" + other)
        add("-peek=" + names.word(), "-diff_base=" + other, "-divide_by=2")
        several = own + rng.sample(partners, min(len(partners), 3))
        for command in ["-top", "-raw", "-proto", "-dot", "-tags", "-tree"]:
            add(command, sources=several)
        add("-top", "-diff_base=" + other, sources=several)
        add("-raw", "-base=" + other, sources=several)
    return sets


class Tools:
    def __init__(self, reference, ours, timeout):
        self.reference, self.ours, self.timeout = reference, ours, timeout
        self.folder = tempfile.mkdtemp(prefix="differential-")
        self.env = dict(os.environ, TERM="dumb", TZ="UTC", HOME=self.folder, PPROF_BINARY_PATH="/nonexistent", PPROF_TMPDIR=self.folder)

    def run(self, command, args, env):
        done = subprocess.run(
            command + args, cwd=self.folder, env=dict(self.env, **env), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=self.timeout)
        # Two: it did not work. How a crash is reported is not compared.
        return done.stdout, done.returncode

    def raw(self, command, profile):
        with tempfile.NamedTemporaryFile(dir=self.folder, suffix=".pb.gz") as file:
            file.write(profile)
            file.flush()
            return self.run(command, ["-raw", "-symbolize=none", "-all_frames", file.name], {})

    def is_profile(self, args):
        return args[0] in PROFILES


def expand_callgrind(text):
    """Callgrind without what depends on the order: names in full, without ordinals, absolute addresses."""
    names, lines, previous, current = {}, [], 0, 0
    for line in text.split("\n"):
        found = re.match(r"(c?(?:ob|fl|fn))=\((\d+)\) ?(.*)", line)
        if found:
            kind, number, name = found.groups()
            table = names.setdefault(kind[-2:], {})
            if name:
                table[number] = name
            lines.append(f"{kind}={re.sub(r' .[0-9]+/[0-9]+.$', '', table.get(number, number))}")
            continue
        found = re.match(r"(calls=0 )?(\*|[+-]?\d+|0x[0-9a-f]+) (\d+)( -?\d+)?$", line)
        if found:
            calls, address, rest, cost = found.groups()
            if address == "*":
                at = previous
            elif address.startswith("0x"):
                at = int(address, 16)
            else:
                at = (previous + int(address)) % 2**64
            lines.append(f"{calls or ''}{at:#x} {rest}{cost or ''}")
            if not calls:
                current = at
            continue
        lines.append(line)
        if line == "" or line.startswith("ob="):
            previous = current
        # The position before the next cost line is that of the node before it.
        previous = current if line == "" else previous
    return lines


def normal(args, out):
    """The lines of an output without what depends on their order."""
    text = out.decode(errors="replace")
    if args[0] == "-callgrind":
        return collections.Counter(expand_callgrind(text))
    lines = text.split("\n")
    if args[0] == "-dot":
        lines = [re.sub(r'\bN+\d+(_\d+)*\b|(?<=id="node)\d+', "N", line) for line in lines]
    elif args[0] in ("-top", "-text", "-tree") or args[0].startswith("-peek"):
        # flat flat% sum% cum cum%: the running sum goes.
        lines = [re.sub(r"^(\s*\S+\s+[\d.e+-]+%)\s+[\d.e+-]+%", r"\1", line) for line in lines]
    return collections.Counter(lines)


def form_of(args, out):
    """The normal form of an output, or of what -raw says about a profile."""
    return normal(["-raw"] if args[0] in PROFILES else args, out)


def compare(tools, args, env):
    """'same', 'random' or 'different', with a text."""
    ours, our_code = tools.run(tools.ours, args, env)
    seen = []
    for run in range(1 + RERUNS + MORE_RERUNS):
        # Some ties are seldom broken in another way.
        if run > RERUNS and len(set(seen)) > 1:
            forms = [form_of(args, text) for text in seen]
            if form_of(args, second) in forms or any(f != forms[0] for f in forms):
                break
        theirs, code = tools.run(tools.reference, args, env)
        if code != our_code:
            return "different", f"exit code {code}, kubeprof {our_code}"
        if tools.is_profile(args) and code == 0:
            wanted = tools.raw(tools.reference, theirs)
            got = tools.raw(tools.reference, ours)
            read = tools.raw(tools.ours, ours)
            if wanted == got == read:
                return ("random" if seen else "same"), ""
            seen.append(wanted[0])
            first, second = wanted[0], (got[0] if wanted != got else read[0])
        else:
            if theirs == ours:
                return ("random" if seen else "same"), ""
            seen.append(theirs)
            first, second = theirs, ours
    if len(set(seen)) > 1:
        forms = [form_of(args, text) for text in seen]
        if form_of(args, second) in forms:
            return "random", ""
        if any(f != forms[0] for f in forms):
            return "random", "the reference differs from itself in more than order"
    diff = difflib.unified_diff(
        first.decode(errors="replace").split("\n"), second.decode(errors="replace").split("\n"), "pprof", "kubeprof", n=0, lineterm="")
    shown = []
    for line in diff:
        shown.append(line[:200])
        if len(shown) > 12:
            break
    return "different", "\n    ".join(shown)


def session_scripts(facts, rng, count):
    """Scripts for the interactive mode: lists of statements, and flags before the profile."""
    names = Names(facts, rng)
    keys = sorted(list(facts.texts) + list(facts.numbers)) or ["key"]

    def number():
        return str(rng.choice([0, 1, 2, 3, 5, 10, 40, -1, -3]))

    def command():
        name = rng.choice(["top", "top", "text", "tree", "traces", "tags", "raw", "dot", "comments", "peek", "list"])
        words = [name + (number().lstrip("-") if rng.random() < 0.2 else "")]
        if name in ("peek", "list"):
            words = [name, names.any()]
        for _ in range(rng.choice([0, 0, 1, 1, 2, 3])):
            words.append(rng.choice([number, names.any, names.any, lambda: "-" + names.any(), lambda: "-cum", lambda: "--cum"])())
        if rng.random() < 0.15:
            words += rng.choice([["> out.txt"], [">out.txt"], [">"], ["| cat"]])
        return " ".join(words)

    def to_file():
        name = rng.choice(["callgrind", "proto", "topproto", "top", "dot", "raw"])
        return name + rng.choice(["", " >saved", " " + names.any() + " > saved"])

    def assignment():
        name, value = rng.choice([
            ("focus", names.any), ("ignore", names.any), ("hide", names.any), ("show", names.any), ("show_from", names.any),
            ("prune_from", names.any), ("tagfocus", lambda: rng.choice(keys) + "=."), ("tagignore", lambda: "x"),
            ("tagshow", lambda: rng.choice(keys)), ("taghide", lambda: rng.choice(keys)), ("tagroot", lambda: rng.choice(keys)),
            ("tagleaf", lambda: rng.choice(keys)), ("nodecount", number), ("nodefraction", lambda: rng.choice(["0", "0.1", "x"])),
            ("edgefraction", lambda: "0.05"), ("unit", lambda: rng.choice(["kb", "ms", "auto", "bogus"])),
            ("granularity", lambda: rng.choice(GRANULARITIES + ["bogus"])), (rng.choice(GRANULARITIES), lambda: rng.choice(["true", "1", "no"])),
            ("sort", lambda: rng.choice(["cum", "flat"])), ("cum", lambda: "true"), ("flat", lambda: "1"),
            ("sample_index", lambda: rng.choice(facts.types + ["0", "1", "99", "", "nonsense"])),
            ("divide_by", lambda: rng.choice(["2", "0.5", "0"])), ("mean", lambda: rng.choice(["t", "f"])),
            ("trim", lambda: rng.choice(["yes", "no", "maybe"])), ("call_tree", lambda: "1"), ("noinlines", lambda: rng.choice(["1", "0"])),
            ("compact_labels", lambda: rng.choice(["true", "false"])), ("relative_percentages", lambda: rng.choice(["y", "n"])),
            ("drop_negative", lambda: "true"), ("showcolumns", lambda: ""), ("output", lambda: rng.choice(["kept.txt", ""])),
        ])
        text = value()
        return name + rng.choice(["=", " = "]) + text + rng.choice(["", "", "  //: a comment"])

    def word():
        kind = rng.choice(facts.types or ["cpu"])
        return rng.choice([
            ":", kind, "mean_" + kind, "total_" + kind, "lines", "cum", "trim", "mean", "call_tree", "focus", "", "o", "options", "help",
            "help top", "help granularity", "bogus", "bogus7", "list", "top >", "top 3 // no comment", "  top 2  ", "focus x",
            "top 99999999999", "focus=(", "peek thereisnosuchname", "list thereisnosuchname", "peek (", "top -focus=x"])

    for _ in range(count):
        statements = []
        for _ in range(rng.randint(2, 8)):
            statements.append(rng.choice([command, command, command, assignment, assignment, assignment, word, to_file])())
        text = "\n".join(statements) + rng.choice(["\n", "\n", "", "\nquit\ntop\n", "\nexit\n"])
        yield rng.choice([[], [], [], ["-focus=" + names.any()], ["-lines", "-cum"], ["-nodecount=3"], ["-compact_labels=false"]]), text


def run_session(tools, command, flags, profile, script):
    """What a session prints, its exit code, and the files that it leaves."""
    with tempfile.TemporaryDirectory(dir=tools.folder) as folder:
        done = subprocess.run(
            command + flags + [profile], cwd=folder, env=tools.env, input=script.encode(),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=tools.timeout)
        files = {}
        for name in sorted(os.listdir(folder)):
            with open(os.path.join(folder, name), "rb") as file:
                data = file.read()
            # Compressed bytes may differ; what they say may not.
            data = tools.raw(tools.reference, data)[0] if data.startswith(b"\x1f\x8b") else data
            files[name] = data.replace(folder.encode(), b"FOLDER")
        # Sources that are not found name the folder.
        return done.stdout.replace(folder.encode(), b"FOLDER"), done.returncode, files


def compare_session(tools, flags, profile, script):
    """'same', 'random' or 'different', with a text."""
    ours = run_session(tools, tools.ours, flags, profile, script)
    seen = []
    for _ in range(1 + RERUNS):
        theirs = run_session(tools, tools.reference, flags, profile, script)
        if theirs == ours:
            return ("random" if seen else "same"), ""
        seen.append(theirs)
    if any(other != seen[0] for other in seen):
        lines = [collections.Counter(re.sub(rb"N\d+(_\d+)*|node\d+", b"N", s[0]).split(b"\n")) for s in [ours] + seen]
        return "random", "" if lines[0] in lines[1:] else "the reference differs from itself"
    if seen[0][1:2] != ours[1:2] or sorted(seen[0][2]) != sorted(ours[2]):
        return "different", f"exit code and files {seen[0][1]} {sorted(seen[0][2])}, kubeprof {ours[1]} {sorted(ours[2])}"
    pairs = [(seen[0][0], ours[0])] + [(seen[0][2][name], ours[2][name]) for name in ours[2]]
    a, b = next(pair for pair in pairs if pair[0] != pair[1])
    diff = list(difflib.unified_diff(
        a.decode(errors="replace").split("\n"), b.decode(errors="replace").split("\n"), "pprof", "kubeprof", n=0, lineterm=""))
    return "different", "\n    ".join(line[:200] for line in diff[:12])


def profiles_in(paths):
    found = []
    for path in paths:
        if os.path.isdir(path):
            for folder, folders, files in os.walk(path):
                folders.sort()
                found += [os.path.join(folder, f) for f in sorted(files) if f.endswith((".pb.gz", ".pb", ".prof", ".pprof"))]
        else:
            found.append(path)
    return [os.path.abspath(p) for p in found]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kubeprof", default="target/release/kubeprof", help="the binary to try")
    parser.add_argument("--pprof", default="", help="the reference (default: that of `go tool -n pprof`)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sets", type=int, default=0, help="at most so many command lines a profile (default: all)")
    parser.add_argument("--sessions", type=int, default=0, metavar="N", help="compare N sessions a profile instead of command lines")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--timeout", type=float, default=300)
    parser.add_argument("--verbose", action="store_true", help="list the cases that are the same, too")
    parser.add_argument("paths", nargs="+", metavar="PROFILE_OR_DIR")
    args = parser.parse_args()
    reference = shlex.split(args.pprof)
    if not reference:
        found = subprocess.run(["go", "tool", "-n", "pprof"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
        # Some versions build the tool on its first run only.
        reference = [found] if os.access(found, os.X_OK) else ["go", "tool", "pprof"]
    tools = Tools(reference, [os.path.abspath(args.kubeprof), "pprof"], args.timeout)

    facts = []
    for path in profiles_in(args.paths):
        with open(path, "rb") as file:
            if file.read(2) != b"\x1f\x8b" and not path.endswith((".pb", ".prof", ".pprof")):
                print(f"skipped, not a gzip: {path}")
                continue
        raw, code = tools.run(reference, ["-raw", "-symbolize=none", path], {})
        if code != 0:
            print(f"skipped, the reference cannot read it: {path}")
            continue
        facts.append(Facts(path, raw.decode(errors="replace")))
    cases = []
    for f in facts:
        rng = random.Random(f"{args.seed} {os.path.basename(f.path)}")
        partners = [o.path for o in facts if o.path != f.path and o.signature() == f.signature()]
        if args.sessions:
            cases += [(flags, f.path, script) for flags, script in session_scripts(f, rng, args.sessions)]
            continue
        sets = command_lines(f, partners, rng)
        if args.sets and len(sets) > args.sets:
            sets = rng.sample(sets, args.sets)
        cases += sets
    print(f"{len(facts)} profiles, {len(cases)} {'sessions' if args.sessions else 'command lines'}", flush=True)

    counts = collections.Counter()
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        def one(case):
            try:
                return compare_session(tools, *case) if args.sessions else compare(tools, *case)
            except subprocess.TimeoutExpired as e:
                return "different", str(e)
        for case, (verdict, text) in zip(cases, pool.map(one, cases)):
            counts[verdict] += 1
            if verdict != "same" or args.verbose:
                label = {"random": "order-only"}.get(verdict, verdict)
                if args.sessions:
                    flags, profile, script = case
                    said = f"{shlex.join(flags + [profile])} <<< {script!r}"
                else:
                    flags, env = case
                    said = "".join(f"{k}={v} " for k, v in env.items()) + shlex.join(flags)
                print(f"{label}: {said}" + (f"\n    {text}" if text else ""), flush=True)
    print(f"{counts['same']} same, {counts['random']} order-only (reference is random), {counts['different']} different")
    return 1 if counts["different"] else 0


if __name__ == "__main__":
    sys.exit(main())
