//! Reads the table of subsystems and says on which line it is wrong.
//!
//! The lines may stand in any order. What comes out is ready for look-ups by binary search: prefixes sorted by text, each
//! linked to the longest other one that it begins with, and moved packages expanded into prefixes of their own. Looking
//! up is `knowledge`'s.

use rustc_hash::FxHashMap;

use super::knowledge::{Role, Subsystem, SubsystemId};

/// Why a table of subsystems was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KnowledgeError {
    /// A line has fewer columns than it needs.
    #[error("{origin}:{line}: {missing} is missing")]
    Missing {
        /// File name.
        origin: String,
        /// Line, from 1.
        line: usize,
        /// The column that is not there.
        missing: &'static str,
    },
    /// A line has more columns than there are.
    #[error("{origin}:{line}: too many columns")]
    TooManyColumns {
        /// File name.
        origin: String,
        /// Line, from 1.
        line: usize,
    },
    /// A role that does not exist.
    #[error("{origin}:{line}: unknown role {role:?}")]
    UnknownRole {
        /// File name.
        origin: String,
        /// Line, from 1.
        line: usize,
        /// What stood there.
        role: String,
    },
    /// A key that is hard to type or cannot be told from an option.
    #[error("{origin}:{line}: {key:?} is not a key")]
    BadKey {
        /// File name.
        origin: String,
        /// Line, from 1.
        line: usize,
        /// What stood there.
        key: String,
    },
    /// The same prefix twice.
    #[error("{origin}:{line}: prefix {prefix:?} is already on line {first}")]
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
    #[error("{origin}:{line}: {what} of {key:?} differs from line {first}")]
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
    #[error("{origin}:{line}: nothing is known below {target:?}")]
    MovedToUnknown {
        /// File name.
        origin: String,
        /// Line, from 1.
        line: usize,
        /// The target.
        target: String,
    },
    /// No prefix at all.
    #[error("{origin}: holds no prefix")]
    Empty {
        /// File name.
        origin: String,
    },
    /// More keys than an id can count.
    #[error("{origin}:{line}: more than 65535 keys")]
    TooManyKeys {
        /// File name.
        origin: String,
        /// Line, from 1.
        line: usize,
    },
}

impl KnowledgeError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Missing { .. } => {
                "columns are separated by tabs: prefix, key, role, title; each key needs its role and title on one of its lines"
            }
            Self::TooManyColumns { .. } => "columns are separated by tabs: prefix, key, role, title",
            Self::UnknownRole { .. } => "the roles are owner, boundary, library, start, wrapper, runtime and plain",
            Self::BadKey { .. } => "use lower-case letters, digits and inner dashes, as in pod-workers",
            Self::DuplicatePrefix { .. } => "remove one of the two lines",
            Self::Conflict { .. } => "a key has one role and one title; leave them out here or use another key",
            Self::MovedToUnknown { .. } => "the third column names the place whose lines are meant",
            Self::Empty { .. } => "start from the built-in table",
            Self::TooManyKeys { .. } => "is this the right file?",
        }
    }
}

/// A checked table.
pub(super) struct Table {
    pub(super) subsystems: Vec<Subsystem>,
    pub(super) by_key: FxHashMap<String, SubsystemId>,
    /// Sorted by text.
    pub(super) prefixes: Vec<Prefix>,
    /// Sorted by where it moved from.
    pub(super) moved: Vec<Moved>,
}

impl Table {
    /// Reads a table. `origin` is the file's name for errors.
    pub(super) fn parse(text: &str, origin: &str) -> Result<Self, KnowledgeError> {
        let mut builder = Builder::new(origin);
        for (index, line) in text.lines().enumerate() {
            builder.line(index + 1, line)?;
        }
        builder.finish()
    }
}

#[derive(Debug, Clone)]
pub(super) struct Prefix {
    pub(super) text: String,
    /// Ended with `*`: goes on within a word.
    pub(super) open: bool,
    pub(super) subsystem: SubsystemId,
    /// Index of the longest other prefix that is a prefix of this text.
    pub(super) shorter: Option<u32>,
    line: usize,
}

#[derive(Debug, Clone)]
pub(super) struct Moved {
    pub(super) from: String,
    pub(super) to: String,
    line: usize,
}

/// Whether a name may go on with `rest` behind a prefix that is whole: behind a path element, a type or a function.
pub(super) fn ends_at_boundary(rest: &str) -> bool {
    matches!(rest.as_bytes().first(), None | Some(b'/' | b'.' | b'[' | b'-'))
}

/// A key with what its lines said so far, and the line of each.
struct Key {
    key: String,
    line: usize,
    role: Option<(Role, usize)>,
    title: Option<(String, usize)>,
}

struct Builder<'o> {
    origin: &'o str,
    keys: Vec<Key>,
    by_key: FxHashMap<String, SubsystemId>,
    prefixes: Vec<Prefix>,
    moved: Vec<Moved>,
}

impl<'o> Builder<'o> {
    fn new(origin: &'o str) -> Self {
        Self {
            origin,
            keys: Vec::new(),
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

    /// The id of a key, keeping what the line says about its role and title.
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
        let unknown = |text: &str| KnowledgeError::UnknownRole {
            origin: origin(),
            line,
            role: text.to_owned(),
        };
        let role = role
            .map(|text| Role::parse(text).ok_or_else(|| unknown(text)))
            .transpose()?;
        let id = match self.by_key.get(key) {
            Some(&id) => id,
            None => {
                let id = u16::try_from(self.keys.len());
                let id = SubsystemId(id.map_err(|_| KnowledgeError::TooManyKeys { origin: origin(), line })?);
                self.keys.push(Key {
                    key: key.to_owned(),
                    line,
                    role: None,
                    title: None,
                });
                self.by_key.insert(key.to_owned(), id);
                id
            }
        };
        let known = &mut self.keys[usize::from(id.0)];
        let conflict = |what, first| {
            Err(KnowledgeError::Conflict {
                origin: self.origin.to_owned(),
                line,
                what,
                key: key.to_owned(),
                first,
            })
        };
        match (role, known.role) {
            (Some(new), Some((old, first))) if new != old => return conflict("role", first),
            (Some(new), None) => known.role = Some((new, line)),
            _ => {}
        }
        match (title, &known.title) {
            (Some(new), Some((old, first))) if new != old => return conflict("title", *first),
            (Some(new), None) => known.title = Some((new.to_owned(), line)),
            _ => {}
        }
        Ok(id)
    }

    fn finish(mut self) -> Result<Table, KnowledgeError> {
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
        let mut subsystems = Vec::with_capacity(self.keys.len());
        for key in self.keys {
            let line = key.line;
            let missing = |missing| KnowledgeError::Missing {
                origin: self.origin.to_owned(),
                line,
                missing,
            };
            let (role, _) = key.role.ok_or_else(|| missing("the role"))?;
            let (title, _) = key.title.ok_or_else(|| missing("the title"))?;
            subsystems.push(Subsystem {
                key: key.key,
                title,
                role,
            });
        }
        Ok(Table {
            subsystems,
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
