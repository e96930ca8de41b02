//! Where an answer goes: standard output, a pager, or a file that appears whole or not at all.

use crate::cli::hints::{self, Failure};
use std::fs;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, bail};

use super::args::{Colour, Format, OutArgs};
use crate::atomic::Part;
use crate::render::document::Document;
use crate::render::terminal::{Harmless, Terminal};
use crate::render::{csv, json, text};

/// Where a session sends an answer that a command line would print.
#[derive(Clone, Debug, Default)]
pub(super) struct Route {
    /// The place.
    pub(super) to: To,
    /// Set when the user wants no more of it.
    pub(super) stop: Option<Arc<AtomicBool>>,
}

/// Where the answer of a command goes: what was typed, and what the session says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Out<'a> {
    /// What was typed.
    pub(super) typed: &'a OutArgs,
    /// Where a session sends it.
    pub(super) route: &'a Route,
}

/// No session.
static PLAIN: Route = Route {
    to: To::Out,
    stop: None,
};

impl<'a> From<&'a OutArgs> for Out<'a> {
    fn from(typed: &'a OutArgs) -> Self {
        Self { typed, route: &PLAIN }
    }
}

/// A place for an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(not(feature = "shell"), expect(dead_code, reason = "made by sessions only"))]
pub(super) enum To {
    /// Standard output, or the file of `--out`.
    #[default]
    Out,
    /// A file.
    File(PathBuf),
    /// The end of a file.
    Append(PathBuf),
    /// Standard input of a command of the system's shell.
    Pipe(String),
}

/// Passes on what is written until its reader wants no more; then it looks like a reader that went away.
struct Stoppable<W> {
    inner: W,
    stop: Option<Arc<AtomicBool>>,
}

impl<W: Write> Write for Stoppable<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.stop.as_ref().is_some_and(|s| s.load(Ordering::Relaxed)) {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        self.inner.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

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
pub(super) fn terminal<'a>(out: impl Into<Out<'a>>) -> Terminal {
    let out = out.into();
    let is_terminal = out.typed.out.is_none() && out.route.to == To::Out && io::stdout().is_terminal();
    let width = is_terminal.then(|| terminal_size::terminal_size().map_or(80, |(w, _)| usize::from(w.0)));
    Terminal {
        colour: colour(out.typed.color, is_terminal),
        width,
    }
}

/// How many rows an answer has where no number is given: `most` on a terminal, all in formats for machines, files and
/// pipes, where nobody would notice that some are missing.
pub(super) fn rows<'a>(format: Format, out: impl Into<Out<'a>>, most: usize) -> usize {
    let people = matches!(format, Format::Text | Format::Wide | Format::Markdown);
    if people && terminal(out).width.is_some() {
        most
    } else {
        0
    }
}

/// Writes a document in the format asked for.
pub(super) fn document<'a>(d: &Document, format: Format, out: impl Into<Out<'a>>, page: bool) -> Result<()> {
    let to = out.into();
    let divided = d.query.get("divide_by").and_then(serde_json::Value::as_f64);
    if format == Format::Csv && divided.is_some_and(|by| by != 1.0) {
        bail!(Failure::new(
            "--divide-by changes how numbers are worded, and CSV has them raw",
            "divide where you read it"
        ));
    }
    let notes = d.worded(hints::setting);
    match format {
        Format::Text | Format::Wide => {
            let terminal = terminal(to);
            write(to, page, None, |out| {
                text::text(d, &notes, format == Format::Wide, &terminal, out)
            })
        }
        Format::Json => data(to, false, |out| json::json(d, out)),
        Format::Jsonl => data(to, false, |out| json::jsonl(d, out)),
        Format::Csv => data(to, false, |out| csv::csv(d, out)),
        Format::Markdown => data(to, false, |out| text::markdown(d, &notes, out)),
    }
}

/// As [`write`], for text in a form that keeps what stands in files as it stands: on a terminal it is made harmless.
pub(super) fn data<'a>(
    out: impl Into<Out<'a>>,
    page: bool,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<()> {
    let to = out.into();
    let is_terminal = terminal(to).width.is_some();
    write(to, page, None, |out| match is_terminal {
        false => fill(out),
        true => {
            let mut out = Harmless::new(out);
            fill(&mut out)?;
            out.finish()
        }
    })
}

/// Runs `fill` with the place where the answer goes. With `page`, a terminal gets a pager; what is `unreadable`
/// there (the word says why) never goes to one. A reader that stops reading is no error.
pub(super) fn write<'a>(
    out: impl Into<Out<'a>>,
    page: bool,
    unreadable: Option<&str>,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<()> {
    let Out { typed, route } = out.into();
    if typed.out.is_some() && route.to != To::Out {
        bail!("--out and a redirection name two places for one answer");
    }
    if let Some(path) = &typed.out {
        return file(path, fill);
    }
    match &route.to {
        To::File(path) => return file(path, fill),
        To::Append(path) => return append(path, fill),
        To::Pipe(command) => return pipe(command, route, fill),
        To::Out => {}
    }
    let is_terminal = io::stdout().is_terminal();
    if let Some(what) = unreadable.filter(|_| is_terminal) {
        bail!(Failure::new(
            format!("this is {what} and standard output is a terminal"),
            "name a file with --out FILE, or pipe it"
        ));
    }
    to_standard_output(page && is_terminal && !typed.no_pager, route, fill)
}

fn to_standard_output(page: bool, route: &Route, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    match page.then(pager).flatten() {
        Some(mut child) => {
            let result = feed(&mut child, route, fill);
            let _ = child.wait();
            result
        }
        None => {
            let inner = io::stdout().lock();
            let stop = route.stop.clone();
            let mut out = BufWriter::with_capacity(1 << 18, Stoppable { inner, stop });
            until_closed(fill(&mut out).and_then(|()| out.flush()))
        }
    }
}

/// Writes to standard output, or to a pager where that is a terminal and `page` is set.
pub(super) fn paged(page: bool, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    to_standard_output(page && io::stdout().is_terminal(), &PLAIN, fill)
}

/// Writes a file that appears whole or not at all, and that only its owner is to read.
pub(super) fn to_private_file(path: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    write_file(path, true, fill)
}

/// A reader that stops reading is no error.
fn until_closed(result: io::Result<()>) -> Result<()> {
    match result {
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.context("cannot write the answer"),
    }
}

/// Writes to the standard input of a process, and closes it.
fn feed(child: &mut Child, route: &Route, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    let Some(inner) = child.stdin.take() else {
        return Ok(());
    };
    let stop = route.stop.clone();
    let mut out = BufWriter::with_capacity(1 << 16, Stoppable { inner, stop });
    until_closed(fill(&mut out).and_then(|()| out.flush()))
}

/// Runs a command of the system's shell on the answer. Status 1 is how `grep` says that it found nothing.
fn pipe(command: &str, route: &Route, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    let mut child = Command::new("sh")
        .arg("-c")
        .arg(command)
        .stdin(Stdio::piped())
        .spawn()
        .context("cannot start sh")?;
    let result = feed(&mut child, route, fill);
    let status = child.wait()?;
    result?;
    let stopped = route.stop.as_ref().is_some_and(|s| s.load(Ordering::Relaxed));
    if stopped || matches!(status.code(), Some(0 | 1)) {
        return Ok(());
    }
    bail!("`{command}` ended with {status}")
}

fn append(path: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    let write = || -> io::Result<()> {
        let file = fs::OpenOptions::new().append(true).create(true).open(path)?;
        let mut out = BufWriter::with_capacity(1 << 18, file);
        fill(&mut out)?;
        out.flush()
    };
    write().with_context(|| format!("cannot write {}", path.display()))
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

/// Writes beside the file and renames, so that a file of that name is always whole. What is no plain file (a device, a
/// pipe) is written as it stands, never replaced; a link stays one.
fn file(path: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    write_file(path, false, fill)
}

fn write_file(path: &Path, private: bool, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    let real;
    let path = match fs::metadata(path) {
        Ok(found) if !found.is_file() => {
            let into = || -> io::Result<()> {
                let mut out = BufWriter::with_capacity(1 << 18, fs::OpenOptions::new().write(true).open(path)?);
                fill(&mut out)?;
                out.flush()
            };
            return into().with_context(|| format!("cannot write {}", path.display()));
        }
        Ok(_) => {
            real = fs::canonicalize(path).with_context(|| format!("cannot write {}", path.display()))?;
            real.as_path()
        }
        Err(_) => path,
    };
    let write = || -> io::Result<()> {
        let part = Part::beside(path)?;
        let mut out = BufWriter::with_capacity(1 << 18, part.file(private)?);
        fill(&mut out)?;
        out.flush()?;
        out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        part.finish()
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}
