//! Wordings of numbers, remembered: a long report prints few distinct numbers many times.

use rustc_hash::FxHashMap;

use crate::analysis::View;
use crate::model::units;
use crate::render::terminal::columns_of;

/// Wordings kept before all are forgotten again.
const KEPT: usize = 1 << 16;

/// Words values and shares of one report.
pub(super) struct Numbers<'a> {
    view: &'a View,
    unit: &'a str,
    values: FxHashMap<i64, Box<str>>,
    shares: FxHashMap<(i64, i64), Box<str>>,
}

impl<'a> Numbers<'a> {
    /// For values shown in `unit`.
    pub(super) fn new(view: &'a View, unit: &'a str) -> Self {
        Self {
            view,
            unit,
            values: FxHashMap::default(),
            shares: FxHashMap::default(),
        }
    }

    /// A value with its unit.
    pub(super) fn value(&mut self, v: i64) -> &str {
        if self.values.len() >= KEPT {
            self.values.clear();
        }
        self.values
            .entry(v)
            .or_insert_with(|| self.view.format(v, self.unit).into_boxed_str())
    }

    /// A share, at least five wide and a percent sign, as pprof words it.
    pub(super) fn share(&mut self, v: i64, total: i64) -> &str {
        if self.shares.len() >= KEPT {
            self.shares.clear();
        }
        self.shares
            .entry((v, total))
            .or_insert_with(|| units::percentage(v, total).into_boxed_str())
    }
}

/// Appends `text`, right-aligned in `width` columns.
pub(super) fn right(line: &mut Vec<u8>, text: &str, width: usize) {
    const BLANKS: [u8; 64] = [b' '; 64];
    let blanks = width.saturating_sub(columns_of(text));
    match BLANKS.get(..blanks) {
        Some(blanks) => line.extend_from_slice(blanks),
        None => line.extend(std::iter::repeat_n(b' ', blanks)),
    }
    line.extend_from_slice(text.as_bytes());
}
