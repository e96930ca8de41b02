//! `check` through the binary, on real captures.

use serde_json::Value;

use super::made_profile::{Made, profile, save};
use super::support::{Answer, capture, root, run, run_with};

/// The JSON answer and the exit code.
fn checked(args: &[&str]) -> (Value, i32) {
    let mut all = vec!["check"];
    all.extend_from_slice(args);
    all.extend(["-o", "json"]);
    let answer = run(&all);
    assert!(!answer.stdout.is_empty(), "{args:?}: {}", answer.stderr);
    (serde_json::from_str(&answer.stdout).expect("JSON"), answer.code)
}

/// With rules from standard input.
fn ruled(rules: &str, args: &[&str]) -> Answer {
    let mut all = vec!["check", "--rules", "-", "-o", "json"];
    all.extend_from_slice(args);
    run_with(&all, Some(format!("version = 1\n{rules}").as_bytes()))
}

fn report(answer: &Answer) -> Value {
    serde_json::from_str(&answer.stdout).unwrap_or_else(|e| panic!("{e}: {}", answer.stderr))
}

fn rule<'v>(report: &'v Value, id: &str) -> &'v Value {
    let rules = report["rules"].as_array().expect("rules");
    rules
        .iter()
        .find(|r| r["id"] == id)
        .unwrap_or_else(|| panic!("no rule {id}"))
}

/// Subjects of a rule with this outcome.
fn subjects<'v>(report: &'v Value, id: &str, outcome: &str) -> Vec<&'v str> {
    let all = rule(report, id)["subjects"].as_array().expect("subjects");
    let of = all.iter().filter(|s| s["outcome"] == outcome);
    of.map(|s| s["subject"].as_str().expect("a subject")).collect()
}

#[test]
fn without_rules_it_passes_the_healthy_and_fails_the_sick() {
    let (healthy, code) = checked(&[&capture("healthy-1.37.2")]);
    assert_eq!((healthy["outcome"].as_str(), code), (Some("pass"), 0), "{healthy}");
    assert_eq!(healthy["schema"], "kubeprof/check/1");
    for (sick, subject) in [
        (
            "ctx-leak-1.36.1",
            "finding:leak/pod-workers/kubelet.(*podWorkers).startPodSync",
        ),
        ("frozen-runtime", "finding:environment/cri-client/container-runtime"),
    ] {
        let (report, code) = checked(&[&capture(sick)]);
        assert_eq!((report["outcome"].as_str(), code), (Some("fail"), 1), "{sick}");
        assert_eq!(subjects(&report, "diagnosis", "fail"), [subject]);
    }
}

#[test]
fn an_identical_fixture_never_fails_against_itself() {
    for same in ["healthy-1.37.2", "ctx-leak-1.36.1", "frozen-runtime"] {
        let same = capture(same);
        let (report, _) = checked(&[&same, "--baseline", &same]);
        for id in ["new-findings", "goroutines", "waits", "heap"] {
            assert_eq!(rule(&report, id)["outcome"], "pass", "{same}: {id}");
            assert_eq!(
                rule(&report, id)["level"],
                "error",
                "{same} is what {same} is compared with"
            );
        }
    }
}

#[test]
fn a_comparison_names_who_waits_now() {
    let (before, after) = (
        capture("frozen-runtime/a-before-goroutine.debug2.txt.gz"),
        capture("frozen-runtime/d-6min-goroutine.debug2.txt.gz"),
    );
    let (report, code) = checked(&[&after, "--baseline", &before]);
    assert_eq!(code, 1);
    let waits = subjects(&report, "waits", "fail");
    assert!(waits.contains(&"wait:probes>cri-client"), "{waits:?}");
    assert!(waits.contains(&"wait:pod-workers>runtime-cache"), "{waits:?}");
    // The parts of the change add up to it.
    let all = &rule(&report, "waits")["attribution"];
    let sum: f64 = all["parts"]
        .as_array()
        .expect("parts")
        .iter()
        .map(|p| p["change"].as_f64().expect("a number"))
        .sum();
    let whole = all["new"].as_f64().expect("new") - all["old"].as_f64().expect("old");
    assert!((sum - whole).abs() < 1e-6, "{sum} {whole}");
}

#[test]
fn another_load_only_warns_and_says_so() {
    let (report, _) = checked(&[&capture("frozen-runtime"), "--baseline", &capture("healthy-1.37.2")]);
    let waits = rule(&report, "waits");
    assert_eq!(
        (waits["level"].as_str(), waits["asked_level"].as_str()),
        (Some("warn"), Some("error"))
    );
    let why: Vec<&str> = waits["lowered"]
        .as_array()
        .expect("why")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    assert!(why.iter().any(|w| w.contains("40 pods, now 60")), "{why:?}");
    assert_eq!(rule(&report, "diagnosis")["level"], "error");
}

#[test]
fn budgets_fail_only_by_more_than_their_error() {
    let leak = capture("ctx-leak-1.36.1/s10-heap.pb.gz");
    let rules = |max: u64| {
        format!(
            "[[rule]]\nid = \"contexts\"\nkind = \"budget\"\nmeasure = \"objects\"\nowner = \"pod-workers\"\nmax = {max}\n"
        )
    };
    // 39,324 +- 16,053 objects, of 6 sampled ones.
    for (max, outcome, code) in [(50_000, "pass", 0), (30_000, "inconclusive", 0), (500, "fail", 1)] {
        let answer = ruled(&rules(max), &[&leak]);
        let report = report(&answer);
        assert_eq!(rule(&report, "contexts")["outcome"], outcome, "{max}: {report}");
        assert_eq!(answer.code, code);
    }
    let answer = ruled(&rules(30_000), &[&leak, "--inconclusive", "fail"]);
    assert_eq!(answer.code, 1);
}

#[test]
fn limits_for_every_pod_need_pods() {
    let rules =
        "[[rule]]\nid = \"g\"\nkind = \"budget\"\nmeasure = \"goroutines\"\nmax = 12\nper = \"pod\"\nbase = 100\n";
    let answer = ruled(rules, &[&capture("healthy-1.37.2")]);
    let report = report(&answer);
    let limit = &rule(&report, "g")["subjects"][0]["limit"];
    assert_eq!(
        (limit["value"].as_f64(), limit["per"]["load"].as_f64()),
        (Some(580.0), Some(40.0))
    );
    let heap = "[[rule]]\nid = \"h\"\nkind = \"budget\"\nmeasure = \"bytes\"\nmax = \"1MiB\"\nper = \"pod\"\n";
    let answer = ruled(heap, &[&capture("healthy-1.37.2/s01-heap.pb.gz")]);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    assert!(
        answer.stdout.contains("the number of pods is unknown"),
        "{}",
        answer.stdout
    );
}

#[test]
fn a_rule_that_matches_nothing_is_an_error_unless_it_may() {
    let rule_of = |more: &str| {
        format!(
            "[[rule]]\nid = \"x\"\nkind = \"budget\"\nmeasure = \"objects\"\nfunction = \"noSuchFunction\"\nmax = 5\n{more}"
        )
    };
    let heap = capture("healthy-1.37.2/s01-heap.pb.gz");
    let answer = ruled(&rule_of(""), &[&heap]);
    assert_eq!(answer.code, 2);
    assert!(answer.stdout.contains("matches nothing"), "{}", answer.stdout);
    assert_eq!(ruled(&rule_of("allow_empty = true\n"), &[&heap]).code, 0);
    let cpu = "[[rule]]\nid = \"cpu\"\nkind = \"budget\"\nmeasure = \"cpu-cores\"\nmax = 1\n";
    assert_eq!(ruled(cpu, &[&heap]).code, 2);
    let baseline = "[[rule]]\nid = \"r\"\nkind = \"no-regression\"\nmeasure = \"objects\"\n";
    let answer = ruled(baseline, &[&heap]);
    assert_eq!(answer.code, 2);
    assert!(answer.stdout.contains("--baseline SOURCE"), "{}", answer.stdout);
}

#[test]
fn what_is_ignored_is_measured_and_shown() {
    let rules = "[[rule]]\nid = \"d\"\nkind = \"diagnose\"\n[[ignore]]\nsubject = \"finding:leak/*\"\nreason = \"upgrade is planned\"\n";
    let answer = ruled(rules, &[&capture("ctx-leak-1.36.1")]);
    assert_eq!(answer.code, 0);
    let report = report(&answer);
    let first = &rule(&report, "d")["subjects"][0];
    assert_eq!(
        (first["outcome"].as_str(), first["ignored"].as_str()),
        (Some("fail"), Some("upgrade is planned"))
    );
}

#[test]
fn confirmation_must_repeat_the_same_subject() {
    let (sick, healthy) = (capture("ctx-leak-1.36.1"), capture("healthy-1.37.2"));
    let (report, code) = checked(&[&sick, "--confirm", &healthy]);
    assert_eq!((report["outcome"].as_str(), code), (Some("inconclusive"), 0));
    let (report, code) = checked(&[&sick, "--confirm", &sick]);
    assert_eq!((report["outcome"].as_str(), code), (Some("fail"), 1));
    let why = rule(&report, "diagnosis")["subjects"][0]["why"]
        .as_str()
        .expect("why")
        .to_owned();
    assert!(why.contains("repeated in the confirmation"), "{why}");
}

#[test]
fn frames_coverage_and_builds() {
    let rules = r#"
[[rule]]
id = "frames"
kind = "frames"
forbid = ["GetNewerThan"]
require = ["syncLoopIteration"]
min_wait = "1m"
[[rule]]
id = "covered"
kind = "coverage"
symbols = 0.99
owners = 0.5
[[rule]]
id = "build"
kind = "builds"
allow = ["b7e097"]
"#;
    let answer = ruled(rules, &[&capture("frozen-runtime"), "--why"]);
    let report = report(&answer);
    assert_eq!(answer.code, 1, "{}", answer.stderr);
    assert_eq!(
        subjects(&report, "frames", "fail"),
        ["frame:GetNewerThan", "frame:syncLoopIteration"]
    );
    assert!(rule(&report, "frames")["subjects"][0]["culprits"][0]["frames"][0].is_string());
    assert_eq!(
        rule(&report, "covered")["outcome"],
        "pass",
        "{}",
        rule(&report, "covered")
    );
    assert_eq!(rule(&report, "build")["outcome"], "pass");
}

#[test]
fn every_command_that_is_shown_works() {
    let (report, _) = checked(&[
        &capture("frozen-runtime"),
        "--baseline",
        &capture("healthy-1.37.2"),
        "--why",
    ]);
    let subjects = report["rules"]
        .as_array()
        .expect("rules")
        .iter()
        .flat_map(|r| r["subjects"].as_array().expect("subjects"));
    let mut commands: Vec<&str> = subjects.filter_map(|s| s["command"].as_str()).collect();
    commands.sort_unstable();
    commands.dedup();
    assert!(commands.len() > 10);
    for command in commands {
        assert!(!command.contains('\''), "the test splits at spaces: {command}");
        let words: Vec<&str> = command.split(' ').collect();
        let answer = run(&words[1..]);
        assert!(answer.code < 2, "{command}: {}", answer.stderr);
    }
}

#[test]
fn formats_go_to_files_of_their_own() {
    let dir = tempfile::tempdir().expect("a folder");
    let at = |name: &str| dir.path().join(name).display().to_string();
    let sick = capture("frozen-runtime");
    let formats = ["json", "junit", "sarif", "github", "gitlab", "markdown", "prometheus"];
    let mut args = vec!["check".to_owned(), sick.clone(), "-o".to_owned(), "text".to_owned()];
    for f in formats {
        args.extend(["-o".to_owned(), format!("{f}={}", at(f))]);
    }
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let answer = run(&words);
    assert_eq!(answer.code, 1, "{}", answer.stderr);
    assert!(answer.stdout.starts_with("FAIL: 1 of "), "{}", answer.stdout);
    for f in formats {
        let alone = run(&["check", &sick, "-o", f]);
        assert_eq!(std::fs::read_to_string(at(f)).expect(f), alone.stdout, "{f}");
    }
    for (args, says) in [
        (vec!["-o", "text", "-o", "json"], "two formats to standard output"),
        (vec!["-o", "jnit"], "did you mean junit?"),
        (vec!["-o", "junit="], "the name of the file is missing"),
    ] {
        let answer = run(&[&["check", &sick][..], &args].concat());
        assert_eq!(answer.code, 2);
        assert!(answer.stderr.contains(says), "{}", answer.stderr);
    }
}

#[test]
fn rules_made_of_healthy_material_pass_it_and_fail_the_sick() {
    let dir = tempfile::tempdir().expect("a folder");
    let rules = dir.path().join("rules.toml").display().to_string();
    let healthy = capture("healthy-1.37.2");
    let answer = run(&["check", "--init", &healthy, "--out", &rules]);
    assert_eq!(
        (answer.code, answer.stderr.as_str()),
        (0, ""),
        "nothing is wrong with it"
    );
    let text = std::fs::read_to_string(&rules).expect("written");
    assert!(text.contains("id = \"goroutines.pod-workers\""), "{text}");
    for (source, code) in [
        (&healthy, 0),
        (&capture("ctx-leak-1.36.1"), 1),
        (&capture("frozen-runtime"), 1),
    ] {
        let answer = run(&["check", source, "--rules", &rules]);
        assert_eq!(answer.code, code, "{source}: {}{}", answer.stdout, answer.stderr);
    }
    let answer = run(&["check", "--init", &capture("frozen-runtime")]);
    assert_eq!(answer.code, 0);
    assert!(answer.stderr.contains("is sick"), "{}", answer.stderr);
    assert!(answer.stdout.contains("# WARNING"), "{}", answer.stdout);
}

#[test]
fn every_kind_of_rule_is_explained() {
    for id in ["diagnosis", "guide", "heap", "no-regression"] {
        let answer = run(&["check", "--explain", id]);
        assert_eq!(answer.code, 0, "{}", answer.stderr);
        assert!(answer.stdout.contains("exit 1"), "{}", answer.stdout);
    }
    let answer = run(&["check", "--explain", "diagnose_"]);
    assert_eq!(answer.code, 2);
}

#[test]
fn growth_that_stays_fails_an_optimistic_rule() {
    let dir = tempfile::tempdir().expect("a folder");
    let of_kubelet = ["runtime.gopark", "k8s.io/kubernetes/pkg/kubelet.(*Kubelet).syncLoop"];
    let series = |counts: [i64; 6]| {
        for (i, n) in counts.into_iter().enumerate() {
            let made = Made {
                stack: &of_kubelet,
                values: &[n],
                texts: &[],
                numbers: &[],
            };
            let p = profile(&[("goroutine", "count")], &[made]);
            save(&p, dir.path(), &format!("s{i:02}-goroutine.pb.gz"));
        }
        let rules = "[[rule]]\nid = \"g\"\nkind = \"budget\"\nmeasure = \"goroutines\"\nmax = 50\n";
        let report = report(&ruled(rules, &[&dir.path().display().to_string()]));
        let subject = &rule(&report, "g")["subjects"][0];
        (
            subject["outcome"].as_str().map(str::to_owned),
            subject["value"].as_f64(),
        )
    };
    // The better one of the last two moments.
    assert_eq!(
        series([10, 10, 10, 10, 100, 300]),
        (Some("fail".to_owned()), Some(100.0))
    );
    assert_eq!(series([10, 10, 10, 10, 20, 300]), (Some("pass".to_owned()), Some(20.0)));
}

#[test]
fn comparisons_that_can_only_warn_say_so_when_they_pass() {
    let (sick, healthy) = (capture("ctx-leak-1.36.1"), capture("healthy-1.37.2"));
    for format in ["text", "markdown", "github"] {
        let answer = run(&["check", &healthy, "--baseline", &sick, "-o", format]);
        let said = answer.stdout.lines().find(|l| l.contains("could only warn: "));
        let said = said.unwrap_or_else(|| panic!("{format}: {}", answer.stdout));
        assert!(
            said.contains("another load") || said.contains("another release"),
            "{said}"
        );
    }
    let answer = run(&["check", &healthy, "--baseline", &healthy]);
    assert!(!answer.stdout.contains("could only warn"), "{}", answer.stdout);
}

#[test]
fn what_is_no_kubelet_is_never_passed() {
    // No function of a kubelet, and no program that is known: nothing is passed.
    let unknown = root().join("fixtures/goroutines/go1.27-dump.txt").display().to_string();
    let rules = "[[rule]]\nid = \"g\"\nkind = \"budget\"\nmeasure = \"goroutines\"\nmax = 500\n";
    let answer = ruled(rules, &[&unknown]);
    let of = report(&answer);
    assert_eq!((of["outcome"].as_str(), answer.code), (Some("inconclusive"), 0));
    assert!(
        answer.stdout.contains("no function or metric of a kubelet"),
        "{}",
        answer.stdout
    );
    assert_eq!(ruled(rules, &[&unknown, "--inconclusive", "fail"]).code, 1);
    // Beyond a limit is beyond it, whatever it is of.
    let few = rules.replace("500", "1");
    assert_eq!(ruled(&few, &[&unknown]).code, 1);
    // Another program that is known is an error, also as a baseline and as healthy material.
    let dir = tempfile::tempdir().expect("a folder");
    let etcd = dir.path().join("etcd.txt");
    let stack = |n: u32, function: &str| {
        format!("goroutine {n} [select]:\n{function}(0x1)\n\t/src/etcd/server/main.go:7 +0x1d\n\n")
    };
    let text: String = (1..40)
        .map(|n| {
            stack(
                n,
                &format!("go.etcd.io/etcd/server/v3/etcdserver.(*EtcdServer).run{}", n % 4),
            )
        })
        .collect();
    std::fs::write(&etcd, text).expect("written");
    let (etcd, healthy) = (etcd.display().to_string(), capture("healthy-1.37.2"));
    for args in [
        vec!["check", &etcd],
        vec!["check", &healthy, "--baseline", &etcd],
        vec!["check", "--init", &etcd],
    ] {
        let answer = run(&args);
        assert_eq!(answer.code, 2, "{args:?}: {}", answer.stdout);
        assert!(answer.stderr.contains("this is etcd, no kubelet"), "{}", answer.stderr);
    }
}
