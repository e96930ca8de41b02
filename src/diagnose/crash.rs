//! A process that ended and left its traceback: what ended it, and which part the text points at.
//!
//! A panic names the goroutine that failed, which is the first of the text. A signal names nothing: the loop that hung is
//! what `stuck` finds in the same text. Whoever sends SIGQUIT wants the traceback; that is no finding. Without a traceback,
//! systemd and the kernel say how it ended.

use super::crowd::Crowd;
use super::judge::Scale;
use super::observe::{Observed, Seen};
use super::report::{Claim, Crash, Evidence, Fact, Finding, Kind, Need, Part, Show, Since, SinceBasis, Verb, Why};
use super::words::short;
use crate::kubelet::Role;
use crate::model::evidence::{self, CrashCause, UnitChange, UnitEvent};

/// So many lines of systemd and the kernel are shown, the last ones.
const EVENTS: usize = 4;

/// What a crash in a text means. Whoever sends SIGQUIT wants the traceback.
fn of_text(crash: &evidence::Crash) -> Option<Crash> {
    Some(match &crash.cause {
        CrashCause::Signal(name) if name == "SIGQUIT" => return None,
        CrashCause::Signal(name) if name == "SIGABRT" => Crash::Abort,
        CrashCause::Signal(_) | CrashCause::Exception(_) => Crash::Signal,
        CrashCause::Panic => Crash::Panic,
        CrashCause::Threads(_) => Crash::Threads,
        CrashCause::OutOfMemory => Crash::OutOfMemory,
        _ => Crash::Fatal,
    })
}

/// What systemd and the kernel say of the end of a process: the last end, and what it was for.
fn of_events(events: &[UnitEvent]) -> Option<Crash> {
    let last = events.iter().rposition(|e| e.what.is_end())?;
    // The end of one process is told in several lines, up to the start of the next.
    let begins = |e: &UnitEvent| matches!(e.what, UnitChange::Started | UnitChange::Restart { .. });
    let from = events[..last].iter().rposition(begins).map_or(0, |i| i + 1);
    let end = &events[from..=last];
    let result = |wanted: &str| {
        end.iter()
            .any(|e| matches!(&e.what, UnitChange::Failed { result } if result == wanted))
    };
    let out_of_memory = |e: &UnitEvent| matches!(e.what, UnitChange::OutOfMemory { .. });
    let watchdog = |e: &UnitEvent| matches!(e.what, UnitChange::Watchdog { .. });
    if end.iter().any(out_of_memory) || result("oom-kill") {
        return Some(Crash::OutOfMemory);
    }
    if end.iter().any(watchdog) || result("watchdog") {
        return Some(Crash::Abort);
    }
    let told = end.iter().rev().find_map(|e| match &e.what {
        UnitChange::Crashed(crash) => of_text(crash),
        _ => None,
    });
    if told.is_some() {
        return told;
    }
    let exited = end.iter().rev().find_map(|e| match &e.what {
        UnitChange::Exited { code, name, .. } => Some((code.as_str(), name.as_str())),
        _ => None,
    });
    Some(match exited {
        Some((_, "QUIT")) => return None,
        Some((_, "ABRT")) => Crash::Abort,
        Some(("exited", _)) => Crash::Exit,
        Some(_) => Crash::Signal,
        None if result("exit-code") => Crash::Exit,
        None => Crash::Signal,
    })
}

/// The crash of the last moment, with the part that `stuck` points at.
pub(super) fn crash(seen: &Observed, moments: &[usize], stuck: &[Finding]) -> Option<Finding> {
    let told = |m: &&Seen| m.crash.is_some() || !m.events.is_empty();
    let moment = moments.iter().rev().map(|&m| &seen.moments[m]).find(told)?;
    let text = moment.crash.as_ref();
    let by_text = text.and_then(of_text);
    let by_events = of_events(&moment.events);
    // What the process printed says more than how systemd saw it end, unless it went on, or somebody asked for the text.
    let (how, text) = match (by_text, by_events) {
        (Some(how), _) if text.is_some_and(|c| !c.recovered) => (how, text),
        (_, Some(Crash::OutOfMemory)) => (Crash::OutOfMemory, None),
        (Some(how), _) => (how, text),
        (None, Some(how)) if text.is_none() => (how, None),
        (None, _) => return None,
    };
    let crowd = moment.crowd.as_ref();
    let failed = crowd.filter(|_| text.is_some()).and_then(|c| failed(seen, c));
    let hung = (stuck.iter())
        .filter(|f| how != Crash::Abort || is_watched(f))
        .max_by_key(|f| f.confidence);
    let (part, function) = match how {
        Crash::Panic | Crash::Fatal => failed.clone().unwrap_or_default(),
        Crash::Threads => crowd.and_then(|c| threads(seen, c)).unwrap_or_default(),
        Crash::Abort | Crash::Signal | Crash::Quit => hung
            .map(|f| (f.subsystem.clone(), f.function.clone()))
            .unwrap_or_default(),
        Crash::OutOfMemory | Crash::Exit => (seen.book.part_of_key("go-runtime"), None),
    };
    let part = if part.key.is_empty() {
        let key = if how == Crash::Abort { "watchdog" } else { "go-runtime" };
        seen.book.part_of_key(key)
    } else {
        part
    };
    let mut scale = Scale::default();
    match text {
        Some(_) => scale.add(4.0, Why::CrashText),
        // They saw it end, and name the process.
        None => scale.add(5.0, Why::UnitEvents),
    }
    if !matches!(how, Crash::Abort | Crash::Signal) && failed.is_some() {
        scale.add(1.0, Why::FailedGoroutine);
    }
    if matches!(how, Crash::Abort | Crash::Signal) {
        match hung {
            Some(f) => scale.add(1.0, Why::HungLoop(f.subsystem.title.clone())),
            None if crowd.is_some() => scale.note(Why::NoHungLoop),
            None => {}
        }
    }
    let confidence = scale.confidence()?;
    let fact = |fact| Evidence {
        fact,
        moment: moment.label.clone(),
        show: None,
    };
    let mut evidence: Vec<Evidence> = text.map(|c| fact(Fact::Line(c.message.clone()))).into_iter().collect();
    let telling: Vec<&UnitEvent> = moment.events.iter().filter(|e| e.what.is_end()).collect();
    let last = telling.len().saturating_sub(EVENTS);
    evidence.extend(telling[last..].iter().map(|&e| Evidence {
        fact: Fact::Unit(e.clone()),
        moment: String::new(),
        show: None,
    }));
    if how == Crash::OutOfMemory {
        evidence.extend(last_heap(seen, moments));
    }
    if let Some(first) = crowd
        .and_then(|c| c.groups.first())
        .filter(|_| matches!(how, Crash::Panic | Crash::Fatal))
    {
        let frames = seen.stacks.get(first.stack).iter().chain(&first.creator);
        let frames = frames.map(|&f| seen.book.get(f).shown.clone()).collect();
        evidence.push(fact(Fact::Stack(frames)));
    }
    if how == Crash::Abort && hung.is_none() {
        evidence.extend(
            crowd
                .and_then(|c| young(seen, c))
                .map(|frames| fact(Fact::Stack(frames))),
        );
    }
    evidence.extend(hung.iter().flat_map(|f| f.evidence.iter().take(2).cloned()));
    Some(Finding {
        rank: 0,
        kind: Kind::Crash,
        subsystem: part,
        subject: subject(how, function.as_deref()),
        function,
        confidence,
        reasons: scale.into_reasons(),
        claim: Claim::Crash {
            how,
            message: text.map(|c| c.message.clone()),
            recovered: text.is_some_and(|c| c.recovered),
            events: moment.events.clone(),
        },
        since: at(moment, text),
        growth: None,
        known_issues: Vec::new(),
        evidence,
        remedies: Vec::new(),
        next: match how {
            Crash::OutOfMemory => vec![Need::HeapSeries],
            _ => vec![Need::Journal],
        },
    })
}

/// A process that does not stay: other starts at one moment after the other. Somebody may restart it once or twice.
pub(super) fn restarts(seen: &Observed, runs: &[Vec<usize>]) -> Option<Finding> {
    let first = |run: &Vec<usize>| run.first().map(|&m| &seen.moments[m]);
    let starts: Vec<f64> = runs.iter().filter_map(|r| first(r)?.process.started).collect();
    let one_node = runs.windows(2).all(|w| match (first(&w[0]), first(&w[1])) {
        (Some(a), Some(b)) => a.process.node == b.process.node,
        _ => false,
    });
    let in_order = starts.windows(2).all(|w| w[0] < w[1]);
    let again = starts.len().checked_sub(1).filter(|&n| n >= 2)?;
    if !one_node || !in_order || starts.len() != runs.len() {
        return None;
    }
    let mut scale = Scale::default();
    scale.add(again as f64 - 0.5, Why::Restarts(again));
    let moment = runs.last().and_then(first)?;
    let show = Show::new(Verb::Inspect, moment.sources_of("metrics"));
    Some(Finding {
        rank: 0,
        kind: Kind::Crash,
        subsystem: seen.book.part_of_key("go-runtime"),
        subject: "restarts".to_owned(),
        function: None,
        confidence: scale.confidence()?,
        reasons: scale.into_reasons(),
        claim: Claim::Restarts { times: again },
        since: None,
        growth: None,
        known_issues: Vec::new(),
        evidence: vec![Evidence {
            fact: Fact::Metric {
                name: "process_start_time_seconds".to_owned(),
                first: starts.first().copied(),
                last: starts.last().copied().unwrap_or_default(),
            },
            moment: String::new(),
            show: Some(show),
        }],
        remedies: Vec::new(),
        next: vec![Need::Journal],
    })
}

/// Whether the watchdog would see it: it asks for the health of the sync loop, which waits for the PLEG and the runtime.
fn is_watched(f: &Finding) -> bool {
    const WATCHED: [&str; 3] = ["sync-loop", "pleg", "runtime-status"];
    let is = |part: &Part| WATCHED.contains(&part.key.as_str());
    is(&f.subsystem) || f.claim.parties().any(|p| is(&p.owner))
}

/// The first look at the runtime, under way: until it ends, the health of the device plugins fails.
fn young(seen: &Observed, crowd: &Crowd) -> Option<Vec<String>> {
    let is = |key: &str| key.ends_with(".(*Kubelet).updateRuntimeUp");
    let in_call = |key: &str| key.starts_with("google.golang.org/grpc.(*ClientConn).Invoke");
    let frames = crowd.groups.iter().map(|g| seen.stacks.get(g.stack)).find(|frames| {
        let any = |pass: &dyn Fn(&str) -> bool| frames.iter().any(|&f| pass(seen.book.key(f)));
        any(&is) && any(&in_call)
    })?;
    Some(frames.iter().map(|&f| seen.book.get(f).shown.clone()).collect())
}

/// The last heap before: what it was that filled the memory.
fn last_heap(seen: &Observed, moments: &[usize]) -> Option<Evidence> {
    let moment = moments
        .iter()
        .rev()
        .map(|&m| &seen.moments[m])
        .find(|m| m.heap.is_some())?;
    let total = moment.heap.as_ref()?.bytes;
    Some(Evidence {
        fact: Fact::Numbers {
            what: "the last heap before".to_owned(),
            unit: "bytes".to_owned(),
            values: vec![(moment.at, total, None)],
        },
        moment: moment.label.clone(),
        show: Some(Show {
            snapshot: moment.snapshot,
            kind: Some("heap".to_owned()),
            ..Show::new(Verb::Top, moment.sources_of("heap"))
        }),
    })
}

/// When it ended, as far as the log says so in absolute time.
fn at(moment: &Seen, text: Option<&evidence::Crash>) -> Option<Since> {
    let nanos = |stamp: &Option<evidence::Stamp>| stamp.as_ref().and_then(evidence::Stamp::epoch_nanos);
    let of_text = text.and_then(|c| nanos(&c.at));
    let of_events = || {
        moment
            .events
            .iter()
            .rev()
            .filter(|e| e.what.is_end())
            .find_map(|e| nanos(&e.at))
    };
    let told = of_text.or_else(of_events).map(i128::from);
    let told = told.and_then(|n| jiff::Timestamp::from_nanosecond(n).ok());
    // A text ends with the crash that it is of; a log may be of any time.
    let at = told.or(moment.at.filter(|_| text.is_some()))?;
    Some(Since {
        after: None,
        before: Some(at),
        at_least: None,
        basis: SinceBasis::Log,
    })
}

fn subject(how: Crash, function: Option<&str>) -> String {
    let name = match how {
        Crash::Panic => "panic",
        Crash::Fatal => "fatal-error",
        Crash::Threads => "thread-exhaustion",
        Crash::Abort => "abort",
        Crash::Quit => "quit",
        Crash::Signal => "signal",
        Crash::Exit => "exit",
        Crash::OutOfMemory => "out-of-memory",
    };
    match function.filter(|_| matches!(how, Crash::Panic | Crash::Fatal)) {
        Some(f) => format!("{name}/{}", short(f)),
        None => name.to_owned(),
    }
}

/// The part and function of the goroutine that failed: the first of the text.
fn failed(seen: &Observed, crowd: &Crowd) -> Option<(Part, Option<String>)> {
    let book = &seen.book;
    let first = crowd.groups.first()?;
    let frames = seen.stacks.get(first.stack);
    let owner = frames.iter().find(|&&f| book.get(f).class.role() == Some(Role::Owner));
    let telling = |f: &&super::book::NameId| {
        !matches!(
            book.get(**f).class.role(),
            Some(Role::Runtime | Role::Plain | Role::Wrapper | Role::Start)
        )
    };
    let id = *owner.or_else(|| frames.iter().find(telling))?;
    let part = book.get(id).class.subsystem().map(|s| book.part(s))?;
    Some((part, Some(book.get(id).shown.clone())))
}

/// What most goroutines in system calls belong to.
fn threads(seen: &Observed, crowd: &Crowd) -> Option<(Part, Option<String>)> {
    let in_calls = crowd.groups.iter().filter(|g| g.wait == super::crowd::Wait::Syscall);
    let most = in_calls.max_by_key(|g| g.count)?;
    let part = most.attribution.owner.map(|id| seen.book.part(id))?;
    let frames = seen.stacks.get(most.stack);
    let own = most.attribution.owner_frame.and_then(|f| frames.get(f as usize));
    Some((part, own.map(|&f| seen.book.get(f).shown.clone())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(what: UnitChange) -> UnitEvent {
        UnitEvent {
            at: None,
            offset: 0,
            unit: "kubelet.service".to_owned(),
            what,
        }
    }

    #[test]
    fn what_a_text_says() {
        let crash = |cause, message: &str| evidence::Crash {
            cause,
            message: message.to_owned(),
            recovered: false,
            goroutine: None,
            signal: None,
            at: None,
        };
        for (cause, message, expected) in [
            (CrashCause::Panic, "panic: send on closed channel", Some(Crash::Panic)),
            (
                CrashCause::ConcurrentMap,
                "fatal error: concurrent map writes",
                Some(Crash::Fatal),
            ),
            (
                CrashCause::Threads(None),
                "runtime: program exceeds 10000-thread limit",
                Some(Crash::Threads),
            ),
            (
                CrashCause::Threads(None),
                "fatal error: thread exhaustion",
                Some(Crash::Threads),
            ),
            (
                CrashCause::OutOfMemory,
                "fatal error: runtime: out of memory",
                Some(Crash::OutOfMemory),
            ),
            (
                CrashCause::Signal("SIGABRT".to_owned()),
                "SIGABRT: abort",
                Some(Crash::Abort),
            ),
            (
                CrashCause::Signal("SIGSEGV".to_owned()),
                "SIGSEGV: segmentation violation",
                Some(Crash::Signal),
            ),
            (CrashCause::Signal("SIGQUIT".to_owned()), "SIGQUIT: quit", None),
        ] {
            assert_eq!(of_text(&crash(cause, message)), expected, "{message}");
        }
    }

    #[test]
    fn what_systemd_and_the_kernel_say() {
        let exited = |code: &str, name: &str| UnitChange::Exited {
            code: code.to_owned(),
            status: 1,
            name: name.to_owned(),
        };
        let failed = |result: &str| UnitChange::Failed {
            result: result.to_owned(),
        };
        let killed = UnitChange::OutOfMemory {
            pid: Some(7),
            resident: None,
            of_cgroup: None,
        };
        let watchdog = UnitChange::Watchdog { limit: String::new() };
        let restart = UnitChange::Restart { counter: Some(2) };
        for (changes, expected) in [
            (
                vec![killed.clone(), exited("killed", "KILL"), failed("oom-kill")],
                Some(Crash::OutOfMemory),
            ),
            (vec![failed("oom-kill")], Some(Crash::OutOfMemory)),
            (vec![watchdog, exited("dumped", "ABRT")], Some(Crash::Abort)),
            (vec![exited("dumped", "ABRT")], Some(Crash::Abort)),
            (vec![exited("killed", "KILL"), failed("signal")], Some(Crash::Signal)),
            (
                vec![exited("exited", "FAILURE"), failed("exit-code")],
                Some(Crash::Exit),
            ),
            (vec![exited("dumped", "QUIT")], None),
            // The end of the process before is not that of the last one.
            (
                vec![
                    killed,
                    restart.clone(),
                    UnitChange::Started,
                    exited("exited", "FAILURE"),
                ],
                Some(Crash::Exit),
            ),
            (vec![restart, UnitChange::Started, UnitChange::Stopped], None),
            (vec![], None),
        ] {
            let events: Vec<UnitEvent> = changes.into_iter().map(event).collect();
            assert_eq!(of_events(&events), expected, "{events:?}");
        }
    }
}
