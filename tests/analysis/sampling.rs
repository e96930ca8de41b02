//! `±`: the standard errors of sampled values, against numbers that were worked out apart (with Python, from
//! k(1-p)/p^2 and p = 1 - exp(-S/R)).

use std::sync::Arc;

use kubeprof::analysis::{
    Dialect, FlameLimits, Origin, Query, Sampling, TopRow, Trim, View, diff, flame, keep_periods, prepare,
    prepare_subject, top,
};
use kubeprof::model::{MergeOptions, Profile, ValueType, merge};

use crate::cli::made_profile::{Made, profile};

const HEAP: [(&str, &str); 4] = [
    ("alloc_objects", "count"),
    ("alloc_space", "bytes"),
    ("inuse_objects", "count"),
    ("inuse_space", "bytes"),
];

/// A heap profile with this rate: a stack, how many objects in use, the size of each; three times as many allocated.
fn heap(rate: i64, labelled: bool, samples: &[(&[&str], i64, i64)]) -> Profile {
    let values: Vec<[i64; 4]> = { samples.iter() }
        .map(|&(_, n, size)| [3 * n, 3 * n * size, n, n * size])
        .collect();
    let labels: Vec<[(&str, i64, &str); 1]> = samples.iter().map(|&(.., size)| [("bytes", size, "bytes")]).collect();
    let made: Vec<Made<'_>> = (0..samples.len())
        .map(|i| Made {
            stack: samples[i].0,
            values: &values[i],
            texts: &[],
            numbers: if labelled { &labels[i] } else { &[] },
        })
        .collect();
    let mut p = profile(&HEAP, &made);
    p.period = rate;
    p
}

fn view(p: &Profile, sample_type: &str) -> View {
    let query = Query {
        sample_type: sample_type.to_owned(),
        trim: Trim::NONE,
        ..Query::default()
    };
    prepare(p.clone(), &query).expect("a view")
}

fn row(view: &mut View, name: &str) -> TopRow {
    let rows = top(view).rows;
    rows.into_iter().find(|r| r.name == name).expect("a row")
}

#[track_caller]
fn about(found: f64, expected: f64) {
    assert!(
        (found - expected).abs() <= 1e-9 * expected.abs().max(1.0),
        "{found} instead of {expected}"
    );
}

#[test]
fn objects_and_bytes_of_a_heap() {
    for (n, size, objects, bytes) in [
        (10, 65_536, 8.666_264_451_885_74, 567_952.307_118_783_8),
        (3, 16, 313.532_294_999_271_3, 5_016.516_719_988_341),
        (7, 1 << 20, 1.046_720_353_890_025_2, 1_097_565.841_800_587),
        (1, 524_288, 0.762_873_978_366_390_1, 399_965.672_370_020_1),
    ] {
        for labelled in [true, false] {
            let p = heap(524_288, labelled, &[(&["f", "main"], n, size)]);
            for (sample_type, factor, expected) in [
                ("inuse_objects", 1.0, objects),
                ("inuse_space", 1.0, bytes),
                // Three times the samples: the error grows by the root of three.
                ("alloc_objects", 3.0f64, objects),
                ("alloc_space", 3.0, bytes),
            ] {
                let mut view = view(&p, sample_type);
                assert!(view.sampling.is_estimated());
                let row = row(&mut view, "f");
                about(row.flat_error, expected * factor.sqrt());
                about(row.cum_error, expected * factor.sqrt());
            }
        }
    }
}

#[test]
fn variances_add_up_and_a_recursion_counts_once() {
    let p = heap(
        524_288,
        true,
        &[(&["f", "main"], 10, 65_536), (&["f", "g", "f", "main"], 3, 16)],
    );
    for (sample_type, both, first, second) in [
        (
            "inuse_objects",
            313.652_043_109_972_57,
            8.666_264_451_885_74,
            313.532_294_999_271_3,
        ),
        (
            "inuse_space",
            567_974.461_222_994_8,
            567_952.307_118_783_8,
            5_016.516_719_988_341,
        ),
    ] {
        let mut view = view(&p, sample_type);
        let f = row(&mut view, "f");
        about(f.flat_error, both);
        about(f.cum_error, both);
        let main = row(&mut view, "main");
        about(main.flat_error, 0.0);
        about(main.cum_error, both);
        let g = row(&mut view, "g");
        about(g.flat_error, 0.0);
        about(g.cum_error, second);
        about((both * both - second * second).sqrt(), first);
    }
}

/// The label tells the size; where it is missing, bytes by objects does. Without either, nothing is known.
#[test]
fn the_size_of_objects() {
    // The label is believed, whatever the values say: 4 objects of 500.
    let mut p = heap(1_000, true, &[(&["f"], 4, 500)]);
    p.samples.values_mut(0)[3] = 4_000;
    about(
        row(&mut view(&p, "inuse_objects"), "f").flat_error,
        2.483_138_403_341_061,
    );
    // Bytes are 8 objects of 500 then.
    about(
        row(&mut view(&p, "inuse_space"), "f").flat_error,
        1_241.569_201_670_530_4 * 2.0f64.sqrt(),
    );
    // Another label is no size.
    let mut p = heap(1_000, true, &[(&["f"], 4, 500)]);
    let key = p.strings.intern("byte");
    p.samples.map_labels(|l| {
        l.key = key;
        l.number = 7;
    });
    about(
        row(&mut view(&p, "inuse_objects"), "f").flat_error,
        2.483_138_403_341_061,
    );
    // A text is no number.
    let mut p = heap(1_000, true, &[(&["f"], 4, 500)]);
    let text = p.strings.intern("7");
    p.samples.map_labels(|l| (l.text, l.number) = (text, 0));
    about(
        row(&mut view(&p, "inuse_objects"), "f").flat_error,
        2.483_138_403_341_061,
    );
    // No objects, so no size; and a size that cannot be: the error is unknown.
    let mut p = heap(1_000, false, &[(&["f"], 4, 500)]);
    p.samples.values_mut(0)[2] = 0;
    assert!(row(&mut view(&p, "inuse_space"), "f").flat_error.is_nan());
    for size in [0, -500] {
        let mut p = heap(1_000, true, &[(&["f"], 4, 500)]);
        p.samples.map_labels(|l| l.number = size);
        assert!(row(&mut view(&p, "inuse_space"), "f").flat_error.is_nan());
    }
    // Negative values, as a base has them, err as much as positive ones.
    let mut p = heap(1_000, false, &[(&["f"], 4, 500)]);
    p.samples.all_values_mut().iter_mut().for_each(|v| *v = -*v);
    about(
        row(&mut view(&p, "inuse_objects"), "f").flat_error,
        2.483_138_403_341_061,
    );
    about(
        row(&mut view(&p, "inuse_space"), "f").flat_error,
        1_241.569_201_670_530_4,
    );
}

/// At rate 1 everything is sampled; at 2 the smallest objects are not.
#[test]
fn the_rate_of_a_heap() {
    for (rate, expected) in [
        (i64::MIN, Sampling::Unknown),
        (-1, Sampling::Unknown),
        (0, Sampling::Unknown),
    ] {
        let p = heap(rate, true, &[(&["f"], 4, 1)]);
        let mut view = view(&p, "inuse_objects");
        assert_eq!(view.sampling, expected, "rate {rate}");
        assert!(!view.sampling.is_estimated());
        about(row(&mut view, "f").flat_error, 0.0);
    }
    let p = heap(1, true, &[(&["f"], 4, 1), (&["g"], 4, 3)]);
    for sample_type in ["inuse_objects", "inuse_space", "alloc_objects", "alloc_space"] {
        let mut view = view(&p, sample_type);
        assert_eq!(view.sampling, Sampling::Exact);
        assert!(!view.sampling.is_estimated());
        about(row(&mut view, "f").flat_error, 0.0);
    }
    let p = heap(2, true, &[(&["f"], 4, 1), (&["g"], 4, 3)]);
    let mut objects = view(&p, "inuse_objects");
    assert_eq!(
        objects.sampling,
        Sampling::Heap {
            rate: 2.0,
            bytes: false
        }
    );
    about(row(&mut objects, "f").flat_error, 2.483_138_403_341_061);
    let mut space = view(&p, "inuse_space");
    assert_eq!(space.sampling, Sampling::Heap { rate: 2.0, bytes: true });
    about(row(&mut space, "g").flat_error, 3.215_557_339_622_363);
}

fn cpu(period: i64, unit: &str) -> Profile {
    let made = |stack, values| Made {
        stack,
        values,
        texts: &[],
        numbers: &[],
    };
    let mut p = profile(
        &[("samples", "count"), ("cpu", unit)],
        &[
            made(&["f", "main"], &[9, 90_000_000]),
            made(&["g", "main"], &[16, 160_000_000]),
        ],
    );
    p.period = period;
    p.period_type = Some(ValueType {
        kind: p.strings.intern("cpu"),
        unit: p.strings.intern("nanoseconds"),
    });
    p
}

/// Nine ticks of 10 ms are 90 ms with an error of three ticks.
#[test]
fn ticks_of_a_cpu_profile() {
    let p = cpu(10_000_000, "nanoseconds");
    let mut time = view(&p, "cpu");
    assert_eq!(time.sampling, Sampling::Ticks { per_tick: 1e7 });
    assert!(time.sampling.is_estimated());
    about(row(&mut time, "f").flat_error, 3e7);
    about(row(&mut time, "g").flat_error, 4e7);
    about(row(&mut time, "main").cum_error, 5e7);
    let mut ticks = view(&p, "samples");
    assert_eq!(ticks.sampling, Sampling::Ticks { per_tick: 1.0 });
    about(row(&mut ticks, "f").flat_error, 3.0);
    about(row(&mut ticks, "main").cum_error, 5.0);
    // A period of 1 ns is a tick all the same; none, or another unit, says nothing.
    about(
        row(&mut view(&cpu(1, "nanoseconds"), "cpu"), "f").flat_error,
        9e7f64.sqrt(),
    );
    for (period, unit) in [(0, "nanoseconds"), (-1, "nanoseconds"), (10_000_000, "microseconds")] {
        assert_eq!(
            view(&cpu(period, unit), "cpu").sampling,
            Sampling::Unknown,
            "{period} {unit}"
        );
    }
}

#[test]
fn what_is_counted_is_exact_and_what_is_not_known_is_not_guessed() {
    for (kind, expected) in [
        ("goroutine", Sampling::Exact),
        ("goroutineleak", Sampling::Exact),
        ("threadcreate", Sampling::Exact),
        ("goroutines", Sampling::Exact),
        ("thread", Sampling::Exact),
        ("contentions", Sampling::Unknown),
        ("delay", Sampling::Unknown),
        ("objects", Sampling::Unknown),
        ("inuse", Sampling::Unknown),
    ] {
        let one = Made {
            stack: &["f"],
            values: &[100],
            texts: &[],
            numbers: &[("bytes", 8, "bytes")],
        };
        let mut p = profile(&[(kind, "count")], &[one]);
        p.period = 512;
        let mut view = view(&p, "");
        assert_eq!(view.sampling, expected, "{kind}");
        assert!(!view.sampling.is_estimated());
        about(row(&mut view, "f").flat_error, 0.0);
    }
}

#[test]
fn means_and_cancelled_bases_have_no_known_error() {
    let p = heap(524_288, true, &[(&["f"], 10, 65_536)]);
    let cancelled = Origin {
        bases_cancelled: true,
        ..Origin::default()
    };
    for (mean, origin) in [(true, Origin::default()), (false, cancelled)] {
        let query = Query {
            mean,
            ..Query::default()
        };
        let mut view = prepare_subject(p.clone(), &query, None, Arc::new(origin)).expect("a view");
        assert_eq!(view.sampling, Sampling::Unknown);
        about(row(&mut view, "f").flat_error, 0.0);
    }
    // Several profiles of one process: their objects are partly the same.
    let sum = |p: Profile, sample_type: &str| {
        let query = Query {
            sample_type: sample_type.to_owned(),
            ..Query::default()
        };
        let origin = Origin {
            merged: 2,
            ..Origin::default()
        };
        prepare_subject(p, &query, None, Arc::new(origin)).expect("a view")
    };
    assert_eq!(sum(p.clone(), "inuse_space").sampling, Sampling::Unknown);
    let added = sum(cpu(10_000_000, "nanoseconds"), "cpu");
    assert!(
        added.sampling.is_estimated(),
        "ticks of two profiles are twice as many ticks"
    );
    // pprof has no errors.
    let compatible = Query {
        dialect: Dialect::Pprof,
        ..Query::default()
    };
    about(row(&mut prepare(p, &compatible).expect("a view"), "f").flat_error, 0.0);
}

#[test]
fn the_error_of_a_difference_is_that_of_both() {
    let old = heap(524_288, true, &[(&["f", "main"], 10, 65_536)]);
    let new = heap(524_288, true, &[(&["f", "main"], 3, 16)]);
    for (sample_type, both) in [
        ("inuse_objects", 313.652_043_109_972_57),
        ("inuse_space", 567_974.461_222_994_8),
    ] {
        let report = diff(&view(&old, sample_type), &view(&new, sample_type));
        let row = report.rows.iter().find(|r| r.name == "f").expect("a row");
        about(row.flat_error, both);
        about(row.cum_error, both);
        let row = report.rows.iter().find(|r| r.name == "main").expect("a row");
        about(row.flat_error, 0.0);
        about(row.cum_error, both);
    }
}

/// How many samples the rows of a flame graph rest on, with their variances: all sample types at once.
#[test]
fn rows_of_a_flame_graph_know_their_samples() {
    fn moment(view: &View) -> (Vec<Vec<f64>>, Vec<Vec<f64>>) {
        let rows = flame(view, FlameLimits::NONE).expect("no means").rows;
        (rows.moments[0].sampled.clone(), rows.moments[0].variance.clone())
    }
    // 100 objects as large as the rate: 63.2 of them were sampled, and of 300 three times as many; bytes say the same.
    let p = heap(524_288, false, &[(&["f"], 100, 524_288)]);
    let (sampled, variance) = moment(&view(&p, "inuse_space"));
    assert_eq!(sampled, [[190.0], [190.0], [63.0], [63.0]]);
    // 100 (1-p)/p, p = 1 - 1/e.
    let of_objects = 58.197_670_686_932_65;
    for (variance, objects) in variance.iter().zip([3.0, 0.0, 1.0, 0.0]) {
        let expected = if objects > 0.0 {
            of_objects * objects
        } else {
            variance[0]
        };
        about(variance[0], expected);
    }
    about(variance[1][0], 3.0 * of_objects * 524_288.0f64.powi(2));
    about(variance[3][0], of_objects * 524_288.0f64.powi(2));
    // Where nothing is in use, nothing is uncertain; bytes without objects have no size.
    let mut p = heap(524_288, false, &[(&["f"], 4, 500), (&["g"], 4, 500)]);
    p.samples.values_mut(0)[2..].fill(0);
    p.samples.values_mut(1)[2] = 0;
    let (sampled, variance) = moment(&view(&p, "inuse_space"));
    // The larger one comes first.
    assert_eq!((&sampled[3], variance[3][1]), (&vec![0.0, 0.0], 0.0));
    assert!(variance[3][0].is_nan() && variance[2] == [0.0, 0.0], "{variance:?}");
    let mut space = view(&p, "inuse_space");
    assert!(row(&mut space, "g").flat_error.is_nan());
    // Of a sum of heaps the error is lost, that of all types.
    let sum = Origin {
        merged: 2,
        ..Origin::default()
    };
    let query = Query::default();
    let lost = prepare_subject(heap(524_288, false, &[(&["f"], 9, 500)]), &query, None, Arc::new(sum)).expect("a view");
    let rows = flame(&lost, FlameLimits::NONE).expect("no means").rows;
    assert_eq!(rows.sampling, [Sampling::Unknown; 4]);
    let known = view(&p, "inuse_objects");
    let rows = flame(&known, FlameLimits::NONE).expect("no means").rows;
    let of = |bytes| Sampling::Heap { rate: 524_288.0, bytes };
    assert_eq!(rows.sampling, [of(false), of(true), of(false), of(true)]);
    // Ticks: as many as were counted.
    let (sampled, variance) = moment(&view(&cpu(10_000_000, "nanoseconds"), "cpu"));
    assert_eq!(sampled, [[16.0, 9.0], [16.0, 9.0]]);
    assert_eq!(variance, [[16.0, 9.0], [16e14, 9e14]]);
}

/// In a sum of CPU profiles of different periods each sample keeps its own.
#[test]
fn a_sum_of_different_periods_has_the_ticks_of_each() {
    let mut parts = [cpu(10_000_000, "nanoseconds"), cpu(1_000_000, "nanoseconds")];
    keep_periods(&mut parts);
    let sum = merge(parts.to_vec(), MergeOptions::default()).expect("a sum");
    let view = view(&sum, "cpu");
    // 9 ticks of 10 ms, and 90 of 1 ms.
    let expected = 9.0 * 1e14 + 90.0 * 1e12;
    let mut time = view;
    about(row(&mut time, "f").flat_error, f64::sqrt(expected));
    let rows = flame(&time, FlameLimits::NONE).expect("no means").rows;
    let sampled: f64 = rows.moments[0].sampled[1].iter().sum();
    about(sampled, 9.0 + 16.0 + 90.0 + 160.0);
    // One period needs no label.
    let mut parts = [cpu(10_000_000, "nanoseconds"), cpu(10_000_000, "nanoseconds")];
    keep_periods(&mut parts);
    let sum = merge(parts.to_vec(), MergeOptions::default()).expect("a sum");
    about(row(&mut self::view(&sum, "cpu"), "f").flat_error, f64::sqrt(18.0) * 1e7);
}
