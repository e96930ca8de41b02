//! The functions that Tab offers.
//!
//! Functions are found by any part of their name, also by parts in order (`kubelet.sync`), and are inserted so that they
//! work as an expression: `kubelet.\(\*Kubelet\).syncPod`, with as much of the import path as tells them from others. Where
//! very many match, their packages are offered instead.

use std::collections::{BTreeMap, BTreeSet};

use super::Offer;
use crate::kubelet::GoName;
use crate::model::Profile;

/// Above this number, packages are offered in place of their functions.
const MANY: usize = 60;

/// The functions of a profile.
#[derive(Clone, Debug)]
pub(super) struct Functions {
    all: Vec<FunctionName>,
    packages: Vec<String>,
}

/// A function of the profile.
#[derive(Clone, Debug)]
struct FunctionName {
    package: String,
    /// With its package.
    whole: String,
    /// With as much of its package as tells it from the others.
    short: String,
    /// `whole` in lower case without the brackets around receivers.
    key: String,
}

impl FunctionName {
    fn offer(&self) -> Offer {
        Offer {
            shown: self.short.clone(),
            inserted: expression(&self.short),
        }
    }
}

impl Functions {
    /// Those of a profile, by name.
    pub(super) fn of(p: &Profile) -> Self {
        let mut names = BTreeSet::new();
        for f in &p.functions {
            names.insert((p.text(f.name), p.text(f.filename)));
        }
        let mut functions: Vec<FunctionName> = Vec::with_capacity(names.len());
        let mut packages = BTreeSet::new();
        for (name, file) in names {
            if name.is_empty() || functions.last().is_some_and(|f: &FunctionName| f.whole == name) {
                continue;
            }
            let package = GoName::parse_in(name, file).package().to_owned();
            packages.insert(package.clone());
            functions.push(FunctionName {
                short: name.to_owned(),
                key: key(name),
                whole: name.to_owned(),
                package,
            });
        }
        packages.remove("");
        let ends = telling_ends(&packages);
        for f in &mut functions {
            // A name that does not begin with its package stays whole.
            if let Some(end) = ends.get(f.package.as_str())
                && let Some(rest) = f.whole.strip_prefix(f.package.as_str())
            {
                f.short = format!("{end}{rest}");
            }
        }
        Self {
            all: functions,
            packages: packages.into_iter().collect(),
        }
    }

    /// Packages with a part of their path.
    pub(super) fn packages(&self, word: &str) -> Vec<Offer> {
        let found = self.packages.iter().filter(|p| p.contains(word));
        found.map(|p| Offer::plain(p)).collect()
    }

    /// Functions whose names hold the last alternative of an expression.
    pub(super) fn expressions(&self, expression: &str, pos: usize) -> (usize, Vec<Offer>) {
        let expression = expression.trim_start_matches(['"', '\'']);
        let part = expression.rsplit('|').next().unwrap_or_default();
        let at = pos - part.len();
        if part.is_empty() {
            return (at, Vec::new());
        }
        let wanted = key(&part.replace('\\', ""));
        let mut found: Vec<&FunctionName> = self.all.iter().filter(|f| f.key.contains(&wanted)).collect();
        if found.is_empty() {
            found = self.all.iter().filter(|f| in_order(&f.key, &wanted)).collect();
        }
        // Whoever types a path from its start means no other that contains it.
        if wanted.contains('/') && found.iter().any(|f| f.key.starts_with(&wanted)) {
            found.retain(|f| f.key.starts_with(&wanted));
        }
        // What begins a name, or a part of it, is meant before what stands in the middle of one.
        let begins = |f: &&FunctionName| {
            let before = |at: usize| f.key[..at].chars().next_back();
            (f.key.match_indices(&wanted)).any(|(at, _)| before(at).is_none_or(|c| !c.is_alphanumeric() && c != '_'))
        };
        if found.iter().any(begins) {
            found.retain(begins);
        }
        let mut offers: Vec<Offer> = if found.len() > MANY {
            by_package(&found)
        } else {
            found.iter().map(|f| f.offer()).collect()
        };
        offers.sort_by(|a, b| a.shown.cmp(&b.shown));
        offers.dedup();
        keep_what_was_typed(&mut offers, part, &wanted);
        (at, offers)
    }
}

/// For each package the shortest end of its path that no other has.
fn telling_ends(packages: &BTreeSet<String>) -> BTreeMap<&str, &str> {
    let ends = |package: &str| -> Vec<usize> {
        let slashes = package.match_indices('/').map(|(i, _)| i + 1);
        let mut starts: Vec<usize> = std::iter::once(0).chain(slashes).collect();
        starts.reverse();
        starts
    };
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for package in packages {
        for start in ends(package) {
            *counts.entry(&package[start..]).or_default() += 1;
        }
    }
    let telling = |package: &str| ends(package).into_iter().find(|&start| counts[&package[start..]] == 1);
    packages
        .iter()
        .map(|p| (p.as_str(), &p[telling(p).unwrap_or(0)..]))
        .collect()
}

/// The packages of functions, with how many there are of each.
fn by_package(found: &[&FunctionName]) -> Vec<Offer> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for f in found {
        *counts.entry(&f.package).or_default() += 1;
    }
    let offer = |(package, n): (&str, usize)| Offer {
        shown: format!("{package} ({n})"),
        inserted: format!("{}.", expression(package)),
    };
    counts.into_iter().filter(|(p, _)| !p.is_empty()).map(offer).collect()
}

/// The line editor inserts what all offers begin with. Where that has lost what was typed, nothing is inserted.
fn keep_what_was_typed(offers: &mut [Offer], typed: &str, wanted: &str) {
    let [first, rest @ ..] = &*offers else { return };
    if rest.is_empty() {
        return;
    }
    let mut common = first.inserted.as_str();
    for o in rest {
        let same = common.char_indices().zip(o.inserted.chars()).find(|((_, a), b)| a != b);
        let end = same.map_or(common.len().min(o.inserted.len()), |((i, _), _)| i);
        common = &common[..end];
    }
    let whole = !common.ends_with('\\') && key(&common.replace('\\', "")).contains(wanted);
    if !whole {
        for o in offers {
            o.inserted = typed.to_owned();
        }
    }
}

/// A name for searching: lower case, without the brackets around receivers.
fn key(name: &str) -> String {
    name.chars()
        .filter(|c| !matches!(c, '(' | ')' | '*'))
        .flat_map(char::to_lowercase)
        .collect()
}

/// Whether the parts between the dots of `wanted` stand in `name` in this order.
fn in_order(name: &str, wanted: &str) -> bool {
    let mut rest = name;
    wanted.split('.').all(|part| {
        let found = rest.find(part);
        rest = found.map_or("", |i| &rest[i + part.len()..]);
        found.is_some()
    })
}

/// A name as an expression. Dots stay: they match themselves, and are easier to read.
fn expression(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    for c in name.chars() {
        if matches!(
            c,
            '(' | ')' | '*' | '[' | ']' | '{' | '}' | '+' | '?' | '|' | '^' | '$' | '\\'
        ) {
            out.push('\\');
        }
        // A blank would end the word.
        out.push(if c == ' ' { '.' } else { c });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::Offer;
    use super::{expression, in_order, keep_what_was_typed, key};

    #[test]
    fn names_become_expressions() {
        let name = "kubelet.(*Kubelet).syncPod[...]";
        let re = regex::Regex::new(&format!("^{}$", expression(name))).unwrap();
        assert!(re.is_match(name), "{re}");
        assert!(in_order(&key("k8s.io/pkg/kubelet.(*Kubelet).syncPod"), "kubelet.sync"));
        assert!(!in_order("kubelet.sync", "sync.kubelet"));
    }

    #[test]
    fn ends_that_tell() {
        let packages = ["kubelet", "a/pkg/kubelet", "a/cmd/kubelet", "b/c"]
            .map(str::to_owned)
            .into();
        let ends = super::telling_ends(&packages);
        assert_eq!(ends["a/pkg/kubelet"], "pkg/kubelet");
        assert_eq!(ends["b/c"], "c");
        // Every end of it is shared.
        assert_eq!(ends["kubelet"], "kubelet");
    }

    #[test]
    fn what_was_typed_stays() {
        let offers = |texts: [&str; 2]| texts.map(Offer::plain).to_vec();
        let mut lost = offers(["kubelet.podA", "kubelet_x.podB"]);
        keep_what_was_typed(&mut lost, "po", "po");
        assert_eq!(lost[0].inserted, "po");
        let mut kept = offers(["kubelet.syncPod", "kubelet.syncNode"]);
        keep_what_was_typed(&mut kept, "sync", "sync");
        assert_eq!(kept[0].inserted, "kubelet.syncPod");
        let mut cut = offers(["a\\(b", "a\\*b"]);
        keep_what_was_typed(&mut cut, "a", "a");
        assert_eq!(cut[0].inserted, "a");
    }
}
