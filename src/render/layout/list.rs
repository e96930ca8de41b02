//! The page of `list`: source lines with what they cost.
//!
//! Text shows a listing: the function's name and the inlined calls stand where the source does. Machines get three kinds of
//! rows, told apart by `kind`, and nothing that they would have to take apart: `function`, `file` and `line` are those of
//! the row itself (of a `function` where it is defined, of an `inlined` call the line in it that was reached), `source` is
//! the text of a `line` and nothing else, and `into_function`, `into_file` and `into_line` say of an `inlined` call where it
//! stands. The `flat` of the rows of kind `line` sum up to that of their `function`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{Words, begin};
use crate::analysis::{InlinedCall, ListedFile, ListedLine, Listing, View};
use crate::model::units::counted;
use crate::render::document::Setting;
use crate::render::document::{Cell, Column, Document, Emphasis, Row, Shown};
use crate::render::{Lines, SourceLookup};

/// The page of `list`. Lines without values stand between those that have some where the source is at hand.
pub fn list(report: &Listing, view: &View, full_names: bool, sources: &mut dyn SourceLookup) -> Document {
    let h = &report.header;
    let w = Words { view, h };
    let mut d = begin("list", h, view);
    d.columns = columns();
    let (mut missing, mut other) = (BTreeSet::new(), BTreeSet::new());
    let alike = super::Alike::among(report.functions.iter().map(|f| f.name.as_str()), full_names);
    for function in &report.functions {
        for part in &function.files {
            let place = Place {
                function: &function.name,
                file: &part.file,
            };
            d.rows.push(Row {
                rule_above: !d.rows.is_empty(),
                ..head(part, place, &w, alike.shown(&function.name, full_names))
            });
            let mut source = sources.open(&part.file).ok();
            if source.is_none() {
                missing.insert(&part.file);
            }
            if source.as_ref().is_some_and(|s| !fits(s, part, &function.name)) {
                other.insert(&part.file);
                source = None;
            }
            for (n, cost) in numbered(part, source.as_ref()) {
                d.rows
                    .push(line(n, cost, source.as_ref().and_then(|s| s(n)), place, &w));
                let calls = cost.iter().flat_map(|c| &c.inlined);
                d.rows.extend(calls.map(|call| inlined(call, n, place, &w)));
            }
        }
    }
    if !missing.is_empty() {
        let files = counted(missing.len(), "file", "files").to_string();
        d.note(format!("the source of {files} is not at hand"), Setting::SourcePath);
    }
    if !other.is_empty() {
        let text = format!(
            "{} of another version: functions do not begin where the profile says, or it names lines after the end",
            counted(other.len(), "file at hand is", "files at hand are")
        );
        d.note(text, Setting::OtherSourcePath);
    }
    d
}

fn columns() -> Vec<Column> {
    use Shown::{Always, Machine, Wide};
    vec![
        Column::words("kind", "kind", Machine),
        Column::number("flat", "flat", Always),
        Column::number("flat_percent", "flat%", Wide),
        Column::number("cum", "cum", Always),
        Column::number("cum_percent", "cum%", Wide),
        Column::number("line", "line", Always),
        Column::words("function", "function", Machine),
        Column::words("file", "file", Machine),
        Column::words("source", "source", Always),
        Column::words("into_function", "into function", Machine),
        Column::words("into_file", "into file", Machine),
        Column::number("into_line", "into line", Machine),
    ]
}

/// A function and its file.
#[derive(Clone, Copy)]
struct Place<'a> {
    function: &'a str,
    file: &'a str,
}

/// What people read in a column that says less to machines, or nothing.
fn for_people(text: String) -> Cell {
    Cell::Parts(Value::Null, text)
}

/// A number that people read elsewhere in the row; 0 is none.
fn for_machines(n: i64) -> Cell {
    if n == 0 {
        return Cell::None;
    }
    Cell::Parts(json!(n), String::new())
}

fn text(text: &str) -> Cell {
    Cell::Text(text.to_owned())
}

fn head(part: &ListedFile, place: Place<'_>, w: &Words<'_>, name: String) -> Row {
    Row {
        cells: vec![
            text("function"),
            w.value(part.flat),
            w.percent(part.flat),
            w.value(part.cum),
            w.percent(part.cum),
            for_machines(part.defined_at),
            text(place.function),
            text(place.file),
            for_people(format!("{name}  {}", place.file)),
            Cell::None,
            Cell::None,
            Cell::None,
        ],
        emphasis: Emphasis::Kubelet,
        ..Row::default()
    }
}

fn line(n: i64, cost: Option<&ListedLine>, source: Option<&[u8]>, place: Place<'_>, w: &Words<'_>) -> Row {
    let (flat, cum) = cost.map_or((0, 0), |c| (c.flat, c.cum));
    let or_none = |v: i64, cell: Cell| if v == 0 { Cell::None } else { cell };
    let source = source.map(|t| String::from_utf8_lossy(t).trim_end().replace('\t', "    "));
    Row {
        cells: vec![
            text("line"),
            or_none(flat, w.value(flat)),
            or_none(flat, w.percent(flat)),
            or_none(cum, w.value(cum)),
            or_none(cum, w.percent(cum)),
            or_none(n, Cell::Count(n)),
            text(place.function),
            text(place.file),
            source.map_or(Cell::None, Cell::Text),
            Cell::None,
            Cell::None,
            Cell::None,
        ],
        emphasis: if cost.is_some() {
            Emphasis::Plain
        } else {
            Emphasis::Faint
        },
        ..Row::default()
    }
}

fn inlined(call: &InlinedCall, n: i64, into: Place<'_>, w: &Words<'_>) -> Row {
    Row {
        cells: vec![
            text("inlined"),
            Cell::None,
            Cell::None,
            w.value(call.value),
            w.percent(call.value),
            for_machines(call.line),
            text(&call.name),
            text(&call.file),
            for_people(format!("    inlined: {} {}:{}", call.name, call.file, call.line)),
            text(into.function),
            text(into.file),
            for_machines(n),
        ],
        emphasis: Emphasis::Neighbour,
        ..Row::default()
    }
}

/// The lines to show by number: all with values, and between them what the source has.
fn numbered<'a>(part: &'a ListedFile, source: Option<&Lines<'_>>) -> BTreeMap<i64, Option<&'a ListedLine>> {
    let mut lines: BTreeMap<i64, Option<&ListedLine>> = part.lines.iter().map(|l| (l.line, Some(l))).collect();
    if let Some(source) = source {
        for n in (part.start..=part.end).take_while(|&n| source(n).is_some()) {
            lines.entry(n).or_insert(None);
        }
    }
    lines
}

/// Whether a source may be the one that was compiled: the function begins where the profile says, and no line with
/// samples is behind its end.
fn fits(source: &Lines<'_>, part: &ListedFile, function: &str) -> bool {
    let begins = part.defined_at == 0 || source(part.defined_at).is_some_and(|text| defines(text, function));
    begins && part.lines.iter().all(|l| l.line <= 0 || source(l.line).is_some())
}

/// Whether a line may be the one on which a function is defined: `func` or assembly's `TEXT`, and its own name, where it
/// has one in the source.
fn defines(line: &[u8], function: &str) -> bool {
    let line = String::from_utf8_lossy(line);
    let plain = function.split('[').next().unwrap_or_default();
    let last = plain.rsplit('.').next().unwrap_or_default();
    // The body of a loop over a function, and what the compiler makes of a statement.
    if last.contains("-range") {
        return line.contains("for ");
    }
    let last = last.strip_suffix("-fm").unwrap_or(last);
    let numbered = |made: &str| {
        last.strip_prefix(made)
            .is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit()))
    };
    if numbered("gowrap") || numbered("deferwrap") {
        return line.contains("go ") || line.contains("defer ");
    }
    let keyword = line.contains("func") || line.contains("TEXT");
    if numbered("func") || numbered("") || function.contains('[') {
        return keyword || numbered("");
    }
    // Linked under another name: sync.runtime_notifyListWait is the runtime's notifyListWait. A package's `init` is made
    // of all its variables.
    let own = last.rsplit('_').next().unwrap_or(last);
    last == "init" || (keyword && line.contains(own))
}

#[cfg(test)]
mod tests {
    use super::defines;

    #[test]
    fn lines_that_define_and_lines_that_do_not() {
        for (line, function) in [
            ("func Clean(path string) string {", "path.Clean"),
            (
                "func (p *podWorkers) podWorkerLoop(ctx context.Context) {",
                "k8s.io/x/pkg/kubelet.(*podWorkers).podWorkerLoop",
            ),
            (
                "TEXT \u{b7}Syscall6(SB),NOSPLIT,$0-80",
                "internal/runtime/syscall.Syscall6",
            ),
            ("\tgo wait.Until(func() {", "main.main.func1"),
            ("\tdefer klog.Flush()", "main.main.deferwrap1"),
            ("\tgo kl.run(ctx)", "main.(*T).start.gowrap2"),
            (
                "func (q *Typed[T]) Get() (item T, shutdown bool) {",
                "q.(*Typed[go.shape.string]).Get",
            ),
            ("var table = map[string]int{", "k8s.io/api/core/v1.init"),
            ("func init() {", "runtime.init.7"),
            ("func (t T) f() {", "main.T.f-fm"),
            (
                "func notifyListWait(l *notifyList, t uint32) {",
                "sync.runtime_notifyListWait",
            ),
            (
                "\tfor c := range containers(spec) {",
                "k8s.io/x/pod.VisitContainers-range1",
            ),
        ] {
            assert!(defines(line.as_bytes(), function), "{line} {function}");
        }
        for (line, function) in [
            ("func Base(path string) string {", "path.Clean"),
            ("\treturn x", "path.Clean"),
            ("}", "main.main.func1"),
            ("", "q.(*Typed[go.shape.string]).Get"),
        ] {
            assert!(!defines(line.as_bytes(), function), "{line} {function}");
        }
    }
}
