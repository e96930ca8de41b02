//! Which of the known names a mistyped one may have meant.

use strsim::osa_distance;

/// The name that is at most two changes away.
pub fn nearest<'a>(typed: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    if typed.len() > 64 {
        return None;
    }
    let near = |name: &&str| osa_distance(typed, name);
    let found = names.min_by_key(near)?;
    (osa_distance(typed, found) <= 2.min(typed.len() / 2)).then_some(found)
}

/// Names that a mistyped one may have meant, three at most: the one that [`nearest`] finds, else those that begin with it
/// or that it begins with.
pub fn alike<'a>(typed: &str, names: impl Iterator<Item = &'a str> + Clone) -> Vec<&'a str> {
    if let Some(one) = nearest(typed, names.clone()) {
        return vec![one];
    }
    let begins = |a: &str, b: &str| b.len() >= 3 && a.starts_with(b);
    let mut found: Vec<&str> = names.filter(|n| begins(n, typed) || begins(typed, n)).collect();
    found.dedup();
    // More than a few are a list, not an answer.
    if found.len() > 3 { Vec::new() } else { found }
}

#[cfg(test)]
mod tests {
    use super::{alike, nearest};

    #[test]
    fn what_begins_alike_is_alike() {
        let names = ["wait", "max", "cpu-share", "cpu-cores", "a"];
        for (typed, expected) in [
            ("maximum", &["max"][..]),
            ("wait-age", &["wait"]),
            ("cpu", &["cpu-share", "cpu-cores"]),
            ("cpu-core", &["cpu-cores"]),
            ("apples", &[]),
            ("", &[]),
        ] {
            assert_eq!(alike(typed, names.into_iter()), expected, "{typed}");
        }
    }

    #[test]
    fn two_changes_are_near() {
        assert_eq!(nearest("tpo", ["topp", "tree"].into_iter()), None);
        assert_eq!(nearest("fcosu", ["focus", "hide"].into_iter()), Some("focus"));
        assert_eq!(nearest("foucs", ["focus", "hide"].into_iter()), Some("focus"));
        assert_eq!(nearest("xyz", ["focus", "hide"].into_iter()), None);
    }
}
