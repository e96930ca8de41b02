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
    Artifact, Asked, Cause, Details, Effect, Entry, Event, Exchange, Facts, Finished, Form, JOURNAL, Missing,
    RunStarted, SCHEMA, Slot, SnapshotEnded, Started, Who,
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
    pub left_out: Vec<(String, Cause, Details)>,
}

/// Why an artifact is left out.
struct LeftOut {
    cause: Cause,
    message: String,
}

impl From<Cause> for LeftOut {
    fn from(cause: Cause) -> Self {
        let message = String::new();
        LeftOut { cause, message }
    }
}

/// What cannot be read, and what the reader says.
fn unreadable(e: impl std::fmt::Display) -> LeftOut {
    let message = e.to_string().lines().next().unwrap_or_default().to_owned();
    let cause = Cause::Unreadable;
    LeftOut { cause, message }
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
        words.know_user(&lack.missing.details.user);
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
                schema: SCHEMA,
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
                // An executable holds the paths of whoever built it.
                let details = Details {
                    effect: Some(Effect::LeftOut),
                    ..Details::default()
                };
                self.done.left_out.push((binary.path, Cause::NotRedactable, details));
                None
            }
            Event::Finished(finished) => {
                let Finished {
                    cause,
                    details,
                    interrupted,
                } = finished;
                Some(Event::Finished(Finished {
                    cause,
                    details: self.details(details),
                    interrupted: self.words.told(&interrupted),
                }))
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

    /// What a cause is about, field by field: a field of a later version does not compile before it is redacted.
    fn details(&mut self, details: Details) -> Details {
        let Details {
            route,
            node,
            other,
            path,
            user,
            verb,
            resource,
            selector,
            handler,
            proxy,
            server,
            title,
            page,
            origin,
            found,
            wanted,
            status,
            port,
            bytes,
            goroutines,
            limit,
            after_ms,
            idle_s,
            measures_s,
            wait_s,
            limit_s,
            message,
            advice,
            effect,
            inherited,
        } = details;
        let words = &mut self.words;
        Details {
            node: words.node_or_none(&node),
            other: words.node_or_none(&other),
            path: words.told(&path),
            user: words.user(&user),
            verb: words.told(&verb),
            resource: words.told(&resource),
            selector: words.label(&selector),
            handler: words.told(&handler),
            proxy: words.told(&proxy),
            server: words.label(&server),
            title: words.label(&title),
            origin: words.told(&origin),
            message: words.told(&message),
            advice: words.told(&advice),
            route,
            page,
            found,
            wanted,
            status,
            port,
            bytes,
            goroutines,
            limit,
            after_ms,
            idle_s,
            measures_s,
            wait_s,
            limit_s,
            effect,
            inherited,
        }
    }

    fn missing(&mut self, missing: Missing) -> Missing {
        Missing {
            slot: self.slot(missing.slot),
            exchange: self.exchange(missing.exchange),
            details: self.details(missing.details),
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
            Err(left_out) => {
                let LeftOut { cause, message } = left_out;
                let details = Details {
                    message: self.words.text(&message),
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

    /// The redacted bytes of an artifact and what they say; or why there are none.
    fn bytes(&mut self, artifact: &Artifact) -> Result<(Vec<u8>, Facts), LeftOut> {
        let bytes = self.contents.get(&artifact.path).map_err(unreadable)?;
        if names::sha256(&bytes) != artifact.sha256 {
            return Err(Cause::Altered.into());
        }
        let facts = artifact.facts.clone();
        if !matches!(facts.form, Form::Proto | Form::Debug1 | Form::Debug2) {
            let text = std::str::from_utf8(&bytes).map_err(|_| Cause::NotText)?;
            let redacted = match facts.form {
                Form::Json => {
                    let mut value = serde_json::from_str(text).map_err(unreadable)?;
                    self.words.json(&mut value);
                    serde_json::to_string_pretty(&value).map_err(unreadable)? + "\n"
                }
                Form::Text if artifact.slot.artifact.starts_with("metrics") => self.words.metrics(text),
                Form::Text if artifact.slot.artifact == "flagz" => self.words.flags(text),
                Form::Text if artifact.slot.artifact == "cmdline" || text.contains('\0') => {
                    let words: Vec<String> = text.split('\0').map(str::to_owned).collect();
                    self.words.command(&words).join("\0")
                }
                Form::Text | Form::Legacy => self.words.text(text),
                _ => return Err(Cause::NotRedactable.into()),
            };
            return Ok((redacted.into_bytes(), facts));
        }
        let redacted = if facts.form == Form::Proto {
            let read = pprof::read(&bytes, self.limit, false).map_err(unreadable)?;
            self.profile(read.profile)?
        } else {
            let plain = pprof::inflate(&bytes, self.limit).map_err(unreadable)?;
            let text = String::from_utf8_lossy(&plain);
            self.words.dump(&text).into_bytes()
        };
        // The promise is kept or the file is left out.
        let found = examine(&redacted, Expect::Profile(None), self.limit).map_err(unreadable)?;
        if (found.samples, &found.totals) != (facts.samples, &facts.totals) {
            return Err(Cause::NumbersWouldChange.into());
        }
        Ok((redacted, facts))
    }

    fn profile(&mut self, mut p: Profile) -> Result<Vec<u8>, LeftOut> {
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
        encode_gzip_as_read(&p, &mut out, level).map_err(unreadable)?;
        Ok(out)
    }
}
