#!/usr/bin/env python3
"""Asks `kubeprof pprof -http` and `go tool pprof -http` for the same addresses and prints a table of status and content.

Not part of `cargo test`: it needs Go. What differs on purpose has a reason in the last column; anything else ends it with 1.
Usage: tests/differential/web.py KUBEPROF PROFILE [FUNCTION], where a function of the profile is asked for in place of startPodSync
"""
import http.client, os, re, signal, socket, subprocess, sys, time

PATHS = ["/", "/ui", "/ui/", "/ui/flamegraph", "/ui/flamegraph?f=startPodSync", "/ui/flamegraph?si=alloc_space", "/ui/flamegraph2", "/ui/flamegraphold",
         "/ui/top", "/ui/top?f=startPodSync", "/ui/top?i=cadvisor&h=^context", "/ui/top?s=kubelet&sf=podWorkers", "/ui/top?si=inuse_objects", "/ui/top?si=alloc_objects&sort=cum",
         "/ui/top?g=lines", "/ui/top?g=files", "/ui/top?n=5", "/ui/top?nf=0.1", "/ui/top?trim=false", "/ui/top?rel=true&f=grpc", "/ui/top?mean=true", "/ui/top?noinlines=true",
         "/ui/top?tf=bytes=48:200", "/ui/top?unit=MB", "/ui/top?f=(", "/ui/top?si=nosuch", "/ui/top?g=nosuch", "/ui/top?n=abc", "/ui/top?trim=maybe",
         "/ui/graph", "/ui/graph?f=startPodSync", "/ui/graph?calltree=true&f=startPodSync", "/ui/peek?f=startPodSync", "/ui/peek?f=nosuchfunction", "/ui/peek?f=(",
         "/ui/source?f=startPodSync", "/ui/source?f=nosuchfunction", "/ui/disasm?f=startPodSync", "/ui/download", "/ui/saveconfig?config=x", "/ui/deleteconfig?config=x", "/ui/nosuchpage"]
PATHS = [path.replace("startPodSync", sys.argv[3]) for path in PATHS] if len(sys.argv) > 3 else PATHS
ON_PURPOSE = [
    (r"^/ui/(save|delete)config", "GET changes nothing: an address is a configuration"),
    (r"^/ui/(graph)", "drawn without Graphviz"),
]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def start(command):
    port = free_port()
    environment = {**os.environ, "TZ": "UTC", "XDG_CONFIG_HOME": "/nonexistent"}
    server = subprocess.Popen([*command, f"-http=127.0.0.1:{port}", "-no_browser", sys.argv[2]], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    for _ in range(3000):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return server, port
        except OSError:
            time.sleep(0.02)
    sys.exit(f"{command} does not listen")


def ask(port, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read().decode("utf-8", "replace")
    return answer.status, (answer.getheader("Content-Type") or "").split(";")[0], body


def names(body):
    """Functions of /top: ours are rows of HTML, pprof's are JSON in a script."""
    ours = re.findall(r"<tr><td data-value=\"(-?\d+)\">.*?<a [^>]*>(.*?)</a>", body)
    if ours:
        return [(name.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").replace("&#39;", "'"), int(flat)) for flat, name in ours]
    theirs = re.findall(r'"Name":"((?:[^"\\]|\\.)*)","InlineLabel":"[^"]*","Flat":(-?\d+)', body)
    return [(name.encode().decode("unicode_escape"), int(flat)) for name, flat in theirs]


def main():
    go = subprocess.run(["go", "tool", "-n", "pprof"], capture_output=True, text=True).stdout.strip()
    ours, theirs = start([sys.argv[1], "pprof"]), start([go])
    wrong = 0
    print("| address | kubeprof | pprof | content | on purpose |\n| --- | --- | --- | --- | --- |")
    try:
        for path in PATHS:
            (s1, t1, b1), (s2, t2, b2) = ask(ours[1], path), ask(theirs[1], path)
            why = next((text for pattern, text in ON_PURPOSE if re.search(pattern, path)), "")
            content = ""
            if path.startswith("/ui/top") and s1 == s2 == 200:
                a, b = names(b1), names(b2)
                content = f"{len(a)} rows, equal" if a == b else f"{len(a)} and {len(b)} rows, DIFFERENT"
            different = s1 != s2 or "DIFFERENT" in content
            wrong += different and not why
            print(f"| `{path}` | {s1} {t1} | {s2} {t2} | {content} | {why if different else ''} |")
    finally:
        for server, _ in (ours, theirs):
            server.send_signal(signal.SIGTERM)
            server.wait()
    print(f"\n{wrong} different without a reason")
    sys.exit(1 if wrong else 0)


main()
