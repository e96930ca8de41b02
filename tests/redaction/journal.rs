//! The manifest itself: a sentinel in every field that holds text. Structs are written out whole: a field that is added does
//! not compile before it is filled in here.

use std::collections::BTreeMap;
use std::path::Path;

use kubeprof::bundle::manifest::{
    Asked, Cause, Details, Effect, Entry, Event, Exchange, Finished, Missing, Process, Route, RunStarted, Slot,
    SnapshotId, Started, Who,
};

use super::{all_text, assert_hidden};

fn texts(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

fn exchange() -> Exchange {
    Exchange {
        method: "ZQGET".to_owned(),
        url: "https://zquser@zqapi.example:6443/api/v1/nodes/zqnode-7/proxy/debug/pprof/heap".to_owned(),
        params: texts(&[
            ("labelSelector", "zqlabel=zqvalue"),
            ("seconds", "30"),
            ("zqparam", "zqvalue"),
        ]),
        status: Some(403),
        headers: texts(&[
            ("server", "zqproxy/1.0"),
            ("location", "https://login.zqcorp.example/?user=zqjane"),
            ("www-authenticate", "Bearer realm=\"zqrealm\""),
            ("x-zq-header", "zqvalue"),
            ("content-type", "text/plain; charset=utf-8"),
            ("audit-id", "zq-audit"),
            ("via", "1.1 zqvia"),
        ]),
        t_request: Some("2026-11-24T02:38:00Z".parse().expect("a time")),
        first_byte_ms: Some(1),
        done_ms: Some(2),
        clock_skew_ms: Some(0),
        attempts: Some(2),
        note: "came from zqnote".to_owned(),
    }
}

/// Every field of [`Details`]: those that are text have a sentinel.
pub(super) fn details() -> Details {
    Details {
        route: Some(Route::Direct),
        node: "zqnode-7".to_owned(),
        other: "zqother".to_owned(),
        path: "/zqpath/debug/pprof/heap".to_owned(),
        user: "Zq Q. Zoe".to_owned(),
        verb: "zqverb".to_owned(),
        resource: "zqresources/zqsub".to_owned(),
        selector: "zqlabel=zqvalue".to_owned(),
        handler: "zqhandler".to_owned(),
        proxy: "http://zqproxy.example:3128".to_owned(),
        server: "zqserver/2.0".to_owned(),
        title: "zqtitle of zqcorp".to_owned(),
        page: true,
        origin: "ssh://zqroot@zqnode-7.example/proc/812/exe".to_owned(),
        found: "zqfound".to_owned(),
        wanted: "zqwanted".to_owned(),
        status: Some(403),
        port: Some(10250),
        bytes: Some(1),
        goroutines: Some(2),
        limit: Some(3),
        after_ms: Some(4),
        idle_s: Some(5),
        measures_s: Some(6),
        wait_s: Some(7),
        limit_s: Some(8),
        message: "nodes \"zqnode-7\" is forbidden: User \"Zq Q. Zoe\" cannot get resource \"nodes/proxy\" in API group \"\" at the \
                  cluster scope: group zqadmins; dial tcp 203.0.113.7:10250: zqerror"
            .to_owned(),
        advice: "ask zqteam for it".to_owned(),
        effect: Some(Effect::ProcessGone),
        inherited: true,
    }
}

fn missing(artifact: &str, body: &str) -> Missing {
    Missing {
        slot: Slot {
            node: "zqnode-7".to_owned(),
            run: 1,
            snapshot: Some(SnapshotId {
                number: 1,
                taken: "2026-11-24T02:38:00Z".parse().expect("a time"),
            }),
            artifact: artifact.to_owned(),
        },
        exchange: exchange(),
        who: Who::ApiServer,
        cause: Cause::ApiForbidden,
        details: details(),
        why: String::new(),
        remedy: String::new(),
        body: body.to_owned(),
        bytes: Some(9),
        withdrawn: true,
    }
}

fn events() -> Vec<Event> {
    let started = Started {
        schema: 2,
        tool: "zqtool 1.0".to_owned(),
        resumed: false,
        asked: Asked {
            nodes: vec![
                "zqnode-7".to_owned(),
                "https:zqnode-8:10250".to_owned(),
                "203.0.113.8:10250".to_owned(),
            ],
            every: vec!["heap".to_owned(), "zqevery".to_owned()],
            once: vec!["zqonce".to_owned()],
            snapshots: 1,
            interval_ms: 0,
            route: "zqroute".to_owned(),
            server: "https://zqapi.example:6443".to_owned(),
            command: [
                "kubeprof",
                "capture",
                "zqnode-7",
                "--as=zqactas",
                "--as",
                "zqactas2",
                "--as-group=zqgroup",
                "--out",
                "/home/zqalice/zqincident",
                "--server",
                "https://zqapi.example:6443",
                "--context=zqcontext",
                "--profiles=heap,zqprofile",
                "-lzqlabel=zqvalue",
                "--zqflag",
                "zqvalue",
                "--token",
                "***",
                "--seconds",
                "30",
            ]
            .map(str::to_owned)
            .to_vec(),
            options: texts(&[("cpu_seconds", "30"), ("zqoption", "zqvalue"), ("named", "zqnamed")]),
        },
    };
    let run = RunStarted {
        node: "zqnode-7".to_owned(),
        run: 1,
        process: Process {
            start_time: Some(1.7e9),
            boot_id: "zqboot".to_owned(),
            kubelet_version: "v1.36.1-zqbuild".to_owned(),
            go_version: "zqgo".to_owned(),
            facts: texts(&[
                ("os_image", "Zqlinux 12 (zqcode)"),
                ("kernel_version", "6.1.0-zqkernel"),
                ("conditions", "Ready=False (ZqReason)"),
                ("zqfact", "zqvalue"),
            ]),
        },
    };
    let bodies = [
        r#"{"kind":"Status","message":"nodes \"zqnode-7\" is forbidden: User \"Zq Q. Zoe\" cannot get","details":{"name":"zqnode-7","kind":"nodes"}}"#,
        r#"{"kind":"Status","message":"User \"zqjane\" cannot get resource \"pods\" in the namespace \"zqns\": zqreason","cut"#,
        "Forbidden (user=zqjane, verb=get, resource=nodes, subresource(s)=[proxy])\n",
        "Authorization error (user=Zq Zoe, verb=get, resource=nodes, subresource=proxy)",
        "<html><head><title>Sign in to zqcorp</title></head><body>zqbody <a href=\"https://sso.zqcorp.example/\">x</a></body></html>",
        "config=/etc/zqcorp/kubelet.yaml\nnode-ip=203.0.113.7\nnode-labels=zqlabel=zqvalue\n",
        "upstream connect error: zqupstream 203.0.113.7:10250, via zqgateway.zqcorp.example (52:54:00:aa:bb:cc)",
    ];
    let mut events = vec![Event::Started(started), Event::Run(run)];
    for (i, body) in bodies.iter().enumerate() {
        events.push(Event::Failed(missing(&format!("artifact-{i}"), body)));
    }
    events.push(Event::Skipped(missing("zqartifact", "zqbody")));
    events.push(Event::Finished(Finished {
        cause: Some(Cause::Disk),
        details: details(),
        interrupted: String::new(),
    }));
    events
}

fn write(root: &Path, events: Vec<Event>) {
    std::fs::create_dir(root).expect("a folder");
    let mut journal = String::new();
    for event in events {
        let at = "2026-11-24T02:38:00Z".parse().expect("a time");
        journal += &serde_json::to_string(&Entry { at, event }).expect("JSON");
        journal.push('\n');
    }
    std::fs::write(root.join("manifest.jsonl"), journal).expect("room");
}

/// Leaves of a document that are text, with their paths.
fn leaves(value: &serde_json::Value, path: &str, out: &mut Vec<(String, String)>) {
    match value {
        serde_json::Value::String(s) => out.push((path.to_owned(), s.clone())),
        serde_json::Value::Array(items) => items.iter().for_each(|v| leaves(v, path, out)),
        serde_json::Value::Object(map) => map.iter().for_each(|(k, v)| leaves(v, &format!("{path}/{k}"), out)),
        _ => {}
    }
}

#[test]
fn no_field_of_the_manifest_keeps_a_sentinel() {
    let dir = tempfile::tempdir().expect("a folder");
    let events = events();
    // Every field that is text has one: what has none is an enumeration, a time, or no name.
    let mut plain = std::collections::BTreeSet::new();
    for event in &events {
        let mut found = Vec::new();
        leaves(&serde_json::to_value(event).expect("JSON"), "", &mut found);
        let with: std::collections::BTreeSet<String> = found
            .iter()
            .filter(|(_, v)| v.to_lowercase().contains("zq"))
            .map(|(p, _)| p.clone())
            .collect();
        plain.extend(found.into_iter().map(|(p, _)| p).filter(|p| !with.contains(p)));
    }
    let known = [
        "/artifact",
        "/asked/options/cpu_seconds",
        "/cause",
        "/details/effect",
        "/details/route",
        "/event",
        "/exchange/headers/content-type",
        "/exchange/params/seconds",
        "/exchange/t_request",
        "/snapshot/taken",
        "/who",
    ];
    assert_eq!(
        plain.into_iter().collect::<Vec<_>>(),
        known,
        "a field without a sentinel"
    );
    write(&dir.path().join("b"), events);
    assert_hidden(dir.path(), "b");
    let after = all_text(&dir.path().join("b-redacted"));
    for kept in [
        "\"cause\":\"api_forbidden\"",
        "\"who\":\"api_server\"",
        "\"route\":\"direct\"",
        "/proxy/debug/pprof/heap",
        "text/plain; charset=utf-8",
        "\"seconds\":\"30\"",
        "is forbidden: User",
        "cannot get resource",
        "\"kubeprof\",\"capture\",\"node-",
    ] {
        assert!(after.contains(kept), "{kept}");
    }
    assert!(
        !after.contains("\"why\"") && !after.contains("\"remedy\""),
        "no sentence is made for the manifest"
    );
}
