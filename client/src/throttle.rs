//! How fast background work may go: bytes per second in the long run, shared by all that a client does at once.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What may pass at once after a pause, as a time at the full rate.
const BURST: Duration = Duration::from_millis(250);

/// Counts what passes, and waits as long as it takes to keep a rate; without one it never waits. Clones share both.
#[derive(Debug, Clone, Default)]
pub(crate) struct Throttle(Arc<Gate>);

#[derive(Debug, Default)]
struct Gate {
    passed: AtomicU64,
    line: Option<Line>,
}

#[derive(Debug)]
struct Line {
    /// Bytes per second, at least 1.
    rate: u64,
    /// When everything that was let through so far has passed at this rate.
    free_at: Mutex<Instant>,
}

impl Throttle {
    pub(crate) fn new(rate: Option<u64>) -> Self {
        let line = rate.map(|rate| Line::new(rate, Instant::now()));
        Self(Arc::new(Gate { passed: AtomicU64::new(0), line }))
    }

    /// Returns when so many bytes may be asked for or sent.
    pub(crate) async fn pass(&self, bytes: u64) {
        if let Some(line) = &self.0.line {
            let wait = line.take(bytes, Instant::now());
            if !wait.is_zero() {
                tokio::time::sleep(wait).await;
            }
        }
        self.0.passed.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Bytes that were let through so far.
    pub(crate) fn passed(&self) -> u64 {
        self.0.passed.load(Ordering::Relaxed)
    }
}

impl Line {
    fn new(rate: u64, now: Instant) -> Self {
        Self { rate: rate.max(1), free_at: Mutex::new(now) }
    }

    /// The time to wait before these bytes may pass.
    fn take(&self, bytes: u64, now: Instant) -> Duration {
        let nanos = u128::from(bytes) * 1_000_000_000 / u128::from(self.rate);
        let takes = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        let mut free_at = self.free_at.lock().unwrap_or_else(PoisonError::into_inner);
        let begins = (*free_at).max(now.checked_sub(BURST).unwrap_or(now));
        *free_at = begins + takes;
        free_at.saturating_duration_since(now)
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_rate_is_kept_in_the_long_run() {
        let start = Instant::now();
        let line = Line::new(1_000_000, start);
        let waits: Vec<_> = (0..20).map(|_| line.take(100_000, start)).collect();
        assert_eq!(waits[0], Duration::from_millis(100));
        assert_eq!(waits[19], Duration::from_secs(2));
        let later = start + Duration::from_mins(1);
        assert_eq!(line.take(100_000, later), Duration::ZERO, "a pause allows a little at once");
        assert_eq!(line.take(1_000_000, later), Duration::from_millis(850), "but no more than that");
    }

    proptest! {
        /// Whoever asks and whenever: between any two moments no more passes than the rate allows and a burst, and
        /// nobody waits longer than that asks for.
        #[test]
        fn no_stretch_of_time_sees_more_than_the_rate(
            rate in 1_000_u64..10_000_000,
            asked in vec((0_u64..2_000, 1_u64..200_000), 1..60),
        ) {
            let start = Instant::now();
            let line = Line::new(rate, start);
            let mut now = start;
            let mut passed = Vec::new();
            for (pause_ms, bytes) in asked {
                now += Duration::from_millis(pause_ms);
                passed.push((now + line.take(bytes, now), bytes));
            }
            for (from, (begin, _)) in passed.iter().enumerate() {
                let mut sum = 0;
                for (end, bytes) in &passed[from + 1..] {
                    sum += bytes;
                    // A nanosecond for each piece is lost to rounding.
                    let time = end.duration_since(*begin) + BURST + Duration::from_nanos(60);
                    prop_assert!(u128::from(sum) <= u128::from(rate) * time.as_nanos() / 1_000_000_000 + 1);
                }
            }
            let all: u64 = passed.iter().map(|(_, bytes)| bytes).sum();
            let longest = now + Duration::from_nanos(all * 1_000_000_000 / rate);
            prop_assert!(passed.iter().all(|(at, _)| *at <= longest));
        }
    }

    #[tokio::test]
    async fn what_passes_is_counted_without_a_rate_too() {
        for rate in [None, Some(1_000_000)] {
            let throttle = Throttle::new(rate);
            throttle.clone().pass(300).await;
            throttle.pass(40).await;
            assert_eq!(throttle.passed(), 340);
        }
    }
}
