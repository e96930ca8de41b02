//! The commands, through the binary.

mod documents;
mod formats;
mod mistakes;
mod support;
