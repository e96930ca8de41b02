//! The page of `goroutines`.

use serde_json::{Map, Value, json};

use super::{begin, evidence, shown_name, waiting};
use crate::analysis::{
    Bucket, BucketSort, Cohort, CohortWeight, Counted, GoroutineFrame, GoroutineQuery, Goroutines, Part, Similarity,
    View, Waits,
};
use crate::diagnose::Excess;
use crate::kubelet::Role;
use crate::model::goroutine_label::{ELIDED, Standing};
use crate::model::units::{self, counted};
use crate::render::document::Setting;
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

/// What stands under each bucket, for people.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Below {
    /// Its frames.
    pub stacks: StackLines,
    /// Its pprof labels, which are a column of the wide form.
    pub labels: bool,
}

/// The page of `goroutines`. `excess` are the parts with too many, where the goroutines were judged; `remarks` are further
/// notes about the sources.
pub fn goroutines(
    report: &Goroutines,
    asked: &GoroutineQuery,
    view: &View,
    full_names: bool,
    under: Below,
    excess: Option<&[Excess]>,
    remarks: &[String],
) -> Document {
    let stacks = under.stacks;
    let mut d = begin("goroutines", &report.header, view);
    let similarity = match asked.similarity {
        Similarity::Exact => "exact",
        Similarity::Function => "function",
        Similarity::Owner => "owner",
    };
    d.query = query(asked, similarity, &d.query);
    d.facts.extend(facts(report, remarks));
    d.facts.insert("out_of_proportion".to_owned(), excess_facts(excess));
    let found = &view.origin.evidence;
    d.facts.insert("evidence".to_owned(), evidence::facts(found));
    // Why the process ended comes before what its goroutines did.
    let first = d.heading.len().min(1);
    let crash = evidence::heading(found, asked.limit == 0);
    // Who waits for whom is the first line; only what ended the process comes before it.
    let at = if crash.is_empty() { 0 } else { first + crash.len() };
    d.heading.splice(first..first, crash);
    d.heading.splice(at..at, waiting::line(report));
    d.heading.extend(heading(report, asked, excess));
    d.columns = columns();
    let full = matches!(stacks, StackLines::All);
    for bucket in &report.buckets {
        d.rows.push(Row {
            cells: cells(bucket, report, full_names),
            below: below(bucket, under, full_names),
            rule_above: !d.rows.is_empty() && stacks != StackLines::Some(0),
            emphasis: Emphasis::Plain,
        });
    }
    d.notes = notes(report, remarks);
    if full {
        return d;
    }
    if report.buckets.iter().any(|b| b.frames.len() > 1) && stacks != StackLines::Some(0) {
        d.note("frames that say little are left out".to_owned(), Setting::Frames);
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
    m.insert("leaked".to_owned(), json!(asked.never_wakes));
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
                "standing": c.standing.map(Standing::as_str),
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
        ("never_wakes", json!(report.never_wakes)),
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

fn title(part: &Option<Part>) -> &str {
    part.as_ref().map_or("an unknown owner", |p| &p.title)
}

fn excess_facts(excess: Option<&[Excess]>) -> Value {
    let parts = excess.map(|all| {
        let part = |e: &Excess| json!({"owner": e.key, "function": e.function, "count": e.count, "at_most": e.usual, "pods": e.pods});
        all.iter().map(part).collect::<Vec<_>>()
    });
    json!(parts)
}

fn cohort(c: &Cohort, knows_waits: bool) -> String {
    let mut text = format!("{} of {}", c.count, title(&c.owner));
    if let Some(part) = &c.blocked_in {
        text.push_str(&format!(" blocked in {}", part.title));
    }
    if let Some(part) = &c.within {
        text.push_str(&format!(" within {}", part.title));
    }
    match c.waits {
        // The runtime forgets for how long it waited when it finds a goroutine leaked.
        None if c.weight == CohortWeight::NeverWakes || !knows_waits => {}
        None => text.push_str(", no wait of a whole minute recorded"),
        Some(w) => text.push_str(&format!(" for {}", minutes(w))),
    }
    if let Some(w) = c.waits.filter(|w| w.known < c.count) {
        text.push_str(&format!(" ({} of them)", w.known));
    }
    text
}

/// A line for each of the first `shown`, and one for the rest.
fn cohorts(indent: &str, of: &[&Cohort], shown: usize, knows_waits: bool) -> Vec<String> {
    let line = |c: &&Cohort| format!("{indent}{}", cohort(c, knows_waits));
    let mut lines: Vec<String> = of[..shown].iter().map(line).collect();
    if shown < of.len() {
        let rest = of[shown..].iter().fold(0i64, |sum, c| sum.saturating_add(c.count));
        let groups = counted(of.len() - shown, "group", "groups");
        lines.push(format!("{indent}{rest} more in {groups}: -n 0 shows them"));
    }
    lines
}

/// Parts with more than the node needs, and what follows from the expectations: what hangs, what is usual, what idles.
fn judged(report: &Goroutines, excess: &[Excess], at_most: &dyn Fn(usize, &[&Cohort]) -> usize) -> Vec<String> {
    let mut lines = Vec::new();
    if !excess.is_empty() {
        lines.push("out of proportion:".to_owned());
    }
    for e in excess {
        let node = e.pods.map_or_else(
            || "this node".to_owned(),
            |n| format!("a node with {}", counted(n, "pod", "pods")),
        );
        let part = if e.title.is_empty() { "no known part" } else { &e.title };
        let of_them = match e.count == e.largest {
            true => String::new(),
            false => format!(", {} of them", e.largest),
        };
        lines.push(format!(
            "  {} of {part}{of_them} below {}, where {node} needs at most {}",
            e.count, e.function, e.usual
        ));
    }
    let of = |standing: Standing| -> Vec<&Cohort> {
        let is = |c: &&Cohort| c.standing == Some(standing) && c.weight != CohortWeight::NeverWakes;
        report.cohorts.iter().filter(is).collect()
    };
    let knows = report.knows_states;
    let stuck = of(Standing::Stuck);
    lines.push(if stuck.is_empty() { "stuck: none" } else { "stuck:" }.to_owned());
    lines.extend(cohorts("  ", &stuck, at_most(STUCK_COHORTS, &stuck), knows));
    let usual = of(Standing::Usual);
    if !usual.is_empty() {
        lines.push("usual:".to_owned());
        lines.extend(cohorts("  ", &usual, at_most(COHORTS, &usual), knows));
    }
    let idle = of(Standing::Idle);
    if !idle.is_empty() {
        lines.push("idle loops:".to_owned());
        lines.push(idle_line(&idle));
    }
    lines
}

fn idle_line(idle: &[&Cohort]) -> String {
    let count = idle.iter().fold(0i64, |sum, c| sum.saturating_add(c.count));
    let oldest = idle.iter().filter_map(|c| c.waits).map(|w| w.max_minutes).max();
    let age = oldest.map_or_else(String::new, |minutes| format!(", the oldest for {minutes} min"));
    format!("  {count} in loops that wait for channels, timers or connections{age}")
}

fn heading(report: &Goroutines, asked: &GoroutineQuery, excess: Option<&[Excess]>) -> Vec<String> {
    let mut lines = Vec::new();
    let (idle, busy): (Vec<&Cohort>, Vec<&Cohort>) = report.cohorts.iter().partition(|c| c.idle);
    let (never, busy): (Vec<&Cohort>, Vec<&Cohort>) =
        (busy.into_iter()).partition(|c| c.weight == CohortWeight::NeverWakes);
    let at_most = |most: usize, of: &[&Cohort]| match asked.limit {
        0 => of.len(),
        _ => most.min(of.len()),
    };
    let knows = report.knows_states;
    if !never.is_empty() {
        lines.push(format!("  {} that nothing can wake:", report.never_wakes));
        lines.extend(cohorts("    ", &never, at_most(STUCK_COHORTS, &never), knows));
    }
    match excess {
        Some(excess) if !report.cohorts.is_empty() => lines.extend(judged(report, excess, &at_most)),
        _ => {
            let stuck = busy.iter().take_while(|c| c.weight == CohortWeight::Stuck).count();
            let shown = at_most(stuck.clamp(COHORTS, STUCK_COHORTS), &busy);
            lines.extend(cohorts("  ", &busy, shown, knows));
            if !idle.is_empty() {
                lines.push(idle_line(&idle));
            }
        }
    }
    let knows_none = asked.never_wakes && report.never_wakes == 0 && report.header.total > 0;
    if (asked.needs_states() || knows_none) && !report.knows_states {
        lines.push("which of them pass the filters is unknown".to_owned());
    } else if report.matched != report.header.total {
        lines.push(format!("{} the filters", counted(report.matched, "passes", "pass")));
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
        notes.push(format!(
            "{} with {}: -n 0 shows them",
            counted(left, "more bucket", "more buckets"),
            counted(report.hidden, "goroutine", "goroutines")
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
        Column::words("blocked_in_all", "blocked in", Machine),
        Column::words("within_title", "within", Wide),
        Column::words("within", "within", Machine),
        Column::words("created_by", "created by", Always),
        Column::number("locked", "locked", Wide),
        Column::number("leaked", "leaked", Wide),
        Column::number("never_wakes", "never wakes", Machine),
        Column::words("labels", "labels", Wide),
        Column::number("stacks", "stacks", Wide),
        Column::words("stack", "stack", Machine),
    ]
}

fn cells(b: &Bucket, report: &Goroutines, full_names: bool) -> Vec<Cell> {
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
    let (most_blocked_in, all_blocked_in) = blocked_in(b);
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
        most_blocked_in,
        key(&b.blocked_in.first().and_then(|(part, _)| part.clone())),
        all_blocked_in,
        name(&b.within),
        key(&b.within),
        created_by(b, full_names),
        Cell::Count(b.locked),
        Cell::Count(b.leaked),
        Cell::Count(b.never_wakes),
        Cell::Parts(json!(label_parts), labels(b).join(" ")),
        Cell::Count(i64::try_from(b.stacks).unwrap_or(i64::MAX)),
        Cell::Parts(
            json!(b.frames.iter().map(frame_parts).collect::<Vec<_>>()),
            String::new(),
        ),
    ]
}

/// What the goroutines are blocked in: the title of the most frequent for machines, all of them for people; and all of
/// them for machines.
fn blocked_in(b: &Bucket) -> (Cell, Cell) {
    let title = |part: &Option<Part>| part.as_ref().map(|p| p.title.clone());
    let parts: Vec<Value> = (b.blocked_in.iter())
        .map(|(part, count)| json!({"key": part.as_ref().map(|p| &p.key), "title": title(part), "count": count}))
        .collect();
    let all = Cell::Parts(json!(parts), String::new());
    let most = match b.blocked_in.as_slice() {
        [] => Cell::None,
        [(only, _)] => title(only).map_or(Cell::None, Cell::Text),
        several => {
            let words = several.iter().map(|(part, count)| match title(part) {
                Some(title) => format!("{count} {title}"),
                None => format!("{count} elsewhere"),
            });
            Cell::Parts(json!(title(&several[0].0)), words.collect::<Vec<_>>().join(", "))
        }
    };
    (most, all)
}

/// `key=value` where a bucket has one value, with the count where not all goroutines have it.
fn labels(b: &Bucket) -> Vec<String> {
    (b.labels.iter())
        .map(|l| match l.values.as_slice() {
            [only] if only.count == b.count => format!("{}={}", l.key, only.text),
            [only] => format!("{}={} ({})", l.key, only.text, only.count),
            values => format!("{}: {} values", l.key, values.len()),
        })
        .collect()
}

fn states(b: &Bucket) -> String {
    let leaked = match b.leaked {
        0 => String::new(),
        n if n == b.count => " (leaked)".to_owned(),
        n => format!(", {n} leaked"),
    };
    let states = match b.states.as_slice() {
        [only] if only.count == b.count => only.text.clone(),
        states => states
            .iter()
            .map(|s| format!("{} {}", s.count, s.text))
            .collect::<Vec<_>>()
            .join(", "),
    };
    format!("{states}{leaked}").trim_start_matches([' ', ',']).to_owned()
}

fn created_by(b: &Bucket, full_names: bool) -> Cell {
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
            short(&shown_name(&c.function, full_names)),
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
fn below(b: &Bucket, under: Below, full_names: bool) -> Vec<(String, Emphasis)> {
    let line = |f: &GoroutineFrame, whole: bool| {
        let name = match f.function.as_str() {
            "" => "(no name)".to_owned(),
            name => shown_name(name, full_names),
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
    let mut lines: Vec<(String, Emphasis)> = match under.stacks {
        StackLines::All => b.frames.iter().map(|f| line(f, true)).collect(),
        StackLines::Some(n) => telling(&b.frames, n).into_iter().map(|f| line(f, false)).collect(),
    };
    if under.labels && !b.labels.is_empty() {
        lines.push((format!("labels: {}", labels(b).join(" ")), Emphasis::Faint));
    }
    lines
}

/// At most `n` frames that tell what goroutines do: the kubelet's own, and of each run of frames of one library the
/// outermost, which is what was called; in any case the innermost ones and the outermost. What stands for frames that a
/// dump left out is no frame: it stays between those around it.
fn telling(frames: &[GoroutineFrame], n: usize) -> Vec<&GoroutineFrame> {
    let gap = frames.iter().position(|f| f.function == ELIDED);
    let of_stack: Vec<(usize, &GoroutineFrame)> =
        (frames.iter().enumerate()).filter(|&(i, _)| Some(i) != gap).collect();
    let mut out: Vec<(usize, &GoroutineFrame)> = Vec::new();
    for (at, &(i, f)) in of_stack.iter().enumerate() {
        let key = |f: &GoroutineFrame| f.subsystem.as_ref().map(|(p, _)| p.key.clone());
        let ends_run = || of_stack.get(at + 1).is_none_or(|(_, next)| key(next) != key(f));
        if match role(f) {
            Some(Role::Owner) | None => true,
            Some(Role::Boundary | Role::Library) => ends_run(),
            Some(_) => false,
        } {
            out.push((i, f));
        }
    }
    if out.is_empty() {
        let says_nothing = |f: &GoroutineFrame| matches!(role(f), Some(Role::Runtime | Role::Plain));
        out = of_stack.iter().copied().filter(|(_, f)| !says_nothing(f)).collect();
    }
    if out.is_empty() {
        out = of_stack;
    }
    if out.len() > n {
        let last = out.pop();
        out.truncate(n.saturating_sub(1));
        out.extend(last.filter(|_| n > 0));
    }
    if let Some(gap) = gap.filter(|_| n > 0) {
        let at = out.iter().position(|&(i, _)| i > gap).unwrap_or(out.len());
        out.insert(at, (gap, &frames[gap]));
    }
    out.into_iter().map(|(_, f)| f).collect()
}
