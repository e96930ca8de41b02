//! What a report is about: paths and choices -> profiles.
//!
//! A source is a file, a folder, a tar, a bundle or standard input. `bundle` knows the format of bundles and `pprof` what
//! bytes mean; this room opens sources, tells what they hold, and chooses what a command sees of them.

mod goroutine_forms;
mod select;
mod source;
mod source_error;
mod survey;

pub use goroutine_forms::{GoroutineForms, load_goroutines};
pub use select::{Choice, Chosen, PREFERRED, Which, choose};
pub use source::{Loaded, SourceNote, Sources, load, load_ends, open_bundle, read_bytes, read_one, read_profile};
pub use source_error::SourceError;
pub use survey::{Surveyed, SurveyedProfile, survey};
