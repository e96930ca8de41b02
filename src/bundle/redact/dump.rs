//! Go's own texts: goroutine dumps (`debug=2`), profiles with counts (`debug=1`) and the formats before `profile.proto`.
//!
//! Lines of known shapes keep what is code: functions, numbers, the file below the root of its module. Labels, folders of
//! the build machine and every line of another shape are hidden as any text is.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::names::Names;
use super::vocabulary::is_setting;

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a pattern of this file")
}

/// `goroutine 7 gp=0xc000102380 m=3 mp=0xc000180008 [`
static GOROUTINE: LazyLock<Regex> =
    LazyLock::new(|| regex(r"^goroutine \d+(?: gp=(?:0x[0-9a-f]+|nil)| m=(?:\d+|nil)| mp=(?:0x[0-9a-f]+|nil))* \["));
static LABEL_PAIR: LazyLock<Regex> =
    LazyLock::new(|| regex(r#"("(?:[^"\\]|\\.)*"|[^:,{}\s"]+)(\s*:\s*)("(?:[^"\\]|\\.)*"|[^,}\s"]+)"#));
/// `main.(*T).method(0xc000, {0x1, 0x2}, ...)`, where no place follows that would tell that it is a call.
static CALL: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"^(?:created by )?[A-Za-z_][^\s()]*\.[^\s()]*(?:\(\*?[^\s()]+\)[^\s()]*)*(?:\([0-9a-fx{}, .?_+-]*\))?(?: in goroutine \d+)?$",
    )
});
/// Arguments are words of memory.
static ARGUMENTS: LazyLock<Regex> = LazyLock::new(|| regex(r"^[0-9a-fx{}, .?_+-]*$"));
/// `# TotalAlloc = 123456789012`
static STATISTIC: LazyLock<Regex> = LazyLock::new(|| regex(r"^# [A-Za-z. ]{1,40} = [\[\]0-9 .e+-]*$"));
/// `cycles/second=2594000000`
static RATE: LazyLock<Regex> = LazyLock::new(|| regex(r"^(?:cycles/second|sampling period|ms since reset) ?= ?\d+$"));
/// `\t/src/main.go:17 +0x1d`
static PLACE: LazyLock<Regex> =
    LazyLock::new(|| regex(r"^([\t ]+)(\S.*?):(\d+)( \+0x[0-9a-f]+)?((?: [a-z]+=0x[0-9a-f]+)*)$"));
/// `#\t0x43a1d5\tmain.wait+0x1d\t/src/main.go:17`
static COUNTED: LazyLock<Regex> =
    LazyLock::new(|| regex(r"^(#\t0x[0-9a-f]+\t[^\t]+?(?:\+0x[0-9a-f]+)?\s+)(\S.*?)(:\d+)?$"));
/// `12 @ 0x43a1d5 0x44`, `3: 96 [5: 160] @ 0x1 0x2`, `heap profile: 1: 2 [3: 4] @ heap/524288`, `cycles/second=1`
static COUNTS: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"^(?:goroutine|threadcreate|heap|allocs|mutex|block|contention|goroutineleak)? ?(?:profile)?:? ?(?:total )?[0-9 :\[\]]*(?:@(?: ?(?:0x[0-9a-f]+|heap/\d+|heapz_v2/\d+|growthz(?:/\d+)?))*)?$",
    )
});
/// A line of `/proc/self/maps`.
static MAPPING: LazyLock<Regex> =
    LazyLock::new(|| regex(r"^(\s*[0-9a-f]+-[0-9a-f]+:? +[rwxps-]{4} +[0-9a-f]+ +[0-9a-f]+:[0-9a-f]+ +\d+ *)(.*)$"));

impl Names<'_> {
    /// A text of Go.
    pub(super) fn dump(&mut self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut lines = text.split_inclusive('\n').peekable();
        while let Some(line) = lines.next() {
            let body = line.trim_end_matches(['\n', '\r']);
            let is_call = lines
                .peek()
                .is_some_and(|next| PLACE.is_match(next.trim_end_matches(['\n', '\r'])));
            out.push_str(&match is_call {
                true => self.call(body),
                false => self.dump_line(body),
            });
            out.push_str(&line[body.len()..]);
        }
        out
    }

    /// A function with its arguments, which a place follows.
    fn call(&mut self, line: &str) -> String {
        if line.starts_with("created by ") {
            return line.to_owned();
        }
        match line.rsplit_once('(') {
            Some((_, arguments)) if arguments.strip_suffix(')').is_some_and(|a| ARGUMENTS.is_match(a)) => {
                line.to_owned()
            }
            Some((function, _)) if line.ends_with(')') => format!("{function}(...)"),
            _ => self.dump_line(line),
        }
    }

    fn dump_line(&mut self, line: &str) -> String {
        if [&*COUNTS, &*STATISTIC, &*RATE].iter().any(|shape| shape.is_match(line)) {
            return line.to_owned();
        }
        // Most lines are these two.
        if let Some(c) = PLACE.captures(line) {
            let rest = [&c[3], c.get(4).map_or("", |m| m.as_str()), &c[5]].concat();
            return format!("{}{}:{rest}", &c[1], self.source(&c[2]));
        }
        if let Some(start) = GOROUTINE.find(line) {
            let (head, rest) = line.split_at(start.end());
            return format!("{head}{}", self.header(rest));
        }
        if let Some(labels) = line.strip_prefix("# labels:") {
            return format!("# labels:{}", self.label_pairs(labels));
        }
        if let Some(c) = COUNTED.captures(line) {
            return format!("{}{}{}", &c[1], self.source(&c[2]), c.get(3).map_or("", |m| m.as_str()));
        }
        if let Some(c) = MAPPING.captures(line) {
            return format!("{}{}", &c[1], self.mapping(&c[2]));
        }
        if CALL.is_match(line) && (line.ends_with(')') || line.starts_with("created by ")) {
            return line.to_owned();
        }
        self.prose(line)
    }

    /// `select, 5 minutes, labels:{"pod": "web"}] {pod: web}:`, after what [`GOROUTINE`] matches: labels inside of the brackets
    /// or after them; all else is prose.
    fn header(&mut self, line: &str) -> String {
        let mut out = String::new();
        let mut rest = line;
        while let Some(open) = rest.find('{') {
            let end = closing(&rest[open..]).map_or(rest.len(), |at| open + at + 1);
            out.push_str(&self.prose(&rest[..open]));
            out.push_str(&self.label_pairs(&rest[open..end]));
            rest = &rest[end..];
        }
        out.push_str(&self.prose(rest));
        out
    }

    fn label_pairs(&mut self, pairs: &str) -> String {
        let mut out = String::new();
        let mut done = 0;
        for c in LABEL_PAIR.captures_iter(pairs) {
            let Some(whole) = c.get(0) else { continue };
            // What no pair is understood of is not kept: only what separates pairs.
            out.push_str(&separators(&pairs[done..whole.start()]));
            out.push_str(&self.label_pair(&c));
            done = whole.end();
        }
        out.push_str(&separators(&pairs[done..]));
        out
    }

    fn label_pair(&mut self, c: &Captures<'_>) -> String {
        let inner = |text: &str| {
            let bare = text.strip_prefix('"').and_then(|t| t.strip_suffix('"'));
            bare.unwrap_or(text).to_owned()
        };
        // The same bytes as in `profile.proto` have the same pseudonym.
        let plain = |text: &str| inner(text).replace("\\\"", "\"").replace("\\\\", "\\");
        let key = if is_setting(&inner(&c[1])) {
            c[1].to_owned()
        } else {
            format!("\"{}\"", self.label(&plain(&c[1])))
        };
        // A pseudonym has a hyphen, and Go quotes what has one.
        let value = plain(&c[3]);
        let value = if value.is_empty() {
            String::new()
        } else {
            self.label(&value)
        };
        format!("{key}{}\"{value}\"", &c[2])
    }

    /// The file of a source: its folders above the root of a module or of the Go tree are of the build machine.
    pub(super) fn source(&mut self, path: &str) -> String {
        const ROOTS: [&str; 12] = [
            "src",
            "mod",
            "vendor",
            "staging",
            "pkg",
            "cmd",
            "_output",
            "_cgo_gotypes.go",
            "runtime",
            "internal",
            "toolchain@v0.0.1",
            "third_party",
        ];
        let windows = path.contains('\\');
        let mark = if windows { '\\' } else { '/' };
        let absolute = path.starts_with('/') || windows || path.as_bytes().get(1) == Some(&b':');
        if !absolute {
            // `k8s.io/kubernetes/pkg/kubelet/kubelet.go`, `<autogenerated>`: a name of code.
            return path.to_owned();
        }
        let mut parts: Vec<&str> = path.split(mark).collect();
        let file = parts.pop().unwrap_or_default();
        let root = parts.iter().position(|p| ROOTS.contains(p) || is_module_domain(p));
        let known = root.unwrap_or(parts.len());
        let mut out: Vec<String> = Vec::with_capacity(parts.len() + 1);
        let mut before = "";
        for (at, part) in parts.iter().enumerate() {
            let drive = part.len() == 2 && part.ends_with(':');
            let shown = match at >= known || drive {
                true => (*part).to_owned(),
                false => self.segment(part, before, false),
            };
            out.push(shown);
            before = part;
        }
        out.push(file.to_owned());
        out.join(&mark.to_string())
    }

    /// The file of a mapping.
    pub(super) fn mapping(&mut self, path: &str) -> String {
        let (bare, deleted) = match path.strip_suffix(" (deleted)") {
            Some(bare) => (bare, " (deleted)"),
            None => (path, ""),
        };
        // `[vdso]`, `//anon`
        if bare.starts_with('[') || bare.is_empty() || bare == "//anon" {
            return path.to_owned();
        }
        let shown = match bare.contains('/') {
            true => self.path(bare),
            false => self.path(&format!("/{bare}")).trim_start_matches('/').to_owned(),
        };
        format!("{shown}{deleted}")
    }
}

/// The first part of the path of a module: `k8s.io`, `github.com`.
fn is_module_domain(part: &str) -> bool {
    const DOMAINS: [&str; 12] = [
        "k8s.io",
        "sigs.k8s.io",
        "github.com",
        "golang.org",
        "google.golang.org",
        "gopkg.in",
        "go.uber.org",
        "go.etcd.io",
        "go.opentelemetry.io",
        "cel.dev",
        "go.yaml.in",
        "gotest.tools",
    ];
    DOMAINS.contains(&part) || part.starts_with("k8s.io@") || part.starts_with("github.com@")
}

/// Where a list of labels ends: its brace, outside of quotes.
fn closing(text: &str) -> Option<usize> {
    let mut inside = false;
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if inside => escaped = true,
            '"' => inside = !inside,
            '}' if !inside => return Some(at),
            _ => {}
        }
    }
    None
}

/// What separates labels, of a text that holds them.
fn separators(text: &str) -> String {
    text.chars()
        .filter(|c| matches!(c, '{' | '}' | ',' | ' ' | ':'))
        .collect()
}
