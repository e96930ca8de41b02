//! What Tab offers: commands, variables and their values, flags, files behind `>`, functions everywhere else.
//!
//! Functions are found by any part of their name, also by parts in order (`kubelet.sync`), and are inserted so that they
//! work as an expression: `kubelet.\(\*Kubelet\).syncPod`, with as much of the import path as tells them from others. Where very many match, their packages are offered instead. Nothing here knows the line editor.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use super::Session;
use super::statement::OWN;
use super::variables::{Catalogue, Shape, Variable};
use crate::kubelet::GoName;
use crate::model::LabelKind;

/// Above this number, packages are offered in place of their functions.
const MANY: usize = 60;

/// One offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Offer {
    /// As it is listed.
    pub(super) shown: String,
    /// As it is inserted.
    pub(super) inserted: String,
}

impl Offer {
    fn plain(text: &str) -> Self {
        Self {
            shown: text.to_owned(),
            inserted: text.to_owned(),
        }
    }
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

/// A command and what it takes.
#[derive(Clone, Debug)]
struct CommandWords {
    name: String,
    /// Its flags, and the values of each where they are few.
    flags: Vec<(String, Vec<String>)>,
}

/// All that can be offered in one session.
#[derive(Clone, Debug)]
pub(super) struct Offers {
    commands: Vec<CommandWords>,
    catalogue: Catalogue,
    functions: Vec<FunctionName>,
    packages: Vec<String>,
    subsystems: Vec<String>,
    label_keys: Vec<String>,
    units: &'static [&'static str],
}

impl Offers {
    /// Collects what the profile and the commands have.
    pub(super) fn new(session: &Session) -> Self {
        let p = &session.held.profile;
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
        let mut label_keys = BTreeSet::new();
        for i in 0..p.samples.len() {
            for l in p.samples.labels(i) {
                if l.kind() != LabelKind::Empty || !l.key.is_empty() {
                    label_keys.insert(l.key);
                }
            }
        }
        let units = p.sample_types.iter().map(|t| p.text(t.unit));
        Self {
            commands: session
                .command_names()
                .filter_map(|name| command_words(session, name))
                .collect(),
            catalogue: session.catalogue.clone(),
            functions,
            packages: packages.into_iter().collect(),
            subsystems: session
                .held
                .knowledge
                .subsystems()
                .iter()
                .map(|s| s.key.clone())
                .collect(),
            label_keys: label_keys.into_iter().map(|k| p.text(k).to_owned()).collect(),
            units: match units.clone().next_back().unwrap_or_default() {
                "bytes" => &["minimum", "auto", "B", "kB", "MB", "GB"],
                "nanoseconds" => &["minimum", "auto", "ns", "us", "ms", "s", "hrs"],
                _ => &["minimum", "auto"],
            },
        }
    }

    /// What fits at `pos` of `line`: where the word begins, and the offers.
    pub(super) fn at(&self, line: &str, pos: usize) -> (usize, Vec<Offer>) {
        let line = line.get(..pos).unwrap_or(line);
        let start = last_statement(line);
        let words = words(line, start);
        let (at, word) = words.last().copied().unwrap_or((pos, ""));
        let before: Vec<&str> = words[..words.len().saturating_sub(1)].iter().map(|(_, w)| *w).collect();
        if before.iter().any(|w| w.starts_with('|')) || word.starts_with('|') {
            return (pos, Vec::new());
        }
        // `>file` and `> file`
        let redirected = before.last().is_some_and(|w| matches!(*w, ">" | ">>"));
        if redirected || word.starts_with('>') {
            let file = word.trim_start_matches('>');
            return (pos - file.len(), files(file));
        }
        let statement = line[start..].trim_start();
        if let Some((name, value)) = statement.split_once('=')
            && let Some(v) = self.catalogue.find(name.trim())
        {
            let value = value.trim_start();
            return self.values(v, value, pos);
        }
        let Some(first) = before.first() else {
            let mut offers = self.first_words(word);
            if let [only] = offers.as_mut_slice()
                && !only.inserted.ends_with('=')
            {
                only.inserted.push(' ');
            }
            return (at, offers);
        };
        match *first {
            "help" | "h" => return (at, self.first_words(word).into_iter().map(without_sign).collect()),
            "unset" => {
                let names = self.catalogue.variables().iter().map(|v| v.name.as_str());
                return (at, starting(names, word));
            }
            "by" => {
                return self
                    .catalogue
                    .find("by")
                    .map_or((at, Vec::new()), |v| self.values(v, word, pos));
            }
            _ => {}
        }
        let digits = |c: char| c.is_ascii_digit();
        let name = first.trim_end_matches(digits);
        let Some(command) = self.commands.iter().find(|c| c.name == *first || c.name == name) else {
            return (at, Vec::new());
        };
        if let Some(last) = before.last().filter(|w| w.starts_with('-')) {
            if let Some((_, values)) = command.flags.iter().find(|(f, v)| f == last && !v.is_empty()) {
                return (at, starting(values.iter().map(String::as_str), word));
            }
            if let Some(v) = last.strip_prefix("--").and_then(|n| self.catalogue.find(n))
                && v.shape != Shape::Switch
            {
                return self.values(v, word, pos);
            }
        }
        if word.starts_with("--") {
            if let Some((flag, value)) = word.split_once('=')
                && let Some(v) = self.catalogue.find(flag.trim_start_matches('-'))
            {
                return self.values(v, value, pos);
            }
            let flags = command
                .flags
                .iter()
                .map(|(f, _)| f.as_str())
                .filter(|f| f.starts_with("--"));
            return (at, starting(flags, word));
        }
        if name == "tags" {
            let word = word.trim_start_matches('-');
            return (
                pos - word.len(),
                starting(self.label_keys.iter().map(String::as_str), word),
            );
        }
        // OLD of a comparison is a file; what else is typed there is an expression.
        if name == "diff" && !word.starts_with('-') {
            let found = files(word);
            if !found.is_empty() || word.is_empty() {
                return (at, found);
            }
        }
        self.expressions(word.trim_start_matches('-'), pos)
    }

    /// Commands, variables with their sign, and words that set one.
    fn first_words(&self, word: &str) -> Vec<Offer> {
        let words = self.catalogue.words();
        let own = OWN.iter().map(|(name, _)| *name);
        let commands = self.commands.iter().map(|c| c.name.as_str());
        let mut offers = starting(own.chain(commands).chain(words.iter().map(String::as_str)), word);
        let variables = self.catalogue.variables().iter().filter(|v| v.name.starts_with(word));
        offers.extend(variables.map(|v| Offer::plain(&format!("{}=", v.name))));
        offers.sort_by(|a, b| a.shown.cmp(&b.shown));
        offers.dedup();
        offers
    }

    fn values(&self, v: &Variable, value: &str, pos: usize) -> (usize, Vec<Offer>) {
        let at = pos - value.len();
        let texts: Vec<&str> = match (v.name.as_str(), &v.shape) {
            (_, Shape::Choice(choices)) => choices.iter().map(String::as_str).collect(),
            (_, Shape::Switch) => vec!["true", "false"],
            ("unit", _) => self.units.to_vec(),
            ("subsystem" | "owner" | "package", _) => {
                let last = value.rsplit([',', ' ']).next().unwrap_or_default();
                let at = pos - last.len();
                return (
                    at,
                    if v.name == "package" {
                        self.patterns(last)
                    } else {
                        self.keys(last)
                    },
                );
            }
            ("tagfocus" | "tagignore" | "tagshow" | "taghide", _) => {
                self.label_keys.iter().map(String::as_str).collect()
            }
            ("tagroot" | "tagleaf", _) => {
                let last = value.rsplit(',').next().unwrap_or_default();
                return (
                    pos - last.len(),
                    starting(self.label_keys.iter().map(String::as_str), last),
                );
            }
            ("trim_path" | "source_path", _) => {
                let last = value.rsplit(':').next().unwrap_or_default();
                return (pos - last.len(), files(last));
            }
            (_, Shape::Text) if v.default.is_empty() && v.name != "nodecount" => return self.expressions(value, pos),
            _ => Vec::new(),
        };
        (at, starting(texts.into_iter(), value))
    }

    fn keys(&self, word: &str) -> Vec<Offer> {
        let keys = || self.subsystems.iter().map(String::as_str);
        let offers = starting(keys(), word);
        if offers.is_empty() {
            keys().filter(|k| k.contains(word)).map(Offer::plain).collect()
        } else {
            offers
        }
    }

    /// Packages of the profile with a part of their path.
    fn patterns(&self, word: &str) -> Vec<Offer> {
        let found = self.packages.iter().filter(|p| p.contains(word));
        found.map(|p| Offer::plain(p)).collect()
    }

    /// Functions whose names hold the last alternative of an expression.
    fn expressions(&self, expression: &str, pos: usize) -> (usize, Vec<Offer>) {
        let expression = expression.trim_start_matches(['"', '\'']);
        let part = expression.rsplit('|').next().unwrap_or_default();
        let at = pos - part.len();
        if part.is_empty() {
            return (at, Vec::new());
        }
        let wanted = key(&part.replace('\\', ""));
        let mut found: Vec<&FunctionName> = self.functions.iter().filter(|f| f.key.contains(&wanted)).collect();
        if found.is_empty() {
            found = self.functions.iter().filter(|f| in_order(&f.key, &wanted)).collect();
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

fn without_sign(mut offer: Offer) -> Offer {
    if offer.inserted.ends_with('=') {
        offer.inserted.pop();
        offer.shown.pop();
    }
    offer
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

fn starting<'a>(texts: impl Iterator<Item = &'a str>, word: &str) -> Vec<Offer> {
    texts.filter(|t| t.starts_with(word)).map(Offer::plain).collect()
}

/// Where the statement begins in which the line ends.
fn last_statement(line: &str) -> usize {
    let mut quote = None;
    let mut start = 0;
    for (i, c) in line.char_indices() {
        match (quote, c) {
            (Some(q), c) if c == q => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, ';') => start = i + 1,
            (None, _) => {}
        }
    }
    start
}

/// The words from `start` on with their places; the last one is empty after a blank.
fn words(line: &str, start: usize) -> Vec<(usize, &str)> {
    let mut words = Vec::new();
    let mut at = start;
    for word in line[start..].split([' ', '\t']) {
        if !word.is_empty() || at == line.len() {
            words.push((at, word));
        }
        at += word.len() + 1;
    }
    words
}

/// Files and folders that begin with `typed`.
fn files(typed: &str) -> Vec<Offer> {
    let (folder, name) = match typed.rfind('/') {
        Some(i) => typed.split_at(i + 1),
        None => ("", typed),
    };
    let place = match (folder.strip_prefix("~/"), std::env::var_os("HOME")) {
        (Some(below), Some(home)) => Path::new(&home).join(below),
        _ if folder.is_empty() => Path::new(".").to_owned(),
        _ => Path::new(folder).to_owned(),
    };
    let entries = fs::read_dir(place).into_iter().flatten().flatten();
    let mut offers: Vec<Offer> = entries
        .filter_map(|entry| {
            let found = entry.file_name().into_string().ok()?;
            if !found.starts_with(name) || (found.starts_with('.') && !name.starts_with('.')) {
                return None;
            }
            let end = if entry.path().is_dir() { "/" } else { "" };
            Some(Offer {
                shown: format!("{found}{end}"),
                inserted: format!("{folder}{found}{end}"),
            })
        })
        .collect();
    offers.sort_by(|a, b| a.shown.cmp(&b.shown));
    offers
}

fn command_words(session: &Session, name: String) -> Option<CommandWords> {
    let mut flags = Vec::new();
    for a in session.command(&name)?.get_arguments().filter(|a| !a.is_hide_set()) {
        let values: Vec<String> = match a.get_action().takes_values() {
            true => a
                .get_possible_values()
                .iter()
                .map(|v| v.get_name().to_owned())
                .collect(),
            false => Vec::new(),
        };
        if let Some(short) = a.get_short() {
            flags.push((format!("-{short}"), values.clone()));
        }
        if let Some(long) = a.get_long() {
            flags.push((format!("--{long}"), values));
        }
    }
    Some(CommandWords { name, flags })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::super::{Cli, Command};
    use super::super::Session;
    use super::{Offer, Offers, expression, in_order, keep_what_was_typed, key, last_statement, words};

    fn offers() -> Offers {
        let heap = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/fixtures/captures/ctx-leak-1.36.1/s10-heap.pb.gz"
        );
        let Ok(Command::Shell(args)) = Cli::try_parse_from(["kubeprof", "shell", heap]).map(|c| c.command) else {
            panic!("no shell");
        };
        let sources = super::super::super::open::sources(&args.input).expect("sources");
        let held = sources.subject().expect("a profile");
        Offers::new(&Session::new(held, args.input, args.out))
    }

    #[test]
    fn everywhere_in_a_line() {
        let offers = offers();
        let lists = |line: &str| -> Vec<String> {
            let (at, found) = offers.at(line, line.len());
            assert!(at <= line.len(), "{line}");
            found
                .into_iter()
                .map(|o| format!("{}{}", &line[..at], o.inserted))
                .collect()
        };
        for (line, becomes) in [
            ("pee", "peek "),
            ("foc", "focus="),
            ("inuse_o", "inuse_objects "),
            ("top; tra", "top; traces "),
            ("by sub", "by subsystem"),
            ("by=pac", "by=package"),
            ("sort = c", "sort = cum"),
            ("mean=t", "mean=true"),
            ("sample_index=inuse_o", "sample_index=inuse_objects"),
            ("subsystem=pleg,volume-o", "subsystem=pleg,volume-operations"),
            ("unit=M", "unit=MB"),
            ("tagshow=by", "tagshow=bytes"),
            ("top --relative", "top --relative-percentages"),
            ("top --by=mod", "top --by=module"),
            ("top --by mod", "top --by module"),
            ("top -o mark", "top -o markdown"),
            ("top10 --nodef", "top10 --nodefraction"),
            ("unset show_", "unset show_from"),
            ("help pee", "help peek"),
            ("peek startPodSy", "peek kubelet.\\(\\*podWorkers\\).startPodSync"),
            ("top a|startPodSy", "top a|kubelet.\\(\\*podWorkers\\).startPodSync"),
            ("top -startpodsy", "top -kubelet.\\(\\*podWorkers\\).startPodSync"),
            (
                "focus=podWorkers.start",
                "focus=kubelet.\\(\\*podWorkers\\).startPodSync",
            ),
            ("raw > Cargo.to", "raw > Cargo.toml"),
            ("raw >>src/cl", "raw >>src/cli/"),
        ] {
            let found = lists(line);
            let same = |f: &String| f.replace("pkg/kubelet.", "kubelet.") == becomes;
            assert!(found.len() == 1 && same(&found[0]), "{line}: {found:?}");
        }
        for line in [
            "top | he",
            "bogus x",
            "top > /no/such/folder/x",
            "focus=no-such-function",
            "peek ",
        ] {
            assert!(lists(line).is_empty(), "{line}: {:?}", lists(line));
        }
        // Where many match there are packages.
        let many = lists("peek k8s.io/");
        assert!(many.len() > 10 && many.iter().all(|o| o.ends_with('.')), "{many:?}");
        // Any place of any line.
        for line in ["focus=é|\\", "top 'a b", "by  ", "= x", "--", "-", "x=;|>", "help ; by"] {
            for pos in (0..=line.len()).filter(|&i| line.is_char_boundary(i)) {
                let (at, _) = offers.at(line, pos);
                assert!(at <= pos && line.is_char_boundary(at), "{line} at {pos}");
            }
        }
    }

    #[test]
    fn words_know_their_places() {
        assert_eq!(words("top  a", 0), [(0, "top"), (5, "a")]);
        assert_eq!(words("top ", 0), [(0, "top"), (4, "")]);
        assert_eq!(words("", 0), [(0, "")]);
        let line = "by lines; top 'a;b' x";
        assert_eq!(last_statement(line), 9);
        assert_eq!(words(line, 9).last(), Some(&(20, "x")));
    }

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
