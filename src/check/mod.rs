//! A gate for pipelines and alerts: captures and rules -> pass, fail or inconclusive, for every rule and subject.
//!
//! [`rules`] are what a file says. A [`Reader`] keeps numbers of every moment it is given and drops the profiles;
//! `Reader::finish` puts them together into runs, one a process. `judge` holds runs, and those of a baseline, against
//! the rules and answers with an [`outcome::Report`]. A rule fails only when the violation is larger than the error of the
//! number; the statistics are those of `diagnose::stats`. Nothing here is a sentence: `render::check` words it.

mod init;
mod judge;
mod names;
pub mod outcome;
mod reading;
mod rows;
pub mod rules;
mod run;
mod subject;
mod vitals;

pub use init::{Proposal, Proposed, propose};
pub use judge::{Case, captured, judge};
pub use names::Names;
pub use reading::Reader;
pub use run::{Capture, Run, Whose};
