//! Stacks and samples: flat vectors with offsets (CSR), equal stacks stored once.
//!
//! A sample is a row: a [`StackId`], one value per sample type, and a run of labels. Samples keep the order of the file
//! and are not merged here (`traces` and `raw` show them one by one); [`compact`](super::compact) merges equal ones.

use std::hash::Hasher;

use hashbrown::HashTable;
use rustc_hash::FxHasher;

use super::{LocationId, StackId, StringId};

/// Distinct stacks, leaf first.
#[derive(Clone, Debug)]
pub struct Stacks {
    offsets: Vec<u32>,
    frames: Vec<LocationId>,
    index: HashTable<u32>,
}

impl Default for Stacks {
    fn default() -> Self {
        Self::new()
    }
}

fn hash(stack: &[LocationId]) -> u64 {
    let mut h = FxHasher::default();
    for pair in stack.chunks(2) {
        let high = pair.get(1).map_or(u32::MAX, |l| l.raw());
        h.write_u64(u64::from(pair[0].raw()) | u64::from(high) << 32);
    }
    h.finish()
}

impl Stacks {
    /// No stacks.
    pub fn new() -> Self {
        Self {
            offsets: vec![0],
            frames: Vec::new(),
            index: HashTable::new(),
        }
    }

    /// Makes room for `stacks` more with `frames` frames in all.
    pub fn reserve(&mut self, stacks: usize, frames: usize) {
        self.offsets.reserve(stacks);
        self.frames.reserve(frames);
        let Self { offsets, frames, index } = self;
        index.reserve(stacks, |&i| hash(row(offsets, frames, i)));
    }

    /// The id of `stack` (leaf first), which is added when it is new. `None` when the table is full (2^32 frames).
    pub fn intern(&mut self, stack: &[LocationId]) -> Option<StackId> {
        let h = hash(stack);
        if self.index.len() != self.len() {
            self.build_index();
        }
        let Self { offsets, frames, index } = self;
        if let Some(&i) = index.find(h, |&i| row(offsets, frames, i) == stack) {
            return Some(StackId::new(i as usize));
        }
        let end = u32::try_from(frames.len() + stack.len()).ok()?;
        let i = u32::try_from(offsets.len() - 1).ok()?;
        frames.extend_from_slice(stack);
        offsets.push(end);
        index.insert_unique(h, i, |&i| hash(row(offsets, frames, i)));
        Some(StackId::new(i as usize))
    }

    #[cold]
    fn build_index(&mut self) {
        let Self { offsets, frames, index } = self;
        index.clear();
        index.reserve(offsets.len(), |_| 0);
        for i in 0..(offsets.len() - 1) as u32 {
            index.insert_unique(hash(row(offsets, frames, i)), i, |&i| hash(row(offsets, frames, i)));
        }
    }

    /// The stacks named in `order`, each at most once, with other locations. `map` gives different locations for
    /// different ones, so that different stacks stay different. The index is built when something is interned.
    pub(super) fn relocated(mut self, order: &[StackId], map: impl Fn(LocationId) -> LocationId) -> Self {
        let in_place = order.len() == self.len() && order.iter().enumerate().all(|(i, s)| s.index() == i);
        if !in_place {
            let mut offsets = Vec::with_capacity(order.len() + 1);
            offsets.push(0);
            let frame_count: usize = order.iter().map(|&s| self.get(s).len()).sum();
            let mut frames = Vec::with_capacity(frame_count);
            for &s in order {
                frames.extend_from_slice(self.get(s));
                offsets.push(frames.len() as u32);
            }
            (self.offsets, self.frames) = (offsets, frames);
        }
        self.frames.iter_mut().for_each(|l| *l = map(*l));
        self.index = HashTable::new();
        self
    }

    /// The frames of a stack, leaf first.
    #[inline]
    pub fn get(&self, id: StackId) -> &[LocationId] {
        row(&self.offsets, &self.frames, id.raw())
    }

    /// Whether one of them has no frame.
    pub fn has_empty(&self) -> bool {
        self.offsets.windows(2).any(|pair| pair[0] == pair[1])
    }

    /// How many distinct stacks there are.
    pub fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Frames held in all stacks together.
    pub fn frame_count(&self) -> usize {
        self.frames.len()
    }

    /// All stacks in the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = (StackId, &[LocationId])> {
        (0..self.len()).map(|i| (StackId::new(i), row(&self.offsets, &self.frames, i as u32)))
    }

    /// Gives back memory that only further interning would need.
    pub fn shrink(&mut self) {
        self.frames.shrink_to_fit();
        self.offsets.shrink_to_fit();
    }
}

#[inline]
fn row<'a>(offsets: &[u32], frames: &'a [LocationId], i: u32) -> &'a [LocationId] {
    let i = i as usize;
    &frames[offsets[i] as usize..offsets[i + 1] as usize]
}

/// A label as the wire has it. Which of the two kinds it is, [`Label::kind`] says.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct Label {
    /// The key.
    pub key: StringId,
    /// The text, or `""`.
    pub text: StringId,
    /// The number, or 0.
    pub number: i64,
    /// The unit of the number, or `""`.
    pub unit: StringId,
    /// A number that is 0 and has no unit: readers of texts know that it is one, the wire cannot tell.
    pub bare_zero: bool,
}

/// What a [`Label`] is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LabelKind {
    /// It has a text.
    Text,
    /// It has a number; 0 only with a unit or where the reader knew that it is one.
    Number,
    /// Nothing but a key: an empty text, or a bare number 0; the wire cannot tell. `go tool pprof` drops it.
    Empty,
}

impl Label {
    /// Text, number, or neither.
    pub fn kind(&self) -> LabelKind {
        if !self.text.is_empty() {
            LabelKind::Text
        } else if self.number != 0 || !self.unit.is_empty() || self.bare_zero {
            LabelKind::Number
        } else {
            LabelKind::Empty
        }
    }

    /// A text label.
    pub fn text(key: StringId, text: StringId) -> Self {
        Self {
            key,
            text,
            number: 0,
            unit: StringId::EMPTY,
            bare_zero: false,
        }
    }

    /// A numeric label.
    pub fn number(key: StringId, number: i64, unit: StringId) -> Self {
        Self {
            key,
            text: StringId::EMPTY,
            number,
            unit,
            bare_zero: number == 0 && unit.is_empty(),
        }
    }
}

/// The samples of a profile as columns.
#[derive(Clone, Debug)]
pub struct Samples {
    types: usize,
    stacks: Vec<StackId>,
    values: Vec<i64>,
    label_ends: Vec<u32>,
    labels: Vec<Label>,
}

impl Samples {
    /// No samples yet, with `types` values each.
    pub fn new(types: usize) -> Self {
        Self {
            types,
            stacks: Vec::new(),
            values: Vec::new(),
            label_ends: vec![0],
            labels: Vec::new(),
        }
    }

    /// Makes room for `samples` more with `values` values in all (a claim of a file must be bounded by its size first).
    pub fn reserve(&mut self, samples: usize, values: usize) {
        self.stacks.reserve(samples);
        self.values.reserve(values);
        self.label_ends.reserve(samples);
    }

    /// Appends a sample. `values` holds one value per sample type.
    ///
    /// # Panics
    /// When the number of values is not the number of sample types: a mistake of the caller, never of a file.
    pub fn push(&mut self, stack: StackId, values: &[i64], labels: &[Label]) {
        assert_eq!(values.len(), self.types, "one value per sample type");
        self.stacks.push(stack);
        self.values.extend_from_slice(values);
        self.labels.extend_from_slice(labels);
        self.label_ends.push(self.labels.len() as u32);
    }

    /// How many samples there are.
    pub fn len(&self) -> usize {
        self.stacks.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.stacks.is_empty()
    }

    /// Values per sample.
    pub fn types(&self) -> usize {
        self.types
    }

    /// The stack of sample `i`.
    #[inline]
    pub fn stack(&self, i: usize) -> StackId {
        self.stacks[i]
    }

    /// The values of sample `i`, one per sample type.
    #[inline]
    pub fn values(&self, i: usize) -> &[i64] {
        &self.values[i * self.types..(i + 1) * self.types]
    }

    /// The values of sample `i`, to be changed in place.
    pub fn values_mut(&mut self, i: usize) -> &mut [i64] {
        &mut self.values[i * self.types..(i + 1) * self.types]
    }

    /// The labels of sample `i`, in the order of the file.
    #[inline]
    pub fn labels(&self, i: usize) -> &[Label] {
        &self.labels[self.label_ends[i] as usize..self.label_ends[i + 1] as usize]
    }

    /// Labels of all samples together.
    pub fn label_count(&self) -> usize {
        self.labels.len()
    }

    /// All values, row by row.
    pub fn all_values_mut(&mut self) -> &mut [i64] {
        &mut self.values
    }

    /// All values, row by row.
    pub fn all_values(&self) -> &[i64] {
        &self.values
    }

    /// Exchanges the stack of every sample for `map` of it.
    pub fn map_stacks(&mut self, mut map: impl FnMut(StackId) -> StackId) {
        for stack in &mut self.stacks {
            *stack = map(*stack);
        }
    }

    /// Keeps the samples for which `keep(index)` holds, in order.
    pub fn retain(&mut self, mut keep: impl FnMut(&Samples, usize) -> bool) {
        let kept: Vec<u32> = (0..self.len()).filter(|&i| keep(self, i)).map(|i| i as u32).collect();
        if kept.len() == self.len() {
            return;
        }
        *self = self.select(kept.iter().map(|&i| i as usize));
    }

    /// Keeps the labels for which `keep` holds.
    pub fn retain_labels(&mut self, mut keep: impl FnMut(&Label) -> bool) {
        if self.labels.iter().all(&mut keep) {
            return;
        }
        let labels = std::mem::take(&mut self.labels);
        let mut start = 0;
        for end in &mut self.label_ends[1..] {
            let run = &labels[start..*end as usize];
            start = *end as usize;
            self.labels.extend(run.iter().filter(|l| keep(l)));
            *end = self.labels.len() as u32;
        }
    }

    /// Changes every label in place.
    pub fn map_labels(&mut self, mut map: impl FnMut(&mut Label)) {
        self.labels.iter_mut().for_each(&mut map);
    }

    /// Appends to each sample the label that `label(index)` gives for it.
    pub fn append_labels(&mut self, label: impl Fn(usize) -> Option<Label>) {
        let mut out = Samples::new(self.types);
        out.reserve(self.len(), self.values.len());
        let mut labels: Vec<Label> = Vec::new();
        for i in 0..self.len() {
            labels.clear();
            labels.extend_from_slice(self.labels(i));
            labels.extend(label(i));
            out.push(self.stack(i), self.values(i), &labels);
        }
        *self = out;
    }

    /// The named rows, in the order given.
    pub fn select(&self, rows: impl Iterator<Item = usize>) -> Samples {
        let mut out = Samples::new(self.types);
        for i in rows {
            out.push(self.stack(i), self.values(i), self.labels(i));
        }
        out
    }
}
