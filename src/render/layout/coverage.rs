//! What the names of a profile rest on: a line for people, and numbers for machines.

use serde_json::{Map, Value, json};

use crate::symbolize::Coverage;
use crate::symbolize::identity::Verdict;

/// Locations that the binary names otherwise than the program.
fn disagreed(coverage: &Coverage) -> u64 {
    let of = coverage.identities.iter();
    of.map(|i| i.checked - i.agreed - i.untold).sum()
}

/// Whether people need to see it: a name is missing, or a binary was used.
pub(super) fn needs_a_line(coverage: &Coverage) -> bool {
    coverage.missing_total() > 0 || !coverage.identities.is_empty()
}

/// One line: how many locations have a name, from where, and why others have none.
pub fn line(coverage: &Coverage) -> String {
    let mut line = format!(
        "symbols: {} of {} locations named",
        coverage.named_total(),
        coverage.locations
    );
    let mut parts: Vec<String> = Vec::new();
    if !coverage.named.is_empty() {
        parts.extend((coverage.embedded > 0).then(|| format!("{} by the program", coverage.embedded)));
        let named = coverage.named.iter();
        parts.extend(named.map(|(source, n)| format!("{n} from {}", source.code())));
    }
    let missing = coverage.missing.iter();
    parts.extend(missing.map(|(miss, n)| format!("{n} not: {}", miss.explanation())));
    let disagreed = disagreed(coverage);
    if disagreed > 0 {
        parts.push(format!("{disagreed} named otherwise by the binary"));
    }
    let other = coverage.identities.iter().filter(|i| i.verdict != Verdict::Match);
    parts.extend(other.map(|i| match i.verdict {
        Verdict::Unproven => format!("the binary is not proven: {}", i.reason),
        verdict => format!("the binary is a {}: {}", verdict.code(), i.reason),
    }));
    if coverage.trusted {
        parts.push("TRUSTED BY HAND, NOT PROVEN".to_owned());
    }
    if !parts.is_empty() {
        line += &format!(" ({})", parts.join("; "));
    }
    line
}

/// The same for machines.
pub(super) fn facts(coverage: &Coverage) -> Map<String, Value> {
    let named = coverage.named.iter().map(|(s, n)| (s.code().to_owned(), json!(n)));
    let missing = coverage.missing.iter().map(|(m, n)| (m.code().to_owned(), json!(n)));
    let binaries = coverage.identities.iter().map(|i| {
        json!({"verdict": i.verdict.code(), "reason": i.reason.code(), "file": i.file,
            "build_id_profile": i.build_id_profile, "build_id_binary": i.build_id_binary,
            "checked": i.checked, "agreed": i.agreed})
    });
    [
        ("locations", json!(coverage.locations)),
        ("embedded", json!(coverage.embedded)),
        ("named", Value::Object(named.collect())),
        ("missing", Value::Object(missing.collect())),
        ("disagreed", json!(disagreed(coverage))),
        ("trusted", json!(coverage.trusted)),
        ("binaries", Value::Array(binaries.collect())),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), value))
    .collect()
}
