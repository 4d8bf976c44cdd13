//! When a node that could not be reached may be tried again. Pure: the clock is handed in.

use std::time::{Duration, Instant};

/// Pause after the first failure, in milliseconds; it doubles with every further one.
const FIRST_PAUSE_MS: u64 = 500;
/// Longest pause, in milliseconds: how long a node that came back may be overlooked.
const LONGEST_PAUSE_MS: u64 = 8000;

/// The failures of one node since it was last reached.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
    until: Option<Instant>,
}

impl Backoff {
    /// How long the node is still to be left alone; `None` when it may be tried.
    pub(crate) fn pause(&self, now: Instant) -> Option<Duration> {
        self.until.and_then(|until| until.checked_duration_since(now)).filter(|pause| !pause.is_zero())
    }

    pub(crate) fn failed(&mut self, now: Instant) {
        let pause_ms = FIRST_PAUSE_MS.saturating_mul(1 << self.failures.min(32)).min(LONGEST_PAUSE_MS);
        self.failures = self.failures.saturating_add(1);
        self.until = Some(now + Duration::from_millis(pause_ms));
    }

    pub(crate) fn succeeded(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let now = Instant::now();
        let mut backoff = Backoff::default();
        assert_eq!(backoff.pause(now), None);
        for pause_ms in [500, 1000, 2000, 4000, 8000, 8000] {
            backoff.failed(now);
            assert_eq!(backoff.pause(now), Some(Duration::from_millis(pause_ms)));
        }
        for _ in 0..100 {
            backoff.failed(now);
        }
        assert_eq!(backoff.pause(now), Some(Duration::from_millis(LONGEST_PAUSE_MS)));
    }

    #[test]
    fn a_pause_ends_by_itself_and_success_ends_it_at_once() {
        let now = Instant::now();
        let mut backoff = Backoff::default();
        backoff.failed(now);
        assert_eq!(backoff.pause(now + Duration::from_millis(499)), Some(Duration::from_millis(1)));
        assert_eq!(backoff.pause(now + Duration::from_millis(500)), None);
        backoff.failed(now);
        backoff.succeeded();
        assert_eq!(backoff.pause(now), None);
        backoff.failed(now);
        assert_eq!(backoff.pause(now), Some(Duration::from_millis(FIRST_PAUSE_MS)), "it starts anew");
    }
}
