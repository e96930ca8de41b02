//! `kubeprof capture --dry-run`: what would be asked, at what cost, with which rights.

use crate::cli::hints::Failure;
use std::fmt::Write as _;
use std::io::Write as _;

use anyhow::{Result, bail};
use serde_json::json;

use super::args::CaptureArgs;
use super::{asker, refused, say_again, worded};
use crate::capture::endpoints::{Cost, Phase, Plan, Server};
use crate::capture::preflight::{self, Permission};
use crate::capture::session::{Options, Target};
use crate::capture::transport::{Stop, Transport};
use crate::cli::Exit;
use crate::cli::args::Format;
use crate::render::terminal::sanitize;

/// A request that would be sent.
struct Planned {
    /// How often to one node; at most, where it hangs on an answer.
    times: u32,
    method: &'static str,
    target: String,
    cost: &'static str,
    /// What for, where it gives no artifact.
    purpose: &'static str,
}

/// What the API server says of a node.
struct Looked {
    node: String,
    permission: String,
    allowed: Option<bool>,
    state: String,
}

/// Prints the requests and the rights; asks the API server about the rights, and no kubelet.
pub(super) async fn dry_run(options: &Options, targets: &[Target], stop: &Stop, args: &CaptureArgs) -> Result<Exit> {
    let Some(first) = targets.first() else {
        return Ok(Exit::Failed);
    };
    if !matches!(args.output, Format::Text | Format::Wide | Format::Json) {
        bail!(Failure::new("--dry-run prints text or JSON", "-o json, or no -o"));
    }
    let t = &first.transport;
    let plan = &options.plan;
    let requests = requests(options, first);
    let measured: f64 = plan.artifacts.iter().map(|e| plan.measures(e).as_secs_f64()).sum();
    let seconds = options.schedule.length().as_secs_f64() + measured + 2.0;
    let nodes: Vec<String> = targets.iter().map(|t| t.node.clone()).collect();
    let mut exit = Exit::Fine;
    let mut looked = Vec::new();
    let (user, rbac) = if t.route().has_api_server() {
        let again = say_again(args);
        let asker = asker(t, stop, &again);
        let user = preflight::whoami(&asker).await.unwrap_or_else(|| "YOU".to_owned());
        for node in &nodes {
            let permission = preflight::may_proxy(&asker, Some(node)).await;
            let (permission, allowed) = match permission.map_err(|r| refused(&r))? {
                Permission::Allowed => ("allowed".to_owned(), Some(true)),
                Permission::Denied { reason } => (format!("denied {reason}").trim_end().to_owned(), Some(false)),
                Permission::Unknown { why } => (format!("not known: {}", worded(&why).why), None),
            };
            let (state, there) = match preflight::node(&asker, node).await {
                Ok(Some(facts)) if facts.conditions.is_empty() => (format!("kubelet {}", facts.kubelet_version), true),
                Ok(Some(facts)) => (format!("kubelet {}, {}", facts.kubelet_version, facts.conditions), true),
                Ok(None) => (
                    "you may not look at the node object, which is not needed".to_owned(),
                    true,
                ),
                Err(refusal) => (format!("{}: {}", refusal.who, worded(&refusal).why), false),
            };
            if allowed == Some(false) || !there {
                exit = Exit::Failed;
            }
            looked.push(Looked {
                node: node.clone(),
                permission,
                allowed,
                state,
            });
        }
        let rbac = preflight::rbac(plan, &user, &nodes, &["proxy"]);
        (user, rbac)
    } else {
        let rights = preflight::direct_rights(plan);
        ("YOU".to_owned(), preflight::rbac(plan, "YOU", &[], &rights))
    };
    let out = if args.output == Format::Json {
        let requests: Vec<_> = requests
            .iter()
            .map(|r| {
                json!({"times": r.times, "method": r.method, "target": r.target, "cost": r.cost, "purpose": r.purpose})
            })
            .collect();
        let looked: Vec<_> = looked
            .iter()
            .map(|l| json!({"node": l.node, "permission": l.permission, "allowed": l.allowed, "state": l.state}))
            .collect();
        let plan = json!({
            "schema": "kubeprof/capture-plan/1",
            "server": t.server(),
            "route": t.route().name(),
            "nodes": nodes,
            "parallel": options.parallel,
            "seconds": seconds.ceil() as u64,
            "requests": requests,
            "user": user,
            "checked": looked,
            "rbac": rbac,
        });
        format!("{plan:#}\n")
    } else {
        text(t, options, &nodes, &requests, seconds, &looked, &rbac)
    };
    match std::io::stdout().lock().write_all(out.as_bytes()) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => Err(e.into()),
        _ => Ok(exit),
    }
}

fn text(
    t: &Transport,
    options: &Options,
    nodes: &[String],
    requests: &[Planned],
    seconds: f64,
    looked: &[Looked],
    rbac: &str,
) -> String {
    let mut out = format!("requests to {} for each of {} nodes:\n", t.server(), nodes.len());
    for r in requests {
        let purpose = match r.purpose {
            "" => String::new(),
            purpose => format!(" ({purpose})"),
        };
        let _ = writeln!(
            out,
            "  {:>3} x {} {}   cost: {}{purpose}",
            r.times, r.method, r.target, r.cost
        );
    }
    let _ = writeln!(
        out,
        "time: about {} s a node ({} nodes at a time)",
        seconds.ceil(),
        options.parallel
    );
    for l in looked {
        let said = format!("{}: get nodes/proxy {}; {}", l.node, l.permission, l.state);
        let _ = writeln!(out, "{}", sanitize(&said));
    }
    if !t.route().has_api_server() {
        out.push_str("permissions that the kubelet checks with the API server for your user (YOU):\n");
    }
    let _ = writeln!(out, "\n{}", rbac.trim_end());
    out
}

/// All that would be sent for one node, in the order of sending; what comes of trouble is not among it.
fn requests(options: &Options, target: &Target) -> Vec<Planned> {
    let (t, plan) = (&target.transport, &options.plan);
    let snapshots = options.schedule.snapshots;
    let mut all = Vec::new();
    let mut extra = |times, method, target: String, cost: Cost, purpose| {
        all.push(Planned {
            times,
            method,
            target,
            cost: cost.text(),
            purpose,
        });
    };
    let object = format!("/api/v1/nodes/{}", target.node);
    if t.route().has_api_server() {
        let review = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews".to_owned();
        extra(1, "POST", review, Cost::None, "may you?");
        // Before anything is begun where one node is meant, and for its boot ID and conditions.
        extra(2, "GET", object, Cost::None, "is there such a node, and how is it?");
    }
    for e in &plan.artifacts {
        if e.artifact == "node" || (e.server == Server::ApiServer && !t.route().has_api_server()) {
            continue;
        }
        let path = match e.server {
            Server::ApiServer => t.path_at_server(&target.node, e.path),
            Server::Kubelet => t.path_at_kubelet(&target.node, e.path),
        };
        let times = match e.phase {
            Phase::Every => snapshots,
            _ => 1,
        };
        extra(times, "GET", format!("{path}{}", query(plan.params(e))), e.cost, "");
        if e.artifact == "mutex" {
            let query = query(vec![("debug".to_owned(), "1".to_owned())]);
            extra(
                1,
                "GET",
                format!("{path}{query}"),
                e.cost,
                "only if it is empty: is it off?",
            );
        }
        if e.artifact == "metrics" {
            extra(
                checks(plan, snapshots),
                "GET",
                path,
                e.cost,
                "is it still the same process?",
            );
        }
    }
    all
}

/// How often it is looked whether the process is still the same: at the end of every snapshot, after every measurement, and
/// at the end of what belongs to a process.
fn checks(plan: &Plan, snapshots: u32) -> u32 {
    let measured = plan.artifacts.iter().filter(|e| !plan.measures(e).is_zero()).count();
    let last = plan.of(Phase::Last).count().min(1);
    let rest = usize::from(measured == 0 && plan.of(Phase::Once).any(|e| e.server == Server::Kubelet)) + last;
    snapshots + u32::try_from(measured + rest).unwrap_or(u32::MAX)
}

fn query(params: Vec<(String, String)>) -> String {
    let params: Vec<String> = params.iter().map(|(k, v)| format!("{k}={v}")).collect();
    match params.is_empty() {
        true => String::new(),
        false => format!("?{}", params.join("&")),
    }
}
