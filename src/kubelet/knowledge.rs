//! Which subsystem of the kubelet a function belongs to.
//!
//! The knowledge itself is a table of text (`subsystems.tsv`, whose head explains its columns) that a Kubernetes
//! engineer can read, edit and pass as `--knowledge FILE`; `table` reads and checks it, this module looks names up in it.
//! The longest prefix decides. A name of which the table says nothing has no subsystem: nothing is guessed from its spelling.
//!
//! Names are looked up in the normalised spelling of `names`, so that `vendor/`, `@version` and staging need no lines.
//! Packages that moved between releases have one `->` line each, which makes everything below the new place known as
//! everything below the old one.
//!
//! What a whole stack means is decided in `attribution`.

use std::borrow::Cow;
use std::fmt;

use rustc_hash::FxHashMap;

use super::names::{GoName, NameKind};
use super::table::{KnowledgeError, Moved, Prefix, Table, ends_at_boundary};

/// What the frames of a subsystem mean in a stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// A part of the kubelet that answers for what it does and starts: pod workers, PLEG, cAdvisor housekeeping.
    Owner,
    /// A library at whose other end somebody else answers: CRI, device plugins, the API server, mounts.
    Boundary,
    /// Any other library with a name of its own: gRPC, HTTP, TLS, informers.
    Library,
    /// Code that starts the parts of the kubelet and owns nothing; whoever triggered it owns nothing of it either.
    Start,
    /// Code that only calls others: `wait.Until`, panic handlers. Never to blame.
    Wrapper,
    /// What Go itself does or waits for: garbage collection, channels, mutexes, files.
    Runtime,
    /// Go code that says nothing: the rest of the runtime, strings, sorting.
    Plain,
}

impl Role {
    /// All roles, in the order in which the table's head explains them.
    pub const ALL: [Self; 7] = [
        Self::Owner,
        Self::Boundary,
        Self::Library,
        Self::Start,
        Self::Wrapper,
        Self::Runtime,
        Self::Plain,
    ];

    /// Spelling in the table and in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Boundary => "boundary",
            Self::Library => "library",
            Self::Start => "start",
            Self::Wrapper => "wrapper",
            Self::Runtime => "runtime",
            Self::Plain => "plain",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Index of a [`Subsystem`] in the [`Knowledge`] that gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SubsystemId(pub u16);

/// A part of the kubelet, a library or a part of the Go runtime.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subsystem {
    /// Stable name for queries and machine-readable reports: `pod-workers`.
    pub key: String,
    /// Name for people: `pod workers`.
    pub title: String,
    /// What its frames mean in a stack.
    pub role: Role,
}

/// What is known about one function. Small, so that callers keep one per function and attribute stacks by index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct FunctionClass {
    /// Its subsystem, if the table has one, and that subsystem's role.
    pub known: Option<(SubsystemId, Role)>,
    /// Whether the function has a name at all. The default is a frame of which nothing is known, not even that.
    pub named: bool,
}

impl FunctionClass {
    /// The subsystem, if any.
    pub fn subsystem(self) -> Option<SubsystemId> {
        self.known.map(|(id, _)| id)
    }

    /// The role of the subsystem, if any.
    pub fn role(self) -> Option<Role> {
        self.known.map(|(_, role)| role)
    }

    /// What it means in another program than a kubelet: libraries stay what they are. Parts of the kubelet, its start-up and
    /// what a kubelet calls others by are nothing known: containerd is no client of itself.
    pub fn in_other_program(self) -> Self {
        match self.known {
            Some((_, Role::Owner | Role::Start | Role::Boundary)) => Self { known: None, ..self },
            _ => self,
        }
    }
}

/// The table, ready for look-ups.
#[derive(Debug, Clone)]
pub struct Knowledge {
    origin: String,
    subsystems: Vec<Subsystem>,
    by_key: FxHashMap<String, SubsystemId>,
    /// Sorted by text.
    prefixes: Vec<Prefix>,
    /// Sorted by `from`.
    moved: Vec<Moved>,
}

const BUILTIN: &str = include_str!("subsystems.tsv");

impl Knowledge {
    /// The table kubeprof comes with.
    ///
    /// # Panics
    ///
    /// Never: the table is a part of the program and a test parses it.
    pub fn builtin() -> Self {
        Self::parse(BUILTIN, "built-in table").unwrap_or_else(|error| panic!("{error}"))
    }

    /// The built-in table as text, to start an own one from.
    pub fn builtin_text() -> &'static str {
        BUILTIN
    }

    /// Reads a table. `origin` is the file's name for errors.
    pub fn parse(text: &str, origin: &str) -> Result<Self, KnowledgeError> {
        let Table {
            subsystems,
            by_key,
            prefixes,
            moved,
        } = Table::parse(text, origin)?;
        Ok(Self {
            origin: origin.to_owned(),
            subsystems,
            by_key,
            prefixes,
            moved,
        })
    }

    /// Where the table came from.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// All subsystems, in the order of the table; [`SubsystemId`] indexes into it.
    pub fn subsystems(&self) -> &[Subsystem] {
        &self.subsystems
    }

    /// A subsystem by id. An id of another table is a mistake of the caller and may give the wrong subsystem or none.
    pub fn get(&self, id: SubsystemId) -> Option<&Subsystem> {
        self.subsystems.get(usize::from(id.0))
    }

    /// Key of a subsystem, for reports; `"?"` for an id of another table.
    pub fn key(&self, id: SubsystemId) -> &str {
        self.get(id).map_or("?", |s| &s.key)
    }

    /// Title of a subsystem, for people; `"?"` for an id of another table.
    pub fn title(&self, id: SubsystemId) -> &str {
        self.get(id).map_or("?", |s| &s.title)
    }

    /// A subsystem by its key.
    pub fn by_key(&self, key: &str) -> Option<SubsystemId> {
        self.by_key.get(key).copied()
    }

    /// A subsystem by its title.
    pub fn by_title(&self, title: &str) -> Option<SubsystemId> {
        let at = self.subsystems.iter().position(|s| s.title == title)?;
        u16::try_from(at).ok().map(SubsystemId)
    }

    /// A subsystem by what people type: its key or its title, in small or capital letters.
    pub fn find(&self, typed: &str) -> Option<SubsystemId> {
        let typed = typed.trim();
        let is_it = |s: &Subsystem| s.key.eq_ignore_ascii_case(typed) || s.title.eq_ignore_ascii_case(typed);
        (self.by_key(typed).or_else(|| self.by_title(typed))).or_else(|| {
            let at = self.subsystems.iter().position(is_it)?;
            u16::try_from(at).ok().map(SubsystemId)
        })
    }

    /// Classifies a parsed name.
    pub fn classify(&self, name: &GoName<'_>) -> FunctionClass {
        // A main package that the table does not have by its path is still a main package.
        let main = || {
            self.longest_prefix(name.original())
                .filter(|_| name.original().starts_with("main."))
        };
        let prefix = self.longest_prefix(name.qualified()).or_else(main);
        FunctionClass {
            known: prefix.map(|p| (p.subsystem, self.subsystems[usize::from(p.subsystem.0)].role)),
            named: name.kind() != NameKind::Empty,
        }
    }

    /// Parses and classifies a function; `file` is its source file or empty.
    pub fn classify_function(&self, name: &str, file: &str) -> FunctionClass {
        self.classify(&GoName::parse_in(name, file))
    }

    /// The spelling of a name in its first place, where the table knows that its package moved:
    /// `github.com/google/cadvisor/lib/manager.New` gives `github.com/google/cadvisor/manager.New`. For comparing
    /// profiles of different releases.
    pub fn canonical<'n>(&self, qualified: &'n str) -> Cow<'n, str> {
        let end = self.moved.partition_point(|m| m.from.as_str() <= qualified);
        // Moved places are few and rarely nested: the candidates are the predecessors that share their head.
        for moved in self.moved[..end].iter().rev() {
            if let Some(rest) = qualified.strip_prefix(moved.from.as_str())
                && ends_at_boundary(rest)
            {
                return Cow::Owned(format!("{}{rest}", moved.to));
            }
            if moved.from.as_bytes().first() != qualified.as_bytes().first() {
                break;
            }
        }
        Cow::Borrowed(qualified)
    }

    fn longest_prefix(&self, qualified: &str) -> Option<&Prefix> {
        let end = self.prefixes.partition_point(|p| p.text.as_str() <= qualified);
        let mut at = end.checked_sub(1);
        // Every table prefix of the name is the predecessor or one of its own prefixes.
        while let Some(index) = at {
            let prefix = &self.prefixes[index];
            if let Some(rest) = qualified.strip_prefix(prefix.text.as_str())
                && (prefix.open || ends_at_boundary(rest))
            {
                return Some(prefix);
            }
            at = prefix.shorter.map(|s| s as usize);
        }
        None
    }
}
