//! `check`: sources and rules as typed -> the judge -> formats, each to standard output or a file, and an exit code.

mod format;

use crate::cli::hints::{self, Failure};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail};
use clap::{Args, ValueEnum};

use super::args::OutArgs;
use super::diagnose::{commands, gather};
use super::{Exit, open, output};
use crate::check::outcome::{Outcome, Report};
use crate::check::rules::{Check, Inconclusive, Measure, Rule, Rules};
use crate::check::{Capture, Case, Names, Reader, Whose, captured, judge, propose};
use crate::diagnose::Observer;
use crate::kubelet::{Knowledge, nearest};
use crate::pprof::Limit;
use crate::render::check as render;
use crate::render::diagnosis::Words;

use format::Target;

const EXAMPLES: &str = "\
Examples:
  kubeprof check BUNDLE                                  what diagnose and the usual signals say, as a gate
  kubeprof check BUNDLE --rules rules.toml -o text -o junit=check.xml
  kubeprof check --init HEALTHY --out rules.toml         rules with margins made of healthy material
  kubeprof check NEW --baseline OLD1 OLD2 OLD3           fail where NEW is larger by more than chance explains

Exit status: 0 pass, 1 a rule at level error failed, 2 error (also a rule that matches nothing).";

/// What an inconclusive rule does to the outcome.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
enum InconclusiveArg {
    /// Nothing
    Pass,
    /// It is shown; the check passes
    Warn,
    /// The check fails
    Fail,
}

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct CheckArgs {
    /// Bundles, folders or files to judge; files that are named one by one are one capture
    #[arg(value_name = "SOURCE", required_unless_present = "explain")]
    sources: Vec<PathBuf>,
    /// Rules to judge by (TOML); without it: no finding of diagnose, the usual signals, nothing grew
    #[arg(long, value_name = "FILE")]
    rules: Option<PathBuf>,
    /// Compare with these sources
    #[arg(long, value_name = "SOURCE", num_args = 1..)]
    baseline: Vec<PathBuf>,
    /// A failure counts only if it repeats in these sources
    #[arg(long, value_name = "SOURCE", num_args = 1..)]
    confirm: Vec<PathBuf>,
    /// Write a commented rules file made of these healthy sources, to standard output or --out FILE
    #[arg(long, conflicts_with_all = ["rules", "baseline", "confirm", "explain"])]
    init: bool,
    /// Say how this rule (id or kind) is judged
    #[arg(long, value_name = "RULE")]
    explain: Option<String>,
    /// What an inconclusive rule does; as the rules say by default (warn)
    #[arg(long, value_enum, value_name = "OUTCOME")]
    inconclusive: Option<InconclusiveArg>,
    /// Show the stacks that each failing number is made of
    #[arg(long)]
    why: bool,
    /// Show also what passed, and all evidence
    #[arg(long)]
    all: bool,
    /// Largest size of an unpacked profile
    #[arg(long, value_name = "SIZE", help_heading = "Input", value_parser = super::args::parse_size)]
    max_size: Option<u64>,
    /// Table of subsystems to use instead of the built-in one
    #[arg(long, value_name = "FILE", help_heading = "Kubelet")]
    knowledge: Option<PathBuf>,
    /// Format (text, json, junit, sarif, github, gitlab, markdown, prometheus), or FORMAT=FILE; repeatable
    #[arg(short, long, value_name = "FORMAT[=FILE]", default_value = "text")]
    output: Vec<Target>,
    #[command(flatten)]
    out: OutArgs,
}

pub(super) fn answer(args: &CheckArgs) -> Result<Exit> {
    let knowledge = open::knowledge_of(args.knowledge.as_deref())?;
    let rules = rules(args, &knowledge)?;
    if let Some(name) = &args.explain {
        return explain(name, &rules, args);
    }
    let limit = args.max_size.map_or(Limit::Proportional, Limit::Bytes);
    let mut reader = Reader::new(knowledge.clone(), &rules);
    let diagnose = args.init || wants_diagnosis(&rules);
    let mut read = |paths: &[PathBuf]| captures(paths, limit, &knowledge, diagnose, &mut reader);
    let candidate = read(&args.sources)?;
    if args.init {
        return init(reader.names(), &candidate, args);
    }
    format::distinct(&args.output, args.out.out.as_deref())?;
    let baseline = read(&args.baseline)?;
    let confirm = read(&args.confirm)?;
    let report = judge(&Case {
        rules: &rules,
        names: reader.names(),
        candidate: &candidate,
        baseline: &baseline,
        confirm: &confirm,
        inconclusive: args.inconclusive.map(|i| match i {
            InconclusiveArg::Pass => Inconclusive::Pass,
            InconclusiveArg::Warn => Inconclusive::Warn,
            InconclusiveArg::Fail => Inconclusive::Fail,
        }),
        culprits: args.why,
    });
    let words = Words {
        command: &commands::command,
        need: &commands::need,
        setting: hints::setting,
        all: args.all,
    };
    for target in &args.output {
        format::write(target, &report, &words, &args.out)?;
    }
    Ok(exit(&report))
}

/// Writes rules made of healthy material; what is not healthy is said.
fn init(names: &Names, captures: &[Capture], args: &CheckArgs) -> Result<Exit> {
    let proposal = propose(names, captures, captured(captures));
    for (name, is_sick) in &proposal.doubts {
        let word = if *is_sick {
            "is sick"
        } else {
            "cannot be called healthy: too little in it"
        };
        say!("note: diagnose says that {name} {word}");
    }
    output::data(&args.out, false, |out| render::rules_file(&proposal, &TYPED, out))?;
    Ok(Exit::Fine)
}

const TYPED: render::Typed = render::Typed {
    check: "kubeprof check --rules FILE SOURCE...",
    init: "kubeprof check --init",
    explain: "kubeprof check --explain RULE",
    baseline: "--baseline SOURCE...",
};

/// Says how the rules of that id or kind are judged.
fn explain(name: &str, rules: &Rules, args: &CheckArgs) -> Result<Exit> {
    let builtin;
    let mut found: Vec<&Rule> = rules
        .rules
        .iter()
        .filter(|r| r.id == name || r.check.kind() == name)
        .collect();
    if found.is_empty() && args.rules.is_none() {
        builtin = Rules::builtin(true);
        found = builtin
            .rules
            .iter()
            .filter(|r| r.id == name || r.check.kind() == name)
            .collect();
        return print(&found, &builtin, args);
    }
    if found.is_empty() {
        let ids = rules.rules.iter().map(|r| r.id.as_str());
        let near = nearest(name, ids.clone()).map(|n| format!("did you mean {n}?"));
        let hint = near.unwrap_or_else(|| format!("rules: {}", ids.collect::<Vec<_>>().join(", ")));
        bail!(Failure::new(format!("{}: no rule {name}", rules.origin), hint));
    }
    print(&found, rules, args)
}

fn print(found: &[&Rule], rules: &Rules, args: &CheckArgs) -> Result<Exit> {
    if found.is_empty() {
        let ids: Vec<&str> = rules.rules.iter().map(|r| r.id.as_str()).collect();
        bail!(Failure::new(
            "no such rule",
            format!("rules: {}; for those of a file add --rules FILE", ids.join(", "))
        ));
    }
    output::data(&args.out, true, |out| {
        for (i, rule) in found.iter().enumerate() {
            if i > 0 {
                writeln!(out)?;
            }
            render::explain(rule, &rules.settings, out)?;
        }
        Ok(())
    })?;
    Ok(Exit::Fine)
}

fn exit(report: &Report) -> Exit {
    for rule in report.broken() {
        say!(
            "error: {}:{}: rule {} could not be judged",
            report.rules_file,
            rule.line,
            rule.id
        );
    }
    match report.outcome {
        _ if report.broken().next().is_some() => Exit::Failed,
        Outcome::Fail => Exit::Findings,
        Outcome::Pass | Outcome::Inconclusive => Exit::Fine,
    }
}

fn rules(args: &CheckArgs, knowledge: &Knowledge) -> Result<Rules> {
    let Some(path) = &args.rules else {
        return Ok(Rules::builtin(!args.baseline.is_empty()));
    };
    let text = read_rules(path)?;
    Rules::parse(&text, &path.display().to_string(), knowledge).map_err(|e| anyhow!(hints::of_rules(&e)))
}

/// Reads a file of rules; one that is too large is not read to its end.
fn read_rules(path: &Path) -> Result<String> {
    use std::io::Read;
    let mut bytes = Vec::new();
    let mut open = || -> std::io::Result<()> {
        let file: Box<dyn Read> = if path.as_os_str() == "-" {
            Box::new(std::io::stdin().lock())
        } else {
            Box::new(std::fs::File::open(path)?)
        };
        file.take((1 << 20) + 1).read_to_end(&mut bytes).map(drop)
    };
    open().with_context(|| path.display().to_string())?;
    String::from_utf8(bytes).map_err(|e| {
        anyhow!(Failure::new(
            format!("{}: byte {} is not UTF-8", path.display(), e.utf8_error().valid_up_to()),
            "rules are a TOML file"
        ))
    })
}

fn wants_diagnosis(rules: &Rules) -> bool {
    rules.rules.iter().any(|r| match &r.check {
        Check::Diagnose(_) | Check::NoGrowth(_) => true,
        Check::NoRegression(r) => r.measure == Measure::Findings,
        _ => false,
    })
}

/// Every bundle and folder is a capture; files that are named one by one are one together.
fn captures(
    paths: &[PathBuf],
    limit: Limit,
    knowledge: &Arc<Knowledge>,
    diagnose: bool,
    reader: &mut Reader,
) -> Result<Vec<Capture>> {
    let (folders, files): (Vec<&PathBuf>, Vec<&PathBuf>) = paths.iter().partition(|p| is_whole(p));
    let mut groups: Vec<(Vec<PathBuf>, bool)> = folders.into_iter().map(|p| (vec![p.clone()], false)).collect();
    if !files.is_empty() {
        groups.push((files.into_iter().cloned().collect(), true));
    }
    let mut all = Vec::new();
    for (paths, loose) in groups {
        let name = match paths.as_slice() {
            [one] => one.display().to_string(),
            many => format!("{} files", many.len()),
        };
        let mut observer = diagnose.then(|| Observer::new(knowledge.clone()));
        gather::each(&paths, limit, knowledge, |moment| {
            reader.read(&moment);
            if let Some(o) = &mut observer {
                o.take(moment);
            }
        })?;
        if reader.read_so_far() == 0 {
            bail!("{name}: no moment of a kubelet in it");
        }
        let capture = reader.capture(name, loose, observer.map(Observer::finish));
        if let Whose::Other(program) = &capture.program {
            bail!(Failure::new(
                format!("{}: this is {program}, no kubelet", capture.name),
                "check judges kubelets; `kubeprof top` and `kubeprof goroutines` read profiles of any Go program"
            ));
        }
        all.push(capture);
    }
    Ok(all)
}

/// A folder or a tar, which hold captures of their own.
fn is_whole(path: &Path) -> bool {
    let name = path
        .file_name()
        .map(|n| n.to_string_lossy().to_ascii_lowercase())
        .unwrap_or_default();
    path.is_dir()
        || [".tar", ".tar.gz", ".tgz", ".tar.zst"]
            .iter()
            .any(|end| name.ends_with(end))
}
