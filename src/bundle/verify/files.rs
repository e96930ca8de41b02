//! The files of a bundle against its manifest: their bytes, what they decode to, and which are not listed.

use std::borrow::Cow;

use super::{Absence, Flaw, Verification};
use crate::bundle::contents::Contents;
use crate::bundle::facts::{Expect, examine};
use crate::bundle::manifest::{Artifact, Facts, Form, JOURNAL, SUMMARY};
use crate::bundle::names::{self, PART};
use crate::bundle::record::Record;
use crate::pprof::Limit;

/// Checks all files that the manifest vouches for; the artifacts that are intact.
pub(super) fn files<'a>(
    contents: &Contents,
    record: &'a Record,
    limit: Limit,
    v: &mut Verification,
) -> Vec<&'a Artifact> {
    let mut intact = Vec::new();
    for artifact in record.artifacts() {
        let place = (artifact.path.as_str(), artifact.bytes, artifact.sha256.as_str());
        if let Some(bytes) = bytes(contents, place, v)
            && decodes(&bytes, artifact, limit, v)
        {
            v.intact += 1;
            v.intact_bytes += artifact.bytes;
            if artifact.facts.truncated {
                v.notes.push(format!(
                    "{}: the server cut it at its limit of 64 MiB: {} goroutines are in it, the rest is not",
                    artifact.path,
                    artifact.facts.samples.unwrap_or(0)
                ));
            }
            intact.push(artifact);
        }
    }
    for binary in &record.binaries {
        if file(contents, (&binary.path, binary.bytes, &binary.sha256), v) {
            v.intact += 1;
            v.intact_bytes += binary.bytes;
        }
    }
    intact
}

/// The bytes of a file, read once and hashed; none with a finding where they are not those that were taken.
fn bytes<'c>(contents: &'c Contents, place: (&str, u64, &str), v: &mut Verification) -> Option<Cow<'c, [u8]>> {
    let (path, size, sha256) = place;
    // Nothing of another size is read into memory.
    if contents.size(path) == Some(size)
        && let Ok(bytes) = contents.get(path)
        && names::sha256(&bytes) == sha256
    {
        return Some(bytes);
    }
    // It is told why; bytes that are right only now are not believed.
    if file(contents, place, v) {
        v.find(Flaw::Tampered, path, "it changes while it is read");
    }
    None
}

fn file(contents: &Contents, (path, bytes, sha256): (&str, u64, &str), v: &mut Verification) -> bool {
    let Some(size) = contents.size(path) else {
        let part = format!("{path}{PART}");
        let whole = contents.size(&part) == Some(bytes) && contents.sha256(&part).is_ok_and(|h| h == sha256);
        match whole {
            true => v.lack_file(path, Absence::Unnamed),
            false => v.find(Flaw::Missing, path, "the manifest lists it and it is not there"),
        }
        return false;
    };
    match contents.sha256(path) {
        Ok(found) if found == sha256 && size == bytes => return true,
        Ok(_) if size < bytes => v.find(Flaw::Truncated, path, format!("{size} of {bytes} bytes")),
        Ok(found) => {
            let (found, taken) = (&found[..16], sha256.get(..16).unwrap_or(sha256));
            v.find(
                Flaw::Tampered,
                path,
                format!("SHA-256 {found}..., {taken}... was taken"),
            );
        }
        Err(e) => v.find(Flaw::Unreadable, path, e.to_string()),
    }
    false
}

fn decodes(bytes: &[u8], artifact: &Artifact, limit: Limit, v: &mut Verification) -> bool {
    let path = artifact.path.as_str();
    let expect = match artifact.facts.form {
        Form::Proto | Form::Debug1 | Form::Debug2 | Form::Legacy => Expect::Profile(None),
        Form::Json => Expect::Json,
        Form::Trace => Expect::Trace,
        Form::Text if Expect::of(&artifact.slot.artifact) == Expect::Metrics => Expect::Metrics,
        Form::Text if artifact.facts.process_start_time.is_some() => Expect::Metrics,
        _ => Expect::Anything,
    };
    match examine(bytes, expect, limit) {
        Ok(found) => {
            let told = &artifact.facts;
            let what = |f: &Facts| (f.kind.clone(), f.samples, f.totals.clone(), f.build_id.clone());
            if expect == Expect::Profile(None) && what(&found) != what(told) {
                let text = |f: &Facts| format!("{} of {} samples", f.kind, f.samples.unwrap_or(0));
                v.find(
                    Flaw::Facts,
                    path,
                    format!("it is {}; the manifest says {}", text(&found), text(told)),
                );
                return false;
            }
            if let Some((name, found, told)) = other(&found, told) {
                let found = if found.is_empty() { "none" } else { &found };
                v.find(
                    Flaw::Facts,
                    path,
                    format!("{name} is {found}; the manifest says {told}"),
                );
                return false;
            }
            true
        }
        Err(e) => {
            v.find(Flaw::Facts, path, format!("does not decode: {e}"));
            false
        }
    }
}

/// Files that the manifest does not list.
pub(super) fn extras(contents: &Contents, record: &Record, v: &mut Verification) {
    let files = record.files();
    for path in contents.paths() {
        if path == JOURNAL || path == SUMMARY || files.contains_key(path) {
            continue;
        }
        if let Some(aside) = record.aside.iter().find(|a| a.path == path) {
            // Damaged as it is, it is what was put aside.
            match contents.sha256(path) {
                Ok(found) if found == aside.sha256 => v.notes.push(format!(
                    "{path}: other bytes than were taken; a resumption put it aside, it may be removed"
                )),
                Ok(_) => v.find(Flaw::Tampered, path, "it is not what a resumption put aside"),
                Err(e) => v.find(Flaw::Unreadable, path, e.to_string()),
            }
            continue;
        }
        match path.strip_suffix(PART) {
            // What a kill left.
            Some(whole) if files.contains_key(whole) || names::is_safe_path(whole) => {
                v.notes
                    .push(format!("{path}: the rest of an artifact that never came to its end"));
            }
            _ => v.find(Flaw::Extra, path, "the manifest does not name it"),
        }
    }
}

/// The first fact that the manifest has otherwise. Earlier versions wrote fewer of them: what is not told is not compared.
fn other(found: &Facts, told: &Facts) -> Option<(&'static str, String, String)> {
    let number = |n: Option<i64>| n.map(|n| n.to_string()).unwrap_or_default();
    let start = |f: &Facts| f.process_start_time.map(|t| t.to_string()).unwrap_or_default();
    // A float out of JSON may be off in its last digit (serde_json without `float_roundtrip`).
    let told_start = match (found.process_start_time, told.process_start_time) {
        (Some(a), Some(b)) if (a - b).abs() < 1e-3 => start(found),
        _ => start(told),
    };
    let period = |f: &Facts| f.period.as_ref().map(|p| format!("{p:?}")).unwrap_or_default();
    let facts = [
        ("the Go version", found.go_version.clone(), told.go_version.clone()),
        (
            "the Kubernetes version",
            found.kubernetes_version.clone(),
            told.kubernetes_version.clone(),
        ),
        ("the start of the process", start(found), told_start),
        (
            "the time of the profile",
            number(found.time_nanos),
            number(told.time_nanos),
        ),
        (
            "its duration",
            number(found.duration_nanos),
            number(told.duration_nanos),
        ),
        ("its period", period(found), period(told)),
    ];
    facts
        .into_iter()
        .find(|(_, found, told)| !told.is_empty() && found != told)
}
