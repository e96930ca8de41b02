//! Whether waiting helps, and for how long a server is waited for.

use std::time::Duration;

use super::{Answer, Cause, Next, Refusal};
use crate::bundle::manifest::Who;

impl Refusal {
    /// Whether the same may be answered otherwise in a moment although it says that it will not: an authenticator that could
    /// not ask, a page of maintenance, a plugin that stumbled.
    pub fn may_pass(&self) -> bool {
        let nobody = self.cause == Cause::ApiForbidden && self.next == Next::Stop;
        nobody
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
                | Cause::NotAKubelet
                | Cause::Certificate
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
}

/// A server that asks to wait.
pub(super) fn overloaded(a: &Answer<'_>, who: Who, why: String) -> Refusal {
    let wait = retry_after(a);
    let (remedy, next) = if wait > LONGEST_WAIT {
        let remedy = format!(
            "it asks to wait {} s, and kubeprof waits {} s at most: try again then",
            wait.as_secs(),
            LONGEST_WAIT.as_secs()
        );
        (remedy, Next::LeaveNode)
    } else {
        let remedy = format!(
            "kubeprof waits {} s and asks once more; where it is still so, try again later",
            wait.as_secs()
        );
        (remedy, Next::Again(wait))
    };
    Refusal::new(Cause::Overloaded, who, why, remedy, next)
}

/// So long is waited at most because a server asks for it.
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
