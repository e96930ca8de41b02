//! What people type out of habit where a command is expected: a file alone, `version`, the flags of go tool pprof.

use std::ffi::OsString;
use std::path::Path;

/// What the first argument is taken for.
pub(super) enum Meant {
    /// What was typed.
    Typed(Vec<OsString>),
    /// A command was put before a file that stands alone; which one.
    With(&'static str, Vec<OsString>),
    /// A flag of go tool pprof.
    Pprof,
}

/// Looks at the first argument; `is_command` knows the names of commands.
pub(super) fn meant(mut args: Vec<OsString>, is_command: impl Fn(&str) -> bool) -> Meant {
    let Some(first) = args.get(1) else {
        return Meant::Typed(args);
    };
    let text = first.to_string_lossy().into_owned();
    if text == "version" {
        args[1] = "--version".into();
        return Meant::Typed(args);
    }
    if is_command(&text) {
        return Meant::Typed(args);
    }
    if let Some(flag) = text.strip_prefix('-') {
        // Our own options have one letter or two dashes.
        let is_word = flag.len() > 1 && flag.starts_with(|c: char| c.is_ascii_alphabetic());
        return if is_word { Meant::Pprof } else { Meant::Typed(args) };
    }
    let path = Path::new(first);
    let command = match std::fs::metadata(path) {
        Err(_) => return Meant::Typed(args),
        Ok(meta) if meta.is_dir() || is_archive(&text) => "inspect",
        Ok(_) => "top",
    };
    args.insert(1, command.into());
    Meant::With(command, args)
}

fn is_archive(name: &str) -> bool {
    [".tar", ".tar.gz", ".tgz", ".tar.zst"]
        .iter()
        .any(|e| name.ends_with(e))
}
