//! Errors of the HTTP and TLS libraries -> what broke.
//!
//! They come as chains of boxed errors. What has a type is told by its type: errors of TLS, and what the system saw. The rest
//! is told by the library's words, which the tests pin.

use std::error::Error;
use std::io;
use std::time::Duration;

use rustls::{AlertDescription, CertificateError, InvalidMessage};

use super::error::chain;
use super::guard::Panicked;
use super::{Break, TlsFault};

/// What broke before there was an answer.
pub(super) fn of_send(e: &kube::Error, after: Duration) -> Break {
    let text = words(e);
    if matches!(e, kube::Error::Auth(_)) {
        return Break::Credentials(text);
    }
    if let Some(panicked) = find::<Panicked>(e) {
        return Break::Defect(panicked.to_string());
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
    if io_kind(e) == Some(io::ErrorKind::UnexpectedEof) {
        // The server went away, or something without a server behind it accepted the connection.
        return ended();
    }
    if let Some(e) = find::<rustls::Error>(e) {
        let fault = tls_fault(e);
        return Break::Tls { fault, why: text };
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

/// What an error of TLS is about. A server may say only after the handshake that it wants another certificate of ours, so
/// alerts come at any time.
fn tls_fault(e: &rustls::Error) -> TlsFault {
    use rustls::Error;
    match e {
        Error::InvalidCertificate(e) => match e {
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => TlsFault::OtherName,
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => TlsFault::NotValidNow,
            _ => TlsFault::Untrusted,
        },
        Error::AlertReceived(
            AlertDescription::NoCertificate
            | AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::AccessDenied
            | AlertDescription::CertificateRequired,
        ) => TlsFault::ClientCertificate,
        // The first bytes of a server that speaks something else are read as the head of a message.
        Error::InvalidMessage(
            InvalidMessage::InvalidContentType
            | InvalidMessage::UnknownProtocolVersion
            | InvalidMessage::MessageTooLarge
            | InvalidMessage::InvalidEmptyPayload,
        ) => TlsFault::NotTls,
        _ => TlsFault::Other,
    }
}

/// The first error of a type in a chain, also of those that errors of the system hold.
fn find<'e, T: Error + 'static>(e: &'e (dyn Error + 'static)) -> Option<&'e T> {
    let mut next = Some(e);
    while let Some(e) = next {
        if let Some(found) = e.downcast_ref::<T>() {
            return Some(found);
        }
        let inside = e.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if let Some(found) = inside.and_then(|inner| find::<T>(inner)) {
            return Some(found);
        }
        next = e.source();
    }
    None
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
