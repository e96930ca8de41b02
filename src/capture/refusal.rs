//! An answer that is no artifact -> who refused, why, and what to change. Pure: no clock, no socket, no file.
//!
//! The way is you -> (what is between) -> API server -> kubelet -> handler, and each of them refuses in words of its own: an
//! API server answers with a `Status` object, a kubelet with a line of text, what stands between with HTML. A status code
//! alone says nothing about who sent it. `broken` knows what is said where there was no whole answer.

mod broken;
mod patience;
mod status;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::bundle::manifest::Who;

pub use broken::{Break, TlsFault, of_break};
use patience::overloaded;

/// The way to the kubelet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Route {
    /// Through the API server's `nodes/NODE/proxy`.
    ApiServer,
    /// The same, through a running `kubectl proxy`.
    KubectlProxy,
    /// To the kubelet's own port.
    Direct,
}

impl Route {
    /// Its name in a manifest.
    pub fn name(self) -> &'static str {
        match self {
            Route::ApiServer => "proxy",
            Route::KubectlProxy => "kubectl proxy",
            Route::Direct => "direct",
        }
    }

    /// Whether an API server stands between.
    pub fn has_api_server(self) -> bool {
        self != Route::Direct
    }
}

/// What was asked.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The way.
    pub route: Route,
    /// Name of the node, or `host:port` where it was asked directly.
    pub node: &'a str,
    /// Address of the server that was asked, for instance `https://10.0.0.12:10250`.
    pub server: &'a str,
    /// Path at the kubelet, or at the API server where the question was for it.
    pub path: &'a str,
    /// For how long the server was to measure.
    pub measures: Duration,
}

impl Question<'_> {
    /// Whether this asks for a profile.
    fn is_profile(&self) -> bool {
        self.path.starts_with("/debug/pprof")
    }

    /// The port that was asked; `""` where the address names none.
    fn port(&self) -> &str {
        let authority = self.server.split_once("://").map_or(self.server, |(_, rest)| rest);
        let authority = authority.split(['/', '?']).next().unwrap_or_default();
        let port = authority.rsplit_once(':').map_or("", |(_, port)| port);
        // The last colon of `[fd00::12]` is none of a port.
        if port.bytes().all(|b| b.is_ascii_digit()) {
            port
        } else {
            ""
        }
    }

    /// Whether a kubelet's usual port was asked.
    fn is_usual_port(&self) -> bool {
        self.port() == "10250"
    }

    /// Whether the answer is the API server's own and no kubelet is asked for it.
    fn is_at_api_server(&self) -> bool {
        let own = self.path == "/version" || self.path.starts_with("/api/") || self.path.starts_with("/apis/");
        self.route.has_api_server() && (own || self.node.is_empty())
    }
}

/// An answer that is no artifact.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// HTTP status.
    pub status: u16,
    /// Its headers, names in lowercase.
    pub headers: &'a BTreeMap<String, String>,
    /// The body, or its beginning.
    pub body: &'a [u8],
}

/// Why there is no artifact, as a word that does not change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Cause {
    /// The API server does not know the caller.
    ApiUnauthorized,
    /// The API server knows the caller and refuses.
    ApiForbidden,
    /// The API server does not let the caller act as somebody else.
    MayNotActAs,
    /// The provider lets nobody reach the kubelet.
    ProviderForbids,
    /// The API server knows no such node.
    NoSuchNode,
    /// The name is no node name.
    BadNodeName,
    /// The node's address is one that an API server does not connect to.
    AddressNotAllowed,
    /// The API server serves no such path.
    ApiPathNotFound,
    /// What a list was read of is gone; the next page cannot be had.
    Expired,
    /// The API server asks to wait.
    Overloaded,
    /// The API server cannot serve at the moment.
    ApiNotReady,
    /// The kubelet does not know the caller.
    KubeletUnauthorized,
    /// The kubelet knows the caller and refuses.
    KubeletForbidden,
    /// The kubelet could not ask whether the caller may.
    AuthorizationError,
    /// The kubelet serves no such path.
    PathNotFound,
    /// The kubelet's Go has no such profile.
    UnknownProfile,
    /// `enableDebuggingHandlers: false`.
    DebuggingOff,
    /// `enableProfilingHandler: false`.
    ProfilingOff,
    /// Another handler is switched off.
    EndpointOff,
    /// The path is right, the method is not.
    MethodNotAllowed,
    /// A parameter that the kubelet does not take.
    BadParameter,
    /// Somebody else takes a CPU profile.
    CpuProfileInUse,
    /// Somebody else takes a trace.
    TraceInUse,
    /// A health check fails; the answer itself is worth keeping.
    Unhealthy,
    /// Nothing listens at the kubelet's port.
    KubeletRefuses,
    /// The kubelet's port does not answer.
    KubeletUnreachable,
    /// The API server does not trust the kubelet's certificate.
    KubeletCertificate,
    /// No agent of konnectivity is connected.
    NoAgent,
    /// The API server lost the kubelet's answer on the way.
    PathBroke,
    /// Something between answered in place of the API server.
    Gateway,
    /// Something between gave up waiting.
    GatewayTimeout,
    /// The caller's own `kubectl proxy` refuses.
    ProxyFilter,
    /// A web page, for instance to log in.
    WebPage,
    /// Plain HTTP was spoken to a TLS port.
    PlainHttp,
    /// What came is no answer of HTTP, or has a broken head.
    NotHttp,
    /// The server is no kubelet.
    NotAKubelet,
    /// The answer says that all is well and has no bytes.
    Empty,
    /// The bytes are not what was asked for.
    Undecodable,
    /// The name of the server has no address.
    Lookup,
    /// Nothing listens at the server's port.
    ConnectRefused,
    /// The server's port does not answer.
    ConnectTimeout,
    /// The certificate of the server is not trusted.
    Certificate,
    /// No agreement on TLS, for a reason that is no certificate.
    Handshake,
    /// The server wants other client credentials than it got.
    ClientCertificate,
    /// Credentials could not be made.
    Credentials,
    /// No answer in time.
    NoAnswer,
    /// The connection broke.
    Broke,
    /// The connection broke after a round number of seconds without a byte.
    IdleTimeout,
    /// Fewer bytes came than were announced.
    Cut,
    /// Bytes stopped coming.
    Stalled,
    /// Bytes came too slowly.
    TooSlow,
    /// More bytes came than are wanted.
    TooLarge,
    /// The bytes cannot be written.
    Disk,
    /// The user wants no more.
    Interrupted,
    /// It would do more harm than good.
    LeftOut,
    /// None of these.
    Other,
}

/// What is worth trying next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Next {
    /// The next artifact; this one was never to be had, and nothing is wrong.
    Skip,
    /// The next artifact.
    GoOn,
    /// The same once more, not before so much time has passed.
    Again(Duration),
    /// Nothing else below `/debug/` of this node; metrics and health still.
    NoProfiles,
    /// Nothing else of this node for now.
    LeaveNode,
    /// Nothing at all: it will be the same for every node.
    Stop,
}

/// Who refused, why, and what to change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// The cause.
    pub cause: Cause,
    /// Who.
    pub who: Who,
    /// Why: one sentence without a full stop.
    pub why: String,
    /// What to change, with the field or the rule; `""` where nothing is to be changed.
    pub remedy: String,
    /// What to do next.
    pub next: Next,
}

impl Refusal {
    fn new(cause: Cause, who: Who, why: impl Into<String>, remedy: impl Into<String>, next: Next) -> Self {
        Refusal {
            cause,
            who,
            why: why.into(),
            remedy: remedy.into(),
            next,
        }
    }
}

/// Explains an answer that is not 200, or is no artifact.
pub fn of_answer(q: &Question<'_>, a: &Answer<'_>) -> Refusal {
    let text = String::from_utf8_lossy(a.body);
    let text = text.trim();
    if let Some(status) = status::parse(a.body) {
        return status::explain(q, a, &status);
    }
    by_text(q, a, text)
        .or_else(|| by_page(q, a, text))
        .unwrap_or_else(|| by_code(q, a, text))
}

/// How to switch a handler on without losing what is there now.
fn switch_on(field: &str) -> String {
    format!(
        "set `{field}: true` in the kubelet's configuration and restart it, which loses its present state: metrics and \
         health can still be taken, and are"
    )
}

/// Lines that kubelets write.
fn by_text(q: &Question<'_>, a: &Answer<'_>, text: &str) -> Option<Refusal> {
    let first = text.lines().next().unwrap_or_default();
    let line = first.chars().take(300).collect::<String>();
    let direct = q.route == Route::Direct;
    Some(match first {
        "Debug endpoints are disabled." => {
            let read_only = direct && q.node.ends_with(":10255");
            let remedy = if read_only {
                "port 10255 is read-only and never serves profiles: ask port 10250".to_owned()
            } else {
                switch_on("enableDebuggingHandlers")
            };
            let why = match read_only {
                true => "this is the kubelet's read-only port, where debugging handlers are always off",
                false => "the kubelet runs with `enableDebuggingHandlers: false`",
            };
            Refusal::new(Cause::DebuggingOff, Who::Handler, why, remedy, Next::NoProfiles)
        }
        "profiling endpoint is disabled." => Refusal::new(
            Cause::ProfilingOff,
            Who::Handler,
            "the kubelet runs with `enableProfilingHandler: false`",
            switch_on("enableProfilingHandler"),
            Next::NoProfiles,
        ),
        "Unauthorized" => kubelet_unauthorized(q),
        "Unknown profile" => Refusal::new(
            Cause::UnknownProfile,
            Who::Handler,
            "the Go version that the kubelet was built with has no such profile",
            if q.path.ends_with("goroutineleak") {
                "goroutineleak needs a kubelet built with Go 1.27; nothing is wrong"
            } else {
                "nothing is wrong"
            },
            Next::Skip,
        ),
        "404 page not found" | "404: Page Not Found" => path_not_found(q),
        "405: Method Not Allowed" | "Method Not Allowed" | "unsupported http method" => Refusal::new(
            Cause::MethodNotAllowed,
            Who::Handler,
            "the handler takes another HTTP method than GET",
            "nothing is to be had there by reading",
            Next::GoOn,
        ),
        "Client sent an HTTP request to an HTTPS server." => Refusal::new(
            Cause::PlainHttp,
            Who::You,
            "plain HTTP was spoken to a TLS port",
            "write https:// in the address",
            Next::Stop,
        ),
        _ if first.starts_with("Forbidden (user=") => kubelet_forbidden(q, &line),
        _ if first.starts_with("Authorization error (user=") => authorization_error(&line),
        _ if first.starts_with("Could not enable CPU profiling") => in_use(q, Cause::CpuProfileInUse, "CPU profile"),
        _ if first.starts_with("Could not enable tracing") => in_use(q, Cause::TraceInUse, "trace"),
        _ if is_bad_parameter(first) => Refusal::new(
            Cause::BadParameter,
            Who::Handler,
            format!("the kubelet does not take a parameter: {line}"),
            "this is a defect of kubeprof, or the kubelet is older than Go 1.15: please report it",
            Next::GoOn,
        ),
        _ if first.starts_with("[+]") || first.starts_with("[-]") => {
            let failing: Vec<&str> = text.lines().filter(|l| l.starts_with("[-]")).collect();
            Refusal::new(
                Cause::Unhealthy,
                Who::Kubelet,
                format!("health checks fail: {}", failing.join("; ")),
                "this is a finding, not a failure of the capture: the other artifacts say why",
                Next::GoOn,
            )
        }
        _ if a.status == 403 && q.route == Route::KubectlProxy => Refusal::new(
            Cause::ProxyFilter,
            Who::You,
            "your `kubectl proxy` filters this path or this host",
            "start it with --accept-paths='^.*' --reject-paths='' and ask it as 127.0.0.1 or localhost",
            Next::Stop,
        ),
        _ if first.contains("dial tcp") && q.route == Route::KubectlProxy => Refusal::new(
            Cause::ApiNotReady,
            Who::Network,
            format!("your `kubectl proxy` cannot reach the API server: {line}"),
            "is the cluster up, and does `kubectl version` answer?",
            Next::LeaveNode,
        ),
        _ => {
            let endpoint = first.strip_suffix(" endpoint is disabled.")?;
            Refusal::new(
                Cause::EndpointOff,
                Who::Handler,
                format!("the kubelet's `{endpoint}` handler is off"),
                "switch it on in the kubelet's configuration if you want it",
                Next::Skip,
            )
        }
    })
}

fn is_bad_parameter(line: &str) -> bool {
    line.starts_with("invalid value for \"seconds\"")
        || line == "seconds and debug params are incompatible"
        || line == "\"seconds\" parameter is not supported for this profile type"
        || line == "profile duration exceeds server's WriteTimeout"
}

fn kubelet_unauthorized(q: &Question<'_>) -> Refusal {
    let (why, remedy, next) = if q.route == Route::Direct {
        (
            "the kubelet does not know you",
            "send a client certificate that its `authentication.x509.clientCAFile` signed (--client-certificate, \
             --client-key), or a token (--token) if its `authentication.webhook.enabled` is true",
            Next::LeaveNode,
        )
    } else {
        (
            "the kubelet does not know the API server's client certificate",
            "the cluster is set up wrong: --kubelet-client-certificate of the API server must be signed by \
             `authentication.x509.clientCAFile` of the kubelet, and both clocks must agree; meanwhile capture on the node \
             with --direct",
            Next::LeaveNode,
        )
    };
    Refusal::new(Cause::KubeletUnauthorized, Who::Kubelet, why, remedy, next)
}

fn kubelet_forbidden(q: &Question<'_>, line: &str) -> Refusal {
    let user = between(line, "user=", ",");
    let resource = subresource(line);
    // Only profiles are bound to nodes/proxy; metrics or health may still be allowed.
    let next = if q.is_profile() { Next::NoProfiles } else { Next::GoOn };
    let (why, remedy) = if q.route == Route::Direct && user.starts_with("system:node:") {
        (
            format!("the kubelet's own certificate ({user:?}) may not get nodes/{resource}, as is usual"),
            "on a control plane, take its apiserver-kubelet-client certificate; elsewhere an administrator's \
             (--client-certificate, --client-key) or a token (--token, from `kubectl create token`)"
                .to_owned(),
        )
    } else if q.route == Route::Direct {
        (
            format!("the kubelet knows you as {user:?} and you may not get nodes/{resource}"),
            format!(
                "{}; `kubeprof capture --direct {} --dry-run` prints the YAML for all that is taken; kubelets remember a \
                 refusal for a while, so wait half a minute after the grant",
                grant(user, resource),
                q.node
            ),
        )
    } else {
        (
            format!("the kubelet refuses the API server's own user {user:?} (nodes/{resource}); your rights are fine"),
            format!(
                "the cluster is set up wrong: bind {user:?} to the ClusterRole system:kubelet-api-admin; meanwhile capture \
                 on the node with --direct"
            ),
        )
    };
    Refusal::new(Cause::KubeletForbidden, Who::Kubelet, why, remedy, next)
}

/// The subresource in a kubelet's refusal, in both spellings: `subresource=proxy`, `subresource(s)=[configz proxy]`. The
/// last of several is the one that stands for all.
fn subresource(line: &str) -> &str {
    let list = between(line, "subresource(s)=[", "]");
    let last = list.rsplit([' ', ',']).next().unwrap_or_default();
    match last {
        "" => Some(between(line, "subresource=", ")"))
            .filter(|s| !s.is_empty())
            .unwrap_or("proxy"),
        last => last,
    }
}

fn authorization_error(line: &str) -> Refusal {
    let user = between(line, "user=", ",");
    Refusal::new(
        Cause::AuthorizationError,
        Who::Kubelet,
        format!("the kubelet could not ask the API server whether {user:?} may: the node cannot reach the API server"),
        "repair the node's connection to the API server (that may be the very trouble); a client whose certificate is in \
         system:masters is asked about too, so the only other way is what the node has: journal, /proc, a core dump",
        Next::LeaveNode,
    )
}

fn in_use(q: &Question<'_>, cause: Cause, what: &str) -> Refusal {
    let wait = q.measures.max(Duration::from_secs(1)) + Duration::from_secs(1);
    Refusal::new(
        cause,
        Who::Handler,
        format!("somebody else takes a {what} of this kubelet, and there can be only one at a time"),
        format!(
            "wait until it has ended (kubeprof waits {} s and asks once more), or end the other profiler: a continuous \
             profiler, or an earlier request of your own that goes on at the kubelet after you left",
            wait.as_secs()
        ),
        Next::Again(wait),
    )
}

fn path_not_found(q: &Question<'_>) -> Refusal {
    if q.is_profile() {
        let (what, remedy) = match q.is_usual_port() {
            true => (
                "what listens there is no kubelet",
                "is the address right, or does something else listen at the kubelet's port on that node?",
            ),
            false => (
                "this is not the kubelet's port",
                "kubelets serve profiles at port 10250; 10248 is health only and 10255 is read-only",
            ),
        };
        return Refusal::new(
            Cause::NotAKubelet,
            Who::You,
            format!("{} serves no profiles: {what}", q.node),
            remedy,
            Next::NoProfiles,
        );
    }
    Refusal::new(
        Cause::PathNotFound,
        Who::Kubelet,
        format!("this kubelet serves no {}", q.path),
        match q.path {
            "/configz" => "it is there only with `enableDebuggingHandlers: true`",
            "/flagz" | "/statusz" => "kubelets serve it from 1.36 on, with `enableDebuggingHandlers: true`",
            _ => "nothing is wrong if the kubelet is old",
        },
        Next::Skip,
    )
}

/// Web pages: what stands between answered.
fn by_page(q: &Question<'_>, a: &Answer<'_>, text: &str) -> Option<Refusal> {
    let lower: String = text.chars().take(4000).collect::<String>().to_ascii_lowercase();
    let kind = a.headers.get("content-type").map_or("", String::as_str);
    if !(kind.contains("text/html") || lower.starts_with("<!doctype html") || lower.starts_with("<html")) {
        return None;
    }
    let title = between(&lower, "<title>", "</title>").trim();
    let title = if title.is_empty() {
        String::new()
    } else {
        format!(" ({title:?})")
    };
    if matches!(a.status, 502..=504) {
        return Some(gateway(q, a, &format!("a web page{title}")));
    }
    Some(Refusal::new(
        Cause::WebPage,
        Who::Network,
        format!(
            "a web page{title} came back with status {}: something else answered in place of the cluster",
            a.status
        ),
        "a proxy or a login page stands between: look at `server` in your kubeconfig, at HTTPS_PROXY and NO_PROXY",
        Next::Stop,
    ))
}

fn gateway(q: &Question<'_>, a: &Answer<'_>, what: &str) -> Refusal {
    let server = a.headers.get("server").map(|s| format!(" ({s})")).unwrap_or_default();
    let (cause, why) = match a.status {
        504 => (
            Cause::GatewayTimeout,
            "gave up waiting for the API server or the kubelet",
        ),
        _ => (Cause::Gateway, "could not reach the API server or the kubelet"),
    };
    let shorter = match q.measures.as_secs() {
        s if s > 5 => format!("; ask for less at a time, for instance --seconds {}", s / 3),
        _ => String::new(),
    };
    Refusal::new(
        cause,
        Who::Network,
        format!("{what} with status {}: something between{server} {why}", a.status),
        format!(
            "a load balancer, konnectivity or a proxy stands in front: try again, or go --direct to the node{shorter}"
        ),
        Next::Again(Duration::from_secs(2)),
    )
}

/// What only the status code says.
fn by_code(q: &Question<'_>, a: &Answer<'_>, text: &str) -> Refusal {
    let line: String = text.lines().next().unwrap_or_default().chars().take(200).collect();
    let said = if line.is_empty() {
        String::new()
    } else {
        format!(": {line}")
    };
    match a.status {
        206 => Refusal::new(
            Cause::Cut,
            Who::Network,
            "only a part came back (status 206), and all was asked for",
            "neither API servers nor kubelets answer in parts: a cache or a proxy between does; try without it, or go \
             --direct to the node",
            Next::GoOn,
        ),
        200..=299 if a.body.is_empty() => empty(),
        401 => kubelet_unauthorized(q),
        429 => overloaded(
            a,
            if q.route.has_api_server() {
                Who::ApiServer
            } else {
                Who::Kubelet
            },
            format!("too many requests{said}"),
        ),
        502..=504 => gateway(q, a, &format!("an answer that is no API server's{said}")),
        code => Refusal::new(
            Cause::Other,
            Who::Unknown,
            format!("status {code}{said}"),
            "the body that came is in the manifest; who wrote it cannot be told from its words",
            Next::GoOn,
        ),
    }
}

/// An answer without bytes.
pub fn empty() -> Refusal {
    Refusal::new(
        Cause::Empty,
        Who::Unknown,
        "the answer says that all is well and holds no bytes",
        "something between dropped the body, or the kubelet was stopped just then: ask again",
        Next::Again(Duration::from_secs(1)),
    )
}

/// Bytes that came with status 200 and are not what was asked for. `why` is what the decoder says.
pub fn undecodable(q: &Question<'_>, a: &Answer<'_>, why: &str) -> Refusal {
    let text = String::from_utf8_lossy(&a.body[..a.body.len().min(16 << 10)]).into_owned();
    let text = text.trim();
    if let Some(refusal) = by_text(q, a, text).or_else(|| by_page(q, a, text)) {
        return refusal;
    }
    let mut lines = why.lines();
    let first = lines.next().unwrap_or_default().to_owned();
    let hint = lines.find_map(|l| l.strip_prefix("hint: ")).unwrap_or_default();
    Refusal::new(
        Cause::Undecodable,
        Who::Unknown,
        format!("the bytes that came are not what was asked for: {first}"),
        if hint.is_empty() {
            "ask again; the body was cut or changed on the way"
        } else {
            hint
        },
        Next::Again(Duration::from_secs(1)),
    )
}

/// A profile that is not served by a kubelet that serves others.
pub fn no_such_profile(path: &str) -> Refusal {
    Refusal::new(
        Cause::PathNotFound,
        Who::Kubelet,
        format!("this kubelet serves no {path}, although it serves other profiles"),
        "its version has none, or something in front lets only some paths through; the other profiles are not touched by it",
        Next::GoOn,
    )
}

/// The commands that give a user the right.
fn grant(user: &str, resource: &str) -> String {
    let subject = match user.strip_prefix("system:serviceaccount:") {
        Some(account) => format!("--serviceaccount={account}"),
        None => format!("--user='{}'", user.replace('\'', r"'\''")),
    };
    let warning = match resource {
        "proxy" => "nodes/proxy is as much as root on the node: remove both afterwards",
        _ => "remove both afterwards",
    };
    // A name for each right: the hints for several can be followed one after the other.
    format!(
        "for a while: kubectl create clusterrole kubeprof-{resource} --verb=get --resource=nodes/{resource} && kubectl create \
         clusterrolebinding kubeprof-{resource} --clusterrole=kubeprof-{resource} {subject} ({warning})"
    )
}

/// Who an API server's refusal says that the caller is; `""` where it says nothing of it.
pub fn user_of(message: &str) -> &str {
    between(message, "User \"", "\"")
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let from = text.split_once(before).map_or("", |(_, rest)| rest);
    from.split_once(after).map_or(from, |(inside, _)| inside)
}
