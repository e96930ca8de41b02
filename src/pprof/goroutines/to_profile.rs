//! A dump as a profile: `goroutine/count`, one sample for each distinct stack with its labels.

use std::hash::{Hash, Hasher};

use hashbrown::HashTable;
use rustc_hash::FxHasher;

use super::{GoFrame, Goroutine, GoroutineDump, label};
use crate::model::{Label, LocationId, Profile, Samples, StackId, StringId, ValueType};
use crate::pprof::tables::Tables;

/// Stands for the stack of a goroutine that was running on another thread.
const UNAVAILABLE: &str = "[stack unavailable]";

impl GoroutineDump {
    /// The profile that says the same, of the leaked ones alone after `keep_leaked`: equal goroutines counted, inlined frames in one location with what they were
    /// inlined into, and state, wait, creator, lock and leak as labels (keys in [`label`]). Locations have no address
    /// unless the dump says one. Where frames are missing stands `[frames elided]`, where the whole stack is missing
    /// `[stack unavailable]`.
    pub fn to_profile(&self) -> Profile {
        self.to_profile_with(|_| None)
    }

    /// The same with the owners that goroutines have from their parents.
    pub(crate) fn to_owned_profile(&self, owners: Option<crate::pprof::ParentOwners<'_>>) -> Profile {
        let owners = owners.map_or_else(Vec::new, |owners| owners(self));
        self.to_profile_with(|i| owners.get(i).and_then(Option::as_deref))
    }

    /// The same with the parents' owners: `parent_owner` says of a goroutine, by its index, what becomes its label
    /// [`label::PARENT_OWNER`].
    pub fn to_profile_with<'o>(&self, parent_owner: impl Fn(usize) -> Option<&'o str>) -> Profile {
        self.to_profile_and_samples(parent_owner).0
    }

    /// The same, with the number of each goroutine and the sample that it is counted in.
    pub fn to_profile_and_samples<'o>(
        &self,
        parent_owner: impl Fn(usize) -> Option<&'o str>,
    ) -> (Profile, Vec<(u64, u32)>) {
        let mut of_samples = Vec::new();
        let mut profile = Profile::default();
        let goroutine = ValueType {
            kind: profile
                .strings
                .intern(if self.leaked_only { "goroutineleak" } else { "goroutine" }),
            unit: profile.strings.intern("count"),
        };
        profile.sample_types = vec![goroutine];
        profile.period_type = Some(goroutine);
        profile.period = 1;
        profile.time_nanos = self.facts.at.as_ref().and_then(|at| at.epoch_nanos()).unwrap_or(0);
        let mut writer = Writer {
            dump: self,
            names: vec![None; self.strings.len()],
            tables: Tables::new(&mut profile),
            stack: Vec::new(),
        };
        let mut rows: Vec<Row> = Vec::new();
        let mut index: HashTable<u32> = HashTable::new();
        let mut labels: Vec<Label> = Vec::new();
        let mut of_one = Vec::new();
        for (i, g) in self.goroutines.iter().enumerate() {
            if self.leaked_only && !g.leaked {
                continue;
            }
            // Ids are 32 bits wide, and so are the dump's own.
            let Some(stack) = writer.stack(g) else { continue };
            of_one.clear();
            writer.labels(g, parent_owner(i), &mut of_one);
            let hash = hash(stack, &of_one);
            let same = |&i: &u32| rows[i as usize].stack == stack && rows[i as usize].labels(&labels) == of_one;
            if let Some(&i) = index.find(hash, same) {
                rows[i as usize].count += 1;
                of_samples.push((g.id, i));
                continue;
            }
            let start = labels.len();
            labels.extend_from_slice(&of_one);
            let row = rows.len() as u32;
            of_samples.push((g.id, row));
            rows.push(Row {
                stack,
                labels: start..labels.len(),
                count: 1,
            });
            index.insert_unique(hash, row, |&i| {
                let row = &rows[i as usize];
                self::hash(row.stack, row.labels(&labels))
            });
        }
        let mut samples = Samples::new(1);
        for row in &rows {
            samples.push(row.stack, &[row.count], row.labels(&labels));
        }
        profile.samples = samples;
        (profile, of_samples)
    }
}

struct Row {
    stack: StackId,
    labels: std::ops::Range<usize>,
    count: i64,
}

impl Row {
    fn labels<'a>(&self, all: &'a [Label]) -> &'a [Label] {
        &all[self.labels.clone()]
    }
}

fn hash(stack: StackId, labels: &[Label]) -> u64 {
    let mut h = FxHasher::default();
    stack.hash(&mut h);
    labels.hash(&mut h);
    h.finish()
}

struct Writer<'a, 'p> {
    dump: &'a GoroutineDump,
    /// Ids of the profile for those of the dump.
    names: Vec<Option<StringId>>,
    tables: Tables<'p>,
    stack: Vec<LocationId>,
}

impl Writer<'_, '_> {
    fn string(&mut self, id: StringId) -> StringId {
        let text = self.dump.text(id);
        *self.names[id.index()].get_or_insert_with(|| self.tables.profile.strings.intern(text))
    }

    fn intern(&mut self, text: &str) -> StringId {
        self.tables.profile.strings.intern(text)
    }

    fn stack(&mut self, g: &Goroutine) -> Option<StackId> {
        let dump = self.dump;
        self.stack.clear();
        let frames = dump.frames(g);
        let gap = g.gap.map_or(usize::MAX, |gap| gap.after as usize).min(frames.len());
        let (inner, outer) = frames.split_at(gap);
        self.locations(inner)?;
        if g.gap.is_some() {
            self.remark(label::ELIDED)?;
        }
        self.locations(outer)?;
        if g.stack_unavailable && frames.is_empty() {
            self.remark(UNAVAILABLE)?;
        }
        self.tables.profile.stacks.intern(&self.stack)
    }

    fn remark(&mut self, text: &str) -> Option<()> {
        let name = self.intern(text);
        let line = self.tables.line(name, StringId::EMPTY, 0);
        self.stack.push(self.tables.location(0, &[line])?);
        Some(())
    }

    fn locations(&mut self, frames: &[GoFrame]) -> Option<()> {
        let mut lines = Vec::new();
        for (i, frame) in frames.iter().enumerate() {
            if !frame.function.is_empty() {
                let (name, file) = (self.string(frame.function), self.string(frame.file));
                lines.push(self.tables.line(name, file, i64::from(frame.line)));
            }
            // Inlined frames share the location of what they were inlined into.
            if frame.inlined && i + 1 < frames.len() {
                continue;
            }
            let address = frame.pc.saturating_sub(1);
            self.stack.push(self.tables.location(address, &lines)?);
            lines.clear();
        }
        Some(())
    }

    fn labels(&mut self, g: &Goroutine, parent_owner: Option<&str>, out: &mut Vec<Label>) {
        let dump = self.dump;
        for &(key, value) in dump.labels(g) {
            out.push(Label::text(self.string(key), self.string(value)));
        }
        let mut text = |w: &mut Self, key: &str, value: StringId| out.push(Label::text(w.intern(key), value));
        let state = self.string(g.state);
        if !state.is_empty() {
            text(self, label::STATE, state);
        }
        if let Some(program) = dump.facts.program.as_ref().filter(|p| !p.has_kubelet) {
            let program = self.intern(&program.name);
            text(self, label::PROGRAM, program);
        }
        if let Some(creator) = &g.created_by {
            let function = self.string(creator.function);
            text(self, label::CREATED_BY, function);
            let file = dump.text(creator.file);
            if !file.is_empty() {
                let place = self.intern(&format!("{file}:{}", creator.line));
                text(self, label::CREATED_AT, place);
            }
        }
        if let Some(owner) = parent_owner {
            let owner = self.intern(owner);
            text(self, label::PARENT_OWNER, owner);
        }
        for (key, set) in [(label::LOCKED, g.locked_to_thread), (label::LEAKED, g.leaked)] {
            if set {
                let yes = self.intern("yes");
                text(self, key, yes);
            }
        }
        if let Some(minutes) = g.wait_minutes {
            let (key, unit) = (self.intern(label::WAIT), self.intern("minutes"));
            out.push(Label::number(key, i64::try_from(minutes).unwrap_or(i64::MAX), unit));
        }
    }
}
