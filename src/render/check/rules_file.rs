//! Proposed rules as a commented TOML file, which `check --rules` reads.

use std::io::{self, Write};

use super::words::{captured, title, value};
use crate::check::outcome::{Part, Unit};
use crate::check::rules::Measure;
use crate::check::{Proposal, Proposed};

/// A text as a comment may hold it.
fn comment(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// What is typed, as the comments of the file say it.
#[derive(Clone, Copy, Debug)]
pub struct Typed {
    /// The command that takes the file.
    pub check: &'static str,
    /// The command that made it.
    pub init: &'static str,
    /// The command that explains a rule.
    pub explain: &'static str,
    /// The option for what rules compare with.
    pub baseline: &'static str,
}

/// Writes the file.
///
/// # Errors
/// When it cannot be written.
pub fn rules_file(p: &Proposal, typed: &Typed, out: &mut dyn Write) -> io::Result<()> {
    let Typed {
        check,
        init,
        explain,
        baseline,
    } = typed;
    writeln!(out, "# Rules for `{check}`, made by `{init}` from:")?;
    for c in &p.captures {
        writeln!(out, "#   {}", comment(&captured(c)))?;
    }
    for (name, is_sick) in &p.doubts {
        let word = if *is_sick {
            "is sick"
        } else {
            "has too little to be called healthy"
        };
        writeln!(
            out,
            "# WARNING: diagnose says that {} {word}; make rules of healthy material.",
            comment(name)
        )?;
    }
    writeln!(
        out,
        "#\n# A number fails only when it is beyond its limit by more than its sampling error. `{explain}`\n\
         # says how a rule is judged; docs/ci.md has the rest. Editors know the keys from docs/schema/rules.json.\n\
         version = 1\n\n\
         [settings]\n\
         # Several captures become one number: optimistic takes the best, pessimistic the worst. Of the moments of one process,\n\
         # optimistic takes the better one of the last two.\n\
         assemble = \"optimistic\"\n\
         # What a rule does that cannot be decided: pass, warn or fail.\n\
         inconclusive = \"warn\"\n\
         # Probability with which a healthy kubelet may fail the whole check by the chance of sampling.\n\
         alpha = 0.01\n\n\
         # No finding of the diagnosis that is surer than this.\n\
         [[rule]]\nid = \"diagnosis\"\nkind = \"diagnose\"\nat_most = \"suspect\""
    )?;
    if p.has_series {
        writeln!(
            out,
            "\n# Nothing grows inside of a series and is not given back. A single snapshot is inconclusive here.\n\
             [[rule]]\nid = \"growth\"\nkind = \"no-growth\""
        )?;
    }
    if p.has_metrics {
        writeln!(
            out,
            "\n# The signals that guides watch (goroutines, resident memory, PLEG, CPU), judged on what the node has to do.\n\
             [[rule]]\nid = \"guide\"\nkind = \"guide\"\nallow_empty = true"
        )?;
    }
    if let Some(share) = p.symbols {
        let least = ((share - 0.02) * 100.0).floor().max(0.0) / 100.0;
        writeln!(
            out,
            "\n# Frames with names: {:.1} % at least were seen. Below, the other rules see too little.\n\
             [[rule]]\nid = \"symbols\"\nkind = \"coverage\"\nsymbols = {least:.2}",
            100.0 * share
        )?;
    }
    for b in &p.budgets {
        budget(b, out)?;
    }
    if let [first, ..] = p.builds.as_slice() {
        writeln!(
            out,
            "\n# Only these builds (the beginning of a build ID is enough):\n\
             # [[rule]]\n# id = \"build\"\n# kind = \"builds\"\n# allow = [\"{}\"]",
            comment(first)
        )?;
    }
    writeln!(
        out,
        "\n# Nothing is larger than in a baseline (`{baseline}`), beyond chance and by a tenth at least:\n\
         # [[rule]]\n# id = \"regression\"\n# kind = \"no-regression\"\n# measure = \"objects\"\n# owner = \"*\"\n\
         # min_change = \"10%\"\n\n\
         # What is measured and shown, and does not count:\n\
         # [[ignore]]\n# rule = \"diagnosis\"\n# subject = \"finding:leak/*\"\n# reason = \"upgrade is planned\""
    )
}

fn budget(b: &Proposed, out: &mut dyn Write) -> io::Result<()> {
    let unit = Unit::of(b.measure);
    let (what, scope) = match &b.part {
        Part::Owner { key, .. } => (key.as_str(), format!("owner = \"{key}\"\n")),
        _ => ("total", String::new()),
    };
    let error = b
        .error
        .filter(|e| *e > 0.0)
        .map_or_else(String::new, |e| format!(" ± {}", value(e, unit)));
    let load = b.pods.map_or_else(String::new, |p| format!(" with {p:.0} pods"));
    let limits = match b.per_pod {
        Some(each) => format!(
            "max = {}\nper = \"pod\"\nbase = {}\n",
            number(b.measure, each),
            number(b.measure, b.base)
        ),
        None => format!("max = {}\n", number(b.measure, b.base)),
    };
    writeln!(
        out,
        "\n# {}: at most {}{error} were seen{load}.\n[[rule]]\nid = \"{}.{what}\"\nkind = \"budget\"\nmeasure = \"{}\"\n{scope}{limits}allow_empty = true",
        comment(&title(&b.part)),
        value(b.seen, unit),
        b.measure.as_str(),
        b.measure.as_str(),
    )
}

/// A limit as the file spells it.
fn number(measure: Measure, v: f64) -> String {
    if measure == Measure::Bytes {
        return format!("\"{}KiB\"", (v / 1024.0).ceil());
    }
    if v >= 100.0 {
        format!("{}", v.ceil())
    } else {
        format!("{v}")
    }
}
