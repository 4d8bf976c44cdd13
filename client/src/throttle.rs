//! How fast background work may go: bytes per second in the long run, shared by all that a client does at once.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What may pass at once after a pause, as a time at the full rate.
const BURST: Duration = Duration::from_millis(250);

/// Waits as long as it takes to keep a rate; without one it never waits. Clones share the rate.
#[derive(Debug, Clone, Default)]
pub(crate) struct Throttle(Option<Arc<Line>>);

#[derive(Debug)]
struct Line {
    /// Bytes per second, at least 1.
    rate: u64,
    /// When everything that was let through so far has passed at this rate.
    free_at: Mutex<Instant>,
}

impl Throttle {
    pub(crate) fn new(rate: Option<u64>) -> Self {
        let line = |rate: u64| Arc::new(Line { rate: rate.max(1), free_at: Mutex::new(Instant::now()) });
        Self(rate.map(line))
    }

    /// Returns when so many bytes may be asked for or sent.
    pub(crate) async fn pass(&self, bytes: u64) {
        let Some(line) = &self.0 else { return };
        let wait = line.take(bytes, Instant::now());
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
    }
}

impl Line {
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
    use super::*;

    #[test]
    fn the_rate_is_kept_in_the_long_run() {
        let start = Instant::now();
        let line = Line { rate: 1_000_000, free_at: Mutex::new(start) };
        let waits: Vec<_> = (0..20).map(|_| line.take(100_000, start)).collect();
        assert_eq!(waits[0], Duration::from_millis(100));
        assert_eq!(waits[19], Duration::from_secs(2));
        let later = start + Duration::from_mins(1);
        assert_eq!(line.take(100_000, later), Duration::ZERO, "a pause allows a little at once");
        assert_eq!(line.take(1_000_000, later), Duration::from_millis(850), "but no more than that");
    }
}
