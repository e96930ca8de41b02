//! Report -> bytes: one file a format. Nothing is computed here.
//!
//! [`layout`] makes a [`document::Document`] of a report; [`text`], [`json`] and [`csv`] write documents. [`pprof`]
//! prints the very bytes of `go tool pprof`. Drawings and stacks for other programs (`flame_html`, `flame_svg`,
//! `folded`, `speedscope`) are made of their reports directly.

pub mod bundle;
pub mod check;
pub mod csv;
pub mod diagnosis;
pub mod document;
mod flame;
mod flame_html;
mod flame_svg;
mod folded;
mod graph;
pub mod json;
pub mod layout;
pub mod missing;
mod narrow;
mod numbers;
mod page;
pub mod pages;
pub mod pprof;
pub mod report;
mod source_code;
mod speedscope;
pub mod terminal;
pub mod text;
pub mod traces;
pub mod tree;

pub use flame_html::{flame_html, flame_page};
pub use flame_svg::flame_svg;
pub use folded::folded;
pub use graph::graph_svg;
pub use source_code::{GoSources, Lines, SourceCode, SourceFile, SourceLookup, system_reason};
pub use speedscope::speedscope;
