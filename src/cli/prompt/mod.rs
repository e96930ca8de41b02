//! What the prompts of `shell` and `pprof` share: where lines come from, the options and their values, the words after a
//! command, and completion. Each prompt decides how a line is cut, what its commands do and how its errors are worded.

#[cfg(feature = "shell")]
pub(super) mod complete;
pub(super) mod lines;
pub(super) mod options;
pub(super) mod words;
