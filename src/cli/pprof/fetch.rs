//! Reading the profiles that a command line names (files, URLs): sources and bases, merged and compared, with the names that binaries on
//! this machine have for addresses without one.

use std::cell::Cell;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use rustc_hash::FxHashSet;

use super::flags::Flags;
use super::{demangle, local, remote};
use crate::analysis;
use crate::cli::hints;
use crate::input::{Input, InputError, Note};
use crate::model::{self, LabelKind, MappingId, MergeOptions, Profile};
use crate::pprof::{self, Limit};

/// Whether a file can be a binary.
pub(super) fn is_elf(path: &Path) -> bool {
    let mut magic = [0; 4];
    File::open(path)
        .and_then(|mut f| io::Read::read_exact(&mut f, &mut magic))
        .is_ok()
        && magic == *b"\x7fELF"
}

/// Reads and combines all sources and bases, as far as they can be read.
pub(super) fn fetch(flags: &Flags, executable: Option<&str>) -> Result<Profile, String> {
    let options = MergeOptions {
        drop_zero: true,
        zero_time_wins: true,
        outer_column_only: true,
    };
    let fetched = Cell::new(false);
    let grab = |names: &[String], what: &str| -> Result<Option<Profile>, String> {
        let mut profiles = Vec::new();
        let sources: Vec<Option<remote::Source>> = names.iter().map(|n| remote::source(n, flags)).collect();
        let answers = remote::fetch(&sources);
        for (name, answer) in names.iter().zip(answers) {
            let read = match answer {
                None => Input::open(&[PathBuf::from(name)], Limit::Proportional).and_then(|input| input.one(true)),
                Some(Err(reason)) => {
                    say!("{name}: {reason}");
                    continue;
                }
                Some(Ok(bytes)) => {
                    let name = name.clone();
                    let read = pprof::read(bytes, Limit::Proportional, true);
                    let read = read.map_err(|cause| InputError::Read { name, cause });
                    fetched.set(fetched.get() || read.is_ok());
                    read.map(|r| (r.profile, Vec::new()))
                }
            };
            match read {
                Ok((mut p, notes)) => {
                    for note in notes {
                        if let Note::Chosen(path, chosen) = note {
                            say!("{}: {}", path.display(), chosen.what());
                        }
                    }
                    // pprof never sees labels that are nothing but a key (D22).
                    p.samples.retain_labels(|l| l.kind() != LabelKind::Empty);
                    locate(&mut p, executable, &flags.build_id);
                    profiles.push(p);
                }
                Err(e) => say!("{}", hints::told(&e)),
            }
        }
        if !names.is_empty() && profiles.is_empty() {
            return Err(format!("failed to fetch any {what} profiles"));
        }
        if profiles.len() < names.len() {
            say!("Fetched {} {what} profiles out of {}", profiles.len(), names.len());
        }
        select_types(&mut profiles)?;
        if profiles.len() > 1 {
            return model::merge(profiles, options).map(Some).map_err(|e| e.to_string());
        }
        Ok(profiles.pop())
    };
    let mut profile = grab(&flags.sources, "source")?.ok_or("failed to fetch any source profiles")?;
    let diff = !flags.diff_base.is_empty();
    let bases = if diff { &flags.diff_base } else { &flags.base };
    if let Some(base) = grab(bases, "base")? {
        if flags.config.on("normalize") {
            same_types(&profile, &base)?;
        }
        profile =
            analysis::compare(profile, base, diff, flags.config.on("normalize"), options).map_err(|e| e.to_string())?;
    }
    if flags.all_frames {
        profile.drop_frames = model::StringId::EMPTY;
        profile.keep_frames = model::StringId::EMPTY;
    }
    symbolize(&mut profile, &flags.symbolize);
    // Expressions of the profile that are none drop nothing; pprof does not say so.
    let _ = analysis::drop_frames(&mut profile);
    if !flags.add_comment.is_empty() {
        let comment = profile.strings.intern(&flags.add_comment);
        profile.comments.push(comment);
    }
    if fetched.get() {
        remote::save(&profile);
    }
    Ok(profile)
}

/// pprof counts how often a name of a sample type occurs in all profiles together, and keeps those of which there are as many
/// as profiles. A profile with one name twice loses both, or is refused where nothing else is left.
fn select_types(profiles: &mut [Profile]) -> Result<(), String> {
    let kinds = |p: &Profile| -> Vec<String> { p.sample_types.iter().map(|t| p.text(t.kind).to_owned()).collect() };
    let all: Vec<Vec<String>> = profiles.iter().map(kinds).collect();
    let unique = |kinds: &Vec<String>| kinds.iter().collect::<FxHashSet<_>>().len() == kinds.len();
    if all.iter().all(unique) {
        return Ok(());
    }
    let count = |kind: &String| all.iter().flatten().filter(|k| *k == kind).count();
    let common: Vec<String> = all[0].iter().filter(|k| count(k) == all.len()).cloned().collect();
    if common.is_empty() {
        return Err(
            "profiles have empty common sample type list\nhint: a sample type is there twice; `kubeprof raw` shows them".to_owned(),
        );
    }
    if let Some(kind) = common.iter().find(|kind| !all.iter().all(|kinds| kinds.contains(kind))) {
        return Err(format!("{kind:?} sample type is not found in profile"));
    }
    profiles.iter_mut().for_each(|p| p.select_types(&common));
    Ok(())
}

/// pprof scales a profile to its base before it brings both to one unit, and so refuses those that differ in units.
fn same_types(p: &Profile, base: &Profile) -> Result<(), String> {
    let text = |p: &Profile, t: model::ValueType| format!("{}/{}", p.text(t.kind), p.text(t.unit));
    let period = |p: &Profile| p.period_type.map_or_else(|| "/".to_owned(), |t| text(p, t));
    let samples = |p: &Profile| p.sample_types.iter().map(|&t| text(p, t)).collect::<Vec<_>>().join(" ");
    for (what, own, other) in [
        ("period", period(p), period(base)),
        ("sample", samples(p), samples(base)),
    ] {
        if own != other {
            return Err(format!(
                "incompatible {what} types {own} and {other}\nhint: `kubeprof diff --normalize OLD NEW` brings units together"
            ));
        }
    }
    Ok(())
}

/// Gives mappings the paths of the binaries on this machine, a profile without mappings one, and the first mapping the
/// names from the command line.
fn locate(p: &mut Profile, executable: Option<&str>, build_id: &str) {
    find_binaries(p);
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

/// Looks for the mapped files below the folders of `PPROF_BINARY_PATH`. `go tool pprof` knows no build IDs, so that a mapping
/// that has one never matches a file there (D8).
fn find_binaries(p: &mut Profile) {
    let folders = std::env::var_os("PPROF_BINARY_PATH").filter(|path| !path.is_empty());
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join("pprof/binaries").into_os_string());
    let Some(folders) = folders.or_else(home) else { return };
    for i in 0..p.mappings.len() {
        let file = p.text(p.mappings[i].file).to_owned();
        if file.is_empty() || !p.mappings[i].build_id.is_empty() {
            continue;
        }
        let path = file.trim_start_matches('/');
        let (folder, base) = path.rsplit_once('/').unwrap_or(("", path));
        let names = [
            base.to_owned(),
            path.to_owned(),
            format!("{path}.debug"),
            format!("{folder}/.debug/{base}.debug"),
            format!("usr/lib/debug/{folder}/{base}.debug"),
        ];
        let candidates = std::env::split_paths(&folders).flat_map(|f| names.clone().map(|name| f.join(name)));
        if let Some(found) = { candidates }.find(|candidate| is_elf(candidate)) {
            p.mappings[i].file = p.strings.intern(&found.to_string_lossy());
        }
    }
}

fn symbolize(p: &mut Profile, modes: &str) {
    let (mut force, mut locally, mut mode) = (false, true, demangle::Mode::Simplified);
    for option in modes.to_lowercase().split(':') {
        match option.strip_prefix("demangle=").unwrap_or(option) {
            "" | "default" => {}
            "none" | "no" if !option.starts_with("demangle=") => return,
            "local" | "fastlocal" if !option.starts_with("demangle=") => locally = true,
            "remote" if option == "remote" => locally = false,
            "force" if option == "force" => force = true,
            "full" => (force, mode) = (true, demangle::Mode::Full),
            "none" => (force, mode) = (true, demangle::Mode::None),
            "templates" => (force, mode) = (true, demangle::Mode::Templates),
            _ => say!("ignoring unrecognized symbolization option: {modes}"),
        }
    }
    if locally {
        local::symbolize(p, force);
    }
    demangle::demangle(p, force, mode);
}
