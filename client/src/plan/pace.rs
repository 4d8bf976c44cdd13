//! Columns that lag: their nodes take bytes, but so slowly that all the others wait for them.
//!
//! A put goes as fast as its slowest column. What lags far behind the median counts as broken, and is made again
//! elsewhere from the others; never more columns than can be spared for that.

use std::time::Duration;

use super::upload::PartIndex;
use crate::moment::Moment;

/// How long a column must lag before it counts as broken.
pub const LAGS_FOR: Duration = Duration::from_secs(10);
/// How often slower than the median a column must be to lag.
pub const LAGS_BY: u32 = 8;

/// How fast the columns of a segment are.
#[derive(Debug, Clone)]
pub struct Pace {
    lanes: Vec<Lane>,
    spare: usize,
}

#[derive(Debug, Clone, Default)]
struct Lane {
    sent: Sending,
    /// What was sent since the window began.
    window: Sending,
    window_began: Option<Moment>,
    /// From the last byte to the lease.
    ended_in: Option<Duration>,
    is_lost: bool,
}

/// Bytes that a node took, and the time that it took for them.
#[derive(Debug, Clone, Copy, Default)]
struct Sending {
    bytes: u64,
    busy: Duration,
}

impl Pace {
    /// Of `count` columns, `spare` can be made from the others.
    pub fn new(count: usize, spare: usize) -> Self {
        Self { lanes: vec![Lane::default(); count], spare }
    }

    /// A column's node took `bytes` within `busy`, until `now`. True when the column lags: it counts as lost then.
    pub fn took(&mut self, part: PartIndex, now: Moment, bytes: u64, busy: Duration) -> bool {
        let lane = &mut self.lanes[part.0];
        lane.sent.add(bytes, busy);
        lane.window.add(bytes, busy);
        let began = lane.window_began.unwrap_or(Moment::at(now.elapsed().saturating_sub(busy)));
        lane.window_began = Some(began);
        if now.since(began) < LAGS_FOR {
            return false;
        }
        let window = std::mem::take(&mut lane.window);
        lane.window_began = Some(now);
        // Whoever was not waited for most of the time holds nobody up.
        let lags = window.busy * 2 >= LAGS_FOR && self.is_far_below_median(part, window);
        lags && self.lose_spare(part)
    }

    /// A column's lease came so long after its last byte was sent.
    pub fn ended(&mut self, part: PartIndex, after: Duration) {
        self.lanes[part.0].ended_in = Some(after);
    }

    /// A column broke for another reason.
    pub fn broke(&mut self, part: PartIndex) {
        self.lanes[part.0].is_lost = true;
    }

    /// Whether a column lags whose lease has been waited for so long: most of the others have theirs since long ago. It
    /// counts as lost then.
    pub fn lags_at_end(&mut self, part: PartIndex, waited: Duration) -> bool {
        let others = self.lanes.iter().enumerate().filter(|(at, lane)| *at != part.0 && !lane.is_lost);
        let mut ends: Vec<_> = others.map(|(_, lane)| lane.ended_in.unwrap_or(Duration::MAX)).collect();
        ends.sort_unstable();
        let median = ends.get(ends.len() / 2).copied().unwrap_or(Duration::MAX);
        let lags = waited >= LAGS_FOR && waited > median.saturating_mul(LAGS_BY);
        lags && self.lose_spare(part)
    }

    fn lose_spare(&mut self, part: PartIndex) -> bool {
        let lost = self.lanes.iter().filter(|lane| lane.is_lost).count();
        let may = lost < self.spare;
        self.lanes[part.0].is_lost |= may;
        may
    }

    fn is_far_below_median(&self, part: PartIndex, window: Sending) -> bool {
        let others = self.lanes.iter().enumerate().filter(|(at, lane)| *at != part.0 && !lane.is_lost);
        let mut others: Vec<_> = others.map(|(_, lane)| lane.sent).collect();
        others.sort_unstable_by(Sending::compare);
        let slower = Sending { busy: window.busy / LAGS_BY, ..window };
        others.get(others.len() / 2).is_some_and(|median| slower.compare(median).is_lt())
    }
}

impl Sending {
    fn add(&mut self, bytes: u64, busy: Duration) {
        self.bytes += bytes;
        self.busy += busy;
    }

    /// By bytes per second; nothing sent is slowest.
    fn compare(&self, other: &Self) -> std::cmp::Ordering {
        let product = |bytes: u64, busy: Duration| u128::from(bytes) * busy.as_nanos().max(1);
        product(self.bytes, other.busy).cmp(&product(other.bytes, self.busy))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: u64 = 200_000;

    /// Sends runs to columns that take `times_ms` for each, as a put does: no column gets ahead of the slowest.
    fn send(times_ms: &[u64], spare: usize, runs: u64) -> Vec<usize> {
        let mut pace = Pace::new(times_ms.len(), spare);
        let mut lagging = Vec::new();
        let mut now = Duration::ZERO;
        for _ in 0..runs {
            let open = || (0..times_ms.len()).filter(|at| !lagging.contains(at));
            let slowest = open().map(|at| times_ms[at]).max().unwrap();
            now += Duration::from_millis(slowest);
            for at in open().collect::<Vec<_>>() {
                let busy = Duration::from_millis(times_ms[at]);
                if pace.took(PartIndex(at), Moment::at(now), RUN, busy) {
                    lagging.push(at);
                }
            }
        }
        lagging
    }

    #[test]
    fn a_column_that_everybody_waits_for_lags() {
        assert_eq!(send(&[10, 10, 900, 12, 10, 11], 2, 9), [0; 0]);
        assert_eq!(send(&[10, 10, 900, 12, 10, 11], 2, 30), [2]);
        assert_eq!(send(&[10, 2000, 900, 12, 10, 11], 2, 30), [1, 2]);
    }

    #[test]
    fn what_is_slow_with_the_others_or_holds_nobody_up_does_not() {
        assert_eq!(send(&[900; 6], 2, 100), [0; 0], "the line is slow, not a node");
        assert_eq!(send(&[200, 200, 900, 200, 200, 200], 2, 100), [0; 0], "less than eight times slower");
        let mut pace = Pace::new(3, 1);
        for second in 0..100 {
            let now = Moment::at(Duration::from_secs(second));
            for (at, busy_ms) in [1, 1, 100].into_iter().enumerate() {
                assert!(!pace.took(PartIndex(at), now, RUN, Duration::from_millis(busy_ms)));
            }
        }
    }

    #[test]
    fn no_more_columns_are_given_up_than_can_be_spared() {
        assert_eq!(send(&[10, 2000, 900, 12, 10, 11, 10], 1, 100).len(), 1);
        assert_eq!(send(&[10, 2000], 0, 100), [0; 0]);
        let mut pace = Pace::new(4, 1);
        pace.broke(PartIndex(0));
        for at in [1, 2] {
            pace.ended(PartIndex(at), Duration::from_millis(50));
        }
        assert!(!pace.lags_at_end(PartIndex(3), Duration::from_mins(1)));
    }

    #[test]
    fn a_lease_is_waited_for_ten_seconds_and_eight_times_the_median() {
        let mut pace = Pace::new(5, 2);
        let s = Duration::from_secs;
        assert!(!pace.lags_at_end(PartIndex(4), s(100)), "nobody else has ended");
        for (at, after) in [(0, s(1)), (1, s(3)), (2, s(3))] {
            pace.ended(PartIndex(at), after);
        }
        assert!(!pace.lags_at_end(PartIndex(4), s(24)));
        assert!(pace.lags_at_end(PartIndex(4), s(25)));
        let mut quick = Pace::new(3, 1);
        quick.ended(PartIndex(0), Duration::ZERO);
        quick.ended(PartIndex(1), Duration::ZERO);
        assert!(!quick.lags_at_end(PartIndex(2), s(9)));
        assert!(quick.lags_at_end(PartIndex(2), s(10)));
    }
}
