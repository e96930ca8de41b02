//! Sources and choices -> one profile: chosen, read, added up.

use std::path::PathBuf;
use std::sync::Arc;

use super::files::Files;
use super::loose::{Found, Loose};
use super::parents::parent_owners;
use super::select::{self, Choice, Which, choose};
use super::series::{Artifact, Series, preference};
use super::{Group, GroupOf, Input, InputError, Note, read_profile};
use crate::analysis;
use crate::bundle::BundledBinary;
use crate::kubelet::Knowledge;
use crate::model::evidence::Evidence;
use crate::model::{self, Kind, MergeOptions, Profile};
use crate::pprof::goroutines::{DumpChoice, GoroutineDump};
use crate::pprof::{self, Form, Remark};

/// One profile out of all sources.
pub(super) struct Loaded {
    pub(super) profile: Profile,
    pub(super) kind: Kind,
    /// The files that it was made of.
    pub(super) files: Vec<PathBuf>,
    /// When the last of them was taken; 0 when unknown.
    pub(super) until_nanos: i64,
    /// How they were written (of the first, where several were merged).
    pub(super) form: Form,
    /// What the files with dumps say beside those.
    pub(super) evidence: Vec<(String, Evidence)>,
    pub(super) notes: Vec<Note>,
    /// Executables in the bundles that it came from.
    pub(super) binaries: Vec<BundledBinary>,
}

/// The artifacts that a choice falls on.
pub(super) struct Selected {
    pub(super) kind: Kind,
    /// With whether it is of a folder, tar or bundle.
    pub(super) artifacts: Vec<(Artifact, bool)>,
    /// How many others there are of the kind.
    pub(super) left_out: usize,
    pub(super) notes: Vec<Note>,
    pub(super) binaries: Vec<BundledBinary>,
}

/// A profile that was read.
pub(super) struct Candidate {
    pub(super) path: PathBuf,
    pub(super) read: pprof::Read,
}

impl Input {
    /// The profile of one file, or what is taken of a bundle by default. With `plain`, a file is read as `go tool pprof` does.
    ///
    /// # Errors
    /// When it cannot be read or is no profile; for a folder or tar that is no bundle, too.
    pub fn one(mut self, plain: bool) -> Result<(Profile, Vec<Note>), InputError> {
        if let Some((path, bytes)) = Arc::get_mut(&mut self.files).and_then(Files::take_single) {
            let read = pprof::read(bytes, self.files.limit, plain);
            let name = path.display().to_string();
            let read = read.map_err(|cause| InputError::Read { name, cause })?;
            return Ok((read.profile, Vec::new()));
        }
        if self.bundle().is_some() {
            let selected = self.select(&[])?;
            let loaded = self.sum(best_form(selected))?;
            return Ok((loaded.profile, loaded.notes));
        }
        let name = self.groups().first().map(|g| g.name.clone()).unwrap_or_default();
        read_profile(&name, self.files.limit, plain).map(|read| (read.profile, Vec::new()))
    }

    /// What `old` and the choice fall on in one bundle, folder or tar: the earlier and the later side of a comparison.
    pub(super) fn select_ends(&mut self, old: Option<Which>) -> Result<(Selected, Selected), InputError> {
        let choice = &self.asked.choice.clone();
        let older = Choice {
            snapshot: Some(old.unwrap_or(Which::First)),
            ..choice.clone()
        };
        let newer = Choice {
            snapshot: Some(choice.snapshot.unwrap_or_default()),
            ..choice.clone()
        };
        let mut new = self.select_of(self.asked.kind, &newer, &[])?;
        let mut old = self.select_of(Some(new.kind), &older, &[])?;
        // Forms hide different frames: both sides take the best that both have.
        let has = |s: &Selected, form| s.artifacts.iter().any(|(a, _)| a.facts.form == form);
        let forms = new.artifacts.iter().map(|(a, _)| a.facts.form);
        if let Some(form) = forms.filter(|&f| has(&old, f)).min_by_key(|&f| preference(f)) {
            for side in [&mut new, &mut old] {
                side.artifacts.retain(|(a, _)| a.facts.form == form);
            }
        }
        let (new, mut old) = (best_form(new), best_form(old));
        old.notes.retain(|n| matches!(n, Note::Chosen(..)));
        let paths = |s: &Selected| -> Vec<PathBuf> { s.artifacts.iter().map(|(a, _)| a.path.clone()).collect() };
        if paths(&new) == paths(&old) {
            let path = paths(&new).into_iter().next().unwrap_or_default();
            return Err(InputError::OneSnapshot(path.display().to_string()));
        }
        Ok((old, new))
    }

    /// The artifacts that were asked for.
    pub(super) fn select(&mut self, kinds: &[Kind]) -> Result<Selected, InputError> {
        let choice = self.asked.choice.clone();
        self.select_of(self.asked.kind, &choice, kinds)
    }

    /// The artifacts that a choice falls on. Of bundles, where no kind was asked for, the first of `kinds` that there is.
    fn select_of(&mut self, asked: Option<Kind>, choice: &Choice, kinds: &[Kind]) -> Result<Selected, InputError> {
        self.groups();
        let files = self.files.clone();
        let Some(groups) = self.groups.get_mut() else {
            return Err(InputError::NoSources);
        };
        let mut notes = Vec::new();
        let mut binaries = Vec::new();
        for group in groups.iter_mut() {
            group.archive_notes(&mut notes);
            group.check()?;
            binaries.extend(group.binaries());
            match &mut group.of {
                GroupOf::Named(loose) => loose.all_are_profiles(&files)?,
                GroupOf::Collection(_, loose) if !loose.other.is_empty() => {
                    notes.push(Note::Skipped(loose.other.len()))
                }
                _ => {}
            }
        }
        if let Some(asked @ (Kind::Heap | Kind::Allocs)) = asked {
            either_of_heap(groups, asked);
        }
        let mut kind = asked;
        let mut artifacts: Vec<(Artifact, bool)> = Vec::new();
        let mut left_out = 0;
        for group in groups.iter() {
            if let GroupOf::Bundle(..) = &group.of {
                let has = |k: &&Kind| group.series.iter().any(|s| s.artifacts().any(|(_, a)| a.is(**k)));
                let preferred = || kinds.iter().find(has).or(kinds.first()).copied();
                let chosen = choose(&group.series, kind.or_else(preferred), choice)?;
                kind = Some(chosen.kind);
                artifacts.extend(chosen.artifacts.iter().map(|a| (a.clone(), true)));
                notes.push(Note::Chosen(group.name.clone(), Box::new(chosen)));
            }
        }
        let loose: Vec<(&Group, &Loose)> = groups.iter().filter_map(|g| Some((g, g.loose()?))).collect();
        let profiles = || loose.iter().flat_map(|(_, loose)| loose.profiles());
        let in_bundles = artifacts.iter().map(|(a, _)| a);
        let available = select::counts(in_bundles.chain(profiles().map(|f| &f.artifact)));
        let preferred = || kinds.iter().copied().find(|&k| profiles().any(|f| f.artifact.is(k)));
        let kind = match (kind.or_else(preferred), available.as_slice()) {
            (Some(kind), _) => kind,
            (None, [(kind, _)]) => *kind,
            (None, _) => return Err(InputError::Kinds { available }),
        };
        for (group, loose) in loose {
            let mut of_kind = loose.profiles().filter(|f| f.artifact.is(kind)).peekable();
            if of_kind.peek().is_none() {
                continue;
            }
            if matches!(group.of, GroupOf::Named(_)) && choice.snapshot.is_none() {
                let of_kind: Vec<&Found> = of_kind.collect();
                contention(&of_kind, choice)?;
                notes.extend(of_kind.len().gt(&1).then(|| added_up(&of_kind, kind)));
                artifacts.extend(of_kind.iter().map(|f| (f.artifact.clone(), false)));
                continue;
            }
            let chosen = choose(&group.series, Some(kind), choice)?;
            left_out += chosen.untimed;
            artifacts.extend(chosen.artifacts.iter().map(|a| (a.clone(), true)));
            if chosen.has_others() {
                notes.push(Note::Chosen(group.name.clone(), Box::new(chosen)));
            }
        }
        if artifacts.is_empty() {
            return Err(InputError::NoSuchKind { asked: kind, available });
        }
        let chose = |n: &Note| matches!(n, Note::Chosen(..));
        let chooses = groups.iter().any(|g| !matches!(g.of, GroupOf::Named(_)));
        let of_all = Choice {
            dump: choice.dump,
            ..Choice::default()
        };
        if *choice != of_all && !chooses && !notes.iter().any(chose) {
            notes.push(Note::NothingToChoose);
        }
        Ok(Selected {
            kind,
            artifacts,
            left_out,
            notes,
            binaries,
        })
    }

    pub(super) fn sum(&self, selected: Selected) -> Result<Loaded, InputError> {
        let Selected {
            kind,
            artifacts,
            mut notes,
            binaries,
            ..
        } = selected;
        let candidates = self
            .files
            .read_all(artifacts, kind, self.asked.choice.dump, &mut notes)?;
        let form = candidates.first().map_or(Form::Proto, |c| c.read.form);
        let files: Vec<PathBuf> = candidates.iter().map(|c| c.path.clone()).collect();
        for c in &candidates {
            remarks(c, &mut notes);
        }
        let evidence = evidence(&candidates);
        let mut profiles: Vec<Profile> = candidates.into_iter().map(|c| c.read.profile).collect();
        let until_nanos = profiles.iter().map(|p| p.time_nanos).max().unwrap_or(0);
        let profile = match (profiles.len(), profiles.pop()) {
            (1, Some(profile)) => profile,
            (n, last) => {
                if !notes
                    .iter()
                    .any(|note| matches!(note, Note::AddedUpStates(..) | Note::Merged(..)))
                {
                    let adds_moments = |note: &Note| matches!(note, Note::Chosen(_, chosen) if chosen.adds_moments());
                    notes.push(match is_state(kind) && notes.iter().any(adds_moments) {
                        true => Note::AddedUpStates(n, kind),
                        false => Note::Merged(n, kind),
                    });
                }
                profiles.extend(last);
                if kind == Kind::Cpu {
                    analysis::keep_periods(&mut profiles);
                }
                model::merge(profiles, MergeOptions::default())?
            }
        };
        Ok(Loaded {
            profile,
            kind,
            files,
            until_nanos,
            form,
            evidence,
            notes,
            binaries,
        })
    }
}

impl Files {
    /// Reads artifacts; their kind is settled where they can be read as two.
    pub(super) fn read_all(
        &self,
        artifacts: Vec<(Artifact, bool)>,
        kind: Kind,
        dump: DumpChoice,
        notes: &mut Vec<Note>,
    ) -> Result<Vec<Candidate>, InputError> {
        let mut all = Vec::with_capacity(artifacts.len());
        for (artifact, _) in artifacts {
            let (mut read, is_altered) = self.read(&artifact)?;
            let path = artifact.path;
            if is_altered {
                notes.push(Note::Altered(path.clone()));
            }
            if dump != DumpChoice::default() {
                let owners = |dump: &GoroutineDump| parent_owners(dump, &self.knowledge);
                let name = || path.display().to_string();
                read.choose(dump, Some(&owners))
                    .map_err(|cause| InputError::Read { name: name(), cause })?;
            }
            settle_kind(&mut read, kind, &self.knowledge);
            all.push(Candidate { path, read });
        }
        Ok(all)
    }
}

/// Heap and allocs hold the same values and differ in which of them is shown: where only the other one is there, it is taken.
fn either_of_heap(groups: &mut [Group], asked: Kind) {
    if groups.iter().any(|g| g.artifacts().any(|a| a.is(asked))) {
        return;
    }
    for group in groups {
        let loose = match &mut group.of {
            GroupOf::Collection(_, loose) | GroupOf::Named(loose) => loose.found.as_mut_slice(),
            GroupOf::Bundle(..) => &mut [],
        };
        let of_series = group.series.iter_mut().flat_map(Series::artifacts_mut);
        for artifact in loose.iter_mut().map(|f| &mut f.artifact).chain(of_series) {
            if matches!(artifact.kind, Some(Kind::Heap | Kind::Allocs)) {
                artifact.or_kind = Some(asked);
            }
        }
    }
}

impl Group {
    /// All artifacts.
    pub(super) fn artifacts(&self) -> impl Iterator<Item = &Artifact> {
        let loose = self.loose().into_iter().flat_map(Loose::profiles).map(|f| &f.artifact);
        loose.chain(self.series.iter().flat_map(|s| s.artifacts().map(|(_, a)| a)))
    }

    /// Its files, where it has no manifest.
    fn loose(&self) -> Option<&Loose> {
        match &self.of {
            GroupOf::Collection(_, loose) | GroupOf::Named(loose) => Some(loose),
            GroupOf::Bundle(..) => None,
        }
    }
}

/// A folder holds the same thing in several forms; adding them up would count it twice.
pub(super) fn best_form(mut selected: Selected) -> Selected {
    let collected = selected.artifacts.iter().filter(|(_, collected)| *collected);
    if let Some(best) = collected.map(|(a, _)| preference(a.facts.form)).min() {
        let before = selected.artifacts.len();
        selected
            .artifacts
            .retain(|(a, collected)| !collected || preference(a.facts.form) == best);
        selected.left_out += before - selected.artifacts.len();
    }
    if selected.left_out > 0 {
        selected.notes.push(Note::TextForms(selected.left_out));
    }
    selected
}

/// Nothing in contention profiles says whether they are of mutexes or of blocking.
fn contention(of_kind: &[&Found], choice: &Choice) -> Result<(), InputError> {
    match choice.artifact.as_deref() {
        Some(asked @ ("mutex" | "block")) if of_kind.len() > 1 => Err(InputError::Contention {
            asked: asked.to_owned(),
            files: of_kind.len(),
        }),
        _ => Ok(()),
    }
}

/// Whether each profile of the kind shows all that was alive, so that a sum counts it several times.
fn is_state(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Heap | Kind::Goroutine | Kind::GoroutineLeak | Kind::ThreadCreate
    )
}

/// What is said of files that are added up: of several moments of one process, each shows all that was alive then.
fn added_up(of_kind: &[&Found], kind: Kind) -> Note {
    let facts = || of_kind.iter().map(|f| &f.artifact.facts);
    let mut times: Vec<i64> = facts().filter_map(|f| f.time_nanos).collect();
    times.sort_unstable();
    times.dedup();
    let build = facts().next().map_or("", |f| f.build_id.as_str());
    let one_process = times.len() == of_kind.len()
        && !build.is_empty()
        && facts().all(|f| f.build_id == build && f.duration_nanos.is_none());
    match is_state(kind) && one_process {
        true => Note::AddedUpStates(of_kind.len(), kind),
        false => Note::Merged(of_kind.len(), kind),
    }
}

/// Where `asked` may decide: heap and allocs are one and the same text, and a dump in which the runtime has marked the leaked
/// goroutines is a goroutineleak profile as well.
fn settle_kind(read: &mut pprof::Read, asked: Kind, knowledge: &Knowledge) {
    let either = read.remarks.iter().position(|r| *r == Remark::HeapOrAllocs);
    if let (Kind::Allocs, Some(remark)) = (asked, either) {
        read.remarks.remove(remark);
        read.profile.default_sample_type = read.profile.strings.intern("alloc_space");
    }
    let shown = match (asked, Kind::of(&read.profile)) {
        (Kind::Heap, Kind::Allocs) => "inuse_space",
        (Kind::Allocs, Kind::Heap) => "alloc_space",
        _ => "",
    };
    let has = |p: &Profile, name: &str| p.sample_types.iter().any(|t| p.text(t.kind) == name);
    if has(&read.profile, shown) {
        read.profile.default_sample_type = read.profile.strings.intern(shown);
    }
    if asked == Kind::GoroutineLeak {
        read.keep_leaked(Some(&|dump| parent_owners(dump, knowledge)));
    }
}

/// What the files with dumps say beside those.
pub(super) fn evidence<'c>(candidates: impl IntoIterator<Item = &'c Candidate>) -> Vec<(String, Evidence)> {
    let with_dumps = candidates
        .into_iter()
        .filter_map(|c| Some((c, c.read.dumps.as_deref()?)));
    with_dumps
        .map(|(c, dumps)| (c.path.display().to_string(), dumps.evidence()))
        .collect()
}

/// What the reader should know of a file.
pub(super) fn remarks(c: &Candidate, notes: &mut Vec<Note>) {
    if c.read.notes.invalid_utf8 > 0 {
        notes.push(Note::BadNames(c.path.clone(), c.read.notes.invalid_utf8));
    }
    if c.read.notes.dangling_mappings > 0 {
        notes.push(Note::MissingMappings(c.path.clone(), c.read.notes.dangling_mappings));
    }
    notes.extend(c.read.remarks.iter().map(|&r| Note::Remark(c.path.clone(), r)));
}
