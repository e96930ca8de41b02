//! The commands, through the binary.

mod documents;
mod drawings;
mod formats;
mod goroutines;
mod mistakes;
mod support;
