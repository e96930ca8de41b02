//! Files that are no binary that can be read: each is refused, or left without names, for the reason that is true.

use std::fs;

use kubeprof::symbolize::elf::Elf;

use super::support::{Place, stderr, stdout, unpack};

/// A folder with the bytes as `file`.
fn place(data: &[u8]) -> Place {
    let place = Place::new("1.22.12-exe-sw");
    fs::write(place.path("file"), data).unwrap();
    place
}

fn refusal(data: &[u8]) -> String {
    let place = place(data);
    let path = place.path("file").display().to_string();
    let profile = place.profile("cpu.pb.gz", None);
    let mut said: Option<String> = None;
    for args in [
        vec!["binary", "show", &path],
        vec!["symbolize", "--binary", &path],
        vec!["binary", "verify", &profile, &path],
        vec!["top", &profile, "--binary", &path],
    ] {
        let out = place.run(&args, "0x401000\n");
        assert_eq!(out.status.code(), Some(2), "{args:?}: {}", stdout(&out));
        let text = stderr(&out).replace(&path, "FILE");
        assert_eq!(text.matches("hint: ").count(), 1, "{text}");
        assert_eq!(said.get_or_insert(text.clone()), &text, "{args:?}");
    }
    said.unwrap()
}

fn header(class: u8, order: u8, machine: u16) -> Vec<u8> {
    let mut data = unpack("1.22.12-exe-sw.zst");
    (data[4], data[5]) = (class, order);
    let machine = if order == 2 {
        machine.to_be_bytes()
    } else {
        machine.to_le_bytes()
    };
    data[18..20].copy_from_slice(&machine);
    data
}

#[test]
fn what_is_no_binary_is_named() {
    let mut tar = vec![0; 1024];
    tar[257..262].copy_from_slice(b"ustar");
    let cases: [(Vec<u8>, &str); 12] = [
        (vec![], "an empty file"),
        (b"x".to_vec(), "something that starts with [78, 00, 00, 00]"),
        (b"#!/bin/sh\nexec kubelet".to_vec(), "a script"),
        (b"\xcf\xfa\xed\xfe\x0c\0\0\x01".to_vec(), "a Mach-O binary (macOS)"),
        (b"MZ\x90\0".to_vec(), "a PE binary (Windows)"),
        (b"\0asm\x01\0\0\0".to_vec(), "WebAssembly"),
        (b"!<arch>\nx".to_vec(), "a static library"),
        (b"\x1f\x8b\x08\0".to_vec(), "compressed"),
        (tar, "a tar"),
        (header(1, 1, 3), "32-bit ELF files (386) are not supported"),
        (header(2, 2, 22), "big-endian ELF files (s390x) are not supported"),
        (b"\x7fELF".to_vec(), "damaged ELF file: class or byte order"),
    ];
    for (data, want) in cases {
        let text = refusal(&data);
        assert!(text.contains(want), "{want}: {text}");
    }
    let mut packed = unpack("1.22.12-exe-sw.zst");
    // No section headers, and UPX's mark behind the program headers.
    packed[40..48].fill(0);
    packed[58..64].fill(0);
    packed[500..504].copy_from_slice(b"UPX!");
    assert!(refusal(&packed).contains("packed by UPX"));
}

/// Go binaries whose table cannot be used: nothing is named, and the reason is told.
#[test]
fn tables_that_are_not_known_have_a_reason() {
    let real = unpack("1.26.8-cgo-external-sw.zst");
    let elf = Elf::parse(&real).unwrap();
    let table = elf.section(".gopclntab").unwrap().offset as usize;
    let address = format!("{:#x}\n", elf.section(".text").unwrap().address + 0x200);
    let with = |at: usize, bytes: &[u8]| {
        let mut data = real.clone();
        data[at..at + bytes.len()].copy_from_slice(bytes);
        data
    };
    let cases = [
        (
            with(table, &0x1234_5678_u32.to_le_bytes()),
            "(0x12345678)",
            "unknown-table",
        ),
        (
            with(table, &0xffff_fffb_u32.to_le_bytes()),
            "0xfffffffb is Go before 1.16",
            "unknown-table",
        ),
        (
            with(18, &243_u16.to_le_bytes()),
            "unsupported kind (riscv64)",
            "unknown-table",
        ),
        (
            with(table + 8, &u64::MAX.to_le_bytes()),
            "damaged Go function table",
            "damaged-table",
        ),
    ];
    for (data, told, reason) in cases {
        let place = place(&data);
        let path = place.path("file").display().to_string();
        let out = place.run(&["symbolize", "--binary", &path], &address);
        assert!(stderr(&out).contains(told), "{told}: {}", stderr(&out));
        assert!(stdout(&out).contains(reason), "{told}: {}", stdout(&out));
        let out = place.run(&["symbolize", "--binary", &path, "--require-symbols"], &address);
        assert_eq!(out.status.code(), Some(2));
    }
}
