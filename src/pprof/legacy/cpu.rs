//! gperftools' binary CPU profile: machine words of either size and byte order.
//!
//! Header `0, 3, 0 or 1, period in microseconds, 0`; then records `count, depth, addresses...` until the record
//! `0, 1, 0`; then text: a memory map, or for Java (third word 1) the names of the addresses.

use rustc_hash::FxHashMap;

use super::draft::Draft;
use super::maps::MapTable;
use super::{LegacyFormat, Result, java};
use crate::model::Profile;

/// Size and byte order of the words.
#[derive(Clone, Copy)]
struct Words {
    size: usize,
    big_endian: bool,
}

const LAYOUTS: [Words; 4] = [
    Words {
        size: 4,
        big_endian: false,
    },
    Words {
        size: 4,
        big_endian: true,
    },
    Words {
        size: 8,
        big_endian: false,
    },
    Words {
        size: 8,
        big_endian: true,
    },
];

impl Words {
    /// Takes one word off the front; `None` when there are not enough bytes.
    fn take(self, data: &mut &[u8]) -> Option<u64> {
        let (word, rest) = data.split_at_checked(self.size)?;
        *data = rest;
        let push = |v: u64, b: &u8| v << 8 | u64::from(*b);
        Some(if self.big_endian {
            word.iter().fold(0, push)
        } else {
            word.iter().rev().fold(0, push)
        })
    }
}

pub(super) fn parse(data: &[u8]) -> Result<Option<Profile>> {
    for words in LAYOUTS {
        let mut rest = data;
        let mut header = [0; 5];
        if !header
            .iter_mut()
            .all(|w| words.take(&mut rest).map(|v| *w = v).is_some())
        {
            continue;
        }
        if let [0, 3, kind @ (0 | 1), period, 0] = header
            && period > 0
        {
            return samples(data, rest, words, period as i64, kind == 1);
        }
    }
    Ok(None)
}

fn samples(data: &[u8], mut rest: &[u8], words: Words, period: i64, java: bool) -> Result<Option<Profile>> {
    let period = period.wrapping_mul(1000);
    let mut draft = Draft::new(
        &[("samples", "count"), ("cpu", "nanoseconds")],
        ("cpu", "nanoseconds"),
        period,
    );
    // In Java profiles the addresses number names and are exact.
    let exact = if java { usize::MAX } else { 1 };
    let mut addresses = Vec::new();
    while !rest.is_empty() {
        let (Some(count), Some(depth)) = (words.take(&mut rest), words.take(&mut rest)) else {
            return Ok(None);
        };
        if depth > rest.len() as u64 / 4 {
            return Ok(None);
        }
        addresses.clear();
        for _ in 0..depth {
            addresses.push(words.take(&mut rest).unwrap_or_else(|| {
                rest = &[];
                0
            }));
        }
        if count == 0 && addresses == [0] {
            break;
        }
        let count = count as i64;
        draft.push(&[count, count.wrapping_mul(period)], &addresses, exact, None);
    }
    let text = data.len() - rest.len();
    if java {
        return java::names(LegacyFormat::Cpu, draft, data, text).map(Some);
    }
    drop_signal_frames(&mut draft);
    let maps = MapTable::parse(data, text);
    let numbering = draft.numbering();
    drop_repeated_leaves(&mut draft);
    draft.finish(LegacyFormat::Cpu, numbering, maps, true).map(Some)
}

/// When nearly all samples have the same frame above the leaf, it is the signal handler's. Up to two such frames go.
fn drop_signal_frames(draft: &mut Draft) {
    let enough = draft.len() - draft.len() / 32;
    for _ in 0..2 {
        let mut counts: FxHashMap<u64, usize> = FxHashMap::default();
        for address in draft.second_frames() {
            *counts.entry(address).or_default() += 1;
        }
        if let Some((&handler, _)) = counts.iter().find(|&(_, &n)| n >= enough) {
            draft.drop_second_frames(|_, second| second == handler);
        }
    }
}

/// The leaf is known from the signal and from unwinding; where both were written, the second (moved back by one) goes.
pub(super) fn drop_repeated_leaves(draft: &mut Draft) {
    draft.drop_second_frames(|leaf, second| leaf == second.wrapping_add(1));
}
