// The numbers of the graph as a table: sorted by any column, filtered as everything is, old beside new with the error.

const ROWS = 30;
let allRows = false;

// What the table has: [{key, title, text, number}] by column, for a row of `through`.
function tableColumns(tree, s) {
  const p = tree.profile, type = p.types[tree.type], sampled = p.isSampled(tree.type), [was, now] = oldNew(p), out = [];
  const add = (key, title, number, text, about) => out.push({ key, title, number, text, about });
  const amount = (list) => (k) => value(list[k], type);
  const change = (a, b) => (k) => (a[k] === b[k] ? "0" : signed(a[k] - b[k], type));
  if (tree.compared) {
    const error = (k) => s.ownVariance[k] + s.oldOwnVariance[k], totalError = (k) => s.variance[k] + s.oldVariance[k];
    add("self-old", `self ${was}`, (k) => s.oldOwn[k], amount(s.oldOwn));
    add("self-new", `self ${now}`, (k) => s.own[k], amount(s.own));
    add("self-change", "self change", (k) => s.own[k] - s.oldOwn[k], change(s.own, s.oldOwn));
    if (sampled) add("self-error", "±", (k) => Math.sqrt(error(k)), (k) => plusMinus(error(k), type).slice(2), "standard error of the change");
    add("total-change", "total change", (k) => s.total[k] - s.oldTotal[k], change(s.total, s.oldTotal));
    if (sampled) {
      add("total-error", "±", (k) => Math.sqrt(totalError(k)), (k) => plusMinus(totalError(k), type).slice(2), "standard error of the change");
      add("k", "k", (k) => s.ownSampled[k], (k) => `${grouped(s.oldOwnSampled[k])} → ${grouped(s.ownSampled[k])}`, "samples that self rests on, old and new");
    }
  } else {
    add("self", "self", (k) => s.own[k], amount(s.own));
    add("self-share", "self %", (k) => s.own[k], (k) => percent(s.own[k], tree.whole));
    if (sampled) add("self-error", "±", (k) => Math.sqrt(s.ownVariance[k]), (k) => relativeError(s.own[k], s.ownVariance[k]), "standard error");
    add("total", "total", (k) => s.total[k], amount(s.total));
    add("total-share", "total %", (k) => s.total[k], (k) => percent(s.total[k], tree.whole));
    if (sampled) {
      add("total-error", "±", (k) => Math.sqrt(s.variance[k]), (k) => relativeError(s.total[k], s.variance[k]), "standard error");
      add("k", "k", (k) => s.ownSampled[k], (k) => grouped(s.ownSampled[k]), "samples that self rests on");
    }
  }
  return out;
}

// Rows in order: {keys, columns, nameOf, text(k)}.
function tableRows(tree) {
  const grouping = GROUPINGS[S.rows] || GROUPINGS.function;
  const s = through(tree, NAMES.length, (k) => (k === TOO_SMALL || k === NO_FRAMES ? -1 : grouping(k)));
  const columns = tableColumns(tree, s), shown = (k) => s.total[k] !== 0 || s.oldTotal[k] !== 0 || s.own[k] !== 0;
  const [wanted, direction] = (S.sort || `${tree.compared ? "self-change" : "self"}.down`).split(".");
  const by = columns.find((c) => c.key === wanted), name = (a, b) => (NAMES[a] < NAMES[b] ? -1 : NAMES[a] > NAMES[b] ? 1 : 0);
  const size = by && (by.key.endsWith("change") ? (k) => Math.abs(by.number(k)) : by.number);
  const order = size ? (a, b) => size(b) - size(a) || name(a, b)
    : wanted === "subsystem" ? (a, b) => (subsystemTitle(SUBSYSTEM[a]) < subsystemTitle(SUBSYSTEM[b]) ? -1 : subsystemTitle(SUBSYSTEM[a]) > subsystemTitle(SUBSYSTEM[b]) ? 1 : name(a, b))
      : name;
  const keys = [...s.weight.keys()].filter((k) => k > 0 && shown(k) && (!tree.compared || s.total[k] !== s.oldTotal[k] || s.own[k] !== s.oldOwn[k])).sort(order);
  const upwards = direction === "up";
  if (upwards) keys.reverse();
  return { keys, columns, sorted: wanted, upwards, s };
}

function showTable() {
  const tree = chart.callees, p = tree.profile, { keys, columns, sorted, upwards, s } = tableRows(tree);
  $("rows").value = S.rows;
  const heading = (key, title, about, text) => {
    const active = key === sorted, next = `${key}.${active && !upwards ? "up" : "down"}`;
    const sort = button(title, () => go({ sort: next }), { title: about });
    return element(text ? "th.text" : "th", [sort], { scope: "col", "aria-sort": active ? (upwards ? "ascending" : "descending") : "none", "data-key": key });
  };
  const unit = { function: "function", package: "package", subsystem: "subsystem" }[S.rows];
  const head = element("tr", [...columns.map((c) => heading(c.key, c.title, c.about)), heading("name", unit, undefined, true)]);
  if (S.rows === "function") head.append(heading("subsystem", "subsystem", undefined, true));
  const shown = allRows ? keys.slice(0, 5000) : keys.slice(0, ROWS);
  const body = shown.map((k) => {
    const cells = columns.map((c) => element("td", c.text(k), { "data-value": c.number(k) }));
    if (tree.compared) {
      for (const [a, n, o, v] of [["self-change", s.own[k], s.oldOwn[k], s.ownVariance[k] + s.oldOwnVariance[k]], ["total-change", s.total[k], s.oldTotal[k], s.variance[k] + s.oldVariance[k]]]) {
        const z = significance(tree, n, o, v), at = columns.findIndex((c) => c.key === a);
        if (at >= 0 && n !== o) cells[at].className = z !== undefined && Math.abs(z) < WITHIN ? "faint" : n > o ? "grown" : "shrunk";
      }
    }
    const link = button(NAMES[k].slice(0, LONGEST), () => (k < FUNCTIONS ? openSandwich(k) : go({ filter: `${S.filter} ${S.rows === "package" ? "pkg" : "sub"}:${quotedTerm(k)}`.trim() })),
      { title: k < FUNCTIONS ? "Callers and callees" : "Only stacks with it" });
    const dot = element("i.dot");
    dot.style.background = nameColour(k, S.rows === "package" ? "package" : "subsystem");
    const row = element("tr", [...cells, element("th.text", [dot, link], { scope: "row" })], { "data-name": NAMES[k].slice(0, LONGEST) });
    if (S.rows === "function") row.append(element("td.text", subsystemTitle(SUBSYSTEM[k])));
    return row;
  });
  const caption = `${p.title} ${p.types[tree.type].kind}${REPORT ? `, ${momentsOf(p, tree.compared)}` : ""}`;
  $("rows-table").replaceChildren(element("caption", caption), element("thead", [head]), element("tbody", body));
  $("rows-note").textContent = `${plural(keys.length, "row")}${shown.length < keys.length ? `, ${shown.length} shown` : ""}`;
  $("rows-more").hidden = keys.length <= ROWS;
  $("rows-more").textContent = allRows ? "Show fewer" : `Show all ${grouped(Math.min(keys.length, 5000))}`;
  $("rows-command").replaceChildren(commandLine(commandOf(p, "top", tree, S.rows === "function" ? [] : ["--by", S.rows])));
}

const quotedTerm = (k) => { const t = k >= FIRST_SUBSYSTEM ? subsystemKeys[k - FIRST_SUBSYSTEM] ?? "" : NAMES[k]; return /[\s,]/.test(t) ? `"${t}"` : t; };

function copyTable(from) {
  const tree = chart.callees, { keys, columns } = tableRows(tree);
  const head = [...columns.map((c) => c.title), S.rows, "subsystem"];
  copy(tsv([head, ...keys.map((k) => [...columns.map((c) => c.number(k)), NAMES[k], subsystemTitle(SUBSYSTEM[k])])]), from);
}

function listenTable() {
  $("rows").onchange = () => go({ rows: $("rows").value });
  $("rows-more").onclick = () => { allRows = !allRows; showTable(); };
  $("rows-copy").onclick = (event) => copyTable(event.currentTarget);
}
