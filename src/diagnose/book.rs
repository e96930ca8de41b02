//! Names once for all moments: every function of every profile gets a number that is the same over moments, releases of
//! Kubernetes and versions of Go.
//!
//! Equal numbers mean: the same package in its first place (`lib/` of cAdvisor, `vendor/` and `@v1.36.1` gone), the same
//! receiver and function, closures without their numbers (Go 1.27 counts them otherwise than 1.26).

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::report::Part;
use crate::kubelet::{FunctionClass, GoName, Knowledge, SubsystemId};
use crate::model::{FunctionId, Profile};

/// Number of a function over all moments.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct NameId(pub(super) u32);

impl NameId {
    /// The name of that number.
    pub(crate) fn new(index: usize) -> Self {
        Self(u32::try_from(index).unwrap_or(u32::MAX))
    }

    /// Its number.
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// What is known of a function.
#[derive(Clone, Debug)]
pub(crate) struct Name {
    /// Spelling for comparison: `k8s.io/kubernetes/pkg/kubelet.(*podWorkers).UpdatePod.func`.
    pub(crate) key: String,
    /// As some profile spelled it, build places removed.
    pub(crate) shown: String,
    /// Its subsystem.
    pub(crate) class: FunctionClass,
}

/// All names seen so far.
#[derive(Debug)]
pub(crate) struct Book {
    pub(crate) knowledge: Arc<Knowledge>,
    names: Vec<Name>,
    by_key: FxHashMap<String, NameId>,
    by_text: FxHashMap<String, NameId>,
}

impl Book {
    pub(crate) fn new(knowledge: Arc<Knowledge>) -> Self {
        Self {
            knowledge,
            names: Vec::new(),
            by_key: FxHashMap::default(),
            by_text: FxHashMap::default(),
        }
    }

    /// The number of a function; `file` matters for `main` and assembler only.
    pub(crate) fn name(&mut self, text: &str, file: &str) -> NameId {
        let by_file = text.starts_with("main.") || !text.contains('.');
        if by_file {
            // Its file decides what it is, so the text alone is no key.
            return self.parsed(text, file);
        }
        if let Some(&id) = self.by_text.get(text) {
            return id;
        }
        let id = self.parsed(text, file);
        self.by_text.insert(text.to_owned(), id);
        id
    }

    fn parsed(&mut self, text: &str, file: &str) -> NameId {
        let name = GoName::parse_in(text, file);
        let key = self.knowledge.canonical(&name.comparison_key()).into_owned();
        if let Some(&id) = self.by_key.get(&key) {
            return id;
        }
        let id = NameId(u32::try_from(self.names.len()).unwrap_or(u32::MAX));
        self.names.push(Name {
            key: key.clone(),
            shown: name.elided().into_owned(),
            class: self.knowledge.classify(&name),
        });
        self.by_key.insert(key, id);
        id
    }

    pub(crate) fn get(&self, id: NameId) -> &Name {
        &self.names[id.0 as usize]
    }

    pub(crate) fn key(&self, id: NameId) -> &str {
        &self.get(id).key
    }

    /// How many names there are; numbers are below.
    pub(crate) fn len(&self) -> usize {
        self.names.len()
    }

    /// The numbers of all functions of a profile, by their id there.
    pub(crate) fn functions(&mut self, p: &Profile) -> Vec<NameId> {
        (0..p.functions.len())
            .map(|f| {
                let function = p.function(FunctionId::new(f));
                self.name(p.text(function.name), p.text(function.filename))
            })
            .collect()
    }

    pub(crate) fn part(&self, id: SubsystemId) -> Part {
        Part {
            key: self.knowledge.key(id).to_owned(),
            title: self.knowledge.title(id).to_owned(),
        }
    }

    /// The subsystem of that key; the key alone where the table has none.
    pub(crate) fn part_of_key(&self, key: &str) -> Part {
        match self.knowledge.by_key(key) {
            Some(id) => self.part(id),
            None => Part {
                key: key.to_owned(),
                title: key.replace('-', " "),
            },
        }
    }

    pub(crate) fn subsystem_key(&self, id: Option<SubsystemId>) -> &str {
        id.map_or("", |id| self.knowledge.key(id))
    }
}
