//! Where profiles come from: files, folders, bundles, standard input.
//!
//! This room opens files; what their bytes mean, `pprof` decides.

mod go_sources;
mod goroutine_forms;
mod kind;
mod source;
mod source_code;

pub use go_sources::GoSources;
pub use goroutine_forms::{GoroutineForms, load_goroutines};
pub use kind::Kind;
pub use source::{Loaded, SourceError, SourceNote, Sources, load, read_bytes, read_profile};
pub use source_code::{SourceCode, SourceFile, system_reason};
