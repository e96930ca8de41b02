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

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn two_changes_are_near() {
        assert_eq!(nearest("tpo", ["topp", "tree"].into_iter()), None);
        assert_eq!(nearest("fcosu", ["focus", "hide"].into_iter()), Some("focus"));
        assert_eq!(nearest("foucs", ["focus", "hide"].into_iter()), Some("focus"));
        assert_eq!(nearest("xyz", ["focus", "hide"].into_iter()), None);
    }
}
