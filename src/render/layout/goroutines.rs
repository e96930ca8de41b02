//! The page of `goroutines`.

use serde_json::{Map, Value, json};

use super::{Look, begin, shown_name};
use crate::analysis::{
    Bucket, BucketSort, Cohort, CohortWeight, Counted, GoroutineFrame, GoroutineQuery, Goroutines, Part, Similarity,
    View, Waits,
};
use crate::kubelet::Role;
use crate::model::units;
use crate::render::document::{Cell, Column, Document, Emphasis, Row, Shown};

/// Cohorts that people see unless they ask for all buckets.
const COHORTS: usize = 6;
/// Cohorts that people see where so many are stuck.
const STUCK_COHORTS: usize = 16;

/// How many frames stand under each bucket, for people.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StackLines {
    /// So many, of those that say something.
    Some(usize),
    /// The whole stack.
    All,
}

/// The page of `goroutines`. `remarks` are further notes about the sources.
pub fn goroutines(
    report: &Goroutines,
    asked: &GoroutineQuery,
    view: &View,
    look: &Look,
    stacks: StackLines,
    remarks: &[String],
) -> Document {
    let mut d = begin("goroutines", &report.header, view, look);
    let similarity = match asked.similarity {
        Similarity::Exact => "exact",
        Similarity::Function => "function",
        Similarity::Owner => "owner",
    };
    d.query = query(asked, similarity, &d.query);
    d.facts.extend(facts(report, remarks));
    d.heading.extend(heading(report, asked));
    d.columns = columns();
    let full = matches!(stacks, StackLines::All);
    for bucket in &report.buckets {
        d.rows.push(Row {
            cells: cells(bucket, report, look),
            below: below(bucket, stacks, look),
            rule_above: !d.rows.is_empty() && stacks != StackLines::Some(0),
            emphasis: Emphasis::Plain,
        });
    }
    d.notes = notes(report, remarks);
    if full {
        return d;
    }
    if report.buckets.iter().any(|b| b.frames.len() > 1) && stacks != StackLines::Some(0) {
        d.notes
            .push("frames that say little are left out: --stacks all shows them".to_owned());
    }
    d
}

fn query(asked: &GoroutineQuery, similarity: &str, of_view: &Map<String, Value>) -> Map<String, Value> {
    let mut m = Map::new();
    m.insert("similarity".to_owned(), json!(similarity));
    let sort = match asked.sort {
        BucketSort::Count => "count",
        BucketSort::Age => "age",
    };
    m.insert("sort".to_owned(), json!(sort));
    m.insert("states".to_owned(), json!(asked.states));
    m.insert("min_wait_minutes".to_owned(), json!(asked.min_wait_minutes));
    m.insert("blocked_in".to_owned(), json!(asked.blocked_in));
    m.insert("limit".to_owned(), json!(asked.limit));
    for key in ["filters", "knowledge"] {
        m.extend(of_view.get(key).map(|v| (key.to_owned(), v.clone())));
    }
    m
}

fn counts(rows: &[Counted], key: &str) -> Value {
    json!(
        rows.iter()
            .map(|r| json!({key: r.text, "count": r.count}))
            .collect::<Vec<_>>()
    )
}

fn facts(report: &Goroutines, remarks: &[String]) -> Map<String, Value> {
    let cohorts: Vec<Value> = (report.cohorts.iter())
        .map(|c| {
            json!({
                "owner": c.owner.as_ref().map(|p| &p.key),
                "owner_title": c.owner.as_ref().map(|p| &p.title),
                "blocked_in": c.blocked_in.as_ref().map(|p| &p.key),
                "blocked_in_title": c.blocked_in.as_ref().map(|p| &p.title),
                "count": c.count,
                "within": c.within.as_ref().map(|p| &p.key),
                "within_title": c.within.as_ref().map(|p| &p.title),
                "waiting": c.waits.map_or(0, |w| w.known),
                "wait_min_minutes": c.waits.map(|w| w.min_minutes),
                "wait_max_minutes": c.waits.map(|w| w.max_minutes),
                "idle": c.idle,
                "weight": c.weight.as_str(),
            })
        })
        .collect();
    let mut m = Map::new();
    for (key, value) in [
        ("matched", json!(report.matched)),
        ("states", counts(&report.states, "state")),
        ("without_state", json!(report.without_state)),
        ("locked", json!(report.locked)),
        ("leaked", json!(report.leaked)),
        ("waiting", json!(report.waits.map_or(0, |w| w.known))),
        ("wait_min_minutes", json!(report.waits.map(|w| w.min_minutes))),
        ("wait_max_minutes", json!(report.waits.map(|w| w.max_minutes))),
        ("cohorts", json!(cohorts)),
        ("bucket_count", json!(report.bucket_count)),
        ("hidden_goroutines", json!(report.hidden)),
        ("remarks", json!(remarks)),
    ] {
        m.insert(key.to_owned(), value);
    }
    m
}

fn minutes(w: Waits) -> String {
    if w.min_minutes == w.max_minutes {
        format!("{} min", w.max_minutes)
    } else {
        format!("{}..{} min", w.min_minutes, w.max_minutes)
    }
}

/// `1 group`, `2 groups`.
fn plural(n: usize, one: &str) -> String {
    format!("{n} {one}{}", if n == 1 { "" } else { "s" })
}

fn title(part: &Option<Part>) -> &str {
    part.as_ref().map_or("nobody", |p| &p.title)
}

fn cohort(c: &Cohort) -> String {
    let mut text = format!("{} of {}", c.count, title(&c.owner));
    if let Some(part) = &c.blocked_in {
        text.push_str(&format!(" blocked in {}", part.title));
    }
    if let Some(part) = &c.within {
        text.push_str(&format!(" within {}", part.title));
    }
    match c.waits {
        None => text.push_str(", no wait of a whole minute recorded"),
        Some(w) => text.push_str(&format!(" for {}", minutes(w))),
    }
    if let Some(w) = c.waits.filter(|w| w.known < c.count) {
        text.push_str(&format!(" ({} of them)", w.known));
    }
    text
}

fn heading(report: &Goroutines, asked: &GoroutineQuery) -> Vec<String> {
    let mut lines = Vec::new();
    let (idle, busy): (Vec<&Cohort>, Vec<&Cohort>) = report.cohorts.iter().partition(|c| c.idle);
    let stuck = busy.iter().take_while(|c| c.weight == CohortWeight::Stuck).count();
    let shown = match asked.limit {
        0 => busy.len(),
        _ => stuck.clamp(COHORTS, STUCK_COHORTS).min(busy.len()),
    };
    lines.extend(busy[..shown].iter().map(|c| format!("  {}", cohort(c))));
    if shown < busy.len() {
        let rest = busy[shown..].iter().fold(0i64, |sum, c| sum.saturating_add(c.count));
        let groups = plural(busy.len() - shown, "group");
        lines.push(format!("  {rest} more in {groups}: -n 0 shows them"));
    }
    if !idle.is_empty() {
        let count: i64 = idle.iter().map(|c| c.count).sum();
        let oldest = idle.iter().filter_map(|c| c.waits).map(|w| w.max_minutes).max();
        let age = oldest.map_or_else(String::new, |minutes| format!(", the oldest for {minutes} min"));
        lines.push(format!(
            "  {count} in loops that wait for channels, timers or connections{age}"
        ));
    }
    if asked.needs_states() && !report.knows_states {
        lines.push("which of them pass the filters is unknown".to_owned());
    } else if report.matched != report.header.total {
        lines.push(format!("{} pass the filters", report.matched));
    }
    if !report.states.is_empty() {
        let states: Vec<String> = report
            .states
            .iter()
            .map(|s| format!("{} {}", s.count, s.text))
            .collect();
        lines.push(format!("states: {}", states.join(" · ")));
    }
    let mut facts: Vec<String> = Vec::new();
    facts.extend(report.waits.map(|w| format!("oldest wait {} min", w.max_minutes)));
    facts.extend((report.locked > 0).then(|| format!("{} locked to a thread", report.locked)));
    facts.extend((report.leaked > 0).then(|| format!("{} leaked", report.leaked)));
    if !facts.is_empty() {
        lines.push(facts.join(" · "));
    }
    lines
}

fn notes(report: &Goroutines, remarks: &[String]) -> Vec<String> {
    let mut notes = Vec::new();
    let left = report.bucket_count - report.buckets.len();
    if left > 0 {
        let goroutines = if report.hidden == 1 { "goroutine" } else { "goroutines" };
        notes.push(format!(
            "{} with {} {goroutines}: -n 0 shows them",
            plural(left, "more bucket"),
            report.hidden
        ));
    }
    notes.extend_from_slice(remarks);
    if report.waits.is_some() {
        notes.push(
            "waits are lower bounds: the clock starts at the first garbage collection that sees the wait".to_owned(),
        );
    }
    notes
}

fn columns() -> Vec<Column> {
    use Shown::{Always, Machine, People, Wide};
    vec![
        Column::number("count", "count", Always),
        Column::number("percent", "%", Always),
        Column::words("states", "state", Always),
        Column::words("wait", "wait", People),
        Column::number("waiting", "waiting", Machine),
        Column::number("wait_min_minutes", "wait min", Machine),
        Column::number("wait_max_minutes", "wait max", Machine),
        Column::words("owner_title", "owner", Always),
        Column::words("owner", "owner", Machine),
        Column::words("owner_by", "owner by", Wide),
        Column::words("blocked_in_title", "blocked in", Always),
        Column::words("blocked_in", "blocked in", Machine),
        Column::words("within_title", "within", Wide),
        Column::words("within", "within", Machine),
        Column::words("created_by", "created by", Always),
        Column::number("locked", "locked", Wide),
        Column::number("leaked", "leaked", Wide),
        Column::words("labels", "labels", Wide),
        Column::number("stacks", "stacks", Wide),
        Column::words("stack", "stack", Machine),
    ]
}

fn cells(b: &Bucket, report: &Goroutines, look: &Look) -> Vec<Cell> {
    let words = |text: Option<&String>| text.map_or(Cell::None, |t| Cell::Text(t.clone()));
    let key = |part: &Option<Part>| words(part.as_ref().map(|p| &p.key));
    let name = |part: &Option<Part>| words(part.as_ref().map(|p| &p.title));
    let number = |n: Option<i64>| n.map_or(Cell::None, Cell::Count);
    let total = report.header.total;
    let percent = match total {
        0 => Cell::None,
        _ => Cell::Percent(
            b.count as f64 / total as f64 * 100.0,
            units::percentage(b.count, total).trim().to_owned(),
        ),
    };
    let labels: Vec<String> = (b.labels.iter())
        .map(|l| match l.values.as_slice() {
            [only] => format!("{}={}", l.key, only.text),
            values => format!("{}: {} values", l.key, values.len()),
        })
        .collect();
    let label_parts: Vec<Value> = (b.labels.iter())
        .map(|l| json!({"key": l.key, "distinct": l.values.len(), "values": counts(&l.values, "value")}))
        .collect();
    vec![
        Cell::Count(b.count),
        percent,
        Cell::Parts(counts(&b.states, "state"), states(b)),
        b.waits.map_or(Cell::None, |w| Cell::Text(minutes(w))),
        Cell::Count(b.waits.map_or(0, |w| w.known)),
        number(b.waits.map(|w| w.min_minutes)),
        number(b.waits.map(|w| w.max_minutes)),
        name(&b.owner),
        key(&b.owner),
        Cell::Text(b.owner_by.to_owned()),
        name(&b.blocked_in),
        key(&b.blocked_in),
        name(&b.within),
        key(&b.within),
        created_by(b, look),
        Cell::Count(b.locked),
        Cell::Count(b.leaked),
        Cell::Parts(json!(label_parts), labels.join(" ")),
        Cell::Count(i64::try_from(b.stacks).unwrap_or(i64::MAX)),
        Cell::Parts(
            json!(b.frames.iter().map(frame_parts).collect::<Vec<_>>()),
            String::new(),
        ),
    ]
}

fn states(b: &Bucket) -> String {
    match b.states.as_slice() {
        [only] if only.count == b.count => only.text.clone(),
        states => states
            .iter()
            .map(|s| format!("{} {}", s.count, s.text))
            .collect::<Vec<_>>()
            .join(", "),
    }
}

fn created_by(b: &Bucket, look: &Look) -> Cell {
    let parts: Vec<Value> = (b.created_by.iter())
        .map(|c| json!({"function": c.function, "file": c.file, "line": c.line, "count": c.count}))
        .collect();
    let text = b.created_by.first().map_or_else(String::new, |c| {
        let more = match b.created_by.len() {
            1 => String::new(),
            n => format!(" and {} more", n - 1),
        };
        format!(
            "{}{}{more}",
            short(&shown_name(&c.function, look.full_names)),
            place(&c.file, c.line)
        )
    });
    Cell::Parts(json!(parts), text)
}

/// ` worker.go:215`, or nothing.
fn place(file: &str, line: i64) -> String {
    match file.rsplit(['/', '\\']).next() {
        None | Some("") => String::new(),
        Some(base) if line == 0 => format!(" {base}"),
        Some(base) => format!(" {base}:{line}"),
    }
}

/// A Go name behind the last slash of its import path.
fn short(name: &str) -> &str {
    let end = name.find(['(', '[']).unwrap_or(name.len());
    name[..end].rfind('/').map_or(name, |slash| &name[slash + 1..])
}

fn frame_parts(f: &GoroutineFrame) -> Value {
    json!({
        "function": f.function,
        "file": f.file,
        "line": f.line,
        "inlined": f.inlined,
        "package": f.package,
        "subsystem": f.subsystem.as_ref().map(|(p, _)| &p.key),
    })
}

fn role(f: &GoroutineFrame) -> Option<Role> {
    f.subsystem.as_ref().map(|(_, role)| *role)
}

/// The lines under a bucket, leaf first.
fn below(b: &Bucket, stacks: StackLines, look: &Look) -> Vec<(String, Emphasis)> {
    let line = |f: &GoroutineFrame, whole: bool| {
        let name = match f.function.as_str() {
            "" => "(no name)".to_owned(),
            name => shown_name(name, look.full_names),
        };
        let emphasis = match role(f) {
            Some(Role::Owner) => Emphasis::Kubelet,
            Some(Role::Boundary | Role::Library) | None => Emphasis::Plain,
            Some(_) => Emphasis::Faint,
        };
        let place = if whole && f.line != 0 {
            format!(" {}:{}", f.file, f.line)
        } else {
            place(&f.file, f.line)
        };
        let inlined = if whole && f.inlined { " (inlined)" } else { "" };
        (format!("{name}{place}{inlined}"), emphasis)
    };
    match stacks {
        StackLines::All => b.frames.iter().map(|f| line(f, true)).collect(),
        StackLines::Some(n) => telling(&b.frames, n).into_iter().map(|f| line(f, false)).collect(),
    }
}

/// At most `n` frames that tell what goroutines do: the kubelet's own, and of each run of frames of one library the
/// outermost, which is what was called; in any case the innermost ones and the outermost.
fn telling(frames: &[GoroutineFrame], n: usize) -> Vec<&GoroutineFrame> {
    let mut out: Vec<&GoroutineFrame> = Vec::new();
    for (i, f) in frames.iter().enumerate() {
        let key = |f: &GoroutineFrame| f.subsystem.as_ref().map(|(p, _)| p.key.clone());
        let ends_run = || frames.get(i + 1).is_none_or(|next| key(next) != key(f));
        if match role(f) {
            Some(Role::Owner) | None => true,
            Some(Role::Boundary | Role::Library) => ends_run(),
            Some(_) => false,
        } {
            out.push(f);
        }
    }
    if out.is_empty() {
        let says_nothing = |f: &GoroutineFrame| matches!(role(f), Some(Role::Runtime | Role::Plain));
        out = frames.iter().filter(|f| !says_nothing(f)).collect();
    }
    if out.is_empty() {
        out = frames.iter().collect();
    }
    if out.len() > n {
        let last = out.pop();
        out.truncate(n.saturating_sub(1));
        out.extend(last.filter(|_| n > 0));
    }
    out
}
