//! An API server with kubelets, played in memory on tokio's clock: what would take an hour takes a moment.

use std::collections::HashMap;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Response};
use kube::client::Body;
use tokio::time::Instant;
use tower::{BoxError, Service};

use crate::bundle::manifest::{Artifact, Asked, SCHEMA, Started};
use crate::bundle::{Record, Writer};
use crate::capture::clock;
use crate::capture::endpoints::{Phase, Plan};
use crate::capture::progress::{Progress, Watch};
use crate::capture::refusal::{Refusal, Route};
use crate::capture::schedule::Schedule;
use crate::capture::session::{Options, Session, Target, Threshold, Visited};
use crate::capture::transport::{Limits, Stop, Transport};

/// A request, and when it came.
#[derive(Clone, Debug)]
pub(super) struct Question {
    /// Time since the play began.
    pub(super) at: Duration,
    pub(super) node: String,
    /// Path at the kubelet, or at the API server.
    pub(super) path: String,
    pub(super) query: String,
}

impl Question {
    pub(super) fn is(&self, path: &str) -> bool {
        self.path == path
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub(super) enum Reply {
    /// At once.
    Now(u16, &'static str, Vec<u8>),
    /// After a while.
    After(Duration, Box<Reply>),
    /// None, and the connection ends.
    Close,
}

impl Reply {
    pub(super) fn text(status: u16, body: &str) -> Self {
        Reply::Now(status, "text/plain; charset=utf-8", body.as_bytes().to_vec())
    }

    pub(super) fn after(self, time: Duration) -> Self {
        Reply::After(time, Box::new(self))
    }

    /// What is in a file of `fixtures/refusals`.
    pub(super) fn fixture(name: &str) -> Self {
        let text = String::from_utf8(fixture(&format!("refusals/{name}"))).expect("a text");
        let text = text.replace("\r\n", "\n");
        let (head, body) = text.split_once("\n\n").expect("a head and a body");
        let status = head.split_whitespace().nth(1).and_then(|s| s.parse().ok());
        let kind = if body.trim_start().starts_with('{') {
            "application/json"
        } else {
            "text/plain"
        };
        Reply::Now(status.expect("a status"), kind, body.as_bytes().to_vec())
    }
}

pub(super) fn fixture(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name);
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// What the kubelets are like.
pub(super) struct Kubelet {
    /// Start of the process, Unix time.
    pub(super) start: Mutex<f64>,
    pub(super) goroutines: AtomicUsize,
}

impl Kubelet {
    /// Its start is this one.
    pub(super) fn starts(&self, time: f64) {
        *self.start.lock().expect("a time") = time;
    }
}

/// Now, Unix time, to the millisecond.
pub(super) fn seconds() -> f64 {
    clock::now().as_millisecond() as f64 / 1e3
}

type Script = dyn Fn(&Question, &Kubelet) -> Option<Reply> + Send + Sync;

/// The play.
pub(super) struct Play {
    script: Box<Script>,
    pub(super) kubelet: Kubelet,
    began: Instant,
    asked: Mutex<Vec<Question>>,
    busy: Mutex<HashMap<String, usize>>,
    /// Requests at the same time, at most.
    pub(super) most: AtomicUsize,
    folder: tempfile::TempDir,
}

/// A play; what `script` does not answer, a healthy kubelet does.
pub(super) fn play(script: impl Fn(&Question, &Kubelet) -> Option<Reply> + Send + Sync + 'static) -> Arc<Play> {
    let memory = Path::new("/dev/shm");
    let folder = match memory.is_dir() {
        true => tempfile::tempdir_in(memory),
        false => tempfile::tempdir(),
    };
    Arc::new(Play {
        script: Box::new(script),
        kubelet: Kubelet {
            start: Mutex::new(seconds() - 86400.0),
            goroutines: AtomicUsize::new(512),
        },
        began: Instant::now(),
        asked: Mutex::default(),
        busy: Mutex::default(),
        most: AtomicUsize::new(0),
        folder: folder.expect("a folder"),
    })
}

impl Play {
    /// What was asked so far.
    pub(super) fn asked(&self) -> Vec<Question> {
        self.asked.lock().expect("requests").clone()
    }

    /// When a path was asked for.
    pub(super) fn times(&self, path: &str) -> Vec<Duration> {
        self.asked().iter().filter(|q| q.is(path)).map(|q| q.at).collect()
    }

    pub(super) fn bundle(&self) -> PathBuf {
        self.folder.path().join("b")
    }

    /// What the journal says.
    pub(super) fn record(&self) -> Record {
        let journal = std::fs::read(self.bundle().join("manifest.jsonl")).expect("a journal");
        Record::of_journal(&journal)
    }

    /// Artifacts of a name that are there.
    pub(super) fn kept(&self, name: &str) -> Vec<Artifact> {
        let record = self.record();
        record
            .artifacts()
            .filter(|a| a.slot.artifact == name)
            .cloned()
            .collect()
    }

    /// `bundle verify` says so.
    pub(super) fn verified(&self) -> crate::bundle::verify::Verification {
        let limit = crate::pprof::Limit::Proportional;
        let contents = crate::bundle::Contents::folder(&self.bundle(), limit).expect("a folder");
        crate::bundle::verify::verify(&contents, limit).expect("a bundle")
    }

    fn healthy(&self, q: &Question) -> Reply {
        let octets = |name: &str| Reply::Now(200, "application/octet-stream", fixture(name));
        match q.path.as_str() {
            "/healthz" => Reply::text(200, "[+]ping ok\n[+]syncloop ok\nhealthz check passed\n"),
            "/metrics" => Reply::text(
                200,
                &format!(
                    "go_goroutines {}\nprocess_start_time_seconds {}\nprocess_resident_memory_bytes 100663296\n\
                     kubelet_running_pods 3\nkubernetes_build_info{{git_version=\"v1.36.1\",go_version=\"go1.26.8\"}} 1\n",
                    self.kubelet.goroutines.load(Ordering::Relaxed),
                    self.kubelet.start.lock().expect("a time"),
                ),
            ),
            "/debug/pprof/goroutine" if q.query == "debug=2" => {
                Reply::Now(200, "text/plain", fixture("gotext/goroutine.debug2.txt"))
            }
            "/debug/pprof/goroutine" => octets("gotext/goroutine.pb.gz"),
            "/debug/pprof/heap" => octets("gotext/heap.pb.gz"),
            "/debug/pprof/allocs" => octets("gotext/allocs.pb.gz"),
            "/debug/pprof/threadcreate" => octets("gotext/threadcreate.pb.gz"),
            "/debug/pprof/profile" => {
                let seconds = q.query.strip_prefix("seconds=").and_then(|s| s.parse().ok());
                octets("captures/ctx-leak-1.36.1/last-cpu.pb.gz").after(Duration::from_secs(seconds.unwrap_or(30)))
            }
            "/configz" => Reply::Now(
                200,
                "application/json",
                br#"{"kubeletconfig":{"maxPods":110}}"#.to_vec(),
            ),
            path if path.starts_with("/api/v1/nodes/") => {
                let name = path.rsplit('/').next().unwrap_or_default();
                let node = serde_json::json!({"kind": "Node", "metadata": {"name": name},
                    "status": {"nodeInfo": {"bootID": "boot-1", "kubeletVersion": "v1.36.1"},
                    "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady"}]}});
                Reply::Now(200, "application/json", node.to_string().into_bytes())
            }
            _ => Reply::text(404, "404 page not found\n"),
        }
    }

    fn enters(&self, node: &str) {
        let mut busy = self.busy.lock().expect("requests");
        *busy.entry(node.to_owned()).or_default() += 1;
        self.most.fetch_max(busy.values().sum(), Ordering::Relaxed);
    }

    fn leaves(&self, node: &str) {
        let mut busy = self.busy.lock().expect("requests");
        *busy.entry(node.to_owned()).or_default() -= 1;
    }
}

/// The server's side of a connection.
struct Stage(Arc<Play>);

impl Service<Request<Body>> for Stage {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let play = Arc::clone(&self.0);
        let whole = request.uri().path();
        let at_kubelet = whole
            .strip_prefix("/api/v1/nodes/")
            .and_then(|p| p.split_once("/proxy"));
        let (node, path) = at_kubelet.unwrap_or(("", whole));
        let question = Question {
            at: play.began.elapsed(),
            node: node.to_owned(),
            path: path.to_owned(),
            query: request.uri().query().unwrap_or_default().to_owned(),
        };
        play.asked.lock().expect("requests").push(question.clone());
        let mut reply = (play.script)(&question, &play.kubelet).unwrap_or_else(|| play.healthy(&question));
        // Which process of the kubelet answered, in a header that manifests keep.
        let process = play.kubelet.start.lock().expect("a time").to_string();
        Box::pin(async move {
            play.enters(&question.node);
            while let Reply::After(time, then) = reply {
                tokio::time::sleep(time).await;
                reply = *then;
            }
            play.leaves(&question.node);
            match reply {
                Reply::Now(status, kind, body) => Ok(Response::builder()
                    .status(status)
                    .header("content-type", kind)
                    .header("audit-id", process)
                    .body(Body::from(body))?),
                _ => Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset).into()),
            }
        })
    }
}

struct Silent;

impl Watch for Silent {
    fn see(&self, _: &str, _: &Progress<'_>) {}
}

/// What to take and when, for the rest as usual.
pub(super) fn options(names: &[&str], snapshots: u32, every: u64) -> Options {
    let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
    let mut plan = Plan::list(&names).expect("a plan");
    plan.named.clear();
    Options {
        plan,
        schedule: Schedule {
            snapshots,
            every: Duration::from_secs(every),
        },
        until: Threshold::default(),
        look_every: Duration::from_secs(15),
        max_goroutines: 50_000,
        parallel: 8,
        force: false,
    }
}

/// How a capture ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) visited: Vec<Visited>,
    pub(super) early: Option<Refusal>,
}

/// Captures these nodes, or goes on with the bundle where there is one.
pub(super) async fn capture(play: &Arc<Play>, nodes: &[&str], options: &Options) -> Ended {
    watched(play, nodes, options, Arc::new(Silent)).await
}

/// The same, with a watch.
pub(super) async fn watched(play: &Arc<Play>, nodes: &[&str], options: &Options, watch: Arc<dyn Watch>) -> Ended {
    let limits = Limits {
        allowance: Duration::from_secs(600),
        ..Limits::default()
    };
    let transport = Transport::over(
        Stage(Arc::clone(play)),
        Route::ApiServer,
        "https://10.0.0.1:6443",
        limits,
    );
    let names = |phase| {
        options
            .plan
            .of(phase)
            .map(|e| e.artifact.to_owned())
            .collect::<Vec<_>>()
    };
    let interval = options.schedule.every.as_millis();
    let started = Started {
        schema: SCHEMA,
        tool: "test".to_owned(),
        resumed: false,
        asked: Asked {
            nodes: nodes.iter().map(|n| (*n).to_owned()).collect(),
            every: names(Phase::Every),
            once: names(Phase::Once),
            snapshots: options.schedule.snapshots,
            interval_ms: u64::try_from(interval).expect("small"),
            ..Asked::default()
        },
    };
    let writer = match play.bundle().exists() {
        true => Writer::resume(&play.bundle(), started).expect("a bundle").0,
        false => Writer::create(&play.bundle(), started).expect("a bundle"),
    };
    let (_pull, stop) = Stop::new();
    let targets = nodes.iter().map(|node| Target {
        node: (*node).to_owned(),
        transport: transport.clone(),
    });
    let session = Session::new(Arc::new(writer), options.clone(), stop, watch);
    let (visited, early) = session.run(targets.collect()).await;
    Ended { visited, early }
}
