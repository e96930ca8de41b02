//! Redaction, text by text: what comes in and what goes out, with every pseudonym written as what it stands for,
//! `<user zqjane>`, so that a row says what stays, what is hidden, and as what.

use std::io::Write as _;
use std::path::Path;

use kubeprof::bundle::facts::{Expect, examine};
use kubeprof::bundle::manifest::{
    Asked, Cause, Details, Event, Exchange, Facts, Finished, Form, Missing, Process, RunStarted, Slot, SnapshotId,
    Started,
};
use kubeprof::bundle::redact::{Key, redact};
use kubeprof::bundle::{Contents, Writer, names};
use kubeprof::pprof::Limit;

pub(super) const NODE: &str = "zqnode-7";

pub(super) fn slot(artifact: &str) -> Slot {
    Slot {
        node: NODE.to_owned(),
        run: 1,
        snapshot: Some(SnapshotId {
            number: 1,
            taken: "2026-11-24T02:38:00Z".parse().expect("a time"),
        }),
        artifact: artifact.to_owned(),
    }
}

/// A text with every pseudonym turned back: `user-0a1b2c3d` -> `<user zqjane>`.
pub(super) fn told(text: &str, key: &Key) -> String {
    let key: serde_json::Value = serde_json::from_slice(&key.to_json()).expect("JSON");
    let names = key["names"].as_object().expect("names");
    // Twice: a name may have a pseudonym in it.
    names
        .iter()
        .chain(names)
        .fold(text.to_owned(), |text, (pseudonym, name)| {
            let (class, _) = pseudonym.rsplit_once('-').expect("a class");
            let shown = format!("<{class} {}>", name.as_str().expect("a name"));
            // Metrics have no hyphens in the names of labels.
            text.replace(pseudonym, &shown)
                .replace(&pseudonym.replace('-', "_"), &shown)
        })
}

/// A bundle of one node with these artifacts and events, redacted: the texts of the artifacts in their order, and the journal.
pub(super) fn redacted(artifacts: &[(&str, Form, &str)], events: Vec<Event>) -> (Vec<String>, String) {
    let dir = tempfile::tempdir().expect("a folder");
    let (before, after) = (dir.path().join("before"), dir.path().join("after"));
    let started = Started {
        schema: 2,
        ..Started::default()
    };
    let writer = Writer::create(&before, started).expect("a new bundle");
    let run = RunStarted {
        node: NODE.to_owned(),
        run: 1,
        ..RunStarted::default()
    };
    writer.append(Event::Run(run)).expect("room");
    for event in events {
        writer.append(event).expect("room");
    }
    for (artifact, form, text) in artifacts {
        let slot = slot(artifact);
        let mut part = writer.part(&slot, &names::file_of(artifact)).expect("a part");
        part.write_all(text.as_bytes()).expect("room");
        let facts = match form {
            Form::Json | Form::Text => Facts {
                form: *form,
                ..Facts::default()
            },
            _ => examine(text.as_bytes(), Expect::Profile(None), Limit::Proportional).expect("a profile"),
        };
        assert_eq!(facts.form, *form, "{artifact}");
        writer.keep_known(part, facts, Exchange::default()).expect("room");
    }
    writer.finish(Finished::default()).expect("room");
    let open = |path: &Path| Contents::folder(path, Limit::Proportional).expect("a bundle");
    let contents = open(&before);
    let record = contents.record().expect("a journal");
    let mut key = Key::new([7; 32]);
    let done = redact(&contents, &record, &mut key, Limit::Proportional, &after).expect("room");
    assert!(done.left_out.is_empty(), "{:?}", done.left_out);
    let copy = open(&after);
    // A second redaction with the same key changes nothing.
    let again = dir.path().join("again");
    redact(
        &copy,
        &copy.record().expect("a journal"),
        &mut key,
        Limit::Proportional,
        &again,
    )
    .expect("room");
    for path in copy.paths().filter(|p| !p.starts_with("manifest.json")) {
        let [once, twice] = [&after, &again].map(|root| std::fs::read(root.join(path)).expect("a file"));
        let [once, twice] = [once, twice].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        for (once, twice) in once.lines().zip(twice.lines()) {
            assert_eq!(
                told(twice, &key),
                told(once, &key),
                "a second redaction of {path} changes it"
            );
        }
    }
    let text = |path: &str| String::from_utf8(copy.get(path).expect("a file").into_owned()).expect("UTF-8");
    let files = copy.record().expect("a journal");
    let mut paths = files
        .artifacts()
        .map(|a| (a.slot.artifact.clone(), a.path.clone()))
        .collect::<Vec<_>>();
    let in_order = artifacts.iter().map(|(artifact, ..)| {
        let at = paths.iter().position(|(name, _)| name == artifact).expect("redacted");
        told(&text(&paths.swap_remove(at).1), &key)
    });
    (in_order.collect(), told(&text("manifest.jsonl"), &key))
}

/// Compares what was found with the rows.
#[track_caller]
pub(super) fn compare<'a>(found: impl IntoIterator<Item = &'a str>, rows: &[(&str, &str)]) {
    let mut found = found.into_iter();
    let mut wrong = String::new();
    for (before, after) in rows {
        let found = found.next().unwrap_or_default();
        if found != *after {
            wrong += &format!("{before}\n    {found}\n    instead of\n    {after}\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// Redacts each row on its own line of one artifact, and compares line by line.
#[track_caller]
fn rows(artifact: &str, form: Form, rows: &[(&str, &str)]) {
    let text: String = rows.iter().map(|(line, _)| format!("{line}\n")).collect();
    let (texts, _) = redacted(&[(artifact, form, &text)], Vec::new());
    compare(texts[0].lines(), rows);
}

#[test]
#[rustfmt::skip] // One row a line.
fn free_text() {
    rows("journal", Form::Text, &[
        ("the pod is ready and the container is running", "the pod is ready and the container is running"),
        ("failed to pull image for zqthing: not found", "failed to pull image for <label zqthing>: not found"),
        ("Don't 'quote' can't", "Don't '<label quote>' can't"),
        ("user=zqjane verb=get", "user=<user zqjane> verb=get"),
        ("user zqjane may not get nodes", "user <user zqjane> may not get nodes"),
        ("username: zqjane", "username: <user zqjane>"),
        ("node zqother is not ready", "node <node zqother> is not ready"),
        ("node=zqother host=zqhost", "node=<node zqother> host=<label zqhost>"),
        ("host zqhost failed", "host <host zqhost> failed"),
        ("hostname zqhost failed", "hostname <host zqhost> failed"),
        ("pod zqns/zqweb-0 failed", "pod <label zqns>/<label zqweb-0> failed"),
        (r#"pod "zqweb" failed"#, r#"pod "<label zqweb>" failed"#),
        (r#"pod "web" in namespace "default""#, r#"pod "<label web>" in namespace "<label default>""#),
        (r#"namespace="kube-system" namespace=zqns"#, r#"namespace="<label kube-system>" namespace=<label zqns>"#),
        (r#"User "zqjane" cannot list"#, r#"User "<user zqjane>" cannot list"#),
        (r#"serviceaccount "zqsa""#, r#"serviceaccount "<user zqsa>""#),
        (r#"node "zqnode-7" and node "nodes/proxy""#, r#"node "<node zqnode-7>" and node "nodes/proxy""#),
        (r#"nodes "zqother:10250""#, r#"nodes "<node zqother:10250>""#),
        (r#"host "zqhost.example""#, r#"host "<host zqhost.example>""#),
        (r#"reason "NotReady" status "zqodd""#, r#"reason "NotReady" status "<label zqodd>""#),
        (r#""ready""#, r#""<label ready>""#),
        (r#""Ready": "zqvalue""#, r#""Ready": "<label zqvalue>""#),
        (r#""zqkey": "value""#, r#""<label zqkey>": "<label value>""#),
        (r#""the pod zqweb is ready""#, r#""the pod <label zqweb> is ready""#),
        (r#"'zqone' `zqtwo` "zqthree""#, r#"'<label zqone>' `<label zqtwo>` "<label zqthree>""#),
        (r#"\"zqescaped\""#, r#"\"<label zqescaped>\""#),
        (r#""""#, r#""""#),
        ("it's zqmine's", "it's <label zqmine's>"),
        (r#"err="failed \"zqinner\" end""#, r#"err="failed \"<label zqinner>\" end""#),
        ("2m0s 100Mi 85% 1.5 0x1f -999 10ms 1e+06 12345678901 1h2m3s 99999999999Mi", "2m0s 100Mi 85% 1.5 0x1f -999 10ms 1e+06 <label 12345678901> 1h2m3s <label 99999999999Mi>"),
        ("2026-11-24T02:38:00.5Z 2026/11/24 02:38:00.123456 E1124 +0200 02:38", "2026-11-24T02:38:00.5Z 2026/11/24 02:38:00.123456 E1124 +0200 02:38"),
        ("52:54:00:aa:bb:cc", "<machine 52:54:00:aa:bb:cc>"),
        ("reflector.go:227 asm.s zqfile.go:12: x.c:1", "reflector.go:227 asm.s zqfile.go:12: x.c:1"),
        ("10.1.2.3 10.1.2.3:10250 10.244.7.0/24 127.0.0.1:6443 0.0.0.0 ::1 fe80::1%eth0 [2001:db8::7]:443 2001:db8::7 2001:db8::/64", "<addr 10.1.2.3> <addr 10.1.2.3>:10250 <addr 10.244.7.0>/24 127.0.0.1:6443 0.0.0.0 ::1 <addr fe80::1> [<addr 2001:db8::7>]:443 <addr 2001:db8::7> <addr 2001:db8::>/64"),
        ("/var/lib/kubelet/pods/zquid/volumes/zqdriver/mount", "/var/lib/kubelet/pods/<label zquid>/volumes/<label zqdriver>/mount"),
        ("/home/zqalice/src /root/.kube/config /Users/zqbob/x", "/home/<user zqalice>/src /root/.kube/config /Users/<user zqbob>/<label x>"),
        ("./zqrel ~/zqhome ../x", "./<label zqrel> ~/<label zqhome> <host ..>/<label x>"),
        ("--config=/etc/zqcorp/k.yaml --zqflag=zqvalue -v=2 --dry-run -zqx", "--config=/etc/<label zqcorp>/<label k.yaml> --<label zqflag>=<label zqvalue> -v=2 --<label dry-run> -<label zqx>"),
        ("registry.zq.example/app@sha256:00ff", "<label registry.zq.example/app@sha256:00ff>"),
        ("reason=NotReady reason:NotReady zqkey=zqvalue zqkey:zqvalue", "reason=NotReady reason:NotReady <label zqkey>=<label zqvalue> <label zqkey>:<label zqvalue>"),
        ("zqhost:10250 zqhost.example:443 localhost:8080", "<label zqhost>:10250 <host zqhost.example>:443 localhost:8080"),
        ("token=zqsecret1 password=hunter22 tokenFile=/etc/x", "token=*** password=*** tokenFile=/etc/<label x>"),
        ("zqmail@zq.example zqa@b", "<user zqmail@zq.example> <label zqa@b>"),
        ("k8s.io/kubernetes github.com/zqcorp/x nodes/zqother nodes/proxy zqa/zqb pods/zqweb", "k8s.io/kubernetes github.com/<label zqcorp>/<label x> nodes/<node zqother> nodes/proxy <label zqa>/<label zqb> pods/<label zqweb>"),
        ("v1.36.1 go1.26.8 1.37.0-rc.1 0a1b2c3d 0a1b2c3d4e5f60718293 deadbeef", "v1.36.1 go1.26.8 1.37.0-rc.1 0a1b2c3d <label 0a1b2c3d4e5f60718293> <label deadbeef>"),
        ("kubelet.conf zq.conf config.yaml containerd.sock golang.org zqhost.example a.zq.io", "kubelet.conf <host zq.conf> config.yaml containerd.sock golang.org <host zqhost.example> <host a.zq.io>"),
        ("k8s.io.api.core.v1.Node sync.Mutex.Lock zq.Type.Name", "k8s.io.api.core.v1.Node sync.Mutex.Lock <host zq.Type.Name>"),
        ("podStatus KubeletNotReady zqStatus container_status zq_status", "podStatus KubeletNotReady <label zqStatus> container_status <label zq_status>"),
        ("https://10.0.0.1:6443/api/v1/nodes/zqother/proxy/x?timeout=5s&pod=zqweb", "https://<addr 10.0.0.1>:6443/api/v1/nodes/<node zqother>/proxy/<label x>?timeout=5s&pod=<label zqweb>"),
        ("https://zquser:zqpw@zqhost.example/x#zqfrag", "https://***@<host zqhost.example>/<label x>#<label zqfrag>"),
        ("ssh://zqroot@zqhost:22/x zq://zqhost/x", "ssh://<user zqroot>@<host zqhost>:22/<label x> <label zq>://<host zqhost>/<label x>"),
        ("containerd://1.7.2 containerd://zq0a1b unix:///run/zq.sock tcp://10.1.2.3:80", "containerd://1.7.2 containerd://<host zq0a1b> unix:///run/<label zq.sock> tcp://<addr 10.1.2.3>:80"),
        ("http://***@localhost/ *** <none> <zqnone>", "http://***@localhost/ *** <none> <<label zqnone>>"),
        ("-- - *** ### !! ok... (zqa) [zqb] {zqc} a,zqd;zqe|zqf", "-- - *** ### !! ok... (<label zqa>) [<label zqb>] {<label zqc>} a,<label zqd>;<label zqe>|<label zqf>"),
        ("(user=Zq Q. Zoe, verb=get)", "(user=<user Zq Q. Zoe>, verb=get)"),
        ("cannot list at the cluster scope: zq reason here", "cannot list at the cluster scope: ***"),
        (r#"x in the namespace "zqns": because zq says"#, r#"<label x> in the namespace "<label zqns>": ***"#),
        ("zqnode-7 etcd-zqnode-7 zqnode-70 xzqnode-7 zqnode-7:10250", "<node zqnode-7> <label etcd-<node zqnode-7>> <label zqnode-70> <label xzqnode-7> <node zqnode-7>:10250"),
        ("nodes/zqnode-7/proxy pods/zqnode-7", "nodes/<node zqnode-7>/proxy pods/<node zqnode-7>"),
        ("secrets/zqs configmaps/kube-system namespaces/default/x containers/zqc", "secrets/<label zqs> configmaps/kube-system namespaces/default/<label x> containers/<label zqc>"),
        ("/api/v1/namespaces/zqns/pods/zqweb%3A80/proxy", "/api/v1/namespaces/<label zqns>/pods/<label zqweb%3A80>/proxy"),
        ("/etc/kubernetes/pki/ca.crt /usr/lib/x86_64-linux-gnu/libc.so.6 /opt/zq/v2/x.go:12 /opt/v2/x", "/etc/kubernetes/pki/ca.crt /usr/lib/x86_64-linux-gnu/libc.so.6 /opt/<label zq>/v2/x.go:12 /opt/v2/<label x>"),
        ("system:anonymous user=root user=system:anonymous", "system:anonymous user=root user=system:anonymous"),
        ("*zqstar +zqplus =x", "*<label zqstar> +<label zqplus> =<label x>"),
        ("a_b pods. zqdot.", "<label a_b> pods. <label zqdot>."),
        ("https://zqnode-7./x https://zqhost.example./x", "https://<host <node zqnode-7>.>/<label x> https://<host zqhost.example.>/<label x>"),
        ("10.1.2.3/33x 10.1.2.3/300 zqname/24 [::1 10.1.2.3:123456 10.1.2.3: 10.1.2.3%zq", "<host 10.1.2.3>/<label 33x> <host 10.1.2.3>/300 <label zqname>/24 [::1 <addr 10.1.2.3>:123456 <addr 10.1.2.3>: <addr 10.1.2.3>"),
        ("dial tcp 10.1.2.3:https: refused 10.1.2.3=x 10.1.2.3:zq 10.1.2:zq", "dial tcp <addr 10.1.2.3>:https: refused <addr 10.1.2.3>=<label x> <addr 10.1.2.3>:<label zq> 10.1.2:<label zq>"),
        ("zqhost:12345 zqhost:123456 zqnode-7:123456 zqnode-7:", "<label zqhost>:12345 <label zqhost>:123456 <node zqnode-7>:123456 <node zqnode-7>:"),
        ("zq.com:8080 running:8080 running:zqvalue zqnode-7:zqvalue", "<host zq.com>:8080 running:8080 running:<label zqvalue> <node zqnode-7>:<label zqvalue>"),
        ("node=zqnode-7:10250 nodes=proxy node=proxy nodes/stats node/zqother", "node=<node zqnode-7>:10250 nodes=proxy node=proxy nodes/stats node/<node zqother>"),
        ("pod=running pod:running user:zqjane username=zqjane serviceaccount:zqsa", "pod=<label running> pod:<label running> user:<user zqjane> username=<user zqjane> serviceaccount:<user zqsa>"),
        ("my-user=zqjane my.node=zqother my_pod=running a/user=zqjane", "<label my-user>=<user zqjane> <host my.node>=<node zqother> <label my_pod>=<label running> a/user=<user zqjane>"),
        ("password:zqvalue1 token:zqvalue1 tokenFile:zqvalue1", "password:<label zqvalue1> token:<label zqvalue1> tokenFile:<label zqvalue1>"),
        ("zqnode-7=zqvalue max-pods=110 zq-key=110", "<node zqnode-7>=<label zqvalue> max-pods=110 <label zq-key>=110"),
        (r#"serviceaccount zqsa users zqjane "users" zqjane hosts zqhost"#, r#"serviceaccount <user zqsa> users <label zqjane> "<label users>" <label zqjane> hosts <label zqhost>"#),
        (r#"users "zqjane" username "zqjane" hostname "zqhost.example" namespace "zqns" nodes "zqother""#, r#"users "<user zqjane>" username "<user zqjane>" hostname "<host zqhost.example>" namespace "<label zqns>" nodes "<node zqother>""#),
        (r#"node "proxy" node "zqother:80" node "10.1.2.3""#, r#"node "proxy" node "<node zqother:80>" node "<addr 10.1.2.3>""#),
        (r#""pods" "running pods" "zqone zqtwo" "Running" "not-ready" "v1.36.1""#, r#""pods" "running pods" "<label zqone> <label zqtwo>" "Running" "not-ready" "v1.36.1""#),
        (r#""maxPods": "zq" "zqkey" : "zq" 'maxPods': x"#, r#""maxPods": "<label zq>" "<label zqkey>" : "<label zq>" 'maxPods': <label x>"#),
        (r#""one" "two"#, r#""<label one>" <label "two>"#),
        ("`code` 'can't stop' it's'", "`<label code>` 'can't stop' it's'"),
        (r#"x=\"zqvalue\" \\"zqtwo\\""#, r#"<label x>=\"<label zqvalue>\" \\"<label zqtwo>\\""#),
        ("1.2.3 v1 v1.2.3-zq v1.36.1+0a1b 20260101 2026-01-01 deadbeef01 0a1b2c3d4e5f6071 abcdef0123456789abcdef", "1.2.3 v1 <host v1.2.3-zq> v1.36.1+0a1b 20260101 2026-01-01 deadbeef01 <label 0a1b2c3d4e5f6071> <label abcdef0123456789abcdef>"),
        ("a.b.c A.B.C k8s.io.X zq.io.X Running.Pods running.pods node.Lock", "<host a.b.c> A.B.C k8s.io.X <host zq.io.X> Running.Pods <host running.pods> node.Lock"),
        ("kubelet.zq zq.yaml kube.yaml kubelet.service zq.service my.slice zq.slice", "<host kubelet.zq> <host zq.yaml> kube.yaml kubelet.service <host zq.service> <host my.slice> <host zq.slice>"),
        ("/a/b/../c/./d //zq /etc//kubernetes /home /home/ /home/root /Users", "/a/<label b>/../<label c>/./d //<label zq> /etc//kubernetes /home /home/ /home/root /Users"),
        ("/nodes/zqother /nodes/proxy /node/stats /nodes/zqnode-7/x /pods/running /pods/status/x /secrets/token", "/nodes/<node zqother> /nodes/proxy /node/stats /nodes/<node zqnode-7>/<label x> /pods/<label running> /pods/status/<label x> /secrets/<label token>"),
        ("/apis/v1beta1/x /apis/v1zq/x /v2/x /version1/x /opt/reflector.go /opt/reflector.go/x", "/apis/v1beta1/<label x> /apis/<label v1zq>/<label x> /v2/<label x> /<label version1>/<label x> /opt/reflector.go /opt/reflector.go/<label x>"),
        ("/zqnode-7/x /10.1.2.3/x /%2Fzq /kubernetes.io~csi/zq /node.kubernetes.io/zq", "/<node zqnode-7>/<label x> /<addr 10.1.2.3>/<label x> /<label %2Fzq> /kubernetes.io~csi/<label zq> /node.kubernetes.io/<label zq>"),
        ("~/running ./running ../running running/pods zq.example/pods k8s.io/zq pods/running", "~/running ./running <host ..>/running running/pods <host zq.example>/pods k8s.io/<label zq> pods/<label running>"),
        ("http://10.1.2.3/x?pod=web&zq=web&running#zq HTTP://localhost zq://127.0.0.1:80/x http:// http://?x=zq", "http://<addr 10.1.2.3>/<label x>?pod=<label web>&<label zq>=web&running#<label zq> HTTP://localhost <label zq>://127.0.0.1:80/<label x> http:// http://?x=<label zq>"),
        ("https://zquser@zqhost/x ssh://zquser:zqpw@zqhost ssh://root@zqhost:22 ssh://system:anonymous@h", "https://***@<host zqhost>/<label x> ssh://<user zquser>:***@<host zqhost> ssh://root@<host zqhost>:22 ssh://<user system>:***@<host h>"),
        ("dns://zqhost passthrough://zqhost containerd://1.7.2/x containerd://1 docker://zq crio://1.2", "dns://<host zqhost> passthrough://<host zqhost> containerd://<host 1.7.2>/<label x> containerd://<host 1> docker://<host zq> crio://1.2"),
        ("--zq=running --max-pods=zq --config --zq -- -- - -running -zq --=zq --x=", "--<label zq>=running --max-pods=<label zq> --config --<label zq> -- -- - -running -<label zq> --=<label zq> --x="),
        ("zq@example zq@example.com a/zq@example.com @zq zq@", "<label zq@example> <user zq@example.com> a/<label zq@example.com> @<label zq> <label zq@>"),
        ("zq.example/app@sha256:0a running@sha256:0a", "<label zq.example/app@sha256:0a> <label running@sha256:0a>"),
        ("=zq :zq zq= zq: *running* #running #zq !zq ?zq zq? zq… •zq &zq ^zq", "=<label zq> :<label zq> <label zq>= <label zq>: *<label running*> #running #<label zq> !<label zq> <label ?zq> <label zq>? <label zq>… •<label zq> &<label zq> ^<label zq>"),
        ("(zq)(running)<zq>[1]{2}|zq|,zq;zq", "(<label zq>)(running)<<label zq>>[1]{2}|<label zq>|,<label zq>;<label zq>"),
        ("52:54:00:aa:bb:cc 52-54-00-aa-bb-cc 52:54:00:aa:bb 52:54:00:aa:bb:cg", "<machine 52:54:00:aa:bb:cc> <machine 52-54-00-aa-bb-cc> 52:54:00:<label aa>:<label bb> 52:54:00:<label aa>:<label bb>:<label cg>"),
        ("0x1f 0xzz 1_000 100% 5m 5zq 1e5 1e +5 -5 ±5 5Mi 5MiB 1h30m 1st 2nd 3rd", "0x1f <label 0xzz> <label 1_000> 100% 5m <label 5zq> 1e5 <label 1e> +5 -5 <label ±5> 5Mi 5MiB 1h30m 1st 2nd <label 3rd>"),
        ("a I x to zqto of_pods pods_of _ __ a_ pod_zq podZq PodStatus podX XPod URLs", "a I <label x> to <label zqto> of_pods pods_of _ __ <label a_> <label pod_zq> <label podZq> PodStatus <label podX> <label XPod> URLs"),
        ("running. running: running! Running? RUNNING runnings podss", "running. running: running! Running? RUNNING <label runnings> <label podss>"),
        ("node_quotas NodeQuotas NodeQuotass", "node_quotas NodeQuotas <label NodeQuotass>"),
    ]);
}

/// Every way in which a page of flags may separate them.
#[test]
#[rustfmt::skip] // One row a line.
fn pages_of_flags() {
    rows("flagz", Form::Text, &[
        ("v=2", "v=2"),
        ("config=/etc/zqcorp/kubelet.yaml", "config=/etc/<label zqcorp>/kubelet.yaml"),
        ("config: /etc/kubernetes/kubelet.conf", "config: /etc/kubernetes/kubelet.conf"),
        ("hostname-override=zqnode-7", "hostname-override=<node zqnode-7>"),
        ("hostname-override=zqother", "hostname-override=<node zqother>"),
        ("hostname-override zqother:10250", "hostname-override <node zqother:10250>"),
        ("node-name=10.1.2.3", "node-name=<addr 10.1.2.3>"),
        (r#"node-ip="10.1.2.3""#, r#"node-ip="<addr 10.1.2.3>""#),
        ("node-labels=zqlabel=zqvalue,kubernetes.io/os=linux,node-role.kubernetes.io/control-plane=,node-role.kubernetes.io/zqrole=", "node-labels=<label zqlabel>=<label zqvalue>,kubernetes.io/os=linux,node-role.kubernetes.io/control-plane=,node-role.kubernetes.io/<label zqrole>="),
        ("node-labels=kubernetes.io/arch=amd64,topology.kubernetes.io/zone=zqzone,kubernetes.io/zqname=true", "node-labels=kubernetes.io/arch=amd64,topology.kubernetes.io/zone=<label zqzone>,kubernetes.io/<label zqname>=true"),
        ("register-with-taints=[zqtaint=zqvalue:NoSchedule,node.kubernetes.io/unschedulable:NoExecute]", "register-with-taints=[<label zqtaint>=<label zqvalue>:NoSchedule,node.kubernetes.io/<label unschedulable>:NoExecute]"),
        ("register-with-taints=zqtaint:PreferNoSchedule,zqtaint=x:zqeffect", "register-with-taints=<label zqtaint>:PreferNoSchedule,<label zqtaint>=<label x:zqeffect>"),
        (r#"register-with-taints=map[zqtaint:{"x"}]"#, r#"register-with-taints=<label map[zqtaint:{"x"}]>"#),
        ("cluster-domain=zqdomain.internal", "cluster-domain=<host zqdomain.internal>"),
        ("cluster-domain=cluster.local", "cluster-domain=cluster.local"),
        ("provider-id=aws:///eu-west-1a/zqinstance", "provider-id=<machine aws:///eu-west-1a/zqinstance>"),
        ("kubelet-version=v1.36.1", "kubelet-version=v1.36.1"),
        ("kubelet-version=zqversion", "kubelet-version=<label zqversion>"),
        ("kernel-version=6.1.0-18-amd64", "kernel-version=6.1.0-18-amd64"),
        ("kernel-version=6.1.0-zqkernel", "kernel-version=6.1.0-<label zqkernel>"),
        ("kernel-version=zqkernel-6", "kernel-version=<label zqkernel-6>"),
        ("pod-infra-container-image=registry.zq.example/pause:3.9", "<label pod-infra-container-image>=<label registry.zq.example/pause:3.9>"),
        ("os-image=Debian zq", "os-image=Debian <label zq>"),
        ("storage-driver-user=zquser", "storage-driver-user=<user zquser>"),
        ("username=zquser", "username=<user zquser>"),
        ("namespace=zqns", "namespace=<label zqns>"),
        ("namespace=default", "namespace=default"),
        ("namespace=kube-system", "namespace=kube-system"),
        ("secret=***", "secret=***"),
        ("bootstrap-token=zqtoken", "bootstrap-token=***"),
        ("password=hunter2", "password=***"),
        ("token-file=/etc/zqtoken", "token-file=/etc/<label zqtoken>"),
        ("zq-unknown-flag=zqvalue", "<label zq-unknown-flag>=<label zqvalue>"),
        ("x=zqvalue", "x=<label zqvalue>"),
        ("feature-gates=AllAlpha=false,ZqFeature=true", "feature-gates=AllAlpha=false,<label ZqFeature>=true"),
        ("empty=", "empty="),
        ("no separator here zqtext", "no <label separator> here <label zqtext>"),
        ("--dashes=zqvalue", "<label --dashes>=<label zqvalue>"),
        ("hostname-override=10.1.2.3:80", "hostname-override=<addr 10.1.2.3>:80"),
        ("node-labels=[zqlabel=zqvalue]", "node-labels=[<label zqlabel>=<label zqvalue>]"),
        ("node-labels=[zqlabel=zqvalue", "node-labels=<label [zqlabel>=<label zqvalue>"),
        ("node-labels=zq label=zqvalue", "node-labels=<label zq label=zqvalue>"),
        ("node-labels=kubernetes.io/arch=zqnode-7,zqlabel", "node-labels=kubernetes.io/arch=<node zqnode-7>,<label zqlabel>"),
        ("node-labels=topology.kubernetes.io/zone,node-restriction.kubernetes.io/zone=zqzone", "node-labels=topology.kubernetes.io/zone,node-restriction.kubernetes.io/<label zone>=<label zqzone>"),
        ("node-labels=zqsub.kubernetes.io/running=running,k8s.io/x=linux", "node-labels=<label zqsub.kubernetes.io/running>=<label running>,k8s.io/x=linux"),
        ("register-with-taints=zqtaint=running:NoExecute:NoSchedule", "register-with-taints=<label zqtaint>=<label running:NoExecute>:NoSchedule"),
        ("git-version=v1.36.1", "git-version=v1.36.1"),
        ("git-commit=zqcommit", "git-commit=<label zqcommit>"),
        ("kernel-version=6.1.0", "kernel-version=6.1.0"),
        ("kernel-version=zq.1-running", "kernel-version=<label zq.1-running>"),
        ("machine-id=running", "machine-id=<machine running>"),
        ("uid=running", "uid=<machine running>"),
        ("image=running", "image=<label running>"),
        ("os-image=running", "os-image=running"),
        ("custom-image=running", "custom-image=<label running>"),
        ("super-user=running", "super-user=<user running>"),
        ("user=root", "user=root"),
        ("pod=running", "pod=<label running>"),
        ("pod=true", "pod=true"),
        ("pod=17", "pod=17"),
        ("team=running", "<label team>=<label running>"),
        ("max-pods=running", "max-pods=running"),
        ("v=zqnode-7", "v=<node zqnode-7>"),
        ("cluster-domain=running", "cluster-domain=<host running>"),
        ("quotas-x=running", "quotas-x=running"),
    ]);
}

/// Names and numbers of metrics stay; so do values of labels that are words of Kubernetes.
#[test]
#[rustfmt::skip] // One row a line.
fn metrics() {
    rows("metrics", Form::Text, &[
        ("# HELP kubelet_x what zqcorp needs", "# HELP kubelet_x"),
        ("# HELP zq-name text", "# HELP <label zq-name> text"),
        ("# TYPE kubelet_x gauge", "# TYPE kubelet_x gauge"),
        ("# TYPE kubelet_x zqkind", "# TYPE kubelet_x <label zqkind>"),
        ("# TYPE kubelet_x", "# TYPE <label kubelet_x>"),
        ("# EOF", "# EOF"),
        ("# EOF zq", "# <label EOF> <label zq>"),
        ("# zqcomment", "# <label zqcomment>"),
        ("#", "#"),
        ("kubelet_running_pods 3", "kubelet_running_pods 3"),
        ("kubelet_running_pods 3 1795461258000", "kubelet_running_pods 3 1795461258000"),
        ("kubelet_running_pods zqthree", "kubelet_running_pods <label zqthree>"),
        ("process_start_time_seconds 1795461258.13", "process_start_time_seconds 1795461258.13"),
        (r#"go_info{version="go1.26.8"} 1"#, r#"go_info{version="go1.26.8"} 1"#),
        (r#"go_info{version="zqversion"} 1"#, r#"go_info{version="<label zqversion>"} 1"#),
        (r#"kubernetes_build_info{git_version="v1.36.1",build_date="2026-01-01T00:00:00Z",git_commit="0a1b2c3d4e5f"} 1"#, r#"kubernetes_build_info{git_version="v1.36.1",build_date="2026-01-01T00:00:00Z",git_commit="0a1b2c3d4e5f"} 1"#),
        (r#"kubelet_x{le="+Inf",quantile="0.99",code="200",flag="true",empty=""} NaN"#, r#"kubelet_x{le="+Inf",quantile="0.99",code="200",flag="true",empty=""} NaN"#),
        (r#"kubelet_x{pod="zqpod",namespace="kube-system",container="kubelet_main",container="zqc"} 1"#, r#"kubelet_x{pod="<label zqpod>",namespace="kube-system",container="kubelet_main",container="<label zqc>"} 1"#),
        (r#"kubelet_x{name="memory_manager",id="DynamicServingCertificateController"} 1"#, r#"kubelet_x{name="memory_manager",id="DynamicServingCertificateController"} 1"#),
        (r#"kubelet_x{name="running",name="KubeletNotReady"} 1"#, r#"kubelet_x{name="<label running>",name="KubeletNotReady"} 1"#),
        (r#"kubelet_x{path="/exec/zqns",plugin="kubernetes.io/csi",plugin="kubernetes.io/zq",driver="zq.csi.example"} 1"#, r#"kubelet_x{path="<label /exec/zqns>",plugin="kubernetes.io/csi",plugin="<label kubernetes.io/zq>",driver="<label zq.csi.example>"} 1"#),
        (r#"kubelet_x{operation_type="podStatus,container_status",reason="zqreason"} 1"#, r#"kubelet_x{operation_type="podStatus,container_status",reason="<label zqreason>"} 1"#),
        (r#"kubelet_x{node="zqnode-7",error="zqnode-7",ip="10.1.2.3"} 1"#, r#"kubelet_x{node="<node zqnode-7>",error="<node zqnode-7>",ip="<addr 10.1.2.3>"} 1"#),
        (r#"kubernetes_feature_enabled{name="ZqFeature",stage="ALPHA"} 0"#, r#"kubernetes_feature_enabled{name="ZqFeature",stage="ALPHA"} 0"#),
        (r#"kubernetes_feature_enabled{name="zqfeature",stage="zqstage"} 0"#, r#"kubernetes_feature_enabled{name="<label zqfeature>",stage="<label zqstage>"} 0"#),
        (r#"other_feature{name="ZqFeature"} 0"#, r#"other_feature{name="<label ZqFeature>"} 0"#),
        (r#"kubelet_x{zqlabelkey="1",quoted="a \"zqquoted\" b"} 1"#, r#"kubelet_x{<label zqlabelkey>="1",quoted="<label a \"zqquoted\" b>"} 1"#),
        (r#"kubelet_x{le="0.5"} 8 1795461258000 # {trace_id="zqtrace"} 0.2"#, r#"kubelet_x{le="0.5"} 8 1795461258000 # {trace_id="<label zqtrace>"} 0.2"#),
        (r#"kubelet_x{le="0.5"} zqvalue"#, r#"kubelet_x{le="0.5"} <label zqvalue>"#),
        ("zq broken line", "<label zq> broken line"),
        (r#"0bad{zq="x"} 1"#, r#"<label 0bad>{<label zq>="<label x>"} 1"#),
        (":colon_name 1", ":colon_name 1"),
        ("_under 1e+06", "_under 1e+06"),
        ("kubelet_x", "kubelet_x"),
        ("# TYPE zq-name gauge", "# TYPE <label zq-name> gauge"),
        ("# TYPE 0x gauge", "# TYPE 0x gauge"),
        ("# HELP 0x text", "# HELP 0x text"),
        ("# HELP", "# HELP"),
        ("kubelet_x{} 1", "kubelet_x{} 1"),
        (r#"kubelet_x{a="b"}1"#, r#"kubelet_x{a="<label b>"}1"#),
        (r#"kubelet_x{a="b"}  1"#, r#"kubelet_x{a="<label b>"}  1"#),
        ("zq-x 1", "<label zq-x> 1"),
        ("a:b_c9 1", "a:b_c9 1"),
        (r#"kubelet_x{pod=""} 1"#, r#"kubelet_x{pod=""} 1"#),
        (r#"kubelet_x{pod="true",name="true",id="false"} 1"#, r#"kubelet_x{pod="true",name="true",id="false"} 1"#),
        (r#"kubelet_x{pod="17",pod="12345678901",node="17",node="running"} 1"#, r#"kubelet_x{pod="17",pod="<label 12345678901>",node="17",node="<label running>"} 1"#),
        (r#"kubelet_x{node="linux/amd64",name="linux/amd64",container="none"} 1"#, r#"kubelet_x{node="linux/amd64",name="linux/amd64",container="none"} 1"#),
        (r#"kubelet_x{id="running",container="running",container="memory_manager"} 1"#, r#"kubelet_x{id="<label running>",container="<label running>",container="memory_manager"} 1"#),
        (r#"kubelet_x{version="v1.36.1",go_version="devel +0a1b",deprecated_version="zq",build_date="running"} 1"#, r#"kubelet_x{version="v1.36.1",go_version="<label devel +0a1b>",deprecated_version="<label zq>",build_date="<label running>"} 1"#),
        (r#"kubelet_x{a="running/pods",a="running/zq",a="podStatus,running",a="zq,running"} 1"#, r#"kubelet_x{a="running/pods",a="<label running/zq>",a="podStatus,running",a="<label zq,running>"} 1"#),
        (r#"kubelet_x{a="kubernetes.io",a="node.kubernetes.io/x",a="zq.kubernetes.io/x",a="kubernetes.io/zq/x",a="k8s.io/running"} 1"#, r#"kubelet_x{a="kubernetes.io",a="node.kubernetes.io/x",a="<label zq.kubernetes.io/x>",a="<label kubernetes.io/zq/x>",a="k8s.io/running"} 1"#),
        (r#"kubelet_x{a="1.5",a="1e5",a="0x1f",a="NaN",a="-1"} 1"#, r#"kubelet_x{a="1.5",a="1e5",a="<label 0x1f>",a="NaN",a="-1"} 1"#),
        (r#"kubernetes_feature_enabled{name="Zq-Feature"} 0"#, r#"kubernetes_feature_enabled{name="<label Zq-Feature>"} 0"#),
        (r#"kubernetes_feature_enabled{name="ZqFeature9"} 0"#, r#"kubernetes_feature_enabled{name="ZqFeature9"} 0"#),
        (r#"kubelet_x{version="true",version="false",build_date=""} 1"#, r#"kubelet_x{version="true",version="false",build_date=""} 1"#),
        (r#"kubelet_x{version="abcdef",version="abcdef0",version="zqlongversion",version="2026-01-01",version="1-1"} 1"#, r#"kubelet_x{version="<label abcdef>",version="abcdef0",version="<label zqlongversion>",version="2026-01-01",version="1-1"} 1"#),
    ]);
}

/// Functions, numbers and the files of modules stay; labels, folders and sentences do not.
#[test]
#[rustfmt::skip] // One row a line.
fn dumps() {
    rows("goroutine.debug2", Form::Debug2, &[
        ("goroutine 1 [running]:", "goroutine 1 [running]:"),
        ("main.main()", "main.main()"),
        ("\t/home/zqalice/kubelet/main.go:17 +0x1d", "\t/home/<user zqalice>/kubelet/main.go:17 +0x1d"),
        ("", ""),
        (r#"goroutine 7 [select, 5 minutes labels:{"pod": "zqpod-db-0", "zqkey": "zq va}lue"}]:"#, r#"goroutine 7 [select, 5 minutes labels:{"pod": "<label zqpod-db-0>", "<label zqkey>": "<label zq va}lue>"}]:"#),
        ("k8s.io/kubernetes/pkg/kubelet.(*podWorkers).podWorkerLoop(0xc000b0a000, {0xc0004d1e00, 0x24}, 0xc000?)", "k8s.io/kubernetes/pkg/kubelet.(*podWorkers).podWorkerLoop(0xc000b0a000, {0xc0004d1e00, 0x24}, 0xc000?)"),
        ("\t/data/zqcorp/src/k8s.io/kubernetes/pkg/kubelet/pod_workers.go:1247 +0x1a5", "\t/data/<label zqcorp>/src/k8s.io/kubernetes/pkg/kubelet/pod_workers.go:1247 +0x1a5"),
        ("created by k8s.io/kubernetes/pkg/kubelet.(*podWorkers).UpdatePod in goroutine 1", "created by k8s.io/kubernetes/pkg/kubelet.(*podWorkers).UpdatePod in goroutine 1"),
        ("\tk8s.io/kubernetes/pkg/kubelet/pod_workers.go:946 +0x6d5", "\tk8s.io/kubernetes/pkg/kubelet/pod_workers.go:946 +0x6d5"),
        ("", ""),
        (r#"goroutine 8 [chan receive, 12 minutes] {pod: zqpod, "zq key": "zq \"value\"", node: zqnode-7}:"#, r#"goroutine 8 [chan receive, 12 minutes] {pod: "<label zqpod>", "<label zq key>": "<label zq "value">", node: "<node zqnode-7>"}:"#),
        ("main.wait[go.shape.struct { field int }](0xc000012345)", "main.wait[go.shape.struct { field int }](0xc000012345)"),
        ("\tC:\\Users\\zqbob\\go\\src\\k8s.io\\x.go:9 +0x2f fp=0xc000 sp=0xc001 pc=0x44", "\tC:\\Users\\<user zqbob>\\go\\src\\k8s.io\\x.go:9 +0x2f fp=0xc000 sp=0xc001 pc=0x44"),
        (r#"main.read("zqargument", 0x1)"#, "main.read(...)"),
        ("\t/opt/zqbuild/x.go:10 +0x2f", "\t/opt/<label zqbuild>/x.go:10 +0x2f"),
        ("", ""),
        ("main.open(0x1)", "main.open(0x1)"),
        ("main.noplace", "<host main.noplace>"),
        ("created by zq.example/main.start in goroutine 7", "created by zq.example/main.start in goroutine 7"),
        ("zq words", "<label zq> words"),
        ("", ""),
        ("goroutine 10 [running, labels:{\"a\": \"x\\\"}y\", \"b\":\"z\"}] {c: d} zq:", r#"goroutine 10 [running, labels:{"a": "<label x"}y>", "b":"<label z>"}] {c: "<label d>"} <label zq>:"#),
        ("main.f()", "main.f()"),
        ("\t/zq:/ab/x.go:3", "\t/<label zq:>/<label ab>/x.go:3"),
        ("main.g()", "main.g()"),
        ("\tC:/Users/zqbob/go/x.go:3", "\tC:/Users/<user zqbob>/go/x.go:3"),
        ("main.h()", "main.h()"),
        ("\t/zq/k8s.io@v1/x.go:3 +0x1", "\t/<label zq>/k8s.io@v1/x.go:3 +0x1"),
        ("main.i()", "main.i()"),
        ("\t/zq/github.com@v1/x.go:3 +0x1", "\t/<label zq>/github.com@v1/x.go:3 +0x1"),
        ("main.j(zq", "<host main.j>(<label zq>"),
        ("\t/zq/sigs.k8s.io/x.go:3 +0x1", "\t/<label zq>/sigs.k8s.io/x.go:3 +0x1"),
        ("main.k", "<host main.k>"),
        ("\tzq/x.go:3 +0x1", "\tzq/x.go:3 +0x1"),
        ("", ""),
        (r#"goroutine 9 gp=0xc000102380 m=3 mp=0xc000180008 [IO wait, labels:{"user":""}]:"#, r#"goroutine 9 gp=0xc000102380 m=3 mp=0xc000180008 [IO wait, labels:{"user":""}]:"#),
        ("main.call(...)", "main.call(...)"),
        ("\t<autogenerated>:1", "\t<autogenerated>:1"),
        ("net/http.(*conn).serve(0xc000?, {0x1, 0x2})", "net/http.(*conn).serve(0xc000?, {0x1, 0x2})"),
        ("\t/zq/pkg/mod/golang.org/x/net@v0.1.0/http2/x.go:3 +0x2f", "\t/<label zq>/pkg/mod/golang.org/x/net@v0.1.0/http2/x.go:3 +0x2f"),
        ("", ""),
        ("...additional frames elided...", "<host ...additional> <label frames> <label elided>..."),
        ("zqlast: panic: pod zqpod: user zqjane: dial tcp 203.0.113.9:443: zqerror", "<label zqlast>: panic: pod <label zqpod>: user <user zqjane>: dial tcp <addr 203.0.113.9>:443: <label zqerror>"),
    ]);
}

/// As `debug=1` writes them.
#[test]
#[rustfmt::skip] // One row a line.
fn counted_goroutines() {
    rows("goroutine.debug1", Form::Debug1, &[
        ("goroutine profile: total 2", "goroutine profile: total 2"),
        ("2 @ 0x43a1d5 0x44", "2 @ 0x43a1d5 0x44"),
        (r#"# labels: {"pod":"zqpod", "zq}key":"x"}"#, r#"# labels: {"pod":"<label zqpod>", "<label zq}key>":"<label x>"}"#),
        ("#\t0x43a1d4\tmain.wait+0x14\t/data/zqcorp/src/main.go:17", "#\t0x43a1d4\tmain.wait+0x14\t/data/<label zqcorp>/src/main.go:17"),
        ("#\t0x44\tmain.main+0x1\t/usr/local/go/src/runtime/proc.go:1", "#\t0x44\tmain.main+0x1\t/usr/local/go/src/runtime/proc.go:1"),
    ]);
}

/// With their statistics and mappings.
#[test]
#[rustfmt::skip] // One row a line.
fn heaps_in_text() {
    rows("heap.debug1", Form::Debug1, &[
        ("heap profile: 1: 96 [5: 160] @ heap/524288", "heap profile: 1: 96 [5: 160] @ heap/524288"),
        ("1: 96 [5: 160] @ 0x43a1d5 0x44", "1: 96 [5: 160] @ 0x43a1d5 0x44"),
        ("#\t0x43a1d4\tmain.f+0x14\t/home/zqalice/src/main.go:17", "#\t0x43a1d4\tmain.f+0x14\t/home/<user zqalice>/src/main.go:17"),
        ("", ""),
        ("# runtime.MemStats", "# runtime.MemStats"),
        ("# Alloc = 123456789012", "# Alloc = 123456789012"),
        ("# PauseNs = [1 2 3]", "# PauseNs = [1 2 3]"),
        ("# Zq comment", "# <label Zq> comment"),
        ("# zq = zqvalue", "# <label zq> = <label zqvalue>"),
        ("", ""),
        ("MAPPED_LIBRARIES:", "<label MAPPED_LIBRARIES>:"),
        ("00400000-00500000 r-xp 00000000 08:01 123 /home/zqalice/kubelet (deleted)", "00400000-00500000 r-xp 00000000 08:01 123 /home/<user zqalice>/kubelet (deleted)"),
        ("00500000-00600000 r--p 00000000 00:00 0 ", "00500000-00600000 r--p 00000000 00:00 0 "),
        ("00600000-00700000 r-xp 00000000 00:00 0 [vdso]", "00600000-00700000 r-xp 00000000 00:00 0 [vdso]"),
        ("00700000-00800000 r-xp 00000000 08:01 124 /usr/lib/libc.so.6", "00700000-00800000 r-xp 00000000 08:01 124 /usr/lib/libc.so.6"),
        ("00800000-00900000 r-xp 00000000 08:01 124 //anon", "00800000-00900000 r-xp 00000000 08:01 124 //anon"),
        ("00900000-00a00000 r-xp 00000000 08:01 124 zqbare", "00900000-00a00000 r-xp 00000000 08:01 124 <label zqbare>"),
        ("00900000-00a00000 r-xp 00000000 08:01 124 //zqx", "00900000-00a00000 r-xp 00000000 08:01 124 //<label zqx>"),
        ("00900000-00a00000 r-xp 00000000 08:01 124  (deleted)", "00900000-00a00000 r-xp 00000000 08:01 124  <label (deleted)>"),
    ]);
}

/// Words of a command line of a kubelet, each on its own.
#[test]
#[rustfmt::skip] // One row a line.
fn command_lines() {
    let words = [
        ("/opt/zqcorp/bin/kubelet", "/opt/<label zqcorp>/bin/kubelet"),
        ("--v=2", "--v=2"),
        ("--v", "--v"),
        ("4", "4"),
        ("-v", "-v"),
        ("5", "5"),
        ("--hostname-override", "--hostname-override"),
        ("zqother", "<node zqother>"),
        ("--config", "--config"),
        ("/etc/kubernetes/kubelet.conf", "/etc/kubernetes/kubelet.conf"),
        ("--bootstrap-token", "--bootstrap-token"),
        ("zqtoken", "***"),
        ("--bootstrap-token=zqtoken", "--bootstrap-token=***"),
        ("--zq-flag", "--<label zq-flag>"),
        ("zqvalue", "<label zqvalue>"),
        ("--zq-flag=zqvalue", "--<label zq-flag>=<label zqvalue>"),
        ("--node-labels", "--node-labels"),
        ("zqlabel=zqvalue", "<label zqlabel>=<label zqvalue>"),
        ("zqpositional", "<label zqpositional>"),
        ("running", "running"),
    ];
    let text: Vec<&str> = words.iter().map(|w| w.0).collect();
    let (texts, _) = redacted(&[("cmdline", Form::Text, &text.join("\0"))], Vec::new());
    compare(texts[0].split('\0'), &words);
}

/// Documents: each row is one key of a document and its value.
#[test]
#[rustfmt::skip] // One row a line.
fn documents() {
    let rows = [
        (r#""uid":"zquid""#, r#""uid":"<machine zquid>""#),
        (r#""externalID":"zqexternal""#, r#""externalID":"<machine zqexternal>""#),
        (r#""resourceVersion":"17""#, r#""resourceVersion":"<machine 17>""#),
        (r#""continue":"zqtoken""#, r#""continue":"<machine zqtoken>""#),
        (r#""generateName":"zqgen-""#, r#""generateName":"<machine zqgen->""#),
        (r#""name":"zqname""#, r#""name":"<label zqname>""#),
        (r#""name":"running""#, r#""name":"<label running>""#),
        (r#""name":"zqnode-7""#, r#""name":"<node zqnode-7>""#),
        (r#""nodeName":"zqnode-7""#, r#""nodeName":"<node zqnode-7>""#),
        (r#""nodeName":"zqother""#, r#""nodeName":"<label zqother>""#),
        (r#""hostname":"zqhost.example""#, r#""hostname":"<label zqhost.example>""#),
        (r#""address":"10.1.2.3""#, r#""address":"<addr 10.1.2.3>""#),
        (r#""managedFields":[{"manager":"zqoperator"}],"kind":"Node""#, r#""kind":"Node""#),
        (r#""labels":{"zqlabel":"zqvalue","kubernetes.io/os":"linux","kubernetes.io/hostname":"zqnode-7"}"#, r#""labels":{"<label zqlabel>":"<label zqvalue>","kubernetes.io/hostname":"<node zqnode-7>","kubernetes.io/os":"linux"}"#),
        (r#""annotations":{"node-role.kubernetes.io/zqrole":"true","zq.example/x":""}"#, r#""annotations":{"<label zq.example/x>":"","node-role.kubernetes.io/<label zqrole>":"true"}"#),
        (r#""nodeLabels":{"effect":"zqvalue"},"matchLabels":{"kind":"zqkind"}"#, r#""matchLabels":{"<label kind>":"<label zqkind>"},"nodeLabels":{"<label effect>":"<label zqvalue>"}"#),
        (r#""images":[{"names":["zq.example/app"],"sizeBytes":1,"kind":"Image"}]"#, r#""images":[{"kind":"Image","names":["<label zq.example/app>"],"sizeBytes":1}]"#),
        (r#""ownerReferences":[{"apiVersion":"v1","kind":"Node","name":"zqowner","uid":"zquid"}]"#, r#""ownerReferences":[{"apiVersion":"v1","kind":"Node","name":"<label zqowner>","uid":"<machine zquid>"}]"#),
        (r#""finalizers":["zq.example/x"],"volumesInUse":["zqvolume"]"#, r#""finalizers":["<label zq.example/x>"],"volumesInUse":["<label zqvolume>"]"#),
        (r#""taints":[{"key":"zqtaint","value":"zqvalue","effect":"NoSchedule"}]"#, r#""taints":[{"effect":"NoSchedule","key":"<label zqtaint>","value":"<label zqvalue>"}]"#),
        (r#""taints":[{"key":"node.kubernetes.io/not-ready","effect":"NoExecute"}]"#, r#""taints":[{"effect":"NoExecute","key":"node.kubernetes.io/not-ready"}]"#),
        (r#""items":[{"key":"zqtaint","value":"running"}]"#, r#""items":[{"key":"<label zqtaint>","value":"running"}]"#),
        (r#""items":[{"effect":"NoSchedule","value":"running"}]"#, r#""items":[{"effect":"NoSchedule","value":"running"}]"#),
        (r#""volumes":[{"name":"zqvolume","devicePath":"/dev/zq"}]"#, r#""volumes":[{"devicePath":"<label /dev/zq>","name":"<label zqvolume>"}]"#),
        (r#""volumes":[{"name":"zqnode-7","devicePath":"/dev/null"}]"#, r#""volumes":[{"devicePath":"<label /dev/null>","name":"<node zqnode-7>"}]"#),
        (r#""addresses":[{"type":"InternalIP","address":"10.1.2.3"},{"type":"Hostname","address":"zqnode-7"}]"#, r#""addresses":[{"address":"<addr 10.1.2.3>","type":"InternalIP"},{"address":"<node zqnode-7>","type":"Hostname"}]"#),
        (r#""addresses":[{"type":"InternalDNS","address":"zqnode-7.zqdomain.internal"}]"#, r#""addresses":[{"address":"<node zqnode-7>.<host zqdomain.internal>","type":"InternalDNS"}]"#),
        (r#""addresses":[{"type":"ExternalDNS","address":"zqext"},{"type":"ExternalIP","address":"zq.example"}]"#, r#""addresses":[{"address":"<host zqext>","type":"ExternalDNS"},{"address":"<host zq.example>","type":"ExternalIP"}]"#),
        (r#""addresses":[{"type":"Zq","address":"zqext"}]"#, r#""addresses":[{"address":"<label zqext>","type":"<label Zq>"}]"#),
        (r#""capacity":{"cpu":"4","memory":"1Ki","nvidia.com/gpu":"2","zq.example/gpu":"1","nvidia.com/zqgpu":"1"}"#, r#""capacity":{"<label nvidia.com/zqgpu>":"1","<label zq.example/gpu>":"1","cpu":"4","memory":"1Ki","nvidia.com/gpu":"2"}"#),
        (r#""zqUnknownKey":"zqunknown""#, r#""<label zqUnknownKey>":"<label zqunknown>""#),
        (r#""a:b":1,"metadata/name":2,"memory.available":"100Mi""#, r#""<label a:b>":1,"<label metadata/name>":2,"memory.available":"100Mi""#),
        (r#""zqnode-7":"x""#, r#""<node zqnode-7>":"<label x>""#),
        (r#""maxPods":110,"enabled":true,"nothing":null"#, r#""enabled":true,"maxPods":110,"nothing":null"#),
        (r#""message":"the pod zqns/zqpod of User \"Zq Q. Zoe\" failed: zqreason""#, r#""message":"the pod <label zqns>/<label zqpod> of User \"<user Zq Q. Zoe>\" failed: <label zqreason>""#),
        (r#""password":"hunter2","token":{"x":"zqtoken"}"#, r#""password":"***","token":{"x":"***"}"#),
        (r#""nested":{"list":["zqone",{"deep":"zqtwo","user":"zqjane"}]}"#, r#""nested":{"list":["<label zqone>",{"<label deep>":"<label zqtwo>","user":"<user zqjane>"}]}"#),
        (r#""clusterDomain":"zqdomain.internal","providerID":"gce://zq/x""#, r#""clusterDomain":"<host zqdomain.internal>","providerID":"<machine gce://zq/x>""#),
    ];
    let documents: Vec<String> = rows.iter().map(|(row, _)| format!("{{{row}}}")).collect();
    let named: Vec<String> = (0..rows.len()).map(|n| format!("node-{n}")).collect();
    let artifacts: Vec<(&str, Form, &str)> = { named.iter().zip(&documents) }
        .map(|(name, text)| (name.as_str(), Form::Json, text.as_str()))
        .collect();
    let (texts, _) = redacted(&artifacts, Vec::new());
    // Without the outer braces and the white space of a document that is laid out.
    let found = texts.iter().map(|text| {
        let value: serde_json::Value = serde_json::from_str(text).expect("JSON");
        value
            .to_string()
            .trim_start_matches('{')
            .trim_end_matches('}')
            .to_owned()
    });
    let found: Vec<String> = found.collect();
    let rows = rows.map(|(before, after)| (before, after.trim_end_matches('}')));
    compare(found.iter().map(String::as_str), &rows);
}

/// Command lines of kubeprof, and the program that wrote the bundle.
#[test]
#[rustfmt::skip] // One row a line.
fn commands_of_kubeprof() {
    let rows = [
        ("kubeprof capture zqnode-7 --direct zqhost.example:10250", "kubeprof capture <node zqnode-7> --direct <label zqhost.example:10250>"),
        ("kubeprof capture --all-nodes --dry-run zqname", "kubeprof capture --all-nodes --<label dry-run> <label zqname>"),
        ("kubeprof capture --as zqjane --as-group=zqadmins --as-uid 17", "kubeprof capture --as <user zqjane> --as-group=<user zqadmins> --as-uid <user 17>"),
        ("kubeprof capture --as *** --as=system:anonymous --user zquser --username=root", "kubeprof capture --as *** --as=system:anonymous --user <user zquser> --username=root"),
        ("kubeprof capture --context zqctx --cluster=zqcl --token zqtok --token=zqtok --password x", "kubeprof capture --context <host zqctx> --cluster=<host zqcl> --token *** --token=*** --password ***"),
        ("kubeprof capture --profiles heap,cpu -o json --output=zqformat --color never --way proxy", "kubeprof capture --profiles heap,cpu -o json --output=<label zqformat> --<label color> never --way proxy"),
        ("kubeprof capture --snapshots 10 --interval 30s --timeout=1m30s --limit 64MiB", "kubeprof capture --snapshots 10 --interval 30s --timeout=1m30s --limit 64MiB"),
        ("kubeprof capture --count 1234567890 --count 12345678901 --count 1abc --count 1abcd --count 1.2.3.4 --count a1", "kubeprof capture --count 1234567890 --count <label 12345678901> --count 1abc --count <label 1abcd> --count <addr 1.2.3.4> --count <label a1>"),
        ("kubeprof capture --server https://zqapi.example:6443 -s https://zqapi.example:6443 --via ssh://zqroot@zqhost", "kubeprof capture --server https://<host zqapi.example>:6443 -s https://<host zqapi.example>:6443 --via ssh://<user zqroot>@<host zqhost>"),
        ("kubeprof capture -l zqlabel=zqvalue -lzqlabel=zqvalue -n zqns -q zqafter -é zqvalue", "kubeprof capture -l <label zqlabel=zqvalue> -l<label zqlabel=zqvalue> -n <label zqns> -q <label zqafter> -<label é> <label zqvalue>"),
        ("kubeprof capture --zq-flag=zqvalue --zq-flag zqvalue --out zqfolder --node zqnode-7", "kubeprof capture --<label zq-flag>=<label zqvalue> --<label zq-flag> <label zqvalue> --out <label zqfolder> --node <node zqnode-7>"),
        ("kubeprof capture --quick zqafter --full --gc --force --quiet --no-pager --insecure-skip-tls-verify zqafter", "kubeprof capture --quick <label zqafter> --full --gc --force --quiet --<label no-pager> --insecure-skip-tls-verify <label zqafter>"),
        ("kubeprof zqsubcommand capture", "kubeprof <label zqsubcommand> <label capture>"),
        ("zqprogram capture kubeprof", "<label zqprogram> capture <label kubeprof>"),
        ("kubeprof capture - --", "kubeprof capture - --"),
        ("kubeprof capture --node= --node ***", "kubeprof capture --node= --node ***"),
    ];
    let started = |tool: &str, command: &str| {
        Event::Started(Started {
            schema: 2,
            tool: tool.to_owned(),
            resumed: true,
            asked: Asked {
                command: command.split(' ').map(str::to_owned).collect(),
                ..Asked::default()
            },
        })
    };
    let events = rows.iter().map(|(command, _)| started("test", command));
    let lines = lines(&redacted(&[], events.collect()).1);
    let found: Vec<String> = lines[2..]
        .iter()
        .filter_map(|line| {
            Some(
                line["asked"]["command"]
                    .as_array()?
                    .iter()
                    .map(text)
                    .collect::<Vec<_>>()
                    .join(" "),
            )
        })
        .collect();
    compare(found.iter().map(String::as_str), &rows);
    let rows = [
        ("kubeprof 0.1.0", "kubeprof 0.1.0"),
        ("kubeprof test", "kubeprof test"),
        ("kubeprof zqbuild", "kubeprof <label zqbuild>"),
        ("zqtool 0.1.0", "<label zqtool> 0.1.0"),
    ];
    let events = rows.iter().map(|(tool, _)| started(tool, ""));
    let lines = self::lines(&redacted(&[], events.collect()).1);
    let found: Vec<String> = lines[2..].iter().map(|line| text(&line["tool"])).collect();
    compare(found.iter().map(String::as_str), &rows);
}

/// The lines of a journal.
pub(super) fn lines(journal: &str) -> Vec<serde_json::Value> {
    let line = |line| serde_json::from_str(line).expect("JSON");
    journal.lines().map(line).collect()
}

pub(super) fn text(value: &serde_json::Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn map(pairs: &[(&str, &str)]) -> std::collections::BTreeMap<String, String> {
    pairs.iter().map(|&(k, v)| (k.to_owned(), v.to_owned())).collect()
}

/// Field by field: what an event says of names is hidden, what it says of kubeprof, of times and of sizes stays.
#[test]
#[rustfmt::skip] // One row a line.
fn fields_of_the_journal() {
    let zq = |text: &str| text.to_owned();
    let exchange = Exchange {
        method: zq("GET"),
        url: zq("https://zqapi.example:6443/api/v1/nodes/zqnode-7/proxy/healthz"),
        params: map(&[("seconds", "5"), ("zqparam", "zqvalue"), ("pod", "zqpod")]),
        headers: map(&[
        ("audit-id", "zqaudit"),
        ("location", "running"),
        ("server", "zqserver"),
        ("via", "pod"),
        ("www-authenticate", "running"),
        ("content-type", "text/plain"),
        ("zqheader", "running"),
        ]),
        status: Some(403),
        attempts: Some(2),
        note: zq("the pod zqpod is running"),
        ..Exchange::default()
    };
    let missing = |artifact: &str, body: &str| Missing {
        slot: slot(artifact),
        cause: Cause::Unreadable,
        body: zq(body),
        ..Missing::default()
    };
    let details = Details {
        node: zq("zqnode-7"),
        other: zq("zqother"),
        path: zq("/home/zqalice/x"),
        user: zq("zqjane"),
        verb: zq("get"),
        resource: zq("nodes/proxy"),
        selector: zq("running"),
        handler: zq("/debug/pprof/heap"),
        proxy: zq("http://zqproxy.example:3128"),
        server: zq("running"),
        title: zq("running"),
        origin: zq("zqorigin"),
        found: zq("0a1b"),
        wanted: zq("zqwanted"),
        message: zq("zqmessage is running"),
        advice: zq("zqadvice is running"),
        port: Some(10250),
        ..Details::default()
    };
    let asked = Asked {
        nodes: vec![zq("zqnode-7"), zq("zqother-8")],
        every: vec![zq("heap"), zq("goroutine.debug2"), zq("zqartifact"), zq("zqnode-7")],
        once: vec![zq("version"), zq("metrics-2")],
        snapshots: 3,
        interval_ms: 30_000,
        route: zq("proxy"),
        server: zq("https://zqapi.example:6443"),
        command: vec![
            zq("kubeprof"),
            zq("capture"),
            zq("--as"),
            zq("zqjane"),
            zq("--as=zqbob"),
        ],
        options: map(&[("cpu_seconds", "30"), ("zqoption", "zqvalue"), ("user", "zqcarol")]),
    };
    let process = Process {
        start_time: Some(1.5e9),
        boot_id: zq("zqboot"),
        kubelet_version: zq("v1.36.1"),
        go_version: zq("zqgo is running"),
        facts: map(&[("os_image", "Debian zqimage"), ("zqfact", "zqvalue")]),
    };
    let events = vec![
        Event::Started(Started {
            schema: 2,
            tool: zq("kubeprof 0.1.0"),
            resumed: false,
            asked,
        }),
        Event::Run(RunStarted {
            node: zq("zqnode-7"),
            run: 2,
            process,
        }),
        Event::Failed(Missing {
            exchange,
            details: details.clone(),
            ..missing("heap", "")
        }),
        Event::Failed(missing("a-1", r#"{"message":"zqmessage","code":403}"#)),
        Event::Failed(missing("a-2", r#"["zqone"]"#)),
        Event::Failed(missing("a-3", "\"running\"")),
        Event::Failed(missing("a-4", "v=2\nconfig=running\n")),
        Event::Failed(missing("a-5", "zq page\nhostname-override=running")),
        Event::Failed(missing("a-6", "zq page\nhostname-override=running\na b=running\n=running\nnode-name=running")),
        Event::Failed(missing("a-10", "hostname-override=running\n=running")),
        Event::Failed(missing("a-11", "hostname-override=running\na b=running\n")),
        Event::Failed(missing("a-12", "17")),
        // Who `--as` named is a user wherever he stands, in this capture and in the bodies of answers.
        Event::Skipped(missing("a-7", "zqjane and zqbob met zqdave")),
        Event::Skipped(missing("a-8", "User \"zqdave\" cannot list: (user=zqerin, verb=get)")),
        Event::Skipped(missing("a-9", "zqerin and zqdave")),
        Event::Finished(Finished {
            cause: Some(Cause::Unreadable),
            details,
            interrupted: zq("zqmessage"),
        }),
    ];
    let lines = lines(&redacted(&[], events).1);
    let body = |n: usize| text(&lines[n]["body"]);
    let of = |n: usize, field: &str| lines[n][field].to_string();
    let rows = [
        ("asked", r#"{"command":["kubeprof","capture","--as","<user zqjane>","--as=<user zqbob>"],"every":["heap","goroutine.debug2","<label zqartifact>","<node zqnode-7>"],"interval_ms":30000,"nodes":["<node zqnode-7>","<node zqother-8>"],"once":["version","metrics-2"],"options":{"<label zqoption>":"<label zqvalue>","cpu_seconds":"30","user":"<user zqcarol>"},"route":"proxy","server":"https://<host zqapi.example>:6443","snapshots":3}"#),
        ("process", r#"{"at":null,"boot_id":"<machine zqboot>","event":"run","facts":{"<label zqfact>":"<label zqvalue>","os_image":"Debian <label zqimage>"},"go_version":"<label zqgo> is running","kubelet_version":"v1.36.1","node":"<node zqnode-7>","run":2,"start_time":1500000000.0}"#),
        ("exchange", r#"{"attempts":2,"headers":{"<label www-authenticate>":"<label running>","<label zqheader>":"running","content-type":"text/plain","location":"<label running>","server":"<label zqserver>","via":"<label pod>"},"method":"GET","note":"the pod <label zqpod> is running","params":{"<label zqparam>":"<label zqvalue>","pod":"<label zqpod>","seconds":"5"},"status":403,"url":"https://<host zqapi.example>:6443/api/v1/nodes/<node zqnode-7>/proxy/healthz"}"#),
        ("details", r#"{"advice":"<label zqadvice> is running","found":"0a1b","handler":"/debug/pprof/heap","message":"<label zqmessage> is running","node":"<node zqnode-7>","origin":"<label zqorigin>","other":"<node zqother>","path":"/home/<user zqalice>/<label x>","port":10250,"proxy":"http://<host zqproxy.example>:3128","resource":"nodes/proxy","selector":"<label running>","server":"<label running>","title":"<label running>","user":"<user zqjane>","verb":"get","wanted":"<label zqwanted>"}"#),
        ("an object", r#"{"code":403,"message":"<label zqmessage>"}"#),
        ("a list", r#"["<label zqone>"]"#),
        ("a text in quotes", r#""<label running>""#),
        ("flags", "v=2|config=running|"),
        ("one flag", "<label zq> page|hostname-override=running"),
        ("two flags", "<label zq> page|hostname-override=<node running>|a b=running|=running|node-name=<node running>"),
        ("a flag and no name", "hostname-override=running|=running"),
        ("a flag and a sentence", "hostname-override=running|a b=running|"),
        ("a number", "17"),
        ("users of the command", "<user zqjane> and <user zqbob> met <user zqdave>"),
        ("users of answers", r#"User "<user zqdave>" cannot list: (user=<user zqerin>, verb=get)"#),
        ("users of other answers", "<user zqerin> and <user zqdave>"),
        ("the end", r#"{"advice":"<label zqadvice> is running","found":"0a1b","handler":"/debug/pprof/heap","message":"<label zqmessage> is running","node":"<node zqnode-7>","origin":"<label zqorigin>","other":"<node zqother>","path":"/home/<user zqalice>/<label x>","port":10250,"proxy":"http://<host zqproxy.example>:3128","resource":"nodes/proxy","selector":"<label running>","server":"<label running>","title":"<label running>","user":"<user zqjane>","verb":"get","wanted":"<label zqwanted>"} "<label zqmessage>""#),
    ];
    let mut run = lines[3].clone();
    run["at"].take();
    let found = [
        of(2, "asked"),
        run.to_string(),
        of(4, "exchange"),
        of(4, "details"),
        body(5),
        body(6),
        body(7),
        body(8).replace('\n', "|"),
        body(9).replace('\n', "|"),
        body(10).replace('\n', "|"),
        body(11).replace('\n', "|"),
        body(12).replace('\n', "|"),
        body(13),
        body(14),
        body(15),
        body(16),
        [of(17, "details"), of(17, "interrupted")].join(" "),
    ];
    compare(found.iter().map(String::as_str), &rows);
}

/// Hosts of a node's own object are known wherever they stand; a node that is called like a word is one only where a node is meant.
#[test]
#[rustfmt::skip] // One row a line.
fn nodes_and_their_hosts_are_known_everywhere() {
    let node = r#"{"status":{"addresses":[
        {"type":"Hostname","address":"zqone"},{"type":"InternalDNS","address":"zqtwo.zqdomain"},
        {"type":"ExternalDNS","address":"zqnode-7.zqthree"},{"type":"InternalIP","address":"zqfour"}]}}"#;
    let rows = [
        ("zqone zqtwo zqtwo.zqdomain zqdomain", "<host zqone> <host zqtwo> <host zqtwo.zqdomain> <label zqdomain>"),
        ("zqnode-7.zqthree zqthree zqfour", "<node zqnode-7>.<host zqthree> <label zqthree> <label zqfour>"),
        ("x-zqtwo-1 zqtwos", "<label x-<host zqtwo>-1> <label zqtwos>"),
        ("running ab abc", "running <node ab> <node abc>"),
        ("node running ready", "node running ready"),
        ("nodes/running/proxy nodes/ab/proxy", "nodes/<node running>/proxy nodes/<node ab>/proxy"),
        ("zqlong zqlong-name zqlong-name-2", "<node zqlong> <node zqlong-name> <label <node zqlong-name>-2>"),
    ];
    let text: String = rows.iter().map(|(line, _)| format!("{line}\n")).collect();
    let run = |node: &str| {
        Event::Run(RunStarted {
            node: node.to_owned(),
            run: 1,
            ..RunStarted::default()
        })
    };
    let events = ["running", "ab", "abc", "zqlong", "zqlong-name", "10.1.2.3"].map(run);
    let artifacts = [("node", Form::Json, node), ("journal", Form::Text, text.as_str())];
    let (texts, _) = redacted(&artifacts, events.to_vec());
    compare(texts[1].lines(), &rows);
}
