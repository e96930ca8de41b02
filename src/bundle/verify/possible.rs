//! What can be done with a bundle: which analyses its intact artifacts are enough for, and with which command.

use super::{Analysis, Verification};
use crate::bundle::manifest::{Artifact, Form};
use crate::bundle::record::Record;

pub(super) fn analyses(intact: &[&Artifact], record: &Record, v: &Verification) -> Vec<Analysis> {
    // The most of one process: what spans a restart is no series.
    let most = |fits: &dyn Fn(&Artifact) -> bool| {
        let runs = record
            .nodes
            .iter()
            .flat_map(|n| n.runs.iter().map(move |r| (n.node.as_str(), r.run)));
        let of = |(node, run): (&str, u32)| {
            intact
                .iter()
                .filter(|a| a.slot.node == node && a.slot.run == run && fits(a))
                .count()
        };
        runs.map(of).max().unwrap_or(0)
    };
    let kind = |name: &'static str| move |a: &Artifact| a.facts.kind == name && a.facts.form != Form::Debug2;
    let bundle = v.bundle.as_str();
    let mut all = Vec::new();
    let mut add = |name, needs: usize, has: usize, what: &str, command: String| {
        let possible = has >= needs;
        let what = match has {
            1 => what
                .replace("profiles", "profile")
                .replace("dumps", "dump")
                .replace("executables", "executable"),
            _ => what.to_owned(),
        };
        all.push(Analysis {
            name,
            possible,
            why: match (possible, needs) {
                (true, 1) => format!("{has} {what}"),
                (true, _) => format!("{has} {what} of one process"),
                (false, _) => format!("{has} {what} of one process, it takes {needs}"),
            },
            command: if possible { command } else { String::new() },
        });
    };
    let heaps = most(&kind("heap"));
    let goroutines = most(&kind("goroutine"));
    let dumps = most(&|a| a.facts.form == Form::Debug2);
    let data = |name: &'static str| most(&move |a: &Artifact| a.facts.kind == name && a.facts.samples != Some(0));
    add(
        "memory",
        1,
        heaps,
        "heap profiles",
        format!("kubeprof top {bundle} --kind heap"),
    );
    add(
        "growth of memory",
        2,
        heaps,
        "heap profiles",
        format!("kubeprof diff {bundle}"),
    );
    add(
        "trend of memory",
        5,
        heaps,
        "heap profiles",
        format!("kubeprof diff {bundle}"),
    );
    add(
        "goroutines",
        1,
        goroutines.max(dumps),
        "goroutine profiles",
        format!("kubeprof goroutines {bundle}"),
    );
    add(
        "growth of goroutines",
        2,
        goroutines,
        "goroutine profiles",
        format!("kubeprof diff {bundle} --kind goroutine"),
    );
    add(
        "waits of goroutines",
        1,
        dumps,
        "goroutine dumps (debug=2)",
        format!("kubeprof goroutines {bundle} --sort age"),
    );
    let leaks = most(&kind("goroutineleak"));
    add(
        "proof of leaks",
        1,
        leaks,
        "goroutineleak profiles",
        format!("kubeprof top {bundle} --kind goroutineleak"),
    );
    add(
        "CPU",
        1,
        data("cpu"),
        "CPU profiles with samples",
        format!("kubeprof top {bundle} --kind cpu"),
    );
    let contention = data("contention");
    add(
        "contention",
        1,
        contention,
        "mutex or block profiles with samples",
        format!("kubeprof top {bundle} --kind contention"),
    );
    let binaries = v.build_ids.iter().filter(|b| b.binary.is_some()).count();
    add(
        "instructions",
        1,
        binaries,
        "executables of the profiles",
        format!("kubeprof disasm REGEX {bundle}"),
    );
    all
}
