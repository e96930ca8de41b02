//! Paths -> moments: bundles by their record, other files by what they hold and how they are named.
//!
//! Files of a folder that share what stands before the kind in their name (`s03-heap.pb.gz`, `s03-metrics.txt.gz`) are of
//! one moment; its time is that of its profiles.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use jiff::Timestamp;

use super::super::dumps;
use crate::bundle::manifest::SnapshotId;
use crate::bundle::{Contents, Record, RunRecord, Want};
use crate::diagnose::material::{Moment, Process};
use crate::diagnose::metrics::Metrics;
use crate::input::{self, Input, InputError};
use crate::kubelet::Knowledge;
use crate::model::Kind;
use crate::pprof::{self, Form, Limit, Remark};

/// What the paths hold.
#[derive(Default)]
pub(super) struct Gathered {
    /// Moments in no order.
    pub(super) moments: Vec<Moment>,
    /// Files that were not used.
    pub(super) unused: usize,
}

/// Reads all paths.
///
/// # Errors
/// When one cannot be read, or a file that was named is nothing that is known.
pub(super) fn gather(paths: &[PathBuf], limit: Limit, knowledge: &Knowledge) -> Result<Gathered> {
    let mut gathered = Gathered::default();
    let mut loose: Vec<(String, String, Vec<u8>)> = Vec::new();
    for path in paths {
        if let Some((contents, record)) = input::open_bundle(path, limit, Want::Artifacts)? {
            if !record.is_readable() {
                bail!(
                    "{}: bundle of schema {}\nhint: a newer kubeprof reads it",
                    path.display(),
                    record.schema
                );
            }
            bundle(path, &contents, &record, limit, knowledge, &mut gathered);
        } else if path.is_dir() {
            folder(path, limit, knowledge, &mut gathered)?;
        } else {
            let opened = Input::open(std::slice::from_ref(path), limit)?;
            let Some((_, bytes)) = opened.single_file() else {
                bail!("{}: a tar that is not a bundle\nhint: unpack it first", path.display());
            };
            loose.push((path.display().to_string(), path.display().to_string(), bytes.to_vec()));
        }
    }
    let only = loose.len();
    group(loose, true, limit, knowledge, &mut gathered)?;
    if gathered.moments.is_empty() {
        let files = gathered.unused.max(only);
        bail!("no profiles in {files} files\nhint: kubeprof inspect says what a file holds");
    }
    Ok(gathered)
}

fn folder(path: &Path, limit: Limit, knowledge: &Knowledge, gathered: &mut Gathered) -> Result<()> {
    let contents = Contents::folder(path, limit).with_context(|| format!("cannot list {}", path.display()))?;
    let mut files = Vec::new();
    for name in contents.paths() {
        if name.split('/').any(|part| part.starts_with('.')) || name.ends_with(".part") {
            continue;
        }
        let Ok(bytes) = contents.get(name) else {
            gathered.unused += 1;
            continue;
        };
        files.push((
            path.join(name).display().to_string(),
            name.to_owned(),
            bytes.into_owned(),
        ));
    }
    group(files, false, limit, knowledge, gathered)
}

/// The words in file names behind which the kind begins, longest first where one begins another.
const KINDS: &[&str] = &[
    "goroutineleak",
    "goroutines",
    "goroutine",
    "threadcreate",
    "allocs",
    "heap",
    "profile",
    "metrics",
    "healthz",
    "configz",
    "mutex",
    "block",
    "cpu",
    "node",
    "trace",
];

/// What stands before the kind in a file's name.
fn stem(name: &str) -> String {
    let (folder, file) = name.rsplit_once('/').unwrap_or(("", name));
    let lower = file.to_ascii_lowercase();
    let at = KINDS.iter().filter_map(|k| lower.find(k)).min();
    let head = at.map_or(file, |at| &file[..at]);
    let head = head.trim_end_matches(['-', '_', '.']);
    match (folder, head) {
        ("", head) => head.to_owned(),
        (folder, "") => folder.to_owned(),
        (folder, head) => format!("{folder}/{head}"),
    }
}

fn group(
    files: Vec<(String, String, Vec<u8>)>,
    named: bool,
    limit: Limit,
    knowledge: &Knowledge,
    gathered: &mut Gathered,
) -> Result<()> {
    let mut groups: BTreeMap<String, Vec<Moment>> = BTreeMap::new();
    for (source, name, bytes) in files {
        let mut moment = Moment::default();
        let unknown = |moment: &Moment| moment.sources.is_empty();
        take(&mut moment, &source, artifact_of(&name), bytes, limit, knowledge, named)?;
        if unknown(&moment) {
            gathered.unused += 1;
            continue;
        }
        let stem = stem(&name);
        let of_stem = groups.entry(stem.clone()).or_default();
        moment.label = stem;
        // Files of one name and another time are another moment: heap.1.pb.gz, heap.2.pb.gz.
        match of_stem.iter_mut().find(|m| fits(m, &moment)) {
            Some(first) => join(first, moment),
            None => of_stem.push(moment),
        }
    }
    gathered.moments.extend(groups.into_values().flatten());
    Ok(())
}

/// Whether a file can be of this moment: it has nothing of the kind yet, and their times are close.
fn fits(moment: &Moment, more: &Moment) -> bool {
    let free = (moment.heap.is_none() || more.heap.is_none() || moment.heap_is_text || more.heap_is_text)
        && (moment.allocs.is_none() || more.allocs.is_none())
        && (moment.metrics.is_none() || more.metrics.is_none())
        && (moment.cpu.is_none() || more.cpu.is_none());
    let close = match (moment.at, more.at) {
        (Some(a), Some(b)) => a.duration_since(b).abs().as_secs() <= 60,
        _ => true,
    };
    free && close
}

fn join(to: &mut Moment, mut more: Moment) {
    to.sources.append(&mut more.sources);
    to.at = to.at.or(more.at);
    to.process.learn(&more.process);
    to.cause = to.cause.take().or(more.cause);
    // A dump knows states.
    let is_dump = more.goroutines.as_ref().is_some_and(|p| p.mappings.is_empty());
    // A text has no sizes: a profile of the same moment is better.
    if more.heap.is_some() && (to.heap.is_none() || to.heap_is_text && !more.heap_is_text) {
        (to.heap, to.heap_is_text) = (more.heap, more.heap_is_text);
    }
    if more.goroutines.is_some() && (to.goroutines.is_none() || is_dump) {
        (to.goroutines, to.dump_cut) = (more.goroutines, more.dump_cut);
    }
    to.allocs = to.allocs.take().or(more.allocs);
    to.leaked = to.leaked.take().or(more.leaked);
    to.cpu = to.cpu.take().or(more.cpu);
    to.mutex = to.mutex.take().or(more.mutex);
    to.block = to.block.take().or(more.block);
    to.threads = to.threads.take().or(more.threads);
    to.metrics = to.metrics.take().or(more.metrics);
    to.healthz = to.healthz.take().or(more.healthz);
    to.configz = to.configz.take().or(more.configz);
    to.node = to.node.take().or(more.node);
}

/// What a bundle would call the file.
fn artifact_of(name: &str) -> &str {
    let lower = name.rsplit('/').next().unwrap_or(name);
    for kind in ["mutex", "block", "healthz", "configz", "node", "heap-gc"] {
        if lower.contains(kind) {
            return kind;
        }
    }
    ""
}

fn bundle(
    path: &Path,
    contents: &Contents,
    record: &Record,
    limit: Limit,
    knowledge: &Knowledge,
    gathered: &mut Gathered,
) {
    let source = path.display().to_string();
    for node in &record.nodes {
        for run in &node.runs {
            let process = process(&node.node, run);
            let mut moments: Vec<Moment> = Vec::new();
            for snapshot in &run.snapshots {
                let mut moment = Moment {
                    label: format!("snapshot {}", snapshot.id.number),
                    snapshot: Some(snapshot.id.number),
                    at: Some(at(snapshot.id)),
                    process: process.clone(),
                    ..Moment::default()
                };
                for artifact in &snapshot.artifacts {
                    let mut one = Moment::default();
                    let Ok(bytes) = contents.get(&artifact.path) else {
                        gathered.unused += 1;
                        continue;
                    };
                    let name = &artifact.slot.artifact;
                    let _ = take(&mut one, &source, name, bytes.into_owned(), limit, knowledge, false);
                    join(&mut moment, one);
                }
                moment.sources = vec![source.clone()];
                moments.push(moment);
            }
            if moments.is_empty() {
                moments.push(Moment {
                    label: format!("run {}", run.run),
                    process: process.clone(),
                    ..Moment::default()
                });
            }
            for artifact in &run.once {
                let Ok(bytes) = contents.get(&artifact.path) else {
                    continue;
                };
                let mut one = Moment::default();
                let name = &artifact.slot.artifact;
                let _ = take(&mut one, &source, name, bytes.into_owned(), limit, knowledge, false);
                one.at = None;
                if let Some(last) = moments.last_mut() {
                    join(last, one);
                    last.sources = vec![source.clone()];
                }
            }
            gathered.moments.append(&mut moments);
        }
    }
}

fn at(id: SnapshotId) -> Timestamp {
    id.taken
}

fn process(node: &str, run: &RunRecord) -> Process {
    Process {
        node: node.to_owned(),
        run: Some(run.run),
        started: run.process.start_time,
        kubernetes: run.process.kubelet_version.clone(),
        go: run.process.go_version.clone(),
        runtime: run.process.facts.get("container_runtime").cloned().unwrap_or_default(),
        build_id: String::new(),
    }
}

/// Reads one file into a moment. What is nothing that is known leaves the moment without a source; that is an error for a
/// file that was `named`.
fn take(
    moment: &mut Moment,
    source: &str,
    artifact: &str,
    bytes: Vec<u8>,
    limit: Limit,
    knowledge: &Knowledge,
    named: bool,
) -> Result<()> {
    let text = |bytes: &[u8]| {
        let plain = pprof::inflate(bytes, limit).ok()?;
        String::from_utf8(plain.into_owned()).ok()
    };
    match artifact {
        "heap-gc" => return Ok(()),
        "healthz" | "configz" | "node" | "metrics" | "version" | "cmdline" | "flagz" | "statusz" => {
            let Some(text) = text(&bytes) else { return Ok(()) };
            match artifact {
                "healthz" => moment.healthz = Some(text),
                "configz" => moment.configz = serde_json::from_str(&text).ok(),
                "node" => moment.node = serde_json::from_str(&text).ok(),
                "metrics" => moment.metrics = Some(Metrics::parse(&text)),
                _ => return Ok(()),
            }
            moment.sources = vec![source.to_owned()];
            return Ok(());
        }
        _ => {}
    }
    let read = match pprof::read(bytes.clone(), limit, false) {
        Ok(read) => read,
        Err(cause) => {
            if let Some(text) = text(&bytes).filter(|t| Metrics::looks_like(t)) {
                moment.metrics = Some(Metrics::parse(&text));
                moment.sources = vec![source.to_owned()];
                return Ok(());
            }
            if named {
                return Err(InputError::Read {
                    name: source.to_owned(),
                    cause,
                }
                .into());
            }
            return Ok(());
        }
    };
    moment.sources = vec![source.to_owned()];
    if read.profile.time_nanos != 0 {
        moment.at = Timestamp::from_nanosecond(i128::from(read.profile.time_nanos)).ok();
    }
    moment.dump_cut = read.remarks.iter().any(|r| matches!(r, Remark::DumpTruncated(_)));
    match (Kind::of(&read.profile), read.dump) {
        (Kind::Goroutine, Some(dump)) => {
            moment.cause = dump.cause.clone();
            moment.goroutines = Some(dumps::with_parents(&dump, knowledge));
        }
        (Kind::Goroutine, None) => moment.goroutines = Some(read.profile),
        (Kind::GoroutineLeak, _) => moment.leaked = Some(read.profile),
        (Kind::Heap, _) => {
            moment.heap_is_text = read.form != Form::Proto;
            moment.heap = Some(read.profile);
        }
        (Kind::Allocs, _) => moment.allocs = Some(read.profile),
        (Kind::Cpu, _) => moment.cpu = Some(read.profile),
        (Kind::Contention, _) if artifact == "mutex" => moment.mutex = Some(read.profile),
        (Kind::Contention, _) => moment.block = Some(read.profile),
        (Kind::ThreadCreate, _) => moment.threads = Some(read.profile),
        _ => moment.sources.clear(),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::stem;

    #[test]
    fn what_stands_before_the_kind() {
        for (name, expected) in [
            ("s03-heap.pb.gz", "s03"),
            ("a-before-goroutine.debug2.txt", "a-before"),
            ("heap.pb.gz", ""),
            ("run-1/0001/heap.pb.gz", "run-1/0001"),
            ("monday_goroutineleak.pb.gz", "monday"),
            ("dump.txt", "dump.txt"),
        ] {
            assert_eq!(stem(name), expected, "{name}");
        }
    }
}
