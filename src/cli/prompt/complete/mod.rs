//! What Tab offers: commands, options and their values, flags, files after `>`, functions everywhere else. Nothing here knows
//! the line editor.

mod functions;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::options::{Catalogue, Shape, Variable};
use crate::model::{LabelKind, Profile};
use functions::Functions;

/// One offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Offer {
    /// As it is listed.
    pub(crate) shown: String,
    /// As it is inserted.
    pub(crate) inserted: String,
}

impl Offer {
    fn plain(text: &str) -> Self {
        Self {
            shown: text.to_owned(),
            inserted: text.to_owned(),
        }
    }
}

/// A command and what it takes.
#[derive(Clone, Debug)]
pub(crate) struct CommandWords {
    name: String,
    /// Its flags, and the values of each where they are few.
    flags: Vec<(String, Vec<String>)>,
}

impl CommandWords {
    /// A command without flags.
    pub(crate) fn plain(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            flags: Vec::new(),
        }
    }

    /// A command of the command line, with its flags.
    pub(crate) fn of(command: &clap::Command) -> Self {
        let mut words = Self::plain(command.get_name());
        for a in command.get_arguments().filter(|a| !a.is_hide_set()) {
            let takes = a.get_action().takes_values();
            let possible = if takes { a.get_possible_values() } else { Vec::new() };
            let values: Vec<String> = possible.iter().map(|v| v.get_name().to_owned()).collect();
            if let Some(short) = a.get_short() {
                words.flags.push((format!("-{short}"), values.clone()));
            }
            if let Some(long) = a.get_long() {
                words.flags.push((format!("--{long}"), values));
            }
        }
        words
    }
}

/// The words of a prompt, beside its options and the functions of the profile.
#[derive(Clone, Debug, Default)]
pub(crate) struct Words {
    /// Commands that change or explain the session.
    pub(crate) own: Vec<&'static str>,
    /// Commands that answer with a report.
    pub(crate) commands: Vec<CommandWords>,
    /// Keys of subsystems.
    pub(crate) subsystems: Vec<String>,
}

/// All that can be offered in one session.
#[derive(Clone, Debug)]
pub(crate) struct Offers {
    words: Words,
    catalogue: Catalogue,
    functions: Functions,
    label_keys: Vec<String>,
    units: &'static [&'static str],
}

impl Offers {
    /// Collects what the profile and the prompt have.
    pub(crate) fn new(p: &Profile, catalogue: &Catalogue, words: Words) -> Self {
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
            words,
            catalogue: catalogue.clone(),
            functions: Functions::of(p),
            label_keys: label_keys.into_iter().map(|k| p.text(k).to_owned()).collect(),
            units: match units.clone().next_back().unwrap_or_default() {
                "bytes" => &["minimum", "auto", "B", "kB", "MB", "GB"],
                "nanoseconds" => &["minimum", "auto", "ns", "us", "ms", "s", "hrs"],
                _ => &["minimum", "auto"],
            },
        }
    }

    /// What fits at `pos` of `line`: where the word begins, and the offers.
    pub(crate) fn at(&self, line: &str, pos: usize) -> (usize, Vec<Offer>) {
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
        let Some(command) = self.words.commands.iter().find(|c| c.name == *first || c.name == name) else {
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
        self.functions.expressions(word.trim_start_matches('-'), pos)
    }

    /// Commands, variables with their sign, and words that set one.
    fn first_words(&self, word: &str) -> Vec<Offer> {
        let words = self.catalogue.words();
        let own = self.words.own.iter().copied();
        let commands = self.words.commands.iter().map(|c| c.name.as_str());
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
                        self.functions.packages(last)
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
            (_, Shape::Text) if v.default.is_empty() && v.name != "nodecount" => {
                return self.functions.expressions(value, pos);
            }
            _ => Vec::new(),
        };
        (at, starting(texts.into_iter(), value))
    }

    fn keys(&self, word: &str) -> Vec<Offer> {
        let keys = || self.words.subsystems.iter().map(String::as_str);
        let offers = starting(keys(), word);
        if offers.is_empty() {
            keys().filter(|k| k.contains(word)).map(Offer::plain).collect()
        } else {
            offers
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

#[cfg(test)]
mod tests {
    use super::{last_statement, words};

    #[test]
    fn words_know_their_places() {
        assert_eq!(words("top  a", 0), [(0, "top"), (5, "a")]);
        assert_eq!(words("top ", 0), [(0, "top"), (4, "")]);
        assert_eq!(words("", 0), [(0, "")]);
        let line = "by lines; top 'a;b' x";
        assert_eq!(last_statement(line), 9);
        assert_eq!(words(line, 9).last(), Some(&(20, "x")));
    }
}
