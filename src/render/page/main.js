// Puts the page together: what is shown after each change of the state, the theme, print, Back.

// Changes the state as one step, and shows what follows from it.
function go(change) {
  Object.assign(S, change);
  if (S.from > S.to) [S.from, S.to] = [S.to, S.from];
  writeAddress(true);
  show();
}

// The graph at once; what is further down in tasks of its own, so that none is long.
let round = 0;
async function show() {
  const mine = ++round;
  document.documentElement.dataset.round = String(mine);
  setTheme();
  showScope();
  showGraph();
  heading();
  for (const step of [showTimeline, showSandwich, showTable, showGoroutines]) {
    await new Promise((next) => setTimeout(next, 0));
    if (mine !== round) return;
    if (REPORT || (step !== showGoroutines && step !== showTimeline)) step();
  }
  document.documentElement.dataset.ready = String(mine);
}

function heading() {
  const p = profile(), tree = chart.callees, type = p.types[tree.type], change = tree.compared;
  const title = REPORT ? visible(D.title) : `${visible(D.title)} · ${type.kind}${change ? ", difference" : ""}`;
  document.title = title;
  document.querySelector("h1").textContent = title;
  const [was, now] = oldNew(p), totals = REPORT ? [] : change
    ? [[was, value(tree.oldTotal[0], type)], [now, value(tree.total[0], type)]] : [["total", `${value(tree.total[0], type)} ${relativeError(tree.total[0], tree.variance[0])}`.trim()]];
  $("facts").replaceChildren(...totals.concat(D.facts || []).map(([name, text]) => element("div", [element("dt", name[0].toUpperCase() + name.slice(1)), element("dd", visible(text))])));
}

// Filter, span and transforms: what everything on the page is limited to.
function showScope() {
  const f = filter(), box = $("filter"), p = profile(), ignored = f.ignoredBy(p);
  if (document.activeElement !== box) box.value = S.filter;
  box.classList.toggle("bad", f.error !== "");
  box.setAttribute("aria-invalid", String(f.error !== ""));
  $("filter-note").textContent = f.error || (ignored.length ? `${[...new Set(ignored)].map((k) => `${k}:`).join(" ")} not known in ${p.title}, ignored there` : "");
  $("span").hidden = !REPORT || SNAPSHOTS.length < 2;
  if (!$("span").hidden) {
    for (const id of ["from", "to"]) {
      if (!$(id).options.length) $(id).replaceChildren(...SNAPSHOTS.map((s, i) => element("option", timeOf(s), { value: i, title: visible(s.name) })));
      $(id).value = S[id];
    }
    $("span-all").disabled = S.from === 0 && S.to === LAST;
  }
  const list = $("transforms");
  list.hidden = !S.transforms.length;
  list.replaceChildren(element("li", [button("All", () => go({ transforms: [], zoom: "" }))]), ...S.transforms.map((t, i) => element("li", [
    button(TRANSFORMS[t.what].says(spellings(t.name)[0]), () => go({ transforms: S.transforms.slice(0, i + 1), zoom: "" }), { title: NAMES[t.name].slice(0, LONGEST), "aria-current": i === S.transforms.length - 1 ? "step" : undefined }),
  ])), element("li", [button("Undo", undo, { title: "u" })]));
}

const prefersDark = matchMedia("(prefers-color-scheme: dark)");
let onPaper = false;
function setTheme() {
  const dark = !onPaper && (S.theme === "dark" || (S.theme !== "light" && prefersDark.matches));
  document.documentElement.classList.toggle("dark", dark);
  inks = undefined;
}

function repaintAll() {
  setTheme();
  legend();
  chart.repaint();
  show();
}

// Sections that there are, as links.
function sections() {
  const list = [...document.querySelectorAll("main > section")].filter((s) => !s.hidden || s.id === "goroutines");
  if (D.links?.length) {
    $("sections").hidden = false;
    // Only places of the same server.
    $("sections").replaceChildren(...D.links.filter((l) => /^[\w./]*(\?|$)/.test(l.href) && !l.href.startsWith("/")).map((l) => element("a", visible(l.text), { href: l.href })));
    return;
  }
  $("sections").hidden = !REPORT;
  if (REPORT) $("sections").replaceChildren(...list.map((s) => button(s.querySelector("h2").textContent, () => {
    s.scrollIntoView({ block: "start" });
    s.querySelector("h2").focus?.({ preventScroll: true });
  })));
}

// On paper everything is open, every profile has its graph, and colors are for white.
let wasOpen = [];
function toPaper() {
  onPaper = true;
  setTheme();
  wasOpen = [...document.querySelectorAll("details")].map((d) => [d, d.open]);
  for (const [d] of wasOpen) d.open = true;
  legend();
  const charts = sandwich ? [chart, sandwich.callers, sandwich.callees] : [chart];
  for (const c of charts) { c.paper = 1400; c.layout(); c.paint(); }
  if (REPORT) $("paper").replaceChildren(...paperGraphs());
}

function fromPaper() {
  onPaper = false;
  for (const [d, open] of wasOpen) d.open = open;
  const charts = sandwich ? [chart, sandwich.callers, sandwich.callees] : [chart];
  for (const c of charts) c.paper = 0;
  $("paper").replaceChildren();
  repaintAll();
}

// The graphs of the other profiles, and their changes, as pictures.
function paperGraphs() {
  const out = [];
  for (const p of PROFILES) {
    for (const change of canCompare(p) ? [false, true] : [false]) {
      if (p === profile() && change === comparing(p)) continue;
      const box = element("figure", [element("figcaption", `${p.title} ${p.types[typeOf(p)].kind}, ${momentsOf(p, change)}`)]), tree = treeOf(p, { change });
      const c = new Chart(box, { fill: change ? changeFill : fill, side: sideText, rootName, hover() {}, open() {}, moved() {}, select() {} }, { label: "flame graph" });
      c.paper = 1400;
      c.show(tree);
      c.paint();
      out.push(box);
    }
  }
  return out;
}

function changeFill(tree, i) {
  if (i === 0) return ink("field");
  return changeColour(strength(tree, tree.total[i], tree.oldTotal[i], tree.variance[i] + tree.oldVariance[i]), tree.total[i] >= tree.oldTotal[i]);
}

function start() {
  document.body.classList.add(REPORT ? "report" : "flame");
  readAddress();
  written = address();
  if (S.search) $("search").value = S.search;
  if (!REPORT) for (const details of ["h-graph", "h-tables"]) $(details).classList.add("unseen");
  if (matchMedia("(max-width: 640px)").matches) $("legend-box").open = false;
  // One line for what is typed and one for what is chosen, so that the graph begins high up.
  else if (!REPORT) $("filter").closest(".field").after($("search").closest("label"), $("found"));
  listenFigure();
  listenSandwich();
  listenTable();
  listenTimeline();
  listenKeys();
  $("theme").onclick = () => { S.theme = theme() ? "light" : "dark"; writeAddress(false); repaintAll(); };
  prefersDark.addEventListener("change", repaintAll);
  let timer = 0;
  $("filter").oninput = () => {
    clearTimeout(timer);
    timer = setTimeout(() => { S.filter = $("filter").value; S.zoom = ""; writeAddress(false); show(); }, 200);
  };
  $("filter").onkeydown = (event) => {
    if (event.key === "Escape") $("filter").value = "";
    else if (event.key !== "Enter") return;
    clearTimeout(timer);
    go({ filter: $("filter").value, zoom: "" });
    if (event.key === "Escape") chart.stage.focus();
    event.preventDefault();
    event.stopPropagation();
  };
  $("from").onchange = () => go({ from: Number($("from").value), zoom: "" });
  $("to").onchange = () => go({ to: Number($("to").value), zoom: "" });
  $("span-all").onclick = () => go({ from: 0, to: LAST, zoom: "" });
  // Back and links to places in this page.
  addEventListener("hashchange", () => { if (address() !== location.hash.slice(1)) arrive(); });
  addEventListener("popstate", arrive);
  addEventListener("beforeprint", toPaper);
  addEventListener("afterprint", fromPaper);
  if (REPORT) { showVerdict(); showCoverage(); showTexts(); }
  show().then(sections);
}

function arrive() {
  readAddress();
  written = address();
  $("search").value = S.search;
  $("filter").value = S.filter;
  show();
}

start();
