//! Calls that fail, as the kubelet's own metrics count them: image pulls, the API server, the runtime.

use super::observe::{Observed, Seen};

/// By how much a counter rose since the first of the earlier moments that has it; its whole value where there is none.
fn risen(now: &Seen, earlier: &[&Seen], read: impl Fn(&super::metrics::Metrics) -> Option<f64>) -> Option<f64> {
    let last = read(now.metrics.as_ref()?)?;
    let first = earlier.iter().filter_map(|m| m.metrics.as_ref()).next();
    let before = first.map_or(0.0, |m| read(m).unwrap_or(0.0));
    Some((last - before).max(0.0))
}

/// Failed and all image pulls in the time looked at.
pub(super) fn pulls(_: &Observed, now: &Seen, earlier: &[&Seen]) -> Option<(f64, f64)> {
    let of = |name: &'static str| {
        risen(now, earlier, |m| m.sum(name, |s| s.label("operation_type") == "pull_image"))
    };
    let all = of("kubelet_runtime_operations_total")?;
    let failed = of("kubelet_runtime_operations_errors_total").unwrap_or(0.0);
    Some((failed, all))
}
