//! What ends where in a flame graph: the samples of a view by the node that they end at, with what is known of each row.
//!
//! Rows with other attributes (object size, owner, state of the goroutine, labels) stay apart, so that a reader can filter
//! by them; what ends in frames that are not drawn is one row of the deepest drawn frame above. A row holds a value for
//! every sample type at every moment: one moment, or the base and what was compared with it, or the snapshots of a series
//! (see [`moments`](crate::analysis::moments)).
//!
//! The error of a row follows from its size, value and the sampling rate. Where a row stands for objects of several sizes
//! this is lost, so such rows carry the sums of what their samples say.

use rustc_hash::FxHashMap;

use crate::analysis::View;
use crate::analysis::goroutines::cohorts::is_idle;
use crate::analysis::report::named_stacks::{Comparison, FrameSubsystem, NamedStacks};
use crate::analysis::view::moments::Moments;
use crate::analysis::view::sampling::Sampling;
use crate::kubelet::{Attribution, SubsystemId};
use crate::model::{Label, LabelKind, Profile, StringId, goroutine_label};

/// Rows of samples; see the module.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FlameRows {
    /// The node at which each row ends, ascending.
    pub node: Vec<u32>,
    /// Whether it ends below that node, in frames that are not drawn.
    pub hidden: Vec<bool>,
    /// Bytes of an object; 0 where unknown. Empty when no row knows it, as are the following.
    pub size: Vec<i64>,
    /// Who answers for the stack: row of [`Flame::subsystems`](crate::analysis::Flame::subsystems).
    pub owner: Vec<Option<u16>>,
    /// What it is blocked or spends its time in.
    pub blocked_in: Vec<Option<u16>>,
    /// Goroutine state: row of `words`.
    pub state: Vec<u32>,
    /// Whole minutes of waiting, where they are known.
    pub wait: Vec<Option<i64>>,
    /// Whether it is a loop that waits for something to do.
    pub idle: Vec<bool>,
    /// Function that started the goroutine: row of `words`.
    pub creator: Vec<u32>,
    /// Labels as `key=value`, separated by blanks: row of `words`.
    pub labels: Vec<u32>,
    /// Texts; the first is empty.
    pub words: Vec<String>,
    /// What was measured at each moment.
    pub moments: Vec<FlameMoment>,
    /// What is known of the error of each sample type.
    pub sampling: Vec<Sampling>,
}

/// Values of all rows at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FlameMoment {
    /// By sample type, a value for each row.
    pub values: Vec<Vec<i64>>,
    /// By sample type, the variance of rows without a size; 0 for the others.
    pub variance: Vec<Vec<f64>>,
    /// By sample type, how many samples rows without a size rest on; 0 for the others.
    pub sampled: Vec<Vec<f64>>,
    /// By sample type, the sum of the absolute values.
    pub totals: Vec<i64>,
}

/// Where a stack ends in the drawing.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub(in crate::analysis) struct Place {
    pub(in crate::analysis) node: u32,
    pub(in crate::analysis) hidden: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
struct Attributes {
    size: i64,
    owner: Option<u16>,
    blocked_in: Option<u16>,
    state: u32,
    wait: Option<i64>,
    idle: bool,
    creator: u32,
    labels: u32,
}

/// Numbers for subsystems and texts, growing.
struct Tables<'a> {
    subsystems: &'a mut Vec<FrameSubsystem>,
    subsystem: FxHashMap<SubsystemId, Option<u16>>,
    words: Vec<String>,
    word: FxHashMap<String, u32>,
}

impl Tables<'_> {
    fn word(&mut self, text: &str) -> u32 {
        if text.is_empty() {
            return 0;
        }
        if let Some(&known) = self.word.get(text) {
            return known;
        }
        let next = self.words.len() as u32;
        self.words.push(text.to_owned());
        self.word.insert(text.to_owned(), next);
        next
    }

    fn subsystem(&mut self, view: &View, id: Option<SubsystemId>) -> Option<u16> {
        let id = id?;
        if let Some(&known) = self.subsystem.get(&id) {
            return known;
        }
        let lens = view.lens.as_ref()?;
        let of = lens.knowledge().get(id)?;
        let at = self.subsystems.iter().position(|s| s.rank == id.0).or_else(|| {
            self.subsystems.push(FrameSubsystem {
                key: of.key.clone(),
                title: of.title.clone(),
                role: of.role,
                rank: id.0,
            });
            Some(self.subsystems.len() - 1)
        });
        let at = at.and_then(|at| u16::try_from(at).ok());
        self.subsystem.insert(id, at);
        at
    }
}

/// Whether values are what was gained and lost, so that a row has no other attribute.
fn is_signed(view: &View, stacks: &NamedStacks) -> bool {
    stacks.comparison == Comparison::Signed || view.query.drop_negative
}

/// Who answers for each sample; empty where nobody asks.
pub(in crate::analysis) fn owners(view: &View, stacks: &NamedStacks) -> Vec<Attribution> {
    match is_signed(view, stacks) {
        true => Vec::new(),
        false => view.attributions(),
    }
}

/// Sorts the samples of a view into rows. `places` says where each row of `stacks` ends.
pub(in crate::analysis) fn rows(
    view: &View,
    stacks: &NamedStacks,
    places: &[Place],
    attributions: &[Attribution],
    subsystems: &mut Vec<FrameSubsystem>,
) -> FlameRows {
    let types = stacks.types.len();
    let signed = is_signed(view, stacks);
    let moments = Moments::of(&view.profile);
    let sampling: Vec<Sampling> = (0..types)
        .map(|t| {
            if signed {
                Sampling::Unknown
            } else {
                Sampling::of_type(view, t)
            }
        })
        .collect();
    let mut tables = Tables {
        subsystems,
        subsystem: FxHashMap::default(),
        words: vec![String::new()],
        word: FxHashMap::default(),
    };
    let mut table = Table::new(types);
    if signed {
        for (row, &place) in places.iter().enumerate() {
            let at = table.row(place, Attributes::default());
            table.add(at, 0, stacks.new_values(row), 1);
            if stacks.comparison == Comparison::Signed {
                table.add(at, 1, stacks.old_values(row), 1);
            }
        }
    } else {
        let readers = Readers::of(view);
        for i in 0..view.profile.samples.len() {
            let place = places[stacks.row_of_sample(view, i)];
            let mut attributes = Attributes::default();
            if !place.hidden {
                attributes = readers.read(view, i, &mut tables);
                if let Some(found) = attributions.get(i) {
                    attributes.owner = tables.subsystem(view, found.owner);
                    attributes.blocked_in = tables.subsystem(view, found.blocked_in);
                    attributes.idle = readers.is_idle(view, i, found);
                }
            } else if let Some(found) = attributions.get(i) {
                // Owners of what is not drawn are worth a row; there are few of them.
                attributes.owner = tables.subsystem(view, found.owner);
            }
            let at = table.row(place, attributes);
            let (moment, sign) = moments.of_sample(&view.profile, i);
            table.add(at, moment, view.profile.samples.values(i), sign);
            if attributes.size <= 0 {
                for (t, sampling) in sampling.iter().enumerate().filter(|(_, s)| s.is_estimated()) {
                    let (variance, sampled) = (sampling.variance_of(view, i, t), sampling.sampled(view, i, t));
                    table.add_error(at, moment, t, [variance, sampled]);
                }
            }
        }
    }
    let count = match stacks.comparison {
        Comparison::Base | Comparison::Signed => 2,
        Comparison::None => moments.len(),
    };
    // In comparisons the base comes first, whatever was counted first.
    let order: Vec<usize> = match stacks.comparison {
        Comparison::None => (0..count).collect(),
        _ => vec![1, 0],
    };
    table.finish(&order, sampling, tables.words)
}

/// Keys of the labels that are attributes of their own.
struct Readers {
    size: Option<StringId>,
    state: Option<StringId>,
    wait: Option<StringId>,
    creator: Option<StringId>,
    leaked: Option<StringId>,
    own: Vec<StringId>,
}

impl Readers {
    fn of(view: &View) -> Self {
        let p = &view.profile;
        let goroutines = (p.sample_types.iter()).any(|t| matches!(p.text(t.kind), "goroutine" | "goroutineleak"));
        let find = |key: &str| p.strings.find(key).filter(|_| goroutines);
        let size = p.strings.find("bytes").filter(|_| {
            let heap = |t: &crate::model::ValueType| p.text(t.kind).ends_with("_space");
            p.sample_types.iter().any(heap)
        });
        let mut own: Vec<StringId> = size.into_iter().collect();
        own.extend(goroutine_label::ALL.iter().filter_map(|key| find(key)));
        own.extend(crate::analysis::view::base_label(p).map(|(key, _)| key));
        own.extend(crate::analysis::view::moments::label(p));
        Self {
            size,
            state: find(goroutine_label::STATE),
            wait: find(goroutine_label::WAIT),
            creator: find(goroutine_label::CREATED_BY),
            leaked: find(goroutine_label::LEAKED),
            own,
        }
    }

    fn is_idle(&self, view: &View, i: usize, found: &Attribution) -> bool {
        let (Some(key), Some(lens)) = (self.state, &view.lens) else {
            return false;
        };
        let p = &view.profile;
        let labels = p.samples.labels(i);
        let state = labels
            .iter()
            .rev()
            .find(|l| l.key == key)
            .map_or("", |l| p.text(l.text));
        let role = found.blocked_in.and_then(|id| lens.knowledge().get(id)).map(|s| s.role);
        let wakes = !state.contains("nil chan") && !state.contains("no cases");
        wakes && labels.iter().all(|l| Some(l.key) != self.leaked) && is_idle(state, role, found.within)
    }

    fn read(&self, view: &View, i: usize, tables: &mut Tables<'_>) -> Attributes {
        let p = &view.profile;
        let labels = p.samples.labels(i);
        if labels.is_empty() {
            return Attributes::default();
        }
        // The last of a key: labels of the program stand before those of the reader.
        let find = |key: Option<StringId>| labels.iter().rev().find(|l| Some(l.key) == key);
        let text = |key| find(key).map_or("", |l| p.text(l.text));
        let number = |key| find(key).filter(|l| l.kind() == LabelKind::Number).map(|l| l.number);
        let others: Vec<String> = (labels.iter().filter(|l| !self.own.contains(&l.key)))
            .map(|l| label_text(p, l))
            .collect();
        Attributes {
            size: number(self.size).unwrap_or(0).max(0),
            state: tables.word(text(self.state)),
            wait: number(self.wait),
            creator: tables.word(text(self.creator)),
            labels: tables.word(&others.join(" ")),
            ..Attributes::default()
        }
    }
}

fn label_text(p: &Profile, l: &Label) -> String {
    match l.kind() {
        LabelKind::Text => format!("{}={}", p.text(l.key), p.text(l.text)),
        LabelKind::Number => format!("{}={}{}", p.text(l.key), l.number, p.text(l.unit)),
        LabelKind::Empty => p.text(l.key).to_owned(),
    }
}

/// Rows that are being filled.
struct Table {
    types: usize,
    keys: Vec<(Place, Attributes)>,
    index: FxHashMap<(Place, Attributes), u32>,
    /// By moment, then row by row a value per sample type.
    values: Vec<Vec<i64>>,
    /// By moment, then row by row variance and samples per sample type; empty while there are none.
    errors: Vec<Vec<[f64; 2]>>,
}

impl Table {
    fn new(types: usize) -> Self {
        Self {
            types,
            keys: Vec::new(),
            index: FxHashMap::default(),
            values: Vec::new(),
            errors: Vec::new(),
        }
    }

    fn row(&mut self, place: Place, attributes: Attributes) -> usize {
        let next = self.keys.len() as u32;
        let at = *self.index.entry((place, attributes)).or_insert(next);
        if at == next {
            self.keys.push((place, attributes));
        }
        at as usize
    }

    fn add(&mut self, row: usize, moment: usize, values: &[i64], sign: i64) {
        if self.values.len() <= moment {
            self.values.resize(moment + 1, Vec::new());
        }
        let (at, column) = (row * self.types, &mut self.values[moment]);
        if column.len() < at + self.types {
            column.resize(at + self.types, 0);
        }
        for (sum, &v) in column[at..].iter_mut().zip(values) {
            *sum = sum.wrapping_add(v.wrapping_mul(sign));
        }
    }

    fn add_error(&mut self, row: usize, moment: usize, t: usize, error: [f64; 2]) {
        if self.errors.len() <= moment {
            self.errors.resize(moment + 1, Vec::new());
        }
        let (at, column) = (row * self.types + t, &mut self.errors[moment]);
        if column.len() <= at {
            column.resize(at + 1, [0.0; 2]);
        }
        for (sum, part) in column[at].iter_mut().zip(error) {
            *sum += part;
        }
    }

    fn finish(self, moments: &[usize], sampling: Vec<Sampling>, words: Vec<String>) -> FlameRows {
        // Rows without any value are left out; the others stand by node, then by attributes.
        let (types, values) = (self.types, &self.values);
        let value = |m: usize, row: usize, t: usize| {
            let column = values.get(m).map_or(&[][..], Vec::as_slice);
            column.get(row * types + t).copied().unwrap_or(0)
        };
        let mut order: Vec<usize> = (0..self.keys.len())
            .filter(|&row| moments.iter().any(|&m| (0..types).any(|t| value(m, row, t) != 0)))
            .collect();
        order.sort_by_key(|&row| {
            let (place, attributes) = self.keys[row];
            (place.node, place.hidden, attributes)
        });
        let error = |m: usize, row: usize, t: usize, which: usize| {
            let column = self.errors.get(m).map_or(&[][..], Vec::as_slice);
            column.get(row * types + t).map_or(0.0, |e| e[which])
        };
        let moments = moments
            .iter()
            .map(|&m| {
                let by_type = |of: &dyn Fn(usize, usize) -> f64| -> Vec<Vec<f64>> {
                    let column = |t| order.iter().map(|&row| of(row, t)).collect();
                    (0..types).map(column).collect()
                };
                let columns: Vec<Vec<i64>> = (0..types)
                    .map(|t| order.iter().map(|&row| value(m, row, t)).collect())
                    .collect();
                FlameMoment {
                    totals: columns.iter().map(|c| sum_of_sizes(c)).collect(),
                    values: columns,
                    variance: by_type(&|row, t| error(m, row, t, 0)),
                    sampled: by_type(&|row, t| error(m, row, t, 1)),
                }
            })
            .collect();
        let keys = || order.iter().map(|&row| self.keys[row]);
        let known = |any: &dyn Fn(&Attributes) -> bool| keys().any(|(_, a)| any(&a));
        FlameRows {
            node: keys().map(|(place, _)| place.node).collect(),
            hidden: keys().map(|(place, _)| place.hidden).collect(),
            size: column(known(&|a| a.size > 0), keys(), |a| a.size),
            owner: column(known(&|a| a.owner.is_some()), keys(), |a| a.owner),
            blocked_in: column(known(&|a| a.blocked_in.is_some()), keys(), |a| a.blocked_in),
            state: column(known(&|a| a.state != 0), keys(), |a| a.state),
            wait: column(known(&|a| a.wait.is_some() || a.state != 0), keys(), |a| a.wait),
            idle: column(known(&|a| a.state != 0), keys(), |a| a.idle),
            creator: column(known(&|a| a.creator != 0), keys(), |a| a.creator),
            labels: column(known(&|a| a.labels != 0), keys(), |a| a.labels),
            words,
            moments,
            sampling,
        }
    }
}

fn column<T>(known: bool, keys: impl Iterator<Item = (Place, Attributes)>, of: impl Fn(Attributes) -> T) -> Vec<T> {
    if !known {
        return Vec::new();
    }
    keys.map(|(_, attributes)| of(attributes)).collect()
}

fn sum_of_sizes(values: &[i64]) -> i64 {
    (values.iter()).fold(0i64, |sum, v| {
        sum.saturating_add(v.unsigned_abs().try_into().unwrap_or(i64::MAX))
    })
}

impl FlameRows {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.node.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.node.is_empty()
    }
}
