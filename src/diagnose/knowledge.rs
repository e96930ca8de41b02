//! The knowledge file: expectations, remedies and known issues as one JSON document with a version and a date.

use serde::Deserialize;

use super::expect::{Data, Expectations};

/// Version of the format.
const SCHEMA: u32 = 1;

/// Everything that is known.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) as_of: String,
    pub(super) expectations: Expectations,
}

#[derive(Deserialize)]
struct File {
    schema: u32,
    as_of: String,
    #[serde(flatten)]
    expected: Data,
}

const BUILTIN: &str = include_str!("knowledge.json");

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
    }
}
