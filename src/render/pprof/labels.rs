//! The labels of a sample as lines: grouped by key, the groups in the order of their text.

use crate::model::{Label, LabelKind, Samples};

/// Groups labels and orders the groups; kept from sample to sample for its memory.
#[derive(Default)]
pub(super) struct LabelLines {
    order: Vec<u32>,
    text: Vec<u8>,
    groups: Vec<(u32, u32)>,
}

impl LabelLines {
    /// Writes one group for each key of the labels of sample `i` that are numbers (or are none): `word` is given the
    /// labels of one key, in the order of the file. The groups come sorted by their text.
    pub(super) fn of(
        &mut self,
        samples: &Samples,
        i: usize,
        numbers: bool,
        mut word: impl FnMut(&[&Label], &mut Vec<u8>),
    ) -> impl Iterator<Item = &[u8]> {
        let Self { order, text, groups } = self;
        text.clear();
        groups.clear();
        order.clear();
        let labels = samples.labels(i);
        let is_wanted = |l: &Label| (l.kind() == LabelKind::Number) == numbers;
        order.extend((0..labels.len() as u32).filter(|&n| is_wanted(&labels[n as usize])));
        if let [only] = order[..] {
            // As nearly all samples have it.
            word(&[&labels[only as usize]], text);
            groups.push((0, text.len() as u32));
            order.clear();
        }
        order.sort_by_key(|&n| labels[n as usize].key);
        let mut run: Vec<&Label> = Vec::new();
        for same in order.chunk_by(|&a, &b| labels[a as usize].key == labels[b as usize].key) {
            run.clear();
            run.extend(same.iter().map(|&n| &labels[n as usize]));
            let start = text.len();
            word(&run, text);
            groups.push((start as u32, text.len() as u32));
        }
        let text = &*text;
        groups.sort_by_key(|&(start, end)| &text[start as usize..end as usize]);
        groups
            .iter()
            .map(move |&(start, end)| &text[start as usize..end as usize])
    }
}
