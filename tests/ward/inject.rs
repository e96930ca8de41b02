//! Incidents over healthy background: which goroutines, objects and CPU samples are added, how often, for how long, and
//! how they are spelled.

use std::fs;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use kubeprof::diagnose::material::Moment;
use kubeprof::diagnose::stats::sampling;
use kubeprof::model::{Label, Line, LocationId, Profile, StackId};
use serde::Deserialize;

use super::background::{Background, at, dump};

/// An incident of the list.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct Incident {
    pub(super) id: u32,
    pub(super) issue: String,
    shape: Shape,
    pub(super) accept: Vec<String>,
    #[serde(rename = "component")]
    _component: String,
    stacks: Vec<Vec<String>>,
    #[serde(default)]
    states: Vec<String>,
    #[serde(default)]
    created: String,
    #[serde(default)]
    parent: Vec<String>,
    #[serde(default)]
    bytes: u32,
    /// Version in which it was reported.
    version: String,
    /// One is stuck after the other.
    #[serde(default)]
    many: bool,
    /// They wait for each other in vain, so their ages are known.
    #[serde(default)]
    aged: bool,
    /// The loop of the background that is in this state.
    #[serde(default)]
    replaces: String,
    #[serde(default)]
    accept_extra: Vec<String>,
    /// Multiplies the number of goroutines.
    #[serde(default)]
    factor: u64,
    #[serde(default)]
    one_core: bool,
    #[serde(default)]
    message: String,
    /// The evidence that names the part is not in the goroutines themselves.
    #[serde(default)]
    blind: bool,
}

#[derive(Deserialize, Debug, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
enum Shape {
    Heap,
    Pile,
    Stuck,
    Timers,
    Cpu,
    Panic,
    Abort,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Severity {
    Low,
    Middle,
    High,
}

impl Severity {
    pub(super) const ALL: [Self; 3] = [Self::Low, Self::Middle, Self::High];
}

/// How names are spelled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Spelling {
    /// As reported.
    Plain,
    /// Closures with other numbers.
    Closures,
    /// Packages where another version of Kubernetes has them.
    Moved,
}

impl Spelling {
    pub(super) const ALL: [Self; 3] = [Self::Plain, Self::Closures, Self::Moved];

    fn spell(self, name: &str) -> String {
        match self {
            Self::Plain => name.to_owned(),
            Self::Closures => closures(name),
            Self::Moved => moved(name),
        }
    }
}

/// `.func1` becomes `.func8`, `.func1.2` becomes `.func8.2`.
fn closures(name: &str) -> String {
    let Some(at) = name.rfind(".func") else {
        return name.to_owned();
    };
    let digits = &name[at + 5..];
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    let Ok(n) = digits[..end].parse::<u32>() else {
        return name.to_owned();
    };
    format!("{}.func{}{}", &name[..at], n + 7, &digits[end..])
}

fn moved(name: &str) -> String {
    const MOVES: &[(&str, &str)] = &[
        ("github.com/google/cadvisor/", "github.com/google/cadvisor/lib/"),
        ("github.com/docker/spdystream", "github.com/moby/spdystream"),
        ("k8s.io/cri-client/pkg.", "k8s.io/kubernetes/pkg/kubelet/cri/remote."),
        ("k8s.io/kubernetes/pkg/util/mount.", "k8s.io/utils/mount."),
        (
            "github.com/opencontainers/runc/libcontainer/cgroups",
            "github.com/opencontainers/cgroups",
        ),
    ];
    for (from, to) in MOVES {
        if let Some(rest) = name.strip_prefix(from) {
            return format!("{to}{rest}");
        }
    }
    let vendored = [
        "google.golang.org/",
        "k8s.io/klog",
        "k8s.io/client-go/",
        "github.com/",
        "golang.org/x/",
    ];
    if vendored.iter().any(|v| name.starts_with(v)) {
        return format!("k8s.io/kubernetes/vendor/{name}");
    }
    name.to_owned()
}

/// What somebody has of the incident.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form {
    /// `profile.proto` at three moments or more.
    Proto,
    /// One goroutine dump.
    Dump,
    /// The traceback in a journal.
    Journal,
}

pub(super) fn incidents() -> Vec<Incident> {
    #[derive(Deserialize)]
    struct File {
        entries: Vec<Incident>,
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ward/incidents.json");
    let text = fs::read_to_string(path).expect("incidents.json");
    let file: File = serde_json::from_str(&text).expect("incidents");
    assert!(file.entries.len() >= 40);
    file.entries
}

impl Incident {
    pub(super) fn accepts(&self, key: &str) -> bool {
        self.accept.iter().chain(&self.accept_extra).any(|a| a == key)
    }

    pub(super) fn forms(&self) -> Vec<Form> {
        let all = match self.shape {
            Shape::Heap | Shape::Cpu => vec![Form::Proto],
            Shape::Panic | Shape::Abort => vec![Form::Journal],
            Shape::Timers => vec![Form::Dump, Form::Journal],
            Shape::Pile | Shape::Stuck => vec![Form::Proto, Form::Dump, Form::Journal],
        };
        // What started them is in dumps only.
        let seen = |f: &Form| !(self.blind && *f == Form::Proto);
        all.into_iter().filter(seen).collect()
    }

    /// Goroutines of each stack at the end.
    fn count(&self, severity: Severity) -> u64 {
        let factor = self.factor.max(1);
        let of = |low, middle, high| match severity {
            Severity::Low => low,
            Severity::Middle => middle,
            Severity::High => high,
        };
        match self.shape {
            Shape::Pile => of(80, 300, 2000) * factor,
            Shape::Stuck if self.many => of(8, 60, 800),
            Shape::Timers => of(3, 10, 40),
            _ => 1,
        }
    }

    /// Minutes of waiting.
    fn age(&self, severity: Severity) -> u64 {
        match severity {
            Severity::Low => 5,
            Severity::Middle => 46,
            Severity::High => 939,
        }
    }

    fn state(&self, stack: usize) -> &str {
        self.states.get(stack).map_or("select", String::as_str)
    }
}

/// The moments of a case.
pub(super) fn moments(
    background: &Background,
    incident: &Incident,
    severity: Severity,
    spelling: Spelling,
    form: Form,
) -> Vec<Moment> {
    match (incident.shape, form) {
        (Shape::Heap, _) => heap(background, incident, severity, spelling),
        (Shape::Cpu, _) => cpu(background, incident, severity, spelling),
        (_, Form::Proto) => proto(background, incident, severity, spelling),
        _ => vec![text(background, incident, severity, spelling, form == Form::Journal)],
    }
}

fn base() -> Timestamp {
    "2026-11-27T12:00:00Z".parse().expect("a time")
}

fn version(moment: &mut Moment, incident: &Incident) {
    moment.process.kubernetes.clone_from(&incident.version);
}

/// Adds a stack, leaf first.
fn stack(p: &mut Profile, frames: &[String]) -> StackId {
    let locations: Vec<LocationId> = frames
        .iter()
        .map(|name| {
            let function = p.add_function(name, name, "", 0);
            let line = Line {
                function,
                line: 1,
                column: 0,
            };
            p.add_location(0, None, &[line])
        })
        .collect();
    p.stacks.intern(&locations).expect("room")
}

/// Frames that the runtime has at the leaf in a profile.
fn leaf(state: &str) -> &'static [&'static str] {
    match state {
        "select" => &["runtime.gopark", "runtime.selectgo"],
        "chan receive" => &["runtime.gopark", "runtime.chanrecv", "runtime.chanrecv1"],
        "chan send" => &["runtime.gopark", "runtime.chansend", "runtime.chansend1"],
        "IO wait" => &[
            "runtime.gopark",
            "runtime.netpollblock",
            "internal/poll.runtime_pollWait",
        ],
        "sync.Cond.Wait" => &["runtime.gopark", "sync.runtime_notifyListWait", "sync.(*Cond).Wait"],
        "semacquire" | "sync.Mutex.Lock" => &["runtime.gopark", "runtime.semacquire1"],
        _ => &[],
    }
}

fn spelled(incident: &Incident, at: usize, spelling: Spelling) -> Vec<String> {
    incident.stacks[at].iter().map(|f| spelling.spell(f)).collect()
}

/// Which function of the background the replaced loop stands in.
fn replaced(incident: &Incident) -> &'static str {
    match incident.replaces.as_str() {
        "sync-loop" => "(*Kubelet).syncLoop",
        "volume-manager" => "(*desiredStateOfWorldPopulator).Run",
        "pleg" => "(*GenericPLEG).",
        _ => "",
    }
}

fn proto(background: &Background, incident: &Incident, severity: Severity, spelling: Spelling) -> Vec<Moment> {
    const MOMENTS: u64 = 4;
    (0..MOMENTS)
        .map(|i| {
            let mut p = background.goroutines.clone();
            let gone = replaced(incident);
            if !gone.is_empty() {
                let has = |p: &Profile, s: StackId| {
                    let lines = p.stack(s).iter().flat_map(|&l| p.lines_of(l));
                    lines.into_iter().any(|l| p.function_name(l.function).contains(gone))
                };
                let drop: Vec<bool> = (0..p.samples.len()).map(|s| has(&p, p.samples.stack(s))).collect();
                p.samples.retain(|_, s| !drop[s]);
            }
            let all = incident.count(severity);
            // Piles grow over the moments; what is stuck is stuck at all of them.
            let count = match incident.shape {
                Shape::Pile => all * (i + 7) / (MOMENTS + 6),
                _ => all,
            };
            for at in 0..incident.stacks.len() {
                let runtime = leaf(incident.state(at)).iter().map(|f| (*f).to_owned());
                let frames: Vec<String> = runtime
                    .chain(spelled(incident, at, spelling))
                    .chain(["runtime.goexit".to_owned()])
                    .collect();
                let id = stack(&mut p, &frames);
                p.samples.push(id, &[i64::try_from(count).expect("a count")], &[]);
            }
            let mut moment = Moment {
                label: format!("s{i}"),
                at: Some(base() + SignedDuration::from_secs(60 * i64::try_from(i).expect("small"))),
                goroutines: Some(p),
                ..Moment::default()
            };
            version(&mut moment, incident);
            moment
        })
        .collect()
}

/// A dump, or the journal of a process that left one.
fn text(background: &Background, incident: &Incident, severity: Severity, spelling: Spelling, journal: bool) -> Moment {
    let gone = replaced(incident);
    let mut blocks: Vec<String> = (background.dump.split("\n\n"))
        .map(str::trim)
        .filter(|b| b.starts_with("goroutine ") && (gone.is_empty() || !b.contains(gone)))
        .map(str::to_owned)
        .collect();
    let mut own = Vec::new();
    let mut number = 900_000;
    for at in 0..incident.stacks.len() {
        let count = incident.count(severity);
        for n in 0..count {
            number += 1;
            let age = match incident.shape {
                // One came after the other.
                Shape::Pile if !incident.aged => incident.age(severity) * (n + 1) / count,
                _ => incident.age(severity),
            };
            let state = match incident.shape {
                Shape::Panic => "running".to_owned(),
                _ if age > 0 => format!("{}, {age} minutes", incident.state(at)),
                _ => incident.state(at).to_owned(),
            };
            let mut block = format!("goroutine {number} [{state}]:\n");
            for frame in spelled(incident, at, spelling) {
                block.push_str(&format!(
                    "{frame}(0xc000123456, 0x1)\n\t/src/file.go:{} +0x1d\n",
                    100 + at
                ));
            }
            let creator = incident.parent.first().unwrap_or(&incident.created);
            if !creator.is_empty() {
                block.push_str(&format!(
                    "created by {}\n\t/src/file.go:77 +0x5e\n",
                    spelling.spell(creator)
                ));
            }
            own.push(block);
        }
    }
    let message = match incident.shape {
        _ if !journal => String::new(),
        Shape::Panic | Shape::Abort => format!("{}\n\n", incident.message),
        _ => "SIGQUIT: quit\nPC=0x46f4a1 m=0 sigcode=0\n\n".to_owned(),
    };
    match incident.shape {
        // The goroutine that failed comes first.
        Shape::Panic => blocks.splice(0..0, own).for_each(drop),
        _ => blocks.extend(own),
    }
    let mut text = format!("{message}{}\n", blocks.join("\n\n"));
    if journal {
        text = text
            .lines()
            .map(|l| format!("Nov 27 12:00:00 worker-03 kubelet[4242]: {l}\n"))
            .collect();
    }
    let read = kubeprof::pprof::read(text.as_bytes(), kubeprof::pprof::Limit::Proportional, false).expect("a dump");
    let mut moment = Moment {
        label: "dump".to_owned(),
        crash: read.dumps.as_ref().and_then(|d| d.chosen().next()?.facts.crash.clone()),
        goroutines: Some(read.profile),
        ..Moment::default()
    };
    version(&mut moment, incident);
    moment
}

fn heap(background: &Background, incident: &Incident, severity: Severity, spelling: Spelling) -> Vec<Moment> {
    let total: u64 = match severity {
        Severity::Low => 12,
        Severity::Middle => 40,
        Severity::High => 200,
    };
    let n = background.heaps.len() as u64;
    (background.heaps.iter().enumerate())
        .map(|(i, p)| {
            let mut p = p.clone();
            let k = total * i as u64 / (n - 1);
            let size = f64::from(incident.bytes);
            let probability = sampling::probability(size, p.period as f64);
            let objects = (k as f64 / probability).floor() as i64;
            for at in 0..incident.stacks.len() {
                let id = stack(&mut p, &spelled(incident, at, spelling));
                let (key, unit) = (p.strings.intern("bytes"), p.strings.intern("bytes"));
                let size_label = Label::number(key, i64::from(incident.bytes), unit);
                let bytes = objects * i64::from(incident.bytes);
                let values: Vec<i64> = (0..p.sample_types.len())
                    .map(|t| {
                        if p.sample_type(t).0.ends_with("space") {
                            bytes
                        } else {
                            objects
                        }
                    })
                    .collect();
                p.samples.push(id, &values, &[size_label]);
            }
            let mut moment = Moment {
                label: format!("s0{}", i + 1),
                at: at(&p),
                heap: Some(p),
                ..Moment::default()
            };
            version(&mut moment, incident);
            moment
        })
        .collect()
}

fn cpu(background: &Background, incident: &Incident, severity: Severity, spelling: Spelling) -> Vec<Moment> {
    let cores = match severity {
        _ if incident.one_core => 0.99,
        Severity::Low => 0.9,
        Severity::Middle => 1.4,
        Severity::High => 3.0,
    };
    let mut p = background.cpu.clone();
    let ticks = (cores * p.duration_nanos as f64 / 1e7) as i64;
    for at in 0..incident.stacks.len() {
        let id = stack(&mut p, &spelled(incident, at, spelling));
        p.samples.push(id, &[ticks, ticks * 10_000_000], &[]);
    }
    let mut moment = Moment {
        label: "cpu".to_owned(),
        at: at(&p),
        cpu: Some(p),
        goroutines: Some(dump(&background.dump)),
        ..Moment::default()
    };
    version(&mut moment, incident);
    vec![moment]
}
