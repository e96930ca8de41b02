//! Exit codes.

use std::process::ExitCode;

/// How a run ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exit {
    /// Done, nothing to report.
    Fine = 0,
    /// A check or a diff found something.
    Findings = 1,
    /// It did not work.
    Failed = 2,
    /// A capture is incomplete.
    Partial = 3,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}
