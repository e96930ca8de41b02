//! Files without a manifest -> series: which were taken together, in which order, of which process.
//!
//! Files whose names differ in the artifact alone were taken together (`s01-heap`, `s01-metrics`), and so were those whose
//! times are seconds apart. The times inside of profiles order the moments; where they have none, the names do. Which process
//! it was, the metrics beside say by their start time and build; without them equal build IDs and distinct times are all
//! there is, and then the process is not known.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

use super::InputError;
use super::file_names::{artifact_of, natural};
use super::files::{Files, Place};
use super::listing::{ListedProfile, describe};
use super::series::{Artifact, JOURNAL, KnownBy, Moment, Series};
use super::source::LongText;
use crate::bundle::Contents;
use crate::bundle::facts::{Expect, examine, of_read};
use crate::bundle::manifest::{Facts, Form, Process};
use crate::model::Kind;
use crate::pprof::goroutines::GoroutineDump;
use crate::pprof::mistakes::Mistake;
use crate::pprof::{ReadError, Remark};

/// Files this close in time were taken together, if each is of another kind.
const TOGETHER_NANOS: i64 = 5_000_000_000;

/// The files of one source, or those that were named one by one.
#[derive(Debug, Default)]
pub(super) struct Loose {
    /// What they are, in the order of their names or as they were named.
    pub(super) found: Vec<Found>,
    /// What is no artifact, and why it is no profile.
    pub(super) other: Vec<Other>,
}

/// A file that is no artifact.
#[derive(Debug)]
pub(super) struct Other {
    pub(super) path: PathBuf,
    pub(super) cause: InputError,
    pub(super) order: usize,
}

/// A file that is an artifact.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) artifact: Artifact,
    /// What its name says beside the artifact.
    key: String,
    /// The node that metrics or a document of a node name.
    node: String,
    /// What it is in short, where it is a profile.
    pub(super) listed: Option<ListedProfile>,
    /// Why it is no profile, where it is none.
    pub(super) why: String,
    /// Its place among all files.
    pub(super) order: usize,
}

impl Loose {
    /// Looks at the files of a folder or a tar. Hidden ones and those of an unfinished download do not count.
    pub(super) fn of_collection(files: &Files, source: usize, contents: &Contents) -> Self {
        let mut loose = Self::default();
        for file in contents.paths().filter(|file| Contents::counts(file)) {
            let place = Place {
                source,
                file: file.to_owned(),
            };
            loose.look_at(files, place, contents.name.join(file), file);
        }
        loose
    }

    /// Files that are called after an artifact, or as profiles are, and are none.
    #[cfg(feature = "cli")]
    pub(super) fn unread(&self) -> impl Iterator<Item = &Path> {
        let is_called_so = |o: &&Other| {
            let name = o.path.to_string_lossy();
            artifact_of(&name).0.is_some()
                || [".pb.gz", ".pb", ".pprof", ".prof"]
                    .iter()
                    .any(|end| name.ends_with(end))
        };
        self.other.iter().filter(is_called_so).map(|o| o.path.as_path())
    }

    /// Looks at a file that was named.
    pub(super) fn add(&mut self, files: &Files, source: usize, path: &Path) {
        let place = Place {
            source,
            file: String::new(),
        };
        self.look_at(files, place, path.to_owned(), &path.to_string_lossy());
    }

    fn look_at(&mut self, files: &Files, place: Place, path: PathBuf, name: &str) {
        let (word, key) = artifact_of(name);
        let order = self.found.len() + self.other.len();
        if let Some(text) = files.long_text(&place) {
            return self.look_at_long(text, place, path, key);
        }
        let bytes = match files.bytes(&place) {
            Ok(bytes) => bytes,
            Err(cause) => {
                let name = path.display().to_string();
                let cause = InputError::Io { name, cause };
                self.other.push(Other { path, cause, order });
                return;
            }
        };
        let size = bytes.len();
        let mut found = Found {
            artifact: Artifact {
                name: String::new(),
                path,
                kind: None,
                facts: Facts::default(),
                bytes: size as u64,
                sha256: String::new(),
                or_kind: None,
                place,
            },
            key,
            node: String::new(),
            listed: None,
            why: String::new(),
            order,
        };
        let text = word.filter(|word| !matches!(Expect::of(word), Expect::Profile(_) | Expect::Anything));
        if let Some((facts, node)) = text.and_then(|word| other(files, &bytes, word)) {
            found.artifact.name = text.unwrap_or_default().to_owned();
            found.why = match text {
                // There are many, and they are large.
                Some("metrics") => Mistake::Metrics.to_string(),
                _ => files.decode(&bytes).err().map(|e| e.to_string()).unwrap_or_default(),
            };
            found.artifact.facts = facts;
            found.node = node;
            if found.artifact.name == "metrics" {
                files.keep_text(found.artifact.place.clone(), bytes);
            }
            self.found.push(found);
            return;
        }
        match files.decode(&bytes) {
            Ok(read) => {
                let kind = Kind::of(&read.profile);
                let artifact = &mut found.artifact;
                artifact.facts = of_read(&read, kind);
                artifact.kind = Some(kind);
                artifact.or_kind = match &read.dumps {
                    _ if read.remarks.contains(&Remark::HeapOrAllocs) => Some(Kind::Allocs),
                    Some(dumps) if dumps.chosen().any(GoroutineDump::knows_leaks) => Some(Kind::GoroutineLeak),
                    _ => None,
                };
                artifact.name = profile_name(kind, word, artifact.facts.form);
                found.listed = Some(describe(&read));
                files.keep(artifact.place.clone(), size, read);
                self.found.push(found);
            }
            Err(cause) => match other(files, &bytes, "metrics").filter(|_| looks_like_metrics(files, &bytes)) {
                Some((facts, node)) => {
                    found.artifact.name = "metrics".to_owned();
                    found.why = cause.to_string();
                    found.artifact.facts = facts;
                    found.node = node;
                    files.keep_text(found.artifact.place.clone(), bytes);
                    self.found.push(found);
                }
                None if matches!(cause, ReadError::NoDump(_)) => {
                    found.artifact.name = JOURNAL.to_owned();
                    found.why = cause.to_string();
                    self.found.push(found);
                }
                None => {
                    let path = found.artifact.path;
                    let name = path.display().to_string();
                    let cause = InputError::Read { name, cause };
                    self.other.push(Other { path, cause, order });
                }
            },
        }
    }

    /// A text of which nothing but its dumps was kept.
    fn look_at_long(&mut self, text: &LongText, place: Place, path: PathBuf, key: String) {
        let order = self.found.len() + self.other.len();
        let found = |name: String, kind: Option<Kind>, facts: Facts| Found {
            artifact: Artifact {
                name,
                path: path.clone(),
                kind,
                facts,
                bytes: text.length,
                sha256: String::new(),
                or_kind: None,
                place,
            },
            key,
            node: String::new(),
            listed: None,
            why: String::new(),
            order,
        };
        match &text.read {
            Ok(read) => {
                let kind = Kind::of(&read.profile);
                let facts = of_read(read, kind);
                self.found.push(Found {
                    listed: Some(describe(read)),
                    ..found(profile_name(kind, None, facts.form), Some(kind), facts)
                });
            }
            Err(cause @ ReadError::NoDump(_)) => self.found.push(Found {
                why: cause.to_string(),
                ..found(JOURNAL.to_owned(), None, Facts::default())
            }),
            Err(cause) => {
                let name = path.display().to_string();
                let cause = InputError::Read {
                    name,
                    cause: cause.clone(),
                };
                self.other.push(Other { path, cause, order });
            }
        }
    }

    /// Those that are profiles.
    pub(super) fn profiles(&self) -> impl Iterator<Item = &Found> {
        self.found.iter().filter(|f| f.artifact.kind.is_some())
    }

    /// Whether there is no file at all.
    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty() && self.other.is_empty()
    }

    /// The first file that is no profile, as an error: it was named.
    pub(super) fn all_are_profiles(&mut self, files: &Files) -> Result<(), InputError> {
        let first = |all: &mut dyn Iterator<Item = usize>| all.next().unwrap_or(usize::MAX);
        let found = first(&mut self.found.iter().filter(|f| f.artifact.kind.is_none()).map(|f| f.order));
        if found < first(&mut self.other.iter().map(|o| o.order)) {
            let artifact = self.found.iter().find(|f| f.order == found).map(|f| &f.artifact);
            return artifact.map_or(Ok(()), |artifact| files.read(artifact).map(drop));
        }
        match self.other.is_empty() {
            true => Ok(()),
            false => Err(self.other.remove(0).cause),
        }
    }

    /// The series that the files are.
    pub(super) fn series(&self, files: &Arc<Files>, source: &Path) -> Vec<Series> {
        let (moments, once) = moments(&self.found);
        let mut series = processes(moments, files, source);
        for found in once {
            // What says its node is of that node's processes, anything else of the only one.
            let same = |s: &&mut Series| found.node.is_empty() || s.node.is_empty() || s.node == found.node;
            let artifact = found.artifact.clone();
            match series.iter_mut().rfind(same) {
                Some(last) => last.once.push(artifact),
                None => series.push(Series {
                    once: vec![artifact],
                    node: found.node.clone(),
                    ..empty(files, source)
                }),
            }
        }
        series
    }
}

/// What a profile is called. `mutex` and `block` are one format, so that only their names tell them apart.
fn profile_name(kind: Kind, word: Option<&str>, form: Form) -> String {
    let stem = match (kind, word) {
        (Kind::Contention, Some(word @ ("mutex" | "block"))) => word,
        (Kind::Heap, Some("heap-gc")) => "heap-gc",
        // The text of heap is that of allocs.
        (Kind::Heap, Some("allocs")) if form == Form::Debug1 => "allocs",
        (kind, _) => kind.as_str(),
    };
    match form {
        Form::Debug1 => format!("{stem}.debug1"),
        Form::Debug2 => format!("{stem}.debug2"),
        _ => stem.to_owned(),
    }
}

/// What an artifact that is no profile says, and the node that it names.
fn other(files: &Files, bytes: &[u8], artifact: &str) -> Option<(Facts, String)> {
    let bytes = crate::pprof::inflate(bytes, files.limit).ok()?;
    let facts = examine(&bytes, Expect::of(artifact), files.limit).ok()?;
    let node = match artifact {
        "metrics" => node_of_metrics(&bytes),
        "node" => crate::bundle::facts::node_of(&bytes).unwrap_or_default(),
        _ => String::new(),
    };
    Some((facts, node))
}

/// Whether a text that is called anything begins as metrics do.
fn looks_like_metrics(files: &Files, bytes: &[u8]) -> bool {
    let begins = |bytes: &[u8]| bytes.starts_with(b"# HELP ") || bytes.starts_with(b"# TYPE ");
    crate::pprof::inflate(bytes, files.limit).is_ok_and(|bytes| begins(&bytes))
}

/// `kubelet_node_name{node="worker-03"} 1`
fn node_of_metrics(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let line = text.lines().find_map(|l| l.strip_prefix("kubelet_node_name{node=\""));
    line.and_then(|rest| rest.split('"').next())
        .unwrap_or_default()
        .to_owned()
}

/// What was taken together.
struct Together<'a> {
    key: &'a str,
    time: i64,
    found: Vec<&'a Found>,
}

impl<'a> Together<'a> {
    fn new(key: &'a str, found: Vec<&'a Found>) -> Self {
        // A CPU profile says when it began; what is taken in one go with it comes later.
        let time = |f: &&&Found| f.artifact.facts.time_nanos.is_some();
        let states = found
            .iter()
            .filter(time)
            .filter(|f| f.artifact.facts.duration_nanos.is_none());
        let all = found.iter().filter(time);
        let first = |f: &&Found| f.artifact.facts.time_nanos.unwrap_or(0);
        let time = states.map(first).min().or_else(|| all.map(first).min()).unwrap_or(0);
        Self { key, time, found }
    }

    fn has(&self, name: &str) -> bool {
        self.found.iter().any(|f| f.artifact.name == name)
    }

    fn is_snapshot(&self) -> bool {
        self.found
            .iter()
            .any(|f| f.artifact.kind.is_some() || f.artifact.name == "metrics")
    }
}

/// The moments in order of time, and what belongs to none.
fn moments(found: &[Found]) -> (Vec<Together<'_>>, Vec<&Found>) {
    let mut keys: Vec<&str> = found.iter().map(|f| f.key.as_str()).collect();
    keys.sort_by(|a, b| natural(a, b));
    keys.dedup();
    let mut all: Vec<Together<'_>> = Vec::new();
    for key in keys {
        let mut rest: Vec<&Found> = found.iter().filter(|f| f.key == key).collect();
        // Two of one name were not taken together: the key says nothing then but for what is there once.
        while !rest.is_empty() {
            let mut one: Vec<&Found> = Vec::new();
            let mut left = Vec::new();
            for f in rest {
                let build = |f: &Found| f.artifact.facts.build_id.clone();
                let apart = |o: &&Found| o.artifact.name == f.artifact.name || !same_build(&build(o), &build(f));
                match one.iter().any(apart) {
                    true => left.push(f),
                    false => one.push(f),
                }
            }
            all.push(Together::new(key, one));
            rest = left;
        }
    }
    let (mut all, once): (Vec<_>, Vec<_>) = all.into_iter().partition(Together::is_snapshot);
    let once = once.into_iter().flat_map(|t| t.found).collect();
    // What has no time stands where its name is.
    let mut before = all.iter().map(|t| t.time).find(|&t| t != 0).unwrap_or(0);
    let mut order: Vec<(i64, usize)> = Vec::with_capacity(all.len());
    for (i, t) in all.iter().enumerate() {
        before = if t.time == 0 { before } else { t.time };
        order.push((before, i));
    }
    order.sort_unstable();
    let mut places: Vec<Option<Together<'_>>> = all.drain(..).map(Some).collect();
    let mut merged: Vec<Together<'_>> = Vec::new();
    for (_, i) in order {
        let Some(next) = places[i].take() else { continue };
        match merged.last_mut() {
            Some(last) if are_together(last, &next) => {
                let key = last.key;
                let found = last.found.drain(..).chain(next.found).collect();
                *last = Together::new(key, found);
            }
            _ => merged.push(next),
        }
    }
    (merged, once)
}

/// Whether times that are seconds apart, and nothing that both have, say that two groups of files are one.
fn are_together(a: &Together<'_>, b: &Together<'_>) -> bool {
    let near = a.time != 0 && b.time != 0 && a.time.abs_diff(b.time) <= TOGETHER_NANOS.unsigned_abs();
    let build = |t: &Together<'_>| {
        t.found
            .iter()
            .map(|f| f.artifact.facts.build_id.clone())
            .find(|id| !id.is_empty())
    };
    let same = build(a).zip(build(b)).is_none_or(|(a, b)| a == b);
    near && same && !b.found.iter().any(|f| a.has(&f.artifact.name))
}

/// What the files of a moment say of the process.
fn process_of(t: &Together<'_>) -> (Process, String) {
    let mut process = Process::default();
    let mut node = String::new();
    for f in &t.found {
        let facts = &f.artifact.facts;
        process.start_time = process.start_time.or(facts.process_start_time);
        if process.kubelet_version.is_empty() {
            process.kubelet_version.clone_from(&facts.kubernetes_version);
        }
        if process.go_version.is_empty() {
            process.go_version.clone_from(&facts.go_version);
        }
        if node.is_empty() {
            node.clone_from(&f.node);
        }
    }
    (process, node)
}

fn empty(files: &Arc<Files>, source: &Path) -> Series {
    Series {
        source: source.to_owned(),
        node: String::new(),
        run: 1,
        process: Process::default(),
        build_id: String::new(),
        known_by: KnownBy::Nothing,
        once: Vec::new(),
        moments: Vec::new(),
        files: files.clone(),
    }
}

/// Cuts moments at restarts, and tells nodes apart.
fn processes(moments: Vec<Together<'_>>, files: &Arc<Files>, source: &Path) -> Vec<Series> {
    let mut all: Vec<Series> = Vec::new();
    let mut later: Vec<(Moment, Together<'_>)> = Vec::new();
    for (i, t) in moments.into_iter().enumerate() {
        let moment = Moment {
            number: u32::try_from(i + 1).unwrap_or(u32::MAX),
            name: t.key.to_owned(),
            taken: (t.time != 0)
                .then(|| Timestamp::from_nanosecond(t.time.into()).ok())
                .flatten(),
            artifacts: t.found.iter().map(|f| f.artifact.clone()).collect(),
        };
        let (process, node) = process_of(&t);
        if process.start_time.is_none() {
            later.push((moment, t));
            continue;
        }
        let build = build_of(&moment);
        let same = |s: &&mut Series| {
            s.node == node
                && s.process.start_time.is_some()
                && s.process.may_be(&process)
                && same_build(&s.build_id, &build)
        };
        match all.iter_mut().find(same) {
            Some(series) => series.moments.push(moment),
            None => all.push(Series {
                run: 1 + all.iter().filter(|s| s.node == node).count() as u32,
                node,
                process,
                known_by: KnownBy::Metrics,
                moments: vec![moment],
                ..empty(files, source)
            }),
        }
        if let Some(series) = all.last_mut().filter(|s| s.build_id.is_empty()) {
            series.build_id = build;
        }
    }
    let proven = all.len();
    let is_one_node = are_restarts(&all);
    for (moment, t) in later {
        let build = build_of(&moment);
        let fits =
            |i: &usize| same_build(&all[*i].build_id, &build) && (*i >= proven || began_before(&all[*i], t.time));
        let candidates: Vec<usize> = (0..all.len()).filter(fits).collect();
        let chosen = match candidates.as_slice() {
            [one] => Some(*one),
            // Of several processes of one node it is the last that had begun.
            several if is_one_node => several.iter().copied().filter(|&i| i < proven).max(),
            _ => None,
        };
        let at = chosen.unwrap_or(all.len());
        if at == all.len() {
            all.push(Series {
                run: 1 + all.iter().filter(|s| s.node.is_empty()).count() as u32,
                ..empty(files, source)
            });
        }
        all[at].moments.push(moment);
        if all[at].build_id.is_empty() {
            all[at].build_id = build;
        }
    }
    for series in &mut all {
        series.moments.sort_by_key(|m| m.number);
        let times = series.moments.iter().filter(|m| m.taken.is_some()).count();
        if series.known_by == KnownBy::Nothing && times > 1 && !series.build_id.is_empty() {
            series.known_by = KnownBy::Build;
        }
    }
    all
}

fn start(series: &Series) -> f64 {
    series.process.start_time.unwrap_or(f64::NEG_INFINITY)
}

/// Whether processes began one after the end of the other, in their order, on a node that they do not contradict.
fn are_restarts(all: &[Series]) -> bool {
    all.windows(2).all(|pair| {
        let end = pair[0].moments.iter().filter_map(|m| m.taken).max();
        let after = end.is_none_or(|end| end.as_nanosecond() as f64 / 1e9 <= start(&pair[1]) + 1.0);
        pair[0].node == pair[1].node && after
    })
}

/// Whether a process had begun at a time; a second is what clocks differ by.
fn began_before(series: &Series, time: i64) -> bool {
    time == 0 || start(series) <= time as f64 / 1e9 + 1.0
}

fn same_build(a: &str, b: &str) -> bool {
    a.is_empty() || b.is_empty() || a == b
}

fn build_of(moment: &Moment) -> String {
    let ids = moment.artifacts.iter().map(|a| &a.facts.build_id);
    ids.into_iter().find(|id| !id.is_empty()).cloned().unwrap_or_default()
}
