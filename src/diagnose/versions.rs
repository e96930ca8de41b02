//! Versions as releases write them, and ranges of them with holes.

use serde::Deserialize;

/// Major, minor, patch; what follows says who built it and counts for nothing, except that a pre-release comes before its
/// release.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Version {
    major: u32,
    minor: u32,
    patch: u32,
    /// 0 for a pre-release, 1 for a release.
    release: u8,
}

impl Version {
    /// `v1.36.1`, `1.31.2+k3s1`, `v1.33.4-eks-99bf`, `containerd://1.7.20`, `go1.26.8`. None for what has no two numbers.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.rsplit("://").next()?;
        let start = text.find(|c: char| c.is_ascii_digit())?;
        let text = &text[start..];
        let end = text
            .find(|c: char| !(c.is_ascii_digit() || c == '.'))
            .unwrap_or(text.len());
        let (numbers, rest) = text.split_at(end);
        let mut parts = numbers.split('.').map(str::parse);
        let (major, minor) = (parts.next()?.ok()?, parts.next()?.ok()?);
        let patch = parts.next().and_then(Result::ok).unwrap_or(0);
        let pre = ["-alpha", "-beta", "-rc"].iter().any(|p| rest.starts_with(p)) || rest.starts_with("rc");
        Some(Self {
            major,
            minor,
            patch,
            release: u8::from(!pre),
        })
    }

    /// Whether both are of one minor release.
    pub(super) fn same_minor(self, other: Self) -> bool {
        (self.major, self.minor) == (other.major, other.minor)
    }
}

/// Versions from one on and before another.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Range {
    /// First that has it; from the beginning where it is missing.
    #[serde(default)]
    from: Option<String>,
    /// First that does not; to the newest where it is missing.
    #[serde(default)]
    before: Option<String>,
}

impl Range {
    pub(super) fn has(&self, v: Version) -> bool {
        let bound = |t: &Option<String>| t.as_deref().and_then(Version::parse);
        bound(&self.from).is_none_or(|f| v >= f) && bound(&self.before).is_none_or(|b| v < b)
    }

    /// Whether some version can be in it: the end is behind the beginning.
    pub(super) fn has_any(&self) -> bool {
        let bound = |t: &Option<String>| t.as_deref().and_then(Version::parse);
        let both = bound(&self.from).zip(bound(&self.before));
        both.is_none_or(|(from, before)| from < before)
    }

    /// Whether both ends can be read.
    pub(super) fn is_readable(&self) -> bool {
        [&self.from, &self.before]
            .into_iter()
            .flatten()
            .all(|t| Version::parse(t).is_some())
    }
}

impl std::fmt::Display for Range {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let end = |t: &Option<String>| t.clone().unwrap_or_else(|| "any".to_owned());
        write!(f, "from {} before {}", end(&self.from), end(&self.before))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_and_order() {
        let v = |t| Version::parse(t).expect(t);
        assert_eq!(v("v1.36.1"), v("1.36.1+k3s1"));
        assert_eq!(v("v1.33.4-eks-99bf"), v("1.33.4"));
        assert_eq!(v("containerd://1.7.20"), v("1.7.20"));
        assert_eq!(v("go1.26"), v("1.26.0"));
        assert!(v("1.37.0-alpha.3") < v("1.37.0"));
        assert!(v("1.37.0-rc.1") > v("1.36.9"));
        assert!(v("1.9.3") < v("1.10.0"));
        assert_eq!(Version::parse("kubelet"), None);
        assert_eq!(Version::parse(""), None);
        let range: Range = serde_json::from_str(r#"{"from": "1.36.0", "before": "1.36.3"}"#).expect("a range");
        assert!(range.has(v("1.36.0")) && range.has(v("v1.36.2")));
        assert!(!range.has(v("1.36.3")) && !range.has(v("1.35.9")));
    }
}
