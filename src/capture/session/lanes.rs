//! Which targets may be one kubelet under several names. Two CPU profiles of one process at a time are refused by it, and a
//! refusal costs one of them; so such targets take turns where the kubelet measures.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;

use super::Target;
use crate::capture::refusal::Route;

/// Time limit of a lookup of names; a node whose name has no answer counts as another one.
const PATIENCE: Duration = Duration::from_secs(3);

/// A lane for every target; targets that may be one kubelet share theirs.
pub(super) async fn of(targets: &[Target]) -> Vec<Arc<Mutex<()>>> {
    let mut known: Vec<(BTreeSet<String>, Arc<Mutex<()>>)> = Vec::new();
    let mut lanes = Vec::new();
    for target in targets {
        let keys = keys(target).await;
        let shared = known.iter_mut().find(|(k, _)| !k.is_disjoint(&keys));
        let lane = match shared {
            Some((all, lane)) => {
                all.extend(keys);
                Arc::clone(lane)
            }
            None => {
                let lane = Arc::default();
                known.push((keys, Arc::clone(&lane)));
                lane
            }
        };
        lanes.push(lane);
    }
    lanes
}

/// What two names of one kubelet have in common.
async fn keys(target: &Target) -> BTreeSet<String> {
    if target.transport.route() != Route::Direct {
        return BTreeSet::from([node_of(&target.node).to_owned()]);
    }
    let server = target.transport.server();
    let authority = server.split_once("://").map_or(server, |(_, rest)| rest);
    let authority = authority.split(['/', '?']).next().unwrap_or_default();
    let mut keys = BTreeSet::from([authority.to_owned()]);
    let Ok(Ok(found)) = tokio::time::timeout(PATIENCE, tokio::net::lookup_host(authority)).await else {
        return keys;
    };
    for address in found {
        // 127.0.0.1, 127.0.0.2 and ::1 are one machine.
        let machine = match address.ip().to_canonical() {
            IpAddr::V4(ip) if ip.is_loopback() => "loopback".to_owned(),
            IpAddr::V6(ip) if ip.is_loopback() => "loopback".to_owned(),
            ip => ip.to_string(),
        };
        keys.insert(format!("{machine}:{}", address.port()));
    }
    keys
}

/// The name in `NAME`, `NAME:PORT` and `https:NAME:PORT`.
fn node_of(id: &str) -> &str {
    let id = id
        .strip_prefix("https:")
        .or_else(|| id.strip_prefix("http:"))
        .unwrap_or(id);
    id.split(':').next().unwrap_or(id)
}

#[cfg(test)]
mod tests {
    use super::node_of;

    #[test]
    fn one_node_has_several_names() {
        for id in ["worker-3", "worker-3:10250", "https:worker-3:10250", "https:worker-3:"] {
            assert_eq!(node_of(id), "worker-3");
        }
    }
}
