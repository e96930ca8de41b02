//! What a text says beside its goroutines, worded: who crashed when and why, what its unit did, which dumps there are, and
//! what is known to be missing.

use serde_json::{Map, Value, json};

use crate::model::evidence::{Clock, Crash, CrashCause, DumpFacts, Evidence, Stamp, UnitChange, UnitEvent, Writer};
use crate::model::units::{self, counted};
use crate::render::document::{Cell, Column, Document, Row, Shown};
use crate::render::pprof::go_time;
use crate::render::terminal::{columns_of, padded};

/// Dumps that people see in the list unless they ask for all.
const LISTED: usize = 8;

/// What stands above the goroutines. With `all` no list is cut.
pub(super) fn heading(evidence: &[(String, Evidence)], all: bool) -> Vec<String> {
    let mut lines = Vec::new();
    for (file, e) in evidence {
        let of_several = |line: String| match evidence.len() {
            1 => line,
            _ => format!("{file}: {line}"),
        };
        let mut own = Vec::new();
        for &i in e.chosen.iter().filter(|&&i| i < e.dumps.len()) {
            own.extend(origin(&e.dumps[i]));
            own.extend(of_its_unit(e, i));
            own.extend(damage(&e.dumps[i]));
        }
        own.extend(list(e, all));
        lines.extend(own.into_iter().map(of_several));
    }
    lines
}

/// Who wrote a dump, when and why.
fn origin(dump: &DumpFacts) -> Vec<String> {
    let mut lines = Vec::new();
    let who = who(dump);
    let at = |stamp: Option<&Stamp>| stamp.map_or_else(String::new, |s| format!(", {}", time(s)));
    match &dump.crash {
        Some(crash) => lines.push(format!(
            "{who}{}{}: {}",
            at(crash.at.as_ref().or(dump.at.as_ref())),
            if crash.recovered { ", recovered" } else { "" },
            crash_words(crash)
        )),
        None if !dump.writer.is_unknown() => {
            lines.push(format!("{who}{}: printed its goroutines", at(dump.at.as_ref())));
        }
        None => {}
    }
    if let Some(program) = dump.program.as_ref().filter(|p| !p.has_kubelet) {
        lines.push(format!(
            "this is a dump of {}, not of a kubelet: nothing in it is counted as a part of the kubelet",
            program.name
        ));
    }
    lines
}

/// A time as people read it.
fn time(stamp: &Stamp) -> String {
    match stamp.clock {
        Clock::Epoch(nanos) => go_time::short(nanos),
        // klog's letter of the severity.
        Clock::Year(_) => stamp.text.trim_start_matches(['I', 'W', 'E', 'F']).to_owned(),
        _ => stamp.text.clone(),
    }
}

/// `kubelet[4711] on node-a7`
fn who(dump: &DumpFacts) -> String {
    let name = name(dump);
    match dump.writer.host.as_str() {
        "" => name,
        host => format!("{name} on {host}"),
    }
}

/// `kubelet[4711]`: what the log calls it, or what its stacks say it is.
fn name(dump: &DumpFacts) -> String {
    let Writer { name, pid, .. } = &dump.writer;
    let program = dump.program.as_ref().map_or("process", |p| &p.name);
    let name = if name.is_empty() { program } else { name };
    pid.map_or_else(|| name.to_owned(), |pid| format!("{name}[{pid}]"))
}

fn crash_words(crash: &Crash) -> String {
    let mut text = crash.message.clone();
    if let CrashCause::Threads(Some(limit)) = crash.cause {
        text += &format!(" (more than {limit} threads)");
    }
    if let Some(signal) = &crash.signal {
        text += &format!(" ({signal})");
    }
    if let Some(id) = crash.goroutine {
        text += &format!(", in goroutine {id}");
    }
    text
}

/// What is known to be missing in a dump.
fn damage(dump: &DumpFacts) -> Vec<String> {
    let mut parts = Vec::new();
    if dump.headers_missing > 0 {
        parts.push(format!(
            "{} without a header (state and wait unknown)",
            counted(dump.headers_missing, "goroutine", "goroutines")
        ));
    }
    if dump.headers_damaged > 0 {
        parts.push(format!(
            "{} with a header that is not understood in full",
            counted(dump.headers_damaged, "goroutine", "goroutines")
        ));
    }
    if dump.damaged > 0 {
        parts.push(format!(
            "{} with lines missing",
            counted(dump.damaged, "goroutine", "goroutines")
        ));
    }
    match dump.suppressed {
        Some(0) => parts.push("the log lost messages while it was written".to_owned()),
        Some(n) => parts.push(format!(
            "the log lost {} while it was written",
            counted(n, "message", "messages")
        )),
        None => {}
    }
    match parts.is_empty() {
        true => Vec::new(),
        false => vec![format!("the dump is damaged: {}", parts.join(" · "))],
    }
}

/// What systemd and the kernel said of the process of a dump, from its start to that of the next.
fn of_its_unit(e: &Evidence, index: usize) -> Option<String> {
    let d = &e.dumps[index];
    let of_unit = e.of_unit(index);
    let unit = of_unit.first()?.unit.clone();
    let mut parts: Vec<String> = Vec::new();
    for e in e.of_process(index) {
        let words = match &e.what {
            // The list of restarts and the dump's own damage say these.
            UnitChange::Failed { .. }
            | UnitChange::Restart { .. }
            | UnitChange::Suppressed { .. }
            | UnitChange::Stopped => continue,
            what => change(what),
        };
        let at = e.at.as_ref().map_or_else(String::new, |s| format!(" at {}", time(s)));
        parts.push(format!("{words}{at}"));
    }
    let restarts = of_unit
        .iter()
        .filter(|e| matches!(e.what, UnitChange::Restart { .. }))
        .count();
    if restarts > 0 {
        let counter = of_unit.iter().rev().find_map(|e| match e.what {
            UnitChange::Restart { counter } => counter,
            _ => None,
        });
        let counter = counter.map_or_else(String::new, |n| format!(" (counter {n})"));
        parts.push(format!(
            "{} in this text{counter}",
            counted(restarts, "restart", "restarts")
        ));
    }
    let lost: u64 = (of_unit.iter())
        .filter_map(|e| match e.what {
            UnitChange::Suppressed { messages } => Some(messages.unwrap_or(0)),
            _ => None,
        })
        .sum();
    if lost > 0 && d.suppressed.is_none() {
        parts.push(format!("{} lost by the log", counted(lost, "message", "messages")));
    }
    (!parts.is_empty()).then(|| format!("{unit}: {}", parts.join(" · ")))
}

/// The dumps of a text that has several.
fn list(e: &Evidence, all: bool) -> Vec<String> {
    if e.dumps.len() < 2 {
        return Vec::new();
    }
    let mut lines = vec![match e.chosen.len() {
        n if n == e.dumps.len() => format!("{n} dumps in this text, added up:"),
        _ => format!("{} dumps in this text:", e.dumps.len()),
    }];
    if e.more_dumps > 0 {
        lines.push(format!(
            "  {} of recovered panics or before these, not kept",
            counted(e.more_dumps, "more dump", "more dumps")
        ));
    }
    let shown: Vec<usize> = match all || e.dumps.len() <= LISTED {
        true => (0..e.dumps.len()).collect(),
        // The first ones, those that are shown, and the last.
        false => {
            let mut some: Vec<usize> = (0..LISTED / 2).chain(e.chosen.iter().copied()).collect();
            some.extend(e.dumps.len() - LISTED / 2..e.dumps.len());
            some.sort_unstable();
            some.dedup();
            some
        }
    };
    let width = |text: &dyn Fn(&DumpFacts) -> String| shown.iter().map(|&i| columns_of(&text(&e.dumps[i]))).max();
    let when = |d: &DumpFacts| d.at.as_ref().map_or_else(String::new, time);
    let (names, times) = (width(&name).unwrap_or(0), width(&when).unwrap_or(0));
    let mut before = None;
    for &i in &shown {
        let d = &e.dumps[i];
        let gap = before.map_or(i, |b: usize| i - b - 1);
        if gap > 0 {
            lines.push(format!("  {gap} more: -n 0 shows them"));
        }
        before = Some(i);
        let mut line = format!("  {}  {}", i + 1, padded(&name(d), names));
        if times > 0 {
            line += &format!("  {}", padded(&when(d), times));
        }
        line += &format!("  {}", counted(d.goroutines, "goroutine", "goroutines"));
        if let Some(crash) = &d.crash {
            let short: String = crash.message.chars().take(60).collect();
            line += &format!("  {short}{}", if crash.recovered { " (recovered)" } else { "" });
        }
        if e.chosen.contains(&i) && e.chosen.len() < e.dumps.len() {
            line += "  <- shown";
        }
        lines.push(line);
    }
    lines
}

/// The same for machines.
pub(super) fn facts(evidence: &[(String, Evidence)]) -> Value {
    json!(
        (evidence.iter())
            .map(|(file, e)| {
                json!({
                    "source": file,
                    "dumps": e.dumps.iter().enumerate().map(|(i, d)| dump(d, i, e.chosen.contains(&i))).collect::<Vec<_>>(),
                    "events": e.events.iter().map(event).collect::<Vec<_>>(),
                    "more_events": e.more_events,
                    "more_dumps": e.more_dumps,
                })
            })
            .collect::<Vec<_>>()
    )
}

fn stamp(at: Option<&Stamp>) -> Value {
    at.map_or(Value::Null, |s| json!({"text": s.text, "epoch_nanos": s.epoch_nanos()}))
}

fn dump(d: &DumpFacts, index: usize, shown: bool) -> Value {
    let crash = d.crash.as_ref().map(|c| {
        json!({
            "cause": c.cause.key(),
            "message": c.message,
            "recovered": c.recovered,
            "goroutine": c.goroutine,
            "signal": match &c.cause {
                CrashCause::Signal(name) => Some(name),
                _ => c.signal.as_ref(),
            },
            "thread_limit": match c.cause {
                CrashCause::Threads(limit) => limit,
                _ => None,
            },
            "at": stamp(c.at.as_ref()),
        })
    });
    json!({
        "number": index + 1,
        "shown": shown,
        "writer": {"host": d.writer.host, "name": d.writer.name, "pid": d.writer.pid, "rest": d.writer.rest},
        "program": d.program.as_ref().map(|p| &p.name),
        "has_kubelet": d.program.as_ref().map(|p| p.has_kubelet),
        "at": stamp(d.at.as_ref()),
        "offset": d.offset,
        "crash": crash,
        "goroutines": d.goroutines,
        "headers_missing": d.headers_missing,
        "headers_damaged": d.headers_damaged,
        "damaged": d.damaged,
        "suppressed": d.suppressed,
    })
}

pub(in crate::render) fn event(e: &UnitEvent) -> Value {
    let (what, more) = match &e.what {
        UnitChange::Watchdog { limit } => ("watchdog", json!({"limit": limit})),
        UnitChange::Killed { signal, pid } => ("killed", json!({"signal": signal, "pid": pid})),
        UnitChange::Exited { code, status, name } => {
            ("exited", json!({"code": code, "status": status, "status_name": name}))
        }
        UnitChange::Failed { result } => ("failed", json!({"result": result})),
        UnitChange::Restart { counter } => ("restart", json!({"counter": counter})),
        UnitChange::Started => ("started", json!({})),
        UnitChange::Stopped => ("stopped", json!({})),
        UnitChange::OutOfMemory {
            pid,
            resident,
            of_cgroup,
        } => (
            "out-of-memory",
            json!({"pid": pid, "resident_bytes": resident, "of_cgroup": of_cgroup}),
        ),
        UnitChange::CoreDumped { pid } => ("core-dumped", json!({"pid": pid})),
        UnitChange::Crashed(crash) => ("crashed", json!({"cause": crash.cause.key(), "message": crash.message})),
        UnitChange::Suppressed { messages } => ("suppressed", json!({"messages": messages})),
    };
    let mut m: Map<String, Value> = Map::new();
    m.insert("at".to_owned(), stamp(e.at.as_ref()));
    m.insert("offset".to_owned(), json!(e.offset));
    m.insert("unit".to_owned(), json!(e.unit));
    m.insert("what".to_owned(), json!(what));
    if let Value::Object(more) = more {
        m.extend(more);
    }
    Value::Object(m)
}

/// The page of `inspect` for a log without a dump.
pub fn events(source: &str, e: &Evidence) -> Document {
    let mut d = Document {
        schema: "kubeprof/inspect/1".to_owned(),
        heading: vec![format!(
            "log without a goroutine dump · {}",
            counted(e.events.len(), "event", "events")
        )],
        columns: vec![
            Column::words("fact", "", Shown::Always),
            Column::words("value", "", Shown::Always),
        ],
        ..Document::default()
    };
    let all = [(source.to_owned(), e.clone())];
    d.facts.insert("evidence".to_owned(), facts(&all));
    let row = |(key, value): (&'static str, String)| Row {
        cells: vec![Cell::Text(key.to_owned()), Cell::Text(value)],
        ..Row::default()
    };
    d.rows.push(row(("source", source.to_owned())));
    d.rows.extend(rows(&all).into_iter().map(row));
    if e.more_events > 0 {
        d.notes.push(format!(
            "{} not kept",
            counted(e.more_events, "more event is", "more events are")
        ));
    }
    d
}

/// The same as rows of `inspect`: a key and what it says.
pub(super) fn rows(evidence: &[(String, Evidence)]) -> Vec<(&'static str, String)> {
    let mut rows = Vec::new();
    for (_, e) in evidence {
        for (i, d) in e.dumps.iter().enumerate() {
            let mut text = format!("{}  {}", i + 1, who(d));
            if let Some(p) = &d.program {
                text += &format!("  program {}", p.name);
            }
            if let Some(at) = &d.at {
                text += &format!("  {}", time(at));
            }
            text += &format!(
                "  {}  at byte {}",
                counted(d.goroutines, "goroutine", "goroutines"),
                d.offset
            );
            if e.chosen.contains(&i) && e.dumps.len() > 1 {
                text += "  (shown)";
            }
            rows.push(("dump", text));
            if let Some(crash) = &d.crash {
                rows.push(("  crash", crash_words(crash)));
            }
            rows.extend(damage(d).into_iter().map(|line| ("  damage", line)));
        }
        for e in e.events.iter().take(200) {
            let at = e.at.as_ref().map_or_else(String::new, |s| format!("{}  ", time(s)));
            rows.push(("event", format!("{at}{}  {}", e.unit, change(&e.what))));
        }
    }
    rows
}

/// What happened to a unit, and when.
pub(in crate::render) fn event_words(e: &UnitEvent) -> String {
    let at = e.at.as_ref().map_or_else(String::new, |s| format!("{}  ", time(s)));
    format!("{at}{}: {}", e.unit, change(&e.what))
}

/// Whose memory ran out, and what the process held.
pub(in crate::render) fn out_of_memory(resident: Option<u64>, of_cgroup: Option<bool>) -> String {
    let whose = match of_cgroup {
        Some(true) => "its cgroup ran out of memory",
        Some(false) => "the node ran out of memory",
        None => "memory ran out",
    };
    let held = resident.and_then(|bytes| i64::try_from(bytes).ok());
    let held = held.map_or_else(String::new, |n| {
        format!(", {} resident", units::label(n, "bytes", "auto"))
    });
    format!("{whose}{held}")
}

/// What happened to a unit.
pub(in crate::render) fn change(what: &UnitChange) -> String {
    let pid = |pid: &Option<u64>| pid.map_or_else(String::new, |p| format!(" (process {p})"));
    match what {
        UnitChange::Watchdog { limit } if limit.is_empty() => "watchdog timeout".to_owned(),
        UnitChange::Watchdog { limit } => format!("watchdog timeout (limit {limit})"),
        UnitChange::Killed { signal, pid: p } => format!("killed with {signal}{}", pid(p)),
        UnitChange::Exited { code, status, name } => format!("exited, code={code}, status={status}/{name}")
            .trim_end_matches('/')
            .to_owned(),
        UnitChange::Failed { result } => format!("failed with result {result}"),
        UnitChange::Restart { counter: Some(n) } => format!("restart scheduled, counter {n}"),
        UnitChange::Restart { counter: None } => "restart scheduled".to_owned(),
        UnitChange::Started => "started".to_owned(),
        UnitChange::Stopped => "stopped".to_owned(),
        UnitChange::OutOfMemory {
            pid: p,
            resident,
            of_cgroup,
        } => format!(
            "killed by the kernel: {}{}",
            out_of_memory(*resident, *of_cgroup),
            pid(p)
        ),
        UnitChange::CoreDumped { pid: p } => format!("core dumped{}", pid(p)),
        UnitChange::Crashed(crash) => crash_words(crash),
        UnitChange::Suppressed { messages: Some(n) } => {
            format!("{} lost by the log", counted(*n, "message", "messages"))
        }
        UnitChange::Suppressed { messages: None } => "messages lost by the log".to_owned(),
    }
}
