//! Epochs on schedule: pure arithmetic over the time that it is handed.

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

/// When epochs end, whenever they are settled.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// When epoch 1 began.
    pub started: UnixSeconds,
    /// How long each lasts, in seconds: [`EPOCH_MIN_S`] to [`EPOCH_MAX_S`].
    pub epoch_s: u64,
}

impl Schedule {
    /// When this epoch ends by the clock.
    pub const fn end(&self, epoch: Epoch) -> UnixSeconds {
        self.started.plus(epoch.get().saturating_mul(self.epoch_s))
    }

    /// When it is settled: receipts come late.
    pub fn due(&self, epoch: Epoch) -> UnixSeconds {
        self.end(epoch).plus(self.late_s())
    }

    /// The epoch that grants are for now: the one of the clock, or the one after the last that was settled by hand.
    pub fn current(&self, next: Epoch, now: UnixSeconds) -> Epoch {
        let passed = now.seconds_since(self.started) / self.epoch_s.max(EPOCH_MIN_S);
        next.max(Epoch::new(passed + 1))
    }

    /// The latest end of a grant of this epoch: half of what receipts have is left to them.
    pub fn grants_end(&self, epoch: Epoch) -> UnixSeconds {
        self.end(epoch).plus(self.late_s() / 2)
    }

    fn late_s(&self) -> u64 {
        (self.epoch_s / LATE_PART).min(LATE_MAX_S)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn epochs_follow_each_other() {
        let schedule = Schedule { started: UnixSeconds::new(1000), epoch_s: 800 };
        let at = |seconds| UnixSeconds::new(seconds);
        let current = |next, now| schedule.current(Epoch::new(next), at(now)).get();
        assert_eq!([current(1, 0), current(1, 1000), current(1, 1799), current(1, 1800)], [1, 1, 1, 2]);
        assert_eq!(current(5, 1800), 5, "epochs that were settled early do not come again");
        assert_eq!((schedule.end(Epoch::new(1)), schedule.due(Epoch::new(1))), (at(1800), at(1900)));
        assert_eq!(schedule.grants_end(Epoch::new(1)), at(1850));
        let long = Schedule { started: at(0), epoch_s: EPOCH_MAX_S };
        assert_eq!(long.due(Epoch::new(1)), long.end(Epoch::new(1)).plus(LATE_MAX_S));
    }
}
