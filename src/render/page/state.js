// Where the reader is: one object, kept in the address so that Back, reload and links work. Transforms can be undone.

const PROFILES = (D.profiles || []).map((raw) => new Profile(raw));
const REPORT = D.mode === "report";
const SNAPSHOTS = D.snapshots || [];
// What a snapshot is called where there is little room: its time of day, else its name.
const timeOf = (s) => (typeof s.at === "number" ? clock(s.at) : visible(s.name));
const TIMED = SNAPSHOTS.every((s) => typeof s.at === "number");
const LAST = Math.max(SNAPSHOTS.length - 1, 0);

// What shows the first finding comes first.
const SHOWN = D.findings?.find((f) => PROFILES.some((p) => p.kind === f.picture?.profile));
const DEFAULTS = {
  profile: SHOWN ? PROFILES.findIndex((p) => p.kind === SHOWN.picture.profile) : 0, type: "", from: 0, to: LAST, change: false, width: "larger", view: "callees", of: "", colour: "", order: "weight",
  by: "function", flip: false, fold: false, zoom: "", search: "", lit: "", filter: "", transforms: [],
  sandwich: SHOWN && nameNumbers.has(visible(SHOWN.function)) ? visible(SHOWN.function) : "", rows: "function",
  sort: "", theme: "",
};
const S = { ...DEFAULTS };

// Words of the address: [key in S, how it is read, how it is written].
const asText = [(v) => v, (v) => v];
const asFlag = [(v) => v === "1", (v) => (v ? "1" : "")];
const asSnapshot = [(v) => Math.min(LAST, Math.max(0, SNAPSHOTS.findIndex((s) => s.name === v))), (v) => SNAPSHOTS[v]?.name ?? ""];
const oneOf = (...known) => [(v) => (known.includes(v) ? v : known[0]), (v) => v];
const ADDRESS = {
  kind: ["profile", (v) => Math.max(0, PROFILES.findIndex((p) => p.kind === v)), (v) => PROFILES[v]?.kind ?? ""],
  type: ["type", ...asText], from: ["from", ...asSnapshot], to: ["to", ...asSnapshot], change: ["change", ...asFlag],
  width: ["width", ...oneOf("larger", "change", "new", "old")], view: ["view", ...oneOf("callees", "callers")], of: ["of", ...asText],
  colour: ["colour", ...oneOf("", "subsystem", "package", "change")], order: ["order", ...oneOf("weight", "name")],
  by: ["by", ...oneOf("function", "package", "subsystem")], flip: ["flip", ...asFlag], fold: ["fold", ...asFlag], zoom: ["zoom", ...asText],
  search: ["search", ...asText], lit: ["lit", ...asText], filter: ["filter", ...asText],
  only: ["transforms", readTransforms, writeTransforms], sandwich: ["sandwich", ...asText],
  rows: ["rows", ...oneOf("function", "package", "subsystem")], sort: ["sort", ...asText], theme: ["theme", ...oneOf("", "light", "dark")],
};

function readTransforms(text) {
  return text.split("~").filter(Boolean).slice(0, 50).map((part) => {
    const colon = part.indexOf(":"), what = part.slice(0, colon), name = nameNumbers.get(part.slice(colon + 1));
    return Object.hasOwn(TRANSFORMS, what) && name !== undefined ? { what, name } : undefined;
  }).filter(Boolean);
}

function writeTransforms(list) { return list.map((t) => `${t.what}:${NAMES[t.name]}`).join("~"); }

function address() {
  const state = new URLSearchParams();
  for (const [word, [key, , write]] of Object.entries(ADDRESS)) {
    const text = String(write(S[key]));
    if (text !== String(write(DEFAULTS[key]))) state.set(word, text);
  }
  return state.toString().replaceAll("%2F", "/").replaceAll("%3A", ":").replaceAll("%28", "(").replaceAll("%29", ")");
}

function readAddress() {
  let state;
  try { state = new URLSearchParams(location.hash.slice(1)); } catch { state = new URLSearchParams(); }
  for (const [word, [key, read]] of Object.entries(ADDRESS)) {
    S[key] = state.has(word) ? read(state.get(word).slice(0, 4000)) : DEFAULTS[key];
  }
  if (S.from > S.to) [S.from, S.to] = [S.to, S.from];
}

// What was done becomes a step of the history, what is being typed replaces the step.
let written = "";
function writeAddress(isStep) {
  const now = address();
  if (now === written) return;
  try {
    history[isStep ? "pushState" : "replaceState"](null, "", `#${now}`);
  } catch {
    // Some viewers forbid it; nothing depends on it.
  }
  written = now;
}

const undone = [];
function addTransform(what, name) {
  undone.length = 0;
  go({ transforms: [...S.transforms, { what, name }], zoom: "" });
}
function undo() {
  if (!S.transforms.length) return;
  undone.push(S.transforms[S.transforms.length - 1]);
  go({ transforms: S.transforms.slice(0, -1), zoom: "" });
}
function redo() {
  if (undone.length) go({ transforms: [...S.transforms, undone.pop()], zoom: "" });
}

// The profile that is looked at, and the moments of it that the span covers.
const profile = () => PROFILES[S.profile];
function typeOf(p) {
  const at = p.types.findIndex((t) => t.kind === S.type);
  return at >= 0 ? at : p.selected;
}
const spanOf = (p) => p.within(S.from, S.to) || { was: 0, at: p.raw.taken.length - 1, outside: true };
// With two moments a change can be shown; a comparison is one always.
const canCompare = (p) => { const s = spanOf(p); return s.was !== s.at; };
const comparing = (p) => canCompare(p) && (p.raw.comparison !== "none" || S.change);
const oldNew = (p) => (p.raw.comparison === "signed" ? ["lost", "gained"] : ["old", "new"]);

let filterNow = new Filter("");
const filter = () => (filterNow.text === S.filter.trim() ? filterNow : (filterNow = new Filter(S.filter)));

// The tree of a profile as everything that was chosen says.
function treeOf(p, { by = S.by, change = comparing(p), type = typeOf(p), transforms = S.transforms } = {}) {
  const span = spanOf(p), shape = shapeOf(p, { filter: filter(), transforms, by, fold: S.fold });
  return calleeTree(p, shape, type, { at: span.at, was: change ? span.was : undefined, width: S.width, order: S.order });
}
