//! A diagnosis -> text, JSON, Markdown. `words` makes the sentences, `figures` the numbers in them;
//! the formats only place them.

mod figures;
mod json;
mod leaks;
mod markdown;
mod nodes;
mod parties;
mod reasons;
#[cfg(test)]
mod schema;
mod text;
mod words;

pub use json::{json, json_of_nodes};
pub use leaks::leaks;
pub use markdown::markdown;
pub use nodes::nodes;
pub use reasons::check_words;
pub use text::text;
pub use words::{evidence_words, since_words, summary};

// What reports of an incident say in the same words.
pub(in crate::render) use figures::{bytes, capital, number, seconds, short, time};
pub(in crate::render) use markdown::plain;
pub(in crate::render) use reasons::{oddity, reason, weighed};
pub(in crate::render) use text::{growth_words, headline, issue_words};

use crate::diagnose::report::{Need, Show};
use crate::render::document::Setting;

/// What a renderer is told besides the report.
pub struct Words<'a> {
    /// A command as it is typed.
    pub command: &'a dyn Fn(&Show) -> String,
    /// How to get what is missing.
    pub need: &'a dyn Fn(Need) -> String,
    /// What is typed to show more.
    pub setting: fn(Setting) -> String,
    /// Also what was weighed and dropped, all checks and all evidence.
    pub all: bool,
}
