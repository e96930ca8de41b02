// Boxes on a canvas. Only what is wide enough to be seen is laid out; what is not leaves a hatched strip.

const ROW = 20, GAP = 1, NARROWEST = 0.7, PAD = 5;
const FONT = '12px ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace';
const canvas = document.getElementById("canvas"), stage = document.getElementById("stage");
const sizer = document.getElementById("sizer"), pen = canvas.getContext("2d");

const S = {
  type: D.selected, width: COMPARED ? "larger" : "new", view: "callees", of: undefined, colour: COMPARED ? "change" : "subsystem",
  flip: false, dark: false, zoom: 0, past: [], selected: -1, hover: -1, query: "", subsystem: -2, matches: null,
  tree: null, rows: [], paper: 0,
};

// Boxes of every row, from left to right: {i, x, w}; i < 0 is a strip of what is too narrow, of node ~i.
function layout(wide) {
  const { tree, zoom } = S, rows = [];
  const up = [];
  for (let i = zoom; i !== 0; i = tree.parent[i]) up.push(tree.parent[i]);
  up.reverse().forEach((i) => rows.push([{ i, x: 0, w: wide }]));
  const scale = tree.weight[zoom] > 0 ? wide / tree.weight[zoom] : 0, left = tree.start[zoom];
  const work = [zoom];
  while (work.length) {
    const i = work.pop(), w = i === zoom ? wide : tree.weight[i] * scale;
    if (w <= 0) continue;
    const x = i === zoom ? 0 : (tree.start[i] - left) * scale, row = (rows[tree.depth[i]] ||= []);
    if (w < NARROWEST) {
      const last = row[row.length - 1];
      if (last && last.i < 0 && x - (last.x + last.w) < NARROWEST) last.w = x + w - last.x;
      else row.push({ i: ~tree.parent[i], x, w });
      continue;
    }
    row.push({ i, x, w });
    for (let k = tree.first[i + 1] - 1; k >= tree.first[i]; k--) work.push(tree.kids[k]);
  }
  S.rows = rows;
}

const mix = (a, b, t) => {
  const part = (hex, i) => parseInt(hex.slice(1 + 2 * i, 3 + 2 * i), 16);
  return `rgb(${[0, 1, 2].map((i) => Math.round(part(a, i) + (part(b, i) - part(a, i)) * t)).join(",")})`;
};

function change(n, o) {
  const t = n === o ? 0 : Math.min(1, Math.abs(n - o) / Math.max(Math.abs(n), Math.abs(o)));
  const [same, grown, shrunk] = S.dark ? ["#3a3f45", "#8c2b20", "#1c4f8a"] : ["#e3e6ea", "#f28b7d", "#7db4f2"];
  return mix(same, n >= o ? grown : shrunk, t === 0 ? 0 : 0.2 + 0.8 * t);
}

function fill(i) {
  const { tree } = S, name = tree.name[i], theme = S.dark && !S.paper ? 1 : 0;
  if (i === 0) return theme ? "#2a2f35" : "#eceef1";
  if (name >= D.names.length) return D.colours[0][theme];
  if (S.colour === "change") return change(tree.total[i], tree.oldTotal[i]);
  if (S.colour === "package") return D.colours[D.packageColours[PACKAGE[name]]][theme];
  const s = SUBSYSTEM[name];
  return D.colours[s < 0 ? 0 : D.subsystems[s].colour][theme];
}

let letter = 0;
function label(i, room) {
  const letters = Math.floor(room / letter), name = S.tree.name[i];
  const full = i === 0 ? rootName() : SHORT[name];
  if (full.length <= letters) return full;
  const bare = i === 0 ? full : BARE[name];
  if (bare.length <= letters) return bare;
  return letters < 3 ? "" : `${bare.slice(0, letters - 1)}…`;
}

const rootName = () => (S.of !== undefined ? "callers of" : S.view === "callers" ? "all functions" : "root");

function paint() {
  const wide = S.paper || stage.clientWidth, tall = S.paper ? S.rows.length * ROW : stage.clientHeight;
  const scroll = S.paper ? 0 : stage.scrollTop, dots = S.paper ? 2 : window.devicePixelRatio || 1;
  if (canvas.width !== Math.round(wide * dots) || canvas.height !== Math.round(tall * dots)) {
    canvas.width = Math.round(wide * dots);
    canvas.height = Math.round(tall * dots);
    canvas.style.height = `${tall}px`;
  }
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(name).trim();
  const ground = colour("--ground"), ink = colour("--ink"), quiet = colour("--quiet"), lit = colour("--match");
  pen.setTransform(dots, 0, 0, dots, 0, 0);
  pen.fillStyle = ground;
  pen.fillRect(0, 0, wide, tall);
  pen.font = FONT;
  pen.textBaseline = "middle";
  letter ||= pen.measureText("MMMMMMMMMM").width / 10;
  const height = Math.max(S.rows.length * ROW, S.paper ? 0 : stage.clientHeight);
  for (let d = 0; d < S.rows.length; d++) {
    const y = (S.flip ? height - (d + 1) * ROW : d * ROW) - scroll;
    if (y + ROW < 0 || y > tall) continue;
    for (const box of S.rows[d] || []) paintBox(box, y, { ground, ink, quiet, lit });
  }
  for (const [node, line] of [[S.hover, 1], [S.selected, 2]]) {
    const box = node >= 0 && boxOf(node);
    if (!box) continue;
    const y = (S.flip ? height - (S.tree.depth[node] + 1) * ROW : S.tree.depth[node] * ROW) - scroll;
    pen.strokeStyle = ink;
    pen.lineWidth = line;
    pen.strokeRect(box.x + line / 2, y + line / 2, Math.max(box.w - GAP - line, 1), ROW - GAP - line);
  }
}

function paintBox({ i, x, w }, y, { ground, ink, quiet, lit }) {
  const { tree } = S;
  if (i < 0) {
    pen.fillStyle = ink;
    pen.globalAlpha = 0.16;
    pen.fillRect(x, y, Math.max(w - (w > 2 ? GAP : 0), 0.7), ROW - GAP);
    pen.globalAlpha = 1;
    return;
  }
  const above = i !== S.zoom && tree.depth[i] < tree.depth[S.zoom];
  const hit = S.matches && i !== 0 && S.matches[tree.name[i]];
  pen.globalAlpha = S.matches && !hit ? 0.38 : above ? 0.55 : 1;
  pen.fillStyle = hit ? lit : fill(i);
  // A frame that was inlined is part of the box that it was inlined into: nothing between them.
  const joined = tree.mark[i] === 2 ? GAP : 0;
  pen.fillRect(x, y - (S.flip ? 0 : joined), w > 2.5 ? w - GAP : w, ROW - GAP + joined);
  pen.globalAlpha = S.matches && !hit ? 0.6 : 1;
  const room = w - 2 * PAD;
  if (room < letter * 3) { pen.globalAlpha = 1; return; }
  const text = label(i, room);
  pen.fillStyle = hit ? "#16191d" : ink;
  pen.font = tree.mark[i] ? `italic ${FONT}` : FONT;
  pen.fillText(text, x + PAD, y + ROW / 2);
  const side = sideText(i), left = room - text.length * letter;
  if (text && side && left > (side.length + 3) * letter) {
    pen.font = FONT;
    pen.fillStyle = hit ? "#16191d" : quiet;
    pen.textAlign = "right";
    pen.fillText(side, x + w - PAD - GAP, y + ROW / 2);
    pen.textAlign = "left";
  }
  pen.globalAlpha = 1;
}

// What stands at the right end of a box that has room for it.
function sideText(i) {
  const { tree } = S, n = tree.total[i], o = tree.oldTotal[i];
  if (COMPARED) return n === o ? "=" : signed(n - o, S.type);
  return `${value(n, S.type)} ${percent(n, D.types[S.type].total)}`;
}

const boxOf = (node) => (S.rows[S.tree.depth[node]] || []).find((b) => b.i === node);

// The box under a point of the window.
function at(clientX, clientY) {
  const area = canvas.getBoundingClientRect();
  const x = clientX - area.left, y = clientY - area.top + stage.scrollTop;
  if (x < 0 || x >= area.width) return null;
  const height = Math.max(S.rows.length * ROW, stage.clientHeight);
  const row = S.rows[Math.floor((S.flip ? height - y : y) / ROW)];
  if (!row) return null;
  let low = 0, high = row.length - 1;
  while (low <= high) {
    const mid = (low + high) >> 1, b = row[mid];
    if (x < b.x) high = mid - 1;
    else if (x >= b.x + Math.max(b.w, 1)) low = mid + 1;
    else return b;
  }
  return null;
}

let pending = false;
function repaint() {
  if (pending) return;
  pending = true;
  requestAnimationFrame(() => { pending = false; paint(); });
}

function arrange() {
  layout(S.paper || stage.clientWidth);
  sizer.style.height = `${S.rows.length * ROW}px`;
  repaint();
}
