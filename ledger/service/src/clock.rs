//! Epochs on schedule: pure arithmetic over the time that it is handed.

use std::time::{Duration, Instant};

use protocol::{Epoch, UnixSeconds};
use serde::{Deserialize, Serialize};

/// Shortest epoch, in seconds.
pub const EPOCH_MIN_S: u64 = 1;
/// Longest epoch, in seconds: a year.
pub const EPOCH_MAX_S: u64 = 366 * 86_400;
/// What receipts have after the end of an epoch before it is settled: this part of an epoch.
const LATE_PART: u64 = 8;
/// And never more than this, in seconds.
const LATE_MAX_S: u64 = 3600;
/// What is settled is in the log within this many seconds.
pub const PROMISE_S: u64 = 600;

/// A clock that runs further ahead of the time that has passed than this, from one look to the next, is believed no more, in
/// seconds: dates of the journal never go back, so nothing is written under such a time.
pub(crate) const CLOCK_JUMP_MAX_S: u64 = 300;

/// The clock on the wall, held against one that only ever counts on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Watch {
    wall: UnixSeconds,
    counted: Instant,
}

/// The clock on the wall was set ahead.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "the clock says {found}, but only {expected} can be: nothing is written before it is right, or the ledger is started anew"
)]
pub(crate) struct ClockJumped {
    found: UnixSeconds,
    expected: UnixSeconds,
}

impl Watch {
    /// Both clocks as they are now.
    pub(crate) const fn new(wall: UnixSeconds, counted: Instant) -> Self {
        Self { wall, counted }
    }

    /// The time on the wall, when it has not jumped ahead since it was looked at last. One that goes back is waited for.
    pub(crate) fn read(&mut self, wall: UnixSeconds, counted: Instant) -> Result<UnixSeconds, ClockJumped> {
        let passed = counted.saturating_duration_since(self.counted) + Duration::from_secs(1);
        let expected = self.wall.plus(passed.as_secs());
        if wall.seconds_since(expected) > CLOCK_JUMP_MAX_S {
            return Err(ClockJumped { found: wall, expected });
        }
        if wall >= expected {
            *self = Self { wall, counted };
        }
        Ok(wall)
    }
}

/// When epochs end: where a ledger starts from, and how long each lasts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// When epoch 1 began.
    pub started: UnixSeconds,
    /// How long each lasts, in seconds: [`EPOCH_MIN_S`] to [`EPOCH_MAX_S`].
    pub epoch_s: u64,
}

impl Schedule {
    /// How long receipts may come late, in seconds: after the end of an epoch, or after a start that was later.
    pub(crate) fn late_s(&self) -> u64 {
        (self.epoch_s / LATE_PART).min(LATE_MAX_S)
    }
}

/// When which epoch ends: at the ends of the schedule and no others. One that was settled before its end leaves that to the next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Calendar {
    schedule: Schedule,
    /// How many epochs were settled before their end.
    early: u64,
}

impl Calendar {
    /// Before anything is settled.
    pub(crate) const fn new(schedule: Schedule) -> Self {
        Self { schedule, early: 0 }
    }

    /// Takes that the oldest open epoch was settled at this time.
    pub(crate) fn settle(&mut self, epoch: Epoch, at: UnixSeconds) {
        self.early += u64::from(!self.end(epoch).has_passed(at));
    }

    /// When an epoch that is open ends by the clock.
    pub(crate) const fn end(&self, epoch: Epoch) -> UnixSeconds {
        let ends = epoch.get().saturating_sub(self.early);
        self.schedule.started.plus(ends.saturating_mul(self.schedule.epoch_s))
    }

    /// When it is settled: receipts come late.
    pub(crate) fn due(&self, epoch: Epoch) -> UnixSeconds {
        self.end(epoch).plus(self.schedule.late_s())
    }

    /// The epoch that grants are for now: the one of the clock, or the one after the last that was settled.
    pub(crate) fn current(&self, next: Epoch, now: UnixSeconds) -> Epoch {
        let passed = now.seconds_since(self.schedule.started) / self.schedule.epoch_s.max(EPOCH_MIN_S);
        next.max(Epoch::new(passed + 1 + self.early))
    }

    /// The latest end of a grant of this epoch: half of what receipts have is left to them.
    pub(crate) fn grants_end(&self, epoch: Epoch) -> UnixSeconds {
        self.end(epoch).plus(self.schedule.late_s() / 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> UnixSeconds {
        UnixSeconds::new(seconds)
    }

    #[test]
    fn epochs_follow_each_other() {
        let calendar = Calendar::new(Schedule { started: at(1000), epoch_s: 800 });
        let current = |next, now| calendar.current(Epoch::new(next), at(now)).get();
        assert_eq!([current(1, 0), current(1, 1000), current(1, 1799), current(1, 1800)], [1, 1, 1, 2]);
        assert_eq!((calendar.end(Epoch::new(1)), calendar.due(Epoch::new(1))), (at(1800), at(1900)));
        assert_eq!(calendar.grants_end(Epoch::new(1)), at(1850));
        let long = Calendar::new(Schedule { started: at(0), epoch_s: EPOCH_MAX_S });
        assert_eq!(long.due(Epoch::new(1)), long.end(Epoch::new(1)).plus(LATE_MAX_S));
    }

    /// However often an epoch is settled by hand: the next one ends where that one would have, at an end of the schedule.
    #[test]
    fn what_is_settled_early_puts_no_end_off() {
        let mut calendar = Calendar::new(Schedule { started: at(1000), epoch_s: 800 });
        let current = |calendar: &Calendar, next, now| calendar.current(Epoch::new(next), at(now)).get();
        for (epoch, now) in [(1, 1000), (2, 1300), (3, 1799)] {
            calendar.settle(Epoch::new(epoch), at(now));
            assert_eq!(
                (calendar.end(Epoch::new(epoch + 1)), current(&calendar, epoch + 1, now)),
                (at(1800), epoch + 1)
            );
        }
        assert_eq!(current(&calendar, 4, 1800), 5, "the next one has begun");
        calendar.settle(Epoch::new(4), at(1900));
        assert_eq!((calendar.end(Epoch::new(5)), current(&calendar, 5, 1900)), (at(2600), 5), "in its time");
        calendar.settle(Epoch::new(5), at(9000));
        assert_eq!(calendar.end(Epoch::new(6)), at(3400), "late ones bring none forward or back");
    }

    #[test]
    fn a_clock_that_is_set_ahead_is_not_believed() {
        let (wall, counted) = (UnixSeconds::new(1_000_000), Instant::now());
        let mut watch = Watch::new(wall, counted);
        let later = |seconds| counted + Duration::from_secs(seconds);
        assert_eq!(watch.read(wall.plus(3600), later(3600)), Ok(wall.plus(3600)), "it counts on");
        let ahead = watch.read(wall.plus(3600 + 86_400), later(3601));
        assert_eq!(
            ahead,
            Err(ClockJumped { found: wall.plus(3600 + 86_400), expected: wall.plus(3602) }),
            "a day in a second"
        );
        assert_eq!(
            watch.read(wall.plus(3700), later(3602)),
            Ok(wall.plus(3700)),
            "it was set right, a little off"
        );
        assert_eq!(watch.read(wall, later(3603)), Ok(wall), "it was set back");
        assert_eq!(watch.read(wall.plus(3705), later(3604)), Ok(wall.plus(3705)), "and right again");
    }
}
