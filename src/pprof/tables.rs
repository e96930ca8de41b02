//! Appending functions and locations to a profile, each once. For readers of text, where every frame brings its names.

use std::hash::{Hash, Hasher};

use hashbrown::HashTable;
use rustc_hash::{FxHashMap, FxHasher};

use crate::model::{Function, FunctionId, Line, LocationId, Profile, StringId};

/// A profile that grows, and what it has already.
pub(super) struct Tables<'a> {
    pub(super) profile: &'a mut Profile,
    functions: FxHashMap<(StringId, StringId), FunctionId>,
    locations: HashTable<u32>,
}

impl<'a> Tables<'a> {
    /// Functions and locations that `profile` has already are not found again.
    pub(super) fn new(profile: &'a mut Profile) -> Self {
        Self {
            profile,
            functions: FxHashMap::default(),
            locations: HashTable::new(),
        }
    }

    /// A line of the function with this name in this file.
    pub(super) fn line(&mut self, name: StringId, file: StringId, line: i64) -> Line {
        let p = &mut *self.profile;
        let function = *self.functions.entry((name, file)).or_insert_with(|| {
            p.functions.push(Function {
                id: p.functions.len() as u64 + 1,
                name,
                system_name: name,
                filename: file,
                start_line: 0,
            });
            FunctionId::new(p.functions.len() - 1)
        });
        Line {
            function,
            line,
            column: 0,
        }
    }

    /// The location at this address with these lines, innermost first. `None` when there are more lines than ids.
    pub(super) fn location(&mut self, address: u64, lines: &[Line]) -> Option<LocationId> {
        let p = &mut *self.profile;
        let hash = hash(address, lines);
        let same = |&i: &u32| {
            let id = LocationId::new(i as usize);
            p.location(id).address == address && p.lines_of(id) == lines
        };
        if let Some(&i) = self.locations.find(hash, same) {
            return Some(LocationId::new(i as usize));
        }
        u32::try_from(p.lines.len() + lines.len()).ok()?;
        let id = p.add_location(address, None, lines);
        self.locations.insert_unique(hash, id.raw(), |&i| {
            let id = LocationId::new(i as usize);
            self::hash(p.location(id).address, p.lines_of(id))
        });
        Some(id)
    }
}

fn hash(address: u64, lines: &[Line]) -> u64 {
    let mut h = FxHasher::default();
    address.hash(&mut h);
    lines.hash(&mut h);
    h.finish()
}
