//! The forms of a goroutine snapshot: dumps, and profiles beside them.
//!
//! A kubelet's goroutines are saved in up to three forms, of which a dump (`debug=2`) says most and may be cut. Forms are
//! never added up with each other: they show the same goroutines. Several of one form are.

use std::path::PathBuf;

use super::load::remarks;
use super::series::preference;
use super::{Choice, Input, InputError, Note};
use crate::bundle::BundledBinary;
use crate::bundle::manifest;
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
    pub notes: Vec<Note>,
    /// Executables in the bundles that they came from.
    pub binaries: Vec<BundledBinary>,
}

impl Input {
    /// Takes the goroutines that the choice falls on; goroutine leak profiles where there is nothing else or they are asked
    /// for.
    ///
    /// # Errors
    /// When a file that was named is no profile, or none is of goroutines.
    pub fn goroutines(mut self, kind: Option<Kind>, choice: &Choice) -> Result<GoroutineForms, InputError> {
        let mut selected = self.select(kind, choice, &[Kind::Goroutine, Kind::GoroutineLeak])?;
        let kind = selected.kind;
        if !matches!(kind, Kind::Goroutine | Kind::GoroutineLeak) {
            return Err(InputError::NoSuchKind {
                asked: Kind::Goroutine,
                available: vec![(kind, selected.artifacts.len())],
            });
        }
        let mut notes = std::mem::take(&mut selected.notes);
        notes.retain(|n| !matches!(n, Note::Merged(..) | Note::AddedUpStates(..)));
        let is_dump = |form| form == manifest::Form::Debug2;
        let others = selected.artifacts.iter().map(|(a, _)| a.facts.form);
        let best = others.filter(|&f| !is_dump(f)).map(preference).min();
        let before = selected.artifacts.len();
        selected
            .artifacts
            .retain(|(a, _)| is_dump(a.facts.form) || Some(preference(a.facts.form)) == best);
        let left_out = selected.left_out + before - selected.artifacts.len();
        if left_out > 0 {
            notes.push(Note::TextForms(left_out));
        }
        let read = self.read(selected.artifacts, kind, &mut notes)?;
        let (dumped, others): (Vec<_>, Vec<_>) = read.into_iter().partition(|c| c.read.dump.is_some());
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
            binaries: selected.binaries,
        };
        for c in dumped.iter().chain(&others) {
            remarks(c, &mut forms.notes);
        }
        let dumps = dumped.into_iter().filter_map(|c| c.read.dump);
        forms.dumps = dumps.map(|dump| *dump).collect();
        let mut profiles: Vec<Profile> = others.into_iter().map(|c| c.read.profile).collect();
        for n in [forms.dumps.len(), profiles.len()] {
            if n > 1 {
                forms.notes.push(Note::Merged(n, kind));
            }
        }
        forms.profile = match profiles.len() {
            0 | 1 => profiles.pop(),
            _ => Some(merge(profiles, MergeOptions::default())?),
        };
        Ok(forms)
    }
}
