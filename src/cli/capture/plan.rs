//! `kubeprof capture --dry-run`: what would be asked, at what cost, with which rights.

use std::io::Write as _;

use anyhow::Result;

use super::refused;
use crate::capture::endpoints::Server;
use crate::capture::preflight::{self, Permission};
use crate::capture::session::{Options, Target};
use crate::capture::transport::Stop;
use crate::cli::Exit;

/// Prints the requests and the rights; asks the API server about the rights, and no kubelet.
pub(super) async fn dry_run(options: &Options, targets: &[Target], stop: &Stop) -> Result<Exit> {
    let Some(first) = targets.first() else {
        return Ok(Exit::Failed);
    };
    let t = &first.transport;
    let plan = &options.plan;
    let mut out = Vec::new();
    writeln!(out, "requests to {} for each of {} nodes:", t.server(), targets.len())?;
    for e in &plan.artifacts {
        let has_server = e.server == Server::Kubelet || t.route().has_api_server();
        if !has_server {
            continue;
        }
        let path = match e.server {
            Server::ApiServer => t.path_at_server(&first.node, e.path),
            Server::Kubelet => t.path_at_kubelet(&first.node, e.path),
        };
        let params: Vec<String> = plan.params(e).iter().map(|(k, v)| format!("{k}={v}")).collect();
        let query = if params.is_empty() {
            String::new()
        } else {
            format!("?{}", params.join("&"))
        };
        let times = match e.phase {
            crate::capture::endpoints::Phase::Every => options.schedule.snapshots,
            _ => 1,
        };
        writeln!(out, "  {times:>3} x GET {path}{query}   cost: {}", e.cost.text())?;
    }
    let series = options.schedule.length().as_secs();
    writeln!(
        out,
        "time: about {} s a node ({} nodes at a time)",
        series + plan.artifacts.iter().map(|e| plan.measures(e).as_secs()).sum::<u64>() + 2,
        options.parallel
    )?;
    let nodes: Vec<String> = targets.iter().map(|t| t.node.clone()).collect();
    let mut exit = Exit::Fine;
    if t.route().has_api_server() {
        let user = preflight::whoami(t, stop).await;
        let shown = user.clone().unwrap_or_else(|| "YOU".to_owned());
        for node in &nodes {
            let permission = preflight::may_proxy(t, stop, Some(node))
                .await
                .map_err(|r| refused(&r))?;
            let text = match permission {
                Permission::Allowed => "allowed".to_owned(),
                Permission::Denied { reason } => {
                    exit = Exit::Failed;
                    format!("denied {reason}").trim_end().to_owned()
                }
                Permission::Unknown { why } => format!("not known: {why}"),
            };
            let state = match preflight::node(t, stop, node).await {
                Ok(Some(facts)) if facts.conditions.is_empty() => format!("kubelet {}", facts.kubelet_version),
                Ok(Some(facts)) => format!("kubelet {}, {}", facts.kubelet_version, facts.conditions),
                Ok(None) => "you may not look at the node object, which is not needed".to_owned(),
                Err(refusal) => {
                    exit = Exit::Failed;
                    format!("{}: {}", refusal.who, refusal.why)
                }
            };
            writeln!(out, "{node}: get nodes/proxy {text}; {state}")?;
        }
        writeln!(
            out,
            "\n{}",
            preflight::rbac(plan, &shown, &nodes, &["proxy"]).trim_end()
        )?;
    } else {
        let rights = preflight::direct_rights(plan);
        writeln!(
            out,
            "rights that the kubelet asks the API server about, whoever you are to it (YOU):\n"
        )?;
        writeln!(out, "{}", preflight::rbac(plan, "YOU", &[], &rights).trim_end())?;
    }
    match std::io::stdout().lock().write_all(&out) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => Err(e.into()),
        _ => Ok(exit),
    }
}
