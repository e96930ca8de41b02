// The filter box: terms separated by blanks or commas, all of which must hold; `-` in front of a term turns it around.
//
//   word  fn:word  fn:/regex/     stacks with a function whose name contains it
//   sub:pleg  pkg:client-go  file:pod_workers.go    stacks with such a frame
//   owner:probes  in:grpc  leaf:withCancel          who answers for the stack, what it is blocked in, where it ends
//   state:select  age:>10m  by:AddPod  size:>1kB    goroutines and allocations
//   label:pod=web-1                                 pprof labels

const FILTER_KEYS = {
  fn: "function", sub: "subsystem of a frame", owner: "owner of the stack", in: "what it is blocked in", pkg: "package",
  file: "source file", leaf: "last function", state: "goroutine state", age: "wait, as in >10m", by: "function that started the goroutine",
  size: "object size, as in >1kB", label: "pprof label, as in pod=web-1",
};
const TIMES = { s: 1 / 60, m: 1, min: 1, h: 60, d: 1440 };
const SIZES = { "": 1, b: 1, k: 1024, kb: 1024, kib: 1024, m: 1024 ** 2, mb: 1024 ** 2, mib: 1024 ** 2, g: 1024 ** 3, gb: 1024 ** 3 };

// Splits at blanks and commas outside of quotes and slashes: [{not, key, text}].
function filterTerms(text) {
  const terms = [];
  const word = /\s*,?\s*(-?)(?:([a-z]+):)?("(?:[^"]*)"?|\/(?:[^/\\]|\\.)*\/|[^\s,]+)/giy;
  let at = 0;
  while (at < text.length && text.slice(at).trim().replaceAll(",", "")) {
    word.lastIndex = at;
    const m = word.exec(text);
    if (!m) break;
    at = word.lastIndex;
    const known = m[2] && Object.hasOwn(FILTER_KEYS, m[2].toLowerCase());
    if (m[2] && !known && /^[a-z]+$/i.test(m[2]) && m[3][0] !== ":") {
      terms.push({ error: `${m[2]}: is not a key; there are ${Object.keys(FILTER_KEYS).join(", ")}` });
      continue;
    }
    let value = m[2] && !known ? `${m[2]}:${m[3]}` : m[3];
    if (value[0] === '"') value = value.slice(1).replace(/"$/, "");
    terms.push({ not: m[1] === "-", key: known ? m[2].toLowerCase() : "fn", text: value });
  }
  return terms;
}

function textTest(text) {
  const re = /^\/(.*)\/$/s.exec(text);
  if (re) {
    const compiled = new RegExp(re[1], "i");
    return (s) => compiled.test(s);
  }
  const low = text.toLowerCase();
  return (s) => s.toLowerCase().includes(low);
}

// `>10m`, `<=1h`, `5m` (at least).
function rangeTest(text, units, what) {
  const m = /^(>=|<=|>|<|=)?\s*([\d.]+)\s*([a-z]*)$/i.exec(text), unit = m && units[m[3].toLowerCase()];
  if (!m || unit === undefined || !Number.isFinite(Number(m[2]))) throw new Error(`${text} is not ${what}`);
  const bound = Number(m[2]) * unit;
  return { ">": (v) => v > bound, "<": (v) => v < bound, "<=": (v) => v <= bound, "=": (v) => v === bound }[m[1]] || ((v) => v >= bound);
}

class Filter {
  constructor(text) {
    this.text = text.trim();
    this.error = "";
    this.terms = [];
    // Terms that a profile knows nothing about are ignored there, and said to be.
    for (const term of filterTerms(this.text)) {
      try {
        if (term.error) throw new Error(term.error);
        this.terms.push({ ...term, test: Filter.test(term) });
      } catch (e) {
        this.error = e.message.replace(/^Invalid regular expression: /, "not a regular expression: ");
      }
    }
    if (this.error) this.terms = [];
  }

  static test({ key, text }) {
    if (key === "age") return rangeTest(text, TIMES, "a time such as >10m");
    if (key === "size") return rangeTest(text, SIZES, "a size such as >1kB");
    return textTest(text);
  }

  // The attribute of rows that a term is about, or undefined when it is about frames.
  static attribute(key) {
    return { owner: "owner", in: "blockedIn", state: "state", age: "wait", by: "creator", size: "size", label: "labels" }[key];
  }

  ignoredBy(profile) {
    return this.terms.filter((t) => Filter.attribute(t.key) && !profile.attribute(Filter.attribute(t.key))).map((t) => t.key);
  }

  // One byte a row: whether it passes.
  rows(profile) {
    const keep = new Uint8Array(profile.rows).fill(1), { node } = profile;
    for (const term of this.terms) {
      const passes = this.passes(term, profile);
      if (!passes) continue;
      for (let r = 0; r < keep.length; r++) if (passes(r, node[r]) === term.not) keep[r] = 0;
    }
    return keep;
  }

  passes({ key, test }, profile) {
    const attribute = Filter.attribute(key);
    if (attribute) {
      const list = profile.attribute(attribute);
      if (!list) return undefined;
      if (key === "age") return (r) => list[r] >= 0 && test(list[r]);
      if (key === "size") return (r) => list[r] > 0 && test(list[r]);
      if (key === "owner" || key === "in") return (r) => list[r] >= 0 && (test(subsystemKeys[list[r]]) || test(subsystemTitle(list[r])));
      const hits = words.map((w) => (w ? test(w) : false));
      return (r) => hits[list[r]];
    }
    const of = {
      fn: (k) => test(NAMES[k]), leaf: (k) => test(NAMES[k]), file: (k) => test(fileOf(k)),
      pkg: (k) => test(NAMES[FIRST_PACKAGE + PACKAGE[k]]),
      sub: (k) => SUBSYSTEM[k] >= 0 && (test(subsystemKeys[SUBSYSTEM[k]]) || test(subsystemTitle(SUBSYSTEM[k]))),
    }[key];
    const hits = new Uint8Array(FUNCTIONS);
    for (let k = 1; k < FUNCTIONS; k++) hits[k] = of(k) ? 1 : 0;
    const { count, parent, name } = profile.base;
    if (key === "leaf") return (r, i) => i > 0 && hits[name[i]] === 1;
    const has = new Uint8Array(count);
    for (let i = 1; i < count; i++) has[i] = has[parent[i]] | hits[name[i]];
    return (r, i) => has[i] === 1;
  }
}
