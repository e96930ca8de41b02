//! The statistics by simulation: known heaps are sampled as the runtime samples them, and what `diagnose` says of them is
//! counted.
//!
//! `cargo test` makes few runs. `KUBEPROF_SIMULATION=10000` (task `simulation` of tests/full.sh) makes as many as
//! the bars are stated for and prints the table. Seeds are consecutive.

#![expect(clippy::print_stdout, reason = "the table is what a full run is for")]

mod crowds;
mod heap;

use std::collections::BTreeMap;
use std::sync::Arc;

use kubeprof::diagnose::Observer;
use kubeprof::diagnose::material::Moment;
use kubeprof::diagnose::report::{Confidence, Diagnosis, Dropped, Finding, Kind};
use kubeprof::diagnose::stats::counts::poisson_interval;
use kubeprof::kubelet::Knowledge;

use crowds::Crowds;
use heap::{LEAKING, LeakFree, Random, Scenario};

fn runs(few: u64) -> u64 {
    std::env::var("KUBEPROF_SIMULATION")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(few)
}

fn diagnosis(scenario: &Scenario, knowledge: &Arc<Knowledge>) -> Diagnosis {
    judged(scenario.moments(), knowledge)
}

fn judged(moments: Vec<Moment>, knowledge: &Arc<Knowledge>) -> Diagnosis {
    let mut observer = Observer::new(knowledge.clone());
    for moment in moments {
        observer.take(moment);
    }
    observer.finish()
}

fn leaks(d: &Diagnosis) -> impl Iterator<Item = &Finding> {
    d.findings.iter().filter(|f| f.kind == Kind::Leak)
}

fn worst(d: &Diagnosis) -> Option<Confidence> {
    leaks(d).map(|f| f.confidence).max()
}

/// Shares that must hold hold with room for chance: five standard deviations of a share of so many runs.
fn room(share: f64, runs: u64) -> f64 {
    5.0 * (share.max(1e-3) * (1.0 - share).max(1e-3) / runs as f64).sqrt()
}

#[test]
fn intervals_cover_what_they_say() {
    let runs = runs(1_000);
    for mean in [3.0, 4.0, 5.0, 6.0, 8.0, 11.0, 16.0, 30.0, 60.0, 400.0] {
        let mut covered = 0;
        let mut intervals = BTreeMap::new();
        for seed in 0..runs {
            let k = Random::new(seed).poisson(mean);
            let &mut (low, high) = intervals.entry(k).or_insert_with(|| poisson_interval(k));
            covered += u64::from(low <= mean && mean <= high);
        }
        let share = covered as f64 / runs as f64;
        println!("interval of a count, mean {mean:>5}: {:.2} %", share * 100.0);
        let room = room(0.95, runs);
        assert!((0.93 - room..0.97 + room).contains(&share), "mean {mean}: {share}");
    }
}

#[test]
fn growth_covers_the_truth() {
    let runs = runs(16);
    let knowledge = Arc::new(Knowledge::builtin());
    let (mut covered, mut told) = (0u64, 0u64);
    for seed in 0..runs {
        let scenario = Scenario::leak(seed, 32.0, 6, 600.0);
        let d = diagnosis(&scenario, &knowledge);
        let Some(growth) = leaks(&d).find_map(|f| f.growth?.bytes_per_hour) else {
            continue;
        };
        told += 1;
        let truth = 32.0 * 1024.0 * 1024.0;
        covered += u64::from(growth.low <= truth && truth <= growth.high);
    }
    let share = covered as f64 / told.max(1) as f64;
    println!(
        "growth of 32 MiB/h within its interval: {:.2} % of {told}",
        share * 100.0
    );
    assert!(told * 10 >= runs * 9, "{told} of {runs}");
    let room = room(0.95, told);
    assert!((0.93 - room..0.97 + room).contains(&share), "{share}");
}

#[test]
fn what_does_not_leak_is_not_called_a_leak() {
    let runs = runs(10);
    let knowledge = Arc::new(Knowledge::builtin());
    for kind in LeakFree::ALL {
        let (mut likely, mut suspect) = (0u64, 0u64);
        for seed in 0..runs {
            let d = diagnosis(&Scenario::leak_free(seed, kind), &knowledge);
            match worst(&d) {
                Some(c) if c >= Confidence::Likely => likely += 1,
                Some(_) => suspect += 1,
                None => {}
            }
        }
        println!("leak-free {kind:?}: likely {likely}, suspect {suspect} of {runs}");
        let all = runs as f64;
        assert!(
            likely as f64 / all <= 0.001 + room(0.001, runs),
            "{kind:?}: {likely} of {runs} likely"
        );
        assert!(
            suspect as f64 / all <= 0.05 + room(0.05, runs),
            "{kind:?}: {suspect} of {runs} suspect"
        );
    }
}

#[test]
fn a_leak_of_8_mib_an_hour_is_found_within_an_hour() {
    let runs = runs(16);
    let knowledge = Arc::new(Knowledge::builtin());
    let (mut found, mut sure, mut onset) = (0u64, 0u64, 0u64);
    for seed in 0..runs {
        let scenario = Scenario::leak(seed, 8.0, 6, 720.0);
        let d = diagnosis(&scenario, &knowledge);
        let of_it = leaks(&d).find(|f| f.subject.contains("simulatedLeak"));
        found += u64::from(of_it.is_some());
        sure += u64::from(of_it.is_some_and(|f| f.confidence >= Confidence::Likely));
        onset += u64::from(of_it.and_then(|f| f.since).is_some());
    }
    let share = found as f64 / runs as f64;
    println!("leak of 8 MiB/h of 64-byte objects, 6 snapshots in an hour: found {found}, likely {sure} of {runs}");
    assert!(share >= 0.90 - room(0.90, runs), "{found} of {runs}");
    assert_eq!(onset, found);
}

#[test]
fn the_onset_is_within_one_interval() {
    let runs = runs(10);
    let knowledge = Arc::new(Knowledge::builtin());
    let (mut right, mut told) = (0u64, 0u64);
    for seed in 0..runs {
        let scenario = Scenario::leak_from(seed, 64.0, 12, 300.0, 5);
        let d = diagnosis(&scenario, &knowledge);
        let Some(since) = leaks(&d)
            .find(|f| f.subject.contains("simulatedLeak"))
            .and_then(|f| f.since)
        else {
            continue;
        };
        told += 1;
        let at = scenario.time(5);
        let low = since.after.unwrap_or(scenario.time(0)) - jiff::SignedDuration::from_secs(300);
        let high = since.before.unwrap_or(scenario.time(11)) + jiff::SignedDuration::from_secs(300);
        right += u64::from(low <= at && at <= high);
    }
    println!("onset within one interval: {right} of {told} told, {runs} runs");
    assert!(told * 10 >= runs * 9, "{told} of {runs}");
    assert!(
        right as f64 / told as f64 >= 0.90 - room(0.90, told),
        "{right} of {told}"
    );
}

#[test]
fn a_slower_leak_says_how_many_snapshots_more() {
    // Long series: a tenth of the runs of the other bars.
    let runs = runs(80) / 10;
    let knowledge = Arc::new(Knowledge::builtin());
    let rates: &[f64] = if runs > 10 { &[4.0, 2.0, 1.0] } else { &[2.0] };
    for &rate in rates {
        let (mut at_once, mut told, mut right, mut half) = (0u64, 0u64, 0u64, 0u64);
        let mut numbers = Vec::new();
        for seed in 0..runs {
            let seen = |moments| diagnosis(&Scenario::leak(seed, rate, moments, 720.0), &knowledge);
            let is_found = |d: &Diagnosis| leaks(d).any(|f| f.subject.contains("simulatedLeak"));
            let d = seen(6);
            if is_found(&d) {
                at_once += 1;
                continue;
            }
            let Some(n) = more_of(&d) else { continue };
            told += 1;
            numbers.push(n);
            right += u64::from(is_found(&seen(6 + n)));
            half += u64::from(is_found(&seen(6 + n / 2)));
        }
        numbers.sort_unstable();
        let middle = numbers.get(numbers.len() / 2).copied().unwrap_or(0);
        println!(
            "leak of {rate} MiB/h: found at once {at_once}; of {told} told how many snapshots more (median {middle}) \
             {right} found by then, {half} half way; {runs} runs"
        );
        assert!(
            (at_once + told) * 10 >= runs * if rate < 2.0 { 5 } else { 8 },
            "{rate}: {told} of {runs}"
        );
        let share = right as f64 / told.max(1) as f64;
        assert!(share >= 0.90 - room(0.90, told), "{rate}: {right} of {told}");
    }
}

/// How many snapshots more the leak's own line asks for.
fn more_of(d: &Diagnosis) -> Option<usize> {
    let weighed = d.weighed.iter().find(|w| w.subject == LEAKING)?;
    match weighed.dropped {
        Dropped::Noise { more } => more,
        _ => None,
    }
}

#[test]
fn one_false_alarm_a_thousand_on_counts_of_goroutines() {
    let runs = runs(10);
    let knowledge = Arc::new(Knowledge::builtin());
    for kind in Crowds::ALL {
        let (mut likely, mut suspect) = (0u64, 0u64);
        for seed in 0..runs {
            match worst(&judged(crowds::moments(seed, kind), &knowledge)) {
                Some(c) if c >= Confidence::Likely => likely += 1,
                Some(_) => suspect += 1,
                None => {}
            }
        }
        println!("goroutines, {kind:?}: likely {likely}, suspect {suspect} of {runs}");
        let all = runs as f64;
        assert!(
            likely as f64 / all <= 0.001 + room(0.001, runs),
            "{kind:?}: {likely} of {runs}"
        );
        assert!(
            suspect as f64 / all <= 0.05 + room(0.05, runs),
            "{kind:?}: {suspect} of {runs}"
        );
    }
}

#[test]
fn goroutines_that_leak_are_found() {
    let runs = runs(10);
    let knowledge = Arc::new(Knowledge::builtin());
    for per_minute in [5.0, 10.0, 20.0] {
        let (mut found, mut sure) = (0u64, 0u64);
        for seed in 0..runs {
            let d = judged(crowds::leak(seed, per_minute), &knowledge);
            let of_it = leaks(&d).find(|f| f.subject.contains(crowds::LEAKING));
            found += u64::from(of_it.is_some());
            sure += u64::from(of_it.is_some_and(|f| f.confidence >= Confidence::Likely));
        }
        println!(
            "leak of {per_minute} goroutines a minute, 7 snapshots in 6 minutes: found {found}, likely {sure} of {runs}"
        );
        let least = if per_minute < 10.0 { 0.5 } else { 0.9 };
        assert!(
            found as f64 / runs as f64 >= least - room(least, runs),
            "{found} of {runs}"
        );
    }
}
