//! Which fields of a record tell who wrote it, learned from the records of a dump.
//!
//! Collectors name pod, unit, boot, file or stream under names of their own. A field that stays the same from line to line
//! of a dump tells its writer; one that changes with each record (a cursor, an offset, a time) does not, nor does how bad a
//! message is.

use rustc_hash::FxHashMap;

use super::stamp;

/// Fields of a record with their values.
pub(super) type About = Vec<(String, String)>;

/// So many fields of a record are looked at.
pub(super) const MOST: usize = 128;
/// Longer values tell no writer.
const LONGEST: usize = 256;
/// How often it is tried to learn from records of one kind.
const TRIES: u8 = 32;

/// What was learned, by where the text stands in a record.
#[derive(Default)]
pub(super) struct Sources {
    learned: FxHashMap<String, Learned>,
}

#[derive(Default)]
struct Learned {
    tries: u8,
    /// Fields that tell writers.
    fields: Vec<String>,
    /// Those of them that were seen to differ.
    differ: Vec<String>,
}

impl Sources {
    /// Whether records with a text at `path` should be looked at.
    pub(super) fn wants(&self, path: &str) -> bool {
        (self.learned.get(path)).is_none_or(|l| l.fields.is_empty() && l.tries < TRIES)
    }

    /// Learns from records with lines of a dump: what stands beside each, and the line.
    pub(super) fn learn(&mut self, path: &str, records: &[(&About, &[u8])]) {
        if self.learned.len() > MOST {
            return;
        }
        let learned = self.learned.entry(path.to_owned()).or_default();
        learned.tries = learned.tries.saturating_add(1);
        if records.len() < 3 {
            return;
        }
        let mut seen: FxHashMap<&str, Vec<(&str, &[u8])>> = FxHashMap::default();
        for (about, text) in records {
            for (field, value) in *about {
                seen.entry(field).or_default().push((value, text));
            }
        }
        for (field, values) in seen {
            if field == path || values.len() * 2 < records.len() || !may_tell(field) {
                continue;
            }
            let mut distinct: Vec<&str> = values.iter().map(|(v, _)| *v).collect();
            let runs = {
                distinct.dedup();
                distinct.len()
            };
            distinct.sort_unstable();
            distinct.dedup();
            if !changes(&values, distinct.len(), runs) {
                learned.fields.push(field.to_owned());
                if distinct.len() > 1 {
                    learned.differ.push(field.to_owned());
                }
            }
        }
        learned.fields.sort_unstable();
        learned.differ.sort_unstable();
    }

    /// What of `about` tells the writer of a text at `path`, and the part of it that tells writers apart.
    pub(super) fn key(&self, path: &str, about: &About) -> (Vec<u8>, Vec<String>) {
        let (mut key, mut apart) = (Vec::new(), Vec::new());
        let Some(learned) = self.learned.get(path) else {
            return (key, apart);
        };
        for field in &learned.fields {
            let Some((_, value)) = about.iter().find(|(f, _)| f == field) else {
                continue;
            };
            key.extend_from_slice(field.as_bytes());
            key.push(0);
            key.extend_from_slice(value.as_bytes());
            key.push(0);
            if learned.differ.contains(field) {
                apart.push(value.clone());
            }
        }
        (key, apart)
    }
}

/// Whether a field of this name can tell a writer.
fn may_tell(field: &str) -> bool {
    const PARTS: [&str; 12] = [
        "timestamp",
        "cursor",
        "offset",
        "sequence",
        "level",
        "severity",
        "priority",
        "lineno",
        "ordinal",
        "partial",
        "linebreak",
        "insertid",
    ];
    const WHOLE: [&str; 14] = [
        "ts",
        "date",
        "seq",
        "seqnum",
        "line",
        "caller",
        "message",
        "msg",
        "size",
        "count",
        "logtag",
        "syslograw",
        "transport",
        "ptr",
    ];
    let last = field.rsplit('.').next().unwrap_or(field);
    let plain = plain(last);
    !(PARTS.iter().any(|p| plain.contains(p))
        || WHOLE.contains(&plain.as_str())
        || plain.ends_with("time") && !plain.ends_with("runtime"))
}

/// A name of a field without marks and in small letters.
pub(super) fn plain(name: &str) -> String {
    (name.chars().filter(char::is_ascii_alphanumeric))
        .map(|c| c.to_ascii_lowercase())
        .collect()
}

/// Whether the values of a field change with the record and not with its writer.
fn changes(values: &[(&str, &[u8])], distinct: usize, runs: usize) -> bool {
    let count = values.len();
    let most = |holds: &dyn Fn(&str, &[u8]) -> bool| values.iter().filter(|(v, t)| holds(v, t)).count() * 2 > count;
    let is_odd = |v: &str, _: &[u8]| {
        v.is_empty() || v.len() > LONGEST || v.contains('\n') || is_level(v.as_bytes()) || is_time(v) || is_source(v)
    };
    // A second copy of the line.
    let has_text = |v: &str, text: &[u8]| {
        let text = text.trim_ascii();
        text.len() >= 8 && memchr::memmem::find(v.as_bytes(), text).is_some()
    };
    let counts = || distinct >= 4 && runs == distinct && values.iter().all(|(v, _)| v.parse::<f64>().is_ok());
    distinct * 10 > count * 7 || distinct > 12 && distinct * 4 > count || most(&is_odd) || most(&has_text) || counts()
}

/// Whether a word says how bad a message is.
pub(super) fn is_level(word: &[u8]) -> bool {
    const LEVELS: [&[u8]; 20] = [
        b"trace",
        b"debug",
        b"dbg",
        b"info",
        b"inf",
        b"information",
        b"notice",
        b"warn",
        b"wrn",
        b"warning",
        b"error",
        b"err",
        b"fatal",
        b"ftl",
        b"panic",
        b"critical",
        b"crit",
        b"alert",
        b"emerg",
        b"severe",
    ];
    let word = word.strip_prefix(b"[").unwrap_or(word);
    let word = word.strip_suffix(b":").unwrap_or(word);
    let word = word.strip_suffix(b"]").unwrap_or(word);
    matches!(word, [b'I' | b'W' | b'E' | b'F' | b'D' | b'V'])
        || word.len() <= 11 && LEVELS.contains(&word.to_ascii_lowercase().as_slice())
}

/// Whether a value is a time and little else.
fn is_time(value: &str) -> bool {
    is_epoch(value.as_bytes()) || stamp::find(value.as_bytes()).is_some_and(|(range, _)| range.len() + 7 >= value.len())
}

/// Seconds to nanoseconds of a year in which Kubernetes ran.
pub(super) fn is_epoch(digits: &[u8]) -> bool {
    const FROM: i64 = 1_262_304_000;
    const TO: i64 = 4_102_444_800;
    let nanos = stamp::of_number(digits).and_then(|s| s.epoch_nanos());
    nanos.is_some_and(|n| (FROM..TO).contains(&(n / 1_000_000_000)))
}

/// `kubelet.go:2490`
fn is_source(value: &str) -> bool {
    let place = value.rsplit_once(':');
    place.is_some_and(|(file, line)| file.ends_with(".go") && line.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stays_the_same_tells_a_writer() {
        let writers = ["a", "b", "a", "a", "b", "b", "a", "b"];
        let records: Vec<(About, String)> = (writers.iter().enumerate())
            .map(|(i, w)| {
                let field = |name: &str, value: String| (name.to_owned(), value);
                let about = vec![
                    field("unit", format!("{w}.service")),
                    field("meta.boot", format!("boot-{w}")),
                    field("host", "n1".to_owned()),
                    field("cursor", "c".to_owned()),
                    field("number", i.to_string()),
                    field("time", "2026-03-12T07:41:30Z".to_owned()),
                    field("stamp", "1773301290000".to_owned()),
                    field("badness", if i % 3 == 0 { "ERROR" } else { "INFO" }.to_owned()),
                    field("copy", format!("n1: main.function{w}(0x1)")),
                ];
                (about, format!("main.function{w}(0x1)"))
            })
            .collect();
        let samples: Vec<(&About, &[u8])> = records.iter().map(|(a, t)| (a, t.as_bytes())).collect();
        let mut sources = Sources::default();
        assert!(sources.wants("message"));
        sources.learn("message", &samples[..2]);
        assert!(sources.wants("message"));
        assert_eq!(sources.key("message", &records[0].0).0, b"");
        sources.learn("message", &samples);
        assert!(!sources.wants("message") && sources.wants("other"));
        let (key, apart) = sources.key("message", &records[0].0);
        assert_eq!(key, b"host\0n1\0meta.boot\0boot-a\0unit\0a.service\0");
        assert_eq!(apart, ["boot-a", "a.service"]);
        assert_ne!(sources.key("message", &records[1].0).0, key);
        assert_eq!(sources.key("message", &records[2].0).0, key);
    }

    #[test]
    fn levels_and_times() {
        for word in ["I", "[INFO]", "error:", "Warning"] {
            assert!(is_level(word.as_bytes()), "{word}");
        }
        for word in ["kubelet", "K", "errors", ""] {
            assert!(!is_level(word.as_bytes()), "{word}");
        }
        assert!(is_epoch(b"1773301290") && is_epoch(b"1773301290123.5"));
        assert!(!is_epoch(b"391288100021") && !is_epoch(b"4711"));
        assert!(is_source("kubelet.go:12") && !is_source("kubelet:12"));
    }
}
