//! Bytes of an artifact -> what they say of themselves, and whether they are what they should be.

use std::borrow::Cow;

use super::manifest::{Facts, Form, Total};
use crate::model::{Kind, Profile};
use crate::pprof::goroutines::Truncation;
use crate::pprof::{self, Limit, Remark};

/// What the bytes of an artifact should be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Expect {
    /// A profile, in any form; of this kind where one is named.
    Profile(Option<Kind>),
    /// Text that is not empty.
    Text,
    /// Metrics of Prometheus.
    Metrics,
    /// One JSON document.
    Json,
    /// What `/healthz` says: `ok`, or a check a line.
    Health,
    /// The words of a command line, separated by NUL.
    CommandLine,
    /// A page of `/flagz` or `/statusz`.
    Page(&'static str),
    /// A JSON document with this among its keys, for instance `metadata/name`.
    JsonWith(&'static str),
    /// An execution trace of Go.
    Trace,
    /// Anything, even nothing.
    Anything,
}

impl Expect {
    /// What an artifact of this name should be.
    pub fn of(artifact: &str) -> Self {
        match artifact.split_once('.').map_or(artifact, |(kind, _)| kind) {
            "heap-gc" => Expect::Profile(Some(Kind::Heap)),
            "metrics" => Expect::Metrics,
            "configz" => Expect::JsonWith("kubeletconfig"),
            "version" => Expect::JsonWith("gitVersion"),
            "node" => Expect::JsonWith("metadata/name"),
            "trace" => Expect::Trace,
            "healthz" => Expect::Health,
            "cmdline" => Expect::CommandLine,
            "flagz" => Expect::Page("flagz"),
            "statusz" => Expect::Page("statusz"),
            kind => match Kind::parse(kind) {
                Some(Kind::Other) | None => Expect::Anything,
                // The text of heap and allocs is the same.
                Some(Kind::Allocs) if artifact != "allocs" => Expect::Profile(None),
                kind => Expect::Profile(kind),
            },
        }
    }
}

/// Why bytes are not what they should be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotWhole {
    /// There are none.
    #[error("the body is empty")]
    Empty,
    /// They are no profile.
    #[error("{0}")]
    NoProfile(#[from] pprof::ReadError),
    /// They are a profile of another kind.
    #[error("it is a {found} profile, not a {asked} profile")]
    OtherKind {
        /// What was asked for.
        asked: Kind,
        /// What came.
        found: Kind,
    },
    /// They are a text that ends early.
    #[error("the text ends early")]
    CutText,
    /// They are no JSON.
    #[error("not JSON: {0}")]
    NoJson(String),
    /// They are no text.
    #[error("not a text: byte {0} is not UTF-8")]
    NoText(usize),
    /// They are no metrics.
    #[error("not metrics: no line names a value")]
    NoMetrics,
    /// They are no answer of a health check.
    #[error("not an answer of a health check: neither `ok` nor a line that begins with [+] or [-]")]
    NoHealth,
    /// They are no command line.
    #[error("not a command line: its first word is neither a path nor a command")]
    NoCommandLine,
    /// They are no such page.
    #[error("not a page of /{0}: it does not begin with its title")]
    NoPage(&'static str),
    /// They are another document.
    #[error("another JSON document: it has no {0}")]
    OtherJson(&'static str),
    /// They are of another node.
    #[error("it is of node {found:?}, not of {asked:?}")]
    OtherNode {
        /// Which was asked for.
        asked: String,
        /// Which came.
        found: String,
    },
    /// They are no trace.
    #[error("not an execution trace: it does not begin with `go 1.`")]
    NoTrace,
}

impl NotWhole {
    /// What the decoder advises.
    pub fn hint(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::NoProfile(cause) => cause.hint(),
            _ => None,
        }
    }
}

/// Decodes `bytes`.
///
/// # Errors
/// When they are not what they should be.
pub fn examine(bytes: &[u8], expect: Expect, limit: Limit) -> Result<Facts, NotWhole> {
    if bytes.is_empty() && expect != Expect::Anything {
        return Err(NotWhole::Empty);
    }
    match expect {
        Expect::Profile(kind) => {
            let read = pprof::read(bytes, limit, false)?;
            let found = Kind::of(&read.profile);
            if let Some(asked) = kind
                && asked != found
            {
                return Err(NotWhole::OtherKind { asked, found });
            }
            // What the runtime cuts at 64 MiB is as the server has it; what ends in the middle was lost on the way.
            let cut = |r: &Remark| matches!(r, Remark::TextTruncated | Remark::DumpTruncated(Truncation::Cut));
            if read.remarks.iter().any(cut) {
                return Err(NotWhole::CutText);
            }
            Ok(of_read(&read, found))
        }
        Expect::Text => text(bytes).map(|_| of_form(Form::Text)),
        Expect::Metrics => metrics(text(bytes)?).ok_or(NotWhole::NoMetrics),
        Expect::Json => match serde_json::from_slice::<serde::de::IgnoredAny>(bytes) {
            Ok(_) => Ok(of_form(Form::Json)),
            Err(e) => Err(NotWhole::NoJson(e.to_string())),
        },
        Expect::JsonWith(key) => match serde_json::from_slice::<serde_json::Value>(bytes) {
            Ok(json) if json.pointer(&format!("/{key}")).is_some() => Ok(of_form(Form::Json)),
            Ok(_) => Err(NotWhole::OtherJson(key)),
            Err(e) => Err(NotWhole::NoJson(e.to_string())),
        },
        Expect::Health => {
            let text = text(bytes)?;
            let is_check = |l: &str| l.starts_with("[+]") || l.starts_with("[-]");
            let is_health = text.trim() == "ok" || text.lines().any(is_check);
            is_health.then(|| of_form(Form::Text)).ok_or(NotWhole::NoHealth)
        }
        Expect::CommandLine => {
            let first = text(bytes)?.split('\0').next().unwrap_or_default();
            let is_word = |c: char| !c.is_control() && !c.is_whitespace() && !"<>{}\"'".contains(c);
            let is_path = first.starts_with('/') && !first.chars().any(char::is_control);
            let is_command = !first.is_empty() && first.chars().all(is_word);
            (is_path || is_command)
                .then(|| of_form(Form::Text))
                .ok_or(NotWhole::NoCommandLine)
        }
        Expect::Page(page) => is_page(text(bytes)?, page)
            .then(|| of_form(Form::Text))
            .ok_or(NotWhole::NoPage(page)),
        Expect::Trace => trace(bytes).ok_or(NotWhole::NoTrace),
        Expect::Anything => Ok(of_form(if std::str::from_utf8(bytes).is_ok() {
            Form::Text
        } else {
            Form::Other
        })),
    }
}

/// The first line of `/flagz` is `kubelet flagz`; of a JSON form it is the kind.
fn is_page(text: &str, page: &str) -> bool {
    let first = text.lines().map(str::trim).find(|l| !l.is_empty()).unwrap_or_default();
    let mut words = first.split(' ');
    // Before it was called flagz, it was called flags.
    let is_page = |w: &str| w == page || (page == "flagz" && w == "flags");
    let is_title =
        words.next().is_some_and(|w| !w.is_empty()) && words.next().is_some_and(is_page) && words.next().is_none();
    let kind = serde_json::from_str::<serde_json::Value>(text).ok();
    let kind = kind.as_ref().and_then(|json| json.get("kind")?.as_str());
    is_title || kind.is_some_and(|k| k.eq_ignore_ascii_case(page))
}

/// The node that a document of a node is of, where it is one.
pub(crate) fn node_of(bytes: &[u8]) -> Option<String> {
    let json: serde_json::Value = serde_json::from_slice(bytes).ok()?;
    json.pointer("/metadata/name")?.as_str().map(str::to_owned)
}

/// The ending of a file of these bytes, where it is another than that of a packed profile, which was asked for.
pub(super) fn honest_ending(bytes: &[u8], form: Form) -> Option<&'static str> {
    let packed = bytes.starts_with(&[0x1f, 0x8b]);
    match (form, packed) {
        (Form::Proto, false) => Some("pb"),
        (Form::Debug1 | Form::Debug2, true) => Some("txt.gz"),
        (Form::Debug1 | Form::Debug2, false) => Some("txt"),
        _ => None,
    }
}

fn of_form(form: Form) -> Facts {
    Facts {
        form,
        ..Facts::default()
    }
}

fn text(bytes: &[u8]) -> Result<&str, NotWhole> {
    std::str::from_utf8(bytes).map_err(|e| NotWhole::NoText(e.valid_up_to()))
}

pub(crate) fn of_read(read: &pprof::Read, kind: Kind) -> Facts {
    let p = &read.profile;
    let known = |n: i64| Some(n).filter(|&n| n != 0);
    Facts {
        form: match read.form {
            pprof::Form::Proto => Form::Proto,
            pprof::Form::GoText => Form::Debug1,
            pprof::Form::GoroutineDump => Form::Debug2,
            pprof::Form::Legacy => Form::Legacy,
        },
        kind: kind.to_string(),
        samples: Some(match &read.dumps {
            None => p.samples.len(),
            Some(dumps) => dumps.chosen().map(|d| d.goroutines.len()).sum(),
        } as u64),
        totals: totals(p),
        build_id: p.build_id().to_owned(),
        time_nanos: known(p.time_nanos),
        duration_nanos: known(p.duration_nanos),
        period: known(p.period),
        truncated: read.remarks.iter().any(|r| matches!(r, Remark::DumpTruncated(_))),
        ..Facts::default()
    }
}

/// The sum of every sample type.
pub fn totals(p: &Profile) -> Vec<Total> {
    let mut sums = vec![0i128; p.sample_types.len()];
    for i in 0..p.samples.len() {
        for (sum, &value) in sums.iter_mut().zip(p.samples.values(i)) {
            *sum += i128::from(value);
        }
    }
    let total = |(i, &sum): (usize, &i128)| {
        let (kind, unit) = p.sample_type(i);
        Total {
            kind: kind.to_owned(),
            unit: unit.to_owned(),
            value: i64::try_from(sum).unwrap_or(if sum < 0 { i64::MIN } else { i64::MAX }),
        }
    };
    sums.iter().enumerate().map(total).collect()
}

fn metrics(text: &str) -> Option<Facts> {
    let mut facts = of_form(Form::Text);
    let mut values = 0;
    for line in text.lines().filter(|l| !l.starts_with('#') && !l.is_empty()) {
        let name = line.find(['{', ' ']).map_or("", |at| &line[..at]);
        let value = line.rsplit(' ').next().and_then(|v| v.parse::<f64>().ok());
        values += usize::from(value.is_some() && !name.is_empty());
        match name {
            "kubernetes_build_info" => {
                facts.kubernetes_version = label(line, "git_version");
                facts.go_version = label(line, "go_version");
            }
            "go_info" if facts.go_version.is_empty() => facts.go_version = label(line, "version"),
            "process_start_time_seconds" => facts.process_start_time = value.filter(|v| v.is_finite()),
            _ => {}
        }
    }
    (values > 0).then_some(facts)
}

/// The value of a label in a line of metrics; `""` when there is none.
fn label(line: &str, key: &str) -> String {
    let found = line.match_indices(key).find_map(|(at, _)| {
        let before = line[..at].bytes().next_back();
        let rest = line[at + key.len()..].strip_prefix("=\"")?;
        matches!(before, Some(b'{' | b',')).then_some(rest)
    });
    found
        .and_then(|rest| rest.split('"').next())
        .unwrap_or_default()
        .to_owned()
}

fn trace(bytes: &[u8]) -> Option<Facts> {
    let head = bytes.get(..16)?;
    let head = std::str::from_utf8(&head[..head.iter().position(|&b| b == 0).unwrap_or(16)]).ok()?;
    let version = head.strip_prefix("go ")?.strip_suffix(" trace")?;
    version.starts_with("1.").then(|| Facts {
        form: Form::Trace,
        go_version: format!("go{version}"),
        ..Facts::default()
    })
}
