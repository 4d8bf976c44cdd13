//! How fast a steward reads and sends, measured over the last minute.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// Over how long the rate is measured.
const WINDOW: Duration = Duration::from_mins(1);
/// Measurements kept: as many as the window has seconds, and one before.
const SAMPLES_MAX: usize = 61;

/// What audits and repairs read and send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Traffic {
    /// Bytes per second that they may take together.
    pub limit: Option<u64>,
    /// Bytes per second over the last minute.
    pub rate: u64,
    /// Bytes since the steward began.
    pub total: u64,
}

/// Measures a rate out of sums.
#[derive(Debug, Default)]
pub(crate) struct Meter(VecDeque<(Instant, u64)>);

impl Meter {
    /// The bytes per second of the last minute, when `total` bytes have passed until `now`.
    pub(crate) fn measure(&mut self, total: u64, now: Instant) -> u64 {
        // The oldest sample is the last one from before the window.
        while self.0.get(1).is_some_and(|(at, _)| now.duration_since(*at) >= WINDOW)
            || self.0.len() >= SAMPLES_MAX
        {
            self.0.pop_front();
        }
        self.0.push_back((now, total));
        let (since, before) = self.0[0];
        let millis = u64::try_from(now.duration_since(since).as_millis()).unwrap_or(u64::MAX);
        (total - before).saturating_mul(1000) / millis.max(1000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_the_last_minute() {
        let (start, mut meter) = (Instant::now(), Meter::default());
        let mut at = |seconds, total| meter.measure(total, start + Duration::from_secs(seconds));
        assert_eq!(at(0, 500), 0, "nothing is known of the time before");
        assert_eq!(at(10, 10_500), 1000);
        assert_eq!(at(100, 19_500), 100, "nothing was measured in between");
        for second in 101..400 {
            at(second, 19_500 + 7 * (second - 100));
        }
        assert_eq!(at(400, 19_500 + 2100), 7);
        assert_eq!(at(460, 19_500 + 2100), 0);
    }
}
