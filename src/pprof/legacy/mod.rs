//! The text and binary formats that profiles had before `profile.proto`: gperftools' CPU, heap and contention files, Go's
//! `debug=1` texts, thread dumps of C++ servers, and the Java variants of them.
//!
//! Decides which of the six it is from the first line (or the first words) and gives the profile that
//! `go tool pprof` has after reading the same bytes: addresses moved back into the call instruction, locations numbered
//! in the order in which samples use them, mappings merged and the main binary first. Comment lines (`#`) are skipped
//! here, as pprof skips them; [`gotext`](super::gotext) is the reader that uses the symbols and labels in them.
//!
//! Every reader takes time and memory proportional to its input.

mod contention;
mod count;
mod cpu;
mod draft;
mod heap;
mod java;
mod maps;
mod thread;

use crate::model::Profile;

// What the reader of Go's texts needs of the same lines.
pub(super) use contention::{Attributes, attribute, is_header as is_contention_header, sample as contention_sample};
pub(super) use count::{header as count_header, sample as count_sample};
pub(super) use heap::{HEAP_TYPES, header as heap_header, sample as heap_sample, unsample};

/// Which of the formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LegacyFormat {
    /// gperftools' binary CPU profile, with a memory map behind it.
    Cpu,
    /// `heap profile: ...`, also growth and fragmentation.
    Heap,
    /// `NAME profile: total N`: Go's goroutine, threadcreate and custom profiles.
    Count,
    /// `--- threadz N ---` or a dump of threads.
    Thread,
    /// `--- contentionz`, `--- contention:` or `--- mutex:`.
    Contention,
    /// A Java heap or contention profile, with names behind the samples.
    Java,
}

impl std::fmt::Display for LegacyFormat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Cpu => "binary CPU",
            Self::Heap => "heap text",
            Self::Count => "count text",
            Self::Thread => "thread text",
            Self::Contention => "contention text",
            Self::Java => "Java text",
        })
    }
}

/// Why bytes that announce one of the formats do not keep to it, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("byte {offset}: {format} profile: {kind}")]
pub struct LegacyError {
    /// Which format the first bytes announce.
    pub format: LegacyFormat,
    /// Offset of the line in the uncompressed bytes.
    pub offset: u64,
    /// What is wrong there.
    pub kind: LegacyErrorKind,
}

/// What is wrong with the bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LegacyErrorKind {
    /// A line that is neither a sample, a comment nor the start of the memory map.
    #[error("neither a sample nor a comment: {0:?}")]
    Line(String),
    /// A number that does not fit into 64 bits.
    #[error("number out of range: {0:?}")]
    Number(String),
    /// Bytes without any object that could have them.
    #[error("no objects but {0} bytes")]
    BytesWithoutObjects(i64),
    /// More rows than an id can count.
    #[error("more than 4294967295 {0}")]
    TooMany(&'static str),
}

type Result<T> = std::result::Result<T, LegacyError>;

impl LegacyFormat {
    fn fail<T>(self, offset: usize, kind: LegacyErrorKind) -> Result<T> {
        Err(LegacyError {
            format: self,
            offset: offset as u64,
            kind,
        })
    }
}

/// Reads `data` as whichever legacy format it is; `None` when it is none of them.
///
/// # Errors
/// The first line that breaks the format that the first line announced.
pub fn parse(data: &[u8]) -> Result<Option<Profile>> {
    // The order is pprof's and matters: a Java contention profile starts like a C++ one.
    for reader in [
        cpu::parse,
        heap::parse,
        count::parse,
        thread::parse,
        contention::parse,
        java::parse,
    ] {
        if let Some(mut profile) = reader(data)? {
            set_uninteresting_frames(&mut profile);
            return Ok(Some(profile));
        }
    }
    Ok(None)
}

/// Names the frames that belong to the profiler or the allocator, so that reports start at who called them.
fn set_uninteresting_frames(profile: &mut Profile) {
    let kinds: Vec<&str> = profile.sample_types.iter().map(|t| profile.text(t.kind)).collect();
    let (drop, keep) = match kinds.as_slice() {
        ["objects", "space"]
        | ["inuse_objects", "inuse_space"]
        | ["alloc_objects", "alloc_space", "inuse_objects", "inuse_space"] => (allocators(), RUNTIME_ENTRIES.join("|")),
        ["contentions", "delay"] => (lock_helpers(), String::new()),
        _ => (SIGNAL_HANDLERS.join("|"), String::new()),
    };
    profile.drop_frames = profile.strings.intern(&drop);
    profile.keep_frames = profile.strings.intern(&keep);
}

const SIGNAL_HANDLERS: [&str; 5] = [
    "ProfileData::Add",
    "ProfileData::prof_handler",
    "CpuProfiler::prof_handler",
    "__pthread_sighandler",
    "__restore",
];

/// Frames of the Go runtime that stand in the middle of stacks and say something.
const RUNTIME_ENTRIES: [&str; 3] = [r"runtime\.panic", r"runtime\.reflectcall", r"runtime\.call[0-9]*"];

/// C's allocation functions, the ones of tcmalloc and macOS, C++'s, and the whole Go runtime.
fn allocators() -> String {
    let posix = "calloc cfree malloc free memalign do_memalign (__)?posix_memalign pvalloc valloc realloc";
    let tcmalloc = "calloc cfree malloc free memalign posix_memalign pvalloc valloc realloc new delete newarray \
                    deletearray new_nothrow newarray_nothrow";
    let zone = "malloc calloc valloc realloc memalign free";
    let cpp = r"BaseArena::.* (::)?do_malloc_no_errno (::)?do_malloc_pages (::)?do_malloc DoSampledAllocation
                MallocedMemBlock::MallocedMemBlock _M_allocate __builtin_(vec_)?delete __builtin_(vec_)?new
                __gnu_cxx::new_allocator::allocate __libc_malloc __malloc_alloc_template::allocate allocate cpp_alloc";
    let mut names: Vec<String> = posix.split(' ').map(str::to_owned).collect();
    names.push("tcmalloc::.*".to_owned());
    names.extend(tcmalloc.split_ascii_whitespace().map(|n| format!("tc_{n}")));
    names.extend(zone.split(' ').map(|n| format!("malloc_zone_{n}")));
    names.push(r"runtime\..*".to_owned());
    names.extend(cpp.split_ascii_whitespace().map(str::to_owned));
    names.extend([r"operator new(\[\])?".to_owned(), "simple_alloc::allocate".to_owned()]);
    names.join("|")
}

/// What stands between a lock and the code that used it, with and without the namespace `base`.
fn lock_helpers() -> String {
    let record = [
        "RecordLockProfileData",
        "SubmitMutexProfileData",
        "SubmitSpinLockProfileData",
    ];
    let mut names = vec![record[0].to_owned()];
    names.extend(record.iter().map(|n| format!("(base::)?{n}.*")));
    for namespace in ["base::", ""] {
        for method in ["AwaitCommon", "Unlock", "UnlockSlow", "ReaderUnlock"] {
            names.push(format!("({namespace}Mutex::)?{method}.*"));
        }
        names.push(format!("({namespace}MutexLock::)?~MutexLock.*"));
    }
    for (class, method) in [
        ("SpinLock", "Unlock"),
        ("SpinLock", "SlowUnlock"),
        ("SpinLockHolder", "~SpinLockHolder"),
    ] {
        names.push(format!("({class}::)?{method}.*"));
    }
    names.join("|")
}
