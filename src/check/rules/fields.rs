//! Values of a TOML table by key, each with its place: what is wrong is noted and reading goes on, so that one run names
//! all mistakes of a file.

use std::cell::RefCell;
use std::ops::Range;

use regex::{Regex, RegexBuilder};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::amount::{Unit, amount};
use super::error::{Problem, RulesError};
use crate::kubelet::alike;

/// Entries of a list.
const LONGEST_LIST: usize = 1_000;
/// Memory of one compiled expression.
const EXPRESSION: usize = 1 << 20;

/// A file and what is wrong with it.
pub(super) struct File<'t> {
    text: &'t str,
    origin: &'t str,
    errors: RefCell<Vec<RulesError>>,
}

impl<'t> File<'t> {
    pub(super) fn new(text: &'t str, origin: &'t str) -> Self {
        Self {
            text,
            origin,
            errors: RefCell::default(),
        }
    }

    /// Notes a mistake at a place.
    pub(super) fn fail(&self, at: usize, problem: Problem) {
        let (line, column) = self.place(at);
        self.errors.borrow_mut().push(RulesError {
            origin: self.origin.to_owned(),
            line,
            column,
            problem,
        });
    }

    /// Line and column of a byte, from 1.
    pub(super) fn place(&self, at: usize) -> (u32, u32) {
        let mut at = at.min(self.text.len());
        while !self.text.is_char_boundary(at) {
            at -= 1;
        }
        let before = &self.text[..at];
        let line = before.bytes().filter(|b| *b == b'\n').count() + 1;
        let start = before.rfind('\n').map_or(0, |n| n + 1);
        let column = before[start..].chars().count() + 1;
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        (number(line), number(column))
    }

    /// All mistakes in the order of the file.
    pub(super) fn into_errors(self) -> Vec<RulesError> {
        let mut errors = self.errors.into_inner();
        errors.sort_by_key(|e| (e.line, e.column));
        errors
    }
}

/// A table of the file, and the keys that were asked of it.
pub(super) struct Fields<'a> {
    pub(super) file: &'a File<'a>,
    table: &'a DeTable<'a>,
    /// Where the table begins.
    pub(super) at: usize,
    within: &'static str,
    known: RefCell<Vec<&'static str>>,
    /// What is missing, and by which keys: noted at the end, unless one of them is there and mistyped.
    missing: RefCell<Vec<(Problem, Vec<&'static str>)>>,
}

type Value<'a> = (&'a DeValue<'a>, Range<usize>);

impl<'a> Fields<'a> {
    pub(super) fn new(file: &'a File<'a>, table: &'a DeTable<'a>, at: usize, within: &'static str) -> Self {
        Self {
            file,
            table,
            at,
            within,
            known: RefCell::default(),
            missing: RefCell::default(),
        }
    }

    /// What the table is called from here on.
    pub(super) fn within(&mut self, within: &'static str) {
        self.within = within;
    }

    /// The value of a key, which is known from now on.
    pub(super) fn get(&self, key: &'static str) -> Option<Value<'a>> {
        if !self.known.borrow().contains(&key) {
            self.known.borrow_mut().push(key);
        }
        let value: &Spanned<DeValue<'_>> = self.table.get(key)?;
        Some((value.get_ref(), value.span()))
    }

    /// Whether the key is there.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// Where a key stands; the table where it is not there.
    pub(super) fn place_of(&self, key: &str) -> usize {
        let found = self.table.keys().find(|k| k.get_ref() == key);
        found.map_or(self.at, |k| k.span().start)
    }

    /// Notes a mistake at a key.
    pub(super) fn fail(&self, key: &str, problem: Problem) {
        self.file.fail(self.place_of(key), problem);
    }

    fn of_type(&self, key: &'static str, value: &Value<'_>, expected: &'static str) {
        self.file.fail(
            value.1.start,
            Problem::Type {
                key: key.to_owned(),
                expected,
                found: kind_of(value.0),
            },
        );
    }

    /// A text.
    pub(super) fn text(&self, key: &'static str) -> Option<String> {
        let value = self.get(key)?;
        let text = value.0.as_str();
        if text.is_none() {
            self.of_type(key, &value, "a text");
        }
        text.map(str::to_owned)
    }

    /// Notes that a key is missing.
    pub(super) fn missing(&self, key: &'static str, hint: &'static str) {
        self.get(key);
        let within = self.within;
        self.nothing_of(Problem::MissingKey { key, within, hint }, &[key]);
    }

    /// Notes that the table says nothing, as none of these keys is in it.
    pub(super) fn nothing_of(&self, problem: Problem, keys: &[&'static str]) {
        self.missing.borrow_mut().push((problem, keys.to_vec()));
    }

    /// Yes or no.
    pub(super) fn flag(&self, key: &'static str) -> Option<bool> {
        let value = self.get(key)?;
        let flag = value.0.as_bool();
        if flag.is_none() {
            self.of_type(key, &value, "true or false");
        }
        flag
    }

    /// One word of several.
    pub(super) fn word<W: Copy>(&self, key: &'static str, words: &[&'static str], all: &[W]) -> Option<W> {
        let value = self.get(key)?;
        let Some(text) = value.0.as_str() else {
            self.of_type(key, &value, "a text");
            return None;
        };
        let at = words.iter().position(|w| *w == text);
        if at.is_none() {
            self.unknown_word(key, text, value.1.start, words);
        }
        at.map(|at| all[at])
    }

    /// Several words.
    pub(super) fn words<W: Copy>(&self, key: &'static str, words: &[&'static str], all: &[W]) -> Vec<W> {
        let texts = self.list(key);
        let mut found = Vec::new();
        for (text, at) in texts {
            match words.iter().position(|w| *w == text) {
                Some(i) => found.push(all[i]),
                None => self.unknown_word(key, &text, at, words),
            }
        }
        found
    }

    /// Notes a word that is not one of these.
    pub(super) fn unknown_word(&self, key: &str, word: &str, at: usize, words: &[&str]) {
        let near = alike(word, words.iter().copied());
        let known = if words.len() <= 12 { words } else { &[] };
        self.file.fail(
            at,
            Problem::UnknownWord {
                key: key.to_owned(),
                word: word.to_owned(),
                known: known.iter().map(|w| (*w).to_owned()).collect(),
                nearest: near.into_iter().map(str::to_owned).collect(),
            },
        );
    }

    /// A number with a unit, not below zero; not looked at where the unit is not known, as what says it is a mistake.
    pub(super) fn number(&self, key: &'static str, unit: impl Into<Option<Unit>>) -> Option<f64> {
        let value = self.get(key)?;
        let unit = unit.into()?;
        let found = match value.0 {
            DeValue::Integer(i) => i64::from_str_radix(&i.as_str().replace('_', ""), i.radix())
                .ok()
                .map(|n| n as f64),
            DeValue::Float(f) => f.as_str().replace('_', "").parse().ok(),
            DeValue::String(text) => {
                let found = amount(text, unit);
                if found.is_none() {
                    let problem = Problem::Amount {
                        key: key.to_owned(),
                        text: text.to_string(),
                        expected: unit.written(),
                    };
                    self.file.fail(value.1.start, problem);
                    return None;
                }
                found
            }
            _ => {
                self.of_type(key, &value, unit.written());
                return None;
            }
        };
        let (most, expected) = match unit {
            Unit::Share => (1.0, "a share from 0 to 1"),
            _ => (1e18, "a finite number, 0 or more"),
        };
        match found {
            Some(n) if (0.0..=most).contains(&n) => Some(n),
            _ => {
                let key = key.to_owned();
                self.file.fail(value.1.start, Problem::Range { key, expected });
                None
            }
        }
    }

    /// A text or a list of texts, with their places.
    pub(super) fn list(&self, key: &'static str) -> Vec<(String, usize)> {
        let Some(value) = self.get(key) else { return Vec::new() };
        if let Some(text) = value.0.as_str() {
            return vec![(text.to_owned(), value.1.start)];
        }
        let Some(array) = value.0.as_array() else {
            self.of_type(key, &value, "a text or a list of texts");
            return Vec::new();
        };
        if array.is_empty() {
            self.file
                .fail(value.1.start, Problem::EmptyList { key: key.to_owned() });
        }
        if array.len() > LONGEST_LIST {
            let (what, most) = ("entries in a list", LONGEST_LIST);
            self.file.fail(value.1.start, Problem::TooMuch { what, most });
            return Vec::new();
        }
        let mut texts = Vec::new();
        for entry in array.iter() {
            match entry.get_ref().as_str() {
                Some(text) => texts.push((text.to_owned(), entry.span().start)),
                None => self.of_type(key, &(entry.get_ref(), entry.span()), "a list of texts"),
            }
        }
        texts
    }

    /// Regular expressions.
    pub(super) fn expressions(&self, key: &'static str) -> Vec<(String, Regex)> {
        let mut found = Vec::new();
        for (text, at) in self.list(key) {
            match RegexBuilder::new(&text).size_limit(EXPRESSION).build() {
                Ok(regex) => found.push((text, regex)),
                Err(e) => {
                    // The last line says what is wrong; those before draw the expression.
                    let cause = e.to_string();
                    let cause = cause
                        .lines()
                        .last()
                        .unwrap_or_default()
                        .trim_start_matches("error: ")
                        .to_owned();
                    let key = key.to_owned();
                    let hint = None;
                    self.file.fail(at, Problem::Pattern { key, cause, hint });
                }
            }
        }
        found
    }

    /// Notes every key that was not asked for, and what is missing.
    pub(super) fn finish(self) {
        self.end(true);
    }

    /// Notes what is missing where the other keys are not known.
    pub(super) fn finish_early(self) {
        self.end(false);
    }

    fn end(self, all: bool) {
        let known = self.known.into_inner();
        let mut missing = self.missing.into_inner();
        for key in self.table.keys() {
            let name = key.get_ref().as_ref();
            if known.contains(&name) {
                continue;
            }
            let nearest = alike(name, known.iter().copied());
            let before = missing.len();
            missing.retain(|(_, keys)| !keys.iter().any(|k| nearest.contains(k)));
            if all || missing.len() < before {
                let problem = Problem::UnknownKey {
                    key: name.to_owned(),
                    known: known.clone(),
                    nearest: nearest.into_iter().map(str::to_owned).collect(),
                    within: self.within,
                };
                self.file.fail(key.span().start, problem);
            }
        }
        for (problem, _) in missing {
            self.file.fail(self.at, problem);
        }
    }
}

fn kind_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
