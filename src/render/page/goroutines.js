// Goroutines of a dump: which are stuck, which wait as they always do, which are idle loops; for how long, and for what.

const HEADINGS = [
  ["stuck", "Stuck", "wait longer, or in greater number, than this loop ever should"],
  ["usual", "Usual", "at work, or waiting as they always do"],
  ["idle", "Idle loops", "sleep until there is something to do"],
];
const AGES = [[-1, "under 1 min"], [1, "1 min"], [2, "2 min"], [5, "5 min"], [10, "10 min"], [20, "20 min"], [60, "1 h"], [180, "3 h"], [720, "12 h"]];
const GROUPS = 200;

const dumpProfile = () => PROFILES.find((p) => p.attribute("state"));

// Goroutines by heading, owner and what they are blocked in, at the end of the span and at its start.
function goroutineGroups(p) {
  const span = spanOf(p), now = p.values(0, span.at), before = span.was === span.at ? undefined : p.values(0, span.was);
  const { keep } = shapeOf(p, { filter: filter(), transforms: S.transforms, by: "function", fold: false });
  // A column that knows nothing is not there.
  const column = (name, none) => p.attribute(name) || new Int32Array(p.rows).fill(none);
  const [owner, inside, state, wait, heading, creator] = [column("owner", -1), column("blockedIn", -1), column("state", 0), column("wait", -1), p.attribute("heading"), p.attribute("creator")];
  const groups = new Map(), all = { count: 0, unknown: 0 };
  for (let r = 0; r < p.rows; r++) {
    const n = now[r], o = before ? before[r] : 0;
    if (!keep[r] || (!n && !o)) continue;
    const h = heading ? heading[r] : 1, key = `${h}/${owner[r]}/${inside[r]}`;
    let g = groups.get(key);
    if (!g) groups.set(key, (g = { key, heading: h, owner: owner[r], inside: inside[r], count: 0, old: 0, states: new Map(), low: Infinity, high: -1, rows: [], creators: new Map() }));
    g.count += n;
    g.old += o;
    all.count += n;
    if (!n) continue;
    g.rows.push(r);
    g.states.set(state[r], (g.states.get(state[r]) || 0) + n);
    if (creator?.[r]) g.creators.set(creator[r], (g.creators.get(creator[r]) || 0) + n);
    if (wait[r] >= 0) { g.low = Math.min(g.low, wait[r]); g.high = Math.max(g.high, wait[r]); }
  }
  const order = (a, b) => b.heading - a.heading || b.count - a.count || b.high - a.high || (a.key < b.key ? -1 : 1);
  return { groups: [...groups.values()].sort(order), all, span, now, compared: before !== undefined };
}

const minutes = (m) => (m < 120 ? `${m} min` : duration(m * 60));
const waitText = (g) => (g.high < 0 ? "" : g.low === g.high ? minutes(g.high) : `${grouped(g.low)} to ${minutes(g.high)}`);
const mostOf = (counts) => [...counts].sort((a, b) => b[1] - a[1] || a[0] - b[0]);

function showGoroutines() {
  const p = dumpProfile(), box = $("goroutines");
  if (!p || !REPORT) { box.hidden = true; return; }
  box.hidden = false;
  const found = goroutineGroups(p), { groups, all, span, now } = found, body = [];
  const snapshot = SNAPSHOTS[p.raw.taken[span.at].snapshot], at = moment(snapshot.at) || visible(snapshot.name);
  body.push(element("p.about", `${plural(all.count, "goroutine")} at ${at}${p.raw.taken[span.at].source ? `, ${visible(p.raw.taken[span.at].source)}` : ""}. Waits are whole minutes, as Go writes them: less than one is not shown.`));
  const charts = element("div.two", [ageChart(p, found), waitsFor(groups)]);
  body.push(charts);
  const known = p.attribute("heading");
  for (const [i, [key, title, about]] of [...HEADINGS.entries()]) {
    const level = 2 - i, mine = groups.filter((g) => g.heading === level && (g.count || g.old));
    if (!mine.length && !(key === "stuck" && known)) continue;
    const sum = mine.reduce((a, g) => a + g.count, 0);
    const heads = ["count", ...(found.compared ? ["change"] : []), "wait", "state", "owner", "blocked in", "started by"];
    const table = element("table.groups", [element("thead", [element("tr", heads.map((h) => element(h === "count" || h === "change" ? "th" : "th.text", h, { scope: "col" })))]),
      element("tbody", mine.slice(0, GROUPS).flatMap((g) => groupRows(p, g, found.compared, now)))]);
    const box = element("details", [element("summary", [element(`b.${key}`, known ? title : "All"), ` ${grouped(sum)}`, element("span", known ? ` ${about}` : "")])], { open: level > 0 || !known });
    box.append(mine.length ? element("div.scroll", [table], { tabindex: 0, role: "region", "aria-label": title }) : element("p.about", "None."));
    if (mine.length > GROUPS) box.append(element("p.about", `${mine.length - GROUPS} more groups; the filter narrows them.`));
    body.push(box);
  }
  body.push(commandLine(`${D.command || "kubeprof"} goroutines ${p.raw.taken[span.at].args || quoted(p.raw.taken[span.at].source || "DUMP")}`));
  $("goroutines-body").replaceChildren(...body);
}

function groupRows(p, g, compared, now) {
  const dot = element("i.dot");
  dot.style.background = D.colours[g.owner < 0 ? 0 : D.subsystems[g.owner].colour][theme()];
  const only = [g.owner >= 0 && `owner:${subsystemKeys[g.owner]}`, g.inside >= 0 && `in:${subsystemKeys[g.inside]}`].filter(Boolean).join(" ");
  const creators = mostOf(g.creators), id = `g-${g.key.replaceAll("/", "-")}`;
  const more = element("tr.stacks", [element("td", stacksOf(p, g, now), { colspan: compared ? 7 : 6 })], { hidden: true, id });
  const open = button("", () => {
    more.hidden = !more.hidden;
    open.setAttribute("aria-expanded", String(!more.hidden));
  }, { "aria-expanded": "false", "aria-controls": id, title: "Stacks" });
  open.append(grouped(g.count));
  const row = element("tr", [
    element("td", [open], { "data-value": g.count }),
    ...(compared ? [element(g.count > g.old ? "td.grown" : g.count < g.old ? "td.shrunk" : "td", g.count === g.old ? "0" : `${g.count > g.old ? "+" : ""}${grouped(g.count - g.old)}`)] : []),
    element("td.text", waitText(g)),
    element("td.text", mostOf(g.states).slice(0, 3).map(([s, n]) => `${words[s] || "unknown"}${g.states.size > 1 ? ` ${grouped(n)}` : ""}`).join(", ")),
    element("td.text", [dot, g.owner < 0 ? "unknown" : button(subsystemTitle(g.owner), () => go({ filter: only, profile: PROFILES.indexOf(p), type: "", zoom: "" }), { title: "Filter everything to these" })]),
    element("td.text", subsystemTitle(g.inside)),
    element("td.text.mono", creators.length ? `${words[creators[0][0]].split("/").pop()}${creators.length > 1 ? ` and ${creators.length - 1} more` : ""}` : ""),
  ]);
  return [row, more];
}

// The most frequent stacks of a group, leaf first.
function stacksOf(p, g, now) {
  const { parent, name } = p.base, sums = new Map();
  for (const r of g.rows) sums.set(p.node[r], (sums.get(p.node[r]) || 0) + now[r]);
  const most = [...sums].sort((a, b) => b[1] - a[1] || a[0] - b[0]);
  return [...most.slice(0, 4).map(([i, n]) => {
    const frames = [];
    for (; i > 0; i = parent[i]) frames.push(NAMES[name[i]].slice(0, LONGEST));
    return element("div.stack", [element("b", `${grouped(n)} with this stack`), element("ol", frames.map((f) => element("li", f)))]);
  }), ...(most.length > 4 ? [element("p.about", `${most.length - 4} more stacks`)] : [])];
}

const headingColour = (h) => ink(["idle", "usual", "stuck"][h]);

// How many wait for how long.
function ageChart(p, { now }) {
  const { keep } = shapeOf(p, { filter: filter(), transforms: S.transforms, by: "function", fold: false });
  const wait = p.attribute("wait") || [], heading = p.attribute("heading"), bins = AGES.map(() => [0, 0, 0]);
  for (let r = 0; r < p.rows; r++) {
    if (!keep[r] || !now[r]) continue;
    let b = 0;
    for (let i = 1; i < AGES.length; i++) if (wait[r] >= AGES[i][0]) b = i;
    bins[b][heading ? heading[r] : 1] += now[r];
  }
  const last = bins.findLastIndex((b) => b.some(Boolean)), most = Math.max(...bins.map((b) => b[0] + b[1] + b[2]), 1);
  const rows = bins.slice(0, last + 1).map((b, i) => {
    const bar = element("span.bar");
    for (const h of [2, 1, 0]) {
      const part = element("i");
      part.style.width = `${(b[h] / most) * 100}%`;
      part.style.background = headingColour(h);
      bar.append(part);
    }
    const act = () => go({ filter: `${S.filter.replace(/\s*-?age:\S+/g, "")} ${i ? `age:>=${AGES[i][0]}m` : "-age:>=1m"}`.trim(), profile: PROFILES.indexOf(p), type: "", zoom: "" });
    return element("tr", [element("th", [button(i && i < AGES.length - 1 ? AGES[i][1] : i ? `${AGES[i][1]} or more` : AGES[i][1], act, { title: "Filter everything to these" })], { scope: "row" }),
      element("td", [bar]), element("td", grouped(b[0] + b[1] + b[2]))]);
  });
  return element("figure", [element("figcaption", "For how long they wait, at least"), element("table.bars", [element("tbody", rows)])]);
}

// Owners on the left, what they are blocked in on the right, a band for each pair.
function waitsFor(groups) {
  const judged = groups.some((g) => g.heading === 2), mine = groups.filter((g) => g.count && (judged ? g.heading === 2 : g.heading > 0) && g.inside >= 0).slice(0, 14);
  const box = element("figure", [element("figcaption", judged ? "What the stuck ones wait for" : "Who waits for what")]);
  if (!mine.length) { box.append(element("p.about", "Nothing waits but idle loops.")); return box; }
  const sums = (of) => {
    const m = new Map();
    for (const g of mine) m.set(g[of], (m.get(g[of]) || 0) + g.count);
    return mostOf(m);
  };
  const left = sums("owner"), right = sums("inside"), wide = 560, gap = 6, least = 15;
  const space = (list) => list.map(([, n]) => Math.max(least, Math.sqrt(n) * 6));
  const stack = (list) => { let y = 4; const at = new Map(); space(list).forEach((h, i) => { at.set(list[i][0], { y, h, used: 0, n: list[i][1] }); y += h + gap; }); return [at, y]; };
  const [a, tallLeft] = stack(left), [b, tallRight] = stack(right), tall = Math.max(tallLeft, tallRight), marks = [];
  for (const g of mine) {
    const from = a.get(g.owner), to = b.get(g.inside), h1 = (from.h * g.count) / from.n, h2 = (to.h * g.count) / to.n;
    const y1 = from.y + from.used, y2 = to.y + to.used;
    from.used += h1;
    to.used += h2;
    const band = draw("path", { d: `M190,${y1} C280,${y1} 280,${y2} 370,${y2} L370,${y2 + h2} C280,${y2 + h2} 280,${y1 + h1} 190,${y1 + h1} Z`, fill: headingColour(g.heading), opacity: 0.35 });
    band.append(draw("title", {}, `${subsystemTitle(g.owner) || "unknown"} in ${subsystemTitle(g.inside)}: ${grouped(g.count)}${g.high >= 0 ? `, ${waitText(g)}` : ""}`));
    marks.push(band);
  }
  const label = (at, x, anchor) => [...at].flatMap(([s, { y, h, n }]) => [draw("rect", { x: anchor === "end" ? 184 : 370, y, width: 6, height: h, fill: ink("quiet") }),
    draw("text", { x, y: y + h / 2 + 4, "text-anchor": anchor }, `${(subsystemTitle(s) || "unknown").slice(0, 26)} ${grouped(n)}`)]);
  marks.push(...label(a, 178, "end"), ...label(b, 382, "start"));
  const says = mine.map((g) => `${grouped(g.count)} of ${subsystemTitle(g.owner) || "unknown"} in ${subsystemTitle(g.inside)}`).join("; ");
  box.append(draw("svg", { viewBox: `0 0 ${wide} ${tall}`, class: "flows", role: "img", "aria-label": says }, marks));
  return box;
}
