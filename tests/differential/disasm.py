#!/usr/bin/env python3
"""Compares `kubeprof pprof -disasm` with `go tool pprof -disasm`: functions, sums, addresses, values and places.

    python3 tests/differential/disasm.py KUBEPROF

Needs Go 1.27. A small program is built for amd64 and arm64, plain and as PIE; profiles of random samples in its functions name the
binary. Both tools read both. The instructions themselves are not compared: kubeprof writes GNU syntax, pprof Go's, and pprof
cuts the last instruction of a function off and knows no VEX prefix (D33): on amd64 a function is compared up to the first byte
that pprof could not decode. The last line is `N functions, N instructions
equal, N different`; the exit code is 1 when anything is different, or when too few were compared.
"""

import gzip
import os
import random
import re
import subprocess
import sys
import tempfile

from random_profiles import Strings, record, uint, varint

PROGRAM = """package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"sort"
	"strings"
)

type pair[K comparable, V any] struct {
	key   K
	value V
}

func (p pair[K, V]) String() string { return fmt.Sprint(p.key, p.value) }

//go:noinline
func fib(n int) int {
	if n < 2 {
		return n
	}
	return fib(n-1) + fib(n-2)
}

func weigh(f float64, i uint32) float64 { return f*1.5 + float64(i) }

//go:noinline
func words(all []string) (out []pair[string, float64]) {
	sort.Slice(all, func(i, j int) bool { return strings.ToLower(all[i]) < strings.ToLower(all[j]) })
	for i, w := range all {
		out = append(out, pair[string, float64]{w, weigh(float64(len(w)), uint32(i))})
	}
	return
}

func main() {
	fmt.Println(fib(len(os.Args)), words(os.Environ()), sha256.Sum256([]byte(os.Args[0])))
}
"""
FUNCTIONS = ["main.fib", "main.words", "main.words.func1", "main.main", "strings.ToLower", "sort.Slice", "strconv.FormatInt", "runtime.mallocgc", "runtime.gopark"]


def build(folder, name, arch, mode):
    env = {**os.environ, "GOARCH": arch, "CGO_ENABLED": "0", "GOFLAGS": "-mod=mod"}
    path = os.path.join(folder, name)
    subprocess.run(["go", "build", f"-buildmode={mode}", "-o", path, "."], cwd=folder, env=env, check=True)
    return path


def profile(path, rng):
    """Random stacks in the functions of a binary, whose code is mapped somewhere else."""
    listed = subprocess.run(["go", "tool", "nm", "-size", path], capture_output=True, text=True, check=True).stdout
    found = {}
    for line in listed.splitlines():
        words = line.split(None, 3)
        if len(words) == 4 and words[2] in "Tt" and words[3] in FUNCTIONS:
            found[words[3]] = (int(words[0], 16), int(words[1]))
    segments = subprocess.run(["readelf", "-lW", path], capture_output=True, text=True, check=True).stdout
    offset, address, size = re.search(r"LOAD\s+(0x\w+) (0x\w+) 0x\w+ (0x\w+) 0x\w+ R E", segments).groups()
    offset, address, size = int(offset, 16), int(address, 16), int(size, 16)
    pie = "DYN" in subprocess.run(["readelf", "-h", path], capture_output=True, text=True, check=True).stdout
    slide = 0x5500_0000_0000 if pie else 0
    s = Strings()
    out = record(1, uint(1, s("samples")) + uint(2, s("count"))) + record(1, uint(1, s("cpu")) + uint(2, s("nanoseconds")))
    body, locations = b"", {}
    for _ in range(400):
        stack = []
        for _ in range(rng.randint(1, 5)):
            start, length = found[rng.choice(sorted(found))]
            where = start + rng.randrange(length - 1) // 4 * 4
            stack.append(locations.setdefault(where, len(locations) + 1))
        n = rng.randint(1, 9)
        body += record(2, record(1, b"".join(varint(l) for l in stack)) + record(2, varint(n) + varint(n * 10_000_000)))
    out += body + record(3, uint(1, 1) + uint(2, address + slide) + uint(3, address + slide + (size | 0xFFF) + 1) + uint(4, offset) + uint(5, s(path)))
    for where, number in locations.items():
        out += record(4, uint(1, number) + uint(2, 1) + uint(3, where + slide))
    out += b"".join(record(6, text.encode()) for text in s.all)
    file = path + ".pb.gz"
    with gzip.open(file, "wb") as f:
        f.write(out)
    return file


def functions(text):
    """Name -> (sums, rows); a row is (address, flat, cum, place), `?` a byte that was not decoded."""
    found, place, pending = {}, None, None
    for line in text.splitlines():
        if line.startswith("ROUTINE"):
            name, place, pending = line.split("= ", 1)[1], "", None
            found[name] = [None, []]
        elif "(flat, cum)" in line:
            found[name][0] = line
        elif re.match(r" {74};", line):
            pending = line.strip()[1:]
        elif m := re.match(r" *(\S+) +(\S+) +([0-9a-f]+): (.*)$", line):
            flat, cum, address, rest = m.groups()
            code, _, here = rest.partition(";") if re.search(r"  +;|.{40};", rest) else (rest, "", "")
            place = pending or here or place
            pending = None
            found[name][1].append((int(address, 16), flat, cum, place, code.strip()))
    return found


def main():
    kubeprof, rng = os.path.abspath(sys.argv[1]), random.Random(33)
    go = subprocess.run(["go", "tool", "-n", "pprof"], capture_output=True, text=True, check=True).stdout.strip()
    total = instructions = different = 0
    with tempfile.TemporaryDirectory(prefix="disasm-") as folder:
        for name, text in [("main.go", PROGRAM), ("go.mod", "module example.com/disasm\n\ngo 1.27\n")]:
            with open(os.path.join(folder, name), "w") as f:
                f.write(text)
        for arch, mode in [("amd64", "exe"), ("amd64", "pie"), ("arm64", "exe"), ("arm64", "pie")]:
            path = build(folder, f"program-{arch}-{mode}", arch, mode)
            file = profile(path, rng)
            expressions = ["main.fib", r"main\.", "ToLower|FormatInt", "mallocgc", "gopark", r"sort\.Slice"]
            for expression in expressions:
                for more in [[], ["-sample_index=samples"], ["-unit=ms"]]:
                    texts = []
                    for tool in ([kubeprof, "pprof"], [go]):
                        done = subprocess.run([*tool, *more, f"-disasm={expression}", file], capture_output=True, text=True, env={**os.environ, "TZ": "UTC", "HOME": folder})
                        texts.append(functions(done.stdout))
                    ours, theirs = texts
                    label = f"{arch} {mode} {expression} {more}"
                    if list(ours) != list(theirs):
                        different += 1
                        print(f"{label}: functions {list(ours)} {list(theirs)}")
                        continue
                    for name in theirs:
                        total += 1
                        (sums, rows), (their_sums, their_rows) = ours[name], theirs[name]
                        # Instructions of arm64 have one length, so that one which pprof cannot decode moves no other.
                        cut = (i for i, r in enumerate(their_rows) if r[4] == "?" and arch == "amd64")
                        bad = next(cut, len(their_rows))
                        same = [r[:4] for r in rows[:bad]] == [r[:4] for r in their_rows[:bad]]
                        instructions += bad
                        if sums != their_sums or not same:
                            different += 1
                            wrong = next(((a, b) for a, b in zip(rows, their_rows) if a[:4] != b[:4]), (rows[bad - 1 : bad + 1], their_rows[bad - 1 : bad + 1]))
                            print(f"{label} {name}: {sums} | {their_sums} {wrong}")
    print(f"{total} functions, {instructions} instructions equal, {different} different")
    sys.exit(1 if different or total < 100 or instructions < 5000 else 0)


main()
