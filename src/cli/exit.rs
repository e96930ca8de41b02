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

/// What each code says, for the help and the manual.
pub(super) const MEANINGS: &[(Exit, &str)] = &[
    (Exit::Fine, "fine"),
    (Exit::Findings, "findings"),
    (Exit::Failed, "error"),
    (Exit::Partial, "a capture is incomplete"),
];

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}
