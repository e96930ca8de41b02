//! Answers of an API server: `Status` objects.

use std::time::Duration;

use serde::Deserialize;

use super::patience::{LONGEST_WAIT, overloaded, retry_after};
use super::{Answer, Cause, Next, Question, Refusal, Route, between, grant};
use crate::bundle::manifest::Who;

/// A `Status` object.
#[derive(Deserialize, Debug)]
pub(super) struct Status {
    kind: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    reason: String,
}

/// The `Status` in a body, if it is one.
pub(super) fn parse(body: &[u8]) -> Option<Status> {
    let status: Status = serde_json::from_slice(body).ok()?;
    (status.kind == "Status").then_some(status)
}

/// Explains it.
pub(super) fn explain(q: &Question<'_>, a: &Answer<'_>, s: &Status) -> Refusal {
    let message: &str = &s.message;
    if q.route == Route::Direct {
        return Refusal::new(
            Cause::NotAKubelet,
            Who::You,
            format!("{} is an API server, not a kubelet; it says: {message}", q.node),
            "leave --direct out to go through the API server, or name the kubelet's port 10250",
            Next::Stop,
        );
    }
    let api = |cause, why: String, remedy: String, next| Refusal::new(cause, Who::ApiServer, why, remedy, next);
    match a.status {
        401 => api(
            Cause::ApiUnauthorized,
            "the API server does not know you: no valid certificate or token".to_owned(),
            "renew the credentials of your kubeconfig (log in again, or run its exec plugin by hand to see what it says)"
                .to_owned(),
            Next::Stop,
        ),
        403 if message.contains("GKEAutopilot") => Refusal::new(
            Cause::ProviderForbids,
            Who::Provider,
            format!("GKE Autopilot lets nobody reach a kubelet: {message}"),
            "no right helps: ask the provider's support for profiles; its monitoring has the kubelet's metrics",
            Next::Stop,
        ),
        403 => forbidden(q, message),
        400 if message.contains("invalid node request") => api(
            Cause::BadNodeName,
            message.to_owned(),
            "a node is NAME, NAME:PORT or https:NAME:PORT; `kubectl get nodes` lists the names".to_owned(),
            Next::LeaveNode,
        ),
        400 if message.contains("address not allowed") => api(
            Cause::AddressNotAllowed,
            format!("{message}: the API server connects to no loopback or link-local address"),
            "the node registered with such an address (its --node-ip); capture on the node with --direct 127.0.0.1".to_owned(),
            Next::LeaveNode,
        ),
        404 if message.contains("not found") && message.contains("node") => api(
            Cause::NoSuchNode,
            message.to_owned(),
            "`kubectl get nodes` lists the names".to_owned(),
            Next::LeaveNode,
        ),
        404 => api(
            Cause::ApiPathNotFound,
            format!("the API server serves no such path: {message}"),
            "is `server` of your kubeconfig the API server itself, or something in front that passes only a part?".to_owned(),
            Next::GoOn,
        ),
        410 => api(
            Cause::Expired,
            format!("the list was too old to go on with: {message}"),
            "ask again".to_owned(),
            Next::GoOn,
        ),
        429 => overloaded(
            a,
            Who::ApiServer,
            format!("the API server has too many requests: {message}"),
        ),
        500 if message.contains("Authorization error (") => super::authorization_error(message),
        504 => gateway_timeout(q, message),
        500..=503 => unreachable(a, message),
        code => api(
            Cause::Other,
            format!("status {code} {}: {message}", s.reason),
            "the API server's words say what it wants".to_owned(),
            Next::GoOn,
        ),
    }
}

/// `... is forbidden: User "jane" cannot get resource "nodes/proxy" in API group "" at the cluster scope`.
fn forbidden(q: &Question<'_>, message: &str) -> Refusal {
    let user = super::user_of(message);
    let resource = between(message, "resource \"", "\"");
    let verb = between(message, " cannot ", " resource");
    if verb.starts_with("impersonate") {
        return may_not_act_as(user, resource, message);
    }
    let anonymous = user == "system:anonymous";
    let proxy = verb == "get" && resource == "nodes/proxy";
    let next = match anonymous {
        true => Next::Stop,
        // A rule may name other nodes.
        false if proxy => Next::LeaveNode,
        false => Next::GoOn,
    };
    let why = if anonymous {
        "the API server took you for nobody (system:anonymous): your kubeconfig sends no credentials".to_owned()
    } else if resource.is_empty() || verb.is_empty() {
        format!("the API server forbids it: {message}")
    } else if proxy {
        format!("you are {user:?} and may not get nodes/proxy")
    } else {
        format!("you are {user:?} and may not {verb} {resource}: {message}")
    };
    let remedy = if anonymous {
        "look at `user` of the context in use (kubectl config view --minify)".to_owned()
    } else if proxy {
        format!(
            "{}; `kubeprof capture {} --dry-run` prints the YAML",
            grant(user, "proxy"),
            q.node
        )
    } else {
        "ask for the right that the message names; the other artifacts do not need it".to_owned()
    };
    Refusal::new(Cause::ApiForbidden, Who::ApiServer, why, remedy, next)
}

/// `cannot impersonate resource "users"`; from 1.36 on also `cannot impersonate-on:user-info:get resource "nodes/proxy"`. A
/// right to nodes/proxy would not help: what is refused is to act as somebody else.
fn may_not_act_as(user: &str, resource: &str, message: &str) -> Refusal {
    let next = match resource {
        "nodes/proxy" => Next::LeaveNode,
        _ => Next::Stop,
    };
    Refusal::new(
        Cause::MayNotActAs,
        Who::ApiServer,
        format!("you are {user:?} and may not act as somebody else: {message}"),
        "leave --as and --as-group out (or `as` of your kubeconfig), or use credentials that may `impersonate` users and \
         groups; no right to nodes/proxy is missing here",
        next,
    )
}

fn gateway_timeout(q: &Question<'_>, message: &str) -> Refusal {
    let shorter = match q.measures.as_secs() {
        s if s > 5 => format!("; ask for less at a time, for instance --seconds {}", s / 3),
        _ => String::new(),
    };
    Refusal::new(
        Cause::GatewayTimeout,
        Who::Path,
        format!("a deadline on the way ended the request: {message}"),
        format!(
            "API servers set none on nodes/proxy, so an aggregated or virtual API server or a proxy does: go --direct to the \
             node{shorter}"
        ),
        Next::GoOn,
    )
}

/// `error trying to reach service: ...` and its kin: the tail tells who is down.
fn unreachable(a: &Answer<'_>, message: &str) -> Refusal {
    let has = |text: &str| message.contains(text);
    let path = |cause, why: &str, remedy: &str, next| {
        Refusal::new(cause, Who::Path, format!("{why}: {message}"), remedy, next)
    };
    let again = Next::Again(Duration::from_secs(2));
    // Other words of an API server may hold the same errors, of etcd or of a webhook.
    let of_kubelet = has("error trying to reach service") || has("proxy error");
    if has("No agent available") {
        return path(
            Cause::NoAgent,
            "the API server reaches nodes through konnectivity and no agent is connected",
            "look at the konnectivity-agent pods (kubectl -n kube-system get pods), or capture on the node with --direct",
            Next::LeaveNode,
        );
    }
    if of_kubelet && has("connection refused") {
        let port = message.split("dial tcp ").nth(1).and_then(|t| t.split(": ").next());
        let wrong = port.is_some_and(|p| !p.ends_with(":10250"));
        let remedy = if wrong {
            "kubelets listen at 10250 unless their `port` says otherwise: leave the port out"
        } else {
            "the kubelet is down or starting: look on the node with `systemctl status kubelet` and `journalctl -u kubelet`"
        };
        let why = "nothing listens at the kubelet's port";
        return path(Cause::KubeletRefuses, why, remedy, Next::LeaveNode);
    }
    if of_kubelet && (has("x509") || has("certificate") || has("tls:")) {
        return path(
            Cause::KubeletCertificate,
            "the API server does not trust the kubelet's certificate",
            "renew the serving certificate (kubectl get csr; `serverTLSBootstrap`), or its name lacks the node's address; \
             meanwhile capture on the node with --direct",
            Next::LeaveNode,
        );
    }
    let silent = has("i/o timeout") || has("deadline exceeded");
    if of_kubelet && silent && !has("dial") {
        return path(
            Cause::KubeletUnreachable,
            "the API server got no answer from the kubelet in time",
            "a kubelet that hangs, or a network between them that drops packets: look on the node with `systemctl status \
             kubelet`, and capture there with --direct",
            Next::LeaveNode,
        );
    }
    if of_kubelet && (silent || has("no route to host") || has("network is unreachable")) {
        return path(
            Cause::KubeletUnreachable,
            "the kubelet's port does not answer the API server",
            "a firewall, a security group or a node that is off the network: port 10250 must be open for the control plane; \
             meanwhile capture on the node with --direct",
            Next::LeaveNode,
        );
    }
    if of_kubelet && (has("EOF") || has("connection reset") || has("broken pipe") || has("http2:")) {
        return path(
            Cause::PathBroke,
            "the connection between API server and kubelet broke",
            "the kubelet was stopped or something between cut the connection: ask again",
            again,
        );
    }
    if of_kubelet {
        return path(
            Cause::KubeletUnreachable,
            "the API server cannot reach the kubelet",
            "the message says why; meanwhile capture on the node with --direct",
            Next::LeaveNode,
        );
    }
    Refusal::new(
        Cause::ApiNotReady,
        Who::ApiServer,
        format!(
            "the API server cannot serve at the moment (status {}): {message}",
            a.status
        ),
        "kubeprof asks once more; `kubectl get --raw /readyz?verbose` says what it waits for",
        Next::Again(retry_after(a).clamp(Duration::from_secs(2), LONGEST_WAIT)),
    )
}
