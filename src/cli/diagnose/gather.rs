//! Sources -> moments, one after the other: every snapshot of every process that `input` finds, its profiles decoded when it
//! is its turn.

use crate::cli::hints::Failure;
use std::path::PathBuf;

use anyhow::{Result, bail};
use jiff::Timestamp;

use crate::diagnose::material::{Moment, Process};
use crate::diagnose::metrics::Metrics;
use crate::input::{self, Artifact, Input, Series};
use crate::kubelet::Knowledge;
use crate::model::Kind;
use crate::model::evidence::UnitEvent;
use crate::pprof::goroutines::Dumps;
use crate::pprof::{Form, Limit, Remark};

/// Hands every moment in the sources to `take`.
///
/// # Errors
/// When a source cannot be read, or a file that was named is nothing that is known.
pub(in crate::cli) fn each(
    paths: &[PathBuf],
    limit: Limit,
    knowledge: &Knowledge,
    mut take: impl FnMut(Moment),
) -> Result<()> {
    each_of_node(paths, limit, knowledge, |_, moment| take(moment))
}

/// The same, with the number of the node, which is 0 unless bundles hold several: elsewhere a moment of another node has
/// slipped in.
///
/// # Errors
/// As [`each`].
pub(super) fn each_of_node(
    paths: &[PathBuf],
    limit: Limit,
    knowledge: &Knowledge,
    mut take: impl FnMut(usize, Moment),
) -> Result<()> {
    let input = Input::open(paths, limit)?;
    for path in input.unread_named() {
        if path.as_os_str() == "-" {
            bail!(Failure::new(
                "standard input: no profile, dump, traceback or metrics",
                "kubeprof inspect - says what it holds"
            ));
        }
        // Alone it says what it is instead.
        Input::open(&[path], limit)?.subject()?;
    }
    let mut taken = 0;
    let mut nodes: Vec<&str> = Vec::new();
    for series in input.series() {
        if !nodes.contains(&series.node.as_str()) {
            nodes.push(&series.node);
        }
    }
    let by_node = input.series().all(is_bundle);
    let mut unread: Vec<String> = input.unread().iter().map(|p| p.display().to_string()).collect();
    for series in input.series() {
        let node = nodes.iter().position(|n| by_node && *n == series.node).unwrap_or(0);
        let process = process(series);
        let mut moments: Vec<Option<&input::Moment>> = series.moments.iter().map(Some).collect();
        if moments.is_empty() {
            moments.push(None);
        }
        let last = moments.len() - 1;
        for (i, moment) in moments.into_iter().enumerate() {
            let mut made = Moment {
                label: moment.map_or_else(String::new, |m| label(series, m)),
                snapshot: moment.map(|m| m.number).filter(|_| is_bundle(series)),
                at: moment.and_then(|m| m.taken),
                process: process.clone(),
                unread: std::mem::take(&mut unread),
                ..Moment::default()
            };
            let of_moment = moment.into_iter().flat_map(|m| &m.artifacts);
            // What was taken once was taken about the time of the last snapshot.
            let once = series.once.iter().filter(|_| i == last);
            for artifact in of_moment.chain(once) {
                add(&mut made, series, artifact, knowledge)?;
            }
            taken += usize::from(!made.sources.is_empty());
            take(node, made);
        }
    }
    if taken == 0 {
        // Says of each sort of wrong file what it is.
        input.subject()?;
        bail!(Failure::new(
            "no profiles, dumps or metrics in the sources",
            "kubeprof inspect says what a file holds"
        ));
    }
    Ok(())
}

fn is_bundle(series: &Series) -> bool {
    series.known_by == input::KnownBy::Manifest
}

fn label(series: &Series, moment: &input::Moment) -> String {
    if is_bundle(series) {
        return format!("snapshot {}", moment.number);
    }
    let name = moment.name.rsplit('/').next().unwrap_or_default();
    if name.is_empty() {
        format!("moment {}", moment.number)
    } else {
        name.to_owned()
    }
}

fn process(series: &Series) -> Process {
    let p = &series.process;
    Process {
        node: series.node.clone(),
        run: is_bundle(series).then_some(series.run),
        started: p.start_time,
        build_id: series.build_id.clone(),
        kubernetes: p.kubelet_version.clone(),
        go: p.go_version.clone(),
        runtime: p.facts.get("container_runtime").cloned().unwrap_or_default(),
    }
}

/// Reads an artifact into its moment. In bundles and folders what cannot be read is named and left out.
fn add(moment: &mut Moment, series: &Series, artifact: &Artifact, knowledge: &Knowledge) -> Result<()> {
    let source = if is_bundle(series) {
        series.source.display().to_string()
    } else {
        artifact.path.display().to_string()
    };
    if let Some(evidence) = series.events(artifact) {
        let events = evidence.events.into_iter();
        moment.events.extend(events.filter(UnitEvent::is_of_kubelet));
        push(&mut moment.sources, source);
        return Ok(());
    }
    if artifact.kind.is_none() {
        let Ok(bytes) = series.bytes(artifact) else {
            moment.unread.push(artifact.path.display().to_string());
            return Ok(());
        };
        let text = String::from_utf8_lossy(&bytes);
        match artifact.stem() {
            "healthz" => moment.healthz = Some(text.into_owned()),
            "node" => moment.node = serde_json::from_str(&text).ok(),
            "metrics" => moment.metrics = Some(Metrics::parse(&text)),
            _ => return Ok(()),
        }
        push(&mut moment.sources, source);
        return Ok(());
    }
    // Heaps after a forced collection do not compare with the others.
    if artifact.stem() == "heap-gc" {
        return Ok(());
    }
    let Ok(read) = series.read(artifact) else {
        moment.unread.push(artifact.path.display().to_string());
        return Ok(());
    };
    let is_text = read.form != Form::Proto;
    if moment.at.is_none() && read.profile.time_nanos != 0 {
        moment.at = Timestamp::from_nanosecond(i128::from(read.profile.time_nanos)).ok();
    }
    moment.dump_cut |= read.remarks.iter().any(|r| matches!(r, Remark::DumpTruncated(_)));
    let kind = artifact.kind.unwrap_or_else(|| Kind::of(&read.profile));
    let dump = read.dumps.as_deref().and_then(|dumps| dumps.chosen().next());
    match (kind, dump) {
        (Kind::Goroutine, Some(dump)) => {
            moment.crash = dump.facts.crash.clone();
            moment.program = dump.facts.program.clone();
            let evidence = read.dumps.as_deref().map(Dumps::evidence).unwrap_or_default();
            let chosen = evidence.chosen.first().copied().unwrap_or_default();
            moment.events.extend(evidence.of_process(chosen).into_iter().cloned());
            // A dump knows states: it is better than what may be there already.
            let (profile, ids) = input::dump_profile_and_samples(dump, knowledge);
            moment.goroutines = Some(profile);
            moment.goroutine_ids = ids;
            moment.goroutines_are_dump = true;
        }
        (Kind::Goroutine, None) if !(moment.goroutines_are_dump || is_text && moment.goroutines.is_some()) => {
            moment.goroutines = Some(read.profile);
        }
        (Kind::GoroutineLeak, _) => moment.leaked = Some(read.profile),
        // A text has no sizes: a profile of the same moment is better.
        (Kind::Heap, _) if moment.heap.is_none() || moment.heap_is_text => {
            if !(is_text && moment.heap.is_some()) {
                (moment.heap, moment.heap_is_text) = (Some(read.profile), is_text);
            }
        }
        (Kind::Cpu, _) => moment.cpu = Some(read.profile),
        (Kind::Contention, _) if artifact.stem() == "mutex" => moment.mutex = Some(read.profile),
        (Kind::Contention, _) => moment.block = Some(read.profile),
        (Kind::ThreadCreate, _) => moment.threads = Some(read.profile),
        (Kind::Allocs, _) => moment.allocs = Some(read.profile),
        _ => return Ok(()),
    }
    push(&mut moment.sources, source);
    Ok(())
}

fn push(sources: &mut Vec<String>, source: String) {
    if !sources.contains(&source) {
        sources.push(source);
    }
}
