//! What the name of a file says: which artifact it is, and with which files it was taken.
//!
//! People save `s01-heap.pb.gz`, `heap-2.pb.gz`, `before/heap`, `goroutine.debug2.txt`: the word of the artifact and the rest.
//! Files whose rest is equal were taken together. What the bytes are is told by their content, never by a name.

use std::cmp::Ordering;

/// The words of artifacts, as the endpoints of a kubelet have them, and what they are called here.
const WORDS: &[(&str, &str)] = &[
    ("heap-gc", "heap-gc"),
    ("heap", "heap"),
    ("allocs", "allocs"),
    ("profile", "cpu"),
    ("cpu", "cpu"),
    ("goroutineleak", "goroutineleak"),
    ("goroutines", "goroutine"),
    ("goroutine", "goroutine"),
    ("mutex", "mutex"),
    ("block", "block"),
    ("threadcreate", "threadcreate"),
    ("trace", "trace"),
    ("metrics", "metrics"),
    ("configz", "configz"),
    ("version", "version"),
    ("node", "node"),
    ("flagz", "flagz"),
    ("statusz", "statusz"),
    ("healthz", "healthz"),
    ("cmdline", "cmdline"),
];

/// Endings that say how a file is written.
const ENDINGS: &[&str] = &[
    "gz", "zst", "pb", "pprof", "prof", "proto", "out", "txt", "text", "log", "json", "prom",
];

/// Words that say nothing of a snapshot: how a file is written, and what all of them are.
const NOISE: &[&str] = &["debug", "debug1", "debug2", "profile", "pprof", "dump"];

/// The artifact that a file is called after, where there is one, and the rest of its path.
pub(super) fn artifact_of(path: &str) -> (Option<&'static str>, String) {
    let (folder, name) = path.rsplit_once('/').map_or(("", path), |(f, n)| (f, n));
    let mut stem = name;
    while let Some((rest, ending)) = stem.rsplit_once('.')
        && !rest.is_empty()
        && ENDINGS.contains(&ending.to_ascii_lowercase().as_str())
    {
        stem = rest;
    }
    let lower = stem.to_ascii_lowercase();
    let Some((at, length, artifact)) = last_word(&lower) else {
        return (None, path.to_owned());
    };
    let (before, after) = (&stem[..at], &stem[at + length..]);
    let tokens = [before, after]
        .into_iter()
        .flat_map(|text| text.split(|c: char| !c.is_alphanumeric()));
    let tokens: Vec<&str> = tokens.filter(|t| !t.is_empty() && !NOISE.contains(t)).collect();
    let rest = tokens.join("-");
    let rest = match (folder, rest.as_str()) {
        ("", _) => rest,
        (folder, "") => folder.to_owned(),
        (folder, rest) => format!("{folder}/{rest}"),
    };
    (Some(artifact), rest)
}

/// Of several words the last one: `node-3-heap` is a heap. `profile` means CPU only where nothing else is said.
fn last_word(lower: &str) -> Option<(usize, usize, &'static str)> {
    let places = WORDS.iter().filter_map(|(word, artifact)| {
        let all = lower.match_indices(word).map(|(at, _)| at);
        let at = all.filter(|&at| is_word(lower, at, word.len())).last()?;
        Some((at, word.len(), *artifact, *word != "profile"))
    });
    let (at, length, artifact, _) = places.max_by_key(|&(at, length, _, named)| (named, at + length, length))?;
    Some((at, length, artifact))
}

/// Whether letters do not go on before and after.
fn is_word(text: &str, at: usize, length: usize) -> bool {
    let bytes = text.as_bytes();
    let letter = |i: Option<usize>| i.and_then(|i| bytes.get(i)).is_some_and(u8::is_ascii_alphabetic);
    !letter(at.checked_sub(1)) && !letter(Some(at + length))
}

/// Order of names in which numbers count: `s2` before `s10`.
pub(super) fn natural(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a, b);
    loop {
        let digits = |text: &str| text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (m, n) = (digits(a), digits(b));
        if m > 0 && n > 0 {
            let (x, y) = (a[..m].trim_start_matches('0'), b[..n].trim_start_matches('0'));
            let numbers = x.len().cmp(&y.len()).then_with(|| x.cmp(y));
            if numbers.is_ne() {
                return numbers;
            }
            (a, b) = (&a[m..], &b[n..]);
            continue;
        }
        let (mut x, mut y) = (a.chars(), b.chars());
        match (x.next(), y.next()) {
            (Some(c), Some(d)) if c == d => (a, b) = (x.as_str(), y.as_str()),
            (c, d) => return c.cmp(&d),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{artifact_of, natural};

    #[test]
    fn names_that_people_give() {
        for (path, artifact, rest) in [
            ("s01-heap.pb.gz", Some("heap"), "s01"),
            ("a-before-goroutine.debug2.txt.gz", Some("goroutine"), "a-before"),
            ("a-before-goroutine.pb.gz", Some("goroutine"), "a-before"),
            ("last-heap.debug1.txt.gz", Some("heap"), "last"),
            ("s01-metrics.txt", Some("metrics"), "s01"),
            ("heap", Some("heap"), ""),
            ("t0/heap.pb.gz", Some("heap"), "t0"),
            ("heap-2.pb.gz", Some("heap"), "2"),
            ("heap_20261124T0238.pb", Some("heap"), "20261124T0238"),
            ("kubelet-goroutineleak.3.pb.gz", Some("goroutineleak"), "kubelet-3"),
            ("heap-gc.pb.gz", Some("heap-gc"), ""),
            ("node-3-heap.pb.gz", Some("heap"), "node-3"),
            ("node.json", Some("node"), ""),
            ("heap-profile.pb.gz", Some("heap"), ""),
            ("x/s01_cpu_profile.pb.gz", Some("cpu"), "x/s01"),
            ("profile.pb.gz", Some("cpu"), ""),
            ("monday.pb.gz", None, "monday.pb.gz"),
            ("blocked.txt", None, "blocked.txt"),
            ("x.pb.gz", None, "x.pb.gz"),
        ] {
            assert_eq!(artifact_of(path), (artifact, rest.to_owned()), "{path}");
        }
    }

    #[test]
    fn numbers_count() {
        let mut names = ["s10", "s2", "last", "s02x", "s1", ""];
        names.sort_by(|a, b| natural(a, b));
        assert_eq!(names, ["", "last", "s1", "s2", "s02x", "s10"]);
    }
}
