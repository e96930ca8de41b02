//! Words for refusals: a cause and its details -> why, and what to change.
//!
//! The only place where these sentences are. Nothing reads them back: a bundle holds causes and details, so a wording may
//! change at any time. A line of a bundle of format 1 has sentences of its own, which are printed as they are.

mod grant;
mod local;
mod network;
mod server;

use crate::bundle::manifest::{Cause, Details, Effect, Finished, Missing, Route, Who};
use crate::render::missing::Explain;
pub use crate::render::missing::Words;

pub(super) use grant::grant;

/// How pages of bundles word what is missing.
pub(super) const EXPLAIN: Explain = Explain {
    missing,
    interrupted,
    resume: "go on with `kubeprof capture --resume`",
};

/// A reason and a remedy.
fn told(why: impl Into<String>, remedy: impl Into<String>) -> Words {
    Words {
        why: why.into(),
        remedy: remedy.into(),
    }
}

/// Words for a refusal.
pub fn words(who: Who, cause: Cause, details: &Details) -> Words {
    let found = server::words(who, cause, details)
        .or_else(|| network::words(who, cause, details))
        .or_else(|| local::words(cause, details))
        .unwrap_or_else(|| told(said("the reason is not known to this version", details), ""));
    let why = match details.effect {
        None | Some(Effect::Unknown) => found.why,
        Some(Effect::ProcessGone) => format!("the process ended before this could be asked for again: {}", found.why),
        Some(Effect::ProcessUnknown) => format!("whether the process is still the same is not known: {}", found.why),
        Some(Effect::ThresholdUnreachable) => format!("the threshold cannot be reached: {}", found.why),
        Some(Effect::LeftOut) => format!("left out by redaction: {}", found.why),
    };
    let is_own = !details.inherited && !matches!(details.effect, Some(Effect::ProcessGone));
    let remedy = if is_own { found.remedy } else { String::new() };
    Words { why, remedy }
}

/// Words for an artifact that is not there.
pub fn missing(m: &Missing) -> Words {
    if m.cause == Cause::Unknown && !m.why.is_empty() {
        return told(m.why.as_str(), m.remedy.as_str());
    }
    words(m.who, m.cause, &m.details)
}

/// Why a capture ended before all was tried; none when it did not.
pub fn interrupted(f: &Finished) -> Option<String> {
    match f.cause {
        Some(cause) => Some(words(Who::Unknown, cause, &f.details).why),
        None => (!f.interrupted.is_empty()).then(|| f.interrupted.clone()),
    }
}

/// The server that was asked.
fn server(details: &Details) -> &'static str {
    match details.route {
        Some(Route::ApiServer) => "the API server",
        Some(Route::KubectlProxy) => "your `kubectl proxy`",
        Some(Route::Direct) => "the kubelet",
        None => "the server",
    }
}

/// A sentence, and what another program says.
fn said(why: &str, details: &Details) -> String {
    match details.message.as_str() {
        "" => why.to_owned(),
        message => format!("{why}: {message}"),
    }
}

/// The advice to measure for less time at once.
fn shorter(details: &Details) -> String {
    match details.measures_s {
        Some(s) if s > 5 => format!("; ask for less at a time, for instance --seconds {}", s / 3),
        _ => String::new(),
    }
}

/// Seconds.
fn seconds(ms: Option<u64>) -> f64 {
    ms.unwrap_or(0) as f64 / 1e3
}
