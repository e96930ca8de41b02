//! Report -> bytes: one file a format. Nothing is computed here.
//!
//! [`layout`] makes a [`document::Document`] of a report; [`text`], [`json`] and [`csv`] write documents. [`pprof`]
//! prints the very bytes of `go tool pprof`.

pub mod csv;
pub mod document;
pub mod json;
pub mod layout;
mod numbers;
pub mod pprof;
mod source_lookup;
pub mod terminal;
pub mod text;
pub mod traces;
pub mod tree;

pub use source_lookup::{Lines, SourceLookup};
