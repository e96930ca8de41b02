//! Which of the known names a mistyped one may have meant.

/// The name that is at most two changes away.
pub fn nearest<'a>(typed: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    if typed.len() > 64 {
        return None;
    }
    let near = |name: &&str| distance(typed, name);
    let found = names.min_by_key(near)?;
    (distance(typed, found) <= 2.min(typed.len() / 2)).then_some(found)
}

/// Insertions, deletions, exchanges and swaps of neighbours that make `b` of `a`.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let exchange = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = exchange.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::{distance, nearest};

    #[test]
    fn two_changes_are_near() {
        assert_eq!(distance("focsu", "focus"), 1);
        assert_eq!(distance("tpo", "topp"), 2);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(nearest("foucs", ["focus", "hide"].into_iter()), Some("focus"));
        assert_eq!(nearest("xyz", ["focus", "hide"].into_iter()), None);
    }
}
