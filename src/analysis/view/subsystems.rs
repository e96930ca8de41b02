//! The kubelet lens: what the functions of a profile are part of.
//!
//! Every function has a package, a module and, where the table of `kubelet` knows it, a subsystem; every stack has an
//! owner and a library that it is blocked or spends its time in. Computed once per view, before the granularity blanks
//! names; filters by package, subsystem and owner and the granularities above functions use it.
//!
//! Goroutines of a dump carry their state, creator and parent's owner as labels: clues for the owner of a sample.

use rustc_hash::FxHashMap;
use std::sync::Arc;

use crate::kubelet::{Clues, FunctionClass, GoName, Knowledge, Role, SubsystemId};
use crate::model::{FunctionId, Label, Profile, StringId, goroutine_label};

/// What is known about the functions of one profile.
#[derive(Clone, Debug)]
pub struct Lens {
    knowledge: Arc<Knowledge>,
    functions: Vec<Place>,
    by_name: FxHashMap<StringId, u32>,
    labels: LabelClues,
}

/// What the labels of goroutines say: meaning of each text under its key.
#[derive(Clone, Debug, Default)]
struct LabelClues {
    state: Option<StringId>,
    created_by: Option<StringId>,
    parent_owner: Option<StringId>,
    /// Key of the program that a goroutine is of, where it is another than a kubelet.
    program: Option<StringId>,
    waits: FxHashMap<StringId, FunctionClass>,
    creators: FxHashMap<StringId, FunctionClass>,
    parents: FxHashMap<StringId, SubsystemId>,
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
    /// The file it is in, as the profile has it.
    pub file: StringId,
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
                        file: f.filename,
                    };
                    known.insert((f.name, f.filename), place.clone());
                    place
                }
            };
            by_name.entry(f.name).or_insert(i as u32);
            functions.push(place);
        }
        let labels = LabelClues::new(p, &knowledge);
        // One function may be of a kubelet in one sample and of another program in the next; mostly all are of one.
        let of_others = labels.program.is_some_and(|key| {
            (0..p.samples.len()).all(|i| p.samples.labels(i).iter().any(|l| l.key == key)) && !p.samples.is_empty()
        });
        if of_others {
            for place in &mut functions {
                place.class = place.class.in_other_program();
            }
        }
        Self {
            knowledge,
            functions,
            by_name,
            labels,
        }
    }

    /// Whether any sample's labels say something of its owner.
    pub(in crate::analysis) fn has_clues(&self) -> bool {
        let l = &self.labels;
        !(l.waits.is_empty() && l.creators.is_empty() && l.parents.is_empty())
    }

    /// Whether a sample is of another program than a kubelet.
    pub(in crate::analysis) fn is_of_other_program(&self, labels: &[Label]) -> bool {
        self.labels
            .program
            .is_some_and(|key| labels.iter().any(|l| l.key == key))
    }

    /// What the labels of a sample say of who owns it.
    pub(in crate::analysis) fn clues(&self, labels: &[Label]) -> Clues {
        let l = &self.labels;
        let other = self.is_of_other_program(labels);
        let creator = |text| {
            let class: FunctionClass = l.creators.get(&text).copied()?;
            Some(if other { class.in_other_program() } else { class })
        };
        Clues {
            created_by: last(labels, l.created_by).and_then(creator),
            wait: last(labels, l.state).and_then(|text| l.waits.get(&text).copied()),
        }
    }

    /// The owner of the goroutine that created the one with these labels.
    pub(in crate::analysis) fn parent_owner(&self, labels: &[Label]) -> Option<SubsystemId> {
        last(labels, self.labels.parent_owner).and_then(|text| self.labels.parents.get(&text).copied())
    }

    /// The table that was used.
    pub fn knowledge(&self) -> &Knowledge {
        &self.knowledge
    }

    /// Where a function belongs.
    pub fn function(&self, id: FunctionId) -> Option<&Place> {
        self.functions.get(id.index())
    }

    /// Where all functions belong.
    pub(in crate::analysis) fn places(&self) -> &[Place] {
        &self.functions
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

/// The text of the last label of a key: a goroutine's own labels of that name stand before it.
fn last(labels: &[Label], key: Option<StringId>) -> Option<StringId> {
    let key = key?;
    labels.iter().rev().find(|l| l.key == key).map(|l| l.text)
}

impl LabelClues {
    fn new(p: &Profile, knowledge: &Knowledge) -> Self {
        // Labels of other profiles may have these names and mean something else.
        let goroutines = p
            .sample_types
            .iter()
            .any(|t| matches!(p.text(t.kind), "goroutine" | "goroutineleak"));
        let find = |key: &str| p.strings.find(key).filter(|_| goroutines);
        let mut clues = Self {
            state: find(goroutine_label::STATE),
            created_by: find(goroutine_label::CREATED_BY),
            parent_owner: find(goroutine_label::PARENT_OWNER),
            program: find(goroutine_label::PROGRAM),
            ..Self::default()
        };
        if clues.state.is_none() && clues.created_by.is_none() && clues.parent_owner.is_none() {
            return clues;
        }
        for i in 0..p.samples.len() {
            for label in p.samples.labels(i) {
                let key = Some(label.key);
                if key == clues.state && !clues.waits.contains_key(&label.text) {
                    if let Some(class) = knowledge.classify_wait(p.text(label.text)) {
                        clues.waits.insert(label.text, class);
                    }
                } else if key == clues.created_by {
                    let class = || knowledge.classify_function(p.text(label.text), "");
                    clues.creators.entry(label.text).or_insert_with(class);
                } else if key == clues.parent_owner
                    && let Some(id) = knowledge.by_key(p.text(label.text))
                {
                    clues.parents.insert(label.text, id);
                }
            }
        }
        clues
    }
}
