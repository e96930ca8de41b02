//! A process that ended and left its traceback: what ended it, and which part the text points at.
//!
//! A panic names the goroutine that failed, which is the first of the text. A signal names nothing: the loop that hung is
//! what `stuck` finds in the same text. Whoever sends SIGQUIT wants the traceback; that is no finding.

use super::crowd::Crowd;
use super::judge::Scale;
use super::observe::{Observed, Seen};
use super::report::{Claim, Crash, Evidence, Fact, Finding, Kind, Need, Part, Since, SinceBasis, Why};
use super::words::short;
use crate::kubelet::Role;

/// How a text says that it ended.
fn how(cause: &str) -> Option<Crash> {
    let text = cause.trim();
    match () {
        () if text.contains("thread exhaustion") || text.contains("-thread limit") => Some(Crash::Threads),
        () if text.contains("out of memory") || text.contains("cannot allocate memory") => Some(Crash::OutOfMemory),
        () if text.starts_with("panic:") || text.contains(" panic: ") => Some(Crash::Panic),
        () if text.starts_with("fatal error:") => Some(Crash::Fatal),
        () if text.starts_with("SIGABRT") => Some(Crash::Abort),
        () if text.starts_with("SIGQUIT") => None,
        () if text.starts_with("SIG") => Some(Crash::Signal),
        () => None,
    }
}

/// The crash of the last moment, with the part that `stuck` points at.
pub(super) fn crash(seen: &Observed, moments: &[usize], stuck: &[Finding]) -> Option<Finding> {
    let moment = moments
        .iter()
        .rev()
        .map(|&m| &seen.moments[m])
        .find(|m| m.cause.is_some())?;
    let cause = moment.cause.as_ref()?;
    let how = how(cause)?;
    let crowd = moment.crowd.as_ref();
    let failed = crowd.and_then(|c| failed(seen, c));
    let hung = stuck.iter().max_by_key(|f| f.confidence);
    let (part, function) = match how {
        Crash::Panic | Crash::Fatal => failed.clone().unwrap_or_default(),
        Crash::Threads => crowd.and_then(|c| threads(seen, c)).unwrap_or_default(),
        Crash::Abort | Crash::Signal | Crash::Quit => hung
            .map(|f| (f.subsystem.clone(), f.function.clone()))
            .unwrap_or_default(),
        Crash::OutOfMemory => (seen.book.part_of_key("go-runtime"), None),
    };
    let part = if part.key.is_empty() {
        let key = if how == Crash::Abort { "watchdog" } else { "go-runtime" };
        seen.book.part_of_key(key)
    } else {
        part
    };
    let mut scale = Scale::default();
    scale.add(4.0, Why::CrashText);
    if !matches!(how, Crash::Abort | Crash::Signal) && failed.is_some() {
        scale.add(1.0, Why::FailedGoroutine);
    }
    if matches!(how, Crash::Abort | Crash::Signal) {
        match hung {
            Some(f) => scale.add(1.0, Why::HungLoop(f.subsystem.title.clone())),
            None => scale.note(Why::NoHungLoop),
        }
    }
    let confidence = scale.confidence()?;
    let mut evidence = vec![Evidence {
        fact: Fact::Line(cause.clone()),
        moment: moment.label.clone(),
        show: None,
    }];
    if let Some(first) = crowd
        .and_then(|c| c.groups.first())
        .filter(|_| matches!(how, Crash::Panic | Crash::Fatal))
    {
        let frames = seen.stacks.get(first.stack).iter().chain(&first.creator);
        evidence.push(Evidence {
            fact: Fact::Stack(frames.map(|&f| seen.book.get(f).shown.clone()).collect()),
            moment: moment.label.clone(),
            show: None,
        });
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
            message: cause.clone(),
        },
        since: at(moment),
        growth: None,
        known_issues: Vec::new(),
        evidence,
        remedies: Vec::new(),
        next: vec![Need::Journal],
    })
}

fn at(moment: &Seen) -> Option<Since> {
    moment.at.map(|t| Since {
        after: None,
        before: Some(t),
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

    #[test]
    fn what_a_text_says() {
        for (cause, expected) in [
            ("panic: send on closed channel", Some(Crash::Panic)),
            ("fatal error: concurrent map writes", Some(Crash::Fatal)),
            ("runtime: program exceeds 10000-thread limit", Some(Crash::Threads)),
            ("fatal error: thread exhaustion", Some(Crash::Threads)),
            ("fatal error: runtime: out of memory", Some(Crash::OutOfMemory)),
            ("SIGABRT: abort", Some(Crash::Abort)),
            ("SIGSEGV: segmentation violation", Some(Crash::Signal)),
            ("SIGQUIT: quit", None),
            ("", None),
        ] {
            assert_eq!(how(cause), expected, "{cause}");
        }
    }
}
