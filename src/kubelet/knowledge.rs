//! Which subsystem of the kubelet a function belongs to.
//!
//! The knowledge itself is a table of text (`subsystems.tsv`, whose head explains its columns) that a Kubernetes
//! engineer can read, edit and pass as `--knowledge FILE`; this module checks it and looks names up in it. The longest
//! prefix decides. A name of which the table says nothing has no subsystem: nothing is guessed from its spelling.
//!
//! Names are looked up in the normalised spelling of `names`, so that `vendor/`, `@version` and staging need no lines.
//! Packages that moved between releases have one `->` line each, which makes everything below the new place known as
//! everything below the old one.
//!
//! What a whole stack means is decided in `attribution`.

use std::borrow::Cow;
use std::fmt;

use rustc_hash::FxHashMap;

use super::names::GoName;

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

    fn parse(text: &str) -> Option<Self> {
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
}

/// Why a table of subsystems was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KnowledgeError {
    /// A line has fewer columns than it needs.
    #[error(
        "{origin}:{line}: {missing} is missing\n\
         hint: columns are separated by tabs: prefix, key, role, title; \
         role and title may be left out once a key has them"
    )]
    Missing {
        /// File name.
        origin: String,
        /// Line, from 1.
        line: usize,
        /// The column that is not there.
        missing: &'static str,
    },
    /// A line has more columns than there are.
    #[error("{origin}:{line}: too many columns\nhint: columns are separated by tabs: prefix, key, role, title")]
    TooManyColumns {
        /// File name.
        origin: String,
        /// Line, from 1.
        line: usize,
    },
    /// A role that does not exist.
    #[error(
        "{origin}:{line}: unknown role {role:?}\nhint: the roles are owner, boundary, library, start, wrapper, runtime and plain"
    )]
    UnknownRole {
        /// File name.
        origin: String,
        /// Line, from 1.
        line: usize,
        /// What stood there.
        role: String,
    },
    /// A key that is hard to type or cannot be told from an option.
    #[error(
        "{origin}:{line}: {key:?} is not a key\nhint: use lower-case letters, digits and inner dashes, as in pod-workers"
    )]
    BadKey {
        /// File name.
        origin: String,
        /// Line, from 1.
        line: usize,
        /// What stood there.
        key: String,
    },
    /// The same prefix twice.
    #[error("{origin}:{line}: prefix {prefix:?} is already on line {first}\nhint: remove one of the two lines")]
    DuplicatePrefix {
        /// File name.
        origin: String,
        /// Line, from 1.
        line: usize,
        /// The prefix.
        prefix: String,
        /// Line of the first one.
        first: usize,
    },
    /// A key whose role or title differs from what an earlier line said.
    #[error(
        "{origin}:{line}: {what} of {key:?} differs from line {first}\n\
         hint: a key has one role and one title; leave them out here or use another key"
    )]
    Conflict {
        /// File name.
        origin: String,
        /// Line, from 1.
        line: usize,
        /// `"role"` or `"title"`.
        what: &'static str,
        /// The key.
        key: String,
        /// Line that said otherwise.
        first: usize,
    },
    /// A moved package whose target no line is about.
    #[error(
        "{origin}:{line}: nothing is known below {target:?}\nhint: the third column names the place whose lines are meant"
    )]
    MovedToUnknown {
        /// File name.
        origin: String,
        /// Line, from 1.
        line: usize,
        /// The target.
        target: String,
    },
    /// No prefix at all.
    #[error("{origin}: holds no prefix\nhint: start from the built-in table, src/kubelet/subsystems.tsv")]
    Empty {
        /// File name.
        origin: String,
    },
    /// More keys than an id can count.
    #[error("{origin}:{line}: more than 65535 keys\nhint: is this the right file?")]
    TooManyKeys {
        /// File name.
        origin: String,
        /// Line, from 1.
        line: usize,
    },
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

#[derive(Debug, Clone)]
struct Prefix {
    text: String,
    /// Ended with `*`: goes on within a word.
    open: bool,
    subsystem: SubsystemId,
    /// Index of the longest other prefix that is a prefix of this text.
    shorter: Option<u32>,
    line: usize,
}

#[derive(Debug, Clone)]
struct Moved {
    from: String,
    to: String,
    line: usize,
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
        let mut table = Builder::new(origin);
        for (index, line) in text.lines().enumerate() {
            table.line(index + 1, line)?;
        }
        table.finish()
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

    /// Classifies a parsed name.
    pub fn classify(&self, name: &GoName<'_>) -> FunctionClass {
        // A main package that the table does not have by its path is still a main package.
        let main = || {
            self.longest_prefix(name.original())
                .filter(|_| name.original().starts_with("main."))
        };
        match self.longest_prefix(name.qualified()).or_else(main) {
            Some(prefix) => FunctionClass {
                known: Some((prefix.subsystem, self.subsystems[usize::from(prefix.subsystem.0)].role)),
            },
            None => FunctionClass::default(),
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

/// Whether a name may go on with `rest` behind a prefix that is whole: behind a path element, a type or a function.
fn ends_at_boundary(rest: &str) -> bool {
    matches!(rest.as_bytes().first(), None | Some(b'/' | b'.' | b'[' | b'-'))
}

struct Builder<'o> {
    origin: &'o str,
    subsystems: Vec<Subsystem>,
    first_line: Vec<usize>,
    by_key: FxHashMap<String, SubsystemId>,
    prefixes: Vec<Prefix>,
    moved: Vec<Moved>,
}

impl<'o> Builder<'o> {
    fn new(origin: &'o str) -> Self {
        Self {
            origin,
            subsystems: Vec::new(),
            first_line: Vec::new(),
            by_key: FxHashMap::default(),
            prefixes: Vec::new(),
            moved: Vec::new(),
        }
    }

    fn line(&mut self, line: usize, text: &str) -> Result<(), KnowledgeError> {
        let text = text.trim_end_matches(['\r', '\n', ' ']);
        if text.trim().is_empty() || text.starts_with('#') {
            return Ok(());
        }
        let origin = || self.origin.to_owned();
        let mut columns = text.split('\t').map(str::trim);
        let prefix = columns.next().filter(|c| !c.is_empty());
        let prefix = prefix.ok_or_else(|| KnowledgeError::Missing {
            origin: origin(),
            line,
            missing: "the prefix",
        })?;
        let key = columns.next().filter(|c| !c.is_empty());
        let key = key.ok_or_else(|| KnowledgeError::Missing {
            origin: origin(),
            line,
            missing: "the key",
        })?;
        let third = columns.next().filter(|c| !c.is_empty());
        let title = columns.next().filter(|c| !c.is_empty());
        if columns.any(|c| !c.is_empty()) {
            return Err(KnowledgeError::TooManyColumns { origin: origin(), line });
        }
        if key == "->" {
            let missing = "the place it moved from";
            let to = third.ok_or_else(|| KnowledgeError::Missing {
                origin: origin(),
                line,
                missing,
            })?;
            self.moved.push(Moved {
                from: prefix.to_owned(),
                to: to.to_owned(),
                line,
            });
            return Ok(());
        }
        let subsystem = self.subsystem(line, key, third, title)?;
        let (text, open) = match prefix.strip_suffix('*') {
            // `(*T` is a receiver, `(*T*` an open one.
            Some(bare) if !bare.ends_with('(') => (bare, true),
            _ => (prefix, false),
        };
        self.prefixes.push(Prefix {
            text: text.to_owned(),
            open,
            subsystem,
            shorter: None,
            line,
        });
        Ok(())
    }

    fn subsystem(
        &mut self,
        line: usize,
        key: &str,
        role: Option<&str>,
        title: Option<&str>,
    ) -> Result<SubsystemId, KnowledgeError> {
        let origin = || self.origin.to_owned();
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if !key.bytes().all(allowed) || key.starts_with('-') || key.ends_with('-') {
            return Err(KnowledgeError::BadKey {
                origin: origin(),
                line,
                key: key.to_owned(),
            });
        }
        let role = match role {
            None => None,
            Some(text) => Some(Role::parse(text).ok_or_else(|| KnowledgeError::UnknownRole {
                origin: origin(),
                line,
                role: text.to_owned(),
            })?),
        };
        if let Some(&id) = self.by_key.get(key) {
            let index = usize::from(id.0);
            let known = &self.subsystems[index];
            let conflict = |what| KnowledgeError::Conflict {
                origin: origin(),
                line,
                what,
                key: key.to_owned(),
                first: self.first_line[index],
            };
            if role.is_some_and(|role| role != known.role) {
                return Err(conflict("role"));
            }
            if title.is_some_and(|title| title != known.title) {
                return Err(conflict("title"));
            }
            return Ok(id);
        }
        let role = role.ok_or_else(|| KnowledgeError::Missing {
            origin: origin(),
            line,
            missing: "the role",
        })?;
        let title = title.ok_or_else(|| KnowledgeError::Missing {
            origin: origin(),
            line,
            missing: "the title",
        })?;
        let id = u16::try_from(self.subsystems.len());
        let id = SubsystemId(id.map_err(|_| KnowledgeError::TooManyKeys { origin: origin(), line })?);
        self.subsystems.push(Subsystem {
            key: key.to_owned(),
            title: title.to_owned(),
            role,
        });
        self.first_line.push(line);
        self.by_key.insert(key.to_owned(), id);
        Ok(id)
    }

    fn finish(mut self) -> Result<Knowledge, KnowledgeError> {
        if self.prefixes.is_empty() {
            return Err(KnowledgeError::Empty {
                origin: self.origin.to_owned(),
            });
        }
        self.sort_prefixes()?;
        self.expand_moved()?;
        // An open prefix is a prefix of texts in the middle of a word, hence the plain comparison of bytes.
        let mut stack: Vec<usize> = Vec::new();
        for index in 0..self.prefixes.len() {
            while let Some(&top) = stack.last() {
                if self.prefixes[index].text.starts_with(&self.prefixes[top].text) {
                    break;
                }
                stack.pop();
            }
            self.prefixes[index].shorter = stack.last().and_then(|&top| u32::try_from(top).ok());
            stack.push(index);
        }
        self.moved.sort_by(|a, b| a.from.cmp(&b.from));
        Ok(Knowledge {
            origin: self.origin.to_owned(),
            subsystems: self.subsystems,
            by_key: self.by_key,
            prefixes: self.prefixes,
            moved: self.moved,
        })
    }

    fn sort_prefixes(&mut self) -> Result<(), KnowledgeError> {
        self.prefixes
            .sort_by(|a, b| a.text.cmp(&b.text).then(a.line.cmp(&b.line)));
        for pair in self.prefixes.windows(2) {
            if pair[0].text == pair[1].text {
                return Err(KnowledgeError::DuplicatePrefix {
                    origin: self.origin.to_owned(),
                    line: pair[1].line,
                    prefix: pair[1].text.clone(),
                    first: pair[0].line,
                });
            }
        }
        Ok(())
    }

    /// Gives every prefix at or below a place a twin below the places that moved there. Lines of their own win.
    fn expand_moved(&mut self) -> Result<(), KnowledgeError> {
        let mut twins: Vec<Prefix> = Vec::new();
        for moved in &self.moved {
            let before = twins.len();
            // The longest line about the old place itself or what it lies in.
            let mut around: Option<&Prefix> = None;
            for prefix in &self.prefixes {
                if let Some(rest) = prefix
                    .text
                    .strip_prefix(&moved.to)
                    .filter(|rest| ends_at_boundary(rest))
                {
                    twins.push(Prefix {
                        text: format!("{}{rest}", moved.from),
                        line: moved.line,
                        ..prefix.clone()
                    });
                } else if moved.to.strip_prefix(&prefix.text).is_some_and(ends_at_boundary) {
                    around = Some(prefix);
                }
            }
            if let Some(prefix) = around {
                let text = moved.from.clone();
                twins.push(Prefix {
                    text,
                    open: false,
                    line: moved.line,
                    ..prefix.clone()
                });
            }
            if twins.len() == before {
                return Err(KnowledgeError::MovedToUnknown {
                    origin: self.origin.to_owned(),
                    line: moved.line,
                    target: moved.to.clone(),
                });
            }
        }
        // Stable: a line of its own stands before its twin, which is dropped.
        self.prefixes.append(&mut twins);
        self.prefixes.sort_by(|a, b| a.text.cmp(&b.text));
        self.prefixes.dedup_by(|twin, own| twin.text == own.text);
        Ok(())
    }
}
