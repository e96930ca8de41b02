//! `goroutines`: goroutines in buckets of alike stacks, with what they wait for, for how long, and for whom.
//!
//! State, wait, creator and lock come from a dump's labels (`model::goroutine_label`); where the profile has none, they
//! are unknown and counted as such. Waits are whole minutes and lower bounds; less than one is no wait. Nothing here
//! judges: a loop that waits for days may be all right.

pub(in crate::analysis) mod cohorts;
pub(in crate::analysis) mod join;
pub(in crate::analysis) mod tally;

use rustc_hash::FxHashMap;

use crate::analysis::goroutines::cohorts::{Cohort, CohortKey, cohorts_of};
use crate::analysis::goroutines::tally::{Counted, Facts, Keys, Tally, Waits, add, counted};
use crate::analysis::view::subsystems::Lens;
use crate::analysis::{Header, QueryError, View, scope};
use crate::kubelet::{Attribution, Role, SubsystemId};
use crate::model::{Label, LabelKind, LocationId, Profile, StackId, StringId};

/// Which stacks are alike.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Similarity {
    /// The same functions at the same lines.
    Exact,
    /// The same functions; arguments and lines may differ.
    #[default]
    Function,
    /// The same owner, blocked in the same thing.
    Owner,
}

/// What buckets are ordered by.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum BucketSort {
    /// Most goroutines first.
    #[default]
    Count,
    /// Longest wait first.
    Age,
}

/// What is asked of goroutines beside the query of the view.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct GoroutineQuery {
    /// Which stacks are alike.
    pub similarity: Similarity,
    /// Order of the buckets.
    pub sort: BucketSort,
    /// Keep goroutines whose state, with ` (leaked)` where it is, contains one of these words, whatever their case.
    pub states: Vec<String>,
    /// Keep goroutines that nothing can wake.
    pub never_wakes: bool,
    /// Keep goroutines known to have waited at least so many minutes.
    pub min_wait_minutes: Option<u64>,
    /// Keep goroutines blocked in one of these subsystems (keys).
    pub blocked_in: Vec<String>,
    /// At most so many buckets; 0 for all.
    pub limit: usize,
}

impl GoroutineQuery {
    /// The filters that are set, as `name=value`.
    fn filters(&self) -> Vec<String> {
        let mut filters: Vec<String> = self.states.iter().map(|s| format!("state={s}")).collect();
        filters.extend(self.never_wakes.then(|| "leaked".to_owned()));
        filters.extend(self.min_wait_minutes.map(|m| format!("min_wait={m}m")));
        filters.extend(self.blocked_in.iter().map(|b| format!("blocked_in={b}")));
        filters
    }

    /// Whether any filter asks for states and waits, which only dumps know.
    pub(crate) fn needs_states(&self) -> bool {
        !self.states.is_empty() || self.min_wait_minutes.is_some()
    }
}

/// A subsystem, for reports.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub struct Part {
    /// Key for queries.
    pub key: String,
    /// Name for people.
    pub title: String,
}

/// Who started goroutines.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StartedBy {
    /// The function with the `go` statement.
    pub function: String,
    /// Its file, or `""`.
    pub file: String,
    /// Line of the statement, or 0.
    pub line: i64,
    /// How many goroutines.
    pub count: i64,
}

/// A pprof label of goroutines.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LabelValues {
    /// The key.
    pub key: String,
    /// Distinct values, most frequent first.
    pub values: Vec<Counted>,
}

/// A frame of a bucket's stack.
#[derive(Clone, PartialEq, Debug)]
pub struct GoroutineFrame {
    /// Function; `""` for an address without a name.
    pub function: String,
    /// Source file, or `""`.
    pub file: String,
    /// Line, or 0.
    pub line: i64,
    /// It was inlined into the next frame.
    pub inlined: bool,
    /// Import path, or `""`.
    pub package: String,
    /// Its subsystem and what that means in a stack.
    pub subsystem: Option<(Part, Role)>,
}

/// Goroutines with alike stacks.
#[derive(Clone, PartialEq, Debug)]
pub struct Bucket {
    /// How many.
    pub count: i64,
    /// Their states, most frequent first; they sum up to less than `count` where some are unknown.
    pub states: Vec<Counted>,
    /// Their known waits.
    pub waits: Option<Waits>,
    /// Who started them, most frequent first.
    pub created_by: Vec<StartedBy>,
    /// How many are locked to their thread.
    pub locked: i64,
    /// How many the runtime found leaked.
    pub leaked: i64,
    /// How many nothing can wake: leaked ones, and those whose state says so.
    pub never_wakes: i64,
    /// Their pprof labels.
    pub labels: Vec<LabelValues>,
    /// Who answers for them.
    pub owner: Option<Part>,
    /// How the owner was found; of the most frequent stack where buckets hold several.
    pub owner_by: &'static str,
    /// What they wait in, most frequent first; `None` for those of which it is not known.
    pub blocked_in: Vec<(Option<Part>, i64)>,
    /// The innermost part of the kubelet on the stack, where it is not the owner; of the most frequent stack.
    pub within: Option<Part>,
    /// How many distinct stacks the bucket holds.
    pub stacks: usize,
    /// The most frequent stack, leaf first.
    pub frames: Vec<GoroutineFrame>,
}

/// The answer to `goroutines`.
#[derive(Clone, PartialEq, Debug)]
pub struct Goroutines {
    /// What stands above; its total is of all goroutines.
    pub header: Header,
    /// How many goroutines passed all filters.
    pub matched: i64,
    /// Their states, most frequent first.
    pub states: Vec<Counted>,
    /// How many of them have no state: the source does not know it.
    pub without_state: i64,
    /// Whether the source knows the state of any goroutine, of those that did not pass as well. Where it knows none, filters by
    /// state and wait say nothing.
    pub(crate) knows_states: bool,
    /// How many are locked to their thread.
    pub locked: i64,
    /// How many the runtime found leaked.
    pub leaked: i64,
    /// How many nothing can wake: leaked ones, and those whose state says so.
    pub never_wakes: i64,
    /// Known waits of all.
    pub waits: Option<Waits>,
    /// Owners and what they are blocked in, where the source knows states; the most telling first, then the largest, then
    /// the oldest.
    pub cohorts: Vec<Cohort>,
    /// The buckets, as many as were asked for.
    pub buckets: Vec<Bucket>,
    /// How many buckets there are.
    pub bucket_count: usize,
    /// How many goroutines are in those that are not shown.
    pub hidden: i64,
}

/// Sorts the goroutines of a view into buckets.
///
/// # Errors
/// When a subsystem that was asked for is not in the table.
pub fn goroutines(view: &View, query: &GoroutineQuery) -> Result<Goroutines, QueryError> {
    let Some(lens) = &view.lens else {
        return Ok(Goroutines::empty(view));
    };
    let blocked_in = scope::ids(&query.blocked_in, lens)?;
    let p = &view.profile;
    let keys = Keys::of(p);
    let attributions = scope::attributions(p, lens);
    let states: Vec<String> = query.states.iter().map(|s| s.to_lowercase()).collect();
    let mut report = Goroutines::empty(view);
    report.header.filters.extend(query.filters());
    let mut all = Tally::default();
    let mut oldest = 0;
    let mut buckets: Vec<Group> = Vec::new();
    let mut index: FxHashMap<BucketKey, usize> = FxHashMap::default();
    let mut cohorts: FxHashMap<CohortKey, Tally> = FxHashMap::default();
    let mut frames = FrameIds::default();
    // Such a profile has nothing but leaked goroutines.
    let all_leaked = report.header.sample_type == "goroutineleak";
    for (i, &attribution) in attributions.iter().enumerate() {
        let facts = keys.facts(p.samples.labels(i), all_leaked);
        report.knows_states |= !facts.state.is_empty();
        oldest = oldest.max(facts.wait.unwrap_or(0));
        let mut state = p.text(facts.state).to_lowercase();
        if facts.leaked {
            state.push_str(" (leaked)");
        }
        let old_enough = |min: u64| facts.wait.is_some_and(|w| u64::try_from(w).is_ok_and(|w| w >= min));
        let passes = (states.is_empty() || states.iter().any(|s| state.contains(s)))
            && (facts.never_wakes || !query.never_wakes)
            && query.min_wait_minutes.is_none_or(old_enough)
            && (blocked_in.is_empty() || attribution.blocked_in.is_some_and(|id| blocked_in.contains(&id)));
        let count = view.value(i);
        if !passes || count == 0 {
            continue;
        }
        let stack = p.samples.stack(i);
        let pair = (attribution.owner, attribution.blocked_in);
        let key = match query.similarity {
            Similarity::Owner => BucketKey {
                pair,
                ..BucketKey::default()
            },
            similarity => BucketKey {
                frames: frames.of(p, stack, similarity == Similarity::Exact),
                created_by: facts.created_by,
                created_at: if similarity == Similarity::Exact {
                    facts.created_at
                } else {
                    StringId::EMPTY
                },
                pair: (attribution.owner, None),
            },
        };
        let at = *index.entry(key).or_insert_with(|| {
            buckets.push(Group::default());
            buckets.len() - 1
        });
        buckets[at].add(stack, attribution, &facts, count);
        for &label in p.samples.labels(i).iter().filter(|l| !keys.is_fact(l.key)) {
            add(buckets[at].labels.entry(label).or_default(), count);
        }
        all.add(&facts, count);
        let cohort = CohortKey {
            owner: attribution.owner,
            within: attribution.within,
            blocked_in: attribution.blocked_in,
            never_wakes: facts.never_wakes,
            standing: facts.standing,
        };
        cohorts.entry(cohort).or_default().add(&facts, count);
    }
    report.matched = all.count;
    report.states = all.states(p);
    report.without_state = all.without_state();
    report.locked = all.locked;
    report.leaked = all.leaked;
    report.never_wakes = all.never_wakes;
    report.waits = all.waits;
    report.cohorts = cohorts_of(cohorts, oldest, p, lens);
    sort(&mut buckets, query.sort);
    let shown = if query.limit == 0 {
        buckets.len()
    } else {
        query.limit.min(buckets.len())
    };
    report.bucket_count = buckets.len();
    for bucket in &buckets[shown..] {
        add(&mut report.hidden, bucket.tally.count);
    }
    report.buckets = buckets[..shown].iter().map(|b| b.report(view, lens)).collect();
    Ok(report)
}

/// What makes goroutines one bucket.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
struct BucketKey {
    frames: Vec<u32>,
    created_by: StringId,
    created_at: StringId,
    pair: (Option<SubsystemId>, Option<SubsystemId>),
}

/// Numbers for frames, equal for those that are alike.
#[derive(Default)]
struct FrameIds {
    ids: FxHashMap<(StringId, StringId, i64, u64), u32>,
}

impl FrameIds {
    fn of(&mut self, p: &Profile, stack: StackId, exact: bool) -> Vec<u32> {
        let mut out = Vec::new();
        for &l in p.stack(stack) {
            let mut push = |key| {
                let next = u32::try_from(self.ids.len()).unwrap_or(u32::MAX);
                out.push(*self.ids.entry(key).or_insert(next));
            };
            if p.lines_of(l).is_empty() {
                push((StringId::EMPTY, StringId::EMPTY, 0, p.location(l).address));
            }
            for line in p.lines_of(l) {
                let f = p.function(line.function);
                push(match exact {
                    true => (f.name, f.filename, line.line, 0),
                    false => (f.name, StringId::EMPTY, 0, 0),
                });
            }
        }
        out
    }
}

pub(in crate::analysis) fn part(lens: &Lens, id: Option<SubsystemId>) -> Option<Part> {
    let s = lens.knowledge().get(id?)?;
    Some(Part {
        key: s.key.clone(),
        title: s.title.clone(),
    })
}

/// A bucket that is being filled.
#[derive(Default)]
struct Group {
    tally: Tally,
    /// In the order of the profile.
    stacks: Vec<(StackId, Attribution, i64)>,
    stack_index: FxHashMap<(StackId, Attribution), usize>,
    creators: FxHashMap<(StringId, StringId), i64>,
    labels: FxHashMap<Label, i64>,
}

impl Group {
    fn add(&mut self, stack: StackId, attribution: Attribution, facts: &Facts, count: i64) {
        self.tally.add(facts, count);
        let at = *self.stack_index.entry((stack, attribution)).or_insert_with(|| {
            self.stacks.push((stack, attribution, 0));
            self.stacks.len() - 1
        });
        add(&mut self.stacks[at].2, count);
        if !facts.created_by.is_empty() {
            add(
                self.creators.entry((facts.created_by, facts.created_at)).or_default(),
                count,
            );
        }
    }

    fn report(&self, view: &View, lens: &Lens) -> Bucket {
        let p = &view.profile;
        // The first of the most frequent ones; a bucket has at least one stack.
        let most = self.stacks.iter().rev().max_by_key(|(.., count)| *count);
        let found = most.map(|&(_, attribution, _)| attribution);
        let mut distinct: Vec<StackId> = self.stacks.iter().map(|&(stack, ..)| stack).collect();
        distinct.sort_unstable();
        distinct.dedup();
        Bucket {
            count: self.tally.count,
            states: self.tally.states(p),
            waits: self.tally.waits,
            created_by: self.created_by(p),
            locked: self.tally.locked,
            leaked: self.tally.leaked,
            never_wakes: self.tally.never_wakes,
            labels: self.labels(view),
            owner: part(lens, found.and_then(|a| a.owner)),
            owner_by: found.map_or("", |a| a.how.as_str()),
            blocked_in: self.blocked_in(lens),
            within: part(lens, found.and_then(|a| a.within)),
            stacks: distinct.len(),
            frames: most.map_or_else(Vec::new, |&(stack, ..)| frames(p, lens, stack)),
        }
    }

    fn created_by(&self, p: &Profile) -> Vec<StartedBy> {
        let mut rows: Vec<StartedBy> = (self.creators.iter())
            .map(|(&(function, place), &count)| {
                let (file, line) = p.text(place).rsplit_once(':').unwrap_or_default();
                StartedBy {
                    function: p.text(function).to_owned(),
                    file: file.to_owned(),
                    line: line.parse().unwrap_or(0),
                    count,
                }
            })
            .collect();
        rows.sort_by(|a, b| {
            let place = |s: &StartedBy| (s.function.clone(), s.file.clone(), s.line);
            b.count.cmp(&a.count).then_with(|| place(a).cmp(&place(b)))
        });
        rows
    }

    fn blocked_in(&self, lens: &Lens) -> Vec<(Option<Part>, i64)> {
        let mut counts: Vec<(Option<SubsystemId>, i64)> = Vec::new();
        for &(_, attribution, count) in &self.stacks {
            match counts.iter_mut().find(|(id, _)| *id == attribution.blocked_in) {
                Some((_, sum)) => add(sum, count),
                None => counts.push((attribution.blocked_in, count)),
            }
        }
        let mut rows: Vec<(Option<Part>, i64)> = (counts.into_iter())
            .map(|(id, count)| (part(lens, id), count))
            .collect();
        let key = |part: &Option<Part>| (part.is_none(), part.as_ref().map(|p| p.key.clone()));
        rows.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| key(&a.0).cmp(&key(&b.0))));
        rows
    }

    fn labels(&self, view: &View) -> Vec<LabelValues> {
        let p = &view.profile;
        let mut by_key: FxHashMap<&str, Vec<(String, i64)>> = FxHashMap::default();
        for (label, &count) in &self.labels {
            let value = match label.kind() {
                LabelKind::Number => format!("{} {}", label.number, view.label_unit(label.key))
                    .trim_end()
                    .to_owned(),
                LabelKind::Text | LabelKind::Empty => p.text(label.text).to_owned(),
            };
            by_key.entry(p.text(label.key)).or_default().push((value, count));
        }
        let mut rows: Vec<LabelValues> = (by_key.into_iter())
            .map(|(key, values)| LabelValues {
                key: key.to_owned(),
                values: counted(values.into_iter()),
            })
            .collect();
        rows.sort_by(|a, b| a.key.cmp(&b.key));
        rows
    }
}

fn frames(p: &Profile, lens: &Lens, stack: StackId) -> Vec<GoroutineFrame> {
    let mut out = Vec::new();
    for &l in p.stack(stack) {
        let lines = p.lines_of(l);
        if lines.is_empty() {
            out.push(nameless(p, l));
        }
        for (i, line) in lines.iter().enumerate() {
            let place = lens.function(line.function);
            let class = place.and_then(|place| place.class.known);
            out.push(GoroutineFrame {
                function: p.function_name(line.function).to_owned(),
                file: p.text(p.function(line.function).filename).to_owned(),
                line: line.line,
                inlined: i + 1 < lines.len(),
                package: place.map_or_else(String::new, |place| p.text(place.package).to_owned()),
                subsystem: class.and_then(|(id, role)| Some((part(lens, Some(id))?, role))),
            });
        }
    }
    out
}

/// An address that nothing names: the file it is mapped from is all there is.
fn nameless(p: &Profile, l: LocationId) -> GoroutineFrame {
    GoroutineFrame {
        function: String::new(),
        file: p.mapping_of(l).map_or_else(String::new, |m| p.text(m.file).to_owned()),
        line: 0,
        inlined: false,
        package: String::new(),
        subsystem: None,
    }
}

fn sort(buckets: &mut [Group], by: BucketSort) {
    buckets.sort_by(|a, b| {
        let (a, b) = (&a.tally, &b.tally);
        let (count, age) = (b.count.cmp(&a.count), b.oldest().cmp(&a.oldest()));
        match by {
            BucketSort::Count => count.then(age),
            BucketSort::Age => age.then(count),
        }
    });
}

impl Goroutines {
    fn empty(view: &View) -> Self {
        Self {
            header: Header::new(view),
            matched: 0,
            states: Vec::new(),
            without_state: 0,
            knows_states: false,
            locked: 0,
            leaked: 0,
            never_wakes: 0,
            waits: None,
            cohorts: Vec::new(),
            buckets: Vec::new(),
            bucket_count: 0,
            hidden: 0,
        }
    }
}
