//! Formats, through the public API.

mod carriers;
mod decode;
mod envelopes;
mod goroutines;
mod gotext;
mod inflate;
mod legacy;
mod mistakes;
mod splices;
mod text_formats;
mod wire;
mod writers;
