//! Numbers over time out of the metrics of each snapshot. What the two scrapes of one process tell between them is given at
//! the later one; a restart begins anew.

use jiff::Timestamp;

use super::Moment;
use crate::diagnose::metrics::Metrics;

/// Unit of a number over time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Unit {
    /// A plain number.
    #[default]
    Count,
    /// Bytes.
    Bytes,
    /// Seconds.
    Seconds,
    /// CPU cores.
    Cores,
    /// Percent.
    Percent,
    /// Per second.
    PerSecond,
}

impl Unit {
    /// Stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Bytes => "bytes",
            Self::Seconds => "seconds",
            Self::Cores => "cores",
            Self::Percent => "percent",
            Self::PerSecond => "per second",
        }
    }
}

/// One number over time.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct History {
    /// Stable name.
    pub key: String,
    /// Name for people.
    pub title: String,
    /// Unit.
    pub unit: Unit,
    /// Where it is from: a file, or empty for the kubelet's own metrics.
    pub source: String,
    /// Time and value, in time order; a gap is `None`.
    pub points: Vec<(Timestamp, Option<f64>)>,
}

/// What is read of a scrape, and of the one before of the same process with the seconds between them.
pub(super) type Reading = fn(&Metrics, Option<(&Metrics, f64)>) -> Option<f64>;

/// Something that a scrape tells.
pub(super) struct Gauge {
    /// Stable name.
    pub(super) key: &'static str,
    /// The same as the name of a column.
    pub(super) column: &'static str,
    /// Title of a column, which leaves room for others.
    pub(super) short: &'static str,
    pub(super) title: &'static str,
    pub(super) unit: Unit,
    pub(super) read: Reading,
}

/// What is read of a scrape, in the order in which it is shown.
pub(super) const GAUGES: [Gauge; 11] = [
    Gauge {
        key: "rss",
        column: "rss",
        short: "RSS",
        title: "Resident memory",
        unit: Unit::Bytes,
        read: |m, _| m.get("process_resident_memory_bytes"),
    },
    Gauge {
        key: "heap",
        column: "heap",
        short: "heap",
        title: "Heap in use",
        unit: Unit::Bytes,
        read: |m, _| {
            m.get("go_memstats_heap_inuse_bytes")
                .or_else(|| m.get("go_memstats_heap_alloc_bytes"))
        },
    },
    Gauge {
        key: "cpu",
        column: "cpu",
        short: "CPU",
        title: "CPU",
        unit: Unit::Cores,
        read: |m, before| rate(m, before, "process_cpu_seconds_total"),
    },
    Gauge {
        key: "goroutines",
        column: "goroutines",
        short: "goroutines",
        title: "Goroutines",
        unit: Unit::Count,
        read: |m, _| m.get("go_goroutines"),
    },
    Gauge {
        key: "threads",
        column: "threads",
        short: "threads",
        title: "Threads",
        unit: Unit::Count,
        read: |m, _| m.get("go_threads"),
    },
    Gauge {
        key: "fds",
        column: "fds",
        short: "fds",
        title: "Open files",
        unit: Unit::Count,
        read: |m, _| m.get("process_open_fds"),
    },
    Gauge {
        key: "pleg-p99",
        column: "pleg_p99",
        short: "PLEG p99",
        title: "PLEG relist p99",
        unit: Unit::Seconds,
        read: |m, before| {
            let since = before.map(|(before, _)| before);
            let p99 = m.quantile("kubelet_pleg_relist_duration_seconds", 0.99, since, |_| true);
            p99.filter(|v| v.is_finite())
        },
    },
    Gauge {
        key: "pods",
        column: "pods",
        short: "pods",
        title: "Running pods",
        unit: Unit::Count,
        read: |m, _| m.get("kubelet_running_pods"),
    },
    Gauge {
        key: "containers",
        column: "containers",
        short: "containers",
        title: "Running containers",
        unit: Unit::Count,
        read: |m, _| {
            m.sum("kubelet_running_containers", |s| {
                matches!(s.label("container_state"), "running" | "")
            })
        },
    },
    Gauge {
        key: "sync-p99",
        column: "sync_p99",
        short: "sync p99",
        title: "Pod sync p99",
        unit: Unit::Seconds,
        read: |m, before| {
            let since = before.map(|(before, _)| before);
            let p99 = m.quantile("kubelet_pod_worker_duration_seconds", 0.99, since, |s| {
                matches!(s.label("operation_type"), "sync" | "update" | "")
            });
            p99.filter(|v| v.is_finite())
        },
    },
    Gauge {
        key: "runtime-errors",
        column: "runtime_errors",
        short: "runtime errors",
        title: "Runtime errors",
        unit: Unit::PerSecond,
        read: |m, before| rate(m, before, "kubelet_runtime_operations_errors_total"),
    },
];

fn rate(m: &Metrics, before: Option<(&Metrics, f64)>, counter: &str) -> Option<f64> {
    let (before, seconds) = before?;
    let sum = |m: &Metrics| m.sum(counter, |_| true);
    let grown = sum(m)? - sum(before).unwrap_or(0.0);
    (seconds > 0.0 && grown >= 0.0).then_some(grown / seconds)
}

/// What the metrics of the moments tell.
pub(super) fn of_moments(moments: &[Moment]) -> Vec<History> {
    let scrapes: Vec<(Timestamp, usize, &Metrics)> = (moments.iter())
        .filter_map(|m| Some((m.at?, m.process, m.metrics.as_ref()?)))
        .collect();
    histories(&scrapes, "")
}

/// What scrapes (time, process, metrics) in time order tell. Numbers that never have a value, and errors that never happen,
/// are left out.
pub(super) fn histories(scrapes: &[(Timestamp, usize, &Metrics)], source: &str) -> Vec<History> {
    let history = |gauge: &Gauge| History {
        key: gauge.key.to_owned(),
        title: gauge.title.to_owned(),
        unit: gauge.unit,
        source: source.to_owned(),
        points: (scrapes.iter().enumerate())
            .map(|(i, &(at, process, m))| {
                let before = i.checked_sub(1).map(|i| scrapes[i]).filter(|(_, p, _)| *p == process);
                let before = before.map(|(then, _, before)| (before, at.duration_since(then).as_secs_f64()));
                (at, (gauge.read)(m, before))
            })
            .collect(),
    };
    let tells = |h: &History| {
        let quiet = h.key == "runtime-errors" && h.points.iter().all(|(_, v)| v.is_none_or(|v| v == 0.0));
        !quiet && h.points.iter().any(|(_, v)| v.is_some())
    };
    GAUGES.iter().map(history).filter(tells).collect()
}
