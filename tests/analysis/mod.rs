//! Reports, through the public API.

mod flame;
mod laws;
mod list;
