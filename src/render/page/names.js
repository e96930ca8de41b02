// What the page was given, and its names: how they are shown, shortened and grouped.

const D = JSON.parse(document.getElementById("data").textContent);

// Names are text from a profile: control and direction characters would lie about what is where.
const visible = (text) => String(text).replace(
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u115f\u1160\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\ufff9-\ufffb]/g,
  (c) => `\\u{${c.codePointAt(0).toString(16)}}`,
);

// Functions come first. Two names that no function has follow, then packages and subsystems, which are frames too when
// the graph is by package or by subsystem.
const NAMES = D.names.map(visible);
const FUNCTIONS = NAMES.length;
const TOO_SMALL = NAMES.push("[frames too small to be drawn]") - 1;
const NO_FRAMES = NAMES.push("[no frames]") - 1;
const FIRST_PACKAGE = NAMES.length;
NAMES.push(...D.packages.map((p) => visible(p) || "(no package)"));
const FIRST_SUBSYSTEM = NAMES.length;
NAMES.push(...D.subsystems.map((s) => visible(s.title)));
const NO_SUBSYSTEM = NAMES.push("(no subsystem)") - 1;

const filled = (count, value) => Array.from({ length: count }, () => value);
const SUBSYSTEM = Int32Array.from([
  ...D.nameSubsystem, -1, -1, ...filled(D.packages.length, -1), ...D.subsystems.map((_, s) => s), -1,
]);
const PACKAGE = Int32Array.from([
  ...D.namePackage, 0, 0, ...D.packages.map((_, p) => p), ...filled(D.subsystems.length + 1, 0),
]);
const fileOf = (k) => (k < FUNCTIONS ? visible(D.files[D.nameFile[k]] || "") : "");

// The name that a frame has when the graph is by function, package or subsystem.
const GROUPINGS = {
  function: (k) => k,
  package: (k) => (k < FUNCTIONS ? FIRST_PACKAGE + PACKAGE[k] : k),
  subsystem: (k) => (k < FUNCTIONS ? (SUBSYSTEM[k] < 0 ? NO_SUBSYSTEM : FIRST_SUBSYSTEM + SUBSYSTEM[k]) : k),
};

const nameNumbers = new Map();
for (let k = NAMES.length - 1; k > 0; k--) nameNumbers.set(NAMES[k], k);

// Type arguments say little in a box: Map[...] for Map[go.shape.string,go.shape.int].
function elide(name) {
  const open = name.indexOf("[");
  if (open <= 0) return name;
  let out = "", depth = 0;
  for (const c of name) {
    if (c === "[" && depth++ === 0) out += "[...]";
    if (depth === 0) out += c;
    if (c === "]" && depth > 0) depth--;
  }
  return out;
}

// Nobody reads more of a name than this in a box.
const LONGEST = 400;

const shortened = [];
// Spellings of a name for boxes, longest first: kubelet.(*Kubelet).SyncPod, (*Kubelet).SyncPod, SyncPod.
function spellings(k) {
  if (shortened[k]) return shortened[k];
  const name = elide(NAMES[k].slice(0, LONGEST));
  if (k >= FIRST_SUBSYSTEM || k === TOO_SMALL || k === NO_FRAMES) return (shortened[k] = [name]);
  const headOf = (s) => { const at = s.search(/[[({ ]/); return at < 0 ? s.length : at; };
  const short = name.slice(name.slice(0, headOf(name)).lastIndexOf("/") + 1);
  const dot = short.slice(0, headOf(short)).indexOf(".");
  const bare = dot > 0 ? short.slice(dot + 1) : short;
  // Without the receiver; closures keep the function that they are in.
  const method = bare.replace(/^\(?\*?[\w$]+(\[\.\.\.\])?\)\./, "");
  return (shortened[k] = [...new Set([short, bare, method])]);
}

const words = (D.words || [""]).map(visible);
const subsystemKeys = D.subsystems.map((s) => visible(s.key));
const subsystemTitle = (s) => (s < 0 ? "" : visible(D.subsystems[s].title));
