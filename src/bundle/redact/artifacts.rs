//! The bytes of an artifact, by what they are written as.

use super::Redaction;
use super::vocabulary::{is_setting, is_term};
use crate::bundle::facts::{Expect, examine};
use crate::bundle::manifest::{Artifact, Cause, Facts, Form};
use crate::bundle::names;
use crate::model::{Profile, StringId};
use crate::pprof::{self, Compression, encode_gzip_as_read};

/// Why an artifact is left out.
pub(super) struct LeftOut {
    pub(super) cause: Cause,
    /// What the reader says.
    pub(super) message: String,
}

impl From<Cause> for LeftOut {
    fn from(cause: Cause) -> Self {
        let message = String::new();
        LeftOut { cause, message }
    }
}

/// What cannot be read, and what the reader says.
fn unreadable(e: impl std::fmt::Display) -> LeftOut {
    let message = e.to_string();
    let cause = Cause::Unreadable;
    LeftOut { cause, message }
}

impl Redaction<'_> {
    /// The redacted bytes of an artifact and what they say; or why there are none.
    pub(super) fn bytes(&mut self, artifact: &Artifact) -> Result<(Vec<u8>, Facts), LeftOut> {
        let bytes = self.contents.get(&artifact.path).map_err(unreadable)?;
        if bytes.len() as u64 != artifact.bytes || names::sha256(&bytes) != artifact.sha256 {
            return Err(Cause::Altered.into());
        }
        let mut facts = self.facts(artifact.facts.clone());
        let redacted = match facts.form {
            Form::Proto => {
                let read = pprof::read(&bytes, self.limit, false).map_err(unreadable)?;
                self.profile(read.profile)?
            }
            Form::Debug1 | Form::Debug2 | Form::Legacy => {
                let plain = pprof::inflate(&bytes, self.limit).map_err(unreadable)?;
                self.names.dump(&String::from_utf8_lossy(&plain)).into_bytes()
            }
            Form::Json | Form::Text => {
                let text = std::str::from_utf8(&bytes).map_err(|_| Cause::NotText)?;
                self.text(&artifact.slot.artifact, facts.form, text)?.into_bytes()
            }
            // A trace, an executable, a binary file: what is in them is not known.
            Form::Trace | Form::Executable | Form::Other => return Err(Cause::NotRedactable.into()),
        };
        if matches!(facts.form, Form::Proto | Form::Debug1 | Form::Debug2 | Form::Legacy) {
            // The promise is kept or the file is left out.
            let found = examine(&redacted, Expect::Profile(None), self.limit).map_err(unreadable)?;
            let told = &artifact.facts;
            if (found.samples, &found.totals) != (told.samples, &told.totals) {
                return Err(Cause::NumbersWouldChange.into());
            }
        }
        // Versions are told as the redacted text has them.
        if artifact.slot.artifact.starts_with("metrics")
            && let Ok(found) = examine(&redacted, Expect::Metrics, self.limit)
        {
            facts = found;
        }
        Ok((redacted, facts))
    }

    fn text(&mut self, artifact: &str, form: Form, text: &str) -> Result<String, LeftOut> {
        let names = &mut self.names;
        Ok(match artifact {
            _ if form == Form::Json || text.trim_start().starts_with('{') => {
                let mut value = serde_json::from_str(text).map_err(unreadable)?;
                names.json(&mut value);
                serde_json::to_string_pretty(&value).map_err(unreadable)? + "\n"
            }
            _ if artifact.starts_with("metrics") => names.metrics(text),
            _ if artifact.starts_with("flagz") => names.flags(text),
            _ if artifact.starts_with("cmdline") || text.contains('\0') => {
                let words: Vec<String> = text.split('\0').map(str::to_owned).collect();
                names.command(&words).join("\0")
            }
            _ => names.prose(text),
        })
    }

    /// A profile: samples, stacks, functions and numbers stay. What else is text is changed.
    fn profile(&mut self, mut p: Profile) -> Result<Vec<u8>, LeftOut> {
        for i in 0..p.mappings.len() {
            let file = self.names.mapping(p.text(p.mappings[i].file));
            p.mappings[i].file = p.strings.intern(&file);
            // GNU build IDs are hex; what else a producer puts there is kept only where it is one.
            let id = p.text(p.mappings[i].build_id);
            if !id.chars().all(|c| c.is_ascii_alphanumeric() || "/_-".contains(c)) {
                let id = self.names.label(id);
                p.mappings[i].build_id = p.strings.intern(&id);
            }
        }
        for i in 0..p.functions.len() {
            let file = p.text(p.functions[i].filename);
            // Most are not of users; their texts need no copy.
            if file.starts_with('/') || file.contains('\\') || file.as_bytes().get(1) == Some(&b':') {
                let file = self.names.source(file);
                p.functions[i].filename = p.strings.intern(&file);
            }
        }
        for i in 0..p.comments.len() {
            // Free text of the tool that made the profile.
            let comment = self.names.label(p.text(p.comments[i]));
            p.comments[i] = p.strings.intern(&comment);
        }
        let link = self.names.label(p.text(p.doc_url));
        p.doc_url = p.strings.intern(&link);
        let Profile { samples, strings, .. } = &mut p;
        let names = &mut self.names;
        samples.map_labels(|label| {
            let key = strings.get(label.key);
            if !is_setting(key) && !is_term(key) {
                let key = names.label(key);
                label.key = strings.intern(&key);
            }
            for text in [&mut label.text, &mut label.unit] {
                let unit_or_text = strings.get(*text);
                if *text != StringId::EMPTY && !is_unit(unit_or_text) {
                    let hidden = names.label(unit_or_text);
                    *text = strings.intern(&hidden);
                }
            }
        });
        let mut out = Vec::new();
        let level = Compression::suiting(&p);
        // Strings that nothing refers to any more are not written.
        encode_gzip_as_read(&p, &mut out, level).map_err(unreadable)?;
        Ok(out)
    }
}

/// Units of numeric labels.
fn is_unit(text: &str) -> bool {
    matches!(
        text,
        "bytes" | "count" | "nanoseconds" | "microseconds" | "milliseconds" | "seconds" | "requests"
    )
}
