//! Requests without a complete answer: what broke, as far as this side can see.

use std::time::Duration;

use super::{Cause, Details, Next, Question, Refusal, Route};
use crate::bundle::manifest::Who;

/// How an exchange ended without a whole answer.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Break {
    /// The name of the server has no address.
    Lookup(String),
    /// Nothing listens there.
    Refused(String),
    /// The connection was not made in time, or there is no way.
    Unreachable(String),
    /// The proxy on the way was not reached, or did not reach the server.
    Proxy {
        /// Its address.
        proxy: String,
        /// What the HTTP library says.
        why: String,
    },
    /// What came is no answer of HTTP, or one with a broken head; the words of the HTTP library.
    NotHttp(String),
    /// No agreement on TLS.
    Tls {
        /// What is wrong.
        fault: TlsFault,
        /// The words of the TLS library.
        why: String,
    },
    /// Credentials could not be made, for instance by an exec plugin.
    Credentials(String),
    /// The connection ended after so many bytes of a body (none before the headers).
    Ended {
        /// Bytes of the body that came.
        bytes: u64,
        /// Time since the request.
        after: Duration,
        /// What the HTTP library says.
        why: String,
    },
    /// Nothing came in time.
    NoAnswer {
        /// Time since the request.
        after: Duration,
    },
    /// Nothing more came for a while.
    Stalled {
        /// Bytes that came before.
        bytes: u64,
        /// Time since the last.
        quiet: Duration,
    },
    /// It was not all there in time.
    TooSlow {
        /// Bytes that came.
        bytes: u64,
        /// Time since the request.
        after: Duration,
    },
    /// There was more than is wanted.
    TooLarge {
        /// Bytes that are wanted at most.
        cap: u64,
    },
    /// The content is not encoded as the answer says.
    Encoding(String),
    /// A library broke over it; its words.
    Defect(String),
    /// The bytes cannot be written.
    Disk(String),
    /// The user wants no more.
    Interrupted,
}

/// What TLS could not be agreed on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum TlsFault {
    /// The server's certificate is for another name.
    OtherName,
    /// The server's certificate has expired or is not valid yet.
    NotValidNow,
    /// The server's certificate is not trusted, or is malformed.
    Untrusted,
    /// The server does not take our certificate, or wants one.
    ClientCertificate,
    /// The server does not speak TLS.
    NotTls,
    /// Anything else, for instance no version or cipher suite in common.
    Other,
}

/// Seconds after which things in front of API servers are known to cut silent connections.
const IDLE_TIMEOUTS: [u64; 9] = [15, 30, 50, 60, 90, 120, 180, 300, 350];

/// The idle timeout that a connection probably met that was cut after so much silence.
fn idle_timeout(after: Duration) -> Option<u64> {
    let ms = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
    IDLE_TIMEOUTS.into_iter().find(|s| ms.abs_diff(s * 1000) <= 1500)
}

/// Explains it.
pub fn of_break(q: &Question<'_>, b: &Break) -> Refusal {
    let soon = Next::Again(Duration::from_secs(2));
    let at_once = Next::Again(Duration::from_secs(1));
    let told = |message: &str| Details {
        message: message.to_owned(),
        ..q.details()
    };
    let ms = |time: Duration| Some(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
    let (cause, who, next, details) = match b {
        Break::Lookup(why) => (Cause::Lookup, Who::Network, Next::LeaveNode, told(why)),
        Break::Refused(why) => {
            let who = match q.route {
                Route::Direct => Who::Kubelet,
                _ => Who::Network,
            };
            let next = match q.route {
                Route::KubectlProxy => Next::Stop,
                _ => soon,
            };
            let port = q.port();
            (Cause::ConnectRefused, who, next, Details { port, ..told(why) })
        }
        Break::Unreachable(why) => {
            let port = q.port();
            (Cause::ConnectTimeout, Who::Network, soon, Details { port, ..told(why) })
        }
        Break::Proxy { proxy, why } => {
            let proxy = proxy.clone();
            (at_proxy(why), Who::Network, soon, Details { proxy, ..told(why) })
        }
        Break::NotHttp(why) => {
            let port = q.port();
            (not_http(why), Who::Network, Next::GoOn, Details { port, ..told(why) })
        }
        Break::Tls { fault, why } => {
            let (cause, who) = tls(*fault);
            (cause, who, Next::Stop, told(why))
        }
        Break::Credentials(why) => (Cause::Credentials, Who::You, Next::Stop, told(why)),
        Break::Ended { bytes: 0, after, why } => return ended_silent(q, *after, why),
        Break::Ended { bytes, why, .. } => {
            let bytes = Some(*bytes);
            (Cause::Cut, Who::Unknown, at_once, Details { bytes, ..told(why) })
        }
        Break::NoAnswer { after } => return no_answer(q, *after),
        Break::Stalled { bytes, quiet } => {
            let (bytes, after_ms) = (Some(*bytes), ms(*quiet));
            let details = Details {
                bytes,
                after_ms,
                ..q.details()
            };
            (Cause::Stalled, Who::Unknown, Next::GoOn, details)
        }
        Break::TooSlow { bytes, after } => {
            let (bytes, after_ms) = (Some(*bytes), ms(*after));
            let details = Details {
                bytes,
                after_ms,
                ..q.details()
            };
            (Cause::TooSlow, Who::Unknown, Next::GoOn, details)
        }
        Break::TooLarge { cap } => {
            let limit = Some(*cap);
            (
                Cause::TooLarge,
                Who::Kubeprof,
                Next::GoOn,
                Details { limit, ..q.details() },
            )
        }
        Break::Encoding(why) => (Cause::BadEncoding, Who::Network, at_once, told(why)),
        Break::Defect(why) => (Cause::Defect, Who::Kubeprof, Next::GoOn, told(why)),
        Break::Disk(why) => (Cause::Disk, Who::Disk, Next::Stop, told(why)),
        Break::Interrupted => (Cause::Interrupted, Who::You, Next::Stop, Details::default()),
    };
    Refusal::new(cause, who, next).about(details)
}

/// What the HTTP library says of the way through a proxy.
fn at_proxy(why: &str) -> Cause {
    if why.contains("proxy authorization required") {
        Cause::ProxyAuthentication
    } else if why.contains("tunnel error: unsuccessful") || why.contains("tunnel error: unexpected end") {
        Cause::ProxyRefuses
    } else {
        Cause::ProxyUnreachable
    }
}

/// What the HTTP library says of what came.
fn not_http(why: &str) -> Cause {
    if why.contains("version") || why.contains("status-code") {
        Cause::NotHttp
    } else if why.contains("too large") {
        Cause::HeadersTooLarge
    } else {
        Cause::MalformedHead
    }
}

fn tls(fault: TlsFault) -> (Cause, Who) {
    match fault {
        TlsFault::ClientCertificate => (Cause::ClientCertificate, Who::You),
        TlsFault::NotTls => (Cause::NoTls, Who::You),
        TlsFault::OtherName => (Cause::CertificateName, Who::Network),
        TlsFault::NotValidNow => (Cause::CertificateTime, Who::Network),
        TlsFault::Untrusted => (Cause::Certificate, Who::Network),
        TlsFault::Other => (Cause::Handshake, Who::Unknown),
    }
}

fn ended_silent(q: &Question<'_>, after: Duration, why: &str) -> Refusal {
    let details = Details {
        measures_s: Some(q.measures.as_secs()),
        after_ms: Some(u64::try_from(after.as_millis()).unwrap_or(u64::MAX)),
        message: why.to_owned(),
        ..q.details()
    };
    if after >= Duration::from_secs(10)
        && after + Duration::from_secs(1) < q.measures
        && let Some(idle) = idle_timeout(after)
    {
        let details = Details {
            idle_s: Some(idle),
            ..details
        };
        return Refusal::new(Cause::IdleTimeout, Who::Network, Next::GoOn).about(details);
    }
    // The kubelet keeps measuring after its client is gone.
    let next = match q.measures.as_secs() {
        0 => Next::Again(Duration::from_secs(2)),
        _ => Next::GoOn,
    };
    Refusal::new(Cause::Broke, Who::Unknown, next).about(details)
}

/// Nothing came in time. An API server that hangs and a kubelet behind it that hangs look the same from here, so the kubelet
/// is named only where it was asked directly.
fn no_answer(q: &Question<'_>, after: Duration) -> Refusal {
    let who = match q.path {
        // No kubelet was asked.
        _ if q.is_at_api_server() => Who::ApiServer,
        // Nothing cheaper can be asked of a kubelet.
        "/healthz" | "/metrics" if q.route == Route::Direct => Who::Kubelet,
        _ => Who::Unknown,
    };
    let details = Details {
        path: q.path.to_owned(),
        after_ms: Some(u64::try_from(after.as_millis()).unwrap_or(u64::MAX)),
        ..q.details()
    };
    Refusal::new(Cause::NoAnswer, who, Next::GoOn).about(details)
}
