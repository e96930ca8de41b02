//! Laws that hold for every profile: merging, comparing, filtering, encoding, sums.

use kubeprof::analysis::{self, Dialect, Granularity, Query, Trim};
use kubeprof::model::{Label, Line, LocationId, MergeOptions, Profile, Samples, ValueType, compact, merge};
use kubeprof::pprof;
use proptest::prelude::*;

/// A stack (function numbers, root first), two values, and the number of a label value.
type Row = (Vec<u8>, i64, i64, Option<u8>);

fn profile(rows: &[Row]) -> Profile {
    let mut p = Profile::default();
    for (kind, unit) in [("objects", "count"), ("space", "bytes")] {
        let t = ValueType {
            kind: p.strings.intern(kind),
            unit: p.strings.intern(unit),
        };
        p.sample_types.push(t);
    }
    p.time_nanos = 1;
    p.samples = Samples::new(2);
    let locations: Vec<LocationId> = (0..12)
        .map(|n| {
            let name = format!("k8s.io/kubernetes/pkg/kubelet/p{}.f{n}", n / 3);
            let function = p.add_function(&name, &name, &format!("f{}.go", n / 4), 0);
            p.add_location(
                0x1000 + n,
                None,
                &[Line {
                    function,
                    line: n as i64,
                    column: 0,
                }],
            )
        })
        .collect();
    let key = p.strings.intern("pod");
    for (stack, objects, space, label) in rows {
        // Everything hangs on one root, function 0.
        let mut frames: Vec<LocationId> = stack.iter().rev().map(|&f| locations[usize::from(f) % 12]).collect();
        frames.push(locations[0]);
        let labels: Vec<Label> = label
            .iter()
            .map(|v| Label::text(key, p.strings.intern(&format!("pod-{}", v % 3))))
            .collect();
        let stack = p.stacks.intern(&frames).expect("room");
        p.samples.push(stack, &[*objects, *space], &labels);
    }
    p.check().expect("sound");
    p
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let row = (
        prop::collection::vec(0u8..12, 0..6),
        0i64..1000,
        0i64..100_000,
        prop::option::of(0u8..3),
    );
    prop::collection::vec(row, 0..20)
}

/// What a profile says, whatever the order of its rows: name, flat, cum, line by line.
fn lines(p: Profile) -> Vec<(String, i64, i64)> {
    let query = Query {
        trim: Trim::NONE,
        granularity: Granularity::Lines,
        dialect: Dialect::Pprof,
        ..Query::default()
    };
    let view = analysis::prepare(p, &query).expect("a view");
    let mut lines: Vec<_> = analysis::top(&view)
        .rows
        .into_iter()
        .map(|r| (r.name, r.flat, r.cum))
        .collect();
    lines.sort();
    lines
}

fn sum(profiles: Vec<Profile>) -> Profile {
    merge(profiles, MergeOptions::default()).expect("alike")
}

/// 100 unless the environment says otherwise; more in `tests/full.sh`.
fn cases() -> u32 {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok());
    asked.unwrap_or(100)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn merging_is_associative_and_commutative(a in rows(), b in rows(), c in rows()) {
        let p = |r: &[Row]| profile(r);
        let left = sum(vec![sum(vec![p(&a), p(&b)]), p(&c)]);
        let right = sum(vec![p(&a), sum(vec![p(&b), p(&c)])]);
        prop_assert_eq!(left.totals(), right.totals());
        prop_assert_eq!(lines(left), lines(right));
        prop_assert_eq!(lines(sum(vec![p(&a), p(&b)])), lines(sum(vec![p(&b), p(&a)])));
    }

    #[test]
    fn a_profile_minus_itself_is_empty(a in rows()) {
        let d = analysis::compare(profile(&a), profile(&a), false, false, MergeOptions::default()).expect("alike");
        prop_assert_eq!(d.samples.len(), 0);
        let query = Query { trim: Trim::NONE, ..Query::default() };
        let old = analysis::prepare(profile(&a), &query).expect("a view");
        let new = analysis::prepare(profile(&a), &query).expect("a view");
        prop_assert_eq!(analysis::diff(&old, &new).rows.len(), 0);
    }

    #[test]
    fn flat_sums_to_the_total_and_the_root_has_all(a in rows()) {
        let total = profile(&a).totals()[1];
        let all = lines(profile(&a));
        prop_assert_eq!(all.iter().map(|r| r.1).sum::<i64>(), total);
        if total > 0 {
            prop_assert_eq!(all.iter().map(|r| r.2).max(), Some(total));
        }
        prop_assert!(all.iter().all(|r| r.1 <= r.2));
    }

    #[test]
    fn focus_and_ignore_part_the_samples(a in rows(), f in 0u8..12) {
        let total = |query: &Query| {
            let view = analysis::prepare(profile(&a), query).expect("a view");
            (0..view.profile.samples.len()).map(|i| view.value(i)).sum::<i64>()
        };
        let name = format!(r"p\d\.f{f}$");
        let with = Query { focus: name.clone(), relative_percentages: true, ..Query::default() };
        let without = Query { ignore: name, relative_percentages: true, ..Query::default() };
        prop_assert_eq!(total(&with) + total(&without), total(&Query::default()));
        let with = Query { tag_focus: "pod=pod-1".to_owned(), ..Query::default() };
        let without = Query { tag_ignore: "pod=pod-1".to_owned(), ..Query::default() };
        prop_assert_eq!(total(&with) + total(&without), total(&Query::default()));
    }

    #[test]
    fn decoding_undoes_encoding(a in rows()) {
        let p = profile(&a);
        let bytes = pprof::encode(&p);
        let (q, _) = pprof::decode(&bytes).expect("decodes");
        q.check().expect("sound");
        prop_assert_eq!(&pprof::encode(&q), &bytes);
        prop_assert_eq!(q.totals(), p.totals());
        prop_assert_eq!(lines(q), lines(p));
    }

    #[test]
    fn compacting_changes_no_report(a in rows()) {
        let p = profile(&a);
        let small = compact(p.clone()).expect("fits");
        small.check().expect("sound");
        prop_assert!(small.functions.len() <= p.functions.len());
        let samples: std::collections::HashSet<_> =
            (0..small.samples.len()).map(|i| (small.samples.stack(i), small.samples.labels(i))).collect();
        prop_assert_eq!(samples.len(), small.samples.len(), "equal samples are one");
        let stacks: std::collections::HashSet<_> = small.stacks.iter().map(|(_, stack)| stack).collect();
        prop_assert_eq!(stacks.len(), small.stacks.len(), "equal stacks are one");
        let mut used: Vec<_> = small.stacks.iter().flat_map(|(_, stack)| stack.iter().map(|l| l.index())).collect();
        used.sort_unstable();
        used.dedup();
        prop_assert_eq!(used, (0..small.locations.len()).collect::<Vec<_>>(), "every location is of a stack");
        // Interning goes on where the compact table ends.
        let mut grown = small.clone();
        if let Some(stack) = small.stacks.iter().map(|(_, stack)| stack.to_vec()).last() {
            prop_assert_eq!(grown.stacks.intern(&stack).map(|s| s.index() + 1), Some(small.stacks.len()));
        }
        prop_assert_eq!(lines(small), lines(p));
    }

    #[test]
    fn groups_keep_the_sum(a in rows()) {
        for granularity in [Granularity::Packages, Granularity::Subsystems, Granularity::Owners, Granularity::Files] {
            let query = Query { trim: Trim::NONE, granularity, ..Query::default() };
            let view = analysis::prepare(profile(&a), &query).expect("a view");
            let flat: i64 = analysis::top(&view).rows.iter().map(|r| r.flat).sum();
            prop_assert_eq!(flat, profile(&a).totals()[1]);
        }
    }
}
