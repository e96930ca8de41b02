//! Where a goroutine is: at home in its loop, in a call to somebody else, behind a lock, at a full channel, or waiting for
//! another part of the kubelet.
//!
//! Told from structure alone: which frames stand inside of the innermost part of the kubelet, and how the goroutine
//! waits. How long each may last is `expect`'s business.

use super::book::{Book, NameId};
use super::crowd::{Group, StackBook, Wait};
use super::report::FarEnd;
use crate::kubelet::{Role, SubsystemId};

/// Where a goroutine is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Place {
    /// In its own loop, waiting for the next round, for work or for a connection.
    Home,
    /// It runs.
    Running,
    /// In a call.
    Call {
        far_end: FarEnd,
        /// The call at the far end, `(*remoteRuntimeService).ExecSync`.
        method: Option<NameId>,
    },
    /// Behind a lock of this code.
    Lock { at: NameId },
    /// Handing something over.
    Send { at: NameId },
    /// Inside of another part of the kubelet, waiting for it.
    Inner { at: NameId },
}

/// What each boundary of the table of subsystems is the near end of.
const FAR_ENDS: &[(&str, FarEnd)] = &[
    ("cri-client", FarEnd::Runtime),
    ("docker", FarEnd::Runtime),
    ("cadvisor-containerd", FarEnd::Runtime),
    ("ttrpc", FarEnd::Runtime),
    ("csi-grpc", FarEnd::CsiDriver),
    ("device-plugin-grpc", FarEnd::DevicePlugin),
    ("dra-grpc", FarEnd::DraDriver),
    ("plugin-registration-grpc", FarEnd::PluginSocket),
    ("dbus", FarEnd::Dbus),
    ("systemd", FarEnd::Dbus),
    ("cgroup-reads", FarEnd::Cgroups),
    ("mounts", FarEnd::Files),
    ("child-process", FarEnd::Child),
    ("api-throttle", FarEnd::Throttle),
    ("delegated-auth", FarEnd::Auth),
    ("grpc-health", FarEnd::Network),
];

/// Whom a part of the kubelet talks gRPC to, where the frames of the service are missing.
const GRPC_OF: &[(&str, FarEnd)] = &[
    ("device-plugins", FarEnd::DevicePlugin),
    ("dra", FarEnd::DraDriver),
    ("csi", FarEnd::CsiDriver),
    ("volume-plugins", FarEnd::CsiDriver),
    ("plugin-registration", FarEnd::PluginSocket),
    ("kuberuntime", FarEnd::Runtime),
    ("pleg", FarEnd::Runtime),
    ("probes", FarEnd::Runtime),
    ("images", FarEnd::Runtime),
    ("stats-provider", FarEnd::Runtime),
    ("summary-stats", FarEnd::Runtime),
    ("log-rotation", FarEnd::Runtime),
    ("runtime-status", FarEnd::Runtime),
    ("node-status", FarEnd::Runtime),
    ("container-logs", FarEnd::Runtime),
    ("runtime-cache", FarEnd::Runtime),
    ("garbage-collection", FarEnd::Runtime),
    ("container-deletor", FarEnd::Runtime),
    ("pod-workers", FarEnd::Runtime),
    ("cadvisor", FarEnd::Runtime),
    ("cadvisor-housekeeping", FarEnd::Runtime),
    ("metrics", FarEnd::Runtime),
    ("eviction", FarEnd::Runtime),
];

/// Functions that mean a gRPC call under way at the client.
fn is_grpc_call(key: &str) -> bool {
    let Some(rest) = key.strip_prefix("google.golang.org/grpc") else {
        return false;
    };
    const CALLS: &[&str] = &[
        ".(*ClientConn).Invoke",
        ".invoke",
        ".Invoke",
        ".(*clientStream)",
        ".(*csAttempt)",
        ".recvResponse",
        ".newClientStream",
        ".recv",
        "/internal/transport.(*Stream).waitOnHeader",
        "/internal/transport.(*ClientStream)",
        "/internal/transport.(*Stream).Header",
        "/internal/transport.(*Stream).RecvCompress",
        "/transport.(*Stream).Header",
        "/transport.(*Stream).waitOnHeader",
        ".(*ClientConn).WaitForStateChange",
        ".(*ClientConn).waitForResolvedAddrs",
        ".(*pickerWrapper).pick",
        ".DialContext",
        ".Dial",
    ];
    // The closures of a stream wait for its end beside it.
    let is_beside = rest.starts_with(".newClientStream") && rest.ends_with(".func");
    !is_beside && CALLS.iter().any(|c| rest.starts_with(c))
}

/// A request to the API server that waits for its answer.
fn is_api_call(key: &str) -> bool {
    key.starts_with("k8s.io/client-go/rest.(*Request)")
        || key.starts_with("k8s.io/kubernetes/pkg/client/restclient.(*Request)")
        || key.starts_with("k8s.io/client-go/rest.(*withRetry)")
}

/// A request over HTTP that waits for its answer.
fn is_http_call(key: &str) -> bool {
    key.starts_with("net/http.(*Client).")
        || key.starts_with("net/http.(*Transport).roundTrip")
        || key.starts_with("net/http.(*Transport).RoundTrip")
        || key.starts_with("net/http.(*Transport).getConn")
        || key.starts_with("net/http.(*persistConn).roundTrip")
        || key.starts_with("golang.org/x/net/http2.(*ClientConn).RoundTrip")
        || key.starts_with("golang.org/x/net/http2.(*Transport).RoundTrip")
}

/// Where the goroutines of a group are.
pub(super) fn place(group: &Group, stacks: &StackBook, book: &Book) -> Place {
    let frames = stacks.get(group.stack);
    let mut seen = Seen::default();
    for &id in frames {
        let name = book.get(id);
        if let Some((part, Role::Owner)) = name.class.known {
            seen.owner = Some((part, id));
            break;
        }
        seen.frame(id, book);
    }
    if group.wait == Wait::Running {
        return Place::Running;
    }
    let owner_key = seen.owner.map_or("", |(part, _)| book.knowledge.key(part));
    if group.wait == Wait::Lock {
        return Place::Lock {
            at: seen.lock_user(frames, book),
        };
    }
    let far_end = seen.far_end(owner_key);
    if let Some(far_end) = far_end {
        return Place::Call {
            far_end: match far_end {
                FarEnd::Child if owner_key == "credential-providers" => FarEnd::CredentialProvider,
                FarEnd::Runtime if seen.method.is_some_and(|m| book.key(m).ends_with(".PullImage")) => {
                    FarEnd::ImageService
                }
                other => other,
            },
            method: seen.method,
        };
    }
    if group.wait == Wait::Syscall {
        return Place::Call {
            far_end: FarEnd::Files,
            method: seen.leaf_call,
        };
    }
    match (group.wait, seen.owner) {
        (Wait::Send, owner) => Place::Send {
            at: owner.map_or_else(|| first_telling(frames, book), |(_, id)| id),
        },
        (_, Some((_, at))) if group.attribution.within.is_some() => Place::Inner { at },
        _ => Place::Home,
    }
}

/// The innermost frame that is not Go itself.
fn first_telling(frames: &[NameId], book: &Book) -> NameId {
    let telling = |&&id: &&NameId| !matches!(book.get(id).class.role(), Some(Role::Runtime | Role::Plain));
    let found = frames.iter().find(telling).or(frames.last());
    found.copied().unwrap_or(NameId(0))
}

/// What stands inside of the innermost part of the kubelet.
#[derive(Default)]
struct Seen {
    owner: Option<(SubsystemId, NameId)>,
    /// The innermost boundary.
    boundary: Option<FarEnd>,
    /// The outermost function of it.
    method: Option<NameId>,
    /// The outermost function that is Go's own, `os.Stat`.
    leaf_call: Option<NameId>,
    left_leaf: bool,
    grpc: bool,
    api: bool,
    http: bool,
    /// The outermost frame that is not Go itself.
    outermost: Option<NameId>,
}

impl Seen {
    fn frame(&mut self, id: NameId, book: &Book) {
        let name = book.get(id);
        let key = name.key.as_str();
        self.grpc |= is_grpc_call(key);
        self.api |= is_api_call(key);
        self.http |= is_http_call(key);
        let role = name.class.role();
        if matches!(role, Some(Role::Runtime | Role::Plain)) {
            if !self.left_leaf && !key.starts_with("runtime.") {
                self.leaf_call = Some(id);
            }
            return;
        }
        self.left_leaf = true;
        self.outermost = Some(id);
        if role == Some(Role::Boundary) {
            let subsystem = book.subsystem_key(name.class.subsystem());
            let found = FAR_ENDS.iter().find(|(key, _)| *key == subsystem).map(|(_, far)| *far);
            if let Some(found) = found
                && self.boundary.is_none_or(|b| b == found)
            {
                self.boundary = Some(found);
                self.method = Some(id);
            }
        }
    }

    fn far_end(&self, owner: &str) -> Option<FarEnd> {
        match self.boundary {
            // A library's own goroutine is not in a call.
            Some(far) if self.owner.is_some() || self.grpc || self.api => Some(far),
            _ if self.api => Some(FarEnd::ApiServer),
            _ if self.grpc => {
                Some((GRPC_OF.iter().find(|(key, _)| *key == owner)).map_or(FarEnd::Grpc, |(_, far)| *far))
            }
            _ if self.http && self.owner.is_some() => Some(FarEnd::Network),
            _ => None,
        }
    }

    /// Whose lock it is: the innermost frame that is not Go itself.
    fn lock_user(&self, frames: &[NameId], book: &Book) -> NameId {
        first_telling(frames, book)
    }
}
