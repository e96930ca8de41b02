//! Numbers near their limits, and the signals of the guide judged on this node: memory, descriptors, threads, PLEG, CPU of
//! the process, series of metrics.

use super::judge::Scale;
use super::metrics::Metrics;
use super::observe::{Observed, Seen};
use super::report::{
    Claim, Confidence, Estimate, Evidence, Fact, Finding, Grown, Growth, Kind, Limited, Need, Show, Since, SinceBasis,
    Verb, Why,
};
use super::stats::slope::theil_sen;
use super::stats::trend::mann_kendall;

/// Go ends a process with this many threads.
const THREADS: f64 = 10_000.0;

/// What the metrics of the moments say; and how many limits were looked at.
pub(super) fn limits(seen: &Observed, moments: &[usize]) -> (Vec<Finding>, usize) {
    let with: Vec<&Seen> = (moments.iter().map(|&m| &seen.moments[m]))
        .filter(|m| m.metrics.is_some())
        .collect();
    let Some(last) = with.last() else {
        return (Vec::new(), 0);
    };
    let Some(m) = &last.metrics else {
        return (Vec::new(), 0);
    };
    let scene = Scene {
        seen,
        with: &with,
        last,
    };
    let found = [
        scene.descriptors(m),
        scene.threads(m),
        scene.memory(m).or_else(|| scene.memory_growth()),
        scene.goroutines(m),
        scene.pleg(m),
        scene.cpu(),
        scene.series(m),
    ];
    let has = |names: &[&str]| names.iter().any(|n| !m.all(n).is_empty());
    let looked_at = SIGNALS.iter().filter(|names| has(names)).count();
    (found.into_iter().flatten().collect(), looked_at)
}

/// Bytes an hour, where the moments have times.
fn pace(values: &[(Option<jiff::Timestamp>, f64)]) -> Option<Growth> {
    let points: Option<Vec<(f64, f64)>> = (values.iter())
        .map(|(t, v)| Some((t.as_ref()?.as_millisecond() as f64 / 3.6e6, *v)))
        .collect();
    let (value, low, high) = theil_sen(&points?)?;
    let per_hour = Estimate { value, low, high };
    Some(Growth {
        per_hour,
        bytes_per_hour: Some(per_hour),
        hours_to_limit: None,
        limit: None,
    })
}

/// Metrics of each signal, any of which is enough to judge it.
const SIGNALS: [&[&str]; 7] = [
    &["process_open_fds"],
    &["go_threads", "go_sched_threads_total_threads"],
    &["process_resident_memory_bytes"],
    &["go_goroutines"],
    &[
        "kubelet_pleg_last_seen_seconds",
        "kubelet_pleg_relist_duration_seconds_count",
    ],
    &["process_cpu_seconds_total"],
    &["rest_client_requests_total"],
];

struct Scene<'a> {
    seen: &'a Observed,
    with: &'a [&'a Seen],
    last: &'a Seen,
}

impl Scene<'_> {
    fn values(&self, read: impl Fn(&Metrics) -> Option<f64>) -> Vec<(Option<jiff::Timestamp>, f64)> {
        let of = |s: &&Seen| Some((s.at, read(s.metrics.as_ref()?)?));
        self.with.iter().filter_map(of).collect()
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of a finding")]
    fn finding(
        &self,
        kind: Kind,
        key: &str,
        subject: &str,
        confidence: Confidence,
        claim: Claim,
        why: Why,
        metric: &str,
        values: &[(Option<jiff::Timestamp>, f64)],
    ) -> Finding {
        let mut show = Show::new(Verb::Inspect, self.last.sources_of("metrics"));
        show.snapshot = self.last.snapshot;
        let mut scale = Scale::default();
        scale.add(0.0, why);
        Finding {
            rank: 0,
            kind,
            subsystem: self.seen.book.part_of_key(key),
            subject: subject.to_owned(),
            function: None,
            confidence,
            reasons: scale.into_reasons(),
            claim,
            since: None,
            growth: None,
            known_issues: Vec::new(),
            evidence: vec![Evidence {
                fact: Fact::Metric {
                    name: metric.to_owned(),
                    first: values.first().filter(|_| values.len() > 1).map(|v| v.1),
                    last: values.last().map_or(0.0, |v| v.1),
                },
                moment: self.last.label.clone(),
                show: Some(show),
            }],
            remedies: Vec::new(),
            next: Vec::new(),
        }
    }

    /// A metric at or above what it should stay below.
    fn above(
        &self,
        kind: Kind,
        (key, subject): (&str, &str),
        confidence: Confidence,
        claim: Claim,
        metric: &str,
    ) -> Finding {
        let why = Why::MetricAgrees(metric.to_owned());
        let values = self.values(|m| m.get(metric));
        self.finding(kind, key, subject, confidence, claim, why, metric, &values)
    }

    /// Open files: near the limit, or rising with nothing to explain it.
    fn descriptors(&self, m: &Metrics) -> Option<Finding> {
        let metric = "process_open_fds";
        let values = self.values(|m| m.get(metric));
        let open = m.get(metric)?;
        let limit = m.get("process_max_fds").filter(|&l| l > 0.0);
        if let Some(limit) = limit
            && open >= 0.8 * limit
        {
            let claim = Claim::Limit {
                what: Limited::Files,
                value: open,
                limit,
            };
            let what = ("kubelet-server", "open-files");
            return Some(self.above(Kind::Limit, what, Confidence::Likely, claim, metric));
        }
        let numbers: Vec<f64> = values.iter().map(|v| v.1).collect();
        let rise = open - numbers.first()?;
        // An idle kubelet has some 30, and one or two more for each pod at most.
        let pods = |s: &Seen| s.load.pods.unwrap_or(0.0);
        let more_pods = (pods(self.last) - pods(self.with[0])).max(0.0);
        let usual = 200.0 + 4.0 * self.last.load.pods.unwrap_or(110.0);
        let grows = numbers.len() >= 4 && rise >= 30.0 + 3.0 * more_pods && mann_kendall(&numbers) <= 0.05;
        if !grows && open < 4.0 * usual {
            return None;
        }
        let p = mann_kendall(&numbers);
        // Many that did not rise while they were watched are no growth.
        let claim = if grows {
            Claim::Growth {
                what: Grown::Files,
                from: numbers[0],
                to: open,
                error: None,
                bytes: None,
                together: 1,
            }
        } else {
            Claim::Limit {
                what: Limited::FilesOfNode,
                value: open,
                limit: usual,
            }
        };
        let sure = grows && p <= 0.01 && rise >= 100.0 + 3.0 * more_pods && open > usual;
        let confidence = if sure { Confidence::Likely } else { Confidence::Suspect };
        let why = match grows {
            true => Why::Trend {
                q: p,
                moments: numbers.len(),
            },
            false => Why::OutOfProportion {
                count: open as u64,
                usual: usual as u64,
            },
        };
        let mut f = self.finding(
            // Which part opens them, descriptors do not say.
            Kind::Leak,
            "go-runtime",
            "open-files",
            confidence,
            claim,
            why,
            metric,
            &values,
        );
        f.next.push(Need::Dump);
        Some(f)
    }

    fn threads(&self, m: &Metrics) -> Option<Finding> {
        let metric = if m.get("go_threads").is_some() {
            "go_threads"
        } else {
            "go_sched_threads_total_threads"
        };
        let threads = m.get(metric)?;
        // A kubelet has one a core and some in system calls.
        if threads < 300.0 {
            return None;
        }
        let confidence = likely_from(threads, 1000.0);
        let claim = Claim::Limit {
            what: Limited::Threads,
            value: threads,
            limit: THREADS,
        };
        // Whatever the threads are in is where the goroutines stand in system calls.
        let key = self.in_syscalls().unwrap_or_else(|| "go-runtime".to_owned());
        let mut f = self.above(Kind::Limit, (&key, "threads"), confidence, claim, metric);
        f.next.push(Need::Dump);
        Some(f)
    }

    /// The owner of most goroutines in system calls.
    fn in_syscalls(&self) -> Option<String> {
        let crowd = self.last.crowd.as_ref()?;
        let in_calls = crowd.groups.iter().filter(|g| g.wait == super::crowd::Wait::Syscall);
        let most = in_calls.max_by_key(|g| g.count).filter(|g| g.count >= 20)?;
        Some(self.seen.book.subsystem_key(most.attribution.owner).to_owned())
    }

    fn memory(&self, m: &Metrics) -> Option<Finding> {
        let metric = "process_resident_memory_bytes";
        let rss = m.get(metric)?;
        let node = self.with.iter().rev().find_map(|s| s.node.as_ref());
        let total = node
            .and_then(|n| n.pointer("/status/capacity/memory"))
            .and_then(|v| quantity(v.as_str()?))?;
        if rss < 0.5 * total {
            return None;
        }
        let claim = Claim::Limit {
            what: Limited::Memory,
            value: rss,
            limit: total,
        };
        let confidence = likely_from(rss, 0.8 * total);
        let mut f = self.above(Kind::Limit, ("go-runtime", "memory"), confidence, claim, metric);
        f.next.push(Need::HeapSeries);
        Some(f)
    }

    /// Memory that keeps rising while the load does not. Half a gigabyte and a doubling are no warm-up.
    fn memory_growth(&self) -> Option<Finding> {
        let metric = "process_resident_memory_bytes";
        let values = self.values(|m| m.get(metric));
        let numbers: Vec<f64> = values.iter().map(|v| v.1).collect();
        let (first, last) = (*numbers.first()?, *numbers.last()?);
        let pods = |s: &&Seen| s.load.pods.unwrap_or(0.0);
        let more_pods = pods(&self.last) - self.with.iter().map(pods).fold(f64::MAX, f64::min);
        // A pod costs a few megabytes.
        let rise = last - first - more_pods.max(0.0) * 10e6;
        let climbs = numbers.iter().rev().nth(1).is_some_and(|before| last > *before);
        let p = mann_kendall(&numbers);
        if numbers.len() < 4 || rise < 300e6 || last < 2.0 * first || !climbs || p > 0.05 {
            return None;
        }
        let claim = Claim::Growth {
            what: Grown::Memory,
            from: first,
            to: last,
            error: None,
            bytes: None,
            together: 1,
        };
        let sure = rise >= 512e6 && numbers.len() >= 6;
        let confidence = if sure { Confidence::Likely } else { Confidence::Suspect };
        let why = Why::Trend {
            q: p,
            moments: numbers.len(),
        };
        let mut f = self.finding(
            Kind::Leak,
            "go-runtime",
            "memory",
            confidence,
            claim,
            why,
            metric,
            &values,
        );
        f.growth = pace(&values);
        f.next.push(Need::HeapSeries);
        Some(f)
    }

    /// Goroutines by their number alone, where none of them was looked at.
    fn goroutines(&self, m: &Metrics) -> Option<Finding> {
        let metric = "go_goroutines";
        let count = m.get(metric)?;
        if self.with.iter().any(|s| s.crowd.is_some()) {
            return None;
        }
        let usual = usual_goroutines(self.last.load.pods);
        if count < usual {
            return None;
        }
        let confidence = likely_from(count, 2.0 * usual);
        let claim = Claim::Limit {
            what: Limited::Goroutines,
            value: count,
            limit: usual,
        };
        let mut f = self.above(Kind::Metric, ("go-runtime", "goroutines"), confidence, claim, metric);
        f.next.push(Need::Dump);
        Some(f)
    }

    /// PLEG: how slow its relists are, and when it was last seen.
    fn pleg(&self, m: &Metrics) -> Option<Finding> {
        let before = self
            .with
            .first()
            .filter(|_| self.with.len() > 1)
            .and_then(|s| s.metrics.as_ref());
        let histogram = "kubelet_pleg_relist_duration_seconds";
        let p99 = m.quantile(histogram, 0.99, before, |_| true);
        let now = self.last.seconds();
        let last_seen = m.get("kubelet_pleg_last_seen_seconds").filter(|&t| t > 1e9);
        let ago = now
            .zip(last_seen)
            .map(|(n, s)| n - s)
            .filter(|a| (0.0..1e7).contains(a));
        if let Some(ago) = ago
            && ago > 60.0
        {
            let metric = "kubelet_pleg_last_seen_seconds";
            let claim = Claim::Limit {
                what: Limited::PlegSeen,
                value: ago,
                limit: 180.0,
            };
            let confidence = if ago > 180.0 {
                Confidence::Likely
            } else {
                Confidence::Suspect
            };
            let mut f = self.above(Kind::Metric, ("pleg", "pleg-last-seen"), confidence, claim, metric);
            let at = last_seen.and_then(|s| jiff::Timestamp::from_nanosecond((s * 1e9) as i128).ok());
            f.since = Some(Since {
                after: at,
                before: at,
                at_least: Some(ago as u64),
                basis: SinceBasis::Metric,
            });
            f.next.push(Need::Dump);
            return Some(f);
        }
        let p99 = p99.filter(|&p| p >= 10.0)?;
        let metric = format!("{histogram} (99th percentile)");
        let claim = Claim::Limit {
            what: Limited::PlegRelist,
            value: p99,
            limit: 10.0,
        };
        let why = Why::MetricAgrees(histogram.to_owned());
        Some(self.finding(
            Kind::Metric,
            "pleg",
            "pleg-relist",
            Confidence::Likely,
            claim,
            why,
            &metric,
            &[(None, p99)],
        ))
    }

    /// CPU of the whole process between the first and the last moment.
    fn cpu(&self) -> Option<Finding> {
        let metric = "process_cpu_seconds_total";
        let values = self.values(|m| m.get(metric));
        let (first, last) = (values.first()?, values.last()?);
        let seconds = (last.0? - first.0?).total(jiff::Unit::Second).ok()?;
        if seconds < 20.0 {
            return None;
        }
        let cores = (last.1 - first.1) / seconds;
        let usual = usual_cores(self.last.load.pods);
        if cores < usual {
            return None;
        }
        let confidence = likely_from(cores, 2.0 * usual);
        let claim = Claim::Limit {
            what: Limited::Cpu,
            value: cores,
            limit: usual,
        };
        let mut f = self.above(Kind::Hot, ("go-runtime", "cpu"), confidence, claim, metric);
        f.next.push(Need::Cpu);
        Some(f)
    }

    /// Metrics with more series than labels of a node explain.
    fn series(&self, m: &Metrics) -> Option<Finding> {
        let pods = self.last.load.pods.unwrap_or(110.0);
        let usual = 1000.0 + 60.0 * pods;
        let (name, count) = m.series().into_iter().next()?;
        let first = self.with[0].metrics.as_ref()?;
        let grew = count.saturating_sub(first.all(name).len() as u64);
        if (count as f64) < usual && (grew < 300 || (count as f64) < 0.5 * usual) {
            return None;
        }
        let of_client = name.starts_with("rest_client");
        let key = if of_client { "api-client" } else { "metrics-registry" };
        let claim = Claim::Series {
            metric: name.to_owned(),
            count,
            usual: usual as u64,
        };
        let confidence = likely_from(count as f64, 2.0 * usual);
        let why = Why::OutOfProportion {
            count,
            usual: usual as u64,
        };
        let values = [(None, first.all(name).len() as f64), (None, count as f64)];
        let shown = format!("series of {name}");
        Some(self.finding(Kind::Metric, key, "series", confidence, claim, why, &shown, &values))
    }
}

/// Likely from a value on, a suspect below it.
fn likely_from(value: f64, likely: f64) -> Confidence {
    if value >= likely {
        Confidence::Likely
    } else {
        Confidence::Suspect
    }
}

/// Cores that a kubelet of so many pods uses at most, pod starts aside.
pub(crate) fn usual_cores(pods: Option<f64>) -> f64 {
    0.5 + 0.01 * pods.unwrap_or(110.0)
}

/// Goroutines that a kubelet of so many pods has at most: some nine a pod and 100 were seen, with one container and probe.
fn usual_goroutines(pods: Option<f64>) -> f64 {
    300.0 + 25.0 * pods.unwrap_or(110.0)
}

/// Bytes of a Kubernetes quantity.
pub(crate) fn quantity(text: &str) -> Option<f64> {
    let split = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let number: f64 = text[..split].parse().ok()?;
    let factor = match &text[split..] {
        "" => 1.0,
        "Ki" => 1024.0,
        "Mi" => 1024f64.powi(2),
        "Gi" => 1024f64.powi(3),
        "Ti" => 1024f64.powi(4),
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "m" => 1e-3,
        _ => return None,
    };
    Some(number * factor)
}

#[cfg(test)]
mod tests {
    use super::quantity;

    #[test]
    fn quantities() {
        assert_eq!(quantity("24684084Ki"), Some(24_684_084.0 * 1024.0));
        assert_eq!(quantity("2G"), Some(2e9));
        assert_eq!(quantity("17"), Some(17.0));
        assert_eq!(quantity("x"), None);
    }
}
