//! What time it is by this machine: when something was sent, and when it came.

/// Now, to the millisecond.
#[cfg(not(test))]
pub(super) fn now() -> jiff::Timestamp {
    crate::bundle::now()
}

#[cfg(test)]
pub(super) use turned::now;

/// Where tests turn the clock of tokio, the time of day goes with it.
#[cfg(test)]
mod turned {
    use std::cell::Cell;

    use jiff::Timestamp;
    use tokio::time::Instant;

    thread_local! {
        static BASE: Cell<Option<(Timestamp, Instant)>> = const { Cell::new(None) };
    }

    /// As the other one.
    pub(crate) fn now() -> Timestamp {
        let (time, instant) = BASE.get().unwrap_or_else(|| {
            let base = (crate::bundle::now(), Instant::now());
            BASE.set(Some(base));
            base
        });
        let elapsed = i64::try_from(instant.elapsed().as_millis()).unwrap_or(i64::MAX);
        Timestamp::from_millisecond(time.as_millisecond().saturating_add(elapsed)).unwrap_or(time)
    }
}
