//! `traces`: every sample with its labels and its stack, in the order of the profile, nothing added up.

use super::names::{NodeInfo, NodeTable};
use super::{Header, View};
use crate::model::{LabelKind, LocationId, StackId, StringId};
use rustc_hash::FxHashMap;

/// The answer to `traces`: samples are made one at a time, so that millions of them need no memory.
#[derive(Debug, Clone)]
pub struct Traces {
    /// What stands above the samples.
    pub header: Header,
    /// What the frames are; see [`Traces::frames`].
    pub infos: Vec<NodeInfo>,
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
pub fn traces(view: &mut View) -> Traces {
    let table = NodeTable::new(&mut view.profile, false, false);
    let mut t = Traces {
        header: Header::new(view),
        infos: Vec::new(),
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
    /// The frames of a location, innermost first, as rows of [`Traces::infos`]. All but the last are inlined.
    #[inline]
    pub fn frames(&self, l: LocationId) -> &[u32] {
        &self.frames[self.frame_ends[l.index()] as usize..self.frame_ends[l.index() + 1] as usize]
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
        let mut groups: FxHashMap<(StringId, bool), usize> = FxHashMap::default();
        for l in p.samples.labels(i) {
            let is_number = l.kind() == LabelKind::Number;
            let next = if is_number {
                trace.numbers.len()
            } else {
                trace.texts.len()
            };
            let group = *groups.entry((l.key, is_number)).or_insert(next);
            let key = || p.text(l.key).to_owned();
            if is_number {
                if group == next {
                    let unit = view.label_unit(l.key).to_owned();
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

    /// The samples with a stack, in the order of the profile.
    pub fn samples<'a>(&'a self, view: &'a View) -> impl Iterator<Item = Trace> + 'a {
        (0..view.profile.samples.len())
            .filter(|&i| !view.profile.stack(view.profile.samples.stack(i)).is_empty())
            .map(|i| self.sample(view, i))
    }
}
