//! Keys of the labels under which a profile of goroutines keeps what only dumps (`debug=2`) know.
//!
//! Readers of dumps write them, reports about goroutines and their owners read them; pprof labels of the goroutines keep
//! their own keys, and stand before these.

/// What the goroutine waits for or does.
pub const STATE: &str = "state";
/// Whole minutes of waiting; a number.
pub const WAIT: &str = "wait_minutes";
/// Function that started it.
pub const CREATED_BY: &str = "created_by";
/// Where in that function, `file:line`.
pub const CREATED_AT: &str = "created_at";
/// Subsystem key of the owner of the goroutine that started it, where neither its stack nor its creator tells an owner.
pub const PARENT_OWNER: &str = "parent_owner";
/// `yes` for a goroutine that is locked to its thread.
pub const LOCKED: &str = "locked_to_thread";
/// `yes` for a goroutine that nothing can wake.
pub const LEAKED: &str = "leaked";
/// The program, where the dump is known to be of another one than a kubelet.
pub const PROGRAM: &str = "program";
/// Whether it goes on, as far as the expectations of a kubelet tell: the name of a [`Standing`]. No file has it.
pub const STANDING: &str = "standing";

/// Whether a goroutine goes on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum Standing {
    /// It hangs, or waits for one that does.
    Stuck,
    /// It is at work, or in a call or a wait that is usual for it.
    Usual,
    /// It is a loop with nothing to do.
    Idle,
}

impl Standing {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Stuck, Self::Usual, Self::Idle];

    /// Spelling in labels and reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stuck => "stuck",
            Self::Usual => "usual",
            Self::Idle => "idle",
        }
    }
}

/// All of them.
pub const ALL: [&str; 9] = [
    STATE,
    WAIT,
    CREATED_BY,
    CREATED_AT,
    PARENT_OWNER,
    LOCKED,
    LEAKED,
    PROGRAM,
    STANDING,
];

/// The name of the frame that stands for those that a dump left out.
pub const ELIDED: &str = "[frames elided]";
