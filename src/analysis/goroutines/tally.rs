//! What the labels of goroutines say, and sums of it: states, waits, locks.

use rustc_hash::FxHashMap;

use crate::model::goroutine_label::{self, Standing};
use crate::model::{Label, LabelKind, Profile, StringId};

/// Known waits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Waits {
    /// Shortest, whole minutes, at least 1.
    pub min_minutes: i64,
    /// Longest, whole minutes.
    pub max_minutes: i64,
    /// How many goroutines have a known wait; the others wait for less than a minute, do not wait, or it is unknown.
    pub known: i64,
}

/// A text and how many goroutines have it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Counted {
    /// The text.
    pub text: String,
    /// How many goroutines.
    pub count: i64,
}

/// What the labels of one sample say.
pub(in crate::analysis) struct Facts {
    pub(in crate::analysis) state: StringId,
    pub(in crate::analysis) wait: Option<i64>,
    pub(in crate::analysis) created_by: StringId,
    pub(in crate::analysis) created_at: StringId,
    pub(in crate::analysis) locked: bool,
    pub(in crate::analysis) leaked: bool,
    pub(in crate::analysis) never_wakes: bool,
    pub(in crate::analysis) standing: Option<Standing>,
}

/// States that nothing ends. The runtime calls goroutines in them leaked when it looks.
const NEVER_WAKES: [&str; 3] = ["chan receive (nil chan)", "chan send (nil chan)", "select (no cases)"];

/// The label keys of a profile that stand for facts of dumps.
pub(in crate::analysis) struct Keys {
    facts: [Option<StringId>; goroutine_label::ALL.len()],
    never_wakes: [Option<StringId>; NEVER_WAKES.len()],
    standings: [Option<StringId>; Standing::ALL.len()],
}

impl Keys {
    pub(in crate::analysis) fn of(p: &Profile) -> Self {
        Self {
            facts: goroutine_label::ALL.map(|key| p.strings.find(key)),
            never_wakes: NEVER_WAKES.map(|state| p.strings.find(state)),
            standings: Standing::ALL.map(|s| p.strings.find(s.as_str())),
        }
    }

    fn standing(&self, text: StringId) -> Option<Standing> {
        let at = (self.standings.iter()).position(|s| *s == Some(text) && !text.is_empty())?;
        Some(Standing::ALL[at])
    }

    pub(in crate::analysis) fn is_fact(&self, key: StringId) -> bool {
        self.facts.contains(&Some(key))
    }

    pub(in crate::analysis) fn facts(&self, labels: &[Label], all_leaked: bool) -> Facts {
        let [state, wait, created_by, created_at, _, locked, leaked, _, standing] = self.facts;
        // The last of a key: a goroutine's own labels of that name stand before it.
        let find = |key: Option<StringId>| labels.iter().rev().find(|l| Some(l.key) == key);
        let text = |key| find(key).map_or(StringId::EMPTY, |l| l.text);
        let (state, leaked) = (text(state), all_leaked || find(leaked).is_some());
        Facts {
            state,
            wait: find(wait).filter(|l| l.kind() == LabelKind::Number).map(|l| l.number),
            created_by: text(created_by),
            created_at: text(created_at),
            locked: find(locked).is_some(),
            leaked,
            never_wakes: leaked || self.never_wakes.contains(&Some(state)),
            standing: self.standing(text(standing)),
        }
    }
}

/// What is counted of any set of goroutines.
#[derive(Default)]
pub(in crate::analysis) struct Tally {
    pub(in crate::analysis) count: i64,
    pub(in crate::analysis) states: FxHashMap<StringId, i64>,
    pub(in crate::analysis) waits: Option<Waits>,
    pub(in crate::analysis) locked: i64,
    pub(in crate::analysis) leaked: i64,
    pub(in crate::analysis) never_wakes: i64,
}

impl Tally {
    pub(in crate::analysis) fn add(&mut self, facts: &Facts, count: i64) {
        add(&mut self.count, count);
        add(self.states.entry(facts.state).or_default(), count);
        if let Some(minutes) = facts.wait {
            let w = self.waits.get_or_insert(Waits {
                min_minutes: minutes,
                max_minutes: minutes,
                known: 0,
            });
            w.min_minutes = w.min_minutes.min(minutes);
            w.max_minutes = w.max_minutes.max(minutes);
            add(&mut w.known, count);
        }
        add(&mut self.locked, if facts.locked { count } else { 0 });
        add(&mut self.leaked, if facts.leaked { count } else { 0 });
        add(&mut self.never_wakes, if facts.never_wakes { count } else { 0 });
    }

    pub(in crate::analysis) fn without_state(&self) -> i64 {
        self.states.get(&StringId::EMPTY).copied().unwrap_or(0)
    }

    pub(in crate::analysis) fn states(&self, p: &Profile) -> Vec<Counted> {
        counted(
            self.states
                .iter()
                .filter(|(s, _)| !s.is_empty())
                .map(|(&s, &n)| (p.text(s).to_owned(), n)),
        )
    }

    pub(in crate::analysis) fn oldest(&self) -> i64 {
        self.waits.map_or(0, |w| w.max_minutes)
    }
}

/// Files may claim any count.
pub(in crate::analysis) fn add(sum: &mut i64, count: i64) {
    *sum = sum.saturating_add(count);
}

pub(in crate::analysis) fn counted(rows: impl Iterator<Item = (String, i64)>) -> Vec<Counted> {
    let mut rows: Vec<Counted> = rows.map(|(text, count)| Counted { text, count }).collect();
    rows.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.text.cmp(&b.text)));
    rows
}
