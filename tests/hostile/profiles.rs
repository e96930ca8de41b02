//! Damaged profiles: an error or a sound profile, never a panic, a hang or memory out of proportion.
//!
//! `KUBEPROF_HOSTILE_CASES` sets the number of mutations: 10,000 unless set, 100,000 in `tests/full.sh`.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::fs;
use std::path::Path;

use kubeprof::analysis::{self, Dialect, Query};
use kubeprof::pprof::{self, Limit};

thread_local! {
    static HELD: Cell<i64> = const { Cell::new(0) };
    static PEAK: Cell<i64> = const { Cell::new(0) };
}

/// Counts what each thread holds.
struct Counting;

fn count(by: i64) {
    let _ = HELD.try_with(|held| {
        held.set(held.get() + by);
        let _ = PEAK.try_with(|peak| peak.set(peak.get().max(held.get())));
    });
}

#[expect(
    unsafe_code,
    reason = "a global allocator is the one way to see what a decoder holds"
)]
// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as i64);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        count(-(layout.size() as i64));
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A small generator with a seed, so that a failure can be repeated.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }
}

fn mutate(bytes: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..1 + random.below(4) {
        if bytes.is_empty() {
            return;
        }
        let at = random.below(bytes.len());
        match random.below(7) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes.truncate(at),
            2 => bytes[at] = random.next() as u8,
            // A length or an id that is far too large.
            3 => {
                let end = bytes.len().min(at + 9);
                bytes[at..end].fill(0xff);
            }
            // The same record twice.
            4 => {
                let end = bytes.len().min(at + 1 + random.below(64));
                let piece = bytes[at..end].to_vec();
                bytes.splice(at..at, piece);
            }
            5 => {
                let end = bytes.len().min(at + 1 + random.below(64));
                bytes.drain(at..end);
            }
            _ => bytes[at] = 0,
        }
    }
}

fn fixtures() -> Vec<(String, Vec<u8>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let mut all = Vec::new();
    for folder in ["gotext", "captures/healthy-1.37.2", "captures/frozen-runtime"] {
        for entry in fs::read_dir(root.join(folder)).expect("fixtures") {
            let path = entry.expect("entry").path();
            let name = path.display().to_string();
            if name.ends_with(".pb.gz") {
                let packed = fs::read(&path).expect("readable");
                let raw = pprof::inflate(&packed, Limit::Proportional)
                    .expect("unpacks")
                    .into_owned();
                // Small ones are tried more often by being cheap; the large ones are there for their shapes.
                if raw.len() < 64 << 10 {
                    all.push((name.clone(), raw));
                    all.push((format!("{name} (packed)"), packed));
                }
            }
        }
    }
    all.sort();
    assert!(all.len() >= 8, "fixtures are where the test looks");
    all
}

fn cases() -> usize {
    std::env::var("KUBEPROF_HOSTILE_CASES")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(10_000)
}

#[test]
fn damaged_profiles_give_an_error_or_a_sound_profile() {
    let fixtures = fixtures();
    let threads = std::thread::available_parallelism().map_or(2, usize::from).min(8);
    let each = cases() / threads;
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let fixtures = &fixtures;
            scope.spawn(move || {
                let mut random = Random(0x9e37_79b9_7f4a_7c15 ^ (thread as u64 + 1));
                let mut sound = 0;
                for case in 0..each {
                    let (name, bytes) = &fixtures[case % fixtures.len()];
                    let mut damaged = bytes.clone();
                    mutate(&mut damaged, &mut random);
                    let size = damaged.len() as i64;
                    PEAK.set(HELD.get());
                    let before = HELD.get();
                    let read = pprof::read(damaged, Limit::Bytes(8 << 20), false);
                    let used = PEAK.get() - before;
                    // Unpacked at most 8 MiB; tables take a few times that. What is not packed stays near its size.
                    let packed = name.ends_with("(packed)");
                    let bound = if packed { 256 << 20 } else { (8 << 20) + 256 * size };
                    assert!(
                        used < bound,
                        "{name}, case {case} of thread {thread}: {used} bytes for {size}"
                    );
                    if let Ok(read) = read {
                        sound += 1;
                        read.profile
                            .check()
                            .unwrap_or_else(|e| panic!("{name}, case {case}: {e}"));
                        if case % 64 == 0 {
                            let query = Query {
                                dialect: Dialect::Pprof,
                                ..Query::default()
                            };
                            if let Ok(view) = analysis::prepare(read.profile, &query) {
                                let _ = analysis::top(&view);
                            }
                        }
                    }
                }
                assert!(sound > 0 || each < 100, "some damage is harmless");
            });
        }
    });
}

#[test]
fn a_claim_of_many_sample_types_reserves_nothing() {
    // 20,000 empty sample types and 20,000 empty samples: their product must not be allocated.
    let mut bytes = Vec::new();
    for _ in 0..20_000 {
        bytes.extend_from_slice(&[0x0a, 0x00]);
    }
    for _ in 0..20_000 {
        bytes.extend_from_slice(&[0x12, 0x00]);
    }
    PEAK.set(HELD.get());
    let before = HELD.get();
    assert!(pprof::decode(&bytes).is_err());
    assert!(PEAK.get() - before < 64 << 20);
}
