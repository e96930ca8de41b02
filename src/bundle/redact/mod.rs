//! A bundle without names: nodes, addresses, users, values of labels become pseudonyms, secrets are masked.
//!
//! Profiles keep every sample, stack, function and number; only the texts of labels, comments and folders of users change.
//! The manifest is written anew with the new hashes. What cannot be redacted (execution traces, executables, binary files) is
//! left out and said so in the manifest. The key that turns pseudonyms back is the caller's to keep elsewhere.

mod documents;
mod key;
mod vocabulary;
mod words;

use std::io::Write as _;
use std::path::Path;

pub use key::{Class, Key, MASK};
use words::Words;

use super::WriteError;
use super::contents::Contents;
use super::facts::{Expect, examine};
use super::manifest::{
    Artifact, Asked, Entry, Event, Exchange, Finished, Form, JOURNAL, Missing, RunStarted, Slot, SnapshotEnded,
    Started, Who,
};
use super::names;
use super::record::Record;
use super::staging::Staging;
use crate::model::Profile;
use crate::pprof::{self, Compression, Limit, encode_gzip_as_read};

/// What was redacted.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Redacted {
    /// Files that were rewritten.
    pub files: usize,
    /// Files that cannot be redacted, and why they are left out.
    pub left_out: Vec<(String, String)>,
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
    nodes.sort();
    nodes.dedup();
    let mut words = Words::new(key, nodes);
    know(contents, record, &mut words);
    let mut redaction = Redaction {
        contents,
        record,
        words,
        limit,
        staging: &staging,
        done: Redacted::default(),
    };
    let journal = contents.get(JOURNAL).map_err(|cause| WriteError::Io {
        path: contents.name.join(JOURNAL),
        cause,
    })?;
    let mut entries = Vec::new();
    for line in journal.split(|&b| b == b'\n').filter(|l| !l.is_empty()) {
        let Ok(entry) = serde_json::from_slice::<Entry>(line) else {
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

/// Headers of answers that say who answered or whom one should ask; the rest is about the answer itself.
const TELLING_HEADERS: [&str; 4] = ["location", "server", "via", "www-authenticate"];

/// Names that stand in one place and are to be found in all: hosts of nodes, users.
fn know(contents: &Contents, record: &Record, words: &mut Words<'_>) {
    for artifact in record.artifacts().filter(|a| a.slot.artifact == "node") {
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
                words.know(Class::Host, text("address"));
            }
        }
    }
    for lack in record.lacks() {
        for text in [&lack.missing.why, &lack.missing.remedy, &lack.missing.body] {
            words.learn(text);
        }
    }
    for asked in record.all_asked() {
        let mut before = "";
        for word in &asked.command {
            let value = word
                .strip_prefix("--as=")
                .or((before == "--as").then_some(word.as_str()));
            if let Some(user) = value {
                words.know(Class::User, user);
            }
            before = word;
        }
    }
}

struct Redaction<'a> {
    contents: &'a Contents,
    record: &'a Record,
    words: Words<'a>,
    limit: Limit,
    staging: &'a Staging,
    done: Redacted,
}

impl Redaction<'_> {
    /// The event of the new journal; none for what is left out without a trace.
    fn event(&mut self, event: Event) -> Result<Option<Event>, WriteError> {
        Ok(match event {
            Event::Started(started) => Some(Event::Started(Started {
                asked: self.asked(started.asked),
                ..started
            })),
            Event::Run(run) => {
                let mut process = run.process;
                process.boot_id = self.words.machine(&process.boot_id);
                for value in process.facts.values_mut() {
                    *value = self.words.told(value);
                }
                let node = self.words.node(&run.node);
                Some(Event::Run(RunStarted {
                    node,
                    run: run.run,
                    process,
                }))
            }
            // What a later line took the place of is not there any more.
            Event::Artifact(a) if self.record.artifact(&a.slot) != Some(&a) => None,
            Event::Artifact(artifact) => Some(self.artifact(artifact)?),
            Event::Failed(missing) => Some(Event::Failed(self.missing(missing))),
            Event::Skipped(missing) => Some(Event::Skipped(self.missing(missing))),
            Event::Snapshot(ended) => {
                let node = self.words.node(&ended.node);
                Some(Event::Snapshot(SnapshotEnded { node, ..ended }))
            }
            Event::Binary(binary) => {
                let why = "an executable holds the paths of whoever built it".to_owned();
                self.done.left_out.push((binary.path, why));
                None
            }
            Event::Finished(finished) => {
                let interrupted = self.words.told(&finished.interrupted);
                Some(Event::Finished(Finished { interrupted }))
            }
            // Nobody knows what is in it.
            Event::Aside(_) | Event::Unknown => None,
        })
    }

    fn asked(&mut self, asked: Asked) -> Asked {
        Asked {
            nodes: asked.nodes.iter().map(|n| self.words.node(n)).collect(),
            server: self.words.text(&asked.server),
            command: self.words.own_command(&asked.command),
            options: asked
                .options
                .into_iter()
                .map(|(k, v)| (k, self.words.text(&v)))
                .collect(),
            ..asked
        }
    }

    fn slot(&mut self, slot: Slot) -> Slot {
        Slot {
            node: self.words.node(&slot.node),
            ..slot
        }
    }

    fn exchange(&mut self, exchange: Exchange) -> Exchange {
        type Texts = std::collections::BTreeMap<String, String>;
        let mut texts = |map: Texts| -> Texts { map.into_iter().map(|(k, v)| (k, self.words.text(&v))).collect() };
        let params = texts(exchange.params);
        let mut headers = texts(exchange.headers);
        for (name, value) in &mut headers {
            if TELLING_HEADERS.contains(&name.as_str()) {
                *value = self.words.label(value);
            }
        }
        Exchange {
            url: self.words.text(&exchange.url),
            params,
            headers,
            ..exchange
        }
    }

    fn missing(&mut self, missing: Missing) -> Missing {
        Missing {
            slot: self.slot(missing.slot),
            exchange: self.exchange(missing.exchange),
            why: self.words.told(&missing.why),
            remedy: self.words.told(&missing.remedy),
            body: self.words.told(&missing.body),
            ..missing
        }
    }

    fn artifact(&mut self, artifact: Artifact) -> Result<Event, WriteError> {
        let slot = self.slot(artifact.slot.clone());
        let exchange = self.exchange(artifact.exchange.clone());
        match self.bytes(&artifact) {
            Ok((bytes, facts)) => {
                let file = artifact.path.rsplit('/').next().unwrap_or("artifact");
                let path = names::path_of(&slot, file);
                self.staging.write(&path, |f| f.write_all(&bytes))?;
                self.done.files += 1;
                let sha256 = names::sha256(&bytes);
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
            Err(why) => {
                self.done.left_out.push((artifact.path, why.clone()));
                let why = format!("left out by redaction: {}", self.words.text(&why));
                let who = Who::Kubeprof;
                Ok(Event::Skipped(Missing {
                    slot,
                    exchange,
                    who,
                    why,
                    ..Missing::default()
                }))
            }
        }
    }

    /// The redacted bytes of an artifact and what they say; or why there are none.
    fn bytes(&mut self, artifact: &Artifact) -> Result<(Vec<u8>, super::manifest::Facts), String> {
        let path = artifact.path.as_str();
        let bytes = self.contents.get(path).map_err(|e| e.to_string())?;
        if self.contents.sha256(path).map_err(|e| e.to_string())? != artifact.sha256 {
            return Err("it is not what its manifest says".to_owned());
        }
        let facts = artifact.facts.clone();
        if !matches!(facts.form, Form::Proto | Form::Debug1 | Form::Debug2) {
            let text = std::str::from_utf8(&bytes).map_err(|_| "it is no text".to_owned())?;
            let redacted = match facts.form {
                Form::Json => {
                    let mut value = serde_json::from_str(text).map_err(|e| e.to_string())?;
                    self.words.json(&mut value);
                    serde_json::to_string_pretty(&value).map_err(|e| e.to_string())? + "\n"
                }
                Form::Text if artifact.slot.artifact.starts_with("metrics") => self.words.metrics(text),
                Form::Text if artifact.slot.artifact == "flagz" => self.words.flags(text),
                Form::Text if artifact.slot.artifact == "cmdline" || text.contains('\0') => {
                    let words: Vec<String> = text.split('\0').map(str::to_owned).collect();
                    self.words.command(&words).join("\0")
                }
                Form::Text | Form::Legacy => self.words.text(text),
                _ => return Err("what it is cannot be redacted".to_owned()),
            };
            return Ok((redacted.into_bytes(), facts));
        }
        let redacted = if facts.form == Form::Proto {
            let read = pprof::read(bytes.into_owned(), self.limit, false).map_err(|e| e.to_string())?;
            self.profile(read.profile)?
        } else {
            let plain = pprof::inflate(&bytes, self.limit).map_err(|e| e.to_string())?;
            let text = String::from_utf8_lossy(&plain);
            self.words.dump(&text).into_bytes()
        };
        // The promise is kept or the file is left out.
        let found = examine(&redacted, Expect::Profile(None), self.limit).map_err(|e| e.to_string())?;
        if (found.samples, &found.totals) != (facts.samples, &facts.totals) {
            return Err("its numbers would not be the same".to_owned());
        }
        Ok((redacted, facts))
    }

    fn profile(&mut self, mut p: Profile) -> Result<Vec<u8>, String> {
        for i in 0..p.mappings.len() {
            let file = self.words.mapping(p.text(p.mappings[i].file));
            p.mappings[i].file = p.strings.intern(&file);
        }
        for i in 0..p.functions.len() {
            let file = p.text(p.functions[i].filename);
            // Most are not of users; their texts need no copy.
            if file.starts_with('/') || file.contains("Users") || file.contains("home") {
                let file = self.words.path(file);
                p.functions[i].filename = p.strings.intern(&file);
            }
        }
        for i in 0..p.comments.len() {
            // Whoever made the profile wrote what they liked.
            let comment = self.words.label(p.text(p.comments[i]));
            p.comments[i] = p.strings.intern(&comment);
        }
        let link = self.words.label(p.text(p.doc_url));
        p.doc_url = p.strings.intern(&link);
        let Profile { samples, strings, .. } = &mut p;
        samples.map_labels(|label| {
            if !label.text.is_empty() {
                let text = self.words.label(strings.get(label.text));
                label.text = strings.intern(&text);
            }
        });
        let mut out = Vec::new();
        let level = Compression::suiting(&p);
        // Strings that nothing refers to any more are not written.
        encode_gzip_as_read(&p, &mut out, level).map_err(|e| e.to_string())?;
        Ok(out)
    }
}
