//! `--redact`: no name of a node, host, address, user or pod in a page or message; functions stay.

use kubeprof::report::{Material, Moment, Redaction};

fn material() -> Material {
    let node = serde_json::json!({
        "metadata": {"name": "worker-03", "labels": {"kubernetes.io/hostname": "worker-03.rack9"}},
        "spec": {"providerID": "aws:///eu/i-0abc123def"},
        "status": {
            "addresses": [
                {"type": "InternalIP", "address": "10.20.30.40"},
                {"type": "Hostname", "address": "ip-10-20-30-40.corp.example.com"},
            ],
            "nodeInfo": {"machineID": "0123456789abcdef", "systemUUID": "AAAA-BBBB"},
        },
    });
    Material {
        moments: vec![Moment {
            node: Some(node),
            ..Moment::default()
        }],
        ..Material::default()
    }
}

#[test]
fn names_are_hidden_wherever_they_are() {
    let redaction = Redaction::of(&material());
    for text in [
        "on worker-03: PLEG",
        "WORKER-03",
        "worker-03.rack9 is down",
        "https://10.20.30.40:10250/healthz",
        "host ip-10-20-30-40.corp.example.com says no",
        "x.corp.example.com",
        "aws:///eu/i-0abc123def",
        "fe80::1ff:fe23:4567:890a%eth0 refused",
        "192.168.7.9:443",
        "pod=\"web-1\"",
        "namespace=secret,pod=web-1",
        "uid 6c35bdc2-1a33-4a1b-9d0f-1c2d3e4f5a6b",
        "mail to bob.smith@corp.example.org now",
        "kubelet_x{pod=\\\"web-1\\\",host=\\\"h7\\\"}",
    ] {
        let hidden = redaction.hide(text);
        for name in [
            "worker",
            "rack9",
            "10.20.30.40",
            "ip-10-20",
            "corp.example",
            "i-0abc",
            "fe80",
            "192.168",
            "web-1",
            "secret",
            "6c35bdc2",
            "bob",
            "h7",
        ] {
            assert!(!hidden.to_lowercase().contains(name), "{text} -> {hidden}");
        }
    }
    assert_eq!(
        redaction.hide("on worker-03"),
        redaction.hide("on Worker-03"),
        "one name, one pseudonym"
    );
}

#[test]
fn functions_numbers_and_times_stay() {
    let redaction = Redaction::of(&material());
    for text in [
        "k8s.io/kubernetes/pkg/kubelet.(*podWorkers).startPodSync",
        "github.com/containerd/containerd/v2/internal/cri.(*criService).ExecSync.func1",
        "2026-11-23 18:45:35 UTC",
        "v1.36.1",
        "go1.26.8",
        "127.0.0.1:8080",
        "[12,3,-4,0.5]",
        "worker-030",
        "aworker-03",
        "b7e097c074eb17adcfbb7ee6a1ed5dd3b7c62635",
        "context.(*cancelCtx).propagateCancel",
        "\"at\":1795459535274",
    ] {
        assert_eq!(redaction.hide(text), text);
    }
}
