//! What this side could not do, or left out on purpose, in words.

use super::{Words, said, told};
use crate::bundle::manifest::{Cause, Details};

pub(super) fn words(cause: Cause, d: &Details) -> Option<Words> {
    let origin = d.origin.as_str();
    Some(match cause {
        Cause::Defect => told(
            said("a library that kubeprof uses broke over the request", d),
            "this is a defect of kubeprof: please report it, with the kubeconfig's `server` and `proxy-url`",
        ),
        Cause::Disk => told(said("cannot write", d), "make room, then go on with --resume"),
        Cause::Interrupted => told("interrupted", "go on with --resume"),
        Cause::TooManyGoroutines => {
            let goroutines = d.goroutines.unwrap_or(0);
            told(
                format!(
                    "{goroutines} goroutines: a dump would stop them all for about {} ms",
                    goroutines / 1000
                ),
                "--force captures it anyway",
            )
        }
        Cause::MemoryPressure => told(
            "the node says MemoryPressure, and this needs memory or a garbage collection",
            "--force captures it anyway",
        ),
        Cause::NoApiServer => told("there is no API server on this route", ""),
        Cause::ProcessGone => told("the process ended before this was due", ""),
        Cause::ProcessUncertain => told(
            "the kubelet was restarted about then: which process this was of is not known",
            "",
        ),
        Cause::Restarted => told(
            "the kubelet was restarted while this was taken, and nothing of the next process came",
            "a kubelet that restarts again and again: --profiles with only what comes fast, --series with many snapshots",
        ),
        Cause::ThresholdNotMeasured => told(
            "its metrics have neither resident memory nor goroutines, whichever is waited for",
            "capture without --until-memory and --until-goroutines, or wait for the other of both",
        ),
        Cause::FileGone => told(
            "its file was gone from the bundle, or was not what had been taken",
            "take it again while the process lives: kubeprof capture --resume",
        ),
        Cause::FileMissing => told("its file was missing when bundles were merged", ""),
        Cause::NothingToCompare => told(
            format!("no profile in the bundle to compare {origin} with"),
            "capture a profile first, then --resume with --binary",
        ),
        Cause::ExecutableUnreadable => told(
            said(origin, d),
            match origin.starts_with("ssh://") {
                true => {
                    "does `ssh` lead there by hand? The kubelet's executable needs root, or sudo without a password"
                }
                false => "--binary takes the path of a kubelet, or ssh://[user@]host",
            },
        ),
        Cause::NotAnExecutable => told(
            said(&format!("{origin} is not an executable of Go"), d),
            "name the kubelet that runs with --resume and --binary; ssh://HOST takes it from /proc",
        ),
        Cause::OtherExecutable => told(
            format!("{origin} has build ID {}, the profiles are of {}", d.found, d.wanted),
            "it was replaced on the node since the kubelet was started; ssh://HOST takes what runs, from /proc",
        ),
        Cause::NotText => told("it is not text", ""),
        Cause::Altered => told("it is not what its manifest says", ""),
        Cause::Unreadable => told(said("it cannot be read", d), ""),
        Cause::NotRedactable => told("what it is cannot be redacted", ""),
        Cause::NumbersWouldChange => told("its numbers would not be the same", ""),
        _ => return None,
    })
}
