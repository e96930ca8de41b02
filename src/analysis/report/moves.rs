//! Who moved between two moments: goroutines of one owner that waited in one thing before and wait in another now.
//!
//! Nothing in two dumps says which goroutine is which. What an owner has less of in one place and more of in another is taken
//! to have moved, the largest changes first; what is left over began or ended.

use crate::analysis::goroutines::{Part, part};
use crate::analysis::view::scope::Pair;
use crate::analysis::{DiffRow, View};
use crate::kubelet::SubsystemId;

/// Where goroutines of an owner wait.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Place {
    /// What they are blocked in; `None` where they are not blocked.
    pub blocked_in: Option<Part>,
    /// The innermost part of the kubelet on their stacks, where it is not the owner.
    pub within: Option<Part>,
}

/// Goroutines of one owner that changed their place, began or ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Move {
    /// Who answers for them.
    pub owner: Option<Part>,
    /// How many.
    pub count: i64,
    /// Where they were; `None` where they began.
    pub from: Option<Place>,
    /// Where they are; `None` where they ended.
    pub to: Option<Place>,
}

/// What the rows of pairs say about who moved, the largest first; empty at other granularities.
pub(super) fn moves(rows: &[DiffRow], old: &View, new: &View) -> Vec<Move> {
    let (old_pairs, new_pairs) = (old.pairs(), new.pairs());
    let mut changes: Vec<(Pair, i64)> = (rows.iter())
        .filter_map(|row| {
            let pairs = if row.in_new { &new_pairs } else { &old_pairs };
            Some((*pairs.get(&row.info.name)?, row.flat()))
        })
        .filter(|(_, change)| *change != 0)
        .collect();
    changes.sort_by_key(|(pair, change)| (pair.owner, std::cmp::Reverse(change.unsigned_abs())));
    let mut moves = Vec::new();
    for of_owner in changes.chunk_by(|(a, _), (b, _)| a.owner == b.owner) {
        let mut of_owner = of_owner.to_vec();
        let owner = of_owner[0].0.owner;
        loop {
            let largest = |sign: i64, all: &[(Pair, i64)]| {
                let of_sign = all.iter().enumerate().filter(|(_, (_, n))| n.signum() == sign);
                // The first of equals.
                of_sign.rev().max_by_key(|(_, (_, n))| n.unsigned_abs()).map(|(i, _)| i)
            };
            let (gain, loss) = (largest(1, &of_owner), largest(-1, &of_owner));
            let count = match (gain, loss) {
                (Some(gain), Some(loss)) => of_owner[gain].1.min(-of_owner[loss].1),
                (Some(gain), None) => of_owner[gain].1,
                (None, Some(loss)) => -of_owner[loss].1,
                (None, None) => break,
            };
            let place = |at: Option<usize>| at.map(|at| place(new, of_owner[at].0));
            moves.push(Move {
                owner: named(new, owner),
                count,
                from: place(loss),
                to: place(gain),
            });
            if let Some(gain) = gain {
                of_owner[gain].1 -= count;
            }
            if let Some(loss) = loss {
                of_owner[loss].1 += count;
            }
        }
    }
    moves.sort_by_key(|m| std::cmp::Reverse(m.count));
    moves
}

fn named(view: &View, id: Option<SubsystemId>) -> Option<Part> {
    part(view.lens.as_ref()?, id)
}

fn place(view: &View, pair: Pair) -> Place {
    Place {
        blocked_in: named(view, pair.blocked_in),
        within: named(view, pair.within),
    }
}
