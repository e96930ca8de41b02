//! A diagnosis -> text, JSON, Markdown. [`words`] makes the sentences; the formats only place them.

mod json;
mod leaks;
mod markdown;
mod parties;
mod reasons;
mod text;
mod words;

pub use json::json;
pub use leaks::leaks;
pub use markdown::markdown;
pub use text::text;
pub(super) use words::{bytes, number, seconds, short, time};
pub use words::{check_words, evidence_words, since_words, summary};

use crate::diagnose::report::{Need, Show};

/// What a renderer is told besides the report.
pub struct Words<'a> {
    /// A command as it is typed.
    pub command: &'a dyn Fn(&Show) -> String,
    /// How to get what is missing.
    pub need: &'a dyn Fn(Need) -> String,
    /// Also what was weighed and dropped, all checks and all evidence.
    pub all: bool,
}
