//! Why something is missing in a bundle: causes are data, and whoever knows what can be typed words them.

use crate::bundle::manifest::{Finished, Missing};

/// A refusal in words.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Words {
    /// Why: one sentence without a full stop.
    pub why: String,
    /// What to change, with the field or the rule; `""` where nothing is to be changed.
    pub remedy: String,
}

/// How a page words what is missing.
#[derive(Clone, Copy, Debug)]
pub struct Explain {
    /// An artifact that is not there.
    pub missing: fn(&Missing) -> Words,
    /// Why a capture ended before all was tried; none when it did not.
    pub interrupted: fn(&Finished) -> Option<String>,
    /// How an unfinished capture is continued.
    pub resume: &'static str,
}
