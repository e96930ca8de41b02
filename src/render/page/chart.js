// A flame graph on a canvas: layout of what can be seen, painting, pointer and keys. It knows trees, not profiles.

const ROW = 20, GAP = 1, NARROWEST = 1, PAD = 4;
const MONO = 'ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace';
const SMALL = 9.5, NORMAL = 12;
const fonts = {};
const font = (size, italic) => (fonts[`${size}${italic}`] ||= `${italic ? "italic " : ""}${size}px ${MONO}`);
let letterWidth = 0; // of one pixel of font size

class Chart {
  // `hooks`: fill(tree, i), side(tree, i), rootName(tree), hover(i, x, y), select(i), moved(), open(i).
  constructor(host, hooks, { skip = 0, label }) {
    this.hooks = hooks;
    this.skip = skip; // so many rows at the root are not drawn
    this.canvas = element("canvas");
    this.sizer = element("div.sizer", [this.canvas]);
    this.stage = element("div.stage", [this.sizer], {
      tabindex: 0, role: "application", "aria-roledescription": "flame graph", "aria-label": label,
    });
    host.append(this.stage);
    this.pen = this.canvas.getContext("2d");
    this.tree = null;
    this.rows = [];
    this.zoomed = 0;
    this.selected = this.hovered = -1;
    this.flip = false;
    this.matches = null;
    this.paper = 0;
    this.listen();
    new ResizeObserver(() => this.arrange()).observe(this.stage);
  }

  show(tree, zoomed = 0) {
    this.tree = tree;
    this.selected = this.hovered = -1;
    this.zoomTo(zoomed);
  }

  // The window on the tree, in units of weight.
  zoomTo(i) {
    this.zoomed = i;
    this.left = this.tree.start[i];
    this.span = this.tree.weight[i];
    this.arrange();
    this.reveal(i);
  }

  get isZoomed() { return this.tree && (this.left !== 0 || this.span !== this.tree.weight[0]); }

  // A window of one's own, kept inside of the tree.
  look(left, span) {
    const whole = this.tree.weight[0];
    this.span = Math.min(whole, Math.max(span, whole * 1e-7));
    this.left = Math.max(0, Math.min(left, whole - this.span));
    this.zoomed = this.span === whole ? 0 : this.zoomed;
    this.arrange();
    this.hooks.moved();
  }

  scale(factor, at = 0.5) {
    const middle = this.left + this.span * at, span = this.span * factor;
    this.look(middle - span * at, span);
  }

  pan(share) { this.look(this.left + this.span * share, this.span); }

  get wide() { return this.paper || this.stage.clientWidth; }
  get tall() { return this.paper ? this.contentHeight : this.stage.clientHeight; }
  get depths() { return this.tree ? this.tree.deepest[this.zoomed] + 1 - this.skip : 0; }
  get contentHeight() { return Math.max(this.depths * ROW, this.paper ? 0 : this.stage.clientHeight); }

  arrange() {
    if (!this.tree) return;
    this.layout();
    this.sizer.style.height = `${this.depths * ROW}px`;
    this.repaint();
  }

  // Boxes of every row from left to right: {i, x, w}; i < 0 is a strip of what is too narrow, below node ~i.
  layout() {
    const { tree, skip } = this, rows = (this.rows = []), wide = this.wide;
    const scale = this.span > 0 ? wide / this.span : 0, last = this.lastVisibleDepth();
    const work = [0];
    while (work.length) {
      const i = work.pop(), from = (tree.start[i] - this.left) * scale, to = from + tree.weight[i] * scale;
      if (tree.weight[i] <= 0 && i !== 0 || to <= 0 || from >= wide) continue;
      const x = Math.max(from, 0), w = (i === 0 && !scale ? wide : Math.min(to, wide)) - x, d = tree.depth[i];
      const row = (rows[d] ||= []);
      if (to - from < NARROWEST) {
        const strip = row[row.length - 1];
        if (strip && strip.i < 0 && x - (strip.x + strip.w) < NARROWEST) strip.w = x + w - strip.x;
        else row.push({ i: ~tree.parent[i], x, w });
        continue;
      }
      row.push({ i, x, w });
      if (d < last) for (let k = tree.first[i + 1] - 1; k >= tree.first[i]; k--) work.push(tree.kids[k]);
    }
    for (let d = 0; d < skip; d++) rows[d] = [];
  }

  // Rows below the window need no boxes. When the root is at the bottom all may be needed.
  lastVisibleDepth() {
    if (this.paper || this.flip) return Infinity;
    return Math.ceil((this.stage.scrollTop + this.stage.clientHeight) / ROW) + this.skip + 1;
  }

  yOf(depth) {
    const d = depth - this.skip;
    return this.flip ? this.contentHeight - (d + 1) * ROW : d * ROW;
  }

  repaint() {
    if (this.pending) return;
    this.pending = true;
    requestAnimationFrame(() => { this.pending = false; this.paint(); });
  }

  paint() {
    const { pen, canvas } = this, wide = this.wide, tall = this.tall;
    if (!this.tree || wide <= 0 || tall <= 0) return;
    const scroll = this.paper ? 0 : this.stage.scrollTop, dots = this.paper ? 2 : Math.min(window.devicePixelRatio || 1, 3);
    const [w, h] = [Math.round(wide * dots), Math.round(tall * dots)];
    if (canvas.width !== w || canvas.height !== h) {
      canvas.width = w;
      canvas.height = h;
      canvas.style.height = `${tall}px`;
    }
    pen.setTransform(dots, 0, 0, dots, 0, 0);
    pen.fillStyle = ink("ground");
    pen.fillRect(0, 0, wide, tall);
    pen.textBaseline = "middle";
    pen.font = font(100);
    letterWidth ||= pen.measureText("MMMMMMMMMM").width / 1000;
    for (let d = this.skip; d < this.rows.length; d++) {
      const y = this.yOf(d) - scroll;
      if (y + ROW < 0 || y > tall) continue;
      for (const box of this.rows[d] || []) this.paintBox(box, y);
    }
    const same = this.selected > 0 ? this.tree.name[this.selected] : -1;
    if (this.selected < 0 && this.hovered < 0) return;
    pen.strokeStyle = ink("ink");
    for (let d = this.skip; d < this.rows.length; d++) {
      for (const box of this.rows[d] || []) {
        const line = box.i === this.selected ? 2 : box.i === this.hovered || (box.i > 0 && this.tree.name[box.i] === same) ? 1 : 0;
        if (!line || box.i < 0 || box.w < 2) continue;
        pen.lineWidth = line;
        pen.strokeRect(box.x + line / 2, this.yOf(d) - scroll + line / 2, Math.max(box.w - GAP - line, 1), ROW - GAP - line);
      }
    }
  }

  paintBox({ i, x, w }, y) {
    const { pen, tree } = this;
    if (i < 0) {
      pen.fillStyle = ink("quiet");
      pen.globalAlpha = 0.3;
      pen.fillRect(x, y, Math.max(w - (w > 2 ? GAP : 0), 0.7), ROW - GAP);
      pen.globalAlpha = 1;
      return;
    }
    const hit = this.matches && i !== 0 && this.matches[tree.name[i]];
    const above = i !== this.zoomed && tree.depth[i] < tree.depth[this.zoomed] && !this.matches;
    pen.globalAlpha = this.matches && !hit ? 0.4 : above ? 0.6 : 1;
    pen.fillStyle = hit ? ink("match") : this.hooks.fill(tree, i);
    // A frame that was inlined is part of the box that it was inlined into: nothing between them.
    const joined = tree.mark[i] === 2 ? GAP : 0;
    pen.fillRect(x, y - (this.flip ? 0 : joined), w > 2.5 ? w - GAP : w, ROW - GAP + joined);
    if (w < 8) { pen.globalAlpha = 1; return; }
    pen.globalAlpha = this.matches && !hit ? 0.55 : 1;
    this.paintText(i, x, w, y, hit);
    pen.globalAlpha = 1;
  }

  // The longest spelling that fits; in narrow boxes the bare function name in small letters, cut at the end.
  paintText(i, x, w, y, hit) {
    const { pen, tree } = this, texts = i === 0 ? [this.hooks.rootName(tree)] : spellings(tree.name[i]);
    const letter = letterWidth * NORMAL, room = w - 2 * PAD, middle = y + (ROW - GAP) / 2 + 0.5;
    pen.fillStyle = hit ? "#16191d" : ink("ink");
    // One size of letters for boxes of one width, so that a column of calls reads evenly.
    const full = w < 56 ? undefined : texts.find((t) => t.length * letter <= room);
    if (full !== undefined) {
      pen.font = font(NORMAL, tree.mark[i] > 0);
      pen.fillText(full, x + PAD, middle);
      const left = room - full.length * letter, side = left > 8 * letter ? this.hooks.side(tree, i) : "";
      if (side && left > (side.length + 3) * letter) {
        pen.font = font(NORMAL);
        if (!hit) pen.fillStyle = ink("onbox");
        pen.textAlign = "right";
        pen.fillText(side, x + w - PAD - GAP, middle);
        pen.textAlign = "left";
      }
      return;
    }
    const pad = w < 40 ? 1.5 : PAD, bare = texts[texts.length - 1], small = letterWidth * SMALL;
    const count = Math.floor((w - 2 * pad) / small);
    if (count < 1) return;
    pen.font = font(SMALL, tree.mark[i] > 0);
    pen.fillText(bare.length <= count ? bare : count > 5 ? `${bare.slice(0, count - 1)}…` : bare.slice(0, count), x + pad, middle);
  }

  boxOf(node) { return (this.rows[this.tree.depth[node]] || []).find((b) => b.i === node); }

  // The box under a point of the window.
  at(clientX, clientY) {
    if (!this.tree) return null;
    const area = this.canvas.getBoundingClientRect();
    const x = clientX - area.left, y = clientY - area.top + this.stage.scrollTop;
    if (x < 0 || x >= area.width) return null;
    const row = this.rows[Math.floor((this.flip ? this.contentHeight - y : y) / ROW) + this.skip];
    let low = 0, high = row ? row.length - 1 : -1;
    while (low <= high) {
      const mid = (low + high) >> 1, b = row[mid];
      if (x < b.x) high = mid - 1;
      else if (x >= b.x + Math.max(b.w, 1)) low = mid + 1;
      else return b;
    }
    return null;
  }

  // Scrolls a node into sight; one that is zoomed to comes near its end of the stage.
  reveal(i) {
    const { stage } = this, y = this.yOf(this.tree.depth[i]), room = stage.clientHeight - ROW;
    if (i === 0) { stage.scrollTop = this.flip ? this.contentHeight : 0; return; }
    if (y < stage.scrollTop) stage.scrollTop = Math.max(0, y - 2 * ROW);
    else if (y > stage.scrollTop + room * (i === this.zoomed ? 0.7 : 1)) stage.scrollTop = y - (i === this.zoomed ? 3 * ROW : room);
  }

  select(i) {
    this.selected = i;
    if (i >= 0) this.reveal(i);
    this.arrange();
    this.hooks.select(i);
  }

  // Nodes with a match that have a box, outermost first and from left to right.
  matching() {
    const { tree, matches } = this;
    if (!matches) return [];
    const right = this.left + this.span, least = (this.span * NARROWEST) / Math.max(this.wide, 1), found = [];
    for (let i = 1; i < tree.count; i++) {
      if (matches[tree.name[i]] && tree.weight[i] >= least && tree.start[i] < right && tree.start[i] + tree.weight[i] > this.left) found.push(i);
    }
    return found.sort((a, b) => tree.depth[a] - tree.depth[b] || tree.start[a] - tree.start[b]);
  }

  nextMatch(step) {
    const found = this.matching(), at = found.indexOf(this.selected);
    if (!found.length) return undefined;
    const next = at < 0 ? (step > 0 ? 0 : found.length - 1) : (at + step + found.length) % found.length;
    this.select(found[next]);
    return { place: next + 1, of: found.length };
  }

  move(key) {
    const { tree } = this, i = this.selected;
    if (i < 0) return this.select(Math.max(this.zoomed, 0));
    const down = this.flip ? "ArrowUp" : "ArrowDown";
    if (key === "ArrowUp" || key === "ArrowDown") {
      if (key !== down) { if (tree.depth[i] > this.skip) this.select(tree.parent[i]); return; }
      for (let k = tree.first[i]; k < tree.first[i + 1]; k++) {
        const kid = tree.kids[k], from = tree.start[kid], to = from + tree.weight[kid];
        if (tree.weight[kid] > 0 && to > this.left && from < this.left + this.span) return this.select(kid);
      }
      return;
    }
    const row = (this.rows[tree.depth[i]] || []).filter((b) => b.i >= 0), at = row.findIndex((b) => b.i === i);
    const next = row[at + (key === "ArrowRight" ? 1 : -1)];
    if (next) this.select(next.i);
  }

  listen() {
    const { canvas, stage } = this;
    let drag = null;
    canvas.addEventListener("pointermove", (event) => {
      if (drag) {
        const moved = drag.x - event.clientX;
        if (!drag.far && Math.abs(moved) < 5) return;
        drag.far = true;
        canvas.classList.add("drag");
        if (this.isZoomed) this.look(drag.left + (moved / this.wide) * this.span, this.span);
        return;
      }
      if (event.pointerType === "touch") return;
      const box = this.at(event.clientX, event.clientY), over = box && box.i >= 0 ? box.i : -1;
      canvas.classList.toggle("over", box !== null);
      this.hooks.hover(box, event.clientX, event.clientY);
      if (over !== this.hovered) { this.hovered = over; this.repaint(); }
    });
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      drag = { x: event.clientX, left: this.left, far: false };
      if (event.pointerType !== "touch") canvas.setPointerCapture(event.pointerId);
    });
    const release = () => { canvas.classList.remove("drag"); setTimeout(() => { drag = null; }, 0); };
    canvas.addEventListener("pointerup", release);
    canvas.addEventListener("pointercancel", release);
    canvas.addEventListener("pointerleave", () => {
      this.hovered = -1;
      this.hooks.hover(null);
      this.repaint();
    });
    canvas.addEventListener("click", (event) => {
      if (drag?.far) return;
      const box = this.at(event.clientX, event.clientY);
      if (!box) return;
      this.hooks.hover(null);
      stage.focus({ preventScroll: true });
      const i = box.i < 0 ? ~box.i : box.i;
      this.selected = i;
      this.hooks.open(i);
    });
    canvas.addEventListener("dblclick", (event) => {
      const box = this.at(event.clientX, event.clientY);
      if (box) this.hooks.open(box.i < 0 ? ~box.i : box.i);
    });
    stage.addEventListener("wheel", (event) => {
      const area = canvas.getBoundingClientRect();
      if (event.ctrlKey || event.metaKey) this.scale(Math.exp(event.deltaY / 300), (event.clientX - area.left) / area.width);
      else if (this.isZoomed && Math.abs(event.deltaX) > Math.abs(event.deltaY)) this.look(this.left + (event.deltaX / this.wide) * this.span, this.span);
      else return;
      event.preventDefault();
    }, { passive: false });
    stage.addEventListener("scroll", () => { this.layout(); this.repaint(); });
  }
}
