//! Sources on the command line -> the forms of goroutine snapshots: dumps, and profiles beside them.
//!
//! A kubelet's goroutines are saved in up to three forms, of which a dump (`debug=2`) says most and may be cut. Forms are
//! never added up with each other: they show the same goroutines. Several of one form are.

use std::path::PathBuf;

use super::source::{Gathered, gather, preference, remarks};
use super::{SourceError, SourceNote, Sources};
use crate::bundle::BundledBinary;
use crate::model::{Kind, MergeOptions, Profile, merge};
use crate::pprof::goroutines::GoroutineDump;
use crate::pprof::{Form, Remark};

/// The forms of the goroutines in the sources. At least one of `dumps` and `profile` is there.
#[derive(Debug)]
pub struct GoroutineForms {
    /// Dumps, to be added up.
    pub dumps: Vec<GoroutineDump>,
    /// Their files.
    pub dump_files: Vec<PathBuf>,
    /// Whether a dump ends early.
    pub cut: bool,
    /// The best other form, added up.
    pub profile: Option<Profile>,
    /// Its files.
    pub profile_files: Vec<PathBuf>,
    /// What it is written as.
    pub profile_form: Form,
    /// What it is a profile of.
    pub kind: Kind,
    /// What the reader should know.
    pub notes: Vec<SourceNote>,
    /// Executables in the bundles that they came from.
    pub binaries: Vec<BundledBinary>,
}

/// Reads all sources and takes the goroutines; goroutine leak profiles where there is nothing else or they are asked for.
///
/// # Errors
/// When a file that was named is no profile, or none is of goroutines.
pub fn load_goroutines(sources: &Sources) -> Result<GoroutineForms, SourceError> {
    let Gathered {
        candidates,
        mut notes,
        available,
        binaries,
    } = gather(sources, &[Kind::Goroutine, Kind::GoroutineLeak])?;
    let has = |kind: Kind| available.iter().any(|(k, _)| *k == kind);
    let kind = sources
        .kind
        .unwrap_or(if has(Kind::Goroutine) || !has(Kind::GoroutineLeak) {
            Kind::Goroutine
        } else {
            Kind::GoroutineLeak
        });
    if !has(kind) {
        return Err(SourceError::NoSuchKind { asked: kind, available });
    }
    let of_kind = candidates.into_iter().filter(|c| c.kind == kind);
    let (dumped, mut others): (Vec<_>, Vec<_>) = of_kind.partition(|c| c.read.dump.is_some());
    let best = others.iter().map(|c| preference(c.read.form)).min();
    let before = others.len();
    others.retain(|c| Some(preference(c.read.form)) == best);
    if others.len() < before {
        notes.push(SourceNote::TextForms(before - others.len()));
    }
    let cut = |r: &Remark| matches!(r, Remark::DumpTruncated(_));
    let mut forms = GoroutineForms {
        dumps: Vec::new(),
        dump_files: dumped.iter().map(|c| c.path.clone()).collect(),
        cut: dumped.iter().any(|c| c.read.remarks.iter().any(cut)),
        profile: None,
        profile_files: others.iter().map(|c| c.path.clone()).collect(),
        profile_form: others.first().map_or(Form::GoroutineDump, |c| c.read.form),
        kind,
        notes,
        binaries,
    };
    for c in dumped.iter().chain(&others) {
        remarks(c, &mut forms.notes);
    }
    forms.dumps = dumped
        .into_iter()
        .filter_map(|c| c.read.dump)
        .map(|dump| *dump)
        .collect();
    let mut profiles: Vec<Profile> = others.into_iter().map(|c| c.read.profile).collect();
    for n in [forms.dumps.len(), profiles.len()] {
        if n > 1 {
            forms.notes.push(SourceNote::Merged(n, kind));
        }
    }
    forms.profile = match profiles.len() {
        0 | 1 => profiles.pop(),
        _ => Some(merge(profiles, MergeOptions::default())?),
    };
    Ok(forms)
}
