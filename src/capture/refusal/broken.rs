//! Requests without a whole answer: what broke, as far as this side can see.

use std::time::Duration;

use super::{Cause, Next, Question, Refusal, Route};
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
    let new = Refusal::new;
    let server = match q.route {
        Route::ApiServer => "the API server",
        Route::KubectlProxy => "your `kubectl proxy`",
        Route::Direct => "the kubelet",
    };
    let soon = Next::Again(Duration::from_secs(2));
    match b {
        Break::Lookup(why) => new(
            Cause::Lookup,
            Who::Network,
            format!("the name of {server} has no address: {why}"),
            "are you in the right network (VPN), and is the name right?",
            Next::LeaveNode,
        ),
        Break::Refused(why) => refused(q, server, why),
        Break::Unreachable(why) => Refusal::new(
            Cause::ConnectTimeout,
            Who::Network,
            format!("{server} cannot be reached: {why}"),
            match q.route {
                Route::Direct => format!(
                    "a firewall, a node that is off the network, or a kubelet that hangs: port {} is rarely open from outside",
                    match q.port() {
                        "" => "10250",
                        port => port,
                    }
                ),
                _ => "a firewall, a VPN that is down, a proxy (HTTPS_PROXY, `proxy-url` of the kubeconfig) that is missing, or an \
                      API server that hangs"
                    .to_owned(),
            },
            soon,
        ),
        Break::Proxy { proxy, why } => at_proxy(server, proxy, why),
        Break::NotHttp(why) => not_http(q, server, why),
        Break::Tls { fault, why } => tls(q, server, *fault, why),
        Break::Credentials(why) => new(
            Cause::Credentials,
            Who::You,
            format!("no credentials: {why}"),
            "run the credential plugin of your kubeconfig by hand, or give --token",
            Next::Stop,
        ),
        Break::Ended { bytes: 0, after, why } => ended_silent(q, *after, why),
        Break::Ended { bytes, why, .. } => new(
            Cause::Cut,
            Who::Unknown,
            format!("the connection ended in the middle, after {bytes} bytes: {why}"),
            match q.route {
                Route::Direct => "the kubelet was stopped, or something between cut the connection: ask again",
                _ => "the kubelet or the API server was stopped, or something between cut the connection: ask again",
            },
            Next::Again(Duration::from_secs(1)),
        ),
        Break::NoAnswer { after } => no_answer(q, *after),
        Break::Stalled { bytes, quiet } => new(
            Cause::Stalled,
            Who::Unknown,
            format!("after {bytes} bytes nothing more came for {} s", quiet.as_secs()),
            match q.route {
                Route::Direct => "a network that drops packets, or a kubelet that hangs: the goroutine profile tells",
                _ => SILENT_THROUGH_PROXY,
            },
            Next::GoOn,
        ),
        Break::TooSlow { bytes, after } => new(
            Cause::TooSlow,
            Who::Unknown,
            format!("only {bytes} bytes in {} s", after.as_secs()),
            "give it more time with --timeout, or go --direct to the node",
            Next::GoOn,
        ),
        Break::TooLarge { cap } => new(
            Cause::TooLarge,
            Who::Kubeprof,
            format!("more than {cap} bytes came, and reading stopped"),
            "raise --max-bytes if that is what you want",
            Next::GoOn,
        ),
        Break::Encoding(why) => new(
            Cause::Undecodable,
            Who::Network,
            format!("the body is not encoded as its header says: {why}"),
            "something between changed it: ask again, or go --direct to the node",
            Next::Again(Duration::from_secs(1)),
        ),
        Break::Disk(why) => new(
            Cause::Disk,
            Who::Disk,
            format!("cannot write: {why}"),
            "make room, then go on with --resume",
            Next::Stop,
        ),
        Break::Interrupted => new(
            Cause::Interrupted,
            Who::You,
            "interrupted".to_owned(),
            "go on with --resume",
            Next::Stop,
        ),
    }
}

fn refused(q: &Question<'_>, server: &str, why: &str) -> Refusal {
    let remedy = match q.route {
        Route::ApiServer => "is `server` of your kubeconfig right, and is the API server up?".to_owned(),
        Route::KubectlProxy => match q.port() {
            "" => "start it: kubectl proxy".to_owned(),
            port => format!("start it: kubectl proxy --port={port}"),
        },
        Route::Direct => {
            "the kubelet is down or listens elsewhere: look on the node with `systemctl status kubelet` and `ss -tlnp`"
                .to_owned()
        }
    };
    let next = match q.route {
        Route::KubectlProxy => Next::Stop,
        _ => Next::Again(Duration::from_secs(2)),
    };
    let who = if q.route == Route::Direct {
        Who::Kubelet
    } else {
        Who::Network
    };
    let why = format!("nothing listens where {server} should be: {why}");
    Refusal::new(Cause::ConnectRefused, who, why, remedy, next)
}

fn at_proxy(server: &str, proxy: &str, why: &str) -> Refusal {
    let (why, remedy) = if why.contains("proxy authorization required") {
        (
            format!("the proxy {proxy} wants to know who asks: {why}"),
            "give it a user and a password: HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT, with %40 for @",
        )
    } else if why.contains("tunnel error: unsuccessful") || why.contains("tunnel error: unexpected end") {
        (
            format!("the proxy {proxy} does not connect to {server}: {why}"),
            "does it let this host and port through, and is the name right? NO_PROXY=HOST goes without it",
        )
    } else {
        (
            format!("the proxy {proxy} on the way to {server} cannot be reached: {why}"),
            "it comes from HTTPS_PROXY or ALL_PROXY, or from `proxy-url` of the kubeconfig: is it right, and is it up? \
             NO_PROXY=HOST goes without it",
        )
    };
    let soon = Next::Again(Duration::from_secs(2));
    Refusal::new(Cause::ConnectRefused, Who::Network, why, remedy, soon)
}

fn not_http(q: &Question<'_>, server: &str, why: &str) -> Refusal {
    let (why, remedy) = if why.contains("version") || why.contains("status-code") {
        (
            format!("what listens where {server} should be does not speak HTTP: {why}"),
            match q.route {
                Route::Direct if q.is_usual_port() => {
                    "is the address right? Something else listens at the kubelet's port there"
                }
                Route::Direct => "is the port right? Kubelets listen at 10250",
                Route::KubectlProxy => "is the port right? `kubectl proxy` prints its own",
                Route::ApiServer => {
                    "is `server` of your kubeconfig right? Where other requests came through, something between broke this one"
                }
            },
        )
    } else if why.contains("too large") {
        (
            format!("the headers that came in place of an answer of {server} are too large: {why}"),
            "something between adds to them: try without it, or go --direct to the node",
        )
    } else {
        (
            format!("an answer with a broken head came in place of one of {server}: {why}"),
            "neither API servers nor kubelets write such a head: something between does; try without it, or go --direct to \
             the node",
        )
    };
    Refusal::new(Cause::NotHttp, Who::Network, why, remedy, Next::GoOn)
}

fn tls(q: &Question<'_>, server: &str, fault: TlsFault, why: &str) -> Refusal {
    let (cause, who, why, remedy) = match fault {
        TlsFault::ClientCertificate => (
            Cause::ClientCertificate,
            Who::You,
            format!("{server} does not take your client certificate: {why}"),
            "it is missing, expired or of another CA: look at `client-certificate` of your kubeconfig",
        ),
        TlsFault::NotTls => (
            Cause::PlainHttp,
            Who::You,
            format!("the port of {server} speaks no TLS: {why}"),
            "write http:// in the address if that is meant; kubelets serve profiles with TLS only",
        ),
        TlsFault::OtherName => (
            Cause::Certificate,
            Who::Network,
            format!("the certificate of {server} is for another name: {why}"),
            "use a name or an address that it holds, or say which it is with --tls-server-name",
        ),
        TlsFault::NotValidNow => (
            Cause::Certificate,
            Who::Network,
            format!("the certificate of {server} is not valid now: {why}"),
            "renew it, or set this machine's clock",
        ),
        TlsFault::Untrusted => (
            Cause::Certificate,
            Who::Network,
            format!("the certificate of {server} is not trusted: {why}"),
            match q.route {
                Route::Direct => {
                    "name the CA with --certificate-authority (kubelets often sign themselves: then \
                     --insecure-skip-tls-verify, or go through the API server)"
                }
                _ => "look at `certificate-authority` of your kubeconfig, or name the CA with --certificate-authority",
            },
        ),
        TlsFault::Other => (
            Cause::Handshake,
            Who::Unknown,
            format!("no TLS connection to {server} could be agreed on: {why}"),
            "kubeprof speaks TLS 1.2 and 1.3 with the cipher suites of Go's defaults: is it the right port, and what does \
             `openssl s_client -connect HOST:PORT` say?",
        ),
    };
    Refusal::new(cause, who, why, remedy, Next::Stop)
}

fn ended_silent(q: &Question<'_>, after: Duration, why: &str) -> Refusal {
    let seconds = q.measures.as_secs();
    if after >= Duration::from_secs(10)
        && after + Duration::from_secs(1) < q.measures
        && let Some(idle) = idle_timeout(after)
    {
        let part = idle * 2 / 3;
        return Refusal::new(
            Cause::IdleTimeout,
            Who::Network,
            format!(
                "the connection was cut after {idle} s of silence, before the {seconds} s were over: probably an idle timeout \
                 on the way"
            ),
            format!(
                "kubelets send nothing until a profile ends: take {} profiles of {part} s (--seconds {part}; kubeprof merges \
                 them), or go --direct to the node",
                seconds.div_ceil(part.max(1))
            ),
            Next::GoOn,
        );
    }
    Refusal::new(
        Cause::Broke,
        Who::Unknown,
        format!(
            "the connection ended without an answer after {:.1} s: {why}",
            after.as_secs_f64()
        ),
        "the server or something between was stopped just then: ask again",
        // A measurement goes on at the kubelet after its reader has left.
        if seconds > 0 {
            Next::GoOn
        } else {
            Next::Again(Duration::from_secs(2))
        },
    )
}

/// Through a proxy, silence does not say whose it is.
const SILENT_THROUGH_PROXY: &str = "the API server, the kubelet or the network between hangs, and it cannot be told which from here: `kubectl get --raw \
     /readyz` asks the API server alone, --direct on the node the kubelet alone; --timeout gives more time";

fn no_answer(q: &Question<'_>, after: Duration) -> Refusal {
    let why = format!("no answer in {:.0} s", after.as_secs_f64());
    let (who, remedy) = match q.path {
        // No kubelet was asked.
        _ if q.is_at_api_server() => (
            Who::ApiServer,
            "the API server hangs, is overloaded, or the way to it is slow: does `kubectl get --raw /readyz` answer? \
             --timeout gives it more time; --direct on the node needs no API server for a client certificate",
        ),
        _ if q.route.has_api_server() => (Who::Unknown, SILENT_THROUGH_PROXY),
        "/healthz" | "/metrics" => (
            Who::Kubelet,
            "the kubelet hangs or is starved of CPU, or the network drops packets: the goroutine profile tells if it can still \
             be had; --timeout gives it more time",
        ),
        _ => (
            Who::Unknown,
            "a kubelet that hangs, or a slow way: give it more time with --timeout",
        ),
    };
    Refusal::new(Cause::NoAnswer, who, why, remedy, Next::GoOn)
}
