//! A report as one page: [`page`](crate::render::page) with everything.

use std::io::{self, Write};

use serde::Serialize;

use super::{Words, event_words, facts, sentence};
use crate::diagnose::report::{Claim, Confidence, Finding, Kind, KnownIssue, SinceBasis};
use crate::render::diagnosis;
use crate::render::page::{self, Names, Page, ProfileData, Snapshot, Taken};
use crate::report::{EventKind, Heading, Picture, PictureKind, Report};

/// What only reports have, in the spelling of JavaScript.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Sections {
    command: &'static str,
    verdict: VerdictData,
    verdict_command: String,
    findings: Vec<FindingData>,
    series: Vec<SeriesData>,
    events: Vec<EventData>,
    asked: Vec<AskedData>,
    notes: Vec<String>,
    methods: Vec<&'static str>,
    versions: Vec<(&'static str, String)>,
    sources: Vec<SourceData>,
    listings: Vec<Listing>,
}

#[derive(Serialize)]
struct VerdictData {
    word: &'static str,
    sentence: String,
    checked: Vec<String>,
    missing: Vec<String>,
    weighed: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FindingData {
    rank: usize,
    fingerprint: String,
    kind: &'static str,
    subsystem: String,
    title: String,
    function: String,
    confidence: &'static str,
    summary: String,
    since: String,
    growth: String,
    known_issues: Vec<IssueData>,
    reasons: Vec<ReasonData>,
    evidence: Vec<EvidenceData>,
    remedies: Vec<String>,
    next: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    picture: Option<PictureData>,
}

#[derive(Serialize)]
struct ReasonData {
    text: String,
    supports: bool,
}

#[derive(Serialize)]
struct EvidenceData {
    text: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    command: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct IssueData {
    id: String,
    url: String,
    applies: &'static str,
    text: String,
}

/// What of the page shows a finding.
#[derive(Serialize)]
struct PictureData {
    profile: &'static str,
    #[serde(rename = "type")]
    sample_type: &'static str,
    filter: String,
    search: String,
    change: bool,
}

#[derive(Serialize)]
struct SeriesData {
    key: String,
    title: String,
    unit: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    source: String,
    points: Vec<(i64, Option<f64>)>,
}

#[derive(Serialize)]
struct EventData {
    at: i64,
    kind: &'static str,
    text: String,
}

#[derive(Serialize)]
struct AskedData {
    artifact: String,
    state: &'static str,
    count: usize,
    why: String,
    hint: String,
}

#[derive(Serialize)]
struct SourceData {
    path: String,
    bytes: u64,
    sha256: String,
}

/// A function with what its lines or instructions cost.
#[derive(Serialize, Clone, Debug, Default)]
pub struct Listing {
    /// Its name.
    pub function: String,
    /// Its source file.
    pub file: String,
    /// Value of its own and with all it calls.
    pub flat: i64,
    /// See `flat`.
    pub cum: i64,
    /// Whether the rows are instructions.
    pub instructions: bool,
    /// Units as the page words them.
    pub steps: Vec<(String, f64)>,
    /// What is typed to get it.
    pub command: String,
    /// Its lines.
    pub lines: Vec<ListingLine>,
}

/// A line or an instruction.
#[derive(Serialize, Clone, Debug, Default)]
pub struct ListingLine {
    /// Line number or address.
    pub n: String,
    /// What is there.
    pub text: String,
    /// Value of its own.
    pub flat: i64,
    /// Value with all it calls.
    pub cum: i64,
}

const METHODS: [&str; 2] = [
    "Heap profiles are samples: Go records one allocation in about every 512 KiB. A stack with k sampled objects of one size S \
     is shown as k/p objects, where p = 1 - exp(-S/rate); the variance of that is k(1-p)/p². Errors on this page are one \
     standard error. CPU profiles count ticks of 10 ms, whose variance is their number. Goroutines are counted, not sampled. \
     A change is gray while it is below two standard errors; the errors of both sides are added as if the two had no object \
     in common, which is cautious.",
    "Who answers for a stack is told by the outermost function of a known part of the kubelet, or by the function that started \
     the goroutine; what it is blocked in by the innermost known library. Both come from a table of packages that is part of \
     kubeprof. Waits are whole minutes as Go prints them. Findings are made from the same files; what was \
     weighed and dropped is listed with the verdict. Everything on this page is computed in it; nothing is sent anywhere.",
];

/// Writes the page.
///
/// # Errors
/// What `out` reports.
pub fn html(report: &Report, words: &Words<'_>, listings: Vec<Listing>, out: &mut dyn Write) -> io::Result<()> {
    let mut names = Names::new();
    let profiles = (report.pictures.iter())
        .map(|p| picture(p, report, words, &mut names))
        .collect();
    let d = &report.diagnosis;
    let heading = match d.examined.first {
        Some(first) => format!("Kubelet on {} · {}", report.title, diagnosis::time(first)),
        None => format!("Kubelet on {}", report.title),
    };
    let snapshot = |s: &crate::report::Snapshot| Snapshot {
        at: s.at.map(|t| t.as_millisecond()),
        name: s.name.clone(),
        process: s.process,
    };
    let page = Page {
        mode: "report",
        title: heading.clone(),
        summary: format!("{}: {}.", diagnosis::capital(d.verdict.as_str()), sentence(d)),
        facts: facts(d).into_iter().map(|(k, v)| (k.to_owned(), v)).collect(),
        snapshots: report.snapshots.iter().map(snapshot).collect(),
        profiles,
        names: &names,
        sections: sections(report, words, listings),
        hide: words.hide,
    };
    page::write(page, &heading, out)
}

fn picture(p: &Picture, report: &Report, words: &Words<'_>, names: &mut Names) -> ProfileData {
    let taken: Vec<Taken> = (p.snapshots.iter().zip(&p.places))
        .map(|(&snapshot, place)| Taken {
            snapshot,
            source: place.file.clone(),
            args: (words.place)(place),
        })
        .collect();
    let has_dumps = report.pictures.iter().any(|p| p.kind == PictureKind::Dump);
    let title = match p.kind {
        PictureKind::Heap => "Heap",
        PictureKind::Dump => "Goroutines",
        PictureKind::Goroutine if has_dumps => "Goroutine profiles",
        PictureKind::Goroutine => "Goroutines",
        PictureKind::Cpu => "CPU",
        PictureKind::GoroutineLeak => "Leaked goroutines",
        PictureKind::Mutex => "Mutex",
        PictureKind::Block => "Block",
        PictureKind::ThreadCreate => "Threads",
        PictureKind::Allocs => "Allocations",
        PictureKind::Other => "Profile",
    };
    let heading = |h: &Heading| match h {
        Heading::Idle => 0,
        Heading::Usual => 1,
        Heading::Stuck => 2,
    };
    page::profile(&p.flame, p.kind.as_str(), title, &taken, names)
        .with_headings(p.headings.iter().map(heading).collect())
}

fn sections(report: &Report, words: &Words<'_>, listings: Vec<Listing>) -> Sections {
    let d = &report.diagnosis;
    let need = words.diagnosis.need;
    Sections {
        command: "kubeprof",
        verdict: VerdictData {
            word: d.verdict.as_str(),
            sentence: sentence(d),
            checked: d.checked.iter().map(|c| diagnosis::check_words(c, need)).collect(),
            missing: d.missing.iter().map(|&n| need(n)).collect(),
            weighed: d.weighed.iter().map(diagnosis::weighed).collect(),
        },
        verdict_command: words.verdict.clone(),
        findings: d.findings.iter().map(|f| finding(f, report, words)).collect(),
        series: (report.history.iter())
            .map(|h| SeriesData {
                key: h.key.clone(),
                title: h.title.clone(),
                unit: h.unit.as_str(),
                source: h.source.clone(),
                points: h
                    .points
                    .iter()
                    .map(|(at, v)| (at.as_millisecond(), v.filter(|v| v.is_finite())))
                    .collect(),
            })
            .collect(),
        events: (report.events.iter())
            .map(|e| EventData {
                at: e.at.as_millisecond(),
                kind: match e.kind {
                    EventKind::Start => "start",
                    EventKind::Restart => "restart",
                    EventKind::Onset(_) => "onset",
                    EventKind::Condition { .. } => "condition",
                },
                text: event_words(e, d),
            })
            .collect(),
        asked: (report.asked.iter())
            .map(|a| {
                let told = a.missing.as_deref().map(words.explain.missing).unwrap_or_default();
                AskedData {
                    artifact: a.artifact.clone(),
                    state: a.state.as_str(),
                    count: a.count,
                    why: told.why,
                    hint: told.remedy,
                }
            })
            .collect(),
        notes: notes(report),
        methods: METHODS.to_vec(),
        versions: versions(report),
        sources: (report.files.iter())
            .map(|f| SourceData {
                path: f.path.clone(),
                bytes: f.bytes,
                sha256: f.sha256.clone(),
            })
            .collect(),
        listings,
    }
}

fn notes(report: &Report) -> Vec<String> {
    let mut notes: Vec<String> = report.diagnosis.odd.iter().map(diagnosis::oddity).collect();
    if report.left_out > 0 {
        let shown = report.snapshots.len();
        notes.push(format!(
            "{} more snapshots were read and are not shown: {shown} evenly chosen ones are",
            report.left_out
        ));
    }
    notes
}

fn versions(report: &Report) -> Vec<(&'static str, String)> {
    let e = &report.diagnosis.examined;
    let mut all = vec![
        ("Program", e.program.clone()),
        ("Kubelet", e.kubernetes.clone()),
        ("Go", e.go.clone()),
    ];
    all.push(("Build ID", e.build_id.clone()));
    all.push(("Container runtime", e.runtime.clone()));
    all.push(("Report by", format!("kubeprof {}", env!("CARGO_PKG_VERSION"))));
    all.push(("Known issues as of", report.diagnosis.known_as_of.clone()));
    all.retain(|(_, text)| !text.is_empty());
    all
}

fn finding(f: &Finding, report: &Report, words: &Words<'_>) -> FindingData {
    let evidence = |e: &crate::diagnose::report::Evidence| EvidenceData {
        text: diagnosis::evidence_words(e),
        command: e
            .show
            .as_ref()
            .map(|s| (words.diagnosis.command)(s))
            .unwrap_or_default(),
    };
    let since = f.since.as_ref().map(|s| match s.basis {
        SinceBasis::WaitAge if s.after.is_none() && s.before.is_none() && s.at_least.is_none() => String::new(),
        _ => diagnosis::since_words(s),
    });
    FindingData {
        rank: f.rank,
        fingerprint: f.fingerprint(),
        kind: f.kind.as_str(),
        subsystem: f.subsystem.key.clone(),
        title: f.subsystem.title.clone(),
        function: f.function.clone().unwrap_or_default(),
        confidence: f.confidence.as_str(),
        summary: format!("{}.", diagnosis::summary(f)),
        since: since.unwrap_or_default(),
        growth: diagnosis::growth_words(f).unwrap_or_default(),
        known_issues: f.known_issues.iter().map(issue).collect(),
        reasons: (f.reasons.iter())
            .map(|r| ReasonData {
                text: diagnosis::reason(r),
                supports: r.supports,
            })
            .collect(),
        evidence: f.evidence.iter().map(evidence).collect(),
        remedies: f.remedies.clone(),
        next: f.next.iter().map(|&n| (words.diagnosis.need)(n)).collect(),
        picture: shown_by(f, report),
    }
}

fn issue(i: &KnownIssue) -> IssueData {
    let text = diagnosis::issue_words(i);
    IssueData {
        id: i.id.clone(),
        url: i.url.clone(),
        applies: i.applies.as_str(),
        text: text.strip_prefix(&i.id).unwrap_or(&text).to_owned(),
    }
}

/// The graph, filter and search that show a finding.
fn shown_by(f: &Finding, report: &Report) -> Option<PictureData> {
    let has = |kind: PictureKind| report.pictures.iter().any(|p| p.kind == kind).then_some(kind.as_str());
    let goroutines = || has(PictureKind::Dump).or_else(|| has(PictureKind::Goroutine));
    let on_heap = matches!(
        f.claim,
        Claim::Growth {
            what: crate::diagnose::report::Grown::Objects,
            ..
        }
    );
    let profile = match f.kind {
        Kind::Leak if on_heap => has(PictureKind::Heap),
        Kind::Hot | Kind::BusyLoop => has(PictureKind::Cpu),
        Kind::Contention => has(PictureKind::Mutex).or_else(|| has(PictureKind::Block)),
        Kind::Limit | Kind::Metric => None,
        _ => goroutines(),
    }?;
    let owner = match f.subsystem.key.as_str() {
        "" => String::new(),
        key => format!("owner:{key}"),
    };
    // The function itself is looked for; without one, all stacks of the owner are shown.
    let search = f.function.as_deref().map(regex::escape).unwrap_or_default();
    Some(PictureData {
        profile,
        sample_type: if on_heap { "inuse_objects" } else { "" },
        filter: if search.is_empty() && f.confidence >= Confidence::Suspect {
            owner
        } else {
            String::new()
        },
        search,
        change: f.kind == Kind::Leak && report.snapshots.len() > 1,
    })
}
