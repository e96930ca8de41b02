//! A dump and a profile of one moment: what one form knows is given to the other, and no goroutine is lost.

use std::path::Path;
use std::sync::Arc;

use kubeprof::analysis::{describe_by_dump, label_by_profile};
use kubeprof::kubelet::Knowledge;
use kubeprof::model::Profile;
use kubeprof::pprof::goroutines;

fn dump(name: &str) -> Profile {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name);
    let text = std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    goroutines::parse(&text).expect("a dump").to_profile()
}

/// A profile with frames left out: it was made of a dump itself. Found by fuzzing: its goroutines were lost.
#[test]
fn totals_stay_when_frames_are_left_out_on_both_sides() {
    let knowledge = Arc::new(Knowledge::builtin());
    for name in [
        "goroutines/odd.txt",
        "goroutines/go1.16-dump.txt",
        "goroutines/go1.27-dump.txt",
        "goroutines/go1.27-panic.txt",
        "gotext/goroutine.debug2.txt",
        "gotext/leaked.debug2.txt",
    ] {
        for labels in [true, false] {
            let (mut profile, mut forms) = (dump(name), dump(name));
            if !labels {
                profile.samples.retain_labels(|_| false);
            }
            let before = profile.totals();
            let joined = describe_by_dump(&mut profile, &mut forms, &knowledge);
            profile.check().expect("sound");
            assert_eq!(profile.totals(), before, "{name} {labels}");
            assert_eq!(
                [joined.same_count + joined.other_count + joined.missing],
                before[..],
                "{name}"
            );
            label_by_profile(&mut forms, &profile);
            forms.check().expect("sound");
            assert_eq!(forms.totals(), before, "{name} {labels}");
        }
    }
}
