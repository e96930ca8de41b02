//! Profiles in a bundle are those that `kubectl get --raw` gives: the same bytes decoded, sample for sample.

use std::process::Command;

use kubeprof::model::Profile;
use kubeprof::pprof::{self, Limit};

use crate::{Lab, NODE};

/// Takes both one right after the other until the kubelet did nothing between them, and compares.
pub(crate) fn with_plain_requests(lab: &mut Lab) {
    for (artifact, path) in [
        ("heap", "debug/pprof/heap"),
        ("threadcreate", "debug/pprof/threadcreate"),
        ("goroutine", "debug/pprof/goroutine"),
    ] {
        let mut last = String::new();
        let equal = (0..40).any(|attempt| {
            let name = format!("equal-{artifact}-{attempt}");
            let args = ["capture", NODE, "--out", &name, "--profiles", artifact];
            let ran = lab.kubeprof(&name, &args, &[]);
            assert_eq!(ran.code, Some(0), "{}", ran.out);
            let event = ran
                .events("artifact")
                .into_iter()
                .find(|e| e["artifact"] == artifact)
                .expect("it is there");
            let ours = std::fs::read(ran.bundle.join(event["path"].as_str().expect("a path"))).expect("a file");
            let theirs = plain(lab, path);
            let (ours, theirs) = (decoded(ours), decoded(theirs));
            let types = |p: &Profile| {
                (0..p.sample_types.len())
                    .map(|i| format!("{:?}", p.sample_type(i)))
                    .collect::<Vec<_>>()
            };
            assert_eq!(types(&ours), types(&theirs), "{artifact}");
            assert_eq!(ours.build_id(), theirs.build_id());
            assert_eq!(ours.period, theirs.period);
            let (a, b) = (samples(&ours), samples(&theirs));
            last = format!("{} samples and {} samples", a.len(), b.len());
            a == b
        });
        assert!(equal, "{artifact}: never the same in 40 attempts: {last}");
        eprintln!("lab: {artifact} equals what a plain request gives, sample for sample");
    }
}

/// What `kubectl get --raw` does.
fn plain(lab: &Lab, path: &str) -> Vec<u8> {
    let url = format!("https://127.0.0.1:6443/api/v1/nodes/{NODE}/proxy/{path}");
    let out = Command::new("curl")
        .args([
            "-sfk",
            "--cert",
            &lab.file("pki/admin.crt"),
            "--key",
            &lab.file("pki/admin.key"),
            &url,
        ])
        .output()
        .expect("curl");
    assert!(out.status.success(), "{url}");
    out.stdout
}

fn decoded(bytes: Vec<u8>) -> Profile {
    pprof::read(bytes, Limit::Proportional, false)
        .expect("a profile")
        .profile
}

/// Every sample as text: its stack of addresses and its values, in a fixed order.
fn samples(p: &Profile) -> Vec<String> {
    let mut all: Vec<String> = (0..p.samples.len())
        .map(|i| format!("{:?} {:?}", addresses(p, i), p.samples.values(i)))
        .collect();
    all.sort();
    all
}

fn addresses(p: &Profile, sample: usize) -> Vec<u64> {
    let stack = p.stacks.get(p.samples.stack(sample));
    stack.iter().map(|l| p.locations[l.index()].address).collect()
}
