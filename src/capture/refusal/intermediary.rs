//! Answers of what is between you and the API server: web pages, gateways, and what only a status code tells.

use std::time::Duration;

use super::patience::overloaded;
use super::{Answer, Cause, Details, Next, Question, Refusal, between, empty, first_line, kubelet};
use crate::bundle::manifest::Who;

/// A web page: an intermediary answered.
pub(super) fn by_page(q: &Question<'_>, a: &Answer<'_>, text: &str) -> Option<Refusal> {
    let lower: String = text.chars().take(4000).collect::<String>().to_ascii_lowercase();
    let kind = a.headers.get("content-type").map_or("", String::as_str);
    if !(kind.contains("text/html") || lower.starts_with("<!doctype html") || lower.starts_with("<html")) {
        return None;
    }
    let details = Details {
        title: between(&lower, "<title>", "</title>").trim().to_owned(),
        page: true,
        status: Some(a.status),
        ..q.details()
    };
    Some(match a.status {
        502..=504 => gateway(q, a, details),
        _ => Refusal::new(Cause::WebPage, Who::Network, Next::Stop).about(details),
    })
}

fn gateway(q: &Question<'_>, a: &Answer<'_>, details: Details) -> Refusal {
    let cause = match a.status {
        504 => Cause::GatewayTimeout,
        _ => Cause::Gateway,
    };
    let details = Details {
        server: a.headers.get("server").cloned().unwrap_or_default(),
        status: Some(a.status),
        measures_s: Some(q.measures.as_secs()),
        ..details
    };
    Refusal::new(cause, Who::Network, Next::Again(Duration::from_secs(2))).about(details)
}

/// What only the status code says.
pub(super) fn by_code(q: &Question<'_>, a: &Answer<'_>, text: &str) -> Refusal {
    let details = Details {
        status: Some(a.status),
        message: first_line(text, 200),
        ..q.details()
    };
    match a.status {
        206 => {
            // What came is a part of the artifact, not the words of a server.
            let message = String::new();
            Refusal::new(Cause::PartialContent, Who::Network, Next::GoOn).about(Details { message, ..details })
        }
        200..=299 if a.body.is_empty() => empty(),
        401 => kubelet::unauthorized(q),
        429 if q.route.has_api_server() => overloaded(a, Who::ApiServer, details),
        429 => overloaded(a, Who::Kubelet, details),
        502..=504 => gateway(q, a, details),
        _ => Refusal::new(Cause::Other, Who::Unknown, Next::GoOn).about(details),
    }
}
