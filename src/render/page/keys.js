// Keys, as in speedscope where it has them, and the help that lists them.

const KEY_HELP = [
  ["click, double click, Enter", "zoom to a frame"], ["0", "show everything"], ["+ -", "zoom in, out; also Ctrl and the wheel"],
  ["a d, Shift and arrows", "pan left, right"], ["w s", "scroll up, down"], ["arrows", "caller, callee, neighbors"],
  ["b, Backspace", "back"], ["/", "search"], ["n N", "next, previous match; in the search box Enter, Shift-Enter"], ["f", "filter"],
  ["1 2 3", "callers above callees; by function; callers and callees of the selected function"], ["r", "collapse recursion"],
  ["c", "callers of the selected function"], ["v", "callees or callers"], ["i", "root at the top or bottom"], ["t", "next sample type"],
  ["p", "next profile"], ["y", "copy the stack"], ["u U", "undo, redo a transform"], ["o", "order by name or weight"],
  ["Esc", "clear the search, then zoom out"], ["?", "this help"],
];

const pressed = () => (chart.selected > 0 ? chart.tree.name[chart.selected] : -1);
const isFunction = (k) => k > 0 && k !== TOO_SMALL && k !== NO_FRAMES;
const ACTIONS = {
  "/": () => { $("search").focus(); $("search").select(); },
  f: () => { $("filter").focus(); $("filter").select(); },
  0: () => resetGraph(),
  "+": () => chart.scale(0.5), "=": () => chart.scale(0.5), "-": () => chart.scale(2), _: () => chart.scale(2),
  a: () => chart.pan(-0.2), d: () => chart.pan(0.2),
  w: () => chart.stage.scrollBy(0, -3 * ROW), s: () => chart.stage.scrollBy(0, 3 * ROW),
  b: () => history.back(), Backspace: () => history.back(),
  n: () => found(chart.nextMatch(1)), N: () => found(chart.nextMatch(-1)),
  1: () => go({ view: "callees", of: "", zoom: "" }), 2: () => go({ view: "callers", of: "", zoom: "" }),
  3: () => { if (isFunction(pressed())) openSandwich(pressed()); },
  r: () => $("fold").click(), i: () => $("flip").click(), o: () => go({ order: S.order === "name" ? "weight" : "name" }),
  v: () => go({ view: S.view === "callers" ? "callees" : "callers", of: "", zoom: "" }),
  t: () => { const p = profile(); go({ type: p.types[(typeOf(p) + 1) % p.types.length].kind, zoom: "" }); },
  p: () => go({ profile: (S.profile + 1) % PROFILES.length, type: "", zoom: "", of: "" }),
  c: () => { if (isFunction(pressed())) go({ view: "callers", of: NAMES[pressed()], zoom: "" }); },
  y: () => { if (chart.selected > 0) copy(stackText(chart.tree, chart.selected)); },
  u: undo, U: redo,
  "?": () => help(),
  Escape: () => {
    if (S.search || S.lit) { $("search").value = ""; go({ search: "", lit: "" }); }
    else if (chart.isZoomed) zoomTo(0);
    else if (S.of) go({ of: "", view: "callees" });
    else if (S.sandwich) go({ sandwich: "" });
  },
};

function help() {
  const box = $("keys");
  if (box.open) { box.close(); return; }
  const list = (pairs) => element("dl", pairs.map(([k, v]) => element("div", [element("dt", k), element("dd", v)])));
  $("keys-body").replaceChildren(
    list(KEY_HELP), element("h3", "Filter"),
    element("p", "Terms separated by blanks; all must hold. A minus turns a term around, quotes keep blanks, /slashes/ are regular expressions. A word without a key is part of a function name."),
    list(Object.entries(FILTER_KEYS).map(([k, v]) => [`${k}:`, v])),
    element("p", "Everything is computed in this page. Nothing is sent anywhere."),
  );
  box.showModal();
}

function listenKeys() {
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("input, select, textarea, dialog");
    if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
    const onGraph = event.target === chart.stage || event.target === document.body;
    if (event.key.startsWith("Arrow")) {
      if (!onGraph) return;
      if (event.shiftKey && /Left|Right/.test(event.key)) chart.pan(event.key === "ArrowLeft" ? -0.2 : 0.2);
      else if (event.target === chart.stage) chart.move(event.key);
      else return;
    } else if (event.key === "Enter") {
      if (event.target !== chart.stage || chart.selected < 0) return;
      zoomTo(chart.selected);
    } else if (Object.hasOwn(ACTIONS, event.key)) ACTIONS[event.key]();
    else return;
    event.preventDefault();
  });
  $("help").onclick = help;
}
