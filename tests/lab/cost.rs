//! What a series costs the kubelet: its processor time with a series and without one, over as long.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use crate::{Lab, NODE};

/// Snapshots of a default series, and the seconds between two of them.
const SNAPSHOTS: u32 = 6;
const APART: f64 = 60.0;

/// A default series, played faster, stays below a hundredth of one processor; the CPU profile does not count.
pub(crate) fn of_a_series(lab: &mut Lab) {
    lab.title("what a series of six costs the kubelet");
    let began = Instant::now();
    let before = seconds(lab);
    let n = SNAPSHOTS.to_string();
    let args = [
        "capture", NODE, "--out", "cost", "--quick", "--series", &n, "--every", "4s",
    ];
    let ran = lab.kubeprof("cost", &args, &[]);
    ran.is(0, &[]);
    let (with, took) = (seconds(lab) - before, began.elapsed());
    let idle = idle(lab, took);
    let share = (with - idle).max(0.0) / (f64::from(SNAPSHOTS) * APART);
    let text = format!(
        "{SNAPSHOTS} snapshots in {:.0} s: {with:.2} s of CPU; as long without: {idle:.2} s; a minute apart that is {:.3} % of \
         one processor",
        took.as_secs_f64(),
        share * 100.0
    );
    eprintln!("lab: {text}");
    let _ = writeln!(lab.transcript, "{text}");
    assert!(share < 0.01, "{text}");
}

fn idle(lab: &Lab, time: Duration) -> f64 {
    let before = seconds(lab);
    std::thread::sleep(time);
    seconds(lab) - before
}

/// Processor time of the kubelet: user and system ticks (fields 14 and 15 of /proc/PID/stat), a hundred a second on Linux.
fn seconds(lab: &Lab) -> f64 {
    let pid = std::fs::read_to_string(lab.file("run/kubelet.pid")).expect("a pid");
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).expect("a process");
    let behind_name = stat.rsplit(") ").next().expect("fields");
    let ticks = behind_name.split(' ').skip(11).take(2);
    ticks.map(|t| t.parse::<f64>().expect("ticks") / 100.0).sum()
}
