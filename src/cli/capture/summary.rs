//! What came, what did not and why, and what to type next.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Result;
use serde_json::{Map, json};

use super::args::CaptureArgs;
use crate::bundle::Record;
use crate::bundle::manifest::{Artifact, Binary, Who};
use crate::capture::endpoints::{Endpoint, Server, endpoint};
use crate::capture::session::{Options, Visited, truncation};
use crate::cli::Exit;
use crate::cli::args::{Format, OutArgs};
use crate::cli::hints;
use crate::cli::output;
use crate::cli::refusal::{self, Words};
use crate::render::document::{Cell, Column, Document, Row, Shown};
use crate::render::terminal::sanitize;

/// One artifact of one node, over all its snapshots.
struct Line {
    node: String,
    artifact: &'static str,
    wanted: u32,
    there: u32,
    bytes: u64,
    samples: Option<u64>,
    longest_ms: u64,
    /// Whether the bundle is partial because of it.
    missing: bool,
    problem: Option<Problem>,
}

struct Problem {
    skipped: bool,
    who: String,
    why: String,
    remedy: String,
}

/// The end of a capture.
pub(super) struct Summary {
    lines: Vec<Line>,
    notes: Vec<String>,
    ended: Option<String>,
    exit: Exit,
    multiple: bool,
    executable: Option<Result<Binary>>,
}

impl Summary {
    /// What became of the executable, where one was asked for.
    pub(super) fn executable(&mut self, executable: Option<Result<Binary>>) {
        if matches!(executable, Some(Err(_))) && self.exit == Exit::Fine {
            self.exit = Exit::Partial;
        }
        self.executable = executable;
    }

    /// Counts what is in the bundle against what was asked for.
    pub(super) fn of(record: &Record, options: &Options, visited: Vec<Visited>, ended: Option<String>) -> Self {
        let mut lines = Vec::new();
        let mut notes = Vec::new();
        for v in &visited {
            for e in &options.plan.artifacts {
                lines.push(line(record, options, &v.node, e));
            }
            for note in &v.notes {
                notes.push(format!("{}: {note}", v.node));
            }
        }
        let missing = lines.iter().any(|l| l.missing);
        // What the API server says of itself and of the node is nothing of a kubelet's.
        let of_kubelet = |a: &&Artifact| endpoint(&a.slot.artifact).is_none_or(|e| e.server == Server::Kubelet);
        let nothing = !record.artifacts().any(|a| of_kubelet(&a));
        let exit = match (nothing, missing || ended.is_some()) {
            (true, _) => Exit::Failed,
            (_, true) => Exit::Partial,
            _ => Exit::Fine,
        };
        Summary {
            lines,
            notes,
            ended,
            exit,
            multiple: visited.len() > 1,
            executable: None,
        }
    }

    /// How the capture ended.
    pub(super) fn exit(&self) -> Exit {
        self.exit
    }

    /// Prints the table, then who refused and what to change, then what to type next.
    pub(super) fn print(&self, args: &CaptureArgs, root: &Path) -> Result<()> {
        let out = OutArgs {
            out: None,
            color: args.color,
            no_pager: true,
            quiet: args.quiet,
            full_names: false,
        };
        output::document(&self.document(root), args.output, &out, false)?;
        if matches!(args.output, Format::Text | Format::Wide) {
            self.refusals();
            // A capture that is not whole says why, also where it is quiet.
            if let Some(Err(e)) = &self.executable {
                say!("\nexecutable: {}", sanitize_lines(&hints::told_chain(e)));
            }
            if let Some(why) = &self.ended {
                say!("\nended early: {}", sanitize(why));
            }
            if !args.quiet {
                self.explain(args, root);
            }
        }
        Ok(())
    }

    fn document(&self, root: &Path) -> Document {
        let mut d = Document {
            schema: "kubeprof/capture/1".to_owned(),
            columns: vec![
                Column::words("node", "node", if self.multiple { Shown::Always } else { Shown::Wide }),
                Column::words("artifact", "artifact", Shown::Always),
                Column::number("there", "there", Shown::Machine),
                Column::number("wanted", "wanted", Shown::Machine),
                Column::number("got", "got", Shown::People),
                Column::number("bytes", "size", Shown::Always),
                Column::number("samples", "samples", Shown::Always),
                Column::number("took_ms", "took", Shown::Always),
                Column::words("who", "who", Shown::Machine),
                Column::words("problem", "problem", Shown::Always),
                Column::words("remedy", "remedy", Shown::Machine),
            ],
            ..Document::default()
        };
        for l in &self.lines {
            let there = l.there > 0;
            let text = |f: &dyn Fn(&Problem) -> String| l.problem.as_ref().map_or(Cell::None, |p| Cell::Text(f(p)));
            let count = |n: u64| Cell::Count(i64::try_from(n).unwrap_or(i64::MAX));
            let bytes = i64::try_from(l.bytes).unwrap_or(i64::MAX);
            let took = i64::try_from(l.longest_ms).unwrap_or(i64::MAX);
            d.rows.push(Row {
                cells: vec![
                    Cell::Text(l.node.clone()),
                    Cell::Text(l.artifact.to_owned()),
                    count(l.there.into()),
                    count(l.wanted.into()),
                    Cell::Text(if l.wanted > 1 {
                        format!("{}/{}", l.there, l.wanted)
                    } else {
                        l.there.to_string()
                    }),
                    if there {
                        Cell::Value(bytes, size(l.bytes))
                    } else {
                        Cell::None
                    },
                    l.samples.map_or(Cell::None, count),
                    if there {
                        Cell::Value(took, seconds(l.longest_ms))
                    } else {
                        Cell::None
                    },
                    text(&|p| p.who.clone()),
                    text(&|p| {
                        if p.skipped {
                            format!("({})", short(&p.why))
                        } else {
                            format!("{}: {}", p.who, short(&p.why))
                        }
                    }),
                    text(&|p| p.remedy.clone()),
                ],
                ..Row::default()
            });
        }
        let code = self.exit as u8;
        d.facts = Map::from_iter([
            ("bundle".to_owned(), json!(root.display().to_string())),
            ("complete".to_owned(), json!(self.exit == Exit::Fine)),
            ("exit".to_owned(), json!(code)),
            ("ended".to_owned(), json!(self.ended)),
            ("notes".to_owned(), json!(self.notes)),
            (
                "binary".to_owned(),
                json!(self.executable.as_ref().and_then(|b| b.as_ref().ok())),
            ),
            (
                "binary_error".to_owned(),
                json!(
                    self.executable
                        .as_ref()
                        .and_then(|b| b.as_ref().err())
                        .map(hints::told_chain)
                ),
            ),
        ]);
        d
    }

    /// Each refusal once, whole: who does not watch is told what to change, too.
    pub(super) fn refusals(&self) {
        let mut told: BTreeSet<(&str, &str)> = BTreeSet::new();
        // What was refused once says what to change; what was not asked for because of it does not.
        let problems = || {
            self.lines
                .iter()
                .filter_map(|l| l.problem.as_ref())
                .filter(|p| !p.skipped)
        };
        for p in problems().filter(|p| !p.remedy.is_empty()).chain(problems()) {
            if told.insert((&p.who, &p.why)) {
                say!("\n{}: {}", p.who, sanitize(&p.why));
                if !p.remedy.is_empty() {
                    say!("hint: {}", sanitize_lines(&p.remedy));
                }
            }
        }
    }

    /// The executable, and what to type.
    fn explain(&self, args: &CaptureArgs, root: &Path) {
        if let Some(Ok(b)) = &self.executable {
            say!(
                "\nexecutable: {} ({}), build ID {}, {}",
                sanitize(&b.path),
                size(b.bytes),
                b.build_id,
                sanitize(&b.origin)
            );
        }
        let shown = root.display().to_string();
        let shown = sanitize(&shown);
        match self.exit {
            Exit::Failed => say!("\nnothing was taken of any kubelet; {shown}/manifest.jsonl says what was tried"),
            _ => {
                say!("\n{shown} holds what was taken. Next:");
                if self.exit == Exit::Partial {
                    let way = args.way.typed();
                    let others = match way.is_empty() {
                        true => "with the same --kubeconfig and the like",
                        false => "with the same credentials",
                    };
                    say!("  kubeprof capture --resume {shown}{way}   what is missing ({others})");
                }
                for next in self.next() {
                    say!("  kubeprof {}", next.replace("BUNDLE", &shown));
                }
            }
        }
    }

    /// Commands that have something to say about this bundle.
    fn next(&self) -> Vec<&'static str> {
        let there = |name: &str| self.lines.iter().filter(|l| l.artifact == name).map(|l| l.there).max();
        let mut next = Vec::new();
        if there("goroutine").max(there("goroutine.debug2")) > Some(0) {
            next.push("goroutines BUNDLE");
        }
        match there("heap") {
            Some(2..) => next.push("diff BUNDLE --kind heap"),
            Some(1) => next.push("top BUNDLE --kind heap"),
            _ => {}
        }
        if there("cpu") > Some(0) {
            next.push("top BUNDLE --kind cpu");
        }
        next.push("bundle verify BUNDLE");
        next
    }
}

fn line(record: &Record, options: &Options, node: &str, e: &'static Endpoint) -> Line {
    use crate::capture::endpoints::Phase;
    let artifacts: Vec<_> = record
        .artifacts()
        .filter(|a| a.slot.node == node && a.slot.artifact == e.artifact)
        .collect();
    let wanted = match e.phase {
        Phase::Every => options.schedule.snapshots,
        _ => record
            .node(node)
            .map_or(1, |n| u32::try_from(n.runs.len()).unwrap_or(1).max(1)),
    };
    // A snapshot that was taken once more after a restart is one.
    let mut numbers: Vec<_> = artifacts
        .iter()
        .map(|a| (a.slot.snapshot.map(|s| s.number), a.slot.run))
        .collect();
    numbers.sort_unstable();
    numbers.dedup_by_key(|(number, run)| number.map_or((0, *run), |n| (n, 0)));
    let there = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
    let lack = record
        .lacks()
        .filter(|l| l.missing.slot.node == node && l.missing.slot.artifact == e.artifact)
        .last();
    let problem = lack.map(|l| {
        let Words { why, remedy } = refusal::missing(&l.missing);
        Problem {
            skipped: l.skipped,
            who: l.missing.who.to_string(),
            why,
            remedy,
        }
    });
    // There, and not all of it: nothing that another try would mend.
    let cut = artifacts.iter().find(|a| a.facts.truncated).map(|a| Problem {
        skipped: true,
        who: Who::Handler.to_string(),
        why: truncation(a),
        remedy: String::new(),
    });
    let not_asked = || Problem {
        skipped: false,
        who: "kubeprof".to_owned(),
        why: "not asked for any more".to_owned(),
        remedy: String::new(),
    };
    let problem = problem.or_else(|| (there < wanted).then(not_asked));
    let settled = record.node(node).map_or(0, |n| n.settled(e.artifact));
    let missing = match e.phase {
        Phase::Every => settled < wanted,
        _ => there < wanted && problem.as_ref().is_none_or(|p| !p.skipped),
    };
    // What failed once and came in a later snapshot is no problem any more.
    let problem = problem.filter(|p| missing || p.skipped);
    Line {
        node: node.to_owned(),
        artifact: e.artifact,
        wanted,
        there,
        bytes: artifacts.iter().map(|a| a.bytes).sum(),
        samples: artifacts.last().and_then(|a| a.facts.samples),
        longest_ms: artifacts.iter().filter_map(|a| a.exchange.done_ms).max().unwrap_or(0),
        missing,
        problem: problem.or(cut),
    }
}

/// The first words of a sentence, for a cell.
fn short(text: &str) -> String {
    match text.char_indices().nth(70) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

/// Bytes for people.
pub(super) fn size(bytes: u64) -> String {
    match bytes {
        0..10_000 => format!("{bytes} B"),
        10_000..10_000_000 => format!("{} kB", bytes.div_ceil(1000)),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}

fn seconds(ms: u64) -> String {
    format!("{:.1} s", ms as f64 / 1e3)
}

/// Lines that cannot command the terminal.
fn sanitize_lines(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(sanitize).collect();
    lines.join("\n")
}
