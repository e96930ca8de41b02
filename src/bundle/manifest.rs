//! The manifest of a bundle: what was asked, what came, what did not and why. Plain data; nothing here opens a file.
//!
//! `manifest.jsonl` is the journal: one JSON object a line, appended and flushed as things happen, so that a kill loses at
//! most the line that was being written. A line is `{"at": TIME, "event": NAME, ...}` ([`Entry`], [`Event`]):
//!
//! | event | when |
//! | --- | --- |
//! | `started` | a capture (or its resumption) begins: [`Started`] with what was [`Asked`] |
//! | `run` | a process of the kubelet is seen for the first time: [`RunStarted`] |
//! | `artifact` | bytes were fetched, decoded and are on disk: [`Artifact`]. Written *before* the file gets its final name |
//! | `failed`, `skipped` | an artifact is not there: [`Missing`] with who and [`Cause`]; or not any more (`withdrawn`) |
//! | `snapshot` | all that a snapshot was to hold was tried: [`SnapshotEnded`] |
//! | `aside` | a resumption is about to put a file aside whose bytes are not those that were taken: [`Aside`] |
//! | `binary` | an executable was put into the bundle: [`Binary`] |
//! | `finished` | the capture ends: [`Finished`] |
//!
//! `manifest.json` is a [`Record`](super::Record) of the journal, written at the end for whoever does not want to fold lines.
//! Readers take the journal; lines of events that they do not know are counted and left out, and so is a torn last line.
//! A node's name stands as the cluster has it; the folder of a node is made of it by [`super::names::folder_of`].

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use super::reason::{Cause, Details, Effect, Route};

/// Version of the journal's format. Raised when an older reader would misread a line; added fields do not raise it.
///
/// 1 stored sentences (`why`, `remedy`, `interrupted`); 2 stores a [`Cause`] and its [`Details`] in their place. A bundle of
/// format 1 that is resumed or merged keeps its sentences: readers take whichever a line has.
pub const SCHEMA: u32 = 2;

/// Name of the journal.
pub const JOURNAL: &str = "manifest.jsonl";

/// Name of the summary.
pub const SUMMARY: &str = "manifest.json";

/// One line of the journal.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// When it was written, by the clock of the machine that captures.
    pub at: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// What happened.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// A capture begins or is resumed.
    Started(Started),
    /// A process of the kubelet is seen for the first time.
    Run(RunStarted),
    /// An artifact was fetched and decodes.
    Artifact(Artifact),
    /// An artifact was asked for and is not there: the bundle is partial.
    Failed(Missing),
    /// An artifact cannot be had or was left out on purpose: the bundle is whole without it.
    Skipped(Missing),
    /// A snapshot has come to its end.
    Snapshot(SnapshotEnded),
    /// An executable was put into the bundle.
    Binary(Binary),
    /// A file whose bytes are not those that were taken is put aside.
    Aside(Aside),
    /// The capture ends.
    Finished(Finished),
    /// An event of a later version.
    #[serde(other)]
    Unknown,
}

/// A capture begins or is resumed.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Started {
    /// [`SCHEMA`].
    pub schema: u32,
    /// Program and version, for instance `kubeprof 0.1.0`.
    pub tool: String,
    /// Whether this goes on with a bundle that was there.
    #[serde(default)]
    pub resumed: bool,
    /// What was asked.
    pub asked: Asked,
}

/// What a capture was asked for. `verify` measures the bundle against it.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Asked {
    /// Names of the nodes.
    pub nodes: Vec<String>,
    /// Artifacts of every snapshot, for instance `heap`.
    pub every: Vec<String>,
    /// Artifacts of every run that belong to no snapshot, for instance `version`.
    pub once: Vec<String>,
    /// Number of snapshots of every node.
    pub snapshots: u32,
    /// Milliseconds from the start of one snapshot to the start of the next; 0 for a single one.
    pub interval_ms: u64,
    /// The way to the kubelet: `proxy`, `direct`, `kubectl proxy`.
    pub route: String,
    /// Address of the server that was asked, without credentials.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub server: String,
    /// The command line, secrets masked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// Anything else that was asked, for instance `"cpu_seconds": "30"`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub options: BTreeMap<String, String>,
}

/// A process of the kubelet. A restart makes a new one.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct RunStarted {
    /// Name of the node.
    pub node: String,
    /// Number of the run at this node, from 1.
    pub run: u32,
    /// Which process.
    #[serde(flatten)]
    pub process: Process,
}

/// What identifies a process of the kubelet. What is not known is left out.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Process {
    /// `process_start_time_seconds` of its metrics, Unix time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_time: Option<f64>,
    /// Boot ID of the node.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub boot_id: String,
    /// `kubeletVersion` of the node, or `git_version` of the metrics.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kubelet_version: String,
    /// Version of Go that it was built with.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub go_version: String,
    /// Anything else, for instance `"os_image"`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub facts: BTreeMap<String, String>,
}

impl Process {
    /// Whether both can be the same process: what is known of both is equal. Start times may differ by a tenth of a second.
    pub fn may_be(&self, other: &Process) -> bool {
        let text = |a: &str, b: &str| a.is_empty() || b.is_empty() || a == b;
        let time = match (self.start_time, other.start_time) {
            (Some(a), Some(b)) => (a - b).abs() <= 0.1,
            _ => true,
        };
        time && text(&self.boot_id, &other.boot_id)
            && text(&self.kubelet_version, &other.kubelet_version)
            && text(&self.go_version, &other.go_version)
    }
}

/// The place of an artifact in a bundle.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
pub struct Slot {
    /// Name of the node.
    pub node: String,
    /// Number of the run, from 1.
    pub run: u32,
    /// Which snapshot; none for what is taken once a run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<SnapshotId>,
    /// What it is: `heap`, `goroutine`, `goroutine.debug2`, `metrics`, ... See [`super::names::file_of`].
    pub artifact: String,
}

/// A snapshot: artifacts that were taken in one go.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct SnapshotId {
    /// Number in the series of the node, from 1. Goes on counting when a restart begins a new run.
    pub number: u32,
    /// When it began; part of the folder's name, to the second.
    pub taken: Timestamp,
}

impl SnapshotId {
    /// When it was taken, to the second.
    pub fn shown(self) -> String {
        shown(self.taken)
    }
}

/// A time of a manifest, to the second.
pub fn shown(time: Timestamp) -> String {
    let utc = time.to_zoned(jiff::tz::TimeZone::UTC);
    utc.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// An artifact that is there.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Artifact {
    /// Its place.
    #[serde(flatten)]
    pub slot: Slot,
    /// Its file, relative to the bundle, parts separated by `/`.
    pub path: String,
    /// How it was fetched.
    #[serde(default)]
    pub exchange: Exchange,
    /// Size of the file.
    pub bytes: u64,
    /// SHA-256 of the file in lowercase hex.
    pub sha256: String,
    /// What its bytes say.
    #[serde(default)]
    pub facts: Facts,
}

impl Artifact {
    /// When its bytes came: when it was asked for, by the clock of the machine that captures.
    pub fn taken(&self) -> Option<Timestamp> {
        self.exchange.t_request.or(self.slot.snapshot.map(|s| s.taken))
    }
}

/// A request and how it was answered.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Exchange {
    /// HTTP method; `""` where there was no request.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub method: String,
    /// URL without parameters and without credentials.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub url: String,
    /// Its parameters.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, String>,
    /// HTTP status, where there was an answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Headers of the answer that are worth keeping, names in lowercase.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// When the request was sent, by the clock of the machine that captures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub t_request: Option<Timestamp>,
    /// Milliseconds from there to the first byte of the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_byte_ms: Option<u64>,
    /// Milliseconds from there to the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub done_ms: Option<u64>,
    /// By how much the server's clock (`Date` header, to the second) is ahead of ours, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock_skew_ms: Option<i64>,
    /// How often it was tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u32>,
    /// What is odd about how it came; `""` for what came as it should.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// What the bytes of an artifact say.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// What they are.
    pub form: Form,
    /// Kind of profile, for instance `heap`; `""` for what is no profile.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// Number of samples; goroutines of a dump.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub samples: Option<u64>,
    /// Sum of every sample type.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub totals: Vec<Total>,
    /// Build ID of the main binary.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub build_id: String,
    /// Version of Go.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub go_version: String,
    /// Version of Kubernetes.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kubernetes_version: String,
    /// When it was taken, by the server's clock; nanoseconds of Unix time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_nanos: Option<i64>,
    /// For how long, nanoseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_nanos: Option<i64>,
    /// Events between two samples.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub period: Option<i64>,
    /// `process_start_time_seconds` of metrics.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process_start_time: Option<f64>,
    /// Whether the server cut it (a dump of 64 MiB).
    #[serde(skip_serializing_if = "is_false")]
    pub truncated: bool,
}

fn is_false(flag: &bool) -> bool {
    !flag
}

fn is_unknown(cause: &Cause) -> bool {
    *cause == Cause::Unknown
}

fn is_default(details: &Details) -> bool {
    *details == Details::default()
}

/// What bytes are written as.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Form {
    /// `profile.proto`.
    Proto,
    /// A Go text (`debug=1`).
    Debug1,
    /// A goroutine dump (`debug=2`).
    Debug2,
    /// A format from before `profile.proto`.
    Legacy,
    /// An execution trace.
    Trace,
    /// One JSON document.
    Json,
    /// Any other text.
    Text,
    /// An executable.
    Executable,
    /// Anything else.
    #[default]
    #[serde(other)]
    Other,
}

/// The sum of a sample type.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Total {
    /// Sample type, for instance `inuse_space`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Unit, for instance `bytes`.
    pub unit: String,
    /// The sum; the nearest 64-bit number where it is beyond.
    pub value: i64,
}

/// An artifact that is not there.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Missing {
    /// Its place.
    #[serde(flatten)]
    pub slot: Slot,
    /// How it was asked for.
    #[serde(default)]
    pub exchange: Exchange,
    /// Who refused or broke down.
    #[serde(default)]
    pub who: Who,
    /// Why, as a word that does not change.
    #[serde(default, skip_serializing_if = "is_unknown")]
    pub cause: Cause,
    /// What the cause is about.
    #[serde(default, skip_serializing_if = "is_default")]
    pub details: Details,
    /// Format 1: why, one sentence. Never written.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
    /// Format 1: what to change. Never written.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub remedy: String,
    /// The first 4 KiB of the body that came instead; bad UTF-8 replaced.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub body: String,
    /// How many bytes of a body came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Whether it was there and was taken out again: it turned out to be of another process, or may be.
    #[serde(default, skip_serializing_if = "is_false")]
    pub withdrawn: bool,
}

/// So much of a body is kept of an answer that is no artifact.
pub const BODY_KEPT: usize = 4096;

impl Missing {
    /// The part of a body that is worth keeping, as text.
    pub fn excerpt(body: &[u8]) -> String {
        String::from_utf8_lossy(&body[..body.len().min(BODY_KEPT)]).into_owned()
    }
}

/// Who refused or broke down, on the way from you to the handler.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Who {
    /// What was asked or configured on this side.
    You,
    /// Something between here and the API server, or the network.
    Network,
    /// The API server.
    ApiServer,
    /// The way from the API server to the kubelet.
    Path,
    /// The kubelet.
    Kubelet,
    /// A handler of the kubelet.
    Handler,
    /// The provider of the cluster.
    Provider,
    /// The file system that the bundle is on.
    Disk,
    /// kubeprof left it out.
    Kubeprof,
    /// Nobody can tell.
    #[default]
    #[serde(other)]
    Unknown,
}

impl std::fmt::Display for Who {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Who::You => "you",
            Who::Network => "network",
            Who::ApiServer => "API server",
            Who::Path => "API server -> kubelet",
            Who::Kubelet => "kubelet",
            Who::Handler => "handler",
            Who::Provider => "provider",
            Who::Disk => "disk",
            Who::Kubeprof => "kubeprof",
            Who::Unknown => "unknown",
        })
    }
}

/// All that a snapshot was to hold was tried.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SnapshotEnded {
    /// Name of the node.
    pub node: String,
    /// Number of the run.
    pub run: u32,
    /// Which snapshot.
    pub snapshot: SnapshotId,
}

/// An executable in the bundle.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Binary {
    /// Its file, relative to the bundle.
    pub path: String,
    /// Build ID as profiles have it, lowercase hex; `""` when it has none.
    #[serde(default)]
    pub build_id: String,
    /// Size of the file.
    pub bytes: u64,
    /// SHA-256 of the file in lowercase hex.
    pub sha256: String,
    /// Where it comes from, for instance `ssh://node/proc/812/exe`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub origin: String,
    /// Version of Go.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub go_version: String,
    /// Name of the node that it was taken from.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub node: String,
}

/// A file that a resumption put aside, because its bytes are not those that were taken: damaged, and perhaps worth a look.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Aside {
    /// Where it is now, relative to the bundle.
    pub path: String,
    /// Size of the file.
    pub bytes: u64,
    /// SHA-256 of the file in lowercase hex.
    pub sha256: String,
}

/// The capture ends.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Finished {
    /// Why it ends before all was tried; none when it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// What the cause is about.
    #[serde(default, skip_serializing_if = "is_default")]
    pub details: Details,
    /// Format 1: why it ends before all was tried, one sentence. Never written.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub interrupted: String,
}

impl Finished {
    /// Whether all was tried.
    pub fn is_complete(&self) -> bool {
        self.cause.is_none() && self.interrupted.is_empty()
    }
}
