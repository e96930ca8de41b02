//! Package patterns as `go list` takes them: `k8s.io/kubernetes/pkg/kubelet/...`, `pkg/kubelet`, `...`.
//!
//! `...` stands for any text, an empty one too, and `x/...` matches `x` as well. Nobody who looks at a kubelet wants to
//! type its module, so a pattern need not begin with one:
//!
//! * `./pkg/kubelet` is meant below `k8s.io/kubernetes`;
//! * a pattern that begins with a domain or with `...` is a whole import path;
//! * one that begins with a directory of the standard library (`net/http`, `runtime/...`) means the standard library;
//! * any other matches from any slash on: `pkg/kubelet/...`, `cadvisor/manager`.
//!
//! Patterns are matched against normalised packages (`names`), so `vendor/` and versions never matter.

use std::borrow::Cow;

use regex::RegexSet;

use super::paths;

/// Why a pattern was refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PatternError {
    /// Nothing to match.
    #[error("empty package pattern")]
    Empty,
    /// A character no import path holds.
    #[error("package pattern {pattern:?} holds {character:?}")]
    BadCharacter {
        /// The pattern.
        pattern: String,
        /// The first such character.
        character: char,
    },
    /// It leaves the module.
    #[error("package pattern {pattern:?} leaves the module")]
    Outside {
        /// The pattern.
        pattern: String,
    },
    /// Longer than any import path.
    #[error("package pattern of {length} bytes")]
    TooLong {
        /// Bytes of the pattern.
        length: usize,
    },
    /// The patterns together are larger than a matcher may be.
    #[error("package patterns are too large together: {reason}")]
    TooLarge {
        /// What the matcher said.
        reason: String,
    },
}

impl PatternError {
    /// What to do about it.
    pub fn hint(&self) -> Cow<'static, str> {
        match self {
            Self::Empty => "use pkg/kubelet/... for the kubelet and ... for everything".into(),
            Self::BadCharacter { .. } => {
                "write an import path with ... for any text, without a version and without a function, as in pkg/kubelet/..."
                    .into()
            }
            Self::Outside { .. } => "relative patterns are meant below k8s.io/kubernetes".into(),
            Self::TooLong { .. } => format!("at most {MAX_LENGTH} bytes make sense; is this a file's content?").into(),
            Self::TooLarge { .. } => "use fewer or shorter ones, and ... in place of lists".into(),
        }
    }
}

/// Longest pattern taken, bytes.
const MAX_LENGTH: usize = 1024;

/// One or more patterns; a package matches when one of them does.
#[derive(Debug, Clone)]
pub struct PackagePatterns {
    texts: Vec<String>,
    set: RegexSet,
}

impl PackagePatterns {
    /// Reads the patterns. None at all match nothing.
    pub fn parse<'p>(patterns: impl IntoIterator<Item = &'p str>) -> Result<Self, PatternError> {
        let mut texts = Vec::new();
        let mut expressions = Vec::new();
        for pattern in patterns {
            expressions.push(expression(pattern.trim())?);
            texts.push(pattern.trim().to_owned());
        }
        let set = RegexSet::new(&expressions).map_err(|e| PatternError::TooLarge { reason: e.to_string() })?;
        Ok(Self { texts, set })
    }

    /// Whether a normalised import path matches; `""`, the package of C functions, matches `...` only.
    pub fn matches(&self, package: &str) -> bool {
        self.set.is_match(package)
    }

    /// The patterns as they were given.
    pub fn texts(&self) -> &[String] {
        &self.texts
    }
}

fn expression(pattern: &str) -> Result<String, PatternError> {
    if pattern.len() > MAX_LENGTH {
        return Err(PatternError::TooLong { length: pattern.len() });
    }
    let allowed = |c: char| c.is_alphanumeric() || matches!(c, '.' | '/' | '-' | '_' | '~' | '+');
    if let Some(character) = pattern.chars().find(|&c| !allowed(c)) {
        return Err(PatternError::BadCharacter {
            pattern: pattern.to_owned(),
            character,
        });
    }
    // Packages are normalised, so what builds put in front of them goes from patterns as well.
    let mut path = pattern;
    for prefix in ["k8s.io/kubernetes/", "vendor/", "staging/src/"] {
        match path.strip_prefix(prefix) {
            // Only in front of another prefix: the repository's own packages keep their name.
            Some(rest) if prefix != "k8s.io/kubernetes/" => path = rest,
            Some(rest) if rest.starts_with("vendor/") || rest.starts_with("staging/src/") => path = rest,
            _ => {}
        }
    }
    let mut start = "^";
    if let Some(below) = path
        .strip_prefix("./")
        .or_else(|| path.strip_prefix('/'))
        .or((path == ".").then_some(""))
    {
        start = "^k8s\\.io/kubernetes/";
        path = below;
        if path.trim_matches('/').is_empty() {
            return Ok("^k8s\\.io/kubernetes$".to_owned());
        }
    } else {
        let first = path.split('/').next().unwrap_or("");
        if !first.contains('.') && !paths::is_std(first) && first != "main" {
            start = "(?:^|/)";
        }
    }
    let path = path.trim_end_matches('/');
    if path.is_empty() {
        return Err(PatternError::Empty);
    }
    if path.split('/').any(|element| element == ".." || element == ".") {
        return Err(PatternError::Outside {
            pattern: pattern.to_owned(),
        });
    }
    let (path, end) = match path.strip_suffix("/...") {
        Some(root) => (root, "(?:/.*)?$"),
        None => (path, "$"),
    };
    Ok(format!("{start}{}{end}", regex::escape(path).replace(r"\.\.\.", ".*")))
}
