//! Where profiles come from: files, folders, bundles, standard input.
//!
//! This room opens files; what their bytes mean, `pprof` decides.

mod go_sources;
mod kind;
mod source;
mod source_code;

pub use go_sources::GoSources;
pub use kind::Kind;
pub use source::{Loaded, SourceError, SourceNote, Sources, load, read_bytes, read_profile};
pub use source_code::{SourceCode, SourceFile};
