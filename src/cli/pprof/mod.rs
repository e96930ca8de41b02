//! `kubeprof pprof ARGS`: the command line of `go tool pprof`, and its bytes.
//!
//! The defects that its goldens pin are kept here and only here; every other command has kubeprof's own rules.

mod demangle;
mod flags;
mod output;
pub(super) mod sources;

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use super::Exit;
use crate::analysis::{self, Note, Query};
use crate::bundle;
use crate::model::{self, MappingId, MergeOptions, Profile};
use crate::pprof::{self, Limit};
use crate::render::pprof as text;

use flags::Flags;
use sources::LocalSources;

/// Runs the command.
pub(super) fn run(args: &[OsString]) -> Exit {
    let args: Vec<String> = args.iter().map(|a| a.to_string_lossy().into_owned()).collect();
    match answer(&args) {
        Ok(()) => Exit::Fine,
        Err(message) if message.is_empty() => Exit::Fine,
        Err(message) => {
            eprintln!("kubeprof: {message}");
            Exit::Failed
        }
    }
}

fn answer(args: &[String]) -> Result<(), String> {
    let mut flags = flags::parse(args)?;
    let mut executable = None;
    if flags.sources.len() > 1 && is_elf(Path::new(&flags.sources[0])) {
        executable = Some(flags.sources.remove(0));
    }
    let profile = fetch(&flags, executable.as_deref())?;
    let Some((command, argument)) = flags.command.clone() else {
        return Err("the interactive shell of pprof is `kubeprof shell` here".to_owned());
    };
    let result = write_report(profile, &flags, &command, &argument);
    match result {
        Err(Failure::Io(e)) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(Failure::Io(e)) => Err(e.to_string()),
        Err(Failure::Query(message)) => Err(message),
        Ok(()) => Ok(()),
    }
}

/// Prints the report where it belongs.
fn write_report(mut profile: Profile, flags: &Flags, command: &str, argument: &str) -> Result<(), Failure> {
    let (drawn_as, after) = output::plan(command);
    let mut print = |out: &mut dyn Write| -> Result<(), Failure> {
        let profile = std::mem::take(&mut profile);
        let Some(format) = drawn_as else {
            return report(profile, &flags.query, command, argument, out);
        };
        let mut drawing = Vec::new();
        report(profile, &flags.query, "dot", argument, &mut drawing)?;
        let mut drawn = output::graphviz(format, &drawing).map_err(Failure::Query)?;
        if matches!(command, "svg" | "web") {
            drawn = text::interactive_svg(&String::from_utf8_lossy(&drawn)).into_bytes();
        }
        Ok(out.write_all(&drawn)?)
    };
    if !flags.output.is_empty() {
        let mut file = output::LateFile::new(&flags.output);
        print(&mut file)?;
        return Ok(file.finish()?);
    }
    if let output::After::Viewer(extension, programs) = after {
        let mut bytes = Vec::new();
        print(&mut bytes)?;
        return output::show(&bytes, extension, programs).map_err(Failure::Query);
    }
    if let Some(extension) = output::is_for_a_file(after) {
        let mut bytes = Vec::new();
        print(&mut bytes)?;
        let (path, mut file) = output::numbered_file(Path::new(""), "profile", extension)?;
        eprintln!("Generating report in {}", path.display());
        return Ok(file.write_all(&bytes)?);
    }
    let mut out = BufWriter::with_capacity(1 << 18, io::stdout().lock());
    print(&mut out)?;
    Ok(out.flush()?)
}

enum Failure {
    Io(io::Error),
    Query(String),
}

impl From<io::Error> for Failure {
    fn from(e: io::Error) -> Self {
        Failure::Io(e)
    }
}

impl From<analysis::QueryError> for Failure {
    fn from(e: analysis::QueryError) -> Self {
        Failure::Query(e.to_string())
    }
}

fn is_elf(path: &Path) -> bool {
    let mut magic = [0; 4];
    File::open(path)
        .and_then(|mut f| io::Read::read_exact(&mut f, &mut magic))
        .is_ok()
        && magic == *b"\x7fELF"
}

/// Reads and combines all sources and bases, as far as they can be read.
fn fetch(flags: &Flags, executable: Option<&str>) -> Result<Profile, String> {
    let options = MergeOptions {
        drop_zero: true,
        zero_time_wins: true,
    };
    let grab = |names: &[String], what: &str| -> Result<Option<Profile>, String> {
        let mut profiles = Vec::new();
        for name in names {
            match bundle::read_profile(Path::new(name), Limit::Proportional, true).map(|r| r.profile) {
                Ok(mut p) => {
                    locate(&mut p, executable, &flags.build_id);
                    profiles.push(p);
                }
                Err(e) => eprintln!("{e}"),
            }
        }
        if !names.is_empty() && profiles.is_empty() {
            return Err(format!("failed to fetch any {what} profiles"));
        }
        if profiles.len() < names.len() {
            eprintln!("Fetched {} {what} profiles out of {}", profiles.len(), names.len());
        }
        if profiles.len() > 1 {
            return model::merge(profiles, options).map(Some).map_err(|e| e.to_string());
        }
        Ok(profiles.pop())
    };
    let mut profile = grab(&flags.sources, "source")?.ok_or("failed to fetch any source profiles")?;
    let diff = !flags.diff_base.is_empty();
    let bases = if diff { &flags.diff_base } else { &flags.base };
    if let Some(base) = grab(bases, "base")? {
        profile = analysis::compare(profile, base, diff, flags.normalize, options).map_err(|e| e.to_string())?;
    }
    if flags.all_frames {
        profile.drop_frames = model::StringId::EMPTY;
        profile.keep_frames = model::StringId::EMPTY;
    }
    symbolize(&mut profile, &flags.symbolize);
    analysis::drop_frames(&mut profile).map_err(|e| e.to_string())?;
    if !flags.add_comment.is_empty() {
        let comment = profile.strings.intern(&flags.add_comment);
        profile.comments.push(comment);
    }
    Ok(profile)
}

/// Gives a profile without mappings one, and the first mapping the names from the command line.
fn locate(p: &mut Profile, executable: Option<&str>, build_id: &str) {
    if p.mappings.is_empty() {
        p.mappings.push(model::Mapping {
            id: 1,
            ..model::Mapping::default()
        });
        for l in &mut p.locations {
            l.mapping = Some(MappingId::new(0));
        }
    }
    if let Some(executable) = executable {
        p.mappings[0].file = p.strings.intern(executable);
    }
    if !build_id.is_empty() && p.mappings[0].build_id.is_empty() {
        p.mappings[0].build_id = p.strings.intern(build_id);
    }
}

fn symbolize(p: &mut Profile, modes: &str) {
    let (mut force, mut mode) = (false, demangle::Mode::Simplified);
    for option in modes.to_lowercase().split(':') {
        match option.strip_prefix("demangle=").unwrap_or(option) {
            "none" | "no" if !option.starts_with("demangle=") => return,
            "force" if option == "force" => force = true,
            "full" => (force, mode) = (true, demangle::Mode::Full),
            "none" => (force, mode) = (true, demangle::Mode::None),
            "templates" => (force, mode) = (true, demangle::Mode::Templates),
            _ => {}
        }
    }
    demangle::demangle(p, force, mode);
}

fn say(notes: &[Note]) {
    for note in notes {
        match note {
            Note::NoMatch { option } => eprintln!("{option} expression matched no samples"),
            Note::Range { option, value } => eprintln!("{option}:Interpreted '{value}' as range, not regexp"),
            Note::Units { key, used, ignored } => {
                eprintln!(
                    "For tag {key} used unit {used}, also encountered unit(s) {}",
                    ignored.join(", ")
                );
            }
        }
    }
}

fn report(profile: Profile, query: &Query, command: &str, argument: &str, out: &mut dyn Write) -> Result<(), Failure> {
    let mut view = analysis::prepare(profile, query)?;
    say(&view.notes);
    match command {
        "top" | "text" => {
            let report = analysis::top(&mut view);
            text::top(&report, &view, out)?;
        }
        "tree" | "peek" => {
            let matching = (command == "peek").then_some(argument);
            let report = analysis::tree(&mut view, matching)?;
            if report.is_empty() && matching.is_some() {
                return Err(analysis::QueryError::NoMatch(argument.to_owned()).into());
            }
            text::tree(&report, &view, out)?;
        }
        "traces" => {
            let report = analysis::traces(&mut view);
            text::traces(&report, &view, out)?;
        }
        "tags" => text::tags(&analysis::tags(&view), &view, out)?,
        "raw" => text::raw(&view.profile, out)?,
        "dot" => text::dot(&analysis::drawing(&mut view), &view, out)?,
        "callgrind" | "kcachegrind" => text::callgrind(&analysis::call_costs(&mut view), &view, out)?,
        "topproto" => {
            let report = analysis::top(&mut view);
            let profile = analysis::top_profile(&report, &view);
            pprof::encode_gzip(&profile, out, pprof::Compression::default())?;
        }
        "list" => {
            let listing = analysis::list(&mut view, argument)?;
            text::list(&listing, &view, &mut LocalSources::new(query)?, out)?;
        }
        "comments" => text::comments(&view.profile, out)?,
        "proto" => {
            let mut p = view.profile;
            p.divide(query.divide_by);
            pprof::encode_gzip_as_read(&p, out, pprof::Compression::default())?;
        }
        "disasm" => {
            let hint = "hint: `list` shows sources, `-addresses` gives every report a row an address";
            return Err(Failure::Query(format!(
                "disassembly of binaries is not supported yet\n{hint}"
            )));
        }
        other => return Err(Failure::Query(format!("{other} is not supported yet"))),
    }
    Ok(())
}
