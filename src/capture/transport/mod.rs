//! One request, one answer: status, headers, bytes and times, whatever the way to the kubelet is.
//!
//! `access` finds the server and the credentials, `exchange` asks and reads under deadlines, `classify` reads the errors
//! of the HTTP and TLS libraries. No request is repeated here, and nothing is interpreted: `refusal` does that.

mod access;
mod classify;
mod exchange;

use std::time::Duration;

use kube::Client;

pub use super::refusal::{Break, Route};
pub use access::{Access, AccessError, Direct, Secret, Tls, Way};
pub use exchange::{Ask, Exchanged, Outcome, Stop};

/// How long to wait for what.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// For an answer, beyond the time that the server measures.
    pub allowance: Duration,
    /// For the next bytes of a body.
    pub stall: Duration,
    /// Largest body, in bytes, after decoding.
    pub cap: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            allowance: Duration::from_secs(60),
            stall: Duration::from_secs(20),
            cap: 256 << 20,
        }
    }
}

/// A server and what it takes to be let in.
#[derive(Clone)]
pub struct Transport {
    client: Client,
    route: Route,
    server: String,
    limits: Limits,
}

impl std::fmt::Debug for Transport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transport")
            .field("route", &self.route)
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}

impl Transport {
    /// The way that it goes.
    pub fn route(&self) -> Route {
        self.route
    }

    /// Address of the server, without credentials.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// Its limits.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// The path at the server for a path at the kubelet of `node`.
    pub fn path_at_kubelet(&self, node: &str, path: &str) -> String {
        match self.route {
            Route::Direct => path.to_owned(),
            _ => format!("/api/v1/nodes/{node}/proxy{path}"),
        }
    }
}
