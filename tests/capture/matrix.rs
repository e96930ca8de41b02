//! Every row of the matrix of refusals, played over TLS: one request is refused, all others are answered. The run ends in
//! bounded time, says who refused, why and what to change, and what else there is lies in a bundle that verifies.

use std::time::Duration;

use super::run::{Ran, capture, kubeprof, lack, sound, there};
use super::server::{Reply, Server};

/// One row: its name, the way, the artifact whose request is answered so, and what must be said of it.
struct Row {
    name: &'static str,
    direct: bool,
    artifact: &'static str,
    reply: Reply,
    who: &'static str,
    why: &'static str,
    remedy: &'static str,
}

fn row(name: &'static str, artifact: &'static str, reply: Reply, said: [&'static str; 3]) -> Row {
    let [who, why, remedy] = said;
    Row {
        name,
        direct: false,
        artifact,
        reply,
        who,
        why,
        remedy,
    }
}

fn direct(row: Row) -> Row {
    Row { direct: true, ..row }
}

/// What the API server says for itself: a Status.
fn status(code: u16, reason: &str, message: &str) -> Reply {
    let body = serde_json::json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "reason": reason, "code": code,
    });
    Reply::json(code, &body.to_string())
}

fn unreachable(tail: &str) -> Reply {
    let message = format!("error trying to reach service: {tail}");
    status(503, "ServiceUnavailable", &message)
}

fn path_of(artifact: &str) -> &'static str {
    match artifact {
        "heap" => "/debug/pprof/heap",
        "cpu" => "/debug/pprof/profile",
        "trace" => "/debug/pprof/trace",
        "goroutineleak" => "/debug/pprof/goroutineleak",
        "configz" => "/configz",
        "statusz" => "/statusz",
        other => unreachable!("{other}"),
    }
}

#[rustfmt::skip]
fn rows() -> Vec<Row> {
    let real = Reply::fixture;
    vec![
        // Who you are, and what you may do.
        row("401 Status", "heap", real("api-401-bad-token.http"), ["api_server", "does not know you", "renew"]),
        row("401 text", "heap", Reply::text(401, "Unauthorized"), ["kubelet", "API server", "--kubelet-client-certificate"]),
        direct(row("401 text, direct", "heap", real("direct-401-no-credentials.http"), ["kubelet", "does not know you", "clientCAFile"])),
        row("403 Status", "heap", real("api-403-viewer.http"), ["api_server", "\"viewer\"", "--resource=nodes/proxy"]),
        row("403 Status, nobody", "heap", real("api-403-anonymous.http"), ["api_server", "system:anonymous", "kubectl config view"]),
        row("403 text", "heap", Reply::text(403, "Forbidden (user=kube-apiserver-kubelet-client, verb=get, resource=nodes, subresource(s)=[proxy])"),
            ["kubelet", "your rights are fine", "system:kubelet-api-admin"]),
        direct(row("403 text, direct", "heap", real("direct-403-viewer.http"), ["kubelet", "\"viewer\"", "nodes/proxy"])),
        row("403 of a provider", "heap", status(403, "Forbidden", "nodes \"n\" is forbidden: User \"u\" cannot get resource \"nodes/proxy\" in API group \"\" at the cluster scope: GKEAutopilot authz: denied"),
            ["provider", "Autopilot", "provider"]),
        row("500 text, authorization", "heap", real("direct-500-authorization-error.http"), ["kubelet", "cannot reach the API server", "connection to the API server"]),
        row("500 Status, authorization", "heap", status(500, "InternalError", "Authorization error (user=kube-apiserver-kubelet-client, verb=get, resource=nodes)"),
            ["kubelet", "cannot reach the API server", "connection to the API server"]),
        // What the kubelet has.
        row("404 text, path", "configz", real("debugging-off-404-configz.http"), ["kubelet", "/configz", "enableDebuggingHandlers"]),
        row("404 text, new path", "statusz", real("kubelet-404-unknown-path.http"), ["kubelet", "/statusz", "1.36"]),
        row("404 text, profile", "goroutineleak", real("kubelet-404-goroutineleak-old-go.http"), ["handler", "Go version", "Go 1.27"]),
        row("404 Status", "heap", real("api-404-no-such-node.http"), ["api_server", "worker-99", "kubectl get nodes"]),
        row("405 debugging off", "heap", real("debugging-off-405-heap.http"), ["handler", "enableDebuggingHandlers: false", "metrics"]),
        row("405 profiling off", "heap", real("profiling-off-405-heap.http"), ["handler", "enableProfilingHandler: false", "enableProfilingHandler: true"]),
        row("405 POST", "heap", real("kubelet-405-post.http"), ["handler", "HTTP method", "nothing"]),
        row("400 seconds and debug", "cpu", real("kubelet-400-seconds-and-debug.http"), ["handler", "incompatible", "report"]),
        row("400 seconds", "cpu", real("kubelet-400-negative-seconds.http"), ["handler", "positive integer", "report"]),
        row("400 node", "heap", real("api-400-bad-node-id.http"), ["api_server", "invalid node request", "kubectl get nodes"]),
        row("400 address", "heap", status(400, "BadRequest", "address not allowed"), ["api_server", "address", "--direct"]),
        row("500 CPU profile in use", "cpu", real("kubelet-500-cpu-profile-in-use.http"), ["handler", "only one at a time", "end the other profiler"]),
        row("500 trace in use", "trace", Reply::text(500, "Could not enable tracing: tracing is already enabled"), ["handler", "trace", "end the other profiler"]),
        // The way there.
        row("503 refused", "heap", real("kubelet-down-503.http"), ["path", "10.88.0.2:10250", "systemctl status kubelet"]),
        row("503 port", "heap", real("api-wrong-port.http"), ["path", "connection refused", "10250"]),
        row("503 timeout", "heap", unreachable("dial tcp 10.88.0.2:10250: i/o timeout"), ["path", "10.88.0.2:10250", "firewall"]),
        row("503 certificate", "heap", unreachable("tls: failed to verify certificate: x509: certificate is valid for 10.0.0.1, not 10.88.0.2"),
            ["path", "certificate", "serverTLSBootstrap"]),
        row("503 no agent", "heap", unreachable("No agent available"), ["path", "agent", "konnectivity"]),
        row("502 page", "heap", Reply::new(502, "text/html", "<html><title>502 Bad Gateway</title></html>"), ["network", "502", ""]),
        row("504 Status", "cpu", status(504, "Timeout", "request did not complete within the allotted timeout"), ["path", "", ""]),
        row("504 text", "cpu", Reply::text(504, "stream timeout"), ["network", "", ""]),
        row("429", "heap", status(429, "TooManyRequests", "too many requests").header("Retry-After", "1"), ["api_server", "too many", ""]),
        row("200 page", "heap", Reply::new(200, "text/html", "<html><head><title>Sign in</title></head></html>"), ["network", "sign in", ""]),
        row("200 text", "heap", Reply::text(200, "profiling endpoint is disabled.\n"), ["handler", "enableProfilingHandler: false", "enableProfilingHandler: true"]),
        direct(row("404 text, one profile of several", "heap", real("healthz-port-10248.http"), ["kubelet", "serves no /debug/pprof/heap", "in front"])),
        direct(row("HTTP to a TLS port", "heap", real("direct-http-on-tls-port.http"), ["you", "TLS port", "https://"])),
        row("418", "heap", Reply::text(418, "teapot"), ["unknown", "418", ""]),
    ]
}

#[test]
fn every_row_over_tls() {
    let all = rows();
    let mut wrong = Vec::new();
    // A few at a time: a run waits for the network, not for the processor.
    for some in all.chunks(16) {
        std::thread::scope(|scope| {
            let runs: Vec<_> = some.iter().map(|row| scope.spawn(|| play(row))).collect();
            for (row, run) in some.iter().zip(runs) {
                wrong.extend(
                    run.join()
                        .expect("a run")
                        .into_iter()
                        .map(|w| format!("{}: {w}", row.name)),
                );
            }
        });
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

fn play(row: &Row) -> Vec<String> {
    let (path, reply) = (path_of(row.artifact), row.reply.clone());
    let server = Server::start(move |r| (r.at_kubelet().1 == path).then(|| reply.clone()));
    let out = server.path("b");
    let profiles = match row.artifact {
        "goroutineleak" | "cpu" | "trace" => format!("goroutine,{}", row.artifact),
        "heap" => "goroutine,heap".to_owned(),
        _ => "goroutine,configz,flagz,statusz".to_owned(),
    };
    let mut args = vec!["--profiles", &profiles, "--seconds", "1", "--timeout", "4s"];
    let address = server.address.to_string();
    let ran: Ran = if row.direct {
        let (ca, out) = (server.ca().display().to_string(), out.display().to_string());
        let mut all = vec![
            "capture",
            "--direct",
            &address,
            "--certificate-authority",
            &ca,
            "--token",
            "t",
            "--out",
            &out,
        ];
        all.extend(args);
        kubeprof(&all)
    } else {
        args.insert(0, "worker-03");
        capture(&server, &out, &args)
    };
    let mut wrong = Vec::new();
    if ran.took > Duration::from_secs(30) {
        wrong.push(format!("took {:?}", ran.took));
    }
    // Every row asks by name, and what was asked for by its name lacks, whatever the reason.
    if ran.code != Some(3) {
        wrong.push(format!("exit code {:?}, not 3: {}", ran.code, ran.stderr));
        return wrong;
    }
    sound(&out);
    let verified = kubeprof(&["bundle", "verify", &out.display().to_string()]);
    if !matches!(verified.code, Some(0 | 3)) || verified.stdout.contains("tampered") {
        wrong.push(format!("verify: {verified:#?}"));
    }
    let held = there(&out);
    if !held.contains(&"goroutine".to_owned()) {
        wrong.push(format!("the goroutines are lost with it: {held:?}\n{}", ran.stderr));
    }
    let lack = lack(&out, row.artifact);
    let text = |key: &str| lack[key].as_str().unwrap_or_default().to_owned();
    for (key, words) in [("who", row.who), ("why", row.why), ("remedy", row.remedy)] {
        let said = text(key);
        if !said.contains(words) || (key != "remedy" && said.is_empty()) {
            wrong.push(format!("{key} {said:?} lacks {words:?}"));
        }
    }
    wrong
}
