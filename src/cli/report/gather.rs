//! Sources -> what a report is made of: every profile of one node with its snapshot and where a command finds it.

use crate::cli::hints::{self, Failure};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Result, bail};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::super::args::OutArgs;
use super::super::open;
use crate::bundle::manifest::Form;
use crate::diagnose::metrics::Metrics;
use crate::input::{Artifact, Input, KnownBy, Naming, Note, Series, Sources, Subject};
use crate::kubelet::Knowledge;
use crate::model::Kind;
use crate::pprof::{Form as Written, Limit};
use crate::report::{Material, Moment, PictureKind, Place, SourceFile, Taken};

/// How sources are read.
pub(super) struct Reading<'a> {
    /// The node to report on, where there are several.
    pub(super) node: Option<&'a str>,
    pub(super) limit: Limit,
    pub(super) knowledge: &'a Arc<Knowledge>,
    pub(super) naming: Naming,
    pub(super) out: &'a OutArgs,
}

/// What was read.
#[derive(Default)]
pub(super) struct Gathered {
    pub(super) material: Material,
    /// The last profile of each kind whose lines and instructions are of interest.
    pub(super) last: BTreeMap<PictureKind, (Subject, Place)>,
}

/// Reads everything.
///
/// # Errors
/// When a source cannot be read, has nothing to report on, or is of several nodes and none was chosen.
pub(super) fn material(paths: &[PathBuf], reading: &Reading<'_>) -> Result<Gathered> {
    let node = reading.node;
    let sources = Sources {
        limit: reading.limit,
        naming: reading.naming.clone(),
        knowledge: reading.knowledge.clone(),
        ..Sources::new(paths)
    };
    let input = sources.open()?;
    let nodes: BTreeSet<&str> = input
        .series()
        .map(|s| s.node.as_str())
        .filter(|n| !n.is_empty())
        .collect();
    let node = match (node, nodes.len()) {
        (Some(asked), _) if !nodes.contains(asked) => {
            let known: Vec<&str> = nodes.into_iter().collect();
            bail!(Failure::new(
                format!("node {asked:?} is not in the sources"),
                format!("they have {}", known.join(", "))
            ))
        }
        (Some(asked), _) => Some(asked.to_owned()),
        (None, 0 | 1) => None,
        (None, _) => {
            let known: Vec<&str> = nodes.into_iter().collect();
            bail!(Failure::new(
                format!("the sources are of several nodes: {}", known.join(", ")),
                "choose one with --node"
            ))
        }
    };
    let mut gathered = Gathered::default();
    let material = &mut gathered.material;
    *material = Material {
        name: match paths {
            [one] => one
                .file_name()
                .map_or_else(|| one.display().to_string(), |n| n.to_string_lossy().into_owned()),
            many => format!("{} sources", many.len()),
        },
        record: input.bundle().map(|(_, record)| record.clone()),
        ..Material::default()
    };
    if let (Some(record), Some(node)) = (&mut material.record, &node) {
        record.nodes.retain(|n| n.node == *node);
    }
    let several_nodes = node.is_some();
    let of_node = |s: &&Series| node.as_ref().is_none_or(|node| s.node == *node);
    for (process, series) in input.series().filter(of_node).enumerate() {
        let reader = Reader {
            series,
            input: &input,
            out: reading.out,
            is_bundle: series.known_by == KnownBy::Manifest,
            node: if several_nodes {
                series.node.clone()
            } else {
                String::new()
            },
        };
        reader.read(process, &mut gathered)?;
    }
    Ok(gathered)
}

struct Reader<'a> {
    series: &'a Series,
    input: &'a Input,
    out: &'a OutArgs,
    is_bundle: bool,
    node: String,
}

impl Reader<'_> {
    fn read(&self, process: usize, gathered: &mut Gathered) -> Result<()> {
        let series = self.series;
        let started = series
            .process
            .start_time
            .and_then(|s| Timestamp::from_millisecond((s * 1000.0) as i64).ok());
        let first = gathered.material.moments.len();
        for m in &series.moments {
            let mut moment = Moment {
                name: match m.name.as_str() {
                    "" => m.number.to_string(),
                    name => name.to_owned(),
                },
                at: m.taken,
                process,
                started,
                ..Moment::default()
            };
            for artifact in self.chosen(&m.artifacts) {
                self.take(artifact, Some(m.number), &mut moment, gathered)?;
            }
            let dates = moment.profiles.iter().map(|t| t.profile.time_nanos).filter(|t| *t != 0);
            let date = dates.min().and_then(|t| Timestamp::from_nanosecond(i128::from(t)).ok());
            moment.at = moment.at.or(date);
            if let (None, Some(m)) = (moment.started, &moment.metrics) {
                let seconds = m.get("process_start_time_seconds");
                moment.started = seconds.and_then(|s| Timestamp::from_millisecond((s * 1000.0) as i64).ok());
            }
            gathered.material.moments.push(moment);
        }
        for artifact in self.chosen(&series.once) {
            let mut moment = Moment::default();
            self.take(artifact, None, &mut moment, gathered)?;
            let when = moment.profiles.first().map_or(0, |t| t.profile.time_nanos);
            let own = &mut gathered.material.moments[first..];
            // What belongs to no snapshot is shown with the one that it was taken next to.
            let near = own.iter_mut().min_by_key(|m| match m.at {
                Some(at) if when != 0 => (at.as_nanosecond() - i128::from(when)).unsigned_abs(),
                _ => 0,
            });
            match near {
                Some(near) => {
                    near.profiles.append(&mut moment.profiles);
                    near.metrics = near.metrics.take().or(moment.metrics);
                    near.node = near.node.take().or(moment.node);
                }
                None => {
                    moment.name = format!("run {}", series.run);
                    moment.at = Timestamp::from_nanosecond(i128::from(when)).ok().filter(|_| when != 0);
                    (moment.process, moment.started) = (process, started);
                    gathered.material.moments.push(moment);
                }
            }
        }
        Ok(())
    }

    /// One artifact of every kind and form that a picture is made of: the plain heap before that after a collection.
    fn chosen<'s>(&self, artifacts: &'s [Artifact]) -> Vec<&'s Artifact> {
        let mut chosen: Vec<&Artifact> = Vec::new();
        let mut sorted: Vec<&Artifact> = artifacts.iter().collect();
        sorted.sort_by_key(|a| (a.name.contains("-gc"), is_text(a)));
        for artifact in sorted {
            let slot = slot(artifact);
            if !chosen.iter().any(|known| self::slot(known) == slot) {
                chosen.push(artifact);
            }
        }
        chosen
    }

    fn take(
        &self,
        artifact: &Artifact,
        number: Option<u32>,
        moment: &mut Moment,
        gathered: &mut Gathered,
    ) -> Result<()> {
        gathered.material.files.push(self.file(artifact)?);
        let Some(kind) = artifact.kind else {
            let wanted = matches!(artifact.stem(), "metrics" | "node");
            let Some(bytes) = wanted.then(|| self.series.bytes(artifact).ok()).flatten() else {
                return Ok(());
            };
            match artifact.stem() {
                "metrics" => moment.metrics = Some(Metrics::parse(&String::from_utf8_lossy(&bytes))),
                _ => moment.node = serde_json::from_slice(&bytes).ok(),
            }
            return Ok(());
        };
        let subject = self.input.artifact(artifact)?;
        let of_names = |n: &&Note| {
            matches!(
                n,
                Note::Altered(_) | Note::Unproven(..) | Note::Trusted(_) | Note::OtherBinary(..) | Note::Server { .. }
            )
        };
        for note in subject.notes.iter().filter(of_names) {
            open::note(self.out, &hints::noted(note));
        }
        let picture = picture(kind, artifact, &subject);
        let place = Place {
            source: match self.is_bundle {
                true => self.series.source.display().to_string(),
                false => artifact.path.display().to_string(),
            },
            file: artifact.file_name().to_owned(),
            snapshot: number.filter(|_| self.is_bundle),
            node: self.node.clone(),
            kind: Some(kind).filter(|_| self.is_bundle),
        };
        if matches!(picture, PictureKind::Cpu | PictureKind::Heap) {
            gathered.last.insert(picture, (subject.clone(), place.clone()));
        }
        moment.profiles.push(Taken {
            kind: picture,
            profile: subject.into_profile(),
            place,
        });
        Ok(())
    }

    fn file(&self, artifact: &Artifact) -> Result<SourceFile> {
        let sha256 = match artifact.sha256.as_str() {
            "" => {
                let bytes = std::fs::read(&artifact.path);
                bytes.map_or_else(
                    |_| String::new(),
                    |b| Sha256::digest(&b).iter().map(|b| format!("{b:02x}")).collect(),
                )
            }
            known => known.to_owned(),
        };
        Ok(SourceFile {
            path: artifact.path.display().to_string(),
            bytes: artifact.bytes,
            sha256,
        })
    }
}

fn is_text(a: &Artifact) -> bool {
    matches!(a.facts.form, Form::Debug1 | Form::Legacy)
}

/// What an artifact would be shown as: artifacts with equal ones show the same thing.
fn slot(a: &Artifact) -> (Option<Kind>, bool, &str) {
    let name = match a.kind {
        Some(Kind::Contention) | None => a.stem(),
        _ => "",
    };
    (a.kind, a.facts.form == Form::Debug2, name)
}

fn picture(kind: Kind, artifact: &Artifact, subject: &Subject) -> PictureKind {
    match kind {
        Kind::Heap => PictureKind::Heap,
        Kind::Allocs => PictureKind::Allocs,
        Kind::Cpu => PictureKind::Cpu,
        Kind::Goroutine if subject.form == Written::GoroutineDump => PictureKind::Dump,
        Kind::Goroutine => PictureKind::Goroutine,
        Kind::GoroutineLeak => PictureKind::GoroutineLeak,
        Kind::ThreadCreate => PictureKind::ThreadCreate,
        Kind::Contention if artifact.name.contains("mutex") || artifact.file_name().contains("mutex") => {
            PictureKind::Mutex
        }
        Kind::Contention => PictureKind::Block,
        _ => PictureKind::Other,
    }
}
