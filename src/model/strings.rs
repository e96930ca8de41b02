//! Interned text: every distinct string once, in one allocation.
//!
//! Id 0 is `""`. Text is UTF-8, as proto3 demands; readers replace what is not.

use std::hash::Hasher;

use hashbrown::HashTable;
use rustc_hash::FxHasher;

use super::StringId;

/// An append-only set of strings.
#[derive(Clone)]
pub struct StringTable {
    text: String,
    /// One more entry than there are strings.
    ends: Vec<u32>,
    index: HashTable<u32>,
}

fn hash(s: &str) -> u64 {
    let mut h = FxHasher::default();
    h.write(s.as_bytes());
    h.finish()
}

impl Default for StringTable {
    fn default() -> Self {
        Self::new()
    }
}

impl StringTable {
    /// A table that holds `""` only.
    pub fn new() -> Self {
        let mut table = Self {
            text: String::new(),
            ends: vec![0],
            index: HashTable::new(),
        };
        table.intern("");
        table
    }

    /// The id of `s`, which is added when it is new.
    pub fn intern(&mut self, s: &str) -> StringId {
        let h = hash(s);
        let Self { text, ends, index } = self;
        if let Some(&i) = index.find(h, |&i| slice(text, ends, i) == s) {
            return StringId::new(i as usize);
        }
        let i = (ends.len() - 1) as u32;
        text.push_str(s);
        // More than 4 GiB of names in one profile cannot come from a decoder, whose input is limited to less.
        ends.push(u32::try_from(text.len()).unwrap_or(u32::MAX));
        index.insert_unique(h, i, |&i| hash(slice(text, ends, i)));
        StringId::new(i as usize)
    }

    /// The id of `s` if it is in the table.
    pub fn find(&self, s: &str) -> Option<StringId> {
        self.index
            .find(hash(s), |&i| slice(&self.text, &self.ends, i) == s)
            .map(|&i| StringId::new(i as usize))
    }

    /// The text of `id`.
    #[inline]
    pub fn get(&self, id: StringId) -> &str {
        slice(&self.text, &self.ends, id.raw())
    }

    /// How many strings there are (at least 1).
    pub fn len(&self) -> usize {
        self.ends.len() - 1
    }

    /// Never true: `""` is always there.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// All strings in the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = (StringId, &str)> {
        (0..self.len()).map(|i| (StringId::new(i), slice(&self.text, &self.ends, i as u32)))
    }

    /// Bytes of text held.
    pub fn text_bytes(&self) -> usize {
        self.text.len()
    }
}

#[inline]
fn slice<'a>(text: &'a str, ends: &[u32], i: u32) -> &'a str {
    let i = i as usize;
    &text[ends[i] as usize..ends[i + 1] as usize]
}

impl std::fmt::Debug for StringTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter().map(|(_, s)| s)).finish()
    }
}
