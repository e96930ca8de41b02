//! Redaction: a sentinel in every field of every kind of artifact, in the manifest, and in bundles of format 1.
#![cfg(all(feature = "capture", feature = "cli"))]

mod artifacts;
mod copies;
mod format1;
mod journal;
mod secrets;
mod texts;

use std::fs;
use std::path::Path;

use kubeprof::pprof::{Limit, inflate, read};

use crate::cli::support::{Answer, run};

/// All that is in the files of a folder, unpacked, with their names.
pub(crate) fn all_text(folder: &Path) -> String {
    let mut text = String::new();
    let mut entries: Vec<_> = fs::read_dir(folder)
        .expect("a folder")
        .map(|e| e.expect("an entry").path())
        .collect();
    entries.sort();
    for path in entries {
        text += &format!("{}\n", path.file_name().expect("a name").to_string_lossy());
        if path.is_dir() {
            text += &all_text(&path);
        } else {
            let bytes = fs::read(&path).expect("a file");
            let plain = inflate(&bytes, Limit::Proportional).expect("whole").into_owned();
            // Of a profile its texts: numbers that stand side by side may look like letters.
            match String::from_utf8(plain) {
                Ok(all) => text += &all,
                Err(_) if path.to_string_lossy().contains(".pb") => {
                    let profile = read(bytes, Limit::Proportional, false).expect("a profile").profile;
                    for (_, string) in profile.strings.iter() {
                        text += &format!("{string}\n");
                    }
                }
                Err(e) => text += &String::from_utf8_lossy(e.as_bytes()),
            }
            text.push('\n');
        }
    }
    text
}

/// Words of a text that hold a sentinel: each has `zq` in it, in any case, or is one of the addresses and numbers below.
pub(crate) fn sentinels(text: &str) -> Vec<&str> {
    const OTHERS: [&str; 5] = ["203.0.113", "198.51.100", "2001:db8", "52:54:00:aa", "123412341234"];
    let word = |c: char| !(c.is_alphanumeric() || ".:-_/".contains(c));
    let is = |w: &&str| w.to_lowercase().contains("zq") || OTHERS.iter().any(|o| w.contains(o));
    text.split(word).filter(is).collect()
}

/// Redacts a bundle into a folder beside it.
pub(crate) fn redact(bundle: &Path, to: &Path) -> Answer {
    run(&[
        "bundle",
        "redact",
        &bundle.display().to_string(),
        &to.display().to_string(),
    ])
}

/// Nothing is left of any sentinel; a second time changes nothing.
pub(crate) fn assert_hidden(root: &Path, name: &str) -> Answer {
    let (before, after) = (root.join(name), root.join(format!("{name}-redacted")));
    let redacted = redact(&before, &after);
    assert!(redacted.code <= 1, "{}", redacted.stderr);
    let text = all_text(&after);
    let found = sentinels(&text);
    let context = found.first().map(|w| {
        let at = text.find(w).unwrap_or(0);
        let from = (0..=at.saturating_sub(120))
            .rev()
            .find(|i| text.is_char_boundary(*i))
            .unwrap_or(0);
        text[from..].chars().take(260).collect::<String>()
    });
    assert!(found.is_empty(), "{found:?}\n{context:?}");
    let key = format!("{}.key.json", after.display());
    let again = root.join(format!("{name}-again"));
    let answer = run(&[
        "bundle",
        "redact",
        &after.display().to_string(),
        &again.display().to_string(),
        "--key",
        &key,
    ]);
    assert!(answer.code <= 1, "{}", answer.stderr);
    let twice = all_text(&again);
    for (once, twice) in text.lines().zip(twice.lines()) {
        assert_eq!(once, twice, "a second redaction changes it");
    }
    redacted
}
