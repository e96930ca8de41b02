//! What Go programs say of their own PCs against what the function table reader says of the stripped file: function,
//! file, line, start line and inline chain, every one equal. `fixtures/binaries/README.md` tells how the oracles were
//! made.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use kubeprof::symbolize::Miss;
use kubeprof::symbolize::elf::Elf;
use kubeprof::symbolize::pclntab::{Frame, GoTable};

/// One run of PCs that the runtime gave the same answer for.
struct Run {
    start: u64,
    end: u64,
    frames: Vec<(String, String, u32, u32)>,
}

fn parse_oracle(text: &str) -> Vec<Run> {
    let frame = |field: &str| {
        let mut parts = field.rsplitn(4, '|');
        let start_line = parts.next().unwrap().parse().unwrap();
        let line = parts.next().unwrap().parse().unwrap();
        let file = parts.next().unwrap().to_owned();
        (parts.next().unwrap().to_owned(), file, line, start_line)
    };
    let run = |line: &str| {
        let mut fields = line.split('\t');
        let mut address = || u64::from_str_radix(fields.next().unwrap(), 16).unwrap();
        Run {
            start: address(),
            end: address(),
            frames: fields.map(frame).collect(),
        }
    };
    text.lines().filter(|l| !l.starts_with('#')).map(run).collect()
}

#[derive(Default, Debug)]
struct Tally {
    checked: u64,
    agreed: u64,
    inlined: u64,
    deepest: usize,
    /// The runtime gave a function but no line: filler between functions, for which no name is given here.
    filler: u64,
    /// The runtime keeps quiet about the function whose name comes first in the name table.
    nameless: u64,
}

/// Compares every `step`-th PC of every run.
fn check(name: &str, binary: &[u8], oracle: &[Run], step: u64) -> Tally {
    let elf = Elf::parse(binary).unwrap_or_else(|e| panic!("{name}: {e}"));
    let table = GoTable::parse(&elf).unwrap_or_else(|e| panic!("{name}: {e}"));
    let mut tally = Tally::default();
    let mut frames: Vec<Frame<'_>> = Vec::new();
    let mut shown = 0;
    for run in oracle {
        for pc in (run.start..run.end).step_by(step as usize) {
            frames.clear();
            let result = table.lookup(pc, &mut frames);
            tally.checked += 1;
            let no_line = run.frames.len() == 1 && run.frames[0].1 == "?";
            let agreed = if no_line && result == Err(Miss::Padding) {
                tally.filler += 1;
                true
            } else {
                tally.nameless += u64::from(run.frames.iter().any(|f| f.0.is_empty()));
                result.is_ok()
                    && frames.len() == run.frames.len()
                    && frames
                        .iter()
                        .zip(&run.frames)
                        .all(|(got, (function, file, line, start_line))| {
                            (function == got.function || function.is_empty())
                                && file == got.file
                                && *line == got.line
                                && *start_line == got.start_line
                        })
            };
            tally.inlined += u64::from(frames.len() > 1);
            tally.deepest = tally.deepest.max(frames.len());
            tally.agreed += u64::from(agreed);
            if !agreed && shown < 5 {
                shown += 1;
                eprintln!("{name}: {pc:#x}: want {:?}\n  got {result:?} {frames:?}", run.frames);
            }
        }
    }
    tally
}

/// The full check over a directory made by `fixtures/binaries/build.sh`: all PCs of all binaries.
#[test]
#[ignore = "needs KUBEPROF_ORACLES=DIR, made by fixtures/binaries/build.sh"]
fn all_pcs_of_the_full_set() {
    let directory = std::env::var_os("KUBEPROF_ORACLES").expect("KUBEPROF_ORACLES");
    let mut oracles: Vec<PathBuf> = fs::read_dir(directory).unwrap().map(|e| e.unwrap().path()).collect();
    oracles.retain(|p| p.extension().is_some_and(|e| e == "oracle"));
    oracles.sort();
    assert!(!oracles.is_empty(), "no oracles");
    let mut wrong = 0;
    for path in oracles {
        let text = fs::read_to_string(&path).unwrap();
        let file = path.with_extension("");
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let binary = fs::read(&file).unwrap();
        let step = if name.contains("arm64") { 4 } else { 1 };
        let tally = check(&name, &binary, &parse_oracle(&text), step);
        eprintln!("{name}: {} of {} agree; {tally:?}", tally.agreed, tally.checked);
        wrong += tally.checked - tally.agreed;
    }
    assert_eq!(wrong, 0);
}

fn unpack(path: &Path) -> Vec<u8> {
    let packed = fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut bytes = Vec::new();
    ruzstd::decoding::StreamingDecoder::new(&packed[..])
        .unwrap()
        .read_to_end(&mut bytes)
        .unwrap();
    bytes
}

/// The shipped fixtures: stripped binaries of Go 1.17 to 1.27 in every link mode, 2,000 PCs each.
#[test]
fn shipped_binaries_agree_with_their_own_runtime() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/binaries");
    let mut names: Vec<String> = fs::read_dir(&directory)
        .unwrap()
        .filter_map(|e| Some(e.unwrap().file_name().to_str()?.strip_suffix(".oracle.zst")?.to_owned()))
        .collect();
    names.sort();
    assert!(names.len() >= 13, "fixtures are missing: {names:?}");
    for name in names {
        let binary = unpack(&directory.join(format!("{name}.zst")));
        let oracle = String::from_utf8(unpack(&directory.join(format!("{name}.oracle.zst")))).unwrap();
        let tally = check(&name, &binary, &parse_oracle(&oracle), 1);
        assert_eq!(tally.agreed, tally.checked, "{name}");
        // Without section headers (`sstrip`) everything is found from the segments.
        let mut bare = binary.clone();
        bare[40..48].fill(0);
        bare[58..64].fill(0);
        let found = check(
            &format!("{name} without section headers"),
            &bare,
            &parse_oracle(&oracle),
            1,
        );
        assert_eq!(found.agreed, found.checked, "{name} without section headers");
        assert!(
            tally.checked >= 2000 && tally.inlined >= 200 && tally.deepest >= 3,
            "{name}: {tally:?}"
        );
        assert!(
            tally.filler * 10 < tally.checked && tally.nameless * 20 < tally.checked,
            "{name}: {tally:?}"
        );
    }
}
