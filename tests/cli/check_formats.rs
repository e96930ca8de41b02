//! What readers of the formats of `check` demand, on real and on hostile sources.

use std::path::Path;

use serde_json::Value;

use super::made_profile::{Made, profile, save};
use super::support::{capture, run, run_with};

/// Elements of an XML text in order, with their attributes; text between them is left out.
fn elements(xml: &str) -> Vec<(String, Vec<(String, String)>)> {
    let mut all = Vec::new();
    for part in xml.split('<').skip(1) {
        let (tag, _) = part.split_once('>').expect("every element ends");
        if tag.starts_with(['?', '/']) {
            continue;
        }
        let tag = tag.trim_end_matches('/');
        let (name, rest) = tag.split_once(' ').unwrap_or((tag, ""));
        let words: Vec<&str> = rest.split('"').collect();
        let pairs = words.chunks(2).filter(|c| c.len() == 2);
        let attribute = |c: &[&str]| (c[0].trim().trim_end_matches('=').to_owned(), c[1].to_owned());
        all.push((name.to_owned(), pairs.map(attribute).collect()));
    }
    all
}

#[test]
fn junit_and_sarif_have_the_structure_that_readers_want() {
    let sick = capture("frozen-runtime");
    let args = ["check", &sick, "--baseline", &capture("healthy-1.37.2"), "-o"];
    let of = |format: &str| run(&[&args[..], &[format]].concat()).stdout;
    let xml = elements(&of("junit"));
    let names: Vec<&str> = xml.iter().map(|e| e.0.as_str()).collect();
    assert_eq!(&names[..2], ["testsuites", "testsuite"]);
    let count = |name: &str| names.iter().filter(|n| **n == name).count().to_string();
    let suite = |key: &str| {
        xml[1]
            .1
            .iter()
            .find(|a| a.0 == key)
            .map(|a| a.1.clone())
            .unwrap_or_default()
    };
    assert_eq!(suite("tests"), count("testcase"));
    assert_eq!(suite("failures"), count("failure"));
    assert_eq!(suite("skipped"), count("skipped"));
    let mut seen = std::collections::BTreeSet::new();
    for (name, attributes) in &xml {
        let known: &[&str] = match name.as_str() {
            "testsuites" => &["name", "tests", "failures", "errors"],
            "testsuite" => &["name", "tests", "failures", "errors", "skipped", "timestamp"],
            "testcase" => &["classname", "name"],
            "failure" => &["message", "type"],
            "skipped" | "error" => &["message"],
            "system-out" => &[],
            other => panic!("unknown element {other}"),
        };
        assert!(
            attributes.iter().all(|a| known.contains(&a.0.as_str())),
            "{name}: {attributes:?}"
        );
        if name == "testcase" {
            assert!(
                seen.insert(attributes.clone()),
                "one case for every rule and subject: {attributes:?}"
            );
        }
    }
    let sarif: Value = serde_json::from_str(&of("sarif")).expect("JSON");
    assert_eq!(sarif["version"], "2.1.0");
    let run = &sarif["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().expect("rules");
    let results = run["results"].as_array().expect("results");
    assert!(!results.is_empty() && results.len() <= 5_000);
    let mut prints = std::collections::BTreeSet::new();
    for r in results {
        let index = r["ruleIndex"].as_u64().expect("an index") as usize;
        assert_eq!(rules[index]["id"], r["ruleId"]);
        assert!(matches!(r["level"].as_str(), Some("error" | "warning" | "note")));
        assert!(r["message"]["text"].is_string());
        let place = &r["locations"][0]["physicalLocation"];
        assert!(place["region"]["startLine"].as_u64() >= Some(1) && place["artifactLocation"]["uri"].is_string());
        let print = r["partialFingerprints"]["kubeprofSubject/v1"]
            .as_str()
            .expect("a fingerprint");
        assert!(prints.insert(print), "{print} twice");
    }
}

/// Names that mean something to a terminal, XML, HTML, Markdown, a log of GitHub, a label of Prometheus.
const HOSTILE: &[&str] = &[
    "<script>alert(1)</script>",
    "</failure></testcase><testcase name=\"x\"/>",
    "]]><!--",
    "x\"/><y z='",
    "a\n::error file=x,line=1::owned",
    "a\r::set-output name=x::y",
    "\u{1b}]0;owned\u{7}\u{1b}[31m",
    "\u{0}\u{8}\u{7f}\u{9b}31m",
    "\u{202e}txt.exe\u{2066}",
    "**bold** [link](javascript:alert(1)) `code` | cell |",
    "{label=\"x\"} 1\n# TYPE y gauge",
    "\\\" } 9\\",
    "\u{fffe}\u{ffff}",
    "&lt;&#x1b;&amp",
    "%0A::error::x",
];

/// A kubelet's heap and goroutines in which everything else is hostile.
fn hostile_source(folder: &Path) {
    let root = "k8s.io/kubernetes/pkg/kubelet.(*Kubelet).syncLoop";
    let heap = [
        ("alloc_objects", "count"),
        ("alloc_space", "bytes"),
        ("inuse_objects", "count"),
        ("inuse_space", "bytes"),
    ];
    let long = "n".repeat(1 << 20);
    let names: Vec<&str> = HOSTILE.iter().copied().chain([long.as_str()]).collect();
    let stacks: Vec<[&str; 2]> = names.iter().map(|n| [*n, root]).collect();
    let texts: Vec<[(&str, &str); 2]> = names.iter().map(|n| [("state", *n), (*n, *n)]).collect();
    let sizes = [("bytes", 64, "bytes")];
    let mut of_heap: Vec<Made<'_>> = Vec::new();
    let mut of_goroutines: Vec<Made<'_>> = Vec::new();
    for (stack, texts) in stacks.iter().zip(&texts) {
        of_heap.push(Made {
            stack,
            values: &[50_000, 3_200_000, 50_000, 3_200_000],
            texts: &[],
            numbers: &sizes,
        });
        of_goroutines.push(Made {
            stack,
            values: &[70],
            texts,
            numbers: &[],
        });
    }
    save(&profile(&heap, &of_heap), folder, "s01-heap.pb.gz");
    save(
        &profile(&[("goroutine", "count")], &of_goroutines),
        folder,
        "s01-goroutine.pb.gz",
    );
    // What cannot be read stands beside it.
    std::fs::write(folder.join("s02-heap.pb.gz"), b"\x1f\x8b\x08\x00broken").expect("written");
    std::fs::create_dir(folder.join("s03-heap.pb.gz")).expect("a folder");
}

const EVERYTHING: &str = r#"version = 1
[[rule]]
id = "functions"
kind = "budget"
measure = "objects"
function = "*"
max = 1
[[rule]]
id = "packages"
kind = "budget"
measure = "goroutines"
package = "*"
max = 1
[[rule]]
id = "frames"
kind = "frames"
forbid = ["script|error|owned|x"]
forbid_states = ["<b>\u001b[31m"]
require = ["never\u0007<i>"]
[[ignore]]
rule = "packages"
subject = "package:k8s.io/*"
reason = "<b>\u001b[31m`|`\n::error::x"
"#;

/// Text in which nothing is left that a terminal or a log would act on.
fn is_clean(text: &str) -> Result<(), String> {
    let bad = |c: &char| {
        c.is_control() && *c != '\n' && *c != '\t' || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    match text.chars().find(bad) {
        Some(c) => Err(format!("{c:?}")),
        None => Ok(()),
    }
}

#[test]
fn hostile_sources_stay_text_in_every_format() {
    let dir = tempfile::tempdir().expect("a folder");
    // The name of the source is hostile as well.
    let folder = dir.path().join("<b>\u{1b}[31m`|`\n::error::x\"&");
    std::fs::create_dir(&folder).expect("a folder");
    hostile_source(&folder);
    let source = folder.display().to_string();
    let of = |format: &str| {
        let args = ["check", &source, "--rules", "-", "--why", "--all", "-o", format];
        let answer = run_with(&args, Some(EVERYTHING.as_bytes()));
        assert_eq!(answer.code, 1, "{format}: {}", answer.stderr);
        assert!(
            answer.stdout.len() < 24 << 20,
            "{format}: {} bytes",
            answer.stdout.len()
        );
        is_clean(&answer.stderr).unwrap_or_else(|e| panic!("{format}: {e} on standard error"));
        answer.stdout
    };
    let text = of("text");
    is_clean(&text).unwrap_or_else(|e| panic!("text: {e}"));
    assert!(text.lines().all(|l| !l.starts_with("::")), "text");

    let xml = of("junit");
    is_clean(&xml).unwrap_or_else(|e| panic!("junit: {e}"));
    assert!(
        !xml.contains("<script") && !xml.contains("<b>") && !xml.contains("]]>"),
        "junit"
    );
    let known = [
        "testsuites",
        "testsuite",
        "testcase",
        "failure",
        "skipped",
        "system-out",
        "properties",
        "property",
    ];
    for (name, _) in elements(&xml) {
        assert!(known.contains(&name.as_str()), "junit: element {name}");
    }
    // Every & begins an entity that is known.
    let entity = |rest: &str| {
        ["amp;", "lt;", "gt;", "quot;", "apos;"]
            .iter()
            .any(|e| rest.starts_with(e))
    };
    assert!(xml.split('&').skip(1).all(entity), "junit: a bare &");

    for format in ["json", "sarif", "gitlab"] {
        let text = of(format);
        let value: Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{format}: {e}"));
        assert!(value.is_object() || value.is_array());
        // The names are there, as data.
        assert!(text.contains("<script>alert(1)</script>"), "{format}");
    }

    let github = of("github");
    is_clean(&github).unwrap_or_else(|e| panic!("github: {e}"));
    let commands = ["::error file=", "::warning file=", "::notice file=", "kubeprof check: "];
    for line in github.lines() {
        assert!(commands.iter().any(|c| line.starts_with(c)), "github: {line}");
        assert!(line.len() < 70_000, "github: a line of {} bytes", line.len());
    }

    let markdown = of("markdown");
    is_clean(&markdown).unwrap_or_else(|e| panic!("markdown: {e}"));
    assert!(markdown.len() <= 1 << 20, "markdown");
    for line in markdown.lines() {
        let own = ["<details>", "</details>"].iter().any(|t| line.starts_with(t));
        let outside: String = line.split('`').step_by(2).collect();
        assert!(own || !outside.contains('<'), "markdown: {line}");
        assert!(!outside.contains("](javascript"), "markdown: {line}");
    }

    let line = regex::Regex::new(r#"^[a-z_]+(\{([a-z_]+="([^"\\\n]|\\[\\"n])*",?)*\})? (NaN|[+-]Inf|-?[0-9.e+-]+)$"#);
    let line = line.expect("an expression");
    for l in of("prometheus").lines() {
        assert!(
            l.starts_with("# HELP ") || l.starts_with("# TYPE ") || line.is_match(l),
            "prometheus: {l:.200}"
        );
    }
}
