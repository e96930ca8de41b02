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
    index: HashTable<Slot>,
}

/// A string by its hash, which is kept so that growing the index reads no text.
#[derive(Clone, Copy)]
struct Slot {
    hash: u32,
    id: u32,
}

impl Slot {
    /// The hash as the table wants it: good in its upper and lower bits.
    fn spread(self) -> u64 {
        u64::from(self.hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }
}

fn hash(s: &str) -> u32 {
    let mut h = FxHasher::default();
    h.write(s.as_bytes());
    let h = h.finish();
    (h >> 32 ^ h) as u32
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

    /// Makes room for so many strings more, of so many bytes together.
    pub(crate) fn reserve(&mut self, strings: usize, bytes: usize) {
        self.text.reserve(bytes);
        self.ends.reserve(strings);
        self.index.reserve(strings, |slot| slot.spread());
    }

    /// The id of `s`, which is added when it is new.
    pub fn intern(&mut self, s: &str) -> StringId {
        let Self { text, ends, index } = self;
        let id = (ends.len() - 1) as u32;
        let new = Slot { hash: hash(s), id };
        if let Some(old) = index.find(new.spread(), |old| {
            old.hash == new.hash && slice(text, ends, old.id) == s
        }) {
            return StringId::new(old.id as usize);
        }
        text.push_str(s);
        // More than 4 GiB of names in one profile cannot come from a decoder, whose input is limited to less.
        ends.push(u32::try_from(text.len()).unwrap_or(u32::MAX));
        index.insert_unique(new.spread(), new, |slot| slot.spread());
        StringId::new(id as usize)
    }

    /// The id of `s` if it is in the table.
    pub fn find(&self, s: &str) -> Option<StringId> {
        let hash = hash(s);
        self.index
            .find(Slot { hash, id: 0 }.spread(), |slot| {
                slot.hash == hash && slice(&self.text, &self.ends, slot.id) == s
            })
            .map(|slot| StringId::new(slot.id as usize))
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
