//! An answer that is not an artifact -> who refused, why, and what comes next. Pure: no clock, no socket, no file, and no
//! sentence: causes and their details are data, `render::refusal` words them.
//!
//! A request passes you -> (intermediaries) -> API server -> kubelet -> handler, and each of them refuses in its own words: an
//! API server answers with a `Status` object (`status`), a kubelet with a line of text (`kubelet`), intermediaries with HTML
//! (`between`). A status code alone does not say who sent it. `broken` handles requests without a complete answer.

mod broken;
mod intermediary;
mod kubelet;
mod patience;
mod status;

use std::collections::BTreeMap;
use std::time::Duration;

pub use crate::bundle::manifest::{Cause, Details, Effect, Route};

use crate::bundle::manifest::Who;

pub use broken::{Break, TlsFault, of_break};

/// What was asked.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The route.
    pub route: Route,
    /// Name of the node, or `host:port` where it was asked directly.
    pub node: &'a str,
    /// Address of the server that was asked, for instance `https://10.0.0.12:10250`.
    pub server: &'a str,
    /// Path at the kubelet, or at the API server where the question was for it.
    pub path: &'a str,
    /// For how long the server was to measure.
    pub measures: Duration,
}

impl Question<'_> {
    /// Whether this asks for a profile.
    fn is_profile(&self) -> bool {
        self.path.starts_with("/debug/pprof")
    }

    /// The port that was asked; none where the address names none.
    fn port(&self) -> Option<u16> {
        let authority = self.server.split_once("://").map_or(self.server, |(_, rest)| rest);
        let authority = authority.split(['/', '?']).next().unwrap_or_default();
        // The last colon of `[fd00::12]` is not one before a port.
        authority.rsplit_once(':')?.1.parse().ok()
    }

    /// Whether the answer is the API server's own and no kubelet is asked for it.
    fn is_at_api_server(&self) -> bool {
        let own = self.path == "/version" || self.path.starts_with("/api/") || self.path.starts_with("/apis/");
        self.route.has_api_server() && (own || self.node.is_empty())
    }

    /// Details that say by which route it was asked.
    fn details(&self) -> Details {
        Details {
            route: Some(self.route),
            ..Details::default()
        }
    }
}

/// An answer that is not an artifact.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// HTTP status.
    pub status: u16,
    /// Its headers, names in lowercase.
    pub headers: &'a BTreeMap<String, String>,
    /// The body, or its beginning.
    pub body: &'a [u8],
}

/// What is worth trying next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Next {
    /// The next artifact; this one was never to be had, and nothing is wrong.
    Skip,
    /// The next artifact.
    GoOn,
    /// The same again, not before this much time has passed.
    Again(Duration),
    /// Nothing else below `/debug/` of this node; metrics and health still.
    NoProfiles,
    /// Nothing else of this node for now.
    LeaveNode,
    /// Nothing at all: it will be the same for every node.
    Stop,
}

/// Who refused, why, and what comes next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// The cause.
    pub cause: Cause,
    /// Who.
    pub who: Who,
    /// What the cause is about.
    pub details: Details,
    /// What to do next.
    pub next: Next,
}

impl Refusal {
    /// A refusal without details.
    pub fn new(cause: Cause, who: Who, next: Next) -> Self {
        Refusal {
            cause,
            who,
            details: Details::default(),
            next,
        }
    }

    /// The same with these details.
    pub fn about(self, details: Details) -> Self {
        Refusal { details, ..self }
    }

    /// The same with a meaning for this artifact beyond itself.
    pub fn with_effect(mut self, effect: Effect) -> Self {
        self.details.effect = Some(effect);
        self
    }
}

/// Explains an answer that is not 200, or not an artifact.
pub fn of_answer(q: &Question<'_>, a: &Answer<'_>) -> Refusal {
    let text = String::from_utf8_lossy(a.body);
    let text = text.trim();
    if let Some(status) = status::parse(a.body) {
        return status::explain(q, a, &status);
    }
    kubelet::by_text(q, a, text)
        .or_else(|| intermediary::by_page(q, a, text))
        .unwrap_or_else(|| intermediary::by_code(q, a, text))
}

/// An answer without bytes.
pub fn empty() -> Refusal {
    Refusal::new(Cause::Empty, Who::Unknown, Next::Again(Duration::from_secs(1)))
}

/// Bytes that came with status 200 and are not what was asked for. `why` is what the decoder says, `advice` what it advises.
pub fn undecodable(q: &Question<'_>, a: &Answer<'_>, why: &str, advice: &str) -> Refusal {
    let text = String::from_utf8_lossy(&a.body[..a.body.len().min(16 << 10)]).into_owned();
    let text = text.trim();
    if let Some(refusal) = kubelet::by_text(q, a, text).or_else(|| intermediary::by_page(q, a, text)) {
        return refusal;
    }
    let details = Details {
        message: why.to_owned(),
        // Advice for files names options of the commands that read them.
        advice: if advice.contains("--") {
            String::new()
        } else {
            advice.to_owned()
        },
        ..q.details()
    };
    Refusal::new(Cause::Undecodable, Who::Unknown, Next::Again(Duration::from_secs(1))).about(details)
}

/// A document of another node.
pub fn other_node(q: &Question<'_>, found: &str) -> Refusal {
    let details = Details {
        node: q.node.to_owned(),
        other: found.to_owned(),
        ..q.details()
    };
    Refusal::new(Cause::OtherNode, Who::Unknown, Next::Again(Duration::from_secs(1))).about(details)
}

/// A profile that is not served by a kubelet that serves others.
pub fn no_such_profile(path: &str) -> Refusal {
    let details = Details {
        path: path.to_owned(),
        ..Details::default()
    };
    Refusal::new(Cause::ProfileNotServed, Who::Kubelet, Next::GoOn).about(details)
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let from = text.split_once(before).map_or("", |(_, rest)| rest);
    from.split_once(after).map_or(from, |(inside, _)| inside)
}

/// The first line, of a length that fits a sentence.
fn first_line(text: &str, most: usize) -> String {
    text.lines().next().unwrap_or_default().chars().take(most).collect()
}
