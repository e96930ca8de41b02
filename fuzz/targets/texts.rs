//! What is text: Go's `debug=1` and `debug=2`, legacy profiles, what is saved by mistake, artifacts of a capture, tables
//! of subsystems, names of functions. The first byte chooses the reader, for dumps the next ones choose a query.
#![no_main]

#[path = "common/choices.rs"]
mod choices;
#[path = "common/every_report.rs"]
mod every_report;

use std::sync::{Arc, LazyLock};

use choices::Choices;
use kubeprof::analysis::{describe_by_dump, label_by_profile};
use kubeprof::bundle::facts::{Expect, examine};
use kubeprof::kubelet::{GoName, Knowledge, PackagePatterns};
use kubeprof::pprof::{self, Limit, goroutines, gotext, legacy, mistakes};
use libfuzzer_sys::fuzz_target;

static KNOWLEDGE: LazyLock<Arc<Knowledge>> = LazyLock::new(|| Arc::new(Knowledge::builtin()));

const ARTIFACTS: [&str; 14] = [
    "metrics",
    "configz",
    "version",
    "node",
    "trace",
    "healthz",
    "cmdline",
    "flagz",
    "statusz",
    "heap.debug1",
    "goroutine.debug2",
    "cpu",
    "mutex",
    "pods",
];

fuzz_target!(|data: &[u8]| {
    let Some((&which, rest)) = data.split_first() else {
        return;
    };
    match which % 8 {
        0 => read(rest, false),
        1 => read(rest, true),
        2 => dump(rest),
        3 => {
            if let Ok(Some(text)) = gotext::parse(rest) {
                text.profile.check().expect("sound");
            }
            if let Ok(Some(profile)) = legacy::parse(rest) {
                profile.check().expect("sound");
            }
        }
        4 => {
            if let Some(mistake) = mistakes::recognise(rest) {
                assert!(!mistake.what().is_empty() && !mistake.remedy().contains('\0'));
            }
            if let Some((_, body)) = mistakes::http_response(rest) {
                assert!(body <= rest.len());
            }
        }
        5 => {
            if let Some((&artifact, bytes)) = rest.split_first() {
                let name = ARTIFACTS[usize::from(artifact) % ARTIFACTS.len()];
                if let Err(e) = examine(bytes, Expect::of(name), Limit::Bytes(4 << 20)) {
                    assert!(!e.to_string().is_empty());
                }
            }
        }
        6 => {
            let text = String::from_utf8_lossy(rest);
            match Knowledge::parse(&text, "table.tsv") {
                Ok(knowledge) => {
                    let _ = knowledge.classify_function("k8s.io/kubernetes/pkg/kubelet.(*Kubelet).syncLoop", "");
                }
                Err(e) => assert!(e.to_string().contains("table.tsv")),
            }
            if let Ok(patterns) = PackagePatterns::parse(text.lines()) {
                let _ = patterns.matches("k8s.io/kubernetes/pkg/kubelet");
            }
        }
        _ => names(&String::from_utf8_lossy(rest)),
    }
});

fn read(bytes: &[u8], plain: bool) {
    match pprof::read(bytes.to_vec(), Limit::Bytes(4 << 20), plain) {
        Ok(read) => {
            read.profile.check().expect("what is read is sound");
            for remark in read.remarks {
                assert!(!remark.to_string().is_empty());
            }
        }
        Err(e) => assert!(!e.to_string().is_empty()),
    }
}

fn dump(bytes: &[u8]) {
    let Some((head, text)) = bytes.split_at_checked(24) else {
        return;
    };
    let Some(dump) = goroutines::parse(text) else { return };
    let profile = dump.to_profile();
    profile.check().expect("sound");
    let goroutines: i64 = profile.totals().iter().sum();
    assert_eq!(goroutines, dump.goroutines.len() as i64);
    // Against itself, as a dump and a profile of one moment are joined.
    let (mut counted, mut forms) = (profile.clone(), profile.clone());
    let before = counted.totals();
    describe_by_dump(&mut counted, &mut forms, &KNOWLEDGE);
    counted.check().expect("sound");
    assert_eq!(counted.totals(), before);
    label_by_profile(&mut forms, &profile);
    forms.check().expect("sound");
    every_report::run(counted, &mut Choices::new(head));
}

fn names(text: &str) {
    for line in text.lines().take(64) {
        let name = GoName::parse(line);
        let _ = (
            name.package(),
            name.symbol(),
            name.is_std(),
            name.elided(),
            name.comparison_key(),
        );
        let _ = (name.module(line).len(), name.parts());
        let _ = KNOWLEDGE.classify(&name);
        let _ = GoName::parse_in(line, line).qualified().len();
        let _ = KNOWLEDGE.canonical(line);
        let _ = KNOWLEDGE.classify_wait(line);
        let _ = kubeprof::symbolize::names::readable(line);
    }
}
