//! All findings together: order, ranks, the answer in one word, and what was examined.

use super::expect::Expectations;
use super::knowledge::Known;
use super::observe::Observed;
use super::process::{Processes, processes};
use super::report::{Check, Checked, Confidence, Diagnosis, Examined, Finding, Need, Outcome, Verdict};
use super::{leak, pile, stuck};

/// Judges everything that was taken in.
pub(super) fn judge(mut seen: Observed, known: &Known) -> Diagnosis {
    let Processes { runs, odd } = processes(&mut seen);
    let last = runs.last().cloned().unwrap_or_default();
    let mut diagnosis = Diagnosis {
        examined: examined(&seen, &last, &runs),
        odd,
        known_as_of: known.as_of.clone(),
        ..Diagnosis::default()
    };
    let expected: &Expectations = &known.expectations;
    let mut findings = Vec::new();
    let mut waits = stuck::stuck(&seen, &last, expected);
    let mut outcome = |check: Check, found: usize, of: usize, need: Need| {
        diagnosis.checked.push(Checked {
            check,
            outcome: match (found, of) {
                (0, 0) => Outcome::NotPossible(need),
                (0, n) => Outcome::Fine(n),
                (n, _) => Outcome::Found(n),
            },
        });
    };
    let looked_at = usize::try_from(waits.looked_at).unwrap_or(usize::MAX);
    outcome(Check::Waits, waits.findings.len(), looked_at, Need::Goroutines);
    findings.append(&mut waits.findings);
    diagnosis.weighed.append(&mut waits.weighed);
    let mut piles = pile::piles(&seen, &last, expected);
    outcome(Check::Crowds, piles.findings.len(), piles.compared, Need::Goroutines);
    outcome(Check::GoroutineGrowth, 0, piles.followed, Need::Snapshots(3));
    findings.append(&mut piles.findings);
    diagnosis.weighed.append(&mut piles.weighed);
    for (i, run) in runs.iter().enumerate() {
        let mut leaks = leak::leaks(&seen, run);
        if i + 1 == runs.len() {
            diagnosis.checked.push(Checked {
                check: Check::HeapGrowth,
                outcome: match (leaks.findings.len(), leaks.tested) {
                    (0, 0) => Outcome::NotPossible(Need::HeapSeries),
                    (0, n) => Outcome::Fine(n),
                    (n, _) => Outcome::Found(n),
                },
            });
        }
        findings.append(&mut leaks.findings);
        diagnosis.weighed.append(&mut leaks.weighed);
    }
    rank(&mut findings);
    diagnosis.verdict = match findings.iter().map(|f| f.confidence).max() {
        Some(c) if c >= Confidence::Likely => Verdict::Sick,
        Some(_) => Verdict::Unknown,
        None if diagnosis.examined.with_goroutines > 0 => Verdict::Healthy,
        None => Verdict::Unknown,
    };
    diagnosis.findings = findings;
    diagnosis
}

/// Surest first, then by kind, then by name.
fn rank(findings: &mut [Finding]) {
    findings.sort_by(|a, b| {
        (b.confidence.cmp(&a.confidence))
            .then(a.kind.cmp(&b.kind))
            .then_with(|| a.fingerprint().cmp(&b.fingerprint()))
    });
    for (i, f) in findings.iter_mut().enumerate() {
        f.rank = i + 1;
    }
}

fn examined(seen: &Observed, moments: &[usize], runs: &[Vec<usize>]) -> Examined {
    let all = || moments.iter().map(|&m| &seen.moments[m]);
    let mut process = super::material::Process::default();
    for m in all() {
        process.learn(&m.process);
    }
    let last_crowd = all().rev().find_map(|m| m.crowd.as_ref());
    let last_load = all().rev().find(|m| m.load.pods.is_some()).map(|m| m.load);
    let started = process.started.map(|s| jiff::Timestamp::from_nanosecond((s * 1e9) as i128));
    Examined {
        program: "kubelet".to_owned(),
        node: process.node,
        kubernetes: process.kubernetes,
        go: process.go,
        build_id: process.build_id,
        runtime: process.runtime,
        started: started.and_then(Result::ok),
        first: all().find_map(|m| m.at),
        last: all().rev().find_map(|m| m.at),
        moments: moments.len(),
        with_goroutines: all().filter(|m| m.crowd.is_some()).count(),
        with_heap: all().filter(|m| m.heap.is_some()).count(),
        with_metrics: all().filter(|m| m.metrics.is_some()).count(),
        processes: runs.len().max(1),
        goroutines: last_crowd.map(|c| c.total),
        load: last_load.unwrap_or_default(),
    }
}
