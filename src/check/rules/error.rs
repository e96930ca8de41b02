//! What is wrong in a file of rules, with its place and the nearest right word.

use std::borrow::Cow;
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
    /// A value that is no number and stands without quotes: `10m`.
    Unquoted {
        /// As it stands there.
        value: String,
    },
    /// An entry of the ignore list for a rule that is not in the file.
    NoSuchRule {
        /// The pattern.
        pattern: String,
        /// Names of rules that it may mean.
        nearest: Vec<String>,
    },
    /// A key that is not known here.
    UnknownKey {
        /// As it stands there.
        key: String,
        /// What may stand there.
        known: Vec<&'static str>,
        /// The known keys that it may mean.
        nearest: Vec<String>,
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
        /// The words that it may mean.
        nearest: Vec<String>,
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
        /// What to do about it.
        hint: Option<String>,
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
            Self::Unquoted { value } => write!(f, "`{value}` is no number, and no text without quotes"),
            Self::NoSuchRule { pattern, .. } => write!(f, "no rule is named `{pattern}`"),
            Self::UnknownKey { key, within, .. } => {
                write!(f, "unknown key `{key}` in {within}")
            }
            Self::MissingKey { key, within, .. } => write!(f, "`{key}` is missing in {within}"),
            Self::Type { key, expected, found } => write!(f, "`{key}` must be {expected}, not {found}"),
            Self::UnknownWord { key, word, .. } => write!(f, "`{key}` cannot be `{word}`"),
            Self::Range { key, expected } => write!(f, "`{key}` must be {expected}"),
            Self::Amount { key, text, .. } => write!(f, "`{key}` cannot be `{text}`"),
            Self::Pattern { key, cause, .. } => write!(f, "`{key}`: {cause}"),
            Self::Duplicate { id, first } => {
                write!(f, "a second rule `{id}`; the first is in line {first}")
            }
            Self::Name { id } => write!(f, "`id` cannot be `{id}`"),
            Self::Conflict { key, with } => write!(f, "`{key}` and `{with}` exclude each other"),
            Self::NotWith { key, measure, .. } => write!(f, "`{key}` does not go with `{measure}`"),
            Self::Nothing { .. } => write!(f, "this rule limits nothing"),
            Self::EmptyList { key } => write!(f, "`{key}` is empty"),
            Self::Crossed { min, max } => write!(f, "`min` {min} is above `max` {max}"),
            Self::Version { found } => write!(f, "`version` {found} is not known"),
            Self::TooMuch { what, most } => write!(f, "too many {what}: at most {most}"),
        }
    }
}

impl Problem {
    /// What to do about it.
    pub fn hint(&self) -> Option<Cow<'static, str>> {
        let alike = |nearest: &[String], known: String| match nearest {
            [] => (!known.is_empty()).then(|| format!("known: {known}").into()),
            all => Some(format!("did you mean `{}`?", all.join("` or `")).into()),
        };
        Some(match self {
            Self::UnknownKey { known, nearest, .. } => return alike(nearest, known.join(", ")),
            Self::UnknownWord { known, nearest, .. } => return alike(nearest, known.join(", ")),
            Self::NoSuchRule { nearest, .. } if nearest.is_empty() => {
                "name a rule of this file; `*` stands for any text".into()
            }
            Self::NoSuchRule { nearest, .. } => return alike(nearest, String::new()),
            Self::Unquoted { value } => format!("write \"{value}\"").into(),
            Self::MissingKey { hint, .. } | Self::NotWith { hint, .. } | Self::Nothing { hint } => (*hint).into(),
            Self::Amount { expected, .. } => format!("write {expected}").into(),
            Self::Pattern { hint, .. } => hint.clone()?.into(),
            Self::Duplicate { .. } => "every rule needs an `id` of its own".into(),
            Self::Name { .. } => "use up to 64 letters, digits, dots, dashes and underscores".into(),
            Self::Conflict { .. } => "remove one".into(),
            Self::Version { .. } => format!("version {VERSION} is supported").into(),
            Self::Syntax(_)
            | Self::Type { .. }
            | Self::Range { .. }
            | Self::EmptyList { .. }
            | Self::Crossed { .. }
            | Self::TooMuch { .. } => return None,
        })
    }
}
