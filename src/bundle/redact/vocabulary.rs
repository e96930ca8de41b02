//! Words that name nobody: those of Kubernetes in the labels of metrics, well-known domains in keys, usual folders.
//!
//! What is not here gets a pseudonym: a word too few costs some readability, a word too many would give a name away. So a
//! label's key alone never lets its value pass.

/// Words in labels of the metrics of kubelets of 1.2x to 1.37, of Go, of its client and of its server.
const WORDS: &str = " ALPHA BETA STABLE INTERNAL DEPRECATED GA \
    GET PUT POST PATCH DELETE HEAD OPTIONS CONNECT LIST WATCH APPLY get put post patch delete list watch create update \
    connect deletecollection gc clean dirty linux windows amd64 arm64 linux/amd64 linux/arm64 \
    desired orphan runtime_only sync terminated terminating created exited running waiting unknown container init_container \
    ephemeral_container sandbox pod read write readwrite readonly cadvisor cri hit miss success successful failure failed \
    error ok denied allowed unchanged changed other debug healthz metrics stats configz flagz statusz pods logs exec attach \
    portForward run runningpods checkpoint metrics/cadvisor metrics/probes metrics/resource stats/summary \
    always never ifnotpresent besteffort burstable guaranteed credentialPolicyAllowed in_flight blocked active \
    PrepareResources UnprepareResources liveness readiness startup Liveness Readiness Startup \
    container_status create_container destroy exec_sync image_status list_containers list_images list_podsandbox \
    podsandbox_status remove_container remove_podsandbox run_podsandbox start_container status stop_container \
    stop_podsandbox version pull_image remove_image update_container_resources update_runtime_config image_fs_info \
    container_stats pod_sandbox_stats reopen_container_log checkpoint_container port_forward \
    memory cpu pids ephemeral-storage memory.available nodefs.available nodefs.inodesFree imagefs.available \
    imagefs.inodesFree allocatableMemory.available pid.available containerfs.available containerfs.inodesFree \
    volume_mount volume_unmount volume_attach volume_detach unmount_device mount_device map_volume unmap_volume \
    ContainerStarted ContainerDied ContainerRemoved ContainerChanged PodSync ConditionMet \
    DynamicCABundle-client-ca-bundle DynamicCABundle-kubelet-server-cert-files DynamicClientCertificate \
    DynamicServingCertificateController kubelet_log_rotate_manager client server any <any> none \
    OK Canceled Unknown InvalidArgument DeadlineExceeded NotFound AlreadyExists PermissionDenied ResourceExhausted \
    FailedPrecondition Aborted OutOfRange Unimplemented Internal Unavailable DataLoss Unauthenticated \
    unary client_stream server_stream bidi_stream nodes leases events configmaps secrets services csinodes csidrivers \
    runtimeclasses nodes/status pods/status control-plane master worker True False beta.kubernetes.io ";

/// Labels whose numbers are names.
const NAMING: [&str; 14] = [
    "pod",
    "namespace",
    "container",
    "node",
    "uid",
    "id",
    "name",
    "image",
    "user",
    "host",
    "instance",
    "tenant",
    "pod_name",
    "customer",
];

/// Domains of devices that everybody has.
const VENDORS: [&str; 4] = ["nvidia.com", "amd.com", "intel.com", "xilinx.com"];

/// Whether it is a word of Kubernetes.
pub(super) fn is_word(value: &str) -> bool {
    !value.contains(' ') && WORDS.contains(&format!(" {value} "))
}

/// Whether the value of a label of a metric names nobody.
pub(super) fn is_plain(metric: &str, key: &str, value: &str) -> bool {
    if value.is_empty() || matches!(value, "true" | "false") || is_word(value) {
        return true;
    }
    let all = |fits: &dyn Fn(char) -> bool| value.chars().all(fits);
    match key {
        // Compiled in: Kubernetes has the names of its features.
        "name" if metric == "kubernetes_feature_enabled" => {
            value.starts_with(|c: char| c.is_ascii_uppercase()) && all(&|c| c.is_ascii_alphanumeric())
        }
        "version" | "go_version" | "git_version" | "deprecated_version" | "build_date" | "git_commit" => {
            is_version(value)
        }
        _ => !NAMING.contains(&key) && value.parse::<f64>().is_ok(),
    }
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
    let marks = ["rc", "alpha", "beta"];
    let plain_rest = rest.split(['-', '+', '.']).all(|p| {
        p.is_empty()
            || marks.contains(&p)
            || p.chars().all(|c| c.is_ascii_hexdigit())
            || p.starts_with("eks")
            || p.starts_with("gke")
    });
    value == "$Format:%H$" || hash || date || (is_number && plain_rest)
}

/// Whether the key of a label or an annotation, or a taint's, is one of Kubernetes' own.
pub(super) fn is_well_known(key: &str) -> bool {
    key.split_once('/').is_some_and(|(domain, _)| is_of_kubernetes(domain))
}

fn is_of_kubernetes(domain: &str) -> bool {
    ["kubernetes.io", "k8s.io"]
        .iter()
        .any(|d| domain == *d || domain.strip_suffix(d).is_some_and(|rest| rest.ends_with('.')))
}

/// Whether the key of a document is a name that somebody gave: a domain with or without a path.
pub(super) fn is_given(key: &str) -> bool {
    let (domain, path) = key.split_once('/').unwrap_or((key, ""));
    let host = domain.split(':').next().unwrap_or_default();
    let dotted = host.contains('.') && host.chars().all(|c| c.is_ascii_alphanumeric() || ".-".contains(c));
    // Signals of eviction: `memory.available`.
    let signal = path.is_empty() && is_word(key);
    let public = is_of_kubernetes(host) || VENDORS.contains(&host);
    dotted && !signal && !public
}

/// Whether a folder is one that every system has.
pub(super) fn is_usual_path(path: &str) -> bool {
    let usual = [
        "/etc/",
        "/var/lib/kubelet",
        "/var/lib/containerd",
        "/var/run/",
        "/var/log/",
        "/run/",
        "/usr/",
        "/proc/",
        "/sys/",
        "/dev/",
        "/lib/",
        "/bin/",
        "/sbin/",
        "/opt/cni/",
        "/opt/bin/",
    ];
    path == "/" || usual.iter().any(|u| path.starts_with(u))
}
