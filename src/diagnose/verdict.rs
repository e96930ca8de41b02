//! All findings together: what belongs to what, order, ranks, the answer in one word, and what was examined.

use super::knowledge::Known;
use super::known::{Build, attach};
use super::observe::{Observed, Seen};
use super::process::{Processes, processes};
use super::program::{Program, program};
use super::report::{
    self, Check, Checked, Claim, Confidence, Diagnosis, Dropped, Examined, Finding, Kind, Need, Oddity, Outcome,
    Verdict, Weighed, Why,
};
use super::{calls, contention, cpu, crash, leak, limits, pile, stuck, timers};

/// Judges everything that was taken in.
pub(super) fn judge(mut seen: Observed, known: &Known) -> Diagnosis {
    let Processes { runs, odd } = processes(&mut seen);
    let last = runs.last().cloned().unwrap_or_default();
    let mut d = Diagnosis {
        examined: examined(&seen, &last, &runs),
        odd,
        known_as_of: known.as_of.clone(),
        known_entries: known.issues.len(),
        ..Diagnosis::default()
    };
    let program = program(&seen, &last);
    material(&seen, &last, &mut d);
    if !program.is_kubelet && program.is_sure {
        let what = program.other.unwrap_or_else(|| "another program".to_owned());
        d.examined.program.clone_from(&what);
        d.odd.push(Oddity::NotKubelet(what));
        return d;
    }
    if let Program {
        is_kubelet: true,
        other: Some(other),
        ..
    } = &program
    {
        d.odd.push(Oddity::OneProcess(other.clone()));
    }
    seen.one_process = program.other.is_some();
    let mut findings = found(&mut seen, &runs, known, &mut d);
    merge(&mut findings, &mut d.weighed);
    let process = runs_process(&seen, &last);
    let metrics = last.iter().rev().find_map(|&m| seen.moments[m].metrics.clone());
    let build = Build {
        process: &process,
        metrics: metrics.as_ref(),
        vendored: &known.vendored,
    };
    // Whatever hangs there, nothing says that it is of a kubelet.
    if program.is_unseen {
        d.odd.push(Oddity::ProgramUnknown);
        for f in &mut findings {
            f.confidence = f.confidence.min(Confidence::Suspect);
        }
    }
    let gone = (last.last()).is_some_and(|&m| seen.moments[m].crash.as_ref().is_some_and(|c| !c.recovered));
    let has_ended = |f: &Finding| gone || f.reasons.iter().any(|r| r.why == Why::EndedProcess);
    for f in &mut findings {
        f.remedies = known.remedies(&f.subject, f.kind.as_str(), has_ended(f));
    }
    attach(&mut findings, &known.issues, &mut seen.book, &build, &has_ended);
    rank(&mut findings);
    missing(&mut d);
    d.verdict = match findings.iter().map(|f| f.confidence).max() {
        Some(c) if c >= Confidence::Likely => Verdict::Sick,
        Some(_) => Verdict::Unknown,
        // The version has a leak, and too little was sampled to see it or not.
        None if d.odd.iter().any(|o| matches!(o, Oddity::SampledOnce(_))) => Verdict::Unknown,
        None if d.odd.iter().any(|o| matches!(o, Oddity::Tiny(_))) => Verdict::Unknown,
        // Nothing says that it is a kubelet: that it is well says less.
        None if program.is_unseen => Verdict::Unknown,
        None if d.examined.with_goroutines > 0 || d.examined.with_metrics >= 2 => Verdict::Healthy,
        None => Verdict::Unknown,
    };
    d.findings = findings;
    d
}

/// What every detector finds, with what it checked.
fn found(seen: &mut Observed, runs: &[Vec<usize>], known: &Known, d: &mut Diagnosis) -> Vec<Finding> {
    let expected = &known.expectations;
    let last = runs.last().cloned().unwrap_or_default();
    let mut findings = Vec::new();
    let mut check = |check: Check, found: usize, of: usize, need: Need| {
        let outcome = match (found, of) {
            (0, 0) => Outcome::NotPossible(need),
            (0, n) => Outcome::Fine(n),
            (n, _) => Outcome::Found(n),
        };
        d.checked.push(Checked { check, outcome });
    };
    let mut waits = stuck::stuck(seen, &last, expected);
    let looked_at = usize::try_from(waits.looked_at).unwrap_or(usize::MAX);
    let frozen = timers::frozen(seen, &last, expected);
    let timed = if waits.knows_waits { looked_at } else { 0 };
    let ages = if looked_at > 0 { Need::Dump } else { Need::Goroutines };
    check(Check::Waits, waits.findings.len(), timed, ages);
    check(Check::Timers, usize::from(frozen.is_some()), timed, Need::Dump);
    let crashed = crash::crash(seen, &last, &waits.findings);
    findings.append(&mut waits.findings);
    d.weighed.append(&mut waits.weighed);
    findings.extend(frozen);
    findings.extend(crashed);
    findings.extend(crash::restarts(seen, runs));
    let mut piles = pile::piles(seen, &last, expected);
    let grows = |f: &&Finding| f.growth.is_some();
    let growing = piles.findings.iter().filter(grows).count();
    check(
        Check::Crowds,
        piles.findings.len() - growing,
        piles.compared,
        Need::Goroutines,
    );
    check(Check::GoroutineGrowth, growing, piles.followed, Need::Snapshots(3));
    findings.append(&mut piles.findings);
    d.weighed.append(&mut piles.weighed);
    let mut least = None;
    for (i, run) in runs.iter().enumerate() {
        let process = runs_process(seen, run);
        let mut leaks = leak::leaks(seen, run, known, &process);
        if i + 1 == runs.len() {
            check(Check::HeapGrowth, leaks.findings.len(), leaks.tested, Need::HeapSeries);
            least = leaks.least;
        } else {
            let ended = || report::Reason::against(Why::EndedProcess);
            leaks.findings.iter_mut().for_each(|f| f.reasons.insert(0, ended()));
        }
        findings.append(&mut leaks.findings);
        d.weighed.append(&mut leaks.weighed);
        d.odd.extend(leaks.sampled_once.into_iter().map(Oddity::SampledOnce));
    }
    let (mut failing, of) = calls::failing(seen, &last);
    check(Check::Calls, failing.len(), of, Need::Metrics);
    findings.append(&mut failing);
    let (mut near, of) = limits::limits(seen, &last);
    check(Check::Limits, near.len(), of, Need::Metrics);
    findings.append(&mut near);
    let mut hot = cpu::hot(seen, &last);
    check(Check::Cpu, hot.findings.len(), hot.parts, Need::Cpu);
    findings.append(&mut hot.findings);
    d.weighed.append(&mut hot.weighed);
    let (mut locks, of, need) = contention::contended(seen, &last);
    check(Check::Contention, locks.len(), of, need);
    findings.append(&mut locks);
    // A short time shows fast leaks alone.
    for c in d.checked.iter_mut().filter(|c| c.check == Check::HeapGrowth) {
        if let (Outcome::Fine(looked_at), Some(bytes_per_hour)) = (&c.outcome, least) {
            c.outcome = Outcome::FineAbove {
                looked_at: *looked_at,
                bytes_per_hour,
            };
        }
    }
    findings
}

/// What is odd about the material itself.
fn material(seen: &Observed, moments: &[usize], d: &mut Diagnosis) {
    let all = || moments.iter().map(|&m| &seen.moments[m]);
    let empty =
        |m: &&Seen| m.crowd.as_ref().is_some_and(|c| c.total == 0) || m.heap.as_ref().is_some_and(|h| h.samples == 0);
    let empties = all().filter(empty).count();
    if empties > 0 && empties == moments.len() {
        d.odd.push(Oddity::Empty("every profile".to_owned()));
    } else if empties > 0 {
        d.odd
            .push(Oddity::Empty(format!("{empties} of {} profiles", moments.len())));
    }
    if seen.unread.0 > 0 {
        d.odd.push(Oddity::Unread {
            count: seen.unread.0,
            first: seen.unread.1.clone(),
        });
    }
    let last = all().rev().find_map(|m| m.crowd.as_ref());
    if last.is_some_and(|c| (1..20).contains(&c.total)) {
        d.odd.push(Oddity::Tiny("the last goroutine profile".to_owned()));
    }
    if all().any(|m| m.dump_cut) {
        d.odd.push(Oddity::DumpCut);
    }
    let texts = all().filter(|m| m.heap.is_some() && m.heap_is_text).count();
    if texts > 0 && texts == all().filter(|m| m.heap.is_some()).count() {
        d.odd.push(Oddity::LegacyHeap);
    }
    if let Some(node) = all().rev().find_map(|m| m.node.as_ref())
        && let Some(conditions) = node.pointer("/status/conditions").and_then(|c| c.as_array())
    {
        let text =
            |c: &serde_json::Value, key: &str| c.get(key).and_then(|v| v.as_str()).unwrap_or_default().to_owned();
        let ready = conditions.iter().find(|c| text(c, "type") == "Ready");
        if let Some(c) = ready.filter(|c| text(c, "status") != "True") {
            d.odd.push(Oddity::NotReady {
                reason: text(c, "reason"),
                message: text(c, "message"),
            });
        }
    }
}

/// One trouble is one finding: what only shows another one goes to the list of what was dropped.
fn merge(findings: &mut Vec<Finding>, weighed: &mut Vec<Weighed>) {
    let mut gone: Vec<(usize, usize)> = Vec::new();
    for (i, f) in findings.iter().enumerate() {
        let by = |g: &Finding| explains(g, f);
        if let Some(j) = findings.iter().enumerate().position(|(j, g)| j != i && by(g)) {
            gone.push((i, j));
        }
    }
    for &(i, j) in &gone {
        let parties = match &findings[i].claim {
            Claim::LoopWaits { parties } => parties.clone(),
            _ => continue,
        };
        if let Claim::Failing { victims, .. } = &mut findings[j].claim {
            victims.extend(parties);
        }
    }
    for (i, _) in gone.iter().rev() {
        let f = findings.remove(*i);
        // Its rank is not known before all are sorted; what explains it comes first then.
        weighed.push(Weighed {
            kind: f.kind,
            subsystem: f.subsystem,
            subject: f.subject,
            from: 0.0,
            to: 0.0,
            unit: "",
            values: Vec::new(),
            dropped: Dropped::PartOf(1),
        });
    }
}

/// Whether a finding explains another one.
fn explains(g: &Finding, f: &Finding) -> bool {
    let same = |key: &str| g.subject == key;
    match f.kind {
        // The same far end, told by metrics as well.
        Kind::Environment | Kind::Stuck if g.subject == f.subject && is_far_end(&f.subject) => {
            let order = |f: &Finding| (f.confidence, f.evidence.len(), f.kind == Kind::Stuck);
            order(g) > order(f)
        }
        Kind::Metric if f.subsystem.key == "pleg" => {
            same("container-runtime") || g.subsystem.key == "pleg" && g.kind == Kind::Stuck
        }
        // Who waits for the PLEG waits for the runtime whose calls fail.
        Kind::Stuck if matches!(f.claim, Claim::LoopWaits { .. }) => {
            matches!(g.claim, Claim::Failing { .. })
                && same("container-runtime")
                && matches!(f.subject.as_str(), "pleg" | "runtime-status")
        }
        Kind::Limit if f.subject == "threads" => g.kind == Kind::Crash && same("thread-exhaustion"),
        Kind::Hot if f.subject == "cpu" && f.subsystem.key == "go-runtime" => {
            matches!(g.kind, Kind::Hot | Kind::BusyLoop) && g.subsystem.key != "go-runtime"
        }
        // Requests that wait, one after the other, are a crowd: they are told as what they wait for.
        Kind::Leak if f.growth.is_none() && is_crowd_of(f, g) => true,
        // Crowds of one number are one trouble: each thing that was left behind has one of each.
        Kind::Leak if f.growth.is_none() && goes_with(g, f) => {
            // The one whose part is known says more.
            let order = |f: &Finding| {
                (
                    f.confidence,
                    !f.subsystem.title.is_empty(),
                    crowd_of(f).map(|c| c.0),
                    std::cmp::Reverse(f.fingerprint()),
                )
            };
            order(g) > order(f)
        }
        // A crowd that waits is told as what it waits for.
        Kind::Leak if f.growth.is_none() && matches!(f.claim, Claim::Crowd { .. }) => {
            matches!(g.kind, Kind::Stuck | Kind::Environment)
                && g.subsystem == f.subsystem
                && g.confidence >= f.confidence
        }
        _ => false,
    }
}

/// Goroutines of one kind that one thing has at most.
const MOST_OF_ONE: u64 = 6;

/// How many goroutines the largest group of a crowd has, and how many groups have that number.
fn crowd_of(f: &Finding) -> Option<(u64, usize)> {
    match f.claim {
        Claim::Crowd { largest, together, .. } => Some((largest, together)),
        _ => None,
    }
}

/// Whether two crowds have one number, as [`pile`] compares groups.
fn goes_with(g: &Finding, f: &Finding) -> bool {
    match (crowd_of(g), crowd_of(f)) {
        (Some((a, n)), Some((b, m))) => {
            let near = |a: u64, b: u64| a.abs_diff(b) * 50 <= a.max(b);
            // Three goroutines of gRPC for each connection.
            let times = (b + a / 2) / a.max(1);
            let several =
                g.subsystem == f.subsystem && n >= 2 && (2..=MOST_OF_ONE).contains(&times) && near(a * times, b);
            n >= 2 && m >= 2 && near(a, b) || several
        }
        _ => false,
    }
}

/// Whether most of a crowd waits in the calls of another finding.
fn is_crowd_of(f: &Finding, g: &Finding) -> bool {
    let Claim::Crowd { count, .. } = &f.claim else {
        return false;
    };
    if !matches!(g.kind, Kind::Stuck | Kind::Environment) || g.confidence < Confidence::Likely {
        return false;
    }
    let of = g.claim.parties().filter(|p| p.owner == f.subsystem);
    2 * of.map(|p| p.count).sum::<u64>() > *count
}

/// Whether a subject is a far end, of which a node has one.
fn is_far_end(subject: &str) -> bool {
    matches!(
        subject,
        "container-runtime" | "image-service" | "api-server" | "plugin-socket"
    )
}

/// Surest first, then by kind, then by how bad, then by name. A process that ended comes before what was wrong in it, however
/// sure that is: it is what happened.
fn rank(findings: &mut [Finding]) {
    let crashes = findings.iter().filter(|f| f.kind == Kind::Crash);
    let crash = crashes.map(|f| f.confidence).max().filter(|&c| c >= Confidence::Likely);
    let sure = |f: &Finding| match crash {
        Some(crash) if f.kind != Kind::Crash => f.confidence.min(crash),
        _ => f.confidence,
    };
    findings.sort_by(|a, b| {
        (sure(b).cmp(&sure(a)))
            .then(a.kind.cmp(&b.kind))
            .then(extent(b).total_cmp(&extent(a)))
            .then_with(|| a.fingerprint().cmp(&b.fingerprint()))
    });
    for (i, f) in findings.iter_mut().enumerate() {
        f.rank = i + 1;
    }
}

/// How much it is, for findings of one kind.
fn extent(f: &Finding) -> f64 {
    match &f.claim {
        Claim::NoAnswer { callers, victims, .. } => {
            // A loop that everything depends on counts more than many probes.
            let all = callers.iter().chain(victims);
            all.map(|p| p.count as f64 + if p.owner.key == "sync-loop" { 1000.0 } else { 0.0 })
                .sum()
        }
        Claim::LockWait { waiters, .. } => waiters.iter().map(|p| p.count as f64).sum::<f64>() + 500.0,
        Claim::NotTaken { senders, .. } => senders.iter().map(|p| p.count as f64).sum(),
        Claim::VolumesFail { failed, .. } => *failed,
        Claim::LoopWaits { parties } => parties.iter().map(|p| p.count as f64).sum::<f64>() * 0.5,
        Claim::TimersFrozen { goroutines, .. } => 2000.0 + *goroutines as f64,
        Claim::PullsWait { waiting, .. } => *waiting as f64,
        Claim::ApiServer { no_answer, errors, .. } => no_answer + errors,
        Claim::Growth { from, to, bytes, .. } => bytes.unwrap_or(0.0).max((to - from) * 2048.0),
        Claim::AboveRest { objects, .. } => *objects * 64.0,
        Claim::Crowd { count, .. } => *count as f64 * 2048.0,
        Claim::Cpu { cores, .. } => cores.value,
        Claim::Contention { rate, .. } => *rate,
        Claim::Limit { value, limit, .. } => value / limit.max(1e-9),
        Claim::Failing { failed, .. } => *failed,
        Claim::Series { count, .. } => *count as f64,
        Claim::NotRegistered { sockets, .. } => sockets.len() as f64,
        Claim::Restarts { times } => *times as f64,
        Claim::Crash { .. } | Claim::Pattern => 0.0,
    }
}

/// What would make the answer surer, most useful first.
fn missing(d: &mut Diagnosis) {
    let e = &d.examined;
    if e.with_goroutines == 0 {
        d.missing.push(Need::Goroutines);
    }
    if e.with_heap < 3 {
        d.missing.push(Need::HeapSeries);
    }
    if e.with_metrics == 0 {
        d.missing.push(Need::Metrics);
    }
    // A rise that chance may explain so far.
    let more = |w: &Weighed| match w.dropped {
        Dropped::Noise { more } => more,
        _ => None,
    };
    if let Some(n) = d.weighed.iter().filter_map(more).min() {
        let steps = d.examined.moments.saturating_sub(1).max(1) as i64;
        let step = (d.examined.first.zip(d.examined.last)).map_or(0, |(a, b)| b.duration_since(a).as_secs() / steps);
        d.missing.push(match u64::try_from(step) {
            Ok(seconds) if seconds > 0 => Need::SnapshotsEvery { more: n, seconds },
            _ => Need::Snapshots(n),
        });
    }
}

fn runs_process(seen: &Observed, run: &[usize]) -> super::material::Process {
    let mut process = super::material::Process::default();
    for &m in run {
        process.learn(&seen.moments[m].process);
    }
    process
}

fn examined(seen: &Observed, moments: &[usize], runs: &[Vec<usize>]) -> Examined {
    let all = || moments.iter().map(|&m| &seen.moments[m]);
    let process = runs_process(seen, moments);
    let last_crowd = all().rev().find_map(|m| m.crowd.as_ref());
    let last_load = all().rev().find(|m| m.load.pods.is_some()).map(|m| m.load);
    let started = process
        .started
        .map(|s| jiff::Timestamp::from_nanosecond((s * 1e9) as i128));
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
        with_goroutines: all().filter(|m| m.crowd.as_ref().is_some_and(|c| c.total > 0)).count(),
        with_heap: all().filter(|m| m.heap.as_ref().is_some_and(|h| h.samples > 0)).count(),
        with_metrics: all().filter(|m| m.metrics.is_some()).count(),
        processes: runs.len().max(1),
        goroutines: last_crowd.map(|c| c.total),
        load: last_load.unwrap_or_default(),
    }
}
