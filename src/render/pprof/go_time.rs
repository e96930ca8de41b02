//! Times and durations as Go's `time` package writes them.

use jiff::{Timestamp, Zoned};

use super::local_zone::local_zone;

fn local(nanos: i64) -> Option<Zoned> {
    let t = Timestamp::from_nanosecond(i128::from(nanos)).ok()?;
    Some(t.to_zoned(local_zone()))
}

/// `2006-01-02 15:04:05 MST` in the local zone.
pub(in crate::render) fn short(nanos: i64) -> String {
    local(nanos).map_or_else(|| nanos.to_string(), |t| t.strftime("%Y-%m-%d %H:%M:%S %Z").to_string())
}

/// `2006-01-02 15:04:05.999999999 -0700 MST` in the local zone.
pub(super) fn long(nanos: i64) -> String {
    let Some(t) = local(nanos) else {
        return nanos.to_string();
    };
    let mut fraction = format!(".{:09}", nanos.rem_euclid(1_000_000_000));
    while fraction.ends_with('0') {
        fraction.pop();
    }
    if fraction == "." {
        fraction.clear();
    }
    format!("{}{fraction} {}", t.strftime("%Y-%m-%d %H:%M:%S"), t.strftime("%z %Z"))
}

/// A duration to the second from one second on, for people.
pub(in crate::render) fn coarse(nanos: i64) -> String {
    const SECOND: i64 = 1_000_000_000;
    duration(if nanos.abs() >= SECOND {
        nanos / SECOND * SECOND
    } else {
        nanos
    })
}

/// `time.Duration.String`.
pub(super) fn duration(nanos: i64) -> String {
    let sign = if nanos < 0 { "-" } else { "" };
    let n = nanos.unsigned_abs();
    let fraction = |whole: u64, rest: u64, digits: usize| {
        let mut text = format!("{whole}.{rest:0digits$}");
        while text.ends_with('0') {
            text.pop();
        }
        text.trim_end_matches('.').to_owned()
    };
    if n == 0 {
        return "0s".to_owned();
    }
    if n < 1_000 {
        return format!("{sign}{n}ns");
    }
    if n < 1_000_000 {
        return format!("{sign}{}µs", fraction(n / 1_000, n % 1_000, 3));
    }
    if n < 1_000_000_000 {
        return format!("{sign}{}ms", fraction(n / 1_000_000, n % 1_000_000, 6));
    }
    let seconds = n / 1_000_000_000;
    let tail = fraction(seconds % 60, n % 1_000_000_000, 9);
    match (seconds / 3600, seconds / 60 % 60) {
        (0, 0) => format!("{sign}{tail}s"),
        (0, m) => format!("{sign}{m}m{tail}s"),
        (h, m) => format!("{sign}{h}h{m}m{tail}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::duration;

    #[test]
    fn durations() {
        for (nanos, want) in [
            (0, "0s"),
            (999, "999ns"),
            (1_500, "1.5µs"),
            (10_000_000, "10ms"),
            (1_195_000_000, "1.195s"),
            (240_360_000_000, "4m0.36s"),
            (3_600_000_000_000, "1h0m0s"),
            (-1_000_000_000, "-1s"),
        ] {
            assert_eq!(duration(nanos), want);
        }
    }
}
