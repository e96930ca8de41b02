// Small helpers for the document. Text of a profile goes into it as text nodes only.

const $ = (id) => document.getElementById(id);

// element("td.num", "12 MB", {title: "..."}) or element("ul", [items]).
function element(what, content, attributes = {}) {
  const [tag, ...classes] = what.split("."), e = document.createElement(tag);
  if (classes.length) e.className = classes.join(" ");
  if (Array.isArray(content)) e.append(...content.filter((c) => c !== undefined && c !== null && c !== ""));
  else if (content !== undefined && content !== null) e.append(content);
  for (const [name, v] of Object.entries(attributes)) {
    if (name === "on") for (const [event, act] of Object.entries(v)) e.addEventListener(event, act);
    else if (v === true) e.setAttribute(name, "");
    else if (v !== undefined && v !== false) e.setAttribute(name, v);
  }
  return e;
}

const button = (text, act, attributes = {}) => element("button", text, { type: "button", ...attributes, on: { click: act } });

// The parser of the page knows the name space of drawings; nothing here has to name it.
const drawings = document.querySelector("svg").namespaceURI;
function draw(tag, attributes = {}, content) {
  const e = document.createElementNS(drawings, tag);
  for (const [name, v] of Object.entries(attributes)) if (v !== undefined) e.setAttribute(name, v);
  if (Array.isArray(content)) e.append(...content);
  else if (content !== undefined) e.append(content);
  return e;
}

const theme = () => (document.documentElement.classList.contains("dark") ? 1 : 0);
let inks;
// Colours of the style sheet, for canvas and SVG.
function ink(name) {
  if (!inks) {
    const style = getComputedStyle(document.documentElement);
    inks = new Proxy({}, { get: (known, n) => (known[n] ??= style.getPropertyValue(`--${n}`).trim()) });
  }
  return inks[name];
}

const rgb = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
const mix = (a, b, t) => {
  const [from, to] = [rgb(a), rgb(b)];
  return `#${from.map((v, i) => Math.round(v + (to[i] - v) * t).toString(16).padStart(2, "0")).join("")}`;
};

async function copy(text, from) {
  let done = false;
  try {
    await navigator.clipboard.writeText(text);
    done = true;
  } catch {
    // Not allowed where the page is opened from some viewers: the old way.
    const area = element("textarea", text, { readonly: true, "aria-hidden": "true" });
    document.body.append(area);
    area.select();
    try { done = document.execCommand("copy"); } catch { done = false; }
    area.remove();
    from?.focus();
  }
  say(done ? "Copied." : "Copying is not allowed here.");
  if (from) {
    const was = from.textContent;
    from.textContent = done ? "Copied" : "Not allowed";
    setTimeout(() => { from.textContent = was; }, 1200);
  }
}

// Something for screen readers.
function say(text) { $("said").textContent = text; }

// A command with a button that copies it.
function commandLine(text) {
  const code = element("code", visible(text));
  return element("p.command", [code, button("Copy", (event) => copy(text, event.currentTarget), { "aria-label": "Copy the command" })]);
}

// Numbers stay numbers; a text that a spreadsheet would take for a formula gets an apostrophe.
function cellText(v) {
  if (typeof v === "number") return String(v);
  const flat = String(v).replace(/[\t\r\n]+/g, " ");
  return /^\s*[=+@\-|%]/.test(flat) ? `'${flat}` : flat;
}
const tsv = (rows) => rows.map((row) => row.map(cellText).join("\t")).join("\n");
