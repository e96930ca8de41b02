//! Names that are not in the binary itself: debug files beside it, under the system's folder or given by hand, debug files
//! without any binary, and symbol tables as the last resort.

use std::fs;

use kubeprof::symbolize::elf::Elf;
use serde_json::Value;

use super::support::{Place, stderr, stdout, unpack};

/// A folder without any binary.
fn empty() -> Place {
    let place = Place::new("1.22.12-exe-sw");
    fs::remove_file(place.path("kubelet")).unwrap();
    place
}

/// Changes the name of every section that begins so: it is not there any more.
fn without_sections(data: &mut [u8], prefix: &[u8]) {
    let elf = Elf::parse(data).unwrap();
    let names = elf.section(".shstrtab").unwrap();
    let range = names.offset as usize..(names.offset + names.size) as usize;
    let table = &mut data[range];
    let mut found = 0;
    for at in 0..table.len() - prefix.len() {
        if table[at..].starts_with(prefix) {
            table[at + 1] = b'X';
            found += 1;
        }
    }
    assert!(found > 0);
}

fn name(place: &Place, binary: &str, address: &str) -> String {
    let path = place.path(binary).display().to_string();
    stdout(&place.run(&["symbolize", "--binary", &path], &format!("{address}\n")))
}

const NAMED: &str = "0x1190  atoi  /usr/include/stdlib.h:364 (inlined)\n";

#[test]
fn debug_information_apart_is_found_and_proven() {
    let place = empty();
    let (stripped, debug) = (unpack("c/c-stripped.zst"), unpack("c/c-debug.zst"));
    fs::write(place.path("program"), &stripped).unwrap();
    assert!(name(&place, "program", "0x1190").contains("no-table"));
    // Beside it and in .debug, by the name in .gnu_debuglink.
    for folder in ["", ".debug"] {
        let folder = place.path(folder);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("c.debug"), &debug).unwrap();
        assert!(name(&place, "program", "0x1190").starts_with(NAMED));
        // One of another build is not taken.
        let mut other = debug.clone();
        let id = Elf::parse(&other)
            .unwrap()
            .section(".note.gnu.build-id")
            .unwrap()
            .offset as usize;
        other[id + 20] ^= 1;
        fs::write(folder.join("c.debug"), &other).unwrap();
        assert!(name(&place, "program", "0x1190").contains("no-table"));
        let path = place.path("program").display().to_string();
        let given = folder.join("c.debug").display().to_string();
        let out = place.run(&["symbolize", "--binary", &path, "--debug-file", &given], "0x1190\n");
        assert_eq!(out.status.code(), Some(2));
        assert!(
            stderr(&out).contains("hint: the debug file is of another build"),
            "{}",
            stderr(&out)
        );
        fs::remove_file(folder.join("c.debug")).unwrap();
    }
    // Without build IDs the checksum of the link decides.
    let mut plain = stripped.clone();
    let note = Elf::parse(&plain)
        .unwrap()
        .section(".note.gnu.build-id")
        .unwrap()
        .offset as usize;
    plain[note + 12] = b'x';
    fs::write(place.path("program"), &plain).unwrap();
    fs::write(place.path("c.debug"), &debug).unwrap();
    assert!(name(&place, "program", "0x1190").starts_with(NAMED));
    let mut touched = debug.clone();
    *touched.last_mut().unwrap() ^= 1;
    fs::write(place.path("c.debug"), &touched).unwrap();
    assert!(name(&place, "program", "0x1190").contains("no-table"));
}

/// What `/usr/lib/debug` and debuginfod's `debuginfo` hold: no code, but all names.
#[test]
fn a_debug_file_alone_gives_names() {
    let place = empty();
    fs::write(place.path("c.debug"), unpack("c/c-debug.zst")).unwrap();
    assert!(name(&place, "c.debug", "0x1190").starts_with(NAMED));
    assert!(name(&place, "c.debug", "0x9999").contains("outside-file"));
}

#[test]
fn symbols_are_the_last_resort_and_marked() {
    let place = empty();
    let mut data = unpack("c/c.zst");
    without_sections(&mut data, b".debug_");
    fs::write(place.path("program"), &data).unwrap();
    let path = place.path("program").display().to_string();
    assert_eq!(name(&place, "program", "0x1190"), "0x1190  work  (symbol table only)\n");
    let out = place.run(&["symbolize", "--binary", &path, "-o", "jsonl"], "0x1190\n");
    let answer: Value = serde_json::from_str(&stdout(&out)).unwrap();
    let frame = &answer["frames"][0];
    assert_eq!(frame["function"], "work");
    assert_eq!(
        (frame["source"].as_str(), frame["line"].as_u64()),
        (Some("symtab"), Some(0))
    );
    let out = place.run(&["symbolize", "--binary", &path, "--filter"], "at 0x1190.");
    assert_eq!(stdout(&out), "at 0x1190 (work (symbol table only)).");
    // A gap between two symbols is not the one before it.
    let elf = Elf::parse(&data).unwrap();
    let table = kubeprof::symbolize::SymbolTable::load(&elf);
    let (_, end, _) = table.all().filter(|(_, _, n)| *n != "_init").min().unwrap();
    let gap = (end..).find(|a| table.function_at(*a).is_none()).unwrap();
    assert!(name(&place, "program", &format!("{gap:#x}")).contains("no-table"));
    // And without any table there is no name at all.
    without_sections(&mut data, b".symtab");
    without_sections(&mut data, b".dynsym");
    fs::write(place.path("program"), &data).unwrap();
    assert!(name(&place, "program", "0x1190").contains("no-table"));
}
