#!/usr/bin/env python3
"""Writes small random profiles for run.py: everything that the format allows and that real profiles seldom have.

    python3 tests/differential/random_profiles.py --out DIR [--count N] [--seed N]

Recursion, inlined frames, frames without names, lines or addresses, several mappings, columns, start lines, folded
locations, negative and zero values, text and numeric labels with and without units, equal weights, comments, drop_frames, odd
names. Pairs of profiles (a, b) share their types and functions, so that they can be compared and merged.
"""

import argparse
import gzip
import os
import random
import struct

NAMES = [
    "main.main", "main.fib", "runtime.mallocgc", "runtime.goexit", "k8s.io/kubernetes/pkg/kubelet.(*Kubelet).syncPod",
    "k8s.io/kubernetes/pkg/kubelet.(*Kubelet).syncPod.func1", "k8s.io/klog/v2.(*loggingT).output", "main.Map[go.shape.int,go.shape.string]",
    "main.(*Set[go.shape.int]).Insert", "main.Sort[go.shape.func(int) bool]", "main.X[...]", "std::vector<int, std::allocator<int>>::push_back(int)",
    "(anonymous namespace)::Foo::bar", "ns::Klass::method", "java.util.HashMap.get", "Foo.<init>", "operator new(unsigned long)",
    'quote"d\\name', "a b c", "main.init.0", "go.etcd.io/etcd/client/v3.(*Client).Get", "type..eq.struct { a int }", "syscall.Syscall6", "ünïcode.名前",
    ".dotted", "main.glob..func1", "x", "",
]
FILES = ["/src/main.go", "/usr/local/go/src/runtime/malloc.go", "k8s.io/kubernetes/pkg/kubelet/kubelet.go", "./rel/../main.go", "/proc/self/cwd/x/y.cc",
         "C:\\win\\file.go", "", "/go/pkg/mod/k8s.io/klog/v2@v2.1.0/klog.go", "a//b/./c.go", "/src/main.go"]
TYPES = [
    [("samples", "count"), ("cpu", "nanoseconds")],
    [("alloc_objects", "count"), ("alloc_space", "bytes"), ("inuse_objects", "count"), ("inuse_space", "bytes")],
    [("contentions", "count"), ("delay", "nanoseconds")],
    [("goroutine", "count")],
    [("events", "widgets"), ("gcu", "GCU"), ("time", "milliseconds")],
]


def varint(n):
    n %= 2**64
    out = bytearray()
    while n >= 0x80:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def uint(field, n):
    return varint(field << 3) + varint(n) if n else b""


def record(field, payload):
    return varint(field << 3 | 2) + varint(len(payload)) + payload


class Strings:
    def __init__(self):
        self.all = [""]

    def __call__(self, text):
        if text not in self.all:
            self.all.append(text)
        return self.all.index(text)


def profile(shape, values):
    """One profile: `shape` decides types, functions and locations, `values` the samples."""
    s, out = Strings(), b""
    types = shape.choice(TYPES)
    for kind, unit in types:
        out += record(1, uint(1, s(kind)) + uint(2, s(unit)))
    sparse = shape.choice([1, 1, 7])
    functions = []
    for i in range(shape.randint(3, 20)):
        name = shape.choice(NAMES) if shape.random() < 0.9 else f"pkg{i}.f{i}"
        system = name if shape.random() < 0.7 else "_Zmangled" + str(i)
        start = shape.choice([0, 0, shape.randint(1, 90)])
        functions.append(record(5, uint(1, (i + 1) * sparse) + uint(2, s(name)) + uint(3, s(system)) + uint(4, s(shape.choice(FILES))) + uint(5, start)))
    mappings = []
    for i in range(shape.randint(0, 3)):
        start = 0x400000 + i * 0x1000000
        flags = b"".join(uint(f, shape.randint(0, 1)) for f in (7, 8, 9, 10)) if i else uint(7, 1)
        file = shape.choice(["/usr/bin/kubelet", "/lib/libc.so.6", "[vdso]", "", "relative/bin"])
        build_id = shape.choice(["", "abcdef%02d" % i])
        mappings.append(record(3, uint(1, i + 1) + uint(2, start) + uint(3, start + 0x800000) + uint(4, i * 0x1000) + uint(5, s(file)) + uint(6, s(build_id)) + flags))
    locations = []
    for i in range(shape.randint(3, 30)):
        mapping = shape.randint(0, len(mappings)) if mappings else 0
        address = shape.choice([0, 0x400000 + shape.randint(0, 0x3000)])
        lines = b""
        for _ in range(shape.choice([0, 1, 1, 1, 1, 2, 3])):
            line = shape.choice([0, shape.randint(1, 40), shape.randint(1, 400)])
            lines += record(4, uint(1, shape.randint(1, len(functions)) * sparse) + uint(2, line) + uint(3, shape.choice([0, 0, 0, 5])))
        locations.append(record(4, uint(1, (i + 1) * sparse) + uint(2, mapping) + uint(3, address) + lines + uint(5, shape.choice([0, 0, 0, 1]))))
    scale = shape.choice([1, 7, 1000, 10**7, 10**10])
    signs = shape.choice([[1], [1], [1, 1, -1]])
    texts = {"worker": ["0", "1", "2"], "pod": ["kube-system/a", "default/b c", "x\"y"], "k": ["", "v"]}
    for _ in range(values.randint(1, 60)):
        depth = values.choice([0, 1, 2, 5, 9, 20])
        stack = [values.randint(1, len(locations)) * sparse for _ in range(depth)]
        numbers = [values.choice(signs) * values.choice([0, 1, 1, 2, 3, values.randint(1, 50)]) * (scale if i == len(types) - 1 else 1) for i in range(len(types))]
        body = record(1, b"".join(map(varint, stack))) if stack else b""
        body += record(2, b"".join(map(varint, numbers)))
        for key in texts:
            if values.random() < 0.3:
                body += record(3, uint(1, s(key)) + uint(2, s(values.choice(texts[key]))))
        if values.random() < 0.5:
            unit = shape.choice(["", "bytes", "kilobytes"])
            for _ in range(values.choice([1, 1, 2])):
                body += record(3, uint(1, s("bytes")) + uint(3, values.choice([0, 8, 16, 1024, 48 * values.randint(1, 3000)])) + uint(4, s(unit)))
        if values.random() < 0.2:
            body += record(3, uint(1, s(values.choice(["request", "latency", "n"]))) + uint(3, values.randint(-5, 5000)) + uint(4, s(values.choice(["", "ms", "s", "bytes"]))))
        out += record(2, body)
    out += b"".join(mappings + locations + functions)
    if shape.random() < 0.3:
        out += uint(7, s(".*alloc.*|operator new")) + uint(8, s(shape.choice(["", "runtime\\.mallocgc"])))
    out += uint(9, values.choice([0, 1700000000123456789, 1750000000000000000 + values.randint(0, 10**16)]))
    out += uint(10, values.choice([0, 10**10, 1234567, 987654321012]))
    out += record(11, uint(1, s(types[-1][0])) + uint(2, s(types[-1][1]))) + uint(12, values.choice([0, 1, 524288]))
    for comment in values.sample(["a comment", "#hidden", "two\nlines"], values.randint(0, 2)):
        out += uint(13, s(comment))
    if shape.random() < 0.3:
        out += uint(14, s(types[0][0]))
    if shape.random() < 0.2:
        out += uint(15, s("https://example.com/doc"))
    return out + b"".join(record(6, text.encode()) for text in s.all)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", required=True)
    parser.add_argument("--count", type=int, default=10, help="pairs")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    os.makedirs(args.out, exist_ok=True)
    for i in range(args.count):
        for half in "ab":
            seed = f"{args.seed} {i}"
            data = profile(random.Random(seed), random.Random(seed + half))
            path = os.path.join(args.out, f"random-{args.seed}-{i:03}-{half}.pb.gz")
            with open(path, "wb") as file:
                file.write(gzip.compress(data, mtime=0))


if __name__ == "__main__":
    main()
