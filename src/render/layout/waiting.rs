//! Who waits for whom, in one line above everything else: the groups of goroutines that hang.

use crate::analysis::{Cohort, CohortWeight, Goroutines, Part};
use crate::model::units::counted;

/// Things waited for that the line tells.
const THINGS: usize = 2;
/// Owners that it names of each.
const OWNERS: usize = 4;
/// Without a recorded wait so many goroutines in one place are worth the line.
const MANY: i64 = 10;

/// What goroutines wait in, and inside of which part of the kubelet.
type Thing<'a> = (&'a Part, Option<&'a Part>);

/// The line; `None` where nothing hangs.
pub(super) fn line(report: &Goroutines) -> Option<String> {
    let mut things: Vec<(Thing<'_>, Vec<&Cohort>)> = Vec::new();
    for c in report.cohorts.iter().filter(|c| c.weight == CohortWeight::Stuck) {
        let Some(part) = &c.blocked_in else { continue };
        // Where a library waits for somebody outside, whose request it is does not matter.
        let thing = (part, c.within.as_ref());
        match things.iter_mut().find(|((p, _), _)| p.key == part.key) {
            Some((_, cohorts)) => cohorts.push(c),
            None => things.push((thing, vec![c])),
        }
    }
    things.retain(|(_, cohorts)| {
        let waits = cohorts.iter().filter_map(|c| c.waits).any(|w| w.known > 0);
        waits || sum(cohorts) >= MANY
    });
    things.sort_by_key(|(_, cohorts)| std::cmp::Reverse(sum(cohorts)));
    // What a single goroutine waits for is not in the first line beside what many do.
    let most = things.first().map(|(_, cohorts)| sum(cohorts))?;
    things.retain(|(_, cohorts)| sum(cohorts) * 10 >= most);
    let words: Vec<String> = things.iter().take(THINGS).map(words).collect();
    Some(words.join("; "))
}

fn sum(cohorts: &[&Cohort]) -> i64 {
    cohorts.iter().fold(0i64, |sum, c| sum.saturating_add(c.count))
}

/// `65 goroutines wait in CRI gRPC for 1 min: 60 of probes, 1 of PLEG and 4 more`
fn words(((part, within), cohorts): &(Thing<'_>, Vec<&Cohort>)) -> String {
    let owner = |c: &&Cohort| {
        let title = c.owner.as_ref().map_or("no owner", |p| &p.title);
        format!("{} of {title}", c.count)
    };
    let longest = cohorts.iter().filter_map(|c| c.waits).map(|w| w.max_minutes).max();
    let time = longest.map_or_else(String::new, |minutes| format!(", the longest for {minutes} min"));
    let inside = match (within, cohorts.as_slice()) {
        (Some(within), [_]) => format!(" within {}", within.title),
        _ => String::new(),
    };
    let thing = format!("{}{inside}{time}", part.title);
    if let [only] = cohorts.as_slice() {
        let verb = if only.count == 1 { "waits" } else { "wait" };
        return format!("{} {verb} in {thing}", owner(only));
    }
    let named = cohorts.iter().take(OWNERS).map(owner).collect::<Vec<_>>().join(", ");
    let rest = sum(&cohorts[cohorts.len().min(OWNERS)..]);
    let more = if rest > 0 {
        format!(" and {rest} more")
    } else {
        String::new()
    };
    format!(
        "{} wait in {thing}: {named}{more}",
        counted(sum(cohorts), "goroutine", "goroutines")
    )
}
