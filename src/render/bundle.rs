//! What a verification of a bundle found, as text for people and as JSON.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::missing::{Explain, Words};
use super::terminal::Terminal;
use crate::bundle::verify::{Absence, Absent, Analysis, Gap, Goal, Material, Verdict, Verification};
use crate::model::units::{self, counted};

/// What a page of a verification has to be told.
pub struct Wording<'a> {
    /// The command for an analysis that is possible.
    pub command: &'a dyn Fn(Goal, &str) -> String,
    /// What is missing.
    pub explain: Explain,
}

/// Writes a verification as text.
///
/// # Errors
/// What the writer reports.
pub fn verification(
    v: &Verification,
    wording: &Wording<'_>,
    terminal: &Terminal,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut text: Vec<String> = Vec::new();
    let verdict = match v.verdict {
        Verdict::Whole => "whole",
        Verdict::Partial => "partial: what is there can be used",
        Verdict::Findings => "NOT what its manifest says",
    };
    text.push(format!("{}: {verdict}", v.bundle));
    let size = units::label(i64::try_from(v.intact_bytes).unwrap_or(i64::MAX), "bytes", "auto");
    text.push(format!("  intact    {} files, {size}", v.intact));
    for node in &v.nodes {
        for run in &node.runs {
            let version = if run.kubelet_version.is_empty() {
                ""
            } else {
                " kubelet "
            };
            text.push(format!(
                "  process   {} run {}{version}{}, {}, {}",
                node.node,
                run.run,
                run.kubelet_version,
                counted(run.snapshots, "snapshot", "snapshots"),
                counted(run.artifacts, "artifact", "artifacts")
            ));
        }
        text.push(format!(
            "  series    {} {} of {} came to an end",
            node.node,
            node.ended,
            counted(node.asked, "snapshot", "snapshots")
        ));
    }
    for id in &v.build_ids {
        let shown = if id.build_id.is_empty() { "none" } else { &id.build_id };
        let binary = id
            .binary
            .as_ref()
            .map_or(String::new(), |b| format!(", executable {b}"));
        text.push(format!(
            "  build ID  {shown} of {}{binary}",
            counted(id.profiles, "profile", "profiles")
        ));
    }
    if !v.findings.is_empty() {
        text.push(format!("findings ({}):", v.findings.len()));
    }
    for f in &v.findings {
        let path = if f.path.is_empty() { "" } else { "  " };
        text.push(format!("  {:<10}{}{path}{}", f.what.as_str(), f.path, f.detail));
    }
    for (heading, gaps) in [("lacking", &v.lacks), ("left out", &v.skipped)] {
        if !gaps.is_empty() {
            text.push(format!("{heading} ({}):", gaps.len()));
        }
        text.extend(gaps.iter().map(|g| format!("  {}", gap(g, &wording.explain))));
    }
    for possible in [true, false] {
        text.push(if possible { "possible:" } else { "not possible:" }.to_owned());
        for a in v.analyses.iter().filter(|a| a.is_possible() == possible) {
            let command = match possible {
                true => format!("  {}", (wording.command)(a.goal, &v.bundle)),
                false => String::new(),
            };
            text.push(format!("  {:<21} {}{command}", name_of(a.goal), material(a)));
        }
    }
    text.extend(v.notes.iter().map(|n| format!("note: {n}")));
    for line in text {
        writeln!(out, "{}", terminal.clean(&line))?;
    }
    Ok(())
}

/// A verification as one JSON object, `kubeprof/verify/1`.
pub fn verification_json(v: &Verification, wording: &Wording<'_>) -> Value {
    let gaps = |gaps: &[Gap]| gaps.iter().map(|g| gap_json(g, &wording.explain)).collect::<Vec<_>>();
    let analyses = v.analyses.iter().map(|a| {
        let mut json = json!({
            "name": name_of(a.goal),
            "possible": a.is_possible(),
            "needs": a.needs,
            "has": a.has,
            "why": material(a),
        });
        if a.is_possible() {
            json["command"] = json!((wording.command)(a.goal, &v.bundle));
        }
        json
    });
    json!({
        "schema": "kubeprof/verify/1",
        "bundle": v.bundle,
        "verdict": v.verdict,
        "intact": v.intact,
        "intact_bytes": v.intact_bytes,
        "findings": v.findings,
        "lacks": gaps(&v.lacks),
        "skipped": gaps(&v.skipped),
        "nodes": v.nodes,
        "build_ids": v.build_ids,
        "analyses": analyses.collect::<Vec<_>>(),
        "notes": v.notes,
    })
}

fn gap_json(g: &Gap, explain: &Explain) -> Value {
    let Words { why, remedy } = why_not(g, explain);
    let mut json = json!({"node": g.node, "run": g.run, "what": absent(&g.what), "why": why});
    if let Some(number) = g.snapshot {
        json["snapshot"] = json!(number);
    }
    if !remedy.is_empty() {
        json["remedy"] = json!(remedy);
    }
    if let Absence::Told(missing) = &g.why {
        json["who"] = json!(missing.who.to_string());
        json["cause"] = json!(missing.cause);
    }
    json
}

/// Something that is not there, on one line.
pub fn gap(g: &Gap, explain: &Explain) -> String {
    let mut text = String::new();
    if !g.node.is_empty() {
        text += &g.node;
        if g.run > 0 {
            text += &format!(" run {}", g.run);
        }
        if let Some(n) = g.snapshot {
            text += &format!(" snapshot {n}");
        }
        text += "  ";
    }
    text += &absent(&g.what);
    text += ": ";
    if let Absence::Told(missing) = &g.why {
        text += &format!("{}: ", missing.who);
    }
    let Words { why, remedy } = why_not(g, explain);
    text += why.lines().next().unwrap_or_default();
    if !remedy.is_empty() {
        text += &format!("; {}", remedy.lines().next().unwrap_or_default());
    }
    text
}

fn absent(what: &Absent) -> String {
    match what {
        Absent::Artifact(name) | Absent::File(name) => name.clone(),
        Absent::Node => "the node".to_owned(),
        Absent::Snapshots { missing, asked } => format!("{missing} of {}", counted(*asked, "snapshot", "snapshots")),
        Absent::Capture => "the capture".to_owned(),
    }
}

fn why_not(g: &Gap, explain: &Explain) -> Words {
    let words = absence(&g.why, explain);
    match g.made_up {
        false => words,
        true => Words {
            why: format!("{}; a later snapshot has it", words.why),
            remedy: String::new(),
        },
    }
}

fn absence(why: &Absence, explain: &Explain) -> Words {
    let ours = match why {
        Absence::Told(missing) => return (explain.missing)(missing),
        Absence::NotBegun => "the capture ended before it began".to_owned(),
        Absence::LineCut => "the last line was cut, as by a kill".to_owned(),
        Absence::SummaryOld => "it is older than the journal: a resumption did not end".to_owned(),
        Absence::NotEnded => "the capture did not end".to_owned(),
        Absence::Early(finished) => {
            format!(
                "it was interrupted: {}",
                (explain.interrupted)(finished).unwrap_or_default()
            )
        }
        Absence::Unnamed => "complete but not renamed, as after a kill".to_owned(),
        Absence::NothingTaken => "nothing was taken of it".to_owned(),
        Absence::SeriesEnded => "the series ended before them".to_owned(),
        Absence::NotReached => "the capture ended before it".to_owned(),
    };
    Words {
        why: ours,
        remedy: explain.resume.to_owned(),
    }
}

fn name_of(goal: Goal) -> &'static str {
    match goal {
        Goal::Memory => "memory",
        Goal::MemoryGrowth => "growth of memory",
        Goal::MemoryTrend => "trend of memory",
        Goal::Goroutines => "goroutines",
        Goal::GoroutineGrowth => "growth of goroutines",
        Goal::GoroutineWaits => "waits of goroutines",
        Goal::LeakProof => "proof of leaks",
        Goal::Cpu => "CPU",
        Goal::Contention => "contention",
        Goal::Instructions => "instructions",
    }
}

fn material(a: &Analysis) -> String {
    let (one, many) = match a.of {
        Material::Heaps => ("heap profile", "heap profiles"),
        Material::Goroutines => ("goroutine profile", "goroutine profiles"),
        Material::Dumps => ("goroutine dump (debug=2)", "goroutine dumps (debug=2)"),
        Material::Leaks => ("goroutineleak profile", "goroutineleak profiles"),
        Material::Cpus => ("CPU profile with samples", "CPU profiles with samples"),
        Material::Contentions => (
            "mutex or block profile with samples",
            "mutex or block profiles with samples",
        ),
        Material::Executables => ("executable of the profiles", "executables of the profiles"),
    };
    match (a.is_possible(), a.needs) {
        (true, 1) => counted(a.has, one, many),
        (true, _) => format!("{} of one process", counted(a.has, one, many)),
        (false, needs) => format!("needs {} of one process, found {}", counted(needs, one, many), a.has),
    }
}
