//! `profile.proto`: one tiny profile for every error, with its kind and the byte at which it stands, and one profile in
//! which every field says something of its own.

use kubeprof::model::{LabelKind, LocationId, Profile};
use kubeprof::pprof::{DecodeErrorKind as Kind, DecodeNotes, decode, encode};

use super::wire::{bytes, number, record, strings, varint};

/// What is wrong with `file`, and at which byte.
fn error(file: &[u8]) -> (u64, Kind) {
    let e = decode(file).expect_err("an error");
    (e.offset, e.kind)
}

fn decoded(file: &[u8]) -> (Profile, DecodeNotes) {
    let (profile, notes) = decode(file).expect("a profile");
    profile.check().expect("a sound profile");
    (profile, notes)
}

/// A profile of one sample type, `samples/count`, with `rest` behind it.
fn with(rest: &[u8]) -> Vec<u8> {
    let mut file = record(1, &[(1, 1), (2, 2)]);
    file.extend(strings(&["", "samples", "count"]));
    file.extend_from_slice(rest);
    file
}

/// Fields one after the other.
fn all(parts: &[Vec<u8>]) -> Vec<u8> {
    parts.concat()
}

#[test]
fn nothing_is_no_profile() {
    assert_eq!(error(b""), (0, Kind::Empty));
    // Fields that no profile has.
    assert_eq!(error(&number(16, 1)), (0, Kind::Empty));
    assert_eq!(error(&all(&[bytes(17, b"x"), number(99, 1)])), (0, Kind::Empty));
    // One that every profile may have is enough.
    assert_eq!(decoded(&number(12, 5)).0.period, 5);
}

#[test]
fn the_envelope() {
    let at = with(&[]).len() as u64;
    for (rest, kind, offset) in [
        // A record of five bytes of which one is there; the byte after its length.
        (vec![0x12, 5, 0], Kind::Truncated, 2),
        (vec![0x12, 1], Kind::Truncated, 2),
        // A number that is cut.
        (vec![0x48, 0x80], Kind::Truncated, 1),
        (vec![0x48], Kind::Truncated, 1),
        (vec![0x80], Kind::Truncated, 0),
        // Eight bytes of which seven are there, four of which three are.
        (vec![0x81, 1, 0, 0, 0, 0, 0, 0, 0], Kind::Truncated, 2),
        (vec![0x85, 1, 0, 0, 0], Kind::Truncated, 2),
        // Eleven bytes of a number: none has more than ten.
        (all(&[vec![0x48], vec![0xff; 10], vec![1]]), Kind::Varint, 1),
        // Groups, and wire types that do not exist.
        (vec![0x0b, 0], Kind::WireType(3), 1),
        (vec![0x0c, 0], Kind::WireType(4), 1),
        (vec![0x0e, 0], Kind::WireType(6), 1),
        (vec![0x0f, 0], Kind::WireType(7), 1),
    ] {
        assert_eq!(error(&with(&rest)), (at + offset, kind), "{rest:02x?}");
    }
    // A field that is unknown, of the same wire types, whole.
    let rest = all(&[
        vec![0x81, 1, 0, 0, 0, 0, 0, 0, 0, 0],
        vec![0x85, 1, 0, 0, 0, 0],
        bytes(18, b"xy"),
        number(19, 7),
    ]);
    assert_eq!(decoded(&with(&rest)).1.unknown_fields, 4);
}

/// Every length that a number can have, at the end of the file and before something else.
#[test]
fn numbers_of_every_length() {
    for bits in 0..64 {
        for v in [
            1u64 << bits,
            (1 << bits) - 1,
            (1u64 << bits) | 1,
            u64::MAX >> (63 - bits),
        ] {
            let last = with(&number(10, v));
            assert_eq!(decoded(&last).0.duration_nanos, v as i64, "{v:#x} at the end");
            let file = with(&all(&[number(10, v), number(12, 77), vec![0x4a, 0][..0].to_vec()]));
            let p = decoded(&file).0;
            assert_eq!((p.duration_nanos, p.period), (v as i64, 77), "{v:#x} before another");
            // Packed values, of which all but the last have others behind them.
            let packed: Vec<u8> = [varint(v), varint(v)].concat();
            let file = all(&[
                record(1, &[(1, 1), (2, 2)]),
                record(1, &[(1, 1), (2, 2)]),
                strings(&["", "samples", "count"]),
                bytes(2, &bytes(2, &packed)),
            ]);
            assert_eq!(
                decoded(&file).0.samples.values(0),
                [v as i64, v as i64],
                "{v:#x} packed"
            );
        }
    }
}

/// A packed number that goes on behind its record, where other bytes would end it.
#[test]
fn a_packed_number_ends_in_its_record() {
    for length in 1..=10 {
        let cut = bytes(2, &bytes(2, &vec![0x80; length]));
        let file = with(&all(&[cut.clone(), number(12, 1), bytes(6, b"more bytes behind it")]));
        let start = with(&[]).len() as u64 + 4;
        let kind = if length < 10 { Kind::Truncated } else { Kind::Varint };
        assert_eq!(error(&file), (start, kind), "{length}");
    }
}

#[test]
fn fields_of_the_wrong_wire_type() {
    let at = with(&[]).len() as u64;
    for field in [1, 2, 3, 4, 5, 6, 11] {
        assert_eq!(error(&with(&number(field, 1))), (at, Kind::FieldType(field)));
    }
    for field in [7, 8, 9, 10, 12, 14, 15] {
        assert_eq!(error(&with(&bytes(field, b"x"))), (at, Kind::FieldType(field)));
    }
    // Inside of a function, a location, a line, a sample and a label; a known field stands before it.
    let inside = |table: u64, good: Vec<u8>, bad: Vec<u8>| error(&with(&bytes(table, &all(&[good, bad]))));
    for field in 1..=5 {
        let found = inside(5, number(1, 1), bytes(field, b""));
        assert_eq!(found, (at + 4, Kind::FieldType(field)), "function");
    }
    for field in [1, 2, 3, 5] {
        let found = inside(4, number(1, 1), bytes(field, b""));
        assert_eq!(found, (at + 4, Kind::FieldType(field)), "location");
    }
    assert_eq!(inside(4, number(1, 1), number(4, 1)), (at + 4, Kind::FieldType(4)));
    for field in 1..=3 {
        let line = bytes(4, &all(&[number(3, 1), bytes(field, b"")]));
        let found = inside(4, number(1, 1), line);
        assert_eq!(found, (at + 8, Kind::FieldType(field)), "line");
    }
    let fixed = |field: u64| all(&[vec![(field << 3 | 5) as u8], vec![0; 4]]);
    for field in 1..=3 {
        assert_eq!(
            inside(2, number(2, 1), fixed(field)),
            (at + 4, Kind::FieldType(field)),
            "sample"
        );
    }
    for field in 1..=4 {
        let label = bytes(3, &all(&[number(3, 1), bytes(field, b"")]));
        let found = inside(2, number(2, 1), label);
        assert_eq!(found, (at + 8, Kind::FieldType(field)), "label");
    }
}

#[test]
fn records_that_do_not_parse() {
    let at = with(&[]).len() as u64;
    for (field, name) in [(1, "sample type"), (11, "period type"), (3, "mapping")] {
        let file = with(&bytes(field, &[0x08]));
        assert_eq!(error(&file), (at + 2, Kind::Record(name)));
    }
}

/// Every field that refers to a string: the last that there is, the one after it, and a negative one.
#[test]
fn strings_that_do_not_exist() {
    let at = with(&[]).len() as u64;
    // Whether the error stands at the field itself or at the record that it is in.
    type Refer = fn(u64) -> Vec<u8>;
    let places: [(&str, Refer, u64); 19] = [
        ("drop frames", |i| number(7, i), 0),
        ("keep frames", |i| number(8, i), 0),
        ("comment", |i| number(13, i), 0),
        ("packed comment", |i| bytes(13, &all(&[varint(1), varint(i)])), 3),
        ("default type", |i| number(14, i), 0),
        ("documentation", |i| number(15, i), 0),
        ("type", |i| record(1, &[(1, i)]), 2),
        ("unit", |i| record(1, &[(2, i)]), 2),
        ("period type", |i| record(11, &[(1, i)]), 2),
        ("period unit", |i| record(11, &[(2, i)]), 2),
        ("file", |i| record(3, &[(1, 1), (5, i)]), 2),
        ("build ID", |i| record(3, &[(1, 1), (6, i)]), 2),
        ("name", |i| record(5, &[(1, 1), (2, i)]), 2),
        ("system name", |i| record(5, &[(1, 1), (3, i)]), 2),
        ("file name", |i| record(5, &[(1, 1), (4, i)]), 2),
        ("key", |i| bytes(2, &all(&[number(2, 1), record(3, &[(1, i)])])), 6),
        ("label", |i| bytes(2, &all(&[number(2, 1), record(3, &[(2, i)])])), 6),
        (
            "label unit",
            |i| bytes(2, &all(&[number(2, 1), record(3, &[(4, i)])])),
            6,
        ),
        ("own name", |i| record(5, &[(1, 1), (2, i), (5, 9)]), 2),
    ];
    for (what, refer, offset) in places {
        assert!(decode(&with(&refer(2))).is_ok(), "{what}: the last string");
        // The record of -1 is longer, so its offset is not compared where the length stands before it.
        assert_eq!(error(&with(&refer(3))), (at + offset, Kind::StringIndex(3)), "{what}");
        assert_eq!(error(&with(&refer(u64::MAX))).1, Kind::StringIndex(-1), "{what}");
    }
    // Without any table, 0 is still the empty text.
    assert!(decode(&record(1, &[(1, 0)])).is_ok());
    assert_eq!(error(&record(1, &[(1, 1)])), (2, Kind::StringIndex(1)));
}

#[test]
fn the_first_string_is_empty() {
    assert_eq!(error(&strings(&["x"])), (2, Kind::FirstString));
    assert_eq!(
        error(&all(&[number(12, 1), strings(&["x", ""])])),
        (4, Kind::FirstString)
    );
    // Later ones may be empty, too.
    assert!(decode(&strings(&["", "", "x", ""])).is_ok());
}

#[test]
fn text_that_is_no_utf_8_is_kept_and_counted() {
    let file = all(&[
        bytes(6, b""),
        bytes(6, b"a\xffb"),
        bytes(6, b"\xfe"),
        number(13, 1),
        number(13, 2),
    ]);
    let (p, notes) = decoded(&file);
    let texts: Vec<&str> = p.comments.iter().map(|&c| p.text(c)).collect();
    assert_eq!(texts, ["a\u{fffd}b", "\u{fffd}"]);
    assert_eq!(notes.invalid_utf8, 2);
}

#[test]
fn two_profiles_in_one_file() {
    let one = with(&number(9, 5));
    let file = all(&[one.clone(), one.clone()]);
    // The second time is what shows it.
    assert_eq!(error(&file), ((2 * one.len() - 2) as u64, Kind::Concatenated));
    // A time of zero is none.
    assert_eq!(decoded(&with(&all(&[number(9, 0), number(9, 7)]))).0.time_nanos, 7);
}

#[test]
fn ids_are_not_zero_and_not_repeated() {
    let at = with(&[]).len() as u64 + 2;
    for (table, name) in [(3, "mapping"), (4, "location"), (5, "function")] {
        assert_eq!(error(&with(&record(table, &[(1, 0)]))), (at, Kind::ZeroId(name)));
        assert_eq!(error(&with(&bytes(table, b""))), (at, Kind::ZeroId(name)));
        // In the usual order 1, 2, ..., and in any.
        for ids in [
            &[1, 2, 1][..],
            &[1, 1],
            &[7, 3, 7],
            &[1, 2, 9, 2],
            &[2, 1, 3, 1],
            &[5, 5],
        ] {
            let file = with(
                &ids.iter()
                    .flat_map(|&id| record(table, &[(1, id)]))
                    .collect::<Vec<u8>>(),
            );
            let (last, rest) = ids.split_last().expect("ids");
            let expected = (at + 4 * rest.len() as u64, Kind::DuplicateId(name, *last));
            assert_eq!(error(&file), expected, "{name} {ids:?}");
        }
    }
}

#[test]
fn functions_that_do_not_exist() {
    let at = with(&[]).len() as u64;
    for ids in [&[1u64, 2, 3][..], &[9, 2, 3], &[1, 2, 7]] {
        let functions: Vec<u8> = ids.iter().flat_map(|&id| record(5, &[(1, id), (5, id * 10)])).collect();
        let location = |f: u64| bytes(4, &all(&[number(1, 1), record(4, &[(1, f)])]));
        for id in 0..12 {
            let file = with(&all(&[functions.clone(), location(id)]));
            if ids.contains(&id) {
                let p = decoded(&file).0;
                let line = p.lines_of(LocationId::new(0))[0];
                assert_eq!(p.function(line.function).start_line, id as i64 * 10, "{ids:?}");
            } else {
                let offset = at + functions.len() as u64 + 6;
                assert_eq!(error(&file), (offset, Kind::Function(id)), "{ids:?}");
            }
        }
    }
}

/// As numbers of their own and packed; 0 is none, the ids are in any order.
#[test]
fn locations_that_do_not_exist() {
    let at = with(&[]).len() as u64;
    for ids in [&[1u64, 2, 3][..], &[9, 2, 3], &[1, 2, 7]] {
        let locations: Vec<u8> = ids.iter().flat_map(|&id| record(4, &[(1, id), (3, id * 16)])).collect();
        for id in (0..12).chain([300, u64::from(u32::MAX) + 2, u64::MAX]) {
            let single = bytes(2, &all(&[number(1, ids[0]), number(1, id), number(2, 5)]));
            let packed = bytes(2, &all(&[bytes(1, &all(&[varint(ids[0]), varint(id)])), number(2, 5)]));
            for (sample, inside) in [(single, 4), (packed, 5)] {
                let file = with(&all(&[locations.clone(), sample]));
                if ids.contains(&id) {
                    let p = decoded(&file).0;
                    let stack = p.stack(p.samples.stack(0));
                    let addresses: Vec<u64> = stack.iter().map(|&l| p.location(l).address / 16).collect();
                    assert_eq!(addresses, [ids[0], id]);
                } else {
                    let offset = at + locations.len() as u64 + inside;
                    assert_eq!(error(&file), (offset, Kind::Location(id)), "{ids:?}");
                }
            }
        }
    }
}

/// A mapping that does not exist is no error, for some producers write such; it is none, and counted.
#[test]
fn mappings_that_do_not_exist_are_none() {
    let location = |n: u64, m: u64| record(4, &[(1, n), (2, m)]);
    let file = with(&all(&[
        record(3, &[(1, 4)]),
        location(1, 4),
        location(2, 0),
        location(3, 1),
        location(4, 5),
    ]));
    let (p, notes) = decoded(&file);
    let mapped: Vec<bool> = p.locations.iter().map(|l| l.mapping.is_some()).collect();
    assert_eq!(mapped, [true, false, false, false]);
    assert_eq!(notes.dangling_mappings, 2);
}

#[test]
fn values_are_as_many_as_sample_types() {
    let at = with(&[]).len() as u64 + 2;
    for got in [0, 2, 3] {
        let sample: Vec<u8> = (0..got).flat_map(|v| number(2, v)).collect();
        let kind = Kind::Values {
            want: 1,
            got: got as usize,
        };
        assert_eq!(error(&with(&bytes(2, &sample))), (at, kind));
    }
    // The second sample is the bad one.
    let file = with(&all(&[bytes(2, &number(2, 1)), bytes(2, b"")]));
    assert_eq!(error(&file), (at + 4, Kind::Values { want: 1, got: 0 }));
    // Samples of no type at all, even of no value.
    assert_eq!(error(&bytes(2, b"")), (0, Kind::NoSampleTypes));
    assert_eq!(error(&all(&[strings(&[""]), bytes(2, b"")])), (0, Kind::NoSampleTypes));
    // No samples need no types.
    assert_eq!(decoded(&strings(&["", "x"])).0.samples.len(), 0);
    assert_eq!(decoded(&with(&[])).0.samples.len(), 0);
}

/// Every field of the format with a value of its own, tables behind what refers to them and records of other tables in
/// between.
fn whole() -> Vec<u8> {
    let texts = [
        "",
        "alloc",
        "bytes",
        "space",
        "count",
        "drop",
        "keep",
        "comment-1",
        "comment-2",
        "default",
        "doc",
        "file-a",
        "id-a",
        "file-b",
        "id-b",
        "f",
        "F",
        "f.go",
        "g",
        "G",
        "g.go",
        "key",
        "text",
        "unit",
        "period",
        "ns",
        "pod",
    ];
    let i = |text: &str| texts.iter().position(|t| *t == text).expect("a string") as u64;
    let label = |fields: &[(u64, u64)]| record(3, fields);
    all(&[
        bytes(
            2,
            &all(&[
                bytes(1, &all(&[varint(20), varint(10)])),
                bytes(2, &all(&[varint(5), varint((-7i64) as u64)])),
                label(&[(1, i("key")), (2, i("text"))]),
                label(&[(1, i("pod")), (3, 42), (4, i("unit"))]),
                number(9, 1),
            ]),
        ),
        record(1, &[(1, i("alloc")), (2, i("bytes"))]),
        bytes(4, &all(&[number(1, 10), number(2, 6), number(3, 0x1234), number(5, 1)])),
        strings(&texts[..12]),
        record(
            5,
            &[(1, 30), (2, i("f")), (3, i("F")), (4, i("f.go")), (5, 100), (8, 1)],
        ),
        record(
            3,
            &[
                (1, 6),
                (2, 0x1000),
                (3, 0x2000),
                (4, 0x10),
                (5, i("file-a")),
                (6, i("id-a")),
                (7, 1),
                (9, 1),
            ],
        ),
        bytes(
            4,
            &all(&[
                number(1, 20),
                number(2, 8),
                number(3, 0x5678),
                bytes(4, &all(&[number(1, 40), number(2, 11), number(3, 3), number(7, 1)])),
                record(4, &[(1, 30), (2, 12), (3, 4)]),
                number(6, 1),
            ]),
        ),
        record(
            3,
            &[
                (1, 8),
                (2, 0x3000),
                (3, 0x4000),
                (4, 0x20),
                (5, i("file-b")),
                (6, i("id-b")),
                (8, 1),
                (10, 1),
            ],
        ),
        record(5, &[(1, 40), (2, i("g")), (3, i("G")), (4, i("g.go")), (5, 200)]),
        record(1, &[(1, i("space")), (2, i("count"))]),
        strings(&texts[12..]),
        bytes(
            2,
            &all(&[
                number(1, 20),
                number(2, 1),
                number(2, 2),
                label(&[(1, i("key")), (8, 1)]),
            ]),
        ),
        number(7, i("drop")),
        number(8, i("keep")),
        number(9, 1_000),
        number(10, 2_000),
        record(11, &[(1, i("period")), (2, i("ns"))]),
        number(12, 3_000),
        number(13, i("comment-1")),
        bytes(13, &varint(i("comment-2"))),
        number(14, i("default")),
        number(15, i("doc")),
    ])
}

#[test]
fn every_field_goes_to_its_place() {
    let (p, notes) = decoded(&whole());
    let t = |id| p.text(id);
    assert_eq!(p.sample_type(0), ("alloc", "bytes"));
    assert_eq!(p.sample_type(1), ("space", "count"));
    assert_eq!((t(p.drop_frames), t(p.keep_frames)), ("drop", "keep"));
    assert_eq!((t(p.default_sample_type), t(p.doc_url)), ("default", "doc"));
    assert_eq!((p.time_nanos, p.duration_nanos, p.period), (1_000, 2_000, 3_000));
    let period = p.period_type.expect("a period type");
    assert_eq!((t(period.kind), t(period.unit)), ("period", "ns"));
    let comments: Vec<&str> = p.comments.iter().map(|&c| t(c)).collect();
    assert_eq!(comments, ["comment-1", "comment-2"]);
    let mappings: Vec<_> = { p.mappings.iter() }
        .map(|m| {
            let claims = (
                m.has_functions,
                m.has_filenames,
                m.has_line_numbers,
                m.has_inline_frames,
            );
            (m.id, m.start, m.limit, m.offset, t(m.file), t(m.build_id), claims)
        })
        .collect();
    assert_eq!(
        mappings,
        [
            (6, 0x1000, 0x2000, 0x10, "file-a", "id-a", (true, false, true, false)),
            (8, 0x3000, 0x4000, 0x20, "file-b", "id-b", (false, true, false, true)),
        ]
    );
    let functions: Vec<_> = { p.functions.iter() }
        .map(|f| (f.id, t(f.name), t(f.system_name), t(f.filename), f.start_line))
        .collect();
    assert_eq!(functions, [(30, "f", "F", "f.go", 100), (40, "g", "G", "g.go", 200)]);
    let locations: Vec<_> = { p.locations.iter() }
        .map(|l| (l.id, l.mapping.map(|m| m.index()), l.address, l.folded, l.line_count))
        .collect();
    assert_eq!(
        locations,
        [(10, Some(0), 0x1234, true, 0), (20, Some(1), 0x5678, false, 2)]
    );
    let lines: Vec<_> = { p.lines_of(LocationId::new(1)).iter() }
        .map(|l| (p.function_name(l.function), l.line, l.column))
        .collect();
    assert_eq!(lines, [("g", 11, 3), ("f", 12, 4)]);
    let stacks: Vec<Vec<usize>> = (0..2)
        .map(|i| p.stack(p.samples.stack(i)).iter().map(|l| l.index()).collect())
        .collect();
    assert_eq!(stacks, [vec![1, 0], vec![1]]);
    assert_eq!(p.samples.values(0), [5, -7]);
    assert_eq!(p.samples.values(1), [1, 2]);
    let labels: Vec<_> = (0..2)
        .flat_map(|i| p.samples.labels(i))
        .map(|l| (t(l.key), t(l.text), l.number, t(l.unit), l.kind()))
        .collect();
    assert_eq!(
        labels,
        [
            ("key", "text", 0, "", LabelKind::Text),
            ("pod", "", 42, "unit", LabelKind::Number),
            ("key", "", 0, "", LabelKind::Empty),
        ]
    );
    // One each of a sample, a function, a location, a line and a label; prost does not count those of a mapping.
    assert_eq!(
        (notes.unknown_fields, notes.invalid_utf8, notes.dangling_mappings),
        (5, 0, 0)
    );
    let again = decoded(&encode(&p)).0;
    assert_eq!(encode(&again), encode(&p));
}

/// Wherever a whole profile is cut, the bytes that are left are a shorter profile or an error inside of them.
#[test]
fn a_cut_profile_is_an_error_inside_of_it() {
    let file = whole();
    let mut errors = 0;
    for length in 0..file.len() {
        if let Err(e) = decode(&file[..length]) {
            assert!(e.offset <= length as u64, "{length}: {e}");
            errors += 1;
        }
    }
    assert!(errors > file.len() * 9 / 10, "{errors} of {}", file.len());
}

/// Each location has its own run of lines, wherever it stands in the table.
#[test]
fn lines_of_several_locations() {
    let location = |id: u64, lines: &[u64]| {
        let mut fields = number(1, id);
        lines.iter().for_each(|&l| fields.extend(record(4, &[(1, 1), (2, l)])));
        bytes(4, &fields)
    };
    let file = with(&all(&[
        record(5, &[(1, 1)]),
        location(1, &[11]),
        location(2, &[21, 22, 23]),
        location(3, &[]),
        location(4, &[41, 42]),
    ]));
    let p = decoded(&file).0;
    let lines: Vec<Vec<i64>> = (0..4)
        .map(|n| p.lines_of(LocationId::new(n)).iter().map(|l| l.line).collect())
        .collect();
    assert_eq!(lines, [vec![11], vec![21, 22, 23], vec![], vec![41, 42]]);
}
