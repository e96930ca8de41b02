//! The commands, through the binary.

mod documents;
mod drawings;
mod formats;
mod goroutines;
mod manual;
mod mistakes;
#[cfg(feature = "shell")]
mod shell;
mod support;
