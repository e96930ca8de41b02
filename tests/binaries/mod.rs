//! Binaries as evidence: the archive, the search, the verdicts and the names, through the command line.

mod archive;
mod bundled;
mod commands;
mod debug_files;
mod instructions;
mod kinds;
mod search;
#[cfg(feature = "debuginfod")]
mod server;
mod sources;
pub(crate) mod support;
mod traces;
mod verdicts;
