// The verdict, and the sections that need no graph: findings, what was asked and refused, methods, versions, sources.

const KINDS = { leak: "Leak", stuck: "Stuck", hot: "Hot", contention: "Contention", limit: "Limit", crash: "Crash", "busy-loop": "Busy loop", metric: "Metric", environment: "Environment" };

function showVerdict() {
  const v = D.verdict;
  if (!v) return;
  $("verdict").hidden = false;
  const titles = { sick: "Sick", healthy: "Nothing abnormal", unknown: "Cannot tell" };
  const body = [element("p.sentence", [element(`b.word.${v.word === "sick" ? "sick" : v.word === "healthy" ? "healthy" : "unsure"}`, titles[v.word] || visible(v.word)), element("span", visible(v.sentence))])];
  if (D.findings?.length) body.push(element("ol.findings", D.findings.map(finding)));
  for (const [title, list, open] of [["What was checked", v.checked], ["What is missing", v.missing, v.word === "unknown"], ["What was weighed and dropped", v.weighed]]) {
    if (list?.length) body.push(element("details", [element("summary", `${title} (${list.length})`), element("ul", list.map((c) => element("li", visible(c))))], { open: Boolean(open) }));
  }
  if (D.verdictCommand) body.push(commandLine(D.verdictCommand));
  $("verdict-body").replaceChildren(...body);
}

// What stands between backticks is typed.
const prose = (text) => visible(text).split("`").map((part, i, all) => (i % 2 && i < all.length - 1 ? element("code", part) : i % 2 ? `\`${part}` : part));

// A word of the data that becomes a class of the style.
const classOf = (word) => (/^[a-z-]+$/.test(word) ? word : "other");

function finding(f) {
  const head = element("h3", [element(`span.kind.${classOf(f.kind)}`, KINDS[f.kind] || visible(f.kind)), visible(f.title || f.subsystem || "unknown part")]);
  const facts = [["Confidence", f.confidence], ["Since", f.since], ["Growth", f.growth], ["Function", f.function, true], ["Fingerprint", f.fingerprint, true]]
    .filter(([, v]) => v).map(([k, v, mono]) => element("div", [element("dt", k), element(mono ? "dd.mono" : "dd", visible(v).slice(0, 1000))]));
  // The verdict has said it where there is nothing else to say.
  const plain = (text) => visible(text).replace(/\.$/, ""), said = D.findings.length === 1 && plain(f.summary) === plain(D.verdict.sentence);
  const parts = [head, said ? "" : element("p", visible(f.summary)), element("dl.facts", facts)];
  if (f.picture && PROFILES.some((p) => p.kind === f.picture.profile)) parts.push(element("p", [button("Show in the graph", () => showPicture(f), { class: "main" })]));
  if (f.knownIssues?.length) parts.push(element("ul.issues", f.knownIssues.map(issue)));
  const list = (title, items) => { if (items?.length) parts.push(element("h4", title), element("ul", items)); };
  list("What to do", (f.remedies || []).map((r) => element("li", prose(r))));
  list("What to capture next", (f.next || []).map((r) => element("li", prose(r))));
  const reasons = (f.reasons || []).map((r) => element("li", `${r.supports ? "" : "But: "}${visible(r.text)}`));
  if (reasons.length) parts.push(element("details", [element("summary", `Why ${visible(f.confidence)} (${reasons.length})`), element("ul", reasons)]));
  if (f.evidence?.length) {
    parts.push(element("details", [element("summary", `Evidence (${f.evidence.length})`),
      element("ul", f.evidence.map((e) => element("li", [element("span", visible(e.text).slice(0, 4000)), e.command ? commandLine(e.command) : ""])))]));
  }
  return element(`li.${classOf(f.confidence)}`, parts, { id: `finding-${Number(f.rank)}` });
}

function issue(i) {
  // Only addresses that can do nothing but be opened.
  const link = /^https?:\/\/[\w.-]+\/[\w./#?=&%-]*$/.test(i.url || "") ? element("a", visible(i.id), { href: i.url, rel: "noreferrer noopener" }) : element("b", visible(i.id));
  return element("li", [link, visible(i.text)]);
}

function showPicture(f) {
  const pic = f.picture, at = PROFILES.findIndex((p) => p.kind === pic.profile);
  if (at < 0) return;
  go({ profile: at, type: pic.type || "", search: pic.search || "", filter: pic.filter || "", change: Boolean(pic.change), view: pic.view || "callees", of: "", zoom: "", lit: "", transforms: [], colour: "" });
  if ($("search").value !== S.search) $("search").value = S.search;
  $("graph").scrollIntoView({ block: "start" });
}

function showCoverage() {
  const asked = D.asked || [];
  if (!asked.length) return;
  $("coverage").hidden = false;
  const order = ["refused", "failed", "missing", "taken"], sorted = [...asked].sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state));
  const rows = sorted.map((a) => element("tr", [
    element("td.text", [element(`b.${/^[a-z]+$/.test(a.state) ? a.state : "other"}`, visible(a.state))]), element("td.text.mono", visible(a.artifact)), element("td", a.count ? grouped(a.count) : "", { "data-value": a.count ?? 0 }),
    element("td.text", [a.why ? element("span", visible(a.why)) : "", a.hint ? element("em", ` ${visible(a.hint)}`) : ""]),
  ]));
  const head = element("tr", [element("th.text", "state", { scope: "col" }), element("th.text", "artifact", { scope: "col" }), element("th", "count", { scope: "col" }), element("th.text", "why, and what to change", { scope: "col" })]);
  const notes = (D.notes || []).map((n) => element("li", visible(n)));
  $("coverage-body").replaceChildren(element("div.scroll", [element("table", [element("thead", [head]), element("tbody", rows)])], { tabindex: 0, role: "region", "aria-label": "Artifacts" }), ...(notes.length ? [element("ul", notes)] : []));
}

function showTexts() {
  if (D.methods?.length) {
    $("methods").hidden = false;
    $("methods-body").replaceChildren(...D.methods.map((m) => element("p", visible(m))));
  }
  if (D.versions?.length || D.sources?.length) {
    $("versions").hidden = false;
    const list = element("dl.facts.wide", (D.versions || []).map(([k, v]) => element("div", [element("dt", visible(k)), element("dd.mono", visible(v))])));
    const files = element("details", [element("summary", plural((D.sources || []).length, "file")),
      element("div.scroll", [element("table", [element("thead", [element("tr", [element("th.text", "file"), element("th", "bytes"), element("th.text", "SHA-256")])]),
        element("tbody", (D.sources || []).map((s) => element("tr", [element("td.text.mono", visible(s.path)), element("td", grouped(s.bytes)), element("td.text.mono", visible(s.sha256))])))])], { tabindex: 0, role: "region", "aria-label": "Files" })]);
    $("versions-body").replaceChildren(list, D.sources?.length ? files : "");
  }
  if (D.listings?.length) {
    $("source").hidden = false;
    $("source-body").replaceChildren(...D.listings.map(listing));
  }
}

// Lines of a function with what they cost, and instructions where they are known.
function listing(l) {
  const type = { steps: l.steps || [["", 1]], divideBy: 1 };
  const rows = l.lines.map((line) => element(line.flat || line.cum ? "tr.hot" : "tr", [
    element("td", line.flat ? value(line.flat, type) : ""), element("td", line.cum ? value(line.cum, type) : ""), element("td.number", line.n), element("td.text.code", visible(line.text)),
  ]));
  return element("details", [element("summary", [element("b.mono", visible(l.function).slice(0, LONGEST)), ` ${value(l.flat, type)} self, ${value(l.cum, type)} total · ${visible(l.file)}`]),
    element("div.scroll", [element("table.source", [element("thead", [element("tr", [element("th", "self"), element("th", "total"), element("th", l.instructions ? "address" : "line"), element("th.text", l.instructions ? "instruction" : "source")])]), element("tbody", rows)])], { tabindex: 0, role: "region", "aria-label": visible(l.function).slice(0, 120) }),
    l.command ? commandLine(l.command) : ""]);
}
