#!/usr/bin/env python3
"""Compares `kubeprof pprof -http` with `go tool pprof -http` on the same profiles in one run.

For each: how long from the start of the server until it answers, how long one request for the flame graph takes, how many
bytes come over the wire (gzip where the server does it), and the largest memory of the server. Nothing is asserted: the table
is for people. Usage: benches/web.py KUBEPROF PROFILE...
"""
import gzip, os, re, signal, socket, subprocess, sys, time, urllib.error, urllib.request


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def get(url):
    request = urllib.request.Request(url, headers={"Accept-Encoding": "gzip"})
    with urllib.request.urlopen(request, timeout=300) as answer:
        body = answer.read()
        return len(body), gzip.decompress(body) if answer.headers.get("Content-Encoding") == "gzip" else body


def peak_kb(pid):
    with open(f"/proc/{pid}/status") as f:
        return int(re.search(r"VmHWM:\s+(\d+)", f.read()).group(1))


def measure(command, port):
    start = time.monotonic()
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}/ui/flamegraph"
    try:
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                if server.poll() is not None:
                    return None
                time.sleep(0.01)
        up = time.monotonic() - start
        asked = time.monotonic()
        sent, body = get(url)
        first = time.monotonic() - asked
        again = time.monotonic()
        get(url)
        return up, first, time.monotonic() - again, sent, len(body), peak_kb(server.pid)
    finally:
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()


def main():
    kubeprof, profiles = sys.argv[1], sys.argv[2:]
    go = subprocess.run(["go", "tool", "-n", "pprof"], capture_output=True, text=True, env={**os.environ, "GOTOOLCHAIN": os.environ.get("GOTOOLCHAIN", "local")})
    tools = [("kubeprof", [kubeprof, "pprof"])]
    if go.returncode == 0:
        tools.append(("go tool pprof", [go.stdout.strip()]))
    print(f"| {'profile':<22} | {'server':<13} | up s | first s | again s | sent kB | page kB | peak MB |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for profile in profiles:
        for name, tool in tools:
            port = free_port()
            found = measure([*tool, f"-http=127.0.0.1:{port}", "-no_browser", profile], port)
            base = os.path.basename(profile)
            if found is None:
                print(f"| {base:<22} | {name:<13} | failed |")
                continue
            up, first, again, sent, page, peak = found
            print(f"| {base:<22} | {name:<13} | {up:.2f} | {first:.2f} | {again:.2f} | {sent / 1000:.0f} | {page / 1000:.0f} | {peak / 1024:.0f} |", flush=True)


main()
