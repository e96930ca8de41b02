//! The client with which addresses are asked that somebody typed: TLS, how many redirects, how long.

use std::time::Duration;

use ureq::Agent;
use ureq::tls::{RootCerts, TlsConfig};

use crate::tls::{self, TlsError};

/// How long an answer may take.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Until there is a connection.
    pub connect: Duration,
    /// Until the answer begins.
    pub answer: Duration,
    /// Until it ends.
    pub body: Duration,
}

/// A client; with `insecure` it checks no certificate. A status that is no success is an answer, not an error.
///
/// # Errors
/// When there is no TLS on this processor.
pub fn agent(patience: Patience, redirects: u32, insecure: bool) -> Result<Agent, TlsError> {
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::PlatformVerifier)
        .disable_verification(insecure)
        .unversioned_rustls_crypto_provider(tls::provider()?)
        .build();
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(redirects)
        .timeout_connect(Some(patience.connect))
        .timeout_recv_response(Some(patience.answer))
        .timeout_recv_body(Some(patience.body))
        .user_agent(concat!("kubeprof/", env!("CARGO_PKG_VERSION")))
        .tls_config(tls)
        .build();
    Ok(config.into())
}
