// The timeline: what was measured from outside and what the profiles sum up to, over absolute time. Dragging selects the
// span of snapshots that everything below is about.

const LINES = 5; // owners by name in a panel

// Sums by owner at every moment of a profile, with variances: {owners: [{s, values, variances}], at: [ms]}.
function byOwner(p, type) {
  const owner = p.attribute("owner");
  if (!owner || p.raw.taken.length < 2) return undefined;
  const { keep } = shapeOf(p, { filter: filter(), transforms: [], by: "function", fold: false });
  const sums = new Map(), moments = p.raw.taken.length;
  const of = (s) => {
    if (!sums.has(s)) sums.set(s, { s, values: new Float64Array(moments), variances: new Float64Array(moments) });
    return sums.get(s);
  };
  const image = Int32Array.from(owner, (s) => s + 1), node = p.node;
  for (let t = 0; t < moments; t++) {
    const v = p.values(type, t);
    for (let r = 0; r < p.rows; r++) if (keep[r] && v[r]) of(owner[r]).values[t] += v[r];
    // Errors by owner: the same sum with rows in place of nodes.
    const variance = new Float64Array(D.subsystems.length + 1), sampled = new Float64Array(D.subsystems.length + 1);
    const rows = { ...p, node: Int32Array.from(node, (_, r) => r) };
    Profile.prototype.errors.call(Object.assign(Object.create(Profile.prototype), rows), type, t, image, keep, variance, sampled);
    for (const [s, sum] of sums) sum.variances[t] = variance[s + 1];
  }
  const change = (x) => Math.abs(x.values[moments - 1] - x.values[0]), most = (x) => Math.max(...x.values);
  const owners = [...sums.values()].sort((a, b) => change(b) + most(b) - change(a) - most(a));
  return { owners, at: p.raw.taken.map((t) => SNAPSHOTS[t.snapshot].at) };
}

// Panels of the timeline: {title, unit type, lines: [{title, colour, points: [[ms, value, error]]}]}.
function panels() {
  const out = [], line = (key) => (D.series || []).find((s) => s.key === key);
  for (const s of D.series || []) {
    out.push({ title: visible(s.title), type: plainType(s.unit), source: s.source,
      lines: [{ title: visible(s.title), points: s.points.map(([at, v, e]) => [at, v, e || 0]) }] });
  }
  const moments = PROFILES.filter((p) => p.raw.taken.length > 1).map((p) => [p, byOwner(p, p.selected)]).filter(([, b]) => b);
  for (const [p, b] of moments) {
    const shown = b.owners.slice(0, LINES);
    out.push({
      title: `${p.title} by owner`, type: p.types[p.selected], profile: p,
      lines: shown.map((x) => ({
        title: x.s < 0 ? "no owner" : subsystemTitle(x.s), subsystem: x.s,
        points: b.at.map((at, t) => [at, x.values[t], Math.sqrt(x.variances[t])]),
      })),
    });
  }
  return out.filter((p) => p.lines.some((l) => l.points.length > 1) || line(p.title));
}

// Lines take their colors in the order in which owners appear, so that an owner has one color in all panels.
const LINE_COLOURS = [
  ["#0b57d0", "#b3541e", "#17703c", "#7b3fb5", "#8a6d00", "#b02a6f", "#00748f", "#5c5470", "#4d6b00", "#8f3d3d"],
  ["#8ab4f8", "#f2a673", "#74d39a", "#c8a2f5", "#e0c35a", "#f58fc0", "#6fd0e6", "#b9b0cc", "#b3d16a", "#e6a0a0"],
];
const lineNumbers = new Map();
function lineColour(s) {
  if (s === undefined) return ink("accent");
  if (s < 0) return ink("quiet");
  if (!lineNumbers.has(s)) lineNumbers.set(s, lineNumbers.size);
  const known = LINE_COLOURS[theme()];
  return known[lineNumbers.get(s) % known.length];
}

const timeScale = () => {
  const all = SNAPSHOTS.map((s) => s.at).concat((D.events || []).map((e) => e.at)).concat((D.series || []).flatMap((s) => s.points.map((p) => p[0]))).filter(Number.isFinite);
  const low = Math.min(...all), high = Math.max(...all), margin = Math.max((high - low) * 0.02, 1000);
  return { low: low - margin, high: high + margin };
};

const NICE_TIMES = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800].map((s) => s * 1000);
function timeTicks(low, high, wide) {
  const step = NICE_TIMES.find((s) => (high - low) / s <= wide / 90) || (high - low) / 5, ticks = [];
  for (let t = Math.ceil(low / step) * step; t <= high; t += step) ticks.push(t);
  return { ticks, text: (t) => (step >= 86400e3 ? day(t) : step >= 60e3 ? clock(t).slice(0, 5) : clock(t)) };
}

let timelinePanels, plotWidth = 0;
function showTimeline() {
  // Without times there is an order of snapshots and nothing to measure it by.
  if (!TIMED || (SNAPSHOTS.length < 2 && !(D.series || []).some((s) => s.points.length > 1))) return;
  $("timeline").hidden = false;
  timelinePanels = panels();
  drawTimeline();
}

function drawTimeline() {
  if (!timelinePanels) return;
  const box = $("timeline-body"), narrow = box.clientWidth < 640;
  box.classList.toggle("narrow", narrow);
  const left = narrow ? 0 : 168, right = narrow ? 0 : 232;
  const wide = (plotWidth = Math.max(box.clientWidth - left - right, 120));
  const { low, high } = timeScale(), x = (at) => ((at - low) / (high - low)) * wide;
  const grid = [], plot = (height, content, label) => draw("svg", { width: wide, height, viewBox: `0 0 ${wide} ${height}`, role: "img", "aria-label": label }, content);
  grid.push(element("div.events", [element("p.label", [element("b", "Captures and events")]), plot(44, eventMarks(x, wide), "Captures and events"), element("div.keys", eventList())]));
  for (const p of timelinePanels) {
    const last = p.lines.map((l) => l.points[l.points.length - 1]).filter(Boolean), height = 64;
    const top = Math.max(...p.lines.flatMap((l) => l.points.map(([, v, e]) => v + e)), 0) || 1;
    const y = (v) => height - 4 - (Math.max(v, 0) / top) * (height - 12);
    const marks = [draw("line", { x1: 0, x2: wide, y1: height - 4, y2: height - 4, class: "axis" }), draw("text", { x: 2, y: 10, class: "top" }, value(top, p.type))];
    for (const l of p.lines) marks.push(...lineMarks(l, x, y, lineColour(l.subsystem)));
    const now = p.lines.length === 1 && last[0] ? value(last[0][1], p.type) : "";
    const keys = p.lines.length === 1 ? [] : p.lines.map((l) => {
      const dot = element("i"), end = l.points[l.points.length - 1];
      dot.style.background = lineColour(l.subsystem);
      return element("span", [dot, element("span", l.title.slice(0, 60)), element("em", `${value(end[1], p.type)} ${relativeError(end[1], end[2] * end[2])}`.trim())]);
    });
    const label = element("p.label", [element("b", p.title), element("span", p.lines.length === 1 ? now : p.profile ? p.type.kind : "")]);
    grid.push(element("div.panel", [label, plot(height, marks, `${p.title}: ${p.lines.map((l) => `${l.title} ${spoken(l, p.type)}`).join("; ")}`), element("div.keys", keys)]));
  }
  const { ticks, text } = timeTicks(low, high, wide);
  const axis = ticks.flatMap((t) => [draw("line", { x1: x(t), x2: x(t), y1: 0, y2: 4, class: "axis" }), draw("text", { x: x(t), y: 15, class: "tick", "text-anchor": x(t) < 24 ? "start" : x(t) > wide - 24 ? "end" : "middle" }, text(t))]);
  grid.push(element("div.axis", [element("p.label", `${day(low)} UTC`), plot(18, axis, "time"), element("div.keys")]));
  const brush = element("div.brush", [element("div.off"), element("div.off"), element("div.now")], { "aria-hidden": "true" });
  brush.style.left = `${left}px`;
  brush.style.width = `${wide}px`;
  box.replaceChildren(...grid, brush);
  listenBrush(brush, { low, high, wide });
  showBrush();
}

const spoken = (l, type) => { const [a, b] = [l.points[0], l.points[l.points.length - 1]]; return a ? `from ${value(a[1], type)} to ${value(b[1], type)}` : "no values"; };

function lineMarks({ points }, x, y, colour) {
  const marks = [], sure = points.filter(([, v]) => v !== null && Number.isFinite(v));
  if (sure.some(([, , e]) => e > 0)) {
    const upper = sure.map(([at, v, e]) => `${x(at).toFixed(1)},${y(v + e).toFixed(1)}`), lower = sure.map(([at, v, e]) => `${x(at).toFixed(1)},${y(v - e).toFixed(1)}`).reverse();
    marks.push(draw("polygon", { points: upper.concat(lower).join(" "), fill: colour, opacity: 0.16 }));
  }
  // A gap is a gap: where there is no value the line ends. Two processes are two lines.
  let run = [], process;
  const flush = () => { if (run.length > 1) marks.push(draw("polyline", { points: run.join(" "), fill: "none", stroke: colour, "stroke-width": 1.75, "stroke-linejoin": "round" })); run = []; };
  for (const [at, v] of points) {
    const now = processAt(at);
    if (v === null || !Number.isFinite(v) || (process !== undefined && now !== process)) flush();
    process = now;
    if (v !== null && Number.isFinite(v)) run.push(`${x(at).toFixed(1)},${y(v).toFixed(1)}`);
  }
  flush();
  if (points.length <= 60) for (const [at, v] of sure) marks.push(draw("circle", { cx: x(at).toFixed(1), cy: y(v).toFixed(1), r: 2.2, fill: colour }));
  return marks;
}

// Which process a time belongs to: starts are events.
const starts = (D.events || []).filter((e) => e.kind === "start" || e.kind === "restart").map((e) => e.at).sort((a, b) => a - b);
const processAt = (at) => starts.filter((s) => s <= at).length;

function eventMarks(x, wide) {
  const marks = [];
  SNAPSHOTS.forEach((s, i) => {
    const at = x(s.at), t = draw("path", { d: `M${at - 4},44 L${at + 4},44 L${at},36 Z`, class: "capture" });
    t.append(draw("title", {}, `${visible(s.name)}: ${moment(s.at)}`));
    marks.push(t);
    if (SNAPSHOTS.length <= 12) marks.push(draw("text", { x: at, y: 33, class: "tick", "text-anchor": "middle" }, String(i + 1)));
  });
  // Texts that would lie on each other go to the other line, or are left to the tooltip.
  const ends = [-Infinity, -Infinity];
  for (const e of D.events || []) {
    const at = x(e.at), left = at > wide * 0.7;
    const title = () => draw("title", {}, `${moment(e.at)}: ${visible(e.text)}`);
    marks.push(draw("line", { x1: at, x2: at, y1: 2, y2: 44, class: `event ${e.kind}` }, [title()]));
    const words = visible(e.text).slice(0, Math.max(12, Math.floor(wide / 12))), room = words.length * 6.2;
    const start = left ? at - 4 - room : at + 4, row = ends[0] <= start ? 0 : ends[1] <= start ? 1 : -1;
    if (row < 0) continue;
    ends[row] = start + room;
    marks.push(draw("text", { x: at + (left ? -4 : 4), y: row ? 22 : 10, class: `event ${e.kind}`, "text-anchor": left ? "end" : "start" }, [words, title()]));
  }
  return marks;
}

function eventList() {
  const count = SNAPSHOTS.length;
  return [element("span", `${plural(count, "snapshot")}${count > 1 ? ` in ${duration((SNAPSHOTS[count - 1].at - SNAPSHOTS[0].at) / 1000)}` : ""}`)];
}

// Shades what the span leaves out.
function showBrush() {
  const box = $("timeline-body").querySelector(".brush");
  if (!box || !SNAPSHOTS.length) return;
  const { low, high } = timeScale(), x = (at) => ((at - low) / (high - low)) * plotWidth;
  const whole = S.from === 0 && S.to === LAST, [before, after] = box.querySelectorAll(".off");
  const from = whole ? 0 : x(SNAPSHOTS[S.from].at) - 5, to = whole ? plotWidth : x(SNAPSHOTS[S.to].at) + 5;
  box.classList.toggle("whole", whole);
  before.style.width = `${Math.max(from, 0)}px`;
  after.style.left = `${to}px`;
  after.style.width = `${Math.max(plotWidth - to, 0)}px`;
}

function listenBrush(brush, { low, high, wide }) {
  const timeAt = (event) => low + ((event.clientX - brush.getBoundingClientRect().left) / wide) * (high - low);
  const nearest = (at) => SNAPSHOTS.reduce((best, s, i) => (Math.abs(s.at - at) < Math.abs(SNAPSHOTS[best].at - at) ? i : best), 0);
  const spanOfDrag = (a, b) => {
    const [from, to] = a < b ? [a, b] : [b, a], inside = SNAPSHOTS.map((s, i) => [s.at, i]).filter(([at]) => at >= from && at <= to).map(([, i]) => i);
    return inside.length ? { from: inside[0], to: inside[inside.length - 1] } : { from: nearest(from), to: nearest(to) };
  };
  let start = null;
  const now = brush.querySelector(".now");
  brush.onpointerdown = (event) => {
    if (event.button !== 0 || SNAPSHOTS.length < 2) return;
    start = timeAt(event);
    brush.setPointerCapture(event.pointerId);
  };
  brush.onpointermove = (event) => {
    const at = timeAt(event), x = ((at - low) / (high - low)) * wide;
    if (start === null) {
      if (event.pointerType === "touch") return;
      now.style.left = `${x}px`;
      now.style.width = "1px";
      timelineTip(at, event.clientX, event.clientY);
      return;
    }
    const x0 = ((start - low) / (high - low)) * wide;
    now.style.left = `${Math.min(x, x0)}px`;
    now.style.width = `${Math.abs(x - x0)}px`;
    now.classList.add("on");
  };
  brush.onpointerup = (event) => {
    if (start === null) return;
    const span = spanOfDrag(start, timeAt(event)), far = Math.abs(timeAt(event) - start) > (high - low) * 0.005;
    start = null;
    now.classList.remove("on");
    now.style.width = "0";
    if (far) go({ ...span, zoom: "", change: S.change || span.from !== span.to });
    else { const i = nearest(timeAt(event)); go({ from: 0, to: i, zoom: "" }); }
  };
  brush.onpointerleave = () => { if (start === null) now.style.width = "0"; $("tip").hidden = true; };
  brush.ondblclick = () => go({ from: 0, to: LAST, zoom: "" });
}

function timelineTip(at, x, y) {
  const t = $("tip"), rows = [];
  let when;
  for (const p of timelinePanels) {
    for (const l of p.lines) {
      if (!l.points.length) continue;
      const best = l.points.reduce((a, b) => (Math.abs(b[0] - at) < Math.abs(a[0] - at) ? b : a));
      when ??= best[0];
      rows.push(element("tr", [element("th", p.lines.length > 1 ? l.title : p.title),
        element("td", best[1] === null ? "no value" : value(best[1], p.type)), element("td", best[2] ? plusMinus(best[2] * best[2], p.type) : "")]));
    }
  }
  const near = SNAPSHOTS.find((s) => s.at === when);
  t.replaceChildren(element("b", moment(when)), element("p", near ? `snapshot ${visible(near.name)}` : ""), element("table", rows.slice(0, 24)));
  place(t, x, y);
}

function listenTimeline() {
  new ResizeObserver(() => {
    const box = $("timeline-body");
    if (timelinePanels && box.clientWidth && box.dataset.wide !== String(box.clientWidth)) {
      box.dataset.wide = String(box.clientWidth);
      drawTimeline();
    }
  }).observe($("timeline-body"));
}
