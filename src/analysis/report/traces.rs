//! `traces`: every sample with its labels and its stack, nothing added up, in the order of the profile or the heaviest
//! first.

use crate::analysis::graph::nodes::{NodeInfo, NodeTable};
use crate::analysis::view::subtract::PERIOD_LABEL;
use crate::analysis::{Dialect, Header, View};
use crate::model::{LabelKind, LocationId, StackId, StringId};
use rustc_hash::FxHashMap;

/// The answer to `traces`: samples are made one at a time, so that millions of them need no memory.
#[derive(Debug, Clone)]
pub struct Traces {
    /// What stands above the samples.
    pub header: Header,
    /// What the frames are; see [`Traces::frames`].
    pub(crate) infos: Vec<NodeInfo>,
    /// How many samples a limit left out.
    pub left_out: usize,
    /// How many it left out for being zero: heap profiles keep the stacks of what is gone.
    pub zero: usize,
    /// The samples that are shown, in their order; all in that of the profile where nothing was chosen.
    chosen: Option<Vec<u32>>,
    /// Location -> run of frames, innermost first.
    frame_ends: Vec<u32>,
    frames: Vec<u32>,
}

/// One sample.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    /// Its row in the samples of the view.
    pub index: usize,
    /// Its value, or the mean.
    pub value: i64,
    /// Text labels: key and values in the order of the file.
    pub texts: Vec<(String, Vec<String>)>,
    /// Numeric labels: key, values, unit.
    pub numbers: Vec<(String, Vec<i64>, String)>,
    /// The stack.
    pub stack: StackId,
}

/// Prepares the samples of a view for being shown one by one.
pub fn traces(view: &View) -> Traces {
    let table = NodeTable::new(&view.profile, &view.files.cleaned, false, false);
    let mut t = Traces {
        header: Header::new(view),
        infos: Vec::new(),
        left_out: 0,
        zero: 0,
        chosen: None,
        frame_ends: vec![0],
        frames: Vec::new(),
    };
    for l in 0..view.profile.locations.len() {
        t.frames.extend_from_slice(table.of(LocationId::new(l)));
        t.frame_ends.push(t.frames.len() as u32);
    }
    t.infos = table.infos;
    t
}

impl Traces {
    /// The frames of a location, innermost first, as numbers of rows. All but the last are inlined.
    #[inline]
    pub fn frames(&self, l: LocationId) -> &[u32] {
        &self.frames[self.frame_ends[l.index()] as usize..self.frame_ends[l.index() + 1] as usize]
    }

    /// Puts the samples with the largest values first, whatever their sign, and keeps the first `most` (0: all) that are
    /// not zero.
    #[cfg(feature = "cli")]
    pub(crate) fn heaviest(&mut self, view: &View, most: usize) {
        let mut chosen: Vec<u32> = self.indices(view).map(|i| i as u32).collect();
        let all = chosen.len();
        chosen.retain(|&i| self.value(view, i as usize) != 0);
        self.zero = all - chosen.len();
        chosen.sort_by_key(|&i| std::cmp::Reverse(self.value(view, i as usize).unsigned_abs()));
        if most > 0 && most < chosen.len() {
            self.left_out = chosen.len() - most;
            chosen.truncate(most);
        }
        self.chosen = Some(chosen);
    }

    /// The samples with a stack, by their row in the samples of the view.
    pub(crate) fn indices<'a>(&'a self, view: &'a View) -> impl Iterator<Item = usize> + 'a {
        let count = match &self.chosen {
            Some(chosen) => chosen.len(),
            None => view.profile.samples.len(),
        };
        (0..count)
            .map(|n| self.chosen.as_ref().map_or(n, |chosen| chosen[n] as usize))
            .filter(|&i| !view.profile.stack(view.profile.samples.stack(i)).is_empty())
    }

    /// The value of sample `i`, or the mean.
    #[inline]
    pub fn value(&self, view: &View, i: usize) -> i64 {
        match view.divisor(i) {
            0 => view.value(i),
            div => view.value(i).wrapping_div(div),
        }
    }

    /// Sample `i` of the profile.
    pub fn sample(&self, view: &View, i: usize) -> Trace {
        let p = &view.profile;
        let mut trace = Trace {
            index: i,
            value: self.value(view, i),
            texts: Vec::new(),
            numbers: Vec::new(),
            stack: p.samples.stack(i),
        };
        // Where the group of a key stands; looked up by number, as a sample may have hundreds of labels.
        let mut groups: FxHashMap<(StringId, bool, StringId), usize> = FxHashMap::default();
        for l in p.samples.labels(i).iter().filter(|l| p.text(l.key) != PERIOD_LABEL) {
            let is_number = l.kind() == LabelKind::Number;
            let next = if is_number {
                trace.numbers.len()
            } else {
                trace.texts.len()
            };
            let unit = match view.query.dialect {
                Dialect::Native => l.unit,
                Dialect::Pprof => StringId::EMPTY,
            };
            let group = *groups.entry((l.key, is_number, unit)).or_insert(next);
            let key = || p.text(l.key).to_owned();
            if is_number {
                if group == next {
                    let unit = view.unit_of(l).to_owned();
                    trace.numbers.push((key(), Vec::new(), unit));
                }
                trace.numbers[group].1.push(l.number);
            } else {
                if group == next {
                    trace.texts.push((key(), Vec::new()));
                }
                trace.texts[group].1.push(p.text(l.text).to_owned());
            }
        }
        trace
    }

    /// The samples with a stack, in their order.
    pub fn samples<'a>(&'a self, view: &'a View) -> impl Iterator<Item = Trace> + 'a {
        self.indices(view).map(|i| self.sample(view, i))
    }
}
