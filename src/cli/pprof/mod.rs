//! `kubeprof pprof ARGS`: the command line of `go tool pprof`, and its bytes.
//!
//! The defects that its goldens pin are kept here and only here; every other command has kubeprof's own rules.

mod config;
mod demangle;
mod disasm;
mod fetch;
mod flags;
mod help;
#[cfg(feature = "web")]
mod http;
mod interactive;
mod local;
mod numbers;
mod output;
mod remote;
pub(super) mod sources;

use std::ffi::OsString;
use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::path::Path;

use super::Exit;
use crate::analysis::{self, Dialect, LineCode, Listing, Note, Query, RoutineOrder, View};
use crate::cli::hints;
use crate::model::{MappingId, Profile};
use crate::pprof;
use crate::render::pprof as text;
use crate::render::terminal::Harmless;

use fetch::{fetch, is_elf};
use flags::{Flags, Refusal};
pub(super) use output::graphviz;
#[cfg(feature = "web")]
pub(super) use output::open_browser;
use sources::LocalSources;

/// Runs the command.
pub(super) fn run(args: &[OsString]) -> Exit {
    let args: Vec<String> = args.iter().map(|a| a.to_string_lossy().into_owned()).collect();
    let reason = match flags::parse(&args) {
        Ok(flags) => match answer(flags) {
            Ok(()) => return Exit::Fine,
            Err(reason) => reason,
        },
        Err(Refusal::Help) => {
            super::say::text(&help::usage());
            return Exit::Fine;
        }
        Err(Refusal::Usage(reason)) => {
            say!("{reason}");
            super::say::text(&help::usage());
            return Exit::Failed;
        }
        Err(Refusal::NoSource) => {
            super::say::text(&help::usage());
            say!("no profile source specified");
            return Exit::Failed;
        }
        Err(Refusal::Reason(reason)) => reason,
    };
    say!("kubeprof: {reason}");
    Exit::Failed
}

/// The binary that may stand in front of the profiles.
fn take_executable(flags: &mut Flags) -> Option<String> {
    (flags.sources.len() > 1 && is_elf(Path::new(&flags.sources[0]))).then(|| flags.sources.remove(0))
}

/// Answers one command, or asks for some.
fn answer(mut flags: Flags) -> Result<(), String> {
    #[cfg(not(feature = "web"))]
    if !flags.http.is_empty() {
        return Err(
            "-http: this build has no web server\nhint: `kubeprof flame` writes a page that works offline".to_owned(),
        );
    }
    let executable = take_executable(&mut flags);
    let profile = fetch(&flags, executable.as_deref())?;
    #[cfg(feature = "web")]
    if !flags.http.is_empty() {
        let name = |path: &String| path.rsplit('/').next().unwrap_or(path).to_owned();
        let title = match flags.sources.as_slice() {
            [one] => name(one),
            many => format!("sum of {} profiles", many.len()),
        };
        return http::serve(profile, flags.config, &flags.http, flags.no_browser, title);
    }
    let Some((command, argument)) = flags.command else {
        return interactive::run(&profile, flags.config).map_err(|e| e.to_string());
    };
    let request = Request {
        query: flags.config.query(&command),
        command: &command,
        argument: &argument,
        output: flags.config.text("output"),
        from_prompt: false,
    };
    match write_report(profile, &request) {
        Err(Failure::Io(e)) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(e) => Err(e.to_string()),
        Ok(()) => Ok(()),
    }
}

/// One report.
struct Request<'a> {
    query: Query,
    command: &'a str,
    argument: &'a str,
    /// A file, or nothing.
    output: &'a str,
    /// The interactive mode lets nothing but text through to stdout, whatever stdout is.
    from_prompt: bool,
}

/// Prints the report where it belongs.
fn write_report(mut profile: Profile, request: &Request<'_>) -> Result<(), Failure> {
    let Request {
        query,
        command,
        argument,
        ..
    } = request;
    let (drawn_as, after) = output::plan(command);
    let mut print = |out: &mut dyn Write| -> Result<(), Failure> {
        let profile = std::mem::take(&mut profile);
        let Some(format) = drawn_as else {
            return report(profile, query, command, argument, out);
        };
        let mut drawing = Vec::new();
        report(profile, query, "dot", argument, &mut drawing)?;
        let mut drawn = graphviz(format, &drawing).map_err(Failure::Query)?;
        if matches!(*command, "svg" | "web") {
            drawn = text::interactive_svg(&String::from_utf8_lossy(&drawn)).into_bytes();
        }
        Ok(out.write_all(&drawn)?)
    };
    if !request.output.is_empty() {
        let mut file = output::LateFile::new(request.output);
        print(&mut file)?;
        return Ok(file.finish()?);
    }
    if let output::After::Viewer(extension, programs) = after {
        let mut bytes = Vec::new();
        print(&mut bytes)?;
        return output::show(&bytes, extension, programs).map_err(Failure::Query);
    }
    if let Some(extension) = output::is_for_a_file(after, request.from_prompt) {
        let mut bytes = Vec::new();
        print(&mut bytes)?;
        let (path, mut file) = output::numbered_file(Path::new(""), "profile", extension)?;
        say!("Generating report in {}", path.display());
        return Ok(file.write_all(&bytes)?);
    }
    // Smaller than what `raw` and `traces` write at once: that goes through without a copy.
    let mut out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    if io::stdout().is_terminal() {
        // The bytes of pprof are for whoever compares them; what a file says does not command a terminal.
        let mut harmless = Harmless::new(&mut out);
        print(&mut harmless)?;
        harmless.finish()?;
    } else {
        print(&mut out)?;
    }
    Ok(out.flush()?)
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{0}")]
    Io(io::Error),
    #[error("{0}")]
    Query(String),
}

impl From<io::Error> for Failure {
    fn from(e: io::Error) -> Self {
        Failure::Io(e)
    }
}

impl From<analysis::QueryError> for Failure {
    fn from(e: analysis::QueryError) -> Self {
        Failure::Query(hints::told(&e))
    }
}

/// The name that an option has in pprof's sources.
fn go_name(option: &str) -> String {
    let capital = |word: &str| {
        let mut chars = word.chars();
        let first = chars.next().map(|c| c.to_ascii_uppercase());
        first.into_iter().chain(chars).collect::<String>()
    };
    match option.strip_prefix("tag") {
        Some(rest) => format!("Tag{}", capital(rest)),
        None => option.split('_').map(capital).collect(),
    }
}

fn say(notes: &[Note]) {
    for note in notes {
        match note {
            Note::NoMatch { option } => say!("{} expression matched no samples", go_name(option)),
            Note::NothingDropped(_) => {}
            Note::Range { option, value } => say!("{option}:Interpreted '{value}' as range, not regexp"),
            Note::Units { key, used, ignored } => {
                say!(
                    "For tag {key} used unit {used}, also encountered unit(s) {}",
                    ignored.join(", ")
                );
            }
        }
    }
}

fn report(profile: Profile, query: &Query, command: &str, argument: &str, out: &mut dyn Write) -> Result<(), Failure> {
    report_from(profile, query, command, argument, &LocalSources::new, out)
}

/// The instructions of a listing. Binaries are a help here: that one is missing needs no word.
fn code_of(view: &View, listing: &Listing) -> io::Result<LineCode> {
    let mapped = disasm::open(view, |m| used(view, m), &mut io::sink())?;
    let binaries = disasm::parsed(&mapped);
    let pairs: Vec<_> = binaries.iter().map(|(m, binary)| (*m, binary)).collect();
    Ok(analysis::line_code(view, &pairs, listing))
}

/// Whether any location lies in a mapping.
fn used(view: &View, mapping: MappingId) -> bool {
    view.profile.locations.iter().any(|l| l.mapping == Some(mapping))
}

/// Where sources are looked up.
type Sources<'a> = &'a dyn Fn(&Query) -> io::Result<LocalSources>;

fn report_from(
    profile: Profile,
    query: &Query,
    command: &str,
    argument: &str,
    sources: Sources<'_>,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let mut view = analysis::prepare(profile, query)?;
    say(&view.notes);
    match command {
        "top" | "text" => {
            let report = analysis::top(&view);
            text::top(&report, &view, out)?;
        }
        "tree" | "peek" => {
            let matching = (command == "peek").then_some(argument);
            let report = analysis::tree(&view, matching)?;
            if report.is_empty() && matching.is_some() {
                return Err(analysis::QueryError::NoMatch(argument.to_owned()).into());
            }
            text::tree(&report, &view, out)?;
        }
        "traces" => {
            let report = analysis::traces(&view);
            text::traces(&report, &view, out)?;
        }
        "tags" => text::tags(&analysis::tags(&view), &view, out)?,
        "raw" => text::raw(&view.profile, Dialect::Pprof, out)?,
        "dot" => text::dot(&analysis::drawing(&view), &view, out)?,
        "callgrind" | "kcachegrind" => text::callgrind(&analysis::call_costs(&view), &view, out)?,
        "topproto" => {
            let report = analysis::top(&view);
            let profile = analysis::top_profile(&report, &view);
            pprof::encode_gzip(&profile, out, pprof::Compression::suiting(&profile))?;
        }
        "list" => {
            let listing = analysis::list(&view, argument)?;
            text::list(&listing, &view, &mut sources(query)?, out)?;
        }
        "comments" => text::comments(&view.profile, out)?,
        "proto" => {
            let mut p = view.profile;
            p.divide(query.divide_by);
            pprof::encode_gzip_as_read(&p, out, pprof::Compression::suiting(&p))?;
        }
        "weblist" => {
            // Not pprof's page, so not its double counting either.
            view.query.dialect = Dialect::Native;
            let listing = analysis::list_sources(&view, argument)?;
            let code = code_of(&view, &listing)?;
            text::weblist(&listing, &code, &view, &mut sources(query)?, out)?;
        }
        "disasm" => {
            let mut complaints = Vec::new();
            let printed = disasm::print(&view, argument, RoutineOrder::Name, out, &mut complaints);
            // pprof says them on stdout (D21).
            io::stdout().lock().write_all(&complaints)?;
            printed?;
        }
        other => return Err(Failure::Query(format!("{other} is not supported yet"))),
    }
    Ok(())
}
