//! How much a node sends: a rate and a monthly sum. Decided without a clock of its own.

use std::time::{Duration, Instant};

use protocol::UnixSeconds;

/// What may be sent at once after a pause, in seconds of the rate.
const BURST_S: f64 = 0.25;
/// A request that would have to wait longer for its first byte is refused.
pub(crate) const WAIT_MAX: Duration = Duration::from_secs(5);

/// Tokens are bytes; taking more than there are is a debt that time pays back.
#[derive(Debug)]
pub(crate) struct Bucket {
    rate: f64,
    tokens: f64,
    filled_at: Instant,
}

impl Bucket {
    /// `rate` in bytes per second.
    #[expect(clippy::cast_precision_loss, reason = "a rate needs no 53 bits")]
    pub(crate) fn new(rate: u64, now: Instant) -> Self {
        let rate = rate.max(1) as f64;
        Self { rate, tokens: rate * BURST_S, filled_at: now }
    }

    /// Takes this many bytes; gives the time to wait before they are sent.
    #[expect(clippy::cast_precision_loss, reason = "pieces are far below 2^53 bytes")]
    pub(crate) fn take(&mut self, bytes: u64, now: Instant) -> Duration {
        self.fill(now);
        self.tokens -= bytes as f64;
        self.wait()
    }

    /// The time to wait before anything more is sent.
    pub(crate) fn wait_at(&mut self, now: Instant) -> Duration {
        self.fill(now);
        self.wait()
    }

    fn fill(&mut self, now: Instant) {
        let gained = now.saturating_duration_since(self.filled_at).as_secs_f64() * self.rate;
        self.tokens = (self.tokens + gained).min(self.rate * BURST_S);
        self.filled_at = now;
    }

    fn wait(&self) -> Duration {
        Duration::from_secs_f64((-self.tokens / self.rate).clamp(0.0, 1e6))
    }
}

/// What was sent in the current month, against its cap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Month {
    pub(crate) number: u64,
    pub(crate) sent: u64,
}

impl Month {
    /// Counts `bytes`; a new month begins at 0.
    pub(crate) fn add(&mut self, bytes: u64, now: UnixSeconds) {
        self.begin_if_new(now);
        self.sent = self.sent.saturating_add(bytes);
    }

    pub(crate) fn allows(&mut self, bytes: u64, cap: Option<u64>, now: UnixSeconds) -> bool {
        self.begin_if_new(now);
        cap.is_none_or(|cap| self.sent.saturating_add(bytes) <= cap)
    }

    fn begin_if_new(&mut self, now: UnixSeconds) {
        let number = month_number(now);
        if number != self.number {
            *self = Self { number, sent: 0 };
        }
    }
}

/// Months since January 1970, by the Gregorian calendar in UTC.
fn month_number(now: UnixSeconds) -> u64 {
    // Days counted from 1 March of year 0, so that the leap day is the last of its year.
    let days = now.get() / 86_400 + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let months_from_march = (5 * day_of_year + 2) / 153;
    (era * 400 + year) * 12 + months_from_march + 2 - 1970 * 12
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Between any two moments no more is sent than the rate allows and a burst, whoever asks and whenever; and
        /// what waits is sent as soon as that allows it.
        #[test]
        fn no_stretch_of_time_sees_more_than_the_rate(
            rate in 10_000_u64..10_000_000,
            asked in vec((0_u64..2_000, 1_u64..200_000), 1..60),
        ) {
            let start = Instant::now();
            let mut bucket = Bucket::new(rate, start);
            let burst = u128::from(rate) / 4;
            let (mut now, mut sent) = (start, Vec::new());
            for (pause_ms, bytes) in asked {
                now += Duration::from_millis(pause_ms);
                sent.push((now + bucket.take(bytes, now), bytes));
            }
            for (from, (begin, _)) in sent.iter().enumerate() {
                let mut sum = 0;
                for (end, bytes) in &sent[from + 1..] {
                    sum += u128::from(*bytes);
                    // A microsecond is lost to rounding.
                    let nanos = end.duration_since(*begin).as_nanos() + 1000;
                    prop_assert!(sum <= burst + u128::from(rate) * nanos / 1_000_000_000 + 1);
                }
            }
            let all: u64 = sent.iter().map(|(_, bytes)| bytes).sum();
            let longest = now + Duration::from_secs(1 + all / rate);
            prop_assert!(sent.iter().all(|(at, _)| *at <= longest));
        }
    }

    #[test]
    fn a_bucket_keeps_its_rate_in_the_long_run() {
        let start = Instant::now();
        let mut bucket = Bucket::new(1000, start);
        let mut now = start;
        for _ in 0..100 {
            now += bucket.take(500, now);
        }
        let seconds = (now - start).as_secs_f64();
        assert!((49.0..=50.0).contains(&seconds), "{seconds}");
        assert_eq!(bucket.wait_at(now + Duration::from_mins(1)), Duration::ZERO);
        assert_eq!(bucket.take(250, now + Duration::from_mins(1)), Duration::ZERO);
        assert!(bucket.take(1, now + Duration::from_mins(1)) > Duration::ZERO);
    }

    #[test]
    fn months_are_those_of_the_calendar() {
        for (seconds, number) in [
            (0, 0),
            (2_678_399, 0),                // 1970-01-31T23:59:59
            (2_678_400, 1),                // 1970-02-01
            (951_782_400, 361),            // 2000-02-29
            (951_868_800, 362),            // 2000-03-01
            (1_798_761_599, 56 * 12 + 11), // 2026-12-31T23:59:59
            (1_798_761_600, 57 * 12),      // 2027-01-01
            (4_107_542_399, 130 * 12 + 1), // 2100-02-28T23:59:59
            (4_107_542_400, 130 * 12 + 2), // 2100-03-01
        ] {
            assert_eq!(month_number(UnixSeconds::new(seconds)), number, "{}", UnixSeconds::new(seconds));
        }
    }

    #[test]
    fn a_cap_holds_until_the_next_month() {
        let (june, july) = (UnixSeconds::new(1_750_000_000), UnixSeconds::new(1_752_000_000));
        let mut month = Month { number: 0, sent: 7 };
        assert!(month.allows(100, Some(100), june));
        month.add(60, june);
        assert!(month.allows(40, Some(100), june) && !month.allows(41, Some(100), june));
        assert!(month.allows(u64::MAX, None, june));
        assert!(month.allows(100, Some(100), july));
    }
}
