//! Flame graphs and their formats: sums, limits, comparisons, escapes, and the shapes that other programs read.

use std::collections::{BTreeMap, BTreeSet};

use kubeprof::analysis::{
    Comparison, Flame, FlameLimits, Granularity, InlineMark, NamedStacks, Query, QueryError, View, compare, flame,
    moments, named_stacks, prepare,
};
use kubeprof::kubelet::Knowledge;
use kubeprof::model::{Label, Line, LocationId, Mapping, MergeOptions, Profile, Samples, ValueType};
use kubeprof::render::{flame_html, flame_svg, folded, speedscope};
use proptest::prelude::*;
use serde_json::Value;

/// Stacks (root first, frames separated by blanks; `+` in front: inlined; `@`: an address without a name) and values.
fn profile(types: &[(&str, &str)], samples: &[(&str, &[i64])]) -> Profile {
    let mut p = Profile::default();
    for (kind, unit) in types {
        let t = ValueType {
            kind: p.strings.intern(kind),
            unit: p.strings.intern(unit),
        };
        p.sample_types.push(t);
    }
    let file = p.strings.intern("/usr/bin/kubelet");
    p.mappings.push(Mapping {
        id: 1,
        limit: 1 << 40,
        file,
        ..Mapping::default()
    });
    p.samples = Samples::new(types.len());
    for (i, (stack, values)) in samples.iter().enumerate() {
        let mut frames: Vec<LocationId> = Vec::new();
        let mut lines: Vec<Line> = Vec::new();
        let names: Vec<&str> = stack.split(' ').filter(|f| !f.is_empty()).collect();
        // From the leaf: inlined lines go before the line that they are inlined into.
        for name in names.iter().rev() {
            let address = 0x1000 + i as u64 * 0x100 + frames.len() as u64;
            if *name == "@" {
                frames.push(p.add_location(address, Some(Default::default()), &[]));
                continue;
            }
            let bare = name.trim_start_matches('+').replace('\u{a0}', " ");
            let function = p.add_function(&bare, &bare, &format!("/src/{}.go", bare.len()), 1);
            lines.push(Line {
                function,
                line: i as i64 + 1,
                column: 0,
            });
            if !name.starts_with('+') {
                frames.push(p.add_location(address, Some(Default::default()), &lines));
                lines.clear();
            }
        }
        assert!(lines.is_empty(), "nothing is inlined into nothing");
        let stack = p.stacks.intern(&frames).unwrap();
        p.samples.push(stack, values, &[]);
    }
    p.check().unwrap();
    p
}

const HEAP: [(&str, &str); 2] = [("inuse_objects", "count"), ("inuse_space", "bytes")];

fn query() -> Query {
    Query {
        granularity: Granularity::FileFunctions,
        ..Query::default()
    }
}

fn stacks_of(p: Profile, query: &Query) -> (View, NamedStacks) {
    let view = prepare(p, query).unwrap();
    let stacks = named_stacks(&view).unwrap();
    (view, stacks)
}

fn flame_of(p: Profile, limits: FlameLimits) -> Flame {
    flame(&prepare(p, &query()).unwrap(), limits).unwrap()
}

/// `depth name total` of every node, for the chosen sample type.
fn outline(f: &Flame) -> Vec<String> {
    let mut depth = vec![0usize; f.len()];
    (0..f.len())
        .map(|i| {
            if i > 0 {
                depth[i] = depth[f.nodes.parent[i] as usize] + 1;
            }
            let mark = match f.nodes.inline[i] {
                InlineMark::No => "",
                InlineMark::Partial => " (partly inlined)",
                InlineMark::Full => " (inlined)",
            };
            let name = &f.names[f.nodes.name[i] as usize].name;
            format!("{} {name}{mark} {}", depth[i], f.columns[f.selected].total[i])
        })
        .collect()
}

fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    write(&mut out);
    String::from_utf8(out).unwrap()
}

fn html(f: &Flame) -> String {
    text(|out| flame_html(f, "heap.pb.gz", out).unwrap())
}

/// The JSON of a page.
fn island(page: &str) -> Value {
    let open = "<script type=\"application/json\" id=\"data\">";
    let start = page.find(open).expect("a data island") + open.len();
    let end = start + page[start..].find("</script>").expect("its end");
    serde_json::from_str(&page[start..end]).expect("valid JSON")
}

#[test]
fn equal_stacks_are_one_and_siblings_stand_by_weight_then_name() {
    let f = flame_of(
        profile(
            &HEAP,
            &[
                ("main b", &[1, 10]),
                ("main a", &[1, 10]),
                ("main c d", &[1, 5]),
                ("main c d", &[1, 25]),
                ("main", &[1, 2]),
            ],
        ),
        FlameLimits::NONE,
    );
    assert_eq!(
        outline(&f),
        ["0 root 52", "1 main 52", "2 c 30", "3 d 30", "2 a 10", "2 b 10"]
    );
    assert_eq!(f.columns[1].own, [0, 2, 0, 30, 10, 10]);
    assert_eq!(f.columns[0].total, [5, 5, 2, 2, 1, 1], "every sample type is there");
}

#[test]
fn inlined_frames_are_marked() {
    let f = flame_of(
        profile(
            &HEAP,
            &[
                ("main +fast work", &[1, 1]),
                ("main work", &[1, 1]),
                ("main other +work", &[1, 4]),
            ],
        ),
        FlameLimits::NONE,
    );
    // `+` marks the frame that is inlined into the one before it.
    assert_eq!(
        outline(&f),
        [
            "0 root 6",
            "1 main 6",
            "2 other 4",
            "3 work (inlined) 4",
            "2 fast (inlined) 1",
            "3 work 1",
            "2 work 1"
        ]
    );
    let f = flame_of(
        profile(&HEAP, &[("main +work", &[1, 1]), ("main work", &[1, 1])]),
        FlameLimits::NONE,
    );
    assert_eq!(outline(&f), ["0 root 2", "1 main 2", "2 work (partly inlined) 2"]);
}

#[test]
fn addresses_without_a_name_have_a_box() {
    let f = flame_of(
        profile(&HEAP, &[("main @ @", &[1, 7]), ("@", &[1, 1])]),
        FlameLimits::NONE,
    );
    assert_eq!(
        outline(&f),
        [
            "0 root 8",
            "1 main 7",
            "2 [kubelet] 7",
            "3 [kubelet] 7",
            "1 [kubelet] 1"
        ]
    );
    let mut p = profile(&HEAP, &[("@", &[1, 1])]);
    p.locations[0].mapping = None;
    assert_eq!(outline(&flame_of(p, FlameLimits::NONE)), ["0 root 1", "1 <unknown> 1"]);
}

#[test]
fn recursion_is_a_path() {
    let f = flame_of(profile(&HEAP, &[("f f f", &[1, 3]), ("f", &[1, 1])]), FlameLimits::NONE);
    assert_eq!(outline(&f), ["0 root 4", "1 f 4", "2 f 3", "3 f 3"]);
}

#[test]
fn names_know_their_package_and_subsystem() {
    let f = flame_of(
        profile(
            &HEAP,
            &[(
                "k8s.io/kubernetes/pkg/kubelet.(*podWorkers).startPodSync context.WithCancel",
                &[1, 3],
            )],
        ),
        FlameLimits::NONE,
    );
    let name = &f.names[1];
    assert_eq!(name.package, "k8s.io/kubernetes/pkg/kubelet");
    assert_eq!(f.subsystems[usize::from(name.subsystem.unwrap())].key, "pod-workers");
    assert_eq!(f.names[2].package, "context");
}

#[test]
fn what_is_too_small_is_counted_and_stays_in_the_totals() {
    let mut samples: Vec<(String, Vec<i64>)> = (0..100)
        .map(|i| (format!("main small{i:02} leaf{i}"), vec![1, 1]))
        .collect();
    samples.push(("main big".to_owned(), vec![900, 9900]));
    let borrowed: Vec<(&str, &[i64])> = samples.iter().map(|(s, v)| (s.as_str(), v.as_slice())).collect();
    let p = profile(&HEAP, &borrowed);
    let all = flame_of(p.clone(), FlameLimits::NONE);
    assert_eq!((all.len(), all.hidden.count), (203, 0));
    // One object in 1000 is 0.1 %, one byte in 10000 less: the larger share decides.
    let f = flame_of(
        p.clone(),
        FlameLimits {
            min_fraction: 0.0011,
            max_nodes: 1000,
        },
    );
    assert_eq!(outline(&f), ["0 root 10000", "1 main 10000", "2 big 9900"]);
    assert_eq!((f.hidden.count, f.hidden.largest), (200, 0.001));
    let few = flame_of(
        p,
        FlameLimits {
            min_fraction: 0.0,
            max_nodes: 5,
        },
    );
    assert_eq!((few.len(), few.hidden.count), (5, 198));
    assert_eq!(few.columns[1].total[..2], [10000, 10000]);
    assert!(html(&f).contains("\"hidden\":{\"count\":200,"));
    assert!(text(|out| flame_svg(&f, "x", out).unwrap()).contains("200 frames of at most 0.1% each are not drawn."));
}

#[test]
fn a_comparison_has_old_and_new() {
    let old = profile(&HEAP, &[("main a", &[1, 10]), ("main gone", &[1, 5])]);
    let new = profile(&HEAP, &[("main a", &[3, 40]), ("main fresh", &[1, 7])]);
    let p = compare(new, old, true, false, MergeOptions::default()).unwrap();
    let f = flame_of(p.clone(), FlameLimits::NONE);
    assert_eq!(f.comparison, Comparison::Base);
    let c = &f.columns[1];
    let rows: Vec<(&str, i64, i64)> = (0..f.len())
        .map(|i| {
            (
                f.names[f.nodes.name[i] as usize].name.as_str(),
                c.old_total[i],
                c.total[i],
            )
        })
        .collect();
    assert_eq!(
        rows,
        [
            ("root", 15, 47),
            ("main", 15, 47),
            ("a", 10, 40),
            ("fresh", 0, 7),
            ("gone", 5, 0)
        ]
    );
    let (view, stacks) = stacks_of(p, &query());
    let lines = text(|out| folded(&stacks, &view, out).unwrap());
    assert_eq!(lines, "main;a 10 40\nmain;fresh 0 7\nmain;gone 5 0\n");
    let file: Value = serde_json::from_str(&text(|out| speedscope(&stacks, &view, "x", out).unwrap())).unwrap();
    let names: Vec<&str> = file["profiles"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| p["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "inuse_objects (new)",
            "inuse_objects (base)",
            "inuse_space (new)",
            "inuse_space (base)"
        ]
    );
    speedscope_shape(&file);
}

#[test]
fn differences_without_a_base_are_gains_and_losses() {
    let p = profile(&HEAP, &[("main a", &[3, 40]), ("main b", &[-1, -7])]);
    let f = flame_of(p, FlameLimits::NONE);
    assert_eq!(f.comparison, Comparison::Signed);
    let c = &f.columns[1];
    assert_eq!((c.total[0], c.old_total[0]), (40, 7));
    assert_eq!(f.len(), 4);
}

#[test]
fn a_profile_compared_with_itself_changes_nothing() {
    let p = profile(&HEAP, &[("main a", &[3, 40]), ("main b c", &[1, 7])]);
    let f = flame_of(
        compare(p.clone(), p, true, false, MergeOptions::default()).unwrap(),
        FlameLimits::NONE,
    );
    for c in &f.columns {
        assert_eq!(c.total, c.old_total);
        assert_eq!(c.own, c.old_own);
    }
}

#[test]
fn means_are_refused() {
    let query = Query {
        mean: true,
        ..Query::default()
    };
    let view = prepare(profile(&HEAP, &[("main", &[2, 40])]), &query).unwrap();
    let error = named_stacks(&view).unwrap_err();
    assert_eq!(error, QueryError::MeanOfStacks);
    assert!(error.hint().is_some());
}

#[test]
fn percentages_are_of_the_whole_profile_unless_asked() {
    let p = profile(&HEAP, &[("main a", &[3, 40]), ("main b", &[1, 60])]);
    let mut q = query();
    q.focus = "^a$".to_owned();
    let view = prepare(p.clone(), &q).unwrap();
    let f = flame(&view, FlameLimits::NONE).unwrap();
    assert_eq!(
        (f.types[0].total, f.types[1].total, f.columns[1].total[0]),
        (4, 100, 40)
    );
    q.relative_percentages = true;
    let (_, stacks) = stacks_of(p, &q);
    assert_eq!((stacks.types[0].total, stacks.types[1].total), (3, 40));
}

#[test]
fn folded_has_no_second_meaning_for_a_semicolon() {
    let p = profile(
        &HEAP,
        &[
            ("main f[struct{a;b}]", &[1, 4]),
            ("main x\ny", &[1, 2]),
            ("", &[1, 1]),
            ("main zero", &[1, 0]),
        ],
    );
    let (view, stacks) = stacks_of(p, &query());
    let lines = text(|out| folded(&stacks, &view, out).unwrap());
    assert_eq!(lines, "main;f[struct{a:b}] 4\nmain;x y 2\n[no frames] 1\n");
}

#[test]
fn granularity_decides_what_a_frame_is() {
    let p = profile(&HEAP, &[("main a", &[1, 4]), ("main a", &[1, 2])]);
    let lines = |granularity| {
        let q = Query {
            granularity,
            ..Query::default()
        };
        let (view, stacks) = stacks_of(p.clone(), &q);
        text(|out| folded(&stacks, &view, out).unwrap())
    };
    assert_eq!(lines(Granularity::Functions), "main;a 6\n");
    assert_eq!(lines(Granularity::FileFunctions), "main;a 6\n");
    assert_eq!(lines(Granularity::Files), "/src/4.go;/src/1.go 6\n");
    assert_eq!(
        lines(Granularity::Lines),
        "main /src/4.go:1;a /src/1.go:1 4\nmain /src/4.go:2;a /src/1.go:2 2\n"
    );
}

/// What speedscope's file-format-schema.json demands of a file with sampled profiles. Panics where it does not hold.
fn speedscope_shape(file: &Value) {
    let keys = |v: &Value| -> BTreeSet<String> { v.as_object().unwrap().keys().cloned().collect() };
    let only = |v: &Value, required: &[&str], optional: &[&str]| {
        let have = keys(v);
        for key in required {
            assert!(have.contains(*key), "{key} is missing");
        }
        for key in &have {
            assert!(
                required.contains(&key.as_str()) || optional.contains(&key.as_str()),
                "{key} is not in the schema"
            );
        }
    };
    only(
        file,
        &["$schema", "shared", "profiles"],
        &["name", "activeProfileIndex", "exporter"],
    );
    assert_eq!(file["$schema"], "https://www.speedscope.app/file-format-schema.json");
    only(&file["shared"], &["frames"], &[]);
    let frames = file["shared"]["frames"].as_array().unwrap();
    for frame in frames {
        only(frame, &["name"], &["file", "line", "col"]);
        assert!(frame["name"].is_string());
        assert!(frame.get("file").is_none_or(Value::is_string));
        assert!(frame.get("line").is_none_or(Value::is_number));
    }
    let profiles = file["profiles"].as_array().unwrap();
    assert!(file["activeProfileIndex"].as_u64().unwrap() < profiles.len() as u64);
    for p in profiles {
        only(
            p,
            &["type", "name", "unit", "startValue", "endValue", "samples", "weights"],
            &[],
        );
        assert_eq!(p["type"], "sampled");
        let units = [
            "none",
            "nanoseconds",
            "microseconds",
            "milliseconds",
            "seconds",
            "bytes",
        ];
        assert!(units.contains(&p["unit"].as_str().unwrap()));
        assert!(p["name"].is_string());
        let samples = p["samples"].as_array().unwrap();
        let weights = p["weights"].as_array().unwrap();
        assert_eq!(samples.len(), weights.len());
        for stack in samples {
            for frame in stack.as_array().unwrap() {
                assert!(frame.as_u64().unwrap() < frames.len() as u64, "frames are indices");
            }
        }
        let sum: f64 = weights.iter().map(|w| w.as_f64().unwrap()).sum();
        let end = p["endValue"].as_f64().unwrap() - p["startValue"].as_f64().unwrap();
        assert!((sum - end).abs() <= 1e-6 * end.abs(), "{sum} {end}");
    }
}

#[test]
fn speedscope_gets_every_sample_type_over_one_table_of_frames() {
    let types = [
        ("contentions", "count"),
        ("delay", "milliseconds"),
        ("size", "kilobytes"),
    ];
    let p = profile(&types, &[("main a", &[3, 40, 2]), ("main b", &[1, 0, 1])]);
    let (view, stacks) = stacks_of(p, &query());
    let file: Value = serde_json::from_str(&text(|out| speedscope(&stacks, &view, "lock", out).unwrap())).unwrap();
    speedscope_shape(&file);
    let profiles = file["profiles"].as_array().unwrap();
    assert_eq!(profiles.len(), 3);
    assert_eq!(file["activeProfileIndex"], 2);
    assert_eq!(profiles[0]["unit"], "none");
    assert_eq!(profiles[0]["weights"], serde_json::json!([3, 1]));
    assert_eq!(profiles[1]["unit"], "milliseconds");
    assert_eq!(
        profiles[1]["samples"].as_array().unwrap().len(),
        1,
        "stacks without a value are left out"
    );
    assert_eq!(
        (&profiles[2]["unit"], &profiles[2]["endValue"]),
        (&"bytes".into(), &3072.into())
    );
    let root = profiles[0]["samples"][0][0].as_u64().unwrap() as usize;
    assert_eq!(file["shared"]["frames"][root]["name"], "main", "root first");
}

const HOSTILE: &str =
    "main </script><script>alert(1)</script> \u{2028}x\u{202e}gnp.exe \u{0}\"'&<!--\u{1b}[31m {{data}}";

#[test]
fn hostile_names_stay_text() {
    let mut p = profile(&HEAP, &[(HOSTILE, &[1, 4])]);
    let comment = p.strings.intern("<img src=x onerror=alert(1)>");
    p.comments.push(comment);
    let f = flame_of(p, FlameLimits::NONE);
    let page = text(|out| flame_html(&f, "<b>&\"x.pb.gz", out).unwrap());
    assert_eq!(page.matches("<script").count(), 2, "the data and the program");
    assert_eq!(page.matches("</script").count(), 2);
    assert!(!page.contains("<img") && !page.contains("<b>&") && !page.contains("<!--"));
    assert!(!page.contains('\u{2028}'));
    assert!(page.contains("<title>&lt;b&gt;&amp;&quot;x.pb.gz · inuse_space</title>"));
    let data = island(&page);
    let names: Vec<&str> = data["names"]
        .as_array()
        .unwrap()
        .iter()
        .map(|n| n.as_str().unwrap())
        .collect();
    let want: Vec<&str> = std::iter::once("root").chain(HOSTILE.split(' ')).collect();
    assert_eq!(names, want, "the data holds them as they are");

    let picture = text(|out| flame_svg(&f, "<b>&\"x.pb.gz", out).unwrap());
    assert!(!picture.contains("<script") && !picture.contains("<b>"));
    assert!(
        picture.contains("\\u{202e}gnp.exe"),
        "what turns the reading direction is shown"
    );
    assert!(
        picture.chars().all(|c| c == '\n' || !c.is_control()),
        "XML forbids control characters"
    );
    well_formed(&picture);
}

/// Tags are balanced and attributes quoted.
fn well_formed(xml: &str) {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = xml;
    while let Some(at) = rest.find('<') {
        assert!(!rest[..at].contains('>'), "a bare > in {:?}", &rest[..at]);
        let end = at + rest[at..].find('>').expect("the end of a tag");
        let tag = &rest[at + 1..end];
        assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name));
        } else if !tag.ends_with('/') {
            open.push(tag.split(' ').next().unwrap());
        }
        rest = &rest[end + 1..];
    }
    assert!(open.is_empty(), "{open:?}");
}

#[test]
fn the_page_asks_nobody_for_anything() {
    let page = html(&flame_of(profile(&HEAP, &[("main a", &[1, 4])]), FlameLimits::NONE));
    for word in [
        "http:",
        "https:",
        "src=",
        "href=",
        "@import",
        "url(",
        "fetch(",
        "XMLHttpRequest",
        "import(",
    ] {
        assert!(!page.contains(word), "{word}");
    }
    assert!(page.contains("Content-Security-Policy"));
    assert!(
        !page.contains("{{") || page.matches("{{").count() == page.matches("${{").count(),
        "a hole is not filled"
    );
}

#[test]
fn the_data_of_the_page_is_the_tree() {
    let p = profile(
        &HEAP,
        &[
            ("main b", &[1, 10]),
            ("main a x y", &[1, 12]),
            ("main a z", &[1, 1]),
            ("init", &[2, 3]),
        ],
    );
    let f = flame_of(p, FlameLimits::NONE);
    let data = island(&html(&f));
    let array = |v: &Value| -> Vec<i64> { v.as_array().unwrap().iter().map(|n| n.as_i64().unwrap()).collect() };
    assert_eq!(data["schema"], "kubeprof/page/1");
    let profile = &data["profiles"][0];
    assert_eq!(profile["tree"]["name"].as_array().unwrap().len(), f.len());
    let mut parents = vec![0u32];
    for (i, up) in array(&profile["tree"]["up"]).into_iter().enumerate() {
        let mut parent = i as u32;
        (0..up).for_each(|_| parent = parents[parent as usize]);
        parents.push(parent);
    }
    assert_eq!(parents, f.nodes.parent);
    let moment = &profile["taken"][0];
    for (t, c) in f.columns.iter().enumerate() {
        assert_eq!(own(profile, &[moment], t, f.len()), c.own);
        assert_eq!(moment["totals"][t], c.total[0]);
    }
    assert_eq!(profile["rows"]["hidden"], Value::Null, "nothing is too small");
    let steps = &profile["types"][1]["steps"];
    assert_eq!((&steps[2][0], &steps[2][1]), (&"MB".into(), &1_048_576.0.into()));
}

/// What the rows of a profile of a page sum up to by node: rows that end at it, or below it in what is not drawn.
fn own(profile: &Value, moments: &[&Value], t: usize, nodes: usize) -> Vec<i64> {
    let numbers = |v: &Value| -> Vec<i64> {
        v.as_array()
            .map_or(vec![], |a| a.iter().map(|n| n.as_i64().unwrap()).collect())
    };
    let mut at = 0;
    let ends: Vec<usize> = numbers(&profile["rows"]["node"])
        .into_iter()
        .map(|step| {
            at += step as usize;
            at
        })
        .collect();
    let mut sums = vec![0; nodes];
    for moment in moments {
        let list = numbers(&moment["columns"][t]);
        if list.first() == Some(&-1) {
            list[1..].iter().zip(&ends).for_each(|(v, end)| sums[*end] += v);
            continue;
        }
        let mut row = 0;
        for pair in list.chunks_exact(2) {
            row += pair[0] as usize;
            sums[ends[row]] += pair[1];
        }
    }
    sums
}

#[test]
fn the_page_has_both_sides_of_a_comparison() {
    let old = profile(&HEAP, &[("main a", &[1, 10]), ("main gone", &[1, 5])]);
    let new = profile(&HEAP, &[("main a", &[3, 40]), ("main fresh", &[1, 7])]);
    let compared = compare(new, old, true, false, MergeOptions::default()).unwrap();
    // The second has losses without a base.
    for p in [compared, profile(&HEAP, &[("main a", &[3, 40]), ("main b", &[-1, -7])])] {
        let f = flame_of(p, FlameLimits::NONE);
        let data = island(&html(&f));
        let (page, moments) = (&data["profiles"][0], data["profiles"][0]["taken"].as_array().unwrap());
        assert_eq!((moments.len(), data["snapshots"].as_array().unwrap().len()), (2, 2));
        for (t, c) in f.columns.iter().enumerate() {
            assert_eq!(own(page, &[&moments[0]], t, f.len()), c.old_own);
            // A moment holds what is different from the one before.
            assert_eq!(own(page, &[&moments[0], &moments[1]], t, f.len()), c.own);
        }
    }
}

#[test]
fn series_are_moments_of_one_tree() {
    let snapshots = [
        profile(&HEAP, &[("main a", &[1, 10]), ("main gone", &[1, 5])]),
        profile(&HEAP, &[("main a", &[3, 40]), ("main fresh", &[1, 7])]),
        profile(&HEAP, &[("main a", &[3, 40])]),
    ];
    let view = prepare(moments(snapshots.to_vec(), MergeOptions::default()).unwrap(), &query()).unwrap();
    let f = flame(&view, FlameLimits::NONE).unwrap();
    assert_eq!(f.rows.moments.len(), 3);
    for (snapshot, moment) in snapshots.into_iter().zip(&f.rows.moments) {
        let alone = flame_of(snapshot, FlameLimits::NONE);
        for t in 0..2 {
            let sums = |f: &Flame, rows: &[i64]| -> BTreeMap<String, i64> {
                let named = |&n: &u32| f.names[f.nodes.name[n as usize] as usize].name.clone();
                let ends = f.rows.node.iter().map(named).zip(rows.iter().copied());
                ends.filter(|(_, v)| *v != 0).collect()
            };
            let want = sums(&alone, &alone.rows.moments[0].values[t]);
            assert_eq!(sums(&f, &moment.values[t]), want);
            assert_eq!(moment.totals[t], alone.types[t].total);
        }
    }
}

#[test]
fn rows_keep_what_is_known_of_samples() {
    let mut p = profile(&HEAP, &[("main a", &[2, 64]), ("main a", &[1, 1024])]);
    p.period = 512 * 1024;
    let size = p.strings.intern("bytes");
    let pod = Label::text(p.strings.intern("pod"), p.strings.intern("web-1"));
    let samples = p.samples.clone();
    p.samples = Samples::new(2);
    for (i, bytes) in [32, 1024].into_iter().enumerate() {
        let labels = [Label::number(size, bytes, Default::default()), pod];
        p.samples.push(samples.stack(i), samples.values(i), &labels[..1 + i]);
    }
    let f = flame_of(p, FlameLimits::NONE);
    assert_eq!(f.rows.node, [2, 2]);
    assert_eq!(f.rows.size, [32, 1024]);
    let labels: Vec<&str> = f
        .rows
        .labels
        .iter()
        .map(|&w| f.rows.words[w as usize].as_str())
        .collect();
    assert_eq!(labels, ["", "pod=web-1"]);
    assert!(
        f.rows.state.is_empty() && f.rows.wait.is_empty(),
        "a heap knows no states"
    );
    let hidden = FlameLimits {
        max_nodes: 2,
        ..FlameLimits::NONE
    };
    let mut p = profile(&HEAP, &[("main a", &[2, 64]), ("main b", &[1, 1024])]);
    p.period = 512 * 1024;
    let f = flame_of(p, hidden);
    assert_eq!(
        (&f.rows.node[..], &f.rows.hidden[..]),
        (&[1][..], &[true][..]),
        "one row for what is not drawn"
    );
    let m = &f.rows.moments[0];
    assert_eq!((m.values[0][0], m.values[1][0]), (3, 1088));
    // Two objects of 32 bytes and one of 1024, each sampled with p = 1 - exp(-size/rate).
    let variance = |objects: f64, size: f64| {
        let p = 1.0 - (-size / 524_288.0f64).exp();
        objects * (1.0 - p) / p
    };
    let want = variance(2.0, 32.0) + variance(1.0, 1024.0);
    assert!(
        (m.variance[0][0] / want - 1.0).abs() < 1e-12,
        "{} {want}",
        m.variance[0][0]
    );
}

/// The distance of two `#rrggbb` in OKLab.
fn distance(a: &str, b: &str) -> f64 {
    let lab = |hex: &str| {
        let channel = |i: usize| {
            let v = f64::from(u8::from_str_radix(&hex[i..i + 2], 16).unwrap()) / 255.0;
            if v <= 0.04045 {
                v / 12.92
            } else {
                ((v + 0.055) / 1.055).powf(2.4)
            }
        };
        let (r, g, b) = (channel(1), channel(3), channel(5));
        let l = (0.412_221_470_8 * r + 0.536_332_536_3 * g + 0.051_445_992_9 * b).cbrt();
        let m = (0.211_903_498_2 * r + 0.680_699_545_1 * g + 0.107_396_956_6 * b).cbrt();
        let s = (0.088_302_461_9 * r + 0.281_718_837_6 * g + 0.629_978_700_5 * b).cbrt();
        [
            0.210_454_255_3 * l + 0.793_617_785_0 * m - 0.004_072_046_8 * s,
            1.977_998_495_1 * l - 2.428_592_205_0 * m + 0.450_593_709_9 * s,
            0.025_904_037_1 * l + 0.782_771_766_2 * m - 0.808_675_766_0 * s,
        ]
    };
    let (a, b) = (lab(a), lab(b));
    (0..3).map(|i| (a[i] - b[i]).powi(2)).sum::<f64>().sqrt()
}

#[test]
fn the_largest_subsystems_can_be_told_apart() {
    let known = Knowledge::builtin_text();
    let packages = known
        .lines()
        .filter(|l| !l.starts_with('#'))
        .filter_map(|l| l.split('\t').next());
    let names: Vec<String> = packages
        .filter(|p| !p.is_empty() && !p.contains('*'))
        .map(|p| format!("{p}.F"))
        .collect();
    // The later ones are larger.
    let samples: Vec<(&str, [i64; 2])> = names
        .iter()
        .enumerate()
        .map(|(i, n)| (n.as_str(), [1, 1 + i as i64]))
        .collect();
    let borrowed: Vec<(&str, &[i64])> = samples.iter().map(|(n, v)| (*n, &v[..])).collect();
    let data = island(&html(&flame_of(profile(&HEAP, &borrowed), FlameLimits::NONE)));
    let colours = data["colours"].as_array().unwrap();
    let mut largest: BTreeMap<u64, usize> = BTreeMap::new();
    for (i, (name, _)) in samples.iter().enumerate() {
        let at = data["names"]
            .as_array()
            .unwrap()
            .iter()
            .position(|n| n == name)
            .unwrap();
        let Some(s) = data["nameSubsystem"][at].as_u64() else {
            continue;
        };
        if ["owner", "boundary", "library"].contains(&data["subsystems"][s as usize]["role"].as_str().unwrap()) {
            *largest.entry(s).or_default() += 1 + i;
        }
    }
    let mut order: Vec<(usize, u64)> = largest.into_iter().map(|(s, sum)| (sum, s)).collect();
    order.sort_unstable();
    let twelve: Vec<&Value> = (order.iter().rev().take(12))
        .map(|(_, s)| &colours[data["subsystems"][*s as usize]["colour"].as_u64().unwrap() as usize])
        .collect();
    for (theme, least) in [(0, 0.09), (1, 0.07)] {
        for (i, a) in twelve.iter().enumerate() {
            for b in &twelve[..i] {
                let (a, b) = (a[theme].as_str().unwrap(), b[theme].as_str().unwrap());
                assert!(distance(a, b) >= least, "{a} {b}: {}", distance(a, b));
            }
        }
    }
}

#[test]
fn the_policy_names_the_one_program_and_the_one_style() {
    use base64::Engine;
    use sha2::Digest;
    let page = html(&flame_of(profile(&HEAP, &[("main a", &[1, 4])]), FlameLimits::NONE));
    let policy = page
        .split("Content-Security-Policy\" content=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    assert!(!policy.contains("unsafe") && !policy.contains('*'), "{policy}");
    assert!(policy.starts_with("default-src 'none'; "));
    for (open, close, directive) in [
        ("<script>", "</script>", "script-src"),
        ("<style>", "</style>", "style-src"),
    ] {
        let text = page.split(open).nth(1).unwrap().split(close).next().unwrap();
        let hash = base64::engine::general_purpose::STANDARD.encode(sha2::Sha256::digest(text));
        assert!(policy.contains(&format!("{directive} 'sha256-{hash}';")), "{policy}");
    }
    assert!(
        !page.contains(" style=") && !page.contains(" onclick="),
        "a policy by hash forbids them"
    );
}

/// WCAG's contrast of two `#rrggbb`.
fn contrast(a: &str, b: &str) -> f64 {
    let luminance = |hex: &str| {
        let channel = |i: usize| {
            let v = f64::from(u8::from_str_radix(&hex[i..i + 2], 16).unwrap()) / 255.0;
            if v <= 0.04045 {
                v / 12.92
            } else {
                ((v + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
    };
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

#[test]
fn text_can_be_read_on_every_colour() {
    let packages: Vec<String> = (0..300).map(|i| format!("example.com/p{i}.F")).collect();
    let known = Knowledge::builtin_text();
    let functions = known
        .lines()
        .filter(|l| !l.starts_with('#'))
        .filter_map(|l| l.split('\t').next());
    let names: Vec<String> = functions
        .filter(|p| !p.is_empty() && !p.contains('*'))
        .map(|p| format!("{p}.F"))
        .chain(packages)
        .collect();
    let samples: Vec<(&str, &[i64])> = names.iter().map(|n| (n.as_str(), &[1i64, 1][..])).collect();
    let f = flame_of(profile(&HEAP, &samples), FlameLimits::NONE);
    assert!(f.subsystems.len() > 40, "{}", f.subsystems.len());
    let data = island(&html(&f));
    let colours = data["colours"].as_array().unwrap();
    assert!(colours.len() > 60, "{}", colours.len());
    for colour in colours {
        let (light, dark) = (colour[0].as_str().unwrap(), colour[1].as_str().unwrap());
        assert!(
            contrast(light, "#16191d") >= 7.0,
            "{light}: {}",
            contrast(light, "#16191d")
        );
        assert!(
            contrast(dark, "#eceff2") >= 7.0,
            "{dark}: {}",
            contrast(dark, "#eceff2")
        );
    }
}

#[test]
fn ten_thousand_frames_deep() {
    let deep = vec!["f"; 10_000].join(" ");
    let f = flame_of(profile(&HEAP, &[(&deep, &[1, 4]), ("f", &[1, 1])]), FlameLimits::NONE);
    assert_eq!(f.len(), 10_001);
    assert!(html(&f).len() < 400_000);
    text(|out| flame_svg(&f, "deep", out).unwrap());
}

#[test]
fn nothing_to_draw_is_a_drawing() {
    for p in [profile(&HEAP, &[]), profile(&HEAP, &[("main", &[0, 0])])] {
        let f = flame_of(p.clone(), FlameLimits::default());
        assert!(f.is_empty());
        assert_eq!(f.hidden.count, 0);
        island(&html(&f));
        well_formed(&text(|out| flame_svg(&f, "empty", out).unwrap()));
        let (view, stacks) = stacks_of(p, &query());
        assert_eq!(text(|out| folded(&stacks, &view, out).unwrap()), "");
        let file = text(|out| speedscope(&stacks, &view, "empty", out).unwrap());
        speedscope_shape(&serde_json::from_str(&file).unwrap());
    }
}

#[test]
fn labels_make_no_difference_unless_they_are_frames() {
    let mut p = profile(&HEAP, &[("main a", &[1, 4]), ("main a", &[1, 2])]);
    let (key, text_of_label) = (p.strings.intern("pod"), p.strings.intern("web-1"));
    let samples = p.samples.clone();
    p.samples = Samples::new(2);
    for i in 0..samples.len() {
        let label = Label::text(key, text_of_label);
        let labels: &[Label] = if i == 0 { &[label] } else { &[] };
        p.samples.push(samples.stack(i), samples.values(i), labels);
    }
    assert_eq!(
        outline(&flame_of(p.clone(), FlameLimits::NONE)),
        ["0 root 6", "1 main 6", "2 a 6"]
    );
    let q = Query {
        tag_root: "pod".to_owned(),
        ..query()
    };
    let view = prepare(p, &q).unwrap();
    let f = flame(&view, FlameLimits::NONE).unwrap();
    assert_eq!(
        outline(&f),
        [
            "0 root 6",
            "1 web-1 4",
            "2 main 4",
            "3 a 4",
            "1 pod 2",
            "2 main 2",
            "3 a 2"
        ]
    );
}

/// Profiles of a few functions, so that stacks share much.
fn any_profile() -> impl Strategy<Value = Profile> {
    let frame = prop::sample::select(vec!["a", "b", "c", "+d", "+e", "@"]);
    let stack = prop::collection::vec(frame, 0..8);
    let sample = (stack, -3i64..20, 0i64..1000);
    prop::collection::vec(sample, 0..30).prop_map(|samples| {
        let rows: Vec<(String, [i64; 2])> = samples
            .into_iter()
            .map(|(mut frames, objects, bytes)| {
                // Something that is inlined needs a function around it.
                for i in 0..frames.len() {
                    if frames[i].starts_with('+') && (i == 0 || frames[i - 1] == "@") {
                        frames[i] = "a";
                    }
                }
                (frames.join(" "), [objects, bytes])
            })
            .collect();
        let borrowed: Vec<(&str, &[i64])> = rows.iter().map(|(s, v)| (s.as_str(), &v[..])).collect();
        profile(&HEAP, &borrowed)
    })
}

/// 100 unless the environment says otherwise; more in `tests/full.sh`.
fn cases() -> u32 {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok());
    asked.unwrap_or(100)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn sums_hold(p in any_profile(), max_nodes in 1usize..40, min_fraction in 0.0f64..0.2) {
        let totals = p.totals();
        for limits in [FlameLimits::NONE, FlameLimits { min_fraction, max_nodes }] {
            let f = flame_of(p.clone(), limits);
            prop_assert!(f.len() <= limits.max_nodes.max(1));
            for (t, c) in f.columns.iter().enumerate() {
                let compared = f.comparison != Comparison::None;
                let old = |column: &[i64], i: usize| column.get(i).copied().unwrap_or(0);
                prop_assert_eq!(c.total[0] - old(&c.old_total, 0), totals[t], "the root is the sum");
                prop_assert_eq!(c.old_total.len(), if compared { f.len() } else { 0 });
                let mut below = vec![0i64; f.len()];
                for i in 1..f.len() {
                    let parent = f.nodes.parent[i] as usize;
                    prop_assert!(parent < i, "a parent stands before its children");
                    prop_assert!(c.total[i] <= c.total[parent]);
                    below[parent] += c.total[i];
                }
                for (i, below) in below.iter().enumerate() {
                    if limits == FlameLimits::NONE {
                        prop_assert_eq!(c.own[i] + below, c.total[i], "nothing is hidden");
                    } else {
                        prop_assert!(c.own[i] + below <= c.total[i]);
                    }
                }
                if limits == FlameLimits::NONE {
                    prop_assert_eq!(c.own.iter().sum::<i64>(), c.total[0]);
                }
            }
            // A context stands once.
            let contexts: BTreeSet<(u32, u32)> =
                (1..f.len()).map(|i| (f.nodes.parent[i], f.nodes.name[i])).collect();
            prop_assert_eq!(contexts.len(), f.len() - 1);
        }
    }

    #[test]
    fn folded_lines_sum_up_to_the_total(p in any_profile()) {
        let total = p.totals()[1];
        let (view, stacks) = stacks_of(p.clone(), &query());
        let f = flame_of(p, FlameLimits::NONE);
        let lines = text(|out| folded(&stacks, &view, out).unwrap());
        let mut sums: BTreeMap<&str, i64> = BTreeMap::new();
        for line in lines.lines() {
            let mut words = line.rsplitn(if f.comparison == Comparison::None { 2 } else { 3 }, ' ');
            let new: i64 = words.next().unwrap().parse().unwrap();
            let old: i64 = if f.comparison == Comparison::None { 0 } else { words.next().unwrap().parse().unwrap() };
            let stack = words.next().unwrap();
            prop_assert!(sums.insert(stack, new - old).is_none(), "{} stands twice", stack);
        }
        prop_assert_eq!(sums.values().sum::<i64>(), total);
        // Each line is what a node has of its own.
        let ends = (0..f.len()).filter(|&i| {
            f.columns[1].own[i] != 0 || f.columns[1].old_own.get(i).is_some_and(|&v| v != 0)
        });
        prop_assert_eq!(sums.len(), ends.count());
    }

    #[test]
    fn equal_input_gives_equal_bytes(p in any_profile()) {
        let once = |p: Profile| {
            let (view, stacks) = stacks_of(p.clone(), &query());
            let f = flame_of(p, FlameLimits::default());
            let formats = [
                html(&f),
                text(|out| flame_svg(&f, "x", out).unwrap()),
                text(|out| folded(&stacks, &view, out).unwrap()),
                text(|out| speedscope(&stacks, &view, "x", out).unwrap()),
            ];
            speedscope_shape(&serde_json::from_str(&formats[3]).unwrap());
            well_formed(&formats[1]);
            formats
        };
        prop_assert_eq!(once(p.clone()), once(p));
    }
}
