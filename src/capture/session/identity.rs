//! Which process answers, by what metrics say, and what of what was taken may be of another one. Nothing is asked or written
//! here: `restart` does what follows.
//!
//! Only metrics tell, and they cost the kubelet about 10 ms. So they are asked at the start and at the end of a snapshot,
//! after every measurement, before something broken is asked for again, and before what belongs to the process alone is
//! taken by a resumption. What comes in between is in the bundle at once and in doubt until the next answer: when
//! that is of another process, only what was whole before that process began stays.

use jiff::Timestamp;

use crate::bundle::RunRecord;
use crate::bundle::manifest::{Artifact, Exchange, Process, Slot};
use crate::capture::clock;
use crate::capture::facts::{Gauges, NodeFacts};

/// The start of a process is known to a second, and so is the clock of a server.
const CLOSE_MS: i64 = 2000;

/// The process of a run as far as it is known.
#[derive(Debug, Default)]
pub(super) struct Identity {
    /// Number of the run; 0 before the first.
    pub(super) run: u32,
    /// Which process it is of.
    pub(super) process: Process,
    /// What its metrics said last.
    pub(super) gauges: Gauges,
    /// When metrics last named the process of the run, by the server's clock.
    confirmed: Option<i64>,
    /// Until when the process of the run surely lived, by what an earlier capture took of it.
    lived: Option<i64>,
    /// Whether the node's clock was set meanwhile.
    stepped: bool,
    /// What was taken since then.
    pending: Vec<Pending>,
}

/// What metrics say about the process.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Heard {
    /// They do not tell.
    Untold,
    /// It is the first of a run.
    First(Box<Process>),
    /// It is that of the run, which was not known so well before.
    Known,
    /// It is that of the run.
    Same,
    /// It is that of the run, and the node's clock was set, which is heard for the first time.
    ClockSet,
    /// It is another.
    Other {
        /// Which.
        process: Box<Process>,
        /// What was taken and may be of either.
        doubtful: Vec<Slot>,
    },
}

/// An artifact of which it is not sure yet that it is of the process of its run.
#[derive(Clone, Debug)]
struct Pending {
    slot: Slot,
    /// When it was asked for and when it was whole, in milliseconds of Unix time by the server's clock.
    from: i64,
    to: i64,
    /// Whether an earlier capture took it.
    earlier: bool,
    /// Whether that came after a snapshot that ended, and so after the process was heard of.
    after_end: bool,
}

impl Pending {
    fn of(artifact: &Artifact, earlier: bool) -> Self {
        let from = at_server(&artifact.exchange);
        let took = i64::try_from(artifact.exchange.done_ms.unwrap_or(0)).unwrap_or(0);
        Pending {
            slot: artifact.slot.clone(),
            from,
            to: from.saturating_add(took),
            earlier,
            after_end: false,
        }
    }

    /// Whether it was whole before a process began. What an earlier capture took after the end of a snapshot gets the benefit
    /// of the doubt: no kubelet serves in the second in which it is started, and a restart after the end of the
    /// capture must lose nothing.
    fn is_before(&self, start: i64) -> bool {
        let margin = if self.after_end { -CLOSE_MS / 2 } else { CLOSE_MS };
        self.to.saturating_add(margin) <= start
    }
}

/// When a request was sent, in milliseconds of Unix time by the server's clock.
pub(super) fn at_server(exchange: &Exchange) -> i64 {
    let sent = exchange.t_request.unwrap_or_else(clock::now).as_millisecond();
    sent.saturating_add(exchange.clock_skew_ms.unwrap_or(0))
}

/// Whether both are one process. Where both say when they began, that alone tells: what the node says of itself lags.
fn is_same(a: &Process, b: &Process) -> bool {
    match (a.start_time, b.start_time) {
        (Some(x), Some(y)) => (x - y).abs() <= 0.1,
        _ => a.may_be(b),
    }
}

fn millis(seconds: f64) -> i64 {
    (seconds * 1000.0) as i64
}

impl Identity {
    /// Goes on with a run. What an earlier capture took last of the process is in doubt until it is heard of again;
    /// but for snapshots that came to their end, which they did by hearing of it.
    pub(super) fn recall(run: &RunRecord) -> Self {
        let since: Option<Timestamp> = run.snapshots.last().map(|s| s.id.taken);
        let ended = run.snapshots.iter().filter(|s| s.ended).flat_map(|s| &s.artifacts);
        let after_end = run.snapshots.last().is_some_and(|s| s.ended);
        let last = run.snapshots.last().filter(|s| !s.ended);
        let last = last.map(|s| s.artifacts.as_slice()).unwrap_or_default();
        let after = |a: &&Artifact| a.exchange.t_request >= since;
        Identity {
            run: run.run,
            process: run.process.clone(),
            lived: ended.map(|a| Pending::of(a, true).to).max(),
            pending: last
                .iter()
                .chain(run.once.iter().filter(after))
                .filter(|a| !is_told(&a.slot.artifact))
                .map(|a| Pending {
                    after_end,
                    ..Pending::of(a, true)
                })
                .collect(),
            ..Identity::default()
        }
    }

    /// Notes that an artifact was taken, of whichever process.
    pub(super) fn question(&mut self, artifact: &Artifact) {
        if !is_told(&artifact.slot.artifact) {
            self.pending.push(Pending::of(artifact, false));
        }
    }

    /// Whether something is in doubt.
    pub(super) fn is_in_question(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Compares what metrics say, asked for at this time by the server's clock, with the process of the run.
    pub(super) fn hear(&mut self, gauges: Gauges, node: Option<&NodeFacts>, asked: i64) -> Heard {
        let process = gauges.process(node);
        let before = std::mem::replace(&mut self.gauges, gauges);
        let Some(start) = process.start_time.map(millis) else {
            return Heard::Untold;
        };
        let mut heard = Heard::Same;
        if self.run == 0 {
            heard = Heard::First(Box::new(process));
        } else if self.process.start_time.is_none() && self.adopts(&process, start, asked) {
            let facts = std::mem::take(&mut self.process.facts);
            self.process = process;
            self.process.facts.extend(facts);
            heard = Heard::Known;
        } else if !is_same(&process, &self.process) {
            if !self.is_step(&process, start, &before) {
                let doubtful = self.doubtful(start, asked);
                self.confirmed = Some(asked);
                let process = Box::new(process);
                return Heard::Other { process, doubtful };
            }
            self.process.start_time = process.start_time;
            if !std::mem::replace(&mut self.stepped, true) {
                heard = Heard::ClockSet;
            }
        }
        self.pending.clear();
        self.confirmed = Some(asked);
        heard
    }

    /// Begins a run of this process.
    pub(super) fn begin(&mut self, process: Process) {
        self.run += 1;
        self.process = process;
    }

    /// Whether metrics are of another process; nothing follows of it.
    pub(super) fn is_gone(&mut self, gauges: Gauges, node: Option<&NodeFacts>) -> bool {
        let before = std::mem::replace(&mut self.gauges, gauges);
        let process = self.gauges.process(node);
        let start = process.start_time.map(millis);
        !is_same(&process, &self.process) && !start.is_some_and(|start| self.is_step(&process, start, &before))
    }

    /// What may be of another process, which began at `start` and was heard of at `asked`, both by the server's clock.
    fn doubtful(&mut self, start: i64, asked: i64) -> Vec<Slot> {
        let confirmed = self.confirmed;
        let stays = |p: &Pending| {
            let since = confirmed.unwrap_or(p.from);
            // A start that is not where it must be is of a clock that tells nothing.
            let tells = (since.saturating_sub(CLOSE_MS)..=asked.saturating_add(CLOSE_MS)).contains(&start);
            if tells { p.is_before(start) } else { p.earlier }
        };
        let pending = std::mem::take(&mut self.pending);
        pending.into_iter().filter(|p| !stays(p)).map(|p| p.slot).collect()
    }

    /// Whether another time of start is only another clock: Linux reckons it from the time of day, which may be set. A process
    /// that began before the one of the run was last heard of cannot have replaced it, and one process's CPU time never falls.
    fn is_step(&self, process: &Process, start: i64, before: &Gauges) -> bool {
        const MOST_UNSEEN_MS: i64 = 600_000;
        let differs = |a: &str, b: &str| !a.is_empty() && !b.is_empty() && a != b;
        if differs(&process.boot_id, &self.process.boot_id)
            || differs(&process.kubelet_version, &self.process.kubelet_version)
        {
            return false;
        }
        let was = self.process.start_time.map_or(start, millis);
        let alive = match (before.cpu_seconds, self.gauges.cpu_seconds) {
            (Some(before), Some(after)) => before <= after,
            // Nothing was heard in this visit yet: only as far as clocks are usually set.
            _ => (start - was).abs() <= MOST_UNSEEN_MS,
        };
        let heard = self.confirmed.or(self.lived);
        alive && heard.is_some_and(|heard| start < heard.saturating_sub(CLOSE_MS))
    }

    /// Whether a run of a process that was never told may be of this one: nothing of it is older.
    fn adopts(&self, process: &Process, start: i64, asked: i64) -> bool {
        let older = start <= asked.saturating_add(CLOSE_MS) && self.pending.iter().any(|p| p.is_before(start));
        !older && process.may_be(&self.process)
    }
}

/// Whether an artifact itself says which process it is of, or is of none.
fn is_told(artifact: &str) -> bool {
    matches!(artifact, "metrics" | "version" | "node")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::SnapshotRecord;
    use crate::bundle::manifest::SnapshotId;

    const NOW: i64 = 1_795_461_258_000;

    fn artifact(name: &str, from: i64, took: u64) -> Artifact {
        Artifact {
            slot: Slot {
                node: "n".to_owned(),
                run: 1,
                snapshot: None,
                artifact: name.to_owned(),
            },
            exchange: Exchange {
                t_request: Timestamp::from_millisecond(from).ok(),
                done_ms: Some(took),
                ..Exchange::default()
            },
            ..Artifact::default()
        }
    }

    fn gauges(start: i64, cpu: Option<f64>) -> Gauges {
        Gauges {
            start_time: Some(start as f64 / 1e3),
            cpu_seconds: cpu,
            ..Gauges::default()
        }
    }

    /// A process that began an hour before and was heard of now.
    fn known(cpu: Option<f64>) -> Identity {
        let mut identity = Identity::default();
        let heard = identity.hear(gauges(NOW - 3_600_000, cpu), None, NOW);
        let Heard::First(process) = heard else {
            panic!("{heard:?}")
        };
        identity.begin(*process);
        identity
    }

    /// What is doubtful when a process that began at `start` is heard of at `asked`.
    fn doubtful(identity: &mut Identity, start: i64, asked: i64) -> Option<usize> {
        match identity.hear(gauges(start, None), None, asked) {
            Heard::Other { doubtful, .. } => Some(doubtful.len()),
            _ => None,
        }
    }

    #[test]
    fn what_was_whole_two_seconds_before_stays() {
        let whole = NOW + 5_000;
        for (start, gone) in [
            (whole + 1_999, 1),
            (whole + 2_000, 0),
            (whole + 2_001, 0),
            (whole - 1_000, 1),
        ] {
            let mut identity = known(None);
            identity.question(&artifact("heap", NOW + 1_000, 4_000));
            assert_eq!(
                doubtful(&mut identity, start, NOW + 30_000),
                Some(gone),
                "{}",
                start - whole
            );
            assert!(!identity.is_in_question());
        }
    }

    /// After the end of a snapshot the process was heard of, so a second before the end of what followed is early enough.
    #[test]
    fn what_an_earlier_capture_took_after_an_end_has_the_benefit_of_the_doubt() {
        let whole = NOW + 5_000;
        let id = SnapshotId {
            number: 1,
            taken: Timestamp::from_millisecond(NOW - 1_000).expect("a time"),
        };
        for (ended, start, gone) in [
            (true, whole - 1_001, 1),
            (true, whole - 1_000, 0),
            (true, whole - 999, 0),
            (false, whole + 1_999, 2),
            (false, whole + 2_000, 0),
        ] {
            let run = RunRecord {
                run: 1,
                process: Process {
                    start_time: Some((NOW - 3_600_000) as f64 / 1e3),
                    ..Process::default()
                },
                once: vec![artifact("cpu", NOW + 1_000, 4_000)],
                snapshots: vec![SnapshotRecord {
                    id,
                    ended,
                    artifacts: vec![
                        artifact("metrics", NOW - 1_000, 10),
                        artifact("heap", NOW + 1_000, 4_000),
                    ],
                    lacks: Vec::new(),
                }],
                ..RunRecord::default()
            };
            let mut identity = Identity::recall(&run);
            assert_eq!(
                doubtful(&mut identity, start, NOW + 3_000_000),
                Some(gone),
                "{ended} {}",
                start - whole
            );
        }
    }

    #[test]
    fn cpu_time_never_falls_within_a_process() {
        // The clock was set back by a second, or a process with a wrong clock took its place: its CPU time says which.
        for (before, after, expected) in [
            (Some(10.0), Some(10.1), Heard::ClockSet),
            (Some(10.0), Some(10.0), Heard::ClockSet),
            (None, None, Heard::ClockSet),
        ] {
            let mut identity = known(before);
            let heard = identity.hear(gauges(NOW - 3_599_000, after), None, NOW + 60_000);
            assert_eq!(heard, expected, "{before:?} {after:?}");
            let heard = identity.hear(gauges(NOW - 3_598_000, after), None, NOW + 60_000);
            assert_eq!(heard, Heard::Same, "it is said once");
        }
        let mut identity = known(Some(10.0));
        let heard = identity.hear(gauges(NOW - 3_599_000, Some(9.9)), None, NOW + 60_000);
        assert!(matches!(heard, Heard::Other { .. }), "{heard:?}");
        // Nothing of CPU time: only as far as clocks are usually set.
        for (step, same) in [(600_000, true), (600_001, false)] {
            let mut identity = known(None);
            let heard = identity.hear(gauges(NOW - 3_600_000 + step, None), None, NOW + 60_000);
            assert_eq!(heard == Heard::ClockSet, same, "{step}: {heard:?}");
        }
        // One that began after the other was heard of is another, whatever its CPU time.
        for (start, same) in [(NOW - 2_001, true), (NOW - 2_000, false)] {
            let mut identity = known(Some(10.0));
            let heard = identity.hear(gauges(start, Some(11.0)), None, NOW + 60_000);
            assert_eq!(heard == Heard::ClockSet, same, "{start}: {heard:?}");
        }
    }

    #[test]
    fn another_boot_or_version_is_no_clock() {
        for (boot_id, version) in [("b-2", "v1"), ("b-1", "v2")] {
            let mut identity = known(Some(1.0));
            (identity.process.boot_id, identity.process.kubelet_version) = ("b-1".to_owned(), "v1".to_owned());
            let node = NodeFacts {
                boot_id: boot_id.to_owned(),
                kubelet_version: version.to_owned(),
                ..NodeFacts::default()
            };
            let heard = identity.hear(gauges(NOW - 3_599_000, Some(2.0)), Some(&node), NOW + 60_000);
            assert!(matches!(heard, Heard::Other { .. }), "{heard:?}");
        }
    }

    #[test]
    fn a_tenth_of_a_second_is_no_difference() {
        let mut identity = known(None);
        assert_eq!(identity.hear(gauges(NOW - 3_599_901, None), None, NOW), Heard::Same);
        assert_eq!(identity.hear(Gauges::default(), None, NOW), Heard::Untold);
    }
}
