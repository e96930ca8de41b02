//! The published schema of `diagnose -o json` (`docs/schema/diagnose.json`), for whoever reads it in a program: written by
//! schemars from the shapes here. A test reads real answers into these shapes, which know no other keys.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use crate::diagnose::report::{Applies, Confidence, Kind, SinceBasis, Verdict};

/// A text that is one of several words.
macro_rules! word {
    ($($(#[$doc:meta])* $name:ident = $words:expr;)+) => {
        $(#[derive(Deserialize)]
        #[serde(transparent)]
        struct $name(String);

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({"type": "string", "enum": $words})
            }
        }

        impl $name {
            fn check(&self) {
                assert!($words.contains(&self.0.as_str()), "{} is none of {:?}", self.0, $words);
            }
        })+
    };
}

word! {
    SchemaName = [crate::diagnose::report::SCHEMA];
    VerdictWord = [Verdict::Sick, Verdict::Healthy, Verdict::Unknown].map(Verdict::as_str);
    KindWord = Kind::ALL.map(Kind::as_str);
    ConfidenceWord = [Confidence::Suspect, Confidence::Likely, Confidence::Certain].map(Confidence::as_str);
    AppliesWord = [Applies::Yes, Applies::No, Applies::Unknown].map(Applies::as_str);
    BasisWord = [
        SinceBasis::WaitAge, SinceBasis::Onset, SinceBasis::ProcessStart, SinceBasis::Metric, SinceBasis::Log,
    ].map(SinceBasis::as_str);
}

/// What `kubeprof diagnose -o json` prints.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "kubeprof diagnose")]
#[expect(dead_code, reason = "a shape: read and dropped")]
struct Diagnosed {
    schema: SchemaName,
    /// `sick`: a finding at `likely` or above; `unknown`: weaker ones, or too little to judge by.
    verdict: VerdictWord,
    examined: Examined,
    /// Surest first.
    findings: Vec<Found>,
    /// What was weighed and is no finding.
    weighed: Vec<Dropped>,
    /// Sentences: what was checked, and how it came out.
    checked: Vec<String>,
    /// Sentences: what is odd about the material itself.
    odd: Vec<String>,
    /// What would make the answer surer, and the command that gets it.
    missing: Vec<String>,
    /// Date of the known issues, `2026-11-27`.
    known_issues_as_of: Option<String>,
    /// How many known issues were compared.
    known_issues_tried: u64,
}

/// What `kubeprof diagnose --all-nodes -o json` prints: one diagnosis a node.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "a shape: read and dropped")]
struct DiagnosedNodes {
    schema: SchemaName,
    nodes: Vec<Diagnosed>,
}

/// One kubelet, or one a node.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(title = "kubeprof diagnose -o json")]
#[expect(dead_code, reason = "a shape: read and dropped")]
enum Output {
    One(Box<Diagnosed>),
    Nodes(DiagnosedNodes),
}

/// What the material is of. What it does not say is null.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "a shape: read and dropped")]
struct Examined {
    /// `kubelet`, or the program that it is of instead.
    program: Option<String>,
    node: Option<String>,
    /// Version of Kubernetes.
    kubernetes: Option<String>,
    go: Option<String>,
    build_id: Option<String>,
    /// Container runtime with its version.
    runtime: Option<String>,
    /// When the process started, RFC 3339.
    started: Option<String>,
    /// First moment, RFC 3339.
    first: Option<String>,
    /// Last moment, RFC 3339.
    last: Option<String>,
    moments: u64,
    with_goroutines: u64,
    with_heap: u64,
    with_metrics: u64,
    processes: u64,
    /// Goroutines at the last moment that has them.
    goroutines: Option<u64>,
    load: Load,
}

/// The load at the last moment that knows it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "a shape: read and dropped")]
struct Load {
    pods: Option<f64>,
    containers: Option<f64>,
    probes: Option<f64>,
    cgroups: Option<f64>,
}

/// A finding.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "a shape: read and dropped")]
struct Found {
    /// From 1 on.
    rank: u64,
    /// `kind/subsystem/subject`, the same from run to run.
    fingerprint: String,
    kind: KindWord,
    /// Key of the table of subsystems, or empty.
    subsystem: String,
    subject: String,
    function: Option<String>,
    confidence: ConfidenceWord,
    reasons: Vec<Reason>,
    /// One sentence.
    summary: String,
    since: Option<Since>,
    growth: Option<Growth>,
    known_issues: Vec<KnownIssue>,
    evidence: Vec<Evidence>,
    /// What to do.
    remedies: Vec<String>,
    /// What to capture next.
    next: Vec<String>,
}

/// Why it is as sure as it is.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "a shape: read and dropped")]
struct Reason {
    text: String,
    /// Whether it speaks for the finding.
    supports: bool,
}

/// Since when. Times are RFC 3339.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "a shape: read and dropped")]
struct Since {
    /// It had not begun then.
    after: Option<String>,
    /// It had begun by then.
    before: Option<String>,
    at_least_seconds: Option<u64>,
    basis: BasisWord,
}

/// A number with its 95 % interval; null where nothing bounds it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "a shape: read and dropped")]
struct Estimate {
    value: Option<f64>,
    low: Option<f64>,
    high: Option<f64>,
}

/// How fast it grows.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "a shape: read and dropped")]
struct Growth {
    /// Objects or goroutines.
    per_hour: Estimate,
    bytes_per_hour: Option<Estimate>,
    hours_to_limit: Option<Estimate>,
    limit_bytes: Option<f64>,
}

/// A known issue that looks like the finding.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "a shape: read and dropped")]
struct KnownIssue {
    /// `kubernetes/kubernetes#139823`.
    id: String,
    url: String,
    title: String,
    /// Whether this version has it.
    applies: AppliesWord,
    /// What the versions are of, `kubelet`.
    component: String,
    fixed_in: Vec<String>,
    /// Release of this minor with the fix.
    upgrade_to: Option<String>,
}

/// What a finding rests on.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "a shape: read and dropped")]
struct Evidence {
    text: String,
    /// When, as the material names its moments.
    moment: String,
    /// What shows it.
    command: Option<String>,
    data: Data,
}

/// The same as data.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "a shape: read and dropped")]
enum Data {
    Goroutines(GoroutineData),
    Numbers(SeriesData),
    Sampled(SampledData),
    Metric(MetricData),
    Line(LineData),
    Unit(UnitData),
    Stack(StackData),
    Cpu(CpuData),
}

/// Goroutines in one place; frames leaf first.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "a shape: read and dropped")]
struct GoroutineData {
    goroutines: Party,
    frames: Vec<String>,
}

/// Goroutines of one part.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "a shape: read and dropped")]
struct Party {
    owner: String,
    count: u64,
    function: String,
    call: String,
    state: String,
    /// Shortest and longest known wait.
    wait_minutes: Option<[u64; 2]>,
    with_known_wait: u64,
    /// Key of the part that they wait for.
    waits_for: Option<String>,
}

/// A number at every moment.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "a shape: read and dropped")]
struct SeriesData {
    series: String,
    unit: String,
    values: Vec<SeriesValue>,
}

/// One of them, with one sigma of sampling.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "a shape: read and dropped")]
struct SeriesValue {
    time: Option<String>,
    value: f64,
    error: Option<f64>,
}

/// Sampled objects at every moment.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "a shape: read and dropped")]
struct SampledData {
    sampled: String,
    values: Vec<u64>,
}

/// A metric at the first and the last moment.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "a shape: read and dropped")]
struct MetricData {
    metric: String,
    first: Option<f64>,
    last: f64,
}

/// A line of a log.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "a shape: read and dropped")]
struct LineData {
    line: String,
}

/// What systemd or the kernel said of the process; which other keys there are depends on `what`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "a shape: read and dropped")]
struct UnitData {
    unit_event: serde_json::Map<String, serde_json::Value>,
}

/// A stack, leaf first.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "a shape: read and dropped")]
struct StackData {
    stack: Vec<String>,
}

/// CPU time of a function.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "a shape: read and dropped")]
struct CpuData {
    function: String,
    cpu_seconds: f64,
    /// Seconds in all.
    of: f64,
}

/// What was weighed and dropped.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "a shape: read and dropped")]
struct Dropped {
    kind: KindWord,
    subsystem: String,
    subject: String,
    from: f64,
    to: f64,
    unit: String,
    /// Why it is no finding.
    dropped: String,
}

fn written() -> String {
    let schema = schemars::schema_for!(Output);
    serde_json::to_string_pretty(&schema).expect("JSON") + "\n"
}

#[test]
fn the_published_schema_is_this_one() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/schema/diagnose.json");
    if std::env::var_os("KUBEPROF_WRITE_SCHEMA").is_some() {
        std::fs::write(path, written()).expect("written");
    }
    let published = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        published == written(),
        "docs/schema/diagnose.json is not what the shapes say: KUBEPROF_WRITE_SCHEMA=1 cargo test the_published_schema"
    );
}

/// Every sort of evidence, and a finding with everything that one can have.
#[test]
fn answers_have_these_shapes_and_no_other_keys() {
    use super::{Words, json, json_of_nodes};
    use crate::diagnose::report;

    let party = report::Party {
        waits: Some((1, 5)),
        ..report::Party::default()
    };
    let facts = [
        report::Fact::Goroutines {
            party,
            frames: vec!["a.b".to_owned()],
        },
        report::Fact::Numbers {
            what: "x".to_owned(),
            unit: "objects".to_owned(),
            values: vec![(Some(jiff::Timestamp::UNIX_EPOCH), 1.0, Some(0.5)), (None, 2.0, None)],
        },
        report::Fact::Sampled {
            what: "x".to_owned(),
            values: vec![1, 2],
        },
        report::Fact::Metric {
            name: "up".to_owned(),
            first: None,
            last: 1.0,
        },
        report::Fact::Line("panic".to_owned()),
        report::Fact::Unit(crate::model::evidence::UnitEvent {
            at: None,
            offset: 7,
            unit: "kubelet.service".to_owned(),
            what: crate::model::evidence::UnitChange::OutOfMemory {
                pid: Some(4711),
                resident: Some(1 << 30),
                of_cgroup: Some(true),
            },
        }),
        report::Fact::Stack(vec!["a.b".to_owned()]),
        report::Fact::CpuTime {
            function: "a.b".to_owned(),
            seconds: 1.0,
            of: 30.0,
        },
    ];
    let evidence = facts.map(|fact| report::Evidence {
        fact,
        moment: "s01".to_owned(),
        show: Some(report::Show::new(report::Verb::Top, vec!["x".to_owned()])),
    });
    let estimate = report::Estimate {
        value: 1.0,
        low: 0.5,
        high: f64::INFINITY,
    };
    let finding = |confidence| report::Finding {
        rank: 1,
        kind: Kind::Leak,
        subsystem: report::Part::default(),
        subject: "x".to_owned(),
        function: Some("x".to_owned()),
        confidence,
        reasons: vec![report::Reason::with(report::Why::StillClimbing)],
        claim: report::Claim::Pattern,
        since: Some(report::Since::default()),
        growth: Some(report::Growth {
            per_hour: estimate,
            bytes_per_hour: Some(estimate),
            hours_to_limit: Some(estimate),
            limit: Some(1.0),
        }),
        known_issues: vec![report::KnownIssue::default()],
        evidence: evidence.to_vec(),
        remedies: vec!["look".to_owned()],
        next: vec![report::Need::Dump],
    };
    let weighed = report::Weighed {
        kind: Kind::Hot,
        subsystem: report::Part::default(),
        subject: "x".to_owned(),
        from: 1.0,
        to: 2.0,
        unit: "objects",
        values: Vec::new(),
        dropped: report::Dropped::Noise { more: Some(3) },
    };
    let full = report::Diagnosis {
        verdict: Verdict::Sick,
        findings: vec![finding(Confidence::Certain), finding(Confidence::Suspect)],
        weighed: vec![weighed],
        odd: vec![report::Oddity::NoTimes],
        missing: vec![report::Need::Metrics],
        ..report::Diagnosis::default()
    };
    let words = Words {
        command: &|_| "kubeprof".to_owned(),
        need: &|_| "more".to_owned(),
        setting: |_| String::new(),
        all: true,
    };
    for d in [full.clone(), report::Diagnosis::default()] {
        let mut out = Vec::new();
        json(&d, &words, &mut out).expect("memory");
        let read: Diagnosed = serde_json::from_slice(&out).expect("the shape");
        read.verdict.check();
        read.schema.check();
        for f in &read.findings {
            f.kind.check();
            f.confidence.check();
            f.since.iter().for_each(|s| s.basis.check());
            f.known_issues.iter().for_each(|i| i.applies.check());
        }
    }
    let mut out = Vec::new();
    json_of_nodes(&[full], &words, &mut out).expect("memory");
    let _: DiagnosedNodes = serde_json::from_slice(&out).expect("the shape");
}
