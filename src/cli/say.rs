//! What goes to standard error: one place that writes there, and nothing that it can fail with.
//!
//! A reader that went away or a full disk behind `2>` must not end a command whose answer is fine; `eprintln!` panics
//! then. `clippy::print_stderr` keeps it out of this room.

use std::fmt::Arguments;
use std::io::{self, Write};

use crate::render::terminal::Harmless;

/// Writes one line to standard error, as `eprintln!` does; nobody hears it when that fails.
macro_rules! say {
    ($($words:tt)*) => {
        $crate::cli::say::line(format_args!($($words)*))
    };
}

/// Writes a line.
pub(super) fn line(words: Arguments<'_>) {
    text(&format!("{words}\n"));
}

/// Writes a text at once, so that lines of several threads do not mix. What it quotes of files cannot command a terminal.
pub(super) fn text(text: &str) {
    let mut whole = Vec::with_capacity(text.len());
    let mut harmless = Harmless::new(&mut whole);
    // A file name with a line break must not begin a line that GitHub Actions takes for a command.
    let text = text.replace("\n::", "\n\\u{3a}:");
    let made = harmless.write_all(text.as_bytes()).and_then(|()| harmless.finish());
    // Whoever does not listen misses it.
    let _ = made.and_then(|()| io::stderr().lock().write_all(&whole));
}
