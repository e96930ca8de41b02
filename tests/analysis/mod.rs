//! Reports, through the public API.

mod diff;
mod flame;
mod goroutine_forms;
mod laws;
mod list;
mod sampling;
mod trim;
