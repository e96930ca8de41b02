//! All findings together: order, ranks, the answer in one word, and what was examined.

use super::expect::Expectations;
use super::observe::Observed;
use super::report::{Check, Checked, Confidence, Diagnosis, Examined, Finding, Need, Outcome, Verdict};
use super::{leak, stuck};

/// Judges everything that was taken in.
pub(super) fn judge(mut seen: Observed, expected: &Expectations) -> Diagnosis {
    seen.moments
        .sort_by(|a, b| a.at.cmp(&b.at).then_with(|| a.label.cmp(&b.label)));
    let moments: Vec<usize> = (0..seen.moments.len()).collect();
    let mut diagnosis = Diagnosis {
        examined: examined(&seen, &moments),
        ..Diagnosis::default()
    };
    let mut findings = stuck::stuck(&seen, &moments, expected);
    check(&mut diagnosis, &findings);
    let mut leaks = leak::leaks(&seen, &moments);
    findings.append(&mut leaks.findings);
    diagnosis.weighed.append(&mut leaks.weighed);
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

fn check(diagnosis: &mut Diagnosis, stuck: &[Finding]) {
    let goroutines = diagnosis.examined.goroutines;
    diagnosis.checked.push(Checked {
        check: Check::Waits,
        outcome: match (stuck.len(), goroutines) {
            (0, Some(n)) => Outcome::Fine(usize::try_from(n).unwrap_or(usize::MAX)),
            (0, None) => Outcome::NotPossible(Need::Goroutines),
            (n, _) => Outcome::Found(n),
        },
    });
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

fn examined(seen: &Observed, moments: &[usize]) -> Examined {
    let all = || moments.iter().map(|&m| &seen.moments[m]);
    let mut process = super::material::Process::default();
    for m in all() {
        process.learn(&m.process);
    }
    let last_crowd = all().rev().find_map(|m| m.crowd.as_ref());
    let last_load = all().rev().find(|m| m.load.pods.is_some()).map(|m| m.load);
    Examined {
        program: "kubelet".to_owned(),
        node: process.node,
        kubernetes: process.kubernetes,
        go: process.go,
        build_id: process.build_id,
        runtime: process.runtime,
        started: process
            .started
            .and_then(|s| jiff::Timestamp::from_nanosecond((s * 1e9) as i128).ok()),
        first: all().find_map(|m| m.at),
        last: all().rev().find_map(|m| m.at),
        moments: moments.len(),
        with_goroutines: all().filter(|m| m.crowd.is_some()).count(),
        with_heap: all().filter(|m| m.heap.is_some()).count(),
        with_metrics: all().filter(|m| m.metrics.is_some()).count(),
        processes: 1,
        goroutines: last_crowd.map(|c| c.total),
        load: last_load.unwrap_or_default(),
    }
}
