// Callers above, callees below a chosen function: how much of it comes from whom and goes where.

let sandwich;
function sandwichCharts() {
  if (sandwich) return sandwich;
  const make = (host, label, skip) => {
    const c = new Chart($(host), {
      fill, side: sideText, rootName, moved: () => {}, select: () => {},
      hover: (box, x, y) => tip(box, x, y, c),
      open: (i) => { c.zoomTo(i === c.zoomed ? 0 : i); },
    }, { label, skip });
    c.stage.addEventListener("keydown", (event) => {
      if (event.key.startsWith("Arrow")) c.move(event.key);
      else if (event.key === "Enter" && c.selected > 0) c.zoomTo(c.selected);
      else if (event.key === "0" || event.key === "Escape") c.zoomTo(0);
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
    return c;
  };
  sandwich = {
    callers: make("callers-box", "Callers, the function at the bottom. Arrow keys move.", 1),
    callees: make("callees-box", "Callees, the function at the top. Arrow keys move.", 1),
  };
  sandwich.callers.flip = true;
  return sandwich;
}

function openSandwich(k) {
  go({ sandwich: NAMES[k] });
  $("sandwich").scrollIntoView({ block: "start" });
  $("sandwich-name").focus({ preventScroll: true });
}

function showSandwich() {
  const box = $("sandwich");
  if (!S.sandwich) { box.hidden = true; return; }
  box.hidden = false;
  if (document.activeElement !== $("sandwich-name")) $("sandwich-name").value = S.sandwich;
  const p = profile(), k = nameNumbers.get(S.sandwich), tree = chart.callees, parts = [$("callers-box"), $("callees-box"), $("sandwich-middle")];
  const present = k !== undefined && tree.name.includes(k);
  for (const part of parts) part.hidden = !present;
  $("sandwich-command").replaceChildren();
  if (!present) {
    $("sandwich-note").textContent = k === undefined ? "No function of this report has that name." : "This profile has no stack with it under the filters in force.";
    return;
  }
  const charts = sandwichCharts(), callers = callerTree(tree, k), type = p.types[tree.type];
  const shape = TRANSFORMS.focus.apply(shapeOf(p, { filter: filter(), transforms: S.transforms, by: S.by, fold: S.fold }), k);
  // The focus drops rows outside; the memo of the graph keeps its own.
  const own = { ...shape, keep: shape.keep.slice() };
  for (let r = 0; r < p.rows; r++) if (own.image[p.node[r]] < 0) own.keep[r] = 0;
  const callees = calleeTree(p, own, tree.type, { at: tree.at, was: tree.was, width: S.width, order: S.order });
  charts.callers.show(callers);
  charts.callees.show(callees);
  const s = sumOf(tree, 0, (n) => n === k), t = through(tree, 1, (n) => (n === k ? 0 : -1));
  const self = tree.compared ? `self ${signed(t.own[0] - t.oldOwn[0], type)}` : `self ${value(t.own[0], type)}`;
  const total = tree.compared ? `change ${signed(s.n - s.o, type)} ${plusMinus(s.variance, type)}` : `total ${value(s.n, type)} ${percent(s.n, tree.whole)} ${relativeError(s.n, s.variance)}`;
  const dot = element("i.dot");
  dot.style.background = nameColour(k, "subsystem");
  $("sandwich-middle").replaceChildren(dot, element("b", NAMES[k].slice(0, LONGEST)), element("span", `${total.trim()} · ${self}`));
  $("sandwich-note").textContent = `${p.title} ${type.kind} ${momentsOf(p, tree.compared)}. In a recursion the outermost call counts.`;
  $("sandwich-command").replaceChildren(commandLine(commandOf(p, "peek", { ...tree, compared: false }, [quoted(`^${literal(NAMES[k])}$`)])));
}

function listenSandwich() {
  const largest = () => {
    const tree = chart.callees, s = through(tree, NAMES.length, (k) => (k < FUNCTIONS ? k : -1));
    const order = [...s.weight.keys()].filter((k) => s.weight[k] > 0).sort((a, b) => s.weight[b] - s.weight[a]).slice(0, 400);
    $("sandwich-names").replaceChildren(...order.map((k) => element("option", undefined, { value: NAMES[k] })));
  };
  $("sandwich-name").onfocus = largest;
  $("sandwich-name").onchange = () => { if ($("sandwich-name").value) go({ sandwich: $("sandwich-name").value }); };
  $("sandwich-close").onclick = () => { go({ sandwich: "" }); chart.stage.focus(); };
}
