//! Damaged and hostile binaries: no panic, no hang, bounded answers. 2,000 mutations; `KUBEPROF_MUTATIONS` sets another
//! number, 100,000 in `tests/full.sh`.

use std::fs;
use std::io::Read;
use std::path::Path;

use kubeprof::symbolize::elf::Elf;
use kubeprof::symbolize::pclntab::GoTable;
use kubeprof::symbolize::{Binary, Dwarf, Frame};

fn fixture(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures/binaries")
        .join(name);
    let packed = fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut bytes = Vec::new();
    ruzstd::decoding::StreamingDecoder::new(&packed[..])
        .unwrap()
        .read_to_end(&mut bytes)
        .unwrap();
    bytes
}

/// A small generator with a fixed seed: the same mutations every time.
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

/// A number that breaks arithmetic more often than a random one.
fn nasty(random: &mut Random) -> u64 {
    let values = [
        0,
        1,
        7,
        0x7fff_ffff,
        0xffff_ffff,
        0x1_0000_0000,
        i64::MAX as u64,
        u64::MAX,
        u64::MAX - 7,
        u64::MAX - 0xfff,
        0x40_0000,
        random.next(),
        random.next() & 0xffff,
        random.next() & 0xff_ffff,
    ];
    values[random.below(values.len())]
}

/// Changes a few places inside of `region` and gives back what stood there.
fn mutate(data: &mut [u8], region: std::ops::Range<usize>, random: &mut Random) -> Vec<(usize, u8)> {
    let mut undo = Vec::new();
    for _ in 0..1 + random.below(6) {
        let at = region.start + random.below(region.len());
        let value = nasty(random).to_le_bytes();
        let width = [1, 1, 2, 4, 8][random.below(5)];
        let at = if random.below(2) == 0 { at & !7 } else { at };
        for (n, byte) in value.iter().enumerate().take(width) {
            if let Some(place) = data.get_mut(at + n) {
                undo.push((at + n, *place));
                *place = if width == 1 && random.below(2) == 0 {
                    *place ^ (1 << random.below(8))
                } else {
                    *byte
                };
            }
        }
    }
    undo
}

fn restore(data: &mut [u8], undo: Vec<(usize, u8)>) {
    for (at, byte) in undo.into_iter().rev() {
        data[at] = byte;
    }
}

fn mutations(share: u64) -> u64 {
    let all = std::env::var("KUBEPROF_MUTATIONS").ok().and_then(|n| n.parse().ok());
    all.unwrap_or(2_000) * share / 100
}

/// Asks everything that can be asked of a binary. The number of frames, so that a test can see that it did something.
fn ask(data: &[u8], random: &mut Random, addresses: &[u64]) -> usize {
    let Ok(binary) = Binary::parse(data) else { return 0 };
    let ids = binary.build_ids();
    let _ = (
        ids.derivation(),
        ids.gnu_is_telling(),
        binary.build_info(),
        binary.link_mode(),
    );
    let mut frames: Vec<Frame<'_>> = Vec::new();
    let mut total = 0;
    for _ in 0..6 {
        frames.clear();
        let address = match random.below(4) {
            0 => nasty(random),
            _ => addresses[random.below(addresses.len())].wrapping_add(random.next() & 0xff),
        };
        let _ = binary.lookup(address, &mut frames);
        assert!(frames.len() <= 600, "{} frames", frames.len());
        total += frames.len();
    }
    if let Ok(table) = binary.go() {
        let n = random.below(table.len() + 2);
        if let Some(function) = table.function(n) {
            assert!(function.start <= function.end);
        }
    }
    total
}

fn addresses(data: &[u8]) -> Vec<u64> {
    let elf = Elf::parse(data).unwrap();
    let table = GoTable::parse(&elf).unwrap();
    table.functions().map(|f| f.start).collect()
}

fn run(name: &str, share: u64, regions: impl Fn(&[u8]) -> Vec<std::ops::Range<usize>>) {
    let mut data = fixture(name);
    let addresses = addresses(&data);
    let regions = regions(&data);
    assert!(
        !regions.is_empty() && regions.iter().all(|r| !r.is_empty()),
        "{name}: {regions:?}"
    );
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut frames = 0;
    for _ in 0..mutations(share) {
        let region = regions[random.below(regions.len())].clone();
        let undo = mutate(&mut data, region, &mut random);
        frames += ask(&data, &mut random, &addresses);
        restore(&mut data, undo);
    }
    assert!(frames > 0, "{name}: no mutation left anything to name");
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let peak = status
        .lines()
        .find_map(|l| l.strip_prefix("VmHWM:"))
        .unwrap()
        .trim()
        .trim_end_matches(" kB");
    assert!(
        peak.trim().parse::<u64>().unwrap() < 1 << 20,
        "{name}: {peak} KiB at the peak"
    );
}

/// File header, program headers, section headers.
fn headers(data: &[u8]) -> Vec<std::ops::Range<usize>> {
    let word = |at: usize| u64::from_le_bytes(data[at..at + 8].try_into().unwrap()) as usize;
    let (programs, sections) = (word(32), word(40));
    let half = |at: usize| usize::from(u16::from_le_bytes([data[at], data[at + 1]]));
    vec![
        0..64,
        programs..programs + 56 * half(56),
        sections..sections + 64 * half(60),
    ]
}

fn section(data: &[u8], names: &[&str]) -> Vec<std::ops::Range<usize>> {
    let elf = Elf::parse(data).unwrap();
    let found = names.iter().filter_map(|n| elf.section(n));
    found.map(|s| s.offset as usize..(s.offset + s.size) as usize).collect()
}

#[test]
fn headers_of_a_stripped_external_binary() {
    run("1.26.8-cgo-external-sw.zst", 15, headers);
}

#[test]
fn headers_of_a_position_independent_binary() {
    run("1.25.12-cgo-pie-external-sw.zst", 10, headers);
}

#[test]
fn function_table() {
    run("1.27.3-cgo-pie-external-sw.zst", 25, |d| {
        let table = section(d, &[".gopclntab"]).remove(0);
        let header = table.start..table.start + 72;
        // The index, records and small values are where most of the reading is.
        vec![header.clone(), header, table]
    });
}

#[test]
fn module_data_and_relocations() {
    run("1.27.3-cgo-pie-external-sw.zst", 15, |d| {
        section(d, &[".go.module", ".rela.dyn", ".dynamic"])
    });
}

#[test]
fn notes_and_build_information() {
    let names = [".go.buildinfo", ".note.go.buildid", ".note.gnu.build-id"];
    run("1.23.12-cgo-external-sw.zst", 10, |d| section(d, &names));
}

#[test]
fn old_layouts() {
    run("1.19.13-exe-sw.zst", 10, |d| {
        section(d, &[".gopclntab", ".noptrdata", ".go.buildinfo"])
    });
}

#[test]
fn compressed_dwarf() {
    let mut data = fixture("c/c.zst");
    let mut regions = headers(&data);
    let names = [
        ".debug_info",
        ".debug_line",
        ".debug_abbrev",
        ".debug_str",
        ".debug_rnglists",
        ".debug_aranges",
    ];
    regions.extend(section(&data, &names));
    let mut random = Random(0x1234_5678_9abc_def1);
    let mut named = 0;
    for _ in 0..mutations(15) {
        let region = regions[random.below(regions.len())].clone();
        let undo = mutate(&mut data, region, &mut random);
        let _ = Dwarf::load(&data);
        if let Ok(binary) = Binary::parse(&data) {
            let mut frames = Vec::new();
            for address in [0x1060, 0x1190, random.next() & 0xffff, nasty(&mut random)] {
                let _ = binary.lookup(address, &mut frames);
            }
            named += frames.len();
        }
        restore(&mut data, undo);
    }
    assert!(named > 0);
}

/// A section that claims to unpack to terabytes, and one that is all zeros inside.
#[test]
fn decompression_bombs_are_refused() {
    let mut data = fixture("c/c.zst");
    let info = section(&data, &[".debug_info"]).remove(0);
    // Elf64_Chdr: type, reserved, size, alignment.
    data[info.start + 8..info.start + 16].copy_from_slice(&(1_u64 << 42).to_le_bytes());
    let error = Dwarf::load(&data).err().expect("refused").to_string();
    assert!(
        error.contains(".debug_info claims to unpack to 4398046511104 bytes"),
        "{error}"
    );
}

#[test]
fn files_cut_at_any_length() {
    let data = fixture("1.26.8-cgo-external-sw.zst");
    let addresses = addresses(&data);
    let mut random = Random(77);
    for n in 0..1024 {
        let length = if n < 512 { 2 * n } else { random.below(data.len()) };
        ask(&data[..length], &mut random, &addresses);
    }
}

/// Names come from the file: what could drive a terminal or forge a line must not reach it.
#[test]
fn names_from_files_are_shown_as_text() {
    let mut data = fixture("1.22.12-exe-sw.zst");
    let name = b"main.inlining\0";
    let at = data
        .windows(name.len())
        .position(|w| w == name)
        .expect("the name in the table");
    data[at..at + 13].copy_from_slice(b"main.\x1b[2J\n\rXY");
    let file = std::env::temp_dir().join(format!("kubeprof-hostile-{}", std::process::id()));
    fs::write(&file, &data).unwrap();
    let elf = Elf::parse(&data).unwrap();
    let table = GoTable::parse(&elf).unwrap();
    let start = table
        .functions()
        .find(|f| f.name.starts_with("main.\x1b"))
        .expect("the forged function")
        .start;
    for output in ["text", "jsonl"] {
        let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_kubeprof"))
            .args(["symbolize", "-o", output, "--binary"])
            .arg(&file)
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), format!("{start:#x}\n").as_bytes()).unwrap();
        let out = child.wait_with_output().unwrap();
        let text = String::from_utf8(out.stdout).unwrap();
        assert_eq!(text.lines().count(), 1, "{text:?}");
        assert!(!text.trim_end().contains(|c: char| c.is_control()), "{text:?}");
    }
    fs::remove_file(&file).unwrap();
}
