//! A profile of any bytes through every report and every renderer. The first 24 bytes choose the query, the rest is a
//! `profile.proto`, packed or not.
#![no_main]

#[path = "common/choices.rs"]
mod choices;
#[path = "common/every_report.rs"]
mod every_report;

use choices::Choices;
use kubeprof::model::{MergeOptions, compact, merge};
use kubeprof::pprof::{Limit, decode, encode, inflate};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((head, bytes)) = data.split_at_checked(24) else {
        return;
    };
    let Ok(raw) = inflate(bytes, Limit::Bytes(4 << 20)) else {
        return;
    };
    let Ok((profile, _)) = decode(&raw) else { return };
    profile.check().expect("what decodes is sound");
    let mut choices = Choices::new(head);
    if choices.below(8) == 0 {
        laws(&profile);
    }
    every_report::run(profile, &mut choices);
});

/// What holds for every profile.
fn laws(profile: &kubeprof::model::Profile) {
    let once = encode(profile);
    let (again, notes) = decode(&once).expect("what was encoded decodes");
    assert_eq!(notes.invalid_utf8 + notes.unknown_fields, 0);
    assert_eq!(again.totals(), profile.totals());
    assert_eq!(encode(&again), once, "encoding is stable");
    let small = compact(profile.clone()).expect("it fits");
    small.check().expect("sound");
    assert_eq!(small.totals(), profile.totals());
    if profile.sample_types.is_empty() {
        return;
    }
    let merged = merge(vec![profile.clone(), again], MergeOptions::default()).expect("alike");
    merged.check().expect("sound");
}
