//! Lines of text that kubelets answer with.

use std::time::Duration;

use super::{Answer, Cause, Details, Next, Question, Refusal, Route, between, first_line};
use crate::bundle::manifest::Who;

/// The read-only port of kubelets, where debugging handlers are always off.
const READ_ONLY: u16 = 10255;

/// What a line of text says, where it is one of a kubelet (or of the caller's own `kubectl proxy`).
pub(super) fn by_text(q: &Question<'_>, a: &Answer<'_>, text: &str) -> Option<Refusal> {
    let first = text.lines().next().unwrap_or_default();
    let line = first_line(text, 300);
    let plain = |cause, who, next| Refusal::new(cause, who, next).about(q.details());
    let told =
        |cause, who, message: String, next| Refusal::new(cause, who, next).about(Details { message, ..q.details() });
    Some(match first {
        "Debug endpoints are disabled." => {
            let port = Some(READ_ONLY).filter(|_| q.route == Route::Direct && q.node.ends_with(":10255"));
            let details = Details { port, ..q.details() };
            Refusal::new(Cause::DebuggingOff, Who::Handler, Next::NoProfiles).about(details)
        }
        "profiling endpoint is disabled." => plain(Cause::ProfilingOff, Who::Handler, Next::NoProfiles),
        "Unauthorized" => unauthorized(q),
        "Unknown profile" => {
            let path = q.path.to_owned();
            Refusal::new(Cause::UnknownProfile, Who::Handler, Next::Skip).about(Details { path, ..q.details() })
        }
        "404 page not found" | "404: Page Not Found" => path_not_found(q),
        "405: Method Not Allowed" | "Method Not Allowed" | "unsupported http method" => {
            plain(Cause::MethodNotAllowed, Who::Handler, Next::GoOn)
        }
        "Client sent an HTTP request to an HTTPS server." => plain(Cause::PlainHttp, Who::You, Next::Stop),
        _ if first.starts_with("Forbidden (user=") => forbidden(q, &line),
        _ if first.starts_with("Authorization error (user=") => authorization_error(q, &line),
        _ if first.starts_with("Could not enable CPU profiling") => in_use(q, Cause::CpuProfileInUse),
        _ if first.starts_with("Could not enable tracing") => in_use(q, Cause::TraceInUse),
        _ if is_bad_parameter(first) => told(Cause::BadParameter, Who::Handler, line, Next::GoOn),
        _ if first.starts_with("[+]") || first.starts_with("[-]") => {
            let failing: Vec<&str> = text.lines().filter(|l| l.starts_with("[-]")).collect();
            told(Cause::Unhealthy, Who::Kubelet, failing.join("; "), Next::GoOn)
        }
        _ if a.status == 403 && q.route == Route::KubectlProxy => plain(Cause::ProxyFilter, Who::You, Next::Stop),
        _ if first.contains("dial tcp") && q.route == Route::KubectlProxy => {
            told(Cause::ApiNotReady, Who::Network, line, Next::LeaveNode)
        }
        _ => {
            let handler = first.strip_suffix(" endpoint is disabled.")?.to_owned();
            Refusal::new(Cause::EndpointOff, Who::Handler, Next::Skip).about(Details { handler, ..q.details() })
        }
    })
}

fn is_bad_parameter(line: &str) -> bool {
    line.starts_with("invalid value for \"seconds\"")
        || line == "seconds and debug params are incompatible"
        || line == "\"seconds\" parameter is not supported for this profile type"
        || line == "profile duration exceeds server's WriteTimeout"
}

pub(super) fn unauthorized(q: &Question<'_>) -> Refusal {
    Refusal::new(Cause::KubeletUnauthorized, Who::Kubelet, Next::LeaveNode).about(q.details())
}

/// `Forbidden (user=jane, verb=get, resource=nodes, subresource(s)=[proxy])`.
fn forbidden(q: &Question<'_>, line: &str) -> Refusal {
    // Only profiles are bound to nodes/proxy; metrics or health may still be allowed.
    let next = if q.is_profile() { Next::NoProfiles } else { Next::GoOn };
    let details = Details {
        node: q.node.to_owned(),
        user: between(line, "user=", ",").to_owned(),
        verb: "get".to_owned(),
        resource: format!("nodes/{}", subresource(line)),
        ..q.details()
    };
    Refusal::new(Cause::KubeletForbidden, Who::Kubelet, next).about(details)
}

/// The subresource in a kubelet's refusal, in both spellings: `subresource=proxy`, `subresource(s)=[configz proxy]`. The
/// last of several is the one that stands for all.
fn subresource(line: &str) -> &str {
    let list = between(line, "subresource(s)=[", "]");
    let last = list.rsplit([' ', ',']).next().unwrap_or_default();
    match last {
        "" => Some(between(line, "subresource=", ")"))
            .filter(|s| !s.is_empty())
            .unwrap_or("proxy"),
        last => last,
    }
}

pub(super) fn authorization_error(q: &Question<'_>, line: &str) -> Refusal {
    let details = Details {
        user: between(line, "user=", ",").to_owned(),
        ..q.details()
    };
    Refusal::new(Cause::AuthorizationError, Who::Kubelet, Next::LeaveNode).about(details)
}

fn in_use(q: &Question<'_>, cause: Cause) -> Refusal {
    let wait = q.measures.max(Duration::from_secs(1)) + Duration::from_secs(1);
    let details = Details {
        wait_s: Some(wait.as_secs()),
        ..q.details()
    };
    Refusal::new(cause, Who::Handler, Next::Again(wait)).about(details)
}

fn path_not_found(q: &Question<'_>) -> Refusal {
    let details = Details {
        node: q.node.to_owned(),
        path: q.path.to_owned(),
        port: q.port(),
        ..q.details()
    };
    match q.is_profile() {
        true => Refusal::new(Cause::NotAKubelet, Who::You, Next::NoProfiles).about(details),
        false => Refusal::new(Cause::PathNotFound, Who::Kubelet, Next::Skip).about(details),
    }
}
