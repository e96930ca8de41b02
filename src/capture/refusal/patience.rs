//! Whether waiting helps, and for how long a server is waited for.

use std::time::Duration;

use super::{Answer, Cause, Details, Next, Refusal};
use crate::bundle::manifest::Who;

impl Refusal {
    /// Whether the same may be answered otherwise in a moment although it says that it will not: an authenticator that could
    /// not ask, a maintenance page, a plugin that failed once.
    pub fn may_pass(&self) -> bool {
        let anonymous = self.cause == Cause::ApiForbidden && self.next == Next::Stop;
        anonymous
            || matches!(
                self.cause,
                Cause::ApiUnauthorized | Cause::KubeletUnauthorized | Cause::WebPage | Cause::Credentials
            )
    }

    /// Whether waiting can help, as it can where a kubelet is down.
    pub fn may_end(&self) -> bool {
        !matches!(
            self.cause,
            Cause::ApiUnauthorized
                | Cause::ApiForbidden
                | Cause::ProviderForbids
                | Cause::BadNodeName
                | Cause::NoSuchNode
                | Cause::AddressNotAllowed
                | Cause::ApiPathNotFound
                | Cause::KubeletUnauthorized
                | Cause::KubeletForbidden
                | Cause::PathNotFound
                | Cause::ProxyFilter
                | Cause::WebPage
                | Cause::PlainHttp
                | Cause::NoTls
                | Cause::NotAKubelet
                | Cause::NotAKubeletButApiServer
                | Cause::NoKubeletMetrics
                | Cause::Certificate
                | Cause::CertificateName
                | Cause::CertificateTime
                | Cause::Handshake
                | Cause::ClientCertificate
                | Cause::Credentials
                | Cause::Disk
        )
    }

    /// Whether a restart of the kubelet may have caused it, or may have come since.
    pub fn may_be_of_a_restart(&self) -> bool {
        matches!(self.next, Next::Again(_)) && self.cause != Cause::Overloaded
    }

    /// Whether the connection to the server, or to a proxy on the way, was not made.
    pub fn is_unconnected(&self) -> bool {
        matches!(
            self.cause,
            Cause::ConnectRefused
                | Cause::ConnectTimeout
                | Cause::ProxyUnreachable
                | Cause::ProxyAuthentication
                | Cause::ProxyRefuses
        )
    }
}

/// A server that asks to wait.
pub(super) fn overloaded(a: &Answer<'_>, who: Who, details: Details) -> Refusal {
    let wait = retry_after(a);
    let too_long = wait > LONGEST_WAIT;
    let details = Details {
        wait_s: Some(wait.as_secs()),
        limit_s: too_long.then_some(LONGEST_WAIT.as_secs()),
        ..details
    };
    let next = if too_long { Next::LeaveNode } else { Next::Again(wait) };
    Refusal::new(Cause::Overloaded, who, next).about(details)
}

/// The longest wait that a server may ask for.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(120);

/// What `Retry-After` asks for, as seconds or as a date by the server's own clock; a second at least.
pub(super) fn retry_after(a: &Answer<'_>) -> Duration {
    let header = |name: &str| a.headers.get(name).map(|text| text.trim());
    let date = |text: &str| Some(jiff::fmt::rfc2822::parse(text).ok()?.timestamp().as_second());
    let until = || {
        let (until, now) = (date(header("retry-after")?)?, date(header("date")?)?);
        u64::try_from(until.saturating_sub(now)).ok()
    };
    let seconds = header("retry-after").and_then(|text| text.parse().ok()).or_else(until);
    Duration::from_secs(seconds.unwrap_or(1).max(1))
}
