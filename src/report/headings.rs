//! Which goroutines are stuck, which wait as they always do, which are loops with nothing to do. What is stuck is what the
//! findings of the diagnosis say, so that a page never says two things.

use crate::analysis::Flame;
use crate::diagnose::report::{Claim, Diagnosis, Party};

/// A sort of wait.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Heading {
    /// A loop that has nothing to do.
    Idle,
    /// At work, or waiting as it always does.
    Usual,
    /// Part of a finding.
    Stuck,
}

/// The heading of every row of a dump.
pub(super) fn headings(flame: &Flame, diagnosis: &Diagnosis) -> Vec<Heading> {
    let rows = &flame.rows;
    let parties: Vec<&Party> = diagnosis.findings.iter().flat_map(|f| parties(&f.claim)).collect();
    let short: Vec<String> = flame.names.iter().map(|n| short(&n.name)).collect();
    (0..rows.len())
        .map(|row| {
            if parties.iter().any(|p| is_of(flame, row, p, &short)) {
                Heading::Stuck
            } else if rows.idle.get(row).copied().unwrap_or(false) {
                Heading::Idle
            } else {
                Heading::Usual
            }
        })
        .collect()
}

/// The goroutines that a claim says do not go on. Holders of locks are not among them.
fn parties(claim: &Claim) -> Vec<&Party> {
    match claim {
        Claim::NoAnswer { callers, victims, .. } => callers.iter().chain(victims).collect(),
        Claim::LockWait { waiters, .. } => waiters.iter().collect(),
        Claim::NotTaken { senders, .. } => senders.iter().collect(),
        Claim::LoopWaits { parties } => parties.iter().collect(),
        _ => Vec::new(),
    }
}

/// Whether a row is one of the goroutines of a party: its owner, its state, its function on the stack, and no shorter wait.
fn is_of(flame: &Flame, row: usize, party: &Party, short: &[String]) -> bool {
    let rows = &flame.rows;
    let owner = rows.owner.get(row).copied().flatten();
    let key = owner.map_or("", |s| flame.subsystems[usize::from(s)].key.as_str());
    let state = rows.state.get(row).map_or("", |&w| rows.words[w as usize].as_str());
    let wait = rows
        .wait
        .get(row)
        .copied()
        .flatten()
        .and_then(|w| u64::try_from(w).ok())
        .unwrap_or(0);
    // A party with known waits may have members whose wait was too short to be known.
    let least = match party.waits {
        Some((least, _)) if party.waiting == party.count => least,
        _ => 0,
    };
    key == party.owner.key
        && (party.state.is_empty() || state.starts_with(&party.state))
        && wait >= least
        && (party.function.is_empty() || on_stack(flame, rows.node[row], &party.function, short))
        && (party.call.is_empty() || on_stack(flame, rows.node[row], &party.call, short))
}

fn on_stack(flame: &Flame, mut node: u32, function: &str, short: &[String]) -> bool {
    while node != 0 {
        if short[flame.nodes.name[node as usize] as usize] == function {
            return true;
        }
        node = flame.nodes.parent[node as usize];
    }
    false
}

/// A name as a diagnosis shows it: without the path of its package and without type arguments.
fn short(name: &str) -> String {
    let name = crate::kubelet::GoName::parse(name).elided().into_owned();
    crate::diagnose::short_name(&name)
}
