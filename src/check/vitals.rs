//! What is kept of a scrape: the numbers that rules look at.

use crate::diagnose::metrics::Metrics;

/// Histogram of PLEG relists, as cumulative counts by upper bound.
const RELIST: &str = "kubelet_pleg_relist_duration_seconds_bucket";

/// Numbers of one scrape.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Vitals {
    pub(super) rss: Option<f64>,
    pub(super) goroutines: Option<f64>,
    pub(super) cpu_seconds: Option<f64>,
    pub(super) cores: Option<f64>,
    pub(super) pleg_seen: Option<f64>,
    relists: Vec<(f64, f64)>,
    /// Values of the metrics that rules name, in their order.
    pub(super) asked: Vec<Option<f64>>,
}

impl Vitals {
    /// Keeps what is looked at; `asked` are metrics that rules name.
    pub(super) fn of(m: &Metrics, asked: &[String]) -> Self {
        let bucket = |s: &crate::diagnose::metrics::Sample| {
            let bound = match s.label("le") {
                "+Inf" => f64::INFINITY,
                text => text.parse().ok()?,
            };
            Some((bound, s.value))
        };
        let mut relists: Vec<(f64, f64)> = m.all(RELIST).iter().filter_map(bucket).collect();
        relists.sort_by(|a, b| a.0.total_cmp(&b.0));
        Self {
            rss: m.get("process_resident_memory_bytes"),
            goroutines: m.get("go_goroutines"),
            cpu_seconds: m.get("process_cpu_seconds_total"),
            cores: m.get("go_sched_gomaxprocs_threads"),
            pleg_seen: m.get("kubelet_pleg_last_seen_seconds").filter(|&t| t > 1e9),
            relists,
            asked: asked.iter().map(|name| m.sum(name, |_| true)).collect(),
        }
    }

    /// The 99th percentile of relists since an earlier scrape: the bound of the bucket in which it falls, and how many
    /// relists that rests on.
    pub(super) fn relist_p99(&self, since: Option<&Vitals>) -> Option<(f64, f64)> {
        let before = |bound: f64| {
            let all = since.map_or(&[][..], |v| v.relists.as_slice());
            all.iter().find(|b| b.0 == bound).map_or(0.0, |b| b.1)
        };
        let counts: Vec<(f64, f64)> = self.relists.iter().map(|&(b, n)| (b, n - before(b))).collect();
        let total = counts.last()?.1;
        if total <= 0.0 {
            return None;
        }
        let found = counts.iter().find(|(_, n)| *n >= 0.99 * total)?;
        Some((found.0, total))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_time_between() {
        let scrape = |fast: u32, slow: u32| {
            let text = format!(
                "kubelet_pleg_relist_duration_seconds_bucket{{le=\"0.1\"}} {fast}\n\
                 kubelet_pleg_relist_duration_seconds_bucket{{le=\"+Inf\"}} {}\nx 3\n",
                fast + slow
            );
            Vitals::of(&Metrics::parse(&text), &["x".to_owned(), "y".to_owned()])
        };
        let (before, after) = (scrape(1000, 0), scrape(1000, 30));
        assert_eq!(before.asked, [Some(3.0), None]);
        assert_eq!(before.relist_p99(None), Some((0.1, 1000.0)));
        assert_eq!(after.relist_p99(Some(&before)), Some((f64::INFINITY, 30.0)));
        assert_eq!(after.relist_p99(Some(&after)), None);
    }
}
