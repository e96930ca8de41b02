// What the page knows: names, trees and how to word numbers. Nothing here touches the document but to read the data.

const D = JSON.parse(document.getElementById("data").textContent);
const COMPARED = D.comparison !== "none";

// Names are text from a profile: control and direction characters would lie about what stands where.
const visible = (text) => text.replace(
  /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g,
  (c) => `\\u{${c.codePointAt(0).toString(16)}}`,
);

const NAMES = D.names.map(visible);
// Two names that no function has.
const TOO_SMALL = NAMES.push("[frames too small to be drawn]") - 1;
const NO_FRAMES = NAMES.push("[no frames]") - 1;
const SUBSYSTEM = D.nameSubsystem.concat([-1, -1]);
const PACKAGE = D.namePackage.concat([0, 0]);
const FILE = D.nameFile.concat([0, 0]);

// Type arguments say little in a box: Map[...] for Map[go.shape.string,go.shape.int].
function elide(name) {
  const open = name.indexOf("[");
  if (open <= 0) return name;
  let out = "", depth = 0;
  for (const c of name) {
    if (c === "[" && depth++ === 0) out += "[...]";
    if (depth === 0) out += c;
    if (c === "]" && depth > 0) depth--;
  }
  return out;
}

// The package's last element and all behind it: kubelet.(*Kubelet).SyncPod
const SHORT = NAMES.map((full) => {
  const name = elide(full);
  const head = name.search(/[[({ ]/);
  return name.slice(name.slice(0, head < 0 ? name.length : head).lastIndexOf("/") + 1);
});
// Without the package: (*Kubelet).SyncPod
const BARE = SHORT.map((name) => {
  const dot = name.indexOf(".");
  return dot > 0 && !/[[({ ]/.test(name.slice(0, dot)) ? name.slice(dot + 1) : name;
});

const CALLEES = (() => {
  const count = D.name.length;
  const parent = new Int32Array(count), depth = new Int32Array(count), mark = new Uint8Array(count);
  for (let i = 1; i < count; i++) {
    let p = i - 1;
    for (let up = D.up[i - 1]; up > 0; up--) p = parent[p];
    parent[i] = p;
    depth[i] = depth[p] + 1;
    mark[i] = D.inline.charCodeAt(i) - 48;
  }
  return { count, parent, depth, mark, name: Int32Array.from(D.name), inverted: false };
})();

const spread = (pairs, count) => {
  const out = new Float64Array(count);
  let at = 0;
  for (let i = 0; i < pairs.length; i += 2) {
    at += pairs[i];
    out[at] = pairs[i + 1];
  }
  return out;
};

// Own, hidden and total values of a sample type, old and new.
const columns = [];
function column(type) {
  if (columns[type]) return columns[type];
  const { count, parent } = CALLEES, raw = D.columns[type];
  const add = (own, hidden) => {
    const total = new Float64Array(count);
    for (let i = count - 1; i >= 0; i--) {
      total[i] += own[i] + hidden[i];
      if (i > 0) total[parent[i]] += total[i];
    }
    return total;
  };
  const c = { own: spread(raw.own, count), hidden: spread(raw.hidden, count) };
  c.total = add(c.own, c.hidden);
  if (COMPARED) {
    c.oldOwn = spread(raw.oldOwn, count);
    c.oldHidden = spread(raw.oldHidden, count);
    c.oldTotal = add(c.oldOwn, c.oldHidden);
  } else {
    c.oldOwn = c.oldHidden = c.oldTotal = new Float64Array(count);
  }
  return (columns[type] = c);
}

// How wide a value is drawn.
const WIDTHS = {
  larger: (n, o) => Math.max(n, o),
  change: (n, o) => Math.abs(n - o),
  new: (n) => Math.max(n, 0),
  old: (_, o) => Math.max(o, 0),
};

// Gives a tree its ends of subtrees, its children by weight and where each node begins.
function finish(tree) {
  const { count, parent, weight } = tree;
  const end = new Int32Array(count), first = new Int32Array(count + 1), start = new Float64Array(count);
  for (let i = count - 1; i >= 0; i--) {
    end[i] = Math.max(end[i], i + 1);
    if (i > 0) end[parent[i]] = Math.max(end[parent[i]], end[i]);
  }
  for (let i = 1; i < count; i++) first[parent[i] + 1]++;
  for (let i = 0; i < count; i++) first[i + 1] += first[i];
  const at = first.slice(), kids = new Int32Array(Math.max(count - 1, 0));
  for (let i = 1; i < count; i++) kids[at[parent[i]]++] = i;
  for (let i = 0; i < count; i++) {
    const run = kids.subarray(first[i], first[i + 1]);
    let sorted = true;
    for (let k = 1; k < run.length && sorted; k++) sorted = weight[run[k - 1]] >= weight[run[k]];
    if (!sorted) run.sort((a, b) => weight[b] - weight[a] || a - b);
    let x = start[i];
    for (const k of run) {
      start[k] = x;
      x += weight[k];
    }
  }
  return Object.assign(tree, { end, first, kids, start });
}

function calleeTree(type, mode) {
  const { count, parent } = CALLEES, c = column(type), width = WIDTHS[mode];
  const weight = new Float64Array(count);
  for (let i = count - 1; i >= 0; i--) {
    weight[i] += width(c.own[i], c.oldOwn[i]) + width(c.hidden[i], c.oldHidden[i]);
    if (i > 0) weight[parent[i]] += weight[i];
  }
  return finish({ ...CALLEES, own: c.own, total: c.total, oldOwn: c.oldOwn, oldTotal: c.oldTotal, weight, cut: 0 });
}

// The tree upside down: functions with what they themselves have, below them who called them. With `of`, only that
// function, with all it has; in a recursion the outermost call counts. Callers below the smallest share are cut.
function callerTree(callees, type, mode, of) {
  const c = column(type), width = WIDTHS[mode], { parent, name } = callees;
  const key = [], from = [], n = [], o = [], w = [];
  const item = (k, f, a, b, v) => {
    if (v <= 0) return;
    key.push(k); from.push(f); n.push(a); o.push(b); w.push(v);
  };
  if (of !== undefined) {
    for (let i = 1; i < callees.count;) {
      if (name[i] !== of) { i++; continue; }
      item(of, parent[i], c.total[i], c.oldTotal[i], callees.weight[i]);
      i = callees.end[i];
    }
  } else {
    for (let i = 0; i < callees.count; i++) {
      const own = width(c.own[i], c.oldOwn[i]), hidden = width(c.hidden[i], c.oldHidden[i]);
      item(i ? name[i] : NO_FRAMES, i ? parent[i] : 0, c.own[i], c.oldOwn[i], own);
      item(TOO_SMALL, i, c.hidden[i], c.oldHidden[i], hidden);
    }
  }
  const whole = w.reduce((a, b) => a + b, 0), smallest = whole * 1e-4;
  const t = { parent: [], depth: [], mark: [], name: [], own: [], total: [], oldOwn: [], oldTotal: [], weight: [] };
  let cut = 0;
  const group = (items, next) => {
    const groups = new Map();
    for (const i of items) {
      const k = next(i);
      if (k < 0) continue;
      let g = groups.get(k);
      if (!g) groups.set(k, (g = { k, items: [], n: 0, o: 0, w: 0 }));
      g.items.push(i); g.n += n[i]; g.o += o[i]; g.w += w[i];
    }
    const kept = [...groups.values()].filter((g) => g.w >= smallest);
    cut += groups.size - kept.length;
    return kept.sort((a, b) => a.w - b.w || (NAMES[a.k] < NAMES[b.k] ? 1 : -1));
  };
  const all = key.map((_, i) => i);
  const push = (g, up, depth) => {
    t.parent.push(up); t.depth.push(depth); t.mark.push(0); t.name.push(g.k);
    t.total.push(g.n); t.oldTotal.push(g.o); t.weight.push(g.w);
    t.own.push(depth === 1 ? g.n : 0); t.oldOwn.push(depth === 1 ? g.o : 0);
    return t.parent.length - 1;
  };
  push({ k: 0, n: n.reduce((a, b) => a + b, 0), o: o.reduce((a, b) => a + b, 0), w: whole }, 0, 0);
  const work = group(all, (i) => key[i]).map((g) => ({ g, up: 0, depth: 1 }));
  while (work.length) {
    const { g, up, depth } = work.pop();
    const at = push(g, up, depth);
    if (depth > 1) for (const i of g.items) from[i] = parent[from[i]];
    for (const g2 of group(g.items, (i) => (from[i] ? name[from[i]] : -1))) work.push({ g: g2, up: at, depth: depth + 1 });
  }
  return finish({
    count: t.parent.length, parent: Int32Array.from(t.parent), depth: Int32Array.from(t.depth),
    mark: Uint8Array.from(t.mark), name: Int32Array.from(t.name), own: t.own, total: t.total, oldOwn: t.oldOwn,
    oldTotal: t.oldTotal, weight: Float64Array.from(t.weight), inverted: true, of, cut,
  });
}

// Adds up what matching nodes have; below a match nothing counts again, so that recursion counts once.
function sumOf(tree, from, matches) {
  let n = 0, o = 0, w = 0;
  for (let i = from; i < tree.end[from];) {
    if (!matches(tree.name[i]) || i === 0) { i++; continue; }
    n += tree.total[i]; o += tree.oldTotal[i]; w += tree.weight[i];
    i = tree.end[i];
  }
  return { n, o, w };
}

// For each key (a name, a subsystem) the weight of the stacks that hold it, counted once each.
function through(tree, count, keyOf) {
  const sums = Array.from({ length: count }, () => ({ w: 0, n: 0, o: 0 }));
  const open = new Int32Array(count), path = [];
  for (let i = 1; i < tree.count; i++) {
    while (path.length && path[path.length - 1][0] <= i) open[path.pop()[1]]--;
    const k = keyOf(tree.name[i]);
    if (k < 0) continue;
    if (open[k]++ === 0) { sums[k].w += tree.weight[i]; sums[k].n += tree.total[i]; sums[k].o += tree.oldTotal[i]; }
    path.push([tree.end[i], k]);
  }
  return sums;
}

function value(v, type) {
  v /= D.divideBy;
  if (v === 0) return "0";
  const steps = D.types[type].steps, size = Math.abs(v);
  let step = steps[0];
  for (const s of steps) if (size >= s[1]) step = s;
  const n = v / step[1];
  const text = Math.abs(n) >= 1000 || Number.isInteger(n)
    ? n.toLocaleString("en-US", { maximumFractionDigits: 2 })
    : n.toFixed(2);
  return text + step[0];
}

function percent(part, whole) {
  if (!whole) return "";
  const p = (part / whole) * 100, size = Math.abs(p);
  if (size === 0) return "0%";
  if (size >= 99.95 && size <= 100.05) return `${Math.round(p)}%`;
  return `${size >= 1 ? p.toFixed(size >= 10 ? 1 : 2) : p.toPrecision(2)}%`;
}

const signed = (v, type) => (v > 0 ? "+" : "") + value(v, type);
