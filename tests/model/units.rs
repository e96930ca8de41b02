//! The table of units, row by row: every text that means a unit, its factor, its name, and where the next one starts.

use kubeprof::model::units::{Dimension, compatible, counted, dimension, factor, label, native, scale, to_int};

const KI: f64 = 1024.0;

/// The unit's name, how many of the base unit it is, and every text that means it.
type Row = (&'static str, f64, &'static [&'static str]);

const BYTES: [Row; 6] = [
    ("B", 1.0, &["b", "B", "byte", "bytes", "Bytes", "BYTES"]),
    (
        "kB",
        1024.0,
        &["kb", "kB", "KB", "kbs", "kbyte", "kbytes", "kilobyte", "kilobytes"],
    ),
    (
        "MB",
        1_048_576.0,
        &["mb", "MB", "mbyte", "mbytes", "megabyte", "megabytes"],
    ),
    (
        "GB",
        1_073_741_824.0,
        &["gb", "GB", "gbyte", "gbytes", "gigabyte", "gigabytes"],
    ),
    (
        "TB",
        1_099_511_627_776.0,
        &["tb", "TB", "tbyte", "tbytes", "terabyte", "terabytes"],
    ),
    (
        "PB",
        1_125_899_906_842_624.0,
        &["pb", "PB", "pbyte", "pbytes", "petabyte", "petabytes"],
    ),
];

const TIMES: [Row; 5] = [
    ("ns", 1.0, &["ns", "NS", "nanosecond", "nanoseconds"]),
    ("us", 1e3, &["us", "microsecond", "microseconds"]),
    ("ms", 1e6, &["ms", "millisecond", "milliseconds"]),
    ("s", 1e9, &["s", "sec", "secs", "second", "seconds"]),
    ("hrs", 3.6e12, &["hour", "hours", "hr", "hrs"]),
];

const COMPUTE: [Row; 9] = [
    ("n*GCU", 1e-9, &["nanogcu", "nanogcus"]),
    ("u*GCU", 1e-6, &["microgcu", "microgcus"]),
    ("m*GCU", 1e-3, &["milligcu", "milligcus"]),
    ("GCU", 1.0, &["gcu", "gcus", "GCU"]),
    ("k*GCU", 1e3, &["kilogcu", "kilogcus"]),
    ("M*GCU", 1e6, &["megagcu", "megagcus"]),
    ("G*GCU", 1e9, &["gigagcu", "gigagcus"]),
    ("T*GCU", 1e12, &["teragcu", "teragcus"]),
    ("P*GCU", 1e15, &["petagcu", "petagcus"]),
];

#[test]
fn every_text_means_its_unit() {
    let families: [(&[Row], Dimension); 3] = [
        (&BYTES, Dimension::Bytes),
        (&TIMES, Dimension::Time),
        (&COMPUTE, Dimension::ComputeUnits),
    ];
    for (units, of) in families {
        for &(name, times, texts) in units {
            for &text in texts {
                assert_eq!(dimension(text), of, "{text}");
                assert_eq!(factor(text), Some(times), "{text}");
                // From it to itself, and a thousand of it to each of the others.
                assert_eq!(scale(7, text, text), (7.0, name.to_owned()), "{text}");
                for &(other, other_times, other_texts) in units {
                    let (v, unit) = scale(1000, text, other_texts[0]);
                    assert_eq!(unit, other);
                    let expected = 1000.0 * times / other_times;
                    assert!((v - expected).abs() <= expected * 1e-15, "{text} to {other}: {v}");
                    assert!(compatible(text, other_texts[0]));
                }
            }
        }
    }
}

/// Case is that of Unicode, as in Go: the sign for kelvin is a K.
#[test]
fn letters_that_are_not_ascii() {
    for text in ["\u{212a}B", "\u{212a}bs", "\u{212a}byte", "\u{212a}ilobytes"] {
        assert_eq!(factor(text), Some(KI), "{text}");
    }
    assert_eq!(factor("\u{212a}s"), None);
    assert_eq!(factor("\u{212a}bytess"), None);
}

#[test]
fn what_is_no_unit_is_a_count() {
    for text in [
        "",
        "count",
        "objects",
        "samples",
        "bs",
        "bb",
        "byt",
        "nanosecondss",
        "kilo",
        "m",
        "h",
        "min",
        "minutes",
        "mib",
        "a long name that is no unit of anything",
        "µs",
        "ſ",
    ] {
        assert_eq!(dimension(text), Dimension::Count, "{text}");
        assert_eq!(factor(text), None, "{text}");
        assert!(compatible(text, text));
        assert!(!compatible(text, "bytes"), "{text}");
        assert!(!compatible("ms", text), "{text}");
    }
    assert!(!compatible("bytes", "ns"));
    assert!(!compatible("gcu", "ns"));
    for to in ["count", "sample", "unit", "minimum", "auto"] {
        assert_eq!(scale(-5, "objects", to), (-5.0, String::new()));
    }
    assert_eq!(scale(5, "objects", "ms"), (5.0, "ms".to_owned()));
}

/// The largest unit of which there is at least one: at n - 1, n and n + 1 of each.
#[test]
fn a_unit_starts_at_one_of_it() {
    for to in ["minimum", "auto"] {
        for pair in BYTES.windows(2) {
            let ((below, small, _), (name, factor, _)) = (pair[0], pair[1]);
            let n = factor as i64;
            assert_eq!(scale(n - 1, "bytes", to), ((n - 1) as f64 / small, below.to_owned()));
            assert_eq!(scale(n, "bytes", to), (1.0, name.to_owned()));
            assert_eq!(scale(n + 1, "bytes", to), ((n + 1) as f64 / factor, name.to_owned()));
            assert_eq!(scale(-n, "bytes", to), (-1.0, name.to_owned()));
            assert_eq!(scale(1 - n, "bytes", to), ((1 - n) as f64 / small, below.to_owned()));
        }
        for pair in TIMES.windows(2) {
            let ((below, small, _), (name, factor, _)) = (pair[0], pair[1]);
            let n = factor as i64;
            assert_eq!(scale(n - 1, "ns", to), ((n - 1) as f64 / small, below.to_owned()));
            assert_eq!(scale(n, "ns", to), (1.0, name.to_owned()));
            assert_eq!(scale(n + 1, "ns", to), ((n + 1) as f64 / factor, name.to_owned()));
        }
        for pair in COMPUTE.windows(2).skip(3) {
            let ((below, small, _), (name, factor, _)) = (pair[0], pair[1]);
            let n = factor as i64;
            assert_eq!(scale(n - 1, "gcu", to), ((n - 1) as f64 / small, below.to_owned()));
            assert_eq!(scale(n, "gcu", to), (1.0, name.to_owned()));
        }
        // Less than one of the smallest: the default of the family.
        assert_eq!(scale(0, "bytes", to), (0.0, "B".to_owned()));
        assert_eq!(scale(0, "ns", to), (0.0, "s".to_owned()));
        assert_eq!(scale(0, "gcu", to), (0.0, "GCU".to_owned()));
        assert_eq!(scale(3, "MB", to), (3.0, "MB".to_owned()));
        assert_eq!(scale(3000, "MB", to).1, "GB");
    }
    // A unit of another family: the default one.
    assert_eq!(scale(1500, "ms", "bytes"), (1.5, "s".to_owned()));
    assert_eq!(scale(2, "kB", "seconds"), (2.0 * KI, "B".to_owned()));
    assert_eq!(scale(2, "kilogcu", "seconds"), (2000.0, "GCU".to_owned()));
    // The least integer has no opposite.
    assert_eq!(scale(i64::MIN, "count", "auto"), (i64::MIN as f64, String::new()));
    assert_eq!(scale(i64::MIN, "bytes", "auto"), (i64::MIN as f64, "B".to_owned()));
    assert_eq!(scale(i64::MIN, "ns", "auto"), (i64::MIN as f64 / 1e9, "s".to_owned()));
}

#[test]
fn units_of_people() {
    for (text, known) in [
        ("min", "kubeprof-minutes"),
        ("mins", "kubeprof-minutes"),
        ("minute", "kubeprof-minutes"),
        ("Minutes", "kubeprof-minutes"),
        ("h", "hr"),
        ("H", "hr"),
        ("hours", "hr"),
        ("hrs", "hr"),
        ("µs", "us"),
        ("μs", "us"),
        ("KiB", "kB"),
        ("kib", "kB"),
        ("MiB", "MB"),
        ("GiB", "GB"),
        ("TiB", "TB"),
        ("PiB", "PB"),
        ("ms", "ms"),
        ("MB", "MB"),
        ("widgets", "widgets"),
    ] {
        assert_eq!(native(text), known, "{text}");
    }
    assert_eq!(scale(90_000_000_000, "ns", native("min")), (1.5, "min".to_owned()));
    assert_eq!(factor(native("minutes")), Some(60e9));
    assert_eq!(scale(3, "kubeprof-minutes", "s"), (180.0, "s".to_owned()));
    // Nothing becomes minutes by itself.
    assert_eq!(scale(90_000_000_000, "ns", "auto"), (90.0, "s".to_owned()));
}

#[test]
fn numbers_as_pprof_words_them() {
    for (value, from, to, expected) in [
        (1023, "bytes", "auto", "1023B"),
        (1024, "bytes", "auto", "1kB"),
        (1025, "bytes", "auto", "1kB"),
        (1030, "bytes", "auto", "1.01kB"),
        (i64::from(1u32 << 30), "bytes", "auto", "1GB"),
        (3 << 40, "bytes", "auto", "3TB"),
        (5 << 50, "bytes", "auto", "5PB"),
        (1, "bytes", "PB", "0"),
        (-1, "bytes", "PB", "0"),
        (999, "ns", "auto", "999ns"),
        (1_000, "ns", "auto", "1us"),
        (1_000_000, "ns", "auto", "1ms"),
        (59_999_999_999, "ns", "auto", "60s"),
        (3_600_000_000_000, "ns", "auto", "1hrs"),
        (-1_500_000, "ns", "ms", "-1.50ms"),
        (0, "ns", "ms", "0"),
        (7, "count", "auto", "7"),
        (1 << 60, "count", "auto", "1152921504606846976"),
        // More than an integer holds.
        (1 << 60, "kB", "B", "1180591620717411303424B"),
        (-(1 << 60), "kB", "B", "-1180591620717411303424B"),
    ] {
        assert_eq!(label(value, from, to), expected, "{value} {from} to {to}");
    }
}

#[test]
fn floats_that_no_integer_holds() {
    let limit = 9_223_372_036_854_775_808.0;
    for (v, expected) in [
        (0.0, 0),
        (-1.9, -1),
        (1.9, 1),
        (limit, i64::MIN),
        (limit / 2.0, 1 << 62),
        (-limit, i64::MIN),
        (limit * 2.0, i64::MIN),
        (f64::NAN, i64::MIN),
        (f64::INFINITY, i64::MIN),
        (f64::NEG_INFINITY, i64::MIN),
        (9_223_372_036_854_774_784.0, 9_223_372_036_854_774_784),
    ] {
        assert_eq!(to_int(v), expected, "{v}");
    }
}

#[test]
fn nouns_agree_with_their_number() {
    for (n, expected) in [
        (0, "0 files"),
        (1, "1 file"),
        (2, "2 files"),
        (-1, "-1 files"),
        (11, "11 files"),
    ] {
        assert_eq!(counted(n, "file", "files"), expected);
    }
}
