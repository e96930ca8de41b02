//! Unique words in every place where somebody's name or secret may stand: captured, redacted, looked for in all that is left.

use std::path::Path;

use super::run::{Ran, capture, events, kubeprof, lack};
use super::server::{Reply, Server};

const NODE: &str = "ip-10-1-2-3.znode.corp";

/// What must not even be captured.
const SECRETS: [&str; 29] = [
    "SECRETa1", "SECRETa2", "SECRETa3", "SECRETa4", "SECRETa5", "SECRETa6", "SECRETa7", "SECRETa8", "SECRETa9",
    "SECRETb1", "SECRETb2", "SECRETb3", "SECRETb4", "SECRETb5", "SECRETb6", "SECRETb7", "SECRETb8", "SECRETb9",
    "SECRETc1", "SECRETc2", "SECRETc3", "SECRETc4", "SECRETc5", "SECRETc6", "SECRETc7", "SECRETc8", "SECRETc9",
    "SECRETd1", "SECRETd2",
];

const CMDLINE: &str = "/data/zfolder/kubelet\0--node-labels=customer=zlabela,zteamkey=zteam,kubernetes.io/os=linux\0\
    --hostname-override=ip-10-1-2-3.znode.corp\0--pod-infra-container-image=registry.zimage.corp/zpause:3\0\
    --register-with-taints=ztaintkey=ztaint:NoSchedule\0--manifest-url=https://cfg.zhost.corp/x?token=SECRETa1&a=b\0\
    --root-dir=/data/zroot\0--private-key=SECRETa2\0-token=SECRETa3\0-password\0SECRETa4\0--access-key=SECRETa5\0\
    --node-labels\0k=zlabelb\0--https-auth=https://SECRETa6@host/x\0--cloud-provider-password-policy=SECRETa7\0\
    --bearer=Bearer SECRETa8\0--node-ip=10.1.2.3\0--cluster-domain=zcluster.local\0--v=2\0";

const FLAGZ: &str = "\nkubelet flagz\nWarning: x\nauthorization-mode=Webhook\nnode-labels=customer=zlabelc\n\
    hostname-override=zoverride.corp\ntoken=SECRETb1\nmanifest-url-header=Authorization:Bearer SECRETb2\n\
    manifest-url=https://x/?access_token=SECRETb3\nregister-with-taints=ztaintkey=ztaintb:NoExecute\nv=2\n";

fn configz() -> String {
    serde_json::json!({"kubeletconfig": {
        "staticPodURL": "https://cfg.zhost.corp/x?token=SECRETb4", "staticPodURLHeader": {"Authorization": ["Bearer SECRETb5"]},
        "clusterDomain": "zdomain.local", "providerID": "aws:///eu/zprovider", "maxPods": 110, "tokenReviewCacheTTL": "2m0s",
        "registerWithTaints": [{"key": "ztaintkey", "value": "ztaintc", "effect": "NoSchedule"}],
        "providerToken": "SECRETb6", "tokenPolicyKey": "SECRETb7", "extra": ["--password=SECRETb8", "password: SECRETb9"],
        "privateKey": "SECRETc1", "auth": "SECRETc2", "tlsPrivateKeyFile": "/etc/kubelet.key",
        "pem": "-----BEGIN RSA PRIVATE KEY-----\nSECRETc3\n-----END RSA PRIVATE KEY-----",
        "jwt2": "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJqYW5lIn0.SECRETc4",
        "mirrors": ["https://u:SECRETc5@registry.zmirror.corp"],
        "dockercfg": {"auths": {"registry.zregistry.corp": {"auth": "SECRETc6"}}},
        "nodeLabels": {"customer": "zlabeld"}, "evictionHard": {"memory.available": "100Mi"},
    }})
    .to_string()
}

fn node() -> String {
    serde_json::json!({"kind": "Node", "metadata": {"name": NODE, "uid": "zuid",
        "labels": {"customer": "zlabele", "zkey.corp/zkeyteam": "", "node-role.kubernetes.io/zrole": "",
            "kubernetes.io/hostname": NODE, "kubernetes.io/arch": "amd64"},
        "annotations": {"zann": "zannotation", "kubectl.kubernetes.io/last-applied-configuration": "{\"token\":\"SECRETc7\"}",
            "zkey.corp/api-token": "SECRETc8"},
        "managedFields": [{"manager": "zoperator"}]},
      "spec": {"providerID": "aws:///eu-west-1a/zinstance", "podCIDR": "10.244.7.0/24", "externalID": "zexternal",
        "taints": [{"key": "ztaintkey", "value": "ztaintd", "effect": "NoSchedule"}]},
      "status": {"nodeInfo": {"bootID": "zboot", "machineID": "zmachine", "systemUUID": "zsystem", "kubeletVersion": "v1.36.1"},
        "addresses": [{"type": "InternalIP", "address": "10.1.2.3"}, {"type": "Hostname", "address": "zedge7.corp"},
            {"type": "ExternalDNS", "address": "zexternal-dns.corp"}, {"type": "InternalDNS", "address": "zedge7"}],
        "conditions": [{"type": "Ready", "status": "False", "message": "kubelet on zedge7.corp: password=SECRETd2"}],
        "capacity": {"zresource.corp/gpu": "1", "memory": "1Ki"},
        "images": [{"names": ["registry.zimage.corp/zapp@sha256:abc"], "sizeBytes": 1}],
        "volumesAttached": [{"name": "kubernetes.io/csi/zdriver^zvolume", "devicePath": "/dev/zdevice"}],
        "volumesInUse": ["kubernetes.io/csi/zdriver^zvolume"]}})
    .to_string()
}

fn metrics() -> String {
    format!(
        "# HELP x y\nprocess_start_time_seconds 1795461258.13\nkubelet_running_pods 3\n\
         kubelet_x{{pod=\"zpod-db-0\",namespace=\"znamespace\",container=\"zcontainer\",image=\"zimage.corp/a\",node=\"{NODE}\"}} 1\n\
         kubelet_y{{pod=\"zmirrorpod-etcd-{NODE}\"}} 2\nkubelet_y{{pod=\"zwith-ip 10.1.2.3 x\"}} 2\n\
         kubelet_z{{resource=\"zresource/gpu\",type=\"ztype\",reason=\"zreason\",state=\"zstate\",plugin_name=\"zplugin.corp\"}} 3\n\
         go_custom{{pod=\"zgo\"}} 4\nkubelet_http_requests_total{{path=\"/exec/zexec/pod\",method=\"GET\"}} 1\n\
         workqueue_depth{{name=\"zqueue\"}} 1\nrest_client_requests_total{{code=\"200\",host=\"zapi.corp:6443\"}} 9\n\
         kubelet_v{{ip=\"2001:db8::77\",le=\"0.5\"}} 8\nkubernetes_feature_enabled{{name=\"AllAlpha\",stage=\"ALPHA\"}} 0\n"
    )
}

fn server() -> Server {
    Server::start(|r| {
        let node_of_ours = r.path == format!("/api/v1/nodes/{NODE}");
        Some(match (r.at_kubelet().1, r.param("debug")) {
            ("/debug/pprof/cmdline", _) => Reply::text(200, CMDLINE),
            ("/flagz", _) => Reply::text(200, FLAGZ),
            ("/configz", _) => Reply::json(200, &configz()),
            ("/metrics", _) => Reply::text(200, &metrics()),
            ("/statusz", _) => {
                let body = format!(
                    "{{\"kind\":\"Status\",\"status\":\"Failure\",\"message\":\"nodes \\\"{NODE}\\\" is forbidden: User \\\"Zane Q. \
                     Zoe\\\" cannot get resource \\\"nodes/proxy\\\" in API group \\\"\\\" at the cluster scope: group zgroup-admins\",\
                     \"reason\":\"Forbidden\",\"code\":403}}"
                );
                Reply::json(403, &body)
            }
            ("/debug/pprof/block", _) => Reply::text(
                403,
                "Forbidden (user=zjane, verb=get, resource=nodes, subresource(s)=[proxy])\n",
            ),
            ("/debug/pprof/threadcreate", _) => Reply::text(302, "password=SECRETd1")
                .header("Location", "https://login.zlogin.corp/?token=SECRETc9&user=zjane")
                .header("Server", "zserver.corp")
                .header("WWW-Authenticate", "Bearer realm=\"zrealm\""),
            _ if node_of_ours => Reply::json(200, &node()),
            _ => return None,
        })
    })
}

/// Everything in a folder: names and bytes, unpacked.
fn all(folder: &Path, text: &mut String) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        text.push_str(&path.file_name().expect("a name").to_string_lossy());
        text.push('\n');
        if path.is_dir() {
            all(&path, text);
        } else {
            let bytes = std::fs::read(&path).expect("a file");
            let plain = kubeprof::pprof::inflate(&bytes, kubeprof::pprof::Limit::Proportional).expect("whole");
            text.push_str(&String::from_utf8_lossy(&plain));
        }
    }
}

fn fine(args: &[&str]) -> Ran {
    let ran = kubeprof(args);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    ran
}

#[test]
fn no_secret_is_captured_and_no_name_survives_redaction() {
    let server = server();
    let (out, at) = (server.path("b"), |name: &str| server.path(name).display().to_string());
    let args = [NODE, "--seconds", "1", "--as", "zactas", "--as-group=zgroup"];
    let ran = capture(&server, &out, &args);
    assert_eq!(ran.code, Some(3), "{ran:#?}");
    let mut before = String::new();
    all(&out, &mut before);
    for secret in SECRETS {
        let at = before
            .find(secret)
            .map(|i| before[i.saturating_sub(60)..].chars().take(90).collect::<String>());
        assert_eq!(at, None, "{secret} was captured");
        assert!(
            !ran.stderr.contains(secret) && !ran.stdout.contains(secret),
            "{secret} was printed"
        );
    }
    // What is no secret stays readable.
    for kept in [
        "\"tokenReviewCacheTTL\":\"2m0s\"",
        "/etc/kubelet.key",
        "authorization-mode=Webhook",
        "zlabela",
        "zboot",
    ] {
        assert!(before.contains(kept), "{kept}");
    }
    fine(&["bundle", "redact", &at("b"), &at("r"), "--key", &at("key")]);
    fine(&["bundle", "pack", &at("r"), &at("r.tar")]);
    let mut after = String::new();
    all(&server.path("r"), &mut after);
    after.push_str(&String::from_utf8_lossy(&std::fs::read(at("r.tar")).expect("a tar")));
    // Every name of this test begins with a small or capital z in front of a letter; `z` alone ends flagz.
    let names = regex::Regex::new(r"\b[zZ][a-z]{2,}[a-z0-9.-]*|10\.1\.2\.3|10\.244\.7|2001:db8").expect("a pattern");
    let words = [
        "zero", "zone", "zlib", "zip", "zap", "zeroing", "zstd", "zoneinfo", "zpages", "zones",
    ];
    let there: std::collections::HashSet<&str> = names.find_iter(&before).map(|m| m.as_str()).collect();
    let found: Vec<&str> = names
        .find_iter(&after)
        .map(|m| m.as_str())
        .filter(|n| !words.iter().any(|w| n.to_lowercase().starts_with(w)))
        // Pseudonyms are random and may look like such a name, or like the start of one; what leaked was there before, whole.
        .filter(|n| there.contains(n))
        .collect();
    assert_eq!(found, Vec::<&str>::new());
    assert!(!after.contains(NODE) && !after.contains("Zoe"));
    for kept in [
        "kubernetes_feature_enabled{name=\"AllAlpha\",stage=\"ALPHA\"}",
        "le=\"0.5\"",
        "kubernetes.io/os=linux",
    ] {
        assert!(after.contains(kept), "{kept}");
    }
    // Numbers are the same, a second time changes nothing, and what was whole verifies.
    for kind in ["heap", "goroutine", "allocs"] {
        let top = |bundle: &str| fine(&["top", &at(bundle), "--kind", kind, "-o", "csv"]).stdout;
        assert_eq!(top("b"), top("r"), "{kind}");
    }
    fine(&["bundle", "redact", &at("r"), &at("r2"), "--key", &at("key")]);
    let (mut once, mut twice) = (String::new(), String::new());
    all(&server.path("r"), &mut once);
    all(&server.path("r2"), &mut twice);
    for (a, b) in once.lines().zip(twice.lines()) {
        assert_eq!(a, b);
    }
    assert_eq!(once.len(), twice.len());
    assert_eq!(kubeprof(&["bundle", "verify", &at("r")]).code, Some(3));
}

#[test]
fn nodes_and_users_that_are_called_like_words() {
    for node in ["n1", "worker", "master"] {
        let server = Server::start(|r| match r.at_kubelet().1 {
            "/debug/pprof/cmdline" => Some(Reply::text(
                200,
                &format!("kubelet\0--hostname-override={}\0", r.at_kubelet().0),
            )),
            "/debug/pprof/heap" => Some(Reply::json(
                403,
                r#"{"kind":"Status","status":"Failure","message":"nodes \"x\" is forbidden: User \"admin\" cannot get resource \"nodes/proxy\" in API group \"\" at the cluster scope","reason":"Forbidden","code":403}"#,
            )),
            _ => None,
        });
        let (out, at) = (server.path("b"), |name: &str| server.path(name).display().to_string());
        let ran = capture(
            &server,
            &out,
            &[node, "--profiles", "healthz,metrics,node,cmdline,heap"],
        );
        assert_eq!(ran.code, Some(3), "{ran:#?}");
        assert!(
            lack(&out, "heap").to_string().contains("you are"),
            "{:#}",
            lack(&out, "heap")
        );
        fine(&["bundle", "redact", &at("b"), &at("r")]);
        let mut text = String::new();
        all(&server.path("r"), &mut text);
        for place in [
            format!("nodes/{node}"),
            format!("\"{node}\""),
            format!("={node}"),
            format!("capture {node}"),
            "\\\"admin".to_owned(),
            "'admin'".to_owned(),
        ] {
            let found = text
                .find(&place)
                .map(|i| text[i.saturating_sub(80)..].chars().take(120).collect::<String>());
            assert_eq!(found, None, "{node}: {place}");
        }
        let details = &lack(&server.path("r"), "heap")["details"];
        let is = |field: &str, class: &str| details[field].as_str().is_some_and(|v| v.starts_with(class));
        assert!(is("user", "user-") && is("node", "node-"), "{details:#}");
    }
}

/// A 200 is not enough: a proxy in between says 200 too.
#[test]
fn small_texts_have_the_shape_of_what_was_asked() {
    let upstream = "Error: upstream connect error or disconnect/reset before headers";
    let cases = [
        ("/healthz", "healthz", "{\"kind\":\"Whatever\"}"),
        ("/debug/pprof/cmdline", "cmdline", upstream),
        ("/flagz", "flagz", upstream),
        ("/statusz", "statusz", upstream),
        ("/configz", "configz", "{\"kind\":\"Whatever\"}"),
        ("/version", "version", "{\"kind\":\"Whatever\"}"),
        (
            "/api/v1/nodes/worker-03",
            "node",
            "{\"metadata\":{\"name\":\"another\"}}",
        ),
    ];
    let play = |(path, artifact, body): (&'static str, &'static str, &'static str)| {
        let server = Server::start(move |r| (r.at_kubelet().1 == path).then(|| Reply::text(200, body)));
        let out = server.path("b");
        let ran = capture(
            &server,
            &out,
            &["worker-03", "--profiles", &format!("metrics,{artifact}"), "--force"],
        );
        assert_eq!(ran.code, Some(3), "{artifact}: {ran:#?}");
        assert_eq!(lack(&out, artifact)["body"], body, "{artifact}");
        assert_eq!(
            kubeprof(&["bundle", "verify", &out.display().to_string()]).code,
            Some(3)
        );
    };
    // Each waits before it asks again.
    std::thread::scope(|scope| cases.into_iter().for_each(|case| drop(scope.spawn(move || play(case)))));
}

/// A text or an unpacked profile where a packed one was asked for is kept, and not called what it is not.
#[test]
fn the_name_of_a_profile_says_what_came() {
    let unpacked = kubeprof::pprof::inflate(
        &super::server::fixture("gotext/heap.pb.gz"),
        kubeprof::pprof::Limit::Proportional,
    )
    .expect("gzip")
    .into_owned();
    let text = super::server::fixture("gotext/goroutine.debug1.txt");
    let server = Server::start(move |r| match (r.at_kubelet().1, r.param("debug")) {
        ("/debug/pprof/heap", _) => Some(Reply::new(200, "application/octet-stream", unpacked.clone())),
        ("/debug/pprof/goroutine", None) => Some(Reply::new(200, "text/plain", text.clone())),
        _ => None,
    });
    let out = server.path("b");
    assert_eq!(
        capture(&server, &out, &["worker-03", "--profiles", "metrics,heap,goroutine"]).code,
        Some(0)
    );
    super::run::sound(&out);
    let path = |artifact: &str| {
        let all = events(&out, "artifact");
        let found = all.iter().find(|e| e["artifact"] == artifact).expect("there");
        found["path"].as_str().expect("a path").to_owned()
    };
    assert!(path("heap").ends_with("/heap.pb"), "{}", path("heap"));
    assert!(path("goroutine").ends_with("/goroutine.txt"), "{}", path("goroutine"));
    fine(&["top", &out.display().to_string(), "--kind", "heap"]);
    fine(&["bundle", "verify", &out.display().to_string()]);
}

/// The runtime ends a dump at 64 MiB. That is as the server has it, and everybody is told.
#[test]
fn a_dump_that_the_server_cut_is_said_to_be() {
    // Numbers of one length, so that all have one size.
    // A long name, so that there are fewer lines.
    let one = format!(
        "goroutine 1000000 [select, 3 minutes]:\nmain.{}(0xc000012345)\n\t/src/main.go:17 +0x1d\ncreated by main.main in goroutine 1\n\t\
         /src/main.go:9 +0x2f\n\n",
        "wait".repeat(1700)
    );
    let numbered = |i: usize| one.replacen("1000000", &(1_000_000 + i).to_string(), 1);
    let mut dump: String = (0..=(64 << 20) / one.len()).map(numbered).collect();
    dump.truncate(64 << 20);
    let server = Server::start(move |r| {
        let dump = (r.at_kubelet().1 == "/debug/pprof/goroutine").then(|| Reply::text(200, &dump));
        dump.filter(|_| r.param("debug") == Some("2"))
    });
    let out = server.path("b");
    let ran = capture(&server, &out, &["worker-03", "--profiles", "metrics,goroutine.debug2"]);
    assert_eq!(ran.code, Some(0), "{:?} {}", ran.code, ran.stderr);
    assert!(ran.stderr.contains("64 MiB"), "{}", ran.stderr);
    assert!(ran.stdout.contains("cut"), "{}", ran.stdout);
    let verify = fine(&["bundle", "verify", &out.display().to_string()]);
    assert!(verify.stdout.contains("64 MiB"), "{}", verify.stdout);
}
