//! What is wrong in a file of rules, with its place and the nearest right word.

use std::fmt;

/// A mistake.
#[derive(Clone, Debug, PartialEq)]
pub struct RulesError {
    /// Name of the file.
    pub origin: String,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// What is wrong.
    pub problem: Problem,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Problem {
    /// It is no TOML; in the words of the parser.
    Syntax(String),
    /// A key that is not known here.
    UnknownKey {
        /// As it stands there.
        key: String,
        /// What may stand there.
        known: Vec<&'static str>,
        /// The known key that it may mean.
        nearest: Option<String>,
        /// Of which rule kind or table.
        within: &'static str,
    },
    /// A key that must be there is missing.
    MissingKey {
        /// Which.
        key: &'static str,
        /// Of which rule kind or table.
        within: &'static str,
        /// What it says.
        hint: &'static str,
    },
    /// A value of another type.
    Type {
        /// Its key.
        key: String,
        /// What it must be.
        expected: &'static str,
        /// What it is.
        found: &'static str,
    },
    /// A word that is not one of those that may stand there.
    UnknownWord {
        /// Its key.
        key: String,
        /// As it stands there.
        word: String,
        /// What may stand there; empty where there are too many.
        known: Vec<String>,
        /// The word that it may mean.
        nearest: Option<String>,
    },
    /// A number that is too small, too large or no number.
    Range {
        /// Its key.
        key: String,
        /// What it must be.
        expected: &'static str,
    },
    /// A number with a unit that does not fit.
    Amount {
        /// Its key.
        key: String,
        /// As it stands there.
        text: String,
        /// How it is written.
        expected: &'static str,
    },
    /// A regular expression or package pattern that is malformed.
    Pattern {
        /// Its key.
        key: String,
        /// Why.
        cause: String,
    },
    /// Two rules of one name.
    Duplicate {
        /// The name.
        id: String,
        /// Where the first one is.
        first: u32,
    },
    /// A name that cannot be one.
    Name {
        /// As it stands there.
        id: String,
    },
    /// Keys that exclude each other.
    Conflict {
        /// One.
        key: &'static str,
        /// The other.
        with: &'static str,
    },
    /// A key that does not go with a measure.
    NotWith {
        /// The key.
        key: &'static str,
        /// The measure.
        measure: &'static str,
        /// What it goes with.
        hint: &'static str,
    },
    /// A rule that says nothing.
    Nothing {
        /// What has to be said.
        hint: &'static str,
    },
    /// A list without anything in it.
    EmptyList {
        /// Its key.
        key: String,
    },
    /// The lower limit is above the upper one.
    Crossed {
        /// The lower limit.
        min: f64,
        /// The upper one.
        max: f64,
    },
    /// A version of the format that is not known.
    Version {
        /// What it says.
        found: i64,
    },
    /// The file is too large, or has too much of something.
    TooMuch {
        /// Of what.
        what: &'static str,
        /// How much is allowed.
        most: usize,
    },
}

/// The version of the format.
pub(super) const VERSION: i64 = 1;

impl fmt::Display for RulesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.origin, self.line, self.column, self.problem)
    }
}

impl std::error::Error for RulesError {}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(message) => f.write_str(message),
            Self::UnknownKey {
                key,
                known,
                nearest,
                within,
            } => {
                write!(f, "unknown key `{key}` in {within}")?;
                hint(f, nearest.as_deref(), &known.join(", "))
            }
            Self::MissingKey { key, within, hint } => write!(f, "`{key}` is missing in {within}\nhint: {hint}"),
            Self::Type { key, expected, found } => write!(f, "`{key}` must be {expected}, not {found}"),
            Self::UnknownWord {
                key,
                word,
                known,
                nearest,
            } => {
                write!(f, "`{key}` cannot be `{word}`")?;
                hint(f, nearest.as_deref(), &known.join(", "))
            }
            Self::Range { key, expected } => write!(f, "`{key}` must be {expected}"),
            Self::Amount { key, text, expected } => write!(f, "`{key}` cannot be `{text}`\nhint: write {expected}"),
            Self::Pattern { key, cause } => write!(f, "`{key}`: {cause}"),
            Self::Duplicate { id, first } => {
                write!(
                    f,
                    "a second rule `{id}`; the first is in line {first}\nhint: every rule needs an `id` of its own"
                )
            }
            Self::Name { id } => write!(
                f,
                "`id` cannot be `{id}`\nhint: use up to 64 letters, digits, dots, dashes and underscores"
            ),
            Self::Conflict { key, with } => write!(f, "`{key}` and `{with}` exclude each other\nhint: remove one"),
            Self::NotWith { key, measure, hint } => write!(f, "`{key}` does not go with `{measure}`\nhint: {hint}"),
            Self::Nothing { hint } => write!(f, "this rule limits nothing\nhint: {hint}"),
            Self::EmptyList { key } => write!(f, "`{key}` is empty"),
            Self::Crossed { min, max } => write!(f, "`min` {min} is above `max` {max}"),
            Self::Version { found } => write!(
                f,
                "`version` {found} is not known\nhint: this kubeprof reads version {VERSION}"
            ),
            Self::TooMuch { what, most } => write!(f, "too many {what}: at most {most}"),
        }
    }
}

fn hint(f: &mut fmt::Formatter<'_>, nearest: Option<&str>, known: &str) -> fmt::Result {
    match nearest {
        Some(nearest) => write!(f, "\nhint: did you mean `{nearest}`?"),
        None if known.is_empty() => Ok(()),
        None => write!(f, "\nhint: known: {known}"),
    }
}
