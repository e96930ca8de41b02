//! Goroutines in words: `60 probe workers in ExecSync`, `the PLEG in ListPodSandbox`.

use super::words::minutes;
use crate::diagnose::report::Party;
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
    let noun = NOUNS.iter().find(|(key, ..)| *key == p.owner.key);
    match (p.count, noun, p.owner.title.as_str()) {
        (1, Some((_, one, _)), _) => (*one).to_owned(),
        (n, Some((_, _, many)), _) if !many.is_empty() => format!("{n} {many}"),
        (n, _, "") if !p.function.is_empty() => {
            format!(
                "{} below {}",
                counted(n, "goroutine", "goroutines"),
                super::words::short(&p.function)
            )
        }
        (n, _, "") => counted(n, "goroutine", "goroutines"),
        (n, _, title) => format!("{} of {title}", counted(n, "goroutine", "goroutines")),
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
        words.push(counted(rest, "more goroutine", "more goroutines"));
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
        text.push_str(&party(v));
        text.push_str(if v.count == 1 { " waits" } else { " wait" });
        if let Some(part) = &v.waits_for {
            // A loop that a node has once has its own name.
            let noun = NOUNS.iter().find(|(key, _, many)| *key == part.key && many.is_empty());
            text.push_str(&format!(" for {}", noun.map_or(part.title.as_str(), |n| n.1)));
        }
        if let Some((_, max)) = v.waits {
            text.push_str(&format!(", up to {}", minutes(max)));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::report::Part;

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
}
