//! What happens, told to whoever watches. Nothing here prints.

use std::time::Duration;

use super::refusal::Refusal;
use crate::bundle::manifest::Artifact;

/// Something happened at a node.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Progress<'a> {
    /// A snapshot begins.
    Snapshot {
        /// Its number, from 1.
        number: u32,
        /// How many there will be.
        of: u32,
    },
    /// An artifact is asked for.
    Asking {
        /// Its name.
        artifact: &'a str,
        /// For how long the kubelet measures.
        measures: Duration,
    },
    /// It is there.
    Taken {
        /// What the manifest says.
        artifact: &'a Artifact,
    },
    /// It is not, and should be.
    Failed {
        /// Its name.
        artifact: &'a str,
        /// Who and why.
        refusal: &'a Refusal,
    },
    /// It is not, and nothing is wrong.
    Skipped {
        /// Its name.
        artifact: &'a str,
        /// Who and why.
        refusal: &'a Refusal,
    },
    /// The same will be asked for once more.
    Again {
        /// Its name.
        artifact: &'a str,
        /// Why.
        refusal: &'a Refusal,
        /// In so much time.
        wait: Duration,
    },
    /// Another process answers than before.
    Restarted {
        /// Number of the run that begins.
        run: u32,
    },
    /// Nothing is to be done for a while.
    Waiting {
        /// Until then.
        wait: Duration,
        /// What is waited for.
        what: Awaited,
    },
    /// Something that the reader should know.
    Note(String),
    /// All that was asked of the node was tried.
    Done,
}

/// What is waited for.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Awaited {
    /// The next snapshot.
    Snapshot {
        /// Its number, from 1.
        number: u32,
        /// How many there will be.
        of: u32,
    },
    /// The next look at a threshold.
    Threshold {
        /// Resident memory now, in bytes; none when it is not known.
        memory: Option<u64>,
        /// Goroutines now; none when it is not known.
        goroutines: Option<u64>,
    },
    /// The next look at a threshold, after one that was refused.
    Retry(Box<Refusal>),
}

/// Watches.
pub trait Watch: Send + Sync {
    /// Something happened at a node.
    fn see(&self, node: &str, progress: &Progress<'_>);
}
