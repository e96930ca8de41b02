//! What a verification of a bundle found, as text for people.

use std::io::{self, Write};

use super::terminal::Terminal;
use crate::bundle::verify::{Gap, Verdict, Verification};
use crate::model::units::{self, counted};

/// Writes a verification as text.
///
/// # Errors
/// What the writer reports.
pub fn verification(v: &Verification, terminal: &Terminal, out: &mut dyn Write) -> io::Result<()> {
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
        text.extend(gaps.iter().map(|g| format!("  {}", gap(g))));
    }
    for possible in [true, false] {
        text.push(if possible { "possible:" } else { "not possible:" }.to_owned());
        for a in v.analyses.iter().filter(|a| a.possible == possible) {
            let command = if a.command.is_empty() {
                String::new()
            } else {
                format!("  {}", a.command)
            };
            text.push(format!("  {:<21} {}{command}", a.name, a.why));
        }
    }
    text.extend(v.notes.iter().map(|n| format!("note: {n}")));
    for line in text {
        writeln!(out, "{}", terminal.clean(&line))?;
    }
    Ok(())
}

/// Something that is not there, on one line.
pub fn gap(g: &Gap) -> String {
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
    text += &g.what;
    text += ": ";
    if !g.who.is_empty() {
        text += &format!("{}: ", g.who);
    }
    text += g.why.lines().next().unwrap_or_default();
    if !g.remedy.is_empty() {
        text += &format!("; {}", g.remedy.lines().next().unwrap_or_default());
    }
    text
}
