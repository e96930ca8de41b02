//! One request, one answer: status, headers, bytes and times, whatever the way to the kubelet is.
//!
//! `access` finds the server and the credentials, or says why not (`error`) (`kubeconfig` in kubeconfigs, `identity` looks at our certificate, `files` reads what they name), `line`
//! keeps them and makes them anew (`plugin` runs the kubeconfig's), `exchange` asks and reads under deadlines, `guard` makes
//! errors of panics of the libraries, `classify` reads their errors, `names` says what names a node. A request is repeated here only where it
//! did not reach anybody who would act on it: with another credential, or another name in the server's certificate. Nothing
//! is interpreted: `refusal` does that.

mod access;
mod classify;
mod error;
mod exchange;
mod files;
mod guard;
mod identity;
mod kubeconfig;
mod line;
mod names;
mod plugin;

use crate::bundle::names::bare_node;
use std::sync::Arc;
use std::time::Duration;

pub use super::refusal::{Break, Route, TlsFault};
pub use access::{Access, Direct, Secret, Tls, Way};
pub use error::{AccessError, Remedy};
pub use exchange::{Ask, Exchanged, Outcome, Stop};
pub use guard::hush;
pub(super) use guard::words as panic_words;
pub use names::{NameError, check_node};
pub use plugin::PluginError;

use line::Line;

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
    line: Arc<Line>,
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
    /// Over a service in place of a connection.
    #[cfg(test)]
    pub(super) fn over<S>(service: S, route: Route, server: &str, limits: Limits) -> Self
    where
        S: tower::Service<http::Request<kube::client::Body>, Response = http::Response<kube::client::Body>>
            + Send
            + 'static,
        S::Error: Into<tower::BoxError>,
        S::Future: Send + 'static,
    {
        Transport {
            line: Arc::new(Line::over(service)),
            route,
            server: server.to_owned(),
            limits,
        }
    }

    /// The way that it goes.
    pub fn route(&self) -> Route {
        self.route
    }

    /// Address of the server, without credentials.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// What is worth saying of how the server was reached.
    pub fn note(&self) -> Option<&str> {
        self.line.note()
    }

    /// Its limits.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// The path at the server for a path at the kubelet of `node`.
    pub fn path_at_kubelet(&self, node: &str, path: &str) -> String {
        match self.route {
            Route::Direct => path.to_owned(),
            _ => format!("/api/v1/nodes/{}/proxy{path}", names::segment(node)),
        }
    }

    /// A path at the API server, with the name of the node in place of `NODE`: the bare one, which the object has.
    pub fn path_at_server(&self, node: &str, path: &str) -> String {
        path.replace("NODE", &names::segment(bare_node(node)))
    }
}
