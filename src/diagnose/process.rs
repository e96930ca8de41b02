//! Which moments are of one process, in time order; what does not fit is named.
//!
//! A process is told by what the material says (node, start time, build), and by what cannot go down inside of one: all
//! bytes ever allocated. A series that falls there once is a restart; one that falls and rises again holds a moment of
//! another process.

use super::observe::{Observed, Seen};
use super::report::Oddity;

/// Moments by process, processes in time order.
#[derive(Debug, Default)]
pub(super) struct Processes {
    /// Indices of moments, in time order.
    pub(super) runs: Vec<Vec<usize>>,
    pub(super) odd: Vec<Oddity>,
}

/// Sorts all moments into processes.
pub(super) fn processes(seen: &mut Observed) -> Processes {
    let mut odd = Vec::new();
    sort(seen, &mut odd);
    let mut order: Vec<usize> = (0..seen.moments.len()).collect();
    drop_duplicates(seen, &mut order, &mut odd);
    let mut clusters: Vec<Vec<usize>> = Vec::new();
    for &m in &order {
        let moment = &seen.moments[m];
        let fits = |c: &&mut Vec<usize>| c.iter().all(|&o| seen.moments[o].process.may_be(&moment.process));
        // The newest that fits: what says nothing of its process belongs to its neighbours.
        match clusters.iter_mut().rev().find(fits) {
            Some(cluster) => cluster.push(m),
            None => clusters.push(vec![m]),
        }
    }
    let mut runs = Vec::new();
    for cluster in clusters {
        cut_at_falls(seen, cluster, &mut runs, &mut odd);
    }
    runs.sort_by_key(|r| r.iter().filter_map(|&m| seen.moments[m].at).min());
    name_what_is_mixed(seen, &mut runs, &mut odd);
    if let Some(last) = runs.last() {
        gaps(seen, last, &mut odd);
    }
    Processes { runs, odd }
}

fn sort(seen: &mut Observed, odd: &mut Vec<Oddity>) {
    let with_time = seen.moments.iter().filter(|m| m.at.is_some()).count();
    let by_label = |a: &Seen, b: &Seen| natural(&a.label).cmp(&natural(&b.label));
    if with_time < seen.moments.len() {
        seen.moments.sort_by(by_label);
        if with_time == 0 && seen.moments.len() > 1 {
            odd.push(Oddity::NoTimes);
        }
        // A moment without a time takes its place by name, behind the one before it.
        let mut last = None;
        let mut keys = Vec::new();
        for m in &seen.moments {
            last = m.at.max(last);
            keys.push(m.at.or(last));
        }
        let mut order: Vec<usize> = (0..keys.len()).collect();
        order.sort_by_key(|&i| keys[i]);
        let mut moments: Vec<Option<Seen>> = std::mem::take(&mut seen.moments).into_iter().map(Some).collect();
        seen.moments = order.iter().filter_map(|&i| moments[i].take()).collect();
        return;
    }
    let mut by_name: Vec<usize> = (0..seen.moments.len()).collect();
    by_name.sort_by(|&a, &b| by_label(&seen.moments[a], &seen.moments[b]));
    // Names that differ in more than a number say nothing of time.
    let numbered = |a: &Seen, b: &Seen| {
        let (a, b) = (natural(&a.label), natural(&b.label));
        a.len() == b.len() && a.iter().zip(&b).all(|(x, y)| x.0 == y.0)
    };
    let falls = by_name.windows(2).any(|w| {
        let (a, b) = (&seen.moments[w[0]], &seen.moments[w[1]]);
        numbered(a, b) && a.at > b.at
    });
    // Bundles have one numbering over all nodes and runs.
    if falls && seen.moments.iter().all(|m| m.snapshot.is_none()) {
        odd.push(Oddity::Reordered);
    }
    seen.moments.sort_by_key(|m| m.at);
}

/// Digits by their value: `s10` behind `s9`.
pub(crate) fn natural(label: &str) -> Vec<(String, u64)> {
    let mut parts = Vec::new();
    let mut rest = label;
    while !rest.is_empty() {
        let text_end = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let digits_end = rest[text_end..]
            .find(|c: char| !c.is_ascii_digit())
            .map_or(rest.len(), |e| text_end + e);
        let number = rest[text_end..digits_end].parse().unwrap_or(0);
        parts.push((rest[..text_end].to_owned(), number));
        rest = &rest[digits_end..];
    }
    parts
}

fn drop_duplicates(seen: &Observed, order: &mut Vec<usize>, odd: &mut Vec<Oddity>) {
    let before = order.len();
    let mut kept: Vec<usize> = Vec::new();
    order.retain(|&m| {
        let again = kept
            .iter()
            .rev()
            .take(4)
            .any(|&k| same(&seen.moments[k], &seen.moments[m]));
        if !again {
            kept.push(m);
        }
        !again
    });
    if order.len() < before {
        odd.push(Oddity::Duplicates(before - order.len()));
    }
}

/// Whether two moments are one: the same time to the nanosecond and the same numbers.
fn same(a: &Seen, b: &Seen) -> bool {
    let heap = |m: &Seen| m.heap.as_ref().map(|h| (h.k, h.k_allocated, h.samples));
    let crowd = |m: &Seen| m.crowd.as_ref().map(|c| (c.total, c.groups.len()));
    a.at.is_some() && a.at == b.at && heap(a) == heap(b) && crowd(a) == crowd(b) && a.process.may_be(&b.process)
}

/// All objects ever sampled cannot become fewer.
fn cut_at_falls(seen: &Observed, cluster: Vec<usize>, runs: &mut Vec<Vec<usize>>, odd: &mut Vec<Oddity>) {
    let allocated = |m: usize| seen.moments[m].heap.as_ref().map(|h| h.k_allocated);
    let with: Vec<(usize, u64)> = cluster.iter().filter_map(|&m| Some((m, allocated(m)?))).collect();
    let falls = |a: u64, b: u64| b < a;
    let mut foreign = Vec::new();
    let mut restarts = Vec::new();
    let mut high = 0u64;
    let mut i = 0;
    while i < with.len() {
        let (m, k) = with[i];
        if falls(high, k) {
            // Does what follows go on where the series was?
            let goes_on = with[i + 1..].iter().any(|&(_, later)| later >= high);
            let ahead_was_foreign = i >= 2 && with[i - 2].1 <= k && with[i - 1].1 > k && i + 1 < with.len();
            if goes_on {
                foreign.push(m);
                i += 1;
                continue;
            }
            if ahead_was_foreign && !restarts.contains(&with[i - 1].0) {
                foreign.push(with[i - 1].0);
            } else {
                restarts.push(m);
            }
        }
        high = k;
        i += 1;
    }
    if !foreign.is_empty() {
        odd.push(Oddity::Mixed {
            left_out: foreign.len(),
            by: "bytes ever allocated, which never fall in one process",
        });
    }
    let mut run = Vec::new();
    for m in cluster {
        if foreign.contains(&m) {
            continue;
        }
        if restarts.contains(&m) && !run.is_empty() {
            runs.push(std::mem::take(&mut run));
        }
        run.push(m);
    }
    if !run.is_empty() {
        runs.push(run);
    }
}

/// Processes one after the other are restarts; at the same time they are several.
fn name_what_is_mixed(seen: &Observed, runs: &mut Vec<Vec<usize>>, odd: &mut Vec<Oddity>) {
    let span = |r: &Vec<usize>| {
        let times = || r.iter().filter_map(|&m| seen.moments[m].at);
        Some((times().min()?, times().max()?))
    };
    let overlap = |a: &Vec<usize>, b: &Vec<usize>| match (span(a), span(b)) {
        (Some(a), Some(b)) => a.0 < b.1 && b.0 < a.1 || a.0 == b.0 && a.1 == b.1,
        _ => false,
    };
    let of = |r: &Vec<usize>| &seen.moments[r[0]].process;
    let mixed = runs.iter().enumerate().any(|(i, a)| {
        runs[i + 1..].iter().any(|b| {
            let (x, y) = (of(a), of(b));
            overlap(a, b) || !x.node.is_empty() && !y.node.is_empty() && x.node != y.node
        })
    });
    if mixed {
        let largest = runs
            .iter()
            .enumerate()
            .max_by_key(|(i, r)| (r.len(), *i))
            .map_or(0, |(i, _)| i);
        let left_out = runs.iter().map(Vec::len).sum::<usize>() - runs[largest].len();
        let names: Vec<&str> = runs.iter().map(|r| of(r).node.as_str()).collect();
        let by = if names.iter().any(|n| *n != names[0]) {
            "node"
        } else if runs.iter().any(|r| of(r).build_id != of(&runs[0]).build_id) {
            "build"
        } else {
            "start time"
        };
        odd.push(Oddity::Mixed { left_out, by });
        *runs = vec![runs.swap_remove(largest)];
        return;
    }
    drop_strays(seen, runs, odd);
    for pair in runs.windows(2) {
        let started = pair[1].iter().find_map(|&m| seen.moments[m].process.started);
        odd.push(Oddity::Restarted {
            at: started.and_then(|s| jiff::Timestamp::from_nanosecond((s * 1e9) as i128).ok()),
            before: pair[0].len(),
            after: pair[1].len(),
        });
    }
}

/// One moment of another build beside a series is no restart of it: it was taken elsewhere.
fn drop_strays(seen: &Observed, runs: &mut Vec<Vec<usize>>, odd: &mut Vec<Oddity>) {
    let build = |r: &Vec<usize>| seen.moments[r[0]].process.build_id.as_str();
    let Some(longest) = runs.iter().max_by_key(|r| r.len()).filter(|r| r.len() >= 3) else {
        return;
    };
    let own = build(longest).to_owned();
    let before = runs.len();
    runs.retain(|r| r.len() > 1 || own.is_empty() || build(r).is_empty() || build(r) == own);
    if runs.len() < before {
        odd.push(Oddity::Mixed {
            left_out: before - runs.len(),
            by: "build",
        });
    }
}

fn gaps(seen: &Observed, run: &[usize], odd: &mut Vec<Oddity>) {
    let times: Vec<f64> = run.iter().filter_map(|&m| seen.moments[m].seconds()).collect();
    let mut steps: Vec<f64> = times.windows(2).map(|w| w[1] - w[0]).collect();
    if steps.len() < 4 {
        return;
    }
    let largest = steps.iter().copied().fold(0.0, f64::max);
    steps.sort_by(f64::total_cmp);
    let median = steps[steps.len() / 2];
    if median > 0.0 && largest > 3.0 * median + 30.0 {
        odd.push(Oddity::Gap {
            seconds: largest as u64,
            usual: median as u64,
        });
    }
}
