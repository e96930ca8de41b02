//! A profile prepared for a query: the pipeline of `go tool pprof`, in its order, done once for every report.
//!
//! Labels that become frames first, so that filters can match them; then the total (before the filters unless
//! percentages are relative); then filters; then the granularity, which blanks what is finer than the rows. A view owns
//! its profile.

pub(in crate::analysis) mod ask;
pub(in crate::analysis) mod filter;
pub(in crate::analysis) mod go_regexp;
pub(in crate::analysis) mod idle;
pub(in crate::analysis) mod inlining;
pub(in crate::analysis) mod moments;
pub(in crate::analysis) mod origin;
pub(in crate::analysis) mod query;
pub(in crate::analysis) mod sampling;
pub(in crate::analysis) mod scope;
pub(in crate::analysis) mod subsystems;
pub(in crate::analysis) mod subtract;
pub(in crate::analysis) mod tag_filter;
pub(in crate::analysis) mod tag_frames;
pub(in crate::analysis) mod values;

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::analysis::graph::nodes::clean_path;
use crate::analysis::view::inlining::Inlining;
use crate::analysis::view::sampling::Sampling;
use crate::analysis::view::subsystems::Lens;
use crate::analysis::view::tag_filter::{LabelUnits, TagFilter};
use crate::analysis::view::values::{check_sums, check_unit, mean_by, signed_total, totals};
use crate::analysis::{Dialect, Granularity, Origin, Query, QueryError};
use crate::kubelet::{Attribution, Knowledge};
use crate::model::{Label, LabelKind, LocationId, Profile, StringId, units};

pub use values::sample_index;
pub(in crate::analysis) use values::{BASE_LABEL, base_label, is_base};

/// Something that did not stop the query but that its reader should know. Goes to stderr.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Note {
    /// This option's expression matched nothing.
    NoMatch {
        /// pprof's name of the option.
        option: &'static str,
    },
    /// The profile says which frames are to be left out, by an expression that is none.
    NothingDropped(String),
    /// A tag filter was understood as a range.
    Range {
        /// Which option.
        option: &'static str,
        /// The value, without its key.
        value: String,
    },
    /// Labels of one key have several units.
    Units {
        /// The key.
        key: String,
        /// The unit used.
        used: String,
        /// The others.
        ignored: Vec<String>,
    },
}

impl std::fmt::Display for Note {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Note::NoMatch { option } => write!(f, "{option} matched nothing"),
            Note::NothingDropped(reason) => write!(f, "no frames are dropped: the profile's {reason}"),
            Note::Range { option, value } => write!(f, "{option} takes {value} for a range, not an expression"),
            Note::Units { key, used, ignored } => write!(
                f,
                "label {key} is shown in {used}; some samples have it in {}",
                ignored.join(", ")
            ),
        }
    }
}

/// Samples outside of the packages, subsystems and owners that a query asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Outside {
    /// How many.
    pub samples: usize,
    /// Sum of their values.
    pub value: i64,
}

/// A filtered profile and what the values in it mean.
#[derive(Debug, Clone)]
pub struct View {
    /// The profile after all filters, at the granularity of the query.
    #[doc(hidden)]
    pub profile: Profile,
    /// The query that made it.
    pub query: Query,
    /// Where the profile came from.
    pub origin: Arc<Origin>,
    /// Which value of a sample is looked at.
    #[doc(hidden)]
    pub index: usize,
    /// Name of the sample type, `mean_` in front where means were asked for.
    pub sample_type: String,
    /// Unit of the values.
    pub unit: String,
    /// What 100 % is: the sum of the absolute values, of the base's samples alone where there are any.
    pub total: i64,
    /// The same for every sample type, for reports that show several; never a mean.
    #[doc(hidden)]
    pub totals: Vec<i64>,
    /// The sum of the values with their signs, where some are negative and nothing was subtracted: the profile is itself a
    /// difference of two moments (`?seconds=`).
    pub signed_total: Option<i64>,
    /// What the reader should know.
    pub notes: Vec<Note>,
    /// What the functions are part of; `None` in the dialect of pprof, which knows nothing of kubelets.
    #[doc(hidden)]
    pub lens: Option<Lens>,
    /// Which functions were inlined; `None` in the dialect of pprof, which asks the trimmed graph, and where inlined
    /// functions count for their callers.
    #[doc(hidden)]
    pub inlining: Option<Inlining>,
    /// What is known of the error of the values.
    #[doc(hidden)]
    pub sampling: Sampling,
    /// What the scopes of the query left out.
    pub outside: Outside,
    /// Waits of idle loops that are left out of a profile of blocking or of mutexes.
    pub idle: Outside,
    pub(in crate::analysis) label_units: LabelUnits,
    /// Who owns each sample, where the stacks do not tell it any more.
    pub(in crate::analysis) owners: Option<Vec<Attribution>>,
    /// The sample type that means are by.
    mean_by: usize,
    /// The files of functions.
    pub(in crate::analysis) files: Files,
}

/// For each function its file as rows show it.
#[derive(Clone, Debug, Default)]
pub(in crate::analysis) struct Files {
    /// Cleaned.
    pub(in crate::analysis) cleaned: Vec<StringId>,
    /// Cleaned, without the prefixes that the query cuts.
    pub(in crate::analysis) trimmed: Vec<StringId>,
}

/// The name of a cleaned path; `id` is the one that `path` may have been cut from.
fn cleaned(p: &mut Profile, id: StringId, path: &str) -> StringId {
    if path.is_empty() {
        return StringId::EMPTY;
    }
    let clean = clean_path(path);
    if *clean == *p.strings.get(id) {
        return id;
    }
    p.strings.intern(&clean)
}

/// Applies a query to a profile, with the built-in knowledge of kubelets.
///
/// # Errors
/// When the query does not suit the profile or an expression is malformed.
pub fn prepare(profile: Profile, query: &Query) -> Result<View, QueryError> {
    let knowledge = (query.dialect == Dialect::Native).then(|| Arc::new(Knowledge::builtin()));
    prepare_subject(profile, query, knowledge, Arc::default())
}

/// Applies a query to a profile, with the given knowledge of kubelets, or none.
///
/// # Errors
/// When the query does not suit the profile or an expression is malformed.
pub fn prepare_knowing(profile: Profile, query: &Query, knowledge: Option<Arc<Knowledge>>) -> Result<View, QueryError> {
    prepare_subject(profile, query, knowledge, Arc::default())
}

/// Applies a query to a profile of which it is known where it came from.
///
/// # Errors
/// When the query does not suit the profile or an expression is malformed.
pub fn prepare_subject(
    mut profile: Profile,
    query: &Query,
    knowledge: Option<Arc<Knowledge>>,
    origin: Arc<Origin>,
) -> Result<View, QueryError> {
    if query.dialect == Dialect::Pprof {
        // pprof never sees labels that are nothing but a key.
        profile.samples.retain_labels(|l| l.kind() != LabelKind::Empty);
    }
    let mut notes = Vec::new();
    let inlining = (query.dialect == Dialect::Native && !query.no_inlines).then(|| Inlining::of(&profile));
    let label_units = LabelUnits::new(&profile);
    // Natively each number keeps the unit that its sample gives it.
    let ignored = label_units.ignored.iter();
    for (key, used, ignored) in ignored.filter(|_| query.dialect == Dialect::Pprof) {
        notes.push(Note::Units {
            key: key.clone(),
            used: used.clone(),
            ignored: ignored.clone(),
        });
    }
    let (root, leaf) = tag_frames::add_tag_frames(&mut profile, &query.tag_root, &query.tag_leaf, &query.unit);
    note_if(&mut notes, !query.tag_root.is_empty() && !root, "tagroot");
    note_if(&mut notes, !query.tag_leaf.is_empty() && !leaf, "tagleaf");
    let lens = knowledge.map(|knowledge| Lens::new(&mut profile, knowledge));
    let idle = match &lens {
        Some(lens) if !query.idle => idle::drop_idle(&mut profile, lens),
        _ => (0, Vec::new()),
    };
    let mut taken = scope::Taken::default();
    if query.relative_percentages {
        taken = scope::apply(&mut profile, query, lens.as_ref())?;
        apply_filters(&mut profile, query, &label_units, &mut notes)?;
    }
    let index = sample_index(&profile, &query.sample_type)?;
    if query.divide_by == 0.0 {
        return Err(QueryError::ZeroDivisor);
    }
    let (kind, unit) = profile.sample_type(index);
    let sample_type = if query.mean {
        format!("mean_{kind}")
    } else {
        kind.to_owned()
    };
    let unit = unit.to_owned();
    check_unit(query, &unit)?;
    let mean_by = mean_by(&profile, index, query.dialect);
    if query.dialect == Dialect::Native {
        check_sums(&profile)?;
    }
    let signed_total = signed_total(&profile, index).filter(|_| origin.bases.is_empty() && !query.mean);
    let (total, totals) = totals(&profile, index, query.mean.then_some(mean_by));
    if !query.relative_percentages {
        taken = scope::apply(&mut profile, query, lens.as_ref())?;
        apply_filters(&mut profile, query, &label_units, &mut notes)?;
    }
    let unmatched = taken.unmatched.into_iter();
    notes.extend(unmatched.map(|option| Note::NoMatch { option }));
    let outside = Outside {
        samples: taken.samples,
        value: taken.values.get(index).copied().unwrap_or(0),
    };
    aggregate(&mut profile, query);
    let owners = lens
        .as_ref()
        .and_then(|lens| scope::regroup(&mut profile, query.granularity, lens));
    let mut view = View {
        profile,
        query: query.clone(),
        index,
        sample_type,
        unit,
        total,
        totals,
        signed_total,
        notes,
        lens,
        inlining,
        owners,
        outside,
        idle: Outside::of_idle(&idle, index),
        mean_by,
        sampling: Sampling::Unknown,
        label_units,
        origin,
        files: Files::default(),
    };
    view.files = view.shown_files();
    view.sampling = Sampling::of(&view);
    // What lives in all of several profiles was sampled once: nothing can be said of the error of their sum.
    if view.origin.is_sum() && matches!(view.sampling, Sampling::Heap { .. }) {
        view.sampling = Sampling::Unknown;
    }
    Ok(view)
}

fn note_if(notes: &mut Vec<Note>, condition: bool, option: &'static str) {
    if condition {
        notes.push(Note::NoMatch { option });
    }
}

fn apply_filters(p: &mut Profile, query: &Query, units: &LabelUnits, notes: &mut Vec<Note>) -> Result<(), QueryError> {
    let focus = filter::regex("focus", &query.focus)?;
    let ignore = filter::regex("ignore", &query.ignore)?;
    let hide = filter::regex("hide", &query.hide)?;
    let show = filter::regex("show", &query.show)?;
    let show_from = filter::regex("show_from", &query.show_from)?;
    let tag_focus = TagFilter::new("tagfocus", &query.tag_focus, query.dialect)?;
    let tag_ignore = TagFilter::new("tagignore", &query.tag_ignore, query.dialect)?;
    let prune_from = filter::regex("prune_from", &query.prune_from)?;
    let tag_show = filter::regex("tagshow", &query.tag_show)?;
    let tag_hide = filter::regex("taghide", &query.tag_hide)?;
    for (option, filter, text) in [
        ("tagfocus", &tag_focus, &query.tag_focus),
        ("tagignore", &tag_ignore, &query.tag_ignore),
    ] {
        if filter.as_ref().is_some_and(TagFilter::is_range) {
            let value = text.split_once('=').map_or(text.as_str(), |(_, value)| value);
            notes.push(Note::Range {
                option,
                value: value.to_owned(),
            });
        }
    }

    let m = filter::by_name(p, focus.as_ref(), ignore.as_ref(), hide.as_ref(), show.as_ref());
    note_if(notes, focus.is_some() && !m.focus, "focus");
    note_if(notes, ignore.is_some() && !m.ignore, "ignore");
    note_if(notes, hide.is_some() && !m.hide, "hide");
    note_if(notes, show.is_some() && !m.show, "show");
    if let Some(re) = &show_from {
        let matched = filter::show_from(p, re);
        note_if(notes, !matched, "show_from");
    }
    let (focused, ignored) = tag_filter::by_tag(p, units, tag_focus.as_ref(), tag_ignore.as_ref());
    note_if(notes, tag_focus.is_some() && !focused, "tagfocus");
    note_if(notes, tag_ignore.is_some() && !ignored, "tagignore");
    let (shown, hidden) = tag_filter::tags_by_name(p, tag_show.as_ref(), tag_hide.as_ref());
    note_if(notes, tag_show.is_some() && !shown, "tagshow");
    note_if(notes, tag_hide.is_some() && !hidden, "taghide");
    if let Some(re) = &prune_from {
        filter::prune_from(p, re);
    }
    Ok(())
}

/// Blanks what is finer than the granularity, so that equal rows become one.
fn aggregate(p: &mut Profile, query: &Query) {
    let inlines = !query.no_inlines;
    let (function, file, line, address) = match query.granularity {
        Granularity::Addresses if inlines => return,
        Granularity::Addresses => (true, true, true, true),
        Granularity::Lines => (true, true, true, false),
        Granularity::Files => (false, true, false, false),
        Granularity::Functions
        | Granularity::Packages
        | Granularity::Modules
        | Granularity::Subsystems
        | Granularity::Owners
        | Granularity::Pairs => (true, false, false, false),
        Granularity::FileFunctions => (true, true, false, false),
    };
    for m in &mut p.mappings {
        m.has_inline_frames &= inlines;
        m.has_functions &= function;
        m.has_filenames &= file;
        m.has_line_numbers &= line;
    }
    for f in &mut p.functions {
        if !function {
            f.name = StringId::EMPTY;
            f.system_name = StringId::EMPTY;
        }
        if !file {
            f.filename = StringId::EMPTY;
        }
    }
    if !inlines {
        for l in &mut p.locations {
            if l.line_count > 1 {
                l.first_line += l.line_count - 1;
                l.line_count = 1;
            }
        }
    }
    for l in &mut p.lines {
        if !line {
            l.line = 0;
        }
        if !line || !query.show_columns {
            l.column = 0;
        }
    }
    if !address {
        for l in &mut p.locations {
            l.address = 0;
        }
    }
}

impl View {
    /// How many rows a report has at most (0: all), `default` where the query does not say.
    #[doc(hidden)]
    pub fn row_limit(&self, default: usize) -> usize {
        self.query.trim.node_count.unwrap_or(default)
    }

    /// The value of sample `i` that the query looks at.
    #[inline]
    #[doc(hidden)]
    pub fn value(&self, i: usize) -> i64 {
        self.profile.samples.values(i)[self.index]
    }

    /// What the value of sample `i` is divided by where means were asked for, else 0.
    #[inline]
    #[doc(hidden)]
    pub fn divisor(&self, i: usize) -> i64 {
        if self.query.mean {
            self.profile.samples.values(i)[self.mean_by]
        } else {
            0
        }
    }

    /// A value as text in `unit`, divided as the query wants it.
    pub(crate) fn format(&self, value: i64, unit: &str) -> String {
        units::label(self.divided(value), &self.unit, unit)
    }

    /// A value divided by `divide_by`, cut to an integer as in pprof.
    pub(in crate::analysis) fn divided(&self, value: i64) -> i64 {
        let ratio = 1.0 / self.query.divide_by;
        if ratio > 0.0 && ratio != 1.0 {
            self.whole(value as f64 * ratio)
        } else {
            value
        }
    }

    /// The unit of a numeric label of a sample.
    #[doc(hidden)]
    pub fn unit_of(&self, label: &Label) -> &str {
        self.label_units.of(&self.profile, label, self.query.dialect)
    }

    /// A scaled value in the reports that have whole numbers. Where no integer is large enough the dialect of pprof has the
    /// least one, as its processor makes it.
    #[doc(hidden)]
    pub fn whole(&self, v: f64) -> i64 {
        match self.query.dialect {
            Dialect::Pprof => units::to_int(v),
            Dialect::Native => v as i64,
        }
    }

    /// The unit of numeric labels with this key.
    #[doc(hidden)]
    pub fn label_unit(&self, key: StringId) -> &str {
        self.label_units.get(key)
    }

    /// The files of all functions as rows show them. Those that the profile has stay as they are: reports that print the
    /// profile itself know nothing of it.
    fn shown_files(&mut self) -> Files {
        let (trim, source) = (self.query.trim_path.clone(), self.query.source_path.clone());
        let p = &mut self.profile;
        let mut known: FxHashMap<StringId, (StringId, StringId)> = FxHashMap::default();
        let mut files = Files::default();
        for i in 0..p.functions.len() {
            let id = p.functions[i].filename;
            let (cleaned, trimmed) = *known.entry(id).or_insert_with(|| {
                let path = p.strings.get(id).to_owned();
                let short = trimmed_path(&path, &trim, &source);
                (cleaned(p, id, &path), cleaned(p, id, short))
            });
            files.cleaned.push(cleaned);
            files.trimmed.push(trimmed);
        }
        files
    }

    /// What packages, subsystems and owners left out, in words; `None` when nothing.
    #[doc(hidden)]
    pub fn outside_words(&self) -> Option<String> {
        let value = self.format(self.outside.value, "minimum");
        (self.outside.samples > 0).then(|| {
            format!(
                "{} samples outside of what was asked for ({value}) are left out",
                self.outside.samples
            )
        })
    }

    /// The filters that are set, what was subtracted included, as `name=value`.
    #[doc(hidden)]
    pub fn active_filters(&self) -> Vec<(&'static str, &str)> {
        self.origin.filters().chain(self.query.active_filters()).collect()
    }

    /// The lines of a location.
    #[doc(hidden)]
    pub fn lines(&self, l: LocationId) -> &[crate::model::Line] {
        self.profile.lines_of(l)
    }
}

/// A path without the prefixes of `trim` (separated by `:`); without any, up to the name of the first source folder that
/// occurs in it.
pub fn trimmed_path<'a>(path: &'a str, trim: &str, source: &str) -> &'a str {
    let list = |text: &str| -> Vec<String> {
        if text.is_empty() {
            Vec::new()
        } else {
            text.split(':').map(str::to_owned).collect()
        }
    };
    if trim.is_empty() {
        for dir in list(source) {
            let want = format!("/{}/", crate::analysis::graph::nodes::base_name(&dir));
            if let Some(found) = path.find(&want) {
                return &path[found + want.len()..];
            }
        }
    }
    let mut prefixes = list(trim);
    prefixes.extend(["/proc/self/cwd/./".to_owned(), "/proc/self/cwd/".to_owned()]);
    for mut prefix in prefixes {
        if !prefix.ends_with('/') {
            prefix.push('/');
        }
        if let Some(rest) = path.strip_prefix(&prefix) {
            return rest;
        }
    }
    path
}
