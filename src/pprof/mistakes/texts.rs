//! Texts that people attach in place of a profile: reports and sessions of pprof, drawings, stacks of other tools, source.

use std::sync::LazyLock;

use regex::Regex;

use super::Mistake;

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a valid pattern")
}

/// Lines of reports of `go tool pprof`, of this year and of ten years ago.
static REPORT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?m)^\s*(?:Showing nodes accounting for |Showing top \d+ nodes out of |\(pprof\)|PeriodType: |ROUTINE =====|-{3,}\+-{3,}|[\d.]+\w+ of [\d.]+\w+ total \(|flat\s+flat%\s+sum%|Entering interactive mode|Duration: .*, Total samples = |Saved profile in |events: \w+\(\w+\)$)",
    )
});
/// `(7 nodes)`-less drawing of Graphviz.
static DOT: LazyLock<Regex> = LazyLock::new(|| pattern(r#"(?m)\A\s*(?:strict )?(?:di)?graph\s+(?:"[^"]*"|\w+)?\s*\{"#));
static FOLDED: LazyLock<Regex> = LazyLock::new(|| pattern(r"^[^;\s][^;]*(?:;[^;]+)+ \d+$"));
static PERF: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^\S.*\s+\d+(?:/\d+)?\s+(?:\[\d+\]\s+)?\d+\.\d+:\s+(?:\d+\s+)?[\w:-]+:"));
static HEX: LazyLock<Regex> = LazyLock::new(|| pattern(r"^[0-9a-f]{7,8}:?\s+(?:[0-9a-f]{2,4}\s+){4,}"));
static GDB: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?m)^(?:Thread \d+ \(|#\d+ +0x[0-9a-f]+ in )"));
static DELVE: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?m)^(?:\(dlv\)|[* ]+Goroutine \d+ - (?:User|Start): |\[\d+ goroutines\])"));
static JAVA: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?m)^(?:Full thread dump |\s+java\.lang\.Thread\.State: )"));
static PYTHON: LazyLock<Regex> = LazyLock::new(|| pattern(r#"(?m)^\s+File ".+", line \d+, in "#));
static INDEX: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?m)/debug/pprof/?\s*$|^\s*full goroutine stack dump\s*$|Types of profiles available:|^\s*\d+\s+(?:allocs|goroutine|threadcreate)\s*$",
    )
});

/// What the start of a text shows.
pub(super) fn recognise(head: &str) -> Option<Mistake> {
    if head.trim_start().starts_with("heap_v2/") {
        return Some(Mistake::Jemalloc);
    }
    if REPORT.is_match(head) {
        return Some(Mistake::PprofReport);
    }
    if DOT.is_match(head) {
        return Some(Mistake::Drawing { format: "Graphviz" });
    }
    if INDEX.find_iter(head).count() >= 2 {
        return Some(Mistake::PprofIndex);
    }
    // The last line may be cut.
    let lines: Vec<&str> = head
        .lines()
        .map(str::trim_end)
        .filter(|l| !l.is_empty())
        .take(200)
        .collect();
    let share = |pattern: &Regex, of: usize| {
        let hits = lines.iter().filter(|l| pattern.is_match(l)).count();
        hits > 0 && hits * of >= lines.len() * (of - 1)
    };
    if share(&FOLDED, 4) {
        return Some(Mistake::Folded);
    }
    if share(&HEX, 4) {
        return Some(Mistake::HexDump);
    }
    if DELVE.is_match(head) {
        return Some(Mistake::Threads { of: "delve" });
    }
    if GDB.find_iter(head).count() >= 2 {
        return Some(Mistake::Threads { of: "gdb" });
    }
    if JAVA.is_match(head) {
        return Some(Mistake::Threads { of: "Java" });
    }
    if PYTHON.is_match(head) {
        return Some(Mistake::Threads { of: "Python" });
    }
    if lines.iter().filter(|l| PERF.is_match(l)).count() >= 2 {
        return Some(Mistake::PerfScript);
    }
    source(&lines)
}

/// Source code, by words that start its lines.
fn source(lines: &[&str]) -> Option<Mistake> {
    let starts = |words: &[&str]| lines.iter().filter(|l| words.iter().any(|w| l.starts_with(w))).count();
    let language =
        if starts(&["package "]) > 0 && starts(&["func ", "import (", "import \"", "type ", "var ", "const "]) > 0 {
            "Go"
        } else if starts(&["#!/bin/", "#!/usr/bin/"]) > 0 {
            "a script"
        } else if starts(&["def ", "import ", "from ", "class "]) >= 2 && starts(&["    "]) > 0 {
            "Python"
        } else if starts(&["#include ", "#define ", "static ", "struct ", "int main("]) >= 2 {
            "C"
        } else if starts(&["use ", "fn ", "pub fn ", "impl ", "mod "]) >= 2 {
            "Rust"
        } else {
            return None;
        };
    Some(Mistake::Source { language })
}

/// Any other text: how it begins, and how many lines of it begin like goroutines.
pub(super) fn unknown(text: &[u8]) -> Mistake {
    const LONGEST: usize = 60;
    let first = text.split(|&b| b == b'\n').next().unwrap_or_default();
    let first = String::from_utf8_lossy(&first[..first.len().min(4 * LONGEST)]);
    let first = first.trim();
    let begins = match first.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &first[..end]),
        None => first.to_owned(),
    };
    let is_header = |line: &[u8]| {
        memchr::memmem::find(line, b"goroutine ").is_some_and(|at| {
            let rest = &line[at + b"goroutine ".len()..];
            let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
            digits > 0 && rest[digits..].starts_with(b" [")
        })
    };
    let headers = text.split(|&b| b == b'\n').filter(|l| is_header(l)).count() as u64;
    Mistake::Text { begins, headers }
}
