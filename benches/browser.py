#!/usr/bin/env python3
"""What a browser makes of `kubeprof pprof -http` and `go tool pprof -http`: the first flame graph, then panning and zooming.

Chromium and chromedriver (Debian's packages) are driven through WebDriver. For each server and profile: milliseconds from the request
to the first byte and to the end of the page's own script (the graph is drawn), bytes over the wire, tasks above 50 ms after
the page was there, and for a drag over a zoomed graph: frames, milliseconds of script a frame (mean, 99 % and worst) and the longest task.
Nothing is asserted: the table is for people. Usage: benches/browser.py [--no-go] KUBEPROF PROFILE...
"""
import json, os, socket, subprocess, sys, time, urllib.request

# Script time by frame: between two frames the browser counts what scripts took.
WATCH = """
window.watched = {tasks: [], frames: 0, script: []};
new PerformanceObserver((list) => { for (const e of list.getEntries()) watched.tasks.push(Math.round(e.duration)); }).observe({type: 'longtask'});
// Handlers of the page, timed from outside: every listener and every callback of a frame.
let spent = 0;
const timed = (f) => typeof f !== 'function' ? f : function (...args) { const t = performance.now(); try { return f.apply(this, args); } finally { spent += performance.now() - t; } };
const raf = window.requestAnimationFrame.bind(window);
window.requestAnimationFrame = (f) => raf(timed(f));
const add = EventTarget.prototype.addEventListener;
EventTarget.prototype.addEventListener = function (type, f, o) { return add.call(this, type, timed(f), o); };
const tick = () => { watched.frames++; watched.script.push(spent); spent = 0; raf(tick); };
raf(tick);
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Browser:
    def __init__(self):
        self.port = free_port()
        self.driver = subprocess.Popen(["chromedriver", f"--port={self.port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait(self.port)
        options = {"args": ["--headless", "--no-sandbox", "--disable-gpu", "--window-size=1280,800"]}
        self.session = self.call("", {"capabilities": {"alwaysMatch": {"goog:chromeOptions": options}}})["sessionId"]
        self.cdp("Page.addScriptToEvaluateOnNewDocument", source=WATCH)

    def call(self, path, body, method="POST"):
        base = f"http://127.0.0.1:{self.port}/session" + (f"/{self.session}" if hasattr(self, "session") else "")
        request = urllib.request.Request(base + path, data=json.dumps(body).encode(), method=method, headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=600) as answer:
            return json.loads(answer.read())["value"]

    def cdp(self, command, **params):
        return self.call("/goog/cdp/execute", {"cmd": command, "params": params})

    def run(self, script):
        return self.call("/execute/sync", {"script": script, "args": []})

    def move(self, points, press):
        to = [{"type": "pointerMove", "duration": 16, "x": int(x), "y": int(y)} for x, y in points]
        actions = to[:1] + ([{"type": "pointerDown", "button": 0}] if press else []) + to[1:] + ([{"type": "pointerUp", "button": 0}] if press else [])
        self.call("/actions", {"actions": [{"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}, "actions": actions}]})

    def close(self):
        self.call("", {}, "DELETE")
        self.driver.terminate()
        self.driver.wait()


def wait(port):
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)


def measure(browser, command):
    port = free_port()
    server = subprocess.Popen([*command[:-1], f"-http=127.0.0.1:{port}", "-no_browser", command[-1]], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait(port)
        # Once for the browser's own caches.
        browser.call("/url", {"url": f"http://127.0.0.1:{port}/top?f=^$"})
        browser.call("/url", {"url": "about:blank"})
        browser.call("/url", {"url": f"http://127.0.0.1:{port}/ui/flamegraph"})
        time.sleep(2)
        loaded = browser.run("const n = performance.getEntriesByType('navigation')[0]; return [n.responseStart, n.domInteractive, n.transferSize, watched.tasks.splice(0)];")
        area = browser.run("const b = (document.querySelector('#stage-box canvas') || document.querySelector('#stack-chart')).getBoundingClientRect(); return [b.left, b.top, b.width, Math.min(b.height, innerHeight - b.top)];")
        left, top, width, height = area
        middle = (left + width / 2, top + height / 2)
        # Ctrl and wheel zoom where it can be done; then the drag.
        for _ in range(6):
            browser.cdp("Input.dispatchMouseEvent", type="mouseWheel", x=middle[0], y=middle[1], deltaX=0, deltaY=-240, modifiers=2)
        time.sleep(0.3)
        browser.run("watched.script = []; watched.tasks = [];")
        for _ in range(3):
            browser.move([(left + width * (0.8 - i / 100), middle[1]) for i in range(60)], True)
        pan = browser.run("return [watched.script, watched.tasks.splice(0)];")
        busy = [s for s in pan[0] if s > 0.05]
        return loaded, busy, pan[1]
    finally:
        server.terminate()
        server.wait()


def main():
    arguments = [a for a in sys.argv[1:] if a != "--no-go"]
    tools = [("kubeprof", [arguments[0], "pprof"])]
    if "--no-go" not in sys.argv:
        go = subprocess.run(["go", "tool", "-n", "pprof"], capture_output=True, text=True, env={**os.environ, "GOTOOLCHAIN": os.environ.get("GOTOOLCHAIN", "local")})
        tools.append(("go tool pprof", [go.stdout.strip()]))
    print("| profile | server | first byte ms | drawn ms | sent kB | load: tasks > 50 ms | pan: frames | script ms a frame | 99 % | worst | tasks > 50 ms |")
    print("| --- | --- | ---: | ---: | ---: | --- | ---: | ---: | ---: | ---: | --- |")
    for profile in arguments[1:]:
        for name, tool in tools:
            browser = Browser()
            try:
                (first, drawn, sent, tasks), busy, long = measure(browser, [*tool, profile])
                mean = sum(busy) / max(len(busy), 1)
                print(f"| {os.path.basename(profile)} | {name} | {first:.0f} | {drawn:.0f} | {sent / 1000:.0f} | {tasks} | {len(busy)} | {mean:.2f} | {sorted(busy)[len(busy) * 99 // 100]:.2f} | {max(busy, default=0):.2f} | {long} |", flush=True)
            finally:
                browser.close()


main()
