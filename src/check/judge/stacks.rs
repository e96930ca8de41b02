//! What shows a number: the command, the largest stack as evidence, and the stacks it is made of.

use rustc_hash::FxHashMap;

use super::super::outcome::Culprit;
use super::super::reading::Reading;
use super::super::rules::Measure;
use super::super::subject::{Key, Matcher};
use crate::diagnose::crowd::StackKey;
use crate::diagnose::report::{Evidence, Fact, Show, Verb};

/// Stacks that are listed for a number.
const LISTED: usize = 3;
/// Frames of a stack that are shown, from the leaf.
const FRAMES: usize = 40;

/// The command that shows a number of one moment.
pub(super) fn show(matcher: &Matcher<'_>, key: Key, r: &Reading) -> Option<Show> {
    let (verb, kind, sample_type, word) = match matcher.measure {
        Measure::Goroutines | Measure::Wait => (Verb::Goroutines, None, None, "goroutine"),
        Measure::Objects => (Verb::Top, Some("heap"), Some("inuse_objects"), "heap"),
        Measure::Bytes => (Verb::Top, Some("heap"), Some("inuse_space"), "heap"),
        Measure::CpuShare | Measure::CpuCores => (Verb::Top, Some("cpu"), None, "cpu"),
        Measure::Metric => (Verb::Inspect, None, None, "metrics"),
        Measure::Findings | Measure::Files => return None,
    };
    let mut show = Show::new(verb, one_source(r, word));
    show.snapshot = r.snapshot;
    show.kind = kind.filter(|_| r.snapshot.is_some()).map(str::to_owned);
    show.sample_type = sample_type.map(str::to_owned);
    narrow(&mut show, matcher, key);
    Some(show)
}

/// The first file of that kind: a second form of it would be added up.
pub(super) fn one_source(r: &Reading, word: &str) -> Vec<String> {
    let mut sources = r.sources_of(word);
    sources.sort_by_key(|s| !s.contains("debug2"));
    sources.truncate(1);
    sources
}

/// Limits a command to a part.
pub(super) fn narrow(show: &mut Show, matcher: &Matcher<'_>, key: Key) {
    let names = matcher.names();
    match key {
        Key::Owner(Some(id)) => show.owner = Some(names.key(Some(id)).to_owned()),
        Key::Wait(owner, waits) => {
            show.owner = owner.map(|id| names.key(Some(id)).to_owned());
            show.blocked_in = waits.map(|id| names.key(Some(id)).to_owned());
        }
        Key::Function(id) => show.focus = Some(format!("^{}$", regex::escape(&names.book.get(id).shown))),
        Key::Pattern(i) => show.focus = matcher.expression(i),
        _ => {}
    }
}

/// The largest stack of a part.
pub(super) fn evidence(matcher: &mut Matcher<'_>, key: Key, r: &Reading) -> Vec<Evidence> {
    let largest = culprits(matcher, key, r, None).into_iter().next();
    let of = |c: Culprit| Evidence {
        fact: Fact::Stack(c.frames),
        moment: r.label.clone(),
        show: None,
    };
    largest.map(of).into_iter().collect()
}

/// The stacks that a number of a part is made of, largest first; against another moment, those that grew most.
pub(super) fn culprits(matcher: &mut Matcher<'_>, key: Key, r: &Reading, old: Option<&Reading>) -> Vec<Culprit> {
    let mut by_stack: FxHashMap<StackKey, f64> = FxHashMap::default();
    matcher.each(r, &mut |stack, keys, value| {
        if keys.contains(&key) {
            *by_stack.entry(stack).or_default() += value;
        }
    });
    if let Some(old) = old {
        matcher.each(old, &mut |stack, keys, value| {
            if keys.contains(&key) {
                *by_stack.entry(stack).or_default() -= value;
            }
        });
    }
    let mut all: Vec<(StackKey, f64)> = by_stack.into_iter().filter(|s| s.1 > 0.0).collect();
    all.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let names = matcher.names();
    let shown = |(stack, value): (StackKey, f64)| {
        let mut frames = names.shown(stack);
        frames.truncate(FRAMES);
        Culprit { value, frames }
    };
    all.into_iter().take(LISTED).map(shown).collect()
}
