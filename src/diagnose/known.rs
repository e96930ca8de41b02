//! Known issues: whether a finding has the structure of one, and whether this version has it.
//!
//! An issue matches by structure, never by one exact stack: functions that stand in one stack in this order (others between
//! them do not matter), the way of waiting, the sort of evidence. Names are compared in the spelling of `book`.

use serde::Deserialize;

use super::book::Book;
use super::material::Process;
use super::metrics::Metrics;
use super::report::{Applies, Fact, Finding, Kind, KnownIssue};
use super::versions::{Range, Version};
use crate::kubelet::alike;

/// A known issue of the knowledge file.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Issue {
    /// `kubernetes/kubernetes#139823`.
    pub(super) id: String,
    url: String,
    /// In a line.
    title: String,
    /// `critical`, `major`, `minor`.
    severity: String,
    #[serde(rename = "cause")]
    _cause: String,
    #[serde(rename = "impact")]
    _impact: String,
    /// What helps until the fix is there.
    #[serde(default)]
    pub(super) mitigation: String,
    /// The same where the process has ended already and a restart helps no more.
    #[serde(default)]
    mitigation_ended: String,
    /// Kinds of findings that it shows as.
    kinds: Vec<String>,
    /// Subsystems that such findings name; any where it is empty.
    #[serde(default)]
    subsystems: Vec<String>,
    /// Whose versions the ranges are: `kubelet`, `cadvisor`, `containerd`, `cri-o`, `go`, `client-go`.
    component: String,
    /// Versions that have it, with holes. None known where it is empty.
    #[serde(default)]
    versions: Vec<Range>,
    /// Whether other versions may have it too: the ranges are what was reported.
    #[serde(default)]
    open: bool,
    /// Releases with the fix.
    #[serde(default)]
    fixed_in: Vec<String>,
    /// Feature gates that must be on.
    #[serde(default)]
    gates: Vec<String>,
    #[serde(rename = "match")]
    pattern: Pattern,
    /// Live objects that a healthy kubelet has there.
    #[serde(default)]
    pub(super) at_rest: Option<AtRest>,
    /// Stacks that it must match and does not match: the test of the entry.
    test: TestFrames,
}

/// What a stack must look like.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct Pattern {
    /// Functions in one stack, leaf first; `*` at the end of a name stands for anything behind it.
    stacks: Vec<Vec<String>>,
    /// Ways of waiting of which one must hold; any where it is empty.
    #[serde(default)]
    states: Vec<String>,
    /// A metric that the finding rests on.
    #[serde(default)]
    metric: String,
    /// A word of the message of a crash.
    #[serde(default)]
    message: String,
    /// Everything that is in a call must match, not one of them.
    #[serde(default)]
    alone: bool,
}

/// How many objects live in a place while nothing leaks.
#[derive(Clone, Copy, Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct AtRest {
    /// For each pod.
    pub(super) per_pod: f64,
    /// And besides.
    #[serde(default)]
    pub(super) base: f64,
}

/// Test data of an entry.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct TestFrames {
    /// Matches.
    yes: Vec<Vec<String>>,
    /// Does not.
    #[serde(default)]
    no: Vec<Vec<String>>,
    /// Way of waiting of these.
    #[serde(default)]
    state: String,
}

/// Version of a vendored component in a release of Kubernetes.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Vendored {
    kubernetes: String,
    #[serde(default)]
    cadvisor: String,
    #[serde(default)]
    #[serde(rename = "go")]
    _go: String,
}

/// Whose versions ranges can be.
const COMPONENTS: &[&str] = &["kubelet", "cadvisor", "containerd", "cri-o", "go", "client-go"];
/// How bad an issue is.
const SEVERITIES: &[&str] = &["critical", "major", "minor"];

/// What is known of the process for ranges and gates.
#[derive(Clone, Debug)]
pub(super) struct Build<'a> {
    pub(super) process: &'a Process,
    pub(super) metrics: Option<&'a Metrics>,
    pub(super) vendored: &'a [Vendored],
}

/// The spelling in which patterns and frames are compared.
fn key(book: &mut Book, name: &str) -> String {
    let id = book.name(name, "");
    book.key(id).to_owned()
}

/// `*` stands for anything at the beginning or the end of a pattern; closures of a function are the function.
fn fits(pattern: &str, frame: &str) -> bool {
    let bare = |n: &str| n.strip_suffix(".func").unwrap_or(n).to_owned();
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(end), None) => bare(frame).ends_with(end),
        (None, Some(start)) => frame.starts_with(start),
        (Some(_), Some(_)) => frame.contains(pattern.trim_matches('*')),
        (None, None) => frame == pattern || bare(frame) == bare(pattern),
    }
}

impl Issue {
    /// Whether one of the patterns stands in a stack of compared names, leaf first.
    pub(super) fn matches_keys(&self, frames: &[String], book: &mut Book) -> bool {
        self.pattern.stacks.iter().any(|pattern| {
            let wanted: Vec<String> = pattern
                .iter()
                .map(
                    |p| match p.contains("*.") && !p.contains("(*") || p.starts_with('*') || p.ends_with('*') {
                        true => p.clone(),
                        false => key(book, p),
                    },
                )
                .collect();
            let mut rest = frames.iter();
            wanted.iter().all(|w| rest.any(|f| fits(w, f)))
        })
    }

    fn matches_state(&self, state: &str) -> bool {
        let of = |s: &str| s.starts_with(state) || state.starts_with(s) || is_lock(s) && is_lock(state);
        self.pattern.states.is_empty() || state.is_empty() || self.pattern.states.iter().any(|s| of(s))
    }

    /// Whether a finding has its structure.
    fn matches(&self, f: &Finding, book: &mut Book) -> bool {
        let kind = f.kind.as_str();
        let kinds = self
            .kinds
            .iter()
            .any(|k| k == kind || k == "stuck" && f.kind == Kind::Environment);
        let subsystem = self.subsystems.is_empty() || self.subsystems.contains(&f.subsystem.key);
        if !kinds || !subsystem {
            return false;
        }
        if !self.pattern.message.is_empty() {
            let says =
                |e: &super::report::Evidence| matches!(&e.fact, Fact::Line(l) if l.contains(&self.pattern.message));
            if !f.evidence.iter().any(says) {
                return false;
            }
        }
        if !self.pattern.metric.is_empty() {
            let of = |e: &super::report::Evidence| matches!(&e.fact, Fact::Metric { name, .. } if name.contains(&self.pattern.metric));
            return f.evidence.iter().any(of);
        }
        let mut found = false;
        for e in &f.evidence {
            let (frames, state, is_victim) = match &e.fact {
                Fact::Goroutines { party, frames } => (frames, party.state.as_str(), party.waits_for.is_some()),
                Fact::Stack(frames) => (frames, "", false),
                _ => continue,
            };
            let keys: Vec<String> = frames.iter().map(|n| key(book, n)).collect();
            let is = self.matches_state(state) && self.matches_keys(&keys, book);
            if self.pattern.alone && !is && !is_victim {
                return false;
            }
            found |= is;
        }
        found
    }

    /// Whether this build has it.
    pub(super) fn applies(&self, build: &Build<'_>) -> Applies {
        for gate in &self.gates {
            let on = build.metrics.and_then(|m| {
                let of = |s: &&super::metrics::Sample| s.label("name") == gate;
                m.all("kubernetes_feature_enabled")
                    .iter()
                    .find(of)
                    .map(|s| s.value > 0.0)
            });
            match on {
                Some(true) => {}
                Some(false) => return Applies::No,
                None => return Applies::Unknown,
            }
        }
        let Some(version) = self.version(build) else {
            return Applies::Unknown;
        };
        match (self.versions.is_empty(), self.versions.iter().any(|r| r.has(version))) {
            (true, _) => Applies::Unknown,
            (false, true) => Applies::Yes,
            (false, false) if self.open && !self.is_fixed(version) => Applies::Unknown,
            (false, false) => Applies::No,
        }
    }

    /// Whether a release with the fix is at or before this version, in its minor or an earlier one.
    fn is_fixed(&self, version: Version) -> bool {
        let fixed = self.fixed_in.iter().filter_map(|f| Version::parse(f));
        fixed.into_iter().any(|f| f <= version)
    }

    /// The version that the ranges are of.
    fn version(&self, build: &Build<'_>) -> Option<Version> {
        let kubernetes = Version::parse(&build.process.kubernetes);
        match self.component.as_str() {
            "kubelet" => kubernetes,
            // client-go 0.36.1 is part of Kubernetes 1.36.1.
            "client-go" => kubernetes,
            "go" => Version::parse(&build.process.go),
            "containerd" | "cri-o" => {
                let runtime = build.process.runtime.as_str();
                runtime.starts_with(&self.component).then(|| Version::parse(runtime))?
            }
            "cadvisor" => {
                let kubernetes = kubernetes?;
                // The nearest release of the same minor.
                let mut of_minor = build.vendored.iter().filter(|v| {
                    Version::parse(&v.kubernetes).is_some_and(|k| k.same_minor(kubernetes)) && !v.cadvisor.is_empty()
                });
                of_minor.next_back().and_then(|v| Version::parse(&v.cadvisor))
            }
            _ => None,
        }
    }

    fn is_of_runtime(&self) -> bool {
        matches!(self.component.as_str(), "containerd" | "cri-o")
    }

    fn report(&self, build: &Build<'_>) -> KnownIssue {
        let kubernetes = Version::parse(&build.process.kubernetes);
        let same_minor = |t: &&String| {
            let fixed = Version::parse(t);
            fixed.zip(kubernetes).is_some_and(|(f, k)| f.same_minor(k) && f >= k)
        };
        let of_kubernetes = matches!(self.component.as_str(), "kubelet" | "client-go");
        KnownIssue {
            id: self.id.clone(),
            url: self.url.clone(),
            title: self.title.clone(),
            applies: match self.applies(build) {
                // The kubelet's goroutines show that the runtime keeps them waiting, not why.
                Applies::Yes if self.is_of_runtime() => Applies::Unknown,
                other => other,
            },
            fixed_in: self.fixed_in.clone(),
            upgrade_to: self.fixed_in.iter().find(same_minor).filter(|_| of_kubernetes).cloned(),
            component: self.component.clone(),
        }
    }

    /// What is wrong with the entry, if anything.
    pub(super) fn check(&self, book: &mut Book) -> Vec<String> {
        let mut wrong = Vec::new();
        if self.kinds.iter().any(|k| Kind::parse(k).is_none()) {
            wrong.push(format!("{}: unknown kind in {:?}", self.id, self.kinds));
        }
        if let Some(s) = self.subsystems.iter().find(|s| book.knowledge.by_key(s).is_none()) {
            wrong.push(format!("{}: no subsystem {s}", self.id));
        }
        for (key, word, words) in [
            ("component", &self.component, COMPONENTS),
            ("severity", &self.severity, SEVERITIES),
        ] {
            if !words.contains(&word.as_str()) {
                let near = alike(word, words.iter().copied());
                let hint = match near.as_slice() {
                    [] => format!("known: {}", words.join(", ")),
                    near => format!("did you mean {}?", near.join(" or ")),
                };
                wrong.push(format!("{}: unknown {key} {word}; {hint}", self.id));
            }
        }
        if self.versions.iter().any(|r| !r.is_readable()) {
            wrong.push(format!("{}: a version that cannot be read", self.id));
        }
        for r in self.versions.iter().filter(|r| !r.has_any()) {
            wrong.push(format!("{}: versions {r}: no version is in this range", self.id));
        }
        for fixed in self.fixed_in.iter().filter_map(|f| Some((f, Version::parse(f)?))) {
            if let Some(r) = self.versions.iter().find(|r| r.has(fixed.1)) {
                wrong.push(format!("{}: fixed in {}, which is in the range {r}", self.id, fixed.0));
            }
        }
        if let Some(v) = self.fixed_in.iter().find(|v| Version::parse(v).is_none()) {
            wrong.push(format!("{}: fixed_in {v} is no version", self.id));
        }
        let has_stacks = !self.pattern.stacks.is_empty();
        if !has_stacks && self.pattern.metric.is_empty() {
            wrong.push(format!("{}: matches nothing", self.id));
        }
        if has_stacks && self.test.yes.is_empty() {
            wrong.push(format!("{}: no test frames", self.id));
        }
        for (frames, expected) in self
            .test
            .yes
            .iter()
            .map(|f| (f, true))
            .chain(self.test.no.iter().map(|f| (f, false)))
        {
            let keys: Vec<String> = frames.iter().map(|n| key(book, n)).collect();
            let found = has_stacks && self.matches_state(&self.test.state) && self.matches_keys(&keys, book);
            if found != expected {
                wrong.push(format!(
                    "{}: {} {}",
                    self.id,
                    if expected { "does not match" } else { "matches" },
                    frames.join(" < ")
                ));
            }
        }
        wrong
    }
}

fn is_lock(state: &str) -> bool {
    matches!(state, "lock" | "semacquire") || state.starts_with("sync.Mutex") || state.starts_with("sync.RWMutex")
}

/// Gives every finding the known issues that look like it; those that apply first.
pub(super) fn attach(
    findings: &mut [Finding],
    issues: &[Issue],
    book: &mut Book,
    build: &Build<'_>,
    has_ended: &dyn Fn(&Finding) -> bool,
) {
    for f in findings {
        let ended = has_ended(f);
        let mut found: Vec<KnownIssue> = Vec::new();
        for issue in issues {
            if issue.matches(f, book) {
                found.push(issue.report(build));
                let text = match ended && !issue.mitigation_ended.is_empty() {
                    true => &issue.mitigation_ended,
                    false => &issue.mitigation,
                };
                if issue.applies(build) == Applies::Yes && !issue.is_of_runtime() && !text.is_empty() {
                    f.remedies.insert(0, text.clone());
                }
            }
        }
        let order = |i: &KnownIssue| match i.applies {
            Applies::Yes => 0,
            Applies::Unknown => 1,
            Applies::No => 2,
        };
        found.sort_by_key(order);
        f.known_issues = found;
    }
}
