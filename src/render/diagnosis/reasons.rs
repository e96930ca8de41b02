//! Reasons and what was dropped, in words.

use super::figures::{bytes, minutes, number, rounded, seconds, short, time};
use super::parties::{many, same};
use super::words::title;
use crate::diagnose::report::{Check, Checked, Dropped, Need, Oddity, Outcome, Reason, Weighed, Why};
use crate::model::units::counted;

/// A reason in words.
pub(in crate::render) fn reason(r: &Reason) -> String {
    match &r.why {
        Why::WaitTooLong { minutes: m, limit } => {
            format!(
                "the longest wait is at least {}; usual is less than {}",
                minutes(*m),
                minutes(*limit)
            )
        }
        Why::ManySlow {
            count,
            minutes: m,
            limit,
        } => format!(
            "{count} calls have each waited for at least {}; a call may take up to {}",
            minutes(*m),
            minutes(*limit)
        ),
        Why::Persists { part, moments, of } => {
            let who = part
                .as_ref()
                .map_or_else(|| "seen".to_owned(), |p| format!("{} were there", many(p)));
            format!("{who} at the last {moments} of {of} moments")
        }
        Why::ManyOwners(n) => format!("{n} unrelated parts of the kubelet wait for it"),
        Why::Stays {
            part,
            count,
            moments,
            of,
            minutes: m,
        } => {
            let longest = if *m > 0 {
                format!("; one has waited for at least {}", minutes(*m))
            } else {
                String::new()
            };
            format!(
                "{} there at the last {moments} of {of} moments{longest}",
                same(part, *count)
            )
        }
        Why::PullsWork { good, all } => {
            format!("{} of {} image pulls ended well meanwhile", number(*good), number(*all))
        }
        Why::VolumesFail { failed, all } => {
            format!(
                "{} of {} volume operations failed in this time",
                number(*failed),
                number(*all)
            )
        }
        Why::OthersAnswered => "other calls are answered".to_owned(),
        Why::MostAtOnce { part, count, of } => format!(
            "{} of {} {} wait there at the same time",
            number(*count as f64),
            number(*of as f64),
            many(part)
        ),
        Why::RarePlace(share) => {
            format!(
                "a loop of a healthy kubelet is there for about {} % of the time",
                share * 100.0
            )
        }
        Why::VictimsWait {
            count,
            minutes: m,
            limit,
        } => format!(
            "{} behind it, the longest for at least {}; usual is less than {}",
            counted(number(*count as f64), "goroutine waits", "goroutines wait"),
            minutes(*m),
            minutes(*limit)
        ),
        Why::VictimsPersist { count, moments, of } => format!(
            "{} behind it, and about as many did at the last {moments} of {of} moments",
            counted(number(*count as f64), "goroutine waits", "goroutines wait")
        ),
        Why::PullsFail { failed, all } => format!("{} of {} image pulls failed", number(*failed), number(*all)),
        Why::MetricAgrees(name) => format!("metric {name} agrees"),
        Why::LeaseNotRenewed => "the node's lease could not be renewed: its loop waits to try again".to_owned(),
        Why::HealthCheck(name) => format!("health check {name} fails"),
        Why::Trend { q, moments } => format!(
            "over {moments} moments chance gives such a rise {} (q = {q:.1e})",
            once_in(*q)
        ),
        Why::NeverFreed { born, freed } => format!("of {born} sampled objects made in this time {freed} were freed"),
        Why::StillClimbing => "still climbing at the end".to_owned(),
        Why::Slow(floor) => format!("it grows by less than {} an hour", bytes(*floor)),
        Why::LoadFlat => "the load does not explain it".to_owned(),
        Why::LockStep(n) => format!("{n} groups grow by the same number"),
        Why::SameNumber(n) => format!("{n} groups have the same number of goroutines"),
        Why::GoroutineLeak(n) => format!("Go's leak detection names {n} of them"),
        Why::KnownIssue(id) => format!("{id} has this pattern, and this version has it"),
        Why::AboveRest { seen, expected } => {
            format!("{seen} sampled live objects where {expected:.2} would be expected")
        }
        Why::OutOfProportion { count, usual } => format!(
            "{} where {} are usual at most",
            number(*count as f64),
            number(*usual as f64)
        ),
        Why::AgesSpread { from, to } => format!("waits of every age from {} to {}", minutes(*from), minutes(*to)),
        Why::AgesEqual(m) => format!("all have waited for {}", minutes(*m)),
        Why::FewMoments(n) => format!("only {}", counted(*n, "moment", "moments")),
        Why::Young { age, warm_up } => format!(
            "the process is {} old, its warm-up takes {}",
            seconds(*age),
            seconds(*warm_up)
        ),
        Why::NoWaits => "wait ages are unknown: only a dump has them".to_owned(),
        Why::WatchedObjects(n) => format!("{n} secrets and config maps are watched, and pods may have that many"),
        Why::LoadUnknown => {
            "how many pods ran is unknown, and more pods need more: metrics or goroutines say".to_owned()
        }
        Why::EndedProcess => "this is of a process that has ended since, not of the one that runs".to_owned(),
        Why::Restarts(n) => format!("the process was started again {}", counted(*n, "time", "times")),
        Why::FewSamples(n) => format!("only {}", counted(*n, "sampled object", "sampled objects")),
        Why::CrashText => "the text of the crash says so".to_owned(),
        Why::UnitEvents => "systemd or the kernel say so".to_owned(),
        Why::CpuSamples(n) => format!("{n} CPU samples, more than their error above what is usual"),
        Why::HasDeadline(m) => format!("such calls end by themselves after {}", minutes(*m)),
        Why::AlwaysRuns => "a goroutine of it was seen running, and it uses about one core".to_owned(),
        Why::FailedGoroutine => "the goroutine that failed stands in it".to_owned(),
        Why::HungLoop(part) => format!("{part} hangs in the same text"),
        Why::NoHungLoop => "no loop that the watchdog checks is seen to hang in the text".to_owned(),
        Why::LockTime { seconds, events } => format!(
            "{} s of waiting in {} since the start of the process",
            number(*seconds),
            counted(number(*events as f64), "event", "events")
        ),
        Why::CallerUnknown => "the stacks do not show who calls".to_owned(),
    }
}

/// How rare a probability is: `once in 800 times`.
fn once_in(p: f64) -> String {
    match 1.0 / p {
        n if n < 2.0 => "more often than not".to_owned(),
        n if n < 1e6 => format!("once in {} times", number(rounded(n, 2))),
        _ => "less than once in a million times".to_owned(),
    }
}

/// Why something was dropped.
pub(super) fn dropped(d: &Dropped) -> String {
    match d {
        Dropped::Noise { more: None } => "within the error of sampling".to_owned(),
        Dropped::Noise { more: Some(n) } => format!(
            "within the error of sampling; {} would tell",
            counted(*n, "more snapshot", "more snapshots")
        ),
        Dropped::SampledOnce => "one sampled object makes the difference".to_owned(),
        Dropped::WentAway => "came down again".to_owned(),
        Dropped::Moved => "moved from another owner, the sum is level".to_owned(),
        Dropped::Load => "grew with the load".to_owned(),
        Dropped::Step(at) => match at {
            Some(t) => format!("rose once, by {}", time(*t)),
            None => "rose once".to_owned(),
        },
        Dropped::WarmUp => "rose while the process warmed up".to_owned(),
        Dropped::Saturated => "filled and stopped".to_owned(),
        Dropped::Small => "too small to matter".to_owned(),
        Dropped::Usual => "usual for this loop".to_owned(),
        Dropped::Brief => "a call under way, not yet too long".to_owned(),
        Dropped::Passed => "gone at the next moment".to_owned(),
        Dropped::FewMoments => "too few moments".to_owned(),
        Dropped::PartOf(n) => format!("part of finding {n}"),
    }
}

/// What was weighed, in a line.
pub(in crate::render) fn weighed(w: &Weighed) -> String {
    let numbers = match (w.unit, w.from == w.to) {
        ("", _) => String::new(),
        (unit, true) => format!(": {} {unit}", number(w.to)),
        (unit, false) => format!(": {} -> {} {unit}", number(w.from), number(w.to)),
    };
    format!(
        "{} of {} ({}){numbers}: {}",
        w.kind.as_str(),
        title(&w.subsystem),
        short(&w.subject),
        dropped(&w.dropped)
    )
}

/// What is odd, in a line.
pub(in crate::render) fn oddity(o: &Oddity) -> String {
    match o {
        Oddity::NotKubelet(what) => format!("this is no kubelet; it looks like {what}"),
        Oddity::OneProcess(what) => format!("kubelet and more in one process ({what}): the kubelet's part is judged"),
        Oddity::Restarted { at, before, after } => {
            let at = at.map_or_else(String::new, |t| format!(" at {}", time(t)));
            let before = counted(*before, "moment", "moments");
            format!("the process restarted{at}: {before} before, {after} after; nothing is compared across it")
        }
        Oddity::Mixed { left_out, by } => format!("several processes (told by {by}): {left_out} moments are left out"),
        Oddity::Reordered => "files were not in time order and were sorted".to_owned(),
        Oddity::Duplicates(n) => format!(
            "{} twice and counted once",
            counted(*n, "moment is there", "moments are there")
        ),
        Oddity::Gap { seconds: s, usual } => {
            format!(
                "a gap of {}, moments are usually {} apart",
                seconds(*s),
                seconds(*usual)
            )
        }
        Oddity::Empty(what) => format!("{what} has no samples"),
        Oddity::Unread { count, first } => format!(
            "{} could not be read and {} left out; inspect {first} to see why",
            counted(*count, "file", "files"),
            if *count == 1 { "is" } else { "are" }
        ),
        Oddity::Tiny(what) => format!("{what} holds very little"),
        Oddity::ProcessUnknown => "nothing tells which process the files are of; they are taken for one".to_owned(),
        Oddity::NotReady { reason, message } => format!("the node is NotReady ({reason}): {message}"),
        Oddity::SampledOnce(id) => format!(
            "this version has {id}, and one object was sampled where it leaks: too few to tell, take more snapshots"
        ),
        Oddity::ProgramUnknown => {
            "no goroutine is in a function of a kubelet: it may be the dump of another program".to_owned()
        }
        Oddity::DumpCut => "a dump ends early: goroutines are missing in it".to_owned(),
        Oddity::LegacyHeap => "heap texts have no object sizes: no probabilities".to_owned(),
        Oddity::NoTimes => "files without times are ordered by their names".to_owned(),
    }
}

/// A check in words.
pub fn check_words(c: &Checked, need: &dyn Fn(Need) -> String) -> String {
    let what = match c.check {
        Check::Loops => "loops are where they may be",
        Check::Waits => "no wait is too long",
        Check::Crowds => "goroutines are in proportion to the node",
        Check::GoroutineGrowth => "goroutines do not grow",
        Check::HeapGrowth => "heap does not grow",
        Check::Cpu => "CPU is usual",
        Check::Contention => "no lock is contended",
        Check::Timers => "timers fire",
        Check::Limits => "no limit is near",
        Check::Calls => "calls succeed",
        Check::Restarts => "no restart",
        Check::Known => "known issues",
    };
    let of = match c.check {
        Check::Waits | Check::Timers => "goroutines",
        Check::Crowds | Check::Cpu => "parts of the kubelet",
        Check::GoroutineGrowth => "groups of goroutines",
        Check::HeapGrowth => "functions that allocate",
        Check::Calls => "kinds of calls",
        Check::Limits => "signals",
        Check::Contention | Check::Loops | Check::Restarts | Check::Known => "looked at",
    };
    match &c.outcome {
        Outcome::Fine(n) => format!("{what}: yes ({} {of})", number(*n as f64)),
        Outcome::FineAbove {
            looked_at,
            bytes_per_hour,
        } => format!(
            "{what}: yes ({} {of}; less than {} an hour would not be seen in this time)",
            number(*looked_at as f64),
            bytes(*bytes_per_hour)
        ),
        // How many findings it makes in the end, those above say.
        Outcome::Found(_) => format!("{what}: no"),
        Outcome::NotPossible(missing) => format!("{what}: not checked; missing: {}", need(*missing)),
    }
}
