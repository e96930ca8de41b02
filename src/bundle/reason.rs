//! Why an artifact is not there, as data: a cause that does not change, and what it was about.
//!
//! No sentence is stored: `render::refusal` words a cause and its [`Details`] when they are printed. So a wording can change
//! without a reader of old bundles noticing, and redaction changes fields instead of looking for names in English. Each field
//! has one meaning, which is what redaction goes by; a field that may hold the words of another program is [`Details::message`].

use serde::{Deserialize, Serialize};

/// The route to the kubelet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Route {
    /// Through the API server's `nodes/NODE/proxy`.
    #[serde(rename = "proxy")]
    ApiServer,
    /// The same, through a running `kubectl proxy`.
    #[serde(rename = "kubectl proxy")]
    KubectlProxy,
    /// To the kubelet's own port.
    #[serde(rename = "direct")]
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

    /// Whether requests go through an API server.
    pub fn has_api_server(self) -> bool {
        self != Route::Direct
    }
}

/// Why there is no artifact, as a word that does not change.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Cause {
    /// The API server does not know the caller.
    ApiUnauthorized,
    /// The API server knows the caller and refuses: `user`, `verb`, `resource`.
    ApiForbidden,
    /// The API server does not let the caller act as another user.
    MayNotActAs,
    /// The caller may not list nodes: `user`, `selector`.
    MayNotListNodes,
    /// The provider lets no one reach the kubelet.
    ProviderForbids,
    /// The API server has no such node.
    NoSuchNode,
    /// The name is not a node name.
    BadNodeName,
    /// The node's address is one that an API server does not connect to.
    AddressNotAllowed,
    /// The API server serves no such path.
    ApiPathNotFound,
    /// The list that a page is of has expired.
    Expired,
    /// The server asks to wait: `wait_s`, and `limit_s` where that is longer than kubeprof waits.
    Overloaded,
    /// The API server cannot serve at the moment.
    ApiNotReady,
    /// No node matches: `selector`, `""` for all.
    NoNodes,
    /// More nodes match than are wanted: `limit`.
    TooManyNodes,
    /// The list of nodes has no last page: `limit` pages came.
    EndlessNodeList,
    /// The answer is not a list of nodes.
    NotANodeList,
    /// The kubelet does not know the caller.
    KubeletUnauthorized,
    /// The kubelet knows the caller and refuses: `user`, `resource`.
    KubeletForbidden,
    /// The kubelet could not ask whether the caller may: `user`.
    AuthorizationError,
    /// The kubelet serves no such path: `path`.
    PathNotFound,
    /// A kubelet that serves other profiles does not serve this one: `path`.
    ProfileNotServed,
    /// The kubelet's Go has no such profile.
    UnknownProfile,
    /// `enableDebuggingHandlers: false`, or the read-only port: `port`.
    DebuggingOff,
    /// `enableProfilingHandler: false`.
    ProfilingOff,
    /// Another handler is switched off: `handler`.
    EndpointOff,
    /// The path is right, the method is not.
    MethodNotAllowed,
    /// A parameter that the kubelet does not take.
    BadParameter,
    /// Another client takes a CPU profile: `wait_s`.
    CpuProfileInUse,
    /// Another client takes a trace: `wait_s`.
    TraceInUse,
    /// A health check fails; the answer itself is worth keeping.
    Unhealthy,
    /// Nothing listens at the kubelet's port: `port`.
    KubeletRefuses,
    /// The kubelet's port does not answer.
    KubeletUnreachable,
    /// The API server got no answer of the kubelet in time.
    KubeletSilent,
    /// The API server cannot reach the kubelet, for a reason of its own.
    KubeletNotReached,
    /// The API server does not trust the kubelet's certificate.
    KubeletCertificate,
    /// No agent of konnectivity is connected.
    NoAgent,
    /// The connection between API server and kubelet broke.
    PathBroke,
    /// An intermediary answered in place of the API server: `status`, `server`, `page`, `title`.
    Gateway,
    /// An intermediary gave up waiting: as [`Cause::Gateway`], and `measures_s`.
    GatewayTimeout,
    /// The caller's own `kubectl proxy` refuses.
    ProxyFilter,
    /// A web page, for instance to log in: `status`, `title`.
    WebPage,
    /// Plain HTTP was sent to a TLS port.
    PlainHttp,
    /// The port does not speak TLS.
    NoTls,
    /// What came is not an HTTP response.
    NotHttp,
    /// The headers of the response are too large.
    HeadersTooLarge,
    /// The head of the response is malformed.
    MalformedHead,
    /// The server has no profiles, so it is not a kubelet: `node`, `port`.
    NotAKubelet,
    /// An API server answered where a kubelet should be: `node`.
    NotAKubeletButApiServer,
    /// Its metrics are not those of a kubelet: `node`.
    NoKubeletMetrics,
    /// The answer is a success and has no bytes.
    Empty,
    /// The bytes are not what was asked for.
    Undecodable,
    /// The bytes are of another node: `other`.
    OtherNode,
    /// The bytes are not encoded as the header says.
    BadEncoding,
    /// The name of the server has no address.
    Lookup,
    /// Nothing listens at the server's port.
    ConnectRefused,
    /// The server's port does not answer.
    ConnectTimeout,
    /// The proxy on the way cannot be reached: `proxy`.
    ProxyUnreachable,
    /// The proxy on the way wants credentials: `proxy`.
    ProxyAuthentication,
    /// The proxy on the way does not connect to the server: `proxy`.
    ProxyRefuses,
    /// The certificate of the server is not trusted.
    Certificate,
    /// The certificate of the server is for another name.
    CertificateName,
    /// The certificate of the server is not valid now.
    CertificateTime,
    /// No agreement on TLS, for a reason that is not a certificate.
    Handshake,
    /// The server wants other client credentials than it got.
    ClientCertificate,
    /// Credentials could not be made.
    Credentials,
    /// No answer in time: `after_ms`.
    NoAnswer,
    /// The connection broke: `after_ms`.
    Broke,
    /// The connection broke after a round number of seconds without a byte: `idle_s`, `measures_s`.
    IdleTimeout,
    /// Only a part came, which was not asked for.
    PartialContent,
    /// Fewer bytes came than were announced: `bytes`.
    Cut,
    /// Bytes stopped coming: `bytes`, `after_ms`.
    Stalled,
    /// Bytes came too slowly: `bytes`, `after_ms`.
    TooSlow,
    /// More bytes came than are wanted: `limit`.
    TooLarge,
    /// A library that kubeprof uses broke over the request.
    Defect,
    /// The bytes cannot be written.
    Disk,
    /// The user wants no more.
    Interrupted,
    /// A dump would stop too many goroutines: `goroutines`.
    TooManyGoroutines,
    /// The node is short of memory, and this needs some.
    MemoryPressure,
    /// There is no API server on this route.
    NoApiServer,
    /// The process was gone before this was due.
    ProcessGone,
    /// The kubelet was restarted about then: which process this was of is not known.
    ProcessUncertain,
    /// The kubelet was restarted meanwhile, and nothing of the next process came.
    Restarted,
    /// The metrics do not hold what a threshold is compared with.
    ThresholdNotMeasured,
    /// The file was gone from the bundle, or was not what had been taken.
    FileGone,
    /// The file was missing when bundles were merged.
    FileMissing,
    /// The bundle has no profile to compare an executable with: `origin`.
    NothingToCompare,
    /// An executable cannot be read: `origin`.
    ExecutableUnreadable,
    /// It is not an executable of Go: `origin`.
    NotAnExecutable,
    /// It is another executable than that of the profiles: `origin`, `found`, `wanted`.
    OtherExecutable,
    /// Redaction: the file is not text.
    NotText,
    /// Redaction: the file is not what its manifest says.
    Altered,
    /// Redaction: the file cannot be read.
    Unreadable,
    /// Redaction: what it is cannot be redacted.
    NotRedactable,
    /// Redaction: its numbers would not be the same.
    NumbersWouldChange,
    /// A status that has no meaning here: `status`.
    Other,
    /// A cause of a later version; or a line of schema 1, which has sentences instead.
    #[default]
    #[serde(other)]
    Unknown,
}

/// What a refusal means for an artifact beyond itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Effect {
    /// The process ended before the artifact could be asked for again.
    ProcessGone,
    /// Whether the process is still the same is not known.
    ProcessUnknown,
    /// The threshold cannot be reached.
    ThresholdUnreachable,
    /// Redaction left it out.
    LeftOut,
    /// One of a later version.
    #[serde(other)]
    Unknown,
}

/// What a cause is about. What is not known, or does not matter, is left out.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Details {
    /// The route of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route: Option<Route>,
    /// The node, or `host:port` where it was asked directly.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub node: String,
    /// Another node than the one asked for.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub other: String,
    /// The path that was asked for.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// Who the caller is to the server.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub user: String,
    /// The verb that is refused, for instance `get`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub verb: String,
    /// The resource that is refused, for instance `nodes/proxy`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub resource: String,
    /// A label selector.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub selector: String,
    /// A handler of the kubelet.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub handler: String,
    /// Address of a proxy, without credentials.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub proxy: String,
    /// `Server` header of the response.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub server: String,
    /// Title of a web page.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub title: String,
    /// Whether it was a web page.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub page: bool,
    /// Where an executable was to come from: a path or `ssh://HOST`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub origin: String,
    /// Build ID that was found.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub found: String,
    /// Build ID that was wanted.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub wanted: String,
    /// HTTP status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Port that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Bytes that came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Goroutines of the process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub goroutines: Option<u64>,
    /// What would have been the most: bytes, nodes or pages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// Milliseconds from the request, or without a byte.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after_ms: Option<u64>,
    /// Seconds of an idle timeout.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle_s: Option<u64>,
    /// Seconds for which the kubelet was to measure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub measures_s: Option<u64>,
    /// Seconds to wait before another try.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait_s: Option<u64>,
    /// The longest wait, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit_s: Option<u64>,
    /// What another program says: a server, a library, the system.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// What that program advises.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub advice: String,
    /// What it means for this artifact beyond itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effect: Option<Effect>,
    /// Whether this artifact was not even asked for, because another was refused so.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub inherited: bool,
}
