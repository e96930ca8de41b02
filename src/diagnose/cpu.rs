//! CPU: which part uses more than is usual for this load, which loop runs without waiting, how much the garbage collector
//! takes. Ticks are counts, so their error is known.

use rustc_hash::FxHashMap;

use super::book::{Book, NameId};
use super::crowd::{StackBook, StackKey, Wait};
use super::judge::Scale;
use super::observe::{Observed, Seen};
use super::report::{Claim, Dropped, Estimate, Evidence, Fact, Finding, Kind, Need, Show, Verb, Weighed, Why};
use super::stats::counts::poisson_interval;
use super::words::short;
use crate::kubelet::{Role, SubsystemId};
use crate::model::Profile;

/// CPU of one part below one of its functions.
#[derive(Clone, Copy, Debug)]
struct CpuRow {
    part: SubsystemId,
    anchor: NameId,
    ticks: u64,
    /// The stack with the most ticks.
    stack: StackKey,
}

/// The CPU profile of one moment.
#[derive(Clone, Debug, Default)]
pub(super) struct CpuDigest {
    rows: Vec<CpuRow>,
    ticks: u64,
    /// Seconds of a tick.
    tick: f64,
    /// Seconds that it was taken for.
    seconds: f64,
}

impl CpuDigest {
    /// Reads a CPU profile.
    pub(super) fn of(p: &Profile, book: &mut Book, stacks: &mut StackBook) -> Self {
        let find = |name: &str| p.sample_types.iter().position(|t| p.text(t.kind) == name);
        let (samples, cpu) = (find("samples"), find("cpu"));
        let period = if p.period > 0 { p.period as f64 } else { 1e7 };
        let mut digest = Self {
            tick: period / 1e9,
            seconds: p.duration_nanos as f64 / 1e9,
            ..Self::default()
        };
        let names = book.functions(p);
        let mut rows: FxHashMap<(SubsystemId, NameId), (u64, u64, usize)> = FxHashMap::default();
        for i in 0..p.samples.len() {
            let values = p.samples.values(i);
            let ticks = match (samples, cpu) {
                (Some(s), _) => values[s].max(0) as u64,
                (None, Some(c)) => (values[c].max(0) as f64 / period).round() as u64,
                (None, None) => return digest,
            };
            digest.ticks += ticks;
            let frames = p.stack(p.samples.stack(i)).iter().flat_map(|&l| p.lines_of(l));
            let (mut anchor, mut library, mut gc) = (None, None, None);
            for line in frames {
                let id = names[line.function.index()];
                let name = book.get(id);
                match name.class.known {
                    Some((part, Role::Owner)) => {
                        anchor = Some((part, id));
                        break;
                    }
                    Some((part, Role::Library | Role::Boundary)) => library = Some((part, id)),
                    Some((part, Role::Runtime)) if book.knowledge.key(part) == "gc" => gc = Some((part, id)),
                    _ => {}
                }
            }
            // What runs for nobody but the garbage collector is its own part.
            if let Some(key) = anchor.or(gc).or(library) {
                let row = rows.entry(key).or_default();
                row.0 += ticks;
                if ticks > row.1 {
                    (row.1, row.2) = (ticks, i);
                }
            }
        }
        let frames = |i: usize| {
            let lines = p.stack(p.samples.stack(i)).iter().flat_map(|&l| p.lines_of(l));
            lines.map(|line| names[line.function.index()]).collect::<Vec<NameId>>()
        };
        digest.rows = (rows.into_iter())
            .map(|((part, anchor), (ticks, _, sample))| CpuRow {
                part,
                anchor,
                ticks,
                stack: stacks.intern(&frames(sample)),
            })
            .collect();
        digest.rows.sort_by_key(|r| (std::cmp::Reverse(r.ticks), r.anchor));
        digest
    }

    fn cores(&self, ticks: u64) -> f64 {
        ticks as f64 * self.tick / self.seconds.max(1e-3)
    }
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Hot {
    pub(super) findings: Vec<Finding>,
    pub(super) weighed: Vec<Weighed>,
    /// Parts that were compared.
    pub(super) parts: usize,
}

/// Cores that one part uses at most: cAdvisor reads every cgroup, the others do little.
fn usual(key: &str, pods: f64) -> f64 {
    let per_pod = match key {
        "cadvisor-housekeeping" | "cadvisor" | "cgroup-reads" => 0.006,
        _ => 0.003,
    };
    0.15 + per_pod * pods
}

/// CPU of the newest moment that has a profile of it.
pub(super) fn hot(seen: &Observed, moments: &[usize]) -> Hot {
    let all: Vec<&Seen> = moments.iter().map(|&m| &seen.moments[m]).collect();
    let Some(moment) = all.iter().rev().find(|m| m.cpu.is_some()) else {
        return Hot::default();
    };
    let Some(cpu) = &moment.cpu else { return Hot::default() };
    let mut hot = Hot::default();
    if cpu.seconds < 1.0 || cpu.ticks == 0 {
        return hot;
    }
    let pods = all.iter().rev().find_map(|m| m.load.pods).unwrap_or(110.0);
    let mut parts: FxHashMap<SubsystemId, u64> = FxHashMap::default();
    for row in cpu.rows.iter().filter(|r| !seen.is_foreign(Some(r.part))) {
        *parts.entry(row.part).or_default() += row.ticks;
    }
    hot.parts = parts.len();
    let mut order: Vec<(SubsystemId, u64)> = parts.into_iter().collect();
    order.sort_by_key(|(part, ticks)| (std::cmp::Reverse(*ticks), *part));
    for (part, ticks) in order {
        let key = seen.book.knowledge.key(part).to_owned();
        let most = usual(&key, pods);
        let (low, high) = poisson_interval(ticks);
        let scale_to_cores = |t: f64| t * cpu.tick / cpu.seconds;
        let cores = Estimate {
            value: cpu.cores(ticks),
            low: scale_to_cores(low),
            high: scale_to_cores(high),
        };
        if cores.low <= most {
            if cores.value > most {
                hot.weighed.push(Weighed {
                    kind: Kind::Hot,
                    subsystem: seen.book.part(part),
                    subject: "cpu".to_owned(),
                    from: most,
                    to: cores.value,
                    unit: "cores",
                    values: Vec::new(),
                    dropped: Dropped::Noise { more: None },
                });
            }
            continue;
        }
        let Some(top) = cpu.rows.iter().find(|r| r.part == part) else {
            continue;
        };
        let spins = spins(seen, &all, part, cores, cpu.cores(top.ticks));
        let mut scale = Scale::default();
        // Twice what is usual and half a core is worth a look; four times or a whole core is not usual anywhere.
        let ratio = cores.low / most;
        let mut weight = 1.0 + 1.7 * ratio.log2().max(0.0) / 2.0;
        if cores.value < 0.4 {
            weight = 0.0;
        } else if cores.low >= 0.8 {
            weight += 0.8;
        }
        scale.add(weight.min(3.5), Why::CpuSamples(ticks));
        if spins {
            scale.add(1.0, Why::AlwaysRuns);
        }
        let Some(confidence) = scale.confidence() else { continue };
        let function = seen.book.get(top.anchor).shown.clone();
        let mut show = Show::new(Verb::Top, moment.sources_of("cpu"));
        show.owner = Some(key);
        show.kind = Some("cpu".to_owned());
        hot.findings.push(Finding {
            rank: 0,
            kind: if spins { Kind::BusyLoop } else { Kind::Hot },
            subsystem: seen.book.part(part),
            subject: short(&function),
            function: Some(function.clone()),
            confidence,
            reasons: scale.into_reasons(),
            claim: Claim::Cpu {
                cores,
                usual: most,
                share: ticks as f64 / cpu.ticks as f64,
            },
            since: None,
            growth: None,
            known_issues: Vec::new(),
            evidence: [
                vec![Evidence {
                    fact: Fact::CpuTime {
                        function,
                        seconds: top.ticks as f64 * cpu.tick,
                        of: cpu.ticks as f64 * cpu.tick,
                    },
                    moment: moment.label.clone(),
                    show: Some(show),
                }],
                stacks(seen, cpu, part),
            ]
            .concat(),
            remedies: Vec::new(),
            next: vec![Need::Dump],
        });
    }
    hot
}

/// The hottest stacks of a part.
fn stacks(seen: &Observed, cpu: &CpuDigest, part: SubsystemId) -> Vec<Evidence> {
    let rows = cpu.rows.iter().filter(|r| r.part == part).take(3);
    rows.map(|r| Evidence {
        fact: Fact::Stack(
            (seen.stacks.get(r.stack).iter())
                .map(|&f| seen.book.get(f).shown.clone())
                .collect(),
        ),
        moment: String::new(),
        show: None,
    })
    .collect()
}

/// Whether the CPU is that of one goroutine that never waits: about one core, below one function, seen running.
fn spins(seen: &Observed, all: &[&Seen], part: SubsystemId, cores: Estimate, of_top: f64) -> bool {
    let one_core = (0.85..=1.15).contains(&cores.value) && of_top >= 0.8 * cores.value;
    let running = all.iter().rev().filter_map(|m| m.crowd.as_ref()).take(3).any(|c| {
        let of_part = |g: &&super::crowd::Group| {
            let frames = seen.stacks.get(g.stack).iter();
            frames
                .into_iter()
                .any(|&f| seen.book.get(f).class.subsystem() == Some(part))
        };
        c.groups.iter().filter(of_part).any(|g| g.wait == Wait::Running)
    });
    one_core && (running || cores.low >= 0.9)
}
