//! The forms of a goroutine snapshot as one profile: which form counts, and what the other one knows of it.
//!
//! A kubelet's goroutines are saved in up to three forms, of which a dump (`debug=2`) says most and may be cut. Forms are
//! never added up with each other: they show the same goroutines. Several of one form are. The dump counts unless it ends
//! early; it gets the labels of the profile, or the profile gets what the dump knows of its stacks.

use std::path::PathBuf;
use std::sync::Arc;

use super::files::Files;
use super::load::{Selected, evidence, remarks};
use super::names;
use super::series::{Artifact, preference};
use super::subject::shown;
use super::{Input, InputError, Naming, Note, Subject};
use crate::analysis::{JoinedForms, Origin, describe_by_dump, label_by_profile};
use crate::bundle::BundledBinary;
use crate::bundle::manifest;
use crate::kubelet::Knowledge;
use crate::model::units::counted;
use crate::model::{Kind, MergeOptions, Profile, merge};
use crate::pprof::goroutines::DumpChoice;
use crate::pprof::{Form, Remark};

/// Which form is counted where there are two.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Prefer {
    /// The dump (`debug=2`), with labels of the profile.
    Dump,
    /// The profile, with what the dump knows of its stacks.
    Profile,
}

/// What a report of goroutines says of the forms that it is made of.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum FormsRemark {
    /// A dump ends early.
    Cut,
    /// There are not as many dumps as profiles: one form is left out.
    LeftOut {
        /// Whether the dumps are counted.
        dumps: bool,
        /// How many of the other form there are.
        left: usize,
    },
    /// Both forms are of one snapshot.
    Joined {
        /// How many goroutines of the profile were found in the dump.
        found: JoinedForms,
        /// The profile.
        profile: String,
        /// The dump.
        dump: String,
        /// Whether the profile is counted.
        by_profile: bool,
    },
}

impl std::fmt::Display for FormsRemark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            FormsRemark::Cut => f.write_str("the dump ends early: goroutines are missing in it"),
            FormsRemark::LeftOut { dumps, left } => {
                let (kept, left) = match dumps {
                    true => ("dumps", counted(left, "profile", "profiles")),
                    false => ("profiles", counted(left, "dump", "dumps")),
                };
                write!(
                    f,
                    "the {kept} are counted; {left} cannot be of the same moments and are left out"
                )
            }
            FormsRemark::Joined {
                found,
                profile,
                dump,
                by_profile,
            } => {
                let total = found.same_count + found.other_count + found.missing;
                let counted = match by_profile {
                    true => "the profile's are counted",
                    false => "the dump's are counted",
                };
                write!(
                    f,
                    "{dump} and {profile} are taken as one snapshot, {counted}: of {total} goroutines of the profile, {} have \
                     stacks that stand as often in the dump, {} not as often, {} none",
                    found.same_count, found.other_count, found.missing
                )
            }
        }
    }
}

/// One form, added up.
struct OneForm {
    profile: Profile,
    form: Form,
    files: Vec<PathBuf>,
}

impl Input {
    /// The goroutines that the choice falls on as one profile; goroutine leak profiles where there is nothing else or they
    /// are asked for.
    ///
    /// # Errors
    /// When a file that was named is no profile, or none is of goroutines.
    pub fn goroutines(mut self, prefer: Option<Prefer>) -> Result<(Subject, Vec<FormsRemark>), InputError> {
        let Selected {
            kind,
            artifacts,
            left_out,
            mut notes,
            binaries,
        } = self.select(&[Kind::Goroutine, Kind::GoroutineLeak])?;
        if !matches!(kind, Kind::Goroutine | Kind::GoroutineLeak) {
            return Err(not_goroutines(kind, artifacts.len()));
        }
        notes.retain(|n| !matches!(n, Note::Merged(..) | Note::AddedUpStates(..)));
        let reader = Reader {
            files: &self.files,
            kind,
            left_out,
            binaries,
            naming: &self.asked.naming,
            knowledge: &self.asked.knowledge,
            dump: self.asked.choice.dump,
        };
        reader.join(artifacts, prefer, notes)
    }
}

impl Subject {
    /// The goroutines in all forms that the sources have, as one profile.
    ///
    /// # Errors
    /// When it is a profile of something else, or a file cannot be read again.
    pub fn goroutines(&self, prefer: Option<Prefer>) -> Result<(Subject, Vec<FormsRemark>), InputError> {
        let kind = self.kind();
        if !matches!(kind, Kind::Goroutine | Kind::GoroutineLeak) {
            return Err(not_goroutines(kind, self.files.len()));
        }
        let Some(forms) = &self.forms else {
            return Ok((self.clone(), Vec::new()));
        };
        let reader = Reader {
            files: &forms.files,
            kind,
            left_out: 0,
            binaries: self.binaries.clone(),
            naming: &self.naming,
            knowledge: &self.knowledge,
            dump: forms.dump,
        };
        let (mut subject, remarks) = reader.join(forms.artifacts.clone(), prefer, Vec::new())?;
        // Said when the subject was made.
        subject.notes.clear();
        Ok((subject, remarks))
    }
}

fn not_goroutines(kind: Kind, files: usize) -> InputError {
    InputError::NoSuchKind {
        asked: Kind::Goroutine,
        available: vec![(kind, files)],
    }
}

/// What is needed to read forms.
struct Reader<'a> {
    files: &'a Arc<Files>,
    kind: Kind,
    left_out: usize,
    binaries: Vec<BundledBinary>,
    naming: &'a Naming,
    knowledge: &'a Arc<Knowledge>,
    dump: DumpChoice,
}

impl Reader<'_> {
    fn join(
        self,
        mut artifacts: Vec<(Artifact, bool)>,
        prefer: Option<Prefer>,
        mut notes: Vec<Note>,
    ) -> Result<(Subject, Vec<FormsRemark>), InputError> {
        let is_dump = |form| form == manifest::Form::Debug2;
        let others = artifacts.iter().map(|(a, _)| a.facts.form);
        let best = others.filter(|&f| !is_dump(f)).map(preference).min();
        let before = artifacts.len();
        artifacts.retain(|(a, _)| is_dump(a.facts.form) || Some(preference(a.facts.form)) == best);
        let left_out = self.left_out + before - artifacts.len();
        if left_out > 0 {
            notes.push(Note::TextForms(left_out));
        }
        let read = self.files.read_all(artifacts, self.kind, self.dump, &mut notes)?;
        let (dumped, others): (Vec<_>, Vec<_>) = read.into_iter().partition(|c| c.read.dumps.is_some());
        for c in dumped.iter().chain(&others) {
            remarks(c, &mut notes);
        }
        let all = dumped.iter().flat_map(|c| &c.read.remarks);
        let cut = all.into_iter().any(|r| matches!(r, Remark::DumpTruncated(_)));
        let of_dumps: Vec<FormsRemark> = cut.then_some(FormsRemark::Cut).into_iter().collect();
        let evidence = evidence(&dumped);
        let dump = added_up(dumped, self.kind, &mut notes)?;
        let profile = added_up(others, self.kind, &mut notes)?;
        let (mut subject, remarks) = self.joined(dump, profile, prefer, cut, of_dumps, notes)?;
        subject.origin.evidence = evidence;
        Ok((subject, remarks))
    }

    fn joined(
        self,
        mut dump: Option<OneForm>,
        mut profile: Option<OneForm>,
        prefer: Option<Prefer>,
        cut: bool,
        mut remarks: Vec<FormsRemark>,
        mut notes: Vec<Note>,
    ) -> Result<(Subject, Vec<FormsRemark>), InputError> {
        let by_profile = prefer.map_or(cut, |prefer| prefer == Prefer::Profile);
        let counts = dump
            .as_ref()
            .zip(profile.as_ref())
            .map(|(d, p)| (d.files.len(), p.files.len()));
        if let Some((dumps, profiles)) = counts.filter(|(d, p)| d != p) {
            // As many of both may be of the same moments; otherwise one form would be counted at moments that the other has
            // not.
            let left = if by_profile { dumps } else { profiles };
            if by_profile {
                dump = None;
            } else {
                profile = None;
            }
            remarks.push(FormsRemark::LeftOut {
                dumps: !by_profile,
                left,
            });
        }
        let mut coverage = None;
        if let Some(p) = &mut profile {
            let named = names::name(&mut p.profile, p.form, self.naming, &self.binaries, &mut notes)?;
            coverage = Some(named);
        }
        let one = match (dump, profile) {
            (Some(mut dump), Some(mut profile)) => {
                let found = match by_profile {
                    true => describe_by_dump(&mut profile.profile, &mut dump.profile, self.knowledge),
                    false => {
                        let found = describe_by_dump(&mut profile.profile.clone(), &mut dump.profile, self.knowledge);
                        label_by_profile(&mut dump.profile, &profile.profile);
                        found
                    }
                };
                remarks.push(FormsRemark::Joined {
                    found,
                    profile: shown(&profile.files),
                    dump: shown(&dump.files),
                    by_profile,
                });
                if by_profile { profile } else { dump }
            }
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => return Err(not_goroutines(self.kind, 0)),
        };
        let subject = Subject {
            origin: Origin {
                source: shown(&one.files),
                kind: Some(self.kind),
                merged: one.files.len(),
                coverage,
                ..Origin::default()
            },
            profile: one.profile,
            form: one.form,
            files: one.files,
            notes,
            knowledge: self.knowledge.clone(),
            binaries: self.binaries,
            naming: self.naming.clone(),
            forms: None,
        };
        Ok((subject, remarks))
    }
}

/// Several of one form, added up.
fn added_up(
    candidates: Vec<super::load::Candidate>,
    kind: Kind,
    notes: &mut Vec<Note>,
) -> Result<Option<OneForm>, InputError> {
    let Some(form) = candidates.first().map(|c| c.read.form) else {
        return Ok(None);
    };
    let (files, mut profiles): (Vec<PathBuf>, Vec<Profile>) =
        candidates.into_iter().map(|c| (c.path, c.read.profile)).unzip();
    if profiles.len() > 1 {
        notes.push(Note::Merged(profiles.len(), kind));
        profiles = vec![merge(profiles, MergeOptions::default())?];
    }
    Ok(profiles.pop().map(|profile| OneForm { profile, form, files }))
}
