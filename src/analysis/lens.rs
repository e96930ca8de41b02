//! The kubelet lens: what the functions of a profile are part of.
//!
//! Every function has a package, a module and, where the table of `kubelet` knows it, a subsystem; every stack has an
//! owner and a library that it is blocked or spends its time in. Computed once per view, before the granularity blanks
//! names; filters by package, subsystem and owner and the granularities above functions use it.

use rustc_hash::FxHashMap;
use std::sync::Arc;

use crate::kubelet::{FunctionClass, GoName, Knowledge, Role, SubsystemId};
use crate::model::{FunctionId, Profile, StringId};

/// What is known about the functions of one profile.
#[derive(Clone, Debug)]
pub struct Lens {
    knowledge: Arc<Knowledge>,
    functions: Vec<Place>,
    by_name: FxHashMap<StringId, u32>,
}

/// Where a function belongs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Place {
    /// Import path of its package, `""` when the name tells none.
    pub package: StringId,
    /// Module of the package, `""` when nothing tells.
    pub module: StringId,
    /// Subsystem and role, where the table knows.
    pub class: FunctionClass,
}

impl Lens {
    /// Looks up every function of `p`.
    pub fn new(p: &mut Profile, knowledge: Arc<Knowledge>) -> Self {
        let mut functions = Vec::with_capacity(p.functions.len());
        let mut by_name = FxHashMap::default();
        let mut known: FxHashMap<(StringId, StringId), Place> = FxHashMap::default();
        for i in 0..p.functions.len() {
            let f = p.functions[i];
            let place = match known.get(&(f.name, f.filename)) {
                Some(place) => place.clone(),
                None => {
                    let file = p.text(f.filename).to_owned();
                    let name = p.text(f.name).to_owned();
                    let parsed = GoName::parse_in(&name, &file);
                    let place = Place {
                        package: p.strings.intern(parsed.package()),
                        module: p.strings.intern(&parsed.module(&file)),
                        class: knowledge.classify(&parsed),
                    };
                    known.insert((f.name, f.filename), place.clone());
                    place
                }
            };
            by_name.entry(f.name).or_insert(i as u32);
            functions.push(place);
        }
        Self {
            knowledge,
            functions,
            by_name,
        }
    }

    /// The table that was used.
    pub fn knowledge(&self) -> &Knowledge {
        &self.knowledge
    }

    /// Where a function belongs.
    pub fn function(&self, id: FunctionId) -> Option<&Place> {
        self.functions.get(id.index())
    }

    /// Where the first function of that name belongs.
    pub fn named(&self, name: StringId) -> Option<&Place> {
        self.functions.get(*self.by_name.get(&name)? as usize)
    }

    /// The subsystem's key, title and role, where there is one.
    pub fn subsystem(&self, place: &Place) -> Option<(&str, &str, Role)> {
        let id = place.class.subsystem()?;
        let s = self.knowledge.get(id)?;
        Some((&s.key, &s.title, s.role))
    }

    /// The title of a subsystem.
    pub fn title(&self, id: SubsystemId) -> &str {
        self.knowledge.title(id)
    }
}
