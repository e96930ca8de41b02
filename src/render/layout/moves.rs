//! Goroutines that moved between two moments, in words and as facts.

use serde_json::{Value, json};

use crate::analysis::{Move, Part, WaitPlace};

/// Moves that the first line tells.
const MOVES: usize = 3;
/// Fewer goroutines are no news.
const LEAST: i64 = 3;

/// A move for machines.
pub(super) fn facts(m: &Move) -> Value {
    let key = |part: &Option<Part>| part.as_ref().map(|p| p.key.clone());
    let place = |place: &WaitPlace| json!({"blocked_in": key(&place.blocked_in), "within": key(&place.within)});
    json!({
        "owner": key(&m.owner),
        "count": m.count,
        "from": m.from.as_ref().map(place),
        "to": m.to.as_ref().map(place),
    })
}

/// The largest moves in a line; `None` where nothing worth a line moved.
pub(super) fn line(moves: &[Move]) -> Option<String> {
    let largest = moves.first()?.count;
    // One or two come and go in every kubelet; the table has them.
    if largest < LEAST {
        return None;
    }
    // Of the small ones beside large ones the table tells.
    let told = moves.iter().filter(|m| m.count * 10 >= largest).take(MOVES);
    let words: Vec<String> = told.map(move_words).collect();
    Some(words.join("; "))
}

fn move_words(m: &Move) -> String {
    let owner = m.owner.as_ref().map_or("no owner", |p| &p.title);
    let place = |place: &WaitPlace| {
        let blocked_in = place.blocked_in.as_ref().map_or("not blocked", |p| &p.title);
        match &place.within {
            Some(within) => format!("{blocked_in} within {}", within.title),
            None => blocked_in.to_owned(),
        }
    };
    let n = m.count;
    match (&m.from, &m.to) {
        (Some(from), Some(to)) => format!("{n} of {owner} moved from {} into {}", place(from), place(to)),
        (None, Some(to)) => format!("{n} more of {owner} in {}", place(to)),
        (Some(from), None) => format!("{n} fewer of {owner} in {}", place(from)),
        (None, None) => format!("{n} of {owner}"),
    }
}
