// The flame graph with everything around it: choices, colors, legend, search, tooltip, the selected frame.

const chart = new Chart($("stage-box"), {
  fill, side: sideText, rootName, hover: tip, open: zoomTo,
  select: (i) => showStatus(i),
  moved: () => { showStatus(chart.selected); buttons(); },
}, { label: "Flame graph. Arrow keys move, Enter zooms, slash searches. The table below has the same numbers." });

function rootName(tree) {
  return tree.of !== undefined ? "callers of" : tree.inverted ? "all functions" : "root";
}

// The colors of a change: blue less, orange more, grey within the error.
const CHANGE = [["#e1e4e8", "#f2993a", "#64a8f0"], ["#3a3f45", "#8f4a00", "#1d5799"]];
const WITHIN = 2; // standard errors

// How much of a change to show, from 0 to 1.
function strength(tree, n, o, variance) {
  const z = significance(tree, n, o, variance);
  const share = n === o ? 0 : Math.min(1, Math.abs(n - o) / Math.max(Math.abs(n), Math.abs(o)));
  if (z === undefined) return share === 0 ? 0 : 0.25 + 0.75 * share;
  return Math.abs(z) < WITHIN ? 0 : Math.min(1, 0.35 + (Math.abs(z) - WITHIN) * 0.22);
}

function changeColour(t, grown) {
  const [same, more, less] = CHANGE[theme()];
  return t === 0 ? same : mix(same, grown ? more : less, t);
}

const colouring = () => S.colour || (comparing(profile()) ? "change" : "subsystem");

function nameColour(k, by = colouring()) {
  if (k === TOO_SMALL || k === NO_FRAMES) return D.colours[0][theme()];
  if (by === "package") return D.colours[D.packageColours[PACKAGE[k]]][theme()];
  const s = SUBSYSTEM[k];
  return D.colours[s < 0 ? 0 : D.subsystems[s].colour][theme()];
}

// Colors of names are looked up for every box of every frame: kept until theme or choice change.
let paints = [], paintsFor = "";
function fill(tree, i) {
  if (i === 0) return ink("field");
  if (tree.compared && colouring() === "change") {
    const [n, o, v] = [tree.total[i], tree.oldTotal[i], tree.variance[i] + tree.oldVariance[i]];
    return changeColour(strength(tree, n, o, v), n >= o);
  }
  const by = S.colour === "package" ? "package" : "subsystem", key = by + theme();
  if (key !== paintsFor) [paints, paintsFor] = [[], key];
  return (paints[tree.name[i]] ??= nameColour(tree.name[i], by));
}

// What is at the right end of a box that has room for it.
function sideText(tree, i) {
  const type = tree.profile.types[tree.type], n = tree.total[i], o = tree.oldTotal[i];
  if (tree.compared) return n === o ? "=" : `${signed(n - o, type)} ${plusMinus(tree.variance[i] + tree.oldVariance[i], type)}`.trim();
  return `${value(n, type)} ${percent(n, tree.whole)} ${relativeError(n, tree.variance[i])}`.trim();
}

// The kind of what is looked at, with its moments, in words.
function momentsOf(p, change) {
  if (!REPORT) return "";
  const span = spanOf(p), at = (i) => timeOf(SNAPSHOTS[p.raw.taken[i].snapshot]);
  return change ? `change ${at(span.was)} to ${at(span.at)}` : `at ${at(span.at)}`;
}

function aboutFrame(tree, i) {
  if (i === 0) return { name: rootName(tree), belongs: "" };
  const k = tree.name[i], belongs = [];
  if (SUBSYSTEM[k] >= 0 && k < FUNCTIONS) belongs.push(subsystemTitle(SUBSYSTEM[k]));
  const pack = visible(D.packages[PACKAGE[k]]);
  if (pack && k < FUNCTIONS) belongs.push(pack);
  if (tree.mark[i]) belongs.push(tree.mark[i] === 2 ? "inlined" : "inlined in places");
  return { name: NAMES[k], belongs: belongs.join(" · "), file: fileOf(k) };
}

const others = new WeakMap();
// The same tree for another sample type, for tooltips.
function sameTree(tree, type) {
  if (type === tree.type || tree.inverted) return tree;
  let known = others.get(tree);
  if (!known) others.set(tree, (known = []));
  return (known[type] ||= columns(tree.profile, tree.shape, type, tree.at, tree.was));
}

// Self and total of a frame, with errors and how many samples they rest on, for every sample type.
function numbersTable(tree, i) {
  const p = tree.profile, [was, now] = oldNew(p), head = element("tr"), table = element("table", [head]);
  const heads = tree.compared ? [was, now, "change", "±", ""] : ["self", "", "total", "", "±", ""];
  head.append(element("th"), ...heads.map((t) => element("td", t)));
  const types = tree.inverted ? [tree.type] : p.types.map((_, t) => t);
  for (const t of types) {
    const c = sameTree(tree, t), type = p.types[t], row = element("tr", [element("th", type.kind)]);
    if (t === tree.type && types.length > 1) row.className = "chosen";
    const add = (text, name) => row.append(element(name ? `td.${name}` : "td", text));
    const n = c.total[i], o = c.oldTotal[i], whole = p.raw.taken[tree.at].totals[t];
    if (tree.compared) {
      add(value(o, type));
      add(value(n, type));
      add(n === o ? "0" : signed(n - o, type), n > o ? "grown" : n < o ? "shrunk" : "");
      add(plusMinus(c.variance[i] + c.oldVariance[i], type));
      add(o && n !== o ? `${n > o ? "+" : ""}${percent(n - o, o)}` : n && !o ? "new" : "");
    } else {
      add(value(c.own[i], type));
      add(percent(c.own[i], whole));
      add(value(n, type));
      add(percent(n, whole));
      add(plusMinus(c.variance[i], type));
      add(c.sampled[i] ? `k = ${grouped(c.sampled[i])}` : "");
    }
    table.append(row);
  }
  return table;
}

// What the error of a change means, in words.
function judged(tree, i) {
  if (!tree.compared || i === 0) return "";
  const v = tree.variance[i] + tree.oldVariance[i], z = significance(tree, tree.total[i], tree.oldTotal[i], v);
  if (z === undefined || tree.total[i] === tree.oldTotal[i]) return "";
  const k = `k = ${grouped(tree.oldSampled[i])} and ${grouped(tree.sampled[i])} samples`;
  return Math.abs(z) < WITHIN ? `Within the error of sampling (${k}).` : `${Math.min(Math.abs(z), 99).toFixed(1)} standard errors (${k}).`;
}

function tip(box, x, y, of = chart) {
  const t = $("tip");
  if (!box) { t.hidden = true; return; }
  t.replaceChildren();
  if (box.i < 0) t.append(element("p", "frames too narrow to be drawn here; zoom in to see them"));
  else {
    const { name, belongs, file } = aboutFrame(of.tree, box.i);
    t.append(element("b", name.length > 600 ? `${name.slice(0, 600)}… (${grouped(name.length)} characters)` : name));
    if (belongs) t.append(element("p", belongs.slice(0, 400)));
    if (file) t.append(element("p", file.slice(0, 400)));
    t.append(numbersTable(of.tree, box.i));
    const verdict = judged(of.tree, box.i);
    if (verdict) t.append(element("p", verdict));
    const { tree } = of, parent = tree.parent[box.i], shares = [];
    if (box.i && tree.depth[box.i] > 1) shares.push(`${percent(tree.weight[box.i], tree.weight[parent])} of its ${tree.inverted ? "callee" : "caller"}`);
    if (of.zoomed && box.i !== of.zoomed) shares.push(`${percent(tree.weight[box.i], tree.weight[of.zoomed])} of what is zoomed to`);
    if (shares.length) t.append(element("p", shares.join(", ")));
  }
  place(t, x, y);
}

function place(t, x, y) {
  t.hidden = false;
  const { width, height } = t.getBoundingClientRect();
  t.style.left = `${Math.max(4, Math.min(x + 14, innerWidth - width - 6))}px`;
  t.style.top = `${Math.max(4, y + 18 + height > innerHeight ? y - height - 12 : y + 18)}px`;
}

// The selected frame, or what is zoomed to, below the graph.
function showStatus(i) {
  const { tree } = chart, at = i >= 0 ? i : chart.zoomed, type = tree.profile.types[tree.type];
  const { name, belongs } = aboutFrame(tree, at), n = tree.total[at], o = tree.oldTotal[at], parts = [];
  const v = tree.variance[at] + tree.oldVariance[at];
  if (tree.compared) {
    const [was, now] = oldNew(tree.profile);
    parts.push(`${was} ${value(o, type)}`, `${now} ${value(n, type)}`, `change ${signed(n - o, type)} ${plusMinus(v, type)}`.trim());
  } else {
    parts.push(`total ${value(n, type)} ${percent(n, tree.whole)} ${relativeError(n, v)}`.trim(), `self ${value(tree.own[at], type)}`);
    if (tree.sampled[at]) parts.push(`k = ${grouped(tree.sampled[at])}`);
  }
  if (belongs) parts.push(belongs);
  $("about").replaceChildren(element("b", name.slice(0, LONGEST)), element("span", parts.join(" · ")));
  const k = at > 0 ? tree.name[at] : -1, isFrame = k > 0 && k !== TOO_SMALL && k !== NO_FRAMES;
  const act = (text, hint, run) => button(text, run, { title: hint });
  $("actions").replaceChildren(...(isFrame ? [
    at !== chart.zoomed && act("Zoom", "Make it as wide as the graph (Enter)", () => zoomTo(at)),
    act("Callers and callees", "Who calls it and what it calls (3)", () => openSandwich(k)),
    ...(tree.inverted ? [] : Object.entries(TRANSFORMS).map(([what, t]) => act(t.title, t.hint, () => addTransform(what, k)))),
    act("Copy stack", "Names from here to the root (y)", (event) => copy(stackText(tree, at), event.currentTarget)),
  ].filter(Boolean) : []));
}

function stackText(tree, i) {
  const names = [];
  for (; i > 0; i = tree.parent[i]) names.push(NAMES[tree.name[i]]);
  return (tree.inverted ? names.reverse() : names).join("\n");
}

// Everything in the figure that follows from the state.
function showGraph() {
  const p = profile(), tree0 = treeOf(p), of = S.of && S.view === "callers" ? nameNumbers.get(S.of) : undefined;
  const tree = S.view === "callers" ? callerTree(tree0, of) : tree0;
  chart.callees = tree0;
  chart.flip = S.flip;
  chart.matches = matchesOf(S.search, S.lit);
  chart.show(tree, S.zoom ? findPath(tree, S.zoom) : 0);
  controls(p, tree);
  legend();
  found();
  graphNotes(p, tree);
  showStatus(-1);
  $("graph-command").replaceChildren(commandLine(commandOf(p, "flame", tree)));
}

// Zoom is a step of the history, without new trees.
function zoomTo(i) {
  if (i === chart.zoomed && !chart.isZoomed) { chart.select(i); return; }
  const selected = chart.selected;
  S.zoom = i ? pathHash(chart.tree, i) : "";
  chart.zoomTo(i);
  chart.selected = selected >= 0 ? selected : i;
  writeAddress(true);
  showStatus(chart.selected);
  found();
  buttons();
}

function controls(p, tree) {
  const set = (id, v) => { $(id).value = v; };
  $("tabs").hidden = PROFILES.length < 2;
  $("tabs").replaceChildren(...PROFILES.map((q, i) => button(q.title, () => go({ profile: i, type: "", zoom: "", of: "" }), {
    role: "tab", "aria-selected": String(i === S.profile), tabindex: i === S.profile ? 0 : -1, id: `tab-${i}`, "aria-controls": "stage-box",
  })));
  $("type").replaceChildren(...p.types.map((t, i) => element("option", t.kind, { value: i })));
  set("type", typeOf(p));
  $("type-label").hidden = p.types.length < 2;
  const compared = tree.compared, both = canCompare(p) && p.raw.comparison === "none";
  $("change-label").hidden = !both;
  if (both) {
    $("change").replaceChildren(...[false, true].map((c) => element("option", momentsOf(p, c), { value: c ? "1" : "" })));
    set("change", S.change ? "1" : "");
  }
  $("width-label").hidden = !compared;
  if (p.raw.comparison === "signed") {
    for (const [v, text] of [["larger", "lost and gained"], ["new", "gained"], ["old", "lost"]]) $("width").querySelector(`[value=${v}]`).textContent = text;
    $("width").querySelector("[value=change]").hidden = true;
  }
  set("width", S.width);
  set("view", S.view);
  set("by", S.by);
  set("order", S.order);
  $("colour").querySelector("[value=change]").hidden = !compared;
  set("colour", colouring() === "change" && !compared ? "subsystem" : colouring());
  for (const flag of ["flip", "fold"]) $(flag).setAttribute("aria-pressed", String(S[flag]));
  if (document.activeElement !== $("search")) set("search", S.search);
  buttons();
}

function buttons() {
  $("reset").disabled = !(chart.isZoomed || S.of || S.search || S.lit || S.transforms.length || S.filter);
}

function graphNotes(p, tree) {
  const type = p.types[tree.type], parts = [], span = spanOf(p), total = tree.total[0], change = tree.compared;
  if (span.outside) parts.push("The selected span has no such profile; the last one is shown.");
  if (!total && !tree.oldTotal[0]) parts.push(S.filter || S.transforms.length ? "Nothing passes the filters." : `There is no ${type.kind} in this profile.`);
  else if (!change && total !== tree.whole) parts.push(`Filters leave ${value(total, type)} of ${value(tree.whole, type)} (${percent(total, tree.whole)}).`);
  if (change) {
    const sampled = p.isSampled(tree.type);
    parts.push(sampled ? `Grey is a change below ${WITHIN} standard errors of sampling; errors of both sides are added up, which is cautious.`
      : type.error === "exact" ? "These values are counted, not sampled." : "The error of these values is not known; color shows the share that changed.");
    if (REPORT && processOf(p, span.was) !== processOf(p, span.at)) parts.push("The kubelet restarted in between: these are two processes, so a change is no growth.");
  }
  const { hidden } = p.raw;
  if (hidden?.count) parts.push(`${grouped(hidden.count)} frames of at most ${percent(hidden.largest, 1)} each are not drawn.`);
  if (tree.cut) parts.push(`${grouped(tree.cut)} callers below 0.01% each are not drawn.`);
  if (tree.of !== undefined) parts.push(`Who calls ${NAMES[tree.of].slice(0, LONGEST)}; 0 shows everything.`);
  $("note").textContent = parts.join(" ");
  $("note").hidden = parts.length === 0;
}

const processOf = (p, t) => SNAPSHOTS[p.raw.taken[t].snapshot]?.process;

// Names that the search or the pressed color hits; null for no search.
function matchesOf(search, lit) {
  $("search").classList.remove("bad");
  if (lit) {
    const by = colouring() === "package" ? PACKAGE : SUBSYSTEM;
    const wanted = lit === "-" ? -1 : colouring() === "package" ? D.packages.findIndex((x) => visible(x) === lit) : subsystemKeys.indexOf(lit);
    return Uint8Array.from(NAMES, (_, k) => (k !== TOO_SMALL && k !== NO_FRAMES && by[k] === wanted ? 1 : 0));
  }
  if (!search) return null;
  try {
    const re = new RegExp(search, "i");
    return Uint8Array.from(NAMES, (name) => (re.test(name) ? 1 : 0));
  } catch {
    $("search").classList.add("bad");
    return null;
  }
}

function found(place) {
  const { tree, matches } = chart, box = $("found");
  if (!matches) { box.textContent = $("search").classList.contains("bad") ? "not a regular expression" : ""; return; }
  const present = new Set();
  for (let i = chart.zoomed || 1; i < tree.end[chart.zoomed]; i++) if (i && matches[tree.name[i]] && tree.weight[i] > 0) present.add(tree.name[i]);
  if (!present.size) { box.textContent = "nothing found"; return; }
  const s = sumOf(tree, chart.zoomed, (k) => matches[k]), type = tree.profile.types[tree.type];
  const sum = `${tree.compared ? signed(s.n - s.o, type) : value(s.n, type)} ${plusMinus(s.variance, type)}`.trim();
  const parts = [plural(present.size, "name"), sum, percent(s.w, tree.weight[chart.zoomed])];
  if (place) parts.unshift(`${grouped(place.place)} of ${grouped(place.of)}`);
  box.textContent = parts.filter(Boolean).join(", ");
}

const CHIPS = 12;
let allChips = false;
function legend() {
  const box = $("legend"), tree = chart.callees, type = tree.profile.types[tree.type];
  if (colouring() === "change" && tree.compared) {
    const signedWords = tree.profile.raw.comparison === "signed";
    const texts = signedWords ? ["lost", "neither", "gained"] : ["less than before", tree.profile.isSampled(tree.type) ? "within the error" : "unchanged", "more than before"];
    box.replaceChildren(...[[1, false], [0.5, false], [0, true], [0.5, true], [1, true]].map(([t, grown], i) => {
      const dot = element("i");
      dot.style.background = changeColour(t, grown);
      return element("span.chip", [dot, [texts[0], "", texts[1], "", texts[2]][i]]);
    }));
    return;
  }
  const byPackage = colouring() === "package", groups = byPackage ? D.packages : D.subsystems, none = groups.length;
  const of = byPackage ? PACKAGE : SUBSYSTEM;
  const sums = through(tree, none + 1, (k) => (k === TOO_SMALL || k === NO_FRAMES ? -1 : of[k] < 0 ? none : of[k]));
  const roles = ["owner", "boundary", "library", "start", "wrapper", "runtime", "plain"];
  const rank = (g) => (g === none ? 9 : byPackage ? 0 : roles.indexOf(groups[g].role));
  const order = [...sums.weight.keys()].filter((g) => sums.weight[g] > 0).sort((a, b) => rank(a) - rank(b) || sums.weight[b] - sums.weight[a] || a - b);
  const chips = (allChips ? order : order.slice(0, CHIPS)).map((g) => {
    const dot = element("i"), key = g === none ? "-" : byPackage ? visible(groups[g]) : subsystemKeys[g];
    dot.style.background = D.colours[g === none ? 0 : byPackage ? D.packageColours[g] : groups[g].colour][theme()];
    const title = g === none ? "no subsystem" : byPackage ? visible(groups[g]) || "no package" : subsystemTitle(g);
    const sum = tree.compared ? signed(sums.total[g] - sums.oldTotal[g], type) : value(sums.total[g], type);
    return button([dot, title.slice(0, 80), element("span", percent(sums.weight[g], tree.weight[0]))], () => {
      go({ lit: S.lit === key ? "" : key, search: "" });
    }, { "aria-pressed": String(S.lit === key), title: `${title}: ${sum} in stacks that pass through it` });
  });
  if (order.length > CHIPS) chips.push(button(allChips ? "fewer" : `${order.length - CHIPS} more`, () => { allChips = !allChips; legend(); chart.arrange(); }));
  box.replaceChildren(...chips);
}

function listenFigure() {
  const choose = (id, key, read = (v) => v, more = {}) => {
    $(id).onchange = () => go({ [key]: read($(id).value), ...more });
  };
  choose("type", "type", (v) => profile().types[Number(v)].kind, { zoom: "" });
  choose("change", "change", (v) => v === "1", { colour: "", zoom: "" });
  choose("width", "width", undefined, { zoom: "" });
  choose("view", "view", undefined, { zoom: "", of: "" });
  choose("by", "by", undefined, { zoom: "", transforms: [] });
  choose("colour", "colour", undefined, { lit: "" });
  choose("order", "order");
  $("fold").onclick = () => go({ fold: !S.fold, zoom: "" });
  $("flip").onclick = () => go({ flip: !S.flip });
  $("in").onclick = () => chart.scale(0.5);
  $("out").onclick = () => chart.scale(2);
  $("back").onclick = () => history.back();
  $("reset").onclick = resetGraph;
  $("tabs").onkeydown = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = (S.profile + step + PROFILES.length) % PROFILES.length;
    go({ profile: next, type: "", zoom: "", of: "" });
    $(`tab-${next}`)?.focus();
    event.preventDefault();
  };
  let timer = 0;
  const search = () => {
    clearTimeout(timer);
    if (S.search === $("search").value && !S.lit) return;
    S.search = $("search").value;
    S.lit = "";
    chart.matches = matchesOf(S.search, "");
    writeAddress(false);
    chart.repaint();
    found();
    buttons();
  };
  $("search").oninput = () => { clearTimeout(timer); timer = setTimeout(search, 120); };
  $("search").onkeydown = (event) => {
    if (event.key === "Escape") $("search").value = "";
    else if (event.key !== "Enter") return;
    search();
    if (event.key === "Enter") found(chart.nextMatch(event.shiftKey ? -1 : 1));
    else chart.stage.focus();
    event.preventDefault();
    event.stopPropagation();
  };
}

function resetGraph() {
  go({ zoom: "", of: "", view: S.of ? "callees" : S.view, search: "", lit: "", transforms: [], filter: "" });
}
