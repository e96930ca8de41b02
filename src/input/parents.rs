//! Who owns the goroutines of a dump by the goroutine that created them.
//!
//! A dump names the goroutine that created another one. Where neither the stack nor the creator of a goroutine is a part
//! of the kubelet, its parent's owner is: that takes the dump and the table of subsystems, and becomes a label of the
//! profile, so that every report and filter knows it.

use rustc_hash::FxHashMap;

use crate::kubelet::{
    Attribution, Clues, FunctionClass, Knowledge, OwnerRule, Sense, Started, SubsystemId, adopt, attribute,
};
use crate::model::{Profile, StringId};
use crate::pprof::goroutines::{Goroutine, GoroutineDump};

/// The profile of a dump whose goroutines carry the owners of their parents.
pub fn dump_profile(dump: &GoroutineDump, knowledge: &Knowledge) -> Profile {
    dump.to_owned_profile(Some(&|dump| parent_owners(dump, knowledge)))
}

/// The same, with the number of each goroutine and the sample that it is counted in.
pub fn dump_profile_and_samples(dump: &GoroutineDump, knowledge: &Knowledge) -> (Profile, Vec<(u64, u32)>) {
    let owners = parent_owners(dump, knowledge);
    dump.to_profile_and_samples(|i| owners.get(i).and_then(Option::as_deref))
}

/// For each goroutine the key of the owner that it has from its parent alone.
pub(super) fn parent_owners(dump: &GoroutineDump, knowledge: &Knowledge) -> Vec<Option<String>> {
    // Parts of the kubelet are none of another program.
    if dump.facts.program.as_ref().is_some_and(|p| !p.has_kubelet) {
        return Vec::new();
    }
    let mut classes = Classes {
        dump,
        knowledge,
        known: FxHashMap::default(),
    };
    let mut attributions: Vec<Attribution> = dump.goroutines.iter().map(|g| classes.attribution(g)).collect();
    let started: Vec<Started> = (dump.goroutines.iter())
        .map(|g| Started {
            id: g.id,
            parent: g.created_by.and_then(|c| c.parent),
        })
        .collect();
    adopt(&started, &mut attributions);
    let from_parent = |a: &Attribution| a.owner.filter(|_| a.how == OwnerRule::ParentGoroutine);
    let key = |id: SubsystemId| knowledge.key(id).to_owned();
    attributions.iter().map(|a| from_parent(a).map(key)).collect()
}

/// The functions of a dump, each looked up once.
struct Classes<'a> {
    dump: &'a GoroutineDump,
    knowledge: &'a Knowledge,
    known: FxHashMap<(StringId, StringId), FunctionClass>,
}

impl Classes<'_> {
    fn of(&mut self, function: StringId, file: StringId) -> FunctionClass {
        let (dump, knowledge) = (self.dump, self.knowledge);
        let class = || knowledge.classify_function(dump.text(function), dump.text(file));
        *self.known.entry((function, file)).or_insert_with(class)
    }

    fn attribution(&mut self, g: &Goroutine) -> Attribution {
        let dump = self.dump;
        let clues = Clues {
            created_by: g.created_by.map(|c| self.of(c.function, StringId::EMPTY)),
            wait: self.knowledge.classify_wait(dump.text(g.state)),
        };
        let frames: Vec<FunctionClass> = dump.frames(g).iter().map(|f| self.of(f.function, f.file)).collect();
        attribute(frames, Sense::Waiting, clues)
    }
}
