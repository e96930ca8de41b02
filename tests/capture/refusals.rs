//! Who refused, why, and what to change: every real answer, and every row of the matrix that the lab cannot play.

use std::collections::BTreeMap;
use std::time::Duration;

use kubeprof::bundle::manifest::Who;
use kubeprof::capture::refusal::{
    Answer, Break, Cause, Details, Next, Question, Refusal, Route, of_answer, of_break, undecodable,
};

use kubeprof::cli::refusal::words;

use super::server::{parse_fixture, root};

fn why(r: &Refusal) -> String {
    words(r.who, r.cause, &r.details).why
}

fn remedy(r: &Refusal) -> String {
    words(r.who, r.cause, &r.details).remedy
}

fn question(route: Route, path: &'static str) -> Question<'static> {
    Question {
        route,
        node: if route == Route::Direct {
            "10.88.0.2:10250"
        } else {
            "worker-03"
        },
        server: match route {
            Route::ApiServer => "https://10.0.0.1:6443",
            Route::KubectlProxy => "http://127.0.0.1:8901",
            Route::Direct => "https://10.88.0.2:10250",
        },
        path,
        measures: if path.ends_with("profile") {
            Duration::from_secs(30)
        } else {
            Duration::ZERO
        },
    }
}

fn explained(route: Route, path: &'static str, status: u16, kind: &str, body: &str) -> Refusal {
    let headers = BTreeMap::from([("content-type".to_owned(), kind.to_owned())]);
    let answer = Answer {
        status,
        headers: &headers,
        body: body.as_bytes(),
    };
    of_answer(&question(route, path), &answer)
}

fn status_of(route: Route, path: &'static str, code: u16, message: &str) -> Refusal {
    let body =
        serde_json::json!({"kind": "Status", "apiVersion": "v1", "message": message, "reason": "X", "code": code});
    explained(route, path, code, "application/json", &body.to_string())
}

const HEAP: &str = "/debug/pprof/heap";
const CPU: &str = "/debug/pprof/profile";

/// File, way, path that was asked, and what must be said: cause, who, words of why, words of the remedy.
#[rustfmt::skip]
const REAL: &[(&str, Route, &str, Cause, Who, &str, &str)] = &[
    ("api-400-bad-node-id", Route::ApiServer, HEAP, Cause::BadNodeName, Who::ApiServer, "invalid node request", "kubectl get nodes"),
    ("api-401-bad-token", Route::ApiServer, HEAP, Cause::ApiUnauthorized, Who::ApiServer, "does not know you", "renew"),
    ("api-403-anonymous", Route::ApiServer, HEAP, Cause::ApiForbidden, Who::ApiServer, "system:anonymous", "kubectl config view"),
    ("api-403-viewer", Route::ApiServer, HEAP, Cause::ApiForbidden, Who::ApiServer, "\"viewer\"", "--resource=nodes/proxy"),
    ("api-404-no-such-node", Route::ApiServer, HEAP, Cause::NoSuchNode, Who::ApiServer, "worker-99", "kubectl get nodes"),
    ("api-wrong-port", Route::ApiServer, HEAP, Cause::KubeletRefuses, Who::Path, "connection refused", "10250"),
    ("debugging-off-404-configz", Route::ApiServer, "/configz", Cause::PathNotFound, Who::Kubelet, "/configz", "enableDebuggingHandlers"),
    ("debugging-off-404-flags", Route::ApiServer, "/flagz", Cause::PathNotFound, Who::Kubelet, "/flagz", "enableDebuggingHandlers"),
    ("debugging-off-405-heap", Route::ApiServer, HEAP, Cause::DebuggingOff, Who::Handler, "enableDebuggingHandlers: false", "metrics"),
    ("debugging-off-405-index", Route::ApiServer, "/debug/pprof/", Cause::DebuggingOff, Who::Handler, "enableDebuggingHandlers: false", "enableDebuggingHandlers: true"),
    ("direct-401-no-credentials", Route::Direct, HEAP, Cause::KubeletUnauthorized, Who::Kubelet, "does not know you", "clientCAFile"),
    ("direct-403-viewer", Route::Direct, HEAP, Cause::KubeletForbidden, Who::Kubelet, "\"viewer\"", "nodes/proxy"),
    ("direct-500-authorization-error", Route::Direct, HEAP, Cause::AuthorizationError, Who::Kubelet, "cannot reach the API server", "connection to the API server"),
    ("direct-http-on-tls-port", Route::Direct, HEAP, Cause::PlainHttp, Who::You, "TLS port", "https://"),
    ("healthz-port-10248", Route::Direct, HEAP, Cause::NotAKubelet, Who::You, "not the kubelet's port", "10250"),
    ("kubelet-400-negative-seconds", Route::ApiServer, CPU, Cause::BadParameter, Who::Handler, "positive integer", "report"),
    ("kubelet-400-seconds-and-debug", Route::ApiServer, CPU, Cause::BadParameter, Who::Handler, "incompatible", "report"),
    ("kubelet-404-goroutineleak-old-go", Route::ApiServer, "/debug/pprof/goroutineleak", Cause::UnknownProfile, Who::Handler, "Go version", "Go 1.27"),
    ("kubelet-404-unknown-path", Route::ApiServer, "/statusz", Cause::PathNotFound, Who::Kubelet, "/statusz", "1.36"),
    ("kubelet-404-unknown-profile", Route::ApiServer, "/debug/pprof/nothing", Cause::UnknownProfile, Who::Handler, "no such profile", "nothing is wrong"),
    ("kubelet-405-post", Route::ApiServer, HEAP, Cause::MethodNotAllowed, Who::Handler, "HTTP method", "nothing"),
    ("kubelet-406-flags-get", Route::ApiServer, "/debug/flags/v", Cause::MethodNotAllowed, Who::Handler, "HTTP method", "nothing"),
    ("kubelet-500-cpu-profile-in-use", Route::ApiServer, CPU, Cause::CpuProfileInUse, Who::Handler, "only one at a time", "31 s"),
    ("kubelet-down-503", Route::ApiServer, HEAP, Cause::KubeletRefuses, Who::Path, "10.88.0.2:10250", "systemctl status kubelet"),
    ("profiling-off-405-heap", Route::ApiServer, HEAP, Cause::ProfilingOff, Who::Handler, "enableProfilingHandler: false", "enableProfilingHandler: true"),
    ("profiling-off-405-index", Route::ApiServer, "/debug/pprof/", Cause::ProfilingOff, Who::Handler, "enableProfilingHandler: false", "metrics"),
];

#[test]
fn every_real_answer_is_told_apart() {
    let mut tested = Vec::new();
    for &(file, route, path, cause, who, in_why, in_remedy) in REAL {
        let name = format!("{file}.http");
        let (status, headers, body) = parse_fixture(&name);
        let headers: BTreeMap<String, String> = headers.into_iter().collect();
        let answer = Answer {
            status,
            headers: &headers,
            body: &body,
        };
        let mut question = question(route, path);
        if file == "healthz-port-10248" {
            question.server = "http://10.88.0.2:10248";
        }
        let refusal = of_answer(&question, &answer);
        assert_eq!((refusal.cause, refusal.who), (cause, who), "{file}: {refusal:#?}");
        assert!(why(&refusal).contains(in_why), "{file}: {refusal:#?}");
        assert!(remedy(&refusal).contains(in_remedy), "{file}: {refusal:#?}");
        assert!(
            !why(&refusal).ends_with('.') && !why(&refusal).contains('\n'),
            "{file}: {refusal:#?}"
        );
        tested.push(name);
    }
    for entry in std::fs::read_dir(root().join("fixtures/refusals")).expect("fixtures") {
        let name = entry.expect("an entry").file_name().to_string_lossy().into_owned();
        let is_answer = name.ends_with(".http") && !name.starts_with("ssar");
        assert!(!is_answer || tested.contains(&name), "{name} is not tested");
    }
}

#[test]
fn what_is_lost_for_all_is_not_asked_for_one_by_one() {
    let next = |file: &str, route, path| {
        let (status, headers, body) = parse_fixture(&format!("{file}.http"));
        let headers: BTreeMap<String, String> = headers.into_iter().collect();
        of_answer(
            &question(route, path),
            &Answer {
                status,
                headers: &headers,
                body: &body,
            },
        )
        .next
    };
    assert_eq!(next("debugging-off-405-heap", Route::ApiServer, HEAP), Next::NoProfiles);
    assert_eq!(next("profiling-off-405-heap", Route::ApiServer, HEAP), Next::NoProfiles);
    assert_eq!(
        next("direct-403-viewer", Route::Direct, HEAP),
        Next::NoProfiles,
        "metrics may still be allowed"
    );
    assert_eq!(next("kubelet-down-503", Route::ApiServer, HEAP), Next::LeaveNode);
    assert_eq!(next("api-404-no-such-node", Route::ApiServer, HEAP), Next::LeaveNode);
    assert_eq!(next("api-401-bad-token", Route::ApiServer, HEAP), Next::Stop);
    assert_eq!(
        next("kubelet-404-goroutineleak-old-go", Route::ApiServer, HEAP),
        Next::Skip
    );
    // Never at once: the other profile takes as long as ours would.
    assert_eq!(
        next("kubelet-500-cpu-profile-in-use", Route::ApiServer, CPU),
        Next::Again(Duration::from_secs(31))
    );
}

/// What the lab cannot play, in the words of the sources that reference them.
#[test]
fn the_rest_of_the_matrix() {
    let reach = |tail: &str| {
        status_of(
            Route::ApiServer,
            HEAP,
            503,
            &format!("error trying to reach service: {tail}"),
        )
    };
    let r = reach("dial tcp 10.88.0.2:10250: i/o timeout");
    assert_eq!((r.cause, r.who), (Cause::KubeletUnreachable, Who::Path), "{r:#?}");
    assert!(remedy(&r).contains("firewall"), "{r:#?}");
    let r = reach("tls: failed to verify certificate: x509: certificate is valid for 10.0.0.1, not 10.88.0.2");
    assert_eq!((r.cause, r.who), (Cause::KubeletCertificate, Who::Path), "{r:#?}");
    assert!(remedy(&r).contains("serverTLSBootstrap"), "{r:#?}");
    let r = reach("No agent available");
    assert_eq!((r.cause, r.who), (Cause::NoAgent, Who::Path), "{r:#?}");
    assert!(remedy(&r).contains("konnectivity"), "{r:#?}");
    let r = reach("EOF");
    assert_eq!((r.cause, r.who), (Cause::PathBroke, Who::Path), "{r:#?}");
    assert!(matches!(r.next, Next::Again(_)));

    let autopilot = "nodes \"gk3\" is forbidden: User \"jane\" cannot get resource \"nodes/proxy\" in API group \"\" at the \
                     cluster scope: GKEAutopilot authz: cluster scoped resource \"nodes/proxy\" is managed and access is denied";
    let r = status_of(Route::ApiServer, HEAP, 403, autopilot);
    assert_eq!((r.cause, r.who), (Cause::ProviderForbids, Who::Provider), "{r:#?}");
    assert!(!remedy(&r).contains("clusterrole"), "no right helps there: {r:#?}");

    let r = status_of(Route::ApiServer, "/api/v1/nodes/n", 429, "too many requests");
    assert_eq!((r.cause, r.who), (Cause::Overloaded, Who::ApiServer), "{r:#?}");
    let r = status_of(
        Route::ApiServer,
        CPU,
        504,
        "request did not complete within the allotted timeout",
    );
    assert_eq!((r.cause, r.who), (Cause::GatewayTimeout, Who::Path), "{r:#?}");
    assert!(remedy(&r).contains("--seconds 10"), "{r:#?}");
    let r = status_of(
        Route::ApiServer,
        HEAP,
        500,
        "Authorization error (user=kube-apiserver-kubelet-client, verb=get)",
    );
    assert_eq!((r.cause, r.who), (Cause::AuthorizationError, Who::Kubelet), "{r:#?}");
    let r = status_of(Route::ApiServer, HEAP, 400, "address not allowed");
    assert_eq!(r.cause, Cause::AddressNotAllowed, "{r:#?}");

    // Through the API server, a kubelet's 401 and 403 are about the API server's own client.
    let r = explained(Route::ApiServer, HEAP, 401, "text/plain", "Unauthorized");
    assert_eq!((r.cause, r.who), (Cause::KubeletUnauthorized, Who::Kubelet), "{r:#?}");
    assert!(remedy(&r).contains("--kubelet-client-certificate"), "{r:#?}");
    let words = "Forbidden (user=kube-apiserver-kubelet-client, verb=get, resource=nodes, subresource=proxy)";
    let r = explained(Route::ApiServer, HEAP, 403, "text/plain", words);
    assert_eq!(r.who, Who::Kubelet);
    assert!(
        why(&r).contains("your rights are fine") && remedy(&r).contains("system:kubelet-api-admin"),
        "{r:#?}"
    );
    let words = "Forbidden (user=u, verb=get, resource=nodes, subresource(s)=[configz proxy])";
    let r = explained(Route::Direct, "/configz", 403, "text/plain", words);
    assert!(why(&r).contains("nodes/proxy"), "{r:#?}");

    let words = "Forbidden (user=system:node:n1, verb=get, resource=nodes, subresource(s)=[proxy])";
    let r = explained(Route::Direct, HEAP, 403, "text/plain", words);
    assert!(
        why(&r).contains("own certificate") && remedy(&r).contains("--client-certificate"),
        "{r:#?}"
    );

    let page = "<html><head><title>Sign in</title></head><body>..</body></html>";
    let r = explained(Route::ApiServer, HEAP, 200, "text/html", page);
    assert_eq!((r.cause, r.who), (Cause::WebPage, Who::Network), "{r:#?}");
    assert!(why(&r).contains("sign in"), "{r:#?}");
    let r = explained(
        Route::ApiServer,
        HEAP,
        502,
        "text/html",
        "<html><title>502 Bad Gateway</title></html>",
    );
    assert_eq!((r.cause, r.who), (Cause::Gateway, Who::Network), "{r:#?}");
    let r = explained(Route::ApiServer, CPU, 504, "text/plain", "stream timeout");
    assert_eq!((r.cause, r.who), (Cause::GatewayTimeout, Who::Network), "{r:#?}");
    assert!(remedy(&r).contains("--seconds 10"), "{r:#?}");

    let r = explained(Route::KubectlProxy, HEAP, 403, "text/plain", "Forbidden");
    assert_eq!((r.cause, r.who), (Cause::ProxyFilter, Who::You), "{r:#?}");
    let r = explained(
        Route::KubectlProxy,
        HEAP,
        502,
        "text/plain",
        "dial tcp 127.0.0.1:6443: connect: connection refused",
    );
    assert_eq!((r.cause, r.who), (Cause::ApiNotReady, Who::Network), "{r:#?}");
    let r = status_of(
        Route::Direct,
        HEAP,
        403,
        "forbidden: User \"system:anonymous\" cannot get path \"/debug/pprof/heap\"",
    );
    assert_eq!((r.cause, r.who), (Cause::NotAKubeletButApiServer, Who::You), "{r:#?}");
    assert!(why(&r).contains("API server, not a kubelet"), "{r:#?}");

    let q = Question {
        node: "n:10255",
        ..question(Route::Direct, HEAP)
    };
    let headers = BTreeMap::new();
    let body = b"Debug endpoints are disabled.\n";
    let r = of_answer(
        &q,
        &Answer {
            status: 405,
            headers: &headers,
            body,
        },
    );
    assert!(
        why(&r).contains("read-only port") && remedy(&r).contains("10250"),
        "{r:#?}"
    );
    let r = explained(
        Route::ApiServer,
        CPU,
        500,
        "text/plain",
        "Could not enable tracing: tracing is already enabled",
    );
    assert_eq!(r.cause, Cause::TraceInUse, "{r:#?}");
    let r = explained(
        Route::ApiServer,
        "/healthz",
        500,
        "text/plain",
        "[+]ping ok\n[-]syncloop failed: reason withheld\nhealthz check failed\n",
    );
    assert_eq!((r.cause, r.who), (Cause::Unhealthy, Who::Kubelet), "{r:#?}");
    assert!(why(&r).contains("syncloop"), "{r:#?}");
    let r = explained(Route::ApiServer, HEAP, 418, "text/plain", "teapot");
    assert_eq!(
        (r.cause, r.who),
        (Cause::Other, Who::Unknown),
        "nothing is guessed: {r:#?}"
    );
}

#[test]
fn a_cut_at_a_round_number_is_an_idle_timeout() {
    let ended = |seconds: f64, of: u64| {
        let q = Question {
            measures: Duration::from_secs(of),
            ..question(Route::ApiServer, CPU)
        };
        let why = "connection reset".to_owned();
        let after = Duration::from_secs_f64(seconds);
        of_break(&q, &Break::Ended { bytes: 0, after, why })
    };
    let r = ended(60.3, 120);
    assert_eq!(r.cause, Cause::IdleTimeout, "{r:#?}");
    assert!(
        why(&r).contains("60 s") && remedy(&r).contains("3 profiles of 40 s"),
        "{r:#?}"
    );
    assert_eq!(ended(60.3, 60).cause, Cause::Broke, "the profile was over");
    assert_eq!(ended(43.0, 120).cause, Cause::Broke, "no round number");
    assert_eq!(ended(0.2, 120).cause, Cause::Broke);
}

#[test]
fn an_error_under_status_200_is_not_taken_for_a_profile() {
    let headers = BTreeMap::new();
    let q = question(Route::ApiServer, HEAP);
    let of = |body: &[u8]| {
        undecodable(
            &q,
            &Answer {
                status: 200,
                headers: &headers,
                body,
            },
            "half a download",
            "ask again",
        )
    };
    assert_eq!(of(b"Debug endpoints are disabled.\n").cause, Cause::DebuggingOff);
    assert_eq!(of(b"<!DOCTYPE html><title>Login</title>").cause, Cause::WebPage);
    let r = of(b"\x1f\x8b\x08");
    assert_eq!(r.cause, Cause::Undecodable);
    assert!(
        why(&r).contains("half a download") && remedy(&r) == "ask again",
        "{r:#?}"
    );
}

#[test]
fn hints_for_several_rights_can_be_followed_one_after_the_other() {
    let of = |path: &'static str, subresource: &str| {
        let words = format!("Forbidden (user=viewer, verb=get, resource=nodes, subresource={subresource})");
        remedy(&explained(Route::Direct, path, 403, "text/plain", &words))
    };
    let (profiles, metrics) = (of(HEAP, "proxy"), of("/metrics", "metrics"));
    assert!(profiles.contains("create clusterrole kubeprof-proxy "), "{profiles}");
    assert!(metrics.contains("create clusterrole kubeprof-metrics "), "{metrics}");
    for hint in [profiles, metrics] {
        assert!(
            hint.contains("kubeprof capture --direct 10.88.0.2:10250 --dry-run"),
            "{hint}"
        );
        assert!(hint.contains("half a minute"), "kubelets remember a refusal: {hint}");
    }
    let words = "nodes is forbidden: User \"o'neil\" cannot get resource \"nodes/proxy\"";
    let r = status_of(Route::ApiServer, HEAP, 403, words);
    assert!(remedy(&r).contains(r"--user='o'\''neil'"), "{r:#?}");
}

/// Silence through a proxy is of the API server, of the kubelet or of the network: nobody is blamed, whatever was asked.
#[test]
fn nobody_is_blamed_without_proof() {
    let (after, quiet) = (Duration::from_secs(60), Duration::from_secs(20));
    let reset = || "connection reset by peer".to_owned();
    let silences = [
        Break::NoAnswer { after },
        Break::Stalled { bytes: 100, quiet },
        Break::TooSlow { bytes: 100, after },
        Break::Ended {
            bytes: 0,
            after: quiet,
            why: reset(),
        },
        Break::Ended {
            bytes: 100,
            after: quiet,
            why: reset(),
        },
    ];
    for route in [Route::ApiServer, Route::KubectlProxy] {
        for path in [HEAP, CPU, "/metrics", "/healthz", "/configz"] {
            for silence in &silences {
                let r = of_break(&question(route, path), silence);
                assert_eq!(r.who, Who::Unknown, "{path}: {r:#?}");
                let text = format!("{} {}", why(&r), remedy(&r));
                let both = text.contains("API server") && text.contains("kubelet");
                let none = !text.contains("hangs");
                assert!(both || none, "one is named and not the other: {path}: {r:#?}");
            }
        }
    }
    // Asked directly, it is the kubelet or the network.
    let r = of_break(&question(Route::Direct, "/metrics"), &Break::NoAnswer { after });
    assert!(
        r.who == Who::Kubelet && remedy(&r).contains("or the network") && !remedy(&r).contains("API server"),
        "{r:#?}"
    );
    // Words of an API server about something else than a kubelet.
    for message in [
        "failed calling webhook \"x\": Post \"https://10.0.0.7:443/\": dial tcp 10.0.0.7:443: connect: connection refused",
        "context deadline exceeded",
        "failed calling webhook: x509: certificate signed by unknown authority",
        "etcdserver: request timed out, possibly due to connection lost: EOF",
    ] {
        let r = status_of(Route::ApiServer, HEAP, 500, message);
        assert_eq!((r.cause, r.who), (Cause::ApiNotReady, Who::ApiServer), "{r:#?}");
        assert!(!why(&r).contains("kubelet"), "{r:#?}");
    }
    let message = "error trying to reach service: context deadline exceeded";
    let r = status_of(Route::ApiServer, HEAP, 503, message);
    assert!(r.who == Who::Path && !why(&r).contains("port"), "{r:#?}");
}

/// What is named in a hint is what was given, and fits the right that is missing.
#[test]
fn hints_name_the_port_and_the_right_at_hand() {
    let refused = Break::Refused("connection refused".to_owned());
    let r = of_break(&question(Route::KubectlProxy, HEAP), &refused);
    assert!(remedy(&r).contains("--port=8901"), "{r:#?}");
    let q = Question {
        node: "10.88.0.2:10255",
        server: "https://10.88.0.2:10255",
        ..question(Route::Direct, HEAP)
    };
    let r = of_break(&q, &Break::Unreachable("deadline has elapsed".to_owned()));
    assert!(remedy(&r).contains("10255") && !remedy(&r).contains("10250"), "{r:#?}");
    // Port 10250 was asked: to say that kubelets listen there helps nobody.
    let r = explained(Route::Direct, HEAP, 404, "text/plain", "404 page not found");
    assert!(!remedy(&r).contains("10250"), "{r:#?}");
    let r = of_break(
        &question(Route::Direct, HEAP),
        &Break::NotHttp("invalid HTTP version parsed".to_owned()),
    );
    assert!(!remedy(&r).contains("10250"), "{r:#?}");
    let words = "Forbidden (user=viewer, verb=get, resource=nodes, subresource=metrics)";
    let r = explained(Route::Direct, "/metrics", 403, "text/plain", words);
    assert!(
        remedy(&r).contains("nodes/metrics") && !remedy(&r).contains("nodes/proxy"),
        "{r:#?}"
    );
}

#[test]
fn what_is_no_answer_is_told_apart() {
    // A frozen server's port still takes connections, and then says nothing.
    let r = of_break(
        &question(Route::ApiServer, "/version"),
        &Break::Unreachable("deadline has elapsed".to_owned()),
    );
    assert!(remedy(&r).contains("an API server that hangs"), "{r:#?}");
    let after = Duration::from_secs(60);
    let r = of_break(&question(Route::ApiServer, "/version"), &Break::NoAnswer { after });
    assert_eq!(r.who, Who::ApiServer, "{r:#?}");
    let of = |said: &str| of_break(&question(Route::ApiServer, HEAP), &Break::NotHttp(said.to_owned()));
    let r = of("invalid HTTP version parsed");
    assert!(
        why(&r).contains("does not speak HTTP") && remedy(&r).contains("`server`"),
        "{r:#?}"
    );
    let r = of("message head is too large");
    assert!(why(&r).contains("headers") && why(&r).contains("too large"), "{r:#?}");
    let r = of("invalid content-length parsed");
    assert!(
        why(&r).contains("malformed HTTP response") && why(&r).contains("content-length"),
        "{r:#?}"
    );
    let r = explained(Route::ApiServer, HEAP, 206, "application/octet-stream", "part");
    assert_eq!((r.cause, r.who), (Cause::PartialContent, Who::Network), "{r:#?}");
    assert!(why(&r).contains("206") && !why(&r).contains("part\""), "{r:#?}");
    let proxied = |said: &str| {
        let proxy = "http://proxy.corp:3128".to_owned();
        let why = said.to_owned();
        of_break(&question(Route::ApiServer, HEAP), &Break::Proxy { proxy, why })
    };
    let r = proxied("tunnel error: proxy authorization required");
    assert!(
        why(&r).contains("http://proxy.corp:3128") && remedy(&r).contains("USER:PASSWORD"),
        "{r:#?}"
    );
    let r = proxied("tunnel error: failed to create underlying connection: Connection refused");
    assert!(
        why(&r).contains("cannot be reached") && remedy(&r).contains("HTTPS_PROXY"),
        "{r:#?}"
    );
    let r = proxied("tunnel error: unsuccessful");
    assert!(why(&r).contains("does not connect to the API server"), "{r:#?}");
}

/// A cause without words would print that it is unknown. The list is read from the source: a new cause is in it at once.
#[test]
fn every_cause_has_words_and_a_name_that_is_read_back() {
    let source = std::fs::read_to_string(root().join("src/bundle/reason.rs")).expect("the causes");
    let (_, list) = source.split_once("pub enum Cause {").expect("the list");
    let (list, _) = list.split_once("\n}").expect("its end");
    let is_variant = |l: &&str| l.starts_with(|c: char| c.is_ascii_uppercase()) && l.ends_with(',');
    let names: Vec<&str> = list
        .lines()
        .map(str::trim)
        .filter(is_variant)
        .map(|l| l.trim_end_matches(','))
        .collect();
    assert!(names.len() > 70, "{names:?}");
    let mut told = std::collections::BTreeSet::new();
    for name in names {
        let mut snake = String::new();
        for c in name.chars() {
            if c.is_ascii_uppercase() && !snake.is_empty() {
                snake.push('_');
            }
            snake.push(c.to_ascii_lowercase());
        }
        let cause: Cause = serde_json::from_value(serde_json::json!(snake)).expect("a cause");
        assert_eq!(format!("{cause:?}"), name, "{snake} is another");
        assert_eq!(serde_json::to_value(cause).expect("JSON"), snake);
        let details = Details {
            message: "as the server says".to_owned(),
            ..Details::default()
        };
        let said = words(Who::Unknown, cause, &details);
        assert!(!said.why.is_empty(), "{name}");
        assert_eq!(
            said.why.contains("not known to this version"),
            cause == Cause::Unknown,
            "{name}"
        );
        // Two of them are in the words of the API server alone.
        let is_quoted = matches!(cause, Cause::NoSuchNode | Cause::BadNodeName);
        assert!(told.insert(said.why) || is_quoted, "{name} has the words of another");
    }
    let later: Cause = serde_json::from_value(serde_json::json!("of_a_later_version")).expect("a cause");
    assert_eq!(later, Cause::Unknown);
}
