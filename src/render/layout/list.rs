//! The page of `list`: source lines with what they cost.

use super::{Look, Words, begin};
use crate::analysis::{Listing, View};
use crate::render::SourceLookup;
use crate::render::document::{Cell, Column, Document, Emphasis, Row, Shown};

/// The page of `list`. Lines without values stand between those that have some where the source is at hand.
pub fn list(report: &Listing, view: &View, look: &Look, sources: &mut dyn SourceLookup) -> Document {
    let h = &report.header;
    let w = Words { view, h };
    let mut d = begin("list", h, view, look);
    d.columns = vec![
        Column::number("flat", "flat", Shown::Always),
        Column::number("flat_percent", "flat%", Shown::Wide),
        Column::number("cum", "cum", Shown::Always),
        Column::number("cum_percent", "cum%", Shown::Wide),
        Column::number("line", "line", Shown::Always),
        Column::words("function", "function", Shown::Machine),
        Column::words("file", "file", Shown::Machine),
        Column::words("source", "source", Shown::Always),
    ];
    let (mut missing, mut other) = (0, 0);
    for function in &report.functions {
        for part in &function.files {
            let name = super::shown_name(&function.name, look.full_names);
            let title = format!("{name}  {}", part.file);
            let head = vec![
                w.value(part.flat),
                w.percent(part.flat),
                w.value(part.cum),
                w.percent(part.cum),
                Cell::None,
                Cell::Text(function.name.clone()),
                Cell::Text(part.file.clone()),
                Cell::Text(title),
            ];
            d.rows.push(Row {
                cells: head,
                emphasis: Emphasis::Kubelet,
                rule_above: !d.rows.is_empty(),
                ..Row::default()
            });
            let source = sources.open(&part.file).ok();
            missing += usize::from(source.is_none());
            let found = source.is_some();
            let source = source.filter(|s| s(part.defined_at).is_none_or(|text| defines(text, &function.name)));
            other += usize::from(found && source.is_none());
            let mut lines = part.lines.iter().peekable();
            for n in part.start..=part.end {
                let cost = lines.next_if(|l| l.line == n);
                let text = source.as_ref().and_then(|s| s(n));
                if cost.is_none() && text.is_none() {
                    continue;
                }
                let text = text.map(|t| String::from_utf8_lossy(t).trim_end().replace('\t', "    "));
                let (flat, cum) = cost.map_or((0, 0), |c| (c.flat, c.cum));
                let or_none = |v: i64, cell: Cell| if v == 0 { Cell::None } else { cell };
                let cells = vec![
                    or_none(flat, w.value(flat)),
                    or_none(flat, w.percent(flat)),
                    or_none(cum, w.value(cum)),
                    or_none(cum, w.percent(cum)),
                    Cell::Count(n),
                    Cell::Text(function.name.clone()),
                    Cell::Text(part.file.clone()),
                    text.map_or(Cell::None, Cell::Text),
                ];
                let emphasis = if cost.is_some() {
                    Emphasis::Plain
                } else {
                    Emphasis::Faint
                };
                d.rows.push(Row {
                    cells,
                    emphasis,
                    rule_above: false,
                    ..Row::default()
                });
                for call in cost.iter().flat_map(|c| &c.inlined) {
                    let place = format!("    inlined: {} {}:{}", call.name, call.file, call.line);
                    let cells = vec![
                        Cell::None,
                        Cell::None,
                        w.value(call.value),
                        w.percent(call.value),
                        Cell::None,
                        Cell::Text(function.name.clone()),
                        Cell::Text(part.file.clone()),
                        Cell::Text(place),
                    ];
                    d.rows.push(Row {
                        cells,
                        emphasis: Emphasis::Neighbour,
                        rule_above: false,
                        ..Row::default()
                    });
                }
            }
        }
    }
    if missing > 0 {
        d.notes.push(format!("the source of {missing} files is not at hand: --source DIR, for instance a checkout of kubernetes at the tag"));
    }
    if other > 0 {
        d.notes.push(format!(
            "{other} files at hand are of another version: the functions do not begin where the profile says; \
             name the right sources with --source DIR"
        ));
    }
    d
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
