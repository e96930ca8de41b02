// What the reader does: choosing, zooming, searching, keys, the tooltip, the table, print.

const $ = (id) => document.getElementById(id);
const element = (tag, text, className) => {
  const e = document.createElement(tag);
  if (text !== undefined) e.textContent = text;
  if (className) e.className = className;
  return e;
};
const OLD_NEW = D.comparison === "signed" ? ["lost", "gained"] : ["old", "new"];

function rebuild() {
  const callees = calleeTree(S.type, S.width);
  S.callees = callees;
  S.tree = S.view === "callers" ? callerTree(callees, S.type, S.width, S.of) : callees;
  if (S.zoom >= S.tree.count) S.zoom = 0;
  S.selected = S.hover = -1;
  stage.scrollTop = 0;
  search(S.query, S.subsystem);
  heading();
  legend();
  table();
  show();
}

function heading() {
  const kind = visible(D.types[S.type].kind), c = column(S.type), box = $("facts");
  const title = `${visible(D.title)} · ${kind}${COMPARED ? ", difference" : ""}`;
  document.title = title;
  document.querySelector("h1").textContent = title;
  const totals = COMPARED
    ? [[OLD_NEW[0], value(c.oldTotal[0], S.type)], [OLD_NEW[1], value(c.total[0], S.type)]]
    : [["total", value(c.total[0], S.type)]];
  box.replaceChildren();
  for (const [name, text] of totals.concat(D.facts)) {
    const pair = element("div");
    pair.append(element("dt", name[0].toUpperCase() + name.slice(1)), element("dd", visible(text)));
    box.append(pair);
  }
}

// Everything that follows from where we are.
function show() {
  arrange();
  if (S.flip) stage.scrollTop = sizer.scrollHeight;
  $("back").disabled = S.past.length === 0;
  $("reset").disabled = S.zoom === 0 && S.of === undefined && !S.matches;
  note();
  status(S.selected >= 0 ? S.selected : S.zoom);
  save();
}

function note() {
  const parts = [], type = D.types[S.type], c = column(S.type);
  if (!c.total[0] && !c.oldTotal[0]) parts.push(`There is no ${type.kind} in this profile.`);
  else if (!COMPARED && c.total[0] !== type.total) {
    parts.push(`Filters leave ${value(c.total[0], S.type)} of ${value(type.total, S.type)} (${percent(c.total[0], type.total)}).`);
  }
  if (D.hidden.count) {
    parts.push(`${D.hidden.count.toLocaleString("en-US")} frames of at most ${percent(D.hidden.largest, 1)} each are not drawn.`);
  }
  if (S.tree.cut) parts.push(`${S.tree.cut.toLocaleString("en-US")} callers below 0.01% each are not drawn.`);
  if (S.of !== undefined) parts.push(`Who calls ${NAMES[S.of]}; r shows everything.`);
  $("note").textContent = parts.join(" ");
  $("note").hidden = parts.length === 0;
}

function remember() {
  S.past.push({ zoom: S.zoom, view: S.view, of: S.of });
  if (S.past.length > 200) S.past.shift();
}

function zoom(i) {
  if (i === S.zoom) return;
  remember();
  S.zoom = i;
  S.selected = i;
  show();
  reveal(i);
}

function setView(view, of) {
  remember();
  Object.assign(S, { view, of, zoom: 0 });
  $("view").value = view;
  rebuild();
}

function back() {
  const last = S.past.pop();
  if (!last) return;
  const same = last.view === S.view && last.of === S.of;
  Object.assign(S, last);
  $("view").value = S.view;
  if (same) show();
  else rebuild();
}

function reset() {
  const whole = S.of !== undefined;
  if (S.zoom !== 0 || whole) remember();
  S.zoom = 0;
  S.of = undefined;
  if (whole) S.view = "callees";
  $("view").value = S.view;
  $("search").value = "";
  S.query = "";
  S.subsystem = -2;
  rebuild();
}

function search(query, subsystem) {
  S.query = query;
  S.subsystem = subsystem;
  S.matches = null;
  $("search").classList.remove("bad");
  $("found").textContent = "";
  if (subsystem > -2) {
    S.matches = Uint8Array.from(NAMES, (_, k) => groupOf(k) === subsystem);
  } else if (query) {
    try {
      const re = new RegExp(query, "i");
      S.matches = Uint8Array.from(NAMES, (name) => re.test(name));
    } catch {
      $("search").classList.add("bad");
      $("found").textContent = "not a regular expression";
      return;
    }
  }
  if (!S.matches) return;
  const { tree } = S;
  const present = new Set();
  for (let i = Math.max(S.zoom, 1); i < tree.end[S.zoom]; i++) if (S.matches[tree.name[i]]) present.add(tree.name[i]);
  const sum = sumOf(tree, S.zoom, (k) => S.matches[k]);
  const share = COMPARED ? signed(sum.n - sum.o, S.type) : value(sum.n, S.type);
  $("found").textContent = present.size
    ? `${present.size} function${present.size > 1 ? "s" : ""}, ${share}, ${percent(sum.w, tree.weight[S.zoom])}`
    : "nothing found";
}

// What a name is coloured by: its subsystem or its package.
const groupOf = (k) => (S.colour === "package" ? PACKAGE[k] : SUBSYSTEM[k]);

const SHOWN = 16;
let allOfLegend = false;
function legend() {
  const box = $("legend");
  box.replaceChildren();
  if (S.colour === "change") {
    const words = D.comparison === "signed" ? ["gained", "neither", "lost"] : ["more than before", "unchanged", "less than before"];
    for (const [n, o, text] of [[2, 1, words[0]], [1, 1, words[1]], [1, 2, words[2]]]) {
      const chip = element("button");
      chip.type = "button";
      chip.disabled = true;
      chip.style.opacity = 1;
      const dot = element("i");
      dot.style.background = change(n, o);
      chip.append(dot, text);
      box.append(chip);
    }
    return;
  }
  const groups = S.colour === "package" ? D.packages : D.subsystems, none = groups.length, tree = S.callees;
  const sums = through(tree, none + 1, (k) => (k >= D.names.length ? -1 : groupOf(k) < 0 ? none : groupOf(k)));
  const roles = ["owner", "boundary", "library", "start", "wrapper", "runtime", "plain"];
  const rank = (g) => (g === none ? 9 : S.colour === "package" ? 0 : roles.indexOf(groups[g].role));
  const order = sums.map((_, g) => g).filter((g) => sums[g].w > 0)
    .sort((a, b) => rank(a) - rank(b) || sums[b].w - sums[a].w || a - b);
  for (const g of allOfLegend ? order : order.slice(0, SHOWN)) {
    const chip = element("button"), dot = element("i");
    chip.type = "button";
    const at = g === none ? 0 : S.colour === "package" ? D.packageColours[g] : groups[g].colour;
    dot.style.background = D.colours[at][S.dark ? 1 : 0];
    const title = g === none ? "no subsystem" : S.colour === "package" ? visible(groups[g]) || "no package" : visible(groups[g].title);
    const index = g === none ? -1 : g;
    chip.append(dot, title, element("span", percent(sums[g].w, tree.weight[0])));
    chip.title = `${title}: ${COMPARED ? signed(sums[g].n - sums[g].o, S.type) : value(sums[g].n, S.type)} in stacks that pass through it`;
    chip.setAttribute("aria-pressed", String(S.subsystem === index));
    chip.onclick = () => {
      $("search").value = "";
      search("", S.subsystem === index ? -2 : index);
      legend();
      show();
    };
    box.append(chip);
  }
  if (order.length > SHOWN) {
    const more = element("button", allOfLegend ? "fewer" : `${order.length - SHOWN} more`);
    more.type = "button";
    more.onclick = () => { allOfLegend = !allOfLegend; legend(); arrange(); };
    box.append(more);
  }
}

function about(i) {
  const { tree } = S, k = tree.name[i];
  if (i === 0) return { name: rootName(), belongs: "" };
  const s = SUBSYSTEM[k], belongs = [];
  if (s >= 0) belongs.push(visible(D.subsystems[s].title));
  const pack = D.packages[PACKAGE[k]];
  if (pack) belongs.push(visible(pack));
  if (tree.mark[i]) belongs.push(tree.mark[i] === 2 ? "inlined" : "inlined in places");
  return { name: NAMES[k], belongs: belongs.join(" · "), file: visible(D.files[FILE[k]] || "") };
}

// Lines for the tooltip: every sample type, so that objects and bytes are seen together.
function numbers(i) {
  const table = element("table"), { tree } = S, head = element("tr");
  const titles = COMPARED ? [...OLD_NEW, "change", ""] : ["self", "", "total", ""];
  head.append(element("th"), ...titles.map((t) => element("td", t)));
  table.append(head);
  const types = tree.inverted ? [S.type] : D.types.map((_, t) => t);
  for (const t of types) {
    const c = tree.inverted ? tree : column(t), row = element("tr"), type = D.types[t];
    if (t === S.type && types.length > 1) row.className = "chosen";
    row.append(element("th", type.kind));
    const cell = (text, name) => row.append(element("td", text, name));
    if (COMPARED) {
      const n = c.total[i], o = c.oldTotal[i];
      cell(value(o, t));
      cell(value(n, t));
      cell(n === o ? "0" : signed(n - o, t), n > o ? "grown" : n < o ? "shrunk" : "");
      cell(o && n !== o ? `${n > o ? "+" : ""}${percent(n - o, o)}` : n && !o ? "new" : "");
    } else {
      cell(value(c.own[i], t));
      cell(percent(c.own[i], type.total));
      cell(value(c.total[i], t));
      cell(percent(c.total[i], type.total));
    }
    table.append(row);
  }
  return table;
}

function tip(box, x, y) {
  const t = $("tip");
  if (!box) { t.hidden = true; return; }
  t.replaceChildren();
  if (box.i < 0) {
    t.append(element("p", "frames too narrow to be drawn here; zoom in to see them"));
  } else {
    const { name, belongs, file } = about(box.i);
    t.append(element("b", name));
    if (belongs) t.append(element("p", belongs));
    if (file) t.append(element("p", file));
    t.append(numbers(box.i));
    if (S.zoom !== 0) t.append(element("p", `${percent(S.tree.weight[box.i], S.tree.weight[S.zoom])} of what is zoomed to`));
  }
  t.hidden = false;
  const { width, height } = t.getBoundingClientRect();
  t.style.left = `${Math.max(4, Math.min(x + 14, innerWidth - width - 6))}px`;
  t.style.top = `${Math.max(4, y + 18 + height > innerHeight ? y - height - 12 : y + 18)}px`;
}

function status(i) {
  const { tree } = S, { name, belongs } = about(i), n = tree.total[i], o = tree.oldTotal[i], bar = $("status");
  bar.replaceChildren(element("b", name));
  if (COMPARED) bar.append(element("span", `${OLD_NEW[0]} ${value(o, S.type)}, ${OLD_NEW[1]} ${value(n, S.type)}, change ${signed(n - o, S.type)}`));
  else bar.append(element("span", `total ${value(n, S.type)} ${percent(n, D.types[S.type].total)}, self ${value(tree.own[i], S.type)}`));
  if (belongs) bar.append(element("span", belongs));
}

function table() {
  const tree = S.callees, c = column(S.type), names = D.names.length;
  const totals = through(tree, names, (k) => (k < names ? k : -1));
  const own = Array.from({ length: names }, () => ({ n: 0, o: 0 }));
  for (let i = 1; i < tree.count; i++) {
    own[tree.name[i]].n += c.own[i];
    own[tree.name[i]].o += c.oldOwn[i];
  }
  const key = COMPARED ? (k) => Math.abs(own[k].n - own[k].o) : (k) => own[k].n;
  const order = own.map((_, k) => k).filter((k) => k > 0 && key(k) !== 0).sort((a, b) => key(b) - key(a) || a - b).slice(0, 30);
  const t = $("largest").querySelector("table"), whole = D.types[S.type].total, head = element("tr");
  const titles = COMPARED ? [...OLD_NEW.map((x) => `self ${x}`), "self change", "total change"] : ["self", "self %", "total", "total %"];
  head.append(...titles.map((x) => element("th", x)), element("th", "function", "text"), element("th", "subsystem", "text"));
  t.replaceChildren(head);
  for (const k of order) {
    const row = element("tr"), a = own[k], b = totals[k];
    const cells = COMPARED
      ? [value(a.o, S.type), value(a.n, S.type), signed(a.n - a.o, S.type), signed(b.n - b.o, S.type)]
      : [value(a.n, S.type), percent(a.n, whole), value(b.n, S.type), percent(b.n, whole)];
    row.append(...cells.map((x) => element("td", x)));
    const name = element("td", undefined, "text"), link = element("button", NAMES[k]);
    link.type = "button";
    link.onclick = () => {
      $("search").value = `^${NAMES[k].replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&")}$`;
      search($("search").value, -2);
      legend();
      show();
    };
    name.append(link);
    const s = SUBSYSTEM[k];
    row.append(name, element("td", s < 0 ? "" : visible(D.subsystems[s].title), "text"));
    t.append(row);
  }
  $("largest").hidden = order.length === 0;
}

// Scrolls a node into sight.
function reveal(i) {
  const height = Math.max(S.rows.length * ROW, stage.clientHeight), d = S.tree.depth[i];
  const y = S.flip ? height - (d + 1) * ROW : d * ROW;
  if (y < stage.scrollTop) stage.scrollTop = y;
  else if (y + ROW > stage.scrollTop + stage.clientHeight) stage.scrollTop = y + ROW - stage.clientHeight;
}

function select(i) {
  S.selected = i;
  reveal(i);
  status(i);
  repaint();
}

function move(key) {
  const { tree } = S, i = S.selected < 0 ? S.zoom : S.selected;
  const down = S.flip ? "ArrowUp" : "ArrowDown", wide = (k) => boxOf(k) !== undefined;
  if (S.selected < 0) return select(i);
  if (key === "ArrowUp" || key === "ArrowDown") {
    if (key === down) {
      const kids = [...tree.kids.subarray(tree.first[i], tree.first[i + 1])].filter(wide);
      if (kids.length) select(kids[0]);
    } else if (i !== 0) select(tree.parent[i]);
    return;
  }
  const row = (S.rows[tree.depth[i]] || []).filter((b) => b.i >= 0), at = row.findIndex((b) => b.i === i);
  const next = row[at + (key === "ArrowRight" ? 1 : -1)];
  if (next) select(next.i);
}

function nextMatch(step) {
  if (!S.matches) return;
  const boxes = S.rows.flat().filter((b) => b.i > 0 && S.matches[S.tree.name[b.i]]).map((b) => b.i);
  if (!boxes.length) return;
  const at = boxes.indexOf(S.selected);
  select(boxes[(at + step + boxes.length) % boxes.length] ?? boxes[0]);
}

function setTheme(dark) {
  S.dark = dark;
  document.documentElement.classList.toggle("dark", dark);
}

// The place in the page stands in the address, so that a reload or a bookmark comes back to it.
function save() {
  const state = new URLSearchParams();
  if (S.type !== D.selected) state.set("type", D.types[S.type].kind);
  if (S.view !== "callees") state.set("view", S.view);
  if (S.of !== undefined) state.set("of", S.of);
  if (S.zoom) state.set("zoom", S.zoom);
  if (S.query) state.set("search", S.query);
  if (S.width !== (COMPARED ? "larger" : "new")) state.set("width", S.width);
  try {
    history.replaceState(null, "", `#${state}`);
  } catch {
    // Some viewers forbid it; nothing depends on it.
  }
}

function restore() {
  const state = new URLSearchParams(location.hash.slice(1));
  const type = D.types.findIndex((t) => t.kind === state.get("type"));
  if (type >= 0) S.type = type;
  if (state.get("view") === "callers") S.view = "callers";
  const of = Number(state.get("of"));
  if (of > 0 && of < D.names.length) S.of = of;
  S.zoom = Math.max(0, Math.trunc(Number(state.get("zoom")))) || 0;
  S.query = state.get("search") || "";
  if (COMPARED && Object.hasOwn(WIDTHS, state.get("width") || "")) S.width = state.get("width");
}

const ACTIONS = {
  "/": () => { $("search").focus(); $("search").select(); },
  b: back, Backspace: back, r: reset, n: () => nextMatch(1), N: () => nextMatch(-1),
  f: () => $("flip").click(),
  v: () => setView(S.view === "callers" ? "callees" : "callers", undefined),
  t: () => { $("type").value = String((S.type + 1) % D.types.length); $("type").onchange(); },
  c: () => {
    const k = S.selected > 0 ? S.tree.name[S.selected] : 0;
    if (k > 0 && k < D.names.length) setView("callers", k);
  },
  "?": () => $("help").click(),
  Escape: () => {
    if (S.matches || S.query) { $("search").value = ""; search("", -2); legend(); show(); }
    else if (S.zoom) zoom(0);
    else if (S.of !== undefined) reset();
  },
};

function start() {
  D.types.forEach((t, i) => {
    const option = element("option", visible(t.kind));
    option.value = i;
    $("type").append(option);
  });
  restore();
  $("type").value = S.type;
  $("view").value = S.view;
  $("search").value = S.query;
  $("width-label").hidden = !COMPARED;
  if (D.comparison === "signed") {
    [["larger", "lost and gained"], ["new", "gained"], ["old", "lost"]].forEach(([v, text]) => {
      $("width").querySelector(`[value=${v}]`).textContent = text;
    });
    $("width").querySelector("[value=change]").remove();
  }
  $("width").value = S.width;
  $("colour").querySelector("[value=change]").hidden = !COMPARED;
  $("colour").value = S.colour;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  setTheme(dark.matches);
  dark.addEventListener("change", () => { setTheme(dark.matches); legend(); repaint(); });

  $("type").onchange = () => { S.type = Number($("type").value); rebuild(); };
  $("width").onchange = () => { S.width = $("width").value; rebuild(); };
  $("view").onchange = () => setView($("view").value, undefined);
  $("colour").onchange = () => {
    S.colour = $("colour").value;
    if (S.subsystem > -2) search("", -2);
    legend();
    arrange();
  };
  $("flip").onclick = () => {
    S.flip = !S.flip;
    $("flip").setAttribute("aria-pressed", String(S.flip));
    arrange();
    stage.scrollTop = S.flip ? sizer.scrollHeight : 0;
  };
  $("back").onclick = back;
  $("reset").onclick = reset;
  $("theme").onclick = () => { setTheme(!S.dark); legend(); repaint(); };
  $("help").onclick = () => {
    $("keys").hidden = !$("keys").hidden;
    $("help").setAttribute("aria-expanded", String(!$("keys").hidden));
  };
  let timer = 0;
  $("search").oninput = () => {
    clearTimeout(timer);
    timer = setTimeout(() => { search($("search").value, -2); legend(); show(); }, 120);
  };
  $("search").onkeydown = (event) => {
    if (event.key !== "Enter" && event.key !== "Escape") return;
    clearTimeout(timer);
    if (event.key === "Escape") $("search").value = "";
    search($("search").value, -2);
    legend();
    show();
    stage.focus();
    if (event.key === "Enter") nextMatch(1);
    event.preventDefault();
    event.stopPropagation();
  };
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("input, select");
    if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key.startsWith("Arrow") && (event.target === stage || event.target === document.body)) move(event.key);
    else if (event.key === "Enter" && (event.target === stage || event.target === document.body)) {
      if (S.selected >= 0) zoom(S.selected);
    } else if (ACTIONS[event.key]) ACTIONS[event.key]();
    else return;
    event.preventDefault();
  });
  canvas.addEventListener("mousemove", (event) => {
    const box = at(event.clientX, event.clientY), hover = box && box.i >= 0 ? box.i : -1;
    canvas.classList.toggle("over", box !== null);
    tip(box, event.clientX, event.clientY);
    if (hover !== S.hover) { S.hover = hover; repaint(); }
  });
  canvas.addEventListener("mouseleave", () => { S.hover = -1; tip(null); repaint(); });
  canvas.addEventListener("click", (event) => {
    const box = at(event.clientX, event.clientY);
    if (!box) return;
    tip(null);
    const i = box.i < 0 ? ~box.i : box.i;
    if (i === S.zoom) select(i);
    else zoom(i);
    stage.focus({ preventScroll: true });
  });
  stage.addEventListener("scroll", repaint);
  new ResizeObserver(() => arrange()).observe(stage);
  addEventListener("beforeprint", () => {
    S.wasDark = S.dark;
    setTheme(false);
    legend();
    S.paper = 1400;
    S.wasOpen = $("largest").open;
    $("largest").open = true;
    layout(S.paper);
    paint();
  });
  addEventListener("afterprint", () => {
    S.paper = 0;
    setTheme(S.wasDark);
    $("largest").open = S.wasOpen;
    legend();
    arrange();
  });
  rebuild();
}

start();
