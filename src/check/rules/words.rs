//! The words that a file of rules chooses from.

/// A set of words: how each is spelled, and all of them.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];
            /// How they are spelled, in the same order.
            pub const WORDS: &'static [&'static str] = &[$($text,)+];

            /// Spelling in files and formats.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }

            /// The one that is spelled so.
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|w| w.as_str() == text)
            }
        }
    };
}

words! {
    /// What a violation does.
    Level {
        /// The rule is not judged.
        Off = "off",
        /// It is shown.
        Warn = "warn",
        /// It fails the check.
        Error = "error",
    }
}

words! {
    /// How several captures become one number.
    Assemble {
        /// The best of them: a rule fails when all fail.
        Optimistic = "optimistic",
        /// The one in the middle.
        Median = "median",
        /// The worst of them: a rule fails when one fails.
        Pessimistic = "pessimistic",
    }
}

words! {
    /// What a rule that cannot be decided does to the whole.
    Inconclusive {
        /// Nothing.
        Pass = "pass",
        /// It is shown.
        Warn = "warn",
        /// It fails the check.
        Fail = "fail",
    }
}

words! {
    /// A number that can be measured.
    Measure {
        /// Goroutines.
        Goroutines = "goroutines",
        /// The longest wait of a goroutine, in minutes; dumps (debug=2) have it.
        Wait = "wait",
        /// Live objects on the heap.
        Objects = "objects",
        /// Live bytes on the heap.
        Bytes = "bytes",
        /// CPU time as a share of all CPU time in the profile, from 0 to 1.
        CpuShare = "cpu-share",
        /// CPU time per time: cores.
        CpuCores = "cpu-cores",
        /// A metric of the kubelet.
        Metric = "metric",
        /// Findings of `diagnose`.
        Findings = "findings",
        /// Open files; growth only.
        Files = "files",
    }
}

words! {
    /// What a limit is for one of.
    Per {
        /// A running pod.
        Pod = "pod",
        /// A running container.
        Container = "container",
        /// A probe worker.
        Probe = "probe",
        /// A cgroup that cAdvisor watches.
        Cgroup = "cgroup",
    }
}

words! {
    /// A kind of profile that rules look at.
    ProfileKind {
        /// Goroutines, as profile or dump.
        Goroutine = "goroutine",
        /// Heap.
        Heap = "heap",
        /// CPU.
        Cpu = "cpu",
    }
}

words! {
    /// A signal that guides watch.
    Signal {
        /// Goroutines, against what this node's pods need.
        Goroutines = "goroutines",
        /// Resident memory, against its limit.
        Rss = "rss",
        /// 99th percentile of PLEG relists.
        PlegRelist = "pleg-relist",
        /// Time since the PLEG was last active.
        PlegSeen = "pleg-seen",
        /// CPU, against what this node's pods need.
        Cpu = "cpu",
    }
}

impl Measure {
    /// The kind of profile that has it.
    pub fn profile(self) -> Option<ProfileKind> {
        match self {
            Self::Goroutines | Self::Wait => Some(ProfileKind::Goroutine),
            Self::Objects | Self::Bytes => Some(ProfileKind::Heap),
            Self::CpuShare | Self::CpuCores => Some(ProfileKind::Cpu),
            Self::Metric | Self::Findings | Self::Files => None,
        }
    }
}
