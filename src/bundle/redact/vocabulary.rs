//! What is no name: the words of kubelets, of API servers and of their errors, public hosts, usual folders.
//!
//! What is not here gets a pseudonym: a word too few costs some readability, a word too many would give a name away. So the
//! list has single words of technical English only; what is written as names of Kubernetes are, with a hyphen, a dot or a
//! digit, is kept only if it is listed here as a whole; what follows a word that announces a name is never looked up.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::LazyLock;

/// Single words in lowercase, sorted: of metrics, flags, configurations, messages and of technical English.
static WORDS: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| include_str!("words.txt").split_ascii_whitespace().collect());

/// What is kept as a whole: values of metrics and configurations of kubelets of 1.2x to 1.37, of Go, of its client and of its
/// server, and what else is written with a hyphen, a dot or a digit and is of Kubernetes or of every system.
const TERMS: &str = " \
    linux/amd64 linux/arm64 windows/amd64 amd64 arm64 s390x ppc64le riscv64 x86_64 aarch64 x86_64-linux-gnu aarch64-linux-gnu \
    runtime_only init_container ephemeral_container metrics/cadvisor metrics/probes metrics/resource stats/summary \
    in_flight portForward runningpods control-plane ephemeral-storage hugepages-1Gi hugepages-2Mi hugepages-64Ki hugepages-32Mi \
    memory.available nodefs.available nodefs.inodesFree imagefs.available imagefs.inodesFree allocatableMemory.available \
    pid.available containerfs.available containerfs.inodesFree \
    DynamicCABundle-client-ca-bundle DynamicCABundle-kubelet-server-cert-files DynamicClientCertificate \
    DynamicServingCertificateController <any> <none> <nil> <invalid> <unknown> <empty> \
    nodes/proxy nodes/metrics nodes/stats nodes/log nodes/spec nodes/configz nodes/healthz nodes/pods nodes/statusz \
    nodes/checkpoint nodes/status pods/status pods/log pods/exec pods/attach pods/eviction pods/binding \
    serviceaccounts/token leases/status \
    proxy metrics stats log spec configz healthz flagz statusz logs pods checkpoint status exec attach \
    text/plain text/html application/json application/octet-stream application/yaml application/vnd.kubernetes.protobuf \
    application/vnd.kubernetes.protobuf;stream=watch charset=utf-8 utf-8 no-cache no-store must-revalidate max-age=0 \
    http/1.1 HTTP/1.1 HTTP/1.0 HTTP/2.0 HTTP/2 http2 h2 TLSv1.2 TLSv1.3 TLS1.2 TLS1.3 VersionTLS12 VersionTLS13 \
    ipv4 ipv6 IPv4 IPv6 tcp4 tcp6 udp4 udp6 ext2 ext3 ext4 xfs cgroup2 cgroupv1 cgroupv2 cgroup2fs v1 v2 v1alpha1 v1alpha2 \
    v1alpha3 v1alpha4 v1beta1 v1beta2 v1beta3 x509 X509 base64 sha256 sha512 md5 sha1 utf8 utf16 http1 fs2 k8s systemd-resolved \
    promiscuous-bridge hairpin-veth full-pcpus-only distribute-cpus-across-numa align-by-socket best-effort \
    single-numa-node prefer-closest-numa-nodes max-allowable-numa-nodes burstable guaranteed none static \
    container-runtime device-plugin pod-startup node-lease static-pod read-only read-write up-to-date out-of-date \
    not-ready un-ready network-unavailable memory-pressure disk-pressure pid-pressure out-of-service \
    kube-system kube-public kube-node-lease default kube-apiserver kube-controller-manager kube-scheduler kube-proxy \
    kubelet.service containerd.service crio.service docker.service cluster.local \
    syncloop-ping client-go go-client kubelet-client go1 pprof-goroutines pprof-heap x-go-pprof \
    non-zero non-nil non-empty zero-length in-use in-flight long-running short-lived client-side server-side self-signed \
    end-of-file round-trip time-out built-in re-register re-create set-up built-in on-disk in-memory \
    ip6tables ip6 eth0 cni0 lo docker0 cbr0 l2 l3 l4 l7 s3 ec2 gp2 gp3 io1 io2 \
    8s 1h 24h Back-off back-off roll-back re-try re-sync pre-stop post-start ";

/// What must not be kept although it is a word: what a name is the name of, before the name.
pub(super) const NAMING: [&str; 34] = [
    "pod",
    "pods",
    "namespace",
    "namespaces",
    "container",
    "containers",
    "node",
    "nodes",
    "uid",
    "id",
    "name",
    "image",
    "user",
    "username",
    "group",
    "host",
    "hostname",
    "instance",
    "tenant",
    "customer",
    "team",
    "owner",
    "secret",
    "secrets",
    "configmap",
    "configmaps",
    "serviceaccount",
    "serviceaccounts",
    "claim",
    "persistentvolumeclaim",
    "pvc",
    "project",
    "account",
    "subscription",
];

/// Domains of devices that everybody has.
const VENDORS: [&str; 4] = ["nvidia.com", "amd.com", "intel.com", "xilinx.com"];

/// Hosts of documentation and of code that everybody has.
const PUBLIC_HOSTS: [&str; 12] = [
    "golang.org",
    "go.dev",
    "k8s.io",
    "kubernetes.io",
    "github.com",
    "pprof.me",
    "gopkg.in",
    "go.uber.org",
    "go.etcd.io",
    "google.golang.org",
    "opentelemetry.io",
    "opencontainers.org",
];

/// Whether it is a word of technical English or of Kubernetes, in any case of its letters.
pub(super) fn is_word(word: &str) -> bool {
    let plain = !word.is_empty() && word.chars().all(|c| c.is_ascii_alphabetic() || c == '\'');
    (plain && WORDS.contains(word.to_ascii_lowercase().trim_matches('\''))) || is_term(word)
}

/// Whether it is no name, although a name is expected at its place.
pub(super) fn is_unnamed(value: &str) -> bool {
    let switch = matches!(
        value,
        "" | "true" | "false" | "[]" | "{}" | "default" | "kube-system" | "k8s.io"
    );
    switch || is_term(value) || (value.len() <= 10 && value.parse::<f64>().is_ok())
}

/// Whether it is kept as a whole.
pub(super) fn is_term(text: &str) -> bool {
    !text.is_empty() && !text.contains(' ') && TERMS.contains(&format!(" {text} "))
}

/// The words of a name of code: `imageMinimumGCAge`, `container_status`, `KubeletNotReady`.
fn parts(name: &str) -> Vec<&str> {
    let mut starts = vec![0];
    let bytes = name.as_bytes();
    for at in 1..bytes.len() {
        let (before, here) = (bytes[at - 1], bytes[at]);
        let next_is_small = bytes.get(at + 1).is_some_and(u8::is_ascii_lowercase);
        let after_mark = !before.is_ascii_alphanumeric();
        let capital = here.is_ascii_uppercase() && (before.is_ascii_lowercase() || next_is_small);
        if after_mark || capital {
            starts.push(at);
        }
    }
    starts.push(bytes.len());
    let piece = |w: &[usize]| name.get(w[0]..w[1]).unwrap_or(name);
    let pieces = starts.windows(2).map(piece);
    pieces.map(|p| p.trim_matches('_')).filter(|p| !p.is_empty()).collect()
}

/// Whether a name of code is made of known words: letters and `_` only, as names of Kubernetes' objects are not.
pub(super) fn is_code(name: &str) -> bool {
    let code = |c: char| c.is_ascii_alphabetic() || c == '_';
    let mixed = name.contains('_') || name.chars().skip(1).any(|c| c.is_ascii_uppercase());
    (mixed && name.chars().all(code) && parts(name).into_iter().all(|p| p.len() > 1 && is_known(p))) || is_word(name)
}

/// Whether a piece of a name of code is a word, or an abbreviation with its plural.
fn is_known(part: &str) -> bool {
    is_word(part) || part.strip_suffix('s').is_some_and(|p| p.len() > 1 && is_word(p))
}

/// Whether the key of a document, a flag or a setting is one of Kubernetes and not a name that a user chose: words with
/// hyphens and digits too. An address of the network is none.
pub(super) fn is_setting(name: &str) -> bool {
    if name.parse::<IpAddr>().is_ok() {
        return false;
    }
    let pieces = name.split(['-', '_', '.']).filter(|p| !p.is_empty());
    let mut pieces = pieces.flat_map(parts).peekable();
    let digits = |p: &str| p.trim_end_matches(|c: char| c.is_ascii_digit()).to_owned();
    pieces.peek().is_some()
        && pieces.all(|p| {
            let bare = digits(p);
            bare.len() <= 1 || is_known(&bare) || is_term(p)
        })
}

/// Whether the value of a label of a metric is no name.
pub(super) fn is_plain(metric: &str, key: &str, value: &str) -> bool {
    if value.is_empty() || matches!(value, "true" | "false") {
        return true;
    }
    match key {
        // Compiled in: Kubernetes has the names of its features.
        "name" if metric == "kubernetes_feature_enabled" => {
            value.starts_with(|c: char| c.is_ascii_uppercase()) && value.chars().all(|c| c.is_ascii_alphanumeric())
        }
        "version" | "go_version" | "git_version" | "deprecated_version" | "build_date" | "git_commit" => {
            is_version(value)
        }
        // Work queues and limiters have names of code, pods and the like have not.
        "name" | "id" | "container" => is_term(value) || (is_code(value) && !is_lowercase_word(value)),
        _ if NAMING.contains(&key) => is_unnamed(value),
        _ => {
            value.parse::<f64>().is_ok()
                || value.split(['/', ',']).all(is_code)
                || is_term(value)
                || is_domain_path(value)
        }
    }
}

fn is_lowercase_word(value: &str) -> bool {
    value.chars().all(|c| c.is_ascii_lowercase())
}

/// `kubernetes.io/csi`, `node.kubernetes.io/unreachable`: a key or a plugin of Kubernetes.
fn is_domain_path(value: &str) -> bool {
    let (domain, path) = value.split_once('/').unwrap_or((value, ""));
    is_of_kubernetes(domain) && path.split('/').all(|p| p.is_empty() || is_setting(p))
}

/// `v1.36.1`, `go1.26.8`, `1.37.0-rc.1+0a1b2c`, a date, a hash.
pub(super) fn is_version(value: &str) -> bool {
    let value = value.strip_prefix("go").unwrap_or(value);
    let value = value.strip_prefix('v').unwrap_or(value);
    let value = value.strip_prefix("devel").unwrap_or(value);
    let hash = value.len() >= 7 && value.chars().all(|c| c.is_ascii_hexdigit());
    let (number, rest) = value.split_at(value.find(['-', '+', 'T', ' ']).unwrap_or(value.len()));
    let is_number =
        number.starts_with(|c: char| c.is_ascii_digit()) && number.chars().all(|c| c.is_ascii_digit() || c == '.');
    let date = value.len() >= 10 && value.chars().all(|c| c.is_ascii_digit() || "-:TZ".contains(c));
    let marks = ["rc", "alpha", "beta", "dirty", "generic", "cloud"];
    let plain_rest = rest.split(['-', '+', '.', '~']).all(|p| {
        p.is_empty()
            || marks.contains(&p)
            || p.chars().all(|c| c.is_ascii_hexdigit())
            || is_term(p)
            || p.starts_with("eks") && p.len() <= 5
            || p.starts_with("gke") && p.len() <= 5
    });
    value == "$Format:%H$" || hash || date || (is_number && plain_rest)
}

/// Whether the key of a label or an annotation, or a taint's, is one of Kubernetes' own.
pub(super) fn is_well_known(key: &str) -> bool {
    key.split_once('/').is_some_and(|(domain, _)| is_of_kubernetes(domain))
}

pub(super) fn is_of_kubernetes(domain: &str) -> bool {
    ["kubernetes.io", "k8s.io"].iter().any(|d| {
        let sub = domain.strip_suffix(d).and_then(|rest| rest.strip_suffix('.'));
        domain == *d || sub.is_some_and(|sub| sub.split('.').all(is_setting))
    })
}

/// Whether a host is one of this machine or of public documentation.
pub(super) fn is_public_host(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    let public = |p: &&str| {
        let sub = host.strip_suffix(*p).and_then(|rest| rest.strip_suffix('.'));
        host == **p || sub.is_some_and(|sub| sub.split('.').all(is_setting))
    };
    matches!(host.as_str(), "localhost" | "cluster.local" | "kubernetes.default.svc")
        || PUBLIC_HOSTS.iter().any(public)
        || VENDORS.contains(&host.as_str())
}

/// Folders and files that every system with a kubelet has and whose names are not words.
const SEGMENTS: &str = " etc var lib lib64 usr opt srv mnt tmp dev proc sys run boot home root bin sbin libexec local share cache \
    spool lock shm fs cgroup fd self exe k8s cni net.d conf.d kubernetes.io k8s.io resolv.conf hosts passwd machine-id os-release \
    nsswitch.conf ssl certs pki ca.crt ca.key tls.crt tls.key kubelet.conf kubelet.yaml kubeconfig kubelet.kubeconfig config.yaml \
    config.json config.toml containerd.sock crio.sock dockershim.sock docker.sock kubelet.sock cpu_manager_state \
    memory_manager_state dra_manager_state pods plugins plugins_registry pod-resources device-plugins checkpoints \
    kubelet-client-current.pem kubelet-server-current.pem kubelet.crt kubelet.key bootstrap-kubelet.conf kubeadm-flags.env \
    volume-subpaths volumes volumeDevices mount-device vol_data.json 0.log 1.log usr-merge go pkg mod src vendor \
    x86_64-linux-gnu aarch64-linux-gnu google golang gopath goroot toolchain workspace build out _output dist ";

/// Whether a part of a path is one that every system has.
pub(super) fn is_segment(segment: &str) -> bool {
    let stem = segment.trim_start_matches('.');
    let library = (stem.starts_with("lib") || stem.starts_with("ld-linux"))
        && (stem.contains(".so") || stem.ends_with(".a"))
        && stem.len() <= 24;
    let known = |p: &str| p.is_empty() || is_word(p) || is_number(p);
    SEGMENTS.contains(&format!(" {stem} "))
        || is_term(stem)
        || library
        || (!stem.is_empty() && stem.split(['.', '_', '-', '~']).all(known))
        || is_code(stem)
}

fn is_number(text: &str) -> bool {
    text.len() <= 10 && text.bytes().all(|b| b.is_ascii_digit())
}
