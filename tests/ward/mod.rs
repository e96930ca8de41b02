//! The ward: incidents of public reports laid over real healthy background, in the forms in which an engineer would have
//! them. Asks for the right subsystem first, with and without the incident's own known issue, and prints the same for the
//! rules that other tools use.
//!
//! `cargo test` runs one severity of each incident. `KUBEPROF_WARD=full cargo test --test integration ward -- --nocapture`
//! runs all of them and prints the table; with `KUBEPROF_CAPTURES=FOLDER` healthy captures of that folder count as well.

#![expect(clippy::print_stdout, reason = "the table is what a full run is for")]

mod background;
mod inject;
mod rivals;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use kubeprof::diagnose::Observer;
use kubeprof::diagnose::material::Moment;
use kubeprof::diagnose::report::{Confidence, Diagnosis};
use kubeprof::kubelet::Knowledge;

use background::Background;
use inject::{Form, Incident, Severity, Spelling};

/// A case: an incident as somebody has it.
struct Case {
    incident: usize,
    severity: Severity,
    spelling: Spelling,
    form: Form,
}

/// How a case came out.
#[derive(Default, Clone)]
struct Outcome {
    subsystem: Option<String>,
    confidence: Option<Confidence>,
    issues: Vec<String>,
}

fn diagnosis(moments: Vec<Moment>, knowledge: &Arc<Knowledge>, without: Option<&str>) -> Diagnosis {
    let mut observer = Observer::new(knowledge.clone());
    if let Some(id) = without {
        observer.forget(id);
    }
    for moment in moments {
        observer.take(moment);
    }
    observer.finish()
}

fn outcome(report: &Diagnosis) -> Outcome {
    let first = report.findings.first();
    Outcome {
        subsystem: first.map(|f| f.subsystem.key.clone()),
        confidence: first.map(|f| f.confidence),
        issues: first.map_or_else(Vec::new, |f| f.known_issues.iter().map(|i| i.id.clone()).collect()),
    }
}

fn cases(incidents: &[Incident], full: bool) -> Vec<Case> {
    let mut cases = Vec::new();
    for (i, incident) in incidents.iter().enumerate() {
        let forms = incident.forms();
        for &form in &forms {
            for severity in Severity::ALL {
                for spelling in Spelling::ALL {
                    // One of each incident in a quick run, in another form and spelling each.
                    let quick = severity == Severity::Middle
                        && form == forms[i % forms.len()]
                        && spelling == Spelling::ALL[(i + form as usize) % Spelling::ALL.len()];
                    if full || quick {
                        cases.push(Case {
                            incident: i,
                            severity,
                            spelling,
                            form,
                        });
                    }
                }
            }
        }
    }
    cases
}

/// Right answers of all.
#[derive(Default)]
struct Share {
    right: usize,
    all: usize,
}

impl Share {
    fn add(&mut self, right: bool) {
        self.right += usize::from(right);
        self.all += 1;
    }

    fn get(&self) -> f64 {
        self.right as f64 / self.all.max(1) as f64
    }
}

impl std::fmt::Display for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{} = {:.3}", self.right, self.all, self.get())
    }
}

#[test]
fn the_ward() {
    let full = std::env::var("KUBEPROF_WARD").is_ok_and(|v| v == "full");
    let only = std::env::var("KUBEPROF_WARD_ONLY").ok();
    let knowledge = Arc::new(Knowledge::builtin());
    let background = Background::load();
    let incidents = inject::incidents();
    let (mut first, mut without, mut issue) = (Share::default(), Share::default(), Share::default());
    let (mut found, mut precise) = (Share::default(), Share::default());
    let mut rivals: BTreeMap<&str, (Share, Share)> = BTreeMap::new();
    let mut log = String::new();
    for case in cases(&incidents, full) {
        let incident = &incidents[case.incident];
        if only.as_ref().is_some_and(|o| *o != incident.id.to_string()) {
            continue;
        }
        let make = || inject::moments(&background, incident, case.severity, case.spelling, case.form);
        let with = outcome(&diagnosis(make(), &knowledge, None));
        let bare = outcome(&diagnosis(make(), &knowledge, Some(&incident.issue)));
        let right = |o: &Outcome| o.subsystem.as_ref().is_some_and(|s| incident.accepts(s));
        first.add(right(&with));
        without.add(right(&bare));
        issue.add(with.issues.contains(&incident.issue));
        let sure = with.confidence >= Some(Confidence::Likely);
        found.add(sure && right(&with));
        if sure {
            precise.add(right(&with));
        }
        for (name, subsystem) in rivals::answers(&make(), &knowledge) {
            let (right, fires) = rivals.entry(name).or_default();
            right.add(subsystem.as_ref().is_some_and(|s| incident.accepts(s)));
            if let Some(s) = &subsystem {
                fires.add(incident.accepts(s));
            }
        }
        if !right(&with) || !right(&bare) || !sure || !with.issues.contains(&incident.issue) {
            let show = |o: &Outcome| {
                format!(
                    "{} {:?}",
                    o.subsystem.as_deref().unwrap_or("-"),
                    o.confidence.map(Confidence::as_str)
                )
            };
            let _ = writeln!(
                log,
                "{:>3} {:<9} {:<8} {:<9} {:<28} bare {:<28} issue {} accept {:?}",
                incident.id,
                format!("{:?}", case.form),
                format!("{:?}", case.severity),
                format!("{:?}", case.spelling),
                show(&with),
                show(&bare),
                with.issues.contains(&incident.issue),
                incident.accept,
            );
        }
    }
    let mut false_alarms = Share::default();
    for (name, moments) in background.healthy() {
        let report = diagnosis(moments(), &knowledge, None);
        let sure: Vec<String> = (report.findings.iter())
            .filter(|f| f.confidence >= Confidence::Likely)
            .map(kubeprof::diagnose::report::Finding::fingerprint)
            .collect();
        false_alarms.add(sure.is_empty());
        if !sure.is_empty() {
            precise.add(false);
            let _ = writeln!(log, "healthy {name}: {sure:?}");
        }
        for (rival, subsystem) in rivals::answers(&moments(), &knowledge) {
            if subsystem.is_some() {
                rivals.entry(rival).or_default().1.add(false);
            }
        }
    }
    println!("{log}");
    println!("right subsystem first              {first}");
    println!("the same without its known issue   {without}");
    println!("right known issue                  {issue}");
    println!("recall at likely and above         {found}");
    println!("precision at likely and above      {precise}");
    println!("healthy material without an alarm  {false_alarms}");
    for (name, (right, fires)) in &rivals {
        println!("rival {name:<36} recall {right}  precision {fires}");
    }
    if only.is_some() {
        return;
    }
    assert!(first.get() >= 0.95, "right subsystem first: {first}");
    assert!(without.get() >= 0.90, "without the known issue: {without}");
    assert!(issue.get() >= 0.90, "right known issue: {issue}");
    assert!(found.get() >= 0.95, "recall: {found}");
    assert!(precise.get() >= 0.97, "precision: {precise}");
    assert_eq!(false_alarms.right, false_alarms.all, "healthy: {false_alarms}");
}
