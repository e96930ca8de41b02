//! ELF, the Go function table, DWARF. The first byte chooses a file to start from: 0 is an empty one, so that the rest is
//! the file; any other is a binary of `fixtures/binaries`, and the rest are patches: a place inside of one of its telling
//! sections or headers (section, three bytes of offset), a width, eight bytes to write.
#![no_main]

use std::ops::Range;
use std::path::Path;
use std::sync::LazyLock;

use kubeprof::model::{LocationId, MappingId, Profile};
use kubeprof::pprof::{Limit, decode, inflate};
use kubeprof::symbolize::elf::Elf;
use kubeprof::symbolize::facts::Facts;
use kubeprof::symbolize::identity::{examine, main_mapping};
use kubeprof::symbolize::locate::unpack;
use kubeprof::symbolize::stack::{fold_text_stacks, from_return_addresses, settle_entries};
use kubeprof::symbolize::{Binary, Dwarf, Frame, Single, apply, disasm};
use libfuzzer_sys::fuzz_target;

struct Whole {
    bytes: Vec<u8>,
    /// Where a change tells.
    places: Vec<Range<usize>>,
    addresses: Vec<u64>,
}

const SECTIONS: [&str; 14] = [
    ".gopclntab",
    ".go.buildinfo",
    ".note.go.buildid",
    ".note.gnu.build-id",
    ".noptrdata",
    ".go.module",
    ".rela.dyn",
    ".dynamic",
    ".debug_info",
    ".debug_line",
    ".debug_abbrev",
    ".symtab",
    ".strtab",
    ".debug_aranges",
];

static WHOLE: LazyLock<Vec<Whole>> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/binaries");
    [
        "c/c.zst",
        "1.27.3-cgo-pie-external-sw.zst",
        "1.19.13-exe-sw.zst",
        "1.23.12-arm64-cgo-external-sw.zst",
    ]
    .iter()
    .map(|name| {
        let packed = std::fs::read(folder.join(name)).expect("a fixture");
        let bytes = inflate(&packed, Limit::Bytes(64 << 20)).expect("zstd").into_owned();
        let word = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("8 bytes")) as usize;
        let half = |at: usize| usize::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]));
        let mut places = vec![
            0..64,
            word(32)..word(32) + 56 * half(56),
            word(40)..word(40) + 64 * half(60),
        ];
        let elf = Elf::parse(&bytes).expect("ELF");
        let sections = SECTIONS.iter().filter_map(|n| elf.section(n)).filter(|s| s.size > 0);
        places.extend(sections.map(|s| s.offset as usize..(s.offset + s.size) as usize));
        let mut addresses: Vec<u64> = vec![elf.entry(), 0x1060, 0x1190];
        let binary = Binary::parse(&bytes).expect("a binary");
        if let Ok(table) = binary.go() {
            addresses.extend(table.functions().step_by(97).map(|f| f.start + 1));
        }
        Whole {
            bytes,
            places,
            addresses,
        }
    })
    .collect()
});

static PROFILE: LazyLock<Profile> = LazyLock::new(|| {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/compat/cpu.pb.gz");
    let packed = std::fs::read(path).expect("a fixture");
    decode(&inflate(&packed, Limit::Bytes(64 << 20)).expect("gzip"))
        .expect("a profile")
        .0
});

fuzz_target!(|data: &[u8]| {
    let Some((&which, rest)) = data.split_first() else {
        return;
    };
    let which = usize::from(which) % (WHOLE.len() + 1);
    if which == 0 {
        ask(rest, &[0x1060, 0x40_1000]);
        return image(rest);
    }
    let whole = &WHOLE[which - 1];
    let mut bytes = whole.bytes.clone();
    for patch in rest.chunks_exact(13).take(16) {
        let place = &whole.places[usize::from(patch[0]) % whole.places.len()];
        let offset = u32::from_le_bytes([patch[1], patch[2], patch[3], 0]) as usize % place.len();
        let width = [1, 2, 4, 8][usize::from(patch[4]) % 4];
        let end = bytes.len().min(place.start + offset + width);
        let target = &mut bytes[place.start + offset..end];
        let n = target.len();
        target.copy_from_slice(&patch[5..5 + n]);
    }
    ask(&bytes, &whole.addresses);
});

/// Everything that is asked of a binary.
fn ask(bytes: &[u8], addresses: &[u64]) {
    if let Err(e) = Dwarf::load(bytes) {
        assert!(!e.to_string().is_empty());
    }
    let Ok(binary) = Binary::parse(bytes) else { return };
    let _ = (
        Facts::of(&binary, "fuzz"),
        binary.link_mode(),
        binary.build_info(),
        binary.elf().debug_link(),
    );
    let mut frames: Vec<Frame<'_>> = Vec::new();
    for &address in addresses {
        frames.clear();
        let _ = binary.lookup(address, &mut frames);
        assert!(frames.len() <= 600, "{} frames", frames.len());
    }
    if let Ok(table) = binary.go() {
        let _ = from_return_addresses(table, addresses);
        if let Some(function) = table.function(table.len() / 2) {
            assert!(function.start <= function.end);
        }
    }
    if let Some(extent) = disasm::functions(&binary, |name| name.ends_with("main")).first() {
        let _ = disasm::disassemble(&binary, extent);
    }
    let mut profile = PROFILE.clone();
    // As if the addresses were the binary's.
    for (n, location) in profile.locations.iter_mut().enumerate() {
        location.address = addresses[n % addresses.len()];
    }
    let mapping: Option<MappingId> = main_mapping(&profile, &binary);
    let identity = examine(&profile, mapping, &binary);
    assert!(identity.agreed <= identity.checked);
    let stripped: Vec<LocationId> = (0..profile.locations.len()).step_by(2).map(LocationId::new).collect();
    for id in stripped {
        profile.set_lines(id, &[]);
    }
    let single = Single {
        mapping,
        binary: &binary,
        refused: None,
    };
    settle_entries(&mut profile, &single);
    apply(&mut profile, &single, true);
    fold_text_stacks(&mut profile, &single, true);
    profile.check().expect("sound with names");
}

/// A binary inside of a layer of an image.
fn image(bytes: &[u8]) {
    if unpack::may_hold_binaries(bytes) {
        let mut found = 0;
        let _ = unpack::binaries::<std::convert::Infallible>(bytes, &|_| true, &mut |member| {
            found += member.data.len();
            Ok(())
        });
    }
}
