//! Where an answer goes: standard output, a pager, or a file that appears whole or not at all.

use std::fs;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};

use super::args::{Colour, Format, OutArgs};
use crate::render::document::Document;
use crate::render::terminal::Terminal;
use crate::render::{csv, json, text};

/// Whether the stream shows colour: the flag beats the environment.
fn colour(when: Colour, is_terminal: bool) -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|v| !v.is_empty());
    match when {
        Colour::Always => true,
        Colour::Never => false,
        Colour::Auto if set("NO_COLOR") => false,
        Colour::Auto if set("CLICOLOR_FORCE") => true,
        Colour::Auto => is_terminal && std::env::var_os("TERM").is_none_or(|t| t != "dumb"),
    }
}

/// What standard output can show.
pub(super) fn terminal(args: &OutArgs) -> Terminal {
    let is_terminal = args.out.is_none() && io::stdout().is_terminal();
    let width = is_terminal.then(|| terminal_size::terminal_size().map_or(80, |(w, _)| usize::from(w.0)));
    Terminal {
        colour: colour(args.color, is_terminal),
        width,
        sanitize: is_terminal,
    }
}

/// Writes a document in the format asked for.
pub(super) fn document(d: &Document, format: Format, args: &OutArgs, page: bool) -> Result<()> {
    let terminal = terminal(args);
    let people = matches!(format, Format::Text | Format::Wide);
    write(args, page && people, false, |out| match format {
        Format::Text | Format::Wide => text::text(d, format == Format::Wide, &terminal, out),
        Format::Json => json::json(d, out),
        Format::Jsonl => json::jsonl(d, out),
        Format::Csv => csv::csv(d, out),
        Format::Markdown => text::markdown(d, out),
    })
}

/// Runs `fill` with the place where the answer goes. With `page`, a terminal gets a pager; `binary` data never goes to a
/// terminal. A reader that stops reading is no error.
pub(super) fn write(
    args: &OutArgs,
    page: bool,
    binary: bool,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<()> {
    if let Some(path) = &args.out {
        return file(path, fill);
    }
    let is_terminal = io::stdout().is_terminal();
    if binary && is_terminal {
        bail!("this is binary and standard output is a terminal\nhint: name a file with --out FILE, or pipe it");
    }
    let result = match (page && is_terminal && !args.no_pager).then(pager).flatten() {
        Some(mut child) => {
            let result = child.stdin.take().map_or(Ok(()), |stdin| {
                let mut out = BufWriter::with_capacity(1 << 16, stdin);
                fill(&mut out).and_then(|()| out.flush())
            });
            let _ = child.wait();
            result
        }
        None => {
            let mut out = BufWriter::with_capacity(1 << 18, io::stdout().lock());
            fill(&mut out).and_then(|()| out.flush())
        }
    };
    match result {
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.context("cannot write the answer"),
    }
}

fn pager() -> Option<Child> {
    let named = |name: &str| std::env::var(name).ok().filter(|v| !v.trim().is_empty());
    let command = named("KUBEPROF_PAGER")
        .or_else(|| named("PAGER"))
        .unwrap_or_else(|| "less".to_owned());
    let mut words = command.split_whitespace();
    let mut child = Command::new(words.next()?);
    child.args(words).stdin(Stdio::piped());
    if std::env::var_os("LESS").is_none() {
        child.env("LESS", "FIRX");
    }
    child.spawn().ok()
}

/// Writes beside the file and renames, so that a file of that name is always whole.
fn file(path: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    let name = path
        .file_name()
        .with_context(|| format!("{}: not a file name", path.display()))?;
    let mut part = name.to_os_string();
    part.push(format!(".{}.part", std::process::id()));
    let part = path.with_file_name(part);
    let shown = path.display();
    let write = || -> io::Result<()> {
        let mut out = BufWriter::with_capacity(1 << 18, fs::File::create(&part)?);
        fill(&mut out)?;
        out.flush()?;
        out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        fs::rename(&part, path)
    };
    write()
        .inspect_err(|_| drop(fs::remove_file(&part)))
        .with_context(|| format!("cannot write {shown}"))
}
