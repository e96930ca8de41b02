#!/usr/bin/env python3
"""Goroutine dumps through everything that carries them: the report has to be that of the bare file.

usage: tests/carriers.py KUBEPROF DUMP...

Every dump goes through every carrier below, between lines of others where the carrier is a log, and `kubeprof goroutines`
has to say the same of it as of the bare file: totals, buckets, stacks, owners, waits. Prints one line for each that does
not. Then lines are lost at random (1, 5, 20 %), and no more goroutines may be counted than there were, and no stack may
hold frames of two. Exits with 1 if anything differed.
"""

import datetime
import gzip
import html
import json
import random
import subprocess
import sys
import textwrap

T0 = datetime.datetime(2026, 3, 12, 7, 41, 30, 123456)


def at(i):
    return T0 + datetime.timedelta(microseconds=i * 137)


def lines(text):
    return text.rstrip("\n").split("\n")


def prefixed(f, noise=None):
    def carry(text):
        out = []
        if noise:
            out += noise
        for i, l in enumerate(lines(text)):
            out.append(f(i, l))
            if noise and i % 17 == 3:
                out.append(noise[i % len(noise)])
        return "\n".join(out + (noise or [])) + "\n"
    return carry


def records(f):
    return lambda text: "".join(json.dumps(f(i, l)) + "\n" for i, l in enumerate(lines(text)))


def export(text):
    out = []
    for i, l in enumerate(lines(text)):
        out.append(f"__CURSOR=s=1;i={i:x}\n__REALTIME_TIMESTAMP={1773301290000000 + i}\n_HOSTNAME=n1\nPRIORITY=6\n"
                   f"SYSLOG_IDENTIFIER=kubelet\n_PID=4711\nMESSAGE={l}\n")
    return "\n".join(out)


def wrapped(width):
    def carry(text):
        out = []
        for l in lines(text):
            l = f"Mar 12 07:41:30 n1 kubelet[4711]: {l}".expandtabs(8)
            out += [l[i:i + width] for i in range(0, len(l), width)] or [""]
        return "\n".join(out) + "\n"
    return carry


def klog_value(text):
    body = "".join(f"\t{l}\n" for l in lines(text))
    return f'E0312 07:41:30.123456    4711 runtime.go:79] "Observed a panic" panic="boom" stacktrace=<\n{body} >\nI0312 07:41:31.000000    4711 a.go:1] next\n'


MON = "%b %d %H:%M:%S"
OTHERS = ["Mar 12 07:41:30 n1 containerd[812]: time=\"2026-03-12T07:41:30Z\" level=info msg=\"goroutine count\" n=3",
          "Mar 12 07:41:30 n1 systemd[1]: Starting Cleanup of Temporary Directories...",
          "Mar 12 07:41:30 n1 kernel: eth0: link becomes ready"]

CARRIERS = {
    "journal short": prefixed(lambda i, l: f"{at(i).strftime(MON)} n1 kubelet[4711]: {l}", OTHERS),
    "journal short-iso": prefixed(lambda i, l: f"{at(i).strftime('%Y-%m-%dT%H:%M:%S')}+0100 n1 kubelet[4711]: {l}"),
    "journal short-iso-precise": prefixed(lambda i, l: f"{at(i).isoformat()}+01:00 n1 kubelet[4711]: {l}"),
    "journal short-precise": prefixed(lambda i, l: f"{at(i).strftime(MON)}.{at(i).microsecond:06} n1 kubelet[4711]: {l}"),
    "journal short-unix": prefixed(lambda i, l: f"{1773301290 + i // 9000}.{i % 1000000:06} n1 kubelet[4711]: {l}"),
    "journal short-monotonic": prefixed(lambda i, l: f"[{5 + i / 7000:12.6f}] n1 kubelet[4711]: {l}"),
    "journal short-full": prefixed(lambda i, l: f"Thu {at(i).strftime('%Y-%m-%d %H:%M:%S')} UTC n1 kubelet[4711]: {l}"),
    "journal json": records(lambda i, l: {"__REALTIME_TIMESTAMP": str(1773301290000000 + i), "MESSAGE": l, "_PID": "4711", "SYSLOG_IDENTIFIER": "kubelet", "_HOSTNAME": "n1"}),
    "journal json, bytes": records(lambda i, l: {"MESSAGE": list(l.encode()), "_PID": "4711", "SYSLOG_IDENTIFIER": "kubelet"}),
    "journal export": export,
    "rsyslog without pid": prefixed(lambda i, l: f"{at(i).strftime(MON)} worker kubelet: {l}"),
    "rsyslog escapes": prefixed(lambda i, l: f"{at(i).strftime(MON)} worker kubelet[4711]: " + l.replace("\t", "#011")),
    "RFC 5424": prefixed(lambda i, l: f"<30>1 {at(i).isoformat()}Z n1 kubelet 4711 - - {l}"),
    "klog": prefixed(lambda i, l: f"I{at(i).strftime('%m%d %H:%M:%S.%f')}    4711 server.go:{100 + i % 7}] {l}"),
    "klog value": klog_value,
    "CRI": prefixed(lambda i, l: f"{at(i).isoformat()}789Z stderr F {l}"),
    "docker json-file": records(lambda i, l: {"log": l + "\n", "stream": "stderr", "time": at(i).isoformat() + "Z"}),
    "fluentd": records(lambda i, l: {"log": l, "kubernetes": {"pod_name": "kubelet-x", "container_name": "kubelet"}, "@timestamp": at(i).isoformat() + "Z"}),
    "fluentd tag": prefixed(lambda i, l: f"{at(i).strftime('%Y-%m-%d %H:%M:%S.%f000')} +0000 kube.kubelet: " + json.dumps({"message": l, "stream": "stderr"})),
    "cloud logging": records(lambda i, l: {"insertId": f"x{i}", "textPayload": l, "resource": {"labels": {"node_name": "n1"}}, "timestamp": at(i).isoformat() + "Z"}),
    "cloud logging array": lambda t: json.dumps([{"textPayload": l, "timestamp": at(i).isoformat() + "Z"} for i, l in enumerate(lines(t))], indent=2),
    "Elasticsearch": lambda t: json.dumps({"hits": {"hits": [{"_id": str(i), "_source": {"message": l, "@timestamp": at(i).isoformat() + "Z", "process": {"name": "kubelet", "pid": 4711}}} for i, l in enumerate(lines(t))]}}),
    "Loki lines": records(lambda i, l: {"labels": {"app": "kubelet"}, "line": l, "timestamp": at(i).isoformat() + "Z"}),
    "one record": lambda t: json.dumps({"ts": 1773301290.5, "level": "error", "msg": "dump", "stack": t}) + "\n",
    "logfmt": lambda t: f'time="2026-03-12T07:41:30Z" level=error msg="stacks" stack={json.dumps(t)}\n',
    "kubectl --prefix": prefixed(lambda i, l: f"[pod/kubelet-abc/kubelet] {l}"),
    "kubectl --prefix --timestamps": prefixed(lambda i, l: f"[pod/kubelet-abc/kubelet] {at(i).isoformat()}789Z {l}"),
    "kubectl --timestamps": prefixed(lambda i, l: f"{at(i).isoformat()}789Z {l}"),
    "stern": prefixed(lambda i, l: f"\x1b[36mkubelet-abc\x1b[0m \x1b[32mkubelet\x1b[0m {l}"),
    "compose": prefixed(lambda i, l: f"kubelet-1  | {l}"),
    "quotation": prefixed(lambda i, l: f"> {l}"),
    "quotation twice": prefixed(lambda i, l: f"> > {l}"),
    "bullets": prefixed(lambda i, l: f"* {l}"),
    "chat": prefixed(lambda i, l: f"[10:{42 + i // 6000:02}] alice: {l}"),
    "IRC": prefixed(lambda i, l: f"07:41 <alice> {l}"),
    "cat -n": prefixed(lambda i, l: f"{i + 1:6}\t{l}"),
    "grep -n": prefixed(lambda i, l: f"{i + 1}:{l}"),
    "grep -Hn": prefixed(lambda i, l: f"kubelet.log:{i + 1}:{l}"),
    "diff": prefixed(lambda i, l: f"+{l}"),
    "indented": prefixed(lambda i, l: f"    {l}"),
    "table of Markdown": prefixed(lambda i, l: f"| {at(i).isoformat()}Z | {l} |"),
    "spaces for tabs": lambda t: t.expandtabs(8),
    "no leading space": lambda t: "\n".join(l.lstrip() for l in lines(t)) + "\n",
    "no blank lines": lambda t: "\n".join(l for l in lines(t) if l) + "\n",
    "journal without blanks": prefixed(lambda i, l: f"Mar 12 07:41:30 n1 kubelet[4711]: {l.lstrip()}"),
    "doubled blank lines": lambda t: "\n\n".join(lines(t)) + "\n",
    "CRLF": lambda t: t.replace("\n", "\r\n"),
    "UTF-16": lambda t: t.encode("utf-16"),
    "BOM": lambda t: "\ufeff" + t,
    "page": lambda t: "<html><body><pre>" + html.escape(t) + "</pre></body></html>\n",
    "no-break spaces": lambda t: t.replace("\t", "\u00a0" * 4),
    "gzip": lambda t: gzip.compress(t.encode()),
    "gzip journal": lambda t: gzip.compress(CARRIERS["journal short"](t).encode()),
    "wrapped at 120": wrapped(120),
    "wrapped at 80": wrapped(80),
    "fence": lambda t: "It hangs:\n\n```\n" + t + "```\n\nany ideas?\n",
    "Windows event": prefixed(lambda i, l: f"{at(i).strftime('%m/%d/%Y %I:%M:%S %p')} kubelet.exe 4711 {l}"),
    "supervisor": prefixed(lambda i, l: f"[kubelet] {at(i).strftime('%Y/%m/%d %H:%M:%S')} {l}"),
    "severity and colon": prefixed(lambda i, l: f"ERROR: {l}"),
    "talos": prefixed(lambda i, l: f"10.5.0.2: {json.dumps({'ts': at(i).isoformat(), 'msg': l})}"),
    "k9s": prefixed(lambda i, l: f"kubelet {at(i).isoformat()}Z {l}"),
    "datadog csv": lambda t: "Date,Host,Service,Content\n" + "".join(f'"{at(i).isoformat()}Z","n1","kubelet","{l}"\n' for i, l in enumerate(lines(t))),
}


def report(kubeprof, data):
    data = data.encode() if isinstance(data, str) else data
    p = subprocess.run([kubeprof, "goroutines", "-o", "json", "-n", "0", "--stacks", "all", "-"], input=data, capture_output=True)
    if p.returncode != 0:
        return {"error": p.stderr.decode(errors="replace").splitlines()[:1]}
    d = json.loads(p.stdout)
    for row in d.get("rows", []):
        row.pop("labels", None)
    return d


def same(d):
    """What must not change."""
    if "error" in d:
        return d
    return {"total": d.get("total"), "rows": sorted(json.dumps(r, sort_keys=True) for r in d.get("rows", []))}


def stacks(d):
    """The stacks of every goroutine, as functions."""
    return [tuple(f["function"] if isinstance(f, dict) else f for f in r.get("stack", r.get("frames", []))) for r in d.get("rows", [])]


def is_part(a, b):
    it = iter(b)
    return all(x in it for x in a)


def main():
    kubeprof, files = sys.argv[1], sys.argv[2:]
    wrong = {}
    for file in files:
        opened = gzip.open if file.endswith(".gz") else open
        text = opened(file, "rt", encoding="utf-8", errors="surrogateescape").read()
        bare = report(kubeprof, text)
        want = same(bare)
        for name, carry in CARRIERS.items():
            have = same(report(kubeprof, carry(text)))
            if have != want:
                wrong.setdefault(name, []).append(file)
                why = have.get("error") or f"total {have['total']} for {want['total']}, {len(set(have['rows']) ^ set(want['rows']))} rows differ"
                print(f"DIFFERS  {name:30} {file[-60:]}: {why}")
        known = set(stacks(bare))
        for lost in (1, 5, 20):
            rng = random.Random(lost)
            kept = [l for l in lines(CARRIERS["journal short"](text)) if rng.random() * 100 >= lost]
            d = report(kubeprof, "\n".join(kept) + "\n")
            if "error" in d:
                print(f"LOST {lost:2} %  {file[-60:]}: {d['error']}")
                continue
            found = stacks(d)
            merged = sum(1 for s in found if not any(is_part(s, k) for k in known))
            note = d.get("evidence", [{}])[0].get("dumps", [{}])[0]
            over = " OVERSTATED" if d["total"] > want["total"] else ""
            print(f"lost {lost:2} %  {file[-60:]}: {d['total']} of {want['total']}{over}, merged stacks {merged} of {len(found)}; "
                  f"headers missing {note.get('headers_missing')}, damaged {note.get('damaged')}")
            if over:
                wrong.setdefault(f"lost {lost}", []).append(file)
    print(f"{len(CARRIERS) - sum(1 for n in wrong if n in CARRIERS)} of {len(CARRIERS)} carriers give the report of the bare file")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
