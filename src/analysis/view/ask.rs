//! Every report as a method of the view that it is made of.

use crate::analysis::{
    Census, Diff, Flame, FlameLimits, GoroutineQuery, Goroutines, Listing, QueryError, Tags, Top, Traces, Tree, View,
};

impl View {
    /// The rows, the highest flat value first.
    pub fn top(&self) -> Top {
        crate::analysis::top(self)
    }

    /// Every row between its callers and callees; with `matching`, only rows whose names match that expression.
    ///
    /// # Errors
    /// When the expression is malformed.
    pub fn tree(&self, matching: Option<&str>) -> Result<Tree, QueryError> {
        crate::analysis::tree(self, matching)
    }

    /// Every sample with its stack and labels.
    pub fn traces(&self) -> Traces {
        crate::analysis::traces(self)
    }

    /// Values by label.
    pub fn tags(&self) -> Tags {
        crate::analysis::tags(self)
    }

    /// Source lines of the functions whose names match an expression. The query needs [`crate::analysis::Granularity::Lines`].
    ///
    /// # Errors
    /// When the expression is malformed, or nothing matches.
    pub fn list(&self, matching: &str) -> Result<Listing, QueryError> {
        crate::analysis::list(self, matching)
    }

    /// What the profile holds, and how much of it has names and an owner.
    pub fn inspect(&self) -> Census {
        crate::analysis::census(self)
    }

    /// A flame graph.
    ///
    /// # Errors
    /// When the query asks for means, which cannot be added up.
    pub fn flame(&self, limits: FlameLimits) -> Result<Flame, QueryError> {
        crate::analysis::flame(self, limits)
    }

    /// Goroutines in buckets of equal stacks.
    ///
    /// # Errors
    /// When the profile is not of goroutines, or an expression is malformed.
    pub fn goroutines(&self, query: &GoroutineQuery) -> Result<Goroutines, QueryError> {
        crate::analysis::goroutines(self, query)
    }

    /// What changed from this view to `new`, both of one query.
    ///
    /// The two must have the same sample type in the same unit; `Subject::diff` sees to that.
    pub fn diff(&self, new: &View) -> Diff {
        crate::analysis::diff(self, new)
    }

    /// A value in a unit that suits it, as the text reports print it: `512.17kB`.
    pub fn text(&self, value: i64) -> String {
        self.format(value, &self.query.unit)
    }
}
