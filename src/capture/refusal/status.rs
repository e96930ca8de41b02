//! Answers of an API server: `Status` objects.

use std::time::Duration;

use serde::Deserialize;

use super::patience::{LONGEST_WAIT, overloaded, retry_after};
use super::{Answer, Cause, Details, Next, Question, Refusal, Route, between, kubelet};
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
    let details = || Details {
        message: message.to_owned(),
        ..q.details()
    };
    if q.route == Route::Direct {
        let node = q.node.to_owned();
        return Refusal::new(Cause::NotAKubeletButApiServer, Who::You, Next::Stop).about(Details { node, ..details() });
    }
    let api = |cause, next| Refusal::new(cause, Who::ApiServer, next).about(details());
    match a.status {
        401 => api(Cause::ApiUnauthorized, Next::Stop),
        403 if message.contains("GKEAutopilot") => {
            Refusal::new(Cause::ProviderForbids, Who::Provider, Next::Stop).about(details())
        }
        403 => forbidden(q, details()),
        400 if message.contains("invalid node request") => api(Cause::BadNodeName, Next::LeaveNode),
        400 if message.contains("address not allowed") => api(Cause::AddressNotAllowed, Next::LeaveNode),
        404 if message.contains("not found") && message.contains("node") => api(Cause::NoSuchNode, Next::LeaveNode),
        404 => api(Cause::ApiPathNotFound, Next::GoOn),
        410 => api(Cause::Expired, Next::GoOn),
        429 => overloaded(a, Who::ApiServer, details()),
        500 if message.contains("Authorization error (") => kubelet::authorization_error(q, message),
        504 => {
            let details = Details {
                measures_s: Some(q.measures.as_secs()),
                ..details()
            };
            Refusal::new(Cause::GatewayTimeout, Who::Path, Next::GoOn).about(details)
        }
        500..=503 => unreachable(a, details()),
        code => {
            let message = [s.reason.as_str(), message].into_iter().filter(|t| !t.is_empty());
            let details = Details {
                status: Some(code),
                message: message.collect::<Vec<_>>().join(": "),
                ..details()
            };
            Refusal::new(Cause::Other, Who::ApiServer, Next::GoOn).about(details)
        }
    }
}

/// `... is forbidden: User "jane" cannot get resource "nodes/proxy" in API group "" at the cluster scope`.
fn forbidden(q: &Question<'_>, details: Details) -> Refusal {
    let details = Details {
        node: q.node.to_owned(),
        user: between(&details.message, "User \"", "\"").to_owned(),
        resource: between(&details.message, "resource \"", "\"").to_owned(),
        verb: between(&details.message, " cannot ", " resource").to_owned(),
        ..details
    };
    let of_proxy = details.resource == "nodes/proxy";
    // From 1.36 on also `cannot impersonate-on:user-info:get resource "nodes/proxy"`.
    if details.verb.starts_with("impersonate") {
        let next = if of_proxy { Next::LeaveNode } else { Next::Stop };
        return Refusal::new(Cause::MayNotActAs, Who::ApiServer, next).about(details);
    }
    let next = match details.user == "system:anonymous" {
        true => Next::Stop,
        // A rule may name other nodes.
        false if of_proxy && details.verb == "get" => Next::LeaveNode,
        false => Next::GoOn,
    };
    Refusal::new(Cause::ApiForbidden, Who::ApiServer, next).about(details)
}

/// `error trying to reach service: ...` and the like: the tail tells what is down.
fn unreachable(a: &Answer<'_>, details: Details) -> Refusal {
    let has = |texts: &[&str]| texts.iter().any(|text| details.message.contains(text));
    let silent = has(&["i/o timeout", "deadline exceeded"]);
    let (cause, next) = if has(&["No agent available"]) {
        (Cause::NoAgent, Next::LeaveNode)
    } else if !has(&["error trying to reach service", "proxy error"]) {
        // Other messages of an API server may hold the same errors, of etcd or of a webhook.
        let wait = retry_after(a).clamp(Duration::from_secs(2), LONGEST_WAIT);
        (Cause::ApiNotReady, Next::Again(wait))
    } else if has(&["connection refused"]) {
        (Cause::KubeletRefuses, Next::LeaveNode)
    } else if has(&["x509", "certificate", "tls:"]) {
        (Cause::KubeletCertificate, Next::LeaveNode)
    } else if silent && !has(&["dial"]) {
        (Cause::KubeletSilent, Next::LeaveNode)
    } else if silent || has(&["no route to host", "network is unreachable"]) {
        (Cause::KubeletUnreachable, Next::LeaveNode)
    } else if has(&["EOF", "connection reset", "broken pipe", "http2:"]) {
        (Cause::PathBroke, Next::Again(Duration::from_secs(2)))
    } else {
        (Cause::KubeletNotReached, Next::LeaveNode)
    };
    let who = if cause == Cause::ApiNotReady {
        Who::ApiServer
    } else {
        Who::Path
    };
    let dialed = details
        .message
        .split("dial tcp ")
        .nth(1)
        .and_then(|t| t.split(": ").next());
    let details = Details {
        status: Some(a.status),
        port: dialed.and_then(|at| at.rsplit(':').next()?.parse().ok()),
        ..details
    };
    Refusal::new(cause, who, next).about(details)
}
