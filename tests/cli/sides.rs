//! Comparisons choose type, kind and form once for both sides; errors that are not known are not shown; differences say so.

use kubeprof::model::{Profile, ValueType};

use super::made_profile::{Made, profile, save};
use super::support::{capture, fine, json, root, run};

const HEAP: [(&str, &str); 4] = [
    ("alloc_objects", "count"),
    ("alloc_space", "bytes"),
    ("inuse_objects", "count"),
    ("inuse_space", "bytes"),
];

/// A heap of one function with these types, shown by `default`.
fn heap(types: &[(&str, &str)], default: &str, values: &[i64]) -> Profile {
    let sample = Made {
        stack: &["main.fill", "main.main"],
        values,
        texts: &[],
        numbers: &[],
    };
    let mut p = profile(types, &[sample]);
    p.default_sample_type = p.strings.intern(default);
    p.period = 524_288;
    p.period_type = Some(ValueType {
        kind: p.strings.intern("space"),
        unit: p.strings.intern("bytes"),
    });
    p
}

#[test]
fn a_comparison_takes_one_type_that_both_have() {
    let dir = tempfile::tempdir().expect("a folder");
    let whole = save(
        &heap(&HEAP, "alloc_space", &[9, 900, 5, 500]),
        dir.path(),
        "whole.pb.gz",
    );
    let fewer = heap(&HEAP[2..], "", &[7, 700]);
    let fewer = save(&fewer, dir.path(), "fewer.pb.gz");
    let reordered = [HEAP[3], HEAP[1], HEAP[2], HEAP[0]];
    let reordered = save(
        &heap(&reordered, "inuse_space", &[800, 950, 8, 9]),
        dir.path(),
        "reordered.pb.gz",
    );
    for (old, new, totals) in [
        (&whole, &fewer, [500, 700]),
        (&fewer, &whole, [700, 500]),
        (&whole, &reordered, [500, 800]),
        (&reordered, &fewer, [800, 700]),
    ] {
        let answer = json(&["diff", old, new]);
        assert_eq!(answer["profile"]["sample_type"], "inuse_space", "{old} {new}");
        assert_eq!(
            [answer["old_total"].as_i64(), answer["new_total"].as_i64()],
            totals.map(Some)
        );
        let row = &answer["rows"][0];
        assert_eq!(row["cum"].as_i64(), Some(totals[1] - totals[0]), "{row}");
    }
}

#[test]
fn heap_and_allocs_stand_in_for_each_other_where_one_is_all_there_is() {
    let dir = tempfile::tempdir().expect("a folder");
    let monday = save(
        &heap(&HEAP, "inuse_space", &[9, 900, 5, 500]),
        dir.path(),
        "monday.pb.gz",
    );
    let tuesday = save(
        &heap(&HEAP, "alloc_space", &[12, 1200, 7, 700]),
        dir.path(),
        "tuesday.pb.gz",
    );
    for (args, totals) in [
        // What is in use, whichever of them is the older one.
        (vec!["diff", &monday, &tuesday], [500, 700]),
        (vec!["diff", &tuesday, &monday], [700, 500]),
        (vec!["diff", &monday, &tuesday, "--kind", "allocs"], [900, 1200]),
        (vec!["diff", &monday, &tuesday, "--kind", "heap"], [500, 700]),
        (
            vec!["diff", &monday, &tuesday, "--sample-index", "inuse_objects"],
            [5, 7],
        ),
    ] {
        let answer = json(&args);
        assert_eq!(
            [answer["old_total"].as_i64(), answer["new_total"].as_i64()],
            totals.map(Some),
            "{args:?}"
        );
    }
    assert_eq!(json(&["top", "--kind", "heap", &tuesday])["total"], 700);
    assert_eq!(json(&["top", "--kind", "allocs", &monday])["total"], 900);
    // Where both are there each is itself.
    assert_eq!(json(&["top", "--kind", "heap", &monday, &tuesday])["total"], 500);
}

#[test]
fn forms_of_one_process_differ_by_nothing() {
    let form = |name: &str| root().join("fixtures/gotext").join(name).display().to_string();
    let text = fine(&["diff", &form("goroutine.pb.gz"), &form("goroutine.debug1.txt")]);
    assert!(
        text.contains("nothing changed") && text.contains("different forms"),
        "{text}"
    );
    assert_eq!(text.matches("\ntotal ").count(), 1, "{text}");
    // A dump knows creators and parents, and a profile does not: of one moment no owner has more in one of them.
    let moment = |form: &str| capture(&format!("frozen-runtime/c-3min-goroutine.{form}"));
    let (profile, dump) = (moment("pb.gz"), moment("debug2.txt.gz"));
    for more in [&["--by", "owner"][..], &[]] {
        let text = fine(&[&["diff", &profile, &dump, "--nodefraction", "0"], more].concat());
        assert!(text.contains("nothing changed"), "{more:?}: {text}");
    }
    // The goroutine that writes a dump has other frames of its own; nobody else has.
    let answer = json(&["diff", &form("goroutine.pb.gz"), &form("goroutine.debug2.txt")]);
    let rows = answer["rows"].as_array().expect("rows");
    let is_writer = |name: &str| matches!(name, "main.dump" | "main.main");
    assert!(
        rows.iter().all(|r| is_writer(r["name"].as_str().unwrap_or_default())),
        "{rows:?}"
    );
}

#[test]
fn an_error_that_is_unknown_is_not_zero() {
    let dir = tempfile::tempdir().expect("a folder");
    let space = save(&heap(&HEAP[3..], "", &[700_000]), dir.path(), "space.pb.gz");
    let objects = save(&heap(&HEAP[2..3], "", &[7]), dir.path(), "objects.pb.gz");
    for file in [&space, &objects] {
        let answer = json(&["top", file]);
        assert_eq!(answer["profile"]["kind"], "heap");
        assert!(answer["rows"][0]["flat_error"].is_null(), "{answer}");
        assert!(!fine(&["top", file]).contains("0.0%"), "{file}");
        let csv = fine(&["top", "-o", "csv", file]);
        assert!(csv.lines().nth(1).is_some_and(|l| l.contains("100.0,,100.0")), "{csv}");
    }
    // A type that is not known is told by what the period measures.
    let odd = heap(&[("live", "bytes")], "", &[9]);
    assert_eq!(
        json(&["top", &save(&odd, dir.path(), "odd.pb.gz")])["profile"]["kind"],
        "heap"
    );
}

#[test]
fn a_sum_of_periods_has_the_error_of_its_parts() {
    let dir = tempfile::tempdir().expect("a folder");
    let cpu = |period: i64| {
        let sample = Made {
            stack: &["main.work"],
            values: &[3_000_000_000],
            texts: &[],
            numbers: &[],
        };
        let mut p = profile(&[("cpu", "nanoseconds")], &[sample]);
        p.period = period;
        p.period_type = Some(p.sample_types[0]);
        p.duration_nanos = 30_000_000_000;
        save(&p, dir.path(), &format!("{period}.pb.gz"))
    };
    let (slow, fast) = (cpu(10_000_000), cpu(2_000_000));
    let answer = json(&["top", &slow, &fast]);
    let error = answer["rows"][0]["flat_error"].as_f64().expect("an error");
    // 300 ticks of 10 ms and 1500 of 2 ms: sqrt(300 * 10^2 + 1500 * 2^2) ms.
    assert!((error / 189_736_659.6 - 1.0).abs() < 1e-3, "{error}");
    assert!(fine(&["tags", &slow, &fast]).contains("no sample has a label"));
    let said = run(&["top", &slow, &fast]).stderr;
    assert_eq!(said.matches("added up").count(), 1, "{said}");
}

#[test]
fn values_with_signs_have_a_signed_sum_and_a_base_of_percentages() {
    let dir = tempfile::tempdir().expect("a folder");
    let values = [[1, 3 << 20], [-2, -(4 << 20)]];
    let made: Vec<Made<'_>> = (["main.grow", "main.shrink"].iter().zip(&values))
        .map(|(name, values)| Made {
            stack: std::slice::from_ref(name),
            values,
            texts: &[],
            numbers: &[],
        })
        .collect();
    let mut p = profile(&HEAP[2..], &made);
    p.duration_nanos = 5_000_000_000;
    let file = save(&p, dir.path(), "delta.pb.gz");
    let text = fine(&["top", &file]);
    assert!(
        text.contains("-1MB in 5s; percentages of 7MB, the sum of all changes"),
        "{text}"
    );
    assert_eq!(json(&["top", &file])["signed_total"], -(1 << 20));
    // What the user subtracts has a base of its own.
    let whole = capture("ctx-leak-1.36.1/s10-heap.pb.gz");
    let text = fine(&["top", "-n", "1", "--diff-base", &whole, &whole]);
    assert!(!text.contains("sum of all changes"), "{text}");
}

#[test]
fn an_error_is_said_once_and_says_what_helps() {
    let dir = tempfile::tempdir().expect("a folder");
    let go = save(&heap(&HEAP, "", &[1, 1, 1, 1]), dir.path(), "go.pb.gz");
    let other = heap(&[("objects", "count"), ("space", "bytes")], "", &[1, 1]);
    let other = save(&other, dir.path(), "cpp.pb.gz");
    let answer = run(&["top", &go, &other]);
    assert_eq!(answer.code, 2);
    assert_eq!(
        answer.stderr.matches("no sample type in common").count(),
        1,
        "{}",
        answer.stderr
    );
    assert!(answer.stderr.contains("hint: "), "{}", answer.stderr);
}
