// Call trees: decoded from the data, filtered and transformed, added up, turned upside down.
//
// A profile is a tree of frames in preorder and rows of samples, each of which ends at a frame. What is shown is always a
// tree made of those rows: a shape (which frames, after filters and transforms) and columns (what the rows sum up to).

// A list is pairs of steps between rows and values, or, behind -1, a value for every row.
function addPairs(list, add) {
  if (list[0] === -1) for (let r = 1; r < list.length; r++) add(r - 1, list[r]);
  else for (let p = 0, r = 0; p < list.length; p += 2) add((r += list[p]), list[p + 1]);
}

const deltas = (list) => { let at = 0; return Int32Array.from(list, (d) => (at += d)); };

class Profile {
  constructor(raw) {
    this.raw = raw;
    this.kind = raw.kind;
    this.title = visible(raw.title);
    this.types = raw.types.map((t) => ({ ...t, kind: visible(t.kind), divideBy: raw.divideBy || 1 }));
    this.selected = raw.selected;
    const count = raw.tree.name.length;
    const parent = new Int32Array(count), depth = new Int32Array(count), mark = new Uint8Array(count);
    for (let i = 1; i < count; i++) {
      let p = i - 1;
      for (let up = raw.tree.up[i - 1]; up > 0; up--) p = parent[p];
      parent[i] = p;
      depth[i] = depth[p] + 1;
      mark[i] = raw.tree.inline.charCodeAt(i) - 48;
    }
    this.base = { count, parent, depth, mark, name: Int32Array.from(raw.tree.name) };
    this.rows = raw.rows.node.length;
    this.node = deltas(raw.rows.node);
    this.hidden = new Uint8Array(this.rows);
    for (const r of deltas(raw.rows.hidden || [])) this.hidden[r] = 1;
    this.columns = [];
    this.shapes = new Map();
  }

  // Attribute of a row: size, owner, blockedIn, state, wait, creator, heading, labels. undefined where none is known.
  attribute(name) { return this.raw.rows[name]; }

  // The values of all rows of a type, at the moment `t` (an index of `taken`).
  values(type, t) {
    const column = (this.columns[type] ||= []);
    for (let i = column.length; i <= t; i++) {
      const values = i ? column[i - 1].slice() : new Float64Array(this.rows);
      addPairs(this.raw.taken[i].columns[type], (r, v) => { values[r] += v; });
      column.push(values);
    }
    return column[t];
  }

  // Adds to `variance` and `sampled`, by node, what sampling says of the rows. Heap: k sampled objects of size S at rate
  // R stand for k/p objects, p = 1 - exp(-S/R), with the variance k(1-p)/p^2. Ticks are counts.
  errors(type, t, image, keep, variance, sampled) {
    const { error, perTick, rate } = this.types[type], v = this.values(type, t);
    if (error !== "heap" && error !== "ticks") return;
    const size = this.raw.rows.size, bytes = this.types[type].kind.endsWith("space");
    for (let r = 0; r < this.rows; r++) {
      if (!keep[r] || v[r] === 0) continue;
      const n = image[this.node[r]], x = Math.abs(v[r]);
      if (error === "ticks") {
        variance[n] += x * perTick;
        sampled[n] += Math.round(x / perTick);
      } else if (size?.[r] > 0) {
        const p = 1 - Math.exp(-size[r] / rate), objects = bytes ? x / size[r] : x;
        variance[n] += ((objects * (1 - p)) / p) * (bytes ? size[r] * size[r] : 1);
        sampled[n] += Math.round(objects * p);
      }
    }
    // Rows of objects of several sizes carry what they sum up to: one standard error, and samples with the objects' column.
    if (error !== "heap") return;
    const { errors, sampled: counts } = this.raw.taken[t];
    const kind = this.types[type].kind.replace(/space$/, "objects");
    const objects = bytes ? this.types.findIndex((x) => x.kind === kind) : type;
    addPairs(errors?.[type] || [], (r, v) => { if (keep[r]) variance[image[this.node[r]]] += v * v; });
    addPairs(counts?.[objects < 0 ? type : objects] || [], (r, v) => { if (keep[r]) sampled[image[this.node[r]]] += v; });
  }

  isSampled(type) { return this.types[type].error === "heap" || this.types[type].error === "ticks"; }

  // The moments that a span of snapshots covers: first and last index of `taken`, or undefined.
  within(from, to) {
    const at = this.raw.taken.map((t, i) => [t.snapshot, i]).filter(([s]) => s >= from && s <= to).map(([, i]) => i);
    return at.length ? { was: at[0], at: at[at.length - 1] } : undefined;
  }
}

// Which rows count and where each frame went. `transforms` are {what, name}; see TRANSFORMS.
function shapeOf(profile, { filter, transforms, by, fold }) {
  const key = JSON.stringify([filter.text, transforms, by, fold]);
  const known = profile.shapes.get(key);
  if (known) return known;
  let shape = { ...profile.base, image: Int32Array.from(profile.base.name, (_, i) => i), keep: filter.rows(profile) };
  const grouping = GROUPINGS[by] || GROUPINGS.function;
  if (by !== "function") shape = remap(shape, (s, i, up) => (i && grouping(s.name[i]) === up.name ? "merge" : "keep"), grouping);
  for (const t of transforms) shape = TRANSFORMS[t.what].apply(shape, t.name);
  if (fold) shape = folded(shape);
  for (let r = 0; r < profile.rows; r++) if (shape.image[profile.node[r]] < 0) shape.keep[r] = 0;
  if (profile.shapes.size > 40) profile.shapes.clear();
  profile.shapes.set(key, shape);
  return shape;
}

// Moves every node to where `decide` says: "keep" below its parent, "merge" into its parent, "drop" with all below it,
// "root" below the root. Equal siblings become one.
function remap(shape, decide, rename = (k) => k) {
  const { count } = shape, to = new Int32Array(count).fill(-1);
  const parent = [0], name = [shape.name[0]], mark = [0], children = [new Map()];
  to[0] = decide(shape, 0, {}) === "drop" ? -2 : 0;
  for (let i = 1; i < count; i++) {
    const p = to[shape.parent[i]];
    const what = decide(shape, i, p >= 0 ? { node: p, name: name[p] } : {});
    if (what === "drop") continue;
    if (what === "merge") { to[i] = p; continue; }
    const up = what === "root" ? 0 : p;
    if (up < 0) continue;
    const k = rename(shape.name[i]), at = children[up].get(k);
    if (at !== undefined) {
      to[i] = at;
      if (mark[at] !== shape.mark[i]) mark[at] = 1;
      continue;
    }
    to[i] = parent.length;
    children[up].set(k, to[i]);
    parent.push(up); name.push(k); mark.push(shape.mark[i]); children.push(new Map());
  }
  return inPreorder({ parent, name, mark, children, to }, shape);
}

function inPreorder({ parent, name, mark, children, to }, shape) {
  const count = parent.length, place = new Int32Array(count), order = [], work = [0];
  while (work.length) {
    const i = work.pop();
    place[i] = order.length;
    order.push(i);
    work.push(...[...children[i].values()].reverse());
  }
  const depth = new Int32Array(count);
  const out = { count, parent: Int32Array.from(order, (i) => place[parent[i]]), name: Int32Array.from(order, (i) => name[i]),
    mark: Uint8Array.from(order, (i) => mark[i]), depth };
  for (let i = 1; i < count; i++) depth[i] = depth[out.parent[i]] + 1;
  out.image = shape.image.map((i) => (i < 0 || to[i] < 0 ? -1 : place[to[i]]));
  out.keep = shape.keep;
  return out;
}

const TRANSFORMS = {
  focus: {
    title: "Focus", says: (f) => `what ${f} calls`, hint: "Only what this function calls, with it as the root",
    apply(shape, k) {
      const inside = new Uint8Array(shape.count);
      return remap(shape, (s, i) => {
        if (i === 0) return "drop";
        if (inside[s.parent[i]]) { inside[i] = 1; return "keep"; }
        if (s.name[i] !== k) return "drop";
        inside[i] = 1;
        return "root";
      });
    },
  },
  hide: {
    title: "Hide", says: (f) => `without ${f}`, hint: "Leave this function out; what it calls moves to its callers",
    apply: (shape, k) => remap(shape, (s, i) => (s.name[i] === k && i ? "merge" : "keep")),
  },
  merge: {
    title: "Merge callees", says: (f) => `${f} with all it calls`, hint: "What this function calls becomes part of it",
    apply(shape, k) {
      const inside = new Uint8Array(shape.count);
      return remap(shape, (s, i) => {
        if (i && inside[s.parent[i]]) { inside[i] = 1; return "merge"; }
        inside[i] = s.name[i] === k && i ? 1 : 0;
        return "keep";
      });
    },
  },
  drop: {
    title: "Drop", says: (f) => `no stacks through ${f}`, hint: "Leave out all stacks that pass through this function",
    apply: (shape, k) => remap(shape, (s, i) => (s.name[i] === k && i ? "drop" : "keep")),
  },
};

// Recursion becomes one frame: whatever is between two calls of a function goes to the outer one.
function folded(shape) {
  const open = new Map(), path = [], outer = new Int32Array(shape.count), { depth, name } = shape;
  // The outermost ancestor with the same name, or the node itself.
  for (let i = 0; i < shape.count; i++) {
    while (path.length > depth[i]) {
      const j = path.pop();
      if (open.get(name[j]) === j) open.delete(name[j]);
    }
    if (open.has(name[i])) outer[i] = open.get(name[i]);
    else { open.set(name[i], i); outer[i] = i; }
    path.push(i);
  }
  // A recursive call is merged into the outer one, and so is what it calls.
  const parent = shape.parent.slice();
  for (let i = 1; i < shape.count; i++) parent[i] = outer[i] === i ? outer[parent[i]] : outer[i];
  return remap({ ...shape, parent }, (s, i) => (outer[i] === i ? "keep" : "merge"));
}

// What rows of a shape sum up to by node. `was` is the moment to compare with, if any.
function columns(profile, shape, type, at, was) {
  const { count, parent, image, keep } = shape;
  const zeros = () => new Float64Array(count);
  const c = { own: zeros(), hidden: zeros(), variance: zeros(), sampled: zeros(), compared: was !== undefined };
  const fill = (t, own, hidden) => {
    const v = profile.values(type, t);
    for (let r = 0; r < profile.rows; r++) {
      if (keep[r] && v[r] !== 0) (profile.hidden[r] ? hidden : own)[image[profile.node[r]]] += v[r];
    }
  };
  const add = (...lists) => {
    for (const list of lists) for (let i = count - 1; i > 0; i--) list[parent[i]] += list[i];
  };
  fill(at, c.own, c.hidden);
  profile.errors(type, at, image, keep, c.variance, c.sampled);
  c.ownVariance = c.variance.slice();
  c.ownSampled = c.sampled.slice();
  c.total = c.own.map((v, i) => v + c.hidden[i]);
  if (c.compared) {
    c.oldOwn = zeros();
    c.oldHidden = zeros();
    c.oldVariance = zeros();
    c.oldSampled = zeros();
    fill(was, c.oldOwn, c.oldHidden);
    profile.errors(type, was, image, keep, c.oldVariance, c.oldSampled);
    c.oldOwnVariance = c.oldVariance.slice();
    c.oldOwnSampled = c.oldSampled.slice();
    c.oldTotal = c.oldOwn.map((v, i) => v + c.oldHidden[i]);
    add(c.oldTotal, c.oldVariance, c.oldSampled);
  } else {
    c.oldOwn = c.oldHidden = c.oldTotal = c.oldVariance = c.oldOwnVariance = c.oldSampled = c.oldOwnSampled = zeros();
  }
  add(c.total, c.variance, c.sampled);
  return c;
}

// How wide a value is drawn.
const WIDTHS = {
  larger: (n, o) => Math.max(n, o),
  change: (n, o) => Math.abs(n - o),
  new: (n) => Math.max(n, 0),
  old: (_, o) => Math.max(o, 0),
};

// Gives a tree its ends of subtrees, its children in order, where each node begins and how deep it goes.
function finish(tree, order) {
  const { count, parent, weight, name, depth } = tree;
  const end = new Int32Array(count), first = new Int32Array(count + 1), start = new Float64Array(count);
  const deepest = depth.slice();
  for (let i = count - 1; i >= 0; i--) {
    end[i] = Math.max(end[i], i + 1);
    if (i === 0) break;
    const p = parent[i];
    end[p] = Math.max(end[p], end[i]);
    if (weight[i] > 0) deepest[p] = Math.max(deepest[p], deepest[i]);
  }
  for (let i = 1; i < count; i++) first[parent[i] + 1]++;
  for (let i = 0; i < count; i++) first[i + 1] += first[i];
  const at = first.slice(), kids = new Int32Array(Math.max(count - 1, 0));
  for (let i = 1; i < count; i++) kids[at[parent[i]]++] = i;
  const before = order === "name"
    ? (a, b) => (NAMES[name[a]] < NAMES[name[b]] ? -1 : NAMES[name[a]] > NAMES[name[b]] ? 1 : a - b)
    : (a, b) => weight[b] - weight[a] || a - b;
  for (let i = 0; i < count; i++) {
    const run = kids.subarray(first[i], first[i + 1]);
    let sorted = true;
    for (let k = 1; k < run.length && sorted; k++) sorted = before(run[k - 1], run[k]) <= 0;
    if (!sorted) run.sort(before);
    let x = start[i];
    for (const k of run) {
      start[k] = x;
      x += weight[k];
    }
  }
  return Object.assign(tree, { end, first, kids, start, deepest });
}

// The tree of a shape: callers above callees.
function calleeTree(profile, shape, type, { at, was, width, order }) {
  const { count, parent } = shape, c = columns(profile, shape, type, at, was), wide = WIDTHS[c.compared ? width : "new"];
  const weight = new Float64Array(count);
  for (let i = count - 1; i >= 0; i--) {
    weight[i] += wide(c.own[i], c.oldOwn[i]) + wide(c.hidden[i], c.oldHidden[i]);
    if (i > 0) weight[parent[i]] += weight[i];
  }
  const all = profile.raw.taken[at].totals[type];
  return finish({
    ...c, count, parent, depth: shape.depth, mark: shape.mark, name: shape.name, weight, profile, type, at, was, shape,
    wide, whole: all, inverted: false, cut: 0, order,
  }, order);
}

// The tree upside down: functions with what they themselves have, below them who called them. With `of`, only that
// function, with all it has; in a recursion the outermost call counts. Callers below the smallest share are cut.
function callerTree(callees, of) {
  const { parent, name, wide } = callees;
  const key = [], from = [], w = [], n = [], o = [], nv = [], ov = [], nk = [], ok = [];
  const item = (k, f, weight, a, b, va, vb, ka, kb) => {
    if (weight <= 0) return;
    key.push(k); from.push(f); w.push(weight); n.push(a); o.push(b); nv.push(va); ov.push(vb); nk.push(ka); ok.push(kb);
  };
  const c = callees;
  if (of !== undefined) {
    for (let i = 1; i < c.count;) {
      if (name[i] !== of) { i++; continue; }
      item(of, parent[i], c.weight[i], c.total[i], c.oldTotal[i], c.variance[i], c.oldVariance[i], c.sampled[i], c.oldSampled[i]);
      i = c.end[i];
    }
  } else {
    for (let i = 0; i < c.count; i++) {
      // Errors of what is hidden go with what is not: both end here.
      item(i ? name[i] : NO_FRAMES, i ? parent[i] : 0, wide(c.own[i], c.oldOwn[i]), c.own[i], c.oldOwn[i],
        c.ownVariance[i], c.oldOwnVariance[i], c.ownSampled[i], c.oldOwnSampled[i]);
      item(TOO_SMALL, i, wide(c.hidden[i], c.oldHidden[i]), c.hidden[i], c.oldHidden[i], 0, 0, 0, 0);
    }
  }
  const sum = (list) => list.reduce((a, b) => a + b, 0);
  const whole = sum(w), smallest = whole * 1e-4;
  const t = { parent: [], depth: [], name: [], weight: [], total: [], oldTotal: [], variance: [], oldVariance: [],
    sampled: [], oldSampled: [] };
  let cut = 0;
  const group = (items, next) => {
    const groups = new Map();
    for (const i of items) {
      const k = next(i);
      if (k < 0) continue;
      let g = groups.get(k);
      if (!g) groups.set(k, (g = { k, items: [], w: 0, n: 0, o: 0, nv: 0, ov: 0, nk: 0, ok: 0 }));
      g.items.push(i);
      g.w += w[i]; g.n += n[i]; g.o += o[i]; g.nv += nv[i]; g.ov += ov[i]; g.nk += nk[i]; g.ok += ok[i];
    }
    const kept = [...groups.values()].filter((g) => g.w >= smallest);
    cut += groups.size - kept.length;
    return kept.sort((a, b) => a.w - b.w || (NAMES[a.k] < NAMES[b.k] ? 1 : -1));
  };
  const push = (g, up, depth) => {
    t.parent.push(up); t.depth.push(depth); t.name.push(g.k); t.weight.push(g.w); t.total.push(g.n); t.oldTotal.push(g.o);
    t.variance.push(g.nv); t.oldVariance.push(g.ov); t.sampled.push(g.nk); t.oldSampled.push(g.ok);
    return t.parent.length - 1;
  };
  push({ k: 0, w: whole, n: sum(n), o: sum(o), nv: sum(nv), ov: sum(ov), nk: sum(nk), ok: sum(ok) }, 0, 0);
  const work = group(key.map((_, i) => i), (i) => key[i]).map((g) => ({ g, up: 0, depth: 1 }));
  while (work.length) {
    const { g, up, depth } = work.pop();
    const at = push(g, up, depth);
    if (depth > 1) for (const i of g.items) from[i] = parent[from[i]];
    for (const g2 of group(g.items, (i) => (from[i] ? name[from[i]] : -1))) work.push({ g: g2, up: at, depth: depth + 1 });
  }
  const count = t.parent.length, first = (list) => Float64Array.from(list, (v, i) => (t.depth[i] === 1 ? v : 0));
  return finish({
    ...c, count, parent: Int32Array.from(t.parent), depth: Int32Array.from(t.depth), mark: new Uint8Array(count),
    name: Int32Array.from(t.name), weight: Float64Array.from(t.weight), total: t.total, oldTotal: t.oldTotal,
    variance: t.variance, oldVariance: t.oldVariance, sampled: t.sampled, oldSampled: t.oldSampled,
    own: first(t.total), oldOwn: first(t.oldTotal), ownVariance: first(t.variance), oldOwnVariance: first(t.oldVariance),
    ownSampled: first(t.sampled), oldOwnSampled: first(t.oldSampled), inverted: true, of, cut,
  }, c.order);
}

// Adds up what matching nodes have; below a match nothing counts again, so that recursion counts once.
function sumOf(tree, from, matches) {
  const s = { n: 0, o: 0, w: 0, variance: 0 };
  for (let i = from; i < tree.end[from];) {
    if (i === 0 || !matches(tree.name[i])) { i++; continue; }
    s.n += tree.total[i]; s.o += tree.oldTotal[i]; s.w += tree.weight[i];
    s.variance += tree.variance[i] + tree.oldVariance[i];
    i = tree.end[i];
  }
  return s;
}

// For each key (a name, a subsystem) what the stacks that hold it have, counted once each, and what ends in it.
function through(tree, count, keyOf) {
  const list = () => new Float64Array(count);
  const s = { weight: list(), total: list(), oldTotal: list(), variance: list(), oldVariance: list(), sampled: list(),
    own: list(), oldOwn: list(), ownVariance: list(), oldOwnVariance: list(), ownSampled: list(), oldOwnSampled: list() };
  const open = new Int32Array(count), path = [];
  for (let i = 1; i < tree.count; i++) {
    while (path.length && path[path.length - 1][0] <= i) open[path.pop()[1]]--;
    const k = keyOf(tree.name[i]);
    if (k < 0) continue;
    s.own[k] += tree.own[i]; s.oldOwn[k] += tree.oldOwn[i];
    s.ownVariance[k] += tree.ownVariance[i]; s.oldOwnVariance[k] += tree.oldOwnVariance[i];
    s.ownSampled[k] += tree.ownSampled[i]; s.oldOwnSampled[k] += tree.oldOwnSampled[i];
    if (open[k]++ === 0) {
      s.weight[k] += tree.weight[i]; s.total[k] += tree.total[i]; s.oldTotal[k] += tree.oldTotal[i];
      s.variance[k] += tree.variance[i]; s.oldVariance[k] += tree.oldVariance[i]; s.sampled[k] += tree.sampled[i];
    }
    path.push([tree.end[i], k]);
  }
  return s;
}

// How far the two sides of a node are apart, in standard errors; undefined where the error is not known.
function significance(tree, n, o, variance) {
  if (!tree.profile.isSampled(tree.type)) return undefined;
  return variance > 0 ? (n - o) / Math.sqrt(variance) : n === o ? 0 : Infinity * Math.sign(n - o);
}

const nameHashes = [];
function nameHash(k) {
  if (nameHashes[k] !== undefined) return nameHashes[k];
  const name = NAMES[k];
  let h = 0x811c9dc5;
  for (let c = 0; c < name.length; c++) h = Math.imul(h ^ name.charCodeAt(c), 0x01000193);
  return (nameHashes[k] = h >>> 0);
}
const behind = (h, k) => Math.imul(h ^ nameHash(k), 0x01000193) >>> 0;

// A number that stays the same for the same path of names, for addresses.
function pathHash(tree, i) {
  const path = [];
  for (; i > 0; i = tree.parent[i]) path.push(tree.name[i]);
  return path.reverse().reduce(behind, 0x811c9dc5).toString(36);
}

function findPath(tree, hash) {
  const h = new Uint32Array(tree.count), wanted = parseInt(hash, 36);
  h[0] = 0x811c9dc5;
  for (let i = 1; i < tree.count; i++) {
    h[i] = behind(h[tree.parent[i]], tree.name[i]);
    if (h[i] === wanted) return i;
  }
  return 0;
}
