//! Goroutines in words: `60 probe workers in ExecSync`, `the PLEG in ListPodSandbox`.

use super::figures::{minutes, number};
use crate::diagnose::report::{Part, Party};
use crate::model::units::counted;

/// What one and several goroutines of a subsystem are called; one of a loop that a node has once has no number.
const NOUNS: &[(&str, &str, &str)] = &[
    ("sync-loop", "the sync loop", ""),
    ("pleg", "the PLEG", ""),
    ("runtime-status", "the runtime status loop", ""),
    ("node-status", "the node status loop", ""),
    ("node-lease", "the node lease loop", ""),
    ("status-manager", "the status manager", ""),
    ("volume-manager", "the volume manager", ""),
    ("garbage-collection", "garbage collection", ""),
    ("log-rotation", "container log rotation", ""),
    ("images", "the image manager", ""),
    ("eviction", "the eviction manager", ""),
    ("pod-resize", "in-place pod resize", ""),
    ("plugin-registration", "plugin registration", ""),
    ("container-manager", "the container manager", ""),
    ("probes", "1 probe worker", "probe workers"),
    ("pod-workers", "1 pod worker", "pod workers"),
    ("volume-operations", "1 volume operation", "volume operations"),
    ("informers", "1 informer goroutine", "informer goroutines"),
    (
        "cadvisor-housekeeping",
        "1 cAdvisor housekeeping loop",
        "cAdvisor housekeeping loops",
    ),
    ("summary-stats", "1 volume stats goroutine", "volume stats goroutines"),
];

/// Goroutines of one owner, without what they are in.
fn who(p: &Party) -> String {
    let goroutines = |n: u64| counted(number(n as f64), "goroutine", "goroutines");
    let noun = NOUNS.iter().find(|(key, ..)| *key == p.owner.key);
    match (p.count, noun, p.owner.title.as_str()) {
        (1, Some((_, one, _)), _) => (*one).to_owned(),
        (n, Some((_, _, many)), _) if !many.is_empty() => format!("{} {many}", number(n as f64)),
        (n, _, "") if !p.function.is_empty() => {
            format!("{} below {}", goroutines(n), super::figures::short(&p.function))
        }
        (n, _, "") => goroutines(n),
        (n, _, title) => format!("{} of {title}", goroutines(n)),
    }
}

/// What several goroutines of a part are called, without a number.
pub(super) fn many(part: &Part) -> String {
    let noun = NOUNS.iter().find(|(key, _, many)| *key == part.key && !many.is_empty());
    match (noun, part.title.as_str()) {
        (Some((_, _, many)), _) => (*many).to_owned(),
        (None, "") => "goroutines".to_owned(),
        (None, title) => format!("goroutines of {title}"),
    }
}

/// The very same goroutines of a part, with the verb.
pub(super) fn same(part: &Part, count: u64) -> String {
    if count > 1 {
        return format!("the same {count} {} are", many(part));
    }
    let noun = NOUNS.iter().find(|(key, _, many)| *key == part.key && !many.is_empty());
    match (noun, part.title.as_str()) {
        (Some((_, one, _)), _) => format!("the same {} is", one.trim_start_matches("1 ")),
        (None, "") => "the same goroutine is".to_owned(),
        (None, title) => format!("the same goroutine of {title} is"),
    }
}

/// Goroutines of one owner in one call.
pub(super) fn party(p: &Party) -> String {
    let mut text = who(p);
    if !p.call.is_empty() {
        text.push_str(&format!(" in {}", method(p)));
    }
    text
}

/// The name of the call without its package and type.
pub(super) fn method(p: &Party) -> &str {
    p.call.rsplit('.').next().unwrap_or(&p.call)
}

/// Parties in a row, the first of them with words.
pub(super) fn list(parties: &[Party], most: usize) -> String {
    let words = parties.iter().map(party).collect();
    join(words, parties, most)
}

/// The same without the calls.
pub(super) fn list_short(parties: &[Party]) -> String {
    let words = parties.iter().map(who).collect();
    join(words, parties, 4)
}

fn join(mut words: Vec<String>, parties: &[Party], most: usize) -> String {
    // One more is named rather than counted.
    if parties.len() > most + 1 {
        words.truncate(most);
        let rest: u64 = parties[most..].iter().map(|p| p.count).sum();
        words.push(counted(number(rest as f64), "more goroutine", "more goroutines"));
    }
    match words.len() {
        0 | 1 => words.concat(),
        n => format!("{} and {}", words[..n - 1].join(", "), words[n - 1]),
    }
}

/// Whether the verb that follows is of one.
pub(super) fn is_one(parties: &[Party]) -> bool {
    matches!(parties, [only] if only.count == 1)
}

/// The longest known wait.
pub(super) fn longest(parties: &[Party]) -> Option<u64> {
    parties.iter().filter_map(|p| p.waits).map(|w| w.1).max()
}

/// Who waits for the callers.
pub(super) fn victims(victims: &[Party]) -> String {
    let mut text = String::new();
    for (i, v) in victims.iter().take(2).enumerate() {
        text.push_str(if i == 0 { "; " } else { ", " });
        // A loop that a node has once cannot wait for itself: it is another goroutine of that part.
        let is_own = v.waits_for.as_ref().is_some_and(|part| *part == v.owner);
        text.push_str(&match is_own {
            true => another(v),
            false => party(v),
        });
        text.push_str(if v.count == 1 { " waits" } else { " wait" });
        if let Some(part) = &v.waits_for {
            text.push_str(&match (is_own, v.locked) {
                (true, true) => " for the lock it holds".to_owned(),
                (true, false) => " for it".to_owned(),
                (false, true) => format!(" for a lock held by {}", one(part)),
                (false, false) => format!(" for {}", one(part)),
            });
        }
        if let Some((_, max)) = v.waits {
            text.push_str(&format!(", up to {}", minutes(max)));
        }
    }
    text
}

/// Further goroutines of a part that was just named.
fn another(p: &Party) -> String {
    let noun = NOUNS
        .iter()
        .find(|(key, _, many)| *key == p.owner.key && !many.is_empty());
    match (p.count, noun) {
        (1, Some((_, one, _))) => format!("another {}", one.trim_start_matches("1 ")),
        (1, None) => format!("another goroutine of {}", one(&p.owner)),
        (n, Some((_, _, many))) => format!("{} other {many}", number(n as f64)),
        (n, None) => format!("{} other goroutines of {}", number(n as f64), one(&p.owner)),
    }
}

/// For how long these have waited, as a verb; wait ages are lower bounds.
pub(super) fn waiting(parties: &[Party]) -> String {
    match (longest(parties), is_one(parties)) {
        (None, true) => "waits".to_owned(),
        (None, false) => "wait".to_owned(),
        (Some(m), true) => format!("has waited for at least {}", minutes(m)),
        (Some(m), false) if shortest(parties) == Some(m) => format!("have waited for at least {}", minutes(m)),
        (Some(m), false) => format!("wait, the longest for at least {}", minutes(m)),
    }
}

/// The shortest wait, where all are known.
fn shortest(parties: &[Party]) -> Option<u64> {
    let all = parties.iter().all(|p| p.waiting == p.count);
    parties
        .iter()
        .filter_map(|p| p.waits)
        .map(|w| w.0)
        .min()
        .filter(|_| all)
}

/// A part as one: a loop that a node has once has its own name.
pub(super) fn one(part: &Part) -> &str {
    let noun = NOUNS.iter().find(|(key, _, many)| *key == part.key && many.is_empty());
    noun.map_or(part.title.as_str(), |n| n.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(key: &str, title: &str, count: u64, call: &str) -> Party {
        Party {
            owner: Part {
                key: key.to_owned(),
                title: title.to_owned(),
            },
            count,
            call: call.to_owned(),
            ..Party::default()
        }
    }

    #[test]
    fn parties_have_names() {
        assert_eq!(
            party(&of("pleg", "PLEG", 1, "pkg.(*service).ListPodSandbox")),
            "the PLEG in ListPodSandbox"
        );
        assert_eq!(
            party(&of("probes", "probes", 60, "ExecSync")),
            "60 probe workers in ExecSync"
        );
        assert_eq!(
            party(&of("dra", "dynamic resources", 2, "")),
            "2 goroutines of dynamic resources"
        );
        assert_eq!(party(&of("", "", 1, "")), "1 goroutine");
        let all = [
            of("pleg", "PLEG", 1, ""),
            of("probes", "probes", 2, ""),
            of("dra", "DRA", 3, ""),
        ];
        assert_eq!(list(&all, 1), "the PLEG and 5 more goroutines");
        assert_eq!(list(&all, 2), "the PLEG, 2 probe workers and 3 goroutines of DRA");
    }

    #[test]
    fn no_part_waits_for_itself() {
        let manager = of("volume-manager", "volume manager", 1, "");
        let waits = |count, owner: &Party, locked| Party {
            count,
            waits_for: Some(manager.owner.clone()),
            waits: Some((2, 25)),
            locked,
            ..owner.clone()
        };
        assert_eq!(
            victims(&[waits(1, &manager, true)]),
            "; another goroutine of the volume manager waits for the lock it holds, up to 25 min"
        );
        assert_eq!(
            victims(&[waits(2, &manager, false)]),
            "; 2 other goroutines of the volume manager wait for it, up to 25 min"
        );
        let workers = of("pod-workers", "pod workers", 10, "");
        assert_eq!(
            victims(&[waits(10, &workers, true)]),
            "; 10 pod workers wait for a lock held by the volume manager, up to 25 min"
        );
        let own = Party {
            waits_for: Some(workers.owner.clone()),
            count: 1,
            ..workers
        };
        assert_eq!(victims(&[own]), "; another pod worker waits for it");
    }

    #[test]
    fn the_longest_wait_is_not_that_of_all() {
        let mut some = of("pod-workers", "pod workers", 3, "");
        assert_eq!(waiting(std::slice::from_ref(&some)), "wait");
        (some.waits, some.waiting) = (Some((2, 25)), 3);
        assert_eq!(
            waiting(std::slice::from_ref(&some)),
            "wait, the longest for at least 25 min"
        );
        some.waits = Some((25, 25));
        assert_eq!(waiting(std::slice::from_ref(&some)), "have waited for at least 25 min");
        some.waiting = 2;
        assert_eq!(
            waiting(std::slice::from_ref(&some)),
            "wait, the longest for at least 25 min"
        );
        (some.count, some.waiting) = (1, 1);
        assert_eq!(waiting(std::slice::from_ref(&some)), "has waited for at least 25 min");
    }

    #[test]
    fn the_same_goroutines_by_part() {
        let probes = of("probes", "probes", 1, "").owner;
        assert_eq!(many(&probes), "probe workers");
        assert_eq!(same(&probes, 5), "the same 5 probe workers are");
        assert_eq!(same(&probes, 1), "the same probe worker is");
        assert_eq!(
            same(&of("dra", "dynamic resources", 1, "").owner, 1),
            "the same goroutine of dynamic resources is"
        );
        assert_eq!(many(&Part::default()), "goroutines");
    }
}
