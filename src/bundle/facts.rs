//! Bytes of an artifact -> what they say of themselves, and whether they are what they should be.

use super::Kind;
use super::manifest::{Facts, Form, Total};
use crate::model::Profile;
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
            "configz" | "version" | "node" => Expect::Json,
            "trace" => Expect::Trace,
            "healthz" | "flagz" | "statusz" | "cmdline" => Expect::Text,
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
    /// They are no trace.
    #[error("not an execution trace: it does not begin with `go 1.`")]
    NoTrace,
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
            let read = pprof::read(bytes.to_vec(), limit, false)?;
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
        Expect::Trace => trace(bytes).ok_or(NotWhole::NoTrace),
        Expect::Anything => Ok(of_form(if std::str::from_utf8(bytes).is_ok() {
            Form::Text
        } else {
            Form::Other
        })),
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

fn of_read(read: &pprof::Read, kind: Kind) -> Facts {
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
        samples: Some(read.dump.as_ref().map_or(p.samples.len(), |d| d.goroutines.len()) as u64),
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
