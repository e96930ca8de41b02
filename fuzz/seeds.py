#!/usr/bin/env python3
"""Makes fuzz/corpus/TARGET/ out of fixtures/: small real inputs, each behind the bytes that its target reads first."""

import gzip
import io
import pathlib
import subprocess
import tarfile

HERE = pathlib.Path(__file__).resolve().parent
FIXTURES = HERE.parent / "fixtures"
# Texts that no fixture has: one of each legacy format and of each mistake.
TEXTS = [
    b"heap profile: 3: 3072 [5: 5120] @ heap_v2/524288\n2: 2048 [4: 4096] @ 0x1001 0x2001\nMAPPED_LIBRARIES:\n"
    b"build=/usr/bin/x\n00400000-00500000 r-xp 00001000 08:01 12  $build\n",
    b"--- contentionz 1 ---\ncycles/second = 0x7735\nsampling period = 100\nms since reset = 12\n7 3 @ 0x1001 0x2001\n",
    b"--- threadz 1 ---\n--- Thread 7f00 (name: main/12) stack: ---\n  PC: 0x401000 f\n  0x402001 g\n"
    b"--- Thread 7f01 (name: w/13) stack: ---\n  [same as previous thread]\n--- Memory map: ---\n1000-2000 r-xp 0 0:0 1 /x\n",
    b"--- heapz 1 ---\nformat = java\nresolution = bytes\n 2048 2 @ 0x3 0x4\n0x3 a.B.c (B.java:7)\n0x4 lib (/x/y.so)\n",
    b"--- contentionz 1 ---\nformat = java\nresolution = ms\nsampling period = 10\n 2048 2 @ 0x3\n0x3 GC\n",
    b'HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\n\r\n{"kind":"Status","code":403,"message":"m"}',
    b"<!DOCTYPE html><html><head><title>Sign in</title></head></html>",
    b"apiVersion: v1\nkind: Pod\n",
    b"# HELP a b\n# TYPE a gauge\na 1\n",
    b"I1123 10:11:12.345678    7 a.go:1] x\n",
    b"".join(w.to_bytes(8, "little") for w in [0, 3, 0, 10000, 0, 3, 3, 0x1000, 0x2001, 0x3001, 0, 1, 0])
    + b"1000-2000: /bin/x\n",
]
ARTIFACTS = [
    b"process_start_time_seconds 1.7e+09\ngo_goroutines 7\n",
    b'{"kubeletconfig":{"kind":"KubeletConfiguration"}}',
    b'{"gitVersion":"v1.36.1","goVersion":"go1.26.8"}',
    b'{"kind":"Node","metadata":{"name":"worker-1"}}',
    b"go 1.26 trace\0\0\0",
    b"[+]ping ok\n[-]syncloop failed: reason withheld\n",
    b"/usr/bin/kubelet\0--config\0/var/lib/kubelet/config.yaml\0",
    b"kubelet flagz\nWarning: ...\n\nconfig=x\n",
    b"kubelet statusz\nWarning: ...\n\nUptime: 1h\n",
]


class Corpus:
    def __init__(self, target):
        self.folder = HERE / "corpus" / target
        self.folder.mkdir(parents=True, exist_ok=True)
        self.count = 0

    def add(self, name, data):
        (self.folder / f"{self.count:03}-{name.replace('/', '-')}").write_bytes(data)
        self.count += 1


def small(folder, pattern, most):
    for path in sorted((FIXTURES / folder).rglob(pattern)):
        packed = path.read_bytes()
        data = gzip.decompress(packed) if path.suffix == ".gz" else packed
        if len(data) <= most:
            yield path.name, data


def main():
    reports = Corpus("reports")
    profiles = [p for folder in ("compat", "gotext", "captures") for p in small(folder, "*.pb.gz", 16 << 10)]
    # Every report once, in both dialects, with and without filters.
    for n, (name, data) in enumerate(profiles):
        for report in range(17):
            head = bytearray(b"\x02" * 24)
            head[0], head[1] = (n + report) % 9, report % 2
            head[3], head[4], head[5], head[6] = 0, 1, 0, 0
            head[-3 - report % 2] = report
            if report % 4 == n % 4:
                reports.add(f"{report}-{name}", bytes(head) + data)
    reports.add("packed", b"\0" * 24 + gzip.compress(profiles[0][1], mtime=0))

    texts = Corpus("texts")
    whole = [(n, d) for n, d in small("gotext", "*.debug?.txt", 16 << 10)] + [
        (n, d) for n, d in small("goroutines", "*.txt", 20 << 10)
    ]
    whole += [(f"text-{n}", t) for n, t in enumerate(TEXTS)]
    for name, data in whole:
        for reader in (0, 1, 3, 4):
            texts.add(f"{reader}-{name}", bytes([reader]) + data)
        if b"goroutine " in data:
            texts.add(f"2-{name}", b"\x02" + b"\x10" * 24 + data)
    for path in sorted((FIXTURES / "refusals").glob("*.http")):
        texts.add(path.name, b"\x04" + path.read_bytes())
    for n, data in enumerate(ARTIFACTS):
        texts.add(f"artifact-{n}", bytes([5, n]) + data)
    table = (HERE.parent / "src/kubelet/subsystems.tsv").read_bytes().splitlines(keepends=True)
    texts.add("table", b"\x06" + b"".join(table[:40]))
    texts.add("table-end", b"\x06" + b"".join(table[-40:]))
    names = [
        b"k8s.io/kubernetes/pkg/kubelet.(*podWorkers).UpdatePod.func1",
        b"main.work[go.shape.int,go.shape.struct { a int }](...)",
        b"gopkg.in/yaml%2ev3.init.0",
        b"vendor/golang.org/x/net/http2.(*Framer).ReadFrame-fm",
        b"type:.eq.sync/atomic.Pointer[interface {}]",
    ]
    texts.add("names", b"\x07" + b"\n".join(names))

    binaries = Corpus("binaries")
    for name in ("c/c", "c/c-debug", "c/c-stripped"):
        elf = subprocess.run(["zstd", "-dcq", FIXTURES / f"binaries/{name}.zst"], check=True, capture_output=True)
        binaries.add(name, b"\0" + elf.stdout)
    for which in range(1, 5):
        binaries.add(f"whole-{which}", bytes([which]))
        for place in range(0, 17):
            for width in (0, 3):
                patch = bytes([place, 8 * width, 0, 0, width]) + b"\xff" * 8
                binaries.add(f"patch-{which}", bytes([which]) + patch)

    archives = Corpus("archives")
    with tarfile.open(FIXTURES / "bundle/two-nodes.tar.gz") as bundle:
        members = [(m, bundle.extractfile(m).read()) for m in bundle.getmembers() if m.isfile()]
    journal = next(data for m, data in members if m.name.endswith("manifest.jsonl"))
    for mode in (2, 3):
        archives.add("journal", bytes([mode]) + journal)
        for line in journal.splitlines(keepends=True)[:12]:
            archives.add("line", bytes([mode]) + journal.splitlines(keepends=True)[0] + line)
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for member, data in members:
            if len(data) < 1000 or member.name.endswith("manifest.jsonl"):
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
        for kind, name in ((tarfile.SYMTYPE, "link"), (tarfile.CHRTYPE, "null"), (tarfile.REGTYPE, "a/" * 60 + "long")):
            odd = tarfile.TarInfo(name)
            odd.type, odd.linkname = kind, "/etc/passwd" if kind == tarfile.SYMTYPE else ""
            tar.addfile(odd, io.BytesIO())
    for mode in (0, 1):
        archives.add("tar", bytes([mode]) + plain.getvalue())
        archives.add("tar-gz", bytes([mode]) + gzip.compress(plain.getvalue(), mtime=0))
    zstd = subprocess.run(["zstd", "-cq"], input=plain.getvalue(), check=True, capture_output=True)
    archives.add("tar-zst", b"\0" + zstd.stdout)

    for corpus in (reports, texts, binaries, archives):
        print(f"{corpus.folder}: {corpus.count} seeds")


main()
