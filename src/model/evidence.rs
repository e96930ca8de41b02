//! What a text says beside its goroutines: who wrote it, when, what ended the process, and what its unit did then.
//!
//! A dump that went through a journal, a log file or a chat carries more than stacks. All of it stays typed here until a
//! report prints it; nothing is worded before.

/// Who wrote a line, as far as the line says so. Two writers are two processes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Writer {
    /// Host, or `""`.
    pub host: String,
    /// Identifier of syslog, container, service, or `""`.
    pub name: String,
    /// Process.
    pub pid: Option<u64>,
    /// What else tells writers apart: pod, stream, file name; or `""`.
    pub rest: String,
}

impl Writer {
    /// Whether the text does not say who wrote it.
    pub fn is_unknown(&self) -> bool {
        self.name.is_empty() && self.pid.is_none() && self.rest.is_empty()
    }
}

impl std::fmt::Display for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = match (self.name.as_str(), self.rest.as_str()) {
            ("", "") => "process",
            ("", rest) => rest,
            (name, _) => name,
        };
        f.write_str(name)?;
        if let Some(pid) = self.pid {
            write!(f, "[{pid}]")?;
        }
        Ok(())
    }
}

/// A time as a log has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    /// The words of the log.
    pub text: String,
    /// What they mean.
    pub clock: Clock,
}

/// What a time of a log is measured from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// Nanoseconds since the Unix epoch.
    Epoch(i64),
    /// Date and time of day without a zone: nanoseconds since the Unix epoch if the zone were UTC.
    Local(i64),
    /// Neither year nor zone: nanoseconds since the first of January, in a leap year.
    Year(i64),
    /// Time of day: nanoseconds since midnight.
    Day(i64),
    /// Nanoseconds since the machine started.
    Boot(i64),
}

impl Stamp {
    /// Nanoseconds from `earlier` to this one, where both are of one clock.
    pub fn since(&self, earlier: &Stamp) -> Option<i64> {
        match (self.clock, earlier.clock) {
            (Clock::Epoch(a), Clock::Epoch(b))
            | (Clock::Local(a), Clock::Local(b))
            | (Clock::Year(a), Clock::Year(b))
            | (Clock::Day(a), Clock::Day(b))
            | (Clock::Boot(a), Clock::Boot(b)) => a.checked_sub(b),
            _ => None,
        }
    }

    /// Nanoseconds since the Unix epoch, where the stamp says that.
    pub fn epoch_nanos(&self) -> Option<i64> {
        match self.clock {
            Clock::Epoch(nanos) => Some(nanos),
            _ => None,
        }
    }
}

/// Why a Go process printed its goroutines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crash {
    /// What it was.
    pub cause: CrashCause,
    /// The line that says so, at most 500 bytes of it.
    pub message: String,
    /// The process went on: somebody recovered the panic and logged it.
    pub recovered: bool,
    /// The goroutine that panicked or faulted. A signal from outside hits none.
    pub goroutine: Option<u64>,
    /// Signal behind a panic or an error: `SIGSEGV`.
    pub signal: Option<String>,
    /// When.
    pub at: Option<Stamp>,
}

/// What made the runtime print.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CrashCause {
    /// A signal that nothing handles: `SIGABRT`, `SIGQUIT`, `SIGSEGV`.
    Signal(String),
    /// `panic: ...`
    Panic,
    /// More threads than the runtime allows, with the limit where it is said.
    Threads(Option<u64>),
    /// The system gave no more memory.
    OutOfMemory,
    /// A stack grew beyond its limit.
    StackOverflow,
    /// Two goroutines used a map at the same time.
    ConcurrentMap,
    /// No goroutine could run any more.
    Deadlock,
    /// Another fatal error of the runtime.
    Fatal,
    /// An exception of Windows, with its code: `0xc0000005`.
    Exception(String),
    /// The program logged why it cannot go on, and ended itself: `klog.Fatal`.
    Log,
}

impl CrashCause {
    /// Spelling in JSON.
    pub fn key(&self) -> &'static str {
        match self {
            Self::Signal(_) => "signal",
            Self::Panic => "panic",
            Self::Threads(_) => "thread-limit",
            Self::OutOfMemory => "out-of-memory",
            Self::StackOverflow => "stack-overflow",
            Self::ConcurrentMap => "concurrent-map",
            Self::Deadlock => "deadlock",
            Self::Fatal => "fatal-error",
            Self::Exception(_) => "exception",
            Self::Log => "fatal-log",
        }
    }
}

/// Something that systemd, the kernel or journald wrote about a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitEvent {
    /// When.
    pub at: Option<Stamp>,
    /// Byte at which its line stands.
    pub offset: u64,
    /// The unit (`kubelet.service`), or the name of the process, or `""`.
    pub unit: String,
    /// What happened.
    pub what: UnitChange,
}

/// What happened to a unit.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnitChange {
    /// It did not report to systemd's watchdog in time.
    Watchdog {
        /// The limit as systemd words it, such as `10min`, or `""`.
        limit: String,
    },
    /// systemd or the kernel sent a signal.
    Killed {
        /// Such as `SIGABRT`.
        signal: String,
        /// To which process.
        pid: Option<u64>,
    },
    /// Its main process ended.
    Exited {
        /// `exited`, `killed`, `dumped`.
        code: String,
        /// Exit status or number of the signal.
        status: i64,
        /// What systemd calls that number: `FAILURE`, `ABRT`.
        name: String,
    },
    /// The result that systemd noted: `watchdog`, `core-dump`, `signal`, `exit-code`, `oom-kill`.
    Failed {
        /// The result.
        result: String,
    },
    /// It will be started again.
    Restart {
        /// How often it was so far.
        counter: Option<u64>,
    },
    /// It was started.
    Started,
    /// It was stopped.
    Stopped,
    /// The kernel ended the process because memory ran out.
    OutOfMemory {
        /// Which.
        pid: Option<u64>,
        /// Bytes that it held then, without files.
        resident: Option<u64>,
        /// Whether the limit of a cgroup was reached, and not the memory of the machine; `None` where that is not said.
        of_cgroup: Option<bool>,
    },
    /// A core dump was written.
    CoreDumped {
        /// Of which process.
        pid: Option<u64>,
    },
    /// The process said why it ended, and no goroutine of it follows.
    Crashed(Box<Crash>),
    /// The log lost messages because there were too many at a time.
    Suppressed {
        /// How many; `None` where that is not said.
        messages: Option<u64>,
    },
}

impl UnitEvent {
    /// Whether it is about a process with a kubelet in it, by the name of its unit or process.
    pub fn is_of_kubelet(&self) -> bool {
        let name = self.unit.strip_suffix(".service").unwrap_or(&self.unit);
        let name = name
            .strip_suffix("-agent")
            .or_else(|| name.strip_suffix("-server"))
            .unwrap_or(name);
        Program::named(name).has_kubelet || name == "rke2" || name.contains("kubelet") || name.contains("kubelite")
    }
}

impl UnitChange {
    /// Whether a process came to an end by it that nobody asked for.
    pub fn is_end(&self) -> bool {
        match self {
            Self::Exited { code, status, .. } => code != "exited" || *status != 0,
            Self::OutOfMemory { .. } | Self::Watchdog { .. } | Self::CoreDumped { .. } | Self::Failed { .. } => true,
            Self::Crashed(_) => true,
            Self::Killed { .. } | Self::Restart { .. } | Self::Started | Self::Stopped | Self::Suppressed { .. } => {
                false
            }
        }
    }
}

/// What is known of a dump beside its goroutines.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DumpFacts {
    /// Who wrote it.
    pub writer: Writer,
    /// The program, where the dump or its writer tells it: `kubelet`, `containerd`.
    pub program: Option<Program>,
    /// When its first line was written.
    pub at: Option<Stamp>,
    /// Byte at which its first goroutine stands.
    pub offset: u64,
    /// Why it was printed.
    pub crash: Option<Crash>,
    /// How many goroutines it has, those without a header included.
    pub goroutines: u64,
    /// How many of them have no header: it was lost.
    pub headers_missing: u64,
    /// How many have a header that was understood in part only.
    pub headers_damaged: u64,
    /// How many of them are known to lack lines.
    pub damaged: u64,
    /// Messages that the log says it lost while the dump was written; `Some(0)` where it does not say how many.
    pub suppressed: Option<u64>,
    /// Lines that stood there again right behind themselves, and were read once.
    pub repeated: u64,
}

impl DumpFacts {
    /// Whether nothing says which program it is of.
    fn is_unnamed(&self) -> bool {
        self.writer.name.is_empty() && self.program.is_none()
    }

    fn is_of_unit(&self, unit: &str) -> bool {
        let stem = unit.split('.').next().unwrap_or_default();
        let program = self.program.as_ref().map_or("", |p| &p.name);
        stem == self.writer.name || stem == program
    }

    /// Whether something of it is known to be missing.
    pub fn is_damaged(&self) -> bool {
        self.headers_missing + self.headers_damaged + self.damaged > 0 || self.suppressed.is_some()
    }
}

/// Which program a dump is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// Its name: `kubelet`, `containerd`, `kube-apiserver`.
    pub name: String,
    /// Whether a kubelet runs in it: the kubelet, k3s, kubelite.
    pub has_kubelet: bool,
}

impl Program {
    /// A program by its name.
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            has_kubelet: matches!(name, "kubelet" | "k3s" | "kubelite" | "hyperkube" | "openshift"),
        }
    }
}

/// What a text holds: its dumps, and what happened around them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Evidence {
    /// All dumps, in the order of their first lines.
    pub dumps: Vec<DumpFacts>,
    /// Which of them are shown.
    pub chosen: Vec<usize>,
    /// What was said about units and processes, in the order of the text, the first few thousand.
    pub events: Vec<UnitEvent>,
    /// How many more there were.
    pub more_events: u64,
    /// How many dumps more there were, the oldest, of which nothing is kept: a log may hold a recovered panic a second.
    pub more_dumps: u64,
}

impl Evidence {
    /// What was said about the unit of a dump's process, in all of the text.
    pub fn of_unit(&self, index: usize) -> Vec<&UnitEvent> {
        let Some(d) = self.dumps.get(index) else {
            return Vec::new();
        };
        let all = self.events.iter();
        all.filter(|e| d.is_unnamed() || d.is_of_unit(&e.unit)).collect()
    }

    /// What was said about a dump's process: from its start to that of the next one.
    pub fn of_process(&self, index: usize) -> Vec<&UnitEvent> {
        let of_unit = self.of_unit(index);
        let (Some(d), Some(first)) = (self.dumps.get(index), of_unit.first()) else {
            return Vec::new();
        };
        let unit = first.unit.clone();
        let before = |other: &&DumpFacts| other.offset < d.offset && other.is_of_unit(&unit);
        let after = |other: &&DumpFacts| other.offset > d.offset && other.is_of_unit(&unit);
        let from = self.dumps.iter().filter(before).map(|o| o.offset).max().unwrap_or(0);
        let to = self
            .dumps
            .iter()
            .filter(after)
            .map(|o| o.offset)
            .min()
            .unwrap_or(u64::MAX);
        let own: Vec<&UnitEvent> = of_unit
            .into_iter()
            .filter(|e| e.offset >= from && e.offset < to)
            .collect();
        // What ended or began another process is not of this one.
        let begins = |e: &UnitEvent| {
            matches!(
                e.what,
                UnitChange::Started
                    | UnitChange::Restart { .. }
                    | UnitChange::Exited { .. }
                    | UnitChange::Failed { .. }
            )
        };
        let start = own
            .iter()
            .rposition(|e| e.offset < d.offset && begins(e))
            .map_or(0, |i| i + 1);
        let end = own
            .iter()
            .position(|e| e.offset > d.offset && matches!(e.what, UnitChange::Started | UnitChange::Watchdog { .. }))
            .map_or(own.len(), |i| i + usize::from(own[i].what == UnitChange::Started));
        own.get(start..end).unwrap_or_default().to_vec()
    }

    /// Whether it says that a kubelet came to an end.
    pub fn tells_end_of_kubelet(&self) -> bool {
        self.events.iter().any(|e| e.is_of_kubelet() && e.what.is_end())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_different_clocks_are_not_compared() {
        let stamp = |clock| Stamp {
            text: String::new(),
            clock,
        };
        assert_eq!(stamp(Clock::Epoch(7)).since(&stamp(Clock::Epoch(3))), Some(4));
        assert_eq!(stamp(Clock::Epoch(7)).since(&stamp(Clock::Year(3))), None);
        assert_eq!(stamp(Clock::Local(7)).epoch_nanos(), None);
    }

    #[test]
    fn writers_are_shown_by_what_is_known() {
        let mut w = Writer::default();
        assert!(w.is_unknown());
        assert_eq!(w.to_string(), "process");
        w.rest = "pod/a/b".to_owned();
        assert_eq!(w.to_string(), "pod/a/b");
        (w.name, w.pid) = ("kubelet".to_owned(), Some(7));
        assert_eq!(w.to_string(), "kubelet[7]");
    }
}
