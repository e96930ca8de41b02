//! What of a series lacks, which processes it is of, and whether their build IDs agree.

use std::collections::{BTreeMap, BTreeSet};

use super::{Absence, Absent, BuildIdState, ByRun, Flaw, Gap, NodeState, RunState, Verification, of_run};
use crate::bundle::manifest::{Artifact, Asked, Form, shown};
use crate::bundle::names;
use crate::bundle::record::{Lack, NodeRecord, Record, RunRecord};

pub(super) fn node_state(node: &NodeRecord, asked: &[&Asked], by_run: &ByRun<'_>) -> NodeState {
    let run_state = |run: &RunRecord| {
        let intact = of_run(by_run, &node.node, run.run);
        let mut seen: Vec<f64> = intact.iter().filter_map(|a| a.facts.process_start_time).collect();
        seen.sort_by(f64::total_cmp);
        seen.dedup_by(|a, b| (*a - *b).abs() <= 0.1);
        RunState {
            run: run.run,
            start_time: run.process.start_time,
            kubelet_version: run.process.kubelet_version.clone(),
            snapshots: run.snapshots.len() as u32,
            artifacts: intact.len(),
            start_times_seen: seen,
        }
    };
    let ended = node.runs.iter().flat_map(|r| &r.snapshots).filter(|s| s.ended);
    let ended = ended.count() as u32;
    let asked = snapshots_asked(asked);
    NodeState {
        node: node.node.clone(),
        runs: node.runs.iter().map(run_state).collect(),
        // Captures that were asked for the same are written down once when they are merged.
        asked: asked.max(ended),
        ended,
    }
}

fn snapshots_asked(asked: &[&Asked]) -> u32 {
    asked.iter().fold(0, |sum, a| sum.saturating_add(a.snapshots))
}

/// Snapshots that came later than was asked: rates over them are over a longer time.
pub(super) fn lateness(node: &NodeRecord, asked: &[&Asked], v: &mut Verification) {
    let [one] = asked else { return };
    let step = i64::try_from(one.interval_ms).unwrap_or(i64::MAX);
    if step == 0 {
        return;
    }
    let snapshots = node.runs.iter().flat_map(|r| &r.snapshots);
    let mut times: Vec<(u32, i64)> = snapshots.map(|s| (s.id.number, s.id.taken.as_millisecond())).collect();
    times.sort_unstable();
    times.dedup_by_key(|(number, _)| *number);
    let late: Vec<String> = times
        .windows(2)
        .filter(|w| w[0].0.checked_add(1) == Some(w[1].0) && w[1].1 - w[0].1 > step.saturating_add(step / 2))
        .map(|w| format!("{} ({:.1} s)", w[1].0, (w[1].1 - w[0].1) as f64 / 1e3))
        .collect();
    let Some(first) = late.first() else { return };
    let others = match late.len() {
        1 => String::new(),
        n => format!(" and {} others", n - 1),
    };
    v.notes.push(format!(
        "{}: snapshot {first}{others} began later after the one before than the {:.1} s that were asked",
        node.node,
        one.interval_ms as f64 / 1e3
    ));
}

pub(super) fn gaps(record: &Record, by_node: &BTreeMap<&str, Vec<&Asked>>, v: &mut Verification) {
    for lack in record
        .lacks()
        .filter(|l| l.skipped || l.missing.slot.snapshot.is_none())
    {
        let list = if lack.skipped { &mut v.skipped } else { &mut v.lacks };
        list.push(gap_of(lack));
    }
    // Nodes that were merged in or out of it may have no asking of their own.
    for node in record.nodes.iter().filter(|n| !by_node.contains_key(n.node.as_str())) {
        let lacks = node.runs.iter().flat_map(|r| &r.snapshots).flat_map(|s| &s.lacks);
        v.lacks.extend(lacks.filter(|l| !l.skipped).map(gap_of));
    }
    for (name, asked) in by_node {
        let Some(node) = record.node(name) else {
            v.lacks.push(untold(name, 0, None, Absent::Node, Absence::NothingTaken));
            continue;
        };
        let every = names_of(asked.iter().flat_map(|a| &a.every));
        let (begun, due) = (node.last_number(), snapshots_asked(asked));
        if begun < due {
            let what = Absent::Snapshots {
                missing: due - begun,
                asked: due,
            };
            v.lacks.push(untold(name, 0, None, what, Absence::SeriesEnded));
        }
        let mut others = every.clone();
        let of_snapshots = || node.runs.iter().flat_map(|r| &r.snapshots).flat_map(|s| &s.lacks);
        others.extend(of_snapshots().map(|l| l.missing.slot.artifact.as_str()));
        for what in names_of(others.into_iter()) {
            let missing = match every.contains(&what) {
                true => due.min(begun).saturating_sub(node.settled(what)),
                false => u32::MAX,
            };
            failures(node, what, &every, missing, v);
        }
        for what in names_of(asked.iter().flat_map(|a| &a.once)) {
            let is_told = |artifacts: &[Artifact], lacks: &[Lack]| {
                artifacts.iter().any(|a| a.slot.artifact == what)
                    || lacks.iter().any(|l| l.missing.slot.artifact == what)
            };
            let told = node
                .runs
                .iter()
                .any(|r| is_told(&r.once, &r.lacks) || r.snapshots.iter().any(|s| is_told(&s.artifacts, &s.lacks)));
            if !told {
                let what = Absent::Artifact(what.to_owned());
                v.lacks.push(untold(name, 0, None, what, Absence::NotReached));
            }
        }
    }
}

/// Snapshots without an artifact that should have it. Of as many as later snapshots make up for, that is said instead: the
/// latest `due` are missing.
fn failures(node: &NodeRecord, what: &str, every: &[&str], due: u32, v: &mut Verification) {
    let mut gaps = Vec::new();
    for run in &node.runs {
        for s in &run.snapshots {
            let lack = s.lacks.iter().find(|l| l.missing.slot.artifact == what);
            let there = s.artifacts.iter().any(|a| a.slot.artifact == what);
            match lack {
                Some(lack) if !lack.skipped => gaps.push(gap_of(lack)),
                None if !there && !s.ended && every.contains(&what) => {
                    let what = Absent::Artifact(what.to_owned());
                    gaps.push(untold(
                        &node.node,
                        run.run,
                        Some(s.id.number),
                        what,
                        Absence::NotReached,
                    ));
                }
                _ => {}
            }
        }
    }
    let made_up = gaps.len().saturating_sub(usize::try_from(due).unwrap_or(usize::MAX));
    for (i, gap) in gaps.into_iter().enumerate() {
        if i >= made_up {
            v.lacks.push(gap);
        } else {
            v.skipped.push(Gap { made_up: true, ..gap });
        }
    }
}

fn names_of<'a, T: AsRef<str> + ?Sized + 'a>(names: impl Iterator<Item = &'a T>) -> Vec<&'a str> {
    let mut names: Vec<&str> = names.map(AsRef::as_ref).collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn gap_of(lack: &Lack) -> Gap {
    let missing = &lack.missing;
    Gap {
        node: missing.slot.node.clone(),
        run: missing.slot.run,
        snapshot: missing.slot.snapshot.map(|s| s.number),
        what: Absent::Artifact(missing.slot.artifact.clone()),
        why: Absence::Told(Box::new(missing.clone())),
        made_up: false,
    }
}

fn untold(node: &str, run: u32, snapshot: Option<u32>, what: Absent, why: Absence) -> Gap {
    Gap {
        node: node.to_owned(),
        run,
        snapshot,
        what,
        why,
        made_up: false,
    }
}

/// Artifacts that stand under the time of a snapshot that was over when they came: an older kubeprof filed them so.
pub(super) fn late(record: &Record, v: &mut Verification) {
    let late: BTreeSet<&str> = record.late.iter().map(String::as_str).collect();
    for artifact in record.artifacts().filter(|a| late.contains(a.path.as_str())) {
        let id = artifact.slot.snapshot;
        let of = id.map_or_else(String::new, |id| format!(" {} of {}", id.number, id.shown()));
        let came = artifact
            .taken()
            .map_or_else(String::new, |t| format!(": it came at {}", shown(t)));
        v.find(
            Flaw::Order,
            &artifact.path,
            format!("it is filed under snapshot{of} and was taken later, when the capture was resumed{came}; merging the bundle files it anew"),
        );
    }
}

pub(super) fn identities(record: &Record, intact: &[&Artifact], by_run: &ByRun<'_>, v: &mut Verification) {
    let mut mixed = Vec::new();
    for node in &v.nodes {
        for run in node.runs.iter().filter(|r| r.start_times_seen.len() > 1) {
            mixed.push((
                format!("{}/run-{}", names::folder_of(&node.node), run.run),
                format!(
                    "metrics name {} start times: two processes are mixed in one run",
                    run.start_times_seen.len()
                ),
            ));
        }
        if node.runs.len() > 1 {
            let text = format!(
                "{}: {} processes; profiles of different ones are not compared",
                node.node,
                node.runs.len()
            );
            v.notes.push(text);
        }
    }
    for (path, detail) in mixed {
        v.find(Flaw::Facts, &path, detail);
    }
    let mut ids: Vec<BuildIdState> = Vec::new();
    for artifact in intact
        .iter()
        .filter(|a| a.facts.form == Form::Proto && a.facts.samples != Some(0))
    {
        let id = &artifact.facts.build_id;
        match ids.iter_mut().find(|s| s.build_id == *id) {
            Some(state) => state.profiles += 1,
            None => ids.push(BuildIdState {
                build_id: id.clone(),
                profiles: 1,
                binary: record
                    .binaries
                    .iter()
                    .find(|b| b.build_id == *id && !id.is_empty())
                    .map(|b| b.path.clone()),
            }),
        }
    }
    ids.sort_by(|a, b| a.build_id.cmp(&b.build_id));
    for binary in record.binaries.iter().filter(|b| !b.build_id.is_empty()) {
        if !ids.is_empty() && ids.iter().all(|s| s.build_id != binary.build_id) {
            v.find(
                Flaw::Binary,
                &binary.path,
                format!("no profile is of build ID {}", binary.build_id),
            );
        }
    }
    for node in &record.nodes {
        for run in &node.runs {
            let mut of: Vec<&str> = of_run(by_run, &node.node, run.run)
                .iter()
                .map(|a| a.facts.build_id.as_str())
                .filter(|id| !id.is_empty())
                .collect();
            of.sort_unstable();
            of.dedup();
            if of.len() > 1 {
                let path = format!("{}/run-{}", names::folder_of(&node.node), run.run);
                v.find(
                    Flaw::Facts,
                    &path,
                    format!("profiles of {} build IDs in one run", of.len()),
                );
            }
        }
    }
    v.build_ids = ids;
}
