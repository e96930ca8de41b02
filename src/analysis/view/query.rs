//! What is asked of a profile: which values, which samples and frames, how fine, how many rows.
//!
//! Built by flags, the prompt, a URL or code alike; everything has pprof's name and default. Filters are texts here and
//! become expressions in `filter`, so that a query can be shown and saved.

use std::borrow::Cow;

use crate::kubelet;

/// How fine a row is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash)]
pub enum Granularity {
    /// One row a function, whatever its file (the default).
    #[default]
    Functions,
    /// One row a function and file.
    FileFunctions,
    /// One row a file.
    Files,
    /// One row a source line.
    Lines,
    /// One row an address.
    Addresses,
    /// One row a Go package.
    Packages,
    /// One row a Go module.
    Modules,
    /// One row a subsystem of the kubelet.
    Subsystems,
    /// One row an owner: every stack counts for the part of the kubelet that answers for it.
    Owners,
    /// One row an owner and what it is blocked or spends in.
    Pairs,
}

/// What rows are ordered by.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Sort {
    /// What the row itself has.
    #[default]
    Flat,
    /// What the row and everything below it has.
    Cum,
}

/// Whose rules hold where `go tool pprof` is known to be wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Dialect {
    /// kubeprof's: numeric texts match tag filters, files merge, edges of means are means.
    #[default]
    Native,
    /// Those of `go tool pprof`, to the byte.
    Pprof,
}

/// What is left out for being small.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Trim {
    /// At most this many rows; 0 for all, `None` for the default of the report.
    pub node_count: Option<usize>,
    /// Rows whose cum is below this share of the sum of flat are left out.
    pub node_fraction: f64,
    /// Edges below this share are left out.
    pub edge_fraction: f64,
}

impl Default for Trim {
    fn default() -> Self {
        Self {
            node_count: None,
            node_fraction: 0.005,
            edge_fraction: 0.001,
        }
    }
}

impl Trim {
    /// Everything is shown.
    pub const NONE: Trim = Trim {
        node_count: Some(0),
        node_fraction: 0.0,
        edge_fraction: 0.0,
    };
}

/// What is asked of a profile. [`Query::default`] asks for everything, as pprof does.
#[derive(Clone, PartialEq, Debug)]
pub struct Query {
    /// Sample type by name or index; `""` for the profile's default.
    pub sample_type: String,
    /// Values are divided: bytes by the objects of the same kind (mean object size), else by the first sample type (mean
    /// delay).
    pub mean: bool,
    /// Keep samples with a frame whose function, file or mapping matches.
    pub focus: String,
    /// Drop samples with a matching frame; wins over focus.
    pub ignore: String,
    /// Remove matching frames; what they had goes to their caller.
    pub hide: String,
    /// Keep only matching frames.
    pub show: String,
    /// Cut the frames above the outermost match; samples without one are dropped.
    pub show_from: String,
    /// Cut the frames below the innermost match.
    pub prune_from: String,
    /// Keep samples with a matching label: `[key=]regexp[,regexp]` or `[key=]range`.
    pub tag_focus: String,
    /// Drop samples with a matching label.
    pub tag_ignore: String,
    /// Keep only labels whose key matches.
    pub tag_show: String,
    /// Remove labels whose key matches.
    pub tag_hide: String,
    /// Label keys (separated by commas) that become frames at the root.
    pub tag_root: String,
    /// Label keys (separated by commas) that become frames at the leaf.
    pub tag_leaf: String,
    /// Go package patterns (`pkg/kubelet/...`): keep samples that pass through one of them, show rows of them only.
    pub packages: Vec<String>,
    /// Subsystem keys: keep samples that pass through one of them, show rows of them only.
    pub subsystems: Vec<String>,
    /// Subsystem keys: keep samples that one of them owns.
    pub owners: Vec<String>,
    /// How fine a row is.
    pub granularity: Granularity,
    /// Every location counts as its outermost function.
    pub no_inlines: bool,
    /// Lines show columns.
    pub show_columns: bool,
    /// Order of rows.
    pub sort: Sort,
    /// What is left out.
    pub trim: Trim,
    /// Unit of all values, `minimum` for one that suits them all, `auto` for one each.
    pub unit: String,
    /// Values are divided by this.
    pub divide_by: f64,
    /// Rows with negative values are left out.
    pub drop_negative: bool,
    /// Errors are shown as intervals of this confidence in percent; `None` for one sigma.
    pub level: Option<f64>,
    /// Waits of idle loops count in profiles of blocking and of mutexes.
    pub idle: bool,
    /// Percentages are of what the filters leave.
    pub relative_percentages: bool,
    /// Graphs become trees: a node a calling context.
    pub call_tree: bool,
    /// Prefixes (separated by `:`) that are cut from file names.
    pub trim_path: String,
    /// Folders (separated by `:`) where sources are looked up; empty for the current one.
    pub source_path: String,
    /// No profile header above the report.
    #[doc(hidden)]
    pub compact_labels: bool,
    /// Whose rules hold.
    #[doc(hidden)]
    pub dialect: Dialect,
}

impl Default for Query {
    fn default() -> Self {
        Self {
            sample_type: String::new(),
            mean: false,
            focus: String::new(),
            ignore: String::new(),
            hide: String::new(),
            show: String::new(),
            show_from: String::new(),
            prune_from: String::new(),
            tag_focus: String::new(),
            tag_ignore: String::new(),
            tag_show: String::new(),
            tag_hide: String::new(),
            tag_root: String::new(),
            tag_leaf: String::new(),
            packages: Vec::new(),
            subsystems: Vec::new(),
            owners: Vec::new(),
            granularity: Granularity::Functions,
            no_inlines: false,
            show_columns: false,
            sort: Sort::Flat,
            trim: Trim::default(),
            unit: "minimum".to_owned(),
            divide_by: 1.0,
            drop_negative: false,
            level: None,
            idle: false,
            relative_percentages: false,
            call_tree: false,
            trim_path: String::new(),
            source_path: String::new(),
            compact_labels: false,
            dialect: Dialect::Native,
        }
    }
}

impl Query {
    /// Everything, at this granularity.
    pub fn by(granularity: Granularity) -> Self {
        Self {
            granularity,
            ..Self::default()
        }
    }

    /// The filters that are set, as `name=value`, in the order in which pprof lists them. `prune_from` is listed for the
    /// native dialect only.
    pub(crate) fn active_filters(&self) -> Vec<(&'static str, &str)> {
        let mut filters = Vec::new();
        for (name, values) in [
            ("package", &self.packages),
            ("subsystem", &self.subsystems),
            ("owner", &self.owners),
        ] {
            filters.extend(values.iter().map(|v| (name, v.as_str())));
        }
        filters.extend([
            ("focus", self.focus.as_str()),
            ("ignore", &self.ignore),
            ("hide", &self.hide),
            ("show", &self.show),
            ("show_from", &self.show_from),
            ("tagfocus", &self.tag_focus),
            ("tagignore", &self.tag_ignore),
            ("tagshow", &self.tag_show),
            ("taghide", &self.tag_hide),
        ]);
        if self.dialect == Dialect::Native {
            filters.push(("prune_from", &self.prune_from));
        }
        filters.retain(|(_, value)| !value.is_empty());
        filters
    }
}

impl Query {
    /// Whether it asks for anything that changes samples or frames.
    #[cfg(feature = "cli")]
    pub(crate) fn changes_samples(&self) -> bool {
        let plain = Query {
            sample_type: self.sample_type.clone(),
            granularity: self.granularity,
            trim: self.trim,
            sort: self.sort,
            unit: self.unit.clone(),
            divide_by: self.divide_by,
            level: self.level,
            idle: self.idle,
            ..Query::default()
        };
        *self != plain
    }
}

/// Why a query cannot be answered.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// A filter is not a regular expression.
    #[error("{option} {text:?} is not a regular expression: {reason}")]
    Regex {
        /// Which filter.
        option: &'static str,
        /// What was typed.
        text: String,
        /// What the expression engine says.
        reason: String,
    },
    /// There is no such sample type.
    #[error("sample type {asked:?} is not in the profile")]
    SampleType {
        /// What was asked for.
        asked: String,
        /// What there is.
        available: Vec<String>,
    },
    /// The profile has no sample types at all.
    #[error("the profile has no sample types")]
    NoSampleTypes,
    /// There is no such subsystem.
    #[error("subsystem {asked:?} is not in the table")]
    Subsystem {
        /// What was asked for.
        asked: String,
        /// The keys and titles that there are.
        available: Vec<(String, String)>,
    },
    /// A package pattern is malformed.
    #[error(transparent)]
    Package(#[from] kubelet::PatternError),
    /// Values whose sum is no number of 64 bits.
    #[error("the values of {0} add up to more than 9223372036854775807")]
    Overflow(String),
    /// Division by zero was asked for.
    #[error("divide_by is zero")]
    ZeroDivisor,
    /// A unit that cannot express the values.
    #[error("unit {unit:?} cannot express {of}")]
    Unit {
        /// What was asked for.
        unit: String,
        /// The unit of the values.
        of: String,
        /// What would work.
        known: &'static str,
    },
    /// Means were asked of a report that adds values up.
    #[error("means of stacks cannot be added up")]
    MeanOfStacks,
    /// What the filters leave is no sound profile.
    #[error("{0}")]
    Compact(String),
    /// Functions match the expression of `disasm`, and no sample is in one of them.
    #[error("functions match {0:?}, but no sample has one of them in its stack")]
    NoSampleInMatch(String),
    /// Nothing matches the expression of `peek`, `list` or `disasm`.
    #[error("no matches found for regexp: {0}")]
    NoMatch(String),
}

impl QueryError {
    /// What to do about it.
    pub fn hint(&self) -> Option<Cow<'static, str>> {
        Some(match self {
            Self::Regex { text, .. } => format!(
                "where the characters themselves are meant, write {}",
                regex::escape(text)
            )
            .into(),
            Self::SampleType { available, .. } => format!("it has {}", available.join(", ")).into(),
            Self::Subsystem { asked, available } => match nearest(asked, available) {
                alike if alike.is_empty() => return None,
                alike => format!("did you mean {}?", alike.join(", ")).into(),
            },
            Self::Package(cause) => cause.hint(),
            Self::Overflow(_) => "no real profile has such values".into(),
            Self::Unit { known, .. } => format!("use {known}, minimum or auto").into(),
            Self::MeanOfStacks => "ask for sums; the page shows all sample types of a frame".into(),
            Self::NoSampleTypes
            | Self::ZeroDivisor
            | Self::Compact(_)
            | Self::NoSampleInMatch(_)
            | Self::NoMatch(_) => return None,
        })
    }
}

/// The keys that look like `asked`.
fn nearest<'a>(asked: &str, available: &'a [(String, String)]) -> Vec<&'a str> {
    let asked = asked.to_lowercase();
    let spelled = available.iter().flat_map(|(key, title)| [key.as_str(), title]);
    let near = kubelet::nearest(&asked, spelled);
    let looks_alike = |(key, title): &&(String, String)| {
        let by_words = !asked.is_empty()
            && (key.contains(&asked)
                || asked.contains(key.as_str())
                || title.contains(&asked)
                || key.split('-').any(|part| part.len() > 2 && asked.contains(part)));
        by_words || near == Some(key) || near == Some(title)
    };
    let is_near = |(key, title): &&(String, String)| near == Some(key) || near == Some(title);
    let mut alike: Vec<&(String, String)> = available.iter().filter(looks_alike).collect();
    alike.sort_by_key(|known| !is_near(known));
    alike.iter().take(6).map(|(key, _)| key.as_str()).collect()
}
