//! The function table, byte by byte, on a program made by hand (`made_go`): every layout says the same, every check of the
//! header, of moduledata and of a record at n - 1, n and n + 1.

use kubeprof::symbolize::pclntab::{Frame, GoTable, Layout};
use kubeprof::symbolize::{BinaryError, Miss};

use super::made_go::{BASE, FIRST, Func, Link, Made, TEXT, func};

const LAYOUTS: [Layout; 3] = [Layout::Go116, Layout::Go118, Layout::Go120];

/// The chain of a PC: `function file:line start_line`, `+` for what is inlined, `@` its place.
fn chain(table: &GoTable<'_>, pc: u64) -> String {
    let mut frames: Vec<Frame<'_>> = Vec::new();
    if let Err(miss) = table.lookup(pc, &mut frames) {
        assert!(frames.is_empty());
        return format!("{miss:?}");
    }
    let frames = frames.iter().map(|f| {
        let (plus, place) = (if f.inlined { "+" } else { "" }, f.pc - FIRST);
        format!(
            "{}{plus} {}:{} {} @{place:#x}",
            f.function, f.file, f.line, f.start_line
        )
    });
    frames.collect::<Vec<_>>().join(" < ")
}

/// Chains by the offset from the first function; start lines are of Go 1.20.
const CHAINS: &[(u64, &str)] = &[
    (0x00, "main.main main.go:11 10 @0x0"),
    (0x07, "main.main main.go:11 10 @0x7"),
    (0x08, "main.main main.go:12 10 @0x8"),
    (
        0x10,
        "main.inner+ inner.go:31 30 @0x10 < main.middle+ inner.go:21 20 @0x1c < main.main main.go:12 10 @0xc",
    ),
    (
        0x17,
        "main.inner+ inner.go:31 30 @0x17 < main.middle+ inner.go:21 20 @0x1c < main.main main.go:12 10 @0xc",
    ),
    (0x18, "main.middle+ inner.go:21 20 @0x18 < main.main main.go:12 10 @0xc"),
    (0x20, "main.main main.go:13 10 @0x20"),
    (0x37, "main.main main.go:13 10 @0x37"),
    (0x38, "Padding"),
    (0x3f, "Padding"),
    (0x40, "main.T.M inner.go:40 39 @0x40"),
    (0x50, "main.(*T).M main.go:1 1 @0x50"),
    (0x60, "main.panics+ inner.go:90 1 @0x60 < main.(*T).P main.go:3 2 @0x78"),
    (
        0x68,
        "main.signals+ inner.go:91 2 @0x68 < main.(*T).P main.go:3 2 @0x78",
    ),
    (0x70, "main.wraps+ inner.go:92 3 @0x70 < main.(*T).P main.go:3 2 @0x78"),
    (0x80, "runtime.deferreturn main.go:8 7 @0x80"),
    (0xc0, "crosscall ?:0 0 @0xc0"),
    (0xcf, "crosscall ?:0 0 @0xcf"),
    (0xd0, "main.places ?:0 2147483647 @0xd0"),
    (0xd4, "main.places ?:0 2147483647 @0xd4"),
    (0xd8, "main.places ?:0 2147483647 @0xd8"),
    (0xdc, "DamagedTable"),
    (0xe0, "main.places main.go:0 2147483647 @0xe0"),
    (0xf0, "main.indexless main.go:60 0 @0xf0"),
    (0x100, "main.treeless main.go:61 6 @0x100"),
    (0x110, "main.last main.go:71 70 @0x110"),
    (0x11f, "main.last main.go:71 70 @0x11f"),
    (0x120, "NoTable"),
];

/// Name, start, end, start line.
const FUNCTIONS: &[(&str, u64, u64, u32)] = &[
    ("main.main", 0x00, 0x38, 10),
    ("main.(*T).M", 0x40, 0x60, 1),
    ("main.(*T).P", 0x60, 0x80, 2),
    ("runtime.deferreturn", 0x80, 0x90, 7),
    ("runtime.gopanic", 0x90, 0xa0, 7),
    ("runtime.sigpanic", 0xa0, 0xb0, 7),
    ("runtime.panicwrap", 0xb0, 0xc0, 7),
    ("crosscall", 0xc0, 0xd0, 0),
    ("main.empty", 0xd0, 0xd0, 5),
    ("main.places", 0xd0, 0xf0, 0x7fff_ffff),
    // Beyond 31 bits is no line.
    ("main.indexless", 0xf0, 0x100, 0),
    ("main.treeless", 0x100, 0x110, 6),
    ("main.last", 0x110, 0x120, 70),
];

/// Without the start lines, which Go before 1.20 does not write.
fn without_start_lines(chain: &str) -> String {
    let frame = |frame: &str| match frame.split(' ').collect::<Vec<_>>()[..] {
        [function, place, _, pc] => format!("{function} {place} 0 {pc}"),
        _ => frame.to_owned(),
    };
    chain.split(" < ").map(frame).collect::<Vec<_>>().join(" < ")
}

#[test]
fn every_layout_tells_the_same() {
    for (name, link) in Link::all() {
        let made = link.build();
        made.parsed(|table| {
            let table = table.unwrap_or_else(|e| panic!("{name}: {e}"));
            assert_eq!(table.layout(), link.layout, "{name}");
            assert_eq!(table.text_start(), TEXT, "{name}");
            assert_eq!(table.range(), FIRST..FIRST + 0x120, "{name}");
            assert_eq!(table.address(), BASE + 0x3000, "{name}");
            assert_eq!((table.len(), table.is_empty()), (FUNCTIONS.len(), false), "{name}");
            let start_lines = link.layout == Layout::Go120;
            let listed: Vec<_> = table
                .functions()
                .map(|f| (f.name, f.start - FIRST, f.end - FIRST, f.start_line))
                .collect();
            let expected = FUNCTIONS
                .iter()
                .map(|&(n, s, e, line)| (n, s, e, if start_lines { line } else { 0 }));
            assert_eq!(listed, expected.collect::<Vec<_>>(), "{name}");
            for (n, f) in FUNCTIONS.iter().enumerate() {
                assert_eq!(table.function(n).map(|f| f.name), Some(f.0), "{name}");
            }
            assert_eq!(table.function(FUNCTIONS.len()), None, "{name}");
            for &(offset, expected) in CHAINS {
                let expected = if start_lines {
                    expected.to_owned()
                } else {
                    without_start_lines(expected)
                };
                assert_eq!(chain(&table, FIRST + offset), expected, "{name} {offset:#x}");
            }
            for pc in [0, FIRST - TEXT, TEXT - 1, TEXT, FIRST - 1, u64::MAX] {
                assert_eq!(chain(&table, pc), "NoTable", "{name} {pc:#x}");
            }
        });
    }
}

#[test]
fn the_function_of_a_pc_and_the_instruction_of_a_return_address() {
    for layout in LAYOUTS {
        Link::of(layout).build().parsed(|table| {
            let table = table.expect("a table");
            let at = |offset: u64| table.function_at(FIRST + offset).map(|f| f.name);
            for (offset, expected) in [
                (0, Some("main.main")),
                // Filler belongs to the function before it.
                (0x3f, Some("main.main")),
                (0x40, Some("main.(*T).M")),
                // The empty function has no PC.
                (0xd0, Some("main.places")),
                (0x110, Some("main.last")),
                (0x11f, Some("main.last")),
                (0x120, None),
            ] {
                assert_eq!(at(offset), expected, "{layout:?} {offset:#x}");
            }
            assert_eq!(table.function_at(FIRST - 1), None);
            // The first instruction of a function is returned to by no call: its goroutine has not started.
            for (offset, instruction) in [(0, 0), (1, 0), (0x40, 0x40), (0x41, 0x40), (0x3f, 0x3e), (0x120, 0x11f)] {
                let found = table.instruction_of(FIRST + offset);
                assert_eq!(found, FIRST + instruction, "{layout:?} {offset:#x}");
            }
            assert_eq!(table.instruction_of(0), u64::MAX);
        });
    }
}

/// A program of one function of four bytes a row.
fn deep(calls: u32) -> Link {
    let runs: Vec<_> = (0..calls)
        .map(|row| (4, 0, 100 + row as i32, row as i32))
        .chain([(4, 0, 99, -1)])
        .collect();
    let all = func("main.deep", 1, 4 * (calls + 1), &runs);
    let all = (0..calls).fold(all, |f, row| f.call("main.call", 0, 4 * (row + 1), 2));
    Link {
        functions: vec![all],
        ..Link::of(Layout::Go120)
    }
}

/// The chain of the first instruction of a program of this function.
fn first_chain(f: Func) -> String {
    let functions = vec![f];
    let link = Link {
        functions,
        ..Link::of(Layout::Go120)
    };
    link.build().chain(0)
}

#[test]
fn chains_end_within_256_frames_and_inside_of_their_function() {
    for (calls, frames) in [(254, 255), (255, 256), (256, 0)] {
        let link = Link {
            // A page holds the records of so many, but the code page the code.
            sections: false,
            ..deep(calls)
        };
        link.build().parsed(|table| {
            let table = table.expect("a table");
            let mut found = Vec::new();
            let result = table.lookup(FIRST, &mut found);
            let expected = if frames == 0 { Err(Miss::DamagedTable) } else { Ok(()) };
            assert_eq!((result, found.len()), (expected, frames), "{calls}");
        });
    }
    // A call that is its own caller, one in the last byte of the function, and one behind it.
    for (parent, expected) in [
        (0, "DamagedTable"),
        (0x0f, "main.g main.go:2 < main.f main.go:1"),
        (0x10, "DamagedTable"),
        (0x11, "DamagedTable"),
        (u32::MAX, "DamagedTable"),
    ] {
        let f = func("main.f", 1, 0x10, &[(8, 0, 2, 0), (8, 0, 1, -1)]).call("main.g", 0, parent, 1);
        assert_eq!(first_chain(f), expected, "{parent:#x}");
    }
    // In the filler of its caller it has no place.
    let f = func("main.f", 1, 0x20, &[(8, 0, 2, 0), (8, 0, 1, -1)]).call("main.g", 0, 0x10, 1);
    assert_eq!(first_chain(f), "Padding");
    // A start line is a line; a row that the tree does not have is damage; no tree or no row is no inlined call.
    for (start_line, expected) in [
        (0x7fff_ffff, "main.g main.go:2 < main.f main.go:1"),
        (0x8000_0000, "DamagedTable"),
    ] {
        let f = func("main.f", 1, 0x10, &[(8, 0, 2, 0), (8, 0, 1, -1)]).call("main.g", 0, 8, start_line);
        assert_eq!(first_chain(f), expected, "{start_line:#x}");
    }
    let row = |row| func("main.f", 1, 0x10, &[(8, 0, 2, row), (8, 0, 1, -1)]).call("main.g", 0, 8, 1);
    assert_eq!(first_chain(row(0)), "main.g main.go:2 < main.f main.go:1");
    assert_eq!(first_chain(row(1000)), "DamagedTable");
    assert_eq!(first_chain(row(-1)), "main.f main.go:2");
    // A file, but no line; the tables of one function that end at different places.
    let f = func("main.f", 1, 0x10, &[(8, 0, 2, -1)]);
    let link = Link {
        functions: vec![f],
        ..Link::of(Layout::Go120)
    };
    let made = link.build();
    let record = made.records[0];
    // Fields of a record: 20 file table, 24 line table, 28 number of tables, 32 unit.
    for (field, value, expected) in [
        (20, 0, "main.f ?:0"),
        (24, 0, "main.f ?:0"),
        (20, 0xffff, "Padding"),
        (24, 0xffff, "Padding"),
        (32, 1, "main.f main.go:2"),
        (32, 2, "main.f inner.go:2"),
        (32, 3, "main.f ?:2"),
        (32, 4, "DamagedTable"),
        (32, 6, "DamagedTable"),
        (32, u32::MAX, "DamagedTable"),
    ] {
        let mut made = made.clone();
        made.table(record + field, &value.to_le_bytes());
        let expected = expected.replace("?:2", "?:0");
        assert_eq!(made.chain(0), expected, "{field} {value:#x}");
    }
}

#[test]
fn a_record_must_be_that_of_its_row() {
    for layout in LAYOUTS {
        let made = Link::of(layout).build();
        let (row, width) = if layout == Layout::Go116 { (16, 8) } else { (8, 4) };
        let entry = |n: usize| made.index + row * n;
        let at = |patch: &dyn Fn(&mut Made), offset: u64| {
            let mut made = made.clone();
            patch(&mut made);
            made.chain(offset)
        };
        // The entry in the record, the record's place, its name.
        let last = made.records[12];
        assert_eq!(at(&|m| m.table(last, &[0x31]), 0x110), "DamagedTable", "{layout:?}");
        assert_eq!(at(&|m| m.table(entry(12) + width, &[0xff; 4]), 0x110), "DamagedTable");
        assert_eq!(at(&|m| m.table(last + width, &[0xff; 4]), 0x110), "DamagedTable");
        // Rows out of order: the function ends before it begins.
        let mut unsorted = made.clone();
        unsorted.table(entry(6), &made.bytes[made.table + entry(1)..][..width]);
        unsorted.parsed(|table| {
            let table = table.expect("a table");
            assert_eq!(table.function(5), None);
            assert_eq!(table.function(6), None, "its record says otherwise");
            assert!(table.function(4).is_some() && table.function(7).is_some());
            assert_eq!(table.functions().count(), 11);
        });
    }
}

/// Numbers of the runtime's functions are learned from their names: without one of them nothing special is known.
#[test]
fn special_functions_are_known_by_name() {
    let without = |gone: &str| {
        let mut link = Link::of(Layout::Go120);
        for f in &mut link.functions {
            if f.name == gone {
                f.name = "runtime.other";
            }
        }
        let made = link.build();
        [0x40, 0x60, 0x68, 0x70].map(|offset| made.chain(offset).matches(" < ").count())
    };
    for (gone, frames) in [
        ("nothing", [0, 1, 1, 1]),
        ("runtime.deferreturn", [1, 1, 1, 1]),
        ("runtime.gopanic", [0, 0, 1, 1]),
        ("runtime.sigpanic", [0, 1, 0, 1]),
        ("runtime.panicwrap", [0, 1, 1, 0]),
    ] {
        assert_eq!(without(gone), frames, "{gone}");
    }
}

fn refused(made: &Made, patch: impl FnOnce(&mut Made)) -> String {
    let mut made = made.clone();
    patch(&mut made);
    match made.refused() {
        None => "taken".to_owned(),
        Some(BinaryError::UnprovenTextBase { address }) => {
            assert_eq!(address, BASE + 0x3000);
            "unproven".to_owned()
        }
        Some(BinaryError::DamagedGoTable { what, .. } | BinaryError::UnsupportedGoTable { what, .. }) => {
            what.to_owned()
        }
        Some(error) => error.to_string(),
    }
}

#[test]
fn the_header_of_a_table() {
    for layout in LAYOUTS {
        let made = Link::of(layout).build();
        let first = if layout == Layout::Go116 { 24 } else { 32 };
        let size = made.table_size as u64;
        let set = |at: usize, value: u64| refused(&made, |m| m.table(at, &value.to_le_bytes()));
        assert_eq!(set(0, made.word(made.table)), "taken");
        // Each of the offsets lies inside of the table, and none before the one in front of it.
        for n in 0..5 {
            let at = first + 8 * n;
            assert_eq!(set(at, size), "offsets in the header", "{layout:?} {n}");
            assert_eq!(set(at, u64::MAX), "offsets in the header", "{layout:?} {n}");
            let inside = if n == 4 {
                "length of the index"
            } else {
                "order of the parts"
            };
            assert_eq!(set(at, size - 1), inside, "{layout:?} {n}");
            if n > 0 {
                let before = made.word(made.table + at - 8);
                assert_eq!(set(at, before - 1), "order of the parts", "{layout:?} {n}");
                // An empty part is one; that moduledata points elsewhere comes later.
                assert_eq!(set(at, before), "unproven", "{layout:?} {n}");
            }
        }
        // The number of functions: some, in 32 bits, and the index has room for them and the end of the text.
        let row = if layout == Layout::Go116 { 16 } else { 8 };
        let room = (size - made.index as u64 - 8) / row;
        for (functions, expected) in [
            (0, "number of functions"),
            (1, "unproven"),
            (12, "unproven"),
            (13, "taken"),
            (14, "unproven"),
            (room, "unproven"),
            (room + 1, "length of the index"),
            (u64::from(u32::MAX), "length of the index"),
            (1 << 32, "number of functions"),
        ] {
            assert_eq!(set(8, functions), expected, "{layout:?} {functions}");
        }
        // Steps of four bytes on arm64, of one elsewhere; s390x has two.
        for arm64 in [false, true] {
            let made = Link {
                arm64,
                ..Link::of(layout)
            }
            .build();
            for quantum in [1, 2, 4] {
                let right = quantum == if arm64 { 4 } else { 1 };
                let expected = if right { "taken" } else { "instruction size" };
                assert_eq!(
                    refused(&made, |m| m.table(6, &[quantum])),
                    expected,
                    "{layout:?} {quantum}"
                );
            }
        }
    }
}

/// What does not begin like a table is none: where a section says that there should be one, its first bytes are told.
#[test]
fn what_begins_like_no_table() {
    let no_table = BinaryError::NoGoTable.to_string();
    for layout in LAYOUTS {
        let made = Link::of(layout).build();
        let bare = Link {
            sections: false,
            ..Link::of(layout)
        }
        .build();
        let magic = made.word(made.table) as u32;
        for (at, byte, shown) in [
            (0, 0x17, magic & !0xff | 0x17),
            (3, 0x17, magic & 0xff_ffff | 0x1700_0000),
            (4, 1, magic),
            (5, 1, magic),
            (6, 0, magic),
            (6, 3, magic),
            (6, 8, magic),
            (7, 4, magic),
        ] {
            let unknown = BinaryError::UnknownGoTable {
                magic: format!("{shown:#x}"),
            };
            assert_eq!(
                refused(&made, |m| m.table(at, &[byte])),
                unknown.to_string(),
                "{layout:?} {at}"
            );
            assert_eq!(refused(&bare, |m| m.table(at, &[byte])), no_table, "{layout:?} {at}");
        }
        // The other section of this name, and a section that is too short to begin like anything.
        let mut pie = bare.clone();
        pie.sections(&[(".data.rel.ro.gopclntab", made.table, made.table_size)]);
        assert_eq!(refused(&pie, |_| ()), "taken");
        assert_eq!(
            refused(&pie, |m| m.table(7, &[4])),
            BinaryError::UnknownGoTable {
                magic: format!("{magic:#x}")
            }
            .to_string()
        );
        let mut short = bare.clone();
        short.sections(&[(".gopclntab", made.table, 3)]);
        assert_eq!(refused(&short, |m| m.table(7, &[4])), no_table);
        // Another machine is not read, and says so only of a Go program.
        let other = |m: &mut Made| m.set(18, &[243]);
        assert_eq!(refused(&made, other), "riscv64");
        assert_eq!(
            refused(&bare, |m| {
                other(m);
                m.table(7, &[4]);
            }),
            no_table
        );
    }
}

/// Without section headers a table is found wherever it is loaded: aligned in memory, whatever the segment's first address.
#[test]
fn a_table_is_found_in_its_segment() {
    for layout in LAYOUTS {
        let made = Link {
            sections: false,
            ..Link::of(layout)
        }
        .build();
        for before in [0, 1, 2, 7, 8, 9, 64] {
            let moved = refused(&made, |m| {
                let at = 0x3000 - before;
                m.segment(1, 8, at);
                m.segment(1, 16, BASE + at);
                m.segment(1, 32, 0x4000 + before);
            });
            assert_eq!(moved, "taken", "{layout:?} {before}");
            let moved = refused(&made, |m| {
                let at = m.module as u64 - before;
                m.segment(2, 8, at);
                m.segment(2, 16, BASE + at);
            });
            assert_eq!(moved, "taken", "moduledata, {layout:?} {before}");
        }
        // In the segment of the code as well: some linkers put read-only data there.
        assert_eq!(
            refused(&made, |m| m.set(m.segments[1] + 4, &[5])),
            "taken",
            "{layout:?}"
        );
    }
}

#[test]
fn moduledata_must_describe_the_table() {
    for layout in LAYOUTS {
        let made = Link::of(layout).build();
        let set = |word: usize, value: u64| refused(&made, |m| m.module(word, value));
        for word in [0, 1, 4, 7, 10, 13, 16, 17] {
            let value = made.module_word(word);
            for (change, expected) in [(-1, "unproven"), (0, "taken"), (1, "unproven")] {
                assert_eq!(
                    set(word, value.wrapping_add_signed(change)),
                    expected,
                    "{layout:?} {word} {change}"
                );
            }
        }
        // First and last PC are those of the index, the text begins before or with the first and ends after or with the last.
        let (first, last, etext) = (made.module_word(20), made.module_word(21), made.module_word(23));
        let offsets = layout != Layout::Go116;
        for (word, value, expected) in [
            (20, first - 1, "unproven"),
            (20, first + 1, "unproven"),
            (20, last, "unproven"),
            (21, last - 1, "unproven"),
            (21, last + 1, "unproven"),
            (21, first, "unproven"),
            // Where the index holds addresses, any text before the first PC will do.
            (22, first, if offsets { "unproven" } else { "taken" }),
            (22, first + 1, "unproven"),
            (22, TEXT - 1, "unproven"),
            (22, made.module_word(0), "unproven"),
            (23, etext - 1, "unproven"),
            (23, etext + 1, "taken"),
        ] {
            assert_eq!(set(word, value), expected, "{layout:?} {word} {value:#x}");
        }
        // All of it in one segment of code.
        let code = last - TEXT;
        for (size, expected) in [(code - 1, "unproven"), (code, "taken"), (code + 1, "taken")] {
            let found = refused(&made, |m| m.segment(0, 32, size));
            assert_eq!(found, expected, "{layout:?} {size:#x}");
        }
        assert_eq!(
            refused(&made, |m| m.set(m.segments[0] + 4, &[4])),
            "unproven",
            "no code"
        );
        // The second word after textsectmap: how many sections of text there are.
        let sections = match layout {
            Layout::Go116 => 38,
            Layout::Go118 => 40,
            Layout::Go120 => 42,
        };
        for (count, expected) in [(0, "taken"), (1, "taken"), (2, "several text sections")] {
            assert_eq!(set(sections, count), expected, "{layout:?} {count}");
        }
        // Moduledata needs 48 words; the newest release has more than it reads.
        for (words, expected) in [(47, "unproven"), (48, "taken"), (49, "taken")] {
            let found = refused(&made, |m| m.segment(2, 32, 16 + 8 * words));
            assert_eq!(found, expected, "{layout:?} {words}");
        }
    }
}

/// What funcdata is counted from lies in loaded data, before or behind the code but not in it.
#[test]
fn gofunc_lies_in_data() {
    for (layout, word) in [(Layout::Go118, 38), (Layout::Go120, 40)] {
        let made = Link::of(layout).build();
        let etext = made.module_word(23);
        for (value, expected) in [
            (BASE + 0x3000, "taken"),
            (TEXT - 1, "taken"),
            (TEXT, "unproven"),
            (etext - 1, "unproven"),
            (etext, "taken"),
            (0, "unproven"),
            (u64::MAX, "unproven"),
        ] {
            let found = refused(&made, |m| {
                m.module(word, value);
                // A segment from a page before the code on.
                m.segment(0, 8, 0xf00);
                m.segment(0, 16, TEXT - 0x100);
            });
            assert_eq!(found, expected, "{layout:?} {value:#x}");
        }
    }
    // Before Go 1.18 there is none, whatever stands there.
    let made = Link::of(Layout::Go116).build();
    assert_eq!(refused(&made, |m| m.module(40, TEXT)), "taken");
}

/// From Go 1.26 on it lies in the table, and its word is known by what it points to.
#[test]
fn gofunc_in_the_table_is_recognised_by_its_value() {
    const TOLD: &str = "main.inner inner.go:31 < main.middle inner.go:21 < main.main main.go:12";
    for sections in [true, false] {
        let made = Link {
            inside: true,
            sections,
            ..Link::of(Layout::Go120)
        }
        .build();
        let told = |patch: &dyn Fn(&mut Made)| {
            let mut made = made.clone();
            patch(&mut made);
            match made.refused() {
                Some(_) => "unproven".to_owned(),
                None => made.chain(0x10),
            }
        };
        let (gofunc, end, find) = (made.module_word(43), made.module_word(44), made.module_word(19));
        let start = made.module_word(16);
        assert_eq!(told(&|_| ()), TOLD, "{sections}");
        // At another word, as another release may have it, up to the last that is read.
        for word in [37, 40, 42, 44, 51, 52] {
            let found = told(&|m| {
                [43, 44, 46].into_iter().for_each(|w| m.module(w, 0));
                m.module(word, gofunc);
                m.module(word + 1, end);
                if word + 3 < 56 {
                    m.module(word + 3, 1);
                }
            });
            assert_eq!(found, if word <= 51 { TOLD } else { "unproven" }, "{sections} {word}");
        }
        // It, findfunctab and the end of the table have their order.
        for (word, value, expected) in [
            (43, start, "unproven"),
            (43, end + 1, "unproven"),
            (19, start, "unproven"),
            (19, start + 1, TOLD),
            (19, end - 1, TOLD),
            (19, end, "unproven"),
            // A section that ends elsewhere is not believed; without one the table may end with its segment.
            (44, end + 1, TOLD),
            (44, end - 1, TOLD),
            (44, find, "unproven"),
            (44, BASE + 0x7000, TOLD),
            (44, BASE + 0x7001, "unproven"),
        ] {
            assert_eq!(
                told(&|m| m.module(word, value)),
                expected,
                "{sections} {word} {value:#x}"
            );
        }
        // Among several words that would fit, the end of the section tells which.
        if sections {
            for words in [[gofunc - 16, end - 8], [gofunc - 16, end], [gofunc, end - 8]] {
                let found = told(&|m| words.iter().enumerate().for_each(|(n, word)| m.module(38 + n, *word)));
                assert_eq!(found == TOLD, words != [gofunc - 16, end], "{words:x?}");
            }
        }
        // The number of text sections is counted from it.
        assert_eq!(
            refused(&made, |m| m.module(46, 2)),
            "several text sections",
            "{sections}"
        );
        // It may be where the table ends, and right behind the start of the index.
        assert_ne!(told(&|m| m.module(43, end)), "unproven", "{sections}");
        assert_ne!(told(&|m| m.module(43, start + 1)), "unproven", "{sections}");
    }
}

/// Where moduledata is looked for: its own section, relocations, writable data.
#[test]
fn where_moduledata_is_found() {
    for layout in LAYOUTS {
        for relocations in [false, true] {
            let mut made = Link {
                relocations,
                ..Link::of(layout)
            }
            .build();
            let read_only = |m: &mut Made| m.set(m.segments[2] + 4, &[4]);
            assert_eq!(refused(&made, |_| ()), "taken");
            // In data that is not written to only a relocation finds it, or its section.
            let expected = if relocations { "taken" } else { "unproven" };
            assert_eq!(refused(&made, read_only), expected, "{layout:?}");
            let (table, module) = ((".gopclntab", made.table, made.table_size), made.module);
            made.sections(&[table, (".go.module", module, 56 * 8)]);
            assert_eq!(refused(&made, read_only), "taken", "{layout:?}");
            // A word that only looks like it does not keep the right one from being found.
            assert_eq!(
                refused(&made, |m| {
                    let pointer = BASE + m.table as u64;
                    m.set(m.module - 16, &pointer.to_le_bytes());
                }),
                "taken"
            );
        }
    }
}
