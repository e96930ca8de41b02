//! C code, named from DWARF: in the binary (compressed), in a debug file beside a stripped binary; and from symbols
//! alone. What is expected is what binutils' addr2line printed (`fixtures/binaries/c/build.sh`).

use std::fs;
use std::io::Read;
use std::path::Path;

use kubeprof::symbolize::{Binary, Frame, Miss, Source};

fn fixture(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures/binaries/c")
        .join(name);
    let packed = fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut bytes = Vec::new();
    ruzstd::decoding::StreamingDecoder::new(&packed[..])
        .unwrap()
        .read_to_end(&mut bytes)
        .unwrap();
    bytes
}

type Chain = Vec<(String, String, u32)>;

/// Addresses with their chains; those for which addr2line knows no file are left out.
fn oracle() -> Vec<(u64, Chain)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/binaries/c/c.oracle");
    let text = fs::read_to_string(path).unwrap();
    let mut answers: Vec<(u64, Chain)> = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        match line.strip_prefix("0x") {
            Some(address) => answers.push((u64::from_str_radix(address, 16).unwrap(), Vec::new())),
            None => {
                let (file, number) = lines.next().unwrap().rsplit_once(':').unwrap();
                let number = number.parse().unwrap_or(0);
                answers
                    .last_mut()
                    .unwrap()
                    .1
                    .push((line.to_owned(), file.to_owned(), number));
            }
        }
    }
    answers.retain(|(_, chain)| chain.iter().all(|(_, file, line)| !file.starts_with('?') && *line > 0));
    answers
}

fn chain(frames: &[Frame<'_>]) -> Chain {
    frames
        .iter()
        .map(|f| (f.function.to_string(), f.file.to_string(), f.line))
        .collect()
}

fn check(binary: &Binary<'_>) {
    let oracle = oracle();
    assert!(oracle.len() >= 30, "{}", oracle.len());
    assert!(
        oracle.iter().any(|(_, chain)| chain.len() >= 3),
        "inlined calls are missing in the oracle"
    );
    for (address, want) in &oracle {
        let mut frames = Vec::new();
        assert_eq!(binary.lookup(*address, &mut frames), Ok(()), "{address:#x}");
        assert_eq!(&chain(&frames), want, "{address:#x}");
        assert!(frames.iter().all(|f| f.source == Source::Dwarf));
        let (outer, inlined) = frames.split_last().unwrap();
        assert!(!outer.inlined && inlined.iter().all(|f| f.inlined), "{address:#x}");
    }
}

#[test]
fn compressed_dwarf_in_the_binary() {
    check(&Binary::parse(&fixture("c.zst")).unwrap());
}

#[test]
fn a_debug_file_beside_a_stripped_binary() {
    let (stripped, debug) = (fixture("c-stripped.zst"), fixture("c-debug.zst"));
    let binary = Binary::parse(&stripped).unwrap();
    assert_eq!(binary.elf().debug_link().map(|l| l.0), Some("c.debug"));
    assert_eq!(binary.build_ids().gnu, Binary::parse(&debug).unwrap().build_ids().gnu);
    check(&binary.with_debug_file(&debug));
}

#[test]
fn stripped_c_code_has_a_reason_instead_of_a_name() {
    let stripped = fixture("c-stripped.zst");
    let binary = Binary::parse(&stripped).unwrap();
    for (address, _) in oracle() {
        let mut frames = Vec::new();
        assert_eq!(binary.lookup(address, &mut frames), Err(Miss::NoTable), "{address:#x}");
        assert!(frames.is_empty());
    }
}
