//! Errors of the HTTP and TLS libraries -> what broke.
//!
//! They come as chains of boxed errors; the `io::Error` inside says what the system saw, and what has no type is told by the
//! library's words, which the tests pin.

use std::error::Error;
use std::io;
use std::time::Duration;

use super::Break;
use super::access::chain;

/// What broke before there was an answer.
pub(super) fn of_send(e: &kube::Error, after: Duration) -> Break {
    let text = words(e);
    if matches!(e, kube::Error::Auth(_)) {
        return Break::Credentials(text);
    }
    let lower = chain(e).to_ascii_lowercase();
    let has = |part: &str| lower.contains(part);
    if has("failed to lookup address") || has("dns error") {
        return Break::Lookup(text);
    }
    let connecting = has("connect error") || has("client error (connect)") || has("tunnel") || has("socks");
    let ended = || Break::Ended {
        bytes: 0,
        after,
        why: words(e),
    };
    if has("handshake eof") || has("close_notify") {
        // The server went away, or something without a server behind it accepted the connection.
        return ended();
    }
    // A server may say only after the handshake that it wants another certificate of ours.
    if has("received fatal alert")
        || has("invalid peer certificate")
        || has("invalidcontenttype")
        || has("corrupt message")
        || (connecting && (has("certificate") || has("tls") || has("handshake")))
    {
        return Break::Tls(text);
    }
    // What hyper says of an answer that it cannot read.
    let unreadable = [
        "invalid http version parsed",
        "invalid http header parsed",
        "invalid content-length parsed",
        "unexpected transfer-encoding parsed",
        "invalid http status-code parsed",
        "message head is too large",
    ];
    if let Some(what) = unreadable.into_iter().find(|u| has(u)) {
        return Break::NotHttp(what.to_owned());
    }
    match io_kind(e) {
        Some(io::ErrorKind::ConnectionRefused) => Break::Refused(text),
        Some(io::ErrorKind::TimedOut | io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable) => {
            Break::Unreachable(text)
        }
        _ if connecting => Break::Unreachable(text),
        _ => ended(),
    }
}

/// Whether a certificate is fine but for the name that was asked for.
pub(super) fn is_other_name(why: &str) -> bool {
    why.to_ascii_lowercase().contains("not valid for name") || why.contains("NotValidForName")
}

/// The same where a proxy is on the way: what was not reached then is the proxy, or what it did not reach for us.
pub(super) fn at_proxy(broken: Break, proxy: Option<&str>) -> Break {
    match (broken, proxy) {
        (Break::Refused(why) | Break::Unreachable(why) | Break::Lookup(why), Some(proxy)) => Break::Proxy {
            proxy: proxy.to_owned(),
            why,
        },
        (broken, _) => broken,
    }
}

/// What broke in the middle of a body.
pub(super) fn of_body(e: &(dyn Error + 'static), bytes: u64, after: Duration) -> Break {
    Break::Ended {
        bytes,
        after,
        why: words(e),
    }
}

/// The chain without what says nothing.
fn words(e: &(dyn Error + 'static)) -> String {
    let text = chain(e);
    let mut text = text.as_str();
    for front in [
        "ServiceError: ",
        "HyperError: ",
        "client error (Connect): ",
        "client error (SendRequest): ",
        "connection error: ",
    ] {
        text = text.strip_prefix(front).unwrap_or(text);
    }
    text.split(": https://docs.rs").next().unwrap_or(text).to_owned()
}

/// The kind of the innermost error of the system.
fn io_kind(e: &(dyn Error + 'static)) -> Option<io::ErrorKind> {
    let mut found = None;
    let mut next = Some(e);
    while let Some(e) = next {
        if let Some(io) = e.downcast_ref::<io::Error>() {
            found = Some(io.kind());
            if let Some(inner) = io.get_ref() {
                found = io_kind(inner).or(found);
            }
        }
        next = e.source();
    }
    found
}
