//! Formats, through the public API.

mod goroutines;
mod gotext;
mod legacy;
mod mistakes;
mod text_formats;
