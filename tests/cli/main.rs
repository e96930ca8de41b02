//! The commands, through the binary.

mod documents;
mod formats;
mod goroutines;
mod mistakes;
mod support;
