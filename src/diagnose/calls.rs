//! Calls that fail, as the kubelet's own metrics count them: image pulls, the API server, the runtime.

use super::book::NameId;
use super::crowd::Crowd;
use super::judge::Scale;
use super::metrics::{Metrics, Sample};
use super::observe::{Observed, Seen};
use super::report::{Claim, Evidence, Fact, FarEnd, Finding, Kind, Need, Show, Since, SinceBasis, Verb, Why};

/// Fewer failures than this say nothing.
const LEAST: f64 = 5.0;

/// By how much a counter rose since the first of the earlier moments that has it; its whole value where there is none.
fn risen(now: &Seen, earlier: &[&Seen], read: impl Fn(&Metrics) -> Option<f64>) -> Option<f64> {
    let last = read(now.metrics.as_ref()?)?;
    let first = earlier.iter().filter_map(|m| m.metrics.as_ref()).next();
    let before = first.map_or(0.0, |m| read(m).unwrap_or(0.0));
    Some((last - before).max(0.0))
}

/// Failed and all image pulls in the time looked at.
pub(super) fn pulls(now: &Seen, earlier: &[&Seen]) -> Option<(f64, f64)> {
    operations(now, earlier, "pull_image")
}

/// An operation on volumes that fails.
#[derive(Debug, Clone)]
pub(super) struct VolumesFail {
    /// `volume_mount`.
    pub(super) operation: String,
    /// `kubernetes.io/configmap`.
    pub(super) plugin: String,
    pub(super) failed: f64,
    pub(super) all: f64,
}

/// The operation on volumes that failed most in the time looked at, where most of it failed.
pub(super) fn volumes(now: &Seen, earlier: &[&Seen]) -> Option<VolumesFail> {
    const METRIC: &str = "storage_operation_duration_seconds_count";
    let samples = now.metrics.as_ref()?.all(METRIC);
    let mut found: Option<VolumesFail> = None;
    for s in samples.iter().filter(|s| s.label("status").starts_with("fail")) {
        let same = |o: &Sample| {
            ["operation_name", "volume_plugin"]
                .iter()
                .all(|l| o.label(l) == s.label(l))
        };
        let all = risen(now, earlier, |m| m.sum(METRIC, same))?;
        let failed = risen(now, earlier, |m| {
            m.sum(METRIC, |o| same(o) && o.label("status").starts_with("fail"))
        })?;
        let most = found.as_ref().is_none_or(|f| failed > f.failed);
        if failed >= 3.0 && failed >= 0.5 * all && most {
            found = Some(VolumesFail {
                operation: s.label("operation_name").to_owned(),
                plugin: s.label("volume_plugin").to_owned(),
                failed,
                all,
            });
        }
    }
    found
}

/// Failed and all calls of one operation of the runtime.
fn operations(now: &Seen, earlier: &[&Seen], operation: &str) -> Option<(f64, f64)> {
    let of = |name: &'static str| {
        risen(now, earlier, |m| {
            m.sum(name, |s| s.label("operation_type") == operation)
        })
    };
    let all = of("kubelet_runtime_operations_total")?;
    let failed = of("kubelet_runtime_operations_errors_total").unwrap_or(0.0);
    Some((failed.min(all.max(failed)), all.max(failed)))
}

/// What the metrics of the moments say of calls that fail; and how many sorts of calls were looked at.
pub(super) fn failing(seen: &Observed, moments: &[usize]) -> (Vec<Finding>, usize) {
    let crowd = moments.iter().rev().find_map(|&m| seen.moments[m].crowd.as_ref());
    let mut earlier: Vec<&Seen> = (moments.iter().map(|&m| &seen.moments[m]))
        .filter(|m| m.metrics.is_some())
        .collect();
    let Some(now) = earlier.pop() else {
        return (Vec::new(), 0);
    };
    let mut findings = Vec::new();
    let mut looked_at = 1;
    let lease = crowd.is_some_and(|c| lease_waits(seen, c));
    findings.extend(api_server(seen, now, &earlier, lease));
    let Some(metrics) = &now.metrics else {
        return (findings, looked_at);
    };
    let mut names: Vec<&str> = (metrics.all("kubelet_runtime_operations_total").iter())
        .map(|s| s.label("operation_type"))
        .collect();
    names.dedup();
    looked_at += names.len();
    let mut failed_all: Vec<(String, f64, f64)> = Vec::new();
    for name in names {
        // Probes and hooks fail with their containers; pulls have a finding of their own; deleted pods are not found.
        if matches!(
            name,
            "exec_sync" | "exec" | "pull_image" | "container_status" | "podsandbox_status" | "remove_container"
        ) {
            continue;
        }
        if let Some((failed, all)) = operations(now, &earlier, name)
            && failed >= LEAST
            && failed >= 0.5 * all
        {
            failed_all.push((name.to_owned(), failed, all));
        }
    }
    let others = failed_all.len().saturating_sub(1);
    if let Some((name, failed, all)) = failed_all.into_iter().max_by(|a, b| a.1.total_cmp(&b.1)) {
        findings.push(operation(seen, now, &earlier, &name, (failed, all), others));
    }
    findings.extend(pulls_alone(seen, now, &earlier));
    findings.extend(registration(seen, now, &earlier));
    (findings, looked_at)
}

/// Requests to the API server without an answer or with a server error.
fn api_server(seen: &Observed, now: &Seen, earlier: &[&Seen], lease_waits: bool) -> Option<Finding> {
    let of = |pass: &dyn Fn(&Sample) -> bool| risen(now, earlier, |m| m.sum("rest_client_requests_total", pass));
    let no_answer = of(&|s| s.label("code") == "<error>").unwrap_or(0.0);
    let errors = of(&|s| s.label("code").starts_with('5')).unwrap_or(0.0);
    let good = of(&|s| s.label("code").starts_with(['2', '3', '4'])).unwrap_or(0.0);
    let bad = no_answer + errors;
    let share = bad / (bad + good).max(1.0);
    let counted = bad >= LEAST && share >= 0.2;
    let lease = bad >= 1.0 && lease_waits;
    if !counted && !lease {
        return None;
    }
    let mut scale = Scale::default();
    if lease {
        scale.add(2.2, Why::LeaseNotRenewed);
    }
    let in_time = !earlier.is_empty();
    let name = "rest_client_requests_total";
    let weight = match (share, in_time) {
        (s, true) if s >= 0.8 => 3.5,
        (s, true) if s >= 0.5 => 2.5,
        (s, false) if s >= 0.8 => 2.2,
        _ => 1.2,
    };
    if counted {
        scale.add(weight, Why::MetricAgrees(name.to_owned()));
    }
    let confidence = scale.confidence()?;
    let sample = |code: &str, v: f64| evidence(seen, now, &format!("{name}{{code={code}}}"), v, in_time);
    let mut facts = Vec::new();
    if no_answer > 0.0 {
        facts.push(sample("\"<error>\"", no_answer));
    }
    if errors > 0.0 {
        facts.push(sample("5xx", errors));
    }
    facts.push(sample("2xx to 4xx", good));
    Some(Finding {
        rank: 0,
        kind: Kind::Environment,
        subsystem: seen.book.part_of_key("api-client"),
        subject: "api-server".to_owned(),
        function: None,
        confidence,
        reasons: scale.into_reasons(),
        claim: Claim::ApiServer {
            no_answer,
            errors,
            good,
        },
        since: since(now, earlier, |m| {
            m.sum(name, |s| {
                s.label("code") == "<error>" || s.label("code").starts_with('5')
            })
        }),
        growth: None,
        known_issues: Vec::new(),
        evidence: facts,
        remedies: Vec::new(),
        next: vec![Need::Journal],
    })
}

/// Whether the loop of the node's lease waits between two tries: it could neither renew the lease nor make sure that there is
/// one. The wait is the first frame of ours; a request under way is deeper.
fn lease_waits(seen: &Observed, crowd: &Crowd) -> bool {
    let waits = |frames: &[NameId]| {
        let mut ours = frames
            .iter()
            .map(|&f| seen.book.key(f))
            .filter(|k| !k.starts_with("runtime."));
        ours.next()
            .is_some_and(|k| k.ends_with("lease.(*controller).backoffEnsureLease"))
    };
    crowd.groups.iter().map(|g| seen.stacks.get(g.stack)).any(waits)
}

/// A metric that rose in the time looked at, or its value.
fn evidence(_: &Observed, now: &Seen, name: &str, value: f64, in_time: bool) -> Evidence {
    let mut show = Show::new(Verb::Inspect, now.sources_of("metrics"));
    show.snapshot = now.snapshot;
    Evidence {
        fact: Fact::Metric {
            name: name.to_owned(),
            first: in_time.then_some(0.0),
            last: value,
        },
        moment: now.label.clone(),
        show: Some(show),
    }
}

/// Between which moments a counter began to rise.
fn since(now: &Seen, earlier: &[&Seen], read: impl Fn(&Metrics) -> Option<f64>) -> Option<Since> {
    let all: Vec<&Seen> = earlier.iter().copied().chain([now]).collect();
    let values: Vec<f64> = (all.iter())
        .map(|m| m.metrics.as_ref().and_then(&read).unwrap_or(0.0))
        .collect();
    let at = values.iter().position(|v| *v > values[0])?;
    // It may have risen before the first moment as well.
    if at == 1 {
        return Some(Since {
            after: None,
            before: all[0].at,
            at_least: None,
            basis: SinceBasis::ProcessStart,
        });
    }
    Some(Since {
        after: all[at - 1].at,
        before: all[at].at,
        at_least: None,
        basis: SinceBasis::Onset,
    })
}

/// An operation of the runtime that fails.
fn operation(
    seen: &Observed,
    now: &Seen,
    earlier: &[&Seen],
    name: &str,
    (failed, all): (f64, f64),
    others: usize,
) -> Finding {
    let mut scale = Scale::default();
    let metric = "kubelet_runtime_operations_errors_total";
    let weight = if earlier.is_empty() { 1.2 } else { 2.2 };
    scale.add(weight, Why::MetricAgrees(metric.to_owned()));
    if others >= 2 {
        scale.add(1.2, Why::ManyOwners(others + 1));
    }
    let confidence = scale.confidence().unwrap_or(super::report::Confidence::Suspect);
    let is = |s: &Sample| s.label("operation_type") == name;
    Finding {
        rank: 0,
        kind: Kind::Environment,
        subsystem: seen.book.part_of_key("cri-client"),
        subject: FarEnd::Runtime.as_str().to_owned(),
        function: None,
        confidence,
        reasons: scale.into_reasons(),
        claim: Claim::Failing {
            what: name.to_owned(),
            failed,
            all,
            others,
            victims: Vec::new(),
        },
        since: since(now, earlier, |m| m.sum(metric, is)),
        growth: None,
        known_issues: Vec::new(),
        evidence: vec![evidence(
            seen,
            now,
            &format!("{metric}{{operation_type=\"{name}\"}}"),
            failed,
            !earlier.is_empty(),
        )],
        remedies: Vec::new(),
        next: vec![Need::Journal],
    }
}

/// Image pulls that fail, where no goroutine is seen waiting for one.
fn pulls_alone(seen: &Observed, now: &Seen, earlier: &[&Seen]) -> Option<Finding> {
    let (failed, all) = pulls(now, earlier)?;
    if failed < LEAST || failed < 0.5 * all {
        return None;
    }
    let mut scale = Scale::default();
    let weight = if earlier.is_empty() { 1.2 } else { 2.2 };
    scale.add(weight, Why::PullsFail { failed, all });
    let confidence = scale.confidence()?;
    let metric = "kubelet_runtime_operations_errors_total";
    let is = |s: &Sample| s.label("operation_type") == "pull_image";
    Some(Finding {
        rank: 0,
        kind: Kind::Environment,
        subsystem: seen.book.part_of_key("images"),
        subject: "image-service".to_owned(),
        function: None,
        confidence,
        reasons: scale.into_reasons(),
        claim: Claim::Failing {
            what: "image pull".to_owned(),
            failed,
            all,
            others: 0,
            victims: Vec::new(),
        },
        since: since(now, earlier, |m| m.sum(metric, is)),
        growth: None,
        known_issues: Vec::new(),
        evidence: vec![evidence(
            seen,
            now,
            &format!("{metric}{{operation_type=\"pull_image\"}}"),
            failed,
            !earlier.is_empty(),
        )],
        remedies: Vec::new(),
        next: Vec::new(),
    })
}

/// Plugin sockets that the kubelet wants to register and has not.
fn registration(seen: &Observed, now: &Seen, earlier: &[&Seen]) -> Option<Finding> {
    const METRIC: &str = "plugin_manager_total_plugins";
    let waiting = |m: &Metrics| -> Vec<String> {
        let in_state = |state: &'static str| {
            let of_state = m
                .all(METRIC)
                .iter()
                .filter(|s| s.label("state") == state && s.value > 0.0);
            of_state
                .map(|s| s.label("socket_path").to_owned())
                .collect::<Vec<String>>()
        };
        let actual = in_state("actual_state_of_world");
        let desired = in_state("desired_state_of_world").into_iter();
        desired.filter(|p| !p.is_empty() && !actual.contains(p)).collect()
    };
    let mut sockets = waiting(now.metrics.as_ref()?);
    if sockets.is_empty() {
        return None;
    }
    let mut moments = 1;
    let mut first = now;
    for m in earlier.iter().rev() {
        let then = m.metrics.as_ref().map(waiting).unwrap_or_default();
        let still: Vec<String> = sockets.iter().filter(|s| then.contains(s)).cloned().collect();
        if still.is_empty() {
            break;
        }
        sockets = still;
        first = m;
        moments += 1;
    }
    let mut scale = Scale::default();
    scale.add(1.2, Why::MetricAgrees(METRIC.to_owned()));
    if moments >= 2 {
        let of = earlier.len() + 1;
        scale.add(
            1.0 * (moments - 1) as f64,
            Why::Persists {
                part: None,
                moments,
                of,
            },
        );
    }
    let confidence = scale.confidence()?;
    let name = format!(
        "{METRIC}{{state=\"desired_state_of_world\",socket_path=\"{}\"}}",
        sockets[0]
    );
    let before = earlier.len().checked_sub(moments).and_then(|i| earlier.get(i));
    Some(Finding {
        rank: 0,
        kind: Kind::Environment,
        subsystem: seen.book.part_of_key("plugin-registration"),
        subject: FarEnd::PluginSocket.as_str().to_owned(),
        function: None,
        confidence,
        reasons: scale.into_reasons(),
        claim: Claim::NotRegistered { sockets, moments },
        since: Some(Since {
            after: before.and_then(|m| m.at),
            before: first.at,
            at_least: None,
            basis: SinceBasis::Onset,
        }),
        growth: None,
        known_issues: Vec::new(),
        evidence: vec![evidence(seen, now, &name, 1.0, false)],
        remedies: Vec::new(),
        next: vec![Need::Journal],
    })
}
