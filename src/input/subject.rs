//! The profile that a report is about: read, added up, subtracted from, named; with where it came from and what was noticed.
//!
//! Everything that is done to a profile between its files and a view of it is done here, once, for every command and for the
//! library: names from a binary, bases, frames that texts hide or that the profile itself does not want, errors that sums
//! do not have.

use std::path::PathBuf;
use std::sync::Arc;

use super::files::Files;
use super::load::Loaded;
use super::names::{self, Naming, Proven};
use super::series::Artifact;
use super::{Choice, CompareError, Input, InputError, Note, Which};
use crate::analysis::{self, Diff, Origin, Query, QueryError, View};
use crate::bundle::BundledBinary;
use crate::kubelet::Knowledge;
use crate::model::{self, Kind, MergeOptions, Profile};
use crate::pprof::goroutines::DumpChoice;
use crate::pprof::{Form, Limit};
use crate::symbolize::survey;

/// Where profiles come from, and how they are read.
#[derive(Clone, Debug)]
pub struct Sources {
    /// Files, folders, tars, bundles, or `-` for standard input. Files of one kind are added up.
    pub paths: Vec<PathBuf>,
    /// The kind to take where there are several.
    pub kind: Option<Kind>,
    /// What to take of bundles and folders.
    pub choice: Choice,
    /// How large a file may become when it is unpacked.
    pub limit: Limit,
    /// Where names come from.
    pub naming: Naming,
    /// What is subtracted.
    pub bases: Bases,
    /// What is known of kubelets.
    #[doc(hidden)]
    pub knowledge: Arc<Knowledge>,
}

/// What is subtracted from the sources.
#[derive(Clone, Debug, Default)]
pub struct Bases {
    /// As [`Sources::paths`].
    pub paths: Vec<PathBuf>,
    /// Equal samples cancel; otherwise the samples of the bases stay, and 100 % is their total.
    pub cancel: bool,
    /// The sources are scaled to the totals of the bases first.
    pub normalize: bool,
}

impl Sources {
    /// These paths, and what is usual for everything else.
    pub fn new(paths: impl IntoIterator<Item = impl Into<PathBuf>>) -> Self {
        Self {
            paths: paths.into_iter().map(Into::into).collect(),
            kind: None,
            choice: Choice::default(),
            limit: Limit::Proportional,
            naming: Naming::default(),
            bases: Bases::default(),
            knowledge: Arc::new(Knowledge::builtin()),
        }
    }

    /// Opens every source once.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn open(&self) -> Result<Input, InputError> {
        Input::new(self)
    }

    /// The one profile that they are.
    ///
    /// # Errors
    /// When a file that was named is no profile, nothing fits, there is more than one kind or process and none was chosen, or
    /// a binary that was named is another one.
    pub fn subject(&self) -> Result<Subject, InputError> {
        self.open()?.subject()
    }
}

/// The profile that a report is about.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The profile as it was read, with names.
    #[doc(hidden)]
    pub profile: Profile,
    /// How it was written (the first, where several were added up).
    pub form: Form,
    /// Where it came from.
    pub origin: Origin,
    /// The files that it was made of.
    pub files: Vec<PathBuf>,
    /// What the reader should know.
    pub notes: Vec<Note>,
    /// What is known of kubelets.
    #[doc(hidden)]
    pub knowledge: Arc<Knowledge>,
    pub(super) binaries: Vec<BundledBinary>,
    pub(super) naming: Naming,
    /// All forms of the goroutines, to be read where they are asked for.
    pub(super) forms: Option<Forms>,
}

/// All forms of a goroutine snapshot, not read yet.
#[derive(Clone, Debug)]
pub(super) struct Forms {
    pub(super) files: Arc<Files>,
    pub(super) artifacts: Vec<(Artifact, bool)>,
    /// Which dumps of their texts.
    pub(super) dump: DumpChoice,
}

/// What filters leave of a profile.
#[derive(Clone, Debug)]
pub struct Filtered {
    /// The profile.
    pub profile: Profile,
    /// What the reader should know.
    pub notes: Vec<analysis::Note>,
    /// What packages, subsystems and owners left out, in words.
    pub outside: Option<String>,
}

impl Input {
    /// The one profile that the sources are.
    ///
    /// # Errors
    /// As for [`Sources::subject`].
    pub fn subject(mut self) -> Result<Subject, InputError> {
        let selected = self.select(&[])?;
        let mut subject = self.made(selected)?;
        subject.subtract(&self.asked)?;
        subject.name(&self.asked.naming)?;
        Ok(subject)
    }

    /// The earliest and the latest profile of one kind: what `old` and the choice fall on in one bundle, folder or tar.
    ///
    /// # Errors
    /// As for [`Sources::subject`]; also where there is but one.
    pub fn ends(mut self, old: Option<Which>) -> Result<(Subject, Subject), InputError> {
        let (old, new) = self.select_ends(old)?;
        let mut old = self.made(old)?;
        let mut new = self.made(new)?;
        new.name(&self.asked.naming)?;
        old.name(&self.asked.naming)?;
        Ok((old, new))
    }

    /// One artifact of a series, with names.
    ///
    /// # Errors
    /// When it cannot be read or is no profile, or a binary that was named cannot be used.
    pub fn artifact(&self, artifact: &Artifact) -> Result<Subject, InputError> {
        let loaded = self.sum(super::load::Selected {
            kind: artifact.kind.unwrap_or(Kind::Other),
            artifacts: vec![(artifact.clone(), true)],
            left_out: 0,
            notes: Vec::new(),
            binaries: self.binaries(),
        })?;
        let mut subject = Subject::of(loaded, None, &self.asked);
        subject.name(&self.asked.naming)?;
        Ok(subject)
    }

    fn made(&self, selected: super::load::Selected) -> Result<Subject, InputError> {
        let is_goroutine = matches!(selected.kind, Kind::Goroutine | Kind::GoroutineLeak);
        let forms = is_goroutine.then(|| Forms {
            files: self.files.clone(),
            artifacts: selected.artifacts.clone(),
            dump: self.asked.choice.dump,
        });
        let loaded = self.sum(super::load::best_form(selected))?;
        Ok(Subject::of(loaded, forms, &self.asked))
    }
}

impl Subject {
    fn of(loaded: Loaded, forms: Option<Forms>, sources: &Sources) -> Self {
        Self {
            origin: Origin {
                source: shown(&loaded.files),
                kind: Some(loaded.kind),
                merged: loaded.files.len(),
                until_nanos: loaded.until_nanos,
                evidence: loaded.evidence,
                ..Origin::default()
            },
            profile: loaded.profile,
            form: loaded.form,
            files: loaded.files,
            notes: loaded.notes,
            knowledge: sources.knowledge.clone(),
            binaries: loaded.binaries,
            naming: Naming::default(),
            forms,
        }
    }

    /// What kind of profile it is.
    pub fn kind(&self) -> Kind {
        self.origin.kind.unwrap_or(Kind::Other)
    }

    /// Where its names came from.
    #[cfg(feature = "cli")]
    pub(crate) fn naming(&self) -> &Naming {
        &self.naming
    }

    /// Shows allocs as the heap that they hold as well: by what is in use.
    #[cfg(feature = "cli")]
    pub(crate) fn show_as_heap(&mut self) {
        self.origin.kind = Some(Kind::Heap);
        self.profile.default_sample_type = self.profile.strings.intern("inuse_space");
    }

    /// Subtracts the bases of `sources`, if there are any.
    ///
    /// # Errors
    /// When they cannot be read or measure something else.
    pub(crate) fn subtract(&mut self, sources: &Sources) -> Result<(), InputError> {
        let bases = &sources.bases;
        if bases.paths.is_empty() {
            return match bases.normalize {
                true => Err(InputError::NothingToNormalizeTo),
                false => Ok(()),
            };
        }
        let base = Sources {
            paths: bases.paths.clone(),
            kind: Some(self.kind()),
            bases: Bases::default(),
            ..sources.clone()
        };
        let mut opened = base.open()?;
        let selected = opened.select(&[])?;
        let mut base = opened.made(selected)?;
        self.notes.append(&mut base.notes);
        let mut profile = std::mem::take(&mut self.profile);
        if base.profile.build_id() != profile.build_id() {
            self.notes.push(Note::OtherBuild);
            base.profile.forget_addresses();
            profile.forget_addresses();
        }
        // A difference is of the later profile; the time that both took together says nothing.
        let (time, duration) = (profile.time_nanos, profile.duration_nanos);
        let options = MergeOptions::default();
        profile = analysis::compare(profile, base.profile, !bases.cancel, bases.normalize, options)
            .map_err(InputError::Subtract)?;
        profile.time_nanos = time;
        profile.duration_nanos = duration;
        self.profile = profile;
        self.origin.bases = bases.paths.iter().map(|p| p.display().to_string()).collect();
        self.origin.bases_cancelled = bases.cancel;
        self.origin.compared_with = base.files.len();
        self.origin.normalized = bases.normalize;
        // The forms of the sources alone are no difference.
        self.forms = None;
        Ok(())
    }

    /// Names what has no name.
    ///
    /// # Errors
    /// When a binary that was named cannot be used.
    pub fn name(&mut self, naming: &Naming) -> Result<(), InputError> {
        self.naming = naming.clone();
        let coverage = names::name(&mut self.profile, self.form, naming, &self.binaries, &mut self.notes)?;
        self.origin.coverage = Some(coverage);
        Ok(())
    }

    /// The binary that the profile was taken of, proven; with what was noticed in the search.
    ///
    /// # Errors
    /// When there is none, or the one that was named is another.
    pub fn binary(&self) -> Result<(Proven, Vec<Note>), InputError> {
        let mut notes = Vec::new();
        let proven = names::proven(&self.profile, &self.naming, &self.binaries, &mut notes)?;
        Ok((proven, notes))
    }

    /// Asks it a query. Every report is a method of the view.
    ///
    /// # Errors
    /// When the query does not suit the profile, or an expression is malformed.
    pub fn view(&self, query: &Query) -> Result<View, QueryError> {
        self.clone().into_view(query)
    }

    /// As [`Subject::view`], without a copy.
    ///
    /// # Errors
    /// As for [`Subject::view`].
    pub(crate) fn into_view(mut self, query: &Query) -> Result<View, QueryError> {
        self.drop_hidden();
        let dropped = analysis::drop_frames(&mut self.profile);
        self.prepared(query, dropped.err())
    }

    /// Asks goroutines a query.
    ///
    /// # Errors
    /// As for [`Subject::view`].
    pub fn into_goroutine_view(mut self, query: &Query) -> Result<View, QueryError> {
        self.drop_hidden();
        self.prepared(query, None)
    }

    /// Asks it a query with every frame and every wait that the profile has.
    ///
    /// # Errors
    /// As for [`Subject::view`].
    pub fn into_whole_view(self, query: &Query) -> Result<View, QueryError> {
        // Idle loops are part of the whole.
        let query = Query {
            idle: true,
            ..query.clone()
        };
        self.prepared(&query, None)
    }

    fn prepared(mut self, query: &Query, dropped: Option<QueryError>) -> Result<View, QueryError> {
        analysis::drop_padding(&mut self.profile);
        let mut view = analysis::prepare_subject(self.profile, query, Some(self.knowledge), Arc::new(self.origin))?;
        view.notes
            .extend(dropped.map(|e| analysis::Note::NothingDropped(e.to_string())));
        Ok(view)
    }

    /// The profile with the frames that every view of it has.
    #[cfg(feature = "cli")]
    pub(crate) fn into_profile(mut self) -> Profile {
        self.drop_hidden();
        // An expression that is none drops nothing.
        let _ = analysis::drop_frames(&mut self.profile);
        analysis::drop_padding(&mut self.profile);
        self.profile
    }

    /// The profile with what the filters leave of it; without a filter every field comes through as it was.
    ///
    /// # Errors
    /// As for [`Subject::view`].
    #[cfg(feature = "cli")]
    pub(crate) fn filtered(self, query: &Query) -> Result<Filtered, QueryError> {
        let query = Query {
            granularity: analysis::Granularity::Addresses,
            ..query.clone()
        };
        let mut filtered = match query.changes_samples() {
            true => {
                let view = self.into_whole_view(&query)?;
                Filtered {
                    outside: view.outside_words(),
                    notes: view.notes,
                    profile: model::compact(view.profile).map_err(|e| QueryError::Compact(e.to_string()))?,
                }
            }
            false => Filtered {
                profile: self.profile,
                notes: Vec::new(),
                outside: None,
            },
        };
        analysis::forget_periods(&mut filtered.profile);
        filtered.profile.divide(query.divide_by);
        Ok(filtered)
    }

    /// Leaves out the frames at the leaf whose names a text hides. They are provably of the runtime: the text hides no others.
    /// What is not shown is not counted as missing either.
    fn drop_hidden(&mut self) {
        if self.form != Form::GoText {
            return;
        }
        // What a binary could not name has a reason of its own.
        let from_text = |c: &crate::symbolize::Coverage| c.named.is_empty() && c.identities.is_empty();
        let from_text = self.origin.coverage.as_ref().is_none_or(from_text);
        if analysis::drop_nameless_leaves(&mut self.profile) > 0 && from_text {
            self.origin.coverage = Some(survey(&self.profile));
        }
    }

    /// What changed from this profile to `new`.
    ///
    /// # Errors
    /// When the two do not measure the same thing, or the query does not suit them.
    pub fn diff(&self, new: &Subject, query: &Query) -> Result<Diff, CompareError> {
        let (old, new) = compared(self.clone(), new.clone(), query, false)?;
        Ok(analysis::diff(&old, &new))
    }
}

/// Two profiles as views that can be compared: types that both have, in one unit. With `normalize`, `new` is scaled to the
/// totals of `old` first.
///
/// # Errors
/// When the two do not measure the same thing, or the query does not suit them.
pub fn compared(
    mut old: Subject,
    mut new: Subject,
    query: &Query,
    normalize: bool,
) -> Result<(View, View), CompareError> {
    new.origin.compared_with = old.files.len();
    new.origin.normalized = normalize;
    let mut dropped = Vec::new();
    for subject in [&mut old, &mut new] {
        dropped.push(analysis::drop_frames(&mut subject.profile).err());
    }
    let is_goroutine = |s: &Subject| matches!(s.kind(), Kind::Goroutine | Kind::GoroutineLeak);
    if old.form != new.form && is_goroutine(&old) && is_goroutine(&new) {
        for subject in [&mut old, &mut new] {
            analysis::drop_runtime_frames(&mut subject.profile);
            analysis::drop_what_dumps_know(&mut subject.profile);
        }
        new.origin.forms_differ = true;
    }
    for subject in [&mut old, &mut new] {
        subject.drop_hidden();
    }
    let mut both = [std::mem::take(&mut old.profile), std::mem::take(&mut new.profile)];
    let shown: Vec<String> = [&both[1], &both[0]].map(shown_type).to_vec();
    model::align(&mut both).map_err(CompareError::Merge)?;
    // One type for both sides, by name: what the new one shows, else what the old one shows, where both have it. Two that
    // show different types of a heap are asked what is in use: the order of types says nothing.
    let has = |p: &Profile, name: &str| p.sample_types.iter().any(|t| p.text(t.kind) == name);
    let in_use = (shown[0] != shown[1]).then(|| "inuse_space".to_owned());
    if let Some(name) = in_use.iter().chain(&shown).find(|name| has(&both[0], name)) {
        for p in &mut both {
            p.default_sample_type = p.strings.intern(name);
        }
    }
    [old.profile, new.profile] = both;
    if normalize {
        new.profile.normalize(&mut old.profile).map_err(CompareError::Merge)?;
    }
    let mut dropped = dropped.into_iter();
    let mut next = || dropped.next().flatten();
    let old = old.prepared(query, next()).map_err(CompareError::Old)?;
    let new = new.prepared(query, next()).map_err(CompareError::New)?;
    if old.sample_type != new.sample_type || old.unit != new.unit {
        let what = |v: &View| format!("{}/{}", v.sample_type, v.unit);
        return Err(CompareError::Types {
            old: what(&old),
            new: what(&new),
        });
    }
    Ok((old, new))
}

/// The name of the sample type that a profile is shown by.
fn shown_type(p: &Profile) -> String {
    let default = p.sample_types.iter().find(|t| t.kind == p.default_sample_type);
    let shown = default.or(p.sample_types.last());
    shown.map_or_else(String::new, |t| p.text(t.kind).to_owned())
}

/// A file by its name, several by their number.
pub(super) fn shown(files: &[PathBuf]) -> String {
    match files {
        [one] => one.display().to_string(),
        files => format!("{} files", files.len()),
    }
}
