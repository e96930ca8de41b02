//! Merging, table by table: what makes two mappings, functions, locations, samples and headers one, and what keeps them
//! apart.

use kubeprof::model::{
    Label, Line, LocationId, Mapping, MappingId, MergeError, MergeOptions, Profile, Samples, ValueType, align, compact,
    merge,
};

fn base() -> Profile {
    let mut p = Profile::default();
    p.sample_types = vec![value_type(&mut p, "inuse_space", "bytes")];
    p.samples = Samples::new(1);
    p
}

fn value_type(p: &mut Profile, kind: &str, unit: &str) -> ValueType {
    ValueType {
        kind: p.strings.intern(kind),
        unit: p.strings.intern(unit),
    }
}

fn sample(p: &mut Profile, stack: &[LocationId], value: i64, labels: &[Label]) {
    let stack = p.stacks.intern(stack).expect("room");
    p.samples.push(stack, &[value], labels);
}

fn sum(profiles: Vec<Profile>) -> Profile {
    let merged = merge(profiles, MergeOptions::default()).expect("alike");
    merged.check().expect("sound");
    merged
}

/// One mapped file with one location at `address`, value 1.
fn mapped(change: impl Fn(&mut Mapping, &mut Profile)) -> Profile {
    let mut p = base();
    let mut mapping = Mapping {
        id: 1,
        start: 0x40_0000,
        limit: 0x50_0000,
        offset: 0x1000,
        file: p.strings.intern("/usr/bin/kubelet"),
        build_id: p.strings.intern("aa"),
        ..Mapping::default()
    };
    change(&mut mapping, &mut p);
    let start = mapping.start;
    p.mappings.push(mapping);
    let location = p.add_location(start + 0x1234, Some(MappingId::new(0)), &[]);
    sample(&mut p, &[location], 1, &[]);
    p
}

#[test]
fn mappings_are_one_by_build_offset_and_size() {
    let plain = || mapped(|_, _| ());
    type Change = fn(&mut Mapping, &mut Profile);
    let one: [(&str, Change); 5] = [
        ("the same", |_, _| ()),
        ("another file of the same build", |m, p| {
            m.file = p.strings.intern("/opt/kubelet")
        }),
        ("elsewhere in memory", |m, _| {
            (m.start, m.limit) = (0x7f00_0000, 0x7f10_0000)
        }),
        ("a size of the same pages", |m, _| m.limit -= 0xfff),
        ("other claims", |m, _| m.has_functions = true),
    ];
    for (what, change) in one {
        for (a, b) in [(plain(), mapped(change)), (mapped(change), plain())] {
            let first = a.mappings[0].start;
            let merged = sum(vec![a, b]);
            assert_eq!(
                (merged.mappings.len(), merged.locations.len(), merged.samples.len()),
                (1, 1, 1),
                "{what}"
            );
            assert_eq!(merged.totals(), [2], "{what}");
            // Addresses are those of the first.
            assert_eq!(merged.locations[0].address, first + 0x1234, "{what}");
        }
    }
    let two: [(&str, Change); 6] = [
        ("another build of the same file", |m, p| {
            m.build_id = p.strings.intern("bb")
        }),
        ("no build ID", |m, p| m.build_id = p.strings.intern("")),
        ("another offset", |m, _| m.offset = 0x2000),
        ("a page more", |m, _| m.limit += 1),
        ("a page less", |m, _| m.limit -= 0x1000),
        ("a build ID that is the other's file", |m, p| {
            m.build_id = p.strings.intern("/usr/bin/kubelet")
        }),
    ];
    for (what, change) in two {
        let texts = |p: &Profile, n: usize| {
            let m = &p.mappings[n];
            (
                p.text(m.file).to_owned(),
                p.text(m.build_id).to_owned(),
                m.start,
                m.limit,
                m.offset,
            )
        };
        // Other texts before those of the mapping, so that an id of one profile means something else in the other.
        let shifted = || {
            let mut p = mapped(change);
            let (file, build_id) = (
                p.text(p.mappings[0].file).to_owned(),
                p.text(p.mappings[0].build_id).to_owned(),
            );
            p.strings.intern("in between");
            let mut strings = kubeprof::model::StringTable::new();
            for text in ["one", "two", "three"] {
                strings.intern(text);
            }
            let mut again = |text: &str| strings.intern(text);
            (p.mappings[0].file, p.mappings[0].build_id) = (again(&file), again(&build_id));
            p.sample_types[0] = ValueType {
                kind: again("inuse_space"),
                unit: again("bytes"),
            };
            p.strings = strings;
            p
        };
        let merged = sum(vec![plain(), shifted()]);
        assert_eq!(texts(&merged, 0), texts(&plain(), 0), "{what}");
        assert_eq!(texts(&merged, 1), texts(&shifted(), 0), "{what}");
        let merged = sum(vec![plain(), mapped(change)]);
        assert_eq!(
            (merged.mappings.len(), merged.locations.len(), merged.samples.len()),
            (2, 2, 2),
            "{what}"
        );
        assert_eq!(
            merged.mappings.iter().map(|m| m.id).collect::<Vec<_>>(),
            [1, 2],
            "{what}"
        );
    }
    // Without build IDs the file decides.
    let unknown = |file: &'static str| {
        mapped(move |m, p| {
            m.build_id = p.strings.intern("");
            m.file = p.strings.intern(file);
        })
    };
    assert_eq!(sum(vec![unknown("/a"), unknown("/a")]).mappings.len(), 1);
    assert_eq!(sum(vec![unknown("/a"), unknown("/b")]).mappings.len(), 2);
    // What stands first in the first profile stays first, used or not.
    let mut p = mapped(|_, _| ());
    let vdso = Mapping {
        id: 2,
        start: 0x9000,
        limit: 0xa000,
        file: p.strings.intern("[vdso]"),
        ..Mapping::default()
    };
    p.mappings.push(vdso);
    p.locations[0].mapping = Some(MappingId::new(1));
    let merged = sum(vec![p, plain()]);
    let files: Vec<&str> = merged.mappings.iter().map(|m| merged.text(m.file)).collect();
    assert_eq!(files, ["/usr/bin/kubelet", "[vdso]"]);
}

/// A location with one line in one function.
#[derive(Clone)]
struct Place {
    address: u64,
    name: &'static str,
    system_name: &'static str,
    file: &'static str,
    start: i64,
    line: i64,
    column: i64,
    folded: bool,
    inlined: bool,
}

const PLACE: Place = Place {
    address: 0x1000,
    name: "f",
    system_name: "F",
    file: "f.go",
    start: 10,
    line: 12,
    column: 3,
    folded: false,
    inlined: false,
};

fn placed(place: &Place) -> Profile {
    let mut p = base();
    let function = p.add_function(place.name, place.system_name, place.file, place.start);
    let mut lines = vec![Line {
        function,
        line: place.line,
        column: place.column,
    }];
    if place.inlined {
        lines.insert(0, lines[0]);
    }
    let location = p.add_location(place.address, None, &lines);
    p.locations[location.index()].folded = place.folded;
    sample(&mut p, &[location], 1, &[]);
    p
}

#[test]
fn locations_are_one_by_address_lines_and_folding() {
    let merged = sum(vec![placed(&PLACE), placed(&PLACE)]);
    assert_eq!(
        (merged.locations.len(), merged.functions.len(), merged.lines.len()),
        (1, 1, 1)
    );
    let other = |change: fn(&mut Place)| {
        let mut place = PLACE;
        change(&mut place);
        place
    };
    for (what, place, functions) in [
        ("address", other(|p| p.address += 1), 1),
        ("name", other(|p| p.name = "g"), 2),
        ("system name", other(|p| p.system_name = "G"), 2),
        ("file", other(|p| p.file = "g.go"), 2),
        ("start line", other(|p| p.start += 1), 2),
        ("line", other(|p| p.line += 1), 1),
        ("column", other(|p| p.column += 1), 1),
        ("folding", other(|p| p.folded = true), 1),
        ("an inlined line more", other(|p| p.inlined = true), 1),
    ] {
        for (a, b) in [(placed(&PLACE), placed(&place)), (placed(&place), placed(&PLACE))] {
            let folded: Vec<bool> = [&a, &b].map(|p| p.locations[0].folded).to_vec();
            let merged = sum(vec![a, b]);
            assert_eq!((merged.locations.len(), merged.samples.len()), (2, 2), "{what}");
            assert_eq!(merged.functions.len(), functions, "{what}");
            assert_eq!(merged.locations.iter().map(|l| l.folded).collect::<Vec<_>>(), folded);
            // Ids are those of a file that is written.
            assert_eq!(merged.locations.iter().map(|l| l.id).collect::<Vec<_>>(), [1, 2]);
        }
    }
}

/// What is compared behind the hashes counts, too: of the pairs here some have hashes that look alike to a table.
#[test]
fn locations_whose_hashes_look_alike_stay_apart() {
    let of = |address: u64, lines: usize, folded: bool| {
        let mut p = base();
        let function = p.add_function("f", "f", "f.go", 1);
        let line = Line {
            function,
            line: 5,
            column: 0,
        };
        let location = p.add_location(address, None, &vec![line; lines]);
        p.locations[location.index()].folded = folded;
        sample(&mut p, &[location], 1, &[]);
        p
    };
    for n in 0..500 {
        let others = [of(0x1000, n, true), of(0x1000, n + 1, false), of(0x1001, n, false)];
        for other in others.into_iter().take(if n < 20 { 3 } else { 1 }) {
            let merged = merge(vec![of(0x1000, n, false), other], MergeOptions::default()).expect("alike");
            assert_eq!(merged.locations.len(), 2, "{n} lines");
        }
    }
}

/// As `go tool pprof` has it: columns of inlined lines do not tell locations apart, that of the outermost does.
#[test]
fn columns_of_inlined_lines() {
    let with = |inner: i64, outer: i64| {
        let mut p = base();
        let function = p.add_function("f", "f", "f.go", 1);
        let line = |column| Line {
            function,
            line: 5,
            column,
        };
        let location = p.add_location(0x1000, None, &[line(inner), line(outer)]);
        sample(&mut p, &[location], 1, &[]);
        p
    };
    let count = |a: Profile, b: Profile, outer_column_only| {
        let options = MergeOptions {
            outer_column_only,
            ..MergeOptions::default()
        };
        merge(vec![a, b], options).expect("alike").locations.len()
    };
    assert_eq!(count(with(1, 9), with(2, 9), false), 2);
    assert_eq!(count(with(1, 9), with(2, 9), true), 1);
    assert_eq!(count(with(1, 9), with(1, 8), true), 2);
    assert_eq!(count(with(1, 9), with(1, 9), false), 1);
}

/// Samples with these labels (key, text, number, unit), each of value 1 on one stack.
fn labelled(rows: &[&[(&str, &str, i64, &str)]]) -> Profile {
    let mut p = base();
    let location = p.add_location(0x1000, None, &[]);
    for row in rows {
        let labels: Vec<Label> = { row.iter() }
            .map(|&(key, text, number, unit)| Label {
                key: p.strings.intern(key),
                text: p.strings.intern(text),
                number,
                unit: p.strings.intern(unit),
                bare_zero: false,
            })
            .collect();
        sample(&mut p, &[location], 1, &labels);
    }
    p
}

#[test]
fn samples_are_one_by_stack_and_labels() {
    let pod: &[(&str, &str, i64, &str)] = &[("pod", "a", 0, "")];
    for (what, other) in [
        ("none", &[][..]),
        ("key", &[("node", "a", 0, "")]),
        ("text", &[("pod", "b", 0, "")]),
        ("a number", &[("pod", "", 1, "")]),
        ("one more", &[("pod", "a", 0, ""), ("node", "a", 0, "")]),
        ("twice", &[("pod", "a", 0, ""), ("pod", "a", 0, "")]),
    ] {
        let merged = sum(vec![labelled(&[pod, pod]), labelled(&[other, other])]);
        assert_eq!(merged.samples.len(), 2, "{what}");
        assert_eq!(
            (merged.samples.values(0), merged.samples.values(1)),
            (&[2][..], &[2][..]),
            "{what}"
        );
    }
    let bytes: &[(&str, &str, i64, &str)] = &[("bytes", "", 8, "bytes")];
    for (what, other) in [
        ("number", &[("bytes", "", 16, "bytes")][..]),
        ("unit", &[("bytes", "", 8, "kB")]),
        ("no unit", &[("bytes", "", 8, "")]),
    ] {
        assert_eq!(
            sum(vec![labelled(&[bytes]), labelled(&[other])]).samples.len(),
            2,
            "{what}"
        );
    }
    // The order of keys does not matter, texts before numbers; that of one key's values does.
    let merged = sum(vec![
        labelled(&[&[("b", "x", 0, ""), ("n", "", 5, ""), ("a", "y", 0, "")]]),
        labelled(&[&[("n", "", 5, ""), ("a", "y", 0, ""), ("b", "x", 0, "")]]),
    ]);
    assert_eq!((merged.samples.len(), merged.totals()), (1, vec![2]));
    let keys: Vec<&str> = merged.samples.labels(0).iter().map(|l| merged.text(l.key)).collect();
    assert_eq!(keys, ["a", "b", "n"]);
    let merged = sum(vec![
        labelled(&[&[("b", "x", 0, ""), ("a", "y", 0, "")]]),
        labelled(&[&[("a", "y", 0, ""), ("b", "x", 0, "")]]),
    ]);
    assert_eq!((merged.samples.len(), merged.totals()), (1, vec![2]));
    let merged = sum(vec![
        labelled(&[&[("k", "1", 0, ""), ("k", "2", 0, "")]]),
        labelled(&[&[("k", "2", 0, ""), ("k", "1", 0, "")]]),
    ]);
    assert_eq!(merged.samples.len(), 2);
}

/// So many that tables grow and hashes collide in part.
#[test]
fn a_thousand_labels_on_a_stack_and_a_thousand_stacks_of_one_label() {
    let mut p = base();
    let add = |p: &mut Profile, address: u64, number: i64| {
        let location = p.add_location(address, None, &[]);
        let key = p.strings.intern("bytes");
        let label = Label::number(key, number, p.strings.intern("bytes"));
        sample(p, &[location], 1, &[label]);
    };
    for n in 1..=1000 {
        add(&mut p, 1, n);
        add(&mut p, n as u64 + 1, 1);
    }
    let merged = sum(vec![p.clone(), p.clone(), p]);
    assert_eq!((merged.samples.len(), merged.locations.len()), (2000, 1001));
    assert!(merged.samples.all_values().iter().all(|&v| v == 3));
}

#[test]
fn the_header_is_the_first_ones_with_what_adds_up() {
    let one = |time: i64, duration: i64, period: i64, texts: [&str; 6], comments: &[&str]| {
        let mut p = labelled(&[&[]]);
        (p.time_nanos, p.duration_nanos, p.period) = (time, duration, period);
        p.period_type = Some(value_type(&mut p, "space", "bytes"));
        let mut text = |n: usize| p.strings.intern(texts[n]);
        (p.drop_frames, p.keep_frames) = (text(0), text(1));
        (p.default_sample_type, p.doc_url) = (text(2), text(3));
        p.comments = comments.iter().map(|c| p.strings.intern(c)).collect();
        p
    };
    let a = || one(200, 5, 10, ["drop-a", "keep-a", "", "", "", ""], &["x", "y"]);
    let b = || {
        one(
            100,
            7,
            30,
            ["drop-b", "keep-b", "inuse_space", "doc-b", "", ""],
            &["y", "z"],
        )
    };
    let c = || one(0, 0, 20, ["", "", "other", "doc-c", "", ""], &[]);
    let merged = sum(vec![a(), b(), c()]);
    let t = |id| merged.text(id);
    assert_eq!((merged.time_nanos, merged.duration_nanos, merged.period), (100, 12, 30));
    assert_eq!((t(merged.drop_frames), t(merged.keep_frames)), ("drop-a", "keep-a"));
    assert_eq!(
        (t(merged.default_sample_type), t(merged.doc_url)),
        ("inuse_space", "doc-b")
    );
    assert_eq!(
        merged.comments.iter().map(|&c| t(c)).collect::<Vec<_>>(),
        ["x", "y", "z"]
    );
    let period = merged.period_type.expect("a period");
    assert_eq!((t(period.kind), t(period.unit)), ("space", "bytes"));
    // The earliest time that is known, or as pprof has it.
    let time = |profiles, zero_time_wins| {
        let options = MergeOptions {
            zero_time_wins,
            ..MergeOptions::default()
        };
        merge(profiles, options).expect("alike").time_nanos
    };
    assert_eq!(time(vec![b(), a()], false), 100);
    assert_eq!(time(vec![c(), a()], false), 200);
    assert_eq!(time(vec![a(), c()], false), 200);
    assert_eq!(time(vec![a(), c()], true), 0);
    assert_eq!(time(vec![c(), a()], true), 200);
}

#[test]
fn what_cannot_be_added_up() {
    assert_eq!(merge(vec![], MergeOptions::default()).unwrap_err(), MergeError::Nothing);
    assert_eq!(align(&mut []).unwrap_err(), MergeError::Nothing);
    let of = |kind: &str, unit: &str| {
        let mut p = labelled(&[&[]]);
        p.sample_types = vec![value_type(&mut p, kind, unit)];
        p
    };
    let fails = |a: Profile, b: Profile| merge(vec![a, b], MergeOptions::default()).expect_err("an error");
    assert_eq!(
        fails(of("space", "bytes"), of("delay", "ns")),
        MergeError::NoCommonTypes("space/bytes".into(), "delay/ns".into())
    );
    // The one that has nothing in common is named.
    let error = merge(
        vec![of("space", "bytes"), of("space", "bytes"), of("delay", "ns")],
        MergeOptions::default(),
    );
    assert_eq!(
        error.unwrap_err(),
        MergeError::NoCommonTypes("space/bytes".into(), "delay/ns".into())
    );
    assert_eq!(
        fails(of("space", "bytes"), of("space", "ns")),
        MergeError::Units("space/bytes".into(), "space/ns".into())
    );
    assert_eq!(
        fails(of("space", "bytes"), of("space", "count")),
        MergeError::Units("space/bytes".into(), "space/count".into())
    );
    let with_period = |kind: &str, unit: &str| {
        let mut p = of("space", "bytes");
        p.period_type = Some(value_type(&mut p, kind, unit));
        p
    };
    assert_eq!(
        fails(with_period("cpu", "ns"), of("space", "bytes")),
        MergeError::PeriodTypes("cpu/ns".into(), "/".into())
    );
    assert_eq!(
        fails(with_period("cpu", "ns"), with_period("wall", "ns")),
        MergeError::Units("cpu/ns".into(), "wall/ns".into())
    );
}

#[test]
fn units_are_brought_to_the_finest() {
    let of = |unit: &str, value: i64, period: i64, period_unit: &str| {
        let mut p = base();
        p.sample_types = vec![value_type(&mut p, "cpu", unit)];
        p.period_type = Some(value_type(&mut p, "cpu", period_unit));
        p.period = period;
        let location = p.add_location(0x1000, None, &[]);
        sample(&mut p, &[location], value, &[]);
        p
    };
    for profiles in [
        vec![
            of("ms", 3, 10, "milliseconds"),
            of("us", 500, 10_000, "us"),
            of("s", 1, 0, "s"),
        ],
        vec![
            of("us", 500, 10_000, "us"),
            of("s", 1, 0, "s"),
            of("ms", 3, 10, "milliseconds"),
        ],
    ] {
        let merged = sum(profiles);
        assert_eq!(merged.sample_type(0), ("cpu", "us"));
        assert_eq!(merged.totals(), [1_003_500]);
        assert_eq!(merged.period, 10_000);
        assert_eq!(merged.text(merged.period_type.expect("one").unit), "us");
    }
    // Of two spellings of one unit, the first one's.
    let merged = sum(vec![of("ms", 3, 10, "ms"), of("milliseconds", 4, 20, "milliseconds")]);
    assert_eq!((merged.sample_type(0), merged.totals()), (("cpu", "ms"), vec![7]));
    // A plural is the same kind.
    let mut plural = of("ms", 1, 0, "ms");
    plural.period_type = Some(value_type(&mut plural, "cpus", "ms"));
    let mut both = [of("ms", 1, 0, "ms"), plural];
    assert!(align(&mut both).is_ok());
}

#[test]
fn sample_types_are_those_that_all_have() {
    let of = |kinds: &[&str], default: &str| {
        let mut p = Profile::default();
        p.sample_types = kinds.iter().map(|k| value_type(&mut p, k, "count")).collect();
        p.default_sample_type = p.strings.intern(default);
        p.samples = Samples::new(kinds.len());
        let location = p.add_location(0x1000, None, &[]);
        let stack = p.stacks.intern(&[location]).expect("room");
        let values: Vec<i64> = (1..=kinds.len() as i64).collect();
        p.samples.push(stack, &values, &[]);
        p
    };
    let merged = sum(vec![of(&["a", "b", "c"], "b"), of(&["c", "x", "a"], "")]);
    let kinds: Vec<&str> = (0..2).map(|i| merged.sample_type(i).0).collect();
    assert_eq!(kinds, ["a", "c"]);
    assert_eq!(merged.totals(), [1 + 3, 3 + 1]);
    // The default went, so it is the first that stayed.
    assert_eq!(merged.text(merged.default_sample_type), "a");
    let merged = sum(vec![of(&["a", "b", "c"], "c"), of(&["c", "x", "a"], "")]);
    assert_eq!(merged.text(merged.default_sample_type), "c");
    let mut p = of(&["a", "b", "c"], "c");
    p.select_types(&["a".to_owned(), "b".to_owned()]);
    assert_eq!((p.sample_types.len(), p.totals()), (2, vec![1, 2]));
    let mut p = of(&["a", "b"], "b");
    p.select_types(&["b".to_owned(), "nothing".to_owned()]);
    assert_eq!(
        (p.sample_types.len(), p.sample_type(0).0, p.totals()),
        (1, "b", vec![2])
    );
    let mut p = of(&["a", "b"], "b");
    p.select_types(&["b".to_owned(), "a".to_owned()]);
    assert_eq!((p.sample_type(0).0, p.totals()), ("b", vec![2, 1]));
}

#[test]
fn samples_of_nothing_go_before_and_after_adding() {
    let of = |values: &[(u64, i64)]| {
        let mut p = base();
        for &(address, value) in values {
            let location = p.add_location(address, None, &[]);
            sample(&mut p, &[location], value, &[]);
        }
        p
    };
    let merged = sum(vec![of(&[(1, 5), (2, 0), (3, 7)]), of(&[(1, -5), (3, 1), (4, 0)])]);
    assert_eq!((merged.samples.len(), merged.totals()), (1, vec![8]));
    // What only they referred to went as well.
    assert_eq!((merged.locations.len(), merged.locations[0].address), (1, 3));
    let options = MergeOptions {
        drop_zero: false,
        ..MergeOptions::default()
    };
    let all = merge(vec![of(&[(1, 5), (2, 0)]), of(&[(1, -5)])], options).expect("alike");
    assert_eq!((all.samples.len(), all.locations.len()), (2, 2));
}

#[test]
fn a_profile_is_scaled_to_the_sums_of_its_base() {
    let of = |values: &[i64]| {
        let mut p = base();
        for (n, &value) in values.iter().enumerate() {
            let location = p.add_location(n as u64 + 1, None, &[]);
            sample(&mut p, &[location], value, &[]);
        }
        p
    };
    let (mut new, mut old) = (of(&[100, 300]), of(&[50, 150]));
    new.normalize(&mut old).expect("alike");
    assert_eq!(
        (new.samples.all_values(), old.samples.all_values()),
        (&[50, 150][..], &[50, 150][..])
    );
    // Nothing to scale, or nothing to scale to.
    let (mut new, mut old) = (of(&[0]), of(&[50]));
    new.normalize(&mut old).expect("alike");
    assert_eq!(new.totals(), [0]);
    let (mut new, mut old) = (of(&[8]), of(&[]));
    new.normalize(&mut old).expect("alike");
    assert_eq!(new.totals(), [0]);
}

/// Compacting keeps what tells rows apart, too.
#[test]
fn compacting_keeps_builds_offsets_folding_and_labels_apart() {
    let mut p = mapped(|_, _| ());
    for change in [
        (|m, p| m.build_id = p.strings.intern("bb")) as fn(&mut Mapping, &mut Profile),
        |m, _| m.offset = 0x2000,
    ] {
        let mut mapping = p.mappings[0].clone();
        change(&mut mapping, &mut p);
        mapping.id = p.mappings.len() as u64 + 1;
        let id = MappingId::new(p.mappings.len());
        p.mappings.push(mapping);
        let location = p.add_location(0x40_1234, Some(id), &[]);
        sample(&mut p, &[location], 1, &[]);
    }
    let location = p.add_location(0x40_1234, Some(MappingId::new(0)), &[]);
    p.locations[location.index()].folded = true;
    sample(&mut p, &[location], 1, &[]);
    let label = Label::text(p.strings.intern("pod"), p.strings.intern("a"));
    sample(&mut p, &[location], 1, &[label]);
    // One that is equal to the first, and one without a value.
    let again = p.add_location(0x40_1234, Some(MappingId::new(0)), &[]);
    sample(&mut p, &[again], 10, &[]);
    sample(&mut p, &[location, location], 0, &[]);
    let small = compact(p).expect("it fits");
    small.check().expect("sound");
    assert_eq!(
        (small.mappings.len(), small.locations.len(), small.samples.len()),
        (3, 4, 6)
    );
    assert_eq!(small.samples.all_values(), [11, 1, 1, 1, 1, 0]);
    // Comments stay as they are, equal ones as well.
    let mut p = mapped(|_, _| ());
    p.comments = ["x", "y", "x"].iter().map(|c| p.strings.intern(c)).collect();
    let small = compact(p).expect("it fits");
    let comments: Vec<&str> = small.comments.iter().map(|&c| small.text(c)).collect();
    assert_eq!(comments, ["x", "y", "x"]);
}
