//! What metrics and the node object say about the process: which one it is, and how full.

use serde::Deserialize;

use crate::bundle::manifest::Process;

/// What a kubelet's metrics say of its process.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Gauges {
    /// `process_start_time_seconds`, Unix time.
    pub start_time: Option<f64>,
    /// `process_cpu_seconds_total`, which never falls while a process lives.
    pub cpu_seconds: Option<f64>,
    /// `go_goroutines`.
    pub goroutines: Option<u64>,
    /// `process_resident_memory_bytes`.
    pub resident_bytes: Option<u64>,
    /// `go_memstats_heap_inuse_bytes`.
    pub heap_bytes: Option<u64>,
    /// `git_version` of `kubernetes_build_info`.
    pub kubernetes_version: String,
    /// `go_version` of the same, or of `go_info`.
    pub go_version: String,
    /// Whether any metric is a kubelet's.
    pub is_kubelet: bool,
}

impl Gauges {
    /// Reads metrics in Prometheus' text format. What is not there is left out.
    pub fn read(text: &[u8]) -> Self {
        let mut gauges = Gauges::default();
        for line in text.split(|&b| b == b'\n') {
            let Ok(line) = std::str::from_utf8(line) else { continue };
            let Some((name, value)) = name_and_value(line) else {
                continue;
            };
            let whole = || Some(value).filter(|v| *v >= 0.0 && *v < 1e18).map(|v| v as u64);
            match name {
                "process_start_time_seconds" => gauges.start_time = Some(value).filter(|v| v.is_finite() && *v > 0.0),
                "process_cpu_seconds_total" => gauges.cpu_seconds = Some(value).filter(|v| v.is_finite()),
                "go_goroutines" => gauges.goroutines = whole(),
                "process_resident_memory_bytes" => gauges.resident_bytes = whole(),
                "go_memstats_heap_inuse_bytes" => gauges.heap_bytes = whole(),
                "kubernetes_build_info" => {
                    gauges.kubernetes_version = label(line, "git_version");
                    gauges.go_version = label(line, "go_version");
                }
                "go_info" if gauges.go_version.is_empty() => gauges.go_version = label(line, "version"),
                _ => gauges.is_kubelet |= name.starts_with("kubelet_"),
            }
        }
        gauges
    }

    /// The process that they are of, with what the node object says of it.
    pub fn process(&self, node: Option<&NodeFacts>) -> Process {
        let mut process = Process {
            start_time: self.start_time,
            kubelet_version: self.kubernetes_version.clone(),
            go_version: self.go_version.clone(),
            ..Process::default()
        };
        if let Some(node) = node {
            process.boot_id = node.boot_id.clone();
            if process.kubelet_version.is_empty() {
                process.kubelet_version = node.kubelet_version.clone();
            }
            let facts = [
                ("os_image", &node.os_image),
                ("kernel_version", &node.kernel_version),
                ("container_runtime", &node.container_runtime),
                ("architecture", &node.architecture),
                ("conditions", &node.conditions),
            ];
            let known = facts.into_iter().filter(|(_, v)| !v.is_empty());
            process.facts = known.map(|(k, v)| (k.to_owned(), v.clone())).collect();
        }
        process
    }
}

/// `name{...} value` or `name value`, without a time behind it.
fn name_and_value(line: &str) -> Option<(&str, f64)> {
    if line.starts_with('#') {
        return None;
    }
    let end = line.find(['{', ' '])?;
    let rest = match line.as_bytes()[end] {
        b'{' => &line[line.rfind('}')? + 1..],
        _ => &line[end..],
    };
    Some((&line[..end], rest.split_whitespace().next()?.parse().ok()?))
}

fn label(line: &str, key: &str) -> String {
    let found = line.match_indices(key).find_map(|(at, _)| {
        let before = line[..at].bytes().next_back();
        let rest = line[at + key.len()..].strip_prefix("=\"")?;
        matches!(before, Some(b'{' | b',')).then_some(rest)
    });
    found
        .and_then(|rest| rest.split('"').next())
        .unwrap_or_default()
        .to_owned()
}

/// What a node object says of a node.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NodeFacts {
    /// Its name.
    pub name: String,
    /// Boot ID.
    pub boot_id: String,
    /// Version of the kubelet, as the kubelet itself registered it.
    pub kubelet_version: String,
    /// Operating system.
    pub os_image: String,
    /// Kernel.
    pub kernel_version: String,
    /// Container runtime and its version.
    pub container_runtime: String,
    /// Architecture, in Go's words.
    pub architecture: String,
    /// Conditions that are not as they should be, for instance `Ready=Unknown (NodeStatusUnknown)`; `""` when all is well.
    pub conditions: String,
    /// Whether the node says that memory is scarce.
    pub memory_pressure: bool,
    /// Port of the kubelet; 0 when unknown.
    pub kubelet_port: u16,
}

#[derive(Deserialize)]
struct NodeObject {
    metadata: Metadata,
    #[serde(default)]
    status: Status,
}

#[derive(Deserialize)]
struct Metadata {
    #[serde(default)]
    name: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    node_info: NodeInfo,
    conditions: Vec<Condition>,
    daemon_endpoints: DaemonEndpoints,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct NodeInfo {
    #[serde(rename = "bootID")]
    boot_id: String,
    kernel_version: String,
    os_image: String,
    container_runtime_version: String,
    kubelet_version: String,
    architecture: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Condition {
    #[serde(rename = "type")]
    kind: String,
    status: String,
    reason: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct DaemonEndpoints {
    kubelet_endpoint: DaemonEndpoint,
}

#[derive(Deserialize, Default)]
struct DaemonEndpoint {
    #[serde(rename = "Port", default)]
    port: u16,
}

impl NodeFacts {
    /// Reads a node object.
    pub fn read(json: &[u8]) -> Option<Self> {
        serde_json::from_slice(json).ok().map(Self::of)
    }

    /// Reads a page of a list of them, and what asks for the next page; `""` for the last.
    pub fn read_list(json: &[u8]) -> Option<(Vec<Self>, String)> {
        #[derive(Deserialize)]
        struct List {
            #[serde(default)]
            metadata: ListMetadata,
            // An empty list of Go is null.
            items: Option<Vec<NodeObject>>,
        }
        #[derive(Deserialize, Default)]
        struct ListMetadata {
            #[serde(default, rename = "continue")]
            next: String,
        }
        let list: List = serde_json::from_slice(json).ok()?;
        let items = list.items.unwrap_or_default();
        Some((items.into_iter().map(Self::of).collect(), list.metadata.next))
    }

    fn of(object: NodeObject) -> Self {
        let info = object.status.node_info;
        let conditions = object.status.conditions;
        let wrong = |c: &&Condition| (c.status != "True") == (c.kind == "Ready");
        let text = |c: &Condition| format!("{}={} ({})", c.kind, c.status, c.reason);
        let wrong: Vec<String> = conditions.iter().filter(wrong).map(text).collect();
        NodeFacts {
            name: object.metadata.name,
            boot_id: info.boot_id,
            kubelet_version: info.kubelet_version,
            os_image: info.os_image,
            kernel_version: info.kernel_version,
            container_runtime: info.container_runtime_version,
            architecture: info.architecture,
            memory_pressure: conditions
                .iter()
                .any(|c| c.kind == "MemoryPressure" && c.status == "True"),
            conditions: wrong.join(", "),
            kubelet_port: object.status.daemon_endpoints.kubelet_endpoint.port,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_tell_the_process() {
        let text = b"# HELP go_goroutines x\ngo_goroutines 512\nprocess_start_time_seconds 1.79546125813e+09\n\
            kubernetes_build_info{build_date=\"x\",git_version=\"v1.36.1\",go_version=\"go1.26.8\"} 1\n\
            process_resident_memory_bytes 9.5887360e+07\nkubelet_running_pods 3\nbad line\n\xff\xfe 1\n";
        let gauges = Gauges::read(text);
        assert_eq!(gauges.goroutines, Some(512));
        assert_eq!(gauges.start_time, Some(1_795_461_258.13));
        assert_eq!(gauges.resident_bytes, Some(95_887_360));
        assert_eq!(
            (gauges.kubernetes_version.as_str(), gauges.go_version.as_str()),
            ("v1.36.1", "go1.26.8")
        );
        assert!(gauges.is_kubelet);
        assert!(!Gauges::read(b"go_goroutines 5\n").is_kubelet);
        assert_eq!(
            Gauges::read(b"go_goroutines NaN\nprocess_start_time_seconds -1"),
            Gauges::default()
        );
    }

    #[test]
    fn node_objects_tell_what_is_wrong() {
        let json = br#"{"metadata":{"name":"worker-03"},"status":{"nodeInfo":{"bootID":"b-1","kubeletVersion":"v1.36.1"},
            "conditions":[{"type":"Ready","status":"Unknown","reason":"NodeStatusUnknown"},
            {"type":"MemoryPressure","status":"True","reason":"KubeletHasInsufficientMemory"},
            {"type":"DiskPressure","status":"False","reason":"x"}],"daemonEndpoints":{"kubeletEndpoint":{"Port":10250}}}}"#;
        let facts = NodeFacts::read(json).expect("a node");
        assert_eq!(facts.boot_id, "b-1");
        assert!(facts.memory_pressure);
        assert_eq!(facts.kubelet_port, 10250);
        assert_eq!(
            facts.conditions,
            "Ready=Unknown (NodeStatusUnknown), MemoryPressure=True (KubeletHasInsufficientMemory)"
        );
    }
}
