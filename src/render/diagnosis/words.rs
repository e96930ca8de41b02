//! The sentences of a diagnosis: typed claims -> plain English. Every number in them is in the claim.

use super::figures::{bytes, capital, minutes, number, seconds, short, time, waits};
use super::parties;
use crate::diagnose::report::{
    About, Claim, Crash, DEFAULT_PODS, Evidence, Fact, FarEnd, Finding, Grown, Limited, Others, Part, Party, Since,
    SinceBasis,
};
use crate::model::evidence::{UnitChange, UnitEvent};
use crate::model::units::counted;
use crate::render::layout;

pub(super) fn far_end(f: FarEnd) -> &'static str {
    match f {
        FarEnd::Runtime => "the container runtime",
        FarEnd::ImageService => "the image service of the container runtime",
        FarEnd::CsiDriver => "a CSI driver",
        FarEnd::DevicePlugin => "a device plugin",
        FarEnd::DraDriver => "a DRA driver",
        FarEnd::PluginSocket => "a plugin's registration socket",
        FarEnd::Dbus => "systemd (over D-Bus)",
        FarEnd::Cgroups => "the cgroup file system",
        FarEnd::Files => "a file system",
        FarEnd::Child => "a child process",
        FarEnd::ApiServer => "the API server",
        FarEnd::Throttle => "the API client's own rate limit",
        FarEnd::Auth => "the authenticator or authorizer",
        FarEnd::CredentialProvider => "an image credential provider",
        FarEnd::Network => "a network peer",
        FarEnd::Grpc => "a gRPC server",
    }
}

/// Name of a part for people.
pub(in crate::render) fn title(part: &Part) -> &str {
    if part.title.is_empty() {
        "an unknown part"
    } else {
        &part.title
    }
}

/// The sentence of a finding.
pub fn summary(f: &Finding) -> String {
    match &f.claim {
        Claim::NoAnswer {
            far_end,
            callers,
            victims,
            others,
            about,
        } => no_answer(*far_end, callers, victims, *others, *about),
        Claim::LockWait { waiters, holders } => {
            let age = parties::longest(waiters).map_or_else(String::new, |m| format!(" for up to {}", minutes(m)));
            let n: u64 = waiters.iter().map(|p| p.count).sum();
            let mut text = format!(
                "{} for a lock of {}{age}: {}",
                counted(n, "goroutine waits", "goroutines wait"),
                title(&f.subsystem),
                parties::list(waiters, 4)
            );
            if let Some(holder) = holders.first() {
                text.push_str(&format!(
                    "; the holder may be {} in {}",
                    parties::party(holder),
                    holder.function
                ));
            }
            text
        }
        Claim::NotTaken { senders, taker } => {
            let age = parties::longest(senders).map_or_else(String::new, |m| format!(" for at least {}", minutes(m)));
            let has = if parties::is_one(senders) { "has" } else { "have" };
            let taker = taker.as_ref().map_or_else(
                || "nothing takes it".to_owned(),
                |t| format!("{} does not take it", t.title),
            );
            format!(
                "{} {has} been blocked{age} sending to a channel: {taker}",
                capital(&parties::list(senders, 3))
            )
        }
        Claim::LoopWaits { parties: all } => {
            let who = capital(&parties::list(all, 4));
            let waits = parties::waiting(all);
            // Who waits for its own part waits for something that has no goroutine.
            match all.iter().all(|p| p.owner == f.subsystem) {
                true => format!("{who} {waits} in {}", all.first().map_or("", |p| p.function.as_str())),
                false => format!(
                    "{who} {waits} for {}; nothing is seen at work there",
                    parties::one(&f.subsystem)
                ),
            }
        }
        Claim::TimersFrozen { loops, goroutines } => {
            format!("Timers no longer fire: {goroutines} goroutines of {loops} unrelated loops have slept equally long")
        }
        Claim::PullsWait {
            waiting,
            running,
            serial,
            failed,
            max_wait,
        } => {
            let mut text = format!(
                "{} for image pulls",
                counted(*waiting, "pod worker waits", "pod workers wait")
            );
            if *max_wait > 0 {
                text.push_str(&format!(" (longest {})", minutes(*max_wait)));
            }
            text.push_str(&match (*serial, *running) {
                (true, _) => ", which run one at a time".to_owned(),
                (false, n) => format!("; {} running", counted(n, "pull is", "pulls are")),
            });
            if let Some((failed, all)) = failed {
                text.push_str(&format!(
                    "; {} of {} pulls failed in this time",
                    number(*failed),
                    number(*all)
                ));
            }
            text
        }
        Claim::ApiServer {
            no_answer,
            errors,
            good,
        } => format!(
            "Requests to the API server fail: {} without an answer and {} with a server error, {} answered well",
            number(*no_answer),
            number(*errors),
            number(*good)
        ),
        Claim::Growth {
            what,
            from,
            to,
            error,
            bytes: size,
            together,
        } => {
            // Of the whole process, whatever part it is.
            match what {
                Grown::Memory => return format!("Resident memory grows from {} to {}", bytes(*from), bytes(*to)),
                Grown::Files => return format!("Open files grow from {} to {}", number(*from), number(*to)),
                _ => {}
            }
            let unit = grown(*what);
            let error = error.map_or_else(String::new, |e| format!(" ± {}", number(e)));
            let below = f.function.as_deref().map_or_else(|| f.subject.clone(), short);
            // Goroutines are counted by part; the function is that of the group that grows most.
            let by_part = *what == Grown::Goroutines && !f.subsystem.title.is_empty();
            let place = match by_part {
                true => format!("of {}", f.subsystem.title),
                false => format!("below {below}"),
            };
            let mut text = format!(
                "{} {place} grow from {} to {}{error} and {}",
                capital(unit),
                number(*from),
                number(*to),
                if *what == Grown::Goroutines {
                    "do not end"
                } else {
                    "are not freed"
                }
            );
            if let Some(size) = size {
                text.push_str(&format!(" ({})", bytes(*size)));
            }
            if by_part {
                text.push_str(&format!("; the largest rise is below {below}"));
            }
            if *together > 1 {
                text.push_str(&format!("; {together} groups grow in lock-step"));
            }
            text
        }
        Claim::AboveRest {
            objects,
            error,
            needed,
            pods,
        } => format!(
            "About {} ± {} objects live below {}, where a healthy kubelet of {} pods has some {}{}",
            number(*objects),
            number(*error),
            f.function.as_deref().map_or_else(|| f.subject.clone(), short),
            number(pods.unwrap_or(DEFAULT_PODS)),
            number(*needed),
            if pods.is_some() {
                ""
            } else {
                " (how many this one has is unknown)"
            }
        ),
        Claim::Crowd {
            count,
            largest,
            usual,
            together,
        } => {
            let below = f.function.as_deref().map_or_else(|| f.subject.clone(), short);
            let place = match (count == largest, f.subsystem.title.is_empty()) {
                (true, _) => format!("below {below}"),
                (false, true) => format!("below {below} and alike"),
                (false, false) => format!(
                    "of {}, {} of them below {below}",
                    f.subsystem.title,
                    number(*largest as f64)
                ),
            };
            let mut text = format!(
                "{} {place}, where this node should have at most {}",
                counted(number(*count as f64), "goroutine", "goroutines"),
                number(*usual as f64)
            );
            if *together > 1 {
                text.push_str(&format!("; {together} groups have the same number"));
            }
            text
        }
        Claim::Cpu { cores, usual, share } => format!(
            "{} uses {:.2} cores (95 %: {:.2} to {:.2}; {:.0} % of the process), usual here is at most {:.2}",
            capital(title(&f.subsystem)),
            cores.value,
            cores.low,
            cores.high,
            share * 100.0,
            usual
        ),
        Claim::Contention { rate, share } => format!(
            "Goroutines wait {rate:.1} s per second for a lock of {} ({:.0} % of all such waiting)",
            title(&f.subsystem),
            share * 100.0
        ),
        Claim::Limit { what, value, limit } => limited(*what, *value, *limit),
        Claim::Crash {
            how,
            message,
            recovered,
            events,
        } => crashed(*how, message.as_deref(), *recovered, events),
        Claim::Restarts { times } => format!(
            "The kubelet does not stay: it was started again {} between the snapshots",
            counted(*times, "time", "times")
        ),
        Claim::Failing {
            what,
            failed,
            all,
            others,
            victims,
        } if f.subject == FarEnd::Runtime.as_str() => {
            let mut text = format!(
                "Calls to the container runtime fail: {} of {} {what}",
                number(*failed),
                number(*all)
            );
            if *others > 0 {
                text.push_str(&format!(
                    " and {}",
                    counted(*others, "other operation", "other operations")
                ));
            }
            text.push_str(&parties::victims(victims));
            text
        }
        Claim::Failing { what, failed, all, .. } => {
            format!(
                "{} of {} {what} calls failed in this time",
                number(*failed),
                number(*all)
            )
        }
        Claim::VolumesFail {
            parties: all,
            operation,
            plugin,
            failed,
            all: of,
        } => format!(
            "{} {} for volumes: {} of {} {operation} operations of {plugin} failed in this time",
            capital(&parties::list(all, 4)),
            if parties::is_one(all) { "waits" } else { "wait" },
            number(*failed),
            number(*of)
        ),
        Claim::NotRegistered { sockets, moments } => format!(
            "{} not registered at {} in a row: {}",
            counted(
                sockets.len(),
                "plugin socket is there and",
                "plugin sockets are there and"
            ),
            counted(*moments, "moment", "moments"),
            sockets.join(", ")
        ),
        Claim::Series { metric, count, usual } => {
            format!("Metric {metric} has {count} series, usual is at most {usual}")
        }
        Claim::Pattern => {
            let issue = f.known_issues.first().map_or("a known issue", |i| i.title.as_str());
            format!("This looks like {issue}")
        }
    }
}

/// What grows, in the plural.
pub(super) fn grown(what: Grown) -> &'static str {
    match what {
        Grown::Memory => "bytes",
        Grown::Goroutines => "goroutines",
        Grown::Objects => "objects",
        Grown::Files => "open files",
        Grown::Threads => "threads",
        Grown::Series => "metric series",
    }
}

/// What calls do not return, for how long, and who waits.
fn no_answer(to: FarEnd, callers: &[Party], victims: &[Party], others: Others, about: About) -> String {
    let age = parties::longest(callers).max(parties::longest(victims));
    let age = age.map_or_else(String::new, |m| format!(" for at least {}", minutes(m)));
    let waiting = parties::victims(victims);
    let waits = if parties::is_one(callers) { "waits" } else { "wait" };
    match (to, others) {
        (FarEnd::Files, _) => {
            let call = callers.first().map_or("", |p| p.call.as_str());
            let call = if call.is_empty() { "A system call" } else { call };
            let of_calls = parties::longest(callers);
            let age = of_calls.map_or_else(String::new, |m| format!(" for at least {}", minutes(m)));
            let who = parties::list_short(callers);
            let on = about.volume.map_or_else(|| "a file or mount".to_owned(), volume);
            format!("{call} on {on} has not returned{age}: {who} {waits} for it{waiting}")
        }
        (FarEnd::Throttle, _) => format!(
            "Requests to the API server wait{age} for the kubelet's own rate limit: {}{waiting}",
            parties::list(callers, 4)
        ),
        (_, Others::Answered) => answered(to, callers, &waiting),
        (_, Others::Unknown) => format!(
            "Calls to {} have not returned{age}: {} {waits}{waiting}",
            far_end(to),
            parties::list(callers, 4)
        ),
        (FarEnd::Child, Others::Silent) => {
            let child = match about.command {
                Some(command) if command.contains(' ') => capital(command),
                Some(command) => format!("`{command}`"),
                None => "A child process".to_owned(),
            };
            let of = about.volume.map_or_else(String::new, |v| format!(" for {}", volume(v)));
            // The command is named: in which function they wait for it says no more.
            let who = match about.command {
                Some(_) => parties::list_short(callers),
                None => parties::list(callers, 4),
            };
            format!("{child}{of} has not ended{age}: {who} {waits} for it{waiting}")
        }
        (_, Others::Silent) => {
            let who = match to {
                // In which function they wait for a child says nothing.
                FarEnd::CredentialProvider => parties::list_short(callers),
                _ => parties::list(callers, 4),
            };
            format!(
                "{} has not answered{age}: {who} {waits} for it{waiting}",
                capital(far_end(to))
            )
        }
    }
}

/// A volume of a type, which is the name of a field.
fn volume(field: &str) -> String {
    // "nfs", "fc" and "rbd" are said letter by letter.
    let is_an = matches!(field, "nfs" | "fc" | "rbd") || field.starts_with(['a', 'e', 'i']);
    format!("{} {field} volume", if is_an { "an" } else { "a" })
}

/// Some calls that hang while the same far end answers others: those that have waited long are named.
fn answered(to: FarEnd, callers: &[Party], waiting: &str) -> String {
    let longest = parties::longest(callers);
    let is_slow = |p: &&Party| p.waits.map(|w| w.1 * 2) >= longest;
    let slow: Vec<Party> = match longest {
        Some(_) => callers.iter().filter(is_slow).cloned().collect(),
        None => callers.to_vec(),
    };
    format!(
        "{} {}, while {} answers other calls{waiting}",
        capital(&parties::list(&slow, 4)),
        parties::waiting(&slow),
        far_end(to)
    )
}

fn limited(what: Limited, value: f64, limit: f64) -> String {
    match what {
        Limited::Memory => format!("Resident memory is {} of {}", bytes(value), bytes(limit)),
        Limited::Files => format!("{} files are open, the limit is {}", number(value), number(limit)),
        Limited::FilesOfNode => format!(
            "{} files are open, this node needs at most {}",
            number(value),
            number(limit)
        ),
        Limited::Threads => format!(
            "The process has {} threads; Go ends it at {}",
            number(value),
            number(limit)
        ),
        Limited::Goroutines => format!(
            "{} goroutines, this node needs at most {}",
            number(value),
            number(limit)
        ),
        Limited::PlegRelist => format!("99 % of PLEG relists take up to {value:.1} s, usual is {limit:.0} s at most"),
        Limited::PlegSeen => format!(
            "The PLEG was last seen {} ago, after {} the node is NotReady",
            seconds(value as u64),
            seconds(limit as u64)
        ),
        Limited::Cpu => format!("The process uses {value:.2} cores, usual is at most {limit:.2}"),
    }
}

/// Since when, in words.
pub fn since_words(since: &Since) -> String {
    if let (SinceBasis::Metric, Some(at)) = (since.basis, since.before) {
        return format!("{} (when the PLEG last succeeded)", time(at));
    }
    let mut text = match (since.after, since.before) {
        (Some(a), Some(b)) => format!("between {} and {}", time(a), time(b)),
        (None, Some(b)) => format!("{} or earlier", time(b)),
        (Some(a), None) => format!("after {}", time(a)),
        (None, None) => match since.at_least {
            Some(s) => format!("for at least {}", seconds(s)),
            None => "unknown".to_owned(),
        },
    };
    text.push_str(match since.basis {
        SinceBasis::WaitAge => " (wait ages; lower bounds)",
        SinceBasis::Onset => " (onset in the series)",
        SinceBasis::ProcessStart => " (from the first moment on)",
        SinceBasis::Metric => " (metric)",
        SinceBasis::Log => " (log)",
    });
    text
}

/// How the process ended.
fn crashed(how: Crash, message: Option<&str>, recovered: bool, events: &[UnitEvent]) -> String {
    let by_watchdog = events.iter().any(|e| matches!(e.what, UnitChange::Watchdog { .. }));
    let mut text = match how {
        Crash::Panic if recovered => "The kubelet panicked and went on",
        Crash::Panic => "The kubelet panicked",
        Crash::Fatal => "The Go runtime ended the kubelet",
        Crash::Threads => "The kubelet ran out of threads",
        Crash::Abort if by_watchdog => "systemd's watchdog aborted the kubelet (SIGABRT)",
        Crash::Abort => "The kubelet was aborted (SIGABRT); systemd's watchdog does that, and so may others",
        Crash::Quit => "The kubelet got SIGQUIT",
        Crash::Signal => "The kubelet was ended by a signal",
        Crash::Exit => "The kubelet ended itself",
        Crash::OutOfMemory if message.is_some() => "The kubelet got no more memory",
        Crash::OutOfMemory => "The kernel killed the kubelet",
    }
    .to_owned();
    // The name of the signal stands there already.
    let says_more = |m: &&str| !(matches!(how, Crash::Abort) && m.starts_with("SIGABRT"));
    match message {
        Some(message) => text.extend(Some(message).filter(says_more).map(|m| format!(": {m}"))),
        None => {
            // What says most of it: the end, not what follows from it.
            let telling = events.iter().rev().find_map(|e| match (how, &e.what) {
                (
                    Crash::OutOfMemory,
                    UnitChange::OutOfMemory {
                        pid: Some(_),
                        resident,
                        of_cgroup,
                    },
                ) => Some(layout::out_of_memory(*resident, *of_cgroup)),
                (Crash::OutOfMemory, _) => None,
                (_, what @ (UnitChange::Exited { .. } | UnitChange::Watchdog { .. })) => {
                    Some(layout::unit_change(what))
                }
                _ => None,
            });
            let unsaid = || (how == Crash::OutOfMemory).then(|| layout::out_of_memory(None, None));
            text.extend(telling.or_else(unsaid).map(|w| format!(": {w}")));
        }
    }
    let counter = events.iter().rev().find_map(|e| match e.what {
        UnitChange::Restart { counter } => counter,
        _ => None,
    });
    text.extend(counter.map(|n| {
        format!(
            "; systemd restarted it {}",
            counted(usize::try_from(n).unwrap_or(usize::MAX), "time", "times")
        )
    }));
    text
}

/// Values of a series that a line has room for.
const SHOWN: usize = 12;

/// A long series by so many of its values, the first and the last among them, and how many there are.
fn thinned<T: Copy>(values: &[T]) -> (Vec<T>, String) {
    let n = values.len();
    if n <= SHOWN {
        return (values.to_vec(), String::new());
    }
    let some = (0..SHOWN).map(|i| values[i * (n - 1) / (SHOWN - 1)]).collect();
    (some, format!(" ({SHOWN} of {} moments)", number(n as f64)))
}

/// A fact in words.
pub fn evidence_words(e: &Evidence) -> String {
    let mut text = match &e.fact {
        Fact::Goroutines { party: p, .. } => {
            let mut text = parties::party(p);
            if !p.state.is_empty() {
                text.push_str(&format!(" [{}]", p.state));
            }
            if let Some(w) = p.waits {
                let all = if p.waiting < p.count {
                    format!(" ({} of them)", p.waiting)
                } else {
                    String::new()
                };
                text.push_str(&format!(" for {}{all}", waits(w)));
            }
            text
        }
        Fact::Numbers { what, unit, values } => {
            let (some, of) = thinned(values);
            let all: Vec<String> = some.iter().map(|(_, v, _)| number(*v)).collect();
            let error = values.last().and_then(|v| v.2).filter(|e| *e > 0.0);
            let error = error.map_or_else(String::new, |e| format!(" (the last ± {})", number(e)));
            format!("{what}: {} {unit}{error}{of}", all.join(", "))
        }
        Fact::Sampled { what, values } => {
            let (some, of) = thinned(values);
            let all: Vec<String> = some.iter().map(u64::to_string).collect();
            format!("{what}: sampled live objects {}{of}", all.join(" "))
        }
        Fact::Metric { name, first, last } => match first {
            Some(first) if first != last => format!("{name}: {} -> {}", number(*first), number(*last)),
            _ => format!("{name}: {}", number(*last)),
        },
        Fact::Line(line) => line.clone(),
        Fact::Unit(e) => layout::unit_event_words(e),
        Fact::Stack(frames) => {
            let all: Vec<String> = frames.iter().take(5).map(|f| short(f)).collect();
            format!("stack: {}", all.join(" < "))
        }
        Fact::CpuTime { function, seconds, of } => format!("{}: {seconds:.2} s of {of:.2} s CPU time", short(function)),
    };
    if !e.moment.is_empty() {
        text.push_str(&format!(" ({})", e.moment));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_series_is_a_line() {
        let all: Vec<usize> = (0..1000).collect();
        let (some, of) = thinned(&all);
        assert_eq!((some[0], some[11], some.len()), (0, 999, 12));
        assert_eq!(of, " (12 of 1,000 moments)");
        assert_eq!(thinned(&all[..12]), (all[..12].to_vec(), String::new()));
    }
}
