//! When the snapshots of a series are due: on a fixed grid, so that rates are rates; what is missed is not made up in a rush.

use std::time::Duration;

/// A series of snapshots.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Schedule {
    /// How many.
    pub snapshots: u32,
    /// From the start of one to the start of the next.
    pub every: Duration,
}

impl Schedule {
    /// One snapshot.
    pub const SINGLE: Schedule = Schedule {
        snapshots: 1,
        every: Duration::ZERO,
    };

    /// How long to wait until the next snapshot, where the last one was begun `begun` after the start of the series and it is
    /// `now`. The next is due at the first point of the grid that is not over yet; a snapshot that ran late is followed at once
    /// only when it met its point.
    pub fn wait(&self, begun: Duration, now: Duration) -> Duration {
        if self.every.is_zero() {
            return Duration::ZERO;
        }
        let step = self.every.as_nanos();
        // The point of the grid that the last one belongs to.
        let last = (begun.as_nanos() + step / 2) / step;
        let next = (last + 1).max(now.as_nanos().div_ceil(step)) * step;
        Duration::from_nanos(u64::try_from(next - now.as_nanos()).unwrap_or(u64::MAX))
    }

    /// How long the whole series takes from its start to the start of its last snapshot.
    pub fn length(&self) -> Duration {
        self.every.saturating_mul(self.snapshots.saturating_sub(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(s: f64) -> Duration {
        Duration::from_secs_f64(s)
    }

    #[test]
    fn snapshots_keep_to_the_grid() {
        let series = Schedule {
            snapshots: 6,
            every: seconds(60.0),
        };
        assert_eq!(series.wait(seconds(0.0), seconds(3.0)), seconds(57.0));
        // Begun a little late: the grid does not drift.
        assert_eq!(series.wait(seconds(60.4), seconds(70.0)), seconds(50.0));
        // Overran by more than a step: the next point, not two at once.
        assert_eq!(series.wait(seconds(60.0), seconds(190.0)), seconds(50.0));
        assert_eq!(series.wait(seconds(60.0), seconds(240.0)), seconds(0.0));
        assert_eq!(series.length(), seconds(300.0));
        assert_eq!(Schedule::SINGLE.wait(seconds(0.0), seconds(5.0)), Duration::ZERO);
    }

    #[test]
    fn no_two_snapshots_share_a_point() {
        let series = Schedule {
            snapshots: 100,
            every: seconds(10.0),
        };
        let (mut begun, mut now) = (Duration::ZERO, Duration::ZERO);
        let mut points = vec![0u128];
        for i in 0..50u32 {
            now = begun + seconds(f64::from(i % 13) * 2.3);
            begun = now + series.wait(begun, now);
            points.push((begun.as_nanos() + 5_000_000_000) / 10_000_000_000);
        }
        assert!(points.windows(2).all(|w| w[0] < w[1]), "{points:?} {now:?}");
    }
}
