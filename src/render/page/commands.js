// The command that gives the same numbers on a terminal. What the page can filter and the command line cannot is said.

const quoted = (text) => (/^[\w./:=,@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
const literal = (text) => text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");

// Options for the filter box: [words, terms that have no option].
function filterOptions(p) {
  const options = [], rest = [], taken = new Set();
  const once = (flag, v) => {
    if (taken.has(flag)) return false;
    taken.add(flag);
    options.push(flag, quoted(v));
    return true;
  };
  const keysLike = (term) => D.subsystems.map((s) => s.key).filter((k, i) => term.test(k) || term.test(subsystemTitle(i))).join(",");
  for (const term of filter().terms) {
    const { key, not, text } = term, re = /^\/(.*)\/$/s.exec(text);
    if (Filter.attribute(key) && !p.attribute(Filter.attribute(key))) continue;
    const flag = { fn: not ? "--ignore" : "--focus", sub: not ? "" : "--subsystem", owner: not ? "" : "--owner" }[key];
    const v = key === "fn" ? `(?i)${re ? re[1] : literal(text)}` : keysLike(term);
    if (!flag || !v || !once(flag, v)) rest.push(`${not ? "-" : ""}${key}:${text}`);
  }
  return [options, rest];
}

function commandOf(p, verb, tree, extra = []) {
  const { taken } = p.raw, prefix = D.command || "kubeprof", [options, rest] = filterOptions(p);
  const type = p.types.length > 1 && tree.type !== p.selected ? ["--sample-index", quoted(p.types[tree.type].kind)] : [];
  const by = S.by === "function" ? [] : ["--by", S.by];
  const hidden = S.transforms.filter((t) => t.what === "hide").map((t) => ["--hide", quoted(`^${literal(NAMES[t.name])}$`)]);
  const dropped = S.transforms.filter((t) => t.what === "drop").map((t) => ["--ignore", quoted(`^${literal(NAMES[t.name])}$`)]);
  const given = options.includes("--ignore") ? [] : dropped.slice(0, 1).flat();
  const notes = [...rest, ...S.transforms.filter((t) => t.what === "focus" || t.what === "merge").map((t) => TRANSFORMS[t.what].title.toLowerCase())];
  const source = taken[tree.at].args || quoted(taken[tree.at].source || "PROFILE");
  const words = tree.compared && p.raw.comparison === "none"
    ? verb === "flame" ? [verb, "--diff-base", taken[tree.was].args || quoted(taken[tree.was].source), source] : ["diff", taken[tree.was].args || quoted(taken[tree.was].source), source]
    : [verb, ...extra, source];
  const line = [prefix, ...words, ...type, ...by, ...options, ...hidden.slice(0, 1).flat(), ...given].join(" ");
  return notes.length ? `${line}   # not on the command line: ${notes.join(" ")}` : line;
}
