//! Functions, packages and stacks of all captures once, with what rules ask of them.

use std::sync::Arc;

use regex::Regex;
use rustc_hash::FxHashMap;

use crate::diagnose::book::{Book, NameId};
use crate::diagnose::crowd::{StackBook, StackKey};
use crate::kubelet::{GoName, Knowledge, SubsystemId};

/// Number of a package over all captures.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct PackageId(pub(super) u32);

/// All names and stacks.
#[derive(Debug)]
pub struct Names {
    pub(super) book: Book,
    pub(super) stacks: StackBook,
    packages: Vec<String>,
    by_package: FxHashMap<String, PackageId>,
    of_name: Vec<PackageId>,
}

impl Names {
    pub(super) fn new(knowledge: Arc<Knowledge>) -> Self {
        Self {
            book: Book::new(knowledge),
            stacks: StackBook::default(),
            packages: Vec::new(),
            by_package: FxHashMap::default(),
            of_name: Vec::new(),
        }
    }

    /// Looks up the packages of names that are new.
    pub(super) fn catch_up(&mut self) {
        for i in self.of_name.len()..self.book.len() {
            let name = self.book.get(NameId::new(i));
            let parsed = GoName::parse(&name.shown);
            let package = parsed.package();
            let id = match self.by_package.get(package) {
                Some(&id) => id,
                None => {
                    let id = PackageId(u32::try_from(self.packages.len()).unwrap_or(u32::MAX));
                    self.packages.push(package.to_owned());
                    self.by_package.insert(package.to_owned(), id);
                    id
                }
            };
            self.of_name.push(id);
        }
    }

    /// The subsystems on a stack, each once.
    pub(super) fn subsystems(&self, stack: StackKey) -> Vec<SubsystemId> {
        let frames = self.stacks.get(stack).iter();
        distinct(frames.filter_map(|&f| self.book.get(f).class.subsystem()))
    }

    /// The packages on a stack, each once.
    pub(super) fn packages(&self, stack: StackKey) -> Vec<PackageId> {
        distinct(
            self.stacks
                .get(stack)
                .iter()
                .filter_map(|f| self.of_name.get(f.index()).copied()),
        )
    }

    /// The functions on a stack, each once.
    pub(super) fn functions(&self, stack: StackKey) -> Vec<NameId> {
        distinct(self.stacks.get(stack).iter().copied())
    }

    /// Whether a stack has a function of these.
    pub(super) fn stack_has(&self, stack: StackKey, fits: &[bool]) -> bool {
        self.stacks
            .get(stack)
            .iter()
            .any(|f| fits.get(f.index()).copied().unwrap_or(false))
    }

    /// A package's path.
    pub(super) fn package(&self, id: PackageId) -> &str {
        &self.packages[id.0 as usize]
    }

    /// Which packages fit, by number.
    pub(super) fn packages_that(&self, fits: impl Fn(&str) -> bool) -> Vec<bool> {
        self.packages.iter().map(|p| fits(p)).collect()
    }

    /// Which functions match, by number.
    pub(super) fn functions_that(&self, regex: &Regex) -> Vec<bool> {
        (0..self.book.len())
            .map(|i| regex.is_match(&self.book.get(NameId::new(i)).shown))
            .collect()
    }

    /// The functions of a stack as people read them, leaf first.
    pub(super) fn shown(&self, stack: StackKey) -> Vec<String> {
        self.stacks
            .get(stack)
            .iter()
            .map(|&f| self.book.get(f).shown.clone())
            .collect()
    }

    /// Key of a subsystem; `none` for what has no owner.
    pub(super) fn key(&self, id: Option<SubsystemId>) -> &str {
        match id {
            Some(id) => self.book.knowledge.key(id),
            None => "none",
        }
    }

    /// Title of a subsystem.
    pub(super) fn title(&self, id: Option<SubsystemId>) -> &str {
        match id {
            Some(id) => self.book.knowledge.title(id),
            None => "(no owner)",
        }
    }
}

fn distinct<T: Ord>(all: impl Iterator<Item = T>) -> Vec<T> {
    let mut all: Vec<T> = all.collect();
    all.sort_unstable();
    all.dedup();
    all
}
