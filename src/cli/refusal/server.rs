//! What API servers and kubelets refuse, in words.

use super::{Words, grant, said, server, shorter, told};
use crate::bundle::manifest::{Cause, Details, Route, Who};

/// How to switch a handler on without losing what is there now.
fn switch_on(field: &str) -> String {
    format!(
        "set `{field}: true` in the kubelet's configuration and restart it, which loses its present state: metrics and \
         health can still be taken, and are"
    )
}

pub(super) fn words(who: Who, cause: Cause, d: &Details) -> Option<Words> {
    let direct = d.route == Some(Route::Direct);
    let resource = d.resource.as_str();
    Some(match cause {
        Cause::ApiUnauthorized => told(
            "the API server does not know you: no valid certificate or token",
            "renew the credentials of your kubeconfig (log in again, or run its exec plugin by hand to see what it says)",
        ),
        Cause::ApiForbidden => forbidden(d),
        Cause::MayNotActAs => told(
            format!("you are {:?} and may not act as another user: {}", d.user, d.message),
            "leave --as and --as-group out (or `as` of your kubeconfig), or use credentials that may `impersonate` users and \
             groups; no right to nodes/proxy is missing here",
        ),
        Cause::MayNotListNodes => told(
            format!("you are {:?} and may not list nodes: {}", d.user, d.message),
            "name the nodes one by one, or ask for the right to list nodes",
        ),
        Cause::ProviderForbids => told(
            format!("GKE Autopilot lets no one reach a kubelet: {}", d.message),
            "no right helps: ask the provider's support for profiles; its monitoring has the kubelet's metrics",
        ),
        Cause::NoSuchNode => told(d.message.as_str(), "`kubectl get nodes` lists the names"),
        Cause::BadNodeName => told(
            d.message.as_str(),
            "a node is NAME, NAME:PORT or https:NAME:PORT; `kubectl get nodes` lists the names",
        ),
        Cause::AddressNotAllowed => told(
            format!(
                "{}: the API server connects to no loopback or link-local address",
                d.message
            ),
            "the node registered with such an address (its --node-ip); capture on the node with --direct 127.0.0.1",
        ),
        Cause::ApiPathNotFound => told(
            said("the API server serves no such path", d),
            "is `server` of your kubeconfig the API server itself, or a proxy that passes only some paths?",
        ),
        Cause::Expired => told(said("the list was too old to continue", d), "ask again"),
        Cause::Overloaded => overloaded(who, d),
        Cause::ApiNotReady => not_ready(d),
        Cause::NoNodes if d.selector.is_empty() => told("the cluster has no nodes", "is it the right cluster?"),
        Cause::NoNodes => told(
            format!("no node has the labels {:?}", d.selector),
            "`kubectl get nodes --show-labels` lists them",
        ),
        Cause::TooManyNodes => told(
            format!(
                "more than {} nodes match, and each would be asked for a CPU profile",
                d.limit.unwrap_or(0)
            ),
            "choose fewer with -l, or allow more with --max-nodes",
        ),
        Cause::EndlessNodeList => told(
            format!(
                "the list of nodes has no end: {} pages came, and each names another",
                d.limit.unwrap_or(0)
            ),
            "name the nodes one by one; `kubectl get nodes` lists them",
        ),
        Cause::NotANodeList => told("the answer is not a list of nodes", "is `server` the API server?"),
        Cause::KubeletUnauthorized if direct => told(
            "the kubelet does not know you",
            "send a client certificate that its `authentication.x509.clientCAFile` signed (--client-certificate, \
             --client-key), or a token (--token) if its `authentication.webhook.enabled` is true",
        ),
        Cause::KubeletUnauthorized => told(
            "the kubelet does not know the API server's client certificate",
            "the cluster is set up wrong: --kubelet-client-certificate of the API server must be signed by \
             `authentication.x509.clientCAFile` of the kubelet, and both clocks must agree; meanwhile capture on the node \
             with --direct",
        ),
        Cause::KubeletForbidden if direct && d.user.starts_with("system:node:") => told(
            format!(
                "the kubelet's own certificate ({:?}) may not get {resource}, as is usual",
                d.user
            ),
            "on a control plane, take its apiserver-kubelet-client certificate; elsewhere an administrator's \
             (--client-certificate, --client-key) or a token (--token, from `kubectl create token`)",
        ),
        Cause::KubeletForbidden if direct => told(
            format!("the kubelet knows you as {:?} and you may not get {resource}", d.user),
            format!(
                "{}; `kubeprof capture --direct {} --dry-run` prints the YAML for all that is taken; kubelets remember a \
                 refusal for a while, so wait half a minute after the grant",
                grant(&d.user, resource),
                d.node
            ),
        ),
        Cause::KubeletForbidden => told(
            format!(
                "the kubelet refuses the API server's own user {:?} ({resource}); your rights are fine",
                d.user
            ),
            format!(
                "the cluster is set up wrong: bind {:?} to the ClusterRole system:kubelet-api-admin; meanwhile capture on the \
                 node with --direct",
                d.user
            ),
        ),
        Cause::AuthorizationError => told(
            format!(
                "the kubelet could not ask the API server whether {:?} may: the node cannot reach the API server",
                d.user
            ),
            "repair the node's connection to the API server (that may be the trouble itself); a client whose certificate is \
             in system:masters is asked about too, so what is left is what the node has: journal, /proc, a core dump",
        ),
        Cause::PathNotFound => told(
            format!("this kubelet serves no {}", d.path),
            match d.path.as_str() {
                "/configz" => "it is there only with `enableDebuggingHandlers: true`",
                "/flagz" | "/statusz" => "kubelets serve it from 1.36 on, with `enableDebuggingHandlers: true`",
                _ => "nothing is wrong if the kubelet is old",
            },
        ),
        Cause::ProfileNotServed => told(
            format!("this kubelet serves no {}, although it serves other profiles", d.path),
            "its version has none, or something in front lets only some paths through; the other profiles are not affected",
        ),
        Cause::UnknownProfile => told(
            "the Go version that the kubelet was built with has no such profile",
            match d.path.ends_with("goroutineleak") {
                true => "goroutineleak needs a kubelet built with Go 1.27; nothing is wrong",
                false => "nothing is wrong",
            },
        ),
        Cause::DebuggingOff if d.port.is_some() => told(
            "this is the kubelet's read-only port, where debugging handlers are always off",
            "port 10255 is read-only and never serves profiles: ask port 10250",
        ),
        Cause::DebuggingOff => told(
            "the kubelet runs with `enableDebuggingHandlers: false`",
            switch_on("enableDebuggingHandlers"),
        ),
        Cause::ProfilingOff => told(
            "the kubelet runs with `enableProfilingHandler: false`",
            switch_on("enableProfilingHandler"),
        ),
        Cause::EndpointOff => told(
            format!("the kubelet's `{}` handler is off", d.handler),
            "switch it on in the kubelet's configuration if you want it",
        ),
        Cause::MethodNotAllowed => told(
            "the handler takes another HTTP method than GET",
            "nothing can be read there",
        ),
        Cause::BadParameter => told(
            said("the kubelet does not take a parameter", d),
            "this is a bug in kubeprof, or the kubelet is older than Go 1.15: please report it",
        ),
        Cause::CpuProfileInUse => in_use("CPU profile", d),
        Cause::TraceInUse => in_use("trace", d),
        Cause::Unhealthy => told(
            said("health checks fail", d),
            "this is a finding, not a failure of the capture: the other artifacts say why",
        ),
        Cause::NotAKubelet if d.port == Some(10250) => told(
            format!("{} serves no profiles: what listens there is not a kubelet", d.node),
            "is the address right, or does something else listen at the kubelet's port on that node?",
        ),
        Cause::NotAKubelet => told(
            format!("{} serves no profiles: this is not the kubelet's port", d.node),
            "kubelets serve profiles at port 10250; 10248 is health only and 10255 is read-only",
        ),
        Cause::NotAKubeletButApiServer => told(
            said(&format!("{} is an API server, not a kubelet; it says", d.node), d),
            "leave --direct out to go through the API server, or name the kubelet's port 10250",
        ),
        Cause::NoKubeletMetrics => told(
            format!("{} is not a kubelet: none of its metrics is one of a kubelet", d.node),
            "a port-forward to a pod, or another port? Kubelets listen at 10250; --force asks it all the same",
        ),
        Cause::OtherNode => told(
            format!("the answer is about node {:?}, not {:?}", d.other, d.node),
            "something in front mixes nodes up: ask again, or go --direct to the node",
        ),
        Cause::KubeletRefuses => told(
            said("nothing listens at the kubelet's port", d),
            match d.port {
                Some(port) if port != 10250 => {
                    "kubelets listen at 10250 unless their `port` says otherwise: leave the port out"
                }
                _ => {
                    "the kubelet is down or starting: look on the node with `systemctl status kubelet` and `journalctl -u \
                     kubelet`"
                }
            },
        ),
        Cause::KubeletUnreachable => told(
            said("the kubelet's port does not answer the API server", d),
            "a firewall, a security group or a node that is off the network: port 10250 must be open for the control plane; \
             meanwhile capture on the node with --direct",
        ),
        Cause::KubeletSilent => told(
            said("the API server got no answer from the kubelet in time", d),
            "a kubelet that hangs, or a network between them that drops packets: look on the node with `systemctl status \
             kubelet`, and capture there with --direct",
        ),
        Cause::KubeletNotReached => told(
            said("the API server cannot reach the kubelet", d),
            "the message says why; meanwhile capture on the node with --direct",
        ),
        Cause::KubeletCertificate => told(
            said("the API server does not trust the kubelet's certificate", d),
            "renew the serving certificate (kubectl get csr; `serverTLSBootstrap`), or its name lacks the node's address; \
             meanwhile capture on the node with --direct",
        ),
        Cause::NoAgent => told(
            said(
                "the API server reaches nodes through konnectivity and no agent is connected",
                d,
            ),
            "look at the konnectivity-agent pods (kubectl -n kube-system get pods), or capture on the node with --direct",
        ),
        Cause::PathBroke => told(
            said("the connection between API server and kubelet broke", d),
            "the kubelet was stopped or something between cut the connection: ask again",
        ),
        Cause::GatewayTimeout if who == Who::Path => told(
            said("a deadline on the way ended the request", d),
            format!(
                "API servers set none on nodes/proxy, so an aggregated or virtual API server or a proxy does: go --direct to \
                 the node{}",
                shorter(d)
            ),
        ),
        Cause::Other => other(who, d),
        _ => return None,
    })
}

fn forbidden(d: &Details) -> Words {
    let of_proxy = d.verb == "get" && d.resource == "nodes/proxy";
    if d.user == "system:anonymous" {
        return told(
            "the API server sees an anonymous request (system:anonymous): your kubeconfig sends no credentials",
            "look at `user` of the context in use (kubectl config view --minify)",
        );
    }
    let why = if d.resource.is_empty() || d.verb.is_empty() {
        said("the API server forbids it", d)
    } else if of_proxy {
        format!("you are {:?} and may not get nodes/proxy", d.user)
    } else {
        format!(
            "you are {:?} and may not {} {}: {}",
            d.user, d.verb, d.resource, d.message
        )
    };
    let remedy = match of_proxy {
        true => format!(
            "{}; `kubeprof capture {} --dry-run` prints the YAML",
            grant(&d.user, "nodes/proxy"),
            d.node
        ),
        false => "ask for the right that the message names; the other artifacts do not need it".to_owned(),
    };
    told(why, remedy)
}

fn overloaded(who: Who, d: &Details) -> Words {
    let server = match who {
        Who::Kubelet => "the kubelet",
        _ => "the API server",
    };
    let wait = d.wait_s.unwrap_or(1);
    let remedy = match d.limit_s {
        Some(limit) => format!("it asks to wait {wait} s, and kubeprof waits {limit} s at most: try again later"),
        None => format!("kubeprof waits {wait} s and asks again; if it still refuses, try again later"),
    };
    told(said(&format!("{server} has too many requests"), d), remedy)
}

fn not_ready(d: &Details) -> Words {
    match d.status {
        None => told(
            said("your `kubectl proxy` cannot reach the API server", d),
            "is the cluster up, and does `kubectl version` answer?",
        ),
        Some(status) => told(
            said(
                &format!("the API server cannot serve at the moment (status {status})"),
                d,
            ),
            "kubeprof asks again; `kubectl get --raw /readyz?verbose` says what it waits for",
        ),
    }
}

fn in_use(what: &str, d: &Details) -> Words {
    told(
        format!("another client takes a {what} of this kubelet, and there can be only one at a time"),
        format!(
            "wait until it has ended (kubeprof waits {} s and asks again), or end the other profiler: a continuous profiler, \
             or an earlier request of your own that goes on at the kubelet after you left",
            d.wait_s.unwrap_or(1)
        ),
    )
}

fn other(who: Who, d: &Details) -> Words {
    let status = d.status.map_or(String::new(), |s| format!(" {s}"));
    let remedy = match who {
        Who::ApiServer => "the API server's message says what it wants",
        _ => "the body that came is in the manifest; who wrote it cannot be told from its words",
    };
    let server = match who {
        Who::ApiServer => format!("{} answered ", server(d)),
        _ => String::new(),
    };
    told(said(&format!("{server}status{status}"), d), remedy)
}
