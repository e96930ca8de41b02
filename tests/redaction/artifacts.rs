//! Every kind of artifact that a capture can take, with a sentinel wherever a user may choose a name.

use std::io::Write as _;
use std::path::Path;

use kubeprof::bundle::facts::{Expect, examine};
use kubeprof::bundle::manifest::{Event, Exchange, Facts, Finished, Form, Slot, SnapshotEnded, SnapshotId, Started};
use kubeprof::bundle::{Writer, names};
use kubeprof::capture::endpoints::ENDPOINTS;
use kubeprof::model::{Label, Profile};
use kubeprof::pprof::{Compression, Limit, encode_gzip, read};

use super::{all_text, assert_hidden, sentinels};
use crate::bundle::made_bundle::fixture;
use crate::cli::support::{fine, json};

const NODE: &str = "zqnode-7";

/// A profile with a sentinel in every text that is not a name of code.
fn profile() -> Vec<u8> {
    let mut p: Profile = read(fixture("ctx-leak-1.36.1/s01-heap.pb.gz"), Limit::Proportional, false)
        .expect("a profile")
        .profile;
    for (i, file) in [
        "/home/zqalice/go/src/k8s.io/kubernetes/x.go",
        "/data/zqcorp/build/kubelet/main.go",
        "/Users/zqbob/go/pkg/mod/k8s.io/api@v1.36.1/x.go",
        "C:\\Users\\zqbob\\go\\src\\k8s.io\\x.go",
        "C:/Users/zqbob/go/src/k8s.io/x.go",
        "/zqroot.go/src/runtime/proc.go",
    ]
    .iter()
    .enumerate()
    {
        p.functions[i + 3].filename = p.strings.intern(file);
    }
    p.mappings[0].file = p.strings.intern("/home/zqalice/zqcorp/bin/kubelet (deleted)");
    for comment in ["taken by zqbob@example.org on zqnode-7", "zqcomment"] {
        let id = p.strings.intern(comment);
        p.comments.push(id);
    }
    p.doc_url = p.strings.intern("https://wiki.zqcorp.example/pprof?x=zqquery");
    let labels = [
        ("pod", "zqpod-db-0"),
        ("zqkey", "zqvalue"),
        ("node", NODE),
        ("node.fqdn", "zqnode-7.zqdomain.internal"),
        ("url", "https://zqhost.corp:6443/zqpath"),
        ("address", "203.0.113.9:443"),
        ("uid", "zq-0a1b2c3d-uid"),
        ("sentence", "pod zqpod of user Zq Q. Zoe"),
    ];
    let labels: Vec<Label> = labels
        .iter()
        .map(|(k, v)| Label::text(p.strings.intern(k), p.strings.intern(v)))
        .collect();
    let samples = std::mem::take(&mut p.samples);
    let mut labelled = kubeprof::model::Samples::new(samples.types());
    for i in 0..samples.len() {
        let mut all = samples.labels(i).to_vec();
        all.push(labels[i % labels.len()]);
        labelled.push(samples.stack(i), samples.values(i), &all);
    }
    p.samples = labelled;
    let mut bytes = Vec::new();
    encode_gzip(&p, &mut bytes, Compression(1)).expect("gzip");
    bytes
}

/// A goroutine dump whose headers have labels in every form that Go has written them in.
fn dump() -> String {
    "goroutine 1 [running]:\nmain.main()\n\t/home/zqalice/kubelet/main.go:17 +0x1d\n\n\
     goroutine 7 [select, 5 minutes labels:{\"pod\": \"zqpod-db-0\", \"zqkey\": \"zq va}lue\"}]:\n\
     k8s.io/kubernetes/pkg/kubelet.(*podWorkers).podWorkerLoop(0xc000b0a000, {0xc0004d1e00, 0x24}, 0xc000?)\n\
     \t/data/zqcorp/src/k8s.io/kubernetes/pkg/kubelet/pod_workers.go:1247 +0x1a5\n\
     created by k8s.io/kubernetes/pkg/kubelet.(*podWorkers).UpdatePod in goroutine 1\n\
     \tk8s.io/kubernetes/pkg/kubelet/pod_workers.go:946 +0x6d5\n\n\
     goroutine 8 [chan receive, 12 minutes] {pod: zqpod, \"zq key\": \"zq \\\"value\\\"\", node: zqnode-7}:\n\
     main.wait[go.shape.struct { field int }](0xc000012345)\n\t/src/main.go:9 +0x2f\n\n\
     goroutine 9 gp=0xc000102380 m=3 mp=0xc000180008 [IO wait, labels:{\"user\":\"Zq Zoe\"}]:\n\
     main.read(\"zqargument\", 0x1)\n\t/src/main.go:10 +0x2f\n\n\
     zqlast: panic: pod zqpod: user zqjane: dial tcp 203.0.113.9:443: zqerror\n"
        .replace("\nzqlast: ", "\n")
}

fn configz() -> String {
    serde_json::json!({"kubeletconfig": {
        "staticPodPath": "/srv/zqcorp/manifests", "staticPodURL": "https://cfg.zqcorp.example/x?env=zqprod",
        "clusterDomain": "zqdomain.internal", "clusterDNS": ["203.0.113.53", "2001:db8::53"], "maxPods": 110,
        "providerID": "aws:///eu-west-1a/zqinstance", "containerRuntimeEndpoint": "unix:///run/zqruntime/zq.sock",
        "imageServiceEndpoint": "unix:///zqimage.sock", "resolvConf": "/etc/zqresolv.conf", "cgroupDriver": "systemd",
        "kubeletCgroups": "/zqslice/kubelet", "systemCgroups": "/zqsystem.slice", "volumePluginDir": "/opt/zqplugins/exec",
        "tlsCertFile": "/etc/zqcorp/tls.crt", "hairpinMode": "promiscuous-bridge", "podCIDR": "203.0.113.0/24",
        "registerWithTaints": [{"key": "zqtaint", "value": "zqvalue", "effect": "NoSchedule", "timeAdded": null},
            {"key": "zqtaint2", "value": "dedicated-zq"}],
        "nodeLabels": {"zqlabel": "zqvalue", "node-role.kubernetes.io/zqrole": ""},
        "featureGates": {"AllAlpha": false, "ZqFeature": true}, "reservedSystemCPUs": "0-3",
        "evictionHard": {"memory.available": "100Mi"}, "systemReserved": {"zqresource.example/x": "1", "cpu": "100m"},
        "zqUnknownKey": "zqunknown", "nested": {"list": ["zqone", {"deep": "zqtwo", "user": "zqjane"}]},
        "shutdownGracePeriodByPodPriority": [{"priority": 1}], "logging": {"format": "text", "vmodule": "zqmodule=4"},
        "message": "the pod zqns/zqpod of User \"Zq Q. Zoe\" on zqnode-7.zqdomain.internal failed: zqreason",
        "tracing": {"endpoint": "zqcollector.zqdomain.internal:4317"}, "providers": "zqprovider",
    }})
    .to_string()
}

fn node() -> String {
    serde_json::json!({"kind": "Node", "apiVersion": "v1", "metadata": {"name": NODE, "uid": "zquid", "resourceVersion": "17",
        "selfLink": "/api/v1/nodes/zqnode-7", "generateName": "zqgen-", "namespace": "zqns",
        "labels": {"zqlabel": "zqvalue", "zqkey.example/zqname": "zqvalue", "node-role.kubernetes.io/zqrole": "",
            "kubernetes.io/hostname": NODE, "topology.kubernetes.io/zone": "zqzone", "kubernetes.io/arch": "amd64"},
        "annotations": {"zqann": "zqannotation", "kubeadm.alpha.kubernetes.io/cri-socket": "unix:///run/zq.sock",
            "kubectl.kubernetes.io/last-applied-configuration": "{\"metadata\":{\"name\":\"zqapplied\"}}"},
        "ownerReferences": [{"apiVersion": "zqgroup.example/v1", "kind": "ZqMachine", "name": "zqowner", "uid": "zquid2"}],
        "finalizers": ["zqfinalizer.example/x"], "managedFields": [{"manager": "zqoperator"}]},
      "spec": {"providerID": "gce://zqproject/zqzone/zqinstance", "podCIDR": "203.0.113.0/24", "podCIDRs": ["2001:db8:1::/64"],
        "externalID": "zqexternal", "unschedulable": false, "configSource": {"configMap": {"name": "zqcm", "namespace": "zqns"}},
        "taints": [{"key": "zqtaint", "value": "zqvalue", "effect": "NoSchedule"}, {"key": "node.kubernetes.io/not-ready",
            "effect": "NoExecute"}]},
      "status": {"nodeInfo": {"bootID": "zqboot", "machineID": "zqmachine", "systemUUID": "zqsystem", "kubeletVersion": "v1.36.1",
            "kernelVersion": "6.1.0-zqkernel", "osImage": "Zqlinux 12 (zqcode)", "containerRuntimeVersion": "containerd://1.7.2",
            "architecture": "amd64", "operatingSystem": "linux"},
        "addresses": [{"type": "InternalIP", "address": "203.0.113.7"}, {"type": "Hostname", "address": "zqnode-7"},
            {"type": "ExternalDNS", "address": "zqext.example"}, {"type": "InternalDNS", "address": "zqnode-7.zqdomain.internal"},
            {"type": "ExternalIP", "address": "2001:db8::7"}],
        "conditions": [
            {"type": "Ready", "status": "False", "reason": "KubeletNotReady", "lastHeartbeatTime": "2026-11-24T02:38:00Z",
             "message": "container runtime network not ready: pod zqns/zqpod-0 (uid 123412341234567) of user zqjane on node zqnode-7 \
                         cannot reach 203.0.113.7:10250: zqplugin: cni plugin not initialized"},
            {"type": "ZqCondition", "status": "True", "reason": "ZqReason", "message": "User \"Zq Q. Zoe\" of group zqadmins"}],
        "capacity": {"zqresource.example/gpu": "1", "memory": "1Ki", "nvidia.com/gpu": "2"},
        "images": [{"names": ["registry.zqimage.example/zqapp@sha256:abc", "zqlocal/app:zqtag"], "sizeBytes": 1}],
        "config": {"assigned": {"configMap": {"name": "zqcm2"}}}, "phase": "Running", "features": {"zqfeature": true},
        "runtimeHandlers": [{"name": "zqhandler"}], "declaredFeatures": ["ExtendWebSocketsToKubelet"],
        "volumesAttached": [{"name": "kubernetes.io/csi/zqdriver^zqvolume", "devicePath": "/dev/zqdevice"}],
        "volumesInUse": ["kubernetes.io/csi/zqdriver^zqvolume"]}})
    .to_string()
}

fn metrics() -> String {
    let mut text = "# HELP kubelet_x what zqcorp needs\n# TYPE kubelet_x gauge\n# zqcomment\n\
        process_start_time_seconds 1795461258.13\nkubelet_running_pods 3\n\
        go_info{version=\"go1.26.8\"} 1\nkubernetes_build_info{git_version=\"v1.36.1\",go_version=\"go1.26.8\"} 1\n\
        kubelet_http_requests_total{path=\"/exec/zqns/zqpod\",method=\"GET\",long_running=\"false\"} 1\n\
        kubelet_v{le=\"0.5\"} 8 1795461258000 # {trace_id=\"zqtrace\"} 0.2\nkubernetes_feature_enabled{name=\"AllAlpha\",stage=\"ALPHA\"} 0\n"
        .to_owned();
    for (key, value) in [
        ("pod", "zqpod-db-0"),
        ("namespace", "zqns"),
        ("container", "zqcontainer"),
        ("container_id", "containerd://zq0a1b2c3d"),
        ("node", NODE),
        ("node", "zqnode-7.zqdomain.internal"),
        ("device", "/dev/zqdisk/by-id/zqserial"),
        (
            "mountpoint",
            "/var/lib/kubelet/pods/zquid/volumes/kubernetes.io~csi/zqpvc/mount",
        ),
        ("image", "registry.zqimage.example/zqapp:v1"),
        ("plugin_name", "zqplugin.example"),
        ("host", "zqapi.example:6443"),
        ("ip", "2001:db8::77"),
        ("mac", "52:54:00:aa:bb:cc"),
        ("uid", "zquid"),
        ("id", "/kubepods.slice/zqpod.slice"),
        ("name", "zqqueue"),
        ("reason", "zqreason"),
        ("zqlabelkey", "1"),
        ("user", "Zq Zoe"),
        ("error", "dial tcp 203.0.113.7: zqerror"),
        ("tenant", "123412341234"),
        ("quoted", "a \\\"zqquoted\\\" b"),
    ] {
        text += &format!("kubelet_y{{{key}=\"{value}\",code=\"200\"}} 2\n");
    }
    text + "zq broken line\n"
}

const FLAGS: &[(&str, &str)] = &[
    ("v", "2"),
    ("config", "/etc/zqcorp/kubelet.yaml"),
    ("hostname-override", NODE),
    ("node-ip", "203.0.113.7"),
    (
        "node-labels",
        "zqlabel=zqvalue,kubernetes.io/os=linux,node-role.kubernetes.io/zqrole=",
    ),
    ("register-with-taints", "zqtaint=zqvalue:NoSchedule,zqtaint2=:NoExecute"),
    ("register-with-taints", "[zqtaint=zqvalue:NoSchedule]"),
    ("pod-infra-container-image", "registry.zqimage.example/pause:3.9"),
    ("container-runtime-endpoint", "unix:///run/zqruntime/zq.sock"),
    ("cluster-domain", "zqdomain.internal"),
    ("cluster-dns", "203.0.113.53,2001:db8::53"),
    ("provider-id", "aws:///eu-west-1a/zqinstance"),
    ("cloud-provider", "zqcloud"),
    ("root-dir", "/data/zqcorp/kubelet"),
    ("kubeconfig", "/home/zqalice/.kube/config"),
    ("manifest-url", "https://zquser:zqpassword@zqhost.example/x?team=zqteam"),
    ("manifest-url-header", "X-Zq-Auth:zqsecret"),
    ("feature-gates", "AllAlpha=false,ZqFeature=true"),
    ("bootstrap-token", "zqtoken"),
    ("storage-driver-user", "zquser"),
    ("zq-unknown-flag", "zqvalue"),
    ("vmodule", "zqmodule=4"),
];

fn cmdline() -> String {
    let mut text = "/opt/zqcorp/bin/kubelet\0".to_owned();
    for (i, (name, value)) in FLAGS.iter().enumerate() {
        let is = if i % 2 == 0 { "=" } else { "\0" };
        text += &format!("--{name}{is}{value}\0");
    }
    text + "zqpositional\0"
}

fn flagz(is: &str) -> String {
    let lines: Vec<String> = FLAGS
        .iter()
        .map(|(name, value)| format!("{name}{is}{value}\n"))
        .collect();
    format!(
        "\nkubelet flagz\nWarning: This endpoint is not meant to be machine parseable.\n\n{}",
        lines.concat()
    )
}

/// The bytes of an artifact with sentinels, and what they are written as.
fn body(artifact: &str) -> (Vec<u8>, Form) {
    let text = |text: String, form| (text.into_bytes(), form);
    match artifact {
        "heap" | "heap-gc" | "allocs" | "goroutine" | "cpu" | "mutex" | "block" | "threadcreate" | "goroutineleak" => {
            (profile(), Form::Proto)
        }
        "goroutine.debug2" => text(dump(), Form::Debug2),
        "healthz" => text(
            "[+]ping ok\n[-]syncloop failed: zqreason withheld for pod zqpod of 203.0.113.7\n[+]zqcheck ok\nzqlast\n".to_owned(),
            Form::Text,
        ),
        "metrics" => text(metrics(), Form::Text),
        "configz" => text(configz(), Form::Json),
        "node" => text(node(), Form::Json),
        "version" => text(
            serde_json::json!({"major": "1", "gitVersion": "v1.36.1-zqbuild", "gitCommit": "zqcommit", "platform": "zq/arch",
                "buildDate": "2026-01-01T00:00:00Z", "goVersion": "go1.26.8", "compiler": "zqc", "zqextra": "zqvalue"})
            .to_string(),
            Form::Json,
        ),
        "cmdline" => text(cmdline(), Form::Text),
        "flagz" => text(flagz("="), Form::Text),
        "statusz" => text(
            "\nkubelet statusz\nStarted  Fri Nov 27 17:31:42 UTC 2026\nUp  0 hr 01 min\nGo version  go1.26.8\nHost  zqnode-7\n\
             Paths  /configz /zqpath\nzqkey: zqvalue\n"
                .to_owned(),
            Form::Text,
        ),
        "trace" => (b"go 1.26 trace\0\0\0zqtrace".to_vec(), Form::Trace),
        other => panic!("the artifact {other} has no sentinel: say here where names stand in it"),
    }
}

/// Forms of artifacts that a capture takes otherwise, or that servers write otherwise.
fn variants() -> Vec<(&'static str, Vec<u8>, Form)> {
    let heap = "heap profile: 1: 96 [5: 160] @ heap/524288\n1: 96 [5: 160] @ 0x43a1d5 0x44\n# labels: {\"pod\":\"zqpod\", \
                \"zqkey\":\"zqvalue\"}\n#\t0x43a1d4\tmain.f+0x14\t/home/zqalice/src/main.go:17\n\n# runtime.MemStats\n\
                # Alloc = 123456789012\n# PauseNs = [1 2 3]\n";
    let goroutines = "goroutine profile: total 2\n2 @ 0x43a1d5 0x44\n# labels: {\"pod\":\"zqpod\"}\n\
                      #\t0x43a1d4\tmain.wait+0x14\t/data/zqcorp/main.go:17\n\n";
    vec![
        ("flagz-2", flagz(":").into_bytes(), Form::Text),
        ("flagz-3", flagz(": ").into_bytes(), Form::Text),
        ("flagz-4", flagz(" ").into_bytes(), Form::Text),
        ("statusz-2", br#"{"kind":"Statusz","zqkey":"zqvalue","paths":["/zqpath"]}"#.to_vec(), Form::Text),
        ("heap.debug1", heap.as_bytes().to_vec(), Form::Debug1),
        ("goroutine.debug1", goroutines.as_bytes().to_vec(), Form::Debug1),
        (
            "events",
            br#"{"items":[{"message":"Back-off restarting failed container zqc in pod zqpod_zqns(zquid)","reason":"BackOff",
                "involvedObject":{"kind":"Pod","name":"zqpod","namespace":"zqns"},"source":{"component":"kubelet","host":"zqnode-7"}}]}"#
                .to_vec(),
            Form::Json,
        ),
        (
            "journal",
            b"Nov 27 17:31:42 zqnode-7 kubelet[812]: E1127 17:31:42.123456     812 pod_workers.go:1301] \"Error syncing pod\" \
              err=\"failed for pod zqpod_zqns(zquid): zqerr\" pod=\"zqns/zqpod\" podUID=\"zquid\" user=zqjane ip=203.0.113.7\n"
                .to_vec(),
            Form::Text,
        ),
        ("zqartifact", b"zqtext".to_vec(), Form::Text),
    ]
}

fn bundle(root: &Path) {
    let started = Started {
        schema: 2,
        ..Started::default()
    };
    let writer = Writer::create(root, started).expect("a new bundle");
    let id = SnapshotId {
        number: 1,
        taken: "2026-11-24T02:38:00Z".parse().expect("a time"),
    };
    let take = |artifact: &str, bytes: &[u8], form: Form| {
        let slot = Slot {
            node: NODE.to_owned(),
            run: 1,
            snapshot: Some(id),
            artifact: artifact.to_owned(),
        };
        let mut part = writer.part(&slot, &names::file_of(artifact)).expect("a part");
        part.write_all(bytes).expect("room");
        let profile = matches!(form, Form::Proto | Form::Debug1 | Form::Debug2);
        let facts = match profile {
            true => examine(bytes, Expect::Profile(None), Limit::Proportional).expect("a profile"),
            false => Facts {
                form,
                ..Facts::default()
            },
        };
        assert_eq!(facts.form, form, "{artifact}");
        writer.keep_known(part, facts, Exchange::default()).expect("room");
    };
    for e in ENDPOINTS {
        let (bytes, form) = body(e.artifact);
        let plain = kubeprof::pprof::inflate(&bytes, Limit::Proportional).expect("whole");
        assert!(
            !sentinels(&String::from_utf8_lossy(&plain)).is_empty(),
            "{}: nothing is there to be hidden",
            e.artifact
        );
        take(e.artifact, &bytes, form);
    }
    for (artifact, bytes, form) in variants() {
        take(artifact, &bytes, form);
    }
    let ended = SnapshotEnded {
        node: NODE.to_owned(),
        run: 1,
        snapshot: id,
    };
    writer.append(Event::Snapshot(ended)).expect("room");
    writer.finish(Finished::default()).expect("room");
}

#[test]
fn no_artifact_keeps_a_sentinel() {
    let dir = tempfile::tempdir().expect("a folder");
    bundle(&dir.path().join("b"));
    let redacted = assert_hidden(dir.path(), "b");
    let left_out: Vec<&str> = redacted.stderr.lines().filter(|l| l.contains("left out")).collect();
    assert!(
        left_out.len() == 1 && left_out[0].contains("trace.trace"),
        "{left_out:#?}"
    );
    let after = all_text(&dir.path().join("b-redacted"));
    // What is no name stays, so that the copy is still of use.
    for kept in [
        "k8s.io/kubernetes/pkg/kubelet.(*podWorkers).podWorkerLoop(0xc000b0a000, {0xc0004d1e00, 0x24}, 0xc000?)",
        "main.wait[go.shape.struct",
        "created by k8s.io/kubernetes/pkg/kubelet.(*podWorkers).UpdatePod in goroutine 1",
        "/src/k8s.io/kubernetes/pkg/kubelet/pod_workers.go:1247 +0x1a5",
        "[select, 5 minutes labels:{\"pod\": \"label-",
        "[chan receive, 12 minutes] {pod: \"label-",
        "le=\"0.5\"",
        "kubernetes_feature_enabled{name=\"AllAlpha\",stage=\"ALPHA\"} 0",
        "go_info{version=\"go1.26.8\"} 1",
        "process_start_time_seconds 1795461258.13",
        "method=\"GET\"",
        "code=\"200\"",
        "\"maxPods\": 110",
        "\"cgroupDriver\": \"systemd\"",
        "\"hairpinMode\": \"promiscuous-bridge\"",
        "\"memory.available\": \"100Mi\"",
        "\"reason\": \"KubeletNotReady\"",
        "container runtime network not ready",
        "cni plugin not initialized",
        "\"kubeletVersion\": \"v1.36.1\"",
        "containerd://1.7.2",
        "\"nvidia.com/gpu\": \"2\"",
        "node.kubernetes.io/not-ready",
        "kubernetes.io/os=linux",
        "feature-gates=AllAlpha=false",
        "[+]ping ok",
        "[-]syncloop failed",
        "Started  Fri Nov 27 17:31:42 UTC 2026",
        "# Alloc = 123456789012",
        "pod_workers.go:1301",
        "Back-off restarting failed container",
    ] {
        assert!(after.contains(kept), "{kept}");
    }
    // The domain behind a node's short name is hidden, and the node can still be told.
    let node = json(&["bundle", "ls", &dir.path().join("b-redacted").display().to_string()])["rows"][0]["node"]
        .as_str()
        .expect("a node")
        .to_owned();
    assert!(after.contains(&format!("{node}.host-")), "{node}");
    // Numbers are the same.
    let top = |name: &str, kind: &str| {
        fine(&[
            "top",
            &dir.path().join(name).display().to_string(),
            "--kind",
            kind,
            "-o",
            "csv",
        ])
    };
    assert_eq!(top("b", "heap"), top("b-redacted", "heap"));
}
