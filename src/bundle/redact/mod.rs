//! A bundle without names: nodes, addresses, users, values of labels become pseudonyms, secrets are masked.
//!
//! Profiles keep every sample, stack, function and number; only the texts of labels, comments and folders change. All other
//! text is hidden unless the vocabulary knows that it is no name (`prose`, `vocabulary`): what is not understood gets a
//! pseudonym. The manifest is written anew, field by field (`journal`), with the new hashes. What cannot be redacted
//! (execution traces, executables, binary files) is left out and said so in the manifest. The key that turns pseudonyms back
//! is the caller's to keep elsewhere.

mod artifacts;
mod documents;
mod dump;
mod format1;
mod journal;
mod key;
mod metrics;
mod names;
mod prose;
mod settings;
mod vocabulary;

use std::io::Write as _;
use std::path::Path;

use artifacts::LeftOut;
pub use key::{Class, Key, MASK};
use names::Names;

use super::WriteError;
use super::contents::Contents;
use super::manifest::{Artifact, Cause, Details, Effect, Entry, Event, JOURNAL, Missing, Who};
use super::names as places;
use super::pack::extra;
use super::record::Record;
use super::staging::Staging;
use crate::pprof::Limit;

/// What was redacted.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Redacted {
    /// Files that were rewritten.
    pub files: usize,
    /// Files that cannot be redacted, and why they are left out.
    pub left_out: Vec<(String, Cause, Details)>,
    /// Files that the manifest lists and that are missing.
    pub missing: Vec<String>,
    /// Files whose bytes are not those that the manifest has; left out.
    pub altered: Vec<String>,
    /// Files that the manifest does not list; left out.
    pub extra: Vec<String>,
}

/// Writes a redacted copy of a bundle to a place where nothing is.
///
/// # Errors
/// When there is something already, or the system refuses; nothing is left then.
pub fn redact(
    contents: &Contents,
    record: &Record,
    key: &mut Key,
    limit: Limit,
    place: &Path,
) -> Result<Redacted, WriteError> {
    let staging = Staging::begin(place)?;
    let mut nodes: Vec<String> = record.nodes.iter().map(|n| n.node.clone()).collect();
    nodes.extend(record.all_asked().flat_map(|a| a.nodes.clone()));
    nodes.extend(record.binaries.iter().map(|b| b.node.clone()));
    nodes.retain(|n| !n.is_empty());
    nodes.sort();
    nodes.dedup();
    let mut names = Names::new(key, nodes);
    know(contents, record, &mut names);
    let mut redaction = Redaction {
        contents,
        record,
        names,
        limit,
        staging: &staging,
        done: Redacted {
            extra: extra(contents, record),
            ..Redacted::default()
        },
    };
    let journal = contents.get(JOURNAL).map_err(|cause| WriteError::Io {
        path: contents.name.join(JOURNAL),
        cause,
    })?;
    // A last line that a kill cut says nothing.
    let whole = journal.iter().rposition(|&b| b == b'\n').map_or(0, |at| at + 1);
    let mut entries = Vec::new();
    for line in journal[..whole].split(|&b| b == b'\n').filter(|l| !l.is_empty()) {
        let Ok(entry) = serde_json::from_slice::<Entry>(line) else {
            // The record has its number.
            continue;
        };
        if let Some(event) = redaction.event(entry.event)? {
            entries.push(Entry { at: entry.at, event });
        }
    }
    let done = redaction.done;
    staging.journal(&entries)?;
    staging.finish()?;
    Ok(done)
}

/// Names that stand in one place and are to be found in all: hosts of nodes, users.
fn know(contents: &Contents, record: &Record, names: &mut Names<'_>) {
    for artifact in record.artifacts().filter(|a| a.slot.artifact.starts_with("node")) {
        let Ok(bytes) = contents.get(&artifact.path) else {
            continue;
        };
        let Ok(node) = serde_json::from_slice::<serde_json::Value>(&bytes) else {
            continue;
        };
        let addresses = node.pointer("/status/addresses").and_then(|a| a.as_array());
        for address in addresses.into_iter().flatten() {
            let text = |key: &str| address.get(key).and_then(|v| v.as_str()).unwrap_or_default();
            if matches!(text("type"), "Hostname" | "InternalDNS" | "ExternalDNS") {
                names.know_host(text("address"));
            }
        }
    }
    for missing in record.lacks().map(|l| &l.missing) {
        names.know_user(&missing.details.user);
        names.learn_users(&missing.body);
        names.learn_users(&missing.details.message);
        names.learn_from_sentence(&missing.why);
        names.learn_from_sentence(&missing.remedy);
    }
    for asked in record.all_asked() {
        journal::users_of(asked).iter().for_each(|user| names.know_user(user));
    }
}

struct Redaction<'a> {
    contents: &'a Contents,
    record: &'a Record,
    names: Names<'a>,
    limit: Limit,
    staging: &'a Staging,
    done: Redacted,
}

impl Redaction<'_> {
    fn artifact(&mut self, artifact: Artifact) -> Result<Event, WriteError> {
        let slot = self.slot(artifact.slot.clone());
        let exchange = self.exchange(artifact.exchange.clone());
        match self.bytes(&artifact) {
            Ok((bytes, facts)) => {
                let path = places::path_of(&slot, &file_of(&artifact, &slot.artifact));
                self.staging.write(&path, |f| f.write_all(&bytes))?;
                self.done.files += 1;
                let sha256 = places::sha256(&bytes);
                let bytes = bytes.len() as u64;
                Ok(Event::Artifact(Artifact {
                    slot,
                    path,
                    exchange,
                    bytes,
                    sha256,
                    facts,
                }))
            }
            Err(LeftOut { cause, message }) => {
                if !self.contents.has(&artifact.path) {
                    self.done.missing.push(artifact.path.clone());
                } else if cause == Cause::Altered {
                    self.done.altered.push(artifact.path.clone());
                }
                let details = Details {
                    message: self.names.prose(&message),
                    effect: Some(Effect::LeftOut),
                    ..Details::default()
                };
                self.done.left_out.push((artifact.path, cause, details.clone()));
                Ok(Event::Skipped(Missing {
                    slot,
                    exchange,
                    who: Who::Kubeprof,
                    cause,
                    details,
                    ..Missing::default()
                }))
            }
        }
    }
}

/// The file of a redacted artifact: its own name where that is the usual one of the artifact, with its ending.
fn file_of(artifact: &Artifact, name: &str) -> String {
    let file = artifact.path.rsplit('/').next().unwrap_or_default();
    let usual = file
        .strip_prefix(artifact.slot.artifact.as_str())
        .and_then(|rest| rest.strip_prefix('.'));
    match usual {
        Some(ending @ ("pb.gz" | "pb" | "txt" | "txt.gz" | "json" | "trace" | "bin")) => format!("{name}.{ending}"),
        _ => places::file_of(name),
    }
}
