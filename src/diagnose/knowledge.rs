//! The knowledge file: expectations, remedies and known issues as one JSON document with a version and a date.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::book::Book;
use super::expect::{Data, Expectations};
use super::known::{Issue, Vendored};

/// Version of the format.
const SCHEMA: u32 = 1;

/// Everything that is known.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) as_of: String,
    pub(super) expectations: Expectations,
    pub(super) issues: Vec<Issue>,
    pub(super) vendored: Vec<Vendored>,
    remedies: BTreeMap<String, Vec<String>>,
    /// Those for a process that has ended already, where they differ.
    remedies_ended: BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize)]
struct File {
    schema: u32,
    as_of: String,
    #[serde(flatten)]
    expected: Data,
    remedies: BTreeMap<String, Vec<String>>,
    remedies_ended: BTreeMap<String, Vec<String>>,
    vendored: Vec<Vendored>,
    known_issues: Vec<Issue>,
}

/// What a file of one's own may hold: known issues and remedies.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct OwnFile {
    schema: u32,
    #[serde(default)]
    as_of: String,
    #[serde(default)]
    remedies: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    known_issues: Vec<Issue>,
    #[serde(default, rename = "$schema")]
    _schema: Option<String>,
}

const BUILTIN: &str = include_str!("knowledge.json");

/// The built-in file as text.
pub fn builtin_knowledge() -> &'static str {
    BUILTIN
}

/// Why a file of known issues cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SignatureError {
    /// It is no such file.
    #[error("{origin}: {cause}")]
    Json {
        /// Name of the file.
        origin: String,
        /// What is wrong where.
        cause: serde_json::Error,
    },
    /// Another version of the format.
    #[error("{origin}: schema {found}, this version reads {SCHEMA}")]
    Schema {
        /// Name of the file.
        origin: String,
        /// What it says.
        found: u32,
    },
}

/// What kubeprof comes with.
///
/// # Panics
/// Never: the file is a part of the program and a test reads it.
pub(super) fn builtin() -> Known {
    let file: File = serde_json::from_str(BUILTIN).unwrap_or_else(|e| panic!("knowledge.json: {e}"));
    assert_eq!(file.schema, SCHEMA, "knowledge.json is of another schema");
    Known {
        as_of: file.as_of,
        expectations: Expectations::new(file.expected),
        issues: file.known_issues,
        vendored: file.vendored,
        remedies: file.remedies,
        remedies_ended: file.remedies_ended,
    }
}

impl Known {
    /// Leaves a known issue out.
    pub(super) fn forget(&mut self, id: &str) {
        self.issues.retain(|i| i.id != id);
    }

    /// Adds the issues of a file of one's own; one with the same id replaces the built-in one.
    pub(super) fn add(&mut self, text: &str, origin: &str) -> Result<usize, SignatureError> {
        let own = own(text, origin)?;
        let added = own.known_issues.len();
        for issue in own.known_issues {
            self.forget(&issue.id);
            self.issues.push(issue);
        }
        // What somebody says of their own fleet goes before what is said in general.
        self.remedies_ended.retain(|key, _| !own.remedies.contains_key(key));
        self.remedies.extend(own.remedies);
        if own.as_of > self.as_of {
            self.as_of = own.as_of;
        }
        Ok(added)
    }

    /// What helps with a finding of this subject or kind; in a process that has ended, a restart does not.
    pub(super) fn remedies(&self, subject: &str, kind: &str, ended: bool) -> Vec<String> {
        let of = |key: &str| {
            let of_ended = self.remedies_ended.get(key).filter(|_| ended);
            of_ended.or_else(|| self.remedies.get(key)).cloned()
        };
        // `container-runtime.ExecSync`: what is known of all calls that hang while others do not.
        let calls = || of(&format!("{}.calls", subject.split_once('.')?.0));
        of(subject).or_else(calls).or_else(|| of(kind)).unwrap_or_default()
    }
}

fn own(text: &str, origin: &str) -> Result<OwnFile, SignatureError> {
    let file: OwnFile = serde_json::from_str(text).map_err(|cause| SignatureError::Json {
        origin: origin.to_owned(),
        cause,
    })?;
    if file.schema != SCHEMA {
        return Err(SignatureError::Schema {
            origin: origin.to_owned(),
            found: file.schema,
        });
    }
    Ok(file)
}

/// Runs the test frames of every entry of a file, the built-in one where `text` is none: how many there are, and what is
/// wrong with which.
///
/// # Errors
/// When the file cannot be read as one.
pub fn test_signatures(text: Option<(&str, &str)>) -> Result<(usize, Vec<String>), SignatureError> {
    let issues = match text {
        Some((text, origin)) => own(text, origin)?.known_issues,
        None => builtin().issues,
    };
    let mut book = Book::new(std::sync::Arc::new(crate::kubelet::Knowledge::builtin()));
    let mut wrong: Vec<String> = issues.iter().flat_map(|i| i.check(&mut book)).collect();
    let mut ids: Vec<&str> = issues.iter().map(|i| i.id.as_str()).collect();
    ids.sort_unstable();
    wrong.extend(
        ids.windows(2)
            .filter(|w| w[0] == w[1])
            .map(|w| format!("{}: twice", w[0])),
    );
    Ok((issues.len(), wrong))
}

#[cfg(test)]
mod tests {
    use super::test_signatures;

    #[test]
    fn every_entry_passes_its_own_test() {
        let (_, wrong) = test_signatures(None).expect("the built-in file");
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    /// For editors: what a file of one's own may hold.
    #[test]
    fn the_published_schema_is_this_one() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/schema/knowledge.json");
        let written = serde_json::to_string_pretty(&schemars::schema_for!(super::OwnFile)).expect("JSON") + "\n";
        if std::env::var_os("KUBEPROF_WRITE_SCHEMA").is_some() {
            std::fs::write(path, &written).expect("written");
        }
        let published = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            published == written,
            "docs/schema/knowledge.json is not what the parser reads: KUBEPROF_WRITE_SCHEMA=1 cargo test the_published_schema"
        );
    }

    #[test]
    fn mistakes_are_named() {
        assert!(test_signatures(Some(("{", "x.json"))).is_err_and(|e| e.to_string().starts_with("x.json: ")));
        assert!(test_signatures(Some((r#"{"schema": 9}"#, "x.json"))).is_err());
        assert!(test_signatures(Some((r#"{"schema": 1, "typo": []}"#, "x.json"))).is_err());
    }
}
