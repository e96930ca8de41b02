//! Where the profile of a report came from: what a reader has to know beside the profile's own facts.

use crate::model::Kind;
use crate::model::evidence::Evidence;
use crate::symbolize::Coverage;

/// Where a profile came from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Origin {
    /// The file, or how many files.
    pub source: String,
    /// What kind of profile it is; `None` where nobody looked.
    pub kind: Option<Kind>,
    /// How many profiles were added up; 0 and 1 are no sum.
    pub merged: usize,
    /// When the last of those that were added up was taken, nanoseconds since the Unix epoch; 0 when unknown.
    pub until_nanos: i64,
    /// What was subtracted, as it was named.
    pub bases: Vec<String>,
    /// Whether equal samples of the profile and its bases cancelled, so that their errors are lost.
    pub bases_cancelled: bool,
    /// How many profiles the other side of a comparison is the sum of.
    pub compared_with: usize,
    /// Whether the profile was scaled to the total of what it is compared with.
    pub normalized: bool,
    /// Whether the two sides of a comparison of goroutines are written in different forms, so that frames of the runtime are
    /// left out of both.
    pub forms_differ: bool,
    /// What the names rest on; `None` where nobody looked.
    pub coverage: Option<Coverage>,
    /// What texts with goroutine dumps say beside those, with the names of their files.
    pub evidence: Vec<(String, Evidence)>,
}

impl Origin {
    /// Whether several profiles were added up.
    pub fn is_sum(&self) -> bool {
        self.merged > 1
    }

    /// What was subtracted, as a filter is listed.
    pub(in crate::analysis) fn filters(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let name = if self.bases_cancelled { "base" } else { "diff_base" };
        self.bases.iter().map(move |base| (name, base.as_str()))
    }
}
