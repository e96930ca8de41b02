#!/usr/bin/env python3
"""Compares the layered layout of `pprof -http` (/graph) with Graphviz on the same graphs: crossings, length of arrows, area, time.

Crossings are counted alike for both: arrows as they are drawn, cut into short pieces, pairs of different arrows that meet away
from their ends. Needs `dot`. Usage: benches/graph.py KUBEPROF PROFILE...
"""
import os, re, signal, socket, subprocess, sys, time, urllib.request


def pieces(d):
    """Points along an SVG path of M, L and C."""
    tokens = re.findall(r"[MLC]|-?[\d.]+(?:e-?\d+)?", d)
    points, at, i, verb = [], None, 0, "M"
    while i < len(tokens):
        if tokens[i] in "MLC":
            verb = tokens[i]
            i += 1
            continue
        take = lambda n: [(float(tokens[i + 2 * k]), float(tokens[i + 2 * k + 1])) for k in range(n)]
        if verb == "C":
            a, b, c = take(3)
            i += 6
            for t in (k / 8 for k in range(1, 9)):
                u = 1 - t
                points.append(tuple(u**3 * at[j] + 3 * u * u * t * a[j] + 3 * u * t * t * b[j] + t**3 * c[j] for j in (0, 1)))
            at = c
        else:
            (at,) = take(1)
            i += 2
            points.append(at)
    return points


def crossings(arrows):
    segments, count, seen = [], 0, set()
    for n, points in enumerate(arrows):
        for a, b in zip(points, points[1:]):
            segments.append((min(a[0], b[0]), n, a, b))
    segments.sort(key=lambda s: s[0])
    side = lambda p, q, r: (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0])
    for i, (_, n, a, b) in enumerate(segments):
        right = max(a[0], b[0])
        for left, m, c, d in segments[i + 1:]:
            if left > right:
                break
            if n == m or (min(n, m), max(n, m)) in seen:
                continue
            if side(a, b, c) * side(a, b, d) < 0 and side(c, d, a) * side(c, d, b) < 0:
                ends = [arrows[n][0], arrows[n][-1], arrows[m][0], arrows[m][-1]]
                if all(abs(a[0] - e[0]) + abs(a[1] - e[1]) > 14 for e in ends):
                    seen.add((min(n, m), max(n, m)))
                    count += 1
    return count


def length(arrows):
    return sum(((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2) ** 0.5 for p in arrows for a, b in zip(p, p[1:]))


def main():
    kubeprof, profiles = sys.argv[1], sys.argv[2:]
    print("| profile | boxes | arrows | crossings own | dot | length own | dot | Mpx own | dot | s own | dot |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for profile in profiles:
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        server = subprocess.Popen([kubeprof, "pprof", f"-http=127.0.0.1:{port}", "-no_browser", profile], stderr=subprocess.DEVNULL)
        try:
            for _ in range(1000):
                try:
                    socket.create_connection(("127.0.0.1", port), timeout=1).close()
                    break
                except OSError:
                    time.sleep(0.02)
            began = time.monotonic()
            page = urllib.request.urlopen(f"http://127.0.0.1:{port}/graph", timeout=120).read().decode()
            own_time = time.monotonic() - began
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait()
        own = [pieces(d) for d in re.findall(r'<path d="([^"]+)" fill="none"', page)]
        size = re.search(r'<svg [^>]*width="([\d.]+)" height="([\d.]+)"', page)
        dot_text = subprocess.run([kubeprof, "pprof", "-dot", profile], capture_output=True, text=True).stdout
        # Boxes of labels are nodes of their own there.
        dot_text = re.sub(r'(?m)^N\d+_\d+ .*$|^NN.*$|^N\d+ -> N\d+_\d+ .*$', "", dot_text)
        began = time.monotonic()
        svg = subprocess.run(["dot", "-Tsvg"], input=dot_text, capture_output=True, text=True).stdout
        dot_time = time.monotonic() - began
        theirs = [pieces(d) for d in re.findall(r'<path fill="none"[^>]* d="([^"]+)"', svg)]
        theirs_size = re.search(r'viewBox="[\d.]+ [\d.]+ ([\d.]+) ([\d.]+)"', svg)
        area = lambda m: float(m.group(1)) * float(m.group(2)) / 1e6
        print(f"| {os.path.basename(profile)} | {page.count('<rect')} | {len(own)} | {crossings(own)} | {crossings(theirs)} | {length(own):.0f} | {length(theirs):.0f} "
              f"| {area(size):.2f} | {area(theirs_size):.2f} | {own_time:.2f} | {dot_time:.2f} |", flush=True)


main()
