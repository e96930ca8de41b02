//! The commands, through the binary.

mod bundle;
mod bundle_copies;
mod documents;
mod drawings;
mod formats;
mod goroutine_kinds;
mod goroutines;
mod honest;
mod listings;
mod machines;
mod made_bundle;
mod made_profile;
mod manual;
mod mistakes;
#[cfg(feature = "shell")]
mod scope;
mod shell;
mod support;
mod terminal;
