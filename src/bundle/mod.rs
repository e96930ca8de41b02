//! Where profiles come from: files, folders, bundles, standard input.
//!
//! This room opens files; what their bytes mean, `pprof` decides.

mod source;

pub use source::{ReadError, read_bytes, read_profile};
