//! Packages, subsystems and owners: filters by them, rows limited to them, rows that stand for them.
//!
//! A sample passes when any of its frames is inside; rows outside are hidden and counted, their values are not changed.

use rustc_hash::FxHashSet;

use crate::analysis::graph::nodes::{NodeInfo, clean_path};
use crate::analysis::view::subsystems::{Lens, Place};
use crate::analysis::{Granularity, Query, QueryError, View};
use crate::kubelet::{Attribution, Clues, FunctionClass, PackagePatterns, Sense, SubsystemId, attribute};
use crate::model::{Function, FunctionId, Line, LocationId, Profile, Stacks, StringId};

/// The packages and subsystems that a query is limited to.
pub(in crate::analysis) struct Scope {
    packages: Option<PackagePatterns>,
    subsystems: Vec<SubsystemId>,
    /// Names of the rows that have a function inside, where rows are more than functions.
    groups: FxHashSet<StringId>,
}

impl Scope {
    /// The scope of a view, when it has one. Owners have none: they own stacks, and those are chosen already.
    pub(in crate::analysis) fn of(view: &View) -> Option<Self> {
        let lens = view.lens.as_ref()?;
        if matches!(view.query.granularity, Granularity::Owners | Granularity::Pairs) {
            return None;
        }
        let mut scope = Self::new(&view.query, lens).ok().flatten()?;
        let p = &view.profile;
        let group = |place: &Place| match view.query.granularity {
            Granularity::Packages => Some(place.package),
            Granularity::Modules => Some(place.module),
            Granularity::Subsystems => place.class.subsystem().and_then(|id| p.strings.find(lens.title(id))),
            Granularity::Files => p.strings.find(&clean_path(p.text(place.file))),
            _ => None,
        };
        let inside = lens
            .places()
            .iter()
            .filter(|place| scope.matches(p.text(place.package), place.class));
        scope.groups = inside.filter_map(group).collect();
        Some(scope)
    }

    fn new(query: &Query, lens: &Lens) -> Result<Option<Self>, QueryError> {
        if query.packages.is_empty() && query.subsystems.is_empty() {
            return Ok(None);
        }
        let packages = match query.packages.as_slice() {
            [] => None,
            texts => Some(PackagePatterns::parse(
                texts.iter().flat_map(|t| t.split(',')).map(str::trim),
            )?),
        };
        Ok(Some(Self {
            packages,
            subsystems: ids(&query.subsystems, lens)?,
            groups: FxHashSet::default(),
        }))
    }

    fn matches(&self, package: &str, class: FunctionClass) -> bool {
        self.packages.as_ref().is_none_or(|p| p.matches(package))
            && (self.subsystems.is_empty() || class.subsystem().is_some_and(|s| self.subsystems.contains(&s)))
    }

    /// Whether a row is inside.
    pub(in crate::analysis) fn contains(&self, view: &View, info: &NodeInfo) -> bool {
        let Some(lens) = &view.lens else { return true };
        match view.query.granularity {
            Granularity::Packages | Granularity::Modules | Granularity::Subsystems => self.groups.contains(&info.name),
            Granularity::Files => self.groups.contains(&info.file),
            _ => lens
                .named(info.name)
                .is_some_and(|p| self.matches(view.profile.text(p.package), p.class)),
        }
    }
}

/// The subsystems of these keys or titles; several may stand in one text, separated by commas.
pub(in crate::analysis) fn ids(typed: &[String], lens: &Lens) -> Result<Vec<SubsystemId>, QueryError> {
    let knowledge = lens.knowledge();
    let mut found = Vec::new();
    for text in typed {
        // Some titles have commas.
        if let Some(id) = knowledge.find(text) {
            found.push(id);
            continue;
        }
        for part in text.split(',') {
            found.push(knowledge.find(part).ok_or_else(|| {
                QueryError::Subsystem {
                    asked: part.trim().to_owned(),
                    available: (knowledge.subsystems().iter())
                        .map(|s| (s.key.clone(), s.title.clone()))
                        .collect(),
                }
            })?);
        }
    }
    Ok(found)
}

/// What scopes took away.
#[derive(Default)]
pub(in crate::analysis) struct Taken {
    /// The options that matched nothing.
    pub(in crate::analysis) unmatched: Vec<&'static str>,
    /// Samples.
    pub(in crate::analysis) samples: usize,
    /// Their values, one a sample type.
    pub(in crate::analysis) values: Vec<i64>,
}

/// Drops the samples outside of the query's packages, subsystems and owners.
pub(in crate::analysis) fn apply(p: &mut Profile, query: &Query, lens: Option<&Lens>) -> Result<Taken, QueryError> {
    let Some(lens) = lens else { return Ok(Taken::default()) };
    if query.packages.is_empty() && query.subsystems.is_empty() && query.owners.is_empty() {
        return Ok(Taken::default());
    }
    let (before, mut values) = (p.samples.len(), sums(p));
    let unmatched = drop_outside(p, query, lens)?;
    for (taken, left) in values.iter_mut().zip(sums(p)) {
        *taken = taken.wrapping_sub(left);
    }
    Ok(Taken {
        unmatched,
        samples: before - p.samples.len(),
        values,
    })
}

fn sums(p: &Profile) -> Vec<i64> {
    let mut sums = vec![0i64; p.sample_types.len()];
    for i in 0..p.samples.len() {
        for (sum, v) in sums.iter_mut().zip(p.samples.values(i)) {
            *sum = sum.wrapping_add(*v);
        }
    }
    sums
}

/// The options that matched none.
fn drop_outside(p: &mut Profile, query: &Query, lens: &Lens) -> Result<Vec<&'static str>, QueryError> {
    let mut unmatched = Vec::new();
    if let Some(scope) = Scope::new(query, lens)? {
        let inside: Vec<bool> = (0..p.functions.len())
            .map(|f| {
                lens.function(FunctionId::new(f))
                    .is_some_and(|place| scope.matches(p.text(place.package), place.class))
            })
            .collect();
        let location: Vec<bool> = (0..p.locations.len())
            .map(|l| {
                p.lines_of(LocationId::new(l))
                    .iter()
                    .any(|line| inside[line.function.index()])
            })
            .collect();
        let stack: Vec<bool> = p
            .stacks
            .iter()
            .map(|(_, s)| s.iter().any(|l| location[l.index()]))
            .collect();
        p.samples.retain(|samples, i| stack[samples.stack(i).index()]);
        if !stack.contains(&true) {
            let given = [("package", &query.packages), ("subsystem", &query.subsystems)];
            unmatched.extend(
                given
                    .iter()
                    .filter(|(_, keys)| !keys.is_empty())
                    .map(|(option, _)| *option),
            );
        }
    }
    if !query.owners.is_empty() {
        let owners = ids(&query.owners, lens)?;
        let found = attributions(p, lens);
        p.samples
            .retain(|_, i| found[i].owner.is_some_and(|o| owners.contains(&o)));
        if p.samples.is_empty() {
            unmatched.push("owner");
        }
    }
    Ok(unmatched)
}

/// Whether stacks of this profile wait or spend.
pub(in crate::analysis) fn sense_of(p: &Profile) -> Sense {
    let waits = |t: &crate::model::ValueType| {
        matches!(
            p.text(t.kind),
            "goroutine" | "goroutineleak" | "contentions" | "delay" | "threadcreate"
        )
    };
    if p.sample_types.iter().any(waits) {
        Sense::Waiting
    } else {
        Sense::Spending
    }
}

/// The classes of the frames of every location, innermost first; looked up once, as stacks repeat them many times.
struct FrameClasses {
    ends: Vec<u32>,
    classes: Vec<FunctionClass>,
}

impl FrameClasses {
    fn new(p: &Profile, lens: &Lens) -> Self {
        let mut all = Self {
            ends: vec![0],
            classes: Vec::with_capacity(p.lines.len()),
        };
        for l in 0..p.locations.len() {
            let lines = p.lines_of(LocationId::new(l));
            if lines.is_empty() {
                // An address without a name is a frame of which nothing is known.
                all.classes.push(FunctionClass::default());
            }
            let class = |f| {
                lens.function(f)
                    .map_or_else(FunctionClass::default, |place| place.class)
            };
            all.classes.extend(lines.iter().map(|line| class(line.function)));
            all.ends.push(all.classes.len() as u32);
        }
        all
    }

    fn of(&self, l: LocationId) -> &[FunctionClass] {
        &self.classes[self.ends[l.index()] as usize..self.ends[l.index() + 1] as usize]
    }

    /// Who owns a stack and what it is blocked or spends in.
    fn attribution(&self, stack: &[LocationId], sense: Sense, clues: Clues) -> Attribution {
        attribute(stack.iter().flat_map(|&l| self.of(l).iter().copied()), sense, clues)
    }

    /// The same of a stack of another program than a kubelet.
    fn attribution_of_other(&self, stack: &[LocationId], sense: Sense, clues: Clues) -> Attribution {
        let frames = stack.iter().flat_map(|&l| self.of(l).iter().copied());
        attribute(frames.map(FunctionClass::in_other_program), sense, clues)
    }
}

/// Who owns a sample and what it is blocked or spends in, with what its labels say of its goroutine.
fn of_sample(p: &Profile, lens: &Lens, classes: &FrameClasses, sample: usize, sense: Sense) -> Attribution {
    let labels = p.samples.labels(sample);
    let stack = p.stack(p.samples.stack(sample));
    if lens.is_of_other_program(labels) {
        return classes.attribution_of_other(stack, sense, lens.clues(labels));
    }
    let found = classes.attribution(stack, sense, lens.clues(labels));
    found.or_parent(lens.parent_owner(labels))
}

/// Who owns each sample and what it is blocked or spends in; equal stacks are looked at once where labels say nothing.
pub(in crate::analysis) fn attributions(p: &Profile, lens: &Lens) -> Vec<Attribution> {
    let sense = sense_of(p);
    let classes = FrameClasses::new(p, lens);
    let samples = 0..p.samples.len();
    if lens.has_clues() {
        return samples.map(|i| of_sample(p, lens, &classes, i, sense)).collect();
    }
    let mut of_stack: Vec<Option<Attribution>> = vec![None; p.stacks.len()];
    samples
        .map(|i| {
            let stack = p.samples.stack(i);
            *of_stack[stack.index()].get_or_insert_with(|| classes.attribution(p.stack(stack), sense, Clues::default()))
        })
        .collect()
}

impl View {
    /// Who owns each sample and what it is blocked or spends in; empty without a lens. What the labels of a goroutine say
    /// (state, creator, parent's owner) counts as well.
    pub fn attributions(&self) -> Vec<Attribution> {
        match (&self.owners, &self.lens) {
            (Some(known), _) => known.clone(),
            (None, Some(lens)) => attributions(&self.profile, lens),
            (None, None) => Vec::new(),
        }
    }
}

/// Makes rows of packages, modules, subsystems or owners by renaming functions, so that every report works on them. Where
/// that takes the stacks away from which owners are told, gives what they told.
pub(in crate::analysis) fn regroup(p: &mut Profile, granularity: Granularity, lens: &Lens) -> Option<Vec<Attribution>> {
    match granularity {
        Granularity::Packages | Granularity::Modules | Granularity::Subsystems => {
            let names: Vec<StringId> = (0..p.functions.len())
                .map(|f| {
                    let Some(place) = lens.function(FunctionId::new(f)) else {
                        return p.functions[f].name;
                    };
                    let group = match granularity {
                        Granularity::Packages => place.package,
                        Granularity::Modules => place.module,
                        _ => match place.class.subsystem() {
                            Some(id) => p.strings.intern(lens.title(id)),
                            None => StringId::EMPTY,
                        },
                    };
                    if group.is_empty() {
                        p.strings.intern(none_of(granularity))
                    } else {
                        group
                    }
                })
                .collect();
            for (f, name) in p.functions.iter_mut().zip(names) {
                *f = Function {
                    id: f.id,
                    name,
                    system_name: name,
                    filename: StringId::EMPTY,
                    start_line: 0,
                };
            }
        }
        Granularity::Owners | Granularity::Pairs => {
            let found = attributions(p, lens);
            let pairs = granularity == Granularity::Pairs;
            p.lines.clear();
            p.locations.clear();
            p.functions.clear();
            let mut location_of = rustc_hash::FxHashMap::default();
            let frames: Vec<LocationId> = found
                .iter()
                .map(|attribution| {
                    let pair = Pair::of(attribution);
                    let key = match pairs {
                        true => pair,
                        false => Pair {
                            owner: pair.owner,
                            ..Pair::default()
                        },
                    };
                    *location_of.entry(key).or_insert_with(|| {
                        let title = match pairs {
                            true => pair.title(lens),
                            false => pair.owner.map_or(none_of(granularity), |id| lens.title(id)).to_owned(),
                        };
                        let function = p.add_function(&title, &title, "", 0);
                        p.add_location(
                            0,
                            None,
                            &[Line {
                                function,
                                line: 0,
                                column: 0,
                            }],
                        )
                    })
                })
                .collect();
            p.stacks = Stacks::new();
            let mut of_sample = frames.iter();
            let mut stack = || p.stacks.intern(&[*of_sample.next()?]);
            p.samples.map_stacks(|_| stack().unwrap_or_default());
            return Some(found);
        }
        _ => {}
    }
    None
}

/// An owner and what its stacks are blocked or spend in.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub(in crate::analysis) struct Pair {
    pub(in crate::analysis) owner: Option<SubsystemId>,
    pub(in crate::analysis) blocked_in: Option<SubsystemId>,
    pub(in crate::analysis) within: Option<SubsystemId>,
}

impl Pair {
    pub(in crate::analysis) fn of(attribution: &Attribution) -> Self {
        Self {
            owner: attribution.owner,
            blocked_in: attribution.blocked_in,
            within: attribution.within,
        }
    }

    /// `probes -> CRI gRPC (CRI orchestration)`
    fn title(self, lens: &Lens) -> String {
        let owner = self.owner.map_or(none_of(Granularity::Owners), |id| lens.title(id));
        let blocked_in = self.blocked_in.map_or("(not blocked)", |id| lens.title(id));
        match self.within {
            Some(within) => format!("{owner} -> {blocked_in} ({})", lens.title(within)),
            None => format!("{owner} -> {blocked_in}"),
        }
    }
}

impl View {
    /// The pair that each row of pairs stands for, by the name of the row; empty at other granularities.
    pub(in crate::analysis) fn pairs(&self) -> rustc_hash::FxHashMap<StringId, Pair> {
        let found = self
            .owners
            .iter()
            .filter(|_| self.query.granularity == Granularity::Pairs);
        let p = &self.profile;
        (found.flatten().enumerate())
            .filter_map(|(i, attribution)| {
                let leaf = p.stack(p.samples.stack(i)).first()?;
                let function = p.lines_of(*leaf).first()?.function;
                Some((p.function(function).name, Pair::of(attribution)))
            })
            .collect()
    }
}

/// What a row is called that belongs to nothing.
fn none_of(granularity: Granularity) -> &'static str {
    match granularity {
        Granularity::Packages => "(no package)",
        Granularity::Modules => "(no module)",
        Granularity::Subsystems => "(no subsystem)",
        _ => "(no owner)",
    }
}
